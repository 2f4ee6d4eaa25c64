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
    flag_against_hidden,
    flag_against_missed,
    hidden_frames,
    judge,
    reliability,
)
from tests.fixtures.refusals import refuses

BOX, AWAY, HALF = [0.0, 0, 10, 10], [90.0, 0, 10, 10], [0.0, 0, 10, 5]
NOTHING = [0.0, 0, 0, 0]


def judged(boxes, truth=None, score=None, lost=None, visibility=None):
    boxes = np.array(boxes, float)
    truth = np.array([BOX] * len(boxes) if truth is None else truth, float)
    score = np.full(len(boxes), 0.5) if score is None else score
    return judge(boxes, truth, score, [False] * len(boxes) if lost is None else lost, hidden_frames(truth, visibility))


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
