"""Smooth deformation: the image and the points move together, and nothing folds."""

import numpy as np
import pytest

from spectrack.pairs.deformation import Deformation


def spot(place, size=255):
    """A picture with one soft spot at a place, continuous edges."""
    y, x = np.mgrid[0:size, 0:size] + 0.5
    light = 255 * np.exp(-((x - place[0]) ** 2 + (y - place[1]) ** 2) / 18)
    return np.repeat(light[:, :, None], 3, axis=2).astype(np.uint8)


def centre_of(image):
    weights = image[:, :, 0].astype(float)
    y, x = np.mgrid[0 : image.shape[0], 0 : image.shape[1]] + 0.5
    return np.array([(x * weights).sum(), (y * weights).sum()]) / weights.sum()


@pytest.mark.parametrize("seed", range(8))
def test_points_go_where_the_image_goes(seed):
    rng = np.random.default_rng(seed)
    place = rng.uniform(50, 205, 2)
    deformation = Deformation(rng, 255, 10.0)
    (moved,) = deformation.move(place[None])
    np.testing.assert_allclose(centre_of(deformation.apply(spot(place))), moved, atol=0.6)


def test_points_move_noticeably_and_no_farther_than_the_field():
    rng = np.random.default_rng(1)
    deformation = Deformation(rng, 255, 8.0)
    points = rng.uniform(20, 235, (200, 2))
    distance = np.linalg.norm(deformation.move(points) - points, axis=1)
    assert distance.max() <= np.linalg.norm(deformation.field, axis=2).max() + 1e-3
    assert distance.max() > 2


def test_no_strength_changes_nothing():
    rng = np.random.default_rng(2)
    image = rng.integers(0, 256, (255, 255, 3), dtype=np.uint8)
    deformation = Deformation(rng, 255, 0.0)
    np.testing.assert_array_equal(deformation.apply(image), image)
    np.testing.assert_allclose(deformation.move(np.array([[3.0, 200.0]])), [[3.0, 200.0]])


@pytest.mark.parametrize("strength", [4.0, 100.0])
def test_nothing_folds_over(strength):
    """The map x -> x + field(x) keeps its orientation everywhere, however strong the draw."""
    for seed in range(10):
        field = Deformation(np.random.default_rng(seed), 255, strength).field.astype(float)
        across, down = np.gradient(field, axis=1), np.gradient(field, axis=0)
        determinant = (1 + across[..., 0]) * (1 + down[..., 1]) - across[..., 1] * down[..., 0]
        assert determinant.min() > 0.05
