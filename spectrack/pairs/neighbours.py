"""What surrounds a target in a synthetic crop: distractors, companions at its side, and occluders."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from spectrack.pairs.bank import PairMaterial
from spectrack.pairs.warping import Image, Matrix, affine, is_near, paste, turn

KIN_SHARE = 0.17
"""Share of distractors that are recoloured copies of the target, which only colour tells apart."""


def choose_sprite(rng: np.random.Generator, bank: PairMaterial, cutout_share: float, unlike: int = -1) -> int:
    """Index of a random sprite.

    Args:
        rng: source of randomness.
        bank: of sprites.
        cutout_share: probability of one of somebody's own cut-outs, where the bank has any.
        unlike: index of a sprite that it must not be; -1 for none.
    """
    cutouts = len(bank.sprites) - bank.cutout_start
    first, count = 0, bank.cutout_start
    if cutouts > (unlike >= first + count) and rng.random() < cutout_share:
        first, count = bank.cutout_start, cutouts
    if first <= unlike < first + count:
        return first + (unlike - first + int(rng.integers(1, count))) % count
    return first + int(rng.integers(count))


def scatter(
    rng: np.random.Generator,
    bank: PairMaterial,
    image: Image,
    cutout_share: float,
    most: int,
    kin: int,
    kin_map: Matrix,
    keep_clear: NDArray[np.float64] | None = None,
) -> None:
    """Paste up to `most` sprites anywhere.

    Args:
        rng: source of randomness.
        bank: of sprites.
        image: the crop, changed in place.
        cutout_share: see `choose_sprite`.
        most: largest number.
        kin: index of the target's sprite, whose recoloured copies may appear; -1 for none.
        kin_map: the target's map, so that copies have its size.
        keep_clear: corner box (x0, y0, x1, y1) that stays free, or None.
    """
    size = image.shape[0]
    for _ in range(int(rng.integers(0, most + 1))):
        is_kin = kin >= 0 and rng.random() < KIN_SHARE
        sprite = _recoloured(rng, bank, kin) if is_kin else _any_sprite(rng, bank, cutout_share, kin)
        linear = turn(rng.normal(0.0, 40.0)) * np.exp(rng.normal(0.0, 0.3)) * 64.0 / sprite.shape[0]
        if is_kin:
            linear = kin_map[:, :2]
        place = rng.uniform(-10, size + 10, 2)
        if keep_clear is not None and is_near(place, keep_clear, 30.0):
            continue
        middle = sprite.shape[0] / 2
        paste(image, sprite, affine(linear, (middle, middle), (place[0], place[1])))


def place_companion(
    rng: np.random.Generator,
    bank: PairMaterial,
    image: Image,
    cutout_share: float,
    box: NDArray[np.float64],
    kin: int,
    kin_map: Matrix,
) -> None:
    """Paste a thing of about the target's size right beside it, touching or nearly: a second pedestrian, a parked car.

    Without such pairs a tracker learns that what hangs together is one target, and its box swells when two meet.

    Args:
        rng: source of randomness.
        bank: of sprites.
        image: the crop, changed in place.
        cutout_share: see `choose_sprite`.
        box: the target's corner box in the crop.
        kin: index of the target's sprite, whose recoloured copy may be the companion; -1 for none.
        kin_map: the target's map.
    """
    centre, sides = (box[:2] + box[2:]) / 2, box[2:] - box[:2]
    is_kin = kin >= 0 and rng.random() < 2 * KIN_SHARE
    sprite = _recoloured(rng, bank, kin) if is_kin else _any_sprite(rng, bank, cutout_share, kin)
    width = sprite.shape[0]
    if is_kin:
        linear, own = kin_map[:, :2], sides
    else:
        linear = turn(rng.normal(0.0, 30.0)) * np.exp(rng.normal(0.0, 0.25)) * float(np.sqrt(sides.prod())) / width
        spread = np.abs(linear).sum(axis=1) * width / 2
        own = np.array([spread[0], spread[1]])
    direction = rng.normal(size=2)
    direction /= np.abs(direction).max()
    place = centre + direction * (sides + own) / 2 * rng.uniform(0.85, 1.25)
    paste(image, sprite, affine(linear, (width / 2, width / 2), (place[0], place[1])))


def place_twins(
    rng: np.random.Generator, image: Image, twins: Sequence[Image], mapping: Matrix, box: NDArray[np.float64]
) -> None:
    """Paste copies of the target in its own colours, anywhere but on top of it.

    Args:
        rng: source of randomness.
        image: the crop, changed in place.
        twins: sprites of the target's outline.
        mapping: the target's map; twins are as large, a little turned and scaled.
        box: the target's corner box in the crop.
    """
    size, sides = image.shape[0], box[2:] - box[:2]
    middle = np.linalg.solve(mapping[:, :2], (box[:2] + box[2:]) / 2 - mapping[:, 2])
    for twin in twins:
        linear = turn(rng.normal(0.0, 12.0)) * np.exp(rng.normal(0.0, 0.08)) @ mapping[:, :2]
        places = rng.uniform(0.0, size, (8, 2))
        # The draw farthest from hiding the target: apart in x or in y by more than its side.
        apart = (np.abs(places - (box[:2] + box[2:]) / 2) / sides).max(axis=1)
        place = places[int(np.argmax(apart > 0.9))] if (apart > 0.9).any() else places[int(np.argmax(apart))]
        paste(image, twin, affine(linear, (middle[0], middle[1]), (place[0], place[1])))


def occlude(
    rng: np.random.Generator, bank: PairMaterial, image: Image, cutout_share: float, box: NDArray[np.float64]
) -> None:
    """Cover an edge or a corner of a corner box, at most about half of it."""
    sprite = _any_sprite(rng, bank, cutout_share)
    centre, sides = (box[:2] + box[2:]) / 2, box[2:] - box[:2]
    direction = rng.normal(size=2)
    direction /= np.abs(direction).max()
    scale = rng.uniform(0.4, 0.9) * float(sides.mean()) / sprite.shape[0]
    place = centre + direction * sides * rng.uniform(0.4, 0.7)
    middle = sprite.shape[0] / 2
    paste(image, sprite, affine(turn(rng.uniform(0, 360)) * scale, (middle, middle), (place[0], place[1])))


def _any_sprite(rng: np.random.Generator, bank: PairMaterial, cutout_share: float, kin: int = -1) -> Image:
    # Of few cut-outs the target itself would come up often, and be called another thing.
    unlike = kin if kin >= bank.cutout_start else -1
    return np.asarray(bank.sprites[choose_sprite(rng, bank, cutout_share, unlike)])


def _recoloured(rng: np.random.Generator, bank: PairMaterial, index: int) -> Image:
    # Inverted, so that grey ones differ too: a copy that looks like the target would be a wrong label.
    sprite = np.asarray(bank.sprites[index]).copy()
    sprite[:, :, :3] = 255 - sprite[:, :, rng.permutation(3)]
    return sprite
