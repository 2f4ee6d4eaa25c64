"""Tiny networks, short clips and small tables of rows that the ablation tests share."""

import functools
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import spectrack
from spectrack.evaluation.protocols import score
from spectrack.methods.bcrnet.band_importance import BIMMConfig
from spectrack.methods.bcrnet.network import BCRNet, BCRNetConfig
from spectrack.networks.backbones.compact import CompactConfig
from spectrack.networks.siamese import SiameseConfig
from spectrack.runs.entries import SequenceEntry
from spectrack.tables import to_table
from spectrack.weights.files import save_weights

SIZE = {"height": 64, "width": 96}

RECIPE = """
name = "tiny"
pairs = 24
batch = 2
precision = "fp32"
validation_pairs = 0
[network.backbone]
widths = [8, 8, 8]
dilations = [1]
[data]
sources = ["pictures"]
workers = 0
bank = {pictures = 2, sprites = 4, picture_size = 160, sprite_size = 96, photographs = false}
[loss]
regression = 1.5
[optimiser]
warmup_steps = 4
"""


@functools.cache
def video(seed, scenario, frames, sensor):
    """Staged once for all tests: frames depend on the setting alone."""
    return spectrack.simulate(scenario, sensor, frames=frames, seed=seed, **SIZE)


def clip(seed, scenario="cam-grass", frames=4, sensor="vis16", attributes=("CAM", "BC")):
    return SequenceEntry(f"clip{seed}", functools.partial(video, seed, scenario, frames, sensor), attributes)


def scores(**overlaps):
    """Scores under hot of sequences whose every box has the IoU that is named."""
    truth = {name: np.tile((0.0, 0.0, 10.0, 10.0), (4, 1)) for name in overlaps}
    boxes = {name: np.tile((0.0, 0.0, 10.0 * overlap, 10.0), (4, 1)) for name, overlap in overlaps.items()}
    return score(boxes, truth)


@pytest.fixture(scope="session")
def make():
    """The makers above by short names; test files cannot import a conftest."""
    return SimpleNamespace(clip=clip, scores=scores, recipe=RECIPE, size=SIZE)


@pytest.fixture(scope="session")
def bcrnet_weights(tmp_path_factory):
    """A file of BCR-Net weights that nobody trained, whose scores and rankings are spread so that switches show."""
    torch.manual_seed(0)
    base = SiameseConfig(CompactConfig(widths=(8, 8, 8), dilations=(1,)))
    network = BCRNet(BCRNetConfig(base=base, bimm=BIMMConfig(input_size=32, widths=(2, 3))))
    for branch in network.siamban.head.classification:
        torch.nn.init.normal_(branch.prediction[-1].weight, std=0.5)
    for parameter in network.bimm.phi.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    path = tmp_path_factory.mktemp("bcrnet") / "bcrnet-tiny.safetensors"
    save_weights(
        path,
        network.eval().state_dict(),
        {"method": "bcrnet", "profile": "compact", "config": to_table(network.config)},
    )
    return path
