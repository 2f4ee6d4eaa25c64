"""Writing boxes in the format that another program expects, whole or not at all.

========  ==========================================================  ==============================================
format    what appears                                                for
========  ==========================================================  ==============================================
hot       ``<sequence>.txt``, tabs                                    the HOT challenges until 2024, SEE-Net's tools
otb       ``<sequence>.txt``, commas                                  pysot, got10k's ExperimentOTB, pytracking
got10k    ``<sequence>/<sequence>_001.txt``, ``<sequence>_time.txt``  the GOT-10k toolkit
mot       ``<sequence>/gt/gt.txt`` and ``labels.txt``                 CVAT (MOT 1.1), to look at and correct tracks
coco      one JSON file with videos, images and annotations           viewers and converters
hotc2026  one CSV ``ID,x,y,width,height``                             the 2026 challenge's submission
========  ==========================================================  ==============================================

A frame without a prediction (NaN) is a row of zeros in the formats that have a row for every frame, and is left out of
MOT and COCO. Coordinates stay 0-based unless `origin` says otherwise.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spectrack.annotations.rows import read_csv_order
from spectrack.annotations.sequence_names import match_names, split_name
from spectrack.annotations.text import format_number, write_boxes
from spectrack.annotations.untrusted_files import decode_text, read_file
from spectrack.boxes import Boxes
from spectrack.errors import ConfigError, InputError, nearest_name
from spectrack.files import FileTerms, Terms, check_file, check_folder, write_file, write_folder, write_text

_ONE_FILE = ("coco", "hotc2026")

Place = str | os.PathLike[str]


@dataclass(frozen=True)
class WriteOptions:
    """What a format may want to know besides the boxes.

    Attributes:
        decimals: digits behind the point; None writes every digit, so that reading gives the same numbers.
        origin: index of the first pixel in the format's reader, added to x and y: 1 for OTB's MATLAB tools.
        seconds: sequence to seconds a frame, for ``got10k``.
        label: class of the object, for ``mot`` and ``coco``.
        sample: the challenge's sample submission, for ``hotc2026``: its rows are written in its order and names.
    """

    decimals: int | None = None
    origin: int = 0
    seconds: Mapping[str, ArrayLike] | None = None
    label: str = "object"
    sample: Place | None = None


def write_results(
    boxes: Mapping[str, ArrayLike], out: Place, *, format: str, options: WriteOptions | None = None
) -> Path:
    r"""Write the boxes of several sequences in one of `RESULT_FORMATS`.

    Args:
        boxes: sequence to (N, 4), x, y, w, h in cube pixels; NaN rows are frames without a prediction.
        out: the folder to make (it must be new or empty), or the file for ``coco`` and ``hotc2026``.
        format: see the head of this module.
        options: see `WriteOptions`.

    Returns:
        `out`.

    Raises:
        ConfigError: unknown format, or `out` is taken.
        InputError: no boxes, boxes that are not (N, 4), names that cannot be files, or a sample with other sequences.

    Example:
        >>> import pathlib, tempfile
        >>> folder = write_results({"ball": [[1, 2, 30, 40]]}, tempfile.mkdtemp(), format="otb")
        >>> (folder / "ball.txt").read_text()
        '1,2,30,40\n'
    """
    check_target(out, format)
    settings = options or WriteOptions()
    rows = {name: _check(name, value, settings) for name, value in boxes.items()}
    if not rows:
        raise InputError("expected boxes of at least one sequence to write, found none; give sequence names and boxes")
    target = Path(out)
    if format in _ONE_FILE:
        with write_file(target, FileTerms("results")) as file:
            RESULT_FORMATS[format](rows, file, settings)
    else:
        with write_folder(target, Terms("results", once=True)) as folder:
            RESULT_FORMATS[format](rows, folder, settings)
    return target


def check_target(out: Place, format: str, data: tuple[Path, ...] = ()) -> None:
    """Refuse an unknown format, or a place where its files cannot go, before anything is computed.

    Args:
        out: the place.
        format: one of `RESULT_FORMATS`.
        data: what is read; the place lies in none of it.

    Raises:
        ConfigError: unknown format, a folder that is not empty or where a file is needed, or a file that is not ours.
    """
    if format not in RESULT_FORMATS:
        raise ConfigError(f"expected a format of results, found {format!r}; {nearest_name(format, RESULT_FORMATS)}")
    if format in _ONE_FILE:
        check_file(out, FileTerms("results", data=data))
    else:
        check_folder(out, Terms("results", data=data, once=True))


def _check(name: str, value: ArrayLike, options: WriteOptions) -> Boxes:
    try:
        boxes = np.array(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"expected numbers of shape (frames, 4) for {name!r}, found something else ({error}); give x,y,w,h rows"
        ) from error
    if boxes.ndim != 2 or boxes.shape[1] != 4 or not len(boxes):
        raise InputError(
            f"expected boxes of shape (frames, 4) for {name!r}, found {boxes.shape}; give one x,y,w,h row a frame"
        )
    if not name or name in (".", "..") or any(letter in '/\\:*?"<>|\n\r\t\0' for letter in name):
        raise InputError(f"expected sequence names that can be file names, found {name!r}; rename that sequence")
    present = np.isfinite(boxes).all(axis=1)
    boxes[present, :2] += options.origin
    boxes[~present] = np.nan
    return boxes


def _fmt(options: WriteOptions) -> str | None:
    return None if options.decimals is None else f"%.{options.decimals}f"


def _write_flat(separator: str) -> Callable[[Mapping[str, Boxes], Path, WriteOptions], None]:
    def write(rows: Mapping[str, Boxes], folder: Path, options: WriteOptions) -> None:
        for name, boxes in rows.items():
            write_boxes(folder / f"{name}.txt", np.nan_to_num(boxes), fmt=_fmt(options), separator=separator)

    return write


def _write_got10k(rows: Mapping[str, Boxes], folder: Path, options: WriteOptions) -> None:
    for name, boxes in rows.items():
        write_boxes(folder / name / f"{name}_001.txt", np.nan_to_num(boxes), fmt=_fmt(options))
        seconds = (options.seconds or {}).get(name)
        if seconds is None:
            continue
        times: NDArray[np.float64] = np.asarray(seconds, dtype=np.float64)
        if times.shape != (len(boxes),) or not np.isfinite(times).all():
            raise InputError(
                f"expected {len(boxes)} finite times for {name!r}, one a frame, found shape {times.shape}; give seconds"
            )
        write_text(folder / name / f"{name}_time.txt", "".join(f"{time:.8e}\n" for time in times))


def _write_mot(rows: Mapping[str, Boxes], folder: Path, options: WriteOptions) -> None:
    for name, boxes in rows.items():
        # frame from 1, track, x, y, w, h, not ignored, class, visibility
        lines = (f"{frame + 1},1,{_numbers(boxes[frame], options)},1,1,1\n" for frame in _present(boxes))
        write_text(folder / name / "gt" / "gt.txt", "".join(lines))
        write_text(folder / name / "gt" / "labels.txt", f"{options.label}\n")


def _write_coco(rows: Mapping[str, Boxes], path: Path, options: WriteOptions) -> None:
    videos: list[dict[str, Any]] = []
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for video, (name, boxes) in enumerate(rows.items(), start=1):
        videos.append({"id": video, "name": name})
        present = set(_present(boxes))
        for frame, box in enumerate(boxes.tolist()):
            image = len(images) + 1
            images.append(
                {"id": image, "video_id": video, "frame_id": frame, "file_name": f"{name}/{frame + 1:04d}.png"}
            )
            if frame in present:
                values = box if options.decimals is None else [round(value, options.decimals) for value in box]
                ids = {
                    "id": len(annotations) + 1,
                    "image_id": image,
                    "video_id": video,
                    "track_id": 1,
                    "category_id": 1,
                }
                annotations.append(ids | {"bbox": values, "area": values[2] * values[3], "iscrowd": 0})
    categories = [{"id": 1, "name": options.label}]
    value = {"videos": videos, "images": images, "annotations": annotations, "categories": categories}
    # On one line: indented, such a file is three times as large.
    write_text(path, json.dumps(value, allow_nan=False, ensure_ascii=False) + "\n")


def _write_hotc2026(rows: Mapping[str, Boxes], path: Path, options: WriteOptions) -> None:
    if options.sample is None:
        order = [(_challenge_name(name), name, frame) for name, boxes in rows.items() for frame in range(len(boxes))]
    else:
        order = _sample_order(rows, options.sample)
    lines = ["ID,x,y,width,height"]
    for written, name, frame in order:
        # The challenge counts a missing prediction as a box of zeros.
        box = np.nan_to_num(rows[name][frame]) if frame < len(rows[name]) else np.zeros(4)
        lines.append(f"{written}_{frame + 1},{_numbers(box, options)}")
    write_text(path, "\n".join(lines) + "\n")


def _challenge_name(name: str) -> str:
    parts = split_name(name)
    return f"{parts.modality}-{parts.base}" if parts.modality else name


def _sample_order(rows: Mapping[str, Boxes], sample: Place) -> list[tuple[str, str, int]]:
    """Name as the sample has it, name of our sequence, and frame from 0, for every row of the sample."""
    order = read_csv_order(decode_text(read_file(sample, "a sample submission"), sample, "a sample submission"), sample)
    matched, _ = match_names(dict.fromkeys(name for name, _ in order), rows)
    absent = sorted({name for name, _ in order} - matched.keys())
    if absent:
        raise InputError(
            f"expected boxes of every sequence of the sample {sample}, found none of {', '.join(absent[:5])}"
            f"{', ...' if len(absent) > 5 else ''}; track them first"
        )
    if any(frame < 1 for _, frame in order):
        raise InputError(
            f"expected frames counted from 1 in the sample {sample}, found frame 0; give the sample of a submission"
        )
    return [(name, matched[name], frame - 1) for name, frame in order]


def _present(boxes: Boxes) -> Iterable[int]:
    frames: list[int] = np.flatnonzero(np.isfinite(boxes).all(axis=1)).tolist()
    return frames


def _numbers(box: NDArray[np.float64], options: WriteOptions) -> str:
    return ",".join(format_number(value, _fmt(options)) for value in box.tolist())


RESULT_FORMATS: dict[str, Callable[[Mapping[str, Boxes], Path, WriteOptions], None]] = {
    "hot": _write_flat("\t"),
    "otb": _write_flat(","),
    "got10k": _write_got10k,
    "mot": _write_mot,
    "coco": _write_coco,
    "hotc2026": _write_hotc2026,
}
"""Writer of each format name; those of ``coco`` and ``hotc2026`` make one file, the others fill a folder."""
