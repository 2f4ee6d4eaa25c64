"""Speed by hand: what is counted, what is left out, and that the parts are medians over all sequences."""

import numpy as np
import pytest

from spectrack.evaluation.speed import Speed, speed_of


def test_first_and_failed_frames_are_left_out():
    one = {"reading": np.array([99.0, 4, 6]), "rest": np.array([0.0, 6, 4])}
    other = {"reading": np.array([99.0, 1, np.nan]), "rest": np.array([0.0, 19, np.nan])}
    found = speed_of([one, other])
    assert found.frames == 3
    assert found.frames_per_second == pytest.approx(3 / 0.04)
    assert found.median_ms == {"reading": 4.0, "rest": 6.0}
    assert found.to_json() == {"frames_per_second": 75.0, "median_ms": {"reading": 4.0, "rest": 6.0}}


def test_one_interrupted_frame_moves_the_rate_and_not_the_median():
    times = np.array([9.0, *[10.0] * 8, 920.0])
    found = speed_of([{"rest": times}])
    assert found.frames_per_second == pytest.approx(9)
    assert found.median_ms == {"rest": 10.0}


@pytest.mark.parametrize("sequences", [[], [{}], [{"rest": np.array([5.0])}], [{"rest": np.array([5.0, np.nan])}]])
def test_nothing_timed_no_speed(sequences):
    assert speed_of(sequences) == Speed(0, None, {})
