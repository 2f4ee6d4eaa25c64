"""SAFM against its formula written with loops, and what it and its rivals promise: identity at the start, any size, no
order of cells.
"""

from typing import get_args

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from spectrack.errors import ConfigError
from spectrack.methods.ssfnet.spectral_attention_fusion import (
    EfficientChannelAttention,
    Fusion,
    SpectralAttentionFusion,
    SqueezeExcitation,
    build_fusion,
    cosines,
)
from tests.fixtures.refusals import refuses

KINDS = get_args(Fusion)


def trained(kind, channels=8):
    """A fusion away from its start, so that every part of it shows."""
    fusion = build_fusion(kind, channels, heads=2)
    for parameter in fusion.parameters():
        nn.init.normal_(parameter, std=0.5)
    return fusion.eval()


def layer_norm(maps, norm):
    """Over the channels of every cell, from the definition."""
    mean, variance = maps.mean(1, keepdim=True), maps.var(1, unbiased=False, keepdim=True)
    return (maps - mean) / (variance + norm.eps).sqrt() * norm.weight.view(1, -1, 1, 1) + norm.bias.view(1, -1, 1, 1)


def pointwise(convolution, maps):
    """A 1x1 convolution as a matrix product."""
    out = torch.einsum("oc,nchw->nohw", convolution.weight[:, :, 0, 0], maps)
    return out if convolution.bias is None else out + convolution.bias.view(1, -1, 1, 1)


def safm_by_loops(fusion, hs, rgb):
    """The formula of the module's docstring, channel by channel."""
    own, other = layer_norm(hs, fusion.hs_norm), layer_norm(rgb, fusion.rgb_norm)
    queries = pointwise(fusion.query, own)
    found = []
    for number, (source, layer) in enumerate(((own, fusion.hs_key_value), (other, fusion.rgb_key_value))):
        keys, values = pointwise(layer, source).chunk(2, dim=1)
        depth = hs.shape[1] // fusion.heads
        attended = torch.zeros_like(hs)
        for n in range(hs.shape[0]):
            for channel in range(hs.shape[1]):
                head = channel // depth
                own_head = range(head * depth, (head + 1) * depth)
                query = queries[n, channel].flatten()
                logits = [query @ keys[n, k].flatten() / (query.norm() * keys[n, k].norm()) for k in own_head]
                shares = torch.softmax(torch.stack(logits) * fusion.log_temperature[number, head].exp(), dim=0)
                attended[n, channel] = sum(share * values[n, k] for share, k in zip(shares, own_head, strict=True))
        found.append(attended)
    fused = hs + pointwise(fusion.out, torch.cat(found, dim=1))
    hidden = nn.functional.gelu(pointwise(fusion.mlp[0], layer_norm(fused, fusion.mlp_norm)))
    return fused + pointwise(fusion.mlp[2], hidden)


@torch.no_grad()
def test_safm_is_its_formula():
    fusion = trained("safm")
    hs, rgb = torch.randn(2, 8, 5, 4), torch.randn(2, 8, 5, 4)
    torch.testing.assert_close(fusion(hs, rgb), safm_by_loops(fusion, hs, rgb), rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_spatial_attention_cell_by_cell():
    fusion = trained("spatial")
    hs, rgb = torch.randn(1, 8, 3, 4), torch.randn(1, 8, 3, 4)
    own, other = layer_norm(hs, fusion.hs_norm), layer_norm(rgb, fusion.rgb_norm)
    queries = pointwise(fusion.query, own)[0].flatten(1)
    keys, values = (part[0].flatten(1) for part in pointwise(fusion.key_value, other).chunk(2, dim=1))
    found = torch.zeros(8, 12)
    for head in (slice(0, 4), slice(4, 8)):
        for cell in range(12):
            shares = torch.softmax(keys[head].T @ queries[head, cell] / 2.0, dim=0)
            found[head, cell] = values[head] @ shares
    expected = hs + pointwise(fusion.out, found.view(1, 8, 3, 4))
    torch.testing.assert_close(fusion(hs, rgb), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
@torch.no_grad()
def test_starts_as_the_identity_in_every_size(kind):
    fusion = build_fusion(kind, 16)
    for batch, side in ((1, 7), (3, 31)):
        hs, rgb = torch.randn(batch, 16, side, side), torch.randn(batch, 16, side, side)
        fused = fusion(hs, rgb)
        assert fused.shape == hs.shape
        assert torch.equal(fused, {"add": hs + rgb, "prompt": rgb}.get(kind, hs))


@pytest.mark.parametrize("kind", KINDS)
@torch.no_grad()
def test_cells_may_come_in_any_order_and_layout(kind):
    fusion = trained(kind)
    hs, rgb = torch.randn(2, 8, 6, 6), torch.randn(2, 8, 6, 6)
    order = torch.randperm(36)
    moved_hs, moved_rgb = (maps.flatten(2)[:, :, order].view_as(maps) for maps in (hs, rgb))
    expected = fusion(hs, rgb)
    torch.testing.assert_close(
        fusion(moved_hs, moved_rgb), expected.flatten(2)[:, :, order].view_as(hs), rtol=1e-4, atol=1e-4
    )
    last = torch.channels_last
    torch.testing.assert_close(
        fusion(hs.contiguous(memory_format=last), rgb.contiguous(memory_format=last)), expected, rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize(
    ("kind", "looks"),
    [(kind, kind not in ("intra", "none")) for kind in KINDS],
)
@torch.no_grad()
def test_which_fusion_looks_at_the_rgb_features(kind, looks):
    fusion = trained(kind)
    hs = torch.randn(1, 8, 7, 7)
    first, second = (fusion(hs, torch.randn(1, 8, 7, 7)) for _ in range(2))
    assert bool((first != second).any()) is looks


@given(seed=st.integers(0, 1000), gain=st.floats(1e-2, 1e2), other=st.floats(1e-2, 1e2), length=st.integers(1, 60))
@settings(max_examples=30, deadline=None)
def test_logits_are_cosines_whatever_the_gain_and_the_number_of_cells(seed, gain, other, length):
    generator = torch.Generator().manual_seed(seed)
    queries, keys = (torch.randn(1, 2, 4, length, generator=generator) for _ in range(2))
    found = cosines(queries, keys)
    expected = nn.functional.cosine_similarity(queries[:, :, :, None], keys[:, :, None], dim=-1)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(cosines(gain * queries, other * keys), found, rtol=1e-3, atol=1e-4)
    assert float(found.abs().max()) <= 1 + 1e-5


def test_logits_are_float32_under_autocast_and_finite_for_empty_maps():
    queries = torch.zeros(1, 2, 4, 9, requires_grad=True)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = cosines(queries, torch.rand(1, 2, 4, 9))
        half = cosines(queries.bfloat16(), torch.rand(1, 2, 4, 9).bfloat16())
    assert found.dtype == half.dtype == torch.float32
    assert not found.any()
    found.sum().backward()
    assert bool(torch.isfinite(queries.grad).all())


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_reach_everything_away_from_the_start(kind):
    fusion = trained(kind).train()
    hs, rgb = torch.randn(2, 8, 7, 7, requires_grad=True), torch.randn(2, 8, 7, 7, requires_grad=True)
    fusion(hs, rgb).square().mean().backward()
    for name, parameter in fusion.named_parameters():
        assert float(parameter.grad.abs().sum()) > 0, name
    assert bool(torch.isfinite(hs.grad).all())


@pytest.mark.parametrize("kind", ["safm", "intra", "inter", "concat", "se", "eca", "spatial", "prompt"])
def test_the_start_is_left_by_the_first_step(kind):
    fusion = build_fusion(kind, 8, heads=2)
    optimiser = torch.optim.SGD(fusion.parameters(), lr=0.1)
    hs, rgb = torch.randn(2, 8, 7, 7), torch.randn(2, 8, 7, 7)
    target = torch.randn(2, 8, 7, 7)
    for _ in range(2):
        optimiser.zero_grad()
        (fusion(hs, rgb) - target).square().mean().backward()
        optimiser.step()
    for name, parameter in fusion.named_parameters():
        assert float(parameter.grad.abs().sum()) > 0, name


@torch.no_grad()
def test_squeeze_and_excitation_and_eca_gate_channels_by_their_means():
    maps = torch.randn(2, 8, 5, 5)
    for gate in (SqueezeExcitation(8), EfficientChannelAttention(8)):
        ratio = gate(maps) / maps
        torch.testing.assert_close(ratio, ratio[:, :, :1, :1].expand_as(ratio), rtol=1e-3, atol=1e-4)
        assert bool(((ratio > 0) & (ratio < 1)).all())
        constant = maps.mean(dim=(2, 3), keepdim=True).expand_as(maps)
        torch.testing.assert_close(gate(constant) / constant, ratio, rtol=1e-2, atol=1e-3)
    # The published rule: side |log2(C) / 2 + 1 / 2|, made odd.
    assert [EfficientChannelAttention(channels).convolution.kernel_size[0] for channels in (16, 128, 512)] == [3, 5, 5]


def test_size_in_full():
    fusion = SpectralAttentionFusion(256)
    assert sum(parameter.numel() for parameter in fusion.parameters()) == 11 * 256**2 + 3 * 2 * 256 + 3 * 256 + 16
    assert not any("rgb" in name for name, _ in build_fusion("intra", 16).named_parameters())
    assert not any("hs_key" in name for name, _ in build_fusion("inter", 16).named_parameters())


def test_wrong_configurations():
    with refuses(ConfigError, "'safn'", "did you mean 'safm'"):
        build_fusion("safn", 16)
    with refuses(ConfigError, "12 channels", "found 8"):
        build_fusion("safm", 12)
    with refuses(ConfigError, "12 channels", "found 8"):
        build_fusion("spatial", 12)
