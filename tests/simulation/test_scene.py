"""Rendering and truth of scenes put together by hand, against independent renderings."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.path import Path

from spectrack.simulation.bodies import BoxBody, FlatBody, Part
from spectrack.simulation.camera import Camera
from spectrack.simulation.illumination import Light
from spectrack.simulation.scene import Actor, Background, Scene
from spectrack.simulation.surfaces import Surface
from spectrack.spectra import WAVELENGTHS_NM

HEIGHT, WIDTH, FRAMES = 80, 110, 5
SQUARE = np.array([(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)])
CHANNELS = np.random.default_rng(0).random((121, 4))


def surface(level=0.5, seed=None, size=64):
    picture = np.full((size, size, 3), level, np.float32)
    if seed is not None:
        picture = np.random.default_rng(seed).random((size, size, 3)).astype(np.float32)
    return Surface(picture, np.full((3, 121), 0.3))


def actor(name, body, x, y, scale, **angles):
    still = np.zeros(FRAMES)
    centre = np.stack([np.linspace(x, x + 8, FRAMES), np.full(FRAMES, float(y))], axis=1)
    turns = {key: still + angles.get(key, 0.0) for key in ("roll", "yaw", "pitch", "phase")}
    return Actor(name, body, centre, still + scale, **turns)


def scene(*actors, target=0, offset=(0.0, 0.0), light=None, ground=None, vignetting=0.0):
    path = np.tile(np.zeros(2), (FRAMES, 1)) + np.linspace(0, 1, FRAMES)[:, None] * np.array(offset)
    camera = Camera(HEIGHT, WIDTH, path, np.ones(FRAMES), 0.0, np.zeros(FRAMES), vignetting)
    background = Background((ground or surface(seed=1, size=140),), (), np.array([-10.0, -10.0]))
    return Scene(background, actors, target, light or Light.steady("equal", FRAMES), camera, FRAMES)


def sheet(outline=SQUARE, **options):
    return FlatBody((Part(outline, surface(**options)),), relief=0.0)


def test_box_of_a_square_by_hand():
    stage = scene(actor("target", sheet(), 30.2, 40.0, 5.0))
    # x from 25.2 to 35.2: centres 25.5 .. 34.5; y from 35 to 45.
    np.testing.assert_array_equal(stage.box(0.0), (25, 35, 10, 10))
    np.testing.assert_allclose(stage.outline_box(0.0), (25.2, 35.0, 10.0, 10.0))
    assert stage.visibility(0.0) == 1.0


def test_box_is_not_clipped_and_visibility_counts_what_is_inside():
    stage = scene(actor("target", sheet(), 2.0, 40.0, 6.0))
    np.testing.assert_array_equal(stage.box(0.0), (-4, 34, 12, 12))
    assert stage.visibility(0.0) == pytest.approx(8 / 12)
    gone = scene(actor("target", sheet(), -40.0, 40.0, 6.0))
    np.testing.assert_array_equal(gone.box(0.0), (-46, 34, 12, 12))
    assert gone.visibility(0.0) == 0.0


def test_occluders_in_front_hide_and_those_behind_do_not():
    target, half = actor("target", sheet(), 30.0, 40.0, 6.0), actor("occluder", sheet(), 36.0, 40.0, 6.0)
    assert scene(target, half).visibility(0.0) == pytest.approx(0.5)
    assert scene(half, target, target=1).visibility(0.0) == 1.0
    np.testing.assert_array_equal(scene(target, half).box(0.0), (24, 34, 12, 12))


@pytest.mark.parametrize("seed", range(4))
def test_truth_is_the_box_of_an_independently_drawn_mask(seed):
    rng = np.random.default_rng(seed)
    body = BoxBody((surface(),) * 6, (1.0, 0.6, 0.8))
    stage = scene(
        actor(
            "target", body, 45.3, 38.6, 14.0, roll=rng.uniform(-3, 3), yaw=rng.uniform(-3, 3), pitch=rng.uniform(-1, 1)
        )
    )
    x, y = np.meshgrid(np.arange(WIDTH) + 0.5, np.arange(HEIGHT) + 0.5)
    drawn = np.zeros((HEIGHT, WIDTH), bool)
    for t in (0.0, 2.0):
        drawn[:] = False
        for patch in stage.actors[0].body.patches(stage.actors[0].pose(t, stage.camera)):
            drawn |= Path(patch.outline).contains_points(np.stack([x.ravel(), y.ravel()], axis=1)).reshape(drawn.shape)
        columns, rows = np.flatnonzero(drawn.any(axis=0)), np.flatnonzero(drawn.any(axis=1))
        expected = (columns[0], rows[0], columns[-1] - columns[0] + 1, rows[-1] - rows[0] + 1)
        np.testing.assert_array_equal(stage.box(t), expected)


@pytest.mark.parametrize("seed", range(4))
def test_truth_bounds_what_is_seen(seed):
    """Before a black background, the rendered pixels at least half covered have the truth's box, to a pixel of the soft
    edge.
    """
    rng = np.random.default_rng(seed)
    outline = np.array([(np.cos(a), np.sin(a)) for a in np.linspace(0, 2 * np.pi, 7, endpoint=False)]) * rng.uniform(
        0.5, 1, (7, 1)
    )
    body = sheet(outline, level=1.0)
    stage = scene(actor("target", body, 50.0, 40.0, 18.0, roll=1.0, yaw=0.5, pitch=-0.4), ground=surface(level=0.0))
    image = stage.radiance(1.0, CHANNELS[:, :1])[:, :, 0]
    seen = image > 0.5 * image.max()
    columns, rows = np.flatnonzero(seen.any(axis=0)), np.flatnonzero(seen.any(axis=1))
    box = stage.box(1.0)
    assert abs(columns[0] - box[0]) <= 1
    assert abs(rows[0] - box[1]) <= 1
    assert abs(columns[-1] + 1 - box[0] - box[2]) <= 1
    assert abs(rows[-1] + 1 - box[1] - box[3]) <= 1
    assert seen.sum() == pytest.approx(stage.mask(1.0)[0].sum(), rel=0.05)


def test_radiance_is_reflectance_times_light_summed_by_the_channels():
    stage = scene(actor("target", sheet(level=0.8), 50.0, 40.0, 10.0), light=Light.steady("d65", FRAMES))
    image = stage.radiance(0.0, CHANNELS)
    reflectance = 3 * 0.8 * 0.3 * np.ones_like(WAVELENGTHS_NM)
    np.testing.assert_allclose(image[40, 50], (reflectance * stage.light.spectrum(0.0)) @ CHANNELS, rtol=1e-5)


def test_any_linear_channels_agree():
    light = Light("d65", "a", np.ones(FRAMES), np.linspace(0, 1, FRAMES), np.tile((0.3, 0.0, 0.5), (FRAMES, 1)))
    stage = scene(actor("target", sheet(seed=4), 50.0, 40.0, 10.0, roll=0.4), light=light, vignetting=0.3)
    mixing = np.random.default_rng(5).random((4, 3))
    np.testing.assert_allclose(
        stage.radiance(1.5, CHANNELS @ mixing), stage.radiance(1.5, CHANNELS) @ mixing.astype(np.float32), rtol=1e-4
    )


def test_a_window_is_a_piece_of_the_frame():
    light = Light("d65", "a", np.ones(FRAMES), np.linspace(0, 1, FRAMES), np.tile((0.3, 0.0, 0.5), (FRAMES, 1)))
    stage = scene(
        actor("target", sheet(seed=4), 50.0, 40.0, 10.0, roll=0.4), light=light, vignetting=0.3, offset=(6.0, 3.0)
    )
    whole = stage.radiance(1.5, CHANNELS)
    np.testing.assert_allclose(
        stage.radiance(1.5, CHANNELS, (37, 22, 71, 60)), whole[22:60, 37:71], atol=2e-2 * whole.max()
    )


def test_a_panning_camera_shifts_the_ground():
    stage = scene(offset=(12.0, -4.0), target=-1)
    first, last = stage.radiance(0.0, CHANNELS), stage.radiance(FRAMES - 1.0, CHANNELS)
    np.testing.assert_allclose(last[10:40, 5:60], first[6:36, 17:72], rtol=1e-4)


def test_regions_of_a_background_add_up():
    share = np.zeros((140, 140), np.float32)
    share[:, 70:] = 1.0
    background = Background(
        (surface(level=0.2, size=140), surface(level=0.9, size=140)), (share,), np.array([0.0, 0.0])
    )
    stage = replace(scene(target=-1), background=background)
    image = stage.radiance(0.0, np.ones((121, 1)))
    assert image[40, 100, 0] / image[40, 30, 0] == pytest.approx(4.5, rel=1e-4)
