"""Reset-free robustness: which sequences a tracker loses for good, and when.

A sequence is lost at the first frame from which the overlap stays below 0.1 for ten frames on end, or to the end of the
sequence, however few frames that are. Frames whose truth is not a box say nothing: they neither prolong nor break such
a stretch. A tracker that comes back after ten frames or later has lost the sequence all the same.

Source: Kristan et al., The Eighth Visual Object Tracking VOT2020 Challenge Results, ECCV Workshops 2020: failure when
the overlap falls below 0.1 and does not exceed it in the next ten frames; robustness is the share of frames before the
failure. There a sequence is tracked from several anchors, here once, from its first frame; that the last few frames
suffice when nothing follows is this project's addition.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from spectrack.errors import ConfigError, InputError

LOST_BELOW = 0.1
"""An overlap below this counts as a miss of the object."""

PATIENCE = 10
"""So many misses on end, and the sequence is lost."""

LOST_WORDS = f"the overlap stays below {LOST_BELOW} for {PATIENCE} frames on end, or to the end"
"""When a sequence is lost, for captions and legends."""


@dataclass(frozen=True)
class SequenceLoss:
    """Whether and when a sequence was lost.

    Attributes:
        name: the sequence.
        frames: frames with truth.
        lost_at: index of the first frame of the loss, counted from 0 over all frames; None when it was held to the end.
        survived: share of the frames with truth that lie before the loss; 1 when there is none.
    """

    name: str
    frames: int
    lost_at: int | None
    survived: float


@dataclass(frozen=True)
class Robustness:
    """Losses of a tracker over a set of sequences.

    Attributes:
        lost_below: overlap below which a frame is a miss.
        patience: misses on end that make a loss.
        share_lost: share of the sequences that were lost.
        survived: mean over sequences of the share of frames before the loss.
        survived_pooled: the same over all frames in one pot, which is VOT's robustness with one anchor.
        sequences: one entry a sequence, in the order of the truth.
    """

    lost_below: float
    patience: int
    share_lost: float
    survived: float
    survived_pooled: float
    sequences: tuple[SequenceLoss, ...]


def robustness(
    overlaps: Mapping[str, ArrayLike], *, lost_below: float = LOST_BELOW, patience: int = PATIENCE
) -> Robustness:
    """Find the losses; see the head of this module for the rule.

    Args:
        overlaps: sequence name to (N,) intersection over union as `spectrack.evaluation.metrics.overlaps_by_frame`
            gives it; sequences without a single number are left out.
        lost_below: overlap below which a frame is a miss.
        patience: misses on end that make a loss, at least 1.

    Raises:
        ConfigError: a threshold outside (0, 1] or a patience below 1.
        InputError: no sequence with an overlap.

    Example:
        >>> robustness({"walk": [1.0] * 12 + [0.0] * 18}).sequences[0].lost_at
        12
    """
    if not 0 < lost_below <= 1 or patience < 1:
        found = f"{lost_below} and {patience}"
        raise ConfigError(f"expected an overlap in (0, 1] and a patience of at least 1, found {found}; take 0.1 and 10")
    losses = []
    for name, overlap in overlaps.items():
        known = ~np.isnan(np.asarray(overlap, dtype=np.float64))
        if known.any():
            lost_at = first_loss(overlap, lost_below=lost_below, patience=patience)
            survived = 1.0 if lost_at is None else float(known[:lost_at].sum() / known.sum())
            losses.append(SequenceLoss(name, int(known.sum()), lost_at, survived))
    if not losses:
        raise InputError("expected at least one sequence with a truth box, found none; give truth of one or more")
    frames = [item.frames for item in losses]
    return Robustness(
        lost_below=lost_below,
        patience=patience,
        share_lost=float(np.mean([item.lost_at is not None for item in losses])),
        survived=float(np.mean([item.survived for item in losses])),
        survived_pooled=float(np.average([item.survived for item in losses], weights=frames)),
        sequences=tuple(losses),
    )


def first_loss(overlap: ArrayLike, *, lost_below: float = LOST_BELOW, patience: int = PATIENCE) -> int | None:
    """Index of the first frame of the first stretch of misses that is long enough or reaches the end; None without one.

    Args:
        overlap: (N,) intersection over union; NaN where the truth is no box, which decides nothing.
        lost_below: below this a frame is a miss.
        patience: length of a stretch that counts.

    Example:
        >>> first_loss([0.9, 0.0, 0.8, 0.0, 0.0], patience=3)
        3
    """
    values = np.asarray(overlap, dtype=np.float64)
    known = np.flatnonzero(~np.isnan(values))
    missed = values[known] < lost_below
    # Where the value changes, a stretch starts or ends; padding makes stretches at both ends visible.
    edges = np.diff(np.concatenate([[False], missed, [False]]).astype(np.int8))
    starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    long = (ends - starts >= patience) | (ends == missed.size)
    return int(known[starts[long][0]]) if long.any() else None
