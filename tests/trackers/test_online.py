"""The decision a frame, against a literal transcription of SiamBAN's formulas and against hand-made cases."""

import dataclasses
import math
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectrack.errors import ConfigError
from spectrack.trackers.crop import CropWindow
from spectrack.trackers.online import OnlineOptions, TargetState
from tests.fixtures.refusals import refuses

PLAIN = OnlineOptions(window_influence=0.4633, penalty=0.0851, size_rate=0.4442, calibrate=0.0)


def published(box, scores, corners, scale, influence, penalty_k, rate):
    """SiamBAN's online step, point by point: `scale` is crop pixels per frame pixel. Returns cell and new centre shift,
    size.
    """

    def change(r):
        return max(r, 1.0 / r)

    def padded(w, h):
        pad = (w + h) * 0.5
        return math.sqrt((w + pad) * (h + pad))

    cells, best, size = 25, None, (box[2] * scale, box[3] * scale)
    for row in range(cells):
        for column in range(cells):
            x0, y0, x1, y1 = (float(corners[k, row, column]) for k in range(4))
            w, h = x1 - x0, y1 - y0
            scale_change = change(padded(w, h) / padded(*size))
            ratio_change = change((size[0] / size[1]) / (w / h))
            penalty = math.exp(-(ratio_change * scale_change - 1) * penalty_k)
            window = (0.5 - 0.5 * math.cos(2 * math.pi * row / 24)) * (0.5 - 0.5 * math.cos(2 * math.pi * column / 24))
            ranked = penalty * float(scores[row, column]) * (1 - influence) + window * influence
            if best is None or ranked > best[0]:
                best = ranked, row, column, penalty, (x0 + x1) / 2, (y0 + y1) / 2, w, h
    _, row, column, penalty, cx, cy, w, h = best
    step = penalty * float(scores[row, column]) * rate
    new_size = (box[2] * (1 - step) + w / scale * step, box[3] * (1 - step) + h / scale * step)
    return (row, column), ((cx - 127.5) / scale, (cy - 127.5) / scale), new_size


def responses(seed):
    rng = np.random.default_rng(seed)
    points = 31.5 + 8 * np.arange(25)
    x, y = np.meshgrid(points, points)
    distances = rng.uniform(10, 60, (4, 25, 25))
    corners = np.stack([x - distances[0], y - distances[1], x + distances[2], y + distances[3]])
    return rng.uniform(0, 1, (25, 25)).astype(np.float32), corners.astype(np.float32)


def uniform(width, height, score=1.0, shift=(0.0, 0.0), best=(12, 12)):
    """Responses that say the same box around the crop's centre everywhere, and a clear favourite cell."""
    centre = 127.5 + np.array(shift)
    box = np.array([centre[0] - width / 2, centre[1] - height / 2, centre[0] + width / 2, centre[1] + height / 2])
    scores = np.full((25, 25), 0.01 * score, dtype=np.float32)
    scores[best] = score
    return scores, np.broadcast_to(box[:, None, None], (4, 25, 25)).astype(np.float32)


@given(st.integers(0, 10_000), st.floats(15, 60), st.floats(15, 60))
def test_step_is_the_published_one(seed, w, h):
    state = TargetState(np.array([200.0, 150.0, w, h]), 400, 500, PLAIN)
    # A window whose centre is the target's takes rounding out of the comparison.
    window = state.search_window()
    state.box[:2] = window.x0 + window.side / 2 - w / 2, window.y0 + window.side / 2 - h / 2
    before, (scores, corners) = state.box.copy(), responses(seed)
    cell, shift, size = published(before, scores, corners, 255 / window.side, 0.4633, 0.0851, 0.4442)
    choice = state.choose(scores, corners, window)
    after = state.move(choice, window)
    assert choice.cell == cell
    np.testing.assert_allclose(after[2:], size, rtol=1e-5)
    np.testing.assert_allclose(after[:2] + after[2:] / 2, before[:2] + before[2:] / 2 + shift, atol=1e-3)


@pytest.mark.parametrize(
    ("width", "height", "penalty"),
    [
        (63.75, 63.75, 1.0),
        (127.5, 127.5, math.exp(-0.08)),  # twice the size: (1 * 2 - 1) k
        (31.875, 31.875, math.exp(-0.08)),  # half the size counts like twice
        # Aspect 4 at equal padded size: width 2 s, height s / 2, padded = s sqrt(3.25 * 1.75); against 2 s
        (127.5, 31.875, math.exp(-(4 * math.sqrt(3.25 * 1.75) / 2 - 1) * 0.08)),
    ],
)
def test_penalties_by_hand(width, height, penalty):
    # A box of 40 px has a search window of 160.6 -> 161 px; this window has exactly 160, so 40 px are 63.75 crop
    # pixels.
    state = TargetState(np.array([80.0, 80.0, 40.0, 40.0]), 200, 200, OnlineOptions(penalty=0.08))
    choice = state.choose(*uniform(width, height), CropWindow(20, 20, 160))
    assert choice.penalty == pytest.approx(penalty, rel=1e-6)


def test_size_moves_by_penalty_score_and_rate():
    options = OnlineOptions(penalty=0.08, size_rate=0.5, lost_score=0.3)
    state, window = TargetState(np.array([80.0, 80.0, 40.0, 40.0]), 400, 400, options), CropWindow(20, 20, 160)
    box = state.move(state.choose(*uniform(127.5, 127.5, score=0.8), window), window)
    rate = math.exp(-0.08) * 0.8 * 0.5
    np.testing.assert_allclose(box[2:], 40 * (1 - rate) + 80 * rate, rtol=1e-6)
    np.testing.assert_allclose(box[:2] + box[2:] / 2, (100, 100), atol=1e-5)


def test_size_stays_at_rate_nought_and_follows_at_one():
    for rate, expected in ((0.0, 40.0), (1.0, 80.0)):
        options = OnlineOptions(penalty=0.0, size_rate=rate)
        state, window = TargetState(np.array([80.0, 80.0, 40.0, 40.0]), 400, 400, options), CropWindow(20, 20, 160)
        np.testing.assert_allclose(
            state.move(state.choose(*uniform(127.5, 127.5), window), window)[2:], expected, rtol=1e-6
        )


def test_full_window_influence_stays_in_the_middle():
    scores, corners = responses(0)
    state = TargetState(np.array([80.0, 80.0, 40.0, 40.0]), 400, 400, OnlineOptions(window_influence=1.0))
    assert state.choose(scores, corners, state.search_window()).cell == (12, 12)


def test_no_window_influence_takes_the_best_score():
    scores, corners = uniform(63.75, 63.75, best=(3, 21))
    state = TargetState(np.array([80.0, 80.0, 40.0, 40.0]), 400, 400, OnlineOptions(window_influence=0.0))
    assert state.choose(scores, corners, state.search_window()).cell == (3, 21)


def test_sides_never_fall_below_two_pixels_nor_rise_above_the_frame():
    for width, low, high in ((0.001, 2.0, 2.0), (5000.0, 200.0, 300.0)):
        options = OnlineOptions(penalty=0.0, size_rate=1.0)
        state = TargetState(np.array([80.0, 80.0, 4.0, 4.0]), 200, 300, options)
        for _ in range(4):
            window = state.search_window()
            box = state.move(state.choose(*uniform(width, width), window), window)
            assert np.isfinite(box).all()
        assert box[2:].min() == pytest.approx(low, abs=0.02)
        assert box[2:].max() == pytest.approx(high, abs=0.02)


def test_centre_stays_in_the_frame():
    state = TargetState(np.array([190.0, 190.0, 8.0, 8.0]), 200, 200, OnlineOptions(size_rate=0.0))
    window = state.search_window()
    box = state.move(state.choose(*uniform(60, 60, shift=(120, 120)), window), window)
    np.testing.assert_allclose(box[:2] + box[2:] / 2, (200, 200))


def test_the_search_grows_after_so_many_doubtful_frames():
    options = OnlineOptions(lost_score=0.5, lost_frames=2, search_growth=2.0, size_rate=0.0)
    state = TargetState(np.array([80.0, 80.0, 40.0, 40.0]), 400, 400, options)
    side = state.search_window().side
    for score, lost in ((0.9, False), (0.4, False), (0.4, True), (0.4, True), (0.6, False), (0.6, False)):
        window = state.search_window()
        state.move(state.choose(*uniform(60, 60, score=score), window), window)
        assert state.lost is lost
        assert state.search_window().side == pytest.approx(side * (2 if lost else 1), abs=1)


@given(st.floats(0.7, 1.4), st.floats(0.7, 1.4), st.floats(-0.2, 0.2), st.floats(-0.2, 0.2))
def test_calibration_takes_a_constant_habit_out(stretch_x, stretch_y, shift_x, shift_y):
    """A network that always draws boxes this much larger and this far off is right after calibration."""
    truth = np.array([80.0, 80.0, 40.0, 30.0])
    options = OnlineOptions(calibrate=1.0, size_rate=1.0, penalty=0.0, window_influence=0.0)
    state = TargetState(truth, 400, 400, options)

    def drawn_by_habit(box, window):
        x, y, w, h = window.to_crop(box, 255)
        centre = np.array([x + w / 2, y + h / 2]) + np.array([shift_x * w, shift_y * h])
        return uniform(w * stretch_x, h * stretch_y, shift=centre - 127.5)

    window = state.search_window()
    state.calibrate(state.choose(*drawn_by_habit(truth, window), window), window)
    later = np.array([84.0, 77.0, 50.0, 36.0])
    window = state.search_window()
    box = state.move(state.choose(*drawn_by_habit(later, window), window), window)
    np.testing.assert_allclose(box, later, atol=1e-3)


@pytest.mark.parametrize(
    ("strength", "score", "shift"),
    [(0.0, 1.0, 5.0), (1.0, 0.1, 5.0), (1.0, 1.0, 60.0)],
    ids=["switched off", "not sure of itself", "somewhere else"],
)
def test_calibration_is_left_out(strength, score, shift):
    truth = np.array([80.0, 80.0, 40.0, 40.0])
    options = OnlineOptions(calibrate=strength, size_rate=1.0, penalty=0.0)
    state, fresh = TargetState(truth, 400, 400, options), TargetState(truth, 400, 400, options)
    window = state.search_window()
    responses_here = uniform(50, 50, score=score, shift=(shift, 0))
    state.calibrate(state.choose(*responses_here, window), window)
    again = uniform(60, 60)
    np.testing.assert_array_equal(state.choose(*again, window).box, fresh.choose(*again, window).box)


def test_calibration_is_bounded():
    state = TargetState(np.array([80.0, 80.0, 40.0, 40.0]), 400, 400, OnlineOptions(calibrate=1.0))
    window = state.search_window()
    state.calibrate(state.choose(*uniform(20, 20), window), window)
    np.testing.assert_allclose(state.choose(*uniform(20, 20), window).box[2:], 40, rtol=1e-5)


@pytest.mark.parametrize(
    ("options", "facts"),
    [
        ({"window_influence": 1.5}, ("window_influence", "[0, 1]", "found 1.5")),
        ({"size_rate": -0.1}, ("size_rate", "[0, 1]", "found -0.1")),
        ({"lost_score": math.nan}, ("lost_score", "[0, 1]", "nan")),
        ({"penalty": -1.0}, ("penalty", "found -1.0")),
        ({"penalty": math.nan}, ("penalty", "nan")),
        ({"lost_frames": 0}, ("lost_frames", "0")),
        ({"search_growth": 0.5}, ("search_growth", "0.5")),
    ],
)
def test_options_out_of_range(options, facts):
    with refuses(ConfigError, facts):
        OnlineOptions(**options)


def test_the_page_on_options_names_every_one_with_its_default():
    page = Path(__file__).parents[2] / "docs" / "online-options.md"
    shared, _, _ = page.read_text(encoding="utf-8").partition("\n## ")
    rows = re.findall(r"^\| `(\w+)` \| `?([\w.]+)`? \|", shared, re.MULTILINE)
    defaults = dataclasses.asdict(OnlineOptions())
    assert dict(rows) == {
        name: str(value).lower() if isinstance(value, str | bool) else f"{value:g}" for name, value in defaults.items()
    }
