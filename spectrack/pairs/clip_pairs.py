"""Pairs from video: two frames of one clip, cut with the tracker's own crop geometry."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spectrack.false_colour import DISPLAY_GAMMA, Encoding
from spectrack.grid import SEARCH_SIZE_PX, TEMPLATE_SIZE_PX
from spectrack.pairs.augmentation import Look, PhotometricConfig, finish_crop
from spectrack.pairs.clip_options import ClipConfig
from spectrack.pairs.stored_clips import STORED_WHITE, StoredClip
from spectrack.pairs.synthesis import Pair
from spectrack.sequences.frames import ArrayFrame
from spectrack.trackers.crop import Colouring, CropWindow, context_side, cut

PairMaker = Callable[[np.random.Generator], Pair]
"""A source of pairs: all randomness comes from the generator."""

_AS_STORED = Colouring(np.eye(3, dtype=np.float32))


def clip_pair(
    rng: np.random.Generator,
    clips: list[StoredClip],
    config: ClipConfig,
    photometric: PhotometricConfig,
    encoding: Encoding = "linear",
) -> Pair:
    """Two crops of one clip, or of two clips for a negative pair, in false colour as a tracker will show it."""
    cut = cut_crops(rng, clips, config)
    curve, gain = float(np.exp(rng.normal(0.0, 0.15))), float(np.exp(rng.normal(0.0, 0.2)))
    crops = []
    for crop in (cut.template, cut.search):
        exponent, white = _to_image(crop.clip, encoding)
        look = Look(np.eye(3, dtype=np.float32), exponent * curve, white * gain, photometric)
        crops.append(finish_crop(rng, crop.pixels, look, 1.0, blur=False))
    return cut.pair(*crops)


def _to_image(clip: StoredClip, encoding: Encoding) -> tuple[float, float]:
    """Exponent on a clip's levels, of 1, and what 1 becomes, in images of an encoding."""
    # Squaring undoes the stored square root.
    exponent, white = (2.0, STORED_WHITE) if clip.pictures is None else (DISPLAY_GAMMA, clip.white)
    if encoding == "linear":
        return exponent, white
    # A picture that is wanted as it is shown is left as it is, however bright.
    return exponent / DISPLAY_GAMMA, 1.0 if clip.pictures is not None else white ** (1 / DISPLAY_GAMMA)


class CutCrop(NamedTuple):
    """A crop as it is stored.

    Attributes:
        clip: which it is of.
        pixels: (size, size, the clip's channels) uint8.
        picture: (size, size, 3) uint8 of the data set's own picture, cut alike; None where there is none.
        box: (4,) float32 corners of the target.
    """

    clip: StoredClip
    pixels: NDArray[np.uint8]
    picture: NDArray[np.uint8] | None
    box: NDArray[np.float32]


class CutCrops(NamedTuple):
    """Two crops, and whether the second shows the first one's target."""

    template: CutCrop
    search: CutCrop
    positive: bool

    def pair(self, template: NDArray[np.uint8], search: NDArray[np.uint8]) -> Pair:
        """The pair with these pixels."""
        return Pair(template, search, self.search.box, self.positive, self.template.box)


def cut_pair(rng: np.random.Generator, clips: list[StoredClip], config: ClipConfig) -> Pair:
    """Two crops as they are stored, with the clips' channels."""
    cut = cut_crops(rng, clips, config)
    return cut.pair(cut.template.pixels, cut.search.pixels)


def cut_crops(rng: np.random.Generator, clips: list[StoredClip], config: ClipConfig) -> CutCrops:
    """Two crops of one clip, or of two clips for a negative pair, as they are stored."""
    chosen = int(rng.integers(len(clips)))
    positive = len(clips) == 1 or rng.random() >= config.negative_share
    clip, other = clips[chosen], clips[chosen if positive else (chosen + int(rng.integers(1, len(clips)))) % len(clips)]
    # Never the same video again: it would show the target and be called empty.
    if clip.shows_the_same_video(other):
        other, positive = clip, True
    first = int(rng.choice(clip.usable))
    second = int(rng.choice(_near(clip, first, config.max_gap) if positive else other.usable))
    size, shift = config.template_scale, config.template_shift_px
    template = _crop(clip, first, TEMPLATE_SIZE_PX, 1.0 + rng.uniform(-size, size), rng.uniform(-shift, shift, 2))
    reach = config.search_shift_px * (0.35 if rng.random() < 0.4 else 1.0)
    scale = float(np.exp(rng.normal(0.0, config.search_scale)))
    search = _crop(other, second, SEARCH_SIZE_PX, scale, rng.uniform(-reach, reach, 2))
    return CutCrops(template, search, positive)


def _near(clip: StoredClip, index: int, gap: int) -> NDArray[np.intp]:
    """The usable frames at most so many frames of the sequence from one of them; all where `gap` is 0."""
    if not gap or clip.frames is None:
        return clip.usable
    near: NDArray[np.intp] = clip.usable[np.abs(clip.frames[clip.usable] - clip.frames[index]) <= gap]
    return near


def _crop(clip: StoredClip, index: int, size: int, scale: float, shift: NDArray[np.float64]) -> CutCrop:
    """A crop whose target is `scale` times its usual size and `shift` crop pixels off the centre."""
    box = clip.truth[index]
    side = context_side(box) * size / TEMPLATE_SIZE_PX / scale
    centre = box[:2] + box[2:] / 2 - shift * side / size
    window = CropWindow.around(centre, side)
    placed = window.to_crop(box, size)
    corners = np.concatenate([placed[:2], placed[:2] + placed[2:]]).astype(np.float32)
    pixels = _pixels(clip.images[index], window, size)
    picture = None if clip.pictures is None else _pixels(clip.pictures[index], window, size)
    return CutCrop(clip, pixels, picture, corners)


def _pixels(image: NDArray[np.uint8], window: CropWindow, size: int) -> NDArray[np.uint8]:
    """The crop of a stored image."""
    # The mean of the light, not of its square root: that is what the tracker pads with.
    channels = image.shape[2]
    fill = np.sqrt(np.square(image[::8, ::8].reshape(-1, channels).astype(np.float32)).mean(axis=0))
    stored = _AS_STORED if channels == 3 else Colouring(np.eye(channels, dtype=np.float32))
    crop = cut(ArrayFrame(image), window, size, stored, fill)
    return np.asarray(np.clip(crop + 0.5, 0, 255), dtype=np.uint8)
