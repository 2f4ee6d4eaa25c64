"""sequence.json: the side file that says what the frames cannot. Every writer here adds it; users may write it by hand.

All keys are optional: name, format, frames (their number), frames_path (folder or file beside the side file), pattern,
axes, sensor, block, bands, is_rgb, no_data, unit, exposure_ms, gain_db, wavelengths_nm, fps, attributes, visibility,
simulation. Unknown keys are passed over.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from spectrack.calibration.calibration import Unit
from spectrack.errors import SequenceError
from spectrack.files import resolved
from spectrack.tables import from_table, read_table, require

SIDE_FILE = "sequence.json"
_LARGEST_FILE = 64 * 2**20
_LARGEST_NUMBER = 1e9


@dataclass(frozen=True)
class SideFile:
    """The validated content of a sequence.json; None where it says nothing.

    Attributes:
        format: a format name of `open_sequence`.
        frames: number of frames.
        frames_path: where the frames lie; relative to the side file's folder in the file, then absolute.
        pattern: which files of the folder are frames, with ``*`` and ``?``.
        axes: axis letters of an array.
        block: side of the mosaic pattern.
        no_data: what stands where there is no data.
        unit: what the numbers are, counts or reflectance.
        exposure_ms: exposure of the frames in milliseconds.
        gain_db: gain of the camera in dB.
        visibility: share of the object seen, a frame each.
        simulation: what the simulator recorded.
    """

    path: Path | None = None
    name: str | None = None
    format: str | None = None
    frames: int | None = None
    frames_path: Path | None = None
    pattern: str | None = None
    axes: str | None = None
    sensor: str | None = None
    block: int | None = None
    bands: int | None = None
    is_rgb: bool | None = None
    no_data: float | None = None
    unit: Unit | None = None
    exposure_ms: float | None = None
    gain_db: float | None = None
    wavelengths_nm: tuple[float, ...] | None = None
    fps: float | None = None
    attributes: tuple[str, ...] = ()
    visibility: tuple[float, ...] | None = None
    simulation: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for key in ("frames", "block", "bands", "fps", "exposure_ms"):
            value = getattr(self, key)
            require(value is None or 0 < value < _LARGEST_NUMBER, key, "a positive number", value)
        for key in ("wavelengths_nm", "visibility"):
            for value in getattr(self, key) or ():
                require(0 <= value < _LARGEST_NUMBER, key, "numbers that are not negative", value)


def read_side_file(path: Path) -> SideFile:
    """Read and validate a sequence.json.

    Raises:
        SequenceError: no JSON object, a value of a wrong kind, or a frames_path that leaves the folder.
    """
    if path.is_file() and path.stat().st_size > _LARGEST_FILE:
        raise SequenceError(f"expected a small JSON file at {path}, found {path.stat().st_size} bytes; write it again")
    values = {key: value for key, value in read_table(path, error=SequenceError).items() if value is not None}
    side = from_table(SideFile, {**values, "path": path}, str(path), error=SequenceError, unknown="ignore")
    return side if side.frames_path is None else replace(side, frames_path=_inside(path, side.frames_path))


def _inside(path: Path, relative: Path) -> Path:
    target = resolved(path.parent / relative)
    if not target.is_relative_to(resolved(path.parent)):
        raise SequenceError(
            f"expected frames_path in {path} to stay inside its folder, found {str(relative)[:80]!r}; correct that key"
        )
    if not target.exists():
        raise SequenceError(
            f"expected the frames of {path} at {target}, found nothing there; correct frames_path or copy the frames"
        )
    return path.parent / relative
