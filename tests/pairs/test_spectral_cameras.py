"""Cameras of spectral training: known ones, random ones, and those of recorded video."""

import numpy as np
import pytest

from spectrack.errors import ConfigError
from spectrack.pairs.spectral_cameras import CameraConfig, SpectralCamera, draw_camera, known_camera, random_sensor
from spectrack.sensors import SENSORS
from spectrack.simulation.illumination import illuminant
from tests.fixtures.refusals import refuses


@pytest.mark.parametrize("bands", [3, 8, 40, 120])
def test_random_sensor_has_ordered_bands_on_the_grid(bands):
    for seed in range(20):
        sensor = random_sensor(np.random.default_rng(seed), bands, bands)
        centres = np.asarray(sensor.centres_nm)
        assert sensor.bands == len(centres) == bands
        assert (np.diff(centres) > 0).all()
        assert 429.9 <= centres[0] < centres[-1] <= 980.1


def test_same_generator_same_camera():
    config = CameraConfig(random_share=0.5)
    for seed in range(10):
        first, second = (draw_camera(np.random.default_rng(seed), config, "thirds") for _ in range(2))
        assert first.name == second.name
        np.testing.assert_array_equal(first.response, second.response)


def test_all_kinds_of_cameras_are_drawn():
    names = [
        draw_camera(np.random.default_rng(seed), CameraConfig(random_share=0.3), "thirds").name for seed in range(80)
    ]
    assert {"vis16", "nir25", "rednir15"} < set(names)
    assert 10 < sum(name.startswith("random") for name in names) < 40


def test_every_lamp_lights_the_camera():
    for name in SENSORS:
        camera = known_camera(name, "thirds")
        for lamp in camera.lamps:
            seen = illuminant(lamp) @ camera.response
            assert seen.min() > 0.02 * seen.max()


def test_video_of_a_known_sensor_is_that_sensor():
    camera = SpectralCamera.of_video(16, "thirds", sensor="vis16", wavelengths_nm=SENSORS["vis16"].centres_nm)
    assert camera.name == "vis16"
    assert camera.lamps


def test_video_of_an_unknown_camera_keeps_its_secrets():
    camera = SpectralCamera.of_video(12, "thirds", sensor=None, wavelengths_nm=None)
    assert (camera.name, camera.bands, camera.lamps) == ("camera-12", 12, ())
    assert np.isnan(camera.wavelengths_nm).all()
    other = SpectralCamera.of_video(16, "thirds", sensor="vis16", wavelengths_nm=tuple(range(400, 560, 10)))
    assert other.name == "vis16-16"
    assert other.wavelengths_nm[0] == 400


def test_leaks_and_crosstalk_change_the_response():
    plain, leaky, spilling = (
        known_camera("vis16", "thirds"),
        known_camera("vis16", "thirds", True),
        known_camera("vis16", "thirds", False, 0.04),
    )
    assert np.abs(plain.response - leaky.response).max() > 0.01
    assert np.abs(plain.response - spilling.response).max() > 1e-4
    assert plain.name == leaky.name == spilling.name


@pytest.mark.parametrize(
    ("values", "facts"),
    [
        ({"sensors": ("vis61",)}, ("'vis61'", "did you mean 'vis16'")),
        ({"random_share": 1.2}, ("'random_share'", "[0, 1]", "1.2")),
        ({"sensors": ()}, ("'sensors'", "[]")),
        ({"random_bands": (2, 9)}, ("'random_bands'", "[3, 200]", "(2, 9)")),
        ({"random_bands": (20, 9)}, ("'random_bands'", "smallest first", "(20, 9)")),
    ],
)
def test_mistakes_get_a_sentence(values, facts):
    with refuses(ConfigError, facts):
        CameraConfig(**values)


def test_rule_that_needs_a_frame_is_refused():
    with refuses(ConfigError, "pca3", "thirds"):
        known_camera("vis16", "pca3")
