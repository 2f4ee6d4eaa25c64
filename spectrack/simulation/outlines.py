"""Closed outlines of random things: blobs, polygons, rounded rectangles, stars and unions such as figures and vehicles.

An outline is an (n, 2) float64 array of x, y around the origin with its largest half-extent about 1; it is the common
currency of the pictures (leaves) and of the objects (masks and exact boxes under any warp).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Outline = NDArray[np.float64]

_POINTS = 48


def random_outline(rng: np.random.Generator) -> Outline:
    """One outline of a random kind, rotation and elongation; (n, 2), largest half-extent 1."""
    kind: Callable[[np.random.Generator], Outline] = OUTLINE_KINDS[rng.choice(len(OUTLINE_KINDS), p=_WEIGHTS)]
    points = kind(rng)
    stretch = np.exp(rng.normal(0.0, 0.35))
    points = points * np.array([stretch, 1.0 / stretch])
    angle = rng.uniform(0.0, 2.0 * np.pi)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = points @ turn.T
    return np.asarray(points / np.abs(points).max())


def blob(rng: np.random.Generator) -> Outline:
    """A smooth star-shaped blob: a circle whose radius carries a few random harmonics."""
    angle = _angles()
    radius = np.ones_like(angle)
    for order in range(2, int(rng.integers(4, 8))):
        radius += rng.normal(0.0, 0.35 / order) * np.cos(order * angle + rng.uniform(0.0, 2.0 * np.pi))
    return _polar(np.clip(radius, 0.25, None), angle)


def superellipse(rng: np.random.Generator) -> Outline:
    """Anything from a diamond over an ellipse to a rounded rectangle."""
    angle, power = _angles(), 2.0 / rng.choice([1.2, 2.0, 2.0, 3.0, 5.0, 12.0])
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.stack([np.sign(cosine) * np.abs(cosine) ** power, np.sign(sine) * np.abs(sine) ** power], axis=1)


def polygon(rng: np.random.Generator) -> Outline:
    """A polygon of three to eight corners at jittered angles."""
    corners = int(rng.integers(3, 9))
    angle = 2.0 * np.pi * (np.arange(corners) + rng.uniform(-0.3, 0.3, corners)) / corners
    return _polar(rng.uniform(0.6, 1.0, corners), angle)


def star(rng: np.random.Generator) -> Outline:
    """A star or leaf with spikes."""
    spikes = int(rng.integers(4, 11))
    angle = np.pi * np.arange(2 * spikes) / spikes
    radius = np.where(np.arange(2 * spikes) % 2 == 0, 1.0, rng.uniform(0.35, 0.8))
    return _polar(radius, angle)


def figure(rng: np.random.Generator) -> Outline:
    """A standing figure: head, shoulders, hips and legs, left-right jittered."""
    heights = np.array([-1.0, -0.95, -0.78, -0.7, -0.62, -0.2, 0.05, 0.55, 1.0])
    widths = np.array([0.04, 0.12, 0.14, 0.1, 0.3, 0.24, 0.24, 0.2, 0.16]) * rng.uniform(0.7, 1.3, 9)
    left = np.stack([-widths * rng.uniform(0.8, 1.2, 9), heights], axis=1)
    right = np.stack([widths * rng.uniform(0.8, 1.2, 9), heights], axis=1)
    crotch = np.array([[rng.uniform(-0.05, 0.05), rng.uniform(0.3, 0.7)]])
    return np.concatenate([left, crotch, right[::-1]])


def vehicle(rng: np.random.Generator) -> Outline:
    """A side view of a car-like thing: body, cabin and two wheels."""
    roof = rng.uniform(0.3, 0.75)
    front, back = rng.uniform(-0.6, -0.3), rng.uniform(0.3, 0.7)
    hood, cabin = [(-1.0, 0.0), (front - 0.15, -0.05)], [(front + 0.1, -roof), (back - 0.1, -roof)]
    upper = [*hood, *cabin, (back + 0.2, -0.05), (1.0, 0.02)]
    lower = [(1.0, 0.35), (0.78, 0.5), (0.5, 0.5), (0.35, 0.36), (-0.35, 0.36), (-0.5, 0.5), (-0.78, 0.5), (-1.0, 0.35)]
    return np.array(upper + lower) + rng.normal(0.0, 0.02, (14, 2))


_Maker = Callable[[np.random.Generator], Outline]
OUTLINE_KINDS: tuple[_Maker, ...] = (blob, superellipse, polygon, star, figure, vehicle)
_WEIGHTS = (0.32, 0.26, 0.2, 0.06, 0.08, 0.08)


def _angles() -> NDArray[np.float64]:
    return np.linspace(0.0, 2.0 * np.pi, _POINTS, endpoint=False)


def _polar(radius: NDArray[np.float64], angle: NDArray[np.float64]) -> Outline:
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
