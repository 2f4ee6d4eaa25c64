"""Rows of one picture that begin with a class: boxes, oriented boxes and polygons of YOLO, from training and results.

``class, centre x, centre y, w, h``, or ``class, x1, y1, ... xn, yn`` with at least three corners, whose tight box is
taken; as fractions of the picture, oriented boxes as pixels too. Results add a confidence, a track number, or both.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from spectrack.annotations.box_tracks import BoxTrack, Corners, corners_of
from spectrack.annotations.text import is_number, split_rows
from spectrack.errors import SequenceError

_FEWEST_CORNERS = 3
_ROUNDING_PX = 1.5
"""By so much may the corners of a rectangle miss a parallelogram when they are rounded to pixels."""


@dataclass(frozen=True)
class ClassRow:
    """One row.

    Attributes:
        box: x, y, w, h.
        identity: the track number, "" where there is none.
        relative: fractions of the picture, else pixels.
    """

    box: Corners
    identity: str
    relative: bool


def class_row(tokens: list[str]) -> ClassRow | None:
    """What a row says, or None where it is no such row."""
    if not (tokens[0].isascii() and tokens[0].isdigit() and all(map(is_number, tokens))):
        return None
    values, identity = tokens[1:], ""
    # A bare whole number at the end is a track; behind an even count of numbers there is a confidence before it.
    if len(values) > 4 and len(values) != 8 and values[-1].isdigit():
        identity, values = values[-1], values[: -2 if len(values) % 2 == 0 else -1]
    elif len(values) > 4 and len(values) % 2 == 1:
        values = values[:-1]  # a confidence
    numbers = [float(value) for value in values]
    relative = all(0 <= number <= 1 for number in numbers)
    if relative and len(numbers) == 4:
        x, y, w, h = numbers
        return ClassRow((x - w / 2, y - h / 2, w, h), identity, relative)
    if (relative and len(numbers) >= 2 * _FEWEST_CORNERS) or (len(numbers) == 8 and _is_parallelogram(numbers)):
        left, top = min(numbers[0::2]), min(numbers[1::2])
        return ClassRow((left, top, max(numbers[0::2]) - left, max(numbers[1::2]) - top), identity, relative)
    return None


def read_class_rows(text: str, where: str | os.PathLike[str]) -> list[BoxTrack]:
    """The objects of one picture, called by their track number, else numbered from 1.

    Raises:
        SequenceError: a row of another kind, or of other units than the first.
    """
    tracks: list[BoxTrack] = []
    for number, tokens in split_rows(text, where):
        row = class_row(tokens)
        if row is None or (tracks and row.relative != tracks[0].relative):
            raise SequenceError(
                f"expected class, centre and size or class and corners on line {number} of {where}, in one unit, "
                f"found {' '.join(tokens)[:60]!r}; correct that line"
            )
        box = corners_of(row.box, where)
        tracks.append(BoxTrack(row.identity or str(len(tracks) + 1), tokens[0], {0: box}, relative=row.relative))
    return tracks


def _is_parallelogram(corners: list[float]) -> bool:
    """Whether four corners in order have one centre: the mean of the first and third, and of the other two."""
    x1, y1, x2, y2, x3, y3, x4, y4 = corners
    return abs(x1 + x3 - x2 - x4) <= _ROUNDING_PX and abs(y1 + y3 - y2 - y4) <= _ROUNDING_PX
