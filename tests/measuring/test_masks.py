"""Soft masks: from evidence in cells, from the box without it, by hand."""

import numpy as np
import pytest

from spectrack.measuring.masks import TargetMask, target_mask
from spectrack.trackers.base import Estimate
from spectrack.trackers.crop import CropWindow

HEIGHT, WIDTH = 30, 40


def estimate(box=(10, 5, 8, 6), **evidence):
    return Estimate(np.array(box, dtype=float), 0.9, evidence=evidence)


def test_without_evidence_the_box_covers_parts_of_pixels():
    mask = target_mask(estimate((2.25, 3.5, 2.0, 1.0)), HEIGHT, WIDTH)
    assert (mask.kind, mask.x, mask.y) == ("box", 2, 3)
    assert mask.weights.tolist() == [[0.375, 0.5, 0.125], [0.375, 0.5, 0.125]]
    assert mask.area == 2.0
    assert mask.centre == pytest.approx((3.25, 4.0))
    assert np.isnan(mask.trust)


def test_a_box_beyond_the_frame_counts_inside_alone():
    mask = target_mask(estimate((-2, 28, 4, 10)), HEIGHT, WIDTH)
    assert mask.area == 4.0
    assert mask.in_frame(HEIGHT, WIDTH)[28:, :2].sum() == 4.0
    outside = target_mask(estimate((50, 5, 4, 4)), HEIGHT, WIDTH)
    assert (outside.area, outside.weights.size) == (0.0, 0)
    assert np.isnan(outside.centre).all()


def test_no_box_is_no_mask():
    assert target_mask(estimate((np.nan,) * 4), HEIGHT, WIDTH).kind == "none"


def test_cells_become_pixels():
    belief = np.zeros((8, 8), np.float32)
    belief[2:4, 4:8] = 1  # cells of half a pixel: the pixels 2 and 3 of row 1, from the window's corner
    evidence = {"mask": belief, "mask_trust": 0.8, "search_window": CropWindow(10, 5, 4)}
    mask = target_mask(estimate(**evidence), HEIGHT, WIDTH)
    assert (mask.kind, mask.trust, mask.x, mask.y) == ("evidence", 0.8, 12, 6)
    assert mask.weights.tolist() == [[1, 1]]
    beyond = target_mask(estimate(**evidence | {"search_window": CropWindow(WIDTH - 3, 5, 4)}), HEIGHT, WIDTH)
    assert (beyond.x, beyond.area) == (WIDTH - 1, 1.0)


def test_spectra_that_tell_nothing_leave_the_box():
    belief = np.ones((8, 8), np.float32)
    evidence = {"mask": belief, "mask_trust": 0.4, "search_window": CropWindow(0, 0, 8)}
    assert target_mask(estimate(**evidence), HEIGHT, WIDTH).kind == "box"


def test_a_large_mask_of_few_cells_keeps_its_area():
    belief = np.zeros((16, 16), np.float32)
    belief[4:12, 4:12] = 1
    evidence = {"mask": belief, "mask_trust": 1.0, "search_window": CropWindow(0, 0, 32)}
    mask = target_mask(estimate(**evidence), 32, 32)
    assert mask.area == pytest.approx(16 * 16, rel=0.01)
    assert mask.centre == pytest.approx((16, 16))


def test_the_rim_is_left_out_of_spectra_where_enough_is_left():
    wide = TargetMask(0, 0, np.ones((5, 6), np.float32), "box", 1.0)
    assert wide.inner.sum() == 3 * 4
    assert not wide.inner[0].any()
    small = TargetMask(0, 0, np.ones((3, 3), np.float32), "box", 1.0)
    assert np.array_equal(small.inner, small.weights)


def test_the_whole_frame_of_a_mask():
    mask = TargetMask(3, 2, np.full((2, 4), 0.5, np.float32), "box", 1.0)
    whole = mask.in_frame(6, 9)
    assert whole.shape == (6, 9)
    assert whole.sum() == mask.area == 4.0
