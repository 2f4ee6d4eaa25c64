"""Log spectra: the logarithm turns the light, which multiplies, into something that adds.

A pixel is its brightness (the mean of its log spectrum) and the shape around it; a change of exposure, shading or a
shadow moves the brightness alone.
"""

from __future__ import annotations

from collections.abc import Sequence as Several

import numpy as np
from numpy.typing import NDArray

from spectrack.evidence.mixtures import Values

Light = NDArray[np.float32]
"""(height, width, bands) float32: 1 is the first frame's white."""

NOISE = 0.05
"""Spread of log spectra that is never worth telling apart."""

_MOST_BANDS = 25
"""More bands become as many groups of neighbours: finer spectra cost time and, in few hundred pixels, certainty."""

_DARK = 0.01
"""Added to light before the logarithm, a share of the first frame's white: noise in the dark must not look coloured."""

_BRIGHTNESS_WEIGHT = 0.3
"""Brightness counts less than shape: it changes with every shadow."""


def band_groups(bands: int, wavelengths_nm: Several[float] | None = None) -> NDArray[np.float32]:
    """(bands, at most 25) matrix that averages neighbouring bands; neighbours in wavelength where those are known."""
    order = np.arange(bands)
    if wavelengths_nm is not None and len(wavelengths_nm) == bands:
        order = np.argsort(np.asarray(wavelengths_nm, dtype=np.float64), kind="stable")
    groups = min(bands, _MOST_BANDS)
    matrix = np.zeros((bands, groups), dtype=np.float32)
    for group, members in enumerate(np.array_split(order, groups)):
        matrix[members, group] = 1.0 / len(members)
    return matrix


def log_spectra(light: Light) -> tuple[Values, NDArray[np.float32]]:
    """What the mixtures see of an image, and its brightness.

    Args:
        light: (height, width, bands).

    Returns:
        (height * width, dimensions) shape of the log spectrum, and the weighted brightness last; and (height, width)
        mean of the log spectrum.
    """
    logs = np.log(np.maximum(light, 0.0) + np.float32(_DARK))
    brightness = logs.mean(axis=2)
    pixels = brightness.size
    shape = (logs - brightness[:, :, None]).reshape(pixels, -1)
    if shape.shape[1] == 1:  # one band has no shape
        return brightness.reshape(pixels, 1).copy(), brightness
    return np.concatenate([shape, _BRIGHTNESS_WEIGHT * brightness.reshape(pixels, 1)], axis=1), brightness
