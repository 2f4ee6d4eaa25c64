"""Encoder of the band importance module: three-dimensional convolutions over bands, rows and columns, each with SEM and
CEM.

Source: BCR-Net (Remote Sensing 17(22), 2025, 3689) section 3.2.1, eq. (4): E^l = CEM(SEM(ReLU(BN(Conv3D(E^(l-1)))))).
Stated by the paper: stacked 3D convolutions, each followed by SEM and CEM. Restored: batch normalisation and ReLU. This
project's: widths, kernel 3x3x3, spatial halving between the levels, and the form of the convolution (`band_layout`).
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional

from spectrack.methods.bcrnet.band_attention import SpatialEnhancement, build_channel_enhancement
from spectrack.methods.bcrnet.band_layout import BandLayout, TiedConvolution


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
        """(N * blocks, block, H, W) to one (N * blocks, block * widths[l], H / 2^l, W / 2^l) a level, halves rounded
        down, fine first.
        """
        out: list[Tensor] = []
        for level in self.levels:
            maps = level(functional.max_pool2d(maps, 2) if out else maps, layout)
            out.append(maps)
        return out
