"""Folders of frame files: which files are frames, in which order, and how one image is decoded without trusting it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spectrack.errors import SequenceError
from spectrack.files import number_key
from spectrack.sequences.growth import check_growth, image_bytes

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff"})
TIFF_SUFFIXES = frozenset({".tif", ".tiff"})
LOSSY_SUFFIXES = frozenset({".jpg", ".jpeg"})


def list_files(folder: Path, suffixes: Iterable[str]) -> list[Path]:
    """Visible files of these suffixes in `folder`, sorted by the numbers in their names (2.png before 10.png).

    Hidden files (``.DS_Store``, ``._0001.png``) and other suffixes (``Thumbs.db``, text) are passed over. A link that
    leads nowhere is among them: without it the frames behind would move up by one, away from their truth.
    """
    wanted = {suffix.lower() for suffix in suffixes}
    with os.scandir(folder) as entries:
        visible = (entry for entry in entries if not entry.name.startswith("."))
        named = [entry for entry in visible if os.path.splitext(entry.name)[1].lower() in wanted]
    # Unlike an entry's own methods these do not fail for a loop of links.
    names = [entry.name for entry in named if os.path.isfile(entry) or not os.path.exists(entry)]
    return [folder / name for name in sorted(names, key=number_key)]


def number_of(name: str) -> int | None:
    """The number at the end of a file name's stem, or None.

    Example:
        >>> number_of("img0012.jpg"), number_of("mean.png")
        (12, None)
    """
    match = re.search(r"([0-9]{1,12})$", os.path.splitext(name)[0])
    return None if match is None else int(match.group(1))


def numbers_of(files: Iterable[Path]) -> list[int] | None:
    """The numbers of frame files in their order; None where one has none."""
    numbers = []
    for file in files:
        number = number_of(file.name)
        if number is None:
            return None
        numbers.append(number)
    return numbers


def read_image(path: Path, *, upright: bool = False) -> NDArray[Any]:
    """Decode one image file completely or refuse it.

    Args:
        path: PNG, JPEG, BMP or TIFF.
        upright: False gives the pixels as stored (channels in R, G, B order); True turns and mirrors a picture as its
            EXIF orientation says, which is how every viewer shows it, and drops transparency.

    Returns:
        (height, width) or (height, width, channels).

    Raises:
        SequenceError: the file is missing, cut short or no image, or would grow too much (`growth`).
    """
    import cv2

    try:
        data = path.read_bytes()
    except OSError as error:
        raise SequenceError(
            f"expected a readable image at {path}, found: {error.strerror or error}; check the file"
        ) from error
    if not _looks_complete(data):
        raise damaged(path)
    check_growth(image_bytes(data), len(data), path)
    flags = cv2.IMREAD_ANYCOLOR | cv2.IMREAD_ANYDEPTH if upright else cv2.IMREAD_UNCHANGED
    try:
        image = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), flags)
    except cv2.error as error:
        raise damaged(path) from error
    if image is None:
        raise damaged(path)
    if image.ndim == 3 and image.shape[2] in (3, 4):
        image = cv2.cvtColor(image, cv2.COLOR_BGR2RGB if image.shape[2] == 3 else cv2.COLOR_BGRA2RGBA)
    return np.asarray(image)


def check_tiff_upright(path: Path) -> None:
    """Refuse a TIFF of counts that is to be shown turned or mirrored: turning it changes the order of a mosaic's bands.

    Other files pass.

    Raises:
        SequenceError: its first page says so (tag Orientation, not 1).
    """
    if path.suffix.lower() not in TIFF_SUFFIXES:
        return
    import tifffile

    try:
        with tifffile.TiffFile(path) as file:
            orientation = int(file.pages.first.tags.valueof("Orientation", default=1))
    except (OSError, ValueError, IndexError, TypeError) as error:
        raise damaged(path) from error
    if orientation != 1:
        raise SequenceError(
            f"expected a TIFF whose first row is the top (Orientation 1) in {path}, found Orientation {orientation}; "
            "write the frames as the sensor gave them, without that tag"
        )


def damaged(path: Path) -> SequenceError:
    """The error for a frame file that cannot be decoded in full."""
    size = path.stat().st_size if path.exists() else 0
    return SequenceError(
        f"expected a complete image in {path}, found one cut short or damaged ({size} bytes); copy that frame again"
    )


def frame_mismatch(path: Path, found: tuple[int, ...], expected: tuple[int, ...], first: Path) -> SequenceError:
    """The error for frames of different sizes in one sequence."""
    return SequenceError(
        f"expected every frame to be of the size of {first.name}, {_size(expected)}, found {_size(found)} in {path}; "
        "keep frames of one size in the folder"
    )


def _size(shape: tuple[int, ...]) -> str:
    return " x ".join(str(side) for side in (shape[1], shape[0], *shape[2:]))


def ends_whole(path: Path) -> bool:
    """Whether the end of a file tells that all of it is there, which that of PNG and JPEG does."""
    suffix = path.suffix.lower()
    if suffix != ".png" and suffix not in LOSSY_SUFFIXES:
        return False
    try:
        with path.open("rb") as file:
            start = file.read(8)
            file.seek(0, os.SEEK_END)
            file.seek(max(file.tell() - 64, 0))
            end = file.read()
    except OSError:
        return False
    return (start == b"\x89PNG\r\n\x1a\n" and b"IEND" in end) or (start[:2] == b"\xff\xd8" and end[-2:] == b"\xff\xd9")


def _looks_complete(data: bytes) -> bool:
    # Some decoders fill the missing part of a cut file with grey instead of failing, so end marks are looked for first.
    if data.startswith(b"\x89PNG"):
        return b"IEND" in data[-64:]
    if data.startswith(b"\xff\xd8"):
        return data.rfind(b"\xff\xd9") > data.rfind(b"\xff\xda")
    return len(data) > 0
