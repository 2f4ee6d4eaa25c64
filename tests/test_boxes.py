"""Boxes: checks, conversions, overlap and distance, against hand-computed values and other formulas."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectrack.boxes import (
    as_box,
    box_of_mask,
    centre_distance,
    centres,
    check_box_in_frame,
    format_box,
    iou,
    keep_in_frame,
    to_corners,
)
from spectrack.errors import BoxError
from tests.fixtures.refusals import refuses

whole_boxes = st.tuples(st.integers(-20, 20), st.integers(-20, 20), st.integers(1, 20), st.integers(1, 20))
real_boxes = st.tuples(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3), st.floats(0.1, 1e3), st.floats(0.1, 1e3))


def counted_iou(a, b):
    """Overlap by counting unit pixels on a grid."""
    grid = np.zeros((2, 80, 80), bool)
    for layer, (x, y, w, h) in zip(grid, (a, b), strict=True):
        layer[y + 30 : y + 30 + h, x + 30 : x + 30 + w] = True
    return (grid[0] & grid[1]).sum() / (grid[0] | grid[1]).sum()


@given(whole_boxes, whole_boxes)
def test_overlap_equals_counted_pixels(a, b):
    assert iou(a, b) == pytest.approx(counted_iou(a, b))


@given(real_boxes, real_boxes, st.floats(-100, 100), st.floats(0.5, 4))
def test_overlap_is_symmetric_bounded_and_free_of_shift_and_scale(a, b, shift, factor):
    value = float(iou(a, b))
    assert 0 <= value <= 1 + 1e-12
    assert value == float(iou(b, a))
    assert float(iou(a, a)) == pytest.approx(1)
    moved = [np.array(box) * factor + [shift, shift, 0, 0] for box in (a, b)]
    assert float(iou(*moved)) == pytest.approx(value, abs=1e-6)


def test_overlap_by_hand_and_of_boxes_without_area():
    assert iou((0, 0, 4, 4), (2, 2, 4, 4)) == pytest.approx(4 / 28)
    assert iou((0, 0, 2, 2), (2, 0, 2, 2)) == 0
    for empty in ((0, 0, 0, 5), (0, 0, 5, -1), (0, 0, 0, 0)):
        assert iou(empty, (0, 0, 5, 5)) == 0
        assert iou(empty, empty) == 0
    assert iou(np.ones((3, 1, 4)), np.ones((5, 4))).tolist() == [[1.0] * 5] * 3


@given(real_boxes)
def test_corners(box):
    np.testing.assert_allclose(to_corners(box)[2:] - box[:2], box[2:], atol=1e-9)
    assert to_corners((1, 2, 3, 4)).tolist() == [1, 2, 4, 6]


def test_centres_and_their_distance():
    assert centres((10, 20, 5, 6)).tolist() == [12.5, 23]
    assert centre_distance((0, 0, 2, 2), (3, 4, 2, 2)) == 5
    assert centre_distance(np.zeros((7, 4)), np.zeros(4)).shape == (7,)


@pytest.mark.parametrize(
    ("value", "facts"),
    [
        ((1, 2, 3), ("(1, 2, 3)", "214,61,30,42")),
        ("abcd", ("'abcd'", "214,61,30,42")),
        (((1, 2, 3, 4),), ("((1, 2, 3, 4),)", "214,61,30,42")),
        ((1, 2, np.nan, 4), "(1, 2, nan, 4)"),
        ((1, 2, np.inf, 4), "(1, 2, inf, 4)"),
        ((1, 2, 0, 4), "(1, 2, 0, 4)"),
        ((1, 2, 3, -4), "(1, 2, 3, -4)"),
    ],
)
def test_what_is_no_box(value, facts):
    with refuses(BoxError, facts):
        as_box(value)


def test_as_box_copies():
    source = np.array([1.0, 2, 3, 4])
    box = as_box(source)
    box[0] = 9
    assert source[0] == 1


@pytest.mark.parametrize(
    ("box", "inside"),
    [
        ((0, 0, 5, 5), True),
        ((-4, -4, 5, 5), True),
        ((-5, 0, 5, 5), False),
        ((32, 0, 5, 5), False),
        ((0, 24, 1, 1), False),
    ],
)
def test_a_first_box_must_touch_the_frame(box, inside):
    if inside:
        check_box_in_frame(np.array(box, float), 24, 32)
        return
    with refuses(BoxError, "32 x 24", str(box)):
        check_box_in_frame(np.array(box, float), 24, 32)


@pytest.mark.parametrize("box", [(0.4, 0.5, 0.2, 0.3), (5, 5, 0.9, 9), (5, 5, 9, 0.9)])
def test_a_first_box_of_less_than_a_pixel_is_refused(box):
    with refuses(BoxError, "32 x 24", str(box)):
        check_box_in_frame(np.array(box, float), 24, 32)
    check_box_in_frame(np.array((5, 5, 1.0, 1.0)), 24, 32)


@pytest.mark.parametrize("box", [(0, 0, 1e9, 1e9), (-1e9, -1e9, 2e9, 2e9), (5, 5, 1, 1e5), (0, 0, 1e300, 5)])
def test_a_first_box_of_another_scale_is_refused(box):
    with refuses(BoxError, "32 x 24") as refusal:
        check_box_in_frame(np.array(box, float), 24, 32)
    assert len(str(refusal.value)) < 250
    check_box_in_frame(np.array((-100, 5, 320, 1.0)), 24, 32)


def test_boxes_as_text():
    assert format_box((214, 61, 30.5, 42.126)) == "(214, 61, 30.5, 42.13)"
    assert format_box((100, 0, -0.25, 10)) == "(100, 0, -0.25, 10)"
    assert format_box((1e300, -1e12, float("nan"), float("inf"))) == "(1e+300, -1e+12, nan, inf)"


def test_the_box_of_a_mask():
    mask = np.zeros((6, 9), bool)
    assert box_of_mask(mask) is None
    mask[2, 3] = mask[4, 7] = True
    assert box_of_mask(mask).tolist() == [3, 2, 5, 3]
    mask[:] = True
    assert box_of_mask(mask).tolist() == [0, 0, 9, 6]


@given(st.tuples(st.floats(-500, 500), st.floats(-500, 500), st.floats(0, 900), st.floats(0, 900)))
def test_kept_boxes_have_their_centre_and_sides_in_the_frame(box):
    kept = keep_in_frame(np.array(box), 60, 80)
    x, y = centres(kept)
    assert -1e-9 <= x <= 80 + 1e-9
    assert -1e-9 <= y <= 60 + 1e-9
    assert 2 <= kept[2] <= 80
    assert 2 <= kept[3] <= 60
    np.testing.assert_allclose(keep_in_frame(kept, 60, 80), kept, atol=1e-9)
