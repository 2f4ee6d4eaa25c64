"""Detectors against SPy and formulas written out, by hand, and in what they must not depend on."""

import numpy as np
import pytest
import spectral
from hypothesis import given
from hypothesis import strategies as st
from spectral.algorithms.algorithms import GaussianStats

from spectrack import ConfigError, CubeError, fit_detector
from spectrack.evidence.background import Background
from spectrack.evidence.detectors import DETECTORS, best_threshold
from spectrack.evidence.sample import Sample
from tests.fixtures.refusals import refuses

BOX = (24, 12, 12, 8)
EVERY = sorted(DETECTORS)
KNOWING = sorted(set(EVERY) - {"rx"})


def scene(bands=16, *, contrast=0.4, seed=0, target=None, noise=0.03, box=BOX):
    """Counts of two materials under uneven light; the target's spectrum differs from theirs by `contrast`."""
    rng = np.random.default_rng(seed)
    places = np.linspace(0, 3, bands)
    ground = np.stack([1 + 0.3 * np.sin(places), 1.2 + 0.3 * np.cos(2 * places)])
    shares = rng.uniform(0, 1, (48, 64, 1))
    spectra = shares * ground[0] + (1 - shares) * ground[1]
    x, y, w, h = box
    paint = ground.mean(axis=0) * (1 + contrast * np.sin(5 * places + 1)) if target is None else target
    spectra[y : y + h, x : x + w] = paint
    light = rng.uniform(0.8, 1.2, (48, 64, 1))
    return (500 * spectra * light * (1 + rng.normal(0, noise, (48, 64, bands)))).clip(0).astype(np.uint16)


def spy_stats(cube):
    """What SPy calls the statistics of the surroundings, and the target's spectrum, from the same pixels."""
    sample = Sample.of(cube, np.array(BOX, float))
    found = Background.of(sample.outside)
    return GaussianStats(mean=found.mean, cov=found.covariance), sample


@pytest.mark.parametrize("bands", [3, 16, 40])
def test_matched_filter_ace_and_rx_are_spys(bands):
    cube = scene(bands)
    stats, sample = spy_stats(cube)
    target, counts = sample.target, cube.astype(float)
    found = {name: fit_detector(name, cube, BOX).map(cube) for name in ("matched_filter", "ace", "rx")}
    np.testing.assert_allclose(
        found["matched_filter"], spectral.matched_filter(counts, target, background=stats), atol=2e-3
    )
    np.testing.assert_allclose(np.abs(found["ace"]), spectral.ace(counts, target, background=stats), atol=2e-3)
    reference = spectral.rx(counts, background=stats)
    np.testing.assert_allclose(found["rx"], reference, rtol=2e-3, atol=1e-2)


def test_cem_is_spys_filter_about_the_origin():
    cube = scene()
    sample = spy_stats(cube)[1]
    second = Background.of(sample.outside, about=np.zeros(16))
    stats = GaussianStats(mean=np.zeros(16), cov=second.covariance)
    reference = spectral.matched_filter(cube.astype(float), sample.target, background=stats)
    np.testing.assert_allclose(fit_detector("cem", cube, BOX).map(cube), reference, atol=2e-3)


def test_angle_is_spys():
    cube = scene()
    reference = spectral.spectral_angles(cube.astype(float), spy_stats(cube)[1].target[None])[:, :, 0]
    np.testing.assert_allclose(-fit_detector("angle", cube, BOX).map(cube), reference, atol=1e-5)


def test_angles_by_hand():
    cube = np.full((20, 20, 3), 7.0)
    cube[8:12, 8:12] = (3.0, 0.0, 0.0)
    detector = fit_detector("angle", cube, (8, 8, 4, 4))
    probes = np.array([[[5.0, 0, 0], [2, 2, 0], [0, 9, 0], [-4, 0, 0], [0, 0, 0]]])
    expected = -np.array([[0, np.pi / 4, np.pi / 2, np.pi, np.pi / 2]])
    np.testing.assert_allclose(detector.map(probes), expected, atol=1e-6)


def test_two_bands_of_independent_noise_by_hand():
    # Surroundings of mean 10 and variance 1 and 4: distances are counted in deviations.
    rng = np.random.default_rng(1)
    cube = rng.normal(10, (1.0, 2.0, 1.0), (200, 200, 3))
    cube[95:105, 95:105] = (14.0, 10.0, 10.0)
    box = (95, 95, 10, 10)
    probe = np.array([[[14.0, 10, 10], [12, 10, 10], [12, 14, 10], [6, 10, 10], [10, 10, 10]]])
    filtered, ace, rx = (fit_detector(name, cube, box).map(probe)[0] for name in ("matched_filter", "ace", "rx"))
    np.testing.assert_allclose(filtered, [1, 0.5, 0.5, -1, 0], atol=0.05)
    np.testing.assert_allclose(ace[:4], [1, 1, 0.5, -1], atol=0.05)
    np.testing.assert_allclose(rx, [16, 4, 8, 16, 0], atol=0.8)


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("bands", [3, 15, 200])
def test_any_number_of_bands_tells_a_clear_target_apart(name, bands):
    cube = scene(bands)
    detector = fit_detector(name, cube, BOX)
    found = detector.map(cube)
    x, y, w, h = BOX
    own = np.zeros(found.shape, dtype=bool)
    own[y : y + h, x : x + w] = True
    assert found.dtype == np.float32
    assert (found[own] > detector.threshold).mean() - (found[~own] > detector.threshold).mean() > 0.7
    assert detector.trust > 0.7


@pytest.mark.parametrize("bands", [3, 16, 200])
@pytest.mark.parametrize("name", EVERY)
def test_a_target_that_is_like_its_surroundings_gets_no_trust(name, bands):
    """Also where 40 pixels of 200 bands could be told from anything by chance."""
    box = (24, 12, 8, 5)
    for seed in range(2):
        ground = scene(bands, seed=seed + 10)
        cube = scene(bands, seed=seed, box=box)
        cube[12:17, 24:32] = ground[30:35, 4:12]
        assert fit_detector(name, cube, box).trust < 0.35


def test_forty_pixels_of_two_hundred_bands_suffice():
    box = (24, 12, 8, 5)
    first, later = scene(200, box=box), scene(200, box=box, seed=5)
    for name in ("matched_filter", "ace", "likelihood"):
        detector = fit_detector(name, first, box)
        own = detector.map(later)[12:17, 24:32]
        assert detector.trust == 1
        assert (own > detector.threshold).mean() > 0.9, name


@pytest.mark.parametrize("name", KNOWING)
def test_the_unit_of_the_counts_does_not_matter(name):
    cube = scene().astype(np.float64)
    plain, scaled = fit_detector(name, cube, BOX), fit_detector(name, cube * 37.5, BOX)
    np.testing.assert_allclose(scaled.map(cube * 37.5), plain.map(cube), atol=2e-3)
    assert scaled.trust == pytest.approx(plain.trust)


@given(st.floats(0.2, 5.0))
def test_angle_does_not_depend_on_a_pixels_brightness_nor_ace_on_its_distance_from_the_mean(gain):
    cube = scene().astype(np.float64)
    angle, ace = fit_detector("angle", cube, BOX), fit_detector("ace", cube, BOX)
    np.testing.assert_allclose(angle.map(cube * gain), angle.map(cube), atol=1e-4)
    mean = Sample.of(cube, np.array(BOX, float)).outside.mean(axis=0, dtype=np.float64)
    np.testing.assert_allclose(ace.map(mean + gain * (cube - mean)), ace.map(cube), atol=1e-3)


@pytest.mark.parametrize("name", EVERY)
def test_a_window_is_mapped_as_the_frame(name):
    cube = scene()
    detector = fit_detector(name, cube, BOX)
    np.testing.assert_allclose(detector.map(cube[5:30, 10:50]), detector.map(cube)[5:30, 10:50], rtol=1e-4, atol=1e-4)


def test_linear_filters_are_one_on_the_target_and_the_matched_one_nought_on_the_surroundings():
    cube = scene(bands=12)
    sample = Sample.of(cube, np.array(BOX, float))
    target, outside = sample.target[None, None], sample.outside[None]
    matched, cem = (fit_detector(name, cube, BOX) for name in ("matched_filter", "cem"))
    np.testing.assert_allclose([matched.map(target), cem.map(target)], 1, atol=1e-3)
    assert matched.map(outside).mean() == pytest.approx(0, abs=1e-3)
    assert np.square(cem.map(outside)).mean() < np.square(cem.map(scene(bands=12, seed=3))).mean()


@pytest.mark.parametrize("name", ["matched_filter", "cem", "ace", "angle", "likelihood"])
def test_a_drift_of_target_and_surroundings_is_followed(name):
    bands = 16
    still, following = fit_detector(name, scene(bands), BOX), fit_detector(name, scene(bands), BOX)
    x, y, w, h = BOX

    def told(detector, cube):
        likely = detector.map(cube) > detector.threshold
        return likely[y : y + h, x : x + w].mean() - np.delete(likely, np.s_[y : y + h], axis=0).mean()

    tilt = np.linspace(-1, 1, bands)
    for step in range(1, 16):
        cube = np.asarray(scene(bands, seed=step, contrast=0.3) * (1 + 0.02 * step * tilt))
        following.update(cube, BOX, rate=0.2)
    assert told(following, cube) > 0.7
    assert told(following, cube) >= told(still, cube) - 0.01


def test_update_with_rate_nought_changes_nothing():
    cube = scene()
    for name in KNOWING:
        detector = fit_detector(name, cube, BOX)
        before = detector.map(cube)
        detector.update(scene(seed=9, contrast=0.1), BOX, rate=0.0)
        np.testing.assert_allclose(detector.map(cube), before, atol=1e-5)


def test_two_materials_are_the_likelihoods_alone():
    """A target of two paints whose mean is the ground's: no single spectrum points at it."""
    places = np.linspace(0, 3, 16)
    cube = scene(contrast=0.0)
    pattern = 0.35 * np.sin(5 * places)
    cube[12:16, 24:36] = cube[12:16, 24:36] * (1 + pattern)
    cube[16:20, 24:36] = cube[16:20, 24:36] * (1 - pattern)
    trusts = {name: fit_detector(name, cube, BOX).trust for name in ("likelihood", "ace", "angle")}
    assert trusts["likelihood"] > 0.9
    assert trusts["ace"] < 0.6


def test_the_best_threshold_by_hand():
    assert 2 < best_threshold(np.array([1.0, 3, 4]), np.array([0.0, 0.5, 2])) < 3
    assert best_threshold(np.array([5.0]), np.array([5.0])) == 5


def test_what_cannot_be_fitted_or_mapped_is_refused():
    cube = scene()
    with refuses(ConfigError, "ase", "ace"):
        fit_detector("ase", cube, BOX)
    with refuses(CubeError, "16", "(4, 5, 15)"):
        fit_detector("ace", cube, BOX).map(cube[:4, :5, :15])
    with refuses(CubeError, "2"):
        fit_detector("ace", cube[:, :, :2], BOX)
