"""A track as a file for Rerun's viewer (https://rerun.io): pictures, boxes, scores and spectra over one timeline."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spectrack.boxes import Box, Boxes
from spectrack.extras import import_extra
from spectrack.runs.frame_table import FrameTable
from spectrack.sequences.base import Sequence

_JPEG_QUALITY = 90


def check_extra() -> Any:
    """The package.

    Raises:
        MissingExtraError: rerun-sdk is not installed.
    """
    return import_extra("rerun", "rerun", "rerun-sdk")


def write_rerun(
    file: str | os.PathLike[str],
    sequence: Sequence,
    boxes: Boxes,
    *,
    truth: Boxes | None = None,
    frames: FrameTable | None = None,
) -> None:
    """Write a ``.rrd`` file of a track.

    Timelines are ``frame`` (from 0) and ``time`` (by the sequence's frames a second). Entities: ``camera/picture`` in
    false colour with ``track`` and ``truth`` on it, ``score``, ``probability``, ``lost``, ``spectrum`` (mean counts in
    the track's box by band), and once ``wavelengths_nm`` where they are known.

    Args:
        file: where to; an earlier one is replaced.
        sequence: what was tracked in; its frames are read again.
        boxes: (N, 4) the track; rows of NaN where it has no box.
        truth: (N, 4), or None.
        frames: score, probability and lost flag of every frame, or None.

    Raises:
        MissingExtraError: rerun-sdk is not installed.
    """
    rerun = check_extra()
    stream = rerun.RecordingStream("spectrack")
    stream.save(os.fspath(file))
    if sequence.wavelengths_nm is not None:
        stream.log("wavelengths_nm", rerun.AnyValues(values=list(sequence.wavelengths_nm)), static=True)
    for frame in range(min(len(sequence), len(boxes))):
        stream.set_time("frame", sequence=frame)
        stream.set_time("time", duration=frame / sequence.fps)
        stream.log("camera/picture", _picture(rerun, sequence.false_colour(frame)))
        _log_box(rerun, stream, "track", boxes[frame])
        if truth is not None:
            _log_box(rerun, stream, "truth", truth[frame])
        spectrum = _spectrum(sequence, frame, boxes[frame])
        if spectrum is not None:
            stream.log("spectrum", rerun.BarChart(spectrum))
        if frames is not None:
            values = {"score": frames.score, "probability": frames.probability, "lost": frames.lost}
            for name, column in values.items():
                if np.isfinite(column[frame]):
                    stream.log(name, rerun.Scalars(float(column[frame])))
    stream.flush()
    stream.disconnect()


def _picture(rerun: Any, picture: NDArray[np.uint8]) -> Any:
    import cv2

    quality = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
    encoded = cv2.imencode(".jpg", np.ascontiguousarray(picture[:, :, ::-1]), quality)[1]
    return rerun.EncodedImage(contents=encoded.tobytes(), media_type="image/jpeg")


def _log_box(rerun: Any, stream: Any, name: str, box: Box) -> None:
    place = f"camera/picture/{name}"
    if np.isfinite(box).all() and (box[2:] > 0).all():
        stream.log(place, rerun.Boxes2D(array=[box], array_format=rerun.Box2DFormat.XYWH, labels=[name]))
    else:
        stream.log(place, rerun.Clear(recursive=False))


def _spectrum(sequence: Sequence, frame: int, box: Box) -> NDArray[np.float64] | None:
    """(bands,) mean of the pixels in a box; None where it has none inside the frame."""
    if not np.isfinite(box).all():
        return None
    (x0, y0), (x1, y1) = np.floor(box[:2]).astype(int), np.ceil(box[:2] + box[2:]).astype(int)
    window = max(int(x0), 0), max(int(y0), 0), min(int(x1), sequence.width), min(int(y1), sequence.height)
    if window[0] >= window[2] or window[1] >= window[3]:
        return None
    pixels = sequence.read(frame, window).reshape(-1, sequence.bands)
    return np.asarray(pixels.mean(axis=0, dtype=np.float64))
