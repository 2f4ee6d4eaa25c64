"""Bodies: things with a shape, parts and surfaces, and how each looks in a pose.

Three kinds cover what moving objects do to their image: `FlatBody` (parts cut from sheets that swing, bend and tilt in
perspective), `BallBody` (a textured ellipsoid whose pattern turns over the horizon) and `BoxBody` (a cuboid whose sides
come and go). A body in a pose is a list of `Patch`: an exact outline in the image and the way back to the texture.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from spectrack.simulation.outlines import Outline
from spectrack.simulation.poses import EYE_DISTANCE, Grid, Patch, Pose, project
from spectrack.simulation.shapes import ellipse
from spectrack.simulation.surfaces import Surface

TEXTURE_SPAN = 1.3
"""A flat texture covers the square [-1.3, 1.3] of a body's own coordinates; swinging parts stay inside it."""

_SUN = np.array([-0.45, -0.6, 0.66])


@dataclass(frozen=True)
class Part:
    """A piece of a flat body.

    Attributes:
        outline: (n, 2) in body coordinates.
        surface: its material and picture.
        pivot: (2,) the point it swings about.
        swing: amplitude in radians, 0 for a rigid part.
        lag: phase behind the body's cycle, radians.
    """

    outline: Outline
    surface: Surface
    pivot: tuple[float, float] = (0.0, 0.0)
    swing: float = 0.0
    lag: float = 0.0


@dataclass(frozen=True)
class Bend:
    """A smooth warp of a flat body: a sum of travelling waves of displacement.

    Attributes:
        amplitude: (m, 2) displacement in half-sizes.
        wave: (m, 2) wave vectors in radians per half-size.
        offset: (m,) phases at rest.
        speed: (m,) how much of the body's phase each wave follows.
    """

    amplitude: NDArray[np.float64]
    wave: NDArray[np.float64]
    offset: NDArray[np.float64]
    speed: NDArray[np.float64]

    @classmethod
    def random(cls, rng: np.random.Generator, strength: float) -> Bend:
        """Three waves whose displacements have a root mean square of about `strength` half-sizes.

        The slope stays below 0.6, so the warp is invertible by iteration: strengths up to 0.25 are bounded accordingly.
        """
        direction, heading = rng.uniform(0, 2 * np.pi, 3), rng.uniform(0, 2 * np.pi, 3)
        number = rng.uniform(0.8, 2.2, 3)
        amplitude = np.stack([np.cos(direction), np.sin(direction)], axis=1) * rng.uniform(0.5, 1.0, (3, 1))
        amplitude *= strength * np.sqrt(2.0) / np.sqrt((amplitude**2).sum())
        slope = float((np.hypot(*amplitude.T) * number).sum())
        wave = np.stack([np.cos(heading), np.sin(heading)], axis=1) * number[:, None]
        amplitude *= min(1.0, 0.6 / max(slope, 1e-9))
        return cls(amplitude, wave, rng.uniform(0, 2 * np.pi, 3), rng.choice([-1.0, 1.0, 2.0], 3))

    def shift(self, x: Grid, y: Grid, phase: float) -> tuple[Grid, Grid]:
        """Displacement in x and y of the points (x, y)."""
        dx, dy = np.zeros_like(x), np.zeros_like(y)
        waves = zip(self.amplitude.tolist(), self.wave.tolist(), self.offset.tolist(), self.speed.tolist(), strict=True)
        for (ax, ay), (kx, ky), offset, speed in waves:
            height = np.sin(kx * x + ky * y + (offset + speed * phase))
            dx += ax * height
            dy += ay * height
        return dx, dy

    def undo(self, x: Grid, y: Grid, phase: float) -> tuple[Grid, Grid]:
        """Points that the warp moves to (x, y), by fixed-point iteration; to 0.02 half-sizes, enough for texture."""
        u, v = x, y
        for _ in range(2):
            dx, dy = self.shift(u, v, phase)
            u, v = x - dx, y - dy
        return u, v


@dataclass(frozen=True)
class FlatBody:
    """Parts cut from flat sheets: swinging, bending together, tilted in perspective.

    Attributes:
        parts: in drawing order.
        bend: the common warp, or None.
        relief: how much tilting away darkens, 0..1.
    """

    parts: tuple[Part, ...]
    bend: Bend | None = None
    relief: float = 1.0

    def patches(self, pose: Pose) -> list[Patch]:
        """The parts' patches; see `Body`."""
        homography = pose.plane(np.array([1.0, 0, 0]), np.array([0, 1.0, 0]), np.zeros(3))
        facing = 1.0 - 0.45 * self.relief * (1.0 - abs(float(pose.rotation()[2, 2])))
        return [self._patch(part, pose, homography, facing) for part in self.parts]

    def reach(self) -> float:
        """See `Body`; outlines have a half-extent of 1, bends and perspective add to its diagonal."""
        return 1.9

    def _patch(self, part: Part, pose: Pose, homography: NDArray[np.float64], facing: float) -> Patch:
        angle = part.swing * float(np.sin(pose.phase - part.lag))
        cosine, sine = float(np.cos(angle)), float(np.sin(angle))
        turn = np.array([[cosine, -sine], [sine, cosine]])
        pivot = np.asarray(part.pivot)
        points = (part.outline - pivot) @ turn.T + pivot
        if self.bend is not None:
            points = points + np.stack(self.bend.shift(points[:, 0], points[:, 1], pose.phase), axis=1)
        back = np.asarray(np.linalg.inv(homography), dtype=np.float64)

        def locate(x: Grid, y: Grid) -> tuple[Grid, Grid]:
            u, v = project(back, x, y)
            if self.bend is not None:
                u, v = self.bend.undo(u, v, pose.phase)
            if angle:
                du, dv = u - part.pivot[0], v - part.pivot[1]
                u, v = cosine * du + sine * dv + part.pivot[0], cosine * dv - sine * du + part.pivot[1]
            return (u / TEXTURE_SPAN + 1) / 2, (v / TEXTURE_SPAN + 1) / 2

        outline = np.stack(project(homography, points[:, 0], points[:, 1]), axis=1)
        texels = part.surface.abundances.shape[0] / (2 * TEXTURE_SPAN * max(pose.scale, 1e-3))
        return Patch(outline, outline, part.surface, locate, facing, texels)


@dataclass(frozen=True)
class BallBody:
    """An ellipsoid seen from the side; its picture, mirrored once to close around it, turns with yaw and pitch.

    Attributes:
        surface: the picture covers half of the way round; the other half is its mirror image.
        axes: half-sizes along the body's x and y, the larger 1.
        relief: how much light models its roundness, 0..1.
    """

    surface: Surface
    axes: tuple[float, float] = (1.0, 1.0)
    relief: float = 1.0

    def patches(self, pose: Pose) -> list[Patch]:
        """One patch; see `Body`."""
        cr, sr = float(np.cos(pose.roll)), float(np.sin(pose.roll))
        cx, cy = pose.centre.tolist()
        rotation = Pose(pose.centre, 1.0, 0.0, pose.yaw, pose.pitch).rotation()
        turn = np.array([[cr, -sr], [sr, cr]])
        outline = (ellipse() * np.asarray(self.axes) * pose.scale) @ turn.T + pose.centre

        def normal(x: Grid, y: Grid) -> Grid:
            dx, dy = (x - cx) / pose.scale, (y - cy) / pose.scale
            a, b = (cr * dx + sr * dy) / self.axes[0], (cr * dy - sr * dx) / self.axes[1]
            # Beyond the rim the last visible point is repeated: soft edge pixels need a colour too.
            radius = np.maximum(np.hypot(a, b) / 0.999, 1.0)
            a, b = a / radius, b / radius
            return np.stack([a, b, -np.sqrt(1.0 - a * a - b * b)], axis=-1)

        def locate(x: Grid, y: Grid) -> tuple[Grid, Grid]:
            point = normal(x, y) @ rotation  # = R^T n, the point of the ball at rest
            longitude = np.arctan2(point[..., 0], -point[..., 2]) / np.pi
            return 2.0 * np.abs((longitude * 0.5 + 0.25) % 1.0 - 0.5), (
                np.arcsin(np.clip(point[..., 1], -1, 1)) / np.pi
            ) + 0.5

        def shade(x: Grid, y: Grid) -> Grid:
            facing = normal(x, y) @ np.array([_SUN[0], _SUN[1], -_SUN[2]])
            return np.asarray(_lit(facing, self.relief))

        texels = self.surface.abundances.shape[0] / (np.pi * max(pose.scale, 1e-3))
        return [Patch(outline, outline, self.surface, locate, shade, texels)]

    def reach(self) -> float:
        """See `Body`."""
        return 1.05


_FACES = tuple((axis, sign) for axis in range(3) for sign in (-1.0, 1.0))


@dataclass(frozen=True)
class BoxBody:
    """A cuboid in perspective, each side a surface of its own and lit by its direction.

    Attributes:
        surfaces: six, for the sides -x, +x, -y, +y, -z (towards the eye at rest), +z.
        half_sides: along x, y, z, the largest 1.
        relief: how much the sides differ in light, 0..1.
    """

    surfaces: tuple[Surface, ...]
    half_sides: tuple[float, float, float] = (1.0, 0.7, 0.6)
    relief: float = 1.0

    def patches(self, pose: Pose) -> list[Patch]:
        """The visible sides; see `Body`."""
        rotation, unit = pose.rotation(), np.eye(3)
        quads: list[tuple[Outline, NDArray[np.float64], Surface, float]] = []
        for (axis, sign), surface in zip(_FACES, self.surfaces, strict=True):
            normal = rotation[:, axis] * sign
            centre = unit[axis] * sign * self.half_sides[axis]
            # Seen when the eye, at z = -6 on the axis, is on the outer side.
            if float(normal @ (np.array([0.0, 0.0, -EYE_DISTANCE]) - rotation @ centre)) <= 0:
                continue
            first, second = (
                unit[(axis + 1) % 3] * self.half_sides[(axis + 1) % 3],
                unit[(axis + 2) % 3] * self.half_sides[(axis + 2) % 3],
            )
            homography = pose.plane(first, second, centre)
            corners = np.array([(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)])
            quad = np.stack(project(homography, corners[:, 0], corners[:, 1]), axis=1)
            lit = float(_lit(normal @ np.array([_SUN[0], _SUN[1], -_SUN[2]]), self.relief))
            quads.append((quad, homography, surface, lit))
        hull = np.asarray(
            cv2.convexHull(np.concatenate([quad for quad, *_ in quads]).astype(np.float32)), dtype=np.float64
        )[:, 0]
        patches = []
        for index, (quad, homography, surface, lit) in enumerate(quads):
            texels = surface.abundances.shape[0] / (2 * max(pose.scale * max(self.half_sides), 1e-3))
            patches.append(Patch(quad, hull if index == 0 else quad, surface, _face_locator(homography), lit, texels))
        return patches

    def reach(self) -> float:
        """See `Body`; the diagonal, enlarged by perspective."""
        return 1.25 * float(np.linalg.norm(self.half_sides))


def _face_locator(homography: NDArray[np.float64]) -> Callable[[Grid, Grid], tuple[Grid, Grid]]:
    back = np.asarray(np.linalg.inv(homography), dtype=np.float64)

    def locate(x: Grid, y: Grid) -> tuple[Grid, Grid]:
        u, v = project(back, x, y)
        return (u + 1) / 2, (v + 1) / 2

    return locate


def _lit(facing: Grid, relief: float) -> Grid:
    """Brightness by the cosine to the sun over skylight; 0.9 on average, whatever the relief."""
    return np.asarray(0.9 + relief * (0.6 * np.maximum(facing, 0.0) - 0.4))
