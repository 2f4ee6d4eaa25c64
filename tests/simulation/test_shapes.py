"""Masks against matplotlib's point-in-polygon test and areas against the shoelace formula."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.path import Path

from spectrack.simulation.outlines import random_outline
from spectrack.simulation.shapes import (
    bounds,
    coverage,
    densified,
    ellipse,
    fill,
    fill_union,
    intersection,
    outline_box,
)


def reference_fill(outline, window):
    x, y = np.meshgrid(np.arange(window[0], window[2]) + 0.5, np.arange(window[1], window[3]) + 0.5)
    return Path(outline).contains_points(np.stack([x.ravel(), y.ravel()], axis=1)).reshape(x.shape)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.5, 30.0), st.floats(-20, 50), st.floats(-20, 50))
def test_fill_holds_the_pixels_whose_centres_are_inside(seed, scale, x, y):
    outline = random_outline(np.random.default_rng(seed)) * scale + (x, y)
    window = (-10, -8, 45, 40)
    np.testing.assert_array_equal(fill(outline, window), reference_fill(outline, window))


def test_a_square_between_pixel_centres():
    square = np.array([(1.4, 0.6), (3.6, 0.6), (3.6, 2.4), (1.4, 2.4)])
    # Centres at 1.5, 2.5, 3.5 in x; only 1.5 in y, as 0.5 and 2.5 lie outside.
    assert fill(square, (0, 0, 5, 4)).astype(int).tolist() == [
        [0, 0, 0, 0, 0],
        [0, 1, 1, 1, 0],
        [0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0],
    ]


def test_windows_off_the_outline_and_empty_ones():
    assert not fill(ellipse() * 5, (100, 100, 110, 104)).any()
    assert fill(ellipse() * 50, (-3, -3, 3, 3)).all()
    assert fill(ellipse(), (4, 4, 4, 9)).shape == (5, 0)


def test_union_is_the_logical_or():
    first, second, window = ellipse() * 6, ellipse() * 6 + (5, 3), (-8, -8, 14, 12)
    np.testing.assert_array_equal(
        fill_union([first, second], window), reference_fill(first, window) | reference_fill(second, window)
    )


def test_coverage_sums_to_the_area():
    outline = random_outline(np.random.default_rng(3)) * 20 + (25.3, 24.8)
    x, y = outline.T
    area = 0.5 * abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))
    assert coverage(outline, bounds([outline])).sum() == pytest.approx(area, rel=0.01)


def test_bounds_intersections_and_boxes():
    outline = np.array([(1.2, 2.0), (4.9, 2.5), (3.0, 7.1)])
    assert bounds([outline]) == (1, 2, 5, 8)
    assert bounds([outline], 2) == (-1, 0, 7, 10)
    assert intersection((0, 0, 4, 4), (2, -3, 9, 3)) == (2, 0, 4, 3)
    assert intersection((0, 0, 4, 4), (4, 0, 9, 3)) is None
    np.testing.assert_allclose(outline_box([outline]), (1.2, 2.0, 3.7, 5.1))


def test_densified_outlines_are_the_same_shape():
    square = np.array([(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)])
    dense = densified(square, 0.1)
    assert len(dense) == 80
    assert np.abs(dense).max(axis=1) == pytest.approx(np.ones(80))
