"""Boxes of named objects over frames, as annotation programs store them, and the choice of one object and one frame."""

from __future__ import annotations

import reprlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from spectrack.boxes import Box, Boxes
from spectrack.errors import SequenceError

LARGEST_FRAME = 1_000_000
"""Frame numbers beyond this are faults of the file: half a day at 25 frames/s."""

Corners = tuple[float, float, float, float]
"""One box as x, y, w, h."""


@dataclass
class BoxTrack:
    """One object of an annotation file.

    Attributes:
        identity: what the file calls it, such as its track number; "" when it has none.
        label: its class; "" when it has none.
        boxes: frame index from 0 to x, y, w, h.
        absent: frames from which on the object is not there, until its next box.
        relative: the boxes are fractions of the frame instead of pixels.
        size: width and height in pixels of the picture that it was drawn on, or None when the file does not tell.
        interpolated: between two boxes the object moves evenly (key frames); else only the frames listed have a box.
        sequence: name of the video in files that hold several; "" else.
    """

    identity: str = ""
    label: str = ""
    boxes: dict[int, Corners] = field(default_factory=dict)
    absent: set[int] = field(default_factory=set)
    relative: bool = False
    size: tuple[int, int] | None = None
    interpolated: bool = False
    sequence: str = ""

    @property
    def name(self) -> str:
        """How messages and ``track=`` call it."""
        return self.identity or self.label

    def box(self, frame: int) -> Box | None:
        """The box in a frame, between key frames interpolated; None where the object is not there."""
        if frame in self.boxes:
            return np.array(self.boxes[frame], dtype=np.float64)
        if not self.interpolated or frame in self.absent:
            return None
        before = max((key for key in (*self.boxes, *self.absent) if key < frame), default=None)
        after = min((key for key in (*self.boxes, *self.absent) if key > frame), default=None)
        if before is None or before in self.absent:
            return None
        start = np.array(self.boxes[before], dtype=np.float64)
        if after is None or after not in self.boxes:
            return start  # the last key frame holds until the object leaves
        share = (frame - before) / (after - before)
        return np.asarray((1 - share) * start + share * np.array(self.boxes[after], dtype=np.float64))

    def dense(self, frames: int | None = None) -> Boxes:
        """(N, 4) with a row of NaN where there is no box; N is `frames`, or one more than the last frame with a box.

        Raises:
            SequenceError: a last frame so far away that a frame number must be wrong.
        """
        length = max(self.boxes, default=-1) + 1 if frames is None else frames
        if frames is None and too_sparse(length, len(self.boxes)):
            raise SequenceError(
                f"expected one video for {self.name!r}, found {length} frames for {len(self.boxes)} boxes; correct them"
            )
        rows = np.full((length, 4), np.nan)
        for frame, box in self.boxes.items():
            if frame < len(rows):
                rows[frame] = box
        return rows


def too_sparse(frames: int, boxes: int) -> bool:
    """Whether, in a file of the frames with a box, so few boxes cannot be of so many frames: a number is wrong."""
    return frames > LARGEST_FRAME or frames > 100 * boxes + 10_000


def choose_track(tracks: Sequence[BoxTrack], track: str | None, frame: int, where: object) -> BoxTrack:
    """The object asked for, or the only one in that frame.

    Args:
        tracks: all objects of the file.
        track: identity or label; None when there is one object in the frame.
        frame: index from 0.
        where: the file, for messages.

    Raises:
        SequenceError: no such object, or several to choose from.
    """
    present = [item for item in tracks if item.box(frame) is not None]
    if track is not None:
        chosen = [item for item in tracks if item.identity == track] or [item for item in tracks if item.label == track]
        here = [item for item in chosen if item in present]
        chosen = here if len(here) == 1 else chosen
        if len(chosen) == 1:
            return chosen[0]
        found = f"{len(chosen)} of that name ({_list(chosen)})" if chosen else f"{len(tracks)} others ({_list(tracks)})"
        raise SequenceError(
            f"expected one object {track!r} in {where}, found {found if tracks else 'none'}; name another"
        )
    if len(present) == 1:
        return present[0]
    if not tracks:
        raise SequenceError(f"expected a box in {where}, found none; draw one and export the file again")
    if not present:
        first = min(min(item.boxes) for item in tracks if item.boxes) if any(item.boxes for item in tracks) else None
        found = f"the first in frame {first}" if first is not None else "none"
        raise SequenceError(
            f"expected a box in frame {frame} (counted from 0) of {where}, found {found}; draw one there"
        )
    raise SequenceError(
        f"expected one object in frame {frame} (counted from 0) of {where}, found {len(present)} ({_list(present)}); "
        "name one with track=... (--box-track)"
    )


def only_track(tracks: Sequence[BoxTrack], where: object) -> BoxTrack:
    """The one object of a file.

    Raises:
        SequenceError: there are several, or none.
    """
    if len(tracks) != 1:
        names = ", ".join(track.name[:20] for track in tracks[:5])
        found = f"{len(tracks)} ({names})" if tracks else "none"
        raise SequenceError(f"expected the boxes of one object in {where}, found {found}; keep the tracked one")
    return tracks[0]


def _list(tracks: Sequence[BoxTrack]) -> str:
    shown = ", ".join(
        " ".join(dict.fromkeys(part for part in (item.identity, item.label) if part))[:40] or "unnamed"
        for item in tracks[:6]
    )
    return shown + (", ..." if len(tracks) > 6 else "")


def frame_number(value: object, where: object, *, first: int = 0) -> int:
    """A frame index from 0 out of a file's own number.

    Args:
        value: an integer, or text or a float that stands for one.
        where: the file, for messages.
        first: number of the first frame in the file's counting.

    Raises:
        SequenceError: no whole number, or one that no video reaches.
    """
    try:
        number = float(value)  # type: ignore[arg-type]
        index = int(number) - first if number == int(number) else -1
    except (TypeError, ValueError, OverflowError):
        index = -1
    if not 0 <= index < LARGEST_FRAME:
        raise SequenceError(
            f"expected frame numbers from {first} to {LARGEST_FRAME - 1 + first} in {where}, found {shown(value)}; "
            "correct it"
        )
    return index


def corners_of(values: Sequence[object], where: object) -> Corners:
    """Four values as one x, y, w, h box.

    Raises:
        SequenceError: not four finite numbers below ten million.
    """
    try:
        numbers = [float(value) for value in values]  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        numbers = []
    if len(numbers) != 4 or not all(abs(number) < 1e7 for number in numbers):
        found = ", ".join(shown(value) for value in values[:5])
        raise SequenceError(f"expected a box of four numbers in {where}, found {found}; correct the file")
    return numbers[0], numbers[1], numbers[2], numbers[3]


def shown(value: object) -> str:
    """A value of a foreign file for a message: short, however large it is."""
    return reprlib.repr(value)[:60]


def turned(box: Corners, degrees: object, *, about_centre: bool) -> Corners:
    """The tight upright box of a box that was turned clockwise, about its centre or about its left upper corner.

    A rotation that is no number counts as none.
    """
    angle = float(degrees) if isinstance(degrees, int | float) and abs(degrees) < 1e6 else 0.0
    if angle % 360 == 0:
        return box
    x, y, w, h = box
    turn = np.deg2rad(angle)
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    pivot = np.array([x + w / 2, y + h / 2]) if about_centre else np.array([x, y])
    points = (np.array([[x, y], [x + w, y], [x + w, y + h], [x, y + h]]) - pivot) @ matrix.T + pivot
    (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
    return float(left), float(top), float(right - left), float(bottom - top)
