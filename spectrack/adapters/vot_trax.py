"""A tracker behind the TraX protocol, by which the VOT toolkit talks to trackers.

``python -m spectrack.adapters.vot_trax siamban`` is one, and `write_trackers` adds some to a workspace. The toolkit
names colour images; with ``--spectral HSI`` the frame of the same number in the folder HSI beside theirs is tracked
in. VOT's boxes count from 0. Source: Cehovin, TraX: the visual tracking exchange protocol and library,
Neurocomputing 260, 2017.
"""

from __future__ import annotations

import argparse
import configparser
import os
import re
import shlex
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from spectrack.boxes import as_box
from spectrack.errors import ConfigError, InputError
from spectrack.extras import import_extra
from spectrack.files import write_text
from spectrack.sequences.base import Sequence
from spectrack.sequences.footage import read_footage
from spectrack.sequences.frame_files import number_of
from spectrack.sequences.frames import ArrayFrame, Frame
from spectrack.sequences.opening import open_sequence
from spectrack.trackers.base import Estimate, Tracker
from spectrack.trackers.loading import load_tracker
from spectrack.trackers.registry import DEFAULT_METHOD, find_method

_IDENTIFIER = re.compile(r"[a-zA-Z0-9_-]+")
"""What the toolkit takes for a tracker's name."""


def serve(tracker: Tracker, spectral: str | None = None) -> int:
    """Answer a TraX client on this process's standard streams, or the socket it names, until it ends the session.

    Args:
        tracker: as `spectrack.load_tracker` returns.
        spectral: name of the folder of spectral frames beside each folder of colour images; None for the images.

    Returns:
        How many frames were answered.

    Raises:
        MissingExtraError: vot-trax is not installed.
        InputError: the client sent no rectangle.
        SpectrackError: spectral frames that are not there, or of another size than the images.
    """
    trax = import_extra("trax", "adapters", "vot-trax")
    answered, frames = 0, _Frames(spectral)
    forms: dict[str, Any] = {"region_formats": [trax.Region.RECTANGLE], "image_formats": [trax.Image.PATH]}
    with trax.Server(**forms, image_channels=["color"], tracker_name=tracker.name) as server:
        while (request := server.wait()).type in ("initialize", "frame"):
            frame = frames.of(Path(request.image["color"].path()))
            if request.type == "initialize":
                estimate = _start(tracker, frame, request.objects, frames.wavelengths_nm)
            else:
                estimate = tracker.update(frame)
            region = trax.Rectangle.create(*(float(value) for value in estimate.box))
            server.status([(region, {"confidence": f"{estimate.score:.6f}"})])
            answered += 1
    return answered


class _Frames:
    """The frames that a client means by the names of colour images."""

    def __init__(self, spectral: str | None) -> None:
        self._spectral, self._images = spectral, Path()
        self._sequence: Sequence | None = None

    @property
    def wavelengths_nm(self) -> tuple[float, ...] | None:
        """Band centres of the present video."""
        return None if self._sequence is None else self._sequence.wavelengths_nm

    def of(self, image: Path) -> Frame:
        """The frame to track in."""
        if self._spectral is None:
            return ArrayFrame(read_footage(image))
        if self._sequence is None or image.parent != self._images:
            self._sequence, self._images = self._opened(image, self._spectral), image.parent
        numbers, number = self._sequence.frame_numbers, number_of(image.name)
        if numbers is None or number not in numbers:
            raise InputError(
                f"expected a spectral frame of number {number} for {image}, found none in {self._sequence.places[0]}; "
                "name the frames as the images"
            )
        return self._sequence.frame(numbers.index(number))

    @staticmethod
    def _opened(image: Path, spectral: str) -> Sequence:
        places = (image.parent.parent / spectral, image.parent / spectral)
        sequence = open_sequence(next((place for place in places if place.is_dir()), places[0]))
        height, width = read_footage(image).shape[:2]
        if (height, width) != (sequence.height, sequence.width):
            raise InputError(
                f"expected cubes of the images' size, {width} x {height}, in {sequence.places[0]}, found "
                f"{sequence.width} x {sequence.height}; boxes would not fit, so give images of the cubes' size"
            )
        return sequence


def write_trackers(workspace: str | os.PathLike[str], names: Iterable[str], *, spectral: str | None = None) -> Path:
    """Add trackers to the ``trackers.ini`` of a VOT workspace; what stands in it stays as it is.

    Args:
        workspace: the folder that ``vot initialize`` made.
        names: registered trackers, which appear as ``spectrack-NAME``, or ``spectrack-NAME-spectral``.
        spectral: see `serve`.

    Returns:
        The file.

    Raises:
        ConfigError: an unknown tracker, a name that the toolkit does not take, or a file that is no list of trackers.
    """
    file = Path(workspace) / "trackers.ini"
    listed = configparser.ConfigParser(interpolation=None)
    try:
        text = file.read_text(encoding="utf-8") if file.is_file() else ""
        listed.read_string(text)
    except (configparser.Error, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise ConfigError(
            f"expected a list of trackers in {file}, found otherwise ({reason}); correct or move it"
        ) from error
    for name in names:
        find_method(name)
        identifier = f"spectrack-{name}" + ("" if spectral is None else "-spectral")
        if not _IDENTIFIER.fullmatch(identifier):
            raise ConfigError(
                f"expected a tracker's name of letters, digits, - and _, found {name!r}; register it under another"
            )
        if identifier not in listed:
            listed.add_section(identifier)
            gap = "" if not text or text.endswith("\n\n") else "\n" if text.endswith("\n") else "\n\n"
            text += f"{gap}[{identifier}]\nlabel = {identifier.replace('-', ' ', 1)}\nprotocol = trax\n"
            text += f"command = {_command(name, spectral)}\n"
    write_text(file, text)
    return file


def _command(name: str, spectral: str | None) -> str:
    """What the toolkit starts: split by it as by a shell, after percent signs were read as its file has them."""
    words = [sys.executable, "-m", "spectrack.adapters.vot_trax", name]
    words += [] if spectral is None else ["--spectral", spectral]
    return shlex.join(words).replace("%", "%%")


def _start(tracker: Tracker, frame: Frame, objects: Any, wavelengths_nm: tuple[float, ...] | None = None) -> Estimate:
    if not objects:
        raise InputError("expected a rectangle from the TraX client, found none; ask it for rectangles")
    region, _ = objects[0]
    box = as_box(np.asarray(region.bounds(), dtype=np.float64))
    tracker.init(frame, box, wavelengths_nm=wavelengths_nm)
    return Estimate(box, 1.0, probability=1.0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A tracker that answers a TraX client.")
    parser.add_argument("tracker", nargs="?", default=DEFAULT_METHOD)
    parser.add_argument("--spectral", help="folder of spectral frames beside each folder of images")
    options = parser.parse_args()
    serve(load_tracker(options.tracker), options.spectral)
