"""Gradients in space and spectrum, and materials unmixed: by hand, by SciPy, and what brightness does not change."""

import numpy as np
import pytest
from scipy.optimize import minimize

from spectrack.methods.correlation_filter.channels import ORIENTATIONS
from spectrack.methods.correlation_filter.materials import (
    DIRECTIONS,
    MaterialFeatures,
    abundances,
    distinct_spectra,
    log_light,
    low_rank,
    shares_of_light,
    spectral_gradients,
)
from spectrack.sequences.frames import ArrayFrame
from spectrack.trackers.crop import CropWindow
from spectrack.trackers.lens import Lens

CELLS, BANDS = 64, 8


def spectra(count, seed=0):
    rng = np.random.default_rng(seed)
    drawn = rng.uniform(0.05, 1.0, (count, BANDS)) ** 2
    return (drawn / drawn.sum(axis=1, keepdims=True)).astype(np.float32)


def view_of(cube):
    return Lens(cube, None, CELLS).look(ArrayFrame(cube), CropWindow(0, 0, cube.shape[0]))


@pytest.mark.parametrize("degrees", [0, 30, 60, 90, 120, 150])
def test_edges_in_the_plane_answer_by_orientation(degrees):
    y, x = np.mgrid[:CELLS, :CELLS] - CELLS / 2
    angle = np.deg2rad(degrees)
    stripes = np.sin(0.5 * (x * np.cos(angle) + y * np.sin(angle))).astype(np.float32)
    strength = spectral_gradients(np.repeat(stripes[:, :, None], BANDS, axis=2))[:, 8:-8, 8:-8].mean(axis=(1, 2))
    assert strength.shape == (DIRECTIONS,)
    assert strength.argmax() == 2 + degrees * ORIENTATIONS // 180
    assert strength[:2].max() < 1e-6


def test_slopes_of_spectra_answer_along_the_spectrum():
    slope = np.linspace(-1, 1, BANDS, dtype=np.float32)
    logs = np.zeros((CELLS, CELLS, BANDS), np.float32)
    logs[:, : CELLS // 2], logs[:, CELLS // 2 :] = slope, -slope
    found = spectral_gradients(logs)[:, 8:-8].mean(axis=1)
    assert found[:, 8:20].mean(axis=1).argmax() == 0
    assert found[:, -20:-8].mean(axis=1).argmax() == 1


def test_distinct_spectra_are_the_pure_pixels():
    pure = spectra(3)
    rng = np.random.default_rng(1)
    mixed = rng.dirichlet(np.ones(3), 200).astype(np.float32) @ pure
    found = distinct_spectra(np.concatenate([mixed, pure]), 3)
    assert {tuple(row) for row in found.round(5)} == {tuple(row) for row in pure.round(5)}
    assert len(distinct_spectra(np.repeat(pure[:1], 9, axis=0), 4)) == 1  # there is nothing else
    assert distinct_spectra(pure, 0).shape == (0, BANDS)


def test_abundances_of_mixtures():
    pure, rng = spectra(3), np.random.default_rng(2)
    shares = rng.dirichlet(np.ones(3), 50).astype(np.float32)
    np.testing.assert_allclose(abundances(shares @ pure, pure), shares, atol=0.05)


def test_abundances_are_the_constrained_least_squares():
    pure, seen = spectra(4, seed=3), spectra(6, seed=4)
    found = abundances(seen, pure)
    assert found.min() >= 0
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)
    total = {"type": "eq", "fun": lambda a: a.sum() - 1}
    for spectrum, one in zip(seen.astype(np.float64), found, strict=True):
        best = minimize(
            lambda a, spectrum=spectrum: 1e4 * ((a @ pure - spectrum) ** 2).sum(),
            np.full(4, 0.25),
            bounds=[(0, 1)] * 4,
            constraints=total,
            method="SLSQP",
        )
        error = 1e4 * ((one @ pure - spectrum) ** 2).sum()
        assert error <= best.fun * 1.02 + 1e-3


def test_low_rank_is_the_truncated_decomposition():
    logs = np.random.default_rng(5).normal(size=(100, BANDS)).astype(np.float32)
    mean = logs.mean(axis=0)
    left, values, right = np.linalg.svd(logs - mean, full_matrices=False)
    expected = mean + (left[:, :3] * values[:3]) @ right[:3]
    np.testing.assert_allclose(low_rank(logs, 3), expected, atol=1e-4)
    assert low_rank(logs, 0) is logs
    assert low_rank(logs, BANDS) is logs


@pytest.mark.parametrize(("materials", "rank", "channels"), [(0, 0, 8), (4, 0, 12), (4, 2, 12), (12, 0, 8 + BANDS)])
def test_channels_do_not_depend_on_the_exposure(materials, rank, channels):
    cube = np.random.default_rng(6).uniform(200, 900, (60, 60, BANDS))
    cube[20:40, 20:40, :3] *= 0.3
    features = MaterialFeatures.fit(view_of(cube), materials, rank)
    found = features(view_of(cube), np.zeros((CELLS, CELLS), np.float32))
    assert found.shape == (channels, CELLS, CELLS)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found.mean(axis=(1, 2)), 0, atol=1e-4)
    lens = Lens(cube, None, CELLS)
    darker = lens.look(ArrayFrame(0.5 * cube), CropWindow(0, 0, 60))
    np.testing.assert_allclose(features(darker, np.zeros((CELLS, CELLS), np.float32)), found, atol=0.15)


def test_one_band_has_gradients_alone():
    cube = np.random.default_rng(7).uniform(200, 900, (60, 60, 1))
    view = view_of(cube)
    assert log_light(view).shape == (CELLS * CELLS, 1)
    np.testing.assert_allclose(shares_of_light(log_light(view)), 1)
    found = MaterialFeatures.fit(view, 6)(view, np.zeros((CELLS, CELLS), np.float32))
    assert np.isfinite(found).all()
