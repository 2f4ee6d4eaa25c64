"""The truth of one sequence from whatever file a data set keeps it in; the content tells the dialect.

Rows are read by `annotations.truth_rows`; Anti-UAV's JSON (``exist``, ``gt_rect``) here; COCO with videos, CVAT and the
other annotation programs' files as `annotations.first_boxes` reads them, with boxes between key frames.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from spectrack.annotations.box_tracks import BoxTrack, Corners, corners_of, only_track, shown
from spectrack.annotations.json_files import json_tracks
from spectrack.annotations.truth_rows import TruthRows, parse_truth
from spectrack.annotations.untrusted_files import decode_text, looks_like_xml, parse_json, read_file
from spectrack.annotations.xml_files import read_xml_tracks
from spectrack.errors import SequenceError

Place = str | os.PathLike[str]


def read_truth(path: Place, *, name: str = "", frames: int | None = None) -> TruthRows:
    """The truth of a sequence.

    Args:
        path: the file.
        name: of the sequence, for files that hold several.
        frames: how many it has, for files that say where an object is without saying where the video ends.

    Raises:
        SequenceError: it cannot be read, is of no known dialect, or holds several objects.
    """
    data = read_file(path, "boxes")
    start = data.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if looks_like_xml(data):
        return _of_tracks(read_xml_tracks(data, path)[1], path, name, frames)
    if start in (b"{", b"["):
        value = parse_json(data, path)
        if isinstance(value, dict) and "gt_rect" in value:
            return TruthRows(np.array([*_anti_uav(value, path)], dtype=np.float64).reshape(-1, 4))
        return _of_tracks(json_tracks(value, path)[1], path, name, frames)
    return parse_truth(decode_text(data, path, "boxes"), path)


def _of_tracks(tracks: list[BoxTrack], path: Place, name: str, frames: int | None) -> TruthRows:
    own = [track for track in tracks if track.sequence == name] if any(track.sequence for track in tracks) else []
    track = only_track(own or tracks, path)
    if track.relative:
        raise SequenceError(
            f"expected truth in pixels in {path}, found fractions of the frame; multiply them by its size"
        )
    length = max((*track.boxes, *track.absent), default=-1) + 1 if frames is None else frames
    boxes = [track.box(frame) for frame in range(length)]
    return TruthRows(np.array([np.zeros(4) if box is None else box for box in boxes]).reshape(-1, 4), numbered=True)


def _anti_uav(value: dict[str, Any], path: Place) -> list[Corners]:
    """Boxes of Anti-UAV: [x, y, w, h] a frame, empty or zero where ``exist`` is 0."""
    boxes, there = value["gt_rect"], value.get("exist")
    if not isinstance(boxes, list) or not (there is None or (isinstance(there, list) and len(there) == len(boxes))):
        found = f"{shown(boxes)} and {shown(there)}"
        raise SequenceError(
            f"expected lists of one length as 'gt_rect' and 'exist' in {path}, found {found}; correct it"
        )
    rows: list[Corners] = []
    for number, box in enumerate(boxes):
        absent = (there is not None and not there[number]) or not isinstance(box, list) or not any(box)
        rows.append((0.0, 0.0, 0.0, 0.0) if absent else corners_of(box, f"frame {number} of {path}"))
    return rows
