"""Boxes ``(x, y, w, h)`` in cube pixels: checks, conversions, overlap and centre distance.

Edges are continuous and 0-based: a box covers ``[x, x + w) x [y, y + h)`` and its centre is ``x + w / 2``.
All functions are vectorised over leading axes and compute in float64.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spectrack.errors import BoxError

Box = NDArray[np.float64]
"""One box: shape (4,), float64, ``x, y, w, h``."""

Boxes = NDArray[np.float64]
"""Several boxes: shape (N, 4), float64."""

MINIMUM_SIDE_PX = 2.0
"""The smallest side a tracker may report, in cube pixels (25-band sequences hold objects of a few pixels)."""

LARGEST_SIDE = 10
"""The longest side that a first box may have, over the frame's longer one; more is a number of another meaning."""

_MANY_DIGITS = 1e9

_OFTEN = 3
"""So many boxes at pixel 1, and it is the frame's edge."""


def as_box(value: ArrayLike | Sequence[float]) -> Box:
    """Four finite numbers with positive sides as a float64 box.

    Args:
        value: four numbers ``x, y, w, h`` in cube pixels.

    Raises:
        BoxError: not four numbers, not finite, or a side that is not positive.

    Example:
        >>> as_box((3, 4, 10, 20)).tolist()
        [3.0, 4.0, 10.0, 20.0]
    """
    try:
        box = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise BoxError(
            f"expected a box of four numbers x,y,w,h, found {value!r}; give for example 214,61,30,42"
        ) from error
    if box.shape != (4,):
        raise BoxError(f"expected a box of four numbers x,y,w,h, found {value!r}; give for example 214,61,30,42")
    if not np.isfinite(box).all():
        raise BoxError(f"expected finite box coordinates, found {format_box(box)}; correct the box")
    if not is_box(box):
        raise BoxError(f"expected a box with positive width and height, found {format_box(box)}; correct the box")
    return box.copy()


def is_box(boxes: ArrayLike) -> NDArray[np.bool_]:
    """Whether four numbers are a box: finite, with positive sides. Args: (..., 4). Returns: (...).

    Example:
        >>> is_box([(0, 0, 2, 2), (0, 0, 0, 2), (float("nan"), 0, 2, 2)]).tolist()
        [True, False, False]
    """
    array = np.asarray(boxes, dtype=np.float64)
    return np.asarray(np.isfinite(array).all(axis=-1) & (array[..., 2:] > 0).all(axis=-1))


def check_box_in_frame(box: Box, height: int, width: int) -> None:
    """Refuse a first box that does not overlap a frame of `height` x `width` cube pixels, or is of another scale.

    Raises:
        BoxError: box and frame have no area in common; a side is below one pixel, as fractions of the frame are, or
            above `LARGEST_SIDE` times the frame's longer one.
    """
    x, y, w, h = box
    if min(w, h) < 1:
        raise BoxError(
            f"expected a box of at least one cube pixel, found {format_box(box)} in a frame of {width} x {height}; "
            "multiply fractions by the frame's size"
        )
    if max(w, h) > LARGEST_SIDE * max(width, height):
        raise BoxError(
            f"expected a box of the size of things in the frame of {width} x {height} cube pixels, found "
            f"{format_box(box)}; boxes are x,y,w,h in cube pixels"
        )
    if x + w <= 0 or y + h <= 0 or x >= width or y >= height:
        raise BoxError(
            f"expected a box that overlaps the frame of {width} x {height} cube pixels, found {format_box(box)}; "
            "boxes are x,y,w,h in cube pixels (mosaic pixels divided by the mosaic block)"
        )


def count_from_one(boxes: Boxes, height: int, width: int) -> bool:
    """Whether boxes look as if their pixels counted from 1: they reach the frame's edges there, and never at 0.

    Args:
        boxes: (N, 4); rows that are no box say nothing.
        height: of the frame.
        width: of the frame.

    Returns:
        Whether none begins before 1, and three or more begin at 1 or one ends just beyond the frame; ours.

    Example:
        >>> count_from_one(np.array([[1.0, 5, 4, 4], [1, 6, 4, 4], [1, 7, 4, 4]]), 20, 30)
        True
        >>> count_from_one(np.array([[0.0, 5, 4, 4], [27, 6, 4, 4]]), 20, 30)
        False
    """
    known = boxes[is_box(boxes)]
    if not len(known) or known[:, :2].min() < 1:
        return False
    beyond = known[:, :2] + known[:, 2:] == np.array([width, height]) + 1
    return bool((known[:, :2] == 1).any(axis=1).sum() >= _OFTEN or beyond.any())


def from_zero(boxes: Boxes, origin: int) -> Boxes:
    """Boxes whose upper left pixel counts from `origin` as boxes from 0; rows of zeros stay the absence of one.

    Raises:
        BoxError: an origin other than 0 and 1.
    """
    if origin not in (0, 1):
        raise BoxError(f"expected 0 or 1 as the index of the first pixel, found {origin}; correct it (--origin)")
    return np.where(boxes.any(axis=1, keepdims=True), boxes - np.array([origin, origin, 0, 0]), boxes)


def format_box(box: ArrayLike) -> str:
    """A box as text with at most two decimals, such as ``(214, 61, 30.5, 42)``."""
    return "(" + ", ".join(map(_format_number, np.asarray(box, dtype=np.float64))) + ")"


def _format_number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if abs(value) < _MANY_DIGITS else f"{value:g}"


def pixels_inside(box: Box, height: int, width: int) -> tuple[int, int, int, int]:
    """The pixels of a frame whose centres lie in a box, as ``(x0, y0, x1, y1)``; the last two are exclusive.

    Example:
        >>> pixels_inside(np.array([1.5, 2.6, 2.0, 1.0]), 10, 10)
        (1, 3, 3, 4)
    """
    x, y, w, h = (float(value) for value in box)
    # Pixel i has its centre at i + 0.5, so the first one inside an edge e is ceil(e - 0.5).
    edges = np.ceil(np.array([x, y, x + w, y + h]) - 0.5)
    x0, y0, x1, y1 = (int(value) for value in np.clip(edges, 0, np.array([width, height] * 2)))
    return x0, y0, x1, y1


def centres(boxes: ArrayLike) -> NDArray[np.float64]:
    """Centres of boxes. Args: boxes (..., 4). Returns: (..., 2) as x, y in cube pixels."""
    array = np.asarray(boxes, dtype=np.float64)
    return array[..., :2] + array[..., 2:] / 2


def to_corners(boxes: ArrayLike) -> NDArray[np.float64]:
    """``x, y, w, h`` to ``x0, y0, x1, y1``; shape (..., 4) in and out."""
    array = np.asarray(boxes, dtype=np.float64)
    return np.concatenate([array[..., :2], array[..., :2] + array[..., 2:]], axis=-1)


def iou(boxes: ArrayLike, others: ArrayLike) -> NDArray[np.float64]:
    """Intersection over union, box by box.

    Args:
        boxes: (..., 4).
        others: (..., 4), broadcast against `boxes`.

    Returns:
        (...) in [0, 1]; 0 where either box has no area.

    Example:
        >>> float(iou((0, 0, 2, 2), (1, 0, 2, 2)))
        0.3333333333333333
    """
    a, b = np.asarray(boxes, dtype=np.float64), np.asarray(others, dtype=np.float64)
    left_top = np.maximum(a[..., :2], b[..., :2])
    right_bottom = np.minimum(a[..., :2] + a[..., 2:], b[..., :2] + b[..., 2:])
    sides = np.clip(right_bottom - left_top, 0.0, None)
    intersection = sides[..., 0] * sides[..., 1]
    area_a = np.clip(a[..., 2], 0.0, None) * np.clip(a[..., 3], 0.0, None)
    area_b = np.clip(b[..., 2], 0.0, None) * np.clip(b[..., 3], 0.0, None)
    union = area_a + area_b - intersection
    valid = (area_a > 0) & (area_b > 0) & (union > 0)
    return np.asarray(np.where(valid, intersection / np.where(valid, union, 1.0), 0.0))


def centre_distance(boxes: ArrayLike, others: ArrayLike) -> NDArray[np.float64]:
    """Distance of box centres in cube pixels. Args: (..., 4) each. Returns: (...)."""
    difference = centres(boxes) - centres(others)
    return np.asarray(np.hypot(difference[..., 0], difference[..., 1]))


def box_of_mask(mask: NDArray[np.bool_]) -> Box | None:
    """The tight box of a boolean (height, width) mask, or None when the mask is empty."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if rows.size == 0:
        return None
    x0, y0 = float(columns[0]), float(rows[0])
    return np.array([x0, y0, columns[-1] + 1 - x0, rows[-1] + 1 - y0], dtype=np.float64)


def keep_in_frame(box: Box, height: int, width: int) -> Box:
    """The box with its centre inside the frame and sides between `MINIMUM_SIDE_PX` and the frame's.

    This is SiamBAN's clipping (hqucv/siamban, tracker): centre and sides are bounded, the box itself is not cut.
    """
    cx, cy = np.clip(box[0] + box[2] / 2, 0, width), np.clip(box[1] + box[3] / 2, 0, height)
    w, h = np.clip(box[2], MINIMUM_SIDE_PX, max(width, 2)), np.clip(box[3], MINIMUM_SIDE_PX, max(height, 2))
    return np.array([cx - w / 2, cy - h / 2, w, h], dtype=np.float64)
