"""Truth in rows as single data sets write it: frame numbers and flags, corners with a label, masks.

* TLP: ``frame, x, y, w, h, lost``; frames from 1, some left out.
* NfS (VATIC): ``track xmin ymin xmax ymax frame lost occluded generated "label"``, 240 frames/s beside video of 30 too.
* VOT: a polygon, or a mask ``m x0,y0,w,h,n0,n1,...``, in each row; the runs of a mask begin with its background.

Everything else goes to `annotations.text` and `annotations.rows`.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from spectrack.annotations.box_tracks import BoxTrack, Corners, corners_of, frame_number, only_track, too_sparse
from spectrack.annotations.rows import read_mot_tracks, rows_dialect
from spectrack.annotations.text import is_number, parse_boxes, split_rows
from spectrack.boxes import Boxes
from spectrack.errors import SequenceError

VATIC_RATE = 8
"""NfS was labelled at 240 frames/s; its videos of 30 frames/s have every eighth frame."""

_TLP_COLUMNS, _VATIC_COLUMNS = 6, 9
_LONGEST_MASK = 2**20
_LARGEST_SIDE = 100_000
_ABSENT = (0.0, 0.0, 0.0, 0.0)

Place = str | os.PathLike[str]


@dataclass(frozen=True)
class TruthRows:
    """Truth of one sequence.

    Attributes:
        boxes: (N, 4); zero rows where the object is not there, or nobody drew it.
        numbered: the file itself says which frame each row is of, so frames behind the last row have no truth.
        rate: the rows may be so many times as frequent as the frames.
    """

    boxes: Boxes
    numbered: bool = False
    rate: int = 1

    def of_frames(self, frames: int) -> Boxes:
        """The rows of a video of so many frames, as far as the file alone can tell: thinned out, or completed."""
        boxes = self.boxes
        if self.rate > 1 and len(boxes) > frames and math.ceil(len(boxes) / self.rate) == frames:
            return boxes[:: self.rate]
        lacking = frames - len(boxes) if self.numbered else 0
        return np.concatenate([boxes, np.zeros((lacking, 4))]) if lacking > 0 else boxes


def parse_truth(text: str, where: Place) -> TruthRows:
    """Truth of one object in any of the rows above, or in plain or MOT rows.

    Raises:
        SequenceError: no row, one that is no box, or boxes of several objects.
    """
    if not text.strip():
        return TruthRows(parse_boxes(text, where))
    if text.lstrip()[:1] == "m":
        return TruthRows(_regions(text, where))
    _, first = next(split_rows(text, where))
    if '"' in text[:4096] and len(first) > _VATIC_COLUMNS and all(map(is_number, first[:_VATIC_COLUMNS])):
        return replace(_numbered(_vatic(text, where), where, even_steps=True), rate=VATIC_RATE)
    if len(first) == _TLP_COLUMNS and all(map(is_number, first)) and _is_tlp(text, where):
        return _numbered(_tlp(text, where), where)
    if rows_dialect(text, where) == "mot":
        return TruthRows(only_track(read_mot_tracks(text, where), where).dense(), numbered=True)
    return TruthRows(parse_boxes(text, where))


def _is_tlp(text: str, where: Place) -> bool:
    """Whether rows of six numbers begin with rising frame numbers and end with a flag, unlike MOT's."""
    rows = [tokens for _, tokens in split_rows(text, where)]
    if any(len(tokens) != _TLP_COLUMNS or not (is_number(tokens[0]) and is_number(tokens[5])) for tokens in rows):
        return False
    frames = [float(tokens[0]) for tokens in rows]
    return all(float(tokens[5]) in (0, 1) for tokens in rows) and all(a < b for a, b in pairwise(frames))


def _tlp(text: str, where: Place) -> dict[int, Corners]:
    found = {}
    for number, tokens in split_rows(text, where):
        box = corners_of(tokens[1:5], f"line {number} of {where}")
        found[frame_number(tokens[0], where)] = _ABSENT if float(tokens[5]) else box
    return found


def _vatic(text: str, where: Place) -> dict[int, Corners]:
    tracks: dict[str, BoxTrack] = {}
    for number, tokens in split_rows(text, where):
        if len(tokens) <= _VATIC_COLUMNS or not all(map(is_number, tokens[:_VATIC_COLUMNS])):
            raise SequenceError(
                f"expected nine numbers and a label on line {number} of {where}, found {' '.join(tokens)[:60]!r}; "
                "correct that line"
            )
        left, top, right, bottom = corners_of(tokens[1:5], f"line {number} of {where}")
        lost = float(tokens[6]) != 0
        track = tracks.setdefault(tokens[0], BoxTrack(tokens[0], tokens[9].strip('"')))
        track.boxes[frame_number(tokens[5], where)] = _ABSENT if lost else (left, top, right - left, bottom - top)
    return only_track(list(tracks.values()), where).boxes


def _numbered(found: dict[int, Corners], where: Place, *, even_steps: bool = False) -> TruthRows:
    """Rows by frame number, counted from 1 unless a 0 occurs; or every `even_steps` of a faster camera is a frame."""
    frames = np.array(sorted(found))
    step = int(np.gcd.reduce(np.diff(frames))) if even_steps and len(frames) > 1 else 1
    index = (frames - (frames[0] if step > 1 else min(1, frames[0]))) // step
    if too_sparse(int(index[-1]) + 1, len(frames)):
        raise SequenceError(
            f"expected frame numbers of one video in {where}, found {int(frames[-1])} for {len(frames)} rows; "
            "correct them"
        )
    boxes = np.zeros((int(index[-1]) + 1, 4))
    boxes[index] = [found[frame] for frame in frames.tolist()]
    return TruthRows(boxes, numbered=True)


def _regions(text: str, where: Place) -> Boxes:
    rows = []
    for number, tokens in split_rows(text, where, longest=_LONGEST_MASK):
        if tokens[0].startswith("m"):
            rows.append(_box_of_mask([tokens[0][1:], *tokens[1:]], f"line {number} of {where}"))
        else:
            rows.append(tuple(parse_boxes(" ".join(tokens), f"line {number} of {where}")[0].tolist()))
    return np.array(rows, dtype=np.float64)


def _box_of_mask(tokens: list[str], where: str) -> Corners:
    """The tight box of a mask, by its runs: the mask itself, as large as its header claims, is never made."""
    words = [token for token in tokens if token]
    if len(words) < 4 or not all(word.isascii() and word.isdigit() and len(word) < 10 for word in words):
        raise SequenceError(
            f"expected a mask m x0,y0,w,h,n0,n1,... on {where}, found {','.join(words)[:60]!r}; correct that line"
        )
    x, y, width, height, *runs = (int(word) for word in words)
    if max(width, height) > _LARGEST_SIDE or sum(runs) > width * height:
        raise SequenceError(
            f"expected runs of a mask of {width} x {height} pixels on {where}, found {sum(runs)}; correct that line"
        )
    ends = np.cumsum(runs, dtype=np.int64)
    starts, stops = ends[0::2][: len(ends[1::2])], ends[1::2]
    filled = stops > starts
    starts, stops = starts[filled], stops[filled] - 1
    if not starts.size:
        return _ABSENT
    top, bottom = int(starts[0]) // width, int(stops[-1]) // width
    # A run over the end of a row reaches both edges.
    over = starts // width != stops // width
    left = 0 if over.any() else int((starts % width).min())
    right = width - 1 if over.any() else int((stops % width).max())
    return float(x + left), float(y + top), float(right - left + 1), float(bottom - top + 1)
