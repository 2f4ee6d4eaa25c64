"""Sprites: what is covered is what the outline says, so boxes follow any warp."""

import numpy as np
import pytest

from spectrack.simulation.sprites import render_sprite

REACH_PX = 1.5
"""Whole pixels against fractional edges (half a pixel), and OpenCV's smooth polygons reach 0.7 pixels beyond their
outline.
"""


@pytest.mark.parametrize("seed", range(8))
def test_hull_is_the_box_of_the_coverage_to_a_pixel(seed):
    sprite = render_sprite(np.random.default_rng(seed), 96)
    assert sprite.picture.shape == (96, 96, 4)
    assert sprite.picture.dtype == np.uint8
    assert sprite.outline.dtype == np.float32
    covered = sprite.picture[:, :, 3] > 127
    rows, columns = np.flatnonzero(covered.any(1)), np.flatnonzero(covered.any(0))
    box = (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
    expected = (*sprite.outline.min(axis=0), *sprite.outline.max(axis=0))
    np.testing.assert_allclose(box, expected, atol=REACH_PX)


@pytest.mark.parametrize("seed", range(4))
def test_nothing_is_covered_outside_the_hull(seed):
    sprite = render_sprite(np.random.default_rng(seed), 96)
    y, x = np.nonzero(sprite.picture[:, :, 3] > 127)
    hull = sprite.outline.astype(np.float64)
    edges = np.roll(hull, -1, axis=0) - hull
    normals = np.stack([edges[:, 1], -edges[:, 0]], axis=1) / np.linalg.norm(edges, axis=1, keepdims=True)
    orientation = -np.sign((hull.mean(axis=0) - hull[0]) @ normals[0])
    centres = np.stack([x + 0.5, y + 0.5], axis=1)
    outside = ((centres[:, None] - hull[None]) * (normals * orientation)[None]).sum(axis=2).max(axis=1)
    assert outside.max() < REACH_PX


@pytest.mark.parametrize("size", [64, 96, 131])
def test_sprite_fills_its_square_but_for_a_margin(size):
    sprite = render_sprite(np.random.default_rng(2), size)
    extent = np.ptp(sprite.outline, axis=0)
    assert extent.max() == pytest.approx(0.92 * size, abs=0.01)
    assert (sprite.outline >= 0).all()
    assert (sprite.outline <= size).all()
    border = sprite.picture[:, :, 3].copy()
    border[1:-1, 1:-1] = 0
    assert not border.any()


def test_same_seed_same_sprite_another_seed_another():
    first, second, other = (render_sprite(np.random.default_rng(seed), 64) for seed in (5, 5, 6))
    np.testing.assert_array_equal(first.picture, second.picture)
    np.testing.assert_array_equal(first.outline, second.outline)
    assert (first.picture != other.picture).any()
