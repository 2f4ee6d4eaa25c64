"""Mosaics and cubes: order of the bands, round trips, and what is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectrack.cube import check_cube, check_finite, cube_to_mosaic, mosaic_to_cube
from spectrack.errors import CubeError


def gather(mosaic, block):
    """X2Cube as published, by indices: another way than the package's strided slices."""
    height, width = mosaic.shape[0] // block, mosaic.shape[1] // block
    cube = np.empty((height, width, block * block), mosaic.dtype)
    for band in range(block * block):
        rows = np.arange(height) * block + band // block
        columns = np.arange(width) * block + band % block
        cube[:, :, band] = mosaic[np.ix_(rows, columns)]
    return cube


def test_band_order_is_row_major_inside_the_block():
    mosaic = np.array([[11, 12, 21, 22], [13, 14, 23, 24]])
    assert mosaic_to_cube(mosaic, 2).tolist() == [[[11, 12, 13, 14], [21, 22, 23, 24]]]


@pytest.mark.parametrize("block", [4, 5])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_it_equals_the_published_gathering(block, dtype):
    mosaic = np.random.default_rng(block).integers(0, 255, (3 * block, 7 * block)).astype(dtype)
    cube = mosaic_to_cube(mosaic, block)
    assert cube.dtype == dtype
    assert cube.flags.c_contiguous
    np.testing.assert_array_equal(cube, gather(mosaic, block))


@given(st.integers(1, 6), st.integers(1, 6), st.integers(2, 5), st.data())
def test_mosaic_and_cube_are_inverse(height, width, block, data):
    bands = data.draw(st.integers(1, block * block))
    cube = np.random.default_rng(0).integers(0, 1024, (height, width, bands)).astype(np.uint16)
    mosaic = cube_to_mosaic(cube, block)
    np.testing.assert_array_equal(mosaic_to_cube(mosaic, block, bands=bands), cube)
    assert not mosaic_to_cube(mosaic, block)[:, :, bands:].any()  # bands that are missing are zeros, as in RedNIR files
    np.testing.assert_array_equal(cube_to_mosaic(mosaic_to_cube(mosaic, block), block), mosaic)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((8, 10), r"expected mosaic sides divisible by the block 4, found 10 x 8; name the sensor"),
        ((0, 8), r"divisible by the block 4, found 8 x 0"),
        ((8, 8, 3), r"expected a single-channel mosaic, found an array of shape \(8, 8, 3\)"),
    ],
)
def test_what_is_no_mosaic_is_refused(shape, message):
    with pytest.raises(CubeError, match=message):
        mosaic_to_cube(np.zeros(shape), 4)


def test_too_many_bands_for_the_block():
    with pytest.raises(CubeError, match=r"expected at most 16 bands for a 4 x 4 mosaic, found 17; use another block"):
        cube_to_mosaic(np.zeros((2, 2, 17)), 4)


@pytest.mark.parametrize(
    ("cube", "message"),
    [
        (np.zeros((4, 4)), r"expected frame 7 of shape \(height, width, bands\), found \(4, 4\)"),
        (np.zeros((4, 4, 3), complex), r"expected frame 7 of integers or floats, found type complex128"),
        (np.zeros((4, 4, 3), bool), r"found type bool"),
        (np.zeros((4, 0, 3)), r"expected frame 7 with pixels in it, found shape \(4, 0, 3\)"),
        (
            np.zeros((16, 4, 2)),
            r"expected frame 7 with at least 3 bands on its last axis, found 2 \(shape \(16, 4, 2\)\); "
            r"check the axis order",
        ),
        (np.array([[[1.0, np.nan, np.inf]]]), r"expected finite values in frame 7, found 2 NaN or infinite"),
    ],
)
def test_check_cube_refuses(cube, message):
    with pytest.raises(CubeError, match=message):
        check_cube(cube, name="frame 7")


def test_good_cubes_pass():
    for dtype in (np.uint8, np.uint16, np.int32, np.float32, np.float64):
        check_cube(np.zeros((2, 3, 3), dtype))
    check_finite(np.array([1, 2], np.uint16))
