"""The frames of film strips: pictures of a sequence with the truth and every tracker's box."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spectrack.boxes import Box, is_box
from spectrack.errors import InputError, SpectrackError
from spectrack.evaluation.comparison import Comparison, Highlight
from spectrack.plots import evenly_spread

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


def film_strip(comparison: Comparison, label: str, pictures: Pictures, *, frames: int = FRAMES) -> list[StripFrame]:
    """Evenly spread frames of one sequence with every tracker's box.

    Raises:
        SpectrackError: a picture cannot be read, or is not an RGB image.
    """
    truth = comparison.truth[label]
    strip = []
    for index in evenly_spread(len(truth), frames):
        image = _checked(pictures(label, index), label, index)
        boxes = {}
        for entrant in comparison.entrants:
            stored = entrant.sequence(label).boxes
            if index < len(stored) and is_box(stored[index]):
                boxes[entrant.index] = stored[index]
        overlaps = {entrant.index: float(entrant.overlaps[label][index]) for entrant in comparison.entrants}
        strip.append(StripFrame(index, image, truth[index] if is_box(truth[index]) else None, boxes, overlaps))
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
            strips[highlight.label] = film_strip(comparison, highlight.label, pictures)
        except (SpectrackError, OSError, LookupError) as error:
            remarks.append(f"The film strip of {highlight.label} is left out: {error}.")
    return strips, remarks


def _checked(image: NDArray[Any], label: str, index: int) -> NDArray[np.uint8]:
    array = np.asarray(image)
    if array.ndim != 3 or array.shape[2] != 3 or array.dtype != np.uint8:
        raise InputError(
            f"expected an 8-bit RGB picture of {label!r}, found {array.dtype} of shape {array.shape} in frame {index}"
        )
    return array
