"""Procedural pictures with natural statistics: what surfaces look like before they get spectra.

Dead leaves (occluding shapes with a power law of sizes, each shaded and textured), leaves made of leaves, streets of
boxes and planes, clouds of 1/f noise and random-filter textures. Pictures are three-channel: colours for an RGB
network, or abundances of three materials for the spectral renderer. Such images teach real features: Baradad, Wulff,
Wang, Isola, Torralba, "Learning to See by Looking at Noise", NeurIPS 2021; the recipes here are our own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from spectrack.simulation.outlines import Outline, random_outline
from spectrack.simulation.textures import Texture, power_law_noise, random_texture

Picture = NDArray[np.float32]

_TEXTURE_SIZE = 192
_TEXTURE_COUNT = 7


@dataclass
class Palette:
    """A few related colours and textures; one palette a picture keeps it coherent, as one place under one light is.

    Attributes:
        colours: (n, 3) in [0, 1].
        textures: grey textures that its surfaces choose from.
    """

    colours: NDArray[np.float32]
    textures: list[Texture] = field(default_factory=list)

    @classmethod
    def random(cls, rng: np.random.Generator) -> Palette:
        """Colours of moderate saturation around a tint, with a wide spread of brightness."""
        count = int(rng.integers(4, 24))
        brightness = np.clip(
            np.exp(rng.normal(np.log(rng.uniform(0.15, 0.5)), rng.uniform(0.3, 0.8), (count, 1))), 0.01, 1.0
        )
        tint = rng.normal(0.0, 0.12, (1, 3))
        chroma = rng.normal(0.0, rng.choice([0.08, 0.2, 0.45], p=[0.4, 0.4, 0.2]), (count, 3))
        colours = np.clip(brightness * (1.0 + tint + chroma), 0.0, 1.0).astype(np.float32)
        return cls(colours, [random_texture(rng, _TEXTURE_SIZE) for _ in range(_TEXTURE_COUNT)])

    def colour(self, rng: np.random.Generator) -> NDArray[np.float32]:
        """(3,) one of the colours, slightly varied."""
        chosen = self.colours[rng.integers(len(self.colours))]
        return np.asarray(np.clip(chosen * rng.uniform(0.85, 1.15, 3), 0.0, 1.0), dtype=np.float32)

    def fill(self, rng: np.random.Generator, height: int, width: int) -> Picture:
        """A textured and shaded surface of (height, width, 3): two colours mixed by a texture, times a gradient."""
        texture = self.textures[rng.integers(len(self.textures))]
        patch = _random_patch(rng, texture, height, width)
        first = self.colour(rng)
        second = np.clip(first * rng.uniform(0.55, 1.5), 0, 1) if rng.random() < 0.7 else self.colour(rng)
        surface = first + patch[:, :, None] * (second - first)
        strength = rng.normal(0.0, 0.3, 2)
        light = (
            1.0 + strength[0] * np.linspace(-1, 1, height)[:, None] + strength[1] * np.linspace(-1, 1, width)[None, :]
        )
        surface *= np.clip(light, 0.25, 1.8)[:, :, None].astype(np.float32)
        return np.asarray(surface, dtype=np.float32)


def render_picture(rng: np.random.Generator, height: int, width: int, kind: str | None = None) -> Picture:
    """A picture of a random kind.

    Args:
        rng: the only source of randomness.
        height: pixels.
        width: pixels.
        kind: one of `PICTURE_KINDS`, or None for a random one.

    Returns:
        (height, width, 3) float32 in [0, 1].
    """
    name = kind if kind is not None else str(rng.choice(list(PICTURE_KINDS), p=_KIND_WEIGHTS))
    picture = PICTURE_KINDS[name](rng, height, width)
    return np.clip(picture, 0.0, 1.0)


def dead_leaves(rng: np.random.Generator, height: int, width: int, palette: Palette | None = None) -> Picture:
    """Occluding textured shapes whose radii follow a power law (Lee, Mumford, Huang, IJCV 2001)."""
    palette = palette or Palette.random(rng)
    canvas = palette.fill(rng, height, width)
    side = min(height, width)
    smallest, largest = rng.uniform(0.006, 0.04) * side + 2, rng.uniform(0.15, 0.7) * side
    for radius in _power_law_radii(rng, int(rng.integers(120, 420)), smallest, largest):
        _paint_leaf(rng, canvas, random_outline(rng) * radius, rng.uniform((0, 0), (width, height)), palette)
    return _finish(rng, canvas)


def nested_leaves(rng: np.random.Generator, height: int, width: int) -> Picture:
    """Large shapes that are dead-leaves pictures themselves: things made of parts, in groups."""
    palettes = [Palette.random(rng) for _ in range(int(rng.integers(2, 4)))]
    inner = [dead_leaves(rng, height // 2, width // 2, palette) for palette in palettes]
    canvas = np.asarray(cv2.resize(inner[0], (width, height)), dtype=np.float32)
    side = min(height, width)
    for radius in _power_law_radii(rng, int(rng.integers(25, 80)), 0.04 * side, 0.35 * side):
        outline = random_outline(rng) * radius
        if rng.random() < 0.35:
            _paint_leaf(
                rng, canvas, outline, rng.uniform((0, 0), (width, height)), palettes[rng.integers(len(palettes))]
            )
            continue
        source, centre = inner[rng.integers(len(inner))], rng.uniform((0, 0), (width, height))
        _paint(canvas, outline + centre, partial(_random_patch, rng, source))
    return _finish(rng, canvas)


def street(rng: np.random.Generator, height: int, width: int) -> Picture:
    """A sky or wall over a receding ground with boxes, poles and bushes standing on it."""
    palette = Palette.random(rng)
    horizon = int(height * rng.uniform(0.15, 0.6))
    canvas = np.concatenate(
        [palette.fill(rng, horizon, width), _receding_ground(rng, palette, height - horizon, width)]
    )
    for base in np.sort(rng.uniform(horizon, height * 1.1, int(rng.integers(8, 40)))):
        nearness = 0.15 + (base - horizon) / height
        tall, wide = (
            np.exp(rng.normal(np.log(nearness * height * 0.4), 0.5)),
            np.exp(rng.normal(np.log(nearness * width * 0.25), 0.6)),
        )
        x = rng.uniform(-0.1, 1.1) * width
        if rng.random() < 0.5:
            outline = np.array([(-wide / 2, -tall), (wide / 2, -tall), (wide / 2, 0), (-wide / 2, 0)])
        else:
            outline = random_outline(rng) * np.array([wide / 2, tall / 2]) - np.array([0, tall / 2])
        _paint(canvas, outline + np.array([x, base]), lambda h, w: palette.fill(rng, h, w))
    for radius in _power_law_radii(rng, int(rng.integers(10, 120)), 2.0, 0.06 * height):
        _paint_leaf(rng, canvas, random_outline(rng) * radius, rng.uniform((0, 0), (width, height)), palette)
    return _finish(rng, canvas)


def clouds(rng: np.random.Generator, height: int, width: int) -> Picture:
    """1/f noise in three mixed channels: haze, water, soil, distant foliage."""
    side = max(height, width)
    exponent = rng.uniform(0.8, 1.6)
    planes = np.stack([power_law_noise(rng, side, exponent) for _ in range(3)], axis=-1)[:height, :width]
    mixing = rng.dirichlet([0.5, 0.5, 0.5], 3).T
    palette = Palette.random(rng)
    low, high = palette.colour(rng), palette.colour(rng)
    return np.asarray(low + (planes @ mixing) ** rng.uniform(0.6, 2.0) * (high - low), dtype=np.float32)


def random_filters(rng: np.random.Generator, height: int, width: int) -> Picture:
    """An untrained generator: noise, doubled in size six times, each time filtered, mixed and rectified."""
    channels = 12
    values: NDArray[Any] = rng.normal(size=(max(4, height // 64), max(4, width // 64), channels)).astype(np.float32)
    for _ in range(6):
        values = cv2.resize(values, (values.shape[1] * 2, values.shape[0] * 2), interpolation=cv2.INTER_LINEAR)
        kernel = rng.normal(size=(3, 3)).astype(np.float32)
        values = cv2.filter2D(values, -1, kernel / np.abs(kernel).sum())
        mixing = rng.normal(0.0, 1.4 / np.sqrt(channels), (channels, channels)).astype(np.float32)
        values = np.asarray(values @ mixing, dtype=np.float32)
        values += rng.normal(0.0, 0.12) * rng.standard_normal(values.shape[:2], dtype=np.float32)[:, :, None]
        values = np.where(values > 0, values, 0.25 * values)
        values /= values.std() + 1e-6
    values = cv2.resize(values[:, :, :3], (width, height))
    low, high = np.percentile(values[::4, ::4], (1, 99), axis=(0, 1))
    unit = np.clip((values - low) / np.maximum(high - low, 1e-6), 0, 1)
    grey = unit.mean(axis=2, keepdims=True)
    return np.asarray(grey + rng.uniform(0.1, 0.8) * (unit - grey), dtype=np.float32) * np.float32(
        rng.uniform(0.4, 1.0)
    )


PICTURE_KINDS: dict[str, Callable[[np.random.Generator, int, int], Picture]] = {
    "leaves": dead_leaves,
    "nested": nested_leaves,
    "street": street,
    "clouds": clouds,
    "filters": random_filters,
}
_KIND_WEIGHTS = (0.38, 0.26, 0.2, 0.06, 0.1)


def _power_law_radii(rng: np.random.Generator, count: int, smallest: float, largest: float) -> NDArray[np.float64]:
    # Density r**-3 by inversion: it makes the whole picture scale invariant. Large ones first, so small ones stay
    # visible more often than in a strictly random order.
    u = rng.random(count)
    radii = 1.0 / np.sqrt(u / largest**2 + (1.0 - u) / smallest**2)
    order = np.argsort(-radii + rng.normal(0.0, rng.uniform(0.2, 2.0) * radii.std() + 1e-9, count))
    return np.asarray(radii[order])


def _paint_leaf(
    rng: np.random.Generator, canvas: Picture, outline: Outline, centre: NDArray[np.float64], palette: Palette
) -> None:
    _paint(canvas, outline + centre, lambda h, w: palette.fill(rng, h, w))
    if rng.random() < 0.15:
        colour = palette.colour(rng) * 0.4
        points = np.round((outline + centre) * 8).astype(np.int32)
        cv2.polylines(canvas, [points], True, colour.tolist(), 1, cv2.LINE_AA, 3)


def _paint(canvas: Picture, outline: Outline, make_fill: Callable[[int, int], Picture]) -> None:
    """Blend a fill into the canvas inside an outline, working in the outline's own window only."""
    height, width = canvas.shape[:2]
    x0, y0 = np.maximum(np.floor(outline.min(axis=0)).astype(int) - 1, 0)
    x1, y1 = np.minimum(np.ceil(outline.max(axis=0)).astype(int) + 2, (width, height))
    if x1 <= x0 or y1 <= y0:
        return
    mask = np.zeros((y1 - y0, x1 - x0), dtype=np.uint8)
    cv2.fillPoly(mask, [np.round((outline - (x0, y0)) * 8).astype(np.int32)], 255, cv2.LINE_AA, 3)
    alpha = mask.astype(np.float32)[:, :, None] / 255
    window = canvas[y0:y1, x0:x1]
    window += alpha * (make_fill(y1 - y0, x1 - x0) - window)


def _random_patch(
    rng: np.random.Generator, source: NDArray[np.float32], height: int, width: int
) -> NDArray[np.float32]:
    """A (height, width[, 3]) piece of `source` at a random place and magnification."""
    limit_h, limit_w = source.shape[:2]
    zoom = np.exp(rng.uniform(-0.7, 1.0))
    h, w = int(np.clip(height / zoom, 2, limit_h)), int(np.clip(width / zoom, 2, limit_w))
    y, x = int(rng.integers(0, limit_h - h + 1)), int(rng.integers(0, limit_w - w + 1))
    return np.asarray(
        cv2.resize(source[y : y + h, x : x + w], (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.float32
    )


def _receding_ground(rng: np.random.Generator, palette: Palette, height: int, width: int) -> Picture:
    flat = palette.fill(rng, height, width)
    squeeze = rng.uniform(0.1, 0.5) * width
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], dtype=np.float32)
    target = np.array([(0, 0), (width, 0), (width + squeeze * 3, height), (-squeeze * 3, height)], dtype=np.float32)
    warp = cv2.getPerspectiveTransform(corners, target)
    return np.asarray(cv2.warpPerspective(flat, warp, (width, height), borderMode=cv2.BORDER_REFLECT), dtype=np.float32)


def _finish(rng: np.random.Generator, canvas: Picture) -> Picture:
    """What a lens and a sky do to everything: a slight blur, and a soft field of light."""
    canvas = np.asarray(cv2.GaussianBlur(canvas, (0, 0), rng.uniform(0.3, 0.9)), dtype=np.float32)
    if rng.random() < 0.5:
        light = cv2.resize(
            rng.uniform(0.6, 1.25, (4, 4)).astype(np.float32), canvas.shape[1::-1], interpolation=cv2.INTER_CUBIC
        )
        canvas *= light[:, :, None]
    return np.asarray(canvas, dtype=np.float32)
