"""Sensors: responses, leaks, crosstalk, custom cameras."""

import numpy as np
import pytest

from spectrack.errors import ConfigError
from spectrack.sensors import SENSORS, custom_sensor, get_sensor, with_leaks
from spectrack.spectra import WAVELENGTHS_NM
from tests.fixtures.refusals import refuses


@pytest.mark.parametrize("name", sorted(SENSORS))
def test_responses_peak_at_their_centres(name):
    sensor = get_sensor(name)
    response = sensor.responses(WAVELENGTHS_NM)
    assert response.shape == (sensor.bands, 121)
    np.testing.assert_allclose(response.sum(axis=1), 1.0)
    np.testing.assert_allclose(response @ WAVELENGTHS_NM, sensor.centres_nm, atol=0.5)
    assert sensor.full_scale == 1023


@pytest.mark.parametrize("name", sorted(SENSORS))
def test_leaks_move_light_to_a_second_peak(name):
    plain, leaky = get_sensor(name), with_leaks(get_sensor(name))
    response = leaky.responses(WAVELENGTHS_NM)
    np.testing.assert_allclose(response.sum(axis=1), 1.0)
    difference = plain.responses(WAVELENGTHS_NM) - response
    assert 0.03 < np.clip(difference, 0, None).sum(axis=1).max() < 0.3


def test_crosstalk_by_hand():
    matrix = get_sensor("vis16").crosstalk(0.2)
    # Band 5 sits in row 1, column 1 of the 4 x 4 mosaic: neighbours 1, 4, 6, 9.
    assert matrix[5, 5] == pytest.approx(0.8)
    assert {int(i) for i in np.flatnonzero(matrix[:, 5])} == {1, 4, 5, 6, 9}
    # Band 0's neighbours wrap into the next blocks: 1, 3, 4, 12.
    assert {int(i) for i in np.flatnonzero(matrix[:, 0])} == {0, 1, 3, 4, 12}
    np.testing.assert_allclose(matrix.sum(axis=0), 1.0)
    np.testing.assert_array_equal(get_sensor("nir25").crosstalk(0.0), np.eye(25))


def test_crosstalk_next_to_the_dark_pixel_loses_light():
    matrix = get_sensor("rednir15").crosstalk(0.2)
    assert matrix.shape == (15, 15)
    assert matrix[:, 14].sum() == pytest.approx(0.95)
    assert matrix[:, 5].sum() == pytest.approx(1.0)


def test_errors():
    with refuses(ConfigError, "'vis-16'", "did you mean 'vis16'"):
        get_sensor("vis-16")
    with refuses(ConfigError, "[0, 1)"):
        get_sensor("vis16").crosstalk(1.0)
    with refuses(ConfigError, "0.1", "line"):
        custom_sensor("line", [500.0, 600.0, 700.0], 10.0).crosstalk(0.1)
    with refuses(ConfigError, "2 and 2"):
        custom_sensor("two", [500.0, 600.0], 10.0)
    with refuses(ConfigError, "4 bands", "block 2", "5"):
        custom_sensor("many", [float(c) for c in range(400, 450, 10)], 10.0, block=2)
