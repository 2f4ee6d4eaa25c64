"""sequence.json: the side file that says what the frames cannot. Every writer here adds it; users may write it by hand.

All keys are optional: name, format, frames (their number), frames_path (folder or file beside the side file), axes,
sensor, block, bands, is_rgb, wavelengths_nm, fps, attributes, visibility, simulation. Unknown keys are passed over.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spectrack.errors import SequenceError

SIDE_FILE = "sequence.json"
_LARGEST_FILE = 64 * 2**20


@dataclass(frozen=True)
class SideFile:
    """The validated content of a sequence.json; None where it says nothing.

    Attributes:
        format: a format name of `open_sequence`.
        frames: number of frames.
        frames_path: where the frames lie, absolute.
        axes: axis letters of an array.
        block: side of the mosaic pattern.
        visibility: share of the object seen, a frame each.
        metadata: what the simulator recorded.
    """

    path: Path | None = None
    name: str | None = None
    format: str | None = None
    frames: int | None = None
    frames_path: Path | None = None
    axes: str | None = None
    sensor: str | None = None
    block: int | None = None
    bands: int | None = None
    is_rgb: bool | None = None
    wavelengths_nm: tuple[float, ...] | None = None
    fps: float | None = None
    attributes: tuple[str, ...] = ()
    visibility: tuple[float, ...] | None = None
    metadata: dict[str, Any] = field(default_factory=dict)


def read_side_file(path: Path) -> SideFile:
    """Read and validate a sequence.json.

    Raises:
        SequenceError: no JSON object, a value of a wrong kind, or a frames_path that leaves the folder.
    """
    values = _load(path)

    def number(key: str, *, whole: bool) -> Any:
        value = values.get(key)
        good = isinstance(value, int if whole else int | float) and not isinstance(value, bool)
        if value is not None and not (good and 0 < value < 1e9):
            raise _wrong(path, key, "a positive whole number" if whole else "a positive number", value)
        return value

    def text(key: str) -> str | None:
        value = values.get(key)
        if value is not None and not isinstance(value, str):
            raise _wrong(path, key, "text", value)
        return value

    wavelengths, visibility = _numbers(values, "wavelengths_nm", path), _numbers(values, "visibility", path)
    attributes, metadata = values.get("attributes") or [], values.get("simulation") or {}
    if not isinstance(attributes, list) or not all(isinstance(item, str) for item in attributes):
        raise _wrong(path, "attributes", "a list of words", attributes)
    if not isinstance(metadata, dict):
        raise _wrong(path, "simulation", "an object", metadata)
    fps, is_rgb = number("fps", whole=False), values.get("is_rgb")
    if is_rgb not in (None, True, False):
        raise _wrong(path, "is_rgb", "true or false", is_rgb)
    return SideFile(
        path=path,
        name=text("name"),
        format=text("format"),
        frames=number("frames", whole=True),
        frames_path=_inside(path, text("frames_path")),
        axes=text("axes"),
        sensor=text("sensor"),
        block=number("block", whole=True),
        bands=number("bands", whole=True),
        is_rgb=is_rgb,
        wavelengths_nm=wavelengths,
        fps=None if fps is None else float(fps),
        attributes=tuple(attributes),
        visibility=visibility,
        metadata=metadata,
    )


def _load(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise SequenceError(
                f"expected a small JSON file at {path}, found {path.stat().st_size} bytes; write it again"
            )
        values = json.loads(path.read_bytes().decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise SequenceError(
            f"expected JSON in {path}, found: {str(error)[:120]}; correct or remove that file"
        ) from error
    except OSError as error:
        raise SequenceError(f"expected a readable file {path}, found: {error.strerror or error}; check it") from error
    if not isinstance(values, dict):
        raise SequenceError(
            f"expected a JSON object in {path}, found {type(values).__name__}; correct or remove that file"
        )
    return values


def _numbers(values: dict[str, Any], key: str, path: Path) -> tuple[float, ...] | None:
    value = values.get(key)
    if value is None:
        return None
    good = isinstance(value, list) and all(isinstance(item, int | float) and 0 <= item < 1e9 for item in value)
    if not good:
        raise _wrong(path, key, "a list of numbers that are not negative", value)
    return tuple(float(item) for item in value)


def _inside(path: Path, relative: str | None) -> Path | None:
    if relative is None:
        return None
    target = (path.parent / relative).resolve()
    if not target.is_relative_to(path.parent.resolve()):
        raise SequenceError(
            f"expected frames_path in {path} to stay inside its folder, found {relative[:80]!r}; correct or remove "
            "that key"
        )
    if not target.exists():
        raise SequenceError(
            f"expected the frames of {path} at {target}, found nothing there; correct frames_path or copy the frames"
        )
    return path.parent / relative


def _wrong(path: Path, key: str, expected: str, value: object) -> SequenceError:
    return SequenceError(
        f"expected {key} to be {expected} in {path}, found {str(value)[:60]!r}; correct or remove that key"
    )
