"""Checks of one stream's annotations: length, degenerate boxes, boxes outside the frame, first boxes in conflict."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spectrack.annotations.text import read_first_box
from spectrack.annotations.truth_files import read_truth
from spectrack.boxes import Box, Boxes, count_from_one, format_box, from_zero, is_box
from spectrack.datasets.check.findings import ranges
from spectrack.datasets.check.frame_checks import Report
from spectrack.errors import SpectrackError

_TOLERANCE_PX = 1.0
_HALF = 0.5


def check_truth(
    truth: Path | None,
    first_box: Path | None,
    *,
    frames: int | None,
    size: tuple[int, int] | None,
    visibility: NDArray[np.float64] | None,
    report: Report,
    home: Path,
    origin: int = 0,
) -> Box | None:
    """Check a truth file and a first-box file.

    Args:
        truth: the file with a box a frame, or None.
        first_box: the file with the first box only, or None.
        frames: number of frames, or None when unknown.
        size: height and width of the cubes, or None when unknown.
        visibility: share of the object seen a frame, where a side file tells: boxes of hidden objects may be anywhere.
        report: takes the findings.
        home: the folder of the frames, for when there is no file at all.
        origin: index of the first pixel in the files.

    Returns:
        The box of the first frame, or None.
    """
    given = _read(first_box, report, None, origin, first=True)
    boxes = _read(truth, report, frames, origin, first=False)
    if boxes is None:
        if truth is None and first_box is None:
            text = f"expected groundtruth_rect.txt or init_rect.txt beside {home}, found neither; "
            report("no-truth", "warning", home, text + "without a first box it cannot be tracked")
        return None if given is None else given[0]
    place = truth or home
    if frames is not None and len(boxes) != frames:
        text = f"expected a box for each of the {frames} frames in {truth}, found {len(boxes)} rows; "
        # What more rows than frames mean is settled where a sequence is opened: a warning there as here.
        longer, end = len(boxes) > frames, "complete either; until then the rows behind the frames are left out"
        report("truth-length", "warning" if longer else "error", place, text + (end if longer else "complete either"))
    if size is not None and origin == 0 and count_from_one(boxes, *size):
        text = f"expected boxes from pixel 0 on in {place}, found some at 1 and none at 0; "
        report("origin", "note", place, text + "if its pixels count from 1, say so: --origin 1")
    _check_boxes(boxes, place, size, visibility, report)
    if given is not None and not np.array_equal(given[0], boxes[0]):
        text = f"expected the first truth row {format_box(boxes[0])} in {first_box}, found {format_box(given[0])}; "
        report("first-box", "warning", first_box or home, text + "say which one results start from")
    return boxes[0] if is_box(boxes[0]) else None


def _read(path: Path | None, report: Report, frames: int | None, origin: int, *, first: bool) -> Boxes | None:
    if path is None:
        return None
    try:
        if first:
            return from_zero(read_first_box(path)[None], origin)
        rows = read_truth(path, frames=frames)
        return from_zero(rows.boxes if frames is None else rows.of_frames(frames), origin)
    except SpectrackError as error:
        report("unreadable-truth", "error", path, str(error))
        return None


def _check_boxes(
    boxes: Boxes, path: Path, size: tuple[int, int] | None, visibility: NDArray[np.float64] | None, report: Report
) -> None:
    flat = ~is_box(boxes)
    if flat.any():
        text = (
            f"expected boxes with positive sides in {path}, found {int(flat.sum())} without area in frames "
            f"{_frames(flat)}; they count as invalid truth, and tracking cannot start from one"
        )
        report("degenerate-boxes", "error" if flat[0] else "warning", path, text)
    if size is None:
        return
    height, width = size
    expected = f"expected boxes inside {width} x {height} cube pixels in {path}, found"
    hidden = np.zeros(len(boxes), dtype=bool)
    if visibility is not None:
        known = visibility[: len(boxes)]
        hidden[: len(known)] = known < 1
    inside = _inside_share(boxes, height, width)
    outside = ~flat & ~hidden & (inside < _HALF)
    if outside.any():
        first = int(np.flatnonzero(outside)[0])
        text = (
            f"{expected} {int(outside.sum())} mostly outside in frames {_frames(outside)} such as "
            f"{format_box(boxes[first])}; boxes in mosaic pixels have to be divided by the block"
        )
        report("boxes-outside", "error", path, text)
    over = np.maximum.reduce(
        [-boxes[:, 0], -boxes[:, 1], boxes[:, 0] + boxes[:, 2] - width, boxes[:, 1] + boxes[:, 3] - height]
    )
    across = ~flat & ~hidden & ~outside & (over > _TOLERANCE_PX)
    if across.any():
        first = int(np.flatnonzero(across)[0])
        text = (
            f"{expected} {int(across.sum())} across the edge in frames {_frames(across)} such as "
            f"{format_box(boxes[first])}; cut them to the frame, or check the coordinates"
        )
        report("boxes-outside", "warning", path, text)


def _inside_share(boxes: Boxes, height: int, width: int) -> NDArray[np.float64]:
    low = np.clip(boxes[:, :2], 0, None)
    high = np.minimum(boxes[:, :2] + boxes[:, 2:], (width, height))
    sides = np.clip(high - low, 0, None)
    area = np.clip(boxes[:, 2], 1e-12, None) * np.clip(boxes[:, 3], 1e-12, None)
    return np.asarray(sides[:, 0] * sides[:, 1] / area)


def _frames(mask: NDArray[np.bool_]) -> str:
    """Frame numbers from 1, as the files count."""
    return ranges((np.flatnonzero(mask) + 1).tolist())
