"""The lost flag and the confidence against the truth, counted by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from spectrack.errors import InputError
from spectrack.evaluation.confidence import (
    FlagScores,
    Judged,
    calibration,
    flag_against_hidden,
    flag_against_missed,
    hidden_frames,
    judge,
    reliability,
)
from tests.fixtures.refusals import refuses

BOX, AWAY, HALF = [0.0, 0, 10, 10], [90.0, 0, 10, 10], [0.0, 0, 10, 5]
NOTHING = [0.0, 0, 0, 0]


def judged(boxes, truth=None, score=None, lost=None, visibility=None, probability=None):
    boxes = np.array(boxes, float)
    truth = np.array([BOX] * len(boxes) if truth is None else truth, float)
    score = np.full(len(boxes), 0.5) if score is None else score
    flags = [False] * len(boxes) if lost is None else lost
    return judge(boxes, truth, score, flags, hidden_frames(truth, visibility), probability)


def test_flag_against_visibility():
    # frame:           0      1      2      3      4      5
    visibility = [0.0, 1.0, 0.0, 0.05, 0.1, 0.5]
    lost = [True, True, True, False, True, False]
    found = flag_against_hidden(judged([BOX] * 6, lost=lost, visibility=visibility))
    # Frame 0 never counts; hidden are frames 2 and 3 (0.1 is not below 0.1); flagged are 1, 2 and 4.
    assert found == FlagScores(frames=5, positives=2, flagged=3, hits=1)
    assert found.precision == pytest.approx(1 / 3)
    assert found.recall == 0.5


def test_without_visibility_an_absent_box_is_hidden():
    found = flag_against_hidden(
        judged([BOX] * 4, truth=[BOX, NOTHING, BOX, [np.nan] * 4], lost=[False, True, False, False])
    )
    assert found == FlagScores(frames=3, positives=2, flagged=1, hits=1)


def test_flag_against_missed_boxes():
    boxes = [BOX, AWAY, AWAY, BOX, BOX, AWAY]
    truth = [BOX, BOX, BOX, BOX, BOX, NOTHING]
    found = flag_against_missed(judged(boxes, truth=truth, lost=[True, True, False, True, False, True]))
    # The last frame has no truth box; 1 and 2 are missed, 1 and 3 are flagged.
    assert found == FlagScores(frames=4, positives=2, flagged=2, hits=1)


def test_frames_after_a_failure_say_nothing():
    boxes = [BOX, BOX, [np.nan] * 4]
    item = judged(boxes, score=[1, 0.4, np.nan], lost=[False, True, False])
    assert flag_against_missed(item) == FlagScores(1, 0, 1, 0)
    assert flag_against_missed(item).recall is None
    assert FlagScores(3, 1, 0, 0).precision is None


def test_sequences_are_pooled():
    one = judged([BOX, AWAY], lost=[False, True])
    assert flag_against_missed(Judged.pool([one, one])) == FlagScores(2, 2, 2, 2)


def test_reliability_by_hand():
    boxes, scores = [BOX, BOX, HALF, AWAY, AWAY], [1.0, 1.0, 0.95, 0.1, 0.05]
    found = reliability(judged(boxes, score=scores), bins=10)
    # Frame 0 is left out; 1.0 and 0.95 fall into the last bin, 0.1 into the second, 0.05 into the first.
    assert found.frames == (1, 1, 0, 0, 0, 0, 0, 0, 0, 2)
    assert found.score[9] == pytest.approx(0.975)
    assert found.overlap[9] == pytest.approx(0.75)
    assert found.overlap[:3] == (0.0, 0.0, None)
    assert found.edges[0] == 0.0
    assert found.edges[-1] == 1.0


def test_calibration_by_hand():
    boxes = [BOX, BOX, BOX, AWAY, HALF, AWAY, AWAY, BOX]
    truth = [BOX, BOX, BOX, BOX, BOX, BOX, NOTHING, BOX]
    stated = [1.0, 1.0, 0.9, 0.95, 0.25, 0.2, 0.7, np.nan]
    found = calibration(judged(boxes, truth=truth, probability=stated))
    # Frame 0 is given, 6 has no truth box, 7 states nothing: five frames count. The last bin (0.9 to 1) holds 1.0, 0.9
    # and 0.95, of which two came true; the third (0.2 to 0.3) holds 0.25, which did (half of the object), and 0.2.
    assert found.frames == (0, 0, 2, 0, 0, 0, 0, 0, 0, 3)
    assert (found.probability[2], found.on_target[2]) == (pytest.approx(0.225), 0.5)
    assert (found.probability[9], found.on_target[9]) == (pytest.approx(0.95), pytest.approx(2 / 3))
    assert found.error == pytest.approx((2 * 0.275 + 3 * (0.95 - 2 / 3)) / 5)
    # In one bin, only the means of all count: 0.66 stated, 0.6 came true.
    assert calibration(judged(boxes, truth=truth, probability=stated), bins=1).error == pytest.approx(0.06)


def test_a_box_on_target_is_one_that_does_not_miss():
    # 1 of 10 px of the object, so an overlap of exactly 0.1, and a little less.
    boxes = [BOX, [0.0, 0, 10, 1], [0.0, 0, 10, 0.99]]
    item = judged(boxes, lost=[False, False, True], probability=[1, 1, 0])
    assert calibration(item).error == 0
    assert flag_against_missed(item) == FlagScores(2, 1, 1, 1)


def test_without_a_stated_probability_there_is_no_calibration():
    assert calibration(judged([BOX, BOX])) is None
    assert calibration(judged([BOX, BOX], probability=[1, np.nan])) is None
    assert calibration(Judged.pool([judged([BOX, BOX]), judged([BOX, AWAY], probability=[1, 1])])).error == 1


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 20)), min_size=2, max_size=60), st.integers(1, 12))
def test_calibration_error_against_a_loop(drawn, bins):
    boxes = [BOX, *([float(shift), 0, 10, 10] for _, shift in drawn)]
    item = judged(boxes, probability=[1.0, *(value for value, _ in drawn)])
    expected = 0.0
    for low in range(bins):
        inside = [min(int(p * bins), bins - 1) == low for p in item.probability]
        if any(inside):
            gap = item.probability[inside].sum() - (item.overlap[inside] >= 0.1).sum()
            expected += abs(gap) / len(drawn)
    # A probability within rounding of a border may fall to either side.
    if all(abs(p * bins - round(p * bins)) > 1e-9 or p in (0, 1) for p, _ in drawn):
        assert calibration(item, bins=bins).error == pytest.approx(expected)


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 20)), min_size=3, max_size=40))
def test_reliability_counts_every_frame_and_ranks_like_scipy(drawn):
    boxes = [BOX, *([float(shift), 0, 10, 10] for _, shift in drawn)]
    scores = np.array([1.0, *(value for value, _ in drawn)])
    item = judged(boxes, score=scores)
    found = reliability(item)
    assert sum(found.frames) == len(drawn)
    total = sum(count * value for count, value in zip(found.frames, found.overlap, strict=True) if value is not None)
    assert total == pytest.approx(item.overlap.sum())
    if np.ptp(item.score) and np.ptp(item.overlap):
        assert found.correlation == pytest.approx(spearmanr(item.score, item.overlap).statistic)
    else:
        assert found.correlation is None


def test_nothing_to_judge_and_wrong_input():
    empty = reliability(judged([BOX]))
    assert sum(empty.frames) == 0
    assert empty.correlation is None
    with refuses(InputError, "lengths [1, 2]"):
        judged([BOX, BOX], score=[0.5])
    with refuses(InputError, "bin", "found 0", "10"):
        reliability(judged([BOX]), bins=0)
    with refuses(InputError, "bin", "found 0", "10"):
        calibration(judged([BOX]), bins=0)
    with refuses(InputError, "lengths [1, 2]"):
        judged([BOX, BOX], probability=[0.5])
