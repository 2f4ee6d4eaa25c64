"""Per-pixel statistics that tell a target from its surroundings, under one interface: learn on the first frame and its
box, map any later frame or window of it, follow with the tracker's own box.

With x a pixel's spectrum, t the target's, mu and S mean and covariance of the surroundings, R their second moment:

    cem              t R^-1 x / (t R^-1 t)
    matched_filter   (t - mu) S^-1 (x - mu) / ((t - mu) S^-1 (t - mu))
    ace              +-((t - mu) S^-1 (x - mu))^2 / ((t - mu) S^-1 (t - mu) (x - mu) S^-1 (x - mu))
    angle            -arccos(t x / (|t| |x|)), rad
    rx               (x - mu) S^-1 (x - mu)
    likelihood       log p(x | target) - log p(x | surroundings), see `likelihood`

Sources: CEM: Harsanyi, PhD thesis, University of Maryland Baltimore County, 1993. Matched filter: Manolakis and Shaw,
"Detection algorithms for hyperspectral imaging applications", IEEE Signal Processing Magazine 19(1), 2002. ACE: Kraut
and Scharf, "The CFAR adaptive subspace detector is a scale-invariant GLRT", IEEE Trans. Signal Processing 47(9), 1999.
Angle: Kruse et al., Remote Sens. Environ. 44, 1993. RX: Reed and Yu, IEEE Trans. Acoust., Speech, Signal Processing
38(10), 1990. Ours: the sign of ACE, without which a pixel of the opposite spectrum counts as the target; shrinkage (see
`background`); the target's spectrum as the mean over the box, its middle counting most; and the trust.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence as Several
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spectrack.boxes import Box, as_box, check_box_in_frame
from spectrack.cube import Cube, check_cube
from spectrack.errors import ConfigError, CubeError, nearest_name
from spectrack.evidence.background import Background
from spectrack.evidence.likelihood import SpectralLikelihood
from spectrack.evidence.log_spectra import band_groups, log_spectra
from spectrack.evidence.regions import ramp
from spectrack.evidence.sample import Pixels, Sample
from spectrack.evidence.whitening import Whitening
from spectrack.scaling import DEFAULT_SCALING, Scaling

Map = NDArray[np.float32]
"""(height, width) float32, higher where a pixel is more like the target."""

_AT_ONCE = 4096
"""A block of pixels stays in the processor's cache from counts to scores."""

_TOLD_BADLY, _TOLD_WELL = 0.4, 0.75


class Detector(ABC):
    """One statistic of one target in one video.

    Args:
        cube: the first frame, (height, width, bands) raw counts.
        box: the target in it, x, y, w, h.
        wavelengths_nm: band centres, where they are known.

    Attributes:
        trust: how well the statistic tells the pixels of the first frame apart that it was not fitted to: 0 (abstain:
            not better than the surroundings' own spread) to 1. True less false positives of either half of the pixels
            at the threshold that is best on the other half, from 0.4 to 0.75.
        threshold: score from which a pixel is more likely the target's, where true less false positives are most on the
            first frame (Youden, 1950).
    """

    trust: float
    threshold: float

    def __init__(self, cube: Cube, box: Box, wavelengths_nm: Several[float] | None = None) -> None:
        self.bands = cube.shape[2]
        sample = Sample.of(cube, box)
        first, second = sample.halves()
        told = (self._told(first, second) + self._told(second, first)) / 2
        self.trust = ramp(told, _TOLD_BADLY, _TOLD_WELL)
        self._fit(sample)
        self.threshold = best_threshold(self.scores(sample.core), self.scores(sample.outside))

    def map(self, cube: Cube) -> Map:
        """The score of every pixel of a frame or of a window of one.

        Raises:
            CubeError: another number of bands than on the first frame.
        """
        if cube.ndim != 3 or cube.shape[2] != self.bands:
            raise CubeError(f"expected a cube of {self.bands} bands, found shape {cube.shape}; fit a new detector")
        pixels = cube.reshape(-1, self.bands)
        found = np.empty(len(pixels), dtype=np.float32)
        for start in range(0, len(pixels), _AT_ONCE):
            block = slice(start, start + _AT_ONCE)
            found[block] = self.scores(np.asarray(pixels[block], dtype=np.float32))
        return found.reshape(cube.shape[:2])

    def update(self, cube: Cube, box: ArrayLike, rate: float = 0.05) -> None:
        """Follow target and surroundings from a frame in which the target was found.

        Args:
            cube: (height, width, bands).
            box: where it was found, x, y, w, h.
            rate: weight of this frame, 0 to 1.
        """
        found = as_box(box)
        check_box_in_frame(found, *cube.shape[:2])
        self._follow(Sample.of(cube, found), rate)

    @abstractmethod
    def scores(self, pixels: Pixels) -> NDArray[np.float32]:
        """(n,) the statistic of (n, bands) raw counts."""

    @abstractmethod
    def _fit(self, sample: Sample) -> None:
        """Learn from the first frame."""

    @abstractmethod
    def _follow(self, sample: Sample, rate: float) -> None:
        """Move what was learnt by `rate` towards a later frame."""

    def _told(self, known: Sample, judged: Sample) -> float:
        self._fit(known)
        threshold = best_threshold(self.scores(known.core), self.scores(known.outside))
        hits, misses = (float((self.scores(pixels) > threshold).mean()) for pixels in (judged.core, judged.outside))
        return hits - misses


class _SecondOrder(Detector):
    """What the statistics of target spectrum and surroundings have in common."""

    _about_origin = False

    def _fit(self, sample: Sample) -> None:
        self._target, self._background = sample.target, self._surroundings(sample)
        self._solve()

    def _follow(self, sample: Sample, rate: float) -> None:
        self._target = (1 - rate) * self._target + rate * sample.target
        self._background = self._background.moved(self._surroundings(sample), rate)
        self._solve()

    def _surroundings(self, sample: Sample) -> Background:
        return Background.of(sample.outside, about=np.zeros(self.bands) if self._about_origin else None)

    def _solve(self) -> None:
        self._seen = Whitening.of(self._background, self._target)


class MatchedFilter(_SecondOrder):
    """1 on the target's spectrum, 0 in the mean on the surroundings', and there with the least variance."""

    def scores(self, pixels: Pixels) -> NDArray[np.float32]:
        """(n,) no unit."""
        return self._seen.matched(pixels)


class ConstrainedEnergy(MatchedFilter):
    """CEM: the linear filter that passes the target's spectrum with gain 1 and least energy of all else."""

    _about_origin = True


class AdaptiveCosine(_SecondOrder):
    """ACE: the squared cosine between pixel and target in whitened space; -1 to 1, independent of the pixel's size."""

    def scores(self, pixels: Pixels) -> NDArray[np.float32]:
        """(n,) -1 to 1."""
        return self._seen.cosine(pixels)


class Anomaly(_SecondOrder):
    """RX: squared Mahalanobis distance from the surroundings; knows no target, so everything rare stands out."""

    def scores(self, pixels: Pixels) -> NDArray[np.float32]:
        """(n,) at least 0."""
        return self._seen.distance(pixels)


class SpectralAngle(_SecondOrder):
    """Angle to the target's spectrum: blind to brightness and to what surrounds the target."""

    def scores(self, pixels: Pixels) -> NDArray[np.float32]:
        """(n,) minus the angle, rad; -pi/2 where a spectrum is all zero."""
        unit = (self._target / max(float(np.linalg.norm(self._target)), np.finfo(np.float64).tiny)).astype(np.float32)
        along = pixels @ unit
        # The length of the rest by a difference of vectors: that of squares loses small angles in float32.
        across = pixels - along[:, None] * unit
        angle = np.arctan2(np.sqrt(np.einsum("nb,nb->n", across, across)), along)
        return np.asarray(-np.where(pixels.any(axis=1), angle, np.pi / 2), dtype=np.float32)


class LikelihoodRatio(Detector):
    """Log ratio of two mixtures over log spectra: knows targets and surroundings of several materials."""

    components = (2, 4)

    def __init__(self, cube: Cube, box: Box, wavelengths_nm: Several[float] | None = None) -> None:
        gain = Scaling.parse(DEFAULT_SCALING).fit(cube).gain
        self._grouping = gain[:, None] * band_groups(cube.shape[2], wavelengths_nm)
        super().__init__(cube, box, wavelengths_nm)

    def scores(self, pixels: Pixels) -> NDArray[np.float32]:
        """(n,) log odds at even chances."""
        return self._likelihood.log_ratio(self._values(pixels))

    def _values(self, pixels: Pixels) -> Pixels:
        return log_spectra((pixels @ self._grouping)[None])[0]

    def _fit(self, sample: Sample) -> None:
        outside = self._values(sample.outside)
        self._likelihood, _ = SpectralLikelihood.fit(
            self._values(sample.inside), sample.prior, outside, np.ones(len(outside), np.float32), self.components
        )

    def _follow(self, sample: Sample, rate: float) -> None:
        outside, inside = self._values(sample.outside), self._values(sample.inside)
        ones = np.ones(len(outside), dtype=np.float32)
        self._likelihood.follow_light(outside, ones, rate)
        shares = sample.prior * (self._likelihood.log_ratio(inside) > 0)
        self._likelihood.target.update(inside, shares, rate)
        self._likelihood.surroundings.update(outside, ones, rate)


DETECTORS: dict[str, type[Detector]] = {
    "likelihood": LikelihoodRatio,
    "matched_filter": MatchedFilter,
    "cem": ConstrainedEnergy,
    "ace": AdaptiveCosine,
    "angle": SpectralAngle,
    "rx": Anomaly,
}


def fit_detector(
    name: str, cube: ArrayLike, box: ArrayLike, *, wavelengths_nm: Several[float] | None = None
) -> Detector:
    """A statistic that tells a target from its surroundings by its spectrum, learnt on one frame.

    Args:
        name: ``likelihood``, ``matched_filter``, ``cem``, ``ace``, ``angle`` or ``rx``.
        cube: the first frame, (height, width, bands) raw counts, three bands or more.
        box: the target in it, x, y, w, h in cube pixels.
        wavelengths_nm: band centres, where they are known.

    Raises:
        ConfigError: no statistic of that name; the nearest is offered.
        CubeError: not a usable cube.
        BoxError: the box is degenerate or outside the frame.

    Example:
        >>> import numpy as np
        >>> frame = np.random.default_rng(0).normal(100, 5, (40, 50, 8))
        >>> frame[10:20, 15:25] += np.linspace(0, 30, 8)
        >>> detector = fit_detector("ace", frame, (15, 10, 10, 10))
        >>> detector.trust
        1.0
        >>> bool(detector.map(frame)[12, 20] > detector.threshold > detector.map(frame)[30, 40])
        True
    """
    if name not in DETECTORS:
        raise ConfigError(f"expected a detector, found {name!r}; {nearest_name(name, DETECTORS)}")
    frame: Cube = np.asarray(cube)
    check_cube(frame, name="the first frame")
    target = as_box(box)
    check_box_in_frame(target, *frame.shape[:2])
    return DETECTORS[name](frame, target, wavelengths_nm)


def best_threshold(target: NDArray[np.floating], others: NDArray[np.floating]) -> float:
    """The score above which most of the target's pixels lie and fewest others: most true less false positives.

    Args:
        target: (n,) scores of the target's pixels.
        others: (m,) scores of the surroundings'.
    """
    scores: NDArray[Any] = np.concatenate([target, others])
    order = np.argsort(-scores, kind="stable")
    own = np.arange(len(scores))[order] < len(target)
    gained = np.cumsum(np.where(own, 1 / len(target), -1 / len(others)))
    best = int(np.argmax(gained))
    following = scores[order][min(best + 1, len(scores) - 1)]
    return float((scores[order][best] + following) / 2)
