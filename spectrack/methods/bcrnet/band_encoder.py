"""Encoder of BIMM: convolutions over bands, rows and columns, then attention to places (SEM), maps and bands (CEM).

Source: BCR-Net (Remote Sensing 17(22), 2025, 3689) section 3.2.1, eq. (4): E^l = CEM(SEM(ReLU(BN(Conv3D(E^(l-1)))))).
Stated by the paper: stacked 3D convolutions, each followed by SEM and CEM. Restored: batch normalisation and ReLU. This
project's: widths, kernel 3x3x3, spatial halving between the levels, and the form of the convolution (`band_layout`).

SEM and CEM, eq. (2) and (3): their parent is CBAM (Woo et al., ECCV 2018) with Softplus instead of Sigmoid in the
channel gate. Stated by the paper: the pooled descriptors, two fully connected layers with reduction r, Softplus,
Sigmoid, the product. Restored: the layers are shared by both descriptors; the kernel of eq. (3) is 7x7. This project's:
r = 4, and the tied form that works for any number of bands.

Maps are (N * blocks, block * K, H, W) as `band_layout` says, of any number of bands but in `ChannelEnhancement`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from spectrack.methods.bcrnet.band_layout import BandLayout, TiedConvolution


class SpatialEnhancement(nn.Module):
    """SEM, eq. (3): F * sigmoid(conv7x7([max; mean])), maximum and mean over all maps and bands.

    One gate per place serves all bands. No bias; order [max; mean] as the text names them.
    """

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(2, 1, 7, padding=3, bias=False)

    def forward(self, maps: Tensor, layout: BandLayout) -> Tensor:
        """(N * blocks, block * K, H, W) in and out."""
        strongest = layout.per_crop(maps.amax(dim=1, keepdim=True)).amax(dim=1)
        mean = layout.per_crop(maps.mean(dim=1, keepdim=True)).mean(dim=1)
        gate = torch.sigmoid(self.convolution(torch.cat([strongest, mean], dim=1)))
        return maps * gate.repeat_interleave(layout.blocks, dim=0)


class ChannelEnhancement(nn.Module):
    """CEM as the paper writes it, eq. (2): F * softplus(V2 relu(V1 a) + V2 relu(V1 b)), for a fixed number of bands.

    Args:
        channels: M = bands * maps, gated one by one; channel = band * maps + map.
        reduction: r; the hidden layer has max(1, M // r) values.
    """

    def __init__(self, channels: int, reduction: int = 4) -> None:
        super().__init__()
        self.layers = _two_layers(channels, reduction)

    def forward(self, maps: Tensor, layout: BandLayout) -> Tensor:
        """(N * blocks, block * K, H, W) in and out."""
        both = torch.stack([pooled.flatten(1) for pooled in _descriptors(maps, layout)])
        gate = functional.softplus(self.layers(both).sum(dim=0))
        return maps * gate.view(*maps.shape[:2], 1, 1)


class SharedChannelEnhancement(nn.Module):
    """CEM for any number of bands (this project's): one gate per feature map times one gate per band.

    The gate of the maps is eq. (2) with descriptors pooled over bands and pixels. The gate of the bands replaces the
    fully connected layers by two convolutions along the band axis: a band is judged by its neighbours in the spectrum.

    Args:
        maps: K.
        reduction: r of the maps' gate.
        hidden: values per band between the two convolutions.
    """

    def __init__(self, maps: int, reduction: int = 4, hidden: int = 4) -> None:
        super().__init__()
        self.maps = _two_layers(maps, reduction)
        self.bands = nn.Sequential(nn.Conv1d(1, hidden, 5, padding=2), nn.ReLU(), nn.Conv1d(hidden, 1, 5, padding=2))

    def forward(self, maps: Tensor, layout: BandLayout) -> Tensor:
        """(N * blocks, block * K, H, W) in and out."""
        mean, peak = _descriptors(maps, layout)
        # Both descriptors as one batch: the layers are so small that calling them costs more than running them.
        map_gate = self.maps(torch.stack([mean.mean(dim=1), peak.amax(dim=1)])).sum(dim=0)
        along_bands = torch.stack([mean.mean(dim=2), peak.amax(dim=2)]).flatten(0, 1).unsqueeze(2)
        hidden = functional.relu(_slide(self.bands[0], along_bands))
        band_gate = _slide(self.bands[2], hidden).view(2, *mean.shape[:2]).sum(dim=0)
        gate = functional.softplus(band_gate).unsqueeze(2) * functional.softplus(map_gate).unsqueeze(1)
        return maps * gate.reshape(*maps.shape[:2], 1, 1)


def _slide(layer: nn.Module, values: Tensor) -> Tensor:
    """A convolution along the bands as one matrix product, (N, C, in) to (N, C, out), ten times faster on so little."""
    convolution = cast(nn.Conv1d, layer)
    reach = convolution.kernel_size[0] // 2
    edge = torch.zeros_like(values[:, :reach])
    seen = torch.cat([edge, values, edge], dim=1).unfold(1, 2 * reach + 1, 1)
    return functional.linear(seen.flatten(2), convolution.weight.flatten(1), convolution.bias)


def _descriptors(maps: Tensor, layout: BandLayout) -> tuple[Tensor, Tensor]:
    """Mean and maximum over pixels, (N, C, K) each; pooling is nine times faster than `amax` in channels_last."""
    peak = functional.max_pool2d(maps, maps.shape[2:]).flatten(1)
    return layout.descriptors(maps.mean(dim=(2, 3))), layout.descriptors(peak)


def _two_layers(channels: int, reduction: int) -> nn.Sequential:
    hidden = max(1, channels // reduction)
    return nn.Sequential(nn.Linear(channels, hidden), nn.ReLU(), nn.Linear(hidden, channels))


def build_channel_enhancement(maps: int, bands: int, reduction: int) -> nn.Module:
    """The paper's CEM for `bands` bands, or the shared one where `bands` is 0."""
    module: nn.Module = (
        SharedChannelEnhancement(maps, reduction) if bands == 0 else ChannelEnhancement(maps * bands, reduction)
    )
    return module


class EncoderLevel(nn.Module):
    """One level: convolution over bands and space, batch normalisation, ReLU, SEM, CEM.

    Args:
        maps_in: feature maps per band that come in.
        maps_out: feature maps per band that go out.
        bands: 0 ties CEM across bands; else its fully connected layers are for this many bands.
        reduction: r of CEM.
        without: parts to leave out, of ``sem`` and ``cem``.
    """

    def __init__(self, maps_in: int, maps_out: int, bands: int, reduction: int, without: Sequence[str] = ()) -> None:
        super().__init__()
        self.convolution = TiedConvolution(maps_in, maps_out, 3, taps=3)
        self.spatial = None if "sem" in without else SpatialEnhancement()
        self.channel = None if "cem" in without else build_channel_enhancement(maps_out, bands, reduction)

    def forward(self, maps: Tensor, layout: BandLayout) -> Tensor:
        """(N * blocks, block * maps_in, H, W) to (N * blocks, block * maps_out, H, W)."""
        out = functional.relu(self.convolution(maps, layout), inplace=True)
        if self.spatial is not None:
            out = self.spatial(out, layout)
        if self.channel is not None:
            out = self.channel(out, layout)
        return out


class BandEncoder(nn.Module):
    """All levels with 2x2 maximum pooling over space, never over bands, between them.

    Args:
        widths: feature maps per band of each level.
        bands: 0 for any number of bands.
        reduction: r of CEM.
        without: parts to leave out, of ``sem`` and ``cem``.
    """

    def __init__(self, widths: Sequence[int], bands: int, reduction: int, without: Sequence[str] = ()) -> None:
        super().__init__()
        levels = zip((1, *widths[:-1]), widths, strict=True)
        self.levels = nn.ModuleList(
            EncoderLevel(maps_in, maps_out, bands, reduction, without) for maps_in, maps_out in levels
        )

    def forward(self, maps: Tensor, layout: BandLayout) -> list[Tensor]:
        """(N * blocks, block, H, W) to a level's (N * blocks, block * widths[l], H // 2**l, W // 2**l), fine first."""
        out: list[Tensor] = []
        for level in self.levels:
            maps = level(functional.max_pool2d(maps, 2) if out else maps, layout)
            out.append(maps)
        return out
