"""Tied convolutions in blocks of bands against PyTorch's own 3-D convolution and batch normalisation, for every
block.
"""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from spectrack.methods.bcrnet.band_layout import BandLayout, TiedConvolution
from spectrack.networks.folding import fold_batch_norm


def as_blocks(maps, layout):
    """(N, K, C, H, W) to (N * blocks, block * K, H, W)."""
    crops, count, _, height, width = maps.shape
    return maps.transpose(1, 2).reshape(crops * layout.blocks, layout.block * count, height, width)


def as_volume(maps, layout, count):
    """The inverse of `as_blocks`."""
    return maps.reshape(-1, layout.bands, count, *maps.shape[2:]).transpose(1, 2)


def volume_weight(module):
    """The weight of the `nn.Conv3d` that a tied convolution stands for: (out, in, taps, side, side)."""
    weight = module.convolution.weight
    return weight.view(module.maps_out, module.taps, module.maps_in, *weight.shape[2:]).transpose(1, 2)


layouts = st.sampled_from([(6, 1), (6, 2), (6, 3), (6, 6), (5, 1), (5, 5), (16, 4), (1, 1)]).map(
    lambda pair: BandLayout(*pair)
)


@settings(max_examples=30, deadline=None)
@given(
    layout=layouts,
    crops=st.integers(1, 2),
    maps_in=st.integers(1, 4),
    maps_out=st.integers(1, 4),
    taps=st.sampled_from([1, 3]),
    seed=st.integers(0, 99),
)
def test_equals_the_convolution_in_three_dimensions(layout, crops, maps_in, maps_out, taps, seed):
    torch.manual_seed(seed)
    module = TiedConvolution(maps_in, maps_out, 3, taps=taps, normalised=False, bias=True)
    volume = torch.randn(crops, maps_in, layout.bands, 7, 6)
    expected = functional.conv3d(volume, volume_weight(module), module.convolution.bias, padding=(taps // 2, 1, 1))
    found = module(as_blocks(volume, layout), layout)
    torch.testing.assert_close(as_volume(found, layout, maps_out), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("block", [1, 2, 6])
@pytest.mark.parametrize("side", [1, 3])
def test_all_maps_of_a_band_become_one(block, side):
    layout = BandLayout(6, block)
    module = TiedConvolution(4, 1, side, bias=True).train()
    module(torch.randn(5 * layout.blocks, 4 * block, 7, 6), layout)  # statistics to fold
    module.eval()
    volume = torch.randn(2, 4, 6, 7, 6)
    maps = as_blocks(volume, layout)
    plain = functional.conv3d(volume, volume_weight(module), module.convolution.bias, padding=(0, side // 2, side // 2))
    expected = functional.batch_norm(
        plain,
        module.normalisation.running_mean,
        module.normalisation.running_var,
        module.normalisation.weight,
        module.normalisation.bias,
    )
    torch.testing.assert_close(as_volume(module(maps, layout), layout, 1), expected, rtol=1e-4, atol=1e-5)
    folded = fold_batch_norm(module, memory_format=torch.channels_last)
    folded.prepare(layout)
    in_lines = maps.contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(as_volume(folded(in_lines, layout), layout, 1), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("block", [1, 2, 6])
def test_depthwise_keeps_maps_and_bands_apart(block):
    layout = BandLayout(6, block)
    module = TiedConvolution(3, 3, 3, depthwise=True, normalised=False)
    volume = torch.randn(2, 3, 6, 5, 5)
    expected = functional.conv3d(volume, module.convolution.weight.unsqueeze(2), padding=(0, 1, 1), groups=3)
    torch.testing.assert_close(as_volume(module(as_blocks(volume, layout), layout), layout, 3), expected)


@pytest.mark.parametrize("block", [1, 2, 3, 6])
def test_batch_normalisation_is_that_of_the_volume(block):
    layout = BandLayout(6, block)
    module = TiedConvolution(2, 3, 3, taps=3).train()
    reference = nn.BatchNorm3d(3).train()
    volume = torch.randn(2, 2, 6, 5, 5)
    expected = reference(functional.conv3d(volume, volume_weight(module), padding=1))
    found = module(as_blocks(volume, layout).contiguous(memory_format=torch.channels_last), layout)
    torch.testing.assert_close(as_volume(found, layout, 3), expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(module.normalisation.running_var, reference.running_var)


@pytest.mark.parametrize("block", [1, 3, 6])
@torch.no_grad()
def test_folding_and_preparing_change_nothing(block):
    layout = BandLayout(6, block)
    module = TiedConvolution(2, 3, 3, taps=3)
    nn.init.uniform_(module.normalisation.running_var, 0.5, 2.0)
    nn.init.normal_(module.normalisation.running_mean)
    module.eval()
    maps = torch.randn(2 * layout.blocks, 2 * block, 5, 5)
    expected = module(maps, layout)
    folded = fold_batch_norm(module)
    assert isinstance(folded.normalisation, nn.Identity)
    torch.testing.assert_close(folded(maps, layout), expected, rtol=1e-4, atol=1e-5)
    folded.prepare(layout)
    torch.testing.assert_close(folded(maps, layout), expected, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_what_was_prepared_is_for_one_layout_and_forgotten_with_the_mode():
    module = TiedConvolution(1, 2, 3, taps=3, normalised=False).eval()
    module.prepare(BandLayout(6, 3))
    maps = torch.randn(1, 1, 6, 5, 5)
    layout, other = BandLayout(6, 3), BandLayout(6, 2)
    expected = as_volume(module(as_blocks(maps, layout), layout), layout, 2)
    torch.testing.assert_close(as_volume(module(as_blocks(maps, other), other), other, 2), expected)
    module.convolution.weight.mul_(2)
    module.eval()
    torch.testing.assert_close(as_volume(module(as_blocks(maps, layout), layout), layout, 2), 2 * expected)


def test_gradients_reach_the_weight_through_every_block():
    expected = None
    volume = torch.randn(1, 2, 6, 5, 5)
    for block in (1, 2, 6):
        layout = BandLayout(6, block)
        torch.manual_seed(0)
        module = TiedConvolution(2, 3, 3, taps=3, normalised=False)
        module(as_blocks(volume, layout), layout).square().sum().backward()
        gradient = module.convolution.weight.grad
        expected = gradient if expected is None else expected
        torch.testing.assert_close(gradient, expected, rtol=1e-4, atol=1e-3)


@given(bands=st.integers(1, 200))
def test_blocks_divide_the_bands(bands):
    layout = BandLayout.of(bands)
    assert layout.blocks * layout.block == bands
    assert 1 <= layout.block <= 5
