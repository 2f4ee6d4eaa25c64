"""A box on a grid of pixels or cells: what lies in it, what around it, and what of it is likely the target's.

All coordinates are those of the grid: cell i covers [i, i + 1).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spectrack.boxes import Box

Inside = NDArray[np.bool_]
"""(rows, columns) bool."""

APART = 0.75
"""Places so many sides of the target apart are different things."""

_RIM = 1.1
"""Up to here (in half sides) a cell may still be the target's: boxes are drawn by hand."""

_FEWEST = 4


def distance_to(box: Box, cells: int | tuple[int, int]) -> NDArray[np.float64]:
    """Distance from a box's middle, along the farther axis in half sides: 1 on its edges.

    Args:
        box: x, y, w, h.
        cells: rows and columns, or the side of a square.

    Returns:
        (rows, columns).
    """
    across, down = _offsets(box, cells)
    return np.asarray(np.maximum(np.abs(across), np.abs(down)[:, None]))


def are_apart(places: NDArray[np.float64], place: NDArray[np.float64], sides: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether things of these sides at places (..., 2) are others than one at `place`: by `APART` along an axis."""
    return np.asarray((np.abs(places - place) > APART * sides).any(axis=-1))


def box_around(centre: NDArray[np.float64], sides: NDArray[np.float64]) -> Box:
    """x, y, w, h from the middle and the sides."""
    return np.concatenate([centre - sides / 2, sides])


def inside_and_outside(box: Box, seen: Inside) -> tuple[Inside, Inside]:
    """The cells in a box, and those around it that are `seen`; never fewer than four of either where there are any."""
    distance = distance_to(box, seen.shape)
    inside, outside = distance < 1, (distance > _RIM) & seen
    inside = inside if inside.sum() >= _FEWEST else distance <= np.partition(distance.ravel(), _FEWEST - 1)[_FEWEST - 1]
    return inside, outside if outside.sum() >= _FEWEST else ~inside


def centre_prior(box: Box, cells: int | tuple[int, int]) -> NDArray[np.float32]:
    """(rows, columns) probability in 0.1 .. 0.9 that a cell is the target's, before its spectrum is looked at.

    Targets fill the middle of their boxes and leave the corners.
    """
    across, down = _offsets(box, cells)
    return np.clip(0.9 * (1 - across**2 - down[:, None] ** 2), 0.1, 0.9).astype(np.float32)


def ramp(value: float, low: float, high: float) -> float:
    """0 up to `low`, 1 from `high` on, straight in between."""
    return float(np.clip((value - low) / (high - low), 0.0, 1.0))


def _offsets(box: Box, cells: int | tuple[int, int]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(columns,) and (rows,) signed distance of the cells from the box's middle in half sides."""
    rows, columns = (cells, cells) if isinstance(cells, int) else cells
    across = (np.arange(columns) + 0.5 - box[0] - box[2] / 2) / (box[2] / 2)
    return across, (np.arange(rows) + 0.5 - box[1] - box[3] / 2) / (box[3] / 2)
