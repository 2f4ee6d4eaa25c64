"""Smooth deformation of a search crop: what affine maps cannot show: limbs that move, heads that turn, cloth.

A field is a coarse grid of random displacements, blown up smoothly. The image is resampled through it, and outline
points follow by the inverse of the same field, so the box stays exact.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from spectrack.pairs.warping import Image, in_groups

_GRID = 5
_STEPS = 6
"""Fixed-point steps of the inverse; the field's slope is below 0.5, so six leave less than 2 % of a displacement."""


class Deformation:
    """A displacement field over a square crop.

    Args:
        rng: source of randomness.
        size: side of the crop in pixels.
        strength_px: standard deviation of the displacements of the grid's points, in crop pixels.
    """

    def __init__(self, rng: np.random.Generator, size: int, strength_px: float) -> None:
        # The slope between neighbouring grid points must stay below one, or the image would fold over itself.
        limit = 0.22 * size / (_GRID - 1)
        grid = np.clip(rng.normal(0.0, strength_px, (_GRID, _GRID, 2)), -limit, limit).astype(np.float32)
        self.field: NDArray[np.float32] = np.asarray(
            cv2.resize(grid, (size, size), interpolation=cv2.INTER_LINEAR), dtype=np.float32
        )
        self.field = np.asarray(cv2.blur(self.field, (size // 8, size // 8)), dtype=np.float32)
        self.size = size

    def apply(self, image: Image) -> Image:
        """The deformed crop, (size, size, channels): pixel x shows what lay at x + field(x)."""
        rows, columns = np.mgrid[0 : self.size, 0 : self.size].astype(np.float32)
        x, y = columns + self.field[:, :, 0], rows + self.field[:, :, 1]

        def move(part: Image) -> Image:
            return np.asarray(
                cv2.remap(part, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101), dtype=np.uint8
            )

        return in_groups(move, image)

    def move(self, points: NDArray[np.floating]) -> NDArray[np.float64]:
        """(n, 2) points of the crop, continuous edges, to where the deformed crop shows them."""
        source = np.asarray(points, dtype=np.float64)
        moved = source.copy()
        for _ in range(_STEPS):
            moved = source - self._at(moved)
        return moved

    def _at(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        pixels = (points - 0.5).astype(np.float32)[:, None]
        return np.asarray(
            cv2.remap(self.field, pixels, np.empty(0), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[:, 0],
            dtype=np.float64,
        )
