"""The correlation filter: solved under a spatial mask, applied, and its response read.

Source: Lukežič, Vojíř, Čehovin Zajc, Matas, Kristan, "Discriminative Correlation Filter with Channel and Spatial
Reliability", CVPR 2017 (CSR-DCF): for each channel, with circumflexes for frequencies,

    minimise  |conj(h^) f^ - g^|^2 + lambda |h^|^2   subject to   h = m h,

by the alternating direction method of multipliers on an unconstrained filter, a masked one and their difference. The
peak-to-sidelobe ratio is that of Bolme, Beveridge, Draper, Lui, "Visual Object Tracking using Adaptive Correlation
Filters", CVPR 2010 (MOSSE). Ours: lambda and the penalty are relative to the power of the features, so their unit does
not matter, and the target may stand anywhere in the crop: the wanted response is shifted there instead of cutting a
second crop for learning.
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray
from scipy import fft

Frequencies = NDArray[np.complex64]
"""(..., size, size / 2 + 1) complex64: half of the spectrum of real maps."""

Maps = NDArray[np.float32]
"""(..., size, size) float32."""

REGULARISATION = 0.004
_PENALTY, _PENALTY_GROWTH, _ITERATIONS = 0.04, 3.0, 4
_PEAK_REACH = 5
"""The peak of a response is 11 cells wide, as in MOSSE; the rest is sidelobe."""


def to_frequencies(maps: Maps) -> Frequencies:
    """Real Fourier transform over the last two axes."""
    return np.asarray(fft.rfft2(maps, axes=(-2, -1)))


def to_maps(frequencies: Frequencies, size: int) -> Maps:
    """The inverse of `to_frequencies`."""
    return np.asarray(fft.irfft2(frequencies, s=(size, size), axes=(-2, -1)))


def wanted_response(size: int, sigma: float, shift: tuple[float, float] = (0.0, 0.0)) -> Frequencies:
    """Frequencies of a circular Gaussian of height 1 and deviation `sigma` cells whose peak stands `shift` (x, y) from
    the origin.
    """
    across, down = (_circular_gaussian(size, sigma, offset) for offset in shift)
    return to_frequencies(np.outer(down, across).astype(np.float32))


def solve(
    features: Frequencies,
    wanted: Frequencies,
    mask: Maps,
    *,
    regularisation: float = REGULARISATION,
    penalty: float = _PENALTY,
    growth: float = _PENALTY_GROWTH,
    iterations: int = _ITERATIONS,
) -> Frequencies:
    """The filter of each channel, zero outside the mask.

    Args:
        features: (channels, size, size / 2 + 1) of the learning crop.
        wanted: (size, size / 2 + 1) of the response that the filter shall give there.
        mask: (size, size) in [0, 1], where the filter may differ from zero.
        regularisation: lambda over the mean power of the features.
        penalty: mu over the same, in the first iteration.
        growth: factor on mu from one iteration to the next (beta in the paper).
        iterations: how many.

    Returns:
        (channels, size, size / 2 + 1); apply it with `respond`.
    """
    size = mask.shape[-1]
    cross, power = features * np.conj(wanted), features.real**2 + features.imag**2
    level = float(power.mean()) + 1e-9
    ridge, mu = np.float32(regularisation * level), np.float32(penalty * level)
    masked = to_frequencies(mask * to_maps(cross / (power + ridge), size))
    dual = ridge * masked  # what it is in the end within the mask; without a mask the start is the solution
    for _ in range(iterations):
        free = (cross + mu * masked - dual) / (power + mu)
        masked = to_frequencies(mask * to_maps((dual + mu * free) / (ridge + mu), size))
        dual += mu * (free - masked)
        mu = np.float32(mu * growth)
    return masked


def respond(filters: Frequencies, features: Frequencies, weights: NDArray[np.float32], size: int) -> Maps:
    """Weighted sum of the channels' responses, (size, size); the middle cell means: the target has not moved."""
    response = to_maps(np.einsum("c,cij,cij->ij", weights, np.conj(filters), features), size)
    return np.asarray(fft.fftshift(response))


def sidelobe_ratio(response: Maps, peak: tuple[int, int]) -> float:
    """(peak - mean) / deviation of the response around a cell (row, column), 11 x 11 cells left out."""
    size = response.shape[0]
    beside = np.ones(response.shape, dtype=bool)
    rows, columns = (np.arange(index - _PEAK_REACH, index + _PEAK_REACH + 1) % size for index in peak)
    beside[np.ix_(rows, columns)] = False
    values = response[beside]
    return float((response[peak] - values.mean()) / (values.std() + 1e-6)) if values.size else 0.0


def place_of_peak(response: Maps, peak: tuple[int, int]) -> tuple[float, float]:
    """(row, column) of a maximum between the cells, by a parabola through each axis; neighbours wrap around."""
    size = response.shape[0]
    row, column = peak
    down = vertex(*(float(response[(row + step) % size, column]) for step in (-1, 0, 1)))
    across = vertex(*(float(response[row, (column + step) % size]) for step in (-1, 0, 1)))
    return row + down, column + across


def vertex(before: float, at: float, after: float) -> float:
    """Where the parabola through values at -1, 0 and 1 has its maximum, within half a step; 0 where it has none."""
    bend = before - 2 * at + after
    return float(np.clip(0.5 * (before - after) / bend, -0.5, 0.5)) if bend < 0 else 0.0


@functools.lru_cache(maxsize=8)
def taper(size: int) -> Maps:
    """(size, size) Hann window that is positive everywhere."""
    edge = np.hanning(size + 2)[1:-1]
    return np.asarray(np.outer(edge, edge), dtype=np.float32)


def _circular_gaussian(size: int, sigma: float, offset: float) -> NDArray[np.float64]:
    distance = (np.arange(size) - offset + size / 2) % size - size / 2
    return np.asarray(np.exp(-0.5 * (distance / sigma) ** 2))
