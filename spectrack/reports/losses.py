"""Sequences that a tracker lost for good, and those on which it broke down.

Nothing is reset: a tracker that loses its target may find it again. It has lost a sequence when the overlap stays below
`LOST_BELOW` from some frame to the end; that frame is the frame of loss.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from spectrack.reports.comparison import Comparison, Entrant

LOST_BELOW = 0.1
"""Overlap (IoU) below which a frame counts as off the target."""


@dataclass(frozen=True)
class Loss:
    """One sequence that one tracker did not hold to the end.

    Attributes:
        tracker: its name in the report.
        label: the sequence.
        frame: the first frame from which the overlap stays below `LOST_BELOW`, counted from 0; None where the target was
            held and only the tracker's failure is told.
        frames: length of the sequence.
        failure: message of the exception that ended the tracking; None where none did.
    """

    tracker: str
    label: str
    frame: int | None
    frames: int
    failure: str | None


def frame_of_loss(overlap: ArrayLike) -> int | None:
    """The frame from which the overlap stays below `LOST_BELOW` to the end; None where the target is held in the last frame.

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
    held = np.flatnonzero(values[known] >= LOST_BELOW)
    after = int(held[-1]) + 1 if held.size else 0
    return int(known[after]) if after < known.size else None


def losses_of(comparison: Comparison, entrant: Entrant) -> list[Loss]:
    """What one tracker lost or broke down on, by sequence."""
    found = []
    for label in comparison.labels:
        frame, failure = frame_of_loss(entrant.overlaps[label]), entrant.sequence(label).failure
        if frame is not None or failure is not None:
            found.append(Loss(entrant.name, label, frame, len(comparison.truth[label]), failure))
    return found
