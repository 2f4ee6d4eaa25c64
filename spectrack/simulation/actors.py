"""Actors of a scene and how they move: the target, its twins, decoys, passers-by and what the target passes behind."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from spectrack.simulation import motion
from spectrack.simulation.absences import screen_place
from spectrack.simulation.actor_materials import ActorMaterials
from spectrack.simulation.camera import Camera
from spectrack.simulation.casting import Build, build_body
from spectrack.simulation.poses import Body, Pose
from spectrack.simulation.scene import Actor
from spectrack.simulation.setting import Setting
from spectrack.simulation.shapes import bounds, fill_union, intersection, outline_box
from spectrack.simulation.surfaces import Surface


def moving_actor(
    setting: Setting,
    name: str,
    kind: str,
    surfaces: Sequence[Surface],
    centre: NDArray[np.float64],
    size: NDArray[np.float64],
    *,
    own: str = "",
) -> Actor:
    """An actor with the scenario's turning and deformation; `own` names its random stream unless it is the target."""
    scenario, frames = setting.scenario, setting.frames
    build = Build(scenario.bend, scenario.swing, 0.1 if scenario.camouflage else 1.0)
    body = build_body(setting.stream("body"), kind, surfaces, build)
    rng = setting.stream("turning" + own)
    upright = kind in ("person", "animal", "car")
    roll = motion.turn_track(rng, frames, scenario.roll_rate, scenario.wobble * (0.4 if upright else 1.0))
    if not upright:
        roll = roll + rng.uniform(-0.3, 0.3)
    yaw = motion.turn_track(rng, frames, scenario.yaw_rate if kind in ("ball", "box") else 0.0, scenario.tilt)
    if kind == "box":
        yaw = yaw + rng.uniform(-0.6, 0.6)
    pitch = np.asarray(
        (0.25 if kind == "box" else 0.0) + 0.5 * scenario.tilt * motion.smooth_noise(rng, frames, frames / 10 + 2)[:, 0]
    )
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


def make_twins(
    setting: Setting, kind: str, surfaces: list[list[Surface]], target: Actor, size: NDArray[np.float64]
) -> list[Actor]:
    """Twins that keep near the target and cross it now and then: they swing through it on slowly turning lines."""
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
        twins.append(moving_actor(setting, "twin", kind, dress, target.centre + offset, size, own=f" of twin {index}"))
    return twins


def make_decoys(
    setting: Setting, camera: Camera, surfaces: Sequence[Surface], size: NDArray[np.float64]
) -> list[Actor]:
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


def make_passers(setting: Setting, camera: Camera, materials: ActorMaterials, size: NDArray[np.float64]) -> list[Actor]:
    """Other moving things in ordinary colours."""
    rng, frames = setting.stream("passers"), setting.frames
    passers = []
    for index in range(setting.scenario.passers):
        area = (0.0, 0.0, float(setting.width), float(setting.height))
        path = motion.wander(rng, frames, setting.scenario.speed * float(size.mean()), area) + camera.offset
        kind = str(rng.choice(["person", "animal", "car", "patchwork"]))
        own = np.full(frames, float(size.mean()) * rng.uniform(0.7, 1.4))
        passers.append(
            moving_actor(setting, "passer-by", kind, materials.ordinary(rng), path, own, own=f" of passer {index}")
        )
    return passers


def make_occluders(
    setting: Setting, materials: ActorMaterials, target: Actor, size: NDArray[np.float64]
) -> list[Actor]:
    """Posts, trunks and bushes at places that the target will pass."""
    rng, scenario, frames = setting.stream("occluders"), setting.scenario, setting.frames
    occluders = []
    for index in range(scenario.occluders):
        at = int(frames * (index + rng.uniform(0.55, 0.95)) / (scenario.occluders + 0.3))
        at = min(at, frames - 1)
        surfaces, half = materials.ordinary(rng), rng.uniform(*scenario.occluder_size) * float(size[at])
        centre = target.centre[at] + rng.normal(0.0, 0.15, 2) * size[at]
        if rng.random() < 0.6:
            body, scale = build_body(rng, "pole", surfaces), 2.0 * half
        else:
            body, scale = build_body(rng, "patchwork", surfaces[:1], Build(bend=0.1)), half
        occluders.append(_resting("occluder", body, centre, scale, frames, roll=float(rng.normal(0.0, 0.06))))
    return occluders


def make_lookalikes(
    setting: Setting, camera: Camera, kind: str, surfaces: list[list[Surface]], size: NDArray[np.float64]
) -> list[Actor]:
    """Things of the target's shape and pictures that go their own ways, and stay when the target is gone."""
    rng, scenario = setting.stream("look-alikes"), setting.scenario
    margin = 0.6 * float(size.max()) + 2
    area = (margin, margin, setting.width - margin, setting.height - margin)
    found = []
    for index, dress in enumerate(surfaces):
        path = motion.wander(rng, setting.frames, scenario.speed * float(size.mean()), area, restless=scenario.restless)
        own = f" of look-alike {index}"
        found.append(moving_actor(setting, "look-alike", kind, dress, path + camera.offset, size, own=own))
    return found


def make_screen(setting: Setting, materials: ActorMaterials) -> Actor:
    """What a target goes behind for long; see `absences`."""
    rng, (centre, half) = setting.stream("screen body"), screen_place(setting)
    return _resting("screen", build_body(rng, "wall", materials.ordinary(rng)), centre, half, setting.frames, roll=0.0)


def _resting(name: str, body: Body, centre: NDArray[np.float64], scale: float, frames: int, *, roll: float) -> Actor:
    still = np.zeros(frames)
    return Actor(name, body, np.tile(centre, (frames, 1)), still + scale, still + roll, still, still, still)


def hides(actor: Actor, target: Actor, camera: Camera) -> bool:
    """Whether an actor hides part of the target in frame 0, where its box must be learnt."""
    outlines, masked = ([patch.outline for patch in one.body.patches(one.pose(0.0, camera))] for one in (actor, target))
    window = bounds(masked)
    return intersection(bounds(outlines), window) is not None and bool(
        (fill_union(outlines, window) & fill_union(masked, window)).any()
    )
