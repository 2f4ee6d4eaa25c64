"""Both ResNet-50 layouts: published parameter counts, map sizes, and symmetry about the pixel that a cell looks at."""

import pytest
import torch
from torch import nn

from spectrack.errors import ConfigError
from spectrack.networks.backbones.resnet50 import AtrousResNet50, ResNet50Config
from tests.fixtures.refusals import refuses

LAYOUTS = {"3x3": 45_528_128, "1x1_crop": 23_508_032}


@pytest.mark.parametrize(("shortcut", "parameters"), LAYOUTS.items())
def test_parameters_and_map_sizes(shortcut, parameters):
    with torch.device("meta"):
        backbone = AtrousResNet50(ResNet50Config(shortcut=shortcut))
        assert sum(parameter.numel() for parameter in backbone.parameters()) == parameters
        assert backbone.out_channels == (512, 1024, 2048)
        for crop, cells in ((127, 15), (255, 31)):
            shapes = [tuple(level.shape) for level in backbone(torch.empty(2, 3, crop, crop))]
            assert shapes == [(2, channels, cells, cells) for channels in (512, 1024, 2048)]


def test_full_width_runs_and_says_something():
    backbone = AtrousResNet50(ResNet50Config(shortcut="1x1_crop")).eval()
    with torch.inference_mode():
        levels = backbone(torch.randn(1, 3, 127, 127))
    for level in levels:
        assert bool(torch.isfinite(level).all())
        assert float(level.std()) > 0


@pytest.mark.parametrize("levels", [(3,), (4,), (3, 5)])
def test_a_selection_of_levels_equals_those_of_the_whole(levels):
    whole = AtrousResNet50(ResNet50Config(shortcut="3x3", width=2)).eval()
    some = AtrousResNet50(ResNet50Config(shortcut="3x3", levels=levels, width=2)).eval()
    assert some.out_channels == tuple({3: 16, 4: 32, 5: 64}[level] for level in levels)
    some.load_state_dict({name: tensor for name, tensor in whole.state_dict().items() if name in some.state_dict()})
    images = torch.randn(1, 3, 127, 127)
    everything = dict(zip((3, 4, 5), whole(images), strict=True))
    for level, found in zip(levels, some(images), strict=True):
        torch.testing.assert_close(found, everything[level])


def positive(shortcut):
    """A linear-like network: equal positive kernels, so that symmetry and centroids are those of the geometry alone."""
    backbone = AtrousResNet50(ResNet50Config(shortcut=shortcut, width=2)).double().eval()
    for module in backbone.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.constant_(module.weight, 1 / module.weight[0].numel())
    return backbone


@pytest.mark.parametrize("shortcut", LAYOUTS)
def test_a_bright_pixel_at_8j_plus_7_answers_symmetrically_about_cell_j(shortcut):
    backbone = positive(shortcut)
    images = torch.zeros(1, 3, 511, 511, dtype=torch.float64)
    images[..., 8 * 30 + 7, 8 * 33 + 7] = 1
    with torch.inference_mode():
        for level in backbone(images):
            around = level[0, 0, 30 - 29 : 30 + 30, 33 - 29 : 33 + 30]
            assert float(around[29, 29]) > 0
            torch.testing.assert_close(around, around.flip(0), rtol=1e-9, atol=0)
            torch.testing.assert_close(around, around.flip(1), rtol=1e-9, atol=0)


def test_the_layouts_agree_where_a_3x3_shortcut_uses_only_its_centre():
    narrow, wide = (
        AtrousResNet50(ResNet50Config(shortcut="1x1_crop", width=4)).eval(),
        AtrousResNet50(ResNet50Config(shortcut="3x3", width=4)).eval(),
    )
    state = narrow.state_dict()
    for stage in (2, 3, 4):
        name = f"layer{stage}.0.downsample.0.weight"
        state[name] = nn.functional.pad(state[name], (1, 1, 1, 1))
    wide.load_state_dict(state)
    for side in (127, 255):
        images = torch.randn(1, 3, side, side)
        for found, expected in zip(wide(images), narrow(images), strict=True):
            torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_refusals_name_expected_and_found():
    with refuses(ConfigError, "'1x1_cropped'", "did you mean '1x1_crop'"):
        ResNet50Config(shortcut="1x1_cropped")
    for levels in ((), (5, 4), (2, 3)):
        with refuses(ConfigError, "levels", "3, 4, 5"):
            ResNet50Config(levels=levels)
