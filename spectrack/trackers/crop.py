"""Crop geometry: from a box to the window of the frame that is cut, to the fixed-size crop, and back.

Source: SiamBAN's crop rule (KNOWN from the published code): with p = (w + h) / 2 the context side is
s_z = sqrt((w + p)(h + p)), which maps to 127 pixels; the search side is s_z * 255 / 127. Ours differs in one point: the
window is cut at integer pixels, and boxes are mapped back with the window really cut, so no rounding is lost.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from spectrack.boxes import Box
from spectrack.sequences.base import Frame


@dataclass(frozen=True)
class CropWindow:
    """A square window of whole cube pixels; it may reach beyond the frame.

    Attributes:
        x0: left edge.
        y0: top edge.
        side: width and height, at least 1.
    """

    x0: int
    y0: int
    side: int

    @classmethod
    def around(cls, centre: ArrayLike, side: float) -> CropWindow:
        """The window of about `side` cube pixels whose centre is nearest to `centre` (x, y)."""
        whole = max(1, round(side))
        x, y = np.asarray(centre, dtype=np.float64)
        return cls(round(float(x) - whole / 2), round(float(y) - whole / 2), whole)

    def to_frame(self, boxes: ArrayLike, size: int) -> NDArray[np.float64]:
        """Boxes (..., 4) x, y, w, h in a crop of `size` pixels to cube pixels."""
        array = np.asarray(boxes, dtype=np.float64) * (self.side / size)
        return array + np.array([self.x0, self.y0, 0.0, 0.0])

    def to_crop(self, boxes: ArrayLike, size: int) -> NDArray[np.float64]:
        """Boxes (..., 4) x, y, w, h in cube pixels to a crop of `size` pixels."""
        array = np.asarray(boxes, dtype=np.float64) - np.array([self.x0, self.y0, 0.0, 0.0])
        return array * (size / self.side)


def context_side(box: Box, context: float = 0.5) -> float:
    """Side of the square that becomes the 127-pixel template, in cube pixels: the box plus `context` times (w + h)."""
    margin = context * (box[2] + box[3])
    return float(np.sqrt((box[2] + margin) * (box[3] + margin)))


def cut(frame: Frame, window: CropWindow) -> tuple[NDArray[Any], tuple[int, int, int, int]]:
    """The part of a window that lies in the frame, raw, and the padding that completes the square.

    Args:
        frame: the frame; only the window is read from it.
        window: where to cut.

    Returns:
        (h, w, bands) raw values, where h and w may be 0, and the padding (top, bottom, left, right) in pixels.
    """
    height, width, bands = frame.shape
    x0, x1 = (int(np.clip(edge, 0, width)) for edge in (window.x0, window.x0 + window.side))
    y0, y1 = (int(np.clip(edge, 0, height)) for edge in (window.y0, window.y0 + window.side))
    if x1 <= x0 or y1 <= y0:
        return np.zeros((0, 0, bands), dtype=np.float32), (window.side, 0, window.side, 0)
    padding = (y0 - window.y0, window.y0 + window.side - y1, x0 - window.x0, window.x0 + window.side - x1)
    return frame.window(x0, y0, x1, y1), padding


def pad_and_resize(
    image: NDArray[np.float32], padding: tuple[int, int, int, int], fill: NDArray[np.float32], size: int
) -> NDArray[np.float32]:
    """Complete a cut to its square and bring it to (size, size, channels) float32.

    Args:
        image: (h, w, channels).
        padding: as `cut` returns it.
        fill: (channels,) value outside the frame, the mean of the first frame.
        size: side of the crop in pixels.
    """
    top, bottom, left, right = padding
    if any(padding):
        # NumPy pads, because OpenCV repeats border values every four channels.
        height, width = image.shape[0] + top + bottom, image.shape[1] + left + right
        square = np.empty((height, width, len(fill)), dtype=np.float32)
        square[:] = fill
        square[top : top + image.shape[0], left : left + image.shape[1]] = image
        image = square
    # Reducing by linear interpolation skips pixels; averaging areas does not.
    method = cv2.INTER_AREA if image.shape[0] > size else cv2.INTER_LINEAR
    resized = cv2.resize(image, (size, size), interpolation=method)
    return np.asarray(resized, dtype=np.float32).reshape(size, size, len(fill))
