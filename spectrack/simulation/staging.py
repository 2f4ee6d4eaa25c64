"""Staging: from a scenario, a sensor and a seed to a scene."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spectrack.simulation import motion
from spectrack.simulation.absences import Walk, absent_path
from spectrack.simulation.actor_materials import ActorMaterials
from spectrack.simulation.actors import (
    hides,
    make_decoys,
    make_lookalikes,
    make_occluders,
    make_passers,
    make_screen,
    make_twins,
    moving_actor,
)
from spectrack.simulation.camera import Camera
from spectrack.simulation.glare import Glare, line_spectrum, random_glare
from spectrack.simulation.illumination import Light
from spectrack.simulation.lamps import lamps_for
from spectrack.simulation.materials import random_endmembers
from spectrack.simulation.scene import Actor, Background, Scene
from spectrack.simulation.setting import Setting
from spectrack.simulation.surfaces import Abundances, Surface, make_abundances
from spectrack.spectra import metamers

_MARGIN_PX = 12

_GLARE_SHARE = 0.4
"""Light of a patch of glare, all bands together, over that of the ground."""


def stage(setting: Setting) -> Scene:
    """The scene of a setting; the same setting gives the same scene."""
    scenario, frames = setting.scenario, setting.frames
    light = _light(setting)
    camera, image_path, size = _camera_and_path(setting)
    # Materials of both halves of a pair are made under one light, whatever lamp then shines.
    made_under = light if scenario.worth is None else Light.steady("equal", frames)
    response = made_under.spectrum(0.0)[:, None] * setting.band_matrix
    background = _background(setting, camera, response)
    materials = ActorMaterials(setting, response, background)

    target_surfaces = materials.target_surfaces(size)
    kind = str(setting.stream("kind").choice(scenario.bodies))
    target = moving_actor(setting, "target", kind, target_surfaces, image_path + camera.offset, size)
    behind: list[Actor] = [
        *make_decoys(setting, camera, target_surfaces, size),
        *make_passers(setting, camera, materials, size),
    ]
    in_front: list[Actor] = []
    dress = materials.twin_surfaces(target_surfaces)
    twins = make_twins(setting, kind, dress[: scenario.twins], target, size)
    twins += make_lookalikes(setting, camera, kind, dress[scenario.twins :], size)
    for index, twin in enumerate(twins):
        (in_front if index % 2 else behind).append(twin)
    in_front += make_occluders(setting, materials, target, size)
    if scenario.absence == "behind":
        in_front.append(make_screen(setting, materials))
    in_front = [actor for actor in in_front if not hides(actor, target, camera)]
    glare = _glare(setting, background, response, size)
    return Scene(background, (*behind, target, *in_front), len(behind), light, camera, frames, glare)


def _light(setting: Setting) -> Light:
    rng, scenario, frames = setting.stream("light"), setting.scenario, setting.frames
    if scenario.worth is not None:
        lamps = [name for name in lamps_for(setting.band_matrix) if name in scenario.worth.sources]
        return Light.steady(str(rng.choice(lamps)) if scenario.worth.acts("light") else "equal", frames)
    # Lamps without infrared would leave a camera beyond 700 nm in the dark.
    names = (
        ("d65", "d50", "a", "halogen")
        if max(setting.sensor.centres_nm) > 700
        else ("d65", "d50", "a", "halogen", "fl2", "led_b3")
    )
    first = str(rng.choice(names, p=_first_heavy(len(names))))
    second = first
    if scenario.warming:
        second = "a" if first != "a" else "d65"
    course = 0.5 - 0.5 * np.cos(np.pi * np.clip(np.linspace(-0.15, 1.35, frames), 0.0, 1.0))
    flicker = 0.03 * motion.smooth_noise(rng, frames, 8.0)[:, 0] if scenario.dimming < 1 else np.zeros(frames)
    intensity = np.exp(np.log(scenario.dimming) * course + flicker)
    sweep = np.linspace(-1.6, 1.2, frames) if rng.random() < 0.5 else 1.3 * np.sin(np.linspace(-1.5, 2.5, frames))
    shadow = np.stack([np.full(frames, rng.uniform(0, 2 * np.pi)), sweep, np.full(frames, scenario.shadow)], axis=1)
    warmth = course if scenario.warming else np.zeros(frames)
    return Light(first, second, intensity, warmth, shadow, float(rng.uniform(0.06, 0.3)))


def _camera_and_path(setting: Setting) -> tuple[Camera, NDArray[np.float64], NDArray[np.float64]]:
    """The camera, the target's path in the image and the target's size per frame (square root of its box area)."""
    rng, scenario, frames = setting.stream("motion"), setting.scenario, setting.frames
    height, width = setting.height, setting.width
    # Sizes are meant for 320 x 240; a smaller image gets smaller things.
    fitting = min(1.0, height / 240, width / 320)
    growth = motion.scale_track(rng, frames, scenario.size_ratio)
    first = rng.uniform(*scenario.size_px) * fitting
    largest = 0.55 * min(height, width)
    size = np.minimum(first * growth, largest)
    margin = min(0.6 * float(size.max()) + 2, 0.4 * min(height, width))
    area = (margin, margin, width - margin, height - margin)
    mean_size = float(np.exp(np.log(size).mean()))
    path = motion.wander(rng, frames, scenario.speed * mean_size, area, restless=scenario.restless)
    if scenario.absence:
        walk = Walk(frames, height, width, float(size.max()), scenario.speed * mean_size, scenario.restless)
        path = absent_path(setting, walk)
    if scenario.leaps:
        path = motion.leaps(rng, path, mean_size, scenario.leaps, area)
    if scenario.leaves:
        path = _leaving(rng, path, size, height, width)
    reach = scenario.pan_px * frames
    offset = motion.wander(rng, frames, scenario.pan_px, (0.0, 0.0, reach * 0.8 + 1, reach * 0.3 + 1), restless=0.05)
    offset = offset - offset[0] + motion.tremor(rng, frames, scenario.tremor_px)
    defocus = scenario.defocus_px * np.clip(
        0.5 + 0.7 * motion.smooth_noise(rng, frames, frames / 6 + 1)[:, 0], 0.0, 1.0
    )
    camera = Camera(height, width, offset, np.ones(frames), scenario.shutter, defocus, setting.vignetting)
    return camera, path, size


def _leaving(
    rng: np.random.Generator, path: NDArray[np.float64], size: NDArray[np.float64], height: int, width: int
) -> NDArray[np.float64]:
    """Send the path over the nearest edge for about a third of the time, from the middle of the video on."""
    frames = len(path)
    start, length = int(frames * rng.uniform(0.35, 0.45)), int(frames * rng.uniform(0.3, 0.38))
    middle = path[min(start + length // 2, frames - 1)]
    depth = 0.9 * float(size.max())
    x, y = middle
    ways = ((-x - depth, 0.0), (width - x + depth, 0.0), (0.0, -y - depth), (0.0, height - y + depth))
    shift = min(ways, key=lambda way: abs(way[0]) + abs(way[1]))
    return motion.excursion(path, start, length, (float(shift[0]), float(shift[1])))


def _background(setting: Setting, camera: Camera, response: NDArray[np.float64]) -> Background:
    rng, scenario = setting.stream("background"), setting.scenario
    low, high = np.floor(camera.offset.min(axis=0)) - _MARGIN_PX, np.ceil(camera.offset.max(axis=0)) + _MARGIN_PX
    width, height = (int(span) for span in high - low + (setting.width, setting.height))
    materials = setting.stream("background materials")
    if scenario.camouflage:
        ground = Surface(_even_ground(rng, setting, height, width), random_endmembers(materials, scenario.ground))
        # Regions of a slightly different spectrum and the same false colour: no ground is spectrally even.
        angle, colour = float(materials.uniform(0.06, 0.12)), setting.colour_matrix
        other = metamers(ground.endmembers, response, colour, materials, minimum_angle=0.05, wanted_angle=angle)
        return Background((ground, ground.with_endmembers(other)), (_region(rng, height, width),), low)
    pictures = [make_abundances(rng, height, width, textures=setting.textures) for _ in range(2)]
    surfaces = tuple(Surface(picture, random_endmembers(materials)) for picture in pictures)
    return Background(surfaces, (_region(rng, height, width),), low)


def _glare(
    setting: Setting, background: Background, response: NDArray[np.float64], size: NDArray[np.float64]
) -> Glare | None:
    """A veil in one line of the spectrum, or the same light in all bands; None unless that is what bands differ by."""
    worth = setting.scenario.worth
    if worth is None or worth.cause != "glare":
        return None
    rng, bands = setting.stream("glare"), setting.band_matrix
    line = line_spectrum(float(rng.choice(setting.sensor.centres_nm[1:-1])))
    spectrum = line if worth.uneven else np.ones_like(line)
    ground = background.surfaces[0]
    seen = float((ground.abundances.mean(axis=(0, 1)) @ ground.endmembers @ response).sum())
    spectrum = spectrum * (_GLARE_SHARE * seen / float((spectrum @ bands).sum()))
    return random_glare(rng, setting.frames, setting.height, setting.width, spectrum, 0.8 * float(size[0]))


def _even_ground(rng: np.random.Generator, setting: Setting, height: int, width: int) -> Abundances:
    """Ground much the same everywhere, as camouflage needs: a picture at half size without its slow changes."""
    import cv2

    kind = str(rng.choice(("leaves", "nested", "filters")))
    large = make_abundances(rng, 2 * height, 2 * width, textures=setting.textures, kind=kind)
    picture = cv2.resize(large, (width, height), interpolation=cv2.INTER_AREA)
    slow = cv2.GaussianBlur(picture, (0, 0), 16.0)
    level = picture.mean(axis=(0, 1))
    # Fluctuations about the local mean, in proportion to it, on one common level.
    even = level * np.clip(1.0 + 0.6 * (picture - slow) / np.maximum(slow, 0.05), 0.2, 2.2)
    return np.asarray(np.clip(even, 0.0, 1.0), dtype=np.float32)


def _region(rng: np.random.Generator, height: int, width: int) -> NDArray[np.float32]:
    """A mask of smooth-edged regions, a third to a half of the picture: where the ground turns into something else."""
    import cv2

    coarse = rng.normal(size=(int(rng.integers(2, 6)), int(rng.integers(2, 7)))).astype(np.float32)
    field = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    rough = cv2.resize(
        rng.normal(size=(height // 6 + 2, width // 6 + 2)).astype(np.float32),
        (width, height),
        interpolation=cv2.INTER_CUBIC,
    )
    field = field + 0.12 * rough
    return np.asarray(np.clip((field - np.float32(rng.uniform(0.0, 0.4))) * 12.0 + 0.5, 0.0, 1.0), dtype=np.float32)


def _first_heavy(count: int) -> NDArray[np.float64]:
    weights = np.array([0.4, 0.2, *([0.4 / (count - 2)] * (count - 2))])
    return np.asarray(weights / weights.sum())
