"""Casting: bodies of the kinds that scenarios ask for, put together from outlines and surfaces.

A body is built from a random generator and a list of surfaces; the same generator state with other surfaces gives the
same body in other materials, which is how twins and camouflaged targets get their ordinary counterparts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from spectrack.errors import ConfigError, nearest_name
from spectrack.simulation.bodies import BallBody, Bend, BoxBody, FlatBody, Part
from spectrack.simulation.outlines import Outline, figure, random_outline, vehicle
from spectrack.simulation.poses import Body
from spectrack.simulation.shapes import densified, ellipse
from spectrack.simulation.surfaces import Surface

WALL_ASPECT = 0.46
"""Width of a wall over its height."""


@dataclass(frozen=True)
class Build:
    """How a body is made.

    Attributes:
        bend: strength of bending in half-sizes, for flat kinds.
        swing: amplitude of swinging limbs in radians, for kinds that have some.
        relief: how much light models the shape, 1 as the sun does, 0 not at all (countershading, which hides).
    """

    bend: float = 0.0
    swing: float = 0.0
    relief: float = 1.0


def build_body(rng: np.random.Generator, kind: str, surfaces: Sequence[Surface], build: Build | None = None) -> Body:
    """A body of a kind.

    Args:
        rng: the only source of randomness.
        kind: one of `BODY_KINDS`.
        surfaces: one or more; the first is the main one.
        build: deformation and relief; rigid and sunlit by default.

    Raises:
        ConfigError: unknown kind.
    """
    if kind not in _BUILDERS:
        raise ConfigError(f"expected a kind of body, found {kind!r}; {nearest_name(kind, BODY_KINDS)}")
    return _BUILDERS[kind](rng, surfaces, build or Build())


def _patchwork(rng: np.random.Generator, surfaces: Sequence[Surface], build: Build) -> Body:
    """One outline with smaller pieces of other materials on it: signs, toys, leaves, bags."""
    outline = densified(random_outline(rng))
    parts = [Part(outline, surfaces[0])]
    middle = outline.mean(axis=0)
    for surface in surfaces[1:]:
        # Between the middle and the rim, so that nothing floats beside the body.
        rim = outline[int(rng.integers(len(outline)))]
        size, place = rng.uniform(0.15, 0.4), middle + rng.uniform(0.0, 0.6) * (rim - middle)
        parts.append(
            Part(densified(random_outline(rng) * size + place), surface, tuple(place.tolist()), 0.5 * build.swing)
        )
    return FlatBody(tuple(parts), _bend(rng, build.bend), build.relief)


def _person(rng: np.random.Generator, surfaces: Sequence[Surface], build: Build) -> Body:
    """Legs and arms that swing in opposition, a trunk and a head."""
    clothes, trousers, skin = surfaces[0], surfaces[1 % len(surfaces)], surfaces[2 % len(surfaces)]
    wide = rng.uniform(0.2, 0.3)
    hip, shoulder = 0.15, -0.45
    limbs = []
    for lag, side in ((0.0, -1.0), (np.pi, 1.0)):
        leg = _limb(side * wide * 0.5, hip - 0.05, 1.0, rng.uniform(0.1, 0.14))
        arm = _limb(side * wide * 0.9, shoulder, 0.2, rng.uniform(0.06, 0.09))
        limbs.append(Part(leg, trousers, (side * wide * 0.5, hip), build.swing, lag))
        limbs.append(Part(arm, clothes, (side * wide * 0.9, shoulder), build.swing, lag + np.pi))
    trunk = np.array(
        [(-wide, shoulder - 0.08), (wide, shoulder - 0.08), (wide * 0.8, hip + 0.08), (-wide * 0.8, hip + 0.08)]
    )
    head = ellipse(24) * np.array([0.15, 0.2]) + np.array([0.0, -0.78])
    parts = (limbs[0], limbs[2], limbs[1], Part(densified(trunk), clothes), limbs[3], Part(head, skin))
    return FlatBody(parts, _bend(rng, build.bend), build.relief)


def _animal(rng: np.random.Generator, surfaces: Sequence[Surface], build: Build) -> Body:
    """A trunk on four legs with a neck, a head and a tail."""
    coat, other = surfaces[0], surfaces[1 % len(surfaces)]
    length, depth = 0.62, rng.uniform(0.2, 0.32)
    parts = []
    for index, x in enumerate((-0.5, -0.38, 0.38, 0.5)):
        leg = _limb(x, 0.0, rng.uniform(0.6, 0.7), 0.08)
        parts.append(Part(leg, other, (x, 0.0), build.swing, (0.0, np.pi, np.pi, 0.0)[index]))
    parts.append(Part(_limb(-length, -0.15, 0.35, 0.045), coat, (-length, -0.15), build.swing, 1.0))
    parts.append(Part(densified(ellipse(40) * np.array([length, depth])), coat))
    neck = np.array([(0.4, -0.1), (0.62, -0.62), (0.82, -0.55), (0.62, 0.05)])
    parts.append(Part(densified(neck), coat, (0.5, 0.0), 0.4 * build.swing))
    parts.append(
        Part(ellipse(24) * np.array([0.2, 0.12]) + np.array([0.8, -0.6]), other, (0.5, 0.0), 0.4 * build.swing)
    )
    return FlatBody(tuple(parts), _bend(rng, build.bend), build.relief)


def _car(rng: np.random.Generator, surfaces: Sequence[Surface], build: Build) -> Body:
    """A vehicle from the side: body, window and wheels."""
    hull, glass, wheel = surfaces[0], surfaces[1 % len(surfaces)], surfaces[2 % len(surfaces)]
    outline = vehicle(rng)
    top = outline[:, 1].min()
    window = np.array([(-0.35, 0.2 * top), (-0.2, 0.8 * top), (0.3, 0.8 * top), (0.5, 0.2 * top)])
    wheels = [Part(ellipse(24) * 0.17 + np.array([x, 0.42]), wheel) for x in (-0.64, 0.64)]
    return FlatBody(
        (Part(densified(outline), hull), Part(densified(window), glass), *wheels), _bend(rng, build.bend), build.relief
    )


def _silhouette(rng: np.random.Generator, surfaces: Sequence[Surface], build: Build) -> Body:
    """A standing figure cut from one sheet."""
    return FlatBody((Part(densified(figure(rng)), surfaces[0]),), _bend(rng, build.bend), build.relief)


def _pole(rng: np.random.Generator, surfaces: Sequence[Surface], build: Build) -> Body:
    """A tall post or tree trunk: things that stand in front."""
    wide = rng.uniform(0.16, 0.3)
    shape = np.array(
        [(-wide, -1.0), (wide * rng.uniform(0.7, 1.1), -1.0), (wide, 1.0), (-wide * rng.uniform(0.9, 1.3), 1.0)]
    )
    return FlatBody((Part(densified(shape), surfaces[0]),), _bend(rng, build.bend), build.relief)


def _wall(rng: np.random.Generator, surfaces: Sequence[Surface], build: Build) -> Body:
    """A screen as wide as `WALL_ASPECT` of its height, with ragged sides: a hedge, a hut, a parked lorry."""
    y = np.linspace(-1.0, 1.0, 24)
    left, right = (WALL_ASPECT + 0.02 * rng.uniform(-1.0, 1.0, y.size) for _ in range(2))
    outline = np.concatenate([np.stack([-left, y], axis=1), np.stack([right, y], axis=1)[::-1]])
    return FlatBody((Part(densified(outline), surfaces[0]),), _bend(rng, build.bend), build.relief)


def _ball(rng: np.random.Generator, surfaces: Sequence[Surface], build: Build) -> Body:
    flattened = float(rng.uniform(0.65, 1.0))
    return BallBody(surfaces[0], (1.0, flattened) if rng.random() < 0.5 else (flattened, 1.0), build.relief)


def _box(rng: np.random.Generator, surfaces: Sequence[Surface], build: Build) -> Body:
    sides = rng.uniform(0.45, 1.0, 3)
    x, y, z = (float(side) for side in sides / sides.max())
    return BoxBody(tuple(surfaces[index % len(surfaces)] for index in (0, 1, 2, 0, 1, 2)), (x, y, z), build.relief)


_BUILDERS: dict[str, Callable[[np.random.Generator, Sequence[Surface], Build], Body]] = {
    "patchwork": _patchwork,
    "person": _person,
    "animal": _animal,
    "car": _car,
    "silhouette": _silhouette,
    "pole": _pole,
    "wall": _wall,
    "ball": _ball,
    "box": _box,
}

BODY_KINDS = tuple(_BUILDERS)
"""Kinds of bodies; ``ball`` and ``box`` turn out of the image plane, ``person`` and ``animal`` have limbs."""


def _bend(rng: np.random.Generator, strength: float) -> Bend | None:
    return Bend.random(rng, strength) if strength > 0 else None


def _limb(x: float, top: float, bottom: float, half_width: float) -> Outline:
    foot = 0.8 * half_width
    return densified(np.array([(x - half_width, top), (x + half_width, top), (x + foot, bottom), (x - foot, bottom)]))
