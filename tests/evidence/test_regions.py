"""Boxes on a grid of cells."""

import numpy as np
import pytest

from spectrack.evidence.regions import box_around, centre_prior, distance_to, inside_and_outside, ramp


def test_distance_to_a_box_is_one_on_its_edges():
    distance = distance_to(np.array([10.0, 20, 8, 4]), 40)
    assert distance[21, 13] < 1
    assert distance[21, 10] == pytest.approx(3.5 / 4)
    assert distance[24, 13] == pytest.approx(2.5 / 2)
    np.testing.assert_array_equal(box_around(np.array([14.0, 22]), np.array([8.0, 4])), (10, 20, 8, 4))
    np.testing.assert_array_equal(distance_to(np.array([10.0, 20, 8, 4]), (30, 25)), distance[:30, :25])


def test_both_sides_of_a_box_leave_its_rim_out():
    seen = np.ones((20, 30), dtype=bool)
    seen[:, :3] = False
    inside, outside = inside_and_outside(np.array([10.0, 5, 12, 12]), seen)
    assert inside.sum() == 144
    assert not (outside & inside).any()
    assert not outside[:, :3].any()
    assert not outside[6, 9]
    assert outside[6, 8]


def test_a_box_smaller_than_a_cell_has_four_cells_and_one_as_large_as_the_frame_has_surroundings():
    seen = np.ones((20, 20), dtype=bool)
    inside, outside = inside_and_outside(np.array([7.6, 7.6, 0.2, 0.2]), seen)
    assert inside.sum() >= 4
    assert outside.sum() > 300
    inside, outside = inside_and_outside(np.array([0.0, 0, 20, 20]), seen)
    assert inside.all()
    np.testing.assert_array_equal(outside, ~inside)


def test_targets_fill_the_middle_of_their_boxes():
    prior = centre_prior(np.array([10.0, 10, 9, 9]), 30)
    assert prior[14, 14] == prior.max() == pytest.approx(0.9)
    assert prior[10, 10] == pytest.approx(0.1)


def test_ramp_by_hand():
    assert [ramp(value, 2.0, 4.0) for value in (1.0, 3.0, 9.0)] == [0.0, 0.5, 1.0]
