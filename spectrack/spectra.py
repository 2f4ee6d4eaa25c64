"""Spectra on one wavelength grid: angles, resampling, smooth random reflectances and metamers.

The grid is 400 to 1000 nm in steps of 5 nm for every camera of the field. A metamer here is a reflectance with the
same false colour as another one and a different shape: it holds for one false-colour rule, illuminant and sensor.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spectrack.errors import InputError

WAVELENGTHS_NM: NDArray[np.float64] = np.arange(400.0, 1000.1, 5.0)
"""(121,) the common grid, in nm."""

Spectrum = NDArray[np.float64]
"""(121,) float64 on `WAVELENGTHS_NM`."""


def spectral_angle(spectrum: ArrayLike, reference: ArrayLike) -> NDArray[np.float64]:
    """Angle between spectra, independent of brightness.

    Computed as ``2 atan2(|u - v|, |u + v|)`` of the unit vectors: exact where the arc cosine loses half its digits.

    Args:
        spectrum: (..., bands), any unit.
        reference: (..., bands), same bands; leading axes broadcast.

    Returns:
        (...) in radians: 0 = same shape, pi/2 = nothing in common or one of the spectra all zero.

    Source: Kruse et al., Remote Sens. Environ. 44, 1993; the form by Kahan, "Miscalculating area and angles of a
    needle-like triangle", 2014, section 12.

    Example:
        >>> float(spectral_angle([1.0, 2.0, 3.0], [2.0, 4.0, 6.0]))
        0.0
    """
    first, second = np.asarray(spectrum, dtype=np.float64), np.asarray(reference, dtype=np.float64)
    norm_first, norm_second = (np.linalg.norm(array, axis=-1, keepdims=True) for array in (first, second))
    u = first / np.where(norm_first > 0, norm_first, 1.0)
    v = second / np.where(norm_second > 0, norm_second, 1.0)
    angle = 2.0 * np.arctan2(np.linalg.norm(u - v, axis=-1), np.linalg.norm(u + v, axis=-1))
    seen = (norm_first[..., 0] > 0) & (norm_second[..., 0] > 0)
    return np.asarray(np.where(seen, angle, np.pi / 2))


def effective_count(shares: ArrayLike) -> float:
    """How many parts share in a total: 1 when one has all of it, n when n have the same.

    Args:
        shares: (n,) non-negative parts of any unit.

    Source: the participation ratio, Bell and Dean, Discuss. Faraday Soc. 50, 1970.

    Example:
        >>> effective_count([1.0, 1.0, 0.0, 0.0])
        2.0
    """
    parts = np.asarray(shares, dtype=np.float64)
    return float(parts.sum() ** 2 / np.maximum((parts**2).sum(), 1e-300))


def smooth_curves(
    rng: np.random.Generator, count: int, length_nm: float, *, wavelengths_nm: Spectrum = WAVELENGTHS_NM
) -> NDArray[np.float64]:
    """Zero-mean, unit-variance smooth random functions of wavelength.

    White noise under a Gaussian window: stationary, with a squared-exponential correlation of length `length_nm`.

    Args:
        rng: the only source of randomness.
        count: how many.
        length_nm: correlation length in nm; 15 wiggles within a camera's range, 80 is a broad slope.
        wavelengths_nm: (n,) evenly spaced.

    Returns:
        (count, n).
    """
    step = float(wavelengths_nm[1] - wavelengths_nm[0])
    radius = int(np.ceil(3.0 * length_nm / step))
    window = np.exp(-((np.arange(-radius, radius + 1) * step / length_nm) ** 2))
    noise = rng.normal(size=(count, wavelengths_nm.size + 2 * radius))
    smooth = np.stack([np.convolve(row, window, mode="valid") for row in noise])
    return np.asarray(smooth / np.linalg.norm(window))


def smooth_reflectances(
    rng: np.random.Generator, count: int, *, length_nm: float = 60.0, contrast: float = 1.2
) -> NDArray[np.float64]:
    """Random reflectances in (0, 1): a logistic curve of smooth noise.

    Args:
        rng: the only source of randomness.
        count: how many.
        length_nm: correlation length in nm; measured paints and dyes lie near 40 to 80.
        contrast: spread on the logistic scale; 0.5 is greyish, 2 strongly coloured.

    Returns:
        (count, 121).
    """
    level = rng.normal(-0.6, 0.7, (count, 1))
    return np.asarray(1.0 / (1.0 + np.exp(-(level + contrast * smooth_curves(rng, count, length_nm)))))


def metamers(
    reflectances: ArrayLike,
    band_response: ArrayLike,
    colour_matrix: ArrayLike,
    rng: np.random.Generator,
    *,
    minimum_angle: float = 0.12,
    wanted_angle: float | None = None,
    unlike: Sequence[ArrayLike] = (),
    candidates: int = 192,
) -> NDArray[np.float64]:
    """Reflectances with exactly the false colour of the given ones and a shape as different as can be found.

    Each reflectance is multiplied by ``1 + s m_k``; the m_k come from one common wavelength pattern m, corrected to lie
    in the null space of that material's false-colour response: ``R^T (e_k m_k) = 0``. A surface that mixes the
    materials therefore keeps its false colour at every pixel while its spectrum is bent the same way everywhere. Of
    `candidates` random patterns the one with the largest spectral angle is taken, each bent as far as it stays in [0,
    1].

    Args:
        reflectances: (n,) one material or (materials, n) of one surface, in [0, 1]; the sum of a surface's materials is
            at most 1 if its pixels mix them freely, and stays so.
        band_response: (n, bands) illuminant times sensor response.
        colour_matrix: (bands, 3) the false-colour rule, see `spectrack.false_colour.false_colour_matrix`.
        rng: the only source of randomness.
        minimum_angle: smallest spectral angle, in radians and seen in the sensor's bands, that is accepted between the
            even mixture of the new materials and that of the given ones, and of each of `unlike`.
        wanted_angle: take less than the largest angle: bend back, which keeps the false colour, to this angle to the
            given materials; at least `minimum_angle`, and `unlike` is then respected as far as it goes.
        unlike: further (materials, n) sets to stay away from, such as metamers made before.
        candidates: patterns tried.

    Returns:
        Same shape as `reflectances`; false colours agree to about 1e-12.

    Raises:
        InputError: no pattern reaches `minimum_angle` (a dark or a saturated material leaves no room), or bad shapes.
    """
    base = np.atleast_2d(np.asarray(reflectances, dtype=np.float64))
    bands = np.asarray(band_response, dtype=np.float64)
    response = bands @ np.asarray(colour_matrix, dtype=np.float64)
    if base.shape[-1] != bands.shape[0] or base.min() < 0 or base.max() > 1:
        raise InputError(
            f"expected reflectances in [0, 1] at the {bands.shape[0]} wavelengths of the response, found shape "
            f"{base.shape} and values {base.min():g} to {base.max():g}; resample them with spectra.resample and clip"
        )
    bent = _bend(base, response, _patterns(rng, candidates, base.shape[-1]))
    known = [base, *(np.atleast_2d(np.asarray(other, dtype=np.float64)) for other in unlike)]
    angles = np.min([spectral_angle(bent.sum(axis=1) @ bands, other.sum(axis=0) @ bands) for other in known], axis=0)
    best = int(np.argmax(angles))
    if angles[best] < minimum_angle:
        raise InputError(
            f"expected a metamer at a spectral angle of at least {minimum_angle:g} rad, found none above "
            f"{angles[best]:.3f}; ask for a smaller angle or take a material that is neither black nor saturated"
        )
    chosen = bent[best] if wanted_angle is None else _bent_back(base, bent[best], bands, wanted_angle)
    return chosen.reshape(np.shape(reflectances))


def _bent_back(
    base: NDArray[np.float64], bent: NDArray[np.float64], bands: NDArray[np.float64], angle: float
) -> NDArray[np.float64]:
    """Between two sets of materials, the point at an angle to the first as the bands see it; else the far end."""
    start, end = base.sum(axis=0) @ bands, bent.sum(axis=0) @ bands
    low, high = 0.0, 1.0
    # The angle grows all the way from one end to the other, so halving finds it.
    for _ in range(40):
        middle = 0.5 * (low + high)
        if float(spectral_angle(start + middle * (end - start), start)) < angle:
            low = middle
        else:
            high = middle
    return np.asarray(base + high * (bent - base))


def _patterns(rng: np.random.Generator, count: int, samples: int) -> NDArray[np.float64]:
    """(count, samples) smooth patterns of several correlation lengths; tanh gives them flat tops, so more contrast."""
    lengths = (12.0, 18.0, 26.0, 36.0)
    share = -(-count // len(lengths))
    grid = np.arange(samples, dtype=np.float64) * 5.0
    curves = np.concatenate([smooth_curves(rng, share, length, wavelengths_nm=grid) for length in lengths])
    return np.asarray(np.tanh(2.0 * curves[:count]))


def _bend(
    base: NDArray[np.float64], response: NDArray[np.float64], patterns: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(candidates, materials, n): the materials bent by each pattern as far as the unit interval allows."""
    # R^T diag(e) (m - R c) = 0 has the solution c below; a material black over one channel needs the small ridge.
    scale = np.sqrt((response**2).sum(axis=0))
    unit = response / np.where(scale > 0, scale, 1.0)
    change = np.empty((len(patterns), *base.shape))
    for index, material in enumerate(base):
        weighted = unit * material[:, None]
        correction = np.linalg.lstsq(unit.T @ weighted, weighted.T @ patterns.T, rcond=1e-9)[0]
        change[:, index] = material * (patterns - (unit @ correction).T)
    # The largest s with e_k + s d_k >= 0.02 e_k for every material and sum_k <= 1.
    shrink = (-change / np.maximum(0.98 * base, 1e-9)).max(axis=(1, 2))
    room = np.maximum(1.0 - base.sum(axis=0), 0.0) if len(base) > 1 else 1.0 - base[0]
    grow = (change.sum(axis=1) / np.maximum(room, 1e-9)).max(axis=1)
    step = 1.0 / np.maximum(np.maximum(shrink, grow), 1e-9)
    # A pattern that is all correction has nothing left; without the bound numerical dust would be blown up.
    step = np.minimum(step, 20.0)
    return np.asarray(base + step[:, None, None] * change)
