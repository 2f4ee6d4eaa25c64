"""What lies behind a target in a synthetic pair: pictures, pieces of them with structure, and a place seen twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from spectrack.pairs.bank import PairMaterial
from spectrack.pairs.warping import Image, Matrix, Picture, affine, turn, warp

_STRUCTURE = 18.0
"""Grey levels by which 8 x 8 averages of a region must vary."""


def choose_picture(rng: np.random.Generator, bank: PairMaterial, photograph_share: float) -> Picture:
    """A picture of the bank, a photograph with the given probability where it has any."""
    photographs = len(bank.pictures) - bank.photograph_start
    if photographs and rng.random() < photograph_share:
        return bank.pictures[bank.photograph_start + int(rng.integers(photographs))]
    return bank.pictures[int(rng.integers(bank.photograph_start))]


def structured_region(rng: np.random.Generator, picture: Image) -> tuple[float, float, float, float]:
    """Centre and sides of a region with structure in it; the best of a few draws where none passes."""
    height, width = picture.shape[:2]
    best, best_contrast = (width / 2, height / 2, 60.0, 60.0), -1.0
    for _ in range(8):
        side = np.exp(rng.uniform(np.log(20.0), np.log(0.35 * min(height, width))))
        aspect = np.exp(rng.normal(0.0, 0.35))
        w, h = side * aspect, side / aspect
        w, h = min(w, 0.8 * width), min(h, 0.8 * height)
        cx, cy = rng.uniform(w / 2, width - w / 2), rng.uniform(h / 2, height - h / 2)
        patch = picture[int(cy - h / 2) : int(cy + h / 2), int(cx - w / 2) : int(cx + w / 2)]
        # Of 8 x 8 averages: gravel or grass has contrast everywhere but no structure that tells pieces apart.
        coarse = cv2.resize(np.ascontiguousarray(patch), (8, 8), interpolation=cv2.INTER_AREA) if patch.size else patch
        contrast = float(coarse.std(axis=(0, 1)).max()) if patch.size else 0.0
        if contrast > _STRUCTURE:
            return cx, cy, w, h
        if contrast > best_contrast:
            best, best_contrast = (cx, cy, w, h), contrast
    return best


class Backgrounds(NamedTuple):
    """Makers of both crops' backgrounds by size (template, search), and the template's picture and magnification."""

    near: Callable[[int], Image]
    far: Callable[[int], Image]
    picture: Picture
    zoom: float


def draw_backgrounds(
    rng: np.random.Generator, bank: PairMaterial, photograph_share: float, *, same: bool = False
) -> Backgrounds:
    """The same place seen again with a shift, or (unless `same`) two unrelated places."""
    picture = choose_picture(rng, bank, photograph_share)
    zoom, tilt = np.exp(rng.uniform(np.log(0.35), np.log(1.6))), turn(rng.normal(0.0, 8.0))
    centre = rng.uniform(0.2, 0.8, 2) * picture.shape[1::-1]

    def show(image: Picture, linear: Matrix, middle: NDArray[np.float64], size: int) -> Image:
        return warp(image, affine(linear, (middle[0], middle[1]), (size / 2, size / 2)), size)

    def near(size: int) -> Image:
        return show(picture, tilt * zoom, centre, size)

    if rng.random() < 0.6 or same:
        moved = centre + rng.normal(0.0, 60.0, 2) / zoom
        factor = np.exp(rng.normal(0.0, 0.1))
        return Backgrounds(near, lambda size: show(picture, tilt * zoom * factor, moved, size), picture, float(zoom))
    other = choose_picture(rng, bank, photograph_share)
    middle = rng.uniform(0.2, 0.8, 2) * other.shape[1::-1]
    return Backgrounds(
        near, lambda size: show(other, turn(rng.normal(0.0, 8.0)) * zoom, middle, size), picture, float(zoom)
    )
