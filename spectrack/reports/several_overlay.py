"""Overlay video of several targets: false colour with the box of each in its own colour, and its name beside it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spectrack.boxes import Boxes
from spectrack.files import write_atomically
from spectrack.plots import TRACK_COLOURS, rgb
from spectrack.reports.overlay import GROUND, Picture, draw_boxes, encode_video, enlarge, enlargement, font
from spectrack.sequences.base import Sequence as Video
from spectrack.signs import visible

_LETTERS = 13
_LONGEST_NAME = 24
_COLOURS = TRACK_COLOURS[:-1]
"""Black is not seen on dark pictures."""


class DrawnTarget(NamedTuple):
    """What is drawn of a target.

    Attributes:
        name: its name.
        boxes: (N, 4), a row a frame; rows of NaN are not drawn.
        lost: (N,) frames whose box is dashed.
    """

    name: str
    boxes: Boxes
    lost: NDArray[np.bool_]


def write_several_overlay(path: str | os.PathLike[str], video: Video, targets: Sequence[DrawnTarget]) -> None:
    """Write the video, whole or not at all.

    Args:
        path: the ``.mp4`` file.
        video: what was tracked.
        targets: the targets.

    Raises:
        MissingExtraError: PyAV has no H.264 encoder.
    """
    with write_atomically(path) as temporary:
        encode_video(temporary, _pictures(video, targets), Fraction(video.fps).limit_denominator(1001))


def _pictures(video: Video, targets: Sequence[DrawnTarget]) -> Iterator[Picture]:
    scale = enlargement(video.width)
    for index in range(len(video)):
        picture = enlarge(video.false_colour(index), scale)
        for number, target in enumerate(targets):
            box, colour = target.boxes[index], rgb(_COLOURS[number % len(_COLOURS)])
            draw_boxes(picture, box, None, scale, dashed=bool(target.lost[index]), colour=colour)
        height, width = picture.shape[:2]
        canvas = np.full((height + height % 2, width + width % 2, 3), GROUND, dtype=np.uint8)
        canvas[:height, :width] = picture
        yield _named(canvas, targets, index, scale)


def _named(picture: Picture, targets: Sequence[DrawnTarget], index: int, scale: int) -> Picture:
    """The picture with the names of the targets above their boxes, inside it."""
    from PIL import Image, ImageDraw

    image = Image.fromarray(picture)
    draw, letters = ImageDraw.Draw(image), font(_LETTERS, bold=True)
    for number, target in enumerate(targets):
        x, y, _, _ = target.boxes[index] * scale
        if np.isfinite(target.boxes[index]).all():
            name = visible(target.name)[:_LONGEST_NAME]
            place = min(max(x, 2), image.width - 2 - draw.textlength(name, font=letters)), max(y - 4, _LETTERS + 2)
            colour = rgb(_COLOURS[number % len(_COLOURS)])
            draw.text(place, name, font=letters, fill=colour, anchor="ls", stroke_width=2, stroke_fill=GROUND)
    return np.asarray(image, dtype=np.uint8)
