"""Frames and the sequence base class: windows, truth, false colour, indexing."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectrack.errors import BoxError, CubeError, InputError, SequenceError
from spectrack.sequences import ArrayFrame, Frame, MemorySequence, MosaicFrame
from tests.fixtures.refusals import refuses


def mosaic_of(cube, block):
    height, width, bands = cube.shape
    full = np.zeros((height, width, block * block), cube.dtype)
    full[:, :, :bands] = cube
    return full.reshape(height, width, block, block).transpose(0, 2, 1, 3).reshape(height * block, width * block)


@given(st.sampled_from([4, 5]), st.integers(1, 9), st.integers(1, 9), st.data())
def test_any_window_of_a_mosaic_equals_that_part_of_the_cube(block, height, width, data):
    bands = data.draw(st.sampled_from([block * block, block * block - 1]))
    cube = np.random.default_rng(height * 10 + width).integers(0, 1024, (height, width, bands)).astype(np.uint16)
    x0, y0 = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    x1, y1 = data.draw(st.integers(x0 + 1, width)), data.draw(st.integers(y0 + 1, height))
    frame = MosaicFrame(mosaic_of(cube, block), block, bands)
    assert frame.shape == cube.shape
    np.testing.assert_array_equal(frame.window(x0, y0, x1, y1), cube[y0:y1, x0:x1])
    np.testing.assert_array_equal(frame.whole(), cube)


def test_an_array_frame_shares_memory_and_its_windows_do_not():
    cube = np.arange(4 * 5 * 6, dtype=np.uint16).reshape(4, 5, 6)
    frame = ArrayFrame(cube)
    assert isinstance(frame, Frame)
    assert np.shares_memory(frame.whole(), cube)
    assert np.shares_memory(np.asarray(frame), cube)
    assert not np.shares_memory(frame.window(0, 0, 5, 4), cube)
    assert not np.shares_memory(np.array(frame, copy=True), cube)
    assert np.asarray(frame, dtype=np.float32).dtype == np.float32


def test_foreign_byte_order_becomes_native():
    cube = np.arange(24, dtype=">u2").reshape(2, 3, 4)
    frame = ArrayFrame(cube)
    assert frame.window(0, 0, 3, 2).dtype == np.dtype("=u2")
    assert frame.whole().dtype.isnative
    np.testing.assert_array_equal(frame.whole(), cube)


@pytest.mark.parametrize(
    "window", [(-1, 0, 2, 2), (0, -1, 2, 2), (0, 0, 6, 2), (0, 0, 2, 5), (2, 0, 2, 2), (3, 0, 2, 2)]
)
@pytest.mark.parametrize("kind", ["array", "mosaic"])
def test_a_window_outside_the_frame_is_refused(window, kind):
    cube = np.zeros((4, 5, 16), np.uint16)
    frame = ArrayFrame(cube) if kind == "array" else MosaicFrame(mosaic_of(cube, 4), 4)
    with refuses(InputError, "5 x 4", str(window)):
        frame.window(*window)


def test_frames_refuse_other_shapes():
    with refuses(CubeError, "(4, 5)"):
        ArrayFrame(np.zeros((4, 5)))
    with refuses(CubeError, "block 4", "10 x 8", "--sensor"):
        MosaicFrame(np.zeros((8, 10)), 4)
    with refuses(CubeError, "(8, 8, 3)"):
        MosaicFrame(np.zeros((8, 8, 3)), 4)


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
