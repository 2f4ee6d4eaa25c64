"""The plain residual network that S2FB is compared with: planes, pixel grid, any number of bands, and a fair number of
parameters.
"""

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from spectrack.ablations.rows import load_rows
from spectrack.errors import ConfigError, InputError
from spectrack.methods.ssfnet.network import SSFNet, SSFNetConfig
from spectrack.methods.ssfnet.plane_backbone import PlaneBackbone, PlaneBackboneConfig, average_planes
from spectrack.methods.ssfnet.spatial_spectral import S2FB
from spectrack.tables import from_table, to_table
from spectrack.training.recipe import load_recipe
from tests.fixtures.refusals import refuses

SMALL = PlaneBackboneConfig(planes=3, width=4, channels=6, context_dilations=(1,))


def parameters(module):
    return sum(parameter.numel() for parameter in module.parameters())


@settings(max_examples=40, deadline=None)
@given(bands=st.integers(3, 40), planes=st.integers(1, 40))
def test_planes_are_means_of_neighbouring_bands(bands, planes):
    cube = torch.rand(2, bands, 2, 3)
    expected = [
        cube.numpy()[:, int(np.floor(plane * bands / planes)) : int(np.ceil((plane + 1) * bands / planes))].mean(axis=1)
        for plane in range(planes)
    ]
    np.testing.assert_allclose(average_planes(cube, planes).numpy(), np.stack(expected, axis=1), rtol=1e-5)


@torch.no_grad()
def test_maps_of_every_number_of_bands_with_the_same_state():
    for config in (SMALL, dataclasses.replace(SMALL, planes=16)):
        backbone = PlaneBackbone(config).eval()
        for bands in (3, 15, 16, 25, 100):
            assert backbone(torch.rand(1, bands, 127, 127)).shape == (1, 6, 15, 15)
        assert backbone(torch.rand(2, 4, 255, 255)).shape == (2, 6, 31, 31)


@pytest.mark.parametrize("size", [127, 255])
@torch.no_grad()
def test_cells_lie_on_the_pixel_grid_of_the_rgb_branch(size):
    backbone = PlaneBackbone(dataclasses.replace(SMALL, input="counts")).eval()
    for module in backbone.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.constant_(module.weight, 1.0 / module.weight[0].numel())
    cell = 7
    images = torch.zeros(1, 5, size, size)
    dark = backbone(images)
    images[:, :, 8 * cell + 7, 8 * (cell - 1) + 7] = 1.0
    response = (backbone(images) - dark).abs().double().sum(dim=(0, 1))
    places = torch.arange(response.shape[0], dtype=torch.float64)
    centre = [float((response.sum(dim=axis) * places).sum() / response.sum()) for axis in (1, 0)]
    assert centre == pytest.approx([cell, cell - 1], abs=1e-5)


@torch.no_grad()
def test_only_the_order_of_wavelengths_counts():
    backbone = PlaneBackbone(SMALL).eval()
    cube, wavelengths = torch.rand(1, 7, 127, 127), torch.linspace(470, 640, 7)
    order = torch.tensor([3, 1, 6, 0, 2, 5, 4])
    torch.testing.assert_close(backbone(cube[:, order], wavelengths[order]), backbone(cube, 2 * wavelengths))
    assert torch.equal(backbone(cube), backbone(cube, torch.full((7,), torch.nan)))
    assert not torch.allclose(backbone(cube[:, order]), backbone(cube))


def test_rows_of_the_ablation_have_as_many_parameters_as_s2fb():
    reference = parameters(S2FB(load_recipe("ssfnet-compact").network.s2fb))
    rows = [row for row in load_rows("ssfnet").rows if row.overrides.get("network.backbone") == "planes"]
    assert sorted(row.overrides["network.planes.planes"] for row in rows) == [3, 16]
    for row in rows:
        config = load_recipe("ssfnet-compact", row.overrides).network
        assert parameters(PlaneBackbone(config.planes)) == pytest.approx(reference, rel=0.01)
        assert parameters(SSFNet(config).s2fb) == parameters(PlaneBackbone(config.planes))
        assert from_table(SSFNetConfig, to_table(config), "the test") == config
        assert config.bands is None


def test_gradients_reach_every_part():
    backbone = PlaneBackbone(SMALL).train()
    backbone(torch.rand(3, 8, 127, 127)).square().mean().backward()
    for name, parameter in backbone.named_parameters():
        assert parameter.grad is not None, name
        assert float(parameter.grad.abs().sum()) > 0, name


def test_refuses_what_it_cannot_use():
    with refuses(InputError, "bands", "(1, 2, 127, 127)"):
        PlaneBackbone(SMALL)(torch.rand(1, 2, 127, 127))
    with refuses(InputError, "4 wavelengths", "(3,)"):
        PlaneBackbone(SMALL)(torch.rand(1, 4, 127, 127), torch.linspace(400, 500, 3))
    with refuses(ConfigError, "'planes'", "found 0"):
        PlaneBackboneConfig(planes=0)
    with refuses(ConfigError, "backbone", "'resnet'", "planes", "s2fb"):
        SSFNetConfig(backbone="resnet")
