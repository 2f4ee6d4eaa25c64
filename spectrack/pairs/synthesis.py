"""One training pair out of the bank: a template crop, a search crop and the exact box, in three channels or more.

Two ways to make a target, mixed by a ratio: `sprite` pastes a thing over backgrounds that differ between the two crops,
among distractors and behind occluders; `region` takes a structured piece of a picture together with its surroundings,
which is what transfers best to real video. Motion, size, blur and resolution follow the statistics of real sequences.
Channels beyond three colours come with the bank's pictures and sprites and follow them (see `spectral_surfaces`).
Geometry: crops are 127 and 255 pixels, the box's context side maps to 127 (SiamBAN), edges are continuous.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Literal, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from spectrack.grid import SEARCH_SIZE_PX, TEMPLATE_SIZE_PX
from spectrack.pairs.augmentation import PhotometricConfig, draw_look, finish_crop
from spectrack.pairs.backgrounds import Backgrounds, choose_picture, draw_backgrounds, structured_region
from spectrack.pairs.bank import PairMaterial
from spectrack.pairs.deformation import Deformation
from spectrack.pairs.neighbours import choose_sprite, occlude, place_companion, place_twins, scatter
from spectrack.pairs.warping import (
    Image,
    Matrix,
    affine,
    channels_of,
    colours_of,
    corner_box,
    moved_box,
    moved_points,
    paste,
    stacked,
    turn,
    warp,
)
from spectrack.tables import Interval, Share, require_ranges
from spectrack.trackers.crop import context_side


class Pair(NamedTuple):
    """A training sample.

    Attributes:
        template: (127, 127, 3 or more) uint8.
        search: (255, 255, 3 or more) uint8.
        box: (4,) float32, x0, y0, x1, y1 of the target in the search crop; of the decoy when `positive` is False.
        positive: whether the search crop shows the template's target.
        template_box: (4,) float32, x0, y0, x1, y1 of the target in the template crop.
    """

    template: Image
    search: Image
    box: NDArray[np.float32]
    positive: bool
    template_box: NDArray[np.float32]


@dataclass(frozen=True)
class SynthesisConfig:
    """How pairs vary; defaults follow SiamBAN's augmentation where it has a counterpart.

    Attributes:
        sprite_share: share of pairs whose target is a pasted sprite; the rest are regions of pictures.
        photograph_share: share of photographs among pictures, when the bank has any.
        cutout_share: share of somebody's own cut-outs among pasted things, when the bank has any.
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
        companion_share: share of search crops with a thing right beside the target; half as many templates have one.
        deformation_share: share of search crops that are deformed smoothly.
        deformation_px: largest standard deviation of the displacements, in crop pixels.
        occlusion_share: share of search crops with an occluder on the target.
        native_side_px: least and largest side of the template's context in frame pixels; below 127 is upsampled.
    """

    sprite_share: Share = 0.6
    photograph_share: Share = 0.2
    cutout_share: Share = 0.4
    negative_share: Share = 0.1
    template_shift_px: Annotated[float, Interval("[0, 127]")] = 4.0
    template_scale: Annotated[float, Interval("[0, 1)")] = 0.05
    search_shift_px: Annotated[float, Interval("[0, 127]")] = 64.0
    search_scale: Share = 0.18
    rotation_deg: Annotated[float, Interval("[0, 180]")] = 14.0
    large_rotation_share: Share = 0.15
    large_rotation_deg: Annotated[float, Interval("[0, 180]")] = 110.0
    stretch: Share = 0.14
    distractors: Annotated[int, Interval("[0, 100]")] = 4
    companion_share: Share = 0.3
    deformation_share: Share = 0.5
    deformation_px: Annotated[float, Interval("[0, 64]")] = 8.0
    occlusion_share: Share = 0.2
    native_side_px: Annotated[tuple[float, float], Interval("[4, 4096]", rising=True)] = (28.0, 260.0)
    photometric: PhotometricConfig = field(default_factory=PhotometricConfig)

    def __post_init__(self) -> None:
        require_ranges(self)


@dataclass(frozen=True)
class Casting:
    """What the target and things like it wear in one pair; for pairs whose colours hide what other channels show.

    Attributes:
        disguise: ``ground`` gives the target the colours of whatever lies beneath it in either crop, ``texture`` a
            piece of the background's picture that moves along with it; ``none`` leaves it its own.
        twins: copies of the target in its colours, pasted into the search crop. Without a target, the decoy is a
            further one.
        twin: makes copy number n of sprite number i, the same sprite with other values in the further channels.
    """

    disguise: Literal["none", "ground", "texture"] = "none"
    twins: int = 0
    twin: Callable[[int, int], Image] | None = None

    @property
    def needs_sprite(self) -> bool:
        """Whether the target must be a pasted thing."""
        return self.disguise != "none" or self.twin is not None


PLAIN = Casting()


def render_pair(rng: np.random.Generator, bank: PairMaterial, config: SynthesisConfig) -> Pair:
    """Draw one pair; all randomness comes from `rng`."""
    template, search, box, positive, template_box = draw_scene(rng, bank, config)
    look = draw_look(rng, search, config.photometric)
    native = draw_native_side(rng, config)
    return Pair(
        finish_crop(rng, template, look, native / TEMPLATE_SIZE_PX, blur=False),
        finish_crop(rng, search, look, native / TEMPLATE_SIZE_PX * rng.uniform(0.85, 1.18), blur=True),
        box,
        positive,
        template_box,
    )


def draw_scene(rng: np.random.Generator, bank: PairMaterial, config: SynthesisConfig, casting: Casting = PLAIN) -> Pair:
    """Both crops before any camera, with all channels of the bank's pictures; colours are coded as the bank's."""
    sprite = rng.random() < config.sprite_share
    if sprite or casting.needs_sprite:
        return _sprite_pair(rng, bank, config, casting)
    return _region_pair(rng, bank, config)


def draw_native_side(rng: np.random.Generator, config: SynthesisConfig) -> float:
    """Side of the template's context in frame pixels."""
    return float(np.exp(rng.uniform(*np.log(config.native_side_px))))


def _sprite_pair(
    rng: np.random.Generator, bank: PairMaterial, config: SynthesisConfig, casting: Casting = PLAIN
) -> Pair:
    share = config.cutout_share
    target = choose_sprite(rng, bank, share)
    pose = turn(rng.normal(0.0, 25.0) if rng.random() < 0.8 else rng.uniform(-180.0, 180.0))
    if target >= bank.cutout_start and rng.random() < 0.5:
        pose = pose @ _MIRROR
    later = _change(rng, config) @ pose
    positive = rng.random() >= config.negative_share
    shown = target if positive else choose_sprite(rng, bank, share, unlike=target)
    if casting.twin:
        shown = target

    template_map = _placed(bank, target, pose, TEMPLATE_SIZE_PX, *_template_jitter(rng, config))
    search_map = _placed(bank, shown, later, SEARCH_SIZE_PX, *_search_jitter(rng, config))
    backgrounds = draw_backgrounds(rng, bank, config.photograph_share, same=casting.disguise != "none")
    template, search = backgrounds.near(TEMPLATE_SIZE_PX), backgrounds.far(SEARCH_SIZE_PX)
    scatter(rng, bank, template, share, config.distractors // 2, shown, search_map)
    scatter(rng, bank, search, share, config.distractors, target, search_map)
    template_box = corner_box(moved_points(bank.outlines[target], template_map))
    if rng.random() < 0.5 * config.companion_share:
        place_companion(rng, bank, template, share, template_box, target, template_map)
    points = moved_points(bank.outlines[shown], search_map)
    if rng.random() < config.companion_share:
        place_companion(rng, bank, search, share, corner_box(points), target, search_map)
    things = [bank.sprites[target], bank.sprites[shown]]
    if casting.twin:
        copies = [casting.twin(target, number) for number in range(casting.twins + 1)]
        place_twins(rng, search, copies[1:], search_map, corner_box(points))
        things = [things[0], things[1] if positive else copies[0]]
    if casting.disguise == "texture":
        things = _camouflaged(rng, backgrounds, things, template_map)
    _paste_target(template, things[0], template_map, casting)
    _paste_target(search, things[1], search_map, casting)
    return _finished(
        rng, bank, config, Pair(template, search, _EMPTY, positive, template_box.astype(np.float32)), points
    )


def _paste_target(crop: Image, sprite: Image, mapping: Matrix, casting: Casting) -> None:
    """Paste the target; in the colours of the ground, it only changes the other channels."""
    ground = channels_of(crop, 0, 3) if casting.disguise == "ground" else None
    paste(crop, sprite, mapping)
    if ground is not None:
        cv2.mixChannels([ground], [crop], [0, 0, 1, 1, 2, 2])


def _camouflaged(
    rng: np.random.Generator, backgrounds: Backgrounds, things: list[Image], mapping: Matrix
) -> list[Image]:
    """Sprites in a piece of the background's picture, at the scale at which the template shows that picture."""
    side = things[0].shape[0]
    zoom = backgrounds.zoom / float(np.sqrt(abs(np.linalg.det(mapping[:, :2]))))
    place = rng.uniform(0.2, 0.8, 2) * backgrounds.picture.shape[1::-1]
    piece = warp(
        colours_of(backgrounds.picture), affine(np.eye(2) * zoom, (place[0], place[1]), (side / 2, side / 2)), side
    )
    return [stacked(piece, channels_of(thing, 3, thing.shape[2])) for thing in things]


def _region_pair(rng: np.random.Generator, bank: PairMaterial, config: SynthesisConfig) -> Pair:
    share = config.cutout_share
    picture = choose_picture(rng, bank, config.photograph_share)
    region = structured_region(rng, colours_of(picture))
    positive = rng.random() >= config.negative_share
    cx, cy, w, h = region
    scale, dx, dy = _template_jitter(rng, config)
    zoom = TEMPLATE_SIZE_PX / context_side((0.0, 0.0, w, h)) * scale
    template_map = affine(np.eye(2) * zoom, (cx, cy), (TEMPLATE_SIZE_PX / 2 + dx, TEMPLATE_SIZE_PX / 2 + dy))
    template_box = moved_box(np.array([(cx - w / 2, cy - h / 2), (cx + w / 2, cy + h / 2)]), template_map)
    template = warp(picture, template_map, TEMPLATE_SIZE_PX)
    if not positive:
        picture = choose_picture(rng, bank, config.photograph_share)
        cx, cy, w, h = structured_region(rng, colours_of(picture))
    change = _change(rng, config)
    points = np.array([cx, cy]) + _ELLIPSE * np.array([w / 2, h / 2])
    extent = np.ptp(points @ change.T, axis=0)
    scale, dx, dy = _search_jitter(rng, config)
    zoom = TEMPLATE_SIZE_PX / context_side((0.0, 0.0, *extent)) * scale
    search_map = affine(change * zoom, (cx, cy), (SEARCH_SIZE_PX / 2 + dx, SEARCH_SIZE_PX / 2 + dy))
    search = warp(picture, search_map, SEARCH_SIZE_PX)
    points = moved_points(points, search_map)
    box = corner_box(points)
    if rng.random() < 0.35:
        scatter(rng, bank, search, share, config.distractors, -1, search_map, keep_clear=box)
    if rng.random() < config.companion_share:
        place_companion(rng, bank, search, share, box, -1, search_map)
    return _finished(
        rng, bank, config, Pair(template, search, _EMPTY, positive, template_box.astype(np.float32)), points
    )


def _finished(
    rng: np.random.Generator, bank: PairMaterial, config: SynthesisConfig, pair: Pair, points: NDArray[np.float64]
) -> Pair:
    """Deform and occlude the search crop and box its target, which `points` (n, 2) outline before."""
    search = pair.search
    if rng.random() < config.deformation_share:
        deformation = Deformation(rng, SEARCH_SIZE_PX, float(rng.uniform(0.0, config.deformation_px)))
        search, points = deformation.apply(search), deformation.move(points)
    box = corner_box(points)
    if rng.random() < config.occlusion_share:
        occlude(rng, bank, search, config.cutout_share, box)
    return pair._replace(search=search, box=box.astype(np.float32))


_EMPTY = np.zeros(4, dtype=np.float32)
_MIRROR = np.diag([-1.0, 1.0])

_ANGLES = np.linspace(0, 2 * np.pi, 24, endpoint=False)
_ELLIPSE = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], axis=1)


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


def _placed(bank: PairMaterial, sprite: int, pose: Matrix, size: int, scale: float, dx: float, dy: float) -> Matrix:
    """The map that shows a sprite in a crop of `size` its box centred (but for the shift), its context at 127 px."""
    points = bank.outlines[sprite].astype(np.float64) @ pose.T
    low, high = points.min(axis=0), points.max(axis=0)
    zoom = TEMPLATE_SIZE_PX / context_side((0.0, 0.0, *(high - low))) * scale
    middle = np.linalg.solve(pose, (low + high) / 2)
    return affine(pose * zoom, (middle[0], middle[1]), (size / 2 + dx, size / 2 + dy))
