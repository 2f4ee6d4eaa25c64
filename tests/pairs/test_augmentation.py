"""Photometric variation: ranges, what both crops share, and what noise and blur may not do."""

import dataclasses

import numpy as np
import pytest

from spectrack.pairs.augmentation import Look, PhotometricConfig, draw_look, finish_crop

CLEAN = PhotometricConfig(
    gain=0.0, channel_gain=0.0, blur_share=0.0, noise=1e-9, light_share=0.0, compression_share=0.0
)


def flat(value, size=127):
    return np.full((size, size, 3), value, np.uint8)


def test_plain_look_changes_nothing():
    image = np.random.default_rng(0).integers(0, 256, (127, 127, 3), dtype=np.uint8)
    look = Look(np.eye(3, dtype=np.float32), 1.0, 1.0, CLEAN)
    np.testing.assert_array_equal(finish_crop(np.random.default_rng(1), image, look, 1.0, blur=True), image)


def test_tone_curve_by_hand():
    look = Look(np.eye(3, dtype=np.float32), 2.0, 0.5, CLEAN)
    # (128 / 255) ** 2 * 0.5 * 255 = 32.1
    assert (finish_crop(np.random.default_rng(1), flat(128), look, 1.0, blur=False) == 32).all()


def test_grey_stays_grey_under_any_mixing():
    for seed in range(20):
        look = draw_look(np.random.default_rng(seed), flat(120), PhotometricConfig())
        assert look.mixing.sum(axis=1) == pytest.approx((1, 1, 1), abs=0.05) or (look.mixing.sum(axis=1) < 1).any()


def test_exposure_brings_the_crop_to_the_mean_that_was_drawn():
    config = PhotometricConfig(
        brightness=(0.4, 0.4),
        mixing=0.0,
        grey_share=0.0,
        gain=0.0,
        channel_gain=0.0,
        blur_share=0.0,
        noise=1e-9,
        light_share=0.0,
        compression_share=0.0,
    )
    image = np.random.default_rng(0).integers(60, 160, (255, 255, 3), dtype=np.uint8)
    for seed in range(5):
        look = draw_look(np.random.default_rng(seed), image, config)
        out = finish_crop(np.random.default_rng(seed), image, look, 1.0, blur=False)
        assert out.mean() / 255 == pytest.approx(0.4, abs=0.03)


def test_low_resolution_removes_detail_and_keeps_the_mean():
    image = np.random.default_rng(0).integers(0, 256, (127, 127, 3), dtype=np.uint8)
    look = Look(np.eye(3, dtype=np.float32), 1.0, 1.0, CLEAN)
    out = finish_crop(np.random.default_rng(1), image, look, 0.25, blur=False)
    assert out.shape == image.shape
    assert out.std() < 0.4 * image.std()
    assert out.mean() == pytest.approx(image.mean(), abs=2)


def test_blur_keeps_the_mean_and_the_size():
    config = PhotometricConfig(
        gain=0.0, channel_gain=0.0, blur_share=1.0, noise=1e-9, light_share=0.0, compression_share=0.0
    )
    image = np.random.default_rng(0).integers(0, 256, (127, 127, 3), dtype=np.uint8)
    look = Look(np.eye(3, dtype=np.float32), 1.0, 1.0, config)
    for seed in range(8):
        out = finish_crop(np.random.default_rng(seed), image, look, 1.0, blur=True)
        assert out.shape == image.shape
        assert out.mean() == pytest.approx(image.mean(), abs=3)


def test_noise_has_at_most_the_deviation_asked_for():
    config = PhotometricConfig(
        gain=0.0, channel_gain=0.0, blur_share=0.0, noise=8.0, light_share=0.0, compression_share=0.0
    )
    look = Look(np.eye(3, dtype=np.float32), 1.0, 1.0, config)
    deviations = [
        finish_crop(np.random.default_rng(seed), flat(128), look, 1.0, blur=False).std() for seed in range(30)
    ]
    assert max(deviations) <= 8.6
    assert max(deviations) > 4.0


def test_another_light_brightens_here_and_darkens_there():
    config = dataclasses.replace(CLEAN, light_share=1.0)
    look = Look(np.eye(3, dtype=np.float32), 1.0, 1.0, config)
    spreads = []
    for seed in range(20):
        out = finish_crop(np.random.default_rng(seed), flat(100, 255), look, 1.0, blur=True)
        assert out.shape == (255, 255, 3)
        assert (out == out[:, :, :1]).all()  # light has no colour here
        spreads.append(int(out.max()) - int(out.min()))
    assert min(spreads) > 5
    template = finish_crop(np.random.default_rng(0), flat(100), look, 1.0, blur=False)
    assert (template == 100).all()


def test_compression_changes_detail_and_keeps_the_colours_in_order():
    config = dataclasses.replace(CLEAN, compression_share=1.0)
    look = Look(np.eye(3, dtype=np.float32), 1.0, 1.0, config)
    image = np.random.default_rng(0).integers(100, 140, (127, 127, 3), dtype=np.uint8)
    image[:, :, 0] += 80
    image[:, :, 2] -= 80
    for seed in range(5):
        out = finish_crop(np.random.default_rng(seed), image, look, 1.0, blur=False)
        assert (out != image).any()
        np.testing.assert_allclose(out.mean(axis=(0, 1)), image.mean(axis=(0, 1)), atol=4)
