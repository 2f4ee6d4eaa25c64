"""Pairs from video: two frames of one clip, cut with the tracker's own crop geometry."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from spectrack.grid import SEARCH_SIZE_PX, TEMPLATE_SIZE_PX
from spectrack.pairs.augmentation import Look, PhotometricConfig, finish_crop
from spectrack.pairs.clip_options import ClipConfig
from spectrack.pairs.stored_clips import STORED_WHITE, StoredClip
from spectrack.pairs.synthesis import Pair
from spectrack.sequences.base import ArrayFrame
from spectrack.trackers.crop import Colouring, CropWindow, context_side, cut

PairMaker = Callable[[np.random.Generator], Pair]
"""A source of pairs: all randomness comes from the generator."""

_AS_STORED = Colouring(np.eye(3, dtype=np.float32))


def clip_pair(
    rng: np.random.Generator, clips: list[StoredClip], config: ClipConfig, photometric: PhotometricConfig
) -> Pair:
    """Two crops of one clip, or of two clips for a negative pair, in false colour."""
    pair = cut_pair(rng, clips, config)
    # Squaring undoes the stored square root: the network sees light as linear as the tracker will show it.
    gamma, exposure = 2.0 * float(np.exp(rng.normal(0.0, 0.15))), STORED_WHITE * float(np.exp(rng.normal(0.0, 0.2)))
    look = Look(np.eye(3, dtype=np.float32), gamma, exposure, photometric)
    template, search = (finish_crop(rng, crop, look, 1.0, blur=False) for crop in pair[:2])
    return pair._replace(template=template, search=search)


def cut_pair(rng: np.random.Generator, clips: list[StoredClip], config: ClipConfig) -> Pair:
    """Two crops as they are stored, with the clips' channels."""
    chosen = int(rng.integers(len(clips)))
    positive = len(clips) == 1 or rng.random() >= config.negative_share
    clip, other = clips[chosen], clips[chosen if positive else (chosen + int(rng.integers(1, len(clips)))) % len(clips)]
    # Never the same video again: it would show the target and be called empty.
    if clip.shows_the_same_video(other):
        other, positive = clip, True
    first = int(rng.choice(clip.usable))
    second = int(rng.choice(_near(clip, first, config.max_gap) if positive else other.usable))
    size, shift = config.template_scale, config.template_shift_px
    template, template_box = _crop(
        clip, first, TEMPLATE_SIZE_PX, 1.0 + rng.uniform(-size, size), rng.uniform(-shift, shift, 2)
    )
    reach = config.search_shift_px * (0.35 if rng.random() < 0.4 else 1.0)
    scale = float(np.exp(rng.normal(0.0, config.search_scale)))
    search, box = _crop(other, second, SEARCH_SIZE_PX, scale, rng.uniform(-reach, reach, 2))
    return Pair(template, search, box.astype(np.float32), positive, template_box.astype(np.float32))


def _near(clip: StoredClip, index: int, gap: int) -> NDArray[np.intp]:
    """The usable frames at most so many frames of the sequence from one of them; all where `gap` is 0."""
    if not gap or clip.frames is None:
        return clip.usable
    near: NDArray[np.intp] = clip.usable[np.abs(clip.frames[clip.usable] - clip.frames[index]) <= gap]
    return near


def _crop(
    clip: StoredClip, index: int, size: int, scale: float, shift: NDArray[np.float64]
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """A crop whose target is `scale` times its usual size and `shift` crop pixels off the centre; its corner box."""
    image, box = clip.images[index], clip.truth[index]
    side = context_side(box) * size / TEMPLATE_SIZE_PX / scale
    centre = box[:2] + box[2:] / 2 - shift * side / size
    window = CropWindow.around(centre, side)
    # The mean of the light, not of its square root: that is what the tracker pads with.
    channels = image.shape[2]
    fill = np.sqrt(np.square(image[::8, ::8].reshape(-1, channels).astype(np.float32)).mean(axis=0))
    stored = _AS_STORED if channels == 3 else Colouring(np.eye(channels, dtype=np.float32))
    crop = cut(ArrayFrame(image), window, size, stored, fill)
    placed = window.to_crop(box, size)
    return np.clip(crop + 0.5, 0, 255).astype(np.uint8), np.concatenate([placed[:2], placed[:2] + placed[2:]])
