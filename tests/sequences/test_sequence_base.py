"""The sequence base class: truth, false colour, indexing."""

import pickle

import numpy as np
import pytest

from spectrack.errors import BoxError, CubeError, SequenceError
from spectrack.sequences import Frame, MemorySequence
from tests.fixtures.refusals import refuses


@pytest.fixture
def sequence():
    cubes = np.random.default_rng(0).integers(0, 1000, (3, 6, 8, 16)).astype(np.uint16)
    return MemorySequence(cubes, name="clip", truth=[[1, 1, 3, 3]] * 3)


def test_indexing_iterating_and_reading_agree(sequence):
    assert [cube.shape for cube in sequence] == [(6, 8, 16)] * 3
    np.testing.assert_array_equal(sequence[-1], sequence[2])
    np.testing.assert_array_equal(sequence.read(1), sequence[1])
    np.testing.assert_array_equal(sequence.read(1, (2, 1, 7, 5)), sequence[1][1:5, 2:7])
    assert repr(sequence) == "<MemorySequence 'clip': 3 frames of 8 x 6 x 16>"
    assert repr(sequence.frame(0)) == "ArrayFrame(height=6, width=8, bands=16)"


@pytest.mark.parametrize("index", [3, -4])
def test_a_frame_beyond_the_end_is_an_index_error(sequence, index):
    with pytest.raises(IndexError, match=f"'clip'.*{index}"):
        sequence.frame(index)


def test_truth_is_cut_to_the_frames_and_too_short_truth_is_refused_when_asked_for(sequence):
    sequence.truth = np.arange(20).reshape(5, 4) + 1
    assert sequence.truth.shape == (3, 4)
    sequence.truth = np.array([[1, 1, 2, 2], [3, 3, 2, 2]])
    with refuses(SequenceError, "3 frames", "'clip'", "2 rows"):
        _ = sequence.truth
    assert sequence.first_box.tolist() == [1, 1, 2, 2]
    sequence.truth = None
    assert sequence.truth is None
    assert sequence.first_box is None


def test_a_first_box_without_area_is_refused(sequence):
    sequence.truth = np.zeros((3, 4))
    with refuses(BoxError, "(0, 0, 0, 0)"):
        _ = sequence.first_box


def test_false_colour_uses_one_white_level_for_the_sequence():
    flat = np.full((6, 8, 16), 100, np.uint16)
    sequence = MemorySequence([flat, flat // 2])
    first, second = sequence.false_colour(0), sequence.false_colour(1)
    assert first.dtype == np.uint8
    assert first.shape == (6, 8, 3)
    assert (first == 255).all()
    # Half the light, display gamma 1/2.2: 255 * 0.5 ** (1 / 2.2) = 186.1
    assert (second == 186).all()


def test_false_colour_takes_a_rule_and_keeps_pca_fixed_to_the_first_frame(sequence):
    red = sequence.false_colour(0, "triple(3,1,0)")
    order = np.argsort(sequence[0][:, :, 3].ravel(), kind="stable")
    assert (np.diff(red[:, :, 0].ravel()[order].astype(int)) >= 0).all()
    # The third frame looks the same after the second as it does at once.
    sequence.false_colour(1, "pca3")
    kept, alone = sequence.false_colour(2, "pca3"), MemorySequence([sequence[0], sequence[2]]).false_colour(1, "pca3")
    np.testing.assert_array_equal(kept, alone)


def test_rgb_frames_are_shown_as_they_are():
    cubes = np.random.default_rng(0).integers(0, 256, (2, 6, 8, 3)).astype(np.uint8)
    sequence = MemorySequence(cubes)
    sequence.is_rgb = True
    np.testing.assert_array_equal(sequence.false_colour(1), cubes[1])


def test_metadata_is_empty_until_set(sequence):
    assert sequence.metadata == {}
    sequence.metadata = {"seed": 1}
    assert sequence.metadata == {"seed": 1}


def test_memory_sequences_refuse_what_is_no_video():
    with refuses(SequenceError, "cube", "none"):
        MemorySequence([])
    with refuses(SequenceError, "frame 0", "(6, 8, 4) of float64", "(6, 9, 4) of float64", "frame 1"):
        MemorySequence([np.zeros((6, 8, 4)), np.zeros((6, 9, 4))])
    spoiled = np.zeros((2, 2, 3))
    spoiled[0, 1, 2] = np.nan
    with refuses(CubeError, "frame 1", "1 NaN"):
        MemorySequence([np.zeros((2, 2, 3)), spoiled])


def test_sequences_travel_to_other_processes(sequence):
    copy = pickle.loads(pickle.dumps(sequence))
    np.testing.assert_array_equal(copy[2], sequence[2])


def test_a_pictured_frame_carries_the_data_sets_own_image():
    cubes = np.random.default_rng(0).integers(0, 900, (3, 6, 8, 5)).astype(np.uint16)
    sequence = MemorySequence(cubes)
    assert not hasattr(sequence.pictured_frame(1), "picture")
    images = [np.full((6, 8, 3), shade, np.uint8) for shade in (10, 20, 30)]
    sequence._pictures = images.__getitem__
    frame = sequence.pictured_frame(-1)
    assert isinstance(frame, Frame)
    assert frame.shape == (6, 8, 5)
    np.testing.assert_array_equal(frame.picture(), images[2])
    np.testing.assert_array_equal(frame.window(1, 2, 4, 6), cubes[2, 2:6, 1:4])
    np.testing.assert_array_equal(frame.whole(), np.asarray(frame))
    with pytest.raises(IndexError):
        sequence.pictured_frame(3)
