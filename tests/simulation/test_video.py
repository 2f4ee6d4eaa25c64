"""Simulated sequences: determinism, truth, pairs, attributes, and what a wrong request is told."""

import hashlib
import warnings

import numpy as np
import pytest

from spectrack.errors import ConfigError, MissingExtraError
from spectrack.false_colour import apply_matrix, false_colour_matrix
from spectrack.sensors import custom_sensor, get_sensor, with_leaks
from spectrack.sequences.base import Sequence
from spectrack.simulation import photographs
from spectrack.simulation.attributes import ATTRIBUTES
from spectrack.simulation.scenarios import SCENARIOS, get_scenario
from spectrack.simulation.video import simulate
from spectrack.spectra import spectral_angle
from tests.fixtures.refusals import refuses

SMALL = {"frames": 12, "height": 96, "width": 128}


def digest(sequence, order):
    return {i: hashlib.sha256(sequence[i].tobytes()).hexdigest() for i in order}


def test_same_seed_same_bytes_in_any_order():
    first, second = simulate("twin-crowd", seed=5, **SMALL), simulate("twin-crowd", seed=5, **SMALL)
    assert digest(first, (0, 3, 11)) == digest(second, (11, 0, 3))
    np.testing.assert_array_equal(first.truth, second.truth)
    assert digest(first, (0,)) != digest(simulate("twin-crowd", seed=6, **SMALL), (0,))


@pytest.mark.parametrize("scenario", sorted(SCENARIOS))
def test_every_scenario_renders(scenario):
    sequence = simulate(scenario, "rednir15", seed=2, frames=6, height=72, width=96)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cube = sequence[3]
    assert isinstance(sequence, Sequence)
    assert cube.shape == (72, 96, 15)
    assert cube.dtype == np.uint16
    assert 0 < cube.mean() < 700
    assert sequence.truth.shape == (6, 4)
    assert (sequence.truth[:, 2:] > 0).all()
    assert ((sequence.visibility >= 0) & (sequence.visibility <= 1)).all()
    assert set(sequence.attributes) <= set(ATTRIBUTES)
    np.testing.assert_array_equal(sequence.first_box, sequence.truth[0])
    assert sequence.visibility[0] > 0.8


def test_windows_and_metadata():
    sequence = simulate("calm", "nir25", seed=1, **SMALL)
    np.testing.assert_array_equal(sequence.read(4, (10, 20, 40, 60)), sequence[4][20:60, 10:40])
    assert len(sequence) == 12
    assert sequence.wavelengths_nm == get_sensor("nir25").centres_nm
    assert sequence.sensor == "nir25"
    assert sequence.metadata["scenario"] == "calm"
    assert sequence.metadata["false_colour_rule"] == "thirds"
    assert sequence.false_colour(2).shape == (96, 128, 3)
    with pytest.raises(IndexError):
        sequence[12]
    with pytest.raises(ValueError, match="read-only"):
        sequence[0][0, 0, 0] = 1


def test_exposure_is_like_the_real_footage():
    """Real footage of this kind stays mostly below 420 of 1023 counts."""
    for seed in range(3):
        cube = simulate("calm", seed=seed, **SMALL)[0]
        assert 250 < np.percentile(cube, 99.5) < 460


@pytest.mark.parametrize("sensor", ["vis16", "nir25"])
def test_camouflage_vanishes_in_false_colour_only(sensor):
    hidden, open_ = simulate("cam-grass", sensor, seed=3, **SMALL), simulate("open-grass", sensor, seed=3, **SMALL)
    np.testing.assert_array_equal(hidden.truth, open_.truth)
    ground, target = hidden.scene.background.surfaces[0], hidden.scene.actors[hidden.scene.target].body.parts[0].surface
    bands = hidden.scene.light.spectrum(0.0)[:, None] * hidden.setting.band_matrix
    colours = bands @ hidden.setting.colour_matrix
    np.testing.assert_allclose(target.endmembers @ colours, ground.endmembers @ colours, rtol=1e-6)
    assert spectral_angle(target.endmembers.sum(axis=0) @ bands, ground.endmembers.sum(axis=0) @ bands) >= 0.1
    plain = open_.scene.actors[open_.scene.target].body.parts[0].surface
    assert (
        np.abs(np.log((plain.endmembers.sum(axis=0) @ colours) / (ground.endmembers.sum(axis=0) @ colours))).max() > 0.1
    )
    assert "CAM" in hidden.attributes
    assert set(hidden.attributes) - {"CAM"} == set(open_.attributes)


def test_camouflage_in_the_rendered_picture():
    hidden, open_ = simulate("cam-rolling", seed=4, **SMALL), simulate("open-rolling", seed=4, **SMALL)
    matrix = false_colour_matrix("thirds", 16, wavelengths_nm=hidden.wavelengths_nm)

    def contrast(sequence, of):
        mask, (x0, y0, x1, y1) = sequence.scene.mask(5.0)
        area = of(sequence.clean(5))[y0 - 4 : y1 + 4, x0 - 4 : x1 + 4]
        inside = np.pad(mask, 4)
        return np.abs(np.log(area[inside].mean(axis=0) / area[~inside].mean(axis=0))).max()

    assert contrast(hidden, lambda cube: apply_matrix(cube, matrix)) < 0.12
    assert contrast(open_, lambda cube: apply_matrix(cube, matrix)) > 0.2
    assert contrast(hidden, lambda cube: cube) > 0.15


def test_twins_are_metamers_of_the_target():
    sequence = simulate("twin-crossing", "rednir15", seed=7, **SMALL)
    scene = sequence.scene
    twins = [one for one in scene.actors if one.name == "twin"]
    assert twins
    bands = scene.light.spectrum(0.0)[:, None] * sequence.setting.band_matrix
    target = scene.actors[scene.target]
    for twin in twins:
        for own, other in zip(surfaces_of(target.body), surfaces_of(twin.body), strict=True):
            np.testing.assert_array_equal(own.abundances, other.abundances)
            colours = bands @ sequence.setting.colour_matrix
            np.testing.assert_allclose(other.endmembers @ colours, own.endmembers @ colours, rtol=1e-6)
            assert spectral_angle(own.endmembers.sum(axis=0) @ bands, other.endmembers.sum(axis=0) @ bands) >= 0.1
    assert "TWIN" in sequence.attributes


def surfaces_of(body):
    if hasattr(body, "parts"):
        return [part.surface for part in body.parts]
    return list(body.surfaces) if hasattr(body, "surfaces") else [body.surface]


def test_attributes_say_what_happens():
    small = {"height": 96, "width": 128}
    for scenario, expected in {
        "leaving": "OV",
        "dusk": "IV",
        "approach": "SV",
        "abrupt": "FM",
        "speck": "LR",
        "hidden": "OCC",
    }.items():
        assert expected in simulate(scenario, seed=1, frames=60, **small).attributes
    assert not {"CAM", "TWIN", "OV", "LR"} & set(simulate("calm", seed=1, frames=10).attributes)


def test_other_cameras():
    own = custom_sensor("mine", [450.0, 550.0, 650.0, 750.0], 20.0, block=2)
    assert simulate("calm", own, seed=1, **SMALL)[0].shape == (96, 128, 4)
    plain = simulate("calm", "vis16", seed=1, **SMALL)
    mixed = simulate("calm", "vis16", seed=1, crosstalk=0.1, **SMALL)
    leaky = simulate("calm", with_leaks(get_sensor("vis16")), seed=1, **SMALL)
    np.testing.assert_array_equal(plain.truth, mixed.truth)
    for other in (mixed, leaky):
        assert np.abs(other.clean(0).mean(axis=(0, 1)) / plain.clean(0).mean(axis=(0, 1)) - 1).max() > 0.01


@pytest.mark.parametrize(
    ("arguments", "facts"),
    [
        ({"scenario": "cam-gras"}, ("'cam-gras'", "did you mean 'cam-grass'")),
        ({"sensor": "vis61"}, ("'vis61'", "did you mean 'vis16'")),
        ({"frames": 1}, ("2 frames", "found 1")),
        ({"seed": -1}, ("seed", "found -1")),
        ({"height": 20}, ("64 pixels", "(20, 320)")),
        ({"textures": "photos"}, ("'photos'", "did you mean 'photographs'")),
        ({"vignetting": 2.0}, ("vignetting", "[0, 1]", "found 2.0")),
        ({"crosstalk": 1.5}, ("crosstalk", "[0, 1)", "found 1.5")),
    ],
)
def test_wrong_requests(arguments, facts):
    with refuses(ConfigError, facts):
        simulate(**({"scenario": "calm"} | arguments))


def test_photographs_without_the_extra(monkeypatch):
    photographs.installed_photographs.cache_clear()
    monkeypatch.setattr(photographs.util, "find_spec", lambda name: None)
    with refuses(MissingExtraError, "scikit-image", "'spectrack[train]'"):
        simulate("calm", textures="photographs")
    photographs.installed_photographs.cache_clear()


def test_photographs_as_textures():
    pytest.importorskip("skimage")
    first = simulate("calm", seed=1, textures="photographs", **SMALL)
    assert 0 < first[0].mean() < 700
    picture = photographs.random_photograph(np.random.default_rng(0), 300, 900)
    assert picture.shape == (300, 900, 3)
    assert 0 <= picture.min() <= picture.max() <= 1


def test_scenarios_come_in_pairs():
    for name, scenario in SCENARIOS.items():
        if scenario.spectra == "metamers":
            partners = [
                other
                for other in SCENARIOS.values()
                if other.layout_name == scenario.layout_name and other.name != name
            ]
            assert [partner.spectra for partner in partners] == ["ordinary"]
    assert get_scenario("hidden").layout_name == "hidden"
