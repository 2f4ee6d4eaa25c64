"""ENVI cubes: a text header (.hdr) and a raw data file, memory-mapped in any interleave.

A folder holds one frame a header. One file may stack several, as its header (``frames``) or sequence.json says.
"""

from __future__ import annotations

import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spectrack.errors import SequenceError
from spectrack.files.fingerprints import Ingredients
from spectrack.sequences.base import FileSequence
from spectrack.sequences.frame_files import frame_mismatch, numbers_of
from spectrack.sequences.frames import ArrayFrame
from spectrack.sequences.layout import ENVI_DATA_SUFFIXES

_LARGEST_HEADER = 4 * 2**20
_LARGEST_SIDE = 10_000_000
DATA_TYPES = {1: "u1", 2: "i2", 3: "i4", 4: "f4", 5: "f8", 12: "u2", 13: "u4", 14: "i8", 15: "u8"}
"""ENVI's codes for real numbers (6 and 9 are complex)."""

_NM_PER_UNIT = {"nanometers": 1.0, "nanometer": 1.0, "nm": 1.0}
_NM_PER_UNIT |= {unit: 1000.0 for unit in ("micrometers", "micrometer", "microns", "micron", "um", "µm", "μm")}
_AXES = {"bsq": "blw", "bil": "lbw", "bip": "lwb"}


@dataclass(frozen=True)
class EnviHeader:
    """What a header says.

    Attributes:
        path: the header file.
        lines, samples, bands: rows, columns and bands of the data file.
        dtype: type with byte order.
        interleave: bsq, bil or bip.
        offset: bytes before the data.
        frames: frames stacked along the lines.
        wavelengths_nm: band centres, or None when the header has none or does not tell their unit.
        no_data: what stands where there is no data (``data ignore value``), or None.
        data: the data file.
        exposure_ms: Specim's ``tint``, which is taken for milliseconds; None without.
    """

    path: Path
    lines: int
    samples: int
    bands: int
    dtype: np.dtype[Any]
    interleave: str
    offset: int
    frames: int
    wavelengths_nm: tuple[float, ...] | None
    no_data: float | None
    data: Path
    exposure_ms: float | None = None


def read_header(path: Path, *, data: Path | None = None, frames: int | None = None) -> EnviHeader:
    """Read and check an ENVI header.

    Args:
        path: the .hdr file.
        data: its data file; None to find it.
        frames: number of frames stacked along the lines, when sequence.json tells; the header's own key wins.

    Raises:
        SequenceError: no ENVI header, a key missing or out of range, or no data file of the right size.
    """
    fields = _parse(path)
    lines, samples, bands = (_whole(fields, key, path, low=1) for key in ("lines", "samples", "bands"))
    code = _whole(fields, "data type", path, low=0)
    if code not in DATA_TYPES:
        raise _wrong(path, "data type", f"one of {', '.join(map(str, DATA_TYPES))} (real numbers)", str(code))
    interleave = fields.get("interleave", "").lower()
    if interleave not in _AXES:
        raise _wrong(path, "interleave", "bsq, bil or bip", interleave or "nothing")
    order = _whole(fields, "byte order", path, low=0, default=0)
    if order > 1:
        raise _wrong(path, "byte order", "0 (little endian) or 1 (big endian)", str(order))
    dtype = np.dtype(("<" if order == 0 else ">") + DATA_TYPES[code])
    stacked = _whole(fields, "frames", path, low=1, default=frames or 1)
    if lines % stacked:
        raise _wrong(path, "lines", f"a multiple of the {stacked} frames stacked along them", str(lines))
    offset = _whole(fields, "header offset", path, low=0, default=0)
    needed = offset + lines * samples * bands * dtype.itemsize
    data = data or _data_file(path, fields, needed)
    found = data.stat().st_size
    if found < needed:
        raise SequenceError(
            f"expected {needed} bytes in {data} ({samples} samples x {lines} lines x {bands} bands of {dtype.name}), "
            f"found {found}; copy or export that file again, or correct its header"
        )
    wavelengths, no_data = _wavelengths(fields, bands, path), _number(fields, "data ignore value", path)
    exposure = _exposure(fields)
    return EnviHeader(
        path, lines, samples, bands, dtype, interleave, offset, stacked, wavelengths, no_data, data, exposure
    )


def find_header(path: Path) -> Path:
    """The header that belongs to an ENVI data file; a header is returned as it is.

    Raises:
        SequenceError: there is none.
    """
    header = header_beside(path)
    if header is None:
        raise SequenceError(f"expected an ENVI header {path.stem}.hdr beside {path}, found none; copy the header there")
    return header


def header_beside(path: Path) -> Path | None:
    """The header of a data file of any name, as ``cube.img.hdr`` or ``cube.hdr``, or the header itself; else None."""
    if path.suffix.lower() == ".hdr":
        return path
    there = {entry.name.lower(): entry for entry in path.parent.iterdir()}
    names = (f"{path.name}.hdr".lower(), f"{path.stem}.hdr".lower())
    return next((there[name] for name in names if name in there), None)


class EnviSequence(FileSequence):
    """One header a frame, or one header whose data file stacks all frames along the lines.

    Args:
        headers: header files in order.
        data: the data file of a single header; None to find it.
        frames: number of frames in the file, for a single header, when sequence.json tells.
        no_data: what stands where there is no data; None for what the first header itself tells.
        name: name of the sequence.
    """

    def __init__(
        self,
        headers: list[Path],
        *,
        data: Path | None = None,
        frames: int | None = None,
        no_data: float | None = None,
        name: str,
    ) -> None:
        self._headers = headers
        self.name = name
        self._first = first = read_header(headers[0], data=data, frames=frames if len(headers) == 1 else None)
        if len(headers) > 1 and first.frames > 1:
            raise SequenceError(
                f"expected one frame a header in {first.path.parent}, found {first.frames} in {first.path.name}; "
                "name one"
            )
        self.height, self.width, self.bands = first.lines // first.frames, first.samples, first.bands
        self.wavelengths_nm, self.no_data = first.wavelengths_nm, first.no_data if no_data is None else no_data
        self.exposure_ms = first.exposure_ms
        self._kept: tuple[int, NDArray[Any]] | None = None
        self._map(0)

    def __len__(self) -> int:
        return max(len(self._headers), self._first.frames)

    def frame(self, i: int) -> ArrayFrame:
        """Frame `i`, a view of the memory map."""
        i = self._index(i)
        if len(self._headers) > 1:
            return ArrayFrame(self._map(i), self.no_data)
        return ArrayFrame(self._map(0)[i * self.height : (i + 1) * self.height], self.no_data)

    def frame_of(self, file: Path) -> ArrayFrame:
        """See `FileSequence.frame_of`; the file is the header."""
        return ArrayFrame(self._mapped(read_header(file)), self.no_data)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_kept": None}

    @property
    def frame_numbers(self) -> list[int] | None:
        """See `Sequence.frame_numbers`."""
        return numbers_of(self._headers)

    @property
    def places(self) -> tuple[Path, ...]:
        """See `Sequence.places`; of a single header the header and its data file, not all of their folder."""
        return super().places if len(self._headers) > 1 else (self._first.path, self._first.data)

    def _frames_made_of(self) -> Ingredients:
        data = [self._first.data, *(read_header(header).data for header in self._headers[1:])]
        return Ingredients((*self._headers, *data))

    def _map(self, file: int) -> NDArray[Any]:
        """(lines, samples, bands) of one data file."""
        if self._kept is not None and self._kept[0] == file:
            return self._kept[1]
        self._kept = (file, self._mapped(self._first if file == 0 else read_header(self._headers[file])))
        return self._kept[1]

    def _mapped(self, header: EnviHeader) -> NDArray[Any]:
        expected = self._first.lines, self._first.samples, self._first.bands
        if (header.lines, header.samples, header.bands) != expected:
            raise frame_mismatch(header.path, (header.lines, header.samples, header.bands), expected, self._first.path)
        axes = _AXES[header.interleave]
        size = {"l": header.lines, "w": header.samples, "b": header.bands}
        mapped = np.memmap(
            header.data,
            dtype=header.dtype,
            mode="r",
            offset=header.offset,
            shape=tuple(size[letter] for letter in axes),
        )
        return np.asarray(mapped).transpose([axes.index(letter) for letter in "lwb"])


def _parse(path: Path) -> dict[str, str]:
    """The ``key = value`` pairs of a header, keys in lower case; values in braces without them, joined by commas."""
    try:
        size = path.stat().st_size
        if size > _LARGEST_HEADER:
            raise SequenceError(f"expected an ENVI text header at {path}, found {size} bytes; give the .hdr file")
        text = _decode(path.read_bytes())
    except OSError as error:
        raise SequenceError(
            f"expected a readable ENVI header at {path}, found: {error.strerror or error}; check the file"
        ) from error
    if not text.lstrip().startswith("ENVI"):
        raise SequenceError(f"expected {path} to start with the word ENVI, found {text[:20]!r}; give an ENVI header")
    from spectral.io import envi

    # The library reads files only, in the locale's code, and warns about capitals: it gets a copy in plain ASCII.
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plain = Path(folder) / "plain.hdr"
        plain.write_text(text.lstrip(), encoding="ascii", errors="replace")
        try:
            fields = envi.read_envi_header(str(plain))
        except Exception as error:
            raise SequenceError(
                f"expected complete 'key = value' lines in {path}, found a value whose brace is not closed; complete it"
            ) from error
    return {
        " ".join(key.lower().split()): ", ".join(value) if isinstance(value, list) else value
        for key, value in fields.items()
    }


def _decode(data: bytes) -> str:
    # Descriptions come in any code; only keys, numbers and the unit are used, so an undecodable one does no harm.
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    return text.replace("µ", "u").replace("μ", "u")


def _whole(fields: dict[str, str], key: str, path: Path, *, low: int, default: int | None = None) -> int:
    text = fields.get(key)
    if text is None:
        if default is None:
            raise _wrong(path, key, "a whole number", "nothing")
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 12 and low <= int(text) <= _LARGEST_SIDE):
        raise _wrong(path, key, f"a whole number from {low} to {_LARGEST_SIDE}", text)
    return int(text)


def _wavelengths(fields: dict[str, str], bands: int, path: Path) -> tuple[float, ...] | None:
    text = fields.get("wavelength") or fields.get("wavelengths")
    unit = fields.get("wavelength units", "").strip("{} ").lower().replace("unknown", "")
    if text is None or (unit and unit not in _NM_PER_UNIT):
        return None  # wave numbers, indices and frequencies are no wavelengths
    try:
        values = [float(part) for part in text.strip("{} ").split(",") if part.strip()]
    except ValueError:
        values = []
    if len(values) != bands or not all(0 < value < 1e6 for value in values):
        raise _wrong(path, "wavelength", f"{bands} positive numbers, one a band", text)
    if not unit:
        # Without a unit, only the ranges 0.2-30 um and 200-30000 nm tell themselves apart.
        low, high = min(values), max(values)
        unit = "um" if low >= 0.2 and high <= 30 else "nm" if low >= 200 and high <= 30_000 else ""
    return tuple(round(value * _NM_PER_UNIT[unit], 6) for value in values) if unit else None


def _number(fields: dict[str, str], key: str, path: Path) -> float | None:
    text = fields.get(key)
    try:
        return None if text is None else float(text.strip("{} ")[:64])
    except ValueError as error:
        raise _wrong(path, key, "a number", str(text)) from error


def _exposure(fields: dict[str, str]) -> float | None:
    """In milliseconds; a word, or a number that is no exposure, means something else in this dialect."""
    try:
        found = float(fields.get("tint", "")[:64])
    except ValueError:
        return None
    return found if 0 < found < _LARGEST_SIDE else None


def _data_file(path: Path, fields: dict[str, str], size: int) -> Path:
    """The data file beside a header: of its name and a usual suffix, else of its name and exactly the right size."""
    named = fields.get("data file", "").strip("{}\"' ")
    if named:
        if Path(named).name != named or "\\" in named or named in (".", ".."):
            raise _wrong(path, "data file", "the plain name of a file beside the header", named)
        if len(named) > 255 or not (path.parent / named).is_file():
            raise SequenceError(f"expected the data file {named[:80]} beside {path}, found none; copy it there")
        return path.parent / named
    stem = path.name[: -len(".hdr")].lower()
    wanted = {stem} | {stem + suffix for suffix in ENVI_DATA_SUFFIXES}
    there = [entry for entry in sorted(path.parent.iterdir()) if entry.is_file()]
    found = [entry for entry in there if entry.name.lower() in wanted]
    found = found or [entry for entry in there if entry.stem.lower() == stem and entry.stat().st_size == size]
    if len(found) == 1:
        return found[0]
    several = f"several ({', '.join(entry.name for entry in found)})" if found else "none"
    raise SequenceError(
        f"expected one data file for {path} ({path.stem}.raw, .img, .dat, .bsq, .bil or .bip), found {several}; "
        "keep one"
    )


def _wrong(path: Path, key: str, expected: str, found: str) -> SequenceError:
    return SequenceError(f"expected {key!r} to be {expected} in {path}, found {found[:60]!r}; correct the header")
