"""The channels of the filter, and what contrast does not change in them."""

import numpy as np
import pytest

from spectrack.evidence.regions import distance_to
from spectrack.methods.correlation_filter.channels import (
    ORIENTATIONS,
    Projection,
    feature_channels,
    oriented_gradients,
)
from spectrack.sequences.frames import ArrayFrame
from spectrack.trackers.crop import CropWindow
from spectrack.trackers.lens import Lens

CELLS = 64


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
    view = Lens(cube, None, CELLS).look(ArrayFrame(cube), CropWindow(0, 0, 60))
    inside = (distance_to(np.array([20.0, 20, 16, 16]), CELLS) < 1).ravel()
    channels = feature_channels(
        view, Projection.fit(view.values, inside, ~inside), np.zeros((CELLS, CELLS), np.float32)
    )
    assert channels.shape == (ORIENTATIONS + 4 + 1, CELLS, CELLS)
    assert channels.dtype == np.float32
    np.testing.assert_allclose(channels.mean(axis=(1, 2)), 0, atol=1e-4)
