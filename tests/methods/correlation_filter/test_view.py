"""Views and the channels of the filter: places, and what light, contrast and the order of bands do not change."""

import numpy as np
import pytest

from spectrack.methods.correlation_filter.view import (
    ORIENTATIONS,
    Lens,
    Projection,
    box_around,
    distance_to,
    feature_channels,
    oriented_gradients,
)
from spectrack.sequences.base import ArrayFrame
from spectrack.trackers.crop import CropWindow

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


@pytest.mark.parametrize("degrees", [0, 30, 60, 90, 120, 150])
def test_edges_answer_in_the_channel_of_their_orientation(degrees):
    y, x = np.mgrid[:CELLS, :CELLS] - CELLS / 2
    angle = np.deg2rad(degrees)
    stripes = np.sin(0.5 * (x * np.cos(angle) + y * np.sin(angle))).astype(np.float32)[None]
    strength = oriented_gradients(stripes)[:, 8:-8, 8:-8].mean(axis=(1, 2))
    assert strength.argmax() == degrees * ORIENTATIONS // 180


def test_gradients_do_not_depend_on_contrast_and_sign():
    picture = np.cumsum(np.random.default_rng(4).normal(size=(1, CELLS, CELLS)), axis=2).astype(np.float32)
    expected = oriented_gradients(picture)
    np.testing.assert_allclose(oriented_gradients(picture * 3), expected, atol=0.01)
    np.testing.assert_allclose(oriented_gradients(-picture), expected, atol=1e-5)
    assert expected.min() >= 0


def test_the_first_direction_tells_metamers_apart():
    rng = np.random.default_rng(5)
    values = rng.normal(0, 0.3, (400, 6)).astype(np.float32)
    inside = np.arange(400) < 100
    values[inside, 4] += 0.4
    along = (values - Projection.fit(values, inside, ~inside).mean) @ Projection.fit(values, inside, ~inside).directions
    assert along[inside, 0].mean() - along[~inside, 0].mean() > 0.9


def test_channels_are_finite_and_without_mean():
    cube = np.random.default_rng(6).uniform(1, 900, (60, 60, 16))
    view = view_of(cube, CropWindow(0, 0, 60))
    inside = (distance_to(np.array([20.0, 20, 16, 16]), CELLS) < 1).ravel()
    channels = feature_channels(
        view, Projection.fit(view.values, inside, ~inside), np.zeros((CELLS, CELLS), np.float32)
    )
    assert channels.shape == (ORIENTATIONS + 4 + 1, CELLS, CELLS)
    assert channels.dtype == np.float32
    np.testing.assert_allclose(channels.mean(axis=(1, 2)), 0, atol=1e-4)


def test_distance_to_a_box_is_one_on_its_edges():
    distance = distance_to(np.array([10.0, 20, 8, 4]), 40)
    assert distance[21, 13] < 1
    assert distance[21, 10] == pytest.approx(3.5 / 4)
    assert distance[24, 13] == pytest.approx(2.5 / 2)
    np.testing.assert_array_equal(box_around(np.array([14.0, 22]), np.array([8.0, 4])), (10, 20, 8, 4))
