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
from spectrack.evaluation.metrics import overlaps

LOST_BELOW = 0.1
"""An overlap below this counts as a miss of the object."""

PATIENCE = 10
"""So many misses on end, and the sequence is lost."""


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
    predictions: Mapping[str, ArrayLike],
    truth: Mapping[str, ArrayLike],
    *,
    lost_below: float = LOST_BELOW,
    patience: int = PATIENCE,
) -> Robustness:
    """Find the losses; see the head of this module for the rule.

    Args:
        predictions: sequence name to boxes (N, 4); a row that is not finite, and a row that lacks at the end, is a
            miss.
        truth: sequence name to boxes (N, 4); sequences without a single box of positive size are left out.
        lost_below: overlap below which a frame is a miss.
        patience: misses on end that make a loss, at least 1.

    Raises:
        ConfigError: a threshold outside (0, 1] or a patience below 1.
        InputError: no sequence with a box, or arrays that are not (N, 4).

    Example:
        >>> still = np.tile([0.0, 0, 10, 10], (30, 1))
        >>> away = still.copy()
        >>> away[12:, 0] = 100
        >>> robustness({"walk": still}, {"walk": away}).sequences[0].lost_at
        12
    """
    if not 0 < lost_below <= 1 or patience < 1:
        found = f"{lost_below} and {patience}"
        raise ConfigError(
            f"expected an overlap in (0, 1] and a patience of at least 1, found {found}; 0.1 and 10 are usual"
        )
    losses = [
        loss
        for name, rows in truth.items()
        if (loss := _sequence_loss(name, predictions.get(name, np.empty((0, 4))), rows, lost_below, patience))
        is not None
    ]
    if not losses:
        raise InputError(
            "expected at least one sequence with a truth box, found none; give truth and predictions of one sequence "
            "or more"
        )
    frames = [item.frames for item in losses]
    return Robustness(
        lost_below=lost_below,
        patience=patience,
        share_lost=float(np.mean([item.lost_at is not None for item in losses])),
        survived=float(np.mean([item.survived for item in losses])),
        survived_pooled=float(np.average([item.survived for item in losses], weights=frames)),
        sequences=tuple(losses),
    )


def _sequence_loss(
    name: str, predicted: ArrayLike, rows: ArrayLike, lost_below: float, patience: int
) -> SequenceLoss | None:
    true_boxes, boxes = np.asarray(rows, dtype=np.float64), np.asarray(predicted, dtype=np.float64)
    for what, array in (("truth", true_boxes), ("predictions", boxes)):
        if array.ndim != 2 or array.shape[1] != 4:
            raise InputError(
                f"expected {what} of {name!r} of shape (frames, 4), found {array.shape}; give one x,y,w,h row a frame"
            )
    if len(boxes) > len(true_boxes):
        raise InputError(
            f"expected at most {len(true_boxes)} predicted boxes for {name!r}, found {len(boxes)}; cut the predictions"
        )
    boxes = np.concatenate([boxes, np.full((len(true_boxes) - len(boxes), 4), np.nan)])
    with np.errstate(invalid="ignore"):
        known = np.flatnonzero(np.asarray(np.isfinite(true_boxes).all(axis=1) & (true_boxes[:, 2:] > 0).all(axis=1)))
    if not known.size:
        return None
    finite = np.asarray(np.isfinite(boxes[known]).all(axis=1))
    overlap = np.where(finite, overlaps(np.where(finite[:, None], boxes[known], 0.0), true_boxes[known]), 0.0)
    start = first_loss(overlap, lost_below=lost_below, patience=patience)
    if start is None:
        return SequenceLoss(name, len(known), None, 1.0)
    return SequenceLoss(name, len(known), int(known[start]), start / len(known))


def first_loss(overlap: ArrayLike, *, lost_below: float = LOST_BELOW, patience: int = PATIENCE) -> int | None:
    """Index of the first frame of the first stretch of misses that is long enough or reaches the end; None without one.

    Args:
        overlap: (N,) intersection over union.
        lost_below: below this a frame is a miss.
        patience: length of a stretch that counts.

    Example:
        >>> first_loss([0.9, 0.0, 0.8, 0.0, 0.0], patience=3)
        3
    """
    missed = np.asarray(overlap, dtype=np.float64) < lost_below
    # Where the value changes, a stretch starts or ends; padding makes stretches at both ends visible.
    edges = np.diff(np.concatenate([[False], missed, [False]]).astype(np.int8))
    starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    long = (ends - starts >= patience) | (ends == missed.size)
    return int(starts[long][0]) if long.any() else None
