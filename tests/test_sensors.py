"""Sensors: the built-in cameras, the user's own, and what their responses must fulfil."""

import numpy as np
import pytest

from spectrack.errors import ConfigError
from spectrack.sensors import SENSORS, custom_sensor, get_sensor
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
        (
            [500.0, 510.0],
            10.0,
            None,
            "2 and 2",
        ),
        ([500.0, 510.0, 520.0], [10.0], None, "3 and 1"),
        ([500.0, 510.0, 520.0], 0.0, None, "3 and 3"),
        ([500.0 + i for i in range(5)], 10.0, 2, ("4 bands", "block 2", "5")),
    ],
)
def test_cameras_that_cannot_be(centres, widths, block, facts):
    with refuses(ConfigError, facts):
        custom_sensor("mine", centres, widths, block=block)


def test_an_unknown_name_offers_the_nearest():
    with refuses(ConfigError, "'nir52'", "did you mean 'nir25'"):
        get_sensor("nir52")
    with refuses(ConfigError, "'hyperion'", "nir25, rednir15, vis16"):
        get_sensor("hyperion")
