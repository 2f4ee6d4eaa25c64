"""Angles and metamers against hand-made cases and their defining equations."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spectrack.errors import InputError
from spectrack.false_colour import false_colour_matrix
from spectrack.sensors import SENSORS, get_sensor
from spectrack.simulation.illumination import illuminant
from spectrack.spectra import WAVELENGTHS_NM, metamers, smooth_curves, smooth_reflectances, spectral_angle
from tests.fixtures.refusals import refuses

positive = st.lists(st.floats(0.01, 100.0), min_size=4, max_size=4)


def test_angle_of_known_vectors():
    assert spectral_angle([1, 0, 0], [0, 1, 0]) == pytest.approx(np.pi / 2)
    assert spectral_angle([1, 0], [1, 1]) == pytest.approx(np.pi / 4)
    assert spectral_angle([1, np.sqrt(3)], [1, 0]) == pytest.approx(np.pi / 3)


def test_angle_of_identical_and_of_zero_spectra():
    assert spectral_angle([3, 1, 4], [3, 1, 4]) == 0
    assert spectral_angle([0, 0, 0], [3, 1, 4]) == pytest.approx(np.pi / 2)
    assert spectral_angle([0, 0, 0], [0, 0, 0]) == pytest.approx(np.pi / 2)


def test_tiny_angles_keep_their_digits():
    assert spectral_angle([1.0, 0.0], [1.0, 1e-9]) == pytest.approx(1e-9, rel=1e-6)


def test_angle_broadcasts_over_a_cube():
    cube = np.random.default_rng(0).random((5, 6, 4))
    angle = spectral_angle(cube, cube[2, 3])
    assert angle.shape == (5, 6)
    assert angle[2, 3] == 0


@settings(max_examples=50, deadline=None)
@given(positive, positive, st.floats(0.01, 100.0))
def test_angle_ignores_gain_and_order_and_agrees_with_the_arc_cosine(first, second, gain):
    a, b = np.array(first), np.array(second)
    reference = np.arccos(np.clip(a @ b / np.sqrt((a @ a) * (b @ b)), -1, 1))
    assert spectral_angle(a, b) == pytest.approx(reference, abs=1e-6)
    assert spectral_angle(gain * b, a) == pytest.approx(float(spectral_angle(a, b)), abs=1e-9)


def test_smooth_curves_have_unit_variance_and_the_asked_correlation():
    curves = smooth_curves(np.random.default_rng(1), 4000, 40.0)
    assert curves.std() == pytest.approx(1.0, abs=0.02)
    # A Gaussian window of length L gives a correlation of exp(-d**2 / (2 L**2)).
    distance = 8 * 5.0
    assert np.mean(curves[:, 20] * curves[:, 28]) == pytest.approx(np.exp(-(distance**2) / (2 * 40.0**2)), abs=0.05)


def test_smooth_reflectances_are_reflectances():
    spectra = smooth_reflectances(np.random.default_rng(2), 50)
    assert spectra.shape == (50, 121)
    assert spectra.min() > 0
    assert spectra.max() < 1


def _camera(sensor_name, light="d65"):
    sensor = get_sensor(sensor_name)
    bands = illuminant(light)[:, None] * sensor.responses(WAVELENGTHS_NM).T
    return bands, false_colour_matrix("thirds", sensor.bands, wavelengths_nm=sensor.centres_nm)


@pytest.mark.parametrize("sensor_name", sorted(SENSORS))
@pytest.mark.parametrize("light", ["d65", "a"])
def test_metamers_share_false_colour_and_differ_in_shape(sensor_name, light):
    bands, colour = _camera(sensor_name, light)
    rng = np.random.default_rng(3)
    materials = smooth_reflectances(rng, 3) * 0.3
    others = metamers(materials, bands, colour, rng, minimum_angle=0.2)
    assert others.min() >= 0
    assert others.sum(axis=0).max() <= 1 + 1e-9
    np.testing.assert_allclose(others @ bands @ colour, materials @ bands @ colour, rtol=1e-6)
    # Any mixture keeps its false colour too, and its spectrum is bent.
    weights = rng.random((20, 3))
    np.testing.assert_allclose(weights @ others @ bands @ colour, weights @ materials @ bands @ colour, rtol=1e-6)
    assert spectral_angle(weights @ others @ bands, weights @ materials @ bands).min() > 0.1
    assert spectral_angle(others.sum(axis=0) @ bands, materials.sum(axis=0) @ bands) >= 0.2


def test_a_single_reflectance_keeps_its_shape():
    bands, colour = _camera("vis16")
    other = metamers(np.full(121, 0.4), bands, colour, np.random.default_rng(4))
    assert other.shape == (121,)
    assert 0 <= other.min() <= other.max() <= 1


def test_a_wanted_angle_is_met():
    bands, colour = _camera("nir25")
    grey = np.full(121, 0.4)
    other = metamers(grey, bands, colour, np.random.default_rng(5), wanted_angle=0.2)
    assert spectral_angle(other @ bands, grey @ bands) == pytest.approx(0.2, abs=1e-6)
    np.testing.assert_allclose(other @ bands @ colour, grey @ bands @ colour, rtol=1e-6)


def test_metamers_keep_away_from_those_made_before():
    bands, colour = _camera("rednir15")
    rng, grey = np.random.default_rng(6), np.full(121, 0.4)
    first = metamers(grey, bands, colour, rng)
    second = metamers(grey, bands, colour, rng, unlike=[first], minimum_angle=0.15)
    assert spectral_angle(first @ bands, second @ bands) > 0.15


def test_a_saturated_material_has_no_metamer():
    bands, colour = _camera("vis16")
    with refuses(InputError, "0.2 rad", "0.000"):
        metamers(np.ones(121), bands, colour, np.random.default_rng(7), minimum_angle=0.2)


def test_reflectances_must_be_reflectances():
    bands, colour = _camera("vis16")
    with refuses(InputError, "[0, 1]", "1.2"):
        metamers(np.full(121, 1.2), bands, colour, np.random.default_rng(8))
    with refuses(InputError, "121", "(1, 50)"):
        metamers(np.full(50, 0.4), bands, colour, np.random.default_rng(8))
