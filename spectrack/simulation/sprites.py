"""Sprites: cut-out things with a natural inside and an exact outline, to be pasted into pictures.

A sprite is one to five shapes fastened together, each with its own surface, under one light. Its outline points follow
any warp exactly, so the box of a rotated, sheared or scaled sprite is exact too.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from spectrack.simulation.outlines import Outline, random_outline
from spectrack.simulation.pictures import Palette, dead_leaves, render_picture

MARGIN = 0.04
"""Free border of a sprite's square, as a share of its side."""


@dataclass(frozen=True)
class Sprite:
    """A thing to paste.

    Attributes:
        picture: (size, size, 4) uint8, colour and coverage (alpha), colour not premultiplied.
        outline: (n, 2) float32, points on the border of the coverage, in sprite pixels with continuous edges; their
            hull is the hull of the thing, which is all a box needs.
    """

    picture: NDArray[np.uint8]
    outline: NDArray[np.float32]


def render_sprite(rng: np.random.Generator, size: int) -> Sprite:
    """A random sprite that fills a square of `size` pixels."""
    palette = Palette.random(rng)
    parts = _arrange_parts(rng)
    extent = np.concatenate(parts)
    low, high = extent.min(axis=0), extent.max(axis=0)
    scale = size * (1 - 2 * MARGIN) / (high - low).max()
    offset = size / 2 - scale * (low + high) / 2
    canvas = np.zeros((size, size, 3), dtype=np.float32)
    coverage = np.zeros((size, size), dtype=np.uint8)
    for part in parts:
        points = part * scale + offset
        mask = _coverage(points, size)
        alpha = (mask.astype(np.float32) / 255)[:, :, None]
        canvas += alpha * (_part_surface(rng, palette, points, size) - canvas)
        coverage = np.maximum(coverage, mask)
    canvas *= _round_light(rng, coverage)[:, :, None]
    picture = np.dstack([np.clip(beyond_the_border(canvas, coverage) * 255 + 0.5, 0, 255).astype(np.uint8), coverage])
    hull = cv2.convexHull((np.concatenate(parts) * scale + offset).astype(np.float32))[:, 0]
    return Sprite(picture, np.asarray(hull, dtype=np.float32))


def beyond_the_border(canvas: NDArray[np.float32], coverage: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The colours undarkened where the border covers a pixel in part, and continued a few pixels beyond it.

    Args:
        canvas: (size, size, 3) colours times coverage.
        coverage: (size, size), 255 for all.

    The canvas began black, so its border is mixed with black; and whoever warps or reduces a sprite mixes neighbours.
    Both would draw a dark rim around every pasted thing, a sign that real objects do not carry.
    """
    alpha = coverage.astype(np.float32)[:, :, None] / 255
    near = cv2.blur(alpha, (9, 9))[:, :, None]
    around = cv2.blur(canvas, (9, 9)) / np.maximum(near, 1e-3)
    return np.asarray(
        np.where(alpha > 0.25, canvas / np.maximum(alpha, 0.25), np.where(near > 0.002, around, 0.0)), dtype=np.float32
    )


def _arrange_parts(rng: np.random.Generator) -> list[Outline]:
    """The main outline, then smaller ones centred inside it, so that everything hangs together."""
    main = random_outline(rng)
    parts = [main]
    for _ in range(int(rng.choice([0, 1, 2, 3, 4], p=[0.25, 0.25, 0.25, 0.15, 0.1]))):
        anchor = main[rng.integers(len(main))] * rng.uniform(0.0, 0.9)
        parts.append(random_outline(rng) * np.exp(rng.uniform(np.log(0.15), np.log(0.6))) + anchor)
    return parts


def _coverage(points: Outline, size: int) -> NDArray[np.uint8]:
    """(size, size) share of each pixel inside a polygon, 255 for all; averaged over 8 x 8 points.

    OpenCV's smooth polygons reach 0.7 pixels beyond their outline: they draw the border as a line of its own.
    """
    fine = np.zeros((size * 8, size * 8), dtype=np.uint8)
    # fillPoly counts from pixel centres, outlines from pixel edges: half a pixel apart.
    cv2.fillPoly(fine, [np.round((points * 8 - 0.5) * 16).astype(np.int32)], 255, cv2.LINE_8, 4)
    return np.asarray(cv2.resize(fine, (size, size), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _part_surface(rng: np.random.Generator, palette: Palette, points: Outline, size: int) -> NDArray[np.float32]:
    x0, y0 = np.clip(np.floor(points.min(axis=0)).astype(int), 0, size - 2)
    x1, y1 = np.clip(np.ceil(points.max(axis=0)).astype(int), (x0 + 2, y0 + 2), size)
    height, width = int(y1 - y0), int(x1 - x0)
    surface = np.zeros((size, size, 3), dtype=np.float32)
    choice = rng.random()
    if choice < 0.55 or min(height, width) < 16:
        fill = palette.fill(rng, height, width)
    elif choice < 0.85:
        fill = dead_leaves(rng, height, width, palette)
    else:
        fill = render_picture(rng, height, width)
    surface[y0:y1, x0:x1] = fill
    return surface


def _round_light(rng: np.random.Generator, coverage: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Shading of a body that curves away towards its border, lit from a random side."""
    size = coverage.shape[0]
    depth = cv2.distanceTransform((coverage > 127).astype(np.uint8), cv2.DIST_L2, 3)
    relief = np.sqrt(np.clip(depth / max(float(depth.max()), 1.0), 0, 1)).astype(np.float32)
    relief = cv2.GaussianBlur(relief, (0, 0), size / 40)
    angle, strength = rng.uniform(0, 2 * np.pi), rng.choice([0.0, rng.uniform(0.0, 6.0)], p=[0.3, 0.7])
    slope = cv2.Sobel(relief, cv2.CV_32F, 1, 0) * np.cos(angle) + cv2.Sobel(relief, cv2.CV_32F, 0, 1) * np.sin(angle)
    return np.asarray(np.clip(1.0 + strength * slope, 0.3, 1.8), dtype=np.float32)
