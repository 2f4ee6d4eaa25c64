"""Mosaics and cubes: order of the bands, round trips, and what is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectrack.cube import (
    check_cube,
    check_finite,
    check_no_data,
    cube_to_mosaic,
    mosaic_to_cube,
    without_no_data,
)
from spectrack.errors import CubeError
from tests.fixtures.refusals import refuses


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
    ("shape", "facts"),
    [
        ((8, 10), ("block 4", "10 x 8", "--sensor")),
        ((0, 8), ("block 4", "8 x 0", "--sensor")),
        ((8, 8, 3), "(8, 8, 3)"),
    ],
)
def test_what_is_no_mosaic_is_refused(shape, facts):
    with refuses(CubeError, facts):
        mosaic_to_cube(np.zeros(shape), 4)


def test_too_many_bands_for_the_block():
    with refuses(CubeError, "16 bands", "4 x 4", "found 17"):
        cube_to_mosaic(np.zeros((2, 2, 17)), 4)


@pytest.mark.parametrize(
    ("cube", "facts"),
    [
        (np.zeros((4, 4)), ("frame 7", "(4, 4)")),
        (np.zeros((4, 4, 3), complex), ("frame 7", "complex128")),
        (np.zeros((4, 4, 3), bool), ("frame 7", "bool")),
        (np.zeros((4, 0, 3)), ("frame 7", "(4, 0, 3)")),
        (
            np.zeros((16, 4, 2)),
            ("frame 7", "3 bands", "found 2", "(16, 4, 2)"),
        ),
        (np.array([[[1.0, np.nan, np.inf]]]), ("frame 7", "2 NaN")),
    ],
)
def test_check_cube_refuses(cube, facts):
    with refuses(CubeError, facts):
        check_cube(cube, name="frame 7")


def test_good_cubes_pass():
    for dtype in (np.uint8, np.uint16, np.int32, np.float32, np.float64):
        check_cube(np.zeros((2, 3, 3), dtype))
    check_finite(np.array([1, 2], np.uint16))


def field(kind=np.float32, low=0, high=1000):
    """(20, 30, 4) even steps from `low` to `high`."""
    return np.linspace(low, high, 2400).reshape(20, 30, 4).astype(kind)


@pytest.mark.parametrize(
    ("kind", "high", "filling"),
    [
        (np.float32, 1, -9999),
        (np.float32, 1, -1),
        (np.float64, 10000, -3.4028234663852886e38),
        (np.int16, 10000, -9999),
        (np.int16, 4095, -32768),
        (np.int32, 1000, -999),
    ],
)
def test_an_undeclared_filling_is_refused(kind, high, filling):
    cube = field(kind, high=high)
    check_no_data(cube)
    cube[:, :5] = filling
    with refuses(CubeError, "frame 0", f"{filling:g}", "400 values", f"{high:g}", "--no-data"):
        check_no_data(cube, name="frame 0")


def test_counts_that_only_look_odd_pass():
    check_no_data(field(np.uint16, high=65535))
    check_no_data(field(np.float32, low=-20))  # noise below the dark level
    check_no_data(np.full((4, 4, 3), -5.0))
    lonely = field()
    lonely[3, 3, 0] = -9999  # one dead value is no filling
    check_no_data(lonely)
    check_no_data(np.full((4, 4, 3), np.nan))


@pytest.mark.parametrize("no_data", [-9999, np.nan])
def test_values_without_data_are_dark(no_data):
    cube = field()
    cube[2, 3], cube[5, 6, 1] = no_data, no_data
    clean, expected = without_no_data(cube, no_data), field()
    expected[2, 3], expected[5, 6, 1] = 0, 0
    np.testing.assert_array_equal(clean, expected)
    assert clean.dtype == cube.dtype


@pytest.mark.parametrize(
    ("kind", "no_data"), [(np.uint16, -9999), (np.uint8, 300), (np.int16, 0.5), (np.int16, np.nan)]
)
def test_what_cannot_stand_there_changes_nothing(kind, no_data):
    cube = field(kind, high=200)
    assert without_no_data(cube, no_data) is cube
    assert without_no_data(cube, 0) is cube
