"""Tracks and what is known of them frame by frame, as JSON values for the page; no number where nothing is known."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from spectrack.boxes import Boxes, is_box
from spectrack.errors import SequenceError
from spectrack.evaluation.confidence import hidden_frames
from spectrack.evaluation.metrics import overlaps_by_frame
from spectrack.evaluation.tracked import TrackedSequence
from spectrack.plots import TRUTH_COLOUR, curve_style
from spectrack.sequences.base import Sequence

Json = dict[str, Any]


def number(value: float) -> float | None:
    """A number, or None where it is not finite: JSON has no other."""
    value = float(value)
    return value if math.isfinite(value) else None


def numbers(values: ArrayLike) -> list[float | None]:
    """One number a frame."""
    return [number(value) for value in np.asarray(values, dtype=np.float64)]


def usable_truth(sequence: Sequence) -> Boxes | None:
    """The truth of a sequence; None where there is none, or it is shorter than the video."""
    try:
        return sequence.truth
    except SequenceError:
        return None


def box_rows(boxes: Boxes) -> list[list[float] | None]:
    """A box a frame, None where there is none."""
    return [row.tolist() if there else None for row, there in zip(boxes, is_box(boxes), strict=True)]


def describe_truth(truth: Boxes, visibility: ArrayLike | None) -> Json:
    """The truth, and the frames in which the object is hidden."""
    seen = None if visibility is None else np.asarray(visibility)[: len(truth)]
    return {"colour": TRUTH_COLOUR, "boxes": box_rows(truth), "hidden": hidden_frames(truth, seen).tolist()}


def describe_style(index: int) -> Json:
    """How the track at that place of a report is drawn."""
    colour, dashes = curve_style(index)
    return {"colour": colour, "dashes": dashes}


def describe_track(item: TrackedSequence, truth: Boxes | None) -> Json:
    """One track of a run, with its overlap with the truth."""
    return {
        "boxes": box_rows(item.boxes),
        "score": None if item.score is None else numbers(item.score),
        "lost": None if item.lost is None else np.asarray(item.lost).tolist(),
        "probability": None if item.probability is None else numbers(item.probability),
        "iou": None if truth is None else numbers(overlaps_by_frame(item.boxes, truth)),
        "failure": item.failure,
    }


def importance_rows(evidence: Any) -> list[list[float | None]] | None:
    """Importance of each band a frame, as far as a run kept it."""
    values = evidence.get("band_importance")
    if values is None or values.ndim != 2 or not np.isfinite(values).any():
        return None
    return [numbers(np.round(row.astype(np.float64), 4)) for row in values]
