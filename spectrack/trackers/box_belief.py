"""How far the box around likely cells is believed beside the network's: a running judgement of both.

Neither is always right. A network on false colour cannot see where a camouflaged thing ends, and is slow to follow one
that bends; cells run together with what has the target's spectrum, and miss the parts that do not. Which of the two
fits better shows on the first frame, where the truth is known, and in how both behave since. All rules are ours.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spectrack.boxes import Box
from spectrack.evidence.regions import ramp

_RATE = 0.15
"""Weight of a frame in the running means."""

_FITS_BADLY, _FITS_WELL = 0.5, 0.65
"""IoU of the cells' box with the given one on the first frame, before their difference is taken out."""

_FAINT, _CLEAR = 0.25, 0.5
"""Contrast of the given box on the first frame."""

_COMMON, _RARE = 0.1, 0.4
"""Rarity of the target's spectrum in its surroundings; cells run together with what is common."""

_PALE, _FULL = 0.65, 0.85
"""Contrast of the cells' box over that of the first frame."""

_FEW, _ENOUGH, _MANY, _TOO_MANY = 0.3, 0.5, 1.5, 2.2
"""Likely cells over their usual number."""

_USUALLY_FEW, _USUALLY_ENOUGH = 0.5, 0.7
_STEADY, _UNSTEADY = 0.09, 0.14
"""Mean deviation of that share."""

_UNEXPLAINED, _MUCH_UNEXPLAINED = 0.2, 0.6
"""Share of what the cells leave out of the network's box that its surroundings do not explain."""

_LOSS_TO_ERROR = 0.5
"""Error of log sides that goes with a loss of all contrast."""

_MOST_CHANGE, _MOST_CONTRAST = 0.5, 1.5


@dataclass(frozen=True)
class Sight:
    """Both boxes of one frame, as the map of likely cells shows them.

    Attributes:
        network: the network's box, x, y, w, h in cube pixels.
        cells: the box around the likely cells, likewise.
        network_contrast: contrast of the first over that of the given box on the first frame.
        cells_contrast: of the second.
        share: likely cells over their usual number.
        unexplained: share of what lies in the first box alone that the surroundings' spectra do not explain.
    """

    network: Box
    cells: Box
    network_contrast: float
    cells_contrast: float
    share: float
    unexplained: float


class BoxBelief:
    """Watches both boxes of one target.

    Args:
        trust: how well spectra told the target from its surroundings on the first frame, 0..1.
        fits: IoU of cells' box and given box there.
        contrast: of the given box there, -1..1.
    """

    def __init__(self, trust: float, fits: float, contrast: float) -> None:
        self._known = trust * ramp(fits, _FITS_BADLY, _FITS_WELL)
        self._clear = ramp(contrast, _FAINT, _CLEAR)
        self._last: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None
        self._unrest = np.array([0.03, 0.06])
        self._contrasts = np.ones(2)
        self._share, self._deviation = 1.0, 0.08

    def observe(self, sight: Sight, rarity: float) -> float:
        """Take a frame in.

        Args:
            sight: both boxes.
            rarity: by how much the target's evidence exceeds that of the region's other places, at most 1.

        Returns:
            Weight of the cells' box, 0..1; the network's has the rest.
        """
        self._follow(sight)
        now = ramp(sight.cells_contrast, _PALE, _FULL) * ramp(sight.share, _FEW, _ENOUGH)
        now *= 1 - ramp(sight.share, _MANY, _TOO_MANY)
        possible = self._known * ramp(rarity, _COMMON, _RARE) * ramp(float(self._contrasts[1]), _PALE, _FULL)
        explained = 1 - ramp(sight.unexplained, _UNEXPLAINED, _MUCH_UNEXPLAINED)
        return possible * now * explained * max(self._better(), self._clear * self._steady())

    def _follow(self, sight: Sight) -> None:
        sides = np.log(sight.network[2:]), np.log(sight.cells[2:])
        if self._last is not None:
            changes = [
                np.minimum(np.abs(new - old), _MOST_CHANGE).mean() for new, old in zip(sides, self._last, strict=True)
            ]
            self._unrest += _RATE * (np.array(changes) - self._unrest)
        self._last = sides
        found = np.clip([sight.network_contrast, sight.cells_contrast], 0.0, _MOST_CONTRAST)
        self._contrasts += _RATE * (found - self._contrasts)
        self._deviation += _RATE * (min(abs(sight.share - self._share), 1.0) - self._deviation)
        self._share += _RATE * (min(sight.share, 2.0) - self._share)

    def _better(self) -> float:
        """Share of the cells' box by inverse variance: errors are unrest, and contrast that a box should show and does
        not; the network's only as far as the cells' box shows it.
        """
        network, cells = (float(contrast) for contrast in self._contrasts)
        lost = np.array([max(0.0, min(cells, 1.0) - network), max(0.0, 1.0 - cells)])
        variances = self._unrest**2 + (_LOSS_TO_ERROR * lost) ** 2
        return float(variances[0] / variances.sum())

    def _steady(self) -> float:
        """Whether the number of likely cells has been what it was on the first frame, and even."""
        return ramp(self._share, _USUALLY_FEW, _USUALLY_ENOUGH) * (1 - ramp(self._deviation, _STEADY, _UNSTEADY))
