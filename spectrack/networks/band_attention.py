"""Attention inside the band importance module: which places (SEM) and which feature maps and bands (CEM) matter.

Source: BCR-Net (Remote Sensing 17(22), 2025, 3689) section 3.2.1, eq. (2) and (3), whose parent is CBAM (Woo et al., ECCV
2018) with Softplus instead of Sigmoid in the channel gate. Stated by the paper: the pooled descriptors, two fully
connected layers with reduction r, Softplus, Sigmoid, the product. Restored: the layers are shared by both descriptors; the kernel
of eq. (3) is 7x7. This project's: r = 4, and the tied form that works for any number of bands.

All maps here are (N * bands, maps, H, W): the bands lie in the batch, band after band of one crop.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional


class SpatialEnhancement(nn.Module):
    """SEM, eq. (3): F * sigmoid(conv7x7([max; mean])), maximum and mean over all maps and bands.

    One gate per place serves all bands, so the count of bands is free. No bias; order [max; mean] as the text names them.
    """

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(2, 1, 7, padding=3, bias=False)

    def forward(self, maps: Tensor, bands: int) -> Tensor:
        """(N * bands, K, H, W) in and out."""
        cube = maps.unflatten(0, (-1, bands))
        # Bands first: whole planes are compared, which is several times faster than across the few maps of a place.
        strongest = cube.amax(dim=1).amax(dim=1, keepdim=True)
        mean = cube.mean(dim=1).mean(dim=1, keepdim=True)
        gate = torch.sigmoid(self.convolution(torch.cat([strongest, mean], dim=1)))
        return (cube * gate.unsqueeze(1)).flatten(0, 1)


class ChannelEnhancement(nn.Module):
    """CEM as the paper writes it, eq. (2): F * softplus(V2 relu(V1 a) + V2 relu(V1 b)), for a fixed number of bands.

    Args:
        channels: M = bands * maps, gated one by one; channel = band * maps + map.
        reduction: r; the hidden layer has max(1, M // r) values.
    """

    def __init__(self, channels: int, reduction: int = 4) -> None:
        super().__init__()
        self.layers = _two_layers(channels, reduction)

    def forward(self, maps: Tensor, bands: int) -> Tensor:
        """(N * bands, K, H, W) in and out."""
        mean, peak = (descriptor.unflatten(0, (-1, bands)).flatten(1) for descriptor in (maps.mean(dim=(2, 3)), maps.amax(dim=(2, 3))))
        gate = functional.softplus(self.layers(mean) + self.layers(peak))
        return maps * gate.view(maps.shape[0], -1, 1, 1)


class SharedChannelEnhancement(nn.Module):
    """CEM for any number of bands (this project's): one gate per feature map times one gate per band.

    The gate of the maps is eq. (2) with descriptors pooled over bands and pixels. The gate of the bands replaces the fully connected
    layers by two convolutions along the band axis, so a band is judged by its neighbours in the spectrum.

    Args:
        maps: K.
        reduction: r of the maps' gate.
        hidden: values per band between the two convolutions.
    """

    def __init__(self, maps: int, reduction: int = 4, hidden: int = 4) -> None:
        super().__init__()
        self.maps = _two_layers(maps, reduction)
        self.bands = nn.Sequential(nn.Conv1d(1, hidden, 5, padding=2), nn.ReLU(), nn.Conv1d(hidden, 1, 5, padding=2))

    def forward(self, maps: Tensor, bands: int) -> Tensor:
        """(N * bands, K, H, W) in and out."""
        mean, peak = (descriptor.unflatten(0, (-1, bands)) for descriptor in (maps.mean(dim=(2, 3)), maps.amax(dim=(2, 3))))
        map_gate = functional.softplus(self.maps(mean.mean(dim=1)) + self.maps(peak.amax(dim=1)))
        along_bands = self.bands(mean.mean(dim=2).unsqueeze(1)) + self.bands(peak.amax(dim=2).unsqueeze(1))
        band_gate = functional.softplus(along_bands).transpose(1, 2)
        gate = band_gate * map_gate.unsqueeze(1)
        return maps * gate.view(maps.shape[0], -1, 1, 1)


def _two_layers(channels: int, reduction: int) -> nn.Sequential:
    hidden = max(1, channels // reduction)
    return nn.Sequential(nn.Linear(channels, hidden), nn.ReLU(), nn.Linear(hidden, channels))


def build_channel_enhancement(maps: int, bands: int, reduction: int) -> nn.Module:
    """The paper's CEM for `bands` bands, or the shared one where `bands` is 0."""
    module = SharedChannelEnhancement(maps, reduction) if bands == 0 else ChannelEnhancement(maps * bands, reduction)
    return cast(nn.Module, module)
