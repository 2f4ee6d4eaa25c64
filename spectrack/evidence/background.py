"""What the surroundings' spectra are like: mean and covariance, shrunk where there are too few pixels for the bands.

Source: Ledoit and Wolf, "A well-conditioned estimator for large-dimensional covariance matrices", J. Multivariate
Analysis 88(2), 2004, section 3.2, around the sample mean: with S the covariance of n pixels of p bands, m = tr(S) / p,
d^2 = |S - m I|^2 and b^2 = min(d^2, sum_k |x_k x_k^T - S|^2 / n^2), the estimate is (b^2 m I + (d^2 - b^2) S) / d^2.
With many pixels it is S.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Moments = NDArray[np.float64]

_NEVER_SINGULAR = 1e-9
"""Variance added to every band, as a share of the mean square: surroundings may be constant, or a band dead."""


@dataclass(frozen=True)
class Background:
    """Second-order statistics of spectra.

    Attributes:
        mean: (bands,) what they are taken about.
        covariance: (bands, bands), positive definite.
    """

    mean: Moments
    covariance: Moments

    @classmethod
    def of(cls, pixels: NDArray[np.floating], *, about: Moments | None = None) -> Background:
        """From (n, bands) pixels, about their mean or about a given spectrum."""
        data = pixels.astype(np.float64)
        mean = data.mean(axis=0) if about is None else about
        covariance = shrunk_covariance(data - mean)
        floor = _NEVER_SINGULAR * float(np.square(data).mean()) + np.finfo(np.float32).tiny
        return cls(mean, covariance + floor * np.eye(len(mean)))

    def moved(self, other: Background, rate: float) -> Background:
        """The statistics of both samples together, where the other one's share is `rate`."""
        away = other.mean - self.mean
        spread = rate * (1 - rate) * np.outer(away, away)
        return Background(self.mean + rate * away, (1 - rate) * self.covariance + rate * other.covariance + spread)

    def whitening(self) -> Moments:
        """(bands, bands) W such that (x - mean) W has the covariance I."""
        return np.asarray(np.linalg.inv(np.linalg.cholesky(self.covariance)).T)


def shrunk_covariance(centred: Moments) -> Moments:
    """(bands, bands) Ledoit and Wolf's estimate from (n, bands) pixels whose mean has been taken out."""
    count, bands = centred.shape
    sample = centred.T @ centred / count
    level = float(np.trace(sample)) / bands
    distance = float(np.square(sample - level * np.eye(bands)).sum())
    if distance <= 0:
        return np.asarray(sample)
    norms = np.square(centred).sum(axis=1)
    noise = (float(np.square(norms).sum()) - count * float(np.square(sample).sum())) / count**2
    share = min(max(noise, 0.0), distance) / distance
    return np.asarray(share * level * np.eye(bands) + (1 - share) * sample)
