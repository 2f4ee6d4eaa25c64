"""Materials of spectral pairs: bends that false colour cannot see, light that never becomes negative, colours that come
out right.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spectrack.errors import ConfigError
from spectrack.pairs.spectral_cameras import SpectralCamera, known_camera, random_sensor
from spectrack.pairs.spectral_materials import MaterialConfig, draw_dead_bands, draw_gains, draw_materials, separated
from spectrack.spectra import spectral_angle
from tests.fixtures.refusals import refuses

BANDS = (3, 4, 15, 16, 25, 40)


def camera_of(bands, rule="thirds", seed=0):
    return SpectralCamera.of(random_sensor(np.random.default_rng(seed), bands, bands), rule)


def cameras():
    return [known_camera(name, "thirds") for name in ("vis16", "nir25", "rednir15")] + [
        camera_of(bands) for bands in BANDS
    ]


@pytest.mark.parametrize("camera", cameras(), ids=lambda camera: camera.name)
def test_bends_have_no_false_colour(camera):
    for seed in range(12):
        materials = draw_materials(np.random.default_rng(seed), camera, MaterialConfig())
        assert materials.matrix.shape == (9, camera.bands)
        colours = materials.bends @ camera.colour
        assert np.abs(colours).max() < 1e-6 * np.abs(materials.plain @ camera.colour).max()


def test_bends_have_no_false_colour_under_other_rules():
    camera = SpectralCamera.of(random_sensor(np.random.default_rng(1), 20, 20), "triple(15, 9, 3)")
    materials = draw_materials(np.random.default_rng(0), camera, MaterialConfig())
    np.testing.assert_allclose(materials.bends @ camera.colour, 0.0, atol=1e-6)
    assert np.abs(materials.bends).max() > 0.01


@given(
    seed=st.integers(0, 10_000),
    bends=st.lists(st.floats(-1, 1), min_size=2, max_size=2),
    share=st.lists(st.floats(0, 1), min_size=3, max_size=3),
)
@settings(max_examples=40, deadline=None)
def test_no_mixture_and_no_bend_gives_negative_light(seed, bends, share):
    camera = cameras()[seed % 9]
    materials = draw_materials(np.random.default_rng(seed), camera, MaterialConfig())
    u, v = bends
    spectrum = np.asarray(share) @ (materials.plain + u * materials.bends[0] + v * materials.bends[1])
    assert spectrum.min() >= -1e-12


@pytest.mark.parametrize("camera", cameras()[:3], ids=lambda camera: camera.name)
def test_bends_are_seen_in_the_spectrum(camera):
    angles = []
    for seed in range(20):
        materials = draw_materials(np.random.default_rng(seed), camera, MaterialConfig())
        angles.append(
            float(spectral_angle(materials.spectrum(np.array([0.7, 0.0])), materials.spectrum(np.array([-0.7, 0.0]))))
        )
    assert min(angles) > 0.12


def test_three_bands_leave_no_room():
    materials = draw_materials(np.random.default_rng(0), camera_of(3), MaterialConfig())
    assert not materials.bends.any()


def test_plain_colours_come_out_as_they_went_in():
    """Under even light, false colour of the unmixed abundances is the colour, up to one common factor."""
    config = MaterialConfig(plain_share=1.0)
    colours = np.random.default_rng(0).uniform(0.0, 1.0, (50, 3))
    for camera in cameras()[:3]:
        # The equal light is the one that adds no tint of its own.
        even = SpectralCamera(camera.name, camera.wavelengths_nm, camera.response, camera.colour, ("equal",))
        materials = draw_materials(np.random.default_rng(1), even, config)
        shown = colours @ materials.unmixing @ materials.plain @ camera.colour
        factor = (shown * colours).sum() / (colours**2).sum()
        np.testing.assert_allclose(shown, factor * colours, atol=1e-9)
        assert 0.2 < factor < 1.0


@pytest.mark.parametrize("wanted", [0.05, 0.12, 0.2])
def test_wanted_angle_is_met_and_never_exceeded_by_much(wanted):
    camera = known_camera("vis16", "thirds")
    for seed in range(10):
        materials = draw_materials(np.random.default_rng(seed), camera, MaterialConfig())
        bends = np.array([[0.6, -0.2], [-0.5, 0.3]])
        closer = separated(materials, bends, wanted)
        first, second = (closer.spectrum(bend) for bend in bends)
        far = float(spectral_angle(*(materials.spectrum(bend) for bend in bends)))
        assert float(spectral_angle(first, second)) == pytest.approx(min(wanted, far), rel=0.05)


def test_gains_differ_between_crops_and_stay_positive():
    camera = known_camera("nir25", "thirds")
    rng = np.random.default_rng(0)
    for relit in (False, True):
        gains = np.stack([draw_gains(rng, camera, MaterialConfig(), relit=relit) for _ in range(40)])
        assert gains.shape == (40, 2, 25)
        assert gains.min() > 0.2
        assert np.abs(gains[:, 0] - gains[:, 1]).mean() > 0.02
    still = MaterialConfig(gain=(1.0, 1.0), band_gain=0.0, slope=0.0)
    np.testing.assert_array_equal(draw_gains(rng, camera, still, relit=False), np.ones((2, 25)))


def test_slope_runs_along_the_wavelengths():
    camera = known_camera("vis16", "thirds")
    slope = MaterialConfig(gain=(1.0, 1.0), band_gain=0.0, slope=0.2)
    gains = draw_gains(np.random.default_rng(3), camera, slope, relit=False)
    steps = np.diff(gains, axis=1)
    assert ((steps > 0).all(axis=1) | (steps < 0).all(axis=1)).all()
    assert 0 < np.abs(gains[:, -1] - gains[:, 0]).max() <= 0.2 + 1e-9


def test_dead_band_delivers_nothing_and_metamers_still_hold():
    camera = known_camera("vis16", "thirds")
    always = MaterialConfig(band_drop_share=1.0)
    dead = draw_dead_bands(np.random.default_rng(0), 16, always)
    assert dead.sum() == 1
    materials = draw_materials(np.random.default_rng(0), camera, always, dead=dead)
    assert not materials.matrix[:, dead].any()
    np.testing.assert_allclose(materials.bends @ camera.colour, 0.0, atol=1e-6)
    assert draw_dead_bands(np.random.default_rng(0), 3, always) is None
    assert draw_dead_bands(np.random.default_rng(0), 16, MaterialConfig(band_drop_share=0.0)) is None


@pytest.mark.parametrize(
    ("values", "facts"),
    [
        ({"angle": (0.4, 0.1)}, ("angle", "0.4, 0.1")),
        ({"counts": (0.0, 10.0)}, ("counts", "0.0, 10.0")),
        ({"plain_share": 1.5}, ("plain_share", "[0, 1]", "found 1.5")),
        ({"band_gain": -0.1}, ("band_gain", "found -0.1")),
    ],
)
def test_mistakes_get_a_sentence(values, facts):
    with refuses(ConfigError, facts):
        MaterialConfig(**values)
