"""Frames: whole cubes and windows of arrays and mosaics."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectrack.errors import CubeError, InputError
from spectrack.sequences import ArrayFrame, Frame, MosaicFrame
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
