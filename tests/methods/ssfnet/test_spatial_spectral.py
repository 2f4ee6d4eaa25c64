"""S2FB against convolutions of volumes, its pixel grid, its switches, and any number of bands with one state."""

import dataclasses

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from spectrack.errors import ConfigError, InputError
from spectrack.methods.ssfnet.spatial_spectral import (
    S2CB,
    S2FB,
    S2FBConfig,
    WavelengthAttention,
    band_places,
    wavelength_code,
)
from spectrack.networks.backbones.compact import CompactBackbone, CompactConfig
from spectrack.networks.band_axis import known_wavelengths
from spectrack.networks.folding import fold_batch_norm
from spectrack.training.recipe import load_recipe
from tests.fixtures.refusals import refuses

SMALL = S2FBConfig(channels=6, widths=(4, 5, 5), context_dilations=(1,))
BLOCKS = S2FBConfig(channels=6, widths=(3, 4, 5, 5), stem="block", context_dilations=())


def unsettle(module):
    """Batch normalisations as after a training, so that leaving one out would show."""
    for child in module.modules():
        if isinstance(child, nn.BatchNorm2d):
            nn.init.uniform_(child.running_var, 0.5, 2.0)
            nn.init.normal_(child.running_mean, std=0.3)
            nn.init.uniform_(child.weight, 0.5, 1.5)
            nn.init.normal_(child.bias, std=0.3)
    return module


def as_volume(maps, bands):
    """(N * B, K, H, W) to (N, K, B, H, W)."""
    return maps.reshape(-1, bands, *maps.shape[1:]).transpose(1, 2)


def as_images(volume):
    """The inverse of `as_volume`."""
    return volume.transpose(1, 2).flatten(0, 1)


def block_on_volumes(block, volume):
    """What an S2CB is, written with the operations of three dimensions."""

    def step(sequence, x, weight_shape, **options):
        convolution, norm = sequence[0], sequence[1]
        out = functional.conv3d(x, convolution.weight.view(*convolution.weight.shape[:2], *weight_shape), **options)
        return functional.batch_norm(out, norm.running_mean, norm.running_var, norm.weight, norm.bias, eps=norm.eps)

    pooled = volume if block.stride == 1 else functional.avg_pool3d(volume, (1, 3, 3), stride=(1, 2, 2))
    parts = []
    if block.spatial is not None:
        side = 1 if block.stride == 1 else 0
        parts.append(
            step(
                block.spatial, volume, (1, 3, 3), stride=(1, block.stride, block.stride), padding=(0, side, side)
            ).relu()
        )
    if block.spectral is not None:
        parts.append(step(block.spectral, pooled, (3, 1, 1), padding=(1, 0, 0)).relu())
    joined = step(block.join, torch.cat(parts, dim=1), (1, 1, 1))
    if block.shortcut is not None:
        joined = joined + (
            pooled if isinstance(block.shortcut, nn.Identity) else step(block.shortcut, pooled, (1, 1, 1))
        )
    return joined.relu()


@settings(max_examples=25, deadline=None)
@given(
    crops=st.integers(1, 2),
    bands=st.integers(1, 6),
    sizes=st.sampled_from([(1, 4), (3, 3), (4, 2)]),
    stride=st.sampled_from([1, 2]),
    branches=st.sampled_from(["joint", "spatial", "spectral"]),
    residual=st.booleans(),
    last=st.booleans(),
)
@torch.no_grad()
def test_block_equals_convolutions_of_volumes(crops, bands, sizes, stride, branches, residual, last):
    torch.manual_seed(bands)
    block = unsettle(S2CB(*sizes, stride, branches=branches, residual=residual)).eval()
    maps = torch.randn(crops * bands, sizes[0], 9, 7)
    given_maps = maps.contiguous(memory_format=torch.channels_last) if last else maps
    expected = as_images(block_on_volumes(block, as_volume(maps, bands)))
    torch.testing.assert_close(block(given_maps, bands), expected, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_branches_look_only_where_they_should():
    maps = torch.randn(5, 2, 7, 7)
    changed = maps.clone()
    changed[2, :, 3, 3] += 1.0
    spatial, spectral = (S2CB(2, 3, branches=branches).eval() for branches in ("spatial", "spectral"))
    moved = (spatial(changed, 5) - spatial(maps, 5)).abs().sum(1)
    assert moved[2].any()
    assert not moved[[0, 1, 3, 4]].any()
    moved = (spectral(changed, 5) - spectral(maps, 5)).abs().sum(1)
    assert moved[1:4, 3, 3].all()
    assert not moved[[0, 4]].any()
    moved[:, 3, 3] = 0
    assert not moved.any()


@pytest.mark.parametrize(
    "config",
    [SMALL, BLOCKS, dataclasses.replace(SMALL, legacy_padding=True), dataclasses.replace(BLOCKS, legacy_padding=True)],
)
@torch.no_grad()
def test_maps_of_every_number_of_bands_with_the_same_state(config):
    backbone = S2FB(config).eval()
    for bands in (3, 15, 16, 25, 100):
        assert backbone(torch.rand(1, bands, 127, 127)).shape == (1, 6, 15, 15)
    assert backbone(torch.rand(2, 4, 255, 255)).shape == (2, 6, 31, 31)


@pytest.mark.parametrize(("bands", "parameters"), [(15, 349_136), (16, 365_520), (25, 512_976)])
def test_full_and_band_specific_has_the_specified_size(bands, parameters):
    with torch.device("meta"):
        backbone = S2FB(dataclasses.replace(load_recipe("ssfnet-full").network.s2fb, bands=bands))
    assert sum(parameter.numel() for parameter in backbone.parameters()) == parameters


def positive(backbone):
    """Every weight the same and positive: what comes out of a bright impulse tells where a cell looks."""
    for module in backbone.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.constant_(module.weight, 1.0 / module.weight[0].numel())
    return backbone.eval()


def cells_of_impulse(backbone, channels, size, pixel):
    """Mean row and column of the response to one bright pixel, in cells."""
    images = torch.zeros(1, channels, size, size)
    dark = backbone(images)
    images[:, :, pixel, pixel - 16] = 1.0
    response = (backbone(images) - dark).abs().double().sum(dim=(0, 1))
    places = torch.arange(response.shape[0], dtype=torch.float64)
    return [float((response.sum(dim=axis) * places).sum() / response.sum()) for axis in (1, 0)]


@pytest.mark.parametrize("stem", ["block", "patch"])
@pytest.mark.parametrize("size", [127, 255])
@torch.no_grad()
def test_cells_lie_on_the_pixel_grid_of_the_rgb_branch(stem, size):
    backbone = positive(
        S2FB(S2FBConfig(channels=2, widths=(2, 2, 2), stem=stem, context_dilations=(1,), input="counts"))
    )
    colour = positive(CompactBackbone(CompactConfig(widths=(2, 2, 2), dilations=(1,))))
    for cell in (6, 8):
        pixel = 8 * cell + 7
        assert cells_of_impulse(backbone, 5, size, pixel) == pytest.approx([cell, cell - 2], abs=1e-5)
        assert cells_of_impulse(lambda images: colour(images)[0], 3, size, pixel) == pytest.approx(
            [cell, cell - 2], abs=1e-5
        )


@pytest.mark.parametrize("stem", ["block", "patch"])
@torch.no_grad()
def test_legacy_padding_is_two_pixels_off(stem):
    config = S2FBConfig(
        channels=2, widths=(2, 2, 2), stem=stem, context_dilations=(), input="counts", legacy_padding=True
    )
    assert cells_of_impulse(positive(S2FB(config)), 5, 127, 8 * 7 + 9) == pytest.approx([7, 5], abs=1e-5)


@torch.no_grad()
def test_order_of_bands_does_not_matter_where_wavelengths_are_known():
    backbone = unsettle(S2FB(SMALL)).eval()
    cube, wavelengths = torch.rand(1, 7, 127, 127), torch.tensor([470.0, 480, 500, 515, 540, 600, 640])
    order = torch.randperm(7)
    expected = backbone(cube, wavelengths)
    torch.testing.assert_close(backbone(cube[:, order], wavelengths[order]), expected)
    assert not torch.allclose(backbone(cube[:, order]), expected, atol=1e-3)


@torch.no_grad()
def test_unknown_wavelengths_are_told_by_the_index():
    backbone = S2FB(SMALL).eval()
    cube = torch.rand(1, 5, 127, 127)
    expected = backbone(cube)
    one_missing = torch.tensor([400.0, 500.0, torch.nan, 700.0, 800.0])
    for unknown in (torch.full((5,), torch.nan), one_missing, torch.full((5,), 550.0)):
        assert torch.equal(backbone(cube, unknown), expected)
    assert not torch.equal(backbone(cube, torch.tensor([400.0, 410, 420, 700, 800])), expected)


@given(bands=st.integers(3, 200), virtual=st.integers(1, 20), known=st.booleans())
@settings(max_examples=30, deadline=None)
@torch.no_grad()
def test_attention_starts_as_a_resampling(bands, virtual, known):
    torch.manual_seed(bands)
    attention = WavelengthAttention(virtual)
    wavelengths = torch.linspace(450.0, 950.0, bands) if known else None
    shares = attention.shares(bands, wavelengths)
    assert shares.shape == (virtual, bands)
    torch.testing.assert_close(shares.sum(1), torch.ones(virtual))
    places = shares @ band_places(bands, wavelengths)
    assert bool((places[1:] >= places[:-1] - 0.02).all())
    targets = torch.linspace(0.0, 1.0, virtual) if virtual > 1 else torch.zeros(1)
    spacing = max(1.0 / (bands - 1), 1.0 / max(1, virtual - 1))
    assert float((places - targets).abs().max()) <= spacing


@torch.no_grad()
def test_attention_mixes_bands_and_nothing_else():
    attention = WavelengthAttention(3).eval()
    maps = torch.randn(2 * 4, 5, 6, 7).contiguous(memory_format=torch.channels_last)
    shares = attention.shares(4, None)
    expected = torch.einsum("vb,nbkij->nvkij", shares, maps.reshape(2, 4, 5, 6, 7)).flatten(1, 2)
    torch.testing.assert_close(attention(maps, 4), expected)


def test_wavelength_code_tells_known_from_unknown():
    unknown, known = wavelength_code(4, None), wavelength_code(4, torch.tensor([400.0, 500, 600, 700]))
    torch.testing.assert_close(unknown[:, :8], known[:, :8])
    assert not unknown[:, 8:].any()
    assert bool((known[:, -1] == 1).all())
    shifted = wavelength_code(4, torch.tensor([500.0, 600, 700, 800]))
    torch.testing.assert_close(shifted[:, :8], known[:, :8])
    assert not torch.allclose(shifted[:, 8:16], known[:, 8:16], atol=0.1)
    assert known_wavelengths(None) is None


@torch.no_grad()
def test_shape_of_spectra_is_seen_whatever_the_brightness():
    backbone = S2FB(SMALL)
    cube = torch.rand(2, 8, 127, 127) * 0.2 + 0.3
    expected = backbone.normalise(cube)
    for gain in (0.5, 2.0):
        torch.testing.assert_close(backbone.normalise(gain * cube), expected, rtol=0.08, atol=1e-3)
    uniform = torch.full((1, 8, 20, 20), 0.7)
    assert float(backbone.normalise(uniform).abs().max()) < 1e-5
    assert not backbone.normalise(torch.zeros(1, 8, 20, 20)).any()
    tilted = uniform * torch.linspace(0.5, 1.5, 8)[None, :, None, None]
    torch.testing.assert_close(backbone.normalise(tilted)[0, :, 5, 5], (torch.linspace(0.5, 1.5, 8) - 1.0) * 0.7 / 0.72)
    counts = S2FB(dataclasses.replace(SMALL, input="counts"))
    assert torch.equal(counts.normalise(cube), cube)


@torch.no_grad()
def test_crops_are_left_as_they_were():
    cube = torch.rand(1, 4, 127, 127)
    before = cube.clone()
    for config in (SMALL, BLOCKS, dataclasses.replace(SMALL, input="counts")):
        S2FB(config).eval()(cube)
        assert torch.equal(cube, before)


@pytest.mark.parametrize(
    "changes", [{}, {"bands": 5}, {"branches": "spatial"}, {"branches": "spectral"}, {"residual": False}]
)
@pytest.mark.parametrize("base", [SMALL, BLOCKS])
def test_gradients_reach_everything(base, changes):
    backbone = S2FB(dataclasses.replace(base, **changes)).train()
    backbone(torch.rand(2, 5, 127, 127), torch.linspace(450, 700, 5)).square().mean().backward()
    for name, parameter in backbone.named_parameters():
        assert parameter.grad is not None, name
        assert bool(torch.isfinite(parameter.grad).all()), name
        assert float(parameter.grad.norm()) > 0, name


def test_gradient_does_not_fade_towards_the_input():
    backbone = S2FB(S2FBConfig(channels=16, widths=(8, 16, 16), context_dilations=(1, 2))).train()
    backbone(torch.rand(2, 8, 127, 127))[:, :, 4:11, 4:11].mean().backward()
    first, last = backbone.patch[0].weight, backbone.projection[0].weight
    assert float(first.grad.norm() / first.detach().norm()) > 0.01 * float(last.grad.norm() / last.detach().norm())


def test_what_a_switch_leaves_out_has_no_weights():
    names = {
        branches: [name for name, _ in S2FB(dataclasses.replace(SMALL, branches=branches)).named_parameters()]
        for branches in ("spatial", "spectral")
    }
    assert not any(".spectral." in name for name in names["spatial"])
    assert not any(".spatial." in name for name in names["spectral"])
    assert not any(
        "shortcut" in name for name, _ in S2FB(dataclasses.replace(SMALL, residual=False)).named_parameters()
    )
    assert not any("attention" in name for name, _ in S2FB(dataclasses.replace(SMALL, bands=5)).named_parameters())


@pytest.mark.parametrize(
    "config", [SMALL, BLOCKS, dataclasses.replace(SMALL, bands=6, branches="spatial", residual=False)]
)
@torch.no_grad()
def test_folding_changes_nothing(config):
    backbone = unsettle(S2FB(config)).eval()
    folded = fold_batch_norm(backbone, memory_format=torch.channels_last)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in folded.modules())
    cube = torch.rand(1, 6, 127, 127)
    torch.testing.assert_close(folded(cube), backbone(cube), rtol=1e-3, atol=1e-4)


@torch.no_grad()
def test_memory_layout_and_number_type_of_the_input_do_not_matter():
    backbone = S2FB(SMALL).eval()
    cube = torch.rand(1, 6, 127, 127)
    expected = backbone(cube)
    torch.testing.assert_close(backbone(cube.contiguous(memory_format=torch.channels_last)), expected)
    torch.testing.assert_close(backbone(cube.double()), expected, rtol=1e-4, atol=1e-4)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rounded = backbone(cube)
    assert float((rounded.float() - expected).norm() / expected.norm()) < 0.05


@torch.no_grad()
def test_refuses_what_it_cannot_use():
    backbone = S2FB(SMALL).eval()
    for bands in (1, 2):
        with refuses(InputError, "bands", f"(1, {bands}, 127, 127)"):
            backbone(torch.rand(1, bands, 127, 127))
    specific = S2FB(dataclasses.replace(SMALL, bands=16)).eval()
    with refuses(InputError, "16 bands", "found 25"):
        specific(torch.rand(1, 25, 127, 127))
    with refuses(InputError, "4 wavelengths", "(3,)"):
        backbone(torch.rand(1, 4, 127, 127), torch.tensor([400.0, 500, 600]))


@pytest.mark.parametrize(
    ("options", "facts"),
    [
        ({"branches": "both"}, ("branches", "'both'", "joint, spatial, spectral")),
        ({"stem": "big"}, ("stem", "'big'", "block, patch")),
        ({"input": "log"}, ("input", "'log'", "shape, counts")),
        ({"widths": (8,)}, ("'widths'", "patch", "2", "[8]")),
        ({"widths": (8, 8), "stem": "block"}, ("'widths'", "block", "3", "[8, 8]")),
        ({"bands": 2}, ("'bands'", "found 2")),
        ({"virtual_bands": 0}, ("virtual_bands", "0")),
    ],
)
def test_wrong_configurations(options, facts):
    with refuses(ConfigError, facts):
        S2FBConfig(**options)
