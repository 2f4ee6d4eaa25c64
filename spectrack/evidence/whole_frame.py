"""Where in a whole frame the target may be by its spectrum: a matched filter everywhere, then ACE where that is high.

A matched filter costs a product of every pixel with one vector; ACE, which a bright pixel of another spectrum does not
deceive, several times as much. So the second judges only what the first proposes. Statistics: see `detectors`. Ours:
that places are compared by how densely likely pixels lie in a box of the target's size, less in a ring around it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spectrack.boxes import Box
from spectrack.cube import Cube
from spectrack.evidence.detectors import AdaptiveCosine, Detector, MatchedFilter
from spectrack.evidence.extent import Maps, density_contrast
from spectrack.evidence.regions import APART
from spectrack.sequences.frames import Frame

_PROPOSED = 8
"""Places of the matched filter that ACE looks at."""

_AROUND = 1.75
"""ACE looks so many sides around a proposed place."""

_ENOUGH = 16
"""Side of a target in pixels that are looked at."""

_LEAST_USUAL, _VISIBLE = 0.05, 0.15
"""Density of likely pixels: never less is divided by, and what shows a target."""


class Place(NamedTuple):
    """Where the target may be.

    Attributes:
        centre: (2,) x, y in pixels of the map it was found on.
        support: density of likely pixels there over that of the first frame's box, at least 0.
    """

    centre: NDArray[np.float64]
    support: float


class FrameSearch:
    """Search of whole frames for one target in one video, learnt on the first frame.

    Args:
        cube: the first frame, (height, width, bands) raw counts.
        box: the target in it, x, y, w, h in cube pixels.

    Attributes:
        sees: whether ACE shows the target on the first frame.
    """

    def __init__(self, cube: Cube, box: Box) -> None:
        self._filter, self._cosine = MatchedFilter(cube, box), AdaptiveCosine(cube, box)
        window, inner = _around(box[:2] + box[2:] / 2, box[2:], cube)
        near = box[:2] + box[2:] / 2 - inner
        usual = _highest_near(_density(self._cosine, window, box[2:]), near, box[2:])
        self.sees, self._usual = usual >= _VISIBLE, max(usual, _LEAST_USUAL)

    def support(self, frame: Frame, box: Box) -> float:
        """ACE's evidence in a box, cube pixels: about 1 on the target; only what is around it is read."""
        size = np.array([frame.shape[1], frame.shape[0]])
        low, high = _limits(box[:2] + box[2:] / 2, box[2:], size)
        window = frame.window(*(int(edge) for edge in (*low, *high)))
        # Of a large target every so many-th pixel says enough.
        step = max(1, int(np.sqrt(box[2] * box[3]) / _ENOUGH))
        place, sides = (box[:2] + box[2:] / 2 - low) / step, box[2:] / step
        return _highest_near(_density(self._cosine, window[::step, ::step], sides), place, sides) / self._usual

    def places(self, cube: Cube, sides: NDArray[np.float64], most: int) -> list[Place]:
        """The places that look most like the target, the best first.

        Args:
            cube: a frame, (height, width, bands).
            sides: (2,) the target's width and height, cube pixels.
            most: how many at most.
        """
        response = _density(self._filter, cube, sides)
        found = []
        for centre, _ in peaks(response, sides, _PROPOSED):
            window, corner = _around(centre, sides, cube)
            support = _highest_near(_density(self._cosine, window, sides), centre - corner, sides)
            found.append(Place(centre, max(support / self._usual, 0.0)))
        return sorted(found, key=lambda place: -place.support)[:most]


def peaks(response: Maps, sides: NDArray[np.float64], most: int) -> list[Place]:
    """The highest places of a map that are different things, the highest first.

    Args:
        response: (height, width) a value a place, see `density_contrast`.
        sides: (2,) the target's width and height in pixels of the map.
        most: how many at most.
    """
    left, found = response.copy(), []
    reach = np.maximum(APART * sides, 1.0)
    for _ in range(most):
        row, column = (int(index) for index in np.unravel_index(int(np.argmax(left)), left.shape))
        value = float(left[row, column])
        if value == -np.inf:
            break
        found.append(Place(np.array([float(column), float(row)]), value))
        (x0, y0), (x1, y1) = (np.array([column, row]) + sign * reach for sign in (-1, 1))
        left[max(0, int(y0)) : int(y1) + 1, max(0, int(x0)) : int(x1) + 1] = -np.inf
    return found


def _density(detector: Detector, cube: Cube, sides: NDArray[np.float64]) -> Maps:
    """(height, width) share of likely pixels in a box of these sides less that in a ring around it."""
    return density_contrast((detector.map(cube) > detector.threshold).astype(np.float32), sides)


def _around(centre: NDArray[np.float64], sides: NDArray[np.float64], cube: Cube) -> tuple[Cube, NDArray[np.float64]]:
    """The part of a frame around a place, and its upper left corner x, y."""
    low, high = _limits(centre, sides, np.array([cube.shape[1], cube.shape[0]]))
    return cube[low[1] : high[1], low[0] : high[0]], low.astype(np.float64)


def _limits(
    centre: NDArray[np.float64], sides: NDArray[np.float64], size: NDArray[np.int_]
) -> tuple[NDArray[np.int_], NDArray[np.int_]]:
    """First column and row around a place, and those after the last, in a frame of a size (width, height)."""
    low = np.clip(np.floor(centre - _AROUND * sides), 0, size - 1).astype(int)
    return low, np.clip(np.ceil(centre + _AROUND * sides), low + 1, size).astype(int)


def _highest_near(response: Maps, place: NDArray[np.float64], sides: NDArray[np.float64]) -> float:
    """Highest value of a map within a quarter of the sides of a place."""
    size = np.array([response.shape[1], response.shape[0]])
    low = np.clip(np.floor(place - sides / 4), 0, size - 1).astype(int)
    high = np.clip(np.ceil(place + sides / 4), low + 1, size).astype(int)
    return float(response[low[1] : high[1], low[0] : high[0]].max())
