"""Overlap, centre distance and the curves made from them: pure functions on arrays of boxes.

Curves are read off sorted values with a binary search, which counts exactly what a comparison at every threshold would
count and takes a million frames in a fraction of a second; a few thresholds are faster compared one by one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spectrack.boxes import Boxes, centre_distance, centres, iou, is_box

Values = NDArray[np.float64]

_FEW = 4


def overlaps(predictions: Boxes, truth: Boxes) -> Values:
    """Intersection over union, frame by frame.

    Args:
        predictions: (N, 4) as x, y, w, h.
        truth: (N, 4), same unit.

    Returns:
        (N,) in [0, 1]; exactly 1 where both boxes are the same.

    Example:
        >>> overlaps(np.array([[0.1, 0.1, 0.2, 0.2]]), np.array([[0.1, 0.1, 0.2, 0.2]])).tolist()
        [1.0]
    """
    # (x + w) - x differs from w in the last digit for fractional boxes (IMEC25 has tenths), so that a perfect track
    # could miss the threshold 1.00 or pass a strict one.
    result = np.minimum(iou(predictions, truth), 1.0)
    same = (predictions == truth).all(axis=-1) & (truth[..., 2:] > 0).all(axis=-1)
    return np.where(same, 1.0, result)


def overlaps_by_frame(predictions: Boxes, truth: Boxes) -> Values:
    """Intersection over union in every frame of a sequence, whatever is lacking.

    Args:
        predictions: (M, 4), M <= N; a row that is not finite and a row that lacks at the end is no prediction.
        truth: (N, 4).

    Returns:
        (N,): 0 without a prediction, NaN where the truth is no box.
    """
    predicted = np.full(truth.shape, np.nan)
    predicted[: len(predictions)] = predictions[: len(truth)]
    known, finite = is_box(truth), np.isfinite(predicted).all(axis=1)
    both = known & finite
    result = np.where(known, 0.0, np.nan)
    result[both] = overlaps(predicted[both], truth[both])
    return result


def distances(predictions: Boxes, truth: Boxes) -> Values:
    """Centre distance in pixels, frame by frame. Args: (N, 4) each. Returns: (N,)."""
    return centre_distance(predictions, truth)


def normalised_distances(predictions: Boxes, truth: Boxes) -> Values:
    """Centre distance with x in units of the truth's width and y in units of its height.

    Args:
        predictions: (N, 4).
        truth: (N, 4); sides that are not positive give infinity.

    Returns:
        (N,) without unit.

    Source: Müller et al., TrackingNet, ECCV 2018, section 4.3 (normalised precision).
    """
    sides = truth[..., 2:]
    positive = np.asarray((sides > 0).all(axis=-1))
    scaled = (centres(predictions) - centres(truth)) / np.where(positive[..., None], sides, 1.0)
    return np.where(positive, np.hypot(scaled[..., 0], scaled[..., 1]), np.inf)


def share_above(values: ArrayLike, thresholds: ArrayLike, *, strict: bool) -> Values:
    """Success curve: the share of `values` that reach each threshold.

    Args:
        values: (N,) overlaps, N >= 1, no NaN.
        thresholds: (T,).
        strict: ``value > t`` when true, ``value >= t`` when false.

    Returns:
        (T,) in [0, 1].

    Example:
        >>> share_above([0.5, 0.7], [0.5], strict=True).tolist(), share_above([0.5, 0.7], [0.5], strict=False).tolist()
        ([0.5], [1.0])
    """
    array, at = np.asarray(values, dtype=np.float64), np.asarray(thresholds, dtype=np.float64)
    if at.size <= _FEW:
        return np.array([np.count_nonzero(array > t if strict else array >= t) for t in at]) / array.size
    below = np.searchsorted(np.sort(array), at, side="right" if strict else "left")
    return np.asarray((array.size - below) / array.size)


def share_below(values: ArrayLike, thresholds: ArrayLike, *, strict: bool) -> Values:
    """Precision curve: the share of `values` within each threshold.

    Args:
        values: (N,) distances, N >= 1, no NaN; infinity is never within.
        thresholds: (T,).
        strict: ``value < t`` when true, ``value <= t`` when false.

    Returns:
        (T,) in [0, 1].
    """
    array, at = np.asarray(values, dtype=np.float64), np.asarray(thresholds, dtype=np.float64)
    if at.size <= _FEW:
        return np.array([np.count_nonzero(array < t if strict else array <= t) for t in at]) / array.size
    return np.asarray(np.searchsorted(np.sort(array), at, side="left" if strict else "right") / array.size)
