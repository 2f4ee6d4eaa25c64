"""What tells this target from these surroundings: a linear discriminant on the network's own feature maps.

A Siamese network asks how much a place looks like the template. It was never shown this video, so a lamp post that it
finds a little like the target stays so in every frame. A discriminant learnt on the video knows better: every cell of
the search crop that lies outside the box is a sample of what the target is not. Its direction is w = S^-1 (t - b) with
the means t of the target's cells and b of the surroundings', and the covariance S of both.

Source: whitened linear discriminants as detectors are Hariharan, Malik and Ramanan, ECCV 2012; a classifier learnt
online on a network's features beside a box regression is ATOM's idea (Danelljan et al., CVPR 2019). Ours: this form,
running means instead of a memory of frames, the first frame's mean kept for ever beside the running one, that nothing
is learnt while the target is not to be seen, and how a box's support follows from the cells.
"""

from __future__ import annotations

from typing import NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spectrack.boxes import Box
from spectrack.grid import FIRST_CELL_PX, SEARCH_SIZE_PX, STRIDE_PX, centres_px

Features = NDArray[np.float32]
"""(cells, cells, channels): the network's maps of a search crop, cell (i, j) at pixel 8 j + 7, 8 i + 7."""

_INSIDE, _OUTSIDE = 0.7, 1.25
"""The target's cells lie in the box's inner ellipse (squared radius), the surroundings' beyond so many half sides."""

_FEWEST_CELLS = 2
_SHRINKAGE = 0.1
"""Share of the mean variance that is added to every channel's."""

_OWN_SHARE = 0.3
"""Share of the target's cells in the first frame's covariance; the surroundings' have the rest."""

_WEAK, _CLEAR = 1.5, 3.5
"""Distance of the target's mean from the surroundings', in their standard deviations, that is trusted not at all, or
fully."""

_LOWEST, _HIGHEST = -0.5, 1.2
_LEAST_USUAL = 0.2
_SEEN, _FULLY_SEEN = 0.5, 0.8
"""Support below which nothing is learnt, and from which on the target is learnt at the full rate."""

_SURE, _SURER = 0.6, 0.9
"""The same for the network's score."""

_SURROUNDINGS_RATE = 0.05


class _Cells(NamedTuple):
    """Which cells of a search crop are the target's and which are its surroundings', (cells, cells) each."""

    target: NDArray[np.bool_]
    surroundings: NDArray[np.bool_]


class FeatureDiscriminant:
    """A running linear discriminant between one target and what is around it. Make it with `fit`.

    Attributes:
        trust: 0 to 1, how clearly the first frame told the target from its surroundings.
    """

    def __init__(self, target: NDArray[np.float64], surroundings: NDArray[np.float64]) -> None:
        self._first, self._target = target.mean(axis=0), target.mean(axis=0)
        self._around = surroundings.mean(axis=0)
        self._covariance = (1 - _OWN_SHARE) * _covariance(surroundings) + _OWN_SHARE * _covariance(target)
        self._solve()
        spread = float(self._values(surroundings).std())
        distance = float(self._values(target).mean() - self._values(surroundings).mean()) / max(spread, 1e-6)
        self.trust = float(np.clip((distance - _WEAK) / (_CLEAR - _WEAK), 0.0, 1.0))
        self._usual = 1.0

    @classmethod
    def fit(cls, features: Features, box: Box, seen: NDArray[np.bool_]) -> Self | None:
        """Learn the first frame.

        Args:
            features: of the search crop around the target.
            box: x, y, w, h in that crop, px.
            seen: (cells, cells) cells inside the frame.

        Returns:
            The discriminant, or None where the crop shows nothing but the target.
        """
        cells = _cells(box, seen)
        if np.count_nonzero(cells.surroundings) < _FEWEST_CELLS:
            return None
        values = features.astype(np.float64)
        found = cls(values[cells.target], values[cells.surroundings])
        corners = np.array([box[0], box[1], box[0] + box[2], box[1] + box[3]]).reshape(4, 1, 1)
        found._usual = max(float(box_means(found.likeness(features), corners)[0, 0]), _LEAST_USUAL)
        return found

    def likeness(self, features: Features) -> NDArray[np.float64]:
        """(cells, cells): 1 at the target's mean, 0 at the surroundings', bounded a little beyond both."""
        return np.clip(self._values(features.astype(np.float64)), _LOWEST, _HIGHEST)

    def support(self, features: Features, corners: NDArray[np.float32]) -> NDArray[np.float64]:
        """How far predicted boxes hold the target's cells: 0 not at all, 1 as the first box did.

        Args:
            features: of the search crop.
            corners: (4, rows, columns) x0, y0, x1, y1 in that crop, px.
        """
        return np.clip(box_means(self.likeness(features), corners) / self._usual, 0.0, 1.0)

    def learn(
        self, features: Features, box: Box, seen: NDArray[np.bool_], *, score: float, support: float, rate: float
    ) -> None:
        """Take a tracked frame in; nothing where the box has too little support, because something else is in it.

        Args:
            features: of the search crop.
            box: the new box in that crop, px.
            seen: (cells, cells) cells inside the frame.
            score: the network's, 0..1.
            support: of the chosen box.
            rate: share of the target's mean that a frame may replace.
        """
        if support < _SEEN:
            return
        cells, values = _cells(box, seen), features.astype(np.float64)
        if np.count_nonzero(cells.surroundings) >= _FEWEST_CELLS:
            around = values[cells.surroundings]
            self._around += _SURROUNDINGS_RATE * (around.mean(axis=0) - self._around)
            self._covariance += _SURROUNDINGS_RATE * (_covariance(around) - self._covariance)
        sure = _ramp(score, _SURE, _SURER) * _ramp(support, _SEEN, _FULLY_SEEN)
        self._target += rate * sure * (values[cells.target].mean(axis=0) - self._target)
        self._solve()

    def _solve(self) -> None:
        channels = len(self._around)
        shrunk = self._covariance + np.eye(channels) * (_SHRINKAGE * np.trace(self._covariance) / channels + 1e-12)
        away = (self._first + self._target) / 2 - self._around
        direction = np.linalg.solve(shrunk, away)
        self._direction = direction / max(float(away @ direction), 1e-12)

    def _values(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray((features - self._around) @ self._direction)


def cells_in_frame(x0: float, y0: float, scale: float, height: int, width: int, cells: int) -> NDArray[np.bool_]:
    """Which cells of a crop look at pixels of the frame.

    Args:
        x0: left edge of the crop in the frame.
        y0: top edge.
        scale: frame pixels a crop pixel.
        height: of the frame.
        width: of the frame.
        cells: along a side of the crop.
    """
    places = centres_px(cells, SEARCH_SIZE_PX) * scale
    columns, rows = x0 + places, y0 + places
    return np.outer((rows >= 0) & (rows < height), (columns >= 0) & (columns < width))


def box_means(values: NDArray[np.float64], corners: ArrayLike) -> NDArray[np.float64]:
    """Mean of a map of cells over boxes, with parts of cells as they are covered.

    Args:
        values: (cells, cells).
        corners: (4, rows, columns) x0, y0, x1, y1 in crop pixels.

    Returns:
        (rows, columns); a box smaller than half a cell a side counts as half a cell.
    """
    cells = len(values)
    sums = np.zeros((cells + 1, cells + 1))
    sums[1:, 1:] = values.cumsum(axis=0).cumsum(axis=1)
    x0, y0, x1, y1 = np.clip(
        (np.asarray(corners, dtype=np.float64) - (FIRST_CELL_PX - STRIDE_PX / 2)) / STRIDE_PX, 0.0, cells
    )
    total = _at(sums, y1, x1) - _at(sums, y0, x1) - _at(sums, y1, x0) + _at(sums, y0, x0)
    return np.asarray(total / np.maximum((x1 - x0) * (y1 - y0), 0.25))


def _at(sums: NDArray[np.float64], y: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Bilinear values between the points of a table of sums."""
    last = len(sums) - 2
    row, column = np.minimum(y.astype(np.intp), last), np.minimum(x.astype(np.intp), last)
    down, across = y - row, x - column
    upper = sums[row, column] * (1 - across) + sums[row, column + 1] * across
    lower = sums[row + 1, column] * (1 - across) + sums[row + 1, column + 1] * across
    return np.asarray(upper * (1 - down) + lower * down)


def _cells(box: Box, seen: NDArray[np.bool_]) -> _Cells:
    places = centres_px(len(seen), SEARCH_SIZE_PX)
    across = np.abs(places - box[0] - box[2] / 2) / max(box[2] / 2, 1e-6)
    down = np.abs(places - box[1] - box[3] / 2) / max(box[3] / 2, 1e-6)
    radius = across**2 + down[:, None] ** 2
    target = radius < max(_INSIDE, float(np.partition(radius.ravel(), _FEWEST_CELLS)[_FEWEST_CELLS]))
    return _Cells(target, (np.maximum(across, down[:, None]) > _OUTSIDE) & seen)


def _covariance(samples: NDArray[np.float64]) -> NDArray[np.float64]:
    centred = samples - samples.mean(axis=0)
    return np.asarray(centred.T @ centred / len(samples))


def _ramp(value: float, low: float, high: float) -> float:
    return float(np.clip((value - low) / (high - low), 0.0, 1.0))
