"""Narrow features, lamps, coats, uneven cameras and glare: known positions, and halves with the same total."""

from dataclasses import replace

import numpy as np
import pytest

from spectrack.errors import ConfigError, InputError
from spectrack.false_colour import false_colour_matrix
from spectrack.sensors import SENSORS, get_sensor
from spectrack.simulation.band_worth import FEW, CoatRoom, even_coat, narrow_coat, with_uneven_bands
from spectrack.simulation.camera import Exposure
from spectrack.simulation.glare import line_spectrum, random_glare
from spectrack.simulation.lamps import LAMPS, lamp, lamps_for
from spectrack.simulation.materials import random_endmembers
from spectrack.simulation.narrow_features import FEATURES, coated, feature
from spectrack.simulation.side_scenarios import SPECTRAL_SCENARIOS
from spectrack.simulation.video import simulate
from spectrack.spectra import WAVELENGTHS_NM, effective_count, spectral_angle
from tests.fixtures.refusals import refuses

SMALL = {"frames": 4, "height": 96, "width": 128}
PAIRS = [(s.name, s.name.replace("uneven", "even")) for s in SPECTRAL_SCENARIOS if s.worth.uneven]


def room(sensor="nir25", *, angle=0.15, kind="vegetation", seed=1):
    camera = get_sensor(sensor)
    colour = false_colour_matrix("thirds", camera.bands, wavelengths_nm=camera.centres_nm)
    ground = random_endmembers(np.random.default_rng(seed), kind)
    return CoatRoom(ground, camera.responses(WAVELENGTHS_NM).T, np.asarray(colour, dtype=float), angle)


@pytest.mark.parametrize(
    ("name", "dips"),
    [
        (
            "holmium",
            (416, 451, 485, 537, 641),
        ),  # certified: 416.0, 451.4, 485.2, 536.5, 640.5
        ("neodymium", (579, 743, 801, 872)),
        ("erbium", (488, 522, 653)),
        ("blood", (542, 577)),
        ("methylene-blue", (664,)),
        ("water", (970,)),
    ],
)
def test_features_absorb_where_they_are_known_to(name, dips):
    profile = feature(name)
    assert np.abs(profile).max() == pytest.approx(1.0)
    peaks = WAVELENGTHS_NM[1:-1][(profile[1:-1] > profile[:-2]) & (profile[1:-1] >= profile[2:])]
    assert all(np.abs(peaks - dip).min() <= 3 for dip in dips)


def test_stress_moves_the_red_edge_to_shorter_wavelengths():
    leaf = 0.05 + 0.45 / (1 + np.exp(-(WAVELENGTHS_NM - 720) / 11))
    stressed = coated(leaf, feature("red-edge"), 1.0)
    half = [float(np.interp(0.25, edge, WAVELENGTHS_NM)) for edge in (leaf, stressed)]
    assert 10 < half[0] - half[1] < 25
    np.testing.assert_allclose(stressed[WAVELENGTHS_NM > 800], leaf[WAVELENGTHS_NM > 800], rtol=0.01)


@pytest.mark.parametrize("name", FEATURES)
def test_coats_keep_reflectances_physical(name):
    ground = random_endmembers(np.random.default_rng(3), "measured")
    for strength in (0.2, 2.0):
        under = coated(ground, feature(name), strength)
        assert under.min() >= 0
        assert under.max() <= 1


def test_unknown_features_are_refused():
    with refuses(ConfigError, "'holmum'", "did you mean 'holmium'"):
        feature("holmum")


@pytest.mark.parametrize("name", sorted(SENSORS))
def test_lamps_with_lines_leave_bands_dark(name):
    bands = get_sensor(name).responses(WAVELENGTHS_NM).T
    found = lamps_for(bands)
    assert found
    for lit in (lamp(one) @ bands for one in found):
        assert lit.min() < 0.2 * lit.max()
        assert effective_count(lit) < 0.6 * len(lit)
    assert set(found) < set(LAMPS)


def test_lines_are_where_the_elements_have_them():
    power = lamp("fluorescent")
    assert WAVELENGTHS_NM[power.argmax()] == pytest.approx(545, abs=5)  # terbium 543 nm and mercury 546 nm
    assert np.interp(611, WAVELENGTHS_NM, power) > 10 * np.interp(660, WAVELENGTHS_NM, power)  # europium
    assert WAVELENGTHS_NM[lamp("sodium").argmax()] == pytest.approx(589, abs=4)


def test_the_participation_ratio():
    assert effective_count([3.0]) == 1
    assert effective_count([2.0] * 7) == pytest.approx(7)
    assert effective_count([4.0, 2.0]) == pytest.approx(36 / 20)


@pytest.mark.parametrize("sensor", sorted(SENSORS))
def test_narrow_and_even_coats_differ_in_nothing_but_the_bands_that_share(sensor):
    here = room(sensor)
    narrow = narrow_coat(here, FEATURES, np.random.default_rng(4))
    even = even_coat(here, narrow.colour_contrast, np.random.default_rng(5))
    ground = here.ground.sum(axis=0) @ here.response
    for coat in (narrow, even):
        seen = coat.endmembers.sum(axis=0) @ here.response
        assert float(spectral_angle(seen, ground)) == pytest.approx(here.angle, abs=1e-6)
        assert seen.sum() == pytest.approx(ground.sum(), rel=1e-9)
        np.testing.assert_allclose(coat.change, seen / ground - 1)
        assert coat.endmembers.sum(axis=0).max() <= 1
    assert narrow.bands_that_count <= FEW * len(ground) < 0.6 * len(ground) < even.bands_that_count
    assert abs(even.colour_contrast - narrow.colour_contrast) < 0.06


def test_features_that_a_camera_does_not_see_are_refused():
    with refuses(InputError, "0.15", "fluorescein"):
        narrow_coat(room("nir25"), ["fluorescein"], np.random.default_rng(0))


@pytest.mark.parametrize("name", sorted(SENSORS))
def test_an_uneven_camera_gathers_the_same_light_and_differs_in_noise(name):
    even = get_sensor(name)
    uneven = with_uneven_bands(even, np.random.default_rng(6), dead=1)
    shares = np.array(uneven.transmission)
    assert shares.mean() == pytest.approx(1)
    assert (shares == 0).sum() == 1
    assert shares.max() / shares[shares > 0].min() == pytest.approx(60)
    np.testing.assert_allclose(uneven.responses(WAVELENGTHS_NM), even.responses(WAVELENGTHS_NM) * shares[:, None])
    flat = np.full((200, 200, even.bands), 20.0, np.float32) * shares.astype(np.float32)
    counts = Exposure.for_sensor(uneven, np.random.default_rng(7), 1 << 16).counts(flat, np.random.default_rng(8))
    level, spread = counts.mean(axis=(0, 1)), counts.std(axis=(0, 1))
    # The poorest bands' noise is clipped at zero, which lifts their mean.
    alive = shares > 4 * shares[shares > 0].min()
    np.testing.assert_allclose(level[alive], 20 * shares.max(), rtol=0.1)
    gain = np.array(uneven.gain)[alive]
    expected = gain * np.sqrt(20 * shares[alive] / (11_400 / 1023) + (13 * 1023 / 11_400) ** 2)
    np.testing.assert_allclose(spread[alive], expected, rtol=0.1)
    assert spread[alive].max() > 3 * spread[alive].min()


def test_gains_saturate_at_full_scale():
    sensor = replace(get_sensor("rednir15"), gain=(1000.0,) * 15)
    counts = Exposure.for_sensor(sensor, np.random.default_rng(0), 1 << 12).counts(
        np.full((8, 8, 15), 50.0, np.float32), np.random.default_rng(1)
    )
    assert (counts == 1023).all()


def test_a_veil_is_the_sum_of_its_patches():
    glare = random_glare(np.random.default_rng(9), 5, 60, 80, line_spectrum(550.0), 9.0)
    veil = glare.veil(2.0, (0, 0, 80, 60))
    np.testing.assert_array_equal(glare.veil(2.0, (30, 10, 50, 40)), veil[10:40, 30:50])
    by_hand = 0.0
    for centre, radius, turn, strength in zip(
        glare.centre[2], glare.radius, glare.turn, glare.strength[2], strict=True
    ):
        axes = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
        along = axes @ (np.array([40.5, 30.5]) - centre) / radius
        by_hand += strength * np.exp(-0.5 * along @ along)
    assert veil[30, 40] == pytest.approx(by_hand, rel=1e-4)


@pytest.mark.parametrize(("uneven", "even"), PAIRS)
def test_both_halves_of_a_pair_gather_the_same_light(uneven, even):
    first, second = (simulate(name, "rednir15", seed=3, **SMALL) for name in (uneven, even))
    np.testing.assert_array_equal(first.truth, second.truth)
    assert first.clean(0).mean() == pytest.approx(second.clean(0).mean(), rel=0.02)
    assert first.metadata["band_worth"]["uneven"]
    assert not second.metadata["band_worth"]["uneven"]


def test_glare_fills_one_line_or_all_bands():
    veils = []
    for name in ("glare-uneven", "glare-even"):
        video = simulate(name, "vis16", seed=3, **SMALL)
        plain = replace(video.scene, glare=None).radiance(0.0, video.exposed_matrix)
        veils.append((video.clean(0) - plain).mean(axis=(0, 1)))
    narrow, wide = veils
    assert effective_count(narrow) < 4
    assert effective_count(wide) == pytest.approx(16, rel=0.01)
    assert narrow.sum() == pytest.approx(wide.sum(), rel=0.02)


def test_twins_wear_the_bare_ground_under_the_same_pictures():
    scene = simulate("pigment-uneven", "nir25", seed=5, **SMALL).scene
    bare = scene.background.surfaces[0].endmembers
    twins = [actor for actor in scene.actors if actor.name == "twin"]
    assert twins
    own = [part.surface for part in scene.actors[scene.target].body.parts]
    for twin in twins:
        for surface, mine in zip((part.surface for part in twin.body.parts), own, strict=True):
            np.testing.assert_array_equal(surface.endmembers, bare)
            np.testing.assert_array_equal(surface.abundances, mine.abundances)
            assert not np.allclose(mine.endmembers, bare)
