"""Paths, size changes and turns: bounds, lengths and ratios."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spectrack.simulation import motion

AREA = (20.0, 10.0, 300.0, 200.0)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.floats(0.2, 12.0))
def test_a_wanderer_stays_inside_and_keeps_its_pace(seed, speed):
    path = motion.wander(np.random.default_rng(seed), 60, speed, AREA)
    assert path.shape == (60, 2)
    assert (path >= AREA[:2]).all()
    assert (path <= AREA[2:]).all()
    assert np.hypot(*np.diff(path, axis=0).T).max() <= speed * np.exp(0.35 * 5)


def test_a_wanderer_gets_somewhere():
    travelled = [
        np.hypot(*np.ptp(motion.wander(np.random.default_rng(seed), 80, 2.5, AREA), axis=0)) for seed in range(20)
    ]
    assert np.median(travelled) > 80


def test_leaps_are_as_long_as_they_should_be():
    path = np.tile((160.0, 100.0), (60, 1))
    steps = np.hypot(*np.diff(motion.leaps(np.random.default_rng(0), path, 30.0, 3, AREA), axis=0).T)
    assert (steps > 14).sum() in (5, 6)  # each leap takes two frames; two leaps may share one
    assert steps.max() <= 60.0


def test_reflection_keeps_inside_without_jumps():
    line = np.stack([np.linspace(0, 1000, 400), np.full(400, 50.0)], axis=1)
    folded = motion.reflected(line, AREA)
    assert folded[:, 0].min() >= 20
    assert folded[:, 0].max() <= 300
    assert np.abs(np.diff(folded[:, 0])).max() <= 1000 / 399 + 1e-9


def test_an_excursion_leaves_and_returns():
    path = np.tile((160.0, 100.0), (50, 1))
    moved = motion.excursion(path, 10, 21, (-200.0, 0.0))
    np.testing.assert_array_equal(moved[:10], path[:10])
    np.testing.assert_allclose(moved[31:], path[31:])
    assert moved[20, 0] == pytest.approx(-40.0)


@pytest.mark.parametrize("ratio", [1.3, 3.0])
def test_scale_tracks_have_the_asked_ratio(ratio):
    track = motion.scale_track(np.random.default_rng(1), 80, ratio)
    assert track[0] == pytest.approx(1.0)
    assert track.max() / track.min() == pytest.approx(ratio, rel=1e-6)
    np.testing.assert_array_equal(motion.scale_track(np.random.default_rng(1), 80, 1.0), np.ones(80))
