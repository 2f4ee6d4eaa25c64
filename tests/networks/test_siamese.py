"""The shared Siamese network: built from its table, also from tables of earlier versions, on the shared grid alone."""

from dataclasses import dataclass

import pytest
import torch

from spectrack.errors import ConfigError
from spectrack.networks.backbones.compact import CompactBackbone, CompactConfig
from spectrack.networks.backbones.resnet50 import ResNet50Config
from spectrack.networks.siamese import SiameseConfig, SiameseNetwork
from spectrack.tables import from_table, to_table
from tests.fixtures.refusals import refuses

OLDER = {
    "profile": "compact",
    "shortcut": "1x1_crop",
    "levels": [3, 4, 5],
    "channels": 0,
    "compact_widths": [16, 32, 64],
    "compact_dilations": [1, 1, 2, 2],
    "compact_middle_blocks": 1,
    "template_box": True,
    "prediction_kernel": 3,
    "input_range": "unit",
}
"""What version 0.1 wrote into weights files."""


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (OLDER, SiameseConfig(CompactConfig(middle_blocks=1), template_box=True, prediction_kernel=3)),
        (
            OLDER | {"profile": "full", "shortcut": "3x3", "levels": [4], "input_range": "0-255"},
            SiameseConfig(ResNet50Config("resnet50", "0-255", "3x3", (4,)), template_box=True, prediction_kernel=3),
        ),
        ({"profile": "full"}, SiameseConfig(ResNet50Config())),
        ({"compact_dilations": [1]}, SiameseConfig(CompactConfig(dilations=(1,)))),
        ({"backbone": {"name": "resnet50"}, "levels": [4]}, SiameseConfig(ResNet50Config(levels=(4,)))),
        ({}, SiameseConfig()),
    ],
)
def test_tables_of_earlier_versions_mean_what_they_meant(values, expected):
    assert from_table(SiameseConfig, values, "the test") == expected
    assert from_table(SiameseConfig, to_table(expected), "the test") == expected


@pytest.mark.parametrize(
    ("values", "facts"),
    [
        ({"profile": "huge"}, ("'huge'", "compact")),
        ({"backbone": "resnet50"}, ("'backbone'", "found 'resnet50'", "[backbone]")),
        ({"backbone": "resnet50", "levels": [4]}, ("'backbone'", "found 'resnet50'", "[backbone]")),
        ({"backbone": {"name": "compact", "levels": [4]}}, ("'backbone.levels'", "widths")),
        ({"backbone": {"input_range": "byte"}}, ("'backbone.input_range'", "'byte'", "0-255")),
    ],
)
def test_what_no_version_wrote_is_refused(values, facts):
    with refuses(ConfigError, facts):
        from_table(SiameseConfig, values, "the test")


def test_neck_and_head_have_the_width_that_the_backbone_asks_for_unless_told():
    assert SiameseNetwork(SiameseConfig(CompactConfig(widths=(4, 4, 8)))).neck.channels == 8
    assert SiameseNetwork(SiameseConfig(CompactConfig(widths=(4, 4, 8)), channels=6)).neck.channels == 6
    with torch.device("meta"):
        assert SiameseNetwork(SiameseConfig(ResNet50Config())).neck.channels == 256


def test_a_backbone_off_the_grid_is_refused():
    class Coarse(CompactBackbone):
        stride_px = 16

    @dataclass(frozen=True)
    class CoarseConfig(CompactConfig):
        def build(self):
            return Coarse(self)

    with refuses(ConfigError, "7.5 + 8 j", "7.5 + 16 j", "compact"):
        SiameseNetwork(SiameseConfig(CoarseConfig()))
