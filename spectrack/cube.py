"""Cubes and snapshot mosaics: conversion between them, and the checks every cube passes once.

A cube is ``(height, width, bands)``. A snapshot mosaic of block B stores band ``r * B + c`` at pixel
``(i * B + r, j * B + c)``; this is the order of every public ``X2Cube``. No interpolation takes place.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spectrack.errors import CubeError

Cube = NDArray[Any]
"""(height, width, bands), any real number type."""

MINIMUM_BANDS = 3

_FAR = 0.5
"""A gap of half the range of all other values sets a number apart: -9999 below reflectances of 0 to 10000 has twice."""


def mosaic_to_cube(mosaic: NDArray[Any], block: int, *, bands: int | None = None) -> Cube:
    """De-interleave a single-channel mosaic.

    Args:
        mosaic: (height * block, width * block), any number type.
        block: side of the mosaic pattern, 4 or 5 for the field's cameras.
        bands: keep only the first `bands` of the block * block bands (15 for RedNIR, whose 16th is zero).

    Returns:
        (height, width, bands), same type, contiguous.

    Raises:
        CubeError: the mosaic is not two-dimensional, or a side is not a multiple of `block`.

    Example:
        >>> mosaic_to_cube(np.arange(16).reshape(4, 4), 4)[0, 0, :5].tolist()
        [0, 1, 2, 3, 4]
    """
    if mosaic.ndim != 2:
        raise CubeError(
            f"expected a single-channel mosaic, found an array of shape {mosaic.shape}; give the raw mosaic file"
        )
    height, width = mosaic.shape
    if height % block or width % block or not height or not width:
        raise CubeError(
            f"expected mosaic sides divisible by the block {block}, found {width} x {height}; "
            "name the sensor that wrote it (--sensor) or crop the mosaic to whole blocks"
        )
    keep = block * block if bands is None else bands
    cube = np.empty((height // block, width // block, keep), dtype=mosaic.dtype)
    for band in range(keep):
        cube[:, :, band] = mosaic[band // block :: block, band % block :: block]
    return cube


def cube_to_mosaic(cube: Cube, block: int) -> NDArray[Any]:
    """The inverse of `mosaic_to_cube`; missing last bands are written as zeros (as RedNIR files have them).

    Args:
        cube: (height, width, bands) with bands <= block * block.

    Returns:
        (height * block, width * block), same type.
    """
    height, width, bands = cube.shape
    if bands > block * block:
        raise CubeError(
            f"expected at most {block * block} bands for a {block} x {block} mosaic, found {bands}; use another block"
        )
    mosaic = np.zeros((height * block, width * block), dtype=cube.dtype)
    for band in range(bands):
        mosaic[band // block :: block, band % block :: block] = cube[:, :, band]
    return mosaic


def check_cube(cube: Cube, *, name: str = "cube", minimum_bands: int = MINIMUM_BANDS) -> None:
    """Refuse what a tracker cannot work on.

    Args:
        cube: one frame.
        name: what the message calls it.
        minimum_bands: the fewest that will do; networks on three-band images need three.

    Raises:
        CubeError: not three axes, fewer than `minimum_bands` bands, an empty side, not real numbers, or NaN/Inf.
    """
    if cube.ndim != 3:
        raise CubeError(
            f"expected {name} of shape (height, width, bands), found {cube.shape}; give one hyperspectral frame"
        )
    if cube.dtype.kind not in "uif":
        raise CubeError(f"expected {name} of integers or floats, found type {cube.dtype}; convert it to real numbers")
    if 0 in cube.shape:
        raise CubeError(f"expected {name} with pixels in it, found shape {cube.shape}; the frame is empty")
    if cube.shape[2] < minimum_bands:
        raise CubeError(
            f"expected {name} with at least {minimum_bands} bands on its last axis, "
            f"found {cube.shape[2]} (shape {cube.shape}); check the axis order, it is (height, width, bands)"
        )
    check_finite(cube, name=name)


def check_finite(values: NDArray[Any], *, name: str = "cube") -> None:
    """Refuse NaN and infinity; integers pass at once.

    Raises:
        CubeError: some value is not finite.
    """
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        count = int((~np.isfinite(values)).sum())
        raise CubeError(
            f"expected finite values in {name}, found {count} NaN or infinite; mask or repair them before tracking"
        )


def without_no_data(values: NDArray[Any], no_data: float) -> NDArray[Any]:
    """Values with 0, no light, where they mean "no data"; the array itself where none does.

    Args:
        values: any real numbers.
        no_data: what the file says there, such as -9999 or NaN.
    """
    if no_data == 0 or (values.dtype.kind != "f" and not _is_of(values.dtype, no_data)):
        return values
    missing = np.isnan(values) if np.isnan(no_data) else values == values.dtype.type(no_data)
    return np.where(missing, values.dtype.type(0), values) if missing.any() else values


def pixels_with_data(cube: Cube, no_data: float | None) -> NDArray[np.bool_] | None:
    """(height, width) pixels that have data; None where nothing says that some have none.

    Args:
        cube: as it is read, with 0 in every band where there are no data.
        no_data: what its frame or sequence says of that.
    """
    return None if no_data is None else np.asarray(cube.any(axis=2))


def check_no_data(cube: Cube, *, name: str = "cube") -> None:
    """Refuse a cube with what looks like "no data": one negative number, over and over, far below all others.

    Rectified and masked cubes are filled with it (-9999, -32768). Taken for light it would decide every scaling.

    Raises:
        CubeError: the lowest value is such a number.
    """
    lowest = cube.min() if cube.dtype.kind in "if" else 0
    if not lowest < 0:
        return
    filled = cube == lowest
    others = cube[~filled]
    if not others.size:
        return
    low, high = float(others.min()), float(others.max())
    if filled.sum() >= cube.shape[2] and low - float(lowest) > _FAR * (high - low):
        raise CubeError(
            f"expected light in {name}, found {float(lowest):g} in {int(filled.sum())} values and the others from "
            f"{low:g} to {high:g}; if it means no data, say so with no_data=... (--no-data {float(lowest):g}), else "
            "give --no-data none"
        )


def _is_of(dtype: np.dtype[Any], value: float) -> bool:
    """Whether a whole-number type can hold a value."""
    limits = np.iinfo(dtype)
    return float(value).is_integer() and limits.min <= value <= limits.max
