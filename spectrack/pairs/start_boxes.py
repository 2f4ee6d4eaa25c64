"""Where something worth following might be in a video that nobody has labelled: things that move, then structure.

Moving things are what changes between a frame and both of its neighbours after the camera's own motion is taken out
(three-frame differencing). The rest are regions with structure, as `backgrounds.structured_region` finds them, in the
order in which their colours differ from those around them (the cue "colour contrast" of Alexe, Deselaers, Ferrari,
"What is an object?", CVPR 2010): else most would be halves of things with a piece of ground. Boxes are only proposals:
whether they are things shows when they are followed, see `pseudo_tracks`.
"""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from spectrack.boxes import Boxes, iou
from spectrack.pairs.backgrounds import structured_region

WORKING_SIDE_PX = 480
"""Longer side of the pictures in which boxes are sought."""

_LEAST_SIDE_PX, _LARGEST_SHARE, _LARGEST_ASPECT = 10, 0.2, 4.0
"""Of what moves; longer strips are edges of larger things."""

_DRAWN = 12
"""Regions drawn for each box that is wanted."""

_SAME = 0.3
"""IoU from which two proposals are one."""

_LEAST_CORNERS = 12

_LEAST_CHANGE = 10.0
"""Grey levels that a moving thing must change at least."""


def start_boxes(
    rng: np.random.Generator, before: NDArray[np.uint8], now: NDArray[np.uint8], after: NDArray[np.uint8], count: int
) -> Boxes:
    """Boxes in the middle one of three frames.

    Args:
        rng: the only source of randomness.
        before: (height, width, 3) uint8, an earlier frame, or `now` where there is none.
        now: (height, width, 3) uint8.
        after: (height, width, 3) uint8, a later frame, or `now` where there is none.
        count: how many boxes at most.

    Returns:
        (n, 4) x, y, w, h in pixels, at most `count`, moving things first, hardly any two alike.
    """
    chosen: list[NDArray[np.float64]] = []
    regions = sorted((_region(rng, now) for _ in range(_DRAWN * count)), key=lambda box: -_contrast(now, box))
    for box in (*moving_boxes(before, now, after), *regions):
        if len(chosen) == count:
            break
        if not chosen or iou(np.broadcast_to(box, (len(chosen), 4)), np.stack(chosen)).max() < _SAME:
            chosen.append(box)
    return np.stack(chosen) if chosen else np.zeros((0, 4))


def _region(rng: np.random.Generator, picture: NDArray[np.uint8]) -> NDArray[np.float64]:
    cx, cy, w, h = structured_region(rng, picture)
    return np.array([cx - w / 2, cy - h / 2, w, h])


def _contrast(picture: NDArray[np.uint8], box: NDArray[np.float64]) -> float:
    """How much the colours in a box differ from those around it: 0 for the same ones, 1 for none in common."""
    x, y, w, h = (int(value) for value in box)
    left, top = max(0, x - w // 2), max(0, y - h // 2)
    around = picture[top : y + h + h // 2, left : x + w + w // 2]
    outside = np.full(around.shape[:2], 255, np.uint8)
    outside[y - top : y - top + h, x - left : x - left + w] = 0
    inner, outer = (
        cv2.calcHist([around], [0, 1, 2], mask, [6, 6, 6], [0, 256] * 3).ravel() for mask in (255 - outside, outside)
    )
    return 1.0 - float(np.minimum(inner / max(inner.sum(), 1), outer / max(outer.sum(), 1)).sum())


def moving_boxes(
    before: NDArray[np.uint8], now: NDArray[np.uint8], after: NDArray[np.uint8]
) -> list[NDArray[np.float64]]:
    """Boxes x, y, w, h of what moves against the scene, the strongest first; arguments as for `start_boxes`."""
    first, middle, last = (_grey(picture) for picture in (before, now, after))
    changes = [_change(other, middle) for other in (first, last)]
    change = cv2.GaussianBlur(np.minimum(*changes), (0, 0), 1.5)
    spread = 1.4826 * float(np.median(np.abs(change - np.median(change))))
    marked = (change > max(_LEAST_CHANGE, float(np.median(change)) + 5 * spread)).astype(np.uint8)
    closed = cv2.morphologyEx(marked, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (9, 9)))
    moving = cv2.morphologyEx(closed, cv2.MORPH_OPEN, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3)))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(moving)
    found = []
    for label in range(1, count):
        x, y, w, h, area = (int(value) for value in stats[label])
        compact = min(w, h) >= _LEAST_SIDE_PX and max(w, h) <= _LARGEST_ASPECT * min(w, h)
        if compact and w * h <= _LARGEST_SHARE * moving.size and area >= 0.25 * w * h:
            strength = float(change[labels == label].sum())
            found.append((strength, np.array([x, y, w, h], dtype=np.float64)))
    return [box for _, box in sorted(found, key=lambda item: -item[0])]


def _grey(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), dtype=np.uint8)


def _change(other: NDArray[np.uint8], now: NDArray[np.uint8]) -> NDArray[np.float32]:
    """|difference| of two grey frames after the camera's motion, 0 where the other one does not reach."""
    # The camera may have stood still: what explains more of the picture is taken.
    candidates = [_difference(other, now, motion) for motion in (np.eye(2, 3), _camera_motion(other, now))]
    return min(candidates, key=lambda difference: float(difference.mean()))


def _difference(other: NDArray[np.uint8], now: NDArray[np.uint8], motion: NDArray[np.float64]) -> NDArray[np.float32]:
    height, width = now.shape
    moved = cv2.warpAffine(other, motion, (width, height), flags=cv2.INTER_LINEAR)
    whole = cv2.warpAffine(np.full_like(other, 255), motion, (width, height), flags=cv2.INTER_NEAREST)
    reached = cv2.erode(whole, np.ones((5, 5), np.uint8))
    return np.where(reached > 0, np.abs(moved.astype(np.float32) - now), 0).astype(np.float32)


def _camera_motion(other: NDArray[np.uint8], now: NDArray[np.uint8]) -> NDArray[np.float64]:
    """(2, 3) similarity from one frame to another, by most of their corners; none where there are too few."""
    corners = _corners(other)
    if len(corners) < _LEAST_CORNERS:
        return np.eye(2, 3)
    moved, found, _ = cv2.calcOpticalFlowPyrLK(other, now, corners, np.empty_like(corners))
    kept = found[:, 0] == 1
    if kept.sum() < _LEAST_CORNERS:
        return np.eye(2, 3)
    motion, _ = cv2.estimateAffinePartial2D(corners[kept], moved[kept], ransacReprojThreshold=1.5)
    return np.eye(2, 3) if motion is None else np.asarray(motion, dtype=np.float64)


def _corners(grey: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(n, 1, 2) corners from all over a picture: the strongest would lie on one thing of much contrast."""
    rows, columns = (
        np.linspace(0, side, cells + 1).astype(int) for side, cells in zip(grey.shape, (6, 8), strict=True)
    )
    found = []
    for top, bottom in pairwise(rows):
        for left, right in pairwise(columns):
            cell = np.ascontiguousarray(grey[top:bottom, left:right])
            corners = cv2.goodFeaturesToTrack(cell, 6, 0.05, 5) if cell.size else None
            if corners is not None:
                found.append(corners + np.array([left, top], dtype=np.float32))
    return np.concatenate(found) if found else np.zeros((0, 1, 2), dtype=np.float32)
