"""The discriminant against hand-made maps: what it learns, what it refuses to learn, and the mean over boxes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectrack.grid import SEARCH_SIZE_PX, centres_px
from spectrack.trackers.discriminant import FeatureDiscriminant, box_means, cells_in_frame

CELLS = 31
SEEN = np.ones((CELLS, CELLS), dtype=bool)
BOX = np.array([95.5, 95.5, 64.0, 64.0])


def corners_of(*boxes):
    """(4, 1, n) corners of boxes x, y, w, h."""
    listed = np.array(boxes, dtype=np.float64).T
    return np.stack([listed[0], listed[1], listed[0] + listed[2], listed[1] + listed[3]])[:, None]


def scene(*things, channels=12, seed=0):
    """Noise everywhere, and a look (channels,) in every cell of each (box, look)."""
    rng = np.random.default_rng(seed)
    maps = rng.normal(0.0, 1.0, (CELLS, CELLS, channels))
    places = centres_px(CELLS, SEARCH_SIZE_PX)
    for box, look in things:
        across = (places >= box[0]) & (places < box[0] + box[2])
        down = (places >= box[1]) & (places < box[1] + box[3])
        maps[np.outer(down, across)] += look
    return maps.astype(np.float32)


def look(number, channels=12, strength=4.0):
    return strength * np.eye(channels)[number]


def test_the_target_is_likely_and_its_surroundings_are_not():
    features = scene((BOX, look(2)))
    found = FeatureDiscriminant.fit(features, BOX, SEEN)
    likeness = found.likeness(features)
    assert found.trust == 1
    assert box_means(likeness, corners_of(BOX))[0, 0] > 0.8
    assert abs(likeness[:8].mean()) < 0.1


def test_the_direction_is_that_of_fisher():
    """Against the closed form on the same cells; the shrinkage adds a tenth of the mean variance."""
    rng = np.random.default_rng(4)
    target, around = rng.normal(1.0, 1.0, (50, 5)) * [1, 2, 1, 3, 1], rng.normal(0.0, 1.0, (400, 5)) * [2, 1, 1, 1, 4]
    covariance = 0.7 * np.cov(around.T, bias=True) + 0.3 * np.cov(target.T, bias=True)
    covariance += 0.1 * np.trace(covariance) / 5 * np.eye(5)
    away = target.mean(0) - around.mean(0)
    expected = np.linalg.inv(covariance) @ away
    expected /= away @ expected
    values = rng.normal(0.0, 1.0, (CELLS, CELLS, 5)).astype(np.float32)
    wanted = np.clip((values - around.mean(0)) @ expected, -0.5, 1.2)
    np.testing.assert_allclose(FeatureDiscriminant(target, around).likeness(values), wanted, atol=1e-6)


def test_a_thing_of_the_surroundings_has_no_support_though_it_is_as_strong():
    post = np.array([191.5, 95.5, 48.0, 64.0])
    features = scene((BOX, look(2)), (post, look(5)))
    support = FeatureDiscriminant.fit(features, BOX, SEEN).support(features, corners_of(BOX, post))
    assert support[0, 0] > 0.9
    assert support[0, 1] < 0.15


def test_nothing_is_trusted_where_the_target_looks_like_its_surroundings():
    assert FeatureDiscriminant.fit(scene(), BOX, SEEN).trust < 0.5
    assert FeatureDiscriminant.fit(scene((BOX, look(1, strength=9.0))), BOX, SEEN).trust == 1


def test_a_box_that_fills_the_crop_leaves_nothing_to_tell_from():
    assert FeatureDiscriminant.fit(scene(), np.array([0.0, 0.0, 255.0, 255.0]), SEEN) is None
    assert FeatureDiscriminant.fit(scene(), BOX, np.zeros_like(SEEN)) is None


def test_it_follows_a_target_that_changes_but_learns_nothing_without_support():
    before, after = look(2), look(2) * 0.6 + look(7) * 0.6
    found = FeatureDiscriminant.fit(scene((BOX, before)), BOX, SEEN)
    first = found.support(scene((BOX, after), seed=9), corners_of(BOX))[0, 0]
    hidden = FeatureDiscriminant.fit(scene((BOX, before)), BOX, SEEN)
    for seed in range(1, 40):
        features = scene((BOX, after), seed=seed)
        found.learn(features, BOX, SEEN, score=1.0, support=1.0, rate=0.1)
        hidden.learn(features, BOX, SEEN, score=1.0, support=0.4, rate=0.1)
    assert found.support(scene((BOX, after), seed=9), corners_of(BOX))[0, 0] > first + 0.05
    assert hidden.support(scene((BOX, after), seed=9), corners_of(BOX))[0, 0] == pytest.approx(first)


def test_surroundings_that_are_learnt_later_lose_their_support():
    rival = np.array([191.5, 95.5, 48.0, 64.0])
    features = scene((BOX, look(2)), (rival, look(2) * 0.5 + look(5)), seed=3)
    found = FeatureDiscriminant.fit(scene((BOX, look(2))), BOX, SEEN)
    first = found.support(features, corners_of(rival))[0, 0]
    for _ in range(30):
        found.learn(features, BOX, SEEN, score=1.0, support=1.0, rate=0.0)
    assert found.support(features, corners_of(rival))[0, 0] < first - 0.1
    assert found.support(features, corners_of(BOX))[0, 0] > 0.9


@given(st.floats(0, 200), st.floats(0, 200), st.floats(5, 120), st.floats(5, 120), st.integers(0, 99))
def test_means_over_boxes_are_those_of_finely_drawn_cells(x, y, width, height, seed):
    """Cells are squares of 8 px from 3.5 on; here each is drawn as 16 x 16 points."""
    values = np.random.default_rng(seed).random((CELLS, CELLS))
    fine = np.kron(values, np.ones((16, 16)))
    points = 3.5 + (np.arange(16 * CELLS) + 0.5) / 2
    inside = np.outer((points >= y) & (points < y + height), (points >= x) & (points < x + width))
    if inside.sum() < 600:
        return
    assert box_means(values, corners_of((x, y, width, height)))[0, 0] == pytest.approx(fine[inside].mean(), abs=0.06)


def test_cells_beyond_the_frame_are_not_seen():
    seen = cells_in_frame(-60, 0, 1.0, 100, 120, CELLS)
    assert seen.sum(axis=1).max() == np.sum((centres_px(CELLS, 255) - 60 >= 0) & (centres_px(CELLS, 255) - 60 < 120))
    assert seen.any(axis=1).sum() == np.sum(centres_px(CELLS, 255) < 100)
