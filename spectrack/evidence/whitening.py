"""Pixels and a target where the surroundings vary by one in every direction: what second-order detectors have in
common. The formulas stand in `spectrack.evidence.detectors`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spectrack.evidence.background import Background, Moments
from spectrack.evidence.sample import Pixels

Scores = NDArray[np.float32]
"""(n,) float32."""


@dataclass(frozen=True)
class Whitening:
    """Matrices for float32, found in float64.

    Attributes:
        mean: (bands,) of the surroundings.
        matrix: (bands, bands) W such that (x - mean) W has the covariance I.
        direction: (bands,) the target's, of unit length, in whitened space; 0 where the target is the mean.
        filter: (bands,) of the matched filter.
    """

    mean: Scores
    matrix: Pixels
    direction: Scores
    filter: Scores

    @classmethod
    def of(cls, background: Background, target: Moments | None = None) -> Whitening:
        """For surroundings and a target (bands,); without one, for `distance` alone."""
        matrix = background.whitening()
        wanted = ((background.mean if target is None else target) - background.mean) @ matrix
        power = max(float(wanted @ wanted), np.finfo(np.float64).tiny)
        return cls(
            background.mean.astype(np.float32),
            matrix.astype(np.float32),
            (wanted / np.sqrt(power)).astype(np.float32),
            (matrix @ wanted / power).astype(np.float32),
        )

    def matched(self, pixels: Pixels) -> Scores:
        """(n,) matched filter, no unit: 1 on the target's spectrum, 0 on the mean."""
        return np.asarray(pixels @ self.filter - self.mean @ self.filter)

    def cosine(self, pixels: Pixels) -> Scores:
        """(n,) signed ACE, -1 to 1."""
        whitened = (pixels - self.mean) @ self.matrix
        along = whitened @ self.direction
        power = np.einsum("nb,nb->n", whitened, whitened)
        return np.asarray(along * np.abs(along) / np.maximum(power, np.finfo(np.float32).tiny))

    def distance(self, pixels: Pixels) -> Scores:
        """(n,) RX, at least 0."""
        whitened = (pixels - self.mean) @ self.matrix
        return np.asarray(np.einsum("nb,nb->n", whitened, whitened))
