"""Some frames of a sequence in a row."""

import numpy as np
import pytest

import spectrack
from spectrack.errors import ConfigError
from spectrack.sequences.excerpt import Excerpt
from spectrack.sequences.memory import MemorySequence
from tests.fixtures.refusals import refuses


def test_frames_truth_and_the_rest_are_the_sources():
    video = spectrack.simulate("calm", "nir25", frames=5, seed=2, height=64, width=96)
    part = Excerpt(video, 3)
    assert (len(part), part.bands, part.height, part.width, part.sensor) == (3, 25, 64, 96, "nir25")
    assert (part.name, part.wavelengths_nm, part.attributes, part.metadata) == (
        video.name,
        video.wavelengths_nm,
        video.attributes,
        video.metadata,
    )
    np.testing.assert_array_equal(part.truth, video.truth[:3])
    np.testing.assert_array_equal(part.visibility, video.visibility[:3])
    np.testing.assert_array_equal(part.first_box, video.first_box)
    np.testing.assert_array_equal(part[-1], video[2])
    np.testing.assert_array_equal(part.false_colour(1), video.false_colour(1))
    with pytest.raises(IndexError):
        part[3]


def test_a_short_source_is_taken_whole():
    source = MemorySequence(np.zeros((2, 8, 8, 3), np.uint16))
    assert len(Excerpt(source, 9)) == 2
    assert Excerpt(source, 9).truth is None
    assert Excerpt(source, 1).first_box is None
    with refuses(ConfigError, "'sequence'", "found 0"):
        Excerpt(source, 0)


def test_a_later_start_moves_everything_along():
    cubes = np.arange(4 * 8 * 8 * 3, dtype=np.uint16).reshape(4, 8, 8, 3)
    source = MemorySequence(cubes, truth=[[index, 1, 2, 2] for index in range(4)])
    source._pictures = lambda i: np.full((8, 8, 3), i, np.uint8)
    part = Excerpt(source, 9, start=1)
    assert len(part) == 3
    np.testing.assert_array_equal(part[0], cubes[1])
    np.testing.assert_array_equal(part[-1], cubes[3])
    np.testing.assert_array_equal(part.truth, source.truth[1:])
    np.testing.assert_array_equal(part.first_box, source.truth[1])
    assert part.false_colour(1)[0, 0, 0] == 2
    assert part.pictured_frame(2).picture()[0, 0, 0] == 3
    assert part.made_of().values != Excerpt(source, 3).made_of().values
    for start in (-1, 4):
        with refuses(ConfigError, "4 frames", f"found {start}"):
            Excerpt(source, 1, start=start)
