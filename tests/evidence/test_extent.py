"""Where drawn things end, how they stand out, and what it takes to count as one of their cells."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectrack.evidence.extent import best_doubt, box_contrast, contrast_map, measure

CELLS = 64


def drawn(box, size=CELLS, high=5.0, low=-5.0):
    """A map that is high in a box with fractional edges, each cell by the area it shares with the box."""
    x, y, w, h = box
    across = np.clip(np.minimum(np.arange(size) + 1, x + w) - np.maximum(np.arange(size), x), 0, 1)
    down = np.clip(np.minimum(np.arange(size) + 1, y + h) - np.maximum(np.arange(size), y), 0, 1)
    return (low + (high - low) * np.outer(down, across)).astype(np.float32)


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


@given(st.floats(20, 44), st.floats(20, 44), st.integers(6, 16), st.integers(6, 16))
def test_contrast_is_highest_over_the_box(x, y, w, h):
    response = contrast_map(drawn((x - w / 2, y - h / 2, w, h)), np.array([w, h], dtype=float))
    row, column = np.unravel_index(int(np.argmax(response)), response.shape)
    assert (column, row) == pytest.approx((x, y), abs=1.6)
    assert response.max() <= 1


def test_doubt_is_where_most_true_less_false_positives_are_kept():
    ratio = np.full((CELLS, CELLS), -2.0, np.float32)
    inside = np.zeros(ratio.shape, dtype=bool)
    inside[20:30, 20:30] = True
    ratio[inside], ratio[40:50] = 3.2, 1.2
    doubt, told = best_doubt(ratio, inside, ~inside)
    assert 1.2 <= doubt < 3.2
    assert told == 1.0
    assert best_doubt(ratio, np.zeros_like(inside), ~inside) == (0.0, 0.0)


@given(st.floats(-8, 70), st.floats(-8, 70), st.floats(1, 40), st.floats(1, 40), st.integers(0, 99))
def test_contrast_of_boxes_is_that_of_finely_drawn_cells(x, y, w, h, seed):
    """Each cell drawn as 8 x 8 points; nothing lies beyond the map."""
    chance, fine = np.random.default_rng(seed).random((CELLS, CELLS)).astype(np.float32), 8
    points = (np.arange(CELLS * fine) + 0.5) / fine
    values = np.kron(chance, np.ones((fine, fine)))

    def total(scale):
        across, down = (np.abs(points - low - side / 2) < scale * side / 2 for low, side in ((x, w), (y, h)))
        return values[down][:, across].sum() / fine**2

    expected = (2 * total(1.0) - total(np.sqrt(2.0))) / (w * h)
    # A row of points more or less on each side.
    assert box_contrast(chance, (x, y, w, h)) == pytest.approx(expected, abs=(2 / w + 2 / h) / fine + 0.01)


def test_contrast_of_a_box_is_one_on_the_target_alone_and_least_on_a_hole():
    box = np.array([20.0, 24, 10, 8])
    chance = drawn(box, high=1.0, low=0.0)
    assert box_contrast(chance, box) == pytest.approx(1)
    assert box_contrast(1 - chance, box) == pytest.approx(-1)
    assert box_contrast(chance, np.stack([box, box + 30])).shape == (2,)
