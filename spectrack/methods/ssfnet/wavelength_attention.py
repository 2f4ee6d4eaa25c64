"""Attention over the band axis with a wavelength code: any number of bands to a fixed number of virtual ones.

This project's own, so that one file of weights serves every camera; the specified projection needs a weight per band.
Every virtual band is a mixture of the real ones. Its query is a place in the camera's range and a width, which start
evenly spread, so that at the start a cube is only resampled; a small network of the band's code moves the attention
from there. The weights depend on where bands lie, not on what is in them: template and search crop of one video are
mixed alike, so that their spectra stay comparable.
"""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor, nn

_OCTAVES = 4
_CODE = 4 * _OCTAVES + 1
_SHORTEST_NM, _LONGEST_NM = 400.0, 1000.0


def band_places(bands: int, wavelengths_nm: Tensor | None) -> Tensor:
    """(bands,) places in the camera's range, 0 to 1, from the wavelengths or, where nobody knows them, from the index.

    Example:
        >>> band_places(3, torch.tensor([500.0, 510.0, 600.0])).tolist(), band_places(3, None).tolist()
        ([0.0, 0.10000000149011612, 1.0], [0.0, 0.5, 1.0])
    """
    if wavelengths_nm is None:
        return torch.linspace(0.0, 1.0, bands)
    values = wavelengths_nm.double()
    return ((values - values.min()) / (values.max() - values.min())).float()


def wavelength_code(bands: int, wavelengths_nm: Tensor | None) -> Tensor:
    """(bands, 17) float32: sines and cosines of the place in the camera's range and of the wavelength itself, and
    whether that is known.

    Of unknown wavelengths, the second half and the mark are 0.
    """
    places = band_places(bands, wavelengths_nm)
    relative = _waves(places)
    if wavelengths_nm is None:
        return torch.cat([relative, torch.zeros(bands, _CODE - relative.shape[1], device=places.device)], dim=1)
    absolute = _waves(((wavelengths_nm.double() - _SHORTEST_NM) / (_LONGEST_NM - _SHORTEST_NM)).float())
    return torch.cat([relative, absolute, torch.ones(bands, 1, device=places.device)], dim=1)


class WavelengthAttention(nn.Module):
    """Real bands to virtual ones.

    Args:
        virtual_bands: number of them.
        hidden: values between the two layers of the code's network.
    """

    def __init__(self, virtual_bands: int, hidden: int = 32) -> None:
        super().__init__()
        spacing = 1.0 / max(1, virtual_bands - 1)
        self.centres = nn.Parameter(torch.linspace(0.0, 1.0, virtual_bands))
        self.log_widths = nn.Parameter(torch.full((virtual_bands,), math.log(spacing / 2)))
        self.code = nn.Sequential(nn.Linear(_CODE, hidden), nn.ReLU(), nn.Linear(hidden, virtual_bands))
        # Close to plain resampling at the start, but not at zero, where the first layer would get no gradient.
        last = cast(nn.Linear, self.code[-1])
        nn.init.normal_(last.weight, std=0.01)
        nn.init.zeros_(last.bias)

    def shares(self, bands: int, wavelengths_nm: Tensor | None) -> Tensor:
        """(virtual_bands, bands) float32, rows sum to 1."""
        places = band_places(bands, wavelengths_nm).to(self.centres.device)
        code = wavelength_code(bands, wavelengths_nm).to(self.centres.device)
        distances = (places[None, :] - self.centres.float()[:, None]) / self.log_widths.float().exp()[:, None]
        learned = cast(Tensor, self.code(code.to(self.centres.dtype))).float().t()
        return torch.softmax(learned - 0.5 * distances.square(), dim=1)

    def forward(self, maps: Tensor, bands: int, wavelengths_nm: Tensor | None = None) -> Tensor:
        """(N * bands, K, H, W) in channels_last to (N, virtual_bands * K, H, W); channel = virtual band * K + map."""
        rows = maps.permute(0, 2, 3, 1)
        height, width, count = rows.shape[1:]
        mixed = torch.matmul(
            self.shares(bands, wavelengths_nm).to(maps.dtype), rows.reshape(-1, bands, height * width * count)
        )
        apart = mixed.view(mixed.shape[0], -1, height, width, count).permute(0, 2, 3, 1, 4)
        return apart.reshape(*apart.shape[:3], -1).permute(0, 3, 1, 2)


def _waves(places: Tensor) -> Tensor:
    """(B,) to (B, 2 * octaves)."""
    angles = places[:, None] * (math.pi * 2.0 ** torch.arange(_OCTAVES, device=places.device))
    return torch.cat([angles.sin(), angles.cos()], dim=1)
