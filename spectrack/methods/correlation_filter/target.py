"""Where in a view the target is, and how much to believe it.

Place: the responses of the correlation filter and of the spectral likelihood, added. Where it ends is read off the
cells that look like it, see `evidence.extent`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spectrack.evidence.extent import Extent, Maps
from spectrack.evidence.regions import ramp
from spectrack.methods.correlation_filter.filter import Frequencies, place_of_peak, sidelobe_ratio, taper
from spectrack.trackers.lens import View

_SEEN_MASS, _FULL_MASS = 0.4, 0.7
_LARGE_MASS, _TOO_LARGE_MASS = 1.5, 2.2
"""Shares of the target's usual cells: below the first the spectra do not show it, above the last something else."""

_WEAK_RATIO, _STRONG_RATIO = 4.0, 12.0
"""Peak-to-sidelobe ratios; Bolme et al. (CVPR 2010) take 7 for lost or hidden and 20 to 60 for well tracked."""

_WEAK_PEAK, _STRONG_PEAK = 0.15, 0.4
"""Heights of the response over its usual height."""


@dataclass(frozen=True)
class Levels:
    """Usual heights of both responses at the target, by which they are made comparable.

    Attributes:
        correlation: of the filter's response.
        spectral: of the box against its ring.
    """

    correlation: float
    spectral: float

    def moved(self, peak: Peak, rate: float) -> Levels:
        """Running average."""
        return Levels(
            (1 - rate) * self.correlation + rate * peak.correlation,
            max((1 - rate) * self.spectral + rate * peak.spectral, 0.1),
        )


@dataclass(frozen=True)
class Peak:
    """The best place of a view.

    Attributes:
        place: x, y in cells, between cells.
        correlation: the filter's response there.
        spectral: the spectral response there.
        sidelobe_ratio: of the filter's response around that place.
        response: (cells, cells) both responses added; row and column i are the place i.
    """

    place: NDArray[np.float64]
    correlation: float
    spectral: float
    sidelobe_ratio: float
    response: Maps


@dataclass(frozen=True)
class Sight:
    """One try at finding the target.

    Attributes:
        view: what was looked at.
        log_ratio: (cells, cells) spectral likelihood.
        channels: what the filter saw.
        features: the same in frequencies.
        peak: the best place.
        extent: the target's cells there.
        by_spectra: how far the cells look like the target, 0..1.
        by_correlation: how far the filter's response does, 0..1.
        confidence: both together, 0..1.
    """

    view: View
    log_ratio: Maps
    channels: Maps
    features: Frequencies
    peak: Peak
    extent: Extent
    by_spectra: float
    by_correlation: float
    confidence: float


def find_peak(correlation: Maps, spectral: Maps, levels: Levels | None, weight: float, window_influence: float) -> Peak:
    """The highest place of both responses, each over its usual height.

    Args:
        correlation: the filter's response.
        spectral: that of `contrast_map`.
        levels: None on the first frame, where nothing is usual yet: then the filter alone decides.
        weight: of the spectral response, 0..1.
        window_influence: 0..1, how much the border is held down.
    """
    cells = correlation.shape[0]
    total = correlation
    if levels is not None:
        total = (1 - weight) / levels.correlation * correlation + weight / levels.spectral * spectral
    total = np.asarray(total * (1 - window_influence + window_influence * taper(cells)), dtype=np.float32)
    row, column = (int(index) for index in np.unravel_index(int(np.argmax(total)), total.shape))
    y, x = place_of_peak(total, (row, column))
    ratio = sidelobe_ratio(correlation, (row, column))
    return Peak(np.array([x, y]), float(correlation[row, column]), float(spectral[row, column]), ratio, total)


def believe(peak: Peak, levels: Levels, mass_share: float, trust: float) -> tuple[float, float, float]:
    """How far spectra and correlation show the target, and both together, 0..1.

    Args:
        peak: what was found.
        levels: what is usual.
        mass_share: the target's cells over their usual number.
        trust: how well spectra told the target from its surroundings on the first frame.
    """
    by_spectra = trust * ramp(mass_share, _SEEN_MASS, _FULL_MASS) * (1 - ramp(mass_share, _LARGE_MASS, _TOO_LARGE_MASS))
    height = ramp(peak.correlation / levels.correlation, _WEAK_PEAK, _STRONG_PEAK)
    by_correlation = ramp(peak.sidelobe_ratio, _WEAK_RATIO, _STRONG_RATIO) * height
    confidence = max(by_spectra * (0.1 + 0.9 * by_correlation), by_correlation * (1 - 0.5 * trust))
    return by_spectra, by_correlation, confidence
