"""By how much the camera has moved since the last frame: the shift of the whole picture.

Phase correlation (Kuglin and Hines, Proc. Int. Conf. Cybernetics and Society, 1975) by OpenCV, on one band of the frame
as a small picture. Ours: the band, and when a shift is believed. A turn or a zoom of the camera is not seen.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from spectrack.cube import Cube
from spectrack.sequences.frames import Frame, HasPlanes

Shift = NDArray[np.float64]
"""(2,) x, y in cube pixels; positive where things have moved right and down."""

_SIDE = 160
"""Longer side of the small picture, at most."""

_READ = 2
"""Pixels read for one of the small picture, along each axis."""

_SMALLEST_SIDE = 16
_CLEAR = 0.4
"""Share of the correlation that lies in its peak."""

_EXPLAINED = 0.85
"""Differences to the last picture that the shift may leave, over those without it."""

_NONE = np.zeros(2)


class CameraMotion:
    """Compares every frame with the one before.

    Args:
        frame: the first one.
        cube: the same as an array, for choosing a band.
    """

    def __init__(self, frame: Frame, cube: Cube) -> None:
        height, width, _ = frame.shape
        step = max(1, min(height, width) // 64)
        thin = cube[::step, ::step].astype(np.float64)
        # Noise of light grows with the root of its mean.
        self._band = int(np.argmax(thin.std(axis=(0, 1)) / np.sqrt(np.maximum(thin.mean(axis=(0, 1)), 1e-9))))
        self._step = max(1, max(height, width) // (_SIDE * _READ))
        scale = min(1.0, _SIDE * self._step / max(height, width))
        self._size = tuple(max(_SMALLEST_SIDE, round(side / self._step * scale)) for side in (width, height))
        self._window = cv2.createHanningWindow(self._size, cv2.CV_32F)
        self._last = self._picture(frame)

    def follow(self, frame: Frame) -> Shift:
        """The shift of the picture since the last frame; nought where no single shift explains what has changed."""
        last, self._last = self._last, self._picture(frame)
        # OpenCV 5 multiplies the window into the pictures themselves.
        (x, y), clear = cv2.phaseCorrelate(last.copy(), self._last.copy(), self._window)
        if not clear >= _CLEAR or not self._explains(last, x, y):
            return _NONE.copy()
        height, width, _ = frame.shape
        return np.array([x * width / self._size[0], y * height / self._size[1]])

    def _explains(self, last: NDArray[np.float32], x: float, y: float) -> bool:
        """Whether the last picture, moved, is more like this one."""
        moving = np.array([[1, 0, x], [0, 1, y]])
        moved = cv2.warpAffine(last, moving, self._size, borderMode=cv2.BORDER_REPLICATE)
        left, before = (float(np.abs(self._last - picture).mean()) for picture in (moved, last))
        return left < _EXPLAINED * before

    def _picture(self, frame: Frame) -> NDArray[np.float32]:
        """(height, width) of the small picture; brightness of one band."""
        plane = _plane(frame, self._band, self._step)
        whole = np.ascontiguousarray(plane, dtype=np.float32)
        return np.asarray(cv2.resize(whole, self._size, interpolation=cv2.INTER_AREA), dtype=np.float32)


def _plane(frame: Frame, band: int, step: int) -> Cube:
    """Every so many-th pixel of one band; frames that can give it need no mosaic taken apart."""
    return frame.plane(band, step) if isinstance(frame, HasPlanes) else frame.whole()[::step, ::step, band]
