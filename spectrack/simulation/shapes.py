"""Exact masks of outlines: which pixels an object covers, its tight box, and its soft edge.

One rule for all truth: **a pixel belongs to an outline when its centre lies inside it** (even-odd). The fill below
computes that rule exactly, row by row, so truth boxes are exact to the pixel whatever the antialiased picture shows.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from spectrack.boxes import Box
from spectrack.simulation.outlines import Outline

Window = tuple[int, int, int, int]
"""Integer pixel window ``x0, y0, x1, y1``; may lie anywhere, also outside a frame."""


def fill(outline: Outline, window: Window) -> NDArray[np.bool_]:
    """Pixels of a window whose centres lie inside an outline.

    Args:
        outline: (n, 2) closed polygon in image coordinates (pixel i covers [i, i + 1)).
        window: the pixels wanted.

    Returns:
        (y1 - y0, x1 - x0) bool.
    """
    x0, y0, x1, y1 = window
    height, width = max(y1 - y0, 0), max(x1 - x0, 0)
    start, end = outline, np.roll(outline, -1, axis=0)
    low, high = np.minimum(start[:, 1], end[:, 1]), np.maximum(start[:, 1], end[:, 1])
    rows = np.arange(height)[:, None] + (y0 + 0.5)
    # Half-open in y, so a corner on a row's centre line counts once.
    row, edge = np.nonzero((rows >= low) & (rows < high))
    rise = end[edge, 1] - start[edge, 1]
    share = (row + (y0 + 0.5) - start[edge, 1]) / rise
    crossing = start[edge, 0] + share * (end[edge, 0] - start[edge, 0])
    # The first pixel whose centre is at or right of the crossing changes sides; one extra column takes those beyond.
    column = np.clip(np.ceil(crossing - (x0 + 0.5)), 0, width).astype(np.intp)
    flips = np.bincount(row * (width + 1) + column, minlength=height * (width + 1)).reshape(height, width + 1)
    # Counting modulo 256 keeps the parity.
    return np.asarray((np.cumsum(flips[:, :width].astype(np.uint8), axis=1, dtype=np.uint8) & 1).view(bool))


def fill_union(outlines: Sequence[Outline], window: Window) -> NDArray[np.bool_]:
    """Pixels of a window inside at least one of the outlines."""
    mask = fill(outlines[0], window)
    for outline in outlines[1:]:
        mask |= fill(outline, window)
    return mask


def coverage(outline: Outline, window: Window, oversampling: int = 4) -> NDArray[np.float32]:
    """Share of each pixel of a window that an outline covers, in steps of 1 / oversampling**2; for soft edges only."""
    x0, y0, x1, y1 = window
    scaled = (x0 * oversampling, y0 * oversampling, x1 * oversampling, y1 * oversampling)
    fine = fill(outline * oversampling, scaled).astype(np.float32)
    return np.asarray(cv2.resize(fine, (x1 - x0, y1 - y0), interpolation=cv2.INTER_AREA), dtype=np.float32)


def bounds(outlines: Sequence[Outline], margin: int = 0) -> Window:
    """The smallest pixel window that holds the outlines, grown by `margin` pixels on every side."""
    points = np.concatenate(list(outlines))
    low, high = np.floor(points.min(axis=0)).astype(int), np.ceil(points.max(axis=0)).astype(int)
    return int(low[0]) - margin, int(low[1]) - margin, int(high[0]) + margin, int(high[1]) + margin


def intersection(first: Window, second: Window) -> Window | None:
    """The common part of two windows, or None."""
    x0, y0 = max(first[0], second[0]), max(first[1], second[1])
    x1, y1 = min(first[2], second[2]), min(first[3], second[3])
    return (x0, y0, x1, y1) if x0 < x1 and y0 < y1 else None


def outline_box(outlines: Sequence[Outline]) -> Box:
    """The tight box of the outlines with continuous edges: what a network should learn, finer than the pixel truth."""
    points = np.concatenate(list(outlines))
    low, high = points.min(axis=0), points.max(axis=0)
    return np.array([low[0], low[1], high[0] - low[0], high[1] - low[1]], dtype=np.float64)


def ellipse(points: int = 64) -> Outline:
    """The unit circle as an outline."""
    angle = np.linspace(0.0, 2.0 * np.pi, points, endpoint=False)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def densified(outline: Outline, longest: float = 0.12) -> Outline:
    """The same outline with extra points on long edges, so that bending it bends the edges too."""
    start, end = outline, np.roll(outline, -1, axis=0)
    pieces = np.maximum(1, np.ceil(np.hypot(*(end - start).T) / longest)).astype(int)
    parts = [
        a + (b - a) * np.linspace(0.0, 1.0, n, endpoint=False)[:, None]
        for a, b, n in zip(start, end, pieces, strict=True)
    ]
    return np.concatenate(parts)
