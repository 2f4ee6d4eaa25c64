"""When a sequence is lost: by hand, against a plain loop, and with frames that say nothing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectrack.errors import ConfigError, InputError
from spectrack.evaluation.metrics import overlaps_by_frame
from spectrack.evaluation.robustness import first_loss, robustness
from tests.fixtures.refusals import refuses

BOX = [0.0, 0.0, 10.0, 10.0]
AWAY = [500.0, 0.0, 10.0, 10.0]


def losses(predictions, truth):
    boxes = {name: np.array(rows, float) for name, rows in truth.items()}
    return robustness({name: overlaps_by_frame(np.array(predictions[name], float), boxes[name]) for name in truth})


def reference(overlap, patience, lost_below=0.1):
    """The definition, word by word."""
    for start in range(len(overlap)):
        rest = overlap[start:]
        if all(value < lost_below for value in rest[:patience]) and (
            len(rest) >= patience or all(value < lost_below for value in rest)
        ):
            return start
    return None


@given(st.lists(st.sampled_from([0.0, 0.09, 0.1, 0.5]), max_size=30), st.integers(1, 6))
def test_agrees_with_the_definition(overlap, patience):
    assert first_loss(overlap, patience=patience) == reference(overlap, patience)


@pytest.mark.parametrize(
    ("overlap", "lost_at"),
    [
        ([1] * 30, None),
        ([1] * 5 + [0] * 9 + [1] * 5, None),  # back after nine frames: an occlusion survived
        ([1] * 5 + [0] * 10 + [1] * 5, 5),  # back after ten: too late
        ([1] * 5 + [0] * 3 + [1] + [0] * 2, 9),  # lost to the end, however short
        ([1] * 29 + [0], 29),
        ([0] * 30, 0),
        ([0.1] * 30, None),  # not below
        ([], None),
        # Frames without a truth box.
        ([1, *[0] * 5, np.nan, *[0] * 5, 0.9], 1),
        ([1, 0, np.nan], 1),
        ([1, np.nan, np.nan], None),
        ([1, np.nan, 0, 0], 2),
    ],
)
def test_stretches_by_hand(overlap, lost_at):
    assert first_loss(overlap) == lost_at


def test_shares_over_sequences():
    truth = {"held": [BOX] * 40, "lost": [BOX] * 20, "missing": [BOX] * 20}
    predictions = {"held": [BOX] * 40, "lost": [BOX] * 5 + [AWAY] * 15, "missing": [BOX] * 10}
    found = losses(predictions, truth)
    assert [(item.name, item.frames, item.lost_at, item.survived) for item in found.sequences] == [
        ("held", 40, None, 1.0),
        ("lost", 20, 5, 0.25),
        ("missing", 20, 10, 0.5),
    ]
    assert found.share_lost == pytest.approx(2 / 3)
    assert found.survived == pytest.approx(1.75 / 3)
    assert found.survived_pooled == pytest.approx((40 + 5 + 10) / 80)
    assert (found.lost_below, found.patience) == (0.1, 10)


def test_frames_without_a_box_neither_prolong_nor_break_a_loss():
    absent = [0.0, 0.0, 0.0, 0.0]
    truth = [BOX] * 3 + [absent] * 20 + [BOX] * 3
    assert losses({"a": [BOX] * 3 + [AWAY] * 20 + [BOX] * 3}, {"a": truth}).sequences[0].lost_at is None
    truth = [BOX] * 3 + [absent] * 2 + [BOX] * 4 + [absent] + [BOX] * 10
    predicted = [BOX] * 3 + [BOX] * 2 + [AWAY] * 4 + [BOX] + [AWAY] * 7 + [BOX] * 3
    only = losses({"a": predicted}, {"a": truth}).sequences[0]
    # Eleven misses with truth, the first of them in frame 5 of all frames and in frame 3 of those with truth.
    assert (only.lost_at, only.frames, only.survived) == (5, 17, 3 / 17)


def test_nan_is_a_miss_and_sequences_without_boxes_are_left_out():
    found = losses({"a": [BOX] + [[np.nan] * 4] * 12, "b": [BOX]}, {"a": [BOX] * 13, "b": [[0, 0, 0, 0]]})
    assert [(item.name, item.lost_at) for item in found.sequences] == [("a", 1)]


def test_bad_input_gets_a_sentence():
    with refuses(ConfigError, "(0, 1]", "found 0.1", "0"):
        robustness({"a": [1.0]}, patience=0)
    with refuses(InputError, "truth", "none"):
        losses({"a": [BOX]}, {"a": [[0, 0, 0, 0]]})
