"""The frames of film strips: pictures of a sequence with the truth and every tracker's box."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spectrack.boxes import Box, Boxes, is_box
from spectrack.errors import InputError, SpectrackError
from spectrack.evaluation.comparison import Comparison, Highlight
from spectrack.evaluation.metrics import overlaps_by_frame
from spectrack.plots import evenly_spread
from spectrack.sequences.base import Sequence

Pictures = Callable[[str, int], NDArray[np.uint8]]
"""Gives the false-colour image (height, width, 3) of a sequence's frame."""

FRAMES = 6
"""Frames of a film strip, first and last included."""


@dataclass(frozen=True)
class StripFrame:
    """One frame of a film strip.

    Attributes:
        index: frame, counted from 0.
        image: (height, width, 3) uint8 RGB.
        truth: its box, or None where it is no box.
        boxes: a tracker's place in the report to its box; trackers without one are absent.
        overlaps: a tracker's place to its overlap, NaN where the truth is no box.
    """

    index: int
    image: NDArray[np.uint8]
    truth: Box | None
    boxes: dict[int, Box]
    overlaps: dict[int, float]

    @property
    def view(self) -> tuple[float, float, float, float]:
        """x, y, width and height of the part around the object, in the frame's proportions and inside the frame."""
        height, width = self.image.shape[:2]
        around = self.truth if self.truth is not None else next(iter(self.boxes.values()), None)
        if around is None:
            return 0.0, 0.0, float(width), float(height)
        x, y, w, h = (float(value) for value in around)
        view_height = float(np.clip(2.6 * max(h, w * height / width, 4.0), min(16.0, height), height))
        view_width = view_height * width / height
        left = float(np.clip(x + w / 2 - view_width / 2, 0, width - view_width))
        top = float(np.clip(y + h / 2 - view_height / 2, 0, height - view_height))
        return left, top, view_width, view_height


def film_strip(
    picture: Callable[[int], NDArray[np.uint8]], tracks: list[Boxes], truth: Boxes | None, *, frames: int = FRAMES
) -> list[StripFrame]:
    """Evenly spread frames of one sequence with every tracker's box.

    Args:
        picture: gives the false-colour image of a frame.
        tracks: (N, 4) or shorter, one a tracker.
        truth: (N, 4); without it the first track tells the length.
        frames: how many, first and last included.

    Raises:
        SpectrackError: a picture cannot be read, or is not an RGB image.
    """
    known = np.full(tracks[0].shape, np.nan) if truth is None else truth
    overlaps = [overlaps_by_frame(track, known) for track in tracks]
    strip = []
    for index in evenly_spread(len(known), frames):
        there = {place: track[index] for place, track in enumerate(tracks) if index < len(track)}
        strip.append(
            StripFrame(
                index=index,
                image=_checked(picture(index), index),
                truth=known[index] if is_box(known[index]) else None,
                boxes={place: box for place, box in there.items() if is_box(box)},
                overlaps={place: float(values[index]) for place, values in enumerate(overlaps)},
            )
        )
    return strip


def film_strips(
    comparison: Comparison, highlights: list[Highlight], pictures: Pictures | None
) -> tuple[dict[str, list[StripFrame]], list[str]]:
    """The strips that can be made, and a sentence about those that cannot."""
    if pictures is None:
        return {}, ["Film strips are left out: the frames of the dataset were not at hand."] if highlights else []
    strips, remarks = {}, []
    for highlight in highlights:
        try:
            label = highlight.label
            tracks = [entrant.sequence(label).boxes for entrant in comparison.entrants]
            strips[label] = film_strip(functools.partial(pictures, label), tracks, comparison.truth[label])
        except (SpectrackError, OSError, LookupError) as error:
            remarks.append(f"The film strip of {highlight.label} is left out: {error}.")
    return strips, remarks


def check_boxes(
    sequence: Sequence, boxes: ArrayLike, truth: ArrayLike | None, *, gaps: bool = False
) -> tuple[Boxes, Boxes | None]:
    """Track and truth as arrays that fit the sequence; the truth is cut to the track's length.

    Raises:
        InputError: a shape that is not (frames, 4), no box, more boxes than frames, fewer truth rows than boxes, or a
            track that is not finite: anywhere, or with `gaps` everywhere.
    """
    track = np.asarray(boxes, dtype=np.float64)
    if track.ndim != 2 or track.shape[1] != 4 or not len(track):
        raise InputError(f"expected boxes of shape (frames, 4) to draw, found {track.shape}; give x,y,w,h a frame")
    if len(track) > len(sequence):
        raise InputError(f"expected at most {len(sequence)} boxes for {sequence.name!r}, found {len(track)}; cut them")
    finite = np.isfinite(track).all(axis=1)
    if not (finite.any() if gaps else finite.all()):
        raise InputError("expected finite boxes to draw, found NaN or infinity; repair the track first")
    if truth is None:
        return track, None
    known = np.asarray(truth, dtype=np.float64)
    if known.ndim != 2 or known.shape[1] != 4 or len(known) < len(track):
        raise InputError(
            f"expected truth of shape ({len(track)}, 4) or longer, found {known.shape}; give a row a frame"
        )
    return track, known[: len(track)]


def _checked(image: NDArray[Any], index: int) -> NDArray[np.uint8]:
    array = np.asarray(image)
    if array.ndim != 3 or array.shape[2] != 3 or array.dtype != np.uint8:
        raise InputError(f"expected an 8-bit RGB picture of frame {index}, found {array.dtype} of shape {array.shape}")
    return array
