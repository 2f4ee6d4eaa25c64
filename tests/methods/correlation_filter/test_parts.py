"""Views, channels, extent, scale and search: places, invariances and truth on drawn things."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectrack.errors import ConfigError
from spectrack.methods.correlation_filter.channels import ORIENTATIONS, Projection, feature_channels, oriented_gradients
from spectrack.methods.correlation_filter.extent import measure
from spectrack.methods.correlation_filter.options import CorrelationOptions
from spectrack.methods.correlation_filter.scale import ScaleAlignment
from spectrack.methods.correlation_filter.search import Levels, Peak, believe, find_peak, ramp, spectral_response
from spectrack.methods.correlation_filter.solver import taper
from spectrack.methods.correlation_filter.translation import TranslationFilter, centred_mask
from spectrack.methods.correlation_filter.views import Lens, box_around, distance_to
from spectrack.sequences.base import ArrayFrame
from spectrack.trackers.crop import CropWindow

CELLS = 64


def drawn(box, size=CELLS, high=5.0, low=-5.0):
    """A map that is high in a box with fractional edges, each cell by the area it shares with the box."""
    x, y, w, h = box
    across = np.clip(np.minimum(np.arange(size) + 1, x + w) - np.maximum(np.arange(size), x), 0, 1)
    down = np.clip(np.minimum(np.arange(size) + 1, y + h) - np.maximum(np.arange(size), y), 0, 1)
    return (low + (high - low) * np.outer(down, across)).astype(np.float32)


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


@given(st.floats(18, 26), st.floats(18, 26), st.floats(8, 20), st.floats(8, 20))
def test_extent_finds_a_drawn_box_between_the_cells(x, y, w, h):
    box = np.array([x, y, w, h])
    found = measure(drawn(box), box)
    # Two hundredths of the mass beyond each edge are cut off; the habit of the first frame puts them back.
    expected = np.array([x + 0.02 * w, y + 0.02 * h, x + 0.98 * w, y + 0.98 * h])
    np.testing.assert_allclose(found.edges, expected, atol=0.6)
    np.testing.assert_allclose(found.box(found.habit_of(box)), box, atol=1e-6)
    assert found.mass == pytest.approx(w * h, rel=0.15)


def test_extent_follows_a_turned_thing_beyond_the_expected_box():
    found = measure(drawn((24, 28, 18, 9)), np.array([28.0, 24, 10, 18]))
    np.testing.assert_allclose(found.sides, (17.3, 8.6), atol=0.8)


def test_pieces_that_do_not_touch_the_core_are_left_out():
    ratio = np.maximum(drawn((26, 26, 12, 12)), drawn((45, 26, 8, 12)))
    np.testing.assert_allclose(measure(ratio, np.array([26.0, 26, 12, 12])).edges, (26.2, 26.2, 37.8, 37.8), atol=0.4)


def test_a_target_that_ran_together_with_something_comes_apart_by_its_mass():
    ratio = np.maximum(drawn((26, 26, 12, 12), high=5.0), drawn((38, 22, 8, 20), high=3.0))
    free, held = (measure(ratio, np.array([26.0, 26, 12, 12]), mass) for mass in (None, 144.0))
    assert free.mass > 1.3 * 144
    assert held.mass < 1.2 * 144
    assert free.edges[2] - held.edges[2] > 0.8


def test_nothing_likely_gives_no_mass_and_finite_edges():
    found = measure(np.full((CELLS, CELLS), -6.0, np.float32), np.array([20.0, 20, 10, 10]))
    assert found.mass == 0
    assert np.isfinite(found.box(np.zeros(4))).all()


@pytest.mark.parametrize("growth", [0.9, 0.94, 1.0, 1.05, 1.1])
def test_alignment_measures_a_zoom(growth):
    def picture(zoom):
        y, x = (np.mgrid[:CELLS, :CELLS] + 0.5 - CELLS / 2) / zoom
        inside = 1 / (1 + np.exp(2 * (np.maximum(np.abs(x) / 10, np.abs(y) / 8) - 1) * 8))
        return np.stack([inside, inside * np.sin(x * 0.6), inside * np.cos(y * 0.7)], axis=2).astype(np.float32)

    sides, middle, scale = np.array([20.0, 16.0]), np.array([CELLS / 2, CELLS / 2]), ScaleAlignment()
    assert scale.growth(picture(1.0), middle, sides) == 1.0
    scale.learn(picture(1.0), middle, sides, 1.0)
    assert scale.growth(picture(growth), middle, sides) == pytest.approx(growth, abs=0.012)
    # A middle that is off by a cell does not pass for growth.
    assert scale.growth(picture(growth), middle + np.array([1.0, -0.7]), sides) == pytest.approx(growth, abs=0.02)


@given(st.floats(20, 44), st.floats(20, 44), st.integers(6, 16), st.integers(6, 16))
def test_spectral_response_is_highest_over_the_box(x, y, w, h):
    response = spectral_response(drawn((x - w / 2, y - h / 2, w, h)), np.array([w, h], dtype=float))
    row, column = np.unravel_index(int(np.argmax(response)), response.shape)
    assert (column, row) == pytest.approx((x, y), abs=1.6)
    assert response.max() <= 1


def test_peak_of_both_responses_and_of_the_filter_alone():
    correlation = np.zeros((CELLS, CELLS), np.float32)
    correlation[30, 33], correlation[36, 40] = 0.4, 0.35
    spectral = np.zeros_like(correlation)
    spectral[36, 40] = 0.6
    alone = find_peak(correlation, spectral, None, 0.5, 0.0)
    together = find_peak(correlation, spectral, Levels(0.4, 0.6), 0.5, 0.0)
    np.testing.assert_allclose(alone.place, (33, 30))
    np.testing.assert_allclose(together.place, (40, 36))
    assert together.spectral == pytest.approx(0.6)


def test_belief_by_hand():
    def peak(correlation, ratio):
        return Peak(np.zeros(2), correlation, 0.5, ratio, np.zeros((2, 2), np.float32))

    usual = Levels(0.5, 0.5)
    assert believe(peak(0.5, 30.0), usual, 1.0, 1.0) == (1.0, 1.0, 1.0)
    assert believe(peak(0.5, 3.0), usual, 0.2, 1.0) == (0.0, 0.0, 0.0)
    # Spectra alone: a tenth. Correlation alone: half where spectra are trusted, all where they are not.
    assert believe(peak(0.5, 3.0), usual, 1.0, 1.0)[2] == pytest.approx(0.1)
    assert believe(peak(0.5, 30.0), usual, 0.2, 1.0)[2] == pytest.approx(0.5)
    assert believe(peak(0.5, 30.0), usual, 0.2, 0.0)[2] == pytest.approx(1.0)
    # Far too many cells are as bad as too few.
    assert believe(peak(0.5, 3.0), usual, 2.5, 1.0)[0] == 0
    assert [ramp(value, 2.0, 4.0) for value in (1.0, 3.0, 9.0)] == [0.0, 0.5, 1.0]


def test_filter_learnt_beside_the_middle_answers_there():
    rng = np.random.default_rng(8)
    channels = np.stack([np.cumsum(rng.normal(size=(CELLS, CELLS)), axis=axis) for axis in (0, 1)]).astype(np.float32)
    channels -= channels.mean(axis=(1, 2), keepdims=True)
    filter = TranslationFilter(CELLS)
    assert (filter.respond(filter.prepare(channels)) == 0).all()
    place = np.array([37.0, 29.0])
    features = filter.prepare(channels)
    filter.learn(features, place, np.ones((CELLS, CELLS), np.float32), 1.0)
    response = filter.respond(features)
    row, column = np.unravel_index(int(np.argmax(response)), response.shape)
    assert (column, row) == (37, 29)


def test_mask_stands_in_the_middle_and_falls_back_to_the_box():
    belief = (drawn((40, 20, 12, 8)) > 0).astype(np.float32)
    sides, place = np.array([12.0, 8.0]), np.array([46.0, 24.0])
    mask = centred_mask(belief, place, sides, trusted=True)
    np.testing.assert_array_equal(np.flatnonzero(mask.any(axis=0)), np.arange(26, 38))
    np.testing.assert_array_equal(np.flatnonzero(mask.any(axis=1)), np.arange(28, 36))
    box = centred_mask(np.zeros_like(belief), place, sides, trusted=True)
    np.testing.assert_array_equal(box, centred_mask(belief, place, sides, trusted=False))
    assert box.sum() >= 12 * 8


def test_distance_to_a_box_is_one_on_its_edges():
    distance = distance_to(np.array([10.0, 20, 8, 4]), 40)
    assert distance[21, 13] < 1
    assert distance[21, 10] == pytest.approx(3.5 / 4)
    assert distance[24, 13] == pytest.approx(2.5 / 2)
    np.testing.assert_array_equal(box_around(np.array([14.0, 22]), np.array([8.0, 4])), (10, 20, 8, 4))


def test_taper_keeps_the_middle():
    assert taper(CELLS)[CELLS // 2, CELLS // 2] > 0.99


@pytest.mark.parametrize(
    ("given_options", "message"),
    [
        ({"paddin": 3}, r"expected an option of tracker cf, found 'paddin'; did you mean 'padding'\?"),
        ({"padding": 1}, "expected padding from 2 to 10, found 1"),
        ({"filter_rate": float("nan")}, "expected filter_rate from 0 to 1, found nan"),
        ({"size_rate": "fast"}, "expected size_rate from 0 to 1, found 'fast'"),
        ({"lost_score": True}, "expected lost_score from 0 to 1, found True"),
        ({"cells": 65}, "expected an even number of cells, found 65; take 66"),
        ({"target_parts": 1.5}, r"expected a whole number for target_parts, found 1\.5"),
    ],
)
def test_wrong_options(given_options, message):
    with pytest.raises(ConfigError, match=message):
        CorrelationOptions.of(given_options)


def test_options_are_taken_over():
    assert CorrelationOptions.of({"cells": 48.0, "padding": 3}) == CorrelationOptions(cells=48, padding=3)
