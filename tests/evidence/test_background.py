"""Shrunk covariances against the paper's sums written out, and what shrinkage is for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectrack.evidence.background import Background, shrunk_covariance


def pixels_of(count, bands, seed=0):
    rng = np.random.default_rng(seed)
    mixing = rng.normal(size=(bands, bands)) * np.linspace(0.1, 2, bands)
    return rng.normal(size=(count, bands)) @ mixing + 50, mixing.T @ mixing


def by_the_paper(pixels):
    """Ledoit and Wolf's lemmas 3.2 to 3.5, pixel by pixel; every norm is divided by the number of bands."""
    count, bands = pixels.shape
    centred = pixels - pixels.mean(axis=0)
    sample = np.cov(pixels.T, bias=True)
    m = np.trace(sample) / bands
    d2 = np.linalg.norm(sample - m * np.eye(bands)) ** 2 / bands
    b2 = sum(np.linalg.norm(np.outer(x, x) - sample) ** 2 / bands for x in centred) / count**2
    b2 = min(b2, d2)
    return b2 / d2 * m * np.eye(bands) + (d2 - b2) / d2 * sample


@pytest.mark.parametrize(("count", "bands"), [(30, 3), (40, 16), (25, 60)])
def test_it_is_the_papers_estimate(count, bands):
    pixels, _ = pixels_of(count, bands)
    expected = by_the_paper(pixels)
    np.testing.assert_allclose(shrunk_covariance(pixels - pixels.mean(axis=0)), expected, rtol=1e-9)
    np.testing.assert_allclose(Background.of(pixels).covariance, expected, atol=1e-5 * expected.max())


def test_by_hand():
    # S = diag(1, 0): m = 1/2, |S - m I|^2 = 1/2; each |x x' - S|^2 = 0, so nothing is shrunk.
    np.testing.assert_allclose(shrunk_covariance(np.array([[1.0, 0], [-1, 0]])), [[1, 0], [0, 0]])
    # S = diag(1, 1): the target is the sample itself.
    np.testing.assert_allclose(shrunk_covariance(np.array([[1.0, 1], [-1, -1], [1, -1], [-1, 1]])), np.eye(2))


def test_few_pixels_of_many_bands_are_shrunk_to_something_better_and_invertible():
    pixels, truth = pixels_of(40, 200)
    centred = pixels - pixels.mean(axis=0)
    sample, found = centred.T @ centred / 40, shrunk_covariance(centred)
    assert np.linalg.matrix_rank(sample) < 40 < np.linalg.matrix_rank(found) == 200
    level = np.trace(truth) / 200 * np.eye(200)
    errors = [np.linalg.norm(guess - truth) for guess in (found, sample, level)]
    assert errors[0] == min(errors)


def test_many_pixels_are_hardly_shrunk():
    pixels, truth = pixels_of(20_000, 5)
    np.testing.assert_allclose(Background.of(pixels).covariance, truth, atol=0.03 * truth.max())


@pytest.mark.parametrize("rate", [0.0, 0.25, 1.0])
def test_moving_pools_two_samples(rate):
    old, new = pixels_of(4000, 4)[0], pixels_of(4000, 4, seed=1)[0] * 1.5 + 3
    moved = Background.of(old).moved(Background.of(new), rate)
    share = [old[: int(4000 * (1 - rate))], new[: int(4000 * rate)]]
    pooled = np.concatenate(share)
    np.testing.assert_allclose(moved.mean, pooled.mean(axis=0), atol=0.3)
    expected = np.cov(pooled.T, bias=True)
    np.testing.assert_allclose(moved.covariance, expected, atol=0.08 * expected.max())


@given(st.integers(1, 60), st.integers(1, 30), st.integers(0, 50))
def test_whitened_pixels_have_unit_covariance_or_less(count, bands, seed):
    pixels, _ = pixels_of(count, bands, seed)
    found = Background.of(pixels)
    whitened = (pixels - found.mean) @ found.whitening()
    assert np.isfinite(whitened).all()
    np.testing.assert_allclose(found.whitening().T @ found.covariance @ found.whitening(), np.eye(bands), atol=1e-5)


def test_surroundings_without_any_variation_are_no_error():
    found = Background.of(np.zeros((10, 4)))
    assert np.isfinite(found.whitening()).all()
