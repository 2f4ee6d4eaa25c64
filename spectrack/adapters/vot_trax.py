"""A tracker behind the TraX protocol, by which the VOT toolkit talks to trackers.

``python -m spectrack.adapters.vot_trax siamban`` is one, and `write_trackers` adds some to a workspace. VOT's boxes
count from 0. Source: Cehovin, TraX: the visual tracking exchange protocol and library, Neurocomputing 260, 2017.
"""

from __future__ import annotations

import configparser
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from spectrack.boxes import as_box
from spectrack.errors import InputError, MissingExtraError
from spectrack.files import write_text
from spectrack.sequences.base import ArrayFrame
from spectrack.sequences.footage import read_footage
from spectrack.trackers.base import Estimate, Tracker
from spectrack.trackers.loading import load_tracker
from spectrack.trackers.registry import find_method


def serve(tracker: Tracker) -> int:
    """Answer a TraX client on this process's standard streams, or the socket it names, until it ends the session.

    Args:
        tracker: as `spectrack.load_tracker` returns.

    Returns:
        How many frames were answered.

    Raises:
        MissingExtraError: vot-trax is not installed.
        InputError: the client sent no rectangle.
    """
    try:
        import trax
    except ImportError as error:
        raise MissingExtraError(
            "expected the package vot-trax, found none; pip install 'spectrack[adapters]'"
        ) from error
    answered = 0
    forms: dict[str, Any] = {"region_formats": [trax.Region.RECTANGLE], "image_formats": [trax.Image.PATH]}
    with trax.Server(**forms, image_channels=["color"], tracker_name=tracker.name) as server:
        while (request := server.wait()).type in ("initialize", "frame"):
            frame = ArrayFrame(read_footage(Path(request.image["color"].path())))
            if request.type == "initialize":
                estimate = _start(tracker, frame, request.objects)
            else:
                estimate = tracker.update(frame)
            region = trax.Rectangle.create(*(float(value) for value in estimate.box))
            server.status([(region, {"confidence": f"{estimate.score:.6f}"})])
            answered += 1
    return answered


def write_trackers(workspace: str | os.PathLike[str], names: Iterable[str]) -> Path:
    """Add trackers to the ``trackers.ini`` of a VOT workspace; what stands in it stays as it is.

    Args:
        workspace: the folder that ``vot initialize`` made.
        names: registered trackers, which appear as ``spectrack-NAME``.

    Returns:
        The file.

    Raises:
        ConfigError: an unknown tracker.
    """
    file = Path(workspace) / "trackers.ini"
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    listed = configparser.ConfigParser(interpolation=None)
    listed.read_string(text)
    for name in names:
        find_method(name)
        if f"spectrack-{name}" not in listed:
            gap = "" if not text or text.endswith("\n\n") else "\n" if text.endswith("\n") else "\n\n"
            text += f"{gap}[spectrack-{name}]\nlabel = spectrack {name}\nprotocol = trax\n"
            text += f"command = {sys.executable} -m spectrack.adapters.vot_trax {name}\n"
    write_text(file, text)
    return file


def _start(tracker: Tracker, frame: ArrayFrame, objects: Any) -> Estimate:
    if not objects:
        raise InputError("expected a rectangle from the TraX client, found none; ask it for rectangles")
    region, _ = objects[0]
    box = as_box(np.asarray(region.bounds(), dtype=np.float64))
    tracker.init(frame, box)
    return Estimate(box, 1.0, probability=1.0)


if __name__ == "__main__":
    serve(load_tracker(sys.argv[1] if len(sys.argv) > 1 else "siamban"))
