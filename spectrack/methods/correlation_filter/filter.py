"""What is learnt of the target's look: the correlation filter that finds its place, and the alignment that finds by
how much it has grown.

The filter is solved under a spatial mask, kept from frame to frame, applied, and its response read.

Source: Lukežič, Vojíř, Čehovin Zajc, Matas, Kristan, "Discriminative Correlation Filter with Channel and Spatial
Reliability", CVPR 2017 (CSR-DCF): for each channel, with circumflexes for frequencies,

    minimise  |conj(h^) f^ - g^|^2 + lambda |h^|^2   subject to   h = m h,

by the alternating direction method of multipliers on an unconstrained filter, a masked one and their difference. An
optional term holds the filter near the one before (Li et al., STRCF, CVPR 2018; temporal consistency in SSTCF). The
peak-to-sidelobe ratio is that of Bolme, Beveridge, Draper, Lui, "Visual Object Tracking using Adaptive Correlation
Filters", CVPR 2010 (MOSSE). Ours: lambda and the penalty are relative to the power of the features, whose unit does
not matter, and the wanted response is shifted to the target anywhere in the crop: learning needs no second crop.

Growth: the features of the target are aligned with those learnt, by Gauss-Newton steps in place and size. Source: Lucas
and Kanade, IJCAI 1981, in the form of Baker and Matthews, "Lucas-Kanade 20 Years On", IJCV 2004, where the derivatives
belong to the learnt side and are not computed again. It stands where DSST has its scale filter (Danelljan et al., BMVC
2014): on maps as coarse as these, a circular correlation over sizes finds a tenth of a zoom, the alignment all of it.
"""

from __future__ import annotations

import functools

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import fft

from spectrack.evidence.extent import Maps

Frequencies = NDArray[np.complex64]
"""(..., size, size / 2 + 1) complex64: half of the spectrum of real maps."""

REGULARISATION = 0.004
_PENALTY, _PENALTY_GROWTH, _ITERATIONS = 0.04, 3.0, 4
_PEAK_REACH = 5
"""The peak of a response is 11 cells wide, as in MOSSE; the rest is sidelobe."""

_SIGMA = 1.3
"""Deviation of the wanted response in cells."""

_BELIEVED = 0.3

_CELLS = 12
_CONTEXT = 1.3
"""Side of a sample over the side of the target: its edges are what tells sizes apart."""

_REACH = 0.06
"""Log size and share of a cell over which derivatives are taken; wide enough that noise does not shorten the steps."""

_ROUNDS = 3
_LONGEST_STEP = np.array([0.06, 1.0, 1.0])
_DAMPING = 0.01


def to_frequencies(maps: Maps) -> Frequencies:
    """Real Fourier transform over the last two axes."""
    return np.asarray(fft.rfft2(maps, axes=(-2, -1)))


def to_maps(frequencies: Frequencies, size: int) -> Maps:
    """The inverse of `to_frequencies`."""
    return np.asarray(fft.irfft2(frequencies, s=(size, size), axes=(-2, -1)))


def wanted_response(size: int, sigma: float, shift: tuple[float, float] = (0.0, 0.0)) -> Frequencies:
    """Frequencies of a circular Gaussian of height 1, deviation `sigma` cells, peak `shift` (x, y) from the origin."""
    across, down = (_circular_gaussian(size, sigma, offset) for offset in shift)
    return to_frequencies(np.outer(down, across).astype(np.float32))


def solve(
    features: Frequencies,
    wanted: Frequencies,
    mask: Maps,
    *,
    previous: Frequencies | None = None,
    temporal: float = 0.0,
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
        previous: filters of the frame before, of the same shape as the result.
        temporal: weight of |h - previous|^2 over the mean power of the features, from 0.
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
    if previous is not None and temporal > 0:
        hold = np.float32(temporal * level)
        cross, power = cross + hold * previous, power + hold
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


class TranslationFilter:
    """One filter a channel, weighted by how well each answers on its own learning crop.

    The weights are the channel reliabilities of CSR-DCF; filters and weights are running averages.

    Args:
        cells: side of the crop.
        temporal: see `solve`.
    """

    def __init__(self, cells: int, temporal: float = 0.0) -> None:
        self.cells, self.temporal = cells, temporal
        self._filters: Frequencies | None = None
        self._weights = np.zeros(0, dtype=np.float32)

    def prepare(self, channels: Maps) -> Frequencies:
        """Frequencies of (channels, cells, cells), faded out towards the border."""
        return to_frequencies(channels * taper(self.cells))

    def respond(self, features: Frequencies) -> Maps:
        """(cells, cells); the maximum at row and column cells / 2 means: in the middle of the crop."""
        if self._filters is None:
            return np.zeros((self.cells, self.cells), dtype=np.float32)
        return respond(self._filters, features, self._weights, self.cells)

    def learn(self, features: Frequencies, centre: NDArray[np.float64], mask: Maps, rate: float) -> None:
        """Take over with the weight `rate` (the first time wholly) that the target's middle is at `centre`.

        Args:
            features: of the crop in which the target was found.
            centre: (x, y) in cells.
            mask: (cells, cells) of the target, moved to the middle.
            rate: 0 to 1.
        """
        shift = float(centre[0] - self.cells / 2), float(centre[1] - self.cells / 2)
        wanted = wanted_response(self.cells, _SIGMA, shift)
        filters = solve(features, wanted, mask, previous=self._filters, temporal=self.temporal)
        if self._filters is None:
            self._filters, self._weights = filters, self._reliability(filters, features)
        else:
            self._filters = (1 - rate) * self._filters + rate * filters
            self._weights = (1 - rate) * self._weights + rate * self._reliability(self._filters, features)

    def _reliability(self, filters: Frequencies, features: Frequencies) -> NDArray[np.float32]:
        peaks = np.maximum(to_maps(np.conj(filters) * features, self.cells).max(axis=(1, 2)), 1e-6)
        return np.asarray(peaks / peaks.sum(), dtype=np.float32)


def centred_mask(belief: Maps, centre: NDArray[np.float64], sides: NDArray[np.float64], *, trusted: bool) -> Maps:
    """Where the filter may differ from zero, (cells, cells): the target moved to the middle of the crop.

    Args:
        belief: probability of each cell.
        centre: x, y of the target in cells.
        sides: its width and height in cells.
        trusted: whether `belief` cuts the box down to the target; if not, or to a fifth or less, the box is the mask.
    """
    cells = belief.shape[0]
    away = np.abs(np.arange(cells) + 0.5 - cells / 2)
    box = (away < sides[0] / 2 + 0.5) & (away < sides[1] / 2 + 0.5)[:, None]
    if trusted:
        moved = np.roll(belief, (round(cells / 2 - centre[1]), round(cells / 2 - centre[0])), axis=(0, 1))
        target = box & (moved > _BELIEVED)
        if target.sum() > 0.2 * box.sum():
            return np.asarray(target, dtype=np.float32)
    return np.asarray(box, dtype=np.float32)


class ScaleAlignment:
    """Learns how the target looks at its size, and finds by what factor it has grown since."""

    def __init__(self) -> None:
        self._sample: NDArray[np.float32] | None = None
        self._slopes: NDArray[np.float32] | None = None

    def learn(self, features: Maps, centre: NDArray[np.float64], sides: NDArray[np.float64], rate: float) -> None:
        """Take the target's look over with the weight `rate`; the first time wholly.

        Args:
            features: (cells, cells, channels).
            centre: x, y of the target in cells.
            sides: its width and height in cells.
            rate: 0 to 1.
        """
        sample = _cut(features, centre, sides, 1.0)
        across, down = np.array([1.0, 0.0]), np.array([0.0, 1.0])
        slopes = np.stack(
            [
                (_cut(features, centre, sides, np.exp(_REACH)) - _cut(features, centre, sides, np.exp(-_REACH)))
                / np.float32(2 * _REACH),
                (_cut(features, centre + across, sides, 1.0) - _cut(features, centre - across, sides, 1.0))
                / np.float32(2),
                (_cut(features, centre + down, sides, 1.0) - _cut(features, centre - down, sides, 1.0)) / np.float32(2),
            ]
        )
        if self._sample is None or self._slopes is None:
            self._sample, self._slopes = sample, slopes
        else:
            self._sample = np.asarray((1 - rate) * self._sample + rate * sample, dtype=np.float32)
            self._slopes = np.asarray((1 - rate) * self._slopes + rate * slopes, dtype=np.float32)

    def growth(self, features: Maps, centre: NDArray[np.float64], sides: NDArray[np.float64]) -> float:
        """Size now over the size given by `sides`; 1 where aligning brings the look no nearer to the one learnt."""
        if self._sample is None or self._slopes is None:
            return 1.0
        normal = self._slopes @ self._slopes.T
        normal = (normal + np.diag(np.diag(normal)) * _DAMPING + np.eye(3) * 1e-9).astype(np.float64)
        log_size, place, error = 0.0, centre, np.inf
        for step in range(_ROUNDS + 1):
            off = self._sample - _cut(features, place, sides, float(np.exp(log_size)))
            found = float(off @ off)
            if step == 0:
                error = found
            elif found > error:
                return 1.0
            if step < _ROUNDS:
                move = np.clip(
                    np.linalg.solve(normal, (self._slopes @ off).astype(np.float64)), -_LONGEST_STEP, _LONGEST_STEP
                )
                log_size, place = log_size + float(move[0]), place + move[1:]
        return float(np.exp(log_size))


def _cut(features: Maps, centre: NDArray[np.float64], sides: NDArray[np.float64], factor: float) -> NDArray[np.float32]:
    """(values,) the target and its edges at a size of `factor`, in 12 x 12 cells."""
    across, down = sides * (_CONTEXT * factor / _CELLS)
    # From cell i of the sample to cells of the features; cell i covers [i, i + 1), OpenCV counts from its middle.
    place = np.array(
        [
            [across, 0.0, centre[0] - 0.5 + (0.5 - _CELLS / 2) * across],
            [0.0, down, centre[1] - 0.5 + (0.5 - _CELLS / 2) * down],
        ]
    )
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(
        cv2.warpAffine(features, place, (_CELLS, _CELLS), flags=flags, borderMode=cv2.BORDER_REPLICATE).ravel()
    )
