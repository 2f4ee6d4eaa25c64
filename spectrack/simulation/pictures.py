"""Procedural pictures with natural statistics (placeholder signature while being written)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def render_picture(rng: np.random.Generator, height: int, width: int, kind: str | None = None) -> NDArray[np.float32]:
    """A (height, width, 3) float32 picture in [0, 1]."""
    noise = rng.random((max(2, height // 16), max(2, width // 16), 3), dtype=np.float32)
    import cv2

    return np.asarray(cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC).clip(0, 1), dtype=np.float32)
