"""Does a tracker know when it fails? Its lost flag, its probability and its confidence against the truth.

The flag is compared with two truths. *Hidden*: see `hidden_frames`. *Missed*: the box overlaps the object by less than
0.1, hidden or not, where the truth has a box; the probability is that of the contrary. Neither the first frame, which
is given, nor an untracked one counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spectrack.boxes import Boxes, is_box
from spectrack.errors import InputError
from spectrack.evaluation.metrics import overlaps_by_frame
from spectrack.evaluation.robustness import LOST_BELOW

HIDDEN_BELOW = LOST_BELOW
"""An object of which less is seen counts as hidden: even a box around all that is seen would count as a miss."""

HIDDEN_WORDS = f"less than {HIDDEN_BELOW:.0%} of the object is seen, or the truth has no box"
"""When an object is hidden, for captions."""

RELIABILITY_BINS = 10


@dataclass(frozen=True)
class FlagScores:
    """The lost flag as a detector of some state of the object.

    Attributes:
        frames: frames that were judged.
        positives: frames in which the state held.
        flagged: frames in which the flag was up.
        hits: frames of both kinds.
    """

    frames: int
    positives: int
    flagged: int
    hits: int

    @property
    def precision(self) -> float | None:
        """Share of flagged frames in which the state held; None when no frame was flagged."""
        return self.hits / self.flagged if self.flagged else None

    @property
    def recall(self) -> float | None:
        """Share of the state's frames that were flagged; None when it never held."""
        return self.hits / self.positives if self.positives else None


@dataclass(frozen=True)
class Reliability:
    """Confidence against overlap: a rising line where a tracker's confidence can be relied on.

    Attributes:
        edges: (B + 1,) borders of the confidence bins in [0, 1]; a bin holds its lower border, the last one both.
        frames: (B,) frames a bin.
        score: (B,) mean confidence; None in an empty bin.
        overlap: (B,) mean IoU; None in an empty bin.
        correlation: Spearman's rank correlation of confidence and overlap over all frames; None where one never varies.
    """

    edges: tuple[float, ...]
    frames: tuple[int, ...]
    score: tuple[float | None, ...]
    overlap: tuple[float | None, ...]
    correlation: float | None


@dataclass(frozen=True)
class Calibration:
    """Stated probability against what came true: a tracker that is right about itself lies on the diagonal.

    Attributes:
        edges: (B + 1,) borders of the bins of probability in [0, 1]; a bin holds its lower border, the last one both.
        frames: (B,) frames a bin.
        probability: (B,) mean stated probability; None in an empty bin.
        on_target: (B,) share of frames whose box does not miss the object; None in an empty bin.
        error: expected calibration error, the mean of |probability - on_target| weighted by frames, in [0, 1].
    """

    edges: tuple[float, ...]
    frames: tuple[int, ...]
    probability: tuple[float | None, ...]
    on_target: tuple[float | None, ...]
    error: float


@dataclass(frozen=True)
class Judged:
    """The frames of one sequence or of several that can be judged, frame 0 and untracked frames left out.

    Attributes:
        score: (M,) confidence.
        lost: (M,) the flag.
        overlap: (M,) IoU; NaN where the truth has no box.
        hidden: (M,) whether the object is hidden.
        probability: (M,) stated probability that the box does not miss the object; NaN where none was stated.
    """

    score: NDArray[np.float64]
    lost: NDArray[np.bool_]
    overlap: NDArray[np.float64]
    hidden: NDArray[np.bool_]
    probability: NDArray[np.float64]

    @staticmethod
    def pool(items: Sequence[Judged]) -> Judged:
        """The frames of several sequences in one pot."""
        rows = ((item.score, item.lost, item.overlap, item.hidden, item.probability) for item in items)
        return Judged(*map(np.concatenate, zip(*rows, strict=True)))


def hidden_frames(truth: Boxes, visibility: ArrayLike | None = None) -> NDArray[np.bool_]:
    """Frames in which the object is hidden: less than `HIDDEN_BELOW` of it is seen, or the truth has no box.

    Args:
        truth: (N, 4).
        visibility: (N,) share of the object that is seen, where it is known, as simulated video knows it.
    """
    absent = ~is_box(truth)
    return absent if visibility is None else absent | (np.asarray(visibility, dtype=np.float64) < HIDDEN_BELOW)


def judge(
    boxes: Boxes,
    truth: Boxes,
    score: ArrayLike,
    lost: ArrayLike,
    hidden: ArrayLike,
    probability: ArrayLike | None = None,
) -> Judged:
    """Bring one sequence into the form that the functions below take.

    Args:
        boxes: (N, 4) predictions; rows that are not finite were not tracked.
        truth: (N, 4).
        score: (N,) confidence.
        lost: (N,) the flag.
        hidden: (N,) see `hidden_frames`.
        probability: (N,) that the box does not miss the object; None, or NaN in frames, where none was stated.

    Raises:
        InputError: arrays of different lengths.
    """
    confidence, flag, unseen = np.asarray(score, dtype=np.float64), np.asarray(lost, bool), np.asarray(hidden, bool)
    stated = np.full(len(confidence), np.nan) if probability is None else np.asarray(probability, dtype=np.float64)
    lengths = {len(rows) for rows in (boxes, truth, confidence, flag, unseen, stated)}
    if len(lengths) > 1:
        raise InputError(
            f"expected boxes, truth, scores, flags, visibility of one length, found lengths {sorted(lengths)}; cut them"
        )
    tracked = np.asarray(np.isfinite(boxes).all(axis=1) & np.isfinite(confidence))
    tracked[:1] = False
    overlap = overlaps_by_frame(boxes, truth)
    return Judged(confidence[tracked], flag[tracked], overlap[tracked], unseen[tracked], stated[tracked])


def flag_against_hidden(frames: Judged) -> FlagScores:
    """The lost flag as a detector of a hidden object."""
    return _count(frames.lost, frames.hidden)


def flag_against_missed(frames: Judged) -> FlagScores:
    """The lost flag as a detector of boxes that miss the object; frames without a truth box are left out."""
    known = np.isfinite(frames.overlap)
    return _count(frames.lost[known], frames.overlap[known] < LOST_BELOW)


def reliability(frames: Judged, *, bins: int = RELIABILITY_BINS) -> Reliability:
    """Mean overlap by confidence; frames without a truth box are left out, hidden ones are not.

    Args:
        frames: of all sequences.
        bins: equal bins over [0, 1]; a confidence outside is put into the nearest.

    Raises:
        InputError: fewer than one bin.

    Source: DeGroot and Fienberg, The Comparison and Evaluation of Forecasters, 1983 (reliability diagram).
    """
    known = np.isfinite(frames.overlap)
    scores, overlap = np.clip(frames.score[known], 0, 1), frames.overlap[known]
    edges, counts, (score, mean) = _binned(scores, overlap, bins)
    return Reliability(edges, counts, score, mean, correlation=_rank_correlation(scores, overlap))


def calibration(frames: Judged, *, bins: int = RELIABILITY_BINS) -> Calibration | None:
    """Share of frames on target by stated probability; None where none was stated.

    Frames without a truth box or without a probability are left out, those in which the object is hidden are not.

    Args:
        frames: of all sequences.
        bins: equal bins over [0, 1]; a probability outside is put into the nearest.

    Raises:
        InputError: fewer than one bin.

    Source: Naeini, Cooper and Hauskrecht, AAAI 2015 (expected calibration error).
    """
    known = np.isfinite(frames.overlap) & np.isfinite(frames.probability)
    stated, on_target = np.clip(frames.probability[known], 0, 1), frames.overlap[known] >= LOST_BELOW
    edges, counts, (probability, share) = _binned(stated, on_target.astype(np.float64), bins)
    if not known.any():
        return None
    gaps = (
        count * abs(p - s)
        for count, p, s in zip(counts, probability, share, strict=True)
        if p is not None and s is not None
    )
    return Calibration(edges, counts, probability, share, error=float(sum(gaps) / known.sum()))


Means = tuple[float | None, ...]


def _binned(
    by: NDArray[np.float64], values: NDArray[np.float64], bins: int
) -> tuple[tuple[float, ...], tuple[int, ...], tuple[Means, Means]]:
    """Borders of equal bins over [0, 1], frames a bin, and the means there of what is sorted by and of `values`."""
    if bins < 1:
        raise InputError(f"expected at least one bin, found {bins}; 10 are usual")
    edges = np.linspace(0, 1, bins + 1)
    place = np.clip(np.searchsorted(edges, by, side="right") - 1, 0, bins - 1)
    counts = np.bincount(place, minlength=bins)

    def means(numbers: NDArray[np.float64]) -> Means:
        sums = np.bincount(place, weights=numbers, minlength=bins)
        return tuple(float(total / count) if count else None for total, count in zip(sums, counts, strict=True))

    return tuple(map(float, edges)), tuple(map(int, counts)), (means(by), means(values))


def _count(flag: NDArray[np.bool_], state: NDArray[np.bool_]) -> FlagScores:
    return FlagScores(len(flag), int(state.sum()), int(flag.sum()), int((flag & state).sum()))


def _rank_correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float | None:
    if a.size < 2 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return None
    return float(np.corrcoef(_ranks(a), _ranks(b))[0, 1])


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranks from 0, equal values sharing their mean rank."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts + 1) / 2)[inverse])
