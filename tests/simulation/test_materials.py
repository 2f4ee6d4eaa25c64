"""Tables, families and light: ranges, known values, unknown names."""

import numpy as np
import pytest

from spectrack.errors import ConfigError
from spectrack.simulation import materials
from spectrack.simulation.illumination import ILLUMINANTS, Light, at_time, illuminant
from spectrack.simulation.materials import ENDMEMBER_KINDS, NARROW, measured, measured_reflectances, random_endmembers
from spectrack.spectra import WAVELENGTHS_NM
from tests.fixtures.refusals import refuses


def at(spectrum, wavelength):
    return float(np.interp(wavelength, WAVELENGTHS_NM, spectrum))


def test_measured_patches_are_the_published_ones():
    table = measured_reflectances()
    assert len(table) == 24
    assert all(spectrum.min() > 0 and spectrum.max() < 1 for spectrum in table.values())
    assert at(measured("red"), 500) < 0.08
    assert at(measured("red"), 700) > 0.6
    assert at(measured("neutral_5"), 550) == pytest.approx(0.19, abs=0.02)


def test_extrapolation_joins_smoothly():
    index = int(np.searchsorted(WAVELENGTHS_NM, 780))
    for spectrum in measured_reflectances().values():
        assert abs(spectrum[index + 1] - spectrum[index]) < 0.03
        assert abs(spectrum[-1] - spectrum[index]) < 0.25


@pytest.mark.parametrize(
    "family", [materials.leaf, materials.skin, materials.soil, materials.water, materials.paint, materials.narrow]
)
def test_families_are_reflectances(family):
    rng = np.random.default_rng(0)
    for _ in range(20):
        spectrum = family(rng)
        assert spectrum.shape == (121,)
        assert 0 < spectrum.min() <= spectrum.max() < 1


def test_leaves_have_a_red_edge():
    spectrum = materials.leaf(np.random.default_rng(1))
    assert at(spectrum, 780) > 4 * at(spectrum, 675)
    assert at(spectrum, 550) > at(spectrum, 675)


@pytest.mark.parametrize("kind", [*ENDMEMBER_KINDS, NARROW])
def test_endmembers_leave_room_for_metamers(kind):
    rng = np.random.default_rng(2)
    for _ in range(10):
        members = random_endmembers(rng, kind)
        assert members.shape == (3, 121)
        assert members.min() >= 0
        assert members.sum(axis=0).max() <= 0.75 + 1e-9


def test_primaries_keep_grey_nearly_grey():
    visible = (WAVELENGTHS_NM >= 420) & (WAVELENGTHS_NM <= 680)
    grey = random_endmembers(np.random.default_rng(3), "primaries").sum(axis=0)[visible]
    assert grey.std() / grey.mean() < 0.25


@pytest.mark.parametrize("name", ILLUMINANTS)
def test_illuminants_are_light(name):
    power = illuminant(name)
    assert power.mean() == pytest.approx(1.0)
    assert power.min() >= 0


def test_illuminants_by_their_known_colours():
    assert at(illuminant("a"), 700) > 4 * at(illuminant("a"), 450)
    # CIE 15: D65 is 117.01 at 450 nm against 71.61 at 700 nm, A is 33.09 against 198.26.
    assert at(illuminant("d65"), 450) / at(illuminant("d65"), 700) == pytest.approx(117.01 / 71.61, rel=0.01)
    assert at(illuminant("a"), 450) / at(illuminant("a"), 700) == pytest.approx(33.09 / 198.26, rel=0.01)
    assert at(illuminant("led_b3"), 950) < 0.05
    # Where the table of A ends the black body takes over without a step.
    a = illuminant("a")
    assert at(a, 785) / at(a, 780) == pytest.approx(at(a, 780) / at(a, 775), abs=0.01)


def test_unknown_names_are_refused():
    with refuses(ConfigError, "'foliag'", "did you mean 'foliage'"):
        measured("foliag")
    with refuses(ConfigError, "'d-65'", "did you mean 'd65'"):
        illuminant("d-65")
    with refuses(ConfigError, "'metal'", "measured, narrow, paints, primaries, vegetation"):
        random_endmembers(np.random.default_rng(0), "metal")


def test_time_interpolates_and_holds():
    track = np.array([1.0, 3.0, 7.0])
    assert [float(at_time(track, t)) for t in (-1, 0, 0.5, 1, 1.75, 2, 9)] == [1, 1, 2, 3, 6, 7, 7]
    assert float(at_time(np.array([4.0]), 3.0)) == 4.0


def test_shadow_darkens_one_side():
    edge = np.tile((0.0, 0.0, 0.6), (2, 1))
    light = Light("d65", "d65", np.ones(2), np.zeros(2), edge, 0.1)
    shade = light.shading(0.0, 120, 160)
    assert shade[60, 5] == pytest.approx(0.4, abs=0.02)
    assert shade[60, 155] == pytest.approx(1.0, abs=0.02)
    assert Light.steady("d65", 3).shading(1.0, 120, 160) is None
