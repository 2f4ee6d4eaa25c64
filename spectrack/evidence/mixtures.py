"""Mixtures of Gaussians over spectra that are fitted without a random start, updated frame by frame, and moved with
the light.

Source: expectation and maximisation in steps as by Cappé and Moulines, "On-line expectation-maximization algorithm for
latent data models", J. R. Stat. Soc. B 71(3), 2009. Ours: the start by slices of the first principal axis, variance
floor, common shift.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float32]
"""(pixels, dimensions) or (pixels,) float32."""

Moments = NDArray[np.float64]

_ALMOST_NONE = 1e-6
_SAME_LIGHT = 2.0
"""Pixels whose residual exceeds so many medians are new things and say nothing about the light."""


@dataclass
class Mixture:
    """Gaussians with full covariances.

    Attributes:
        weights: (components,) shares, sum 1.
        means: (components, dimensions).
        covariances: (components, dimensions, dimensions), without the floor.
        floor: variance added to every dimension: noise that the sample may not show.
    """

    weights: Moments
    means: Moments
    covariances: Moments
    floor: float

    def __post_init__(self) -> None:
        self._prepare()

    @classmethod
    def fit(cls, values: Values, shares: Values, components: int, floor: float, *, rounds: int = 3) -> Mixture:
        """Fit to weighted pixels; the same pixels always give the same mixture.

        Args:
            values: (pixels, dimensions).
            shares: (pixels,) how much each pixel counts, at least 0.
            components: how many Gaussians, at least 1.
            floor: see the class.
            rounds: of expectation and maximisation, after a start in equal slices along the first principal axis.
        """
        data, weights = values.astype(np.float64), shares.astype(np.float64) + _ALMOST_NONE / len(values)
        slices = np.zeros(len(data), dtype=np.intp)
        if components > 1:
            _, covariance = _moments(data, weights)
            order = np.argsort(data @ np.linalg.eigh(covariance)[1][:, -1], kind="stable")
            place = np.cumsum(weights[order]) / weights.sum()
            slices[order] = np.minimum((place * components).astype(np.intp), components - 1)
        mixture = cls.of_shares(values, weights[:, None] * np.eye(components)[slices], floor)
        for _ in range(rounds if components > 1 else 0):
            mixture = cls.of_shares(values, weights[:, None] * mixture.responsibilities(values), floor)
        return mixture

    @classmethod
    def of_shares(cls, values: Values, shares: NDArray[np.floating], floor: float) -> Mixture:
        """The mixture whose components own the pixels by `shares` (pixels, components)."""
        data = values.astype(np.float64)
        owned = shares.astype(np.float64) + _ALMOST_NONE / len(data)
        found = [_moments(data, share) for share in owned.T]
        weights = owned.sum(axis=0) / owned.sum()
        return cls(
            weights, np.stack([mean for mean, _ in found]), np.stack([covariance for _, covariance in found]), floor
        )

    def log_densities(self, values: Values) -> Values:
        """(pixels, components) log of weight times density, less the constant of 2 pi, which cancels in ratios."""
        whitened = (values @ self._whitening + self._offset).reshape(len(values), len(self.weights), -1)
        return np.asarray(self._level - 0.5 * np.einsum("nkd,nkd->nk", whitened, whitened))

    def log_density(self, values: Values) -> Values:
        """(pixels,) log density, less the same constant."""
        return log_sum(self.log_densities(values))

    def responsibilities(self, values: Values) -> Values:
        """(pixels, components) share of each component in each pixel; rows sum to 1."""
        each = self.log_densities(values)
        each = np.exp(each - each.max(axis=1, keepdims=True))
        return np.asarray(each / each.sum(axis=1, keepdims=True))

    def update(self, values: Values, shares: Values, rate: float) -> None:
        """Move by `rate` towards new pixels' moments, component by component; one that sees few moves little."""
        total = float(shares.sum())
        if total <= _ALMOST_NONE or rate <= 0:
            return
        owned = self.responsibilities(values).astype(np.float64) * shares[:, None]
        mass, data = owned.sum(axis=0) / total, values.astype(np.float64)
        for k in np.flatnonzero(mass > _ALMOST_NONE):
            step = rate * mass[k] / (rate * mass[k] + (1 - rate) * self.weights[k])
            mean, covariance = _moments(data, owned[:, k])
            away = mean - self.means[k]
            self.covariances[k] = (
                (1 - step) * self.covariances[k] + step * covariance + step * (1 - step) * np.outer(away, away)
            )
            self.means[k] += step * away
        self.weights = (1 - rate) * self.weights + rate * mass
        self._prepare()

    def shift(self, by: Moments) -> None:
        """Move all Gaussians alike by (dimensions,), as a change of light moves log spectra."""
        self.means = self.means + by
        self._place()

    def residual(self, values: Values, shares: Values) -> Moments:
        """(dimensions,) mean distance of pixels from the Gaussians that own them, without those that fit nowhere."""
        off = values - self.responsibilities(values) @ self.means.astype(np.float32)
        trusted = shares
        for _ in range(2):
            mean = trusted @ off / max(float(trusted.sum()), _ALMOST_NONE)
            distance = np.abs(off - mean).mean(axis=1)
            trusted = shares * (distance <= _SAME_LIGHT * np.median(distance))
        return np.asarray(trusted @ off / max(float(trusted.sum()), _ALMOST_NONE), dtype=np.float64)

    def _prepare(self) -> None:
        """Whitening matrices of all components side by side, so that one product serves all."""
        factors = np.linalg.cholesky(self.covariances + self.floor * np.eye(self.means.shape[1]))
        self._inverse = np.linalg.inv(factors)
        self._whitening = np.concatenate(self._inverse.transpose(0, 2, 1), axis=1).astype(np.float32)
        volumes = np.log(np.diagonal(factors, axis1=1, axis2=2)).sum(axis=1)
        self._level = (np.log(np.maximum(self.weights, _ALMOST_NONE)) - volumes).astype(np.float32)
        self._place()

    def _place(self) -> None:
        """Where the means lie after whitening."""
        moved = [one @ mean for one, mean in zip(self._inverse, self.means, strict=True)]
        self._offset = -np.concatenate(moved).astype(np.float32)


def log_sum(logs: Values) -> Values:
    """(pixels,) logarithm of the sum over the last axis of exponentials, without overflow."""
    # Column by column: NumPy reduces rows as short as these several times more slowly.
    most = functools.reduce(np.maximum, logs.T)
    return np.asarray(most + np.log(functools.reduce(np.add, np.exp(logs - most[:, None]).T)))


def probability(logit: NDArray[np.floating]) -> Values:
    """Logistic function, float32."""
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(logit, -30.0, 30.0))), dtype=np.float32)


def _moments(data: Moments, weights: Moments) -> tuple[Moments, Moments]:
    """Weighted mean (dimensions,) and covariance (dimensions, dimensions)."""
    total = weights.sum()
    mean = (weights @ data) / total
    centred = data - mean
    return mean, (centred * weights[:, None]).T @ centred / total
