"""The band axis of a cube: what networks on all bands ask of crops and wavelengths, and the order of the bands."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from spectrack.errors import InputError

CubeInput = Literal["shape", "counts"]

_FLOOR = 0.02
"""Added to the brightness that divides spectra: below 2 % of the brightest they are mostly noise and count less."""


def check_crops(cube: Tensor, wavelengths_nm: Tensor | None, *, bands: int = 0, smallest: int = 1) -> None:
    """Refuse crops that a network cannot take.

    Args:
        cube: to be (N, C, H, W).
        wavelengths_nm: to be (C,), or None.
        bands: number that band-specific weights are for; 0 where any number from three on will do.
        smallest: side that the network needs, pixels.

    Raises:
        InputError: fewer than three bands, crops too small, another number of bands, or not one wavelength a band.
    """
    if cube.ndim != 4 or cube.shape[1] < 3:
        raise InputError(
            f"expected crops (N, 3 or more bands, H, W), found {tuple(cube.shape)}; give all bands of the cube"
        )
    found = cube.shape[1]
    if min(cube.shape[2:]) < smallest:
        raise InputError(f"expected crops of at least {smallest} px a side, found {tuple(cube.shape[2:])}; cut larger")
    if bands not in (0, found):
        raise InputError(f"expected crops of the weights' {bands} bands, found {found}; name other weights")
    if wavelengths_nm is not None and wavelengths_nm.shape != (found,):
        shape = tuple(wavelengths_nm.shape)
        raise InputError(f"expected {found} wavelengths, one a band, found shape {shape}; give one a band or None")


def known_wavelengths(wavelengths_nm: Tensor | None) -> Tensor | None:
    """The wavelengths where all are finite numbers and not all the same, else None: then nobody knows them."""
    if wavelengths_nm is None or not bool(torch.isfinite(wavelengths_nm).all()):
        return None
    return None if bool((wavelengths_nm == wavelengths_nm[0]).all()) else wavelengths_nm


def sorting_order(wavelengths_nm: Tensor) -> Tensor | None:
    """The stable order by rising wavelength, None where the bands lie in it already."""
    order = torch.argsort(wavelengths_nm, stable=True)
    return None if bool((order[1:] > order[:-1]).all()) else order


def in_order(cube: Tensor, wavelengths_nm: Tensor | None) -> tuple[Tensor, Tensor | None]:
    """Cube (N, B, H, W) and wavelengths (B,) by rising wavelength; as it is, and None, where nobody knows them."""
    wavelengths_nm = known_wavelengths(wavelengths_nm)
    order = None if wavelengths_nm is None else sorting_order(wavelengths_nm)
    return (
        (cube, wavelengths_nm) if order is None or wavelengths_nm is None else (cube[:, order], wavelengths_nm[order])
    )


def network_input(cube: Tensor, kind: CubeInput) -> Tensor:
    """What a backbone sees of a cube.

    Args:
        cube: (N, B, H, W) in about [0, 1].
        kind: ``shape``, how much brighter a band is than the mean over bands and 3x3 pixels, as a share of that mean:
            shade and exposure change nothing then, and brightness is what the RGB branch sees anyway; ``counts``, the
            scaled cube as it is.

    Returns:
        (N, B, H, W) float32: bfloat16 would round the small differences between bands.
    """
    planes = cube.float().contiguous()
    if kind == "shape":
        brightness = functional.avg_pool2d(
            planes.mean(dim=1, keepdim=True), 3, stride=1, padding=1, count_include_pad=False
        )
        # In place on a copy: 4 MB of new memory cost more than the arithmetic.
        own = planes.data_ptr() != cube.data_ptr()
        planes = planes.sub_(brightness) if own else planes - brightness
        planes.mul_((brightness.clamp(min=0.0) + _FLOOR).reciprocal())
    return planes
