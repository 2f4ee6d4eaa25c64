"""Which pixels belong to the target, judged by their spectra alone: the log ratio of two mixtures.

The target's pixels are not known, only a box around them. The pixels in the box are a mixture of the target's spectra
and of the surroundings', which are known from outside the box; expectation and maximisation find the part that the
surroundings do not explain, as GrabCut does on colours (Rother, Kolmogorov, Blake, SIGGRAPH 2004). Beside a correlation
filter such a statistic of colour without places comes from Staple (Bertinetto et al., CVPR 2016); mixtures on log
spectra instead of colour histograms are ours, because sixteen dimensions cannot be counted in bins.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spectrack.methods.correlation_filter.mixture import Mixture, Values, log_sum

NOISE = 0.05
"""Spread of log spectra that is never worth telling apart."""

_ROUNDS = 15
_LEAST_SHARE = 0.12
"""A target that explains less than this share of its box is not believed."""

_OUTLIER_SPREADS = 4.0


@dataclass
class SpectralLikelihood:
    """Target against surroundings, pixel by pixel.

    Attributes:
        target: mixture of the target's log spectra.
        surroundings: mixture of the surroundings'.
        outlier: log density of spectra that are like neither; they count as surroundings.
    """

    target: Mixture
    surroundings: Mixture
    outlier: float

    @classmethod
    def fit(
        cls, inside: Values, prior: Values, outside: Values, weights: Values, components: tuple[int, int]
    ) -> tuple[SpectralLikelihood, Values]:
        """Learn both mixtures on the first frame.

        Args:
            inside: (n, dimensions) pixels in the box.
            prior: (n,) probability in (0, 1) that each is the target's, before its spectrum is looked at.
            outside: (m, dimensions) pixels of the surroundings.
            weights: (m,) how much each of them counts.
            components: Gaussians of the target and of the surroundings.

        Returns:
            The model, and the probability (n,) that each pixel in the box is the target's.
        """
        surroundings = Mixture.fit(outside, weights, components[1], NOISE**2)
        target = Mixture.fit(inside, prior, components[0], NOISE**2)
        odds, behind, shares = np.log(prior / (1 - prior)), surroundings.log_density(inside), prior
        for _ in range(_ROUNDS):
            each = target.log_densities(inside)
            density = log_sum(each)
            found = probability(density - behind + odds)
            if found.mean() < _LEAST_SHARE:
                break
            shares = found
            target = Mixture.of_shares(inside, shares[:, None] * np.exp(each - density[:, None]), NOISE**2)
        density, belief = target.log_density(inside), shares / shares.sum()
        mean = float(belief @ density)
        spread = float(np.sqrt(belief @ (density - mean) ** 2))
        return cls(target, surroundings, mean - _OUTLIER_SPREADS * spread), shares

    def log_ratio(self, values: Values) -> Values:
        """(pixels,) log density of the target's spectra less that of everything else's."""
        behind = np.logaddexp(self.surroundings.log_density(values), np.float32(self.outlier))
        return np.asarray(self.target.log_density(values) - behind)

    def follow_light(self, values: Values, shares: Values, rate: float) -> None:
        """Move both mixtures by `rate` of what the known surroundings have changed by on average."""
        by = rate * self.surroundings.residual(values, shares)
        self.surroundings.shift(by)
        self.target.shift(by)


def probability(logit: NDArray[np.floating]) -> Values:
    """Logistic function, float32."""
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(logit, -30.0, 30.0))), dtype=np.float32)
