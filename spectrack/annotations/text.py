"""Truth and result boxes as text: every dialect that the field's files use, read with a sentence for each fault.

One row a frame; 4 numbers ``x y w h`` or 8 numbers (a polygon, taken as its tight box), between commas, tabs, spaces or
semicolons, with or without a trailing one, byte-order mark or CRLF. Coordinates stay as they are: HOTC's are 0-based.
"""

from __future__ import annotations

import math
import os
import re
from array import array
from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike

from spectrack.annotations.untrusted_files import decode_text, read_file
from spectrack.boxes import Box, Boxes, format_box, is_box
from spectrack.errors import SequenceError
from spectrack.files import write_text
from spectrack.signs import counted

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?|[+-]?[nN][aA][nN]")
_SEPARATORS = re.compile(r"[,;\s]+")
_LINES = re.compile(r"([^\r\n]*)(?:\r\n|\n|\r|\Z)")
_LONGEST_LINE = 4096
_LARGEST_COORDINATE = 1e7


def read_boxes(path: str | os.PathLike[str], *, origin: int = 0) -> Boxes:
    """Boxes of an annotation or result file.

    Args:
        path: the text file.
        origin: index of the file's first pixel, subtracted from x and y: 0 for HOTC and our files, 1 for OTB (MATLAB).

    Returns:
        (N, 4) float64, ``x, y, w, h``. A row of NaN only (an absent object) becomes a zero box, invalid to protocols.

    Raises:
        SequenceError: the file cannot be read, is empty, or has a line that is no box, which the message numbers.
    """
    return parse_boxes(decode_text(read_file(path, "boxes"), path, "boxes"), path, origin=origin)


def read_first_box(path: str | os.PathLike[str]) -> Box:
    """First row of a file of plain boxes, as a usable box; `annotations.first_boxes` reads other programs' files.

    Raises:
        SequenceError: the file cannot be read, or its first row is no box or one without area.
    """
    box = read_first_row(decode_text(read_file(path, "boxes"), path, "boxes"), path)
    if not is_box(box):
        raise SequenceError(
            f"expected a box with positive width and height in {path}, found {format_box(box)}; correct the box"
        )
    return box


def write_boxes(
    path: str | os.PathLike[str],
    boxes: ArrayLike,
    *,
    fmt: str | None = "%.4f",
    separator: str = ",",
    missing: bool = False,
) -> None:
    """Write boxes as text, one row a frame, whole or not at all.

    Args:
        path: the file to write.
        boxes: (N, 4), ``x, y, w, h``.
        fmt: how to print a number that is not integral; None prints every digit, so that reading gives the same number.
            Integral numbers are printed without a point.
        separator: between numbers; HOTC uses a tab.
        missing: allow rows of NaN, which stand for frames without a box.

    Raises:
        SequenceError: not (N, 4), or not finite.
    """
    array = np.asarray(boxes, dtype=np.float64)
    if array.ndim != 2 or array.shape[1] != 4:
        raise SequenceError(
            f"expected boxes of shape (frames, 4) to write to {path}, found {array.shape}; give x, y, w, h a frame"
        )
    bad = ~np.isfinite(array).all(axis=1) & ~(np.isnan(array).all(axis=1) & missing)
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise SequenceError(
            f"expected finite boxes to write to {path}, found NaN or infinity in frame {row}; repair that box"
        )
    write_text(
        path, "".join(separator.join(format_number(value, fmt) for value in row) + "\n" for row in array.tolist())
    )


def format_number(value: float, fmt: str | None) -> str:
    """A coordinate as files hold it: integral without a point, others by `fmt`, or with every digit when it is None."""
    if math.isnan(value):
        return "nan"
    if value == int(value) and abs(value) < 2**53:
        return str(int(value))
    return repr(value) if fmt is None else fmt % value


def split_rows(
    text: str, where: str | os.PathLike[str], *, longest: int = _LONGEST_LINE
) -> Iterator[tuple[int, list[str]]]:
    """Line number from 1 and tokens of every line that is not blank.

    Raises:
        SequenceError: a line has more than `longest` characters, which is more than any box.
    """
    # Only real line ends: str.splitlines also splits at form feeds and Unicode separators, which spoils line numbers.
    for number, match in enumerate(_LINES.finditer(text), start=1):
        line = match.group(1)
        if len(line) > longest:
            raise SequenceError(
                f"expected one box a line in {where}, found {len(line)} characters on line {number}; write x,y,w,h"
            )
        tokens = [token for token in _SEPARATORS.split(line) if token]
        if tokens:
            yield number, tokens


def parse_boxes(text: str, where: str | os.PathLike[str], *, origin: int = 0) -> Boxes:
    """`read_boxes` of text that has been read already; `where` is its file, for messages.

    Raises:
        SequenceError: no row, or a line that is no box.
    """
    values = array("d")  # eight bytes a number: a list of floats would take ten times the file
    for number, tokens in split_rows(text, where):
        values.extend(_row(tokens, where, number))
    if not values:
        raise SequenceError(f"expected boxes in {where}, found no row; write one box x,y,w,h a line")
    boxes: Boxes = np.array(values, dtype=np.float64).reshape(-1, 4)
    boxes[:, :2] -= np.where(boxes.any(axis=1, keepdims=True), origin, 0)
    return boxes


def read_first_row(text: str, where: str | os.PathLike[str]) -> Box:
    """The first row of a text of boxes, as it is; the rest is not looked at.

    Raises:
        SequenceError: no row, or a first row that is no box.
    """
    for number, tokens in split_rows(text, where):
        return np.array(_row(tokens, where, number), dtype=np.float64)
    raise SequenceError(f"expected a box in {where}, found no row; write one box x,y,w,h on the first line")


def is_number(token: str) -> bool:
    """Whether a token is a number or NaN as box files write them: ASCII digits, no underscores, no hexadecimals."""
    return _NUMBER.fullmatch(token) is not None


def _row(tokens: list[str], path: str | os.PathLike[str], number: int) -> list[float]:
    bad = next((token for token in tokens if not is_number(token)), None)
    if bad is not None or len(tokens) not in (4, 8):
        found = f"{bad[:40]!r}" if bad is not None else counted(len(tokens), "number")
        raise SequenceError(
            f"expected 4 numbers x,y,w,h or the 8 of a polygon on line {number} of {path}, found {found}; correct it"
        )
    values = [float(token) for token in tokens]
    if all(value != value for value in values):
        return [0.0, 0.0, 0.0, 0.0]
    if not all(abs(value) < _LARGEST_COORDINATE for value in values):
        raise SequenceError(
            f"expected coordinates in pixels on line {number} of {path}, found {' '.join(tokens)[:60]!r}; "
            "correct that line (a row of NaN only marks an absent object)"
        )
    if len(values) == 8:
        left, top = min(values[0::2]), min(values[1::2])
        values = [left, top, max(values[0::2]) - left, max(values[1::2]) - top]
    return values
