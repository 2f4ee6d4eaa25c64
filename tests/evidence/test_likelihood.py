"""The log ratio of target and surroundings: metamers, outliers and light; and what is learnt of a target from frame to
frame.
"""

import numpy as np
import pytest

from spectrack.evidence.likelihood import LearningRates, SpectralLikelihood, TargetSpectra


def metamers(seed=0, bands=16):
    """Log spectra of a target and of surroundings with the same sum over each third of the bands."""
    rng = np.random.default_rng(seed)
    ground = np.exp(rng.normal(0, 0.3, bands))
    pattern = rng.normal(0, 1, bands)
    for third in np.array_split(np.arange(bands), 3):
        pattern[third] -= (pattern[third] * ground[third]).sum() / ground[third].sum()
    paint = ground * (1 + 0.25 * pattern / np.abs(pattern).max())
    return ground, paint


def noisy_logs(spectrum, count, rng):
    return np.log(
        spectrum * rng.uniform(0.7, 1.3, (count, 1)) * (1 + rng.normal(0, 0.03, (count, len(spectrum))))
    ).astype(np.float32)


@pytest.mark.parametrize("seed", range(3))
def test_metamers_are_told_apart_though_half_the_box_is_surroundings(seed):
    ground, paint = metamers(seed)
    for third in np.array_split(np.arange(16), 3):
        assert ground[third].sum() == pytest.approx(paint[third].sum())
    rng = np.random.default_rng(seed)
    inside = np.concatenate([noisy_logs(paint, 120, rng), noisy_logs(ground, 120, rng)])
    outside = noisy_logs(ground, 900, rng)
    prior = np.full(240, 0.5, np.float32)
    model, shares = SpectralLikelihood.fit(inside, prior, outside, np.ones(900, np.float32), (2, 3))
    assert shares[:120].mean() > 0.9
    assert shares[120:].mean() < 0.1
    assert (model.log_ratio(noisy_logs(paint, 300, rng)) > 0).mean() > 0.95
    assert (model.log_ratio(noisy_logs(ground, 300, rng)) < 0).mean() > 0.95


def test_a_target_like_its_surroundings_does_not_vanish():
    rng = np.random.default_rng(4)
    ground, _ = metamers()
    model, shares = SpectralLikelihood.fit(
        noisy_logs(ground, 100, rng),
        np.full(100, 0.5, np.float32),
        noisy_logs(ground, 500, rng),
        np.ones(500, np.float32),
        (2, 3),
    )
    assert shares.mean() >= 0.12
    assert np.isfinite(model.log_ratio(noisy_logs(ground, 50, rng))).all()


def test_spectra_like_neither_count_as_surroundings():
    rng = np.random.default_rng(5)
    ground, paint = metamers()
    model, _ = SpectralLikelihood.fit(
        noisy_logs(paint, 200, rng),
        np.full(200, 0.8, np.float32),
        noisy_logs(ground, 500, rng),
        np.ones(500, np.float32),
        (2, 3),
    )
    alien = noisy_logs(np.exp(rng.normal(0, 1.5, 16)), 50, rng)
    assert (model.log_ratio(alien) < 0).all()


def test_both_sides_follow_the_light():
    rng = np.random.default_rng(6)
    ground, paint = metamers()
    model, _ = SpectralLikelihood.fit(
        noisy_logs(paint, 200, rng),
        np.full(200, 0.8, np.float32),
        noisy_logs(ground, 800, rng),
        np.ones(800, np.float32),
        (1, 2),
    )
    cast = np.linspace(-0.12, 0.12, 16).astype(np.float32)
    before = model.target.means.copy()
    for _ in range(12):
        model.follow_light(noisy_logs(ground, 400, rng) + cast, np.ones(400, np.float32), 0.4)
    moved = (model.target.means - before)[0]
    np.testing.assert_allclose(moved - moved.mean(), cast, atol=0.02)


def target_in(values_of, box, cells=32, seed=0):
    """Log spectra of a view whose box holds paint, its mask, and what of the frame is seen."""
    rng = np.random.default_rng(seed)
    ground, paint = metamers()
    x, y, w, h = box
    own = np.zeros((cells, cells), dtype=bool)
    own[y : y + h, x : x + w] = True
    logs = noisy_logs(ground, cells * cells, rng)
    logs[own.ravel()] = noisy_logs(values_of(ground, paint), int(own.sum()), rng)
    return logs, own, np.ones((cells, cells), dtype=bool)


def test_a_target_of_its_own_paint_is_trusted_and_found():
    box = np.array([10, 12, 9, 7])
    values, own, seen = target_in(lambda ground, paint: paint, box)
    spectra = TargetSpectra(values, seen, box.astype(float), values[:50])
    assert spectra.trust == 1
    assert spectra.mass == pytest.approx(63, rel=0.35)
    ratio = spectra.log_ratio(values, seen)
    assert (ratio[own] > 0).mean() > 0.8 > 0.1 > (ratio[~own] > 0).mean()
    np.testing.assert_allclose(spectra.extent(ratio, box.astype(float)).box(spectra.habit), box, atol=0.5)
    # Nothing is found outside the frame.
    assert (spectra.log_ratio(values, ~seen) < 0).all()


def test_a_target_like_its_surroundings_is_not_trusted():
    box = np.array([10, 12, 9, 7])
    values, _, seen = target_in(lambda ground, paint: ground, box)
    assert TargetSpectra(values, seen, box.astype(float), values[:50]).trust < 0.5


def test_a_target_that_changes_is_followed_and_without_rates_is_not():
    box = np.array([10, 12, 9, 7])
    values, own, seen = target_in(lambda ground, paint: paint, box)
    still, following = (TargetSpectra(values, seen, box.astype(float), values[:50]) for _ in range(2))
    tint = np.linspace(-0.3, 0.3, values.shape[1]).astype(np.float32)
    for step in range(1, 25):
        changed = values + tint * own.reshape(-1, 1) * min(step / 20, 1)
        belief = own.astype(np.float32)
        following.learn(changed, seen, box, belief, LearningRates(0.1, 0.05, 0.1), phase=step)
        still.learn(changed, seen, box, belief, LearningRates(0.0, 0.0, 0.0), phase=step)
    assert following.log_ratio(changed, seen)[own].mean() > still.log_ratio(changed, seen)[own].mean() + 0.5
    np.testing.assert_array_equal(
        still.log_ratio(values, seen), TargetSpectra(values, seen, box, values[:50]).log_ratio(values, seen)
    )


def test_a_witness_shows_the_target_a_side_that_it_has_not_seen():
    """A new tint in the box becomes the target's; the surroundings in the box do not."""
    box = np.array([10.0, 12, 9, 7])
    values, own, seen = target_in(lambda ground, paint: paint, box.astype(int))
    tint = np.exp(np.linspace(-0.3, 0.3, 16))
    turned, _, _ = target_in(lambda ground, paint: paint * tint, box.astype(int), seed=1)
    spectra = TargetSpectra(values, seen, box, values[:50])
    first = spectra.read(turned, seen)
    assert (first.log_ratio[own] < 0).all()
    assert not first.explained[own].any()
    assert first.explained[~own].mean() > 0.9
    for _ in range(20):
        spectra.adopt(turned, box + np.array([-2, -2, 4, 4]), seen, 0.1)
    after = spectra.read(turned, seen).log_ratio
    assert (after[own] > 0).mean() > 0.5
    assert (after[~own] < 0).all()


def test_a_witness_beyond_the_frame_shows_nothing():
    box = np.array([10.0, 12, 9, 7])
    values, _, seen = target_in(lambda ground, paint: paint, box.astype(int))
    spectra = TargetSpectra(values, seen, box, values[:50])
    before = spectra.log_ratio(values, seen)
    spectra.adopt(values, np.array([100.0, 100, 9, 7]), seen, 0.5)
    spectra.adopt(values, box, seen, 0.0)
    np.testing.assert_array_equal(spectra.log_ratio(values, seen), before)
