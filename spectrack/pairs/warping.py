"""Warping and pasting: affine maps between pictures, sprites and crops, exact for continuous edges.

Crops, pictures and sprites may have more channels than three: the first three are colours, a sprite's last one is its
coverage, and what lies between follows the colours wherever they go. OpenCV's warp treats up to four channels exactly
and more of them coarsely (positions rounded to 1/32 pixel), so wide images go through it in groups.

A map is a (2, 3) matrix from source to target, both in pixels with continuous edges (pixel i covers [i, i + 1)), so
boxes and outlines are multiplied. OpenCV counts from pixel centres; `pixel_map` is the only place that knows it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Matrix = NDArray[np.float64]

_GROUP = 4


@dataclass(frozen=True)
class LayeredPicture:
    """A picture with further channels that are taken from another picture when they are needed.

    Attributes:
        colours: (height, width, 3) uint8.
        cover: (h, w, 3) uint8, of any size; it lies on the same coordinates and goes on mirrored.
        tables: (channels, 256) uint8, at most three: further channel i is its row i, looked up at channel i of `cover`.
    """

    colours: Image
    cover: Image
    tables: Image

    @property
    def shape(self) -> tuple[int, ...]:
        """Height, width and all channels."""
        return (*self.colours.shape[:2], 3 + len(self.tables))


Picture: TypeAlias = Image | LayeredPicture


def colours_of(picture: Picture) -> Image:
    """The (height, width, 3) colours of a picture of either kind."""
    return picture.colours if isinstance(picture, LayeredPicture) else picture


def channels_of(image: Image, start: int, stop: int) -> Image:
    """A contiguous copy of some channels; several times as fast as NumPy's."""
    part = np.empty((*image.shape[:2], stop - start), dtype=np.uint8)
    cv2.mixChannels(
        [np.ascontiguousarray(image)], [part], [number for i in range(stop - start) for number in (start + i, i)]
    )
    return part


def stacked(*images: NDArray[Any]) -> Image:
    """Images of one size as one image with all their channels."""
    return np.asarray(cv2.merge(images), dtype=np.uint8)


def in_groups(function: Callable[[Image], Image], image: Image) -> Image:
    """A function of images that treats channels alike, applied to at most four channels at a time."""
    channels = image.shape[2]
    if channels <= _GROUP:
        return function(image)
    return stacked(
        *[function(channels_of(image, start, min(start + _GROUP, channels))) for start in range(0, channels, _GROUP)]
    )


def turn(degrees: float) -> Matrix:
    """(2, 2) rotation; positive angles turn from x to y, clockwise on the screen."""
    angle = np.deg2rad(degrees)
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def affine(linear: Matrix, source: tuple[float, float], target: tuple[float, float]) -> Matrix:
    """(2, 3) map with the given linear part that sends `source` to `target`, continuous edges on both sides."""
    offset = np.asarray(target) - linear @ np.asarray(source)
    return np.concatenate([linear, offset[:, None]], axis=1)


def moved_box(points: NDArray[np.floating], mapping: Matrix) -> NDArray[np.float64]:
    """Corners (x0, y0, x1, y1) of the tight box around (n, 2) points after a map."""
    return corner_box(moved_points(points, mapping))


def moved_points(points: NDArray[np.floating], mapping: Matrix) -> NDArray[np.float64]:
    """(n, 2) points after a map."""
    return np.asarray(np.asarray(points, dtype=np.float64) @ mapping[:, :2].T + mapping[:, 2])


def corner_box(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Corners (x0, y0, x1, y1) of the tight box around (n, 2) points."""
    return np.concatenate([points.min(axis=0), points.max(axis=0)])


def pixel_map(mapping: Matrix) -> Matrix:
    """From continuous edges to OpenCV's pixel centres: a pixel's centre is half a pixel from its edge on both sides."""
    shifted = mapping.copy()
    shifted[:, 2] += mapping[:, :2] @ np.array([0.5, 0.5]) - 0.5
    return shifted


def warp(picture: Picture, mapping: Matrix, size: int) -> Image:
    """A (size, size, channels) view of a picture through a map; the picture is mirrored beyond its border."""
    if isinstance(picture, LayeredPicture):
        cover = warp(picture.cover, mapping, size)
        # Looked up after the warp: the tables are straight lines, so the order is free, and fewer pixels need it.
        further = [cv2.LUT(cv2.extractChannel(cover, index), table) for index, table in enumerate(picture.tables)]
        return stacked(warp(picture.colours, mapping, size), *further)
    # Magnifications far below one would alias; reduce the picture first by whole factors.
    zoom = float(np.sqrt(abs(np.linalg.det(mapping[:, :2]))))
    if zoom < 0.6:
        factor = int(np.ceil(0.6 / zoom))
        height, width = (max(side // factor, 1) for side in picture.shape[:2])
        # By the sizes really reached: 512 pixels reduced to 170 are 3.012 times smaller, half a crop pixel away from 3.
        mapping = mapping @ np.diag([picture.shape[1] / width, picture.shape[0] / height, 1.0])
        picture = np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)
    warped = cv2.warpAffine(
        picture, pixel_map(mapping), (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
    )
    return np.asarray(warped, dtype=np.uint8)


def paste(image: Image, sprite: Image, mapping: Matrix) -> None:
    """Blend a sprite of (side, side, channels + 1) into a crop of (size, size, channels), in its window only."""
    size = image.shape[0]
    corners = moved_box(
        np.array([(0, 0), (sprite.shape[1], 0), (0, sprite.shape[0]), sprite.shape[1::-1]], dtype=float), mapping
    )
    x0, y0 = (int(np.clip(np.floor(value), 0, size)) for value in corners[:2])
    x1, y1 = (int(np.clip(np.ceil(value), 0, size)) for value in corners[2:])
    if x1 <= x0 or y1 <= y0:
        return
    local = mapping.copy()
    local[:, 2] -= (x0, y0)
    zoom = float(np.sqrt(abs(np.linalg.det(mapping[:, :2]))))
    if zoom < 0.6:
        factor = int(np.ceil(0.6 / zoom))
        side = max(sprite.shape[0] // factor, 1)
        local = local @ np.diag([sprite.shape[0] / side, sprite.shape[0] / side, 1.0])
        sprite = in_groups(lambda part: _resized(part, side), sprite)
    moved = in_groups(lambda part: _moved(part, local, (x1 - x0, y1 - y0)), np.asarray(sprite))
    window = image[y0:y1, x0:x1]
    alpha = moved[:, :, -1:].astype(np.int32)
    window[:] = (
        (moved[:, :, :-1].astype(np.int32) * alpha + window.astype(np.int32) * (255 - alpha) + 127) // 255
    ).astype(np.uint8)


def _resized(image: Image, side: int) -> Image:
    return np.asarray(cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _moved(image: Image, mapping: Matrix, size: tuple[int, int]) -> Image:
    return np.asarray(cv2.warpAffine(image, pixel_map(mapping), size, flags=cv2.INTER_LINEAR), dtype=np.uint8)


def is_near(point: NDArray[np.float64], box: NDArray[np.float64], margin: float) -> bool:
    """Whether a point lies in a corner box widened by `margin` pixels on every side."""
    return bool((point > box[:2] - margin).all() and (point < box[2:] + margin).all())
