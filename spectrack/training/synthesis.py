"""One training pair out of the bank: a template crop, a search crop and the exact box, in three channels.

Two ways to make a target, mixed by a ratio: `sprite` pastes a thing over backgrounds that differ between the two crops,
among distractors and behind occluders; `region` takes a structured piece of a picture together with its surroundings,
which is what transfers best to real video. Motion, size, blur and resolution follow the statistics of real sequences.
Geometry: crops are 127 and 255 pixels, the box's context side maps to 127 (SiamBAN), edges are continuous.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spectrack.trackers.crop import context_side
from spectrack.training.augmentation import PhotometricConfig, draw_look, finish_crop
from spectrack.training.bank import Bank
from spectrack.training.warping import Image, Matrix, affine, is_near, moved_box, paste, turn, warp

TEMPLATE_SIZE, SEARCH_SIZE = 127, 255


class Pair(NamedTuple):
    """A training sample.

    Attributes:
        template: (127, 127, 3) uint8.
        search: (255, 255, 3) uint8.
        box: (4,) float32, x0, y0, x1, y1 of the target in the search crop; of the decoy when `positive` is False.
        positive: whether the search crop shows the template's target.
    """

    template: Image
    search: Image
    box: NDArray[np.float32]
    positive: bool


@dataclass(frozen=True)
class SynthesisConfig:
    """How pairs vary; defaults follow SiamBAN's augmentation where it has a counterpart.

    Attributes:
        sprite_share: share of pairs whose target is a pasted sprite; the rest are regions of pictures.
        photograph_share: share of photographs among pictures, when the bank has any.
        negative_share: share of pairs whose search crop lacks the target.
        template_shift_px: largest shift of the template crop.
        template_scale: largest relative change of the template's scale.
        search_shift_px: largest shift of the target in the search crop.
        search_scale: standard deviation of the log of the target's size in the search crop.
        rotation_deg: standard deviation of the rotation between the crops.
        large_rotation_share: share of pairs turned by anything up to `large_rotation_deg` instead.
        large_rotation_deg: largest of those.
        stretch: standard deviation of the log of the change in aspect between the crops.
        distractors: largest number of other sprites in a crop.
        occlusion_share: share of search crops with an occluder on the target.
        native_side_px: smallest and largest side of the template's context in frame pixels; smaller than 127 is upsampled.
    """

    sprite_share: float = 0.6
    photograph_share: float = 0.2
    negative_share: float = 0.1
    template_shift_px: float = 4.0
    template_scale: float = 0.05
    search_shift_px: float = 64.0
    search_scale: float = 0.18
    rotation_deg: float = 14.0
    large_rotation_share: float = 0.15
    large_rotation_deg: float = 110.0
    stretch: float = 0.14
    distractors: int = 4
    occlusion_share: float = 0.2
    native_side_px: tuple[float, float] = (28.0, 260.0)
    photometric: PhotometricConfig = field(default_factory=PhotometricConfig)


def render_pair(rng: np.random.Generator, bank: Bank, config: SynthesisConfig) -> Pair:
    """Draw one pair; all randomness comes from `rng`."""
    make = _sprite_pair if rng.random() < config.sprite_share else _region_pair
    template, search, box, positive = make(rng, bank, config)
    look = draw_look(rng, search, config.photometric)
    native = np.exp(rng.uniform(*np.log(config.native_side_px)))
    return Pair(
        finish_crop(rng, template, look, native / TEMPLATE_SIZE, blur=False),
        finish_crop(rng, search, look, native / TEMPLATE_SIZE * rng.uniform(0.85, 1.18), blur=True),
        box,
        positive,
    )


def _sprite_pair(rng: np.random.Generator, bank: Bank, config: SynthesisConfig) -> Pair:
    target = int(rng.integers(len(bank.sprites)))
    pose = turn(rng.normal(0.0, 25.0) if rng.random() < 0.8 else rng.uniform(-180.0, 180.0))
    later = _change(rng, config) @ pose
    positive = rng.random() >= config.negative_share
    shown = target if positive else (target + int(rng.integers(1, len(bank.sprites)))) % len(bank.sprites)

    template_map = _placed(bank, target, pose, TEMPLATE_SIZE, *_template_jitter(rng, config))
    search_map = _placed(bank, shown, later, SEARCH_SIZE, *_search_jitter(rng, config))
    near, far = _backgrounds(rng, bank, config)
    template, search = near(TEMPLATE_SIZE), far(SEARCH_SIZE)
    _scatter(rng, bank, template, config.distractors // 2, shown, search_map)
    _scatter(rng, bank, search, config.distractors, target, search_map)
    paste(template, bank.sprites[target], template_map)
    paste(search, bank.sprites[shown], search_map)
    box = moved_box(bank.outlines[shown], search_map)
    if rng.random() < config.occlusion_share:
        _occlude(rng, bank, search, box)
    return Pair(template, search, box.astype(np.float32), positive)


def _region_pair(rng: np.random.Generator, bank: Bank, config: SynthesisConfig) -> Pair:
    picture = _choose_picture(rng, bank, config)
    region = _structured_region(rng, picture)
    positive = rng.random() >= config.negative_share
    cx, cy, w, h = region
    scale, dx, dy = _template_jitter(rng, config)
    zoom = TEMPLATE_SIZE / context_side((0.0, 0.0, w, h)) * scale
    template_map = affine(np.eye(2) * zoom, (cx, cy), (TEMPLATE_SIZE / 2 + dx, TEMPLATE_SIZE / 2 + dy))
    template = warp(picture, template_map, TEMPLATE_SIZE)
    if not positive:
        picture = _choose_picture(rng, bank, config)
        cx, cy, w, h = _structured_region(rng, picture)
    change = _change(rng, config)
    points = np.array([cx, cy]) + _ELLIPSE * np.array([w / 2, h / 2])
    extent = np.ptp(points @ change.T, axis=0)
    scale, dx, dy = _search_jitter(rng, config)
    zoom = TEMPLATE_SIZE / context_side((0.0, 0.0, *extent)) * scale
    search_map = affine(change * zoom, (cx, cy), (SEARCH_SIZE / 2 + dx, SEARCH_SIZE / 2 + dy))
    search = warp(picture, search_map, SEARCH_SIZE)
    box = moved_box(points, search_map)
    if rng.random() < 0.35:
        _scatter(rng, bank, search, config.distractors, -1, search_map, keep_clear=box)
    if rng.random() < config.occlusion_share:
        _occlude(rng, bank, search, box)
    return Pair(template, search, box.astype(np.float32), positive)


_ANGLES = np.linspace(0, 2 * np.pi, 24, endpoint=False)
_ELLIPSE = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], axis=1)


def _choose_picture(rng: np.random.Generator, bank: Bank, config: SynthesisConfig) -> Image:
    photographs = len(bank.pictures) - bank.photograph_start
    if photographs and rng.random() < config.photograph_share:
        return bank.pictures[bank.photograph_start + int(rng.integers(photographs))]
    return bank.pictures[int(rng.integers(bank.photograph_start))]


def _structured_region(rng: np.random.Generator, picture: Image) -> tuple[float, float, float, float]:
    """Centre and sides of a region with contrast in it; the best of a few draws where none passes."""
    height, width = picture.shape[:2]
    best, best_contrast = (width / 2, height / 2, 60.0, 60.0), -1.0
    for _ in range(8):
        side = np.exp(rng.uniform(np.log(20.0), np.log(0.35 * min(height, width))))
        aspect = np.exp(rng.normal(0.0, 0.35))
        w, h = side * aspect, side / aspect
        w, h = min(w, 0.8 * width), min(h, 0.8 * height)
        cx, cy = rng.uniform(w / 2, width - w / 2), rng.uniform(h / 2, height - h / 2)
        step = max(1, int(side / 24))
        patch = picture[int(cy - h / 2) : int(cy + h / 2) : step, int(cx - w / 2) : int(cx + w / 2) : step, 1]
        contrast = float(patch.std()) if patch.size else 0.0
        if contrast > 24.0:
            return cx, cy, w, h
        if contrast > best_contrast:
            best, best_contrast = (cx, cy, w, h), contrast
    return best


def _template_jitter(rng: np.random.Generator, config: SynthesisConfig) -> tuple[float, float, float]:
    shift = rng.uniform(-config.template_shift_px, config.template_shift_px, 2)
    return 1.0 + rng.uniform(-config.template_scale, config.template_scale), float(shift[0]), float(shift[1])


def _search_jitter(rng: np.random.Generator, config: SynthesisConfig) -> tuple[float, float, float]:
    # Many targets lie near the centre, as in real video; the rest anywhere the search region can reach.
    reach = config.search_shift_px * (0.35 if rng.random() < 0.4 else 1.0)
    shift = rng.uniform(-reach, reach, 2)
    return float(np.exp(rng.normal(0.0, config.search_scale))), float(shift[0]), float(shift[1])


def _change(rng: np.random.Generator, config: SynthesisConfig) -> Matrix:
    """What happens to the target's shape between the crops: rotation, stretch in a random direction, shear."""
    large = rng.random() < config.large_rotation_share
    degrees = rng.uniform(-1.0, 1.0) * config.large_rotation_deg if large else rng.normal(0.0, config.rotation_deg)
    stretch = np.exp(rng.normal(0.0, config.stretch))
    axis = turn(rng.uniform(0.0, 180.0))
    return np.asarray(turn(degrees) @ axis @ np.diag([stretch, 1.0 / stretch]) @ axis.T)


def _placed(bank: Bank, sprite: int, pose: Matrix, size: int, scale: float, dx: float, dy: float) -> Matrix:
    """The map that shows a sprite in a crop of `size` with its box centred (but for the shift) and its context at 127 px."""
    points = bank.outlines[sprite].astype(np.float64) @ pose.T
    low, high = points.min(axis=0), points.max(axis=0)
    zoom = TEMPLATE_SIZE / context_side((0.0, 0.0, *(high - low))) * scale
    middle = np.linalg.solve(pose, (low + high) / 2)
    return affine(pose * zoom, (middle[0], middle[1]), (size / 2 + dx, size / 2 + dy))


def _backgrounds(rng: np.random.Generator, bank: Bank, config: SynthesisConfig) -> tuple[Callable[[int], Image], Callable[[int], Image]]:
    """Two makers of backgrounds: the same place seen again with a shift, or two unrelated places."""
    picture = _choose_picture(rng, bank, config)
    zoom, tilt = np.exp(rng.uniform(np.log(0.35), np.log(1.6))), turn(rng.normal(0.0, 8.0))
    centre = rng.uniform(0.2, 0.8, 2) * picture.shape[1::-1]

    def show(image: Image, linear: Matrix, middle: NDArray[np.float64], size: int) -> Image:
        return warp(image, affine(linear, (middle[0], middle[1]), (size / 2, size / 2)), size)

    def near(size: int) -> Image:
        return show(picture, tilt * zoom, centre, size)

    if rng.random() < 0.6:
        moved = centre + rng.normal(0.0, 60.0, 2) / zoom
        factor = np.exp(rng.normal(0.0, 0.1))
        return near, lambda size: show(picture, tilt * zoom * factor, moved, size)
    other = _choose_picture(rng, bank, config)
    middle = rng.uniform(0.2, 0.8, 2) * other.shape[1::-1]
    return near, lambda size: show(other, turn(rng.normal(0.0, 8.0)) * zoom, middle, size)


def _scatter(
    rng: np.random.Generator,
    bank: Bank,
    image: Image,
    most: int,
    kin: int,
    kin_map: Matrix,
    keep_clear: NDArray[np.float64] | None = None,
) -> None:
    """Paste up to `most` other sprites; one in six is a recoloured copy of the target, which only colour tells apart."""
    size = image.shape[0]
    for _ in range(int(rng.integers(0, most + 1))):
        is_kin = kin >= 0 and rng.random() < 0.17
        index = kin if is_kin else int(rng.integers(len(bank.sprites)))
        sprite = np.asarray(bank.sprites[index])
        if is_kin:
            # Inverted, so that grey ones differ too: a copy that looks like the target would be a wrong label.
            sprite = sprite[:, :, [*rng.permutation(3), 3]].copy()
            sprite[:, :, :3] = 255 - sprite[:, :, :3]
        linear = turn(rng.normal(0.0, 40.0)) * np.exp(rng.normal(0.0, 0.3)) * 64.0 / sprite.shape[0]
        if is_kin:
            linear = kin_map[:, :2]
        place = rng.uniform(-10, size + 10, 2)
        if keep_clear is not None and is_near(place, keep_clear, 30.0):
            continue
        middle = sprite.shape[0] / 2
        paste(image, sprite, affine(linear, (middle, middle), (place[0], place[1])))


def _occlude(rng: np.random.Generator, bank: Bank, image: Image, box: NDArray[np.float64]) -> None:
    """Cover an edge or a corner of the box, at most about half of it."""
    sprite = np.asarray(bank.sprites[int(rng.integers(len(bank.sprites)))])
    centre, sides = (box[:2] + box[2:]) / 2, box[2:] - box[:2]
    direction = rng.normal(size=2)
    direction /= np.abs(direction).max()
    scale = rng.uniform(0.4, 0.9) * float(sides.mean()) / sprite.shape[0]
    place = centre + direction * sides * rng.uniform(0.4, 0.7)
    middle = sprite.shape[0] / 2
    paste(image, sprite, affine(turn(rng.uniform(0, 360)) * scale, (middle, middle), (place[0], place[1])))
