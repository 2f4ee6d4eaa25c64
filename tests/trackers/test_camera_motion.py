"""The shift of the whole picture: known shifts of drawn grounds, moving things, and pictures that say nothing."""

import cv2
import numpy as np
import pytest

from spectrack.sequences.frames import ArrayFrame, MosaicFrame, PicturedFrame
from spectrack.trackers.camera_motion import CameraMotion

MARGIN = 60


def ground(height, width, seed=0):
    """(height, width) plus margins, of blotches of several sizes, about 100 to 900."""
    rng = np.random.default_rng(seed)
    sizes = (height + 2 * MARGIN, width + 2 * MARGIN)
    picture = sum(cv2.GaussianBlur(rng.normal(size=sizes).astype(np.float32), (0, 0), s) * s for s in (3, 8, 20))
    return 500 + 120 * picture / picture.std()


def seen(picture, shift, bands=5, noise=5.0, seed=0):
    """The frame of a camera before the ground, whose picture has moved by `shift`, (x, y) pixels."""
    moved = cv2.warpAffine(picture, np.array([[1, 0, shift[0]], [0, 1, shift[1]]], float), picture.shape[::-1])
    view = moved[MARGIN:-MARGIN, MARGIN:-MARGIN, None] * np.linspace(0.5, 1.0, bands)
    return (view + np.random.default_rng(seed).normal(0, noise, view.shape)).clip(0, 4095).astype(np.uint16)


def followed(first, second):
    camera = CameraMotion(ArrayFrame(first), first)
    return camera.follow(ArrayFrame(second))


@pytest.mark.parametrize("shift", [(0, 0), (4, -3), (-12.5, 6.25), (0.0, 20.0)])
@pytest.mark.parametrize("shape", [(120, 160), (240, 320), (600, 450)])
def test_the_shift_of_a_moving_camera(shape, shift):
    picture = ground(*shape)
    found = followed(seen(picture, (0, 0)), seen(picture, shift, seed=1))
    np.testing.assert_allclose(found, shift, atol=1.5)


def test_shifts_are_from_frame_to_frame():
    picture = ground(120, 160)
    frames = [seen(picture, (3 * i, -i), seed=i) for i in range(4)]
    camera = CameraMotion(ArrayFrame(frames[0]), frames[0])
    for frame in frames[1:]:
        np.testing.assert_allclose(camera.follow(ArrayFrame(frame)), (3, -1), atol=1)


def test_a_thing_that_moves_before_a_still_ground_is_no_motion_of_the_camera():
    picture = ground(120, 160)
    frames = [seen(picture, (0, 0), seed=i) for i in range(2)]
    for i, frame in enumerate(frames):
        frame[40:80, 30 + 10 * i : 70 + 10 * i] = 900
    np.testing.assert_allclose(followed(*frames), 0, atol=0.5)


@pytest.mark.parametrize("kind", ["noise", "flat", "another place", "no numbers"])
def test_pictures_without_a_common_shift_give_none(kind):
    rng = np.random.default_rng(0)
    frames = {
        "noise": [rng.integers(0, 1000, (80, 90, 3)) for _ in range(2)],
        "flat": [np.full((80, 90, 3), 70)] * 2,
        "another place": [seen(ground(80, 90, seed), (0, 0)) for seed in (1, 2)],
        "no numbers": [rng.normal(500, 50, (80, 90, 3)), np.full((80, 90, 3), np.nan)],
    }[kind]
    assert followed(*frames).tolist() == [0, 0]


def test_every_kind_of_frame_says_the_same():
    picture = ground(60, 80)
    cubes = [seen(picture, (5 * i, 2 * i), bands=16, seed=i) for i in range(2)]
    mosaics = [cube.reshape(60, 80, 4, 4).transpose(0, 2, 1, 3).reshape(240, 320) for cube in cubes]
    plain = followed(*cubes)
    assert np.abs(plain).sum() > 5
    for frames in (
        [MosaicFrame(mosaic, 4) for mosaic in mosaics],
        [PicturedFrame(ArrayFrame(cube), lambda: None) for cube in cubes],
    ):
        camera = CameraMotion(frames[0], cubes[0])
        np.testing.assert_array_equal(camera.follow(frames[1]), plain)
