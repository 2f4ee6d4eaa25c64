"""Frames that a program gives: generators, functions, mosaics, its own time stamps; and how sources are told apart."""

import numpy as np
import pytest

import spectrack
from spectrack.cube import cube_to_mosaic
from spectrack.errors import ConfigError, CubeError, SequenceError, SequenceNotFoundError
from spectrack.sequences.frames import ArrayFrame
from spectrack.sequences.opening import Options
from spectrack.sources.base import Captured
from spectrack.sources.given import GivenSource
from spectrack.sources.opening import SourceOptions, open_source
from tests.fixtures.refusals import refuses

CUBES = [np.random.default_rng(index).integers(0, 1000, (6, 8, 16), np.uint16) for index in range(3)]


def given(source):
    return [captured.frame.whole() for captured in source.frames()]


def test_a_generator_and_a_function_give_the_same():
    function = iter([*CUBES, None]).__next__
    for place in ((cube for cube in CUBES), function, CUBES, np.stack(CUBES)):
        source = open_source(place)
        assert (source.height, source.width, source.bands) == (6, 8, 16)
        np.testing.assert_array_equal(given(source), CUBES)


def test_mosaics_are_cut_into_the_sensors_bands():
    mosaics = [cube_to_mosaic(cube, 4) for cube in CUBES]
    source = open_source(iter(mosaics), SourceOptions(Options(sensor="vis16")))
    assert (source.block, source.sensor, source.wavelengths_nm) == (4, "vis16", None)
    np.testing.assert_array_equal(given(source), CUBES)


def test_an_own_sensor_brings_its_band_centres():
    centres = tuple(float(value) for value in range(400, 560, 10))
    camera = spectrack.Sensor("mine", bands=16, block=4, centres_nm=centres, fwhm_nm=(10.0,) * 16)
    assert GivenSource([cube_to_mosaic(CUBES[0], 4)], sensor=camera).wavelengths_nm == centres


def test_a_buffer_may_be_filled_again():
    buffer = np.empty((6, 8, 16), np.uint16)

    def camera():
        for cube in CUBES:
            buffer[:] = cube
            yield buffer

    np.testing.assert_array_equal([captured.frame.whole() for captured in list(GivenSource(camera()).frames())], CUBES)


def test_frames_and_own_times_are_kept():
    source = GivenSource([Captured(7, ArrayFrame(CUBES[0]), time=12.5, clock=3.0, name="a"), ArrayFrame(CUBES[1])])
    first, second = source.frames()
    assert (first.index, first.time, first.clock, first.name) == (0, 12.5, 3.0, "a")
    assert second.index == 1
    assert second.time > 1e9


def test_axes_in_another_order():
    source = open_source([CUBES[0].transpose(2, 0, 1)], SourceOptions(Options(axes="bhw")))
    np.testing.assert_array_equal(given(source)[0], CUBES[0])


@pytest.mark.parametrize(
    ("frames", "kind", "fact"),
    [
        ([], SequenceError, "found none"),
        ([np.zeros((2, 6, 8, 16))], CubeError, "(2, 6, 8, 16)"),
        ([np.zeros((6, 8, 16), complex)], SequenceError, "complex128"),
        ([np.zeros((8, 8))], SequenceError, "found none"),  # a mosaic of no known camera
    ],
)
def test_what_is_no_frame_is_refused(frames, kind, fact):
    with refuses(kind, fact):
        GivenSource(frames)


def test_bands_must_be_the_sensors_and_frames_of_one_size():
    with refuses(SequenceError, "25 bands", "found 16"):
        GivenSource(CUBES, sensor="nir25")
    with refuses(SequenceError, "8 x 6 pixels", "found 8 x 5"):
        list(GivenSource([CUBES[0], CUBES[0][:5]]).frames())


@pytest.mark.parametrize("place", ["nowhere/at/all", "file:///nowhere"])
def test_nothing_there_is_told(place):
    with refuses(SequenceNotFoundError, "found nothing at"):
        open_source(place)


def test_a_file_that_is_no_video_is_refused(tmp_path):
    file = tmp_path / "cubes.npy"
    np.save(file, CUBES[0])
    with refuses(ConfigError, "cubes.npy"):
        open_source(file)
