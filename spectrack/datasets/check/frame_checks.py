"""Checks of the frame files of one stream: numbering, completeness, bit depth, size, unused bands, blank frames."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from spectrack.cube import Cube, check_no_data
from spectrack.datasets.check.findings import Severity, ranges
from spectrack.errors import CubeError, SpectrackError
from spectrack.sequences.base import Sequence
from spectrack.sequences.frame_files import IMAGE_SUFFIXES, list_files, number_of, numbers_of, read_image

Depth = Literal["all", "some", "none"]
"""Which frames a check decodes: all, five of each sequence, or none."""

Report = Callable[[str, Severity, Path, str], None]
"""Takes code, severity, place and sentence of a finding."""

_SOME = 5


@dataclass
class FrameTally:
    """What reading the frames of a stream showed.

    Attributes:
        count: number of frames.
        shape: of the first image that could be decoded: rows, columns.
        faults: frame numbers by code, and the first sentence of each.
    """

    count: int = 0
    shape: tuple[int, int] | None = None
    faults: dict[str, list[int]] = field(default_factory=dict)
    sentences: dict[str, str] = field(default_factory=dict)

    def add(self, code: str, number: int, sentence: str) -> None:
        """Note a fault of a frame."""
        self.faults.setdefault(code, []).append(number)
        self.sentences.setdefault(code, sentence)


def chosen_frames(count: int, depth: Depth) -> list[int]:
    """Indices of the frames to decode.

    Example:
        >>> chosen_frames(9, "some")
        [0, 2, 4, 6, 8]
    """
    if depth == "none" or count <= 0:
        return []
    if depth == "all" or count <= _SOME:
        return list(range(count))
    return sorted({round(i * (count - 1) / (_SOME - 1)) for i in range(_SOME)})


def check_numbering(files: list[Path], folder: Path, report: Report, *, from_one: bool) -> None:
    """Report gaps, doubles and strangers among numbered frame files.

    Args:
        files: the frame files.
        folder: where they lie.
        report: takes the findings.
        from_one: the data set numbers its frames from 1 (or 0).
    """
    suffixes = Counter(file.suffix.lower() for file in files)
    main = suffixes.most_common(1)[0][0] if suffixes else ""
    strangers = [file.name for file in files if file.suffix.lower() != main or number_of(file.name) is None]
    numbered = numbers_of(file for file in files if file.name not in strangers) or []
    if len(strangers) == len(files):
        return  # names without numbers are as good as any
    if strangers:
        text = (
            f"expected numbered {main} files only in {folder}, found {len(strangers)} others such as {strangers[0]!r}"
        )
        report("extra-frames", "error", folder, f"{text}; move them away")
    doubles = [number for number, times in Counter(numbered).items() if times > 1]
    if doubles:
        text = f"expected one file a frame in {folder}, found several of number {ranges(doubles)}; remove the doubles"
        report("extra-frames", "error", folder, text)
    present = set(numbered)
    first = 1 if from_one and min(present) > 1 else min(present)
    missing = max(present) - first + 1 - len(present)
    if missing > 0:
        gaps = _gaps(sorted(present), first)
        text = f"expected frames {first} to {max(present)} without a gap in {folder}, found {missing} missing: {gaps}"
        report("missing-frames", "error", folder, f"{text}; copy them again")


def tally_images(
    files: list[Path], depth: Depth, *, mosaics: bool, block: int | None, bands: int | None, step: Callable[[], None]
) -> FrameTally:
    """Decode image files one by one and note what is wrong with them.

    Args:
        files: the frames in order.
        depth: which of them to decode.
        mosaics: they must be 16-bit mosaics; else 8-bit pictures.
        block: side of the mosaic pattern, or None when unknown.
        bands: number of bands that a mosaic of this camera has; the others must be zero.
        step: called after each frame.
    """
    tally = FrameTally(count=len(files))
    for i in chosen_frames(len(files), depth):
        path, number = files[i], number_of(files[i].name)
        number, fault = i + 1 if number is None else number, _damage(path)
        if fault is None:
            try:
                image = read_image(path, upright=not mosaics)
            except SpectrackError as error:
                fault = str(error)
        if fault is not None:
            tally.add("unreadable-frames", number, fault)
        else:
            _check_image(image, path, number, tally, mosaics=mosaics, block=block, bands=bands)
        step()
    return tally


def tally_sequence(sequence: Sequence, depth: Depth, *, where: Path, step: Callable[[], None]) -> FrameTally:
    """The same for frames that are no image files: every one is read whole."""
    tally = FrameTally(count=len(sequence), shape=(sequence.height, sequence.width))
    for i in chosen_frames(len(sequence), depth):
        try:
            _check_cube(sequence[i], sequence.no_data, where, i + 1, tally)
        except SpectrackError as error:
            tally.add("unreadable-frames", i + 1, str(error))
        step()
    return tally


def report_tally(tally: FrameTally, folder: Path, report: Report) -> None:
    """One finding for each kind of fault, with the numbers of its frames."""
    for code, numbers in tally.faults.items():
        which = f"frame {numbers[0]}" if len(numbers) == 1 else f"{len(numbers)} frames ({ranges(numbers)})"
        severity: Severity = "warning" if code in ("blank-frames", "negative-counts") else "error"
        report(code, severity, folder, f"{which}: {tally.sentences[code]}")


def list_images(folder: Path) -> list[Path]:
    """The image files of a folder in order."""
    return list_files(folder, IMAGE_SUFFIXES)


def png_fault(data: bytes) -> str | None:
    r"""What is wrong with the chunks of a PNG file, or None; their checksums see what a decoder may pass over.

    Example:
        >>> png_fault(b"\x89PNG\r\n\x1a\n")
        'it ends before its last chunk'
    """
    position = 8
    while position + 12 <= len(data):
        length = int.from_bytes(data[position : position + 4], "big")
        end = position + 8 + length
        if end + 4 > len(data):
            return "it ends inside a chunk"
        kind = data[position + 4 : position + 8]
        if zlib.crc32(memoryview(data)[position + 4 : end]) != int.from_bytes(data[end : end + 4], "big"):
            return f"the checksum of its chunk {kind.decode('latin-1')!r} is wrong"
        if kind == b"IEND":
            return None
        position = end + 4
    return "it ends before its last chunk"


def _damage(path: Path) -> str | None:
    if path.suffix.lower() != ".png":
        return None
    try:
        data = path.read_bytes()
    except OSError as error:
        return f"expected a readable image at {path}, found: {error.strerror or error}; check the file"
    if not data.startswith(b"\x89PNG"):
        return None  # the decoder finds out what it is
    fault = png_fault(data)
    return (
        None
        if fault is None
        else f"expected a complete image in {path}, found that {fault} ({len(data)} bytes); copy it again"
    )


def _check_image(
    image: NDArray[Any],
    path: Path,
    number: int,
    tally: FrameTally,
    *,
    mosaics: bool,
    block: int | None,
    bands: int | None,
) -> None:
    wanted, dtype = ("a single-channel 16-bit mosaic", np.uint16) if mosaics else ("an 8-bit picture", np.uint8)
    if image.dtype != dtype or (mosaics and image.ndim != 2):
        channels = 1 if image.ndim == 2 else image.shape[2]
        text = f"expected {wanted} in {path}, found {image.dtype} with {channels} channels; export or download it again"
        tally.add("bit-depth", number, text)
        return
    shape = (image.shape[0], image.shape[1])
    tally.shape = tally.shape or shape
    if shape != tally.shape:
        text = f"expected {tally.shape[1]} x {tally.shape[0]} pixels in {path} as in the frames before, "
        tally.add("frame-size", number, text + f"found {shape[1]} x {shape[0]}; keep frames of one size")
    if mosaics and block is not None:
        if shape[0] % block or shape[1] % block:
            text = f"expected sides divisible by {block} in {path}, found {shape[1]} x {shape[0]}; check the camera"
            tally.add("frame-size", number, text)
        for band in range(bands or block * block, block * block):
            if image[band // block :: block, band % block :: block].any():
                text = (
                    f"expected only zeros in band {band + 1} of {path} (RedNIR has {bands} bands), found light there; "
                )
                tally.add("unused-band", number, text + "it was taken with another camera or is damaged")
    if image.min() == image.max():
        text = f"expected a picture in {path}, found {image.min()} everywhere; copy it again"
        tally.add("blank-frames", number, text)


def _check_cube(cube: Cube, no_data: float | None, where: Path, number: int, tally: FrameTally) -> None:
    """Note NaN, one number everywhere, what looks like "no data" and nothing declares, and negative counts."""
    if cube.dtype.kind == "f" and not np.isfinite(cube).all():
        text = f"expected finite values in {where}, found NaN or infinity; repair or leave out those frames"
        tally.add("bad-values", number, text)
    elif cube.min() == cube.max():
        text = f"expected a picture in {where}, found one number everywhere; copy those frames again"
        tally.add("blank-frames", number, text)
    elif no_data is None:
        try:
            check_no_data(cube, name=str(where))
        except CubeError as error:
            tally.add("bad-values", number, str(error))
            return
        if cube.dtype.kind == "i" and (lowest := int(cube.min())) < 0:
            text = f"expected counts of light in {where}, found negative ones down to {lowest}; "
            tally.add("negative-counts", number, text + "counts begin at 0, so look at how they were made")


def _gaps(present: list[int], first: int) -> str:
    return ranges(_missing(present, first)) if present[-1] - first < 10_000_000 else "more than can be listed"


def _missing(present: list[int], first: int) -> Iterator[int]:
    expected = first
    for number in present:
        yield from range(expected, number)
        expected = number + 1
