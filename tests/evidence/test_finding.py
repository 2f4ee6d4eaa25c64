"""Searching sequences by library spectra and points: simulated things of known materials, and what is refused."""

import numpy as np
import pytest

import spectrack
from spectrack import ConfigError, InputError, SequenceError
from spectrack.boxes import iou
from spectrack.evidence.finding import detect, find_first
from spectrack.evidence.library import LibrarySpectrum
from spectrack.evidence.options import MatchOptions
from spectrack.sequences import MemorySequence
from spectrack.spectra import WAVELENGTHS_NM
from tests.evidence.test_search import BANDS, BOX, frame, lamp, reflectances
from tests.fixtures.refusals import refuses

CENTRES = tuple(np.linspace(450.0, 600.0, BANDS).tolist())
PAINT = LibrarySpectrum("paint", np.array(CENTRES), reflectances()[2])
WIDE = LibrarySpectrum("paint", np.array([430.0, *CENTRES, 620.0]), np.pad(reflectances()[2], 1, mode="edge"))


def video(frames, **kwargs):
    return MemorySequence(frames, name="yard", wavelengths_nm=CENTRES, **kwargs)


@pytest.fixture(scope="module")
def late():
    """The paint comes in frame 2."""
    return video([frame(0, box=None, light=lamp()), frame(1, box=None, light=lamp()), frame(2, light=lamp())])


def test_tracking_starts_where_the_material_is_first_seen(late):
    seen = []
    start, region = find_first(late, spectrum=WIDE, on_frame=lambda done, total: seen.append((done, total)))
    assert start == 2
    assert float(iou(region.box, BOX)) > 0.8
    assert region.score > 0.5
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_nothing_that_matches_is_one_sentence(late):
    with refuses(InputError, "paint", "at least 0.99", "yard", "--least"):
        find_first(late, spectrum=WIDE, options=MatchOptions(least=0.99))


def test_every_frame_has_its_regions(late):
    found = list(detect(late, spectrum=WIDE))
    assert [item.frame for item in found] == [0, 1, 2]
    assert [len(item.regions) for item in found] == [0, 0, 1]
    assert [item.frame for item in detect(late, spectrum=WIDE, frames=range(2, 3))] == [2]


def test_a_point_finds_its_own_thing_and_those_like_it():
    both = np.maximum(frame(0), frame(0))
    both[2:10, 5:15] = both[BOX[1] : BOX[1] + 8, BOX[0] : BOX[0] + 10]
    sequence = MemorySequence([both, frame(1)])  # no wavelengths are needed
    start, region = find_first(sequence, point=(9, 6))
    assert start == 0
    assert float(iou(region.box, (5, 2, 10, 8))) > 0.7
    first, second = detect(sequence, point=(9, 6))
    assert len(first.regions) == 2
    assert float(iou(second.regions[0].box, BOX)) > 0.7


def test_the_light_may_be_named():
    cube, white = frame(3, light=lamp()), 0.9 * 800 * lamp()
    cube[50:58, 60:72] = white
    sequence = video([cube])
    scores = {
        light: find_first(sequence, spectrum=WIDE, options=MatchOptions(light=light, least=0.2))[1].score
        for light in ("scene", "60,50,12,8")
    }
    assert scores["60,50,12,8"] > scores["scene"]
    assert scores["60,50,12,8"] > 0.8
    _, region = find_first(sequence, spectrum=WIDE, options=MatchOptions(light="60,50,12,8"))
    assert float(iou(region.box, BOX)) > 0.8
    radiance = LibrarySpectrum("as measured", WIDE.wavelengths_nm, WIDE.values * np.pad(lamp(), 1, mode="edge"))
    _, region = find_first(sequence, spectrum=radiance, options=MatchOptions(light="none"))
    assert float(iou(region.box, BOX)) > 0.8


@pytest.mark.parametrize(("scenario", "seed", "light"), [("open-chase", 1, "none"), ("approach", 3, "scene")])
def test_a_simulated_thing_is_found_by_the_spectrum_of_its_material(scenario, seed, light):
    clip = spectrack.simulate(scenario, "nir25", frames=2, seed=seed)
    mask, window = clip.scene.mask(0.0)
    radiance = clip.scene.radiance(0.0, np.eye(len(WAVELENGTHS_NM)), window)[mask].mean(axis=0)
    values = radiance if light == "none" else radiance / clip.scene.light.spectrum(0.0)
    material = LibrarySpectrum("its material", WAVELENGTHS_NM, values)
    start, region = find_first(clip, spectrum=material, options=MatchOptions(light=light))
    assert start == 0
    assert float(iou(region.box, clip.first_box)) > 0.3


def test_a_spectrum_over_a_part_of_the_bands_will_do(late):
    part = LibrarySpectrum("part", WIDE.wavelengths_nm[:13], WIDE.values[:13])
    assert find_first(late, spectrum=part)[0] == 2


def test_what_is_refused(late):
    with refuses(SequenceError, "paint", "wavelengths_nm", "--point"):
        find_first(MemorySequence([frame()]), spectrum=WIDE)
    with refuses(SequenceError, "450 to 600 nm", "1000 to 2000 nm", "0 of 16"):
        find_first(late, spectrum=LibrarySpectrum("x", np.array([1000.0, 2000.0]), np.ones(2)))
    with refuses(SequenceError, "at least 4 bands", "found 3"):
        find_first(MemorySequence([frame()[:, :, :3]], wavelengths_nm=(450, 550, 650)), spectrum=WIDE)
    for point in ((80, 5), (-1, 5), (5, 60)):
        with refuses(InputError, "80 x 60", f"{point[0]},{point[1]}"):
            find_first(late, point=point)
    with refuses(ConfigError, "both"):
        detect(late, spectrum=WIDE, point=(1, 1))
    with refuses(ConfigError, "neither"):
        find_first(late)
    with refuses(ConfigError, "found 1.5"):
        detect(late, spectrum=WIDE, options=MatchOptions(least=1.5))
    with refuses(ConfigError, "'sun'"):
        detect(late, spectrum=WIDE, options=MatchOptions(light="sun"))
    with refuses(InputError, "at least 400 pixels", "--least"):
        find_first(late, point=(5, 5), options=MatchOptions(least_area=400))
    with refuses(InputError, "expected light", "3,4"):
        find_first(video([np.zeros_like(frame())]), point=(3, 4))
