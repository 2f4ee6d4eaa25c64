"""Boxes in rows of numbers that are not simply x, y, w, h: MOT, and the challenge's CSV of many sequences.

MOT rows are ``frame, track, x, y, w, h, ...`` with frames from 1; CVAT writes them with 0-based coordinates and these
are kept. Rows that begin with a class are told from them here and read in `class_rows`. Rows of the 2026 challenge are
``ID,x,y,width,height`` with ``<modality>-<sequence>_<frame>`` as ID: frames count from 1 in submissions and run on
through the whole file in the training labels.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from spectrack.annotations.box_tracks import BoxTrack, corners_of, frame_number, too_sparse
from spectrack.annotations.class_rows import class_row
from spectrack.annotations.text import is_number, split_rows
from spectrack.boxes import Boxes
from spectrack.errors import SequenceError

CSV_HEADER = ("id", "x", "y", "width", "height")
_PLAIN_COLUMNS = (4, 8)
_MOT_COLUMNS = (6, 7, 9, 10)
_MOST_ROWS = 5_000_000

Place = str | os.PathLike[str]


@dataclass
class _Rows:
    """Rows of one sequence of a CSV: frame numbers as written, and boxes."""

    numbers: array[int] = field(default_factory=lambda: array("q"))
    values: array[float] = field(default_factory=lambda: array("d"))


def rows_dialect(text: str, where: Place) -> str:
    """``boxes``, ``mot``, ``class`` (see `class_rows`) or ``csv``, by the first line.

    Raises:
        SequenceError: no line, or an overlong one.
    """
    for _, tokens in split_rows(text, where):
        if tuple(token.lower() for token in tokens) == CSV_HEADER:
            return "csv"
        if len(tokens) in _PLAIN_COLUMNS or not all(is_number(token) for token in tokens):
            return "boxes"
        if not _is_mot(tokens) and class_row(tokens) is not None:
            return "class"
        return "mot" if len(tokens) in _MOT_COLUMNS else "boxes"
    raise SequenceError(f"expected boxes in {where}, found no row; write one box x,y,w,h a line")


def _is_mot(tokens: list[str]) -> bool:
    """Whether a row of the length of oriented boxes is one of MOT beyond doubt, by its last columns."""
    return (len(tokens) == 9 and float(tokens[8]) <= 1 < max(map(float, tokens[1:]))) or (
        len(tokens) == 10 and {float(token) for token in tokens[7:]} == {-1.0}
    )


def read_mot_tracks(text: str, where: Place) -> list[BoxTrack]:
    """The objects of MOT rows; rows whose seventh number is 0 (ignored) or whose sides are not positive have no box.

    Raises:
        SequenceError: a row of other numbers, or two boxes of one object in a frame.
    """
    tracks: dict[str, BoxTrack] = {}
    for number, tokens in split_rows(text, where):
        if len(tokens) not in _MOT_COLUMNS or not all(is_number(token) for token in tokens):
            raise SequenceError(
                f"expected frame,track,x,y,w,h and up to four more numbers on line {number} of {where}, "
                f"found {' '.join(tokens)[:60]!r}; correct that line"
            )
        identity, frame = tokens[1].removesuffix(".0"), frame_number(tokens[0], where, first=1)
        box = corners_of(tokens[2:6], where)
        label = tokens[7] if len(tokens) == 9 else ""
        track = tracks.setdefault(identity, BoxTrack(identity, label))
        if frame in track.boxes:
            raise SequenceError(
                f"expected one box of track {identity[:40]} in frame {frame + 1} of {where}, line {number}, found two; "
                "remove one"
            )
        if box[2] > 0 and box[3] > 0 and not (len(tokens) >= 9 and float(tokens[6]) == 0):
            track.boxes[frame] = box
    return list(tracks.values())


def read_csv_boxes(text: str, where: Place) -> tuple[dict[str, Boxes], list[str]]:
    """Boxes of every sequence of a CSV with the header ``ID,x,y,width,height``.

    Returns:
        sequence name (as in the file, with modality) to (N, 4), NaN without a row; and assumptions, in sentences.

    Raises:
        SequenceError: another header, a row that is no box, a frame given twice, or frame numbers without end.
    """
    groups: dict[str, _Rows] = {}
    for number, name, frame, values in _csv_rows(text, where):
        box = corners_of([value if is_number(value) else None for value in values], f"line {number} of {where}")
        rows = groups.setdefault(name, _Rows())
        rows.numbers.append(frame)
        rows.values.extend(box)
    if not groups:
        raise SequenceError(f"expected rows below the header in {where}, found none; write one row a frame")
    running = _counts_through({name: rows.numbers for name, rows in groups.items()})
    boxes = _spread(groups, running, where)
    note = "its frame numbers run on through the whole file; they were counted from the first of each sequence"
    return boxes, [note] if running else []


def read_csv_order(text: str, where: Place) -> list[tuple[str, int]]:
    """(sequence, frame number as written) of every row of such a CSV, in order: the rows a submission must have.

    Raises:
        SequenceError: another header, or an ID of another form.
    """
    return [(name, frame) for _, name, frame, _ in _csv_rows(text, where)]


def _csv_rows(text: str, where: Place) -> Iterator[tuple[int, str, int, list[str]]]:
    """Line number, sequence, frame number as written and the other values of every row below the header."""
    for index, (number, tokens) in enumerate(split_rows(text, where)):
        name, _, frame = tokens[0].rpartition("_")
        if index == 0:
            if tuple(token.lower() for token in tokens) != CSV_HEADER:
                raise SequenceError(
                    f"expected the header ID,x,y,width,height in {where}, found {' '.join(tokens)[:60]!r}; add it"
                )
        elif not name or not (frame.isascii() and frame.isdigit()) or len(frame) > 12:
            raise SequenceError(
                f"expected <sequence>_<frame>,x,y,width,height on line {number} of {where}, "
                f"found {' '.join(tokens)[:60]!r}; correct that line"
            )
        else:
            yield number, name, int(frame), tokens[1:]


def _counts_through(numbers: dict[str, Iterable[int]]) -> bool:
    """Whether one counter runs through the file: some sequence starts late, and no number occurs in two sequences."""
    ranges = sorted((min(values), max(values)) for values in numbers.values())
    # A submission may lack a row or two at the start; the training labels start sequences in the ten thousands.
    starts_late = ranges[-1][0] > 2
    return starts_late and all(before[1] < after[0] for before, after in pairwise(ranges))


def _spread(groups: dict[str, _Rows], running: bool, where: Place) -> dict[str, Boxes]:
    starts = {name: min(rows.numbers) if running else 1 for name, rows in groups.items()}
    lengths = {name: max(rows.numbers) - starts[name] + 1 for name, rows in groups.items()}
    sparse = [name for name, length in lengths.items() if too_sparse(length, len(groups[name].numbers))]
    if sparse or sum(lengths.values()) > _MOST_ROWS:
        longest = max(sparse or lengths, key=lambda name: lengths[name])
        raise SequenceError(
            f"expected frame numbers of one video in {where}, found {lengths[longest]} frames for {longest[:60]!r}; "
            "correct the IDs"
        )
    boxes = {}
    for name, rows in groups.items():
        index = np.array(rows.numbers) - starts[name]
        if index.min() < 0:
            raise SequenceError(
                f"expected frames counted from 1 in {where}, found frame 0 of {name[:60]!r}; correct the IDs"
            )
        values, counts = np.unique(index, return_counts=True)
        if counts.max() > 1:
            twice = int(values[np.argmax(counts)]) + starts[name]
            raise SequenceError(
                f"expected one row for each frame in {where}, found {name[:60]}_{twice} more than once; remove one"
            )
        spread = np.full((lengths[name], 4), np.nan)
        spread[index] = np.array(rows.values).reshape(-1, 4)
        boxes[name] = spread
    return boxes
