"""Small tables of several targets, as people write them by hand: a CSV with a heading, or JSON by name.

CSV: a line of headings with ``id``, ``x``, ``y``, ``w``, ``h`` and maybe ``frame`` (from 0) in any order, then a line a
target. JSON: ``{"car": [214, 61, 30, 42], "boat": {"box": [10, 20, 8, 8], "frame": 12}}``, or a list of objects with
``id``, ``box`` and maybe ``frame``.
"""

from __future__ import annotations

import csv
import io
from typing import Any

from spectrack.annotations.box_tracks import BoxTrack, corners_of, frame_number, shown
from spectrack.errors import SequenceError

_NEEDED = ("id", "x", "y", "w", "h")
_SPELLINGS = {"width": "w", "height": "h", "track": "id", "name": "id", "identity": "id"}
_MOST_TARGETS = 1000


def read_csv_targets(text: str, where: object) -> list[BoxTrack] | None:
    """The targets of a table with a heading; None for text without that heading.

    Raises:
        SequenceError: a line that is no target, or one named twice.
    """
    lines = text.splitlines()
    dialect = ";" if lines and ";" in lines[0] else "\t" if lines and "\t" in lines[0] else ","
    rows = list(csv.reader(io.StringIO(text), delimiter=dialect))
    heading = [_SPELLINGS.get(cell.strip().lower(), cell.strip().lower()) for cell in rows[0]] if rows else []
    if not set(_NEEDED) <= set(heading):
        return None
    place = {name: heading.index(name) for name in (*_NEEDED, "frame") if name in heading}
    found: list[tuple[Any, Any, Any]] = []
    for number, row in enumerate(rows[1:], start=2):
        cells = [cell.strip() for cell in row]
        if not any(cells):
            continue
        if len(cells) != len(heading):
            raise SequenceError(
                f"expected {len(heading)} cells on line {number} of {where}, found {len(cells)}; correct that line"
            )
        box = [cells[place[side]] for side in ("x", "y", "w", "h")]
        found.append((cells[place["id"]], box, cells[place["frame"]] if "frame" in place else 0))
    return _tracks(found, where)


def json_targets(value: Any, where: object) -> list[BoxTrack] | None:
    """The targets of parsed JSON in this form; None for JSON of another.

    Raises:
        SequenceError: a target without a usable box, or one named twice.
    """
    if isinstance(value, dict) and value and all(_is_target(item) for item in value.values()):
        named = [(name, item) for name, item in value.items()]
    elif isinstance(value, list) and value and all(isinstance(item, dict) and "box" in item for item in value):
        named = [(item.get("id", number), item) for number, item in enumerate(value, start=1)]
    else:
        return None
    found = [
        (name, item.get("box"), item.get("frame", 0)) if isinstance(item, dict) else (name, item, 0)
        for name, item in named
    ]
    return _tracks(found, where)


def _is_target(item: Any) -> bool:
    return (isinstance(item, dict) and "box" in item) or (isinstance(item, list) and len(item) == 4)


def _tracks(found: list[tuple[Any, Any, Any]], where: object) -> list[BoxTrack]:
    tracks: dict[str, BoxTrack] = {}
    for name, box, frame in found[: _MOST_TARGETS + 1]:
        identity = str(name).strip()[:80]
        if not identity or identity in tracks:
            what = "one twice" if identity else "one without"
            raise SequenceError(
                f"expected a name of its own for every target in {where}, found {what} ({shown(name)}); name each"
            )
        corners = corners_of(box if isinstance(box, list) else [box], where)
        tracks[identity] = BoxTrack(identity, boxes={frame_number(frame, where): corners})
    return list(tracks.values())
