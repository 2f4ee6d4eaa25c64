"""Poses and patches: how a body is turned, and which surfaces are seen, with the way back from image to texture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from spectrack.simulation.outlines import Outline
from spectrack.simulation.shapes import Window
from spectrack.simulation.surfaces import Abundances, Surface

Grid = NDArray[Any]
"""Coordinates of many points, single or double precision."""

EYE_DISTANCE = 6.0
"""Distance of the eye in half-sizes of the body: near enough that a tilted square becomes a trapezium."""


@dataclass(frozen=True)
class Pose:
    """Where a body is and how it is turned.

    Attributes:
        centre: (2,) in pixels.
        scale: half-size in pixels of a body coordinate of 1.
        roll: turn in the image plane, radians.
        yaw: turn about the vertical axis, radians.
        pitch: turn about the horizontal axis, radians.
        phase: where bending and swinging are in their cycles, radians.
    """

    centre: NDArray[np.float64]
    scale: float
    roll: float = 0.0
    yaw: float = 0.0
    pitch: float = 0.0
    phase: float = 0.0

    def rotation(self) -> NDArray[np.float64]:
        """(3, 3) body to eye axes: x right, y down, z away from the eye."""
        cy, sy, cp, sp, cr, sr = (f(a) for a in (self.yaw, self.pitch, self.roll) for f in (np.cos, np.sin))
        yaw = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
        pitch = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
        roll = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
        return np.asarray(roll @ pitch @ yaw)

    def plane(
        self, first: NDArray[np.float64], second: NDArray[np.float64], origin: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """(3, 3) homography from plane coordinates (u, v) at ``origin + u first + v second`` to pixels."""
        axes = self.rotation() @ np.stack([first, second, origin], axis=1)
        x, y = self.centre
        homography = np.empty((3, 3))
        homography[2] = axes[2] / EYE_DISTANCE + (0.0, 0.0, 1.0)
        homography[0] = self.scale * axes[0] + x * homography[2]
        homography[1] = self.scale * axes[1] + y * homography[2]
        return homography


@dataclass(frozen=True)
class Patch:
    """One surface of a body in the image.

    Attributes:
        outline: (n, 2) exact outline in pixels; the truth is made of these.
        cover: (n, 2) outline to paint, at least `outline`; larger where patches meet, so that no seam shows.
        surface: what it is made of.
        locate: pixel centres x, y (h, w) to texture coordinates u, v in [0, 1] of the surface's picture.
        shade: factor of brightness, a number or a function of pixel centres.
        texels_per_pixel: how much the texture is shrunk.
    """

    outline: Outline
    cover: Outline
    surface: Surface
    locate: Callable[[Grid, Grid], tuple[Grid, Grid]]
    shade: float | Callable[[Grid, Grid], Grid]
    texels_per_pixel: float

    def abundances(self, window: Window) -> Abundances:
        """Shaded abundances of the patch's texture over a pixel window, (h, w, 3); meaningless outside `cover`."""
        x0, y0, x1, y1 = window
        # Texture coordinates need no more than single precision, which halves the work.
        x, y = np.meshgrid(
            np.arange(x0, x1, dtype=np.float32) + np.float32(0.5), np.arange(y0, y1, dtype=np.float32) + np.float32(0.5)
        )
        u, v = self.locate(x, y)
        picture, _ = self.surface.level(self.texels_per_pixel)
        height, width = picture.shape[:2]
        # Far outside the patch a perspective inverse runs away; OpenCV would count every reflection on the way back.
        column, row = ((np.clip(a, -1, 2) * n - 0.5).astype(np.float32) for a, n in ((u, width), (v, height)))
        sampled = np.asarray(
            cv2.remap(picture, column, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101), dtype=np.float32
        )
        factor = self.shade(x, y)[:, :, None].astype(np.float32) if callable(self.shade) else np.float32(self.shade)
        return np.asarray(sampled * factor, dtype=np.float32)


class Body(Protocol):
    """What a scene needs of a body."""

    def patches(self, pose: Pose) -> list[Patch]:
        """The visible patches in drawing order; their outlines together are the body's mask."""

    def reach(self) -> float:
        """The farthest any point may be from the centre, in half-sizes."""


def project(homography: NDArray[np.float64], x: Grid, y: Grid) -> tuple[Grid, Grid]:
    """Points through a (3, 3) homography; any shape in, the same out."""
    # Plain floats leave single-precision arrays in single precision.
    (a, b, c), (d, e, f), (g, h, i) = homography.tolist()
    w = g * x + h * y + i
    return (a * x + b * y + c) / w, (d * x + e * y + f) / w
