"""Sequences that a tracker lost for good, by the rule of `spectrack.evaluation.robustness`, and those on which it broke
down.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from spectrack.evaluation.robustness import LOST_BELOW, PATIENCE, first_loss
from spectrack.reports.comparison import Comparison, Entrant

LOST_WORDS = f"the overlap stays below {LOST_BELOW} for {PATIENCE} frames on end, or to the end"
"""When a sequence is lost, for captions."""


@dataclass(frozen=True)
class Loss:
    """One sequence that one tracker did not hold to the end.

    Attributes:
        tracker: its name in the report.
        label: the sequence.
        frame: the first frame of the loss, counted from 0; None where the target was held and only a failure is told.
        frames: length of the sequence.
        failure: message of the exception that ended the tracking; None where none did.
    """

    tracker: str
    label: str
    frame: int | None
    frames: int
    failure: str | None


def frame_of_loss(overlap: ArrayLike) -> int | None:
    """The frame in which a sequence is lost; None where it is not.

    Args:
        overlap: (N,) intersection over union a frame; NaN where the truth is no box, which decides nothing.

    Example:
        >>> frame_of_loss([1.0, 0.6, 0.0, 0.5, 0.05, 0.0])
        4
        >>> frame_of_loss([1.0, 0.0, 0.7]) is None
        True
    """
    values = np.asarray(overlap, dtype=np.float64)
    known = np.flatnonzero(~np.isnan(values))
    start = first_loss(values[known])
    return None if start is None else int(known[start])


def losses_of(comparison: Comparison, entrant: Entrant) -> list[Loss]:
    """What one tracker lost or broke down on, by sequence."""
    found = []
    for label in comparison.labels:
        frame, failure = frame_of_loss(entrant.overlaps[label]), entrant.sequence(label).failure
        if frame is not None or failure is not None:
            found.append(Loss(entrant.name, label, frame, len(comparison.truth[label]), failure))
    return found
