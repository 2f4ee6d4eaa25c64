"""SAFM, the spectral attention fusion module, and its rivals: what the HS branch takes from the RGB branch.

Source: SSF-Net (IEEE TIP 34, 2025, 3518), of which only the published summary could be read. Stated there:
intra-modality and inter-modality spectral correlation, a refined HS representation, comparisons with channel attentions
such as SE and ECA. Everything below is this project's reconstruction: attention of channel by channel, whose logits are
cosines of whole response maps, so that 7x7 templates and 31x31 search regions share the weights.

    F' = H + Wo [softmax(t1 cos(Qh, Kh)) Vh ; softmax(t2 cos(Qh, Kr)) Vr],    F = F' + W2 gelu(W1 LN(F'))

Wo and W2 start at zero, so F starts as H. SE: Hu et al., CVPR 2018; ECA: Wang et al., CVPR 2020. Two are in the manner
of related systems, as the text of BCR-Net (Remote Sensing 17(22), 2025, 3689, section 2.2) tells of them: ``spatial``
of SiamHYPER, ``prompt`` of SP-HST.
"""

from __future__ import annotations

import math
from typing import Literal, cast, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional

from spectrack.errors import ConfigError, nearest_name

Fusion = Literal["safm", "intra", "inter", "add", "concat", "se", "eca", "spatial", "prompt", "none"]
"""``safm`` with both attentions, ``intra`` and ``inter`` with one of them; ``spatial`` attends from cell to cell;
``prompt`` adds a prompt made of the HS features to the RGB features; ``none`` leaves the HS features alone.
"""


def build_fusion(kind: Fusion, channels: int, *, heads: int = 8) -> nn.Module:
    """A module ``forward(hs, rgb) -> fused``, all (N, channels, H, W) of any size.

    Args:
        kind: see `Fusion`.
        channels: of both modalities.
        heads: of the attention; a divisor of the channels.

    Raises:
        ConfigError: an unknown kind, or heads that do not divide the channels.
    """
    if kind in ("safm", "intra", "inter"):
        return SpectralAttentionFusion(channels, heads, intra=kind != "inter", inter=kind != "intra")
    if kind == "add":
        return Addition()
    if kind in ("concat", "se", "eca"):
        both = 2 * channels
        gate = (
            SqueezeExcitation(both)
            if kind == "se"
            else EfficientChannelAttention(both)
            if kind == "eca"
            else nn.Identity()
        )
        return ConcatenationFusion(channels, gate)
    if kind == "spatial":
        return SpatialCrossAttention(channels, heads)
    if kind == "prompt":
        return SpectralPrompt(channels)
    if kind == "none":
        return HyperspectralOnly()
    raise ConfigError(f"expected a known fusion, found {kind!r}; {nearest_name(str(kind), get_args(Fusion))}")


class SpectralAttentionFusion(nn.Module):
    """SAFM.

    Args:
        channels: C of both modalities.
        heads: m; each has C / m channels.
        intra: whether HS channels attend to HS channels.
        inter: whether HS channels attend to RGB channels.

    Example:
        >>> fusion = SpectralAttentionFusion(16, 4)
        >>> hs, rgb = torch.rand(2, 16, 7, 7), torch.rand(2, 16, 7, 7)
        >>> bool((fusion(hs, rgb) == hs).all())
        True
    """

    def __init__(self, channels: int, heads: int = 8, *, intra: bool = True, inter: bool = True) -> None:
        super().__init__()
        if heads < 1 or channels % heads or not (intra or inter):
            raise ConfigError(f"expected fusion heads that divide {channels} channels, found {heads}; choose a divisor")
        self.heads = heads
        self.hs_norm, self.mlp_norm = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.rgb_norm = nn.LayerNorm(channels) if inter else None
        self.query = _linear(channels, channels)
        self.hs_key_value = _linear(channels, 2 * channels) if intra else None
        self.rgb_key_value = _linear(channels, 2 * channels) if inter else None
        self.log_temperature = nn.Parameter(torch.zeros(int(intra) + int(inter), heads))
        self.out = _linear((int(intra) + int(inter)) * channels, channels)
        self.mlp = nn.Sequential(nn.Conv2d(channels, 2 * channels, 1), nn.GELU(), nn.Conv2d(2 * channels, channels, 1))
        last = cast(nn.Conv2d, self.mlp[-1])
        for weight in (self.out.weight, last.weight, cast(Tensor, last.bias)):
            nn.init.zeros_(weight)

    def forward(self, hs: Tensor, rgb: Tensor) -> Tensor:
        """(N, C, H, W) each, to (N, C, H, W)."""
        own = _per_cell(self.hs_norm, hs)
        queries = self._by_head(self.query(own))
        found: list[Tensor] = []
        if self.hs_key_value is not None:
            found.append(self._attend(queries, self.hs_key_value(own), len(found)))
        if self.rgb_key_value is not None and self.rgb_norm is not None:
            found.append(self._attend(queries, self.rgb_key_value(_per_cell(self.rgb_norm, rgb)), len(found)))
        attended = torch.cat(found, dim=1).view(hs.shape[0], -1, *hs.shape[2:])
        fused = hs + self.out(attended)
        out: Tensor = fused + self.mlp(_per_cell(self.mlp_norm, fused))
        return out

    def _attend(self, queries: Tensor, keys_values: Tensor, number: int) -> Tensor:
        """(N, m, d, L) queries on (N, 2 C, H, W): (N, C, L)."""
        keys, values = (self._by_head(part) for part in keys_values.chunk(2, dim=1))
        logits = cosines(queries, keys) * self.log_temperature[number].float().exp()[:, None, None]
        return torch.matmul(logits.softmax(dim=-1).to(values.dtype), values).flatten(1, 2)

    def _by_head(self, maps: Tensor) -> Tensor:
        """(N, C, H, W) to (N, m, d, L)."""
        return maps.reshape(maps.shape[0], self.heads, -1, maps.shape[2] * maps.shape[3])


class SpatialCrossAttention(nn.Module):
    """H + Wo attention(H, R): every cell of the HS map looks where in the RGB map there is something like it.

    In the manner of SiamHYPER (Liu et al., as the text of BCR-Net tells: cross-attention between two Siamese branches,
    in space and spectrum). This project's: everything in detail; Wo starts at zero.

    Args:
        channels: of both modalities.
        heads: a divisor of them.
    """

    def __init__(self, channels: int, heads: int = 8) -> None:
        super().__init__()
        if heads < 1 or channels % heads:
            raise ConfigError(f"expected fusion heads that divide {channels} channels, found {heads}; choose a divisor")
        self.heads = heads
        self.hs_norm, self.rgb_norm = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.query, self.key_value = _linear(channels, channels), _linear(channels, 2 * channels)
        self.out = _linear(channels, channels)
        nn.init.zeros_(self.out.weight)

    def forward(self, hs: Tensor, rgb: Tensor) -> Tensor:
        """(N, C, H, W) each, to (N, C, H, W)."""
        queries = self._by_cell(self.query(_per_cell(self.hs_norm, hs)))
        keys, values = self.key_value(_per_cell(self.rgb_norm, rgb)).chunk(2, dim=1)
        found = functional.scaled_dot_product_attention(queries, self._by_cell(keys), self._by_cell(values))
        out: Tensor = hs + self.out(found.transpose(2, 3).reshape(hs.shape))
        return out

    def _by_cell(self, maps: Tensor) -> Tensor:
        """(N, C, H, W) to (N, m, L, d)."""
        return maps.reshape(maps.shape[0], self.heads, -1, maps.shape[2] * maps.shape[3]).transpose(2, 3)


class SpectralPrompt(nn.Module):
    """R + W2 gelu(W1 LN(H)): RGB features, which stay what a frozen network makes of them, with a prompt from HS ones.

    In the manner of SP-HST (Gao et al., as the text of BCR-Net tells: a light branch makes spectral prompts for a
    frozen RGB network). This project's: where the prompt is added and its form; W2 starts at zero, the map as R.

    Args:
        channels: of both modalities; a quarter of them lies between.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm, hidden = nn.LayerNorm(channels), max(1, channels // 4)
        self.prompt = nn.Sequential(nn.Conv2d(channels, hidden, 1), nn.GELU(), nn.Conv2d(hidden, channels, 1))
        last = cast(nn.Conv2d, self.prompt[-1])
        nn.init.zeros_(last.weight)
        nn.init.zeros_(cast(Tensor, last.bias))

    def forward(self, hs: Tensor, rgb: Tensor) -> Tensor:
        """(N, C, H, W) each, to (N, C, H, W)."""
        out: Tensor = rgb + self.prompt(_per_cell(self.norm, hs))
        return out


class Addition(nn.Module):
    """H + R, without a weight."""

    def forward(self, hs: Tensor, rgb: Tensor) -> Tensor:
        """(N, C, H, W) each, to (N, C, H, W)."""
        return hs + rgb


class HyperspectralOnly(nn.Module):
    """H: the HS branch sees nothing of the RGB branch."""

    def forward(self, hs: Tensor, rgb: Tensor) -> Tensor:
        """(N, C, H, W) each, to the first."""
        return hs


class ConcatenationFusion(nn.Module):
    """H + W gate([H; R]), W a 1x1 convolution that starts at zero: most fusions start as the HS features alone.

    Args:
        channels: of either modality.
        gate: attention over the channels of both.
    """

    def __init__(self, channels: int, gate: nn.Module) -> None:
        super().__init__()
        self.gate = gate
        self.out = nn.Conv2d(2 * channels, channels, 1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(cast(Tensor, self.out.bias))

    def forward(self, hs: Tensor, rgb: Tensor) -> Tensor:
        """(N, C, H, W) each, to (N, C, H, W)."""
        out: Tensor = hs + self.out(self.gate(torch.cat([hs, rgb], dim=1)))
        return out


class SqueezeExcitation(nn.Module):
    """SE: channels gated by two layers of their means over the map.

    Args:
        channels: of the maps.
        reduction: of the hidden layer.
    """

    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        hidden = max(4, channels // reduction)
        self.layers = nn.Sequential(nn.Linear(channels, hidden), nn.ReLU(), nn.Linear(hidden, channels), nn.Sigmoid())

    def forward(self, maps: Tensor) -> Tensor:
        """(N, channels, H, W) in and out."""
        gates: Tensor = self.layers(maps.mean(dim=(2, 3)))
        return maps * gates[:, :, None, None]


class EfficientChannelAttention(nn.Module):
    """ECA: channels gated by a convolution along their means; the kernel's side follows from their number.

    Args:
        channels: of the maps.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        side = int(abs((math.log2(channels) + 1) / 2))
        side += 1 - side % 2
        self.convolution = nn.Conv1d(1, 1, side, padding=side // 2, bias=False)

    def forward(self, maps: Tensor) -> Tensor:
        """(N, channels, H, W) in and out."""
        gates = torch.sigmoid(self.convolution(maps.mean(dim=(2, 3)).unsqueeze(1))).squeeze(1)
        return maps * gates[:, :, None, None]


def _linear(channels_in: int, channels_out: int) -> nn.Conv2d:
    return nn.Conv2d(channels_in, channels_out, 1, bias=False)


def _per_cell(norm: nn.Module, maps: Tensor) -> Tensor:
    """A layer normalisation over the channels of every cell."""
    out: Tensor = norm(maps.permute(0, 2, 3, 1))
    return out.permute(0, 3, 1, 2)


def cosines(queries: Tensor, keys: Tensor) -> Tensor:
    """(N, m, d, L) each, to (N, m, d, d) cosines of rows, always in float32, which sums over 961 cells need.

    The norms divide the products rather than the rows: d x d numbers instead of d x L.
    """
    with torch.autocast(queries.device.type, enabled=False):
        rows, columns = queries.float(), keys.float()
        products = rows @ columns.transpose(-1, -2)
        row_norms = rows.square().sum(dim=-1).clamp(min=1e-12).sqrt()
        column_norms = columns.square().sum(dim=-1).clamp(min=1e-12).sqrt()
        return products / (row_norms[..., :, None] * column_norms[..., None, :])
