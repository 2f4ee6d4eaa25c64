"""Encoder of the band importance module: three-dimensional convolutions over bands, rows and columns, each with SEM and CEM.

Source: BCR-Net (Remote Sensing 17(22), 2025, 3689) section 3.2.1, eq. (4): E^l = CEM(SEM(ReLU(BN(Conv3D(E^(l-1)))))).
Stated by the paper: stacked 3D convolutions, each followed by SEM and CEM. Restored: batch normalisation and ReLU. This project's:
widths, kernel 3x3x3, spatial halving between the levels, and the form of the convolution.

The form: bands lie in the batch, and the maps of a band's two neighbours are stacked on its own, so that one 2-D convolution over
3 K maps is exactly the 3x3x3 convolution over K maps (`stack_neighbours`). Measured per layer on one CPU core, 16 bands, best of 15, the sum of
three layers (1-4-8-16 maps), ms, `nn.Conv3d` / oneDNN's 3-D / stacked taps / bands as channels of one banded 2-D convolution: float32
at 64 px 5.7 / 1.9 / 2.1 / 3.6, at 255 px over 400 a layer / 290 / 140 / 230; bfloat16 (channels_last) at 64 px 1.2 (3-D) / 1.4 (stacked) / 1.9. Only the
stacked form is near the best in both number types, at every size, forwards and backwards, and its cost grows with the bands
and not with their square.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from spectrack.networks.band_attention import SpatialEnhancement, build_channel_enhancement


def stack_neighbours(maps: Tensor, bands: int) -> Tensor:
    """Every band with the maps of the band before and after it; zeros beyond the first and last band.

    Args:
        maps: (N * bands, K, H, W).
        bands: bands of a crop.

    Returns:
        (N * bands, 3 K, H, W), channels [before, own, after]. A `nn.Conv2d` on it equals a `nn.Conv3d` of padding 1 on
        (N, K, bands, H, W) whose weight (out, K, 3, 3, 3) is permuted to (out, 3, K, 3, 3) and flattened.
    """
    cube = maps.unflatten(0, (-1, bands))
    padded = functional.pad(cube, (0, 0, 0, 0, 0, 0, 1, 1))
    stacked = torch.cat([padded[:, :-2], cube, padded[:, 2:]], dim=2).flatten(0, 1)
    return stacked.contiguous(memory_format=torch.channels_last)


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
        self.convolution = nn.Conv2d(3 * maps_in, maps_out, 3, padding=1, bias=False)
        self.normalisation = nn.BatchNorm2d(maps_out)
        self.spatial = None if "sem" in without else SpatialEnhancement()
        self.channel = None if "cem" in without else build_channel_enhancement(maps_out, bands, reduction)

    def forward(self, maps: Tensor, bands: int) -> Tensor:
        """(N * bands, maps_in, H, W) to (N * bands, maps_out, H, W)."""
        out = functional.relu(self.normalisation(self.convolution(stack_neighbours(maps, bands))), inplace=True)
        if self.spatial is not None:
            out = self.spatial(out, bands)
        if self.channel is not None:
            out = self.channel(out, bands)
        return out

    def fuse_pairs(self) -> list[tuple[str, str]]:
        """For `folding.fold_batch_norm`."""
        return [("convolution", "normalisation")]


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
        self.levels = nn.ModuleList(EncoderLevel(maps_in, maps_out, bands, reduction, without) for maps_in, maps_out in levels)

    def forward(self, cube: Tensor) -> list[Tensor]:
        """(N, bands, H, W) to one (N * bands, widths[l], H / 2^l, W / 2^l) a level, halves rounded down, fine first."""
        bands = cube.shape[1]
        maps = cube.flatten(0, 1).unsqueeze(1)
        out: list[Tensor] = []
        for level in self.levels:
            maps = level(functional.max_pool2d(maps, 2) if out else maps, bands)
            out.append(maps)
        return out
