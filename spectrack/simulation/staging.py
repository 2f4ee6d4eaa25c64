"""Staging: from a scenario, a sensor and a seed to a scene.

Every ingredient draws from a random stream of its own, named by the scenario's layout and the ingredient, so the two halves of a
pair differ in nothing but materials, and a change in one ingredient leaves the others as they were.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spectrack.false_colour import DEFAULT_RULE, false_colour_matrix
from spectrack.sensors import Sensor
from spectrack.simulation import motion
from spectrack.simulation.bodies import Body, Pose
from spectrack.simulation.camera import Camera
from spectrack.simulation.casting import Build, build_body
from spectrack.simulation.illumination import Light
from spectrack.simulation.materials import Endmembers, random_endmembers
from spectrack.simulation.scenarios import Scenario
from spectrack.simulation.scene import Actor, Background, Scene
from spectrack.simulation.shapes import bounds, fill_union, intersection, outline_box
from spectrack.simulation.surfaces import Abundances, Surface, crop, make_abundances, two_tone
from spectrack.spectra import WAVELENGTHS_NM, metamers

_TEXTURE_PX = 144
_MARGIN_PX = 12


@dataclass(frozen=True)
class Setting:
    """What a scene is staged for.

    Attributes:
        scenario: what happens.
        sensor: the camera whose bands metamers are made for.
        frames: number of frames.
        seed: any non-negative integer.
        height: image height in pixels.
        width: image width in pixels.
        textures: see `surfaces.make_abundances`.
        crosstalk: share of a mosaic pixel's light that spills over, see `Sensor.crosstalk`.
        vignetting: loss of light in the corners, 0..1.
    """

    scenario: Scenario
    sensor: Sensor
    frames: int
    seed: int
    height: int = 240
    width: int = 320
    textures: str = "procedural"
    crosstalk: float = 0.0
    vignetting: float = 0.15

    def stream(self, purpose: str) -> np.random.Generator:
        """The random stream of one ingredient."""
        words = [self.seed, zlib.crc32(self.scenario.layout_name.encode()), zlib.crc32(purpose.encode())]
        return np.random.default_rng(np.random.SeedSequence(words))

    @property
    def band_matrix(self) -> NDArray[np.float64]:
        """(121, bands) spectral radiance to bands, crosstalk included, without exposure."""
        return np.asarray(self.sensor.responses(WAVELENGTHS_NM).T @ self.sensor.crosstalk(self.crosstalk))

    @property
    def colour_matrix(self) -> NDArray[np.float64]:
        """(bands, 3) the false-colour rule metamers are made for."""
        return np.asarray(false_colour_matrix(DEFAULT_RULE, self.sensor.bands, wavelengths_nm=self.sensor.centres_nm), dtype=np.float64)


def stage(setting: Setting) -> Scene:
    """The scene of a setting; the same setting gives the same scene."""
    scenario, frames = setting.scenario, setting.frames
    light = _light(setting)
    camera, image_path, size = _camera_and_path(setting)
    response = light.spectrum(0.0)[:, None] * setting.band_matrix
    background = _background(setting, camera, response)
    wardrobe = _Wardrobe(setting, response, background)

    target_surfaces = wardrobe.target_surfaces(size)
    kind = str(setting.stream("kind").choice(scenario.bodies))
    target = _moving_actor(setting, "target", kind, target_surfaces, image_path + camera.offset, size)
    behind: list[Actor] = [*_decoys(setting, camera, target_surfaces, size), *_passers(setting, camera, wardrobe, size)]
    in_front: list[Actor] = []
    for index, twin in enumerate(_twins(setting, kind, wardrobe.twin_surfaces(target_surfaces), target, size)):
        (in_front if index % 2 else behind).append(twin)
    in_front += _occluders(setting, wardrobe, target, size)
    in_front = [actor for actor in in_front if not _overlap(actor, target, camera)]
    return Scene(background, (*behind, target, *in_front), len(behind), light, camera, frames)


def _light(setting: Setting) -> Light:
    rng, scenario, frames = setting.stream("light"), setting.scenario, setting.frames
    # Lamps without infrared would leave a camera beyond 700 nm in the dark.
    names = ("d65", "d50", "a", "halogen") if max(setting.sensor.centres_nm) > 700 else ("d65", "d50", "a", "halogen", "fl2", "led_b3")
    first = str(rng.choice(names, p=_first_heavy(len(names))))
    second = first
    if scenario.warming:
        second = "a" if first != "a" else "d65"
    course = 0.5 - 0.5 * np.cos(np.pi * np.clip(np.linspace(-0.15, 1.35, frames), 0.0, 1.0))
    flicker = 0.03 * motion.smooth_noise(rng, frames, 8.0)[:, 0] if scenario.dimming < 1 else np.zeros(frames)
    intensity = np.exp(np.log(scenario.dimming) * course + flicker)
    sweep = np.linspace(-1.6, 1.2, frames) if rng.random() < 0.5 else 1.3 * np.sin(np.linspace(-1.5, 2.5, frames))
    shadow = np.stack([np.full(frames, rng.uniform(0, 2 * np.pi)), sweep, np.full(frames, scenario.shadow)], axis=1)
    return Light(first, second, intensity, course if scenario.warming else np.zeros(frames), shadow, float(rng.uniform(0.06, 0.3)))


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
    if scenario.leaps:
        path = motion.leaps(rng, path, mean_size, scenario.leaps, area)
    if scenario.leaves:
        path = _leaving(rng, path, size, height, width)
    reach = scenario.pan_px * frames
    offset = motion.wander(rng, frames, scenario.pan_px, (0.0, 0.0, reach * 0.8 + 1, reach * 0.3 + 1), restless=0.05)
    offset = offset - offset[0] + motion.tremor(rng, frames, scenario.tremor_px)
    defocus = scenario.defocus_px * np.clip(0.5 + 0.7 * motion.smooth_noise(rng, frames, frames / 6 + 1)[:, 0], 0.0, 1.0)
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
    ways = ((-middle[0] - depth, 0.0), (width - middle[0] + depth, 0.0), (0.0, -middle[1] - depth), (0.0, height - middle[1] + depth))
    shift = min(ways, key=lambda way: abs(way[0]) + abs(way[1]))
    return motion.excursion(path, start, length, (float(shift[0]), float(shift[1])))


def _background(setting: Setting, camera: Camera, response: NDArray[np.float64]) -> Background:
    rng, scenario = setting.stream("background"), setting.scenario
    low, high = np.floor(camera.offset.min(axis=0)) - _MARGIN_PX, np.ceil(camera.offset.max(axis=0)) + _MARGIN_PX
    width, height = (int(span) for span in high - low + (setting.width, setting.height))
    materials = setting.stream("background materials")
    if scenario.camouflage:
        ground = Surface(_even_ground(rng, setting, height, width), random_endmembers(materials))
        # Regions of a slightly different spectrum and the same false colour: no ground is spectrally even.
        other = metamers(
            ground.endmembers,
            response,
            setting.colour_matrix,
            materials,
            minimum_angle=0.05,
            wanted_angle=float(materials.uniform(0.06, 0.12)),
        )
        return Background((ground, ground.with_endmembers(other)), (_region(rng, height, width),), low)
    pictures = [make_abundances(rng, height, width, textures=setting.textures) for _ in range(2)]
    surfaces = tuple(Surface(picture, random_endmembers(materials)) for picture in pictures)
    return Background(surfaces, (_region(rng, height, width),), low)


def _even_ground(rng: np.random.Generator, setting: Setting, height: int, width: int) -> Abundances:
    """Ground that looks much the same everywhere, as camouflage needs: a picture at half size, with its slow changes taken out."""
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
    """A mask of smooth-edged regions, about a third to a half of the picture: where the ground turns into something else."""
    import cv2

    coarse = rng.normal(size=(int(rng.integers(2, 6)), int(rng.integers(2, 7)))).astype(np.float32)
    field = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    rough = cv2.resize(
        rng.normal(size=(height // 6 + 2, width // 6 + 2)).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC
    )
    field = field + 0.12 * rough
    return np.asarray(np.clip((field - np.float32(rng.uniform(0.0, 0.4))) * 12.0 + 0.5, 0.0, 1.0), dtype=np.float32)


class _Wardrobe:
    """Materials for the actors: ordinary colours that differ from their surroundings, or metamers that do not."""

    def __init__(self, setting: Setting, response: NDArray[np.float64], background: Background) -> None:
        self.setting, self.response, self.background = setting, response, background

    def target_surfaces(self, size: NDArray[np.float64]) -> list[Surface]:
        """The target's surfaces: the background's own picture under camouflage, else pictures of its own."""
        setting, scenario = self.setting, self.setting.scenario
        rng, materials = setting.stream("target pictures"), setting.stream("target materials")
        ground = self.background.surfaces[0]
        if not scenario.camouflage:
            return self._dressed(rng, materials, ground)
        pictures = [crop(rng, ground.abundances, max(8, round(1.5 * float(size[0])))) for _ in range(2)]
        if scenario.spectra == "metamers":
            new = self._metamer(materials, ground, [self.background.surfaces[1].endmembers])
        else:
            new = self._distinct(materials, ground)
        return [Surface(picture, new) for picture in pictures]

    def twin_surfaces(self, target: Sequence[Surface]) -> list[list[Surface]]:
        """For each twin, the target's pictures in other materials."""
        setting, scenario = self.setting, self.setting.scenario
        rng = setting.stream("twin materials")
        made: list[list[Endmembers]] = [[] for _ in target]
        for _ in range(scenario.twins):
            for known, surface in zip(made, target, strict=True):
                known.append(self._metamer(rng, surface, known) if scenario.spectra == "metamers" else self._distinct(rng, surface))
        return [[surface.with_endmembers(made[i][twin]) for i, surface in enumerate(target)] for twin in range(scenario.twins)]

    def ordinary(self, rng: np.random.Generator) -> list[Surface]:
        """Surfaces of something else in the scene."""
        return self._dressed(rng, rng, None)

    def _dressed(self, rng: np.random.Generator, materials: np.random.Generator, unlike: Surface | None) -> list[Surface]:
        if rng.random() < 0.6:
            pictures = [two_tone(rng, _TEXTURE_PX) for _ in range(3)]
        else:
            picture = make_abundances(rng, _TEXTURE_PX, _TEXTURE_PX, textures=self.setting.textures)
            pictures = [picture, *(crop(rng, picture, _TEXTURE_PX // 2) for _ in range(2))]
        surfaces = []
        for index, part in enumerate(pictures):
            draft = Surface(part, random_endmembers(materials))
            surfaces.append(draft if index or unlike is None else draft.with_endmembers(self._distinct(materials, unlike, part)))
        return surfaces

    def _metamer(self, rng: np.random.Generator, surface: Surface, unlike: list[Endmembers]) -> Endmembers:
        """Materials of the surface's false colour at a spectral angle that a noisy pixel shows, but no more than nature offers."""
        angle = float(rng.uniform(0.15, 0.35))
        return metamers(
            surface.endmembers, self.response, self.setting.colour_matrix, rng, minimum_angle=0.1, wanted_angle=angle, unlike=unlike
        )

    def _distinct(self, rng: np.random.Generator, unlike: Surface, picture: Abundances | None = None) -> Endmembers:
        """Materials whose false colour, for that picture, is well away from another surface's: the second best of sixteen drawn."""
        colours = self.response @ self.setting.colour_matrix
        reference = np.log(unlike.abundances.mean(axis=(0, 1)) @ unlike.endmembers @ colours + 1e-6)
        mean = (unlike.abundances if picture is None else picture).mean(axis=(0, 1))
        drawn = [random_endmembers(rng) * np.exp(rng.uniform(-0.9, 0.25)) for _ in range(16)]
        distance = [float(np.linalg.norm(np.log(mean @ members @ colours + 1e-6) - reference)) for members in drawn]
        return np.asarray(drawn[int(np.argsort(distance)[-2])])


def _moving_actor(
    setting: Setting,
    name: str,
    kind: str,
    surfaces: Sequence[Surface],
    centre: NDArray[np.float64],
    size: NDArray[np.float64],
    *,
    own: str = "",
) -> Actor:
    """An actor with the scenario's turning and deformation; `own` names its random stream where it is not the target."""
    scenario, frames = setting.scenario, setting.frames
    body = build_body(setting.stream("body"), kind, surfaces, Build(scenario.bend, scenario.swing, 0.1 if scenario.camouflage else 1.0))
    rng = setting.stream("turning" + own)
    upright = kind in ("person", "animal", "car")
    roll = motion.turn_track(rng, frames, scenario.roll_rate, scenario.wobble * (0.4 if upright else 1.0))
    if not upright:
        roll = roll + rng.uniform(-0.3, 0.3)
    yaw = motion.turn_track(rng, frames, scenario.yaw_rate if kind in ("ball", "box") else 0.0, scenario.tilt)
    if kind == "box":
        yaw = yaw + rng.uniform(-0.6, 0.6)
    pitch = np.asarray((0.25 if kind == "box" else 0.0) + 0.5 * scenario.tilt * motion.smooth_noise(rng, frames, frames / 10 + 2)[:, 0])
    # A flat thing is never seen edge-on: it would vanish.
    if kind not in ("ball", "box"):
        yaw, pitch = np.asarray(np.clip(yaw, -1.1, 1.1)), np.asarray(np.clip(pitch, -1.1, 1.1))
    phase = 2 * np.pi * np.arange(frames, dtype=np.float64) / scenario.stride + rng.uniform(0, 2 * np.pi)
    scale = size / _unit_size(body, float(roll[0]), float(yaw[0]), float(pitch[0]), float(phase[0]))
    return Actor(name, body, centre, scale, roll, yaw, pitch, phase)


def _unit_size(body: Body, roll: float, yaw: float, pitch: float, phase: float) -> float:
    """Square root of the box area of a body of half-size 1."""
    box = outline_box([patch.outline for patch in body.patches(Pose(np.zeros(2), 1.0, roll, yaw, pitch, phase))])
    return float(np.sqrt(box[2] * box[3]))


def _twins(setting: Setting, kind: str, surfaces: list[list[Surface]], target: Actor, size: NDArray[np.float64]) -> list[Actor]:
    """Twins that keep near the target and cross it now and then: they swing through its place on slowly turning lines."""
    rng, frames = setting.stream("twin motion"), setting.frames
    time = np.arange(frames)
    twins = []
    for index, dress in enumerate(surfaces):
        period = rng.uniform(75.0, 120.0)
        radius = rng.uniform(1.7, 2.5) * size
        direction = rng.uniform(0, 2 * np.pi) + 2.4 * index + rng.choice([-1, 1]) * rng.uniform(0.0, 0.01) * time
        swing = np.cos(2 * np.pi * time / period + rng.uniform(-0.3, 0.3)) * radius
        offset = swing[:, None] * np.stack([np.cos(direction), np.sin(direction)], axis=1)
        offset += 0.25 * size[:, None] * motion.smooth_noise(rng, frames, 10.0, 2)
        twins.append(_moving_actor(setting, "twin", kind, dress, target.centre + offset, size, own=f" of twin {index}"))
    return twins


def _decoys(setting: Setting, camera: Camera, surfaces: Sequence[Surface], size: NDArray[np.float64]) -> list[Actor]:
    """Resting things in the target's materials, spread over all the ground that comes into view."""
    rng, frames = setting.stream("decoys"), setting.frames
    low, high = camera.offset.min(axis=0), camera.offset.max(axis=0) + np.array([setting.width, setting.height])
    decoys = []
    for _ in range(setting.scenario.decoys):
        dress = [surfaces[index] for index in rng.permutation(len(surfaces))]
        body = build_body(rng, "patchwork", dress)
        centre, half = rng.uniform(low, high), rng.uniform(0.35, 0.8) * float(size[0])
        decoys.append(_resting("decoy", body, centre, half, frames, roll=float(rng.uniform(0, 2 * np.pi))))
    return decoys


def _passers(setting: Setting, camera: Camera, wardrobe: _Wardrobe, size: NDArray[np.float64]) -> list[Actor]:
    """Other moving things in ordinary colours."""
    rng, frames = setting.stream("passers"), setting.frames
    passers = []
    for index in range(setting.scenario.passers):
        area = (0.0, 0.0, float(setting.width), float(setting.height))
        path = motion.wander(rng, frames, setting.scenario.speed * float(size.mean()), area) + camera.offset
        kind = str(rng.choice(["person", "animal", "car", "patchwork"]))
        own = np.full(frames, float(size.mean()) * rng.uniform(0.7, 1.4))
        passers.append(_moving_actor(setting, "passer-by", kind, wardrobe.ordinary(rng), path, own, own=f" of passer {index}"))
    return passers


def _occluders(setting: Setting, wardrobe: _Wardrobe, target: Actor, size: NDArray[np.float64]) -> list[Actor]:
    """Posts, trunks and bushes at places that the target will pass."""
    rng, scenario, frames = setting.stream("occluders"), setting.scenario, setting.frames
    occluders = []
    for index in range(scenario.occluders):
        at = int(frames * (index + rng.uniform(0.55, 0.95)) / (scenario.occluders + 0.3))
        at = min(at, frames - 1)
        surfaces, half = wardrobe.ordinary(rng), rng.uniform(*scenario.occluder_size) * float(size[at])
        centre = target.centre[at] + rng.normal(0.0, 0.15, 2) * size[at]
        if rng.random() < 0.6:
            body, scale = build_body(rng, "pole", surfaces), 2.0 * half
        else:
            body, scale = build_body(rng, "patchwork", surfaces[:1], Build(bend=0.1)), half
        occluders.append(_resting("occluder", body, centre, scale, frames, roll=float(rng.normal(0.0, 0.06))))
    return occluders


def _resting(name: str, body: Body, centre: NDArray[np.float64], scale: float, frames: int, *, roll: float) -> Actor:
    still = np.zeros(frames)
    return Actor(name, body, np.tile(centre, (frames, 1)), still + scale, still + roll, still, still, still)


def _overlap(actor: Actor, target: Actor, camera: Camera) -> bool:
    """Whether an actor hides part of the target in frame 0, where its box must be learnt."""
    outlines, masked = ([patch.outline for patch in one.body.patches(one.pose(0.0, camera))] for one in (actor, target))
    window = bounds(masked)
    return intersection(bounds(outlines), window) is not None and bool((fill_union(outlines, window) & fill_union(masked, window)).any())


def _first_heavy(count: int) -> NDArray[np.float64]:
    weights = np.array([0.4, 0.2, *([0.4 / (count - 2)] * (count - 2))])
    return np.asarray(weights / weights.sum())
