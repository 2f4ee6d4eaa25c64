"""What is known of a sequence's object: which truth rows belong to which frames, and what is passed over in a warning.

Truth that lies beside the frames must not decide whether they can be read; truth that the caller names is insisted on.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spectrack.annotations.text import is_number, read_first_box
from spectrack.annotations.truth_files import read_truth
from spectrack.annotations.untrusted_files import decode_text, read_file
from spectrack.boxes import Boxes, count_from_one, from_zero
from spectrack.errors import SequenceError
from spectrack.sequences.base import Sequence
from spectrack.sequences.faults import pass_over, passed_over
from spectrack.sequences.layout import Layout

_log = logging.getLogger(__name__)

_COVERS = 8.0
"""Steps of GOT-10k's visible share."""


def add_truth(
    sequence: Sequence, layout: Layout, given: str | os.PathLike[str] | ArrayLike | None, origin: int = 0
) -> None:
    """Give a sequence its truth and first box.

    Args:
        sequence: opened, with all its frames.
        layout: where files with truth lie.
        given: a truth file or (N, 4) boxes that the caller named instead.
        origin: index of the first pixel in files, 0 or 1.

    Raises:
        SequenceError: named truth that cannot be read or is no truth.
    """
    if isinstance(given, str | os.PathLike):
        _use(sequence, _read(sequence, Path(given), origin), Path(given))
    elif given is not None:
        sequence.truth = _as_boxes(given)
    else:
        _add_found_truth(sequence, layout, origin)


def _add_found_truth(sequence: Sequence, layout: Layout, origin: int) -> None:
    if layout.first_box is not None:
        with passed_over(sequence):
            sequence._first_box = from_zero(read_first_box(layout.first_box)[None], origin)[0]
    if layout.truth is not None:
        try:
            boxes = _read(sequence, layout.truth, origin)
        except SequenceError as error:
            sequence.truth_fault = str(error)
            pass_over(sequence, str(error))
            return
        if len(boxes) < len(sequence):
            _use_first_row(sequence, boxes, layout.truth)
        else:
            _use(sequence, boxes, layout.truth)
    with passed_over(sequence):
        _add_flags(sequence, layout)


def _read(sequence: Sequence, path: Path, origin: int) -> Boxes:
    boxes = read_truth(path, name=sequence.name, frames=len(sequence)).of_frames(len(sequence))
    if origin == 0 and count_from_one(boxes, sequence.height, sequence.width):
        _log.warning("%s has boxes at pixel 1 and none at 0; if its pixels count from 1, say so: --origin 1", path)
    return from_zero(boxes, origin)


def _add_flags(sequence: Sequence, layout: Layout) -> None:
    """GOT-10k's and LaSOT's flags: no truth where the object is absent, and how much of it is seen."""
    frames = len(sequence)
    absent = np.zeros(frames, dtype=bool)
    for file in layout.absence:
        absent |= _flags(file, frames) > 0
    if layout.cover is not None:
        sequence.visibility = np.clip(_flags(layout.cover, frames) / _COVERS, 0.0, 1.0)
    elif layout.absence:
        sequence.visibility = np.ones(frames)
    if absent.any() and sequence.visibility is not None:
        sequence.visibility[absent] = 0.0
        if sequence._truth is not None:
            sequence._truth[:frames][absent] = 0.0


def _flags(path: Path, frames: int) -> NDArray[np.float64]:
    words = decode_text(read_file(path, "flags"), path, "flags").replace(",", " ").split()
    if len(words) < frames or not all(is_number(word) for word in words):
        raise SequenceError(
            f"expected a number for each of the {frames} frames in {path}, found {len(words)} words; "
            "correct or remove it"
        )
    return np.array([float(word) for word in words[:frames]])


def rows_of_frames(numbers: list[int] | None, frames: int, rows: int) -> NDArray[np.int64] | None:
    """The truth row of every frame, where the numbers in the files' names tell that it is not simply the next one.

    Args:
        numbers: of the frame files; None where they have none.
        frames: how many there are.
        rows: of the truth file, which counts from 1, or from 0 where a frame or the number of rows says so.

    Returns:
        (frames,) indices from 0; None where the first rows belong.

    Example:
        >>> rows_of_frames([6, 7, 8], 3, 20).tolist()
        [5, 6, 7]
        >>> rows_of_frames([6, 7, 8], 3, 3) is None  # as many rows as frames
        True
    """
    if numbers is None or len(numbers) != frames or rows <= frames:
        return None
    index = np.array(numbers, dtype=np.int64)
    index -= 0 if index[0] == 0 or rows == index[-1] + 1 else 1
    in_order = bool((np.diff(index) > 0).all())
    return index if in_order and index[-1] < rows and index[-1] != frames - 1 else None


def _use(sequence: Sequence, boxes: Boxes, source: Path) -> None:
    """Take the rows that belong to the frames; which ones is said where there are more."""
    sequence._truth_source = str(source)
    frames, rows = len(sequence), len(boxes)
    chosen = rows_of_frames(sequence.frame_numbers, frames, rows)
    if chosen is not None:
        boxes = boxes[chosen]
        told = "%s has %d rows for %d frames; rows %d to %d are used, by the numbers in the names of the frames"
        _log.warning(told, source, rows, frames, chosen[0] + 1, chosen[-1] + 1)
    elif rows > frames:
        _log.warning("%s has %d rows for %d frames; the first %d are used", source, rows, frames, frames)
    sequence.truth = boxes


def _use_first_row(sequence: Sequence, boxes: Boxes, source: Path) -> None:
    """Take one row as the first box, and so the first of a few: which frames the others belong to, no file says."""
    if sequence._first_box is None:
        sequence._first_box = boxes[0]
    sequence.truth_fault = (
        f"expected a truth box for each of the {len(sequence)} frames of {sequence.name!r}, found {len(boxes)} rows in "
        f"{source}; complete the file, with a row of nan for a frame without truth"
    )
    if len(boxes) > 1:
        told = "%s has %d rows for %d frames; the first is used as the first box, and nothing is scored"
        _log.warning(told, source, len(boxes), len(sequence))


def _as_boxes(given: Any) -> Boxes:
    try:
        boxes = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise SequenceError(
            f"expected truth as a file or (frames, 4) boxes, found {type(given).__name__}; give x, y, w, h rows"
        ) from error
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise SequenceError(
            f"expected truth as a file or (frames, 4) boxes, found shape {boxes.shape}; give x, y, w, h rows"
        )
    return boxes
