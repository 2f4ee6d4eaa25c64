"""How far a score would move with other sequences: bootstrap intervals over sequences, also for paired differences.

Frames of one video are not independent, sequences nearly are; so sequences are resampled, never frames. With fewer than
about ten sequences such an interval is too narrow, and no resampling can mend that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from spectrack.errors import InputError
from spectrack.evaluation.scores import Scores
from spectrack.signs import counted

FEWEST_SEQUENCES = 10
"""An interval over fewer is too narrow, and a difference on fewer says little about others."""


@dataclass(frozen=True)
class Interval:
    """A percentile interval.

    Attributes:
        estimate: the value on all sequences.
        low: lower end.
        high: upper end.
        level: share of resamples inside.
        sequences: number of sequences resampled.
    """

    estimate: float
    low: float
    high: float
    level: float
    sequences: int

    @property
    def few(self) -> bool:
        """Whether there are too few sequences for it to hold what it promises."""
        return self.sequences < FEWEST_SEQUENCES

    @property
    def over(self) -> str:
        """Number of sequences in words, and that they are too few where they are."""
        told = counted(self.sequences, "sequence")
        return f"{told}, too few to tell how it would be on others" if self.few else told

    @property
    def ends(self) -> str:
        """Both ends with three decimals."""
        return f"{self.low:.3f}-{self.high:.3f}"

    @property
    def signed(self) -> str:
        """Estimate and both ends of a difference, with their signs."""
        return f"{self.estimate:+.3f} [{self.low:+.3f}, {self.high:+.3f}]"

    def __str__(self) -> str:
        return f"{self.estimate:.3f} [{self.low:.3f}, {self.high:.3f}]"


def bootstrap_interval(
    values: ArrayLike, *, weights: ArrayLike | None = None, level: float = 0.95, resamples: int = 10_000, seed: int = 0
) -> Interval:
    """Interval of the (weighted) mean of `values` under resampling with replacement.

    Args:
        values: (N,) one value a sequence.
        weights: (N,) frame counts where the mean pools frames; equal weights by default.
        level: between 0 and 1.
        resamples: number of resamples.
        seed: the same seed gives the same interval.

    Raises:
        InputError: no values, values that are not finite, or a level outside (0, 1).

    Source: Efron and Tibshirani, An Introduction to the Bootstrap, 1993, section 13.3 (percentile interval).
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or not array.size or not np.isfinite(array).all():
        raise InputError(f"expected one finite value a sequence, found shape {array.shape}; score one sequence or more")
    if not 0 < level < 1:
        raise InputError(f"expected a level between 0 and 1, found {level}; 0.95 is usual")
    share = np.ones(array.size) if weights is None else np.asarray(weights, dtype=np.float64)
    if share.shape != array.shape:
        raise InputError(f"expected {array.size} weights, one a value, found shape {share.shape}; give frame counts")
    generator = np.random.default_rng(seed)
    # How often each sequence is drawn is multinomial, which needs no (resamples, N) index array.
    counts = generator.multinomial(array.size, np.full(array.size, 1 / array.size), size=resamples)
    means = (counts @ (array * share)) / (counts @ share)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(np.average(array, weights=share)), float(low), float(high), level, array.size)


def score_interval(scores: Scores, figure: str = "auc", **options: float) -> Interval:
    """Bootstrap interval of one headline figure.

    Args:
        scores: scored sequences.
        figure: a name in `spectrack.evaluation.figures.FIGURES`, such as ``auc`` or ``dp20``.
        **options: `level`, `resamples`, `seed` of `bootstrap_interval`.

    Raises:
        InputError: the protocol does not define that figure.
    """
    return bootstrap_interval(_values(scores, figure), weights=_weights(scores), **options)  # type: ignore[arg-type]


def difference_interval(scores: Scores, baseline: Scores, figure: str = "auc", **options: float) -> Interval:
    """Interval of ``scores - baseline``, paired by sequence: an interval that excludes 0 speaks for a real difference.

    Args:
        scores: one tracker.
        baseline: another, on the same sequences under the same protocol.
        figure: as in `score_interval`.
        **options: as in `score_interval`.

    Raises:
        InputError: other protocols or other sequences.
    """
    if scores.switches != baseline.switches:
        raise InputError(
            f"expected one protocol and its switches, found {scores.protocol} and {baseline.protocol}; score again"
        )
    names = [item.name for item in scores.sequences]
    if sorted(names) != sorted(item.name for item in baseline.sequences):
        raise InputError("expected the same sequences on both sides, found others; restrict both with Scores.select")
    paired = [a - b for a, b in zip(_values(scores, figure), _values(baseline.select(names), figure), strict=True)]
    return bootstrap_interval(paired, weights=_weights(scores), **options)  # type: ignore[arg-type]


def _values(scores: Scores, figure: str) -> list[float]:
    values = [item.figures.get(figure) for item in scores.sequences]
    if None in values:
        raise InputError(f"expected a figure that the protocol {scores.protocol} defines, found {figure!r}; try auc")
    return [float(value) for value in values if value is not None]


def _weights(scores: Scores) -> Sequence[int] | None:
    return [item.frames for item in scores.sequences] if scores.switches["averaging"] == "frames" else None
