"""Grey video of more than 8 bits, as scientific cameras record mosaics; and options that a source cannot follow."""

import pickle

import av
import numpy as np
import pytest

from spectrack.errors import ConfigError, SequenceError
from spectrack.sequences import open_sequence
from tests.fixtures.refusals import refuses


def write_grey(path, mosaics, kind):
    """FFV1, lossless; the planes are filled by hand, because PyAV scales what it converts."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.height, stream.width = mosaics[0].shape
        stream.pix_fmt = kind
        for number, mosaic in enumerate(mosaics):
            frame = av.VideoFrame(mosaic.shape[1], mosaic.shape[0], kind)
            frame.pts = number
            plane = frame.planes[0]
            rows = np.zeros((plane.height, plane.line_size // 2), "<u2")
            rows[:, : plane.width] = mosaic
            plane.update(rows.tobytes())
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def write_colour(path):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for shade in (10, 200):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.full((48, 64, 3), shade, np.uint8))))
        container.mux(stream.encode())
    return path


@pytest.fixture
def mosaics(make):
    """Three mosaics of 96 x 128 counts below 1024, and their cubes."""
    cubes = make.cubes(frames=3)
    return [make.interleave(cube, 4) for cube in cubes], cubes


@pytest.mark.parametrize("suffix", ["mkv", "avi"])
@pytest.mark.parametrize("kind", ["gray16le", "gray12le", "gray10le"])
def test_mosaics_in_a_video(tmp_path, mosaics, suffix, kind):
    images, cubes = mosaics
    path = write_grey(tmp_path / f"car.{suffix}", images, kind)
    sequence = open_sequence(path, sensor="vis16")
    assert (len(sequence), sequence.height, sequence.width, sequence.bands) == (3, 24, 32, 16)
    assert (sequence.sensor, sequence.is_rgb, sequence.block) == ("vis16", False, 4)
    for i in (2, 0, 1):
        np.testing.assert_array_equal(sequence[i], cubes[i])
    np.testing.assert_array_equal(sequence.read(1, (4, 3, 9, 23)), cubes[1][3:23, 4:9])
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(sequence))[2], cubes[2])


def test_the_camera_may_be_told_by_folders_and_side_files(tmp_path, mosaics, make):
    images, cubes = mosaics
    told = write_grey(tmp_path / "HSI-VIS" / "car" / "video.mkv", images, "gray16le")
    np.testing.assert_array_equal(open_sequence(told)[0], cubes[0])
    side = write_grey(tmp_path / "noted" / "video.mkv", images, "gray16le")
    make.text(side.with_name("sequence.json"), '{"block": 4}')
    np.testing.assert_array_equal(open_sequence(side)[0], cubes[0])


def test_grey_video_of_an_unknown_camera_is_refused(tmp_path, mosaics):
    path = write_grey(tmp_path / "car.mkv", mosaics[0], "gray12le")
    with refuses(SequenceError, path, "--sensor"):
        open_sequence(path)
    with refuses(SequenceError, path, "block 5", "128 x 96"):
        open_sequence(path, sensor="nir25")


@pytest.mark.parametrize("option", [{"sensor": "vis16"}, {"axes": "thwb"}, {"variable": "cube"}])
def test_options_that_a_colour_video_cannot_follow_are_refused(tmp_path, option):
    path = write_colour(tmp_path / "street.mp4")
    assert open_sequence(path).bands == 3
    with refuses(ConfigError, path, f"--{next(iter(option))}"):
        open_sequence(path, **option)


def test_options_that_other_formats_cannot_follow_are_refused(tmp_path, hsi, cubes):
    np.save(tmp_path / "cubes.npy", cubes)
    for place, options in (
        (hsi, {"axes": "thwb"}),
        (hsi, {"variable": "cube"}),
        (tmp_path / "cubes.npy", {"variable": "cube"}),
        (hsi, {"format": "images", "sensor": "vis16"}),
    ):
        with refuses(ConfigError, place):
            open_sequence(place, **options)
