"""Networks of a few hundred weights, one a method, and short synthetic videos that the tracker tests share."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from spectrack.networks.band_importance import BIMMConfig
from spectrack.networks.bcrnet import BCRNet, BCRNetConfig
from spectrack.networks.siamban import SiamBAN, SiamBANConfig
from spectrack.networks.spatial_spectral import S2FBConfig
from spectrack.networks.ssfnet import SSFNet, SSFNetConfig
from spectrack.sequences.memory import MemorySequence
from spectrack.weights.files import save_weights
from spectrack.weights.metadata import WeightsMetadata

TINY = SiamBANConfig(compact_widths=(8, 8, 8), compact_dilations=(1,))


def tiny_network(seed=0):
    torch.manual_seed(seed)
    network = SiamBAN(TINY)
    # Scores of an untrained network are all alike; spread them, so that choices mean something.
    for branch in network.head.classification:
        torch.nn.init.normal_(branch.prediction[-1].weight, std=0.5)
    return network.eval()


def tiny_bcrnet(seed=0, **changes):
    torch.manual_seed(seed)
    network = BCRNet(BCRNetConfig(**{"base": TINY, "bimm": BIMMConfig(input_size=32, widths=(2, 3))} | changes))
    # Rankings of an untrained network are all alike as well.
    for branch in network.siamban.head.classification:
        torch.nn.init.normal_(branch.prediction[-1].weight, std=0.5)
    for parameter in network.bimm.phi.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return network.eval()


def tiny_ssfnet(seed=0, **changes):
    torch.manual_seed(seed)
    network = SSFNet(SSFNetConfig(**{"base": TINY, "s2fb": S2FBConfig(channels=8, widths=(4, 4, 4))} | changes))
    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d) and module.out_channels == 2:
            torch.nn.init.normal_(module.weight, std=0.5)
    return network.eval()


def moving_square(bands=16, frames=4, height=60, width=80, side=12, seed=0, kind=np.uint16):
    """(frames, height, width, bands) with a bright square that moves by (2, 1) a frame, and its boxes."""
    rng = np.random.default_rng(seed)
    ground, paint = rng.uniform(100, 300, bands), rng.uniform(500, 900, bands)
    cubes = np.broadcast_to(ground, (frames, height, width, bands)) + rng.normal(0, 5, (frames, height, width, bands))
    boxes = np.array([(20 + 2 * i, 15 + i, side, side) for i in range(frames)], dtype=float)
    for cube, (x, y, w, h) in zip(cubes, boxes.astype(int), strict=True):
        cube[y : y + h, x : x + w] = paint
    return cubes.astype(kind), boxes


def sequence(**options):
    cubes, boxes = moving_square(**options)
    return MemorySequence(cubes, name="square", truth=boxes)


def weights_file(path, *, network=None, **fields):
    network = network or tiny_network()
    values = {"method": "siamban", "profile": "compact", "false_colour": "thirds", "config": network.config.to_json()} | fields
    save_weights(path, network.state_dict(), WeightsMetadata(**values))
    return path


@pytest.fixture(scope="session")
def make():
    """The makers above by short names; test files cannot import a conftest."""
    return SimpleNamespace(
        siamban=tiny_network, bcrnet=tiny_bcrnet, ssfnet=tiny_ssfnet, video=moving_square, sequence=sequence, weights=weights_file
    )
