"""Opening array files lazily: one small source class for each way an array lies in a file.

A source knows its shape and type without reading the values. `variable` names the array in files that hold several.
"""

from __future__ import annotations

import functools
import logging
import math
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from spectrack.errors import SequenceError, SpectrackError, nearest_name
from spectrack.files import number_key
from spectrack.sequences.growth import check_growth

KEPT_KINDS = "uif"
"""Kinds of numbers that frames are made of."""

_STRONGEST_COMPRESSION = 9000
"""Deflate makes at most 1032 bytes of one, MATLAB stores small doubles in one; a header that claims more is wrong."""

Index = tuple[int | slice, ...]
Members = dict[str, tuple[tuple[int, ...], np.dtype[Any]]]
"""Arrays of a file by name: shape and type."""

_Result = TypeVar("_Result")


class ArraySource(Protocol):
    """An array in a file.

    Attributes:
        shape: of the whole array.
        dtype: of its values.
        path: the file.
        where: file (and variable), for messages.
        mapped: True when `read` gives a view of a memory map and costs nothing.
        axes: axis letters when the file itself tells them, else None.
        no_data: what stands where there is no data, when the file itself tells it, else None.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    path: Path
    where: str
    mapped: bool
    axes: str | None
    no_data: float | None

    def read(self, index: Index) -> NDArray[Any]:
        """The part that `index` selects."""


class MappedSource:
    """A memory-mapped .npy or TIFF file; the map is opened again in another process instead of being copied there."""

    mapped = True

    def __init__(
        self, path: Path, *, tiff: bool = False, axes: str | None = None, no_data: float | None = None
    ) -> None:
        self.path, self._tiff = path, tiff
        self.where, self.axes, self.no_data = str(path), axes, no_data
        self._array = self._map()
        self.shape, self.dtype = self._array.shape, self._array.dtype

    def read(self, index: Index) -> NDArray[Any]:
        """A view of the part."""
        return np.asarray(self._array[index])

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key != "_array"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._array = self._map()

    def _map(self) -> NDArray[Any]:
        if self._tiff:
            import tifffile

            return np.asarray(tifffile.memmap(self.path, mode="r"))
        return np.asarray(np.load(self.path, mmap_mode="r", allow_pickle=False))


class LoadedSource:
    """A variable of an .npz or .mat v5 file: these have to be decoded whole, which is done once, on first reading.

    Args:
        path: the file.
        variable: its name, for messages.
        shape: of the array, as the file claims.
        dtype: likewise.
        load: decodes it; picklable.
    """

    mapped = False
    axes: str | None = None
    no_data: float | None = None

    def __init__(
        self,
        path: Path,
        variable: str,
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        *,
        load: Callable[[], NDArray[Any]],
    ) -> None:
        self.path, self._variable, self._load = path, variable, load
        self.shape, self.dtype, self.where = shape, dtype, f"{path} (variable {variable})"
        self._array: NDArray[Any] | None = None
        claimed, stored = math.prod(shape) * dtype.itemsize, path.stat().st_size
        if claimed > _STRONGEST_COMPRESSION * stored:
            raise SequenceError(
                f"expected an array that fits its file in {self.where}, found {claimed} bytes in {stored}; copy it"
            )
        check_growth(claimed, stored, self.where)

    def read(self, index: Index) -> NDArray[Any]:
        """A view of the part of the decoded array."""
        if self._array is None:
            try:
                self._array = self._load()
            except Exception as error:  # the parsers of foreign files fail in many ways on damaged ones
                raise unreadable(self.path, f"a complete array {self._variable!r}", error) from error
            if self._array.dtype.kind not in KEPT_KINDS:  # MATLAB's directory calls complex numbers double too
                raise SequenceError(
                    f"expected integers or floats in {self.where}, found type {self._array.dtype}; store real numbers"
                )
        return np.asarray(self._array[index])

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_array": None}


class TiffSource:
    """A TIFF file that cannot be memory-mapped (compressed or tiled): read page by page."""

    mapped = False

    def __init__(
        self,
        path: Path,
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        *,
        axes: str | None,
        pages: int,
        no_data: float | None,
    ) -> None:
        self.path, self._pages, self.no_data = path, pages, no_data
        self.shape, self.dtype, self.axes, self.where = shape, dtype, axes, str(path)
        apart = shape[0] if pages >= shape[0] > 0 and pages % shape[0] == 0 else 1  # else read whole for a frame
        check_growth(math.prod(shape) * dtype.itemsize // apart, path.stat().st_size, path)

    def read(self, index: Index) -> NDArray[Any]:
        """The part; a frame on the first axis costs only its own pages."""
        import tifffile

        first = index[0]
        try:
            with tifffile.TiffFile(self.path) as file:
                if isinstance(first, int) and self._pages % self.shape[0] == 0:
                    each = self._pages // self.shape[0]
                    pages = (
                        file.series[0].asarray()
                        if not each
                        else file.asarray(key=range(first * each, (first + 1) * each), series=0)
                    )
                    return np.asarray(pages).reshape(self.shape[1:])[index[1:]]
                return np.asarray(file.series[0].asarray()).reshape(self.shape)[index]
        except Exception as error:  # tifffile fails in many ways on damaged or exotic files
            raise unreadable(
                self.path, "a complete TIFF (compressed ones need the package imagecodecs)", error
            ) from error


def open_npy(path: Path, variable: str | None = None) -> ArraySource:
    """A .npy file; it holds one array, so `variable` has no meaning."""
    return guarded(path, "a complete .npy array of numbers", lambda: MappedSource(path))


def open_npz(path: Path, variable: str | None = None) -> ArraySource:
    """One member of a .npz file."""
    members = npz_members(path, only=variable)
    chosen = pick_variable(frames_only(members), variable, path, members)
    return LoadedSource(path, chosen, *members[chosen], load=functools.partial(_load_member, path, chosen))


def _load_member(path: Path, name: str) -> NDArray[Any]:
    with np.load(path, allow_pickle=False) as archive:
        return np.asarray(archive[name])


def npz_members(path: Path, only: str | None = None) -> Members:
    """Shape and type of every member (or of `only` one, when it is there), by number, without decoding the values."""

    def read() -> Members:
        found = {}
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            names = [f"{only}.npy"] if f"{only}.npy" in names else sorted(names, key=number_key)
            for name in names:
                if name.endswith(".npy"):
                    with archive.open(name) as member:
                        version = np.lib.format.read_magic(member)
                        header = (
                            np.lib.format.read_array_header_1_0
                            if version == (1, 0)
                            else np.lib.format.read_array_header_2_0
                        )
                        shape, _, dtype = header(member)
                        found[name.removesuffix(".npy")] = shape, dtype
        return found

    return guarded(path, "a complete .npz archive", read)


def open_tiff(path: Path, variable: str | None = None) -> ArraySource:
    """The first series of a TIFF file, memory-mapped where its pages lie together uncompressed."""
    import tifffile

    def read() -> ArraySource:
        with _complaints_raised("tifffile"), tifffile.TiffFile(path) as file:
            series = file.series[0]
            shape, dtype, pages = series.shape, series.dtype, len(series.pages)
            contiguous = series.dataoffset is not None
            # Only these two dialects name their axes on purpose; elsewhere the letters are tifffile's guess.
            axes = _named_axes(str(series.axes)) if file.is_imagej or file.is_ome else None
            no_data = as_number(file.pages.first.tags.valueof("GDAL_NODATA"))
        if contiguous:
            return MappedSource(path, tiff=True, axes=axes, no_data=no_data)
        return TiffSource(path, shape, np.dtype(dtype), axes=axes, pages=pages, no_data=no_data)

    return guarded(path, "a complete TIFF file", read)


def _named_axes(letters: str) -> str | None:
    """The axis order that ImageJ's or OME's letters tell, or None.

    ImageJ calls any stack of pictures channels or slices, also a video of mosaics: beside a time axis they are bands.
    """
    axes = letters.translate(str.maketrans("TCSYXZ", "tbbhwb"))
    clear = set(axes) <= set("thwb") and len(set(axes)) == len(axes) and ("t" in axes or "S" in letters)
    return axes if clear else None


def as_number(value: Any) -> float | None:
    """A number that a file's metadata give as such, as text or as an array of one; None for anything else."""
    try:
        return None if value is None else float(np.asarray(value).reshape(-1)[0])
    except (TypeError, ValueError, IndexError):
        return None


def pick_variable(candidates: Iterable[str], variable: str | None, path: Path, known: Iterable[str]) -> str:
    """The variable asked for, or the only candidate there is.

    Raises:
        SequenceError: it is not there, or there are none or several to choose from.
    """
    if variable is not None:
        if variable not in known:
            raise SequenceError(
                f"expected the variable {variable!r} in {path}, found none; {nearest_name(variable, known)}"
            )
        return variable
    names = list(candidates)
    if len(names) == 1:
        return names[0]
    found = f"several ({', '.join(names[:8])}{', ...' if len(names) > 8 else ''})" if names else "none"
    remedy = "name it with variable=... (--variable)" if names else "store (frames, height, width, bands) in it"
    raise SequenceError(f"expected one array of frames (3 or 4 axes) in {path}, found {found}; {remedy}")


def unreadable(path: Path, expected: str, error: BaseException) -> SequenceError:
    """The error for a file whose parser gave up."""
    lines = str(error).strip().splitlines()
    return SequenceError(
        f"expected {expected} in {path}, found: {lines[0][:160] if lines else type(error).__name__}; "
        "copy the file again"
    )


@contextmanager
def _complaints_raised(name: str) -> Iterator[None]:
    """Raise the first error that a library only logs: tifffile skips the missing pages of a cut file and goes on."""
    complaints: list[str] = []

    def collect(record: logging.LogRecord) -> bool:
        if record.levelno >= logging.ERROR:
            complaints.append(record.getMessage())
        return record.levelno < logging.ERROR

    logger = logging.getLogger(name)
    logger.addFilter(collect)
    try:
        yield
    finally:
        logger.removeFilter(collect)
    if complaints:
        raise ValueError(complaints[0])


def frames_only(members: Members) -> list[str]:
    """The names of arrays that may hold frames: 3 or 4 axes of real numbers."""
    return [name for name, (shape, dtype) in members.items() if len(shape) in (3, 4) and dtype.kind in KEPT_KINDS]


def guarded(path: Path, expected: str, read: Callable[[], _Result]) -> _Result:
    """What `read` gives; whatever the parser of a foreign file raises becomes one sentence that names the file.

    Raises:
        SequenceError: it failed; the sentence says what was `expected`.
    """
    try:
        return read()
    except SpectrackError:
        raise
    except Exception as error:  # there are as many ways to fail as bytes in a damaged file
        raise unreadable(path, expected, error) from error
