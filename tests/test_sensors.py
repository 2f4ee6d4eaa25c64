"""Sensors: the built-in cameras, the user's own, what their responses must fulfil, leaks and crosstalk."""

import numpy as np
import pytest

from spectrack.errors import ConfigError
from spectrack.sensors import SENSORS, custom_sensor, get_sensor, with_leaks
from spectrack.spectra import WAVELENGTHS_NM
from tests.fixtures.refusals import refuses

GRID_NM = np.arange(400.0, 1001.0)


@pytest.mark.parametrize(
    ("name", "bands", "block", "zero_bands", "low", "high"),
    [("vis16", 16, 4, 0, 460, 600), ("nir25", 25, 5, 0, 665, 960), ("rednir15", 15, 4, 1, 600, 850)],
)
def test_the_built_in_cameras(name, bands, block, zero_bands, low, high):
    sensor = get_sensor(name)
    assert (sensor.bands, sensor.block, sensor.zero_bands) == (bands, block, zero_bands)
    assert sensor.bands + sensor.zero_bands == block * block
    assert len(sensor.centres_nm) == len(sensor.fwhm_nm) == bands
    assert list(sensor.centres_nm) == sorted(sensor.centres_nm)
    assert low <= sensor.centres_nm[0] < sensor.centres_nm[-1] <= high


@pytest.mark.parametrize("name", sorted(SENSORS))
def test_responses_are_normalised_and_peak_at_their_centres(name):
    sensor = SENSORS[name]
    responses = sensor.responses(GRID_NM)
    assert responses.shape == (sensor.bands, len(GRID_NM))
    np.testing.assert_allclose(responses.sum(axis=1), 1)
    assert (responses >= 0).all()
    np.testing.assert_allclose(GRID_NM[responses.argmax(axis=1)], sensor.centres_nm, atol=0.5)


@pytest.mark.parametrize("name", sorted(SENSORS))
def test_responses_balance_about_their_centres(name):
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


def test_the_full_width_at_half_maximum_is_what_it_says():
    sensor = custom_sensor("mine", [500.0, 600.0, 700.0], [20.0, 10.0, 40.0])
    fine = np.arange(400.0, 800.0, 0.05)
    for response, width in zip(sensor.responses(fine), (20, 10, 40), strict=True):
        above = fine[response >= response.max() / 2]
        assert above[-1] - above[0] == pytest.approx(width, abs=0.15)


def test_a_camera_of_ones_own():
    sensor = custom_sensor("mine", [500, 550, 600], 12, block=2)
    assert (sensor.bands, sensor.block, sensor.centres_nm, sensor.fwhm_nm) == (
        3,
        2,
        (500.0, 550.0, 600.0),
        (12.0, 12.0, 12.0),
    )


@pytest.mark.parametrize(
    ("centres", "widths", "block", "facts"),
    [
        ([500.0, 510.0], 10.0, None, "2 and 2"),
        ([500.0, 510.0, 520.0], [10.0], None, "3 and 1"),
        ([500.0, 510.0, 520.0], 0.0, None, "3 and 3"),
        ([500.0 + i for i in range(5)], 10.0, 2, ("4 bands", "block 2", "found 5")),
    ],
)
def test_cameras_that_cannot_be(centres, widths, block, facts):
    with refuses(ConfigError, facts):
        custom_sensor("mine", centres, widths, block=block)


def test_an_unknown_name_offers_the_nearest():
    for name, meant in (("nir52", "nir25"), ("vis-16", "vis16")):
        with refuses(ConfigError, f"'{name}'", f"did you mean '{meant}'"):
            get_sensor(name)
    with refuses(ConfigError, "'hyperion'", "nir25, rednir15, vis16"):
        get_sensor("hyperion")


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


def test_crosstalk_that_cannot_be():
    with refuses(ConfigError, "[0, 1)"):
        get_sensor("vis16").crosstalk(1.0)
    with refuses(ConfigError, "found 0.1", "line"):
        custom_sensor("line", [500.0, 600.0, 700.0], 10.0).crosstalk(0.1)
