"""Pixels of a frame on both sides of a box, few enough to learn from at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spectrack.boxes import Box
from spectrack.cube import Cube
from spectrack.evidence.background import Moments
from spectrack.evidence.regions import centre_prior, distance_to, inside_and_outside

Pixels = NDArray[np.float32]
"""(n, bands) float32, raw counts."""

_NEAR = 4.0
"""Surroundings reach so far from the box's middle, in half sides; the rest of the frame counts half as much."""

_MOST_PIXELS = 4096
_CORE = 0.5


@dataclass(frozen=True)
class Sample:
    """Pixels of a frame on both sides of a box.

    Attributes:
        inside: (n, bands) those in it.
        prior: (n,) probability that each is the target's, before its spectrum is looked at.
        outside: (m, bands) those around it and, half as many, from the rest of the frame.
    """

    inside: Pixels
    prior: NDArray[np.float32]
    outside: Pixels

    @classmethod
    def of(cls, cube: Cube, box: Box) -> Sample:
        """From a frame (height, width, bands) and the target in it."""
        shape = cube.shape[:2]
        inside, outside = inside_and_outside(box, np.ones(shape, dtype=bool))
        near = outside & (distance_to(box, shape) <= _NEAR)
        close = _thinned(np.flatnonzero(near), _MOST_PIXELS)
        far = _thinned(np.flatnonzero(outside & ~near), max(len(close) // 2, 1))
        own = _thinned(np.flatnonzero(inside), _MOST_PIXELS)
        flat = cube.reshape(-1, cube.shape[2])
        around = flat[np.concatenate([close, far])].astype(np.float32)
        return cls(flat[own].astype(np.float32), centre_prior(box, shape).ravel()[own], around)

    @property
    def core(self) -> Pixels:
        """(n, bands) the pixels that are the target's more likely than not; all where none is."""
        likely = self.prior > _CORE
        return self.inside[likely] if likely.any() else self.inside

    @property
    def target(self) -> Moments:
        """(bands,) mean spectrum of the target, by probability."""
        return np.asarray(self.prior @ self.inside / self.prior.sum(), dtype=np.float64)

    def halves(self) -> tuple[Sample, Sample]:
        """Every second pixel, and the others; both the same where a side has only one."""
        if min(len(self.inside), len(self.outside)) < 2:
            return self, self
        parts = [Sample(self.inside[i::2], self.prior[i::2], self.outside[i::2]) for i in (0, 1)]
        return parts[0], parts[1]


def _thinned(places: NDArray[np.intp], most: int) -> NDArray[np.intp]:
    """Every so many-th of the places, `most` at most."""
    return places[:: -(-len(places) // most)] if len(places) > most else places
