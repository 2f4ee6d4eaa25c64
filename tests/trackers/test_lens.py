"""Looks at a frame: places, and what light and the order of bands do not change."""

import cv2
import numpy as np
import pytest

from spectrack.sequences.frames import ArrayFrame
from spectrack.trackers.crop import CropWindow
from spectrack.trackers.lens import Lens, QuickLens

CELLS = 64


def view_of(cube, window, cells=CELLS, wavelengths=None):
    return Lens(cube, wavelengths, cells).look(ArrayFrame(cube), window)


@pytest.mark.parametrize(("bands", "dimensions"), [(1, 1), (2, 3), (3, 4), (16, 17), (25, 26), (100, 26)])
def test_values_of_any_number_of_bands(bands, dimensions):
    cube = np.random.default_rng(0).uniform(1, 900, (40, 50, bands))
    view = view_of(cube, CropWindow(-5, 3, 30))
    assert view.values.shape == (CELLS * CELLS, dimensions)
    assert view.values.dtype == np.float32
    assert np.isfinite(view.values).all()
    if bands > 1:
        np.testing.assert_allclose(view.values[:, :-1].sum(axis=1), 0, atol=1e-3)


def test_a_brighter_light_moves_the_brightness_alone():
    cube = np.random.default_rng(1).uniform(300, 900, (32, 32, 16))
    lens = Lens(cube, None, 32)
    window = CropWindow(0, 0, 32)
    bright, dim = lens.look(ArrayFrame(cube), window), lens.look(ArrayFrame(cube * 0.5), window)
    np.testing.assert_allclose(dim.values[:, :-1], bright.values[:, :-1], atol=0.03)
    np.testing.assert_allclose(dim.brightness - bright.brightness, np.log(0.5), atol=0.03)


def test_cells_outside_the_frame_are_known():
    view = view_of(np.full((40, 50, 3), 7.0), CropWindow(-10, -20, 60), cells=60)
    expected = np.zeros((60, 60), dtype=bool)
    expected[20:60, 10:60] = True
    np.testing.assert_array_equal(view.seen, expected)


def test_many_bands_are_grouped_by_wavelength():
    cube = np.random.default_rng(2).uniform(1, 9, (32, 32, 50))
    wavelengths = np.linspace(400, 900, 50)
    order = np.random.default_rng(3).permutation(50)
    straight = view_of(cube, CropWindow(0, 0, 32), wavelengths=wavelengths)
    mixed = view_of(cube[:, :, order], CropWindow(0, 0, 32), wavelengths=wavelengths[order])
    np.testing.assert_allclose(mixed.values, straight.values, atol=1e-4)


def quick_values(cube, window, cells=CELLS):
    return QuickLens(cube, None, cells).look(ArrayFrame(cube), window).values


@pytest.mark.parametrize("bands", [3, 16, 200])
@pytest.mark.parametrize("side", [5, 40, 56])
def test_the_quick_look_is_the_other_one_where_nothing_is_averaged(bands, side):
    cube = np.random.default_rng(4).uniform(100, 900, (60, 80, bands)).astype(np.float32)
    window = CropWindow(7, 3, side)
    np.testing.assert_allclose(quick_values(cube, window), view_of(cube, window).values, atol=1e-4)


def test_the_quick_look_interpolates_between_pixels():
    """Against OpenCV on the window, edges repeated beyond the frame."""
    cube = np.random.default_rng(5).integers(100, 900, (90, 120, 4)).astype(np.uint16)
    window = CropWindow(-10, 20, 100)
    padded = np.pad(cube, ((10, 30), (10, 10), (0, 0)), mode="edge")[30:130, :100].astype(np.float32)
    resized = cv2.resize(padded, (CELLS, CELLS), interpolation=cv2.INTER_LINEAR)
    found = QuickLens(cube, None, CELLS)
    seen = found.look(ArrayFrame(cube), window)
    expected = found.look(ArrayFrame(resized), CropWindow(0, 0, CELLS))
    # The same lens would call the small picture's border its own frame's.
    inside = seen.seen & (np.arange(CELLS) > 6)
    np.testing.assert_allclose(
        seen.values.reshape(CELLS, CELLS, -1)[inside], expected.values.reshape(CELLS, CELLS, -1)[inside], atol=1e-3
    )


def test_the_quick_look_beyond_the_frame_sees_the_mean_colour():
    cube = np.random.default_rng(6).uniform(100, 900, (40, 50, 3))
    for window in (CropWindow(60, 0, 30), CropWindow(-90, -90, 30)):
        view = QuickLens(cube, None, CELLS).look(ArrayFrame(cube), window)
        assert not view.seen.any()
        assert np.ptp(view.values, axis=0).max() == 0
