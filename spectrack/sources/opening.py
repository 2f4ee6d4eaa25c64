"""open_source: one function for every source of frames, told apart by what is given."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.request import url2pathname

from spectrack.errors import ConfigError, SequenceNotFoundError
from spectrack.sequences.layout import KINDS, kind_of
from spectrack.sequences.opening import Options, read_given
from spectrack.sources.base import FrameSource
from spectrack.sources.calibrated import CalibratedSource
from spectrack.sources.folders import FolderSource
from spectrack.sources.given import Given, GivenSource
from spectrack.sources.options import FolderOptions, RawOptions
from spectrack.sources.raw_streams import RawSource
from spectrack.sources.videos import CameraSource, VideoSource

STANDARD_INPUT = "-"

_WORDS = {name: f"--{name.replace('_', '-')}" for name in ("format", "pattern", "axes", "variable", "no_data")} | {
    "folder": "--idle-s, --end-file or --settle-s",
    "raw": "--raw-size, --raw-type or --raw-bands",
}
"""Options that some sources take and others do not, as they are typed."""


@dataclass(frozen=True)
class SourceOptions:
    """How frames of a source are read where it cannot be told; a field serves the sources that it means something to.

    Attributes:
        reading: format, sensor, pattern, axes, variable, value for "no data" and calibration, as of a sequence.
        folder: when frames of a growing folder are whole, and when it ends.
        raw: how bytes on standard input are cut into frames.
    """

    reading: Options = field(default_factory=Options)
    folder: FolderOptions = field(default_factory=FolderOptions)
    raw: RawOptions = field(default_factory=RawOptions)


def open_source(
    place: str | Path | int | Iterable[Given] | Callable[[], Given | None],
    options: SourceOptions | None = None,
    *,
    on_waiting: Callable[[], None] = lambda: None,
    is_over: Callable[[], bool] = lambda: False,
) -> FrameSource:
    """Open a source of frames.

    Args:
        place: the number of a camera; an address (``rtsp://``, ``http://``, ``file://``, ...); a folder that grows; a
            video file; ``-`` for raw frames on standard input; a generator or another iterable; or a function that is
            called for each frame and gives None at the end.
        options: how frames are read.
        on_waiting: called once before the first frame of a folder is waited for.
        is_over: asked while it is waited for; nobody wants it any more when it says so.

    Returns:
        The source, opened; its first frame was read, which tells the size.

    Raises:
        SequenceNotFoundError: nothing there.
        SequenceError: frames that cannot be read.
        ConfigError: options that mean nothing to the source.
        StoppedError: `is_over` said so.

    Example:
        >>> import numpy as np
        >>> source = open_source(np.zeros((8, 10, 16), np.uint16) for _ in range(3))
        >>> source.height, source.width, source.bands
        (8, 10, 16)
    """
    chosen = options or SourceOptions()
    calibration, _ = read_given(chosen.reading)
    if calibration is not None:
        sensor = chosen.reading.sensor or calibration.sensor
        counts = replace(chosen, reading=replace(chosen.reading, calibration=None, sensor=sensor))
        return CalibratedSource(open_source(place, counts, on_waiting=on_waiting, is_over=is_over), calibration)
    reading = chosen.reading
    if isinstance(place, str | Path | int) and str(place) != STANDARD_INPUT:
        return _open_place(str(place), chosen, on_waiting, is_over)
    if isinstance(place, str | Path | int):
        _refuse(chosen, "raw frames", ("axes", "no_data", "raw"))
        return RawSource(
            sys.stdin.buffer, chosen.raw, axes=reading.axes, sensor=reading.sensor, no_data=reading.no_data
        )
    _refuse(chosen, "frames of a program", ("axes", "no_data"))
    return GivenSource(place, sensor=reading.sensor, axes=reading.axes, no_data=reading.no_data)


def _open_place(
    place: str, options: SourceOptions, on_waiting: Callable[[], None], is_over: Callable[[], bool]
) -> FrameSource:
    """The source that a word names."""
    reading = options.reading
    if place.isascii() and place.isdigit():
        _refuse(options, "a camera", ())
        return CameraSource(int(place), sensor=reading.sensor)
    if place.lower().startswith("file://"):
        place = url2pathname(place[len("file://") :])
    elif "://" in place:
        _refuse(options, "a video", ())
        return VideoSource(place, sensor=reading.sensor)
    path = Path(place)
    if path.is_dir():
        _refuse(options, "a folder", ("format", "pattern", "axes", "variable", "no_data", "folder"))
        return FolderSource(path, options.folder, reading, on_waiting=on_waiting, is_over=is_over)
    if not path.exists():
        raise SequenceNotFoundError(
            f"expected a camera's number, an address, a folder, a video file or - as source, found nothing at {place}; "
            "correct it"
        )
    if kind_of(path) != "video":
        raise ConfigError(
            f"expected a video file ({', '.join(sorted(KINDS['video']))}) as source, found {path.name}; what lies in "
            "files already is tracked by spectrack track SEQUENCE"
        )
    _refuse(options, "a video", ())
    return VideoSource(place, sensor=reading.sensor)


def _refuse(options: SourceOptions, what: str, takes: tuple[str, ...]) -> None:
    """Refuse options that mean nothing to a kind of source, and would have to be ignored."""
    given = {name: getattr(options.reading, name) is not None for name in _WORDS if hasattr(options.reading, name)}
    given |= {"folder": options.folder != FolderOptions(), "raw": options.raw != RawOptions()}
    for name, words in _WORDS.items():
        if given[name] and name not in takes:
            raise ConfigError(f"expected options that apply to {what} as source, found {words}; leave it out")
