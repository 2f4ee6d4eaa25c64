"""Which pixels belong to the target, judged by their spectra alone: the log ratio of two mixtures of Gaussians.

The target's pixels are not known, only a box around them. The pixels in the box are a mixture of the target's spectra
and of the surroundings', which are known from outside the box; expectation and maximisation find the part that the
surroundings do not explain, as GrabCut does on colours (Rother, Kolmogorov, Blake, SIGGRAPH 2004). Beside a correlation
filter such a statistic of colour without places comes from Staple (Bertinetto et al., CVPR 2016); mixtures on log
spectra instead of colour histograms are ours, because sixteen dimensions cannot be counted in bins.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

from spectrack.boxes import Box, iou
from spectrack.evidence.extent import Extent, Maps, best_doubt, measure
from spectrack.evidence.log_spectra import NOISE
from spectrack.evidence.mixtures import Mixture, Values, log_sum, probability
from spectrack.evidence.regions import Inside, centre_prior, distance_to, inside_and_outside, ramp

_BOX_ROUNDS = 15
_LEAST_SHARE = 0.12
"""A target that explains less than this share of its box is not believed."""

_OUTLIER_SPREADS, _LEAST_MARGIN = 4.0, 1.5
"""An outlier's log density lies so many spreads below the target's mean, and never less than the second: pixels that
are all alike, as of a lamp or a drawing, have hardly any spread, and would not be told from outliers.
"""

_MOST_LOG_RATIO = 6.0
_SMOOTHING = 0.7

_TOLD_BADLY, _TOLD_WELL = 0.4, 0.75
_FITS_BADLY, _FITS_WELL = 0.3, 0.6
"""Range of trust in the spectra: true less false positives, and IoU of their box with the given one, at the start."""

_ELSEWHERE_WEIGHT = 0.5
"""How much the rest of the frame counts among the surroundings, over those nearby."""

_BESIDE = 1.2
_FEWEST_BESIDE, _FEWEST_OWN = 12, 4


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
        for _ in range(_BOX_ROUNDS):
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
        return cls(target, surroundings, mean - max(_OUTLIER_SPREADS * spread, _LEAST_MARGIN)), shares

    def log_densities(self, values: Values) -> tuple[Values, Values]:
        """(pixels,) each: log density of the target's spectra and of the surroundings', less the same constant."""
        return self.target.log_density(values), self.surroundings.log_density(values)

    def log_ratio(self, values: Values) -> Values:
        """(pixels,) log density of the target's spectra less that of everything else's."""
        target, surroundings = self.log_densities(values)
        return np.asarray(target - np.logaddexp(surroundings, np.float32(self.outlier)))

    def follow_light(self, values: Values, shares: Values, rate: float) -> None:
        """Move both mixtures by `rate` of what the known surroundings have changed by on average."""
        by = rate * self.surroundings.residual(values, shares)
        self.surroundings.shift(by)
        self.target.shift(by)


class TargetSpectra:
    """What the spectra of one video tell of one target: learnt on the first frame, followed on the others.

    Args:
        values: (cells * cells, dimensions) log spectra of the first view, see `log_spectra`.
        seen: (cells, cells) which of its cells lie in the frame.
        box: the target in cells, x, y, w, h.
        elsewhere: (n, dimensions) log spectra from the rest of the frame.
        components: Gaussians of the target and of the surroundings.

    Attributes:
        trust: how well the first frame tells the target from its surroundings, 0 (not at all) to 1.
        mass: the target's usual number of cells.
        habit: (4,) by how much of the sides the box's edges differ from those of the cells, see `Extent`.
        first: the cells found on the first frame.
    """

    def __init__(
        self, values: Values, seen: Inside, box: Box, elsewhere: Values, components: tuple[int, int] = (2, 4)
    ) -> None:
        inside, outside = inside_and_outside(box, seen)
        near = values[outside.ravel()]
        weights = np.ones(len(near) + len(elsewhere), dtype=np.float32)
        weights[len(near) :] *= _ELSEWHERE_WEIGHT * len(near) / max(len(elsewhere), 1)
        prior = centre_prior(box, seen.shape)[inside]
        self._likelihood, shares = SpectralLikelihood.fit(
            values[inside.ravel()], prior, np.concatenate([near, elsewhere]), weights, components
        )
        self._doubt = 0.0
        ratio = self.log_ratio(values, seen)
        likely = np.zeros_like(inside)
        likely[inside] = shares > 0.5
        self._doubt, told = best_doubt(ratio, likely, outside)
        self.first = measure(ratio - np.float32(self._doubt), box)
        self.mass, self.habit = max(self.first.mass, 1.0), self.first.habit_of(box)
        fits = float(iou(self.first.box(np.zeros(4)), box))
        self.trust = ramp(told, _TOLD_BADLY, _TOLD_WELL) * ramp(fits, _FITS_BADLY, _FITS_WELL)

    def read(self, values: Values, seen: Inside) -> Reading:
        """What the spectra of a view say."""
        target, surroundings = self._likelihood.log_densities(values)
        outlier = np.float32(self._likelihood.outlier)
        ratio = np.clip(target - np.logaddexp(surroundings, outlier), -_MOST_LOG_RATIO, _MOST_LOG_RATIO)
        ratio = ratio.reshape(seen.shape)
        ratio[~seen] = -_MOST_LOG_RATIO
        smooth = cv2.GaussianBlur(ratio, (0, 0), _SMOOTHING) - np.float32(self._doubt)
        return Reading(
            np.asarray(smooth, dtype=np.float32), (surroundings > np.maximum(target, outlier)).reshape(seen.shape)
        )

    def log_ratio(self, values: Values, seen: Inside) -> Maps:
        """(cells, cells) log odds of the target, bounded, smoothed, and against it outside the frame."""
        return self.read(values, seen).log_ratio

    def extent(self, log_ratio: Maps, expected: Box, mass: float | None = None) -> Extent:
        """The likely cells around the expected box (x, y, w, h in cells); `mass` where it has changed since."""
        return measure(log_ratio, expected, self.mass if mass is None else mass)

    def learn(
        self, values: Values, seen: Inside, box: Box, belief: Maps, rates: LearningRates, *, phase: int = 0
    ) -> None:
        """Follow target, surroundings and light from a frame in which the target was found.

        Args:
            values: (cells * cells, dimensions).
            seen: (cells, cells).
            box: the target in cells.
            belief: (cells, cells) probability that a cell is the target's.
            rates: of the three; 0 leaves one as it is.
            phase: which quarter of the surroundings is looked at; count the frames.
        """
        distance, belief = distance_to(box, seen.shape).ravel(), belief.ravel()
        own = (distance < 1) & (belief > 0.5)
        if rates.target > 0 and own.any():
            self._likelihood.target.update(values[own], belief[own], rates.target)
        # A quarter of the cells, another one each frame, says as much about the surroundings as all.
        rows, columns = (np.arange(count) for count in seen.shape)
        quarter = np.logical_and.outer((rows + phase) % 2 == 0, (columns + phase // 2) % 2 == 0).ravel()
        beside = quarter & (distance > _BESIDE) & seen.ravel()
        if beside.sum() > _FEWEST_BESIDE:
            around, ones = values[beside], np.ones(int(beside.sum()), dtype=np.float32)
            self._likelihood.follow_light(around, ones, rates.light)
            self._likelihood.surroundings.update(around, ones, rates.surroundings)

    def adopt(self, values: Values, box: Box, seen: Inside, rate: float) -> None:
        """Move the target's mixture by `rate` towards what a witness boxed and the surroundings do not explain.

        The mixtures alone never learn a side of the target that they have not seen; somebody who knows it by its shape
        can show them. As on the first frame, a cell in the box is the target's by its place and as far as its spectrum
        is not the surroundings'; here one that is like neither counts as the target's.

        Args:
            values: (cells * cells, dimensions).
            box: where the witness sees the target, in cells.
            seen: (cells, cells) which cells lie in the frame.
            rate: 0 to 1.
        """
        own = ((distance_to(box, seen.shape) < 1) & seen).ravel()
        if own.sum() < _FEWEST_OWN or rate <= 0:
            return
        target, surroundings = self._likelihood.log_densities(values[own])
        prior = centre_prior(box, seen.shape).ravel()[own]
        odds = np.maximum(target, np.float32(self._likelihood.outlier)) - surroundings + np.log(prior / (1 - prior))
        self._likelihood.target.update(values[own], probability(odds), rate)


class Reading(NamedTuple):
    """What spectra say of a view, cell by cell.

    Attributes:
        log_ratio: (cells, cells) log odds of the target.
        explained: (cells, cells) where the surroundings are the best explanation.
    """

    log_ratio: Maps
    explained: Inside


@dataclass(frozen=True)
class LearningRates:
    """How fast the mixtures follow, 0 (not at all) to 1.

    Attributes:
        target: the target's.
        surroundings: that of what is around it.
        light: both, with the light's colour.
    """

    target: float
    surroundings: float
    light: float
