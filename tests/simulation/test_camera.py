"""Blur, geometry and noise against their definitions."""

from dataclasses import replace

import numpy as np
import pytest

from spectrack.sensors import get_sensor
from spectrack.simulation.camera import Camera, Exposure, blur_margin, blurred


def camera(**changes):
    basis = Camera(100, 140, np.array([[0.0, 0.0], [4.0, -2.0]]), np.array([1.0, 2.0]), 0.5, np.array([0.0, 1.0]))
    return replace(basis, **changes)


def test_world_and_image_are_inverse():
    points = np.random.default_rng(0).uniform(-50, 150, (7, 2))
    for t in (0.0, 0.3, 1.0):
        np.testing.assert_allclose(camera().to_world(camera().to_image(points, t), t), points)
    np.testing.assert_allclose(camera().to_image(np.array([70.0, 50.0]), 1.0), (70 - 8, 50 + 4))


def test_motion_blur_spreads_a_point_along_the_motion():
    image = np.zeros((21, 21, 2), np.float32)
    image[10, 10] = 1.0
    smeared = blurred(image, np.array([6.0, 0.0]), 0.0)
    assert smeared[:, :, 0].sum() == pytest.approx(1.0, abs=1e-5)
    assert np.count_nonzero(smeared[:, :, 0].sum(axis=1) > 1e-6) == 1
    x = np.arange(21) - 10
    # A box of length L has the variance L**2 / 12.
    assert (smeared[10, :, 0] * x**2).sum() == pytest.approx(36 / 12, rel=0.15)
    assert blur_margin(np.array([6.0, 0.0]), 0.0) >= 3


def test_small_blur_leaves_the_image_alone():
    image = np.random.default_rng(1).random((8, 8, 3)).astype(np.float32)
    assert blurred(image, np.array([0.3, 0.3]), 0.1) is image


def test_vignetting_darkens_the_corners():
    shading = camera(vignetting=0.4).shading()
    assert shading[50, 70] == pytest.approx(1.0, abs=0.001)
    assert shading[0, 0] == pytest.approx(0.6, abs=0.01)
    assert camera().shading() is None


@pytest.mark.parametrize("level", [0.0, 20.0, 200.0, 700.0])
def test_noise_follows_the_photon_transfer_curve(level):
    sensor = get_sensor("vis16")
    exposure = Exposure.for_sensor(sensor, np.random.default_rng(2), 1 << 20)
    counts = exposure.counts(np.full((120, 160, 16), level + 10.0, np.float32), np.random.default_rng(3)).astype(float)
    gain = sensor.full_well_e / 1023
    expected = (level + 10) / gain + (sensor.read_noise_e / gain) ** 2 + 1 / 12
    assert counts.mean() == pytest.approx(level + 10, abs=0.05)
    assert counts.var() == pytest.approx(expected, rel=0.03)


def test_counts_are_ten_bits():
    exposure = Exposure.for_sensor(get_sensor("nir25"), np.random.default_rng(4), 1 << 16)
    counts = exposure.counts(
        np.linspace(0, 4000, 64 * 25, dtype=np.float32).reshape(8, 8, 25), np.random.default_rng(5)
    )
    assert counts.dtype == np.uint16
    assert counts.max() == 1023
    assert counts.min() == 0


def test_noise_of_two_frames_is_independent():
    exposure = Exposure.for_sensor(get_sensor("vis16"), np.random.default_rng(6), 1 << 19)
    first, second = (
        exposure.counts(np.full((60, 80, 16), 300.0, np.float32), np.random.default_rng(s)).astype(float)
        for s in (7, 8)
    )
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.02
    assert abs(np.corrcoef(first[:-1].ravel(), first[1:].ravel())[0, 1]) < 0.02
