"""Mixtures against an independent reference, updates against pooled moments, and the change of light."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

from spectrack.evidence.mixtures import Mixture, probability

FLOOR = 0.05**2


def clusters(seed=0, count=200, dimensions=4, spread=0.1):
    rng = np.random.default_rng(seed)
    centres = rng.normal(0, 2, (3, dimensions))
    return np.concatenate([centre + rng.normal(0, spread, (count, dimensions)) for centre in centres]).astype(
        np.float32
    ), centres


def reference_log_density(mixture, values):
    dimensions = values.shape[1]
    each = [
        np.log(weight) + multivariate_normal(mean, covariance + FLOOR * np.eye(dimensions)).logpdf(values)
        for weight, mean, covariance in zip(mixture.weights, mixture.means, mixture.covariances, strict=True)
    ]
    return logsumexp(each, axis=0) + 0.5 * dimensions * np.log(2 * np.pi)


def test_densities_are_those_of_scipy():
    values, _ = clusters()
    mixture = Mixture.fit(values, np.ones(len(values), np.float32), 3, FLOOR)
    probe = np.random.default_rng(1).normal(0, 2, (50, 4)).astype(np.float32)
    np.testing.assert_allclose(mixture.log_density(probe), reference_log_density(mixture, probe), rtol=2e-3, atol=0.05)
    np.testing.assert_allclose(mixture.responsibilities(probe).sum(axis=1), 1, atol=1e-5)


def test_three_clusters_are_found():
    values, centres = clusters()
    mixture = Mixture.fit(values, np.ones(len(values), np.float32), 3, FLOOR, rounds=10)
    distance = np.linalg.norm(mixture.means[:, None] - centres, axis=2)
    assert (distance.min(axis=0) < 0.05).all()
    np.testing.assert_allclose(mixture.weights, 1 / 3, atol=0.02)


@given(st.integers(1, 4), st.integers(1, 5), st.integers(0, 100))
def test_fitting_repeats_bit_for_bit(components, dimensions, seed):
    values, _ = clusters(seed, 20, dimensions)
    shares = np.random.default_rng(seed).uniform(0, 1, len(values)).astype(np.float32)
    first, second = (Mixture.fit(values, shares, components, FLOOR) for _ in range(2))
    np.testing.assert_array_equal(first.means, second.means)
    np.testing.assert_array_equal(first.covariances, second.covariances)


def test_shares_are_counts():
    values, _ = clusters(2, 30)
    counts = np.random.default_rng(2).integers(0, 3, len(values))
    weighted = Mixture.fit(values, counts.astype(np.float32), 1, FLOOR)
    repeated = Mixture.fit(np.repeat(values, counts, axis=0), np.ones(counts.sum(), np.float32), 1, FLOOR)
    np.testing.assert_allclose(weighted.means, repeated.means, atol=1e-4)
    np.testing.assert_allclose(weighted.covariances, repeated.covariances, atol=1e-4)


@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_update_of_one_gaussian_gives_the_pooled_moments(rate):
    rng = np.random.default_rng(3)
    old, new = (
        rng.normal(0, 1, (900, 3)).astype(np.float32),
        rng.normal(1.5, 2, (int(900 * rate / (1 - rate)), 3)).astype(np.float32),
    )
    mixture = Mixture.fit(old, np.ones(len(old), np.float32), 1, FLOOR)
    mixture.update(new, np.ones(len(new), np.float32), rate)
    pooled = np.concatenate([old, new])
    np.testing.assert_allclose(mixture.means[0], pooled.mean(axis=0), atol=2e-3)
    np.testing.assert_allclose(mixture.covariances[0], np.cov(pooled.T, bias=True), atol=5e-3)


def test_update_with_nothing_changes_nothing():
    values, _ = clusters()
    mixture = Mixture.fit(values, np.ones(len(values), np.float32), 2, FLOOR)
    before = mixture.means.copy()
    mixture.update(values, np.zeros(len(values), np.float32), 0.5)
    mixture.update(values, np.ones(len(values), np.float32), 0.0)
    np.testing.assert_array_equal(mixture.means, before)


@given(st.floats(-0.15, 0.15), st.integers(0, 20))
def test_a_change_of_light_is_measured_also_when_new_things_come_in(change, seed):
    values, _ = clusters(seed)
    mixture = Mixture.fit(values, np.ones(len(values), np.float32), 3, FLOOR, rounds=8)
    by = np.full(4, change)
    moved = (values + by).astype(np.float32)
    moved[::10] += 30.0  # a tenth of the pixels shows something never seen before
    measured = mixture.residual(moved, np.ones(len(moved), np.float32))
    np.testing.assert_allclose(measured, by, atol=0.04)
    mixture.shift(measured)
    again = mixture.residual(moved, np.ones(len(moved), np.float32))
    assert np.abs(again).max() < 0.03


def test_probability_is_logistic_and_bounded():
    found = probability(np.array([-1e9, -1.0, 0.0, 1.0, 1e9]))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [0, 0.26894, 0.5, 0.73106, 1], atol=1e-4)
