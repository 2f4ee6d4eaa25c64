"""Which pixels are the target's: the soft mask that a tracker's evidence gives, else the box.

Trackers look at a search window in square cells; what their evidence says of cells becomes a weight of each pixel, with
the outer edges of window and cells aligned. Where a tracker has no evidence, or its spectra tell the target from its
surroundings too badly to be believed, pixels count by the share of them that the box covers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from spectrack.boxes import Box
from spectrack.trackers.base import Estimate
from spectrack.trackers.crop import CropWindow, resize

Kind = Literal["evidence", "box", "none"]
"""What a mask was made from; ``none`` where there is neither."""

KINDS: tuple[Kind, ...] = get_args(Kind)

LEAST_TRUST = 0.5
"""Trust in the spectra, 0 to 1, from which their mask is taken rather than the box."""

_LARGEST_SIDE = 4096
_LEAST_WEIGHT = 1 / 255
_LEAST_INNER = 0.25


@dataclass(frozen=True)
class TargetMask:
    """The target's pixels in one frame.

    Attributes:
        x: column of the mask's first pixel in the frame.
        y: row of it.
        weights: (height, width) float32, 0 to 1: how much of each pixel is the target's; all others are 0.
        kind: what it was made from.
        trust: how well spectra tell the target from its surroundings, 0 to 1; NaN where the tracker does not say.
    """

    x: int
    y: int
    weights: NDArray[np.float32]
    kind: Kind
    trust: float

    @property
    def area(self) -> float:
        """In cube pixels, parts of pixels counted."""
        return float(self.weights.sum(dtype=np.float64))

    @property
    def centre(self) -> tuple[float, float]:
        """Centre of gravity x, y in cube pixels; NaN for an empty mask."""
        total = self.area
        if total == 0:
            return float("nan"), float("nan")
        columns, rows = (np.arange(count) + 0.5 for count in self.weights.shape[::-1])
        x = float(self.weights.sum(axis=0, dtype=np.float64) @ columns) / total
        y = float(self.weights.sum(axis=1, dtype=np.float64) @ rows) / total
        return self.x + x, self.y + y

    @property
    def inner(self) -> NDArray[np.float32]:
        """(height, width) weights without the rim of a pixel, whose spectra are mixed with what is around; all of them
        where less than a quarter would be left.
        """
        padded = np.pad(self.weights, 1)
        inner = np.asarray(cv2.erode(padded, np.ones((3, 3), np.uint8))[1:-1, 1:-1], dtype=np.float32)
        return inner if inner.sum() >= _LEAST_INNER * self.area else self.weights

    def in_frame(self, height: int, width: int) -> NDArray[np.float32]:
        """(height, width) weights of the whole frame."""
        whole = np.zeros((height, width), dtype=np.float32)
        rows, columns = self.weights.shape
        whole[self.y : self.y + rows, self.x : self.x + columns] = self.weights
        return whole


def target_mask(estimate: Estimate, height: int, width: int) -> TargetMask:
    """The target's pixels by an estimate, in a frame of this size."""
    evidence, trust = estimate.evidence, float(estimate.evidence.get("mask_trust", np.nan))
    belief, window = evidence.get("mask"), evidence.get("search_window")
    box = np.asarray(estimate.box, dtype=np.float64)
    if trust >= LEAST_TRUST and isinstance(window, CropWindow) and window.side <= _LARGEST_SIDE:
        return _cropped(*_of_cells(np.asarray(belief), window, height, width), "evidence", trust)
    if not np.isfinite(box).all():
        return TargetMask(0, 0, np.zeros((0, 0), np.float32), "none", trust)
    return _cropped(*_of_box(box, height, width), "box", trust)


def _of_cells(
    belief: NDArray[Any], window: CropWindow, height: int, width: int
) -> tuple[int, int, NDArray[np.float32]]:
    """Cells (cells, cells) of a window to the pixels of it that lie in the frame."""
    weights = resize(np.ascontiguousarray(belief, dtype=np.float32)[:, :, None], window.side)[:, :, 0]
    x0, x1 = (min(max(edge, 0), width) for edge in (window.x0, window.x0 + window.side))
    y0, y1 = (min(max(edge, 0), height) for edge in (window.y0, window.y0 + window.side))
    return x0, y0, weights[y0 - window.y0 : y1 - window.y0, x0 - window.x0 : x1 - window.x0]


def _of_box(box: Box, height: int, width: int) -> tuple[int, int, NDArray[np.float32]]:
    """How much of each pixel a box covers."""
    (x0, y0), (x1, y1) = np.clip([box[:2], box[:2] + box[2:]], 0, (width, height))
    columns, rows = np.arange(int(x0), int(np.ceil(x1))), np.arange(int(y0), int(np.ceil(y1)))
    across = np.clip(np.minimum(columns + 1, x1) - np.maximum(columns, x0), 0, 1)
    down = np.clip(np.minimum(rows + 1, y1) - np.maximum(rows, y0), 0, 1)
    return int(x0), int(y0), np.outer(down, across).astype(np.float32)


def _cropped(x: int, y: int, weights: NDArray[np.float32], kind: Kind, trust: float) -> TargetMask:
    """Without the empty rows and columns around; weights too small for eight bits count as none."""
    weights = np.where(weights < _LEAST_WEIGHT, np.float32(0), np.minimum(weights, np.float32(1)))
    rows, columns = (np.flatnonzero(weights.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return TargetMask(x, y, np.zeros((0, 0), np.float32), kind, trust)
    top, left = int(rows[0]), int(columns[0])
    return TargetMask(x + left, y + top, weights[top : rows[-1] + 1, left : columns[-1] + 1], kind, trust)
