"""Sequences by the size of their target: by hand, and in what is said about a run."""

from pathlib import Path

import numpy as np
import pytest

from spectrack.evaluation.analysis import analyse
from spectrack.evaluation.target_sizes import SIZES, size_labels, target_size_px
from spectrack.evaluation.tracked import TrackedRun, TrackedSequence


def still(side, frames=4):
    return np.tile([10.0, 10, side, side], (frames, 1))


def test_the_size_is_the_mean_side_of_the_truth_boxes():
    truth = np.array([[0, 0, 4, 9], [0, 0, 16, 1], [0, 0, 0, 0], [3, 3, -1, 5]], dtype=float)
    assert target_size_px(truth) == pytest.approx((6 + 4) / 2)  # an absent target has no size
    assert np.isnan(target_size_px(np.zeros((3, 4))))


def test_an_end_belongs_to_the_smaller_size():
    sides = {"a": 20, "b": 20.1, "c": 40, "d": 40.1}
    labels = size_labels({name: still(side) for name, side in sides.items()})
    assert labels == {"a": ("small",), "b": ("medium",), "c": ("medium",), "d": ("large",)}
    assert size_labels({"none": np.zeros((2, 4))}) == {"none": ()}


def test_scores_by_size_are_those_of_their_sequences():
    truth = {"large": still(80), "small one": still(10), "small two": still(12), "absent": np.zeros((2, 4))}
    boxes = truth | {"small two": still(12) + np.array([500.0, 0, 0, 0])}
    run = TrackedRun(Path(), "t", {label: TrackedSequence(label, found) for label, found in boxes.items()})
    found = analyse(run, "hotc2026", truth={name: truth[name] for name in ("large", "small one", "small two")})
    assert list(found.sizes) == [size for size in SIZES if size != "medium"]
    assert found.sizes["small"].figures.auc == pytest.approx(0.5)
    assert found.sizes["small"].sequences == 2
    assert found.sizes["large"].figures.auc == 1
    assert found.to_json()["sizes"]["small"]["sequences"] == 2
