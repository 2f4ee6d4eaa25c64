"""The first box from whatever file an annotation program wrote: the content tells the format, units are settled here.

Read are plain boxes (x, y, w, h or a polygon), CVAT (video and images 1.1, MOT 1.1, as text, XML or the exported .zip),
MOT, COCO, Pascal VOC, labelme, Label Studio, YOLO (also oriented boxes and polygons), and the CSV of the 2026
challenge. Programs show pictures, not cubes: ``coordinates`` says which picture a box was drawn on.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Literal

import numpy as np

from spectrack.annotations.box_tracks import BoxTrack, choose_track
from spectrack.annotations.class_rows import read_class_rows
from spectrack.annotations.json_files import json_tracks
from spectrack.annotations.rows import read_csv_boxes, read_mot_tracks, rows_dialect
from spectrack.annotations.target_tables import json_targets, read_csv_targets
from spectrack.annotations.text import parse_boxes, read_first_row
from spectrack.annotations.untrusted_files import decode_text, looks_like_xml, parse_json, read_file
from spectrack.annotations.xml_files import read_xml_tracks
from spectrack.boxes import Box, as_box
from spectrack.errors import ConfigError, SequenceError

Coordinates = Literal["cube", "mosaic", "rgb"]
COORDINATES: tuple[Coordinates, ...] = ("cube", "mosaic", "rgb")

Place = str | os.PathLike[str]


def read_first_box(
    path: Place,
    *,
    width: int | None = None,
    height: int | None = None,
    frame: int = 0,
    track: str | int | None = None,
    coordinates: Coordinates = "cube",
    block: int = 1,
) -> Box:
    """The box of one object in one frame of an annotation file, in cube pixels.

    Args:
        path: the file; its format is found by its content, not by its name.
        width: of the cubes in pixels; for YOLO and Label Studio, which store shares of the frame, and for ``rgb``.
        height: likewise.
        frame: index from 0, whatever the file counts from. Of a file about a single picture only 0 exists.
        track: identity or label of the object, where there are several.
        coordinates: the picture that it was drawn on: of the ``cube``'s size, the raw ``mosaic`` (divided by `block`),
            or an ``rgb`` picture of another size, which is scaled to the cube's. That scaling is exact for a picture of
            the cube itself only: a second camera sees from elsewhere.
        block: side of the mosaic pattern.

    Raises:
        SequenceError: the file cannot be read, is of no known format, has several objects to choose from or none in
            that frame, or a picture size that does not fit the cube's.
        BoxError: that box has no area.
        ConfigError: an unknown coordinate frame, a block below 1, or a size that is needed and not given.
    """
    _check_options(coordinates, block, frame)
    found = _read(path)
    if isinstance(found, str):
        box = read_first_row(found, path) if frame == 0 else _row(found, path, frame)
        return as_box(_in_cube_pixels(box, None, coordinates, block, (width, height), path))
    chosen = choose_track(found, None if track is None else str(track), frame, path)
    return _box_of(chosen, frame, coordinates, block, (width, height), path)


@dataclass(frozen=True)
class TargetStart:
    """Where one of several targets is first seen.

    Attributes:
        identity: its name.
        frame: the frame, from 0.
        box: x, y, w, h in cube pixels there.
    """

    identity: str
    frame: int
    box: Box


def read_first_boxes(
    path: Place,
    *,
    width: int | None = None,
    height: int | None = None,
    coordinates: Coordinates = "cube",
    block: int = 1,
) -> list[TargetStart]:
    """The first box of every object of an annotation file, in the file's order.

    Args:
        path: any file that `read_first_box` reads and that names its objects, such as MOT rows; or a small table of the
            form that `spectrack.annotations.target_tables` has.
        width: as there.
        height: as there.
        coordinates: as there.
        block: as there.

    Raises:
        SequenceError: the file cannot be read, or names no object.
        BoxError: a box without area.
        ConfigError: see `read_first_box`.
    """
    _check_options(coordinates, block, 0)
    tracks = _read(path, tables=True)
    if isinstance(tracks, str):
        found = "rows of numbers alone" if tracks.strip() else "an empty file"
        raise SequenceError(
            f"expected boxes with identities in {path}, found {found}; write id,x,y,w,h above them and a "
            "name before each, or give MOT rows"
        )
    starts = []
    for number, track in enumerate((track for track in tracks if track.boxes), start=1):
        first = min(track.boxes)
        box = _box_of(track, first, coordinates, block, (width, height), path)
        starts.append(TargetStart(track.name or str(number), first, box))
    if not starts:
        raise SequenceError(f"expected boxes of several targets in {path}, found none; draw one for each")
    return starts


def _read(path: Place, *, tables: bool = False) -> list[BoxTrack] | str:
    """The objects of a file, or the text of one with plain rows of boxes."""
    data = read_file(path, "boxes")
    start = data.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if looks_like_xml(data):
        return read_xml_tracks(data, path)[1]
    if start in (b"{", b"["):
        value = parse_json(data, path)
        return (json_targets(value, path) if tables else None) or json_tracks(value, path)[1]
    text = decode_text(data, path, "boxes")
    found = read_csv_targets(text, path) if tables else None
    if found is not None:
        return found
    dialect = rows_dialect(text, path) if text.strip() else "boxes"
    return text if dialect == "boxes" else _tracks_of_rows(text, dialect, path)


def _box_of(
    track: BoxTrack,
    frame: int,
    coordinates: Coordinates,
    block: int,
    cube: tuple[int | None, int | None],
    path: Place,
) -> Box:
    found = track.box(frame)
    if found is None:
        raise SequenceError(
            f"expected {track.name!r} in frame {frame} (counted from 0) of {path}, found no box of it there; draw one"
        )
    if track.relative:
        return as_box(_from_shares(found, track, coordinates, block, cube, path))
    return as_box(_in_cube_pixels(found, track.size, coordinates, block, cube, path))


def _check_options(coordinates: str, block: int, frame: int) -> None:
    if coordinates not in COORDINATES:
        raise ConfigError(
            f"expected the coordinates to be one of {', '.join(COORDINATES)}, found {coordinates!r}; choose one"
        )
    if block < 1:
        raise ConfigError(
            f"expected a mosaic block of 1 or more, found {block}; give the side of the pattern, such as 4"
        )
    if frame < 0:
        raise ConfigError(f"expected a frame counted from 0, found {frame}; give its index")


def _tracks_of_rows(text: str, dialect: str, path: Place) -> list[BoxTrack]:
    if dialect == "mot":
        return read_mot_tracks(text, path)
    if dialect == "class":
        return read_class_rows(text, path)
    tracks = []
    for name, boxes in read_csv_boxes(text, path)[0].items():
        given = np.flatnonzero(np.isfinite(boxes).all(axis=1)).tolist()
        tracks.append(BoxTrack(name, boxes={index: (*boxes[index].tolist(),) for index in given}))
    return tracks


def _row(text: str, path: Place, frame: int) -> Box:
    boxes = parse_boxes(text, path)
    if frame >= len(boxes):
        raise SequenceError(
            f"expected a box in frame {frame} (counted from 0) of {path}, found {len(boxes)} rows; name another frame"
        )
    return np.asarray(boxes[frame])


def _in_cube_pixels(
    box: Box,
    drawn: tuple[int, int] | None,
    coordinates: Coordinates,
    block: int,
    cube: tuple[int | None, int | None],
    path: Place,
) -> Box:
    """Pixels of the picture it was drawn on to pixels of the cube. Args: `drawn` and `cube` are width and height."""
    width, height = cube
    if coordinates == "rgb":
        if drawn is None or width is None or height is None:
            lacking = "the picture in the file" if drawn is None else "the cube"
            raise ConfigError(
                f"expected the sizes of picture and cube to scale the box of {path}, found no size of {lacking}; "
                "scale the box yourself and give it in pixels of the cube"
            )
        return np.asarray(box * np.array([width / drawn[0], height / drawn[1]] * 2))
    if drawn is not None and width is not None and height is not None:
        _check_size(drawn, (width, height), coordinates, block, path)
    return box / block if coordinates == "mosaic" else box


def _check_size(
    drawn: tuple[int, int], cube: tuple[int, int], coordinates: Coordinates, block: int, path: Place
) -> None:
    """Refuse a box from a picture of another size than was said: it would be off by the ratio, silently."""
    side = block if coordinates == "mosaic" else 1
    # A mosaic may have a few rows and columns that fill no block.
    if any(found // side != expected for found, expected in zip(drawn, cube, strict=True)):
        expected = " x ".join(str(length * side) for length in cube)
        raise SequenceError(
            f"expected a picture of {expected} pixels behind {path}, found {drawn[0]} x {drawn[1]}; "
            "say what the box was drawn on with coordinates='mosaic' or 'rgb' (--box-drawn-on)"
        )


def _from_shares(
    box: Box, track: BoxTrack, coordinates: Coordinates, block: int, cube: tuple[int | None, int | None], path: Place
) -> Box:
    """Shares of the frame to cube pixels: with the cube's size no other picture matters."""
    width, height = cube
    if width is not None and height is not None:
        return np.asarray(box * np.array([width, height, width, height], dtype=np.float64))
    if track.size is None:
        raise ConfigError(
            f"expected width and height of the cubes for {path}, which gives shares of the frame, found none; give both"
        )
    return _in_cube_pixels(
        box * np.array([*track.size, *track.size], dtype=np.float64), track.size, coordinates, block, cube, path
    )
