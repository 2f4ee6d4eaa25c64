"""HDF5 files, and those of MATLAB 7.3, which are HDF5: finding the array of frames, and reading it part by part.

Nothing outside the file is read: links, external storage and virtual data sets that lead to other files are refused,
because they would show any file of this machine as pixels.
"""

from __future__ import annotations

import contextlib
import importlib
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spectrack.errors import MissingExtraError, SequenceError
from spectrack.sequences.array_files import (
    ArraySource,
    Index,
    Members,
    as_number,
    frames_only,
    guarded,
    pick_variable,
    unreadable,
)
from spectrack.sequences.growth import check_growth

_NO_DATA_ATTRIBUTES = ("_FillValue", "missing_value", "data_ignore_value", "no_data", "nodata")

_MOST_CELLS = 1_000_000

_FILTERS = {
    305: "LZO",
    307: "bzip2",
    32001: "Blosc",
    32004: "LZ4",
    32008: "Bitshuffle",
    32013: "ZFP",
    32015: "Zstandard",
    32017: "SZ",
    32018: "FCIDECOMP",
    32024: "SZ3",
    32026: "Blosc2",
}
"""Registered numbers of compressions that HDF5 itself does not have."""


@dataclass
class _Contents:
    """What was found in a file.

    Attributes:
        members: shape and type of every array by the name that users give; axes as MATLAB has them where it wrote them.
        places: where those lie in the file that have another name there: the cells and structs of MATLAB.
        outside: names that lead to other files.
    """

    members: Members
    places: dict[str, str]
    outside: list[str]


class Hdf5Source:
    """A data set of an HDF5 file, read part by part. MATLAB writes its axes reversed; `reverse` turns them back."""

    mapped = False
    axes: str | None = None

    def __init__(self, path: Path, variable: str, place: str, *, reverse: bool) -> None:
        self.path, self._variable, self._place, self._reverse = path, variable, place, reverse
        self.where = f"{path} (variable {variable})"
        self._dataset = self._open()
        _check_inside(self._dataset, self.where)
        _check_filters(self._dataset, self.where)
        self.shape = self._dataset.shape[::-1] if reverse else self._dataset.shape
        self.dtype = self._dataset.dtype
        self.no_data = _no_data_of(self._dataset.attrs)
        if self._dataset.chunks:  # a chunk is decoded whole
            check_growth(math.prod(self._dataset.chunks) * self.dtype.itemsize, path.stat().st_size, self.where)

    def read(self, index: Index) -> NDArray[Any]:
        """The part, read from the file."""
        try:
            return np.asarray(self._dataset[index[::-1]]).T if self._reverse else np.asarray(self._dataset[index])
        except OSError as error:
            raise unreadable(self.path, f"a complete data set {self._variable!r}", error) from error

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key != "_dataset"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._dataset = self._open()
        _check_filters(self._dataset, self.where)  # loads the filters of this process

    def _open(self) -> Any:
        import h5py

        return h5py.File(self.path, "r")[self._place]


def open_hdf5(path: Path, variable: str | None = None) -> ArraySource:
    """One data set of an HDF5 file."""
    return _opened(path, variable, reverse=False)


def open_mat73(path: Path, variable: str | None = None) -> ArraySource:
    """One variable of a MATLAB 7.3 file; fields and cells are named as `matlab_files` says."""
    return _opened(path, variable, reverse=True)


def mat73_members(path: Path) -> Members:
    """Shape and type of every array in a MATLAB 7.3 file, by name."""
    return _contents(path, reverse=True).members


def _opened(path: Path, variable: str | None, *, reverse: bool) -> ArraySource:
    found = _contents(path, reverse=reverse)
    if found.outside and (variable in found.outside or not frames_only(found.members)):
        raise SequenceError(
            f"expected the frames inside {path}, found a link to another file ({found.outside[0][:80]}); "
            "copy what it leads to into one file (h5repack, h5copy)"
        )
    chosen = pick_variable(frames_only(found.members), variable, path, found.members)
    place = found.places.get(chosen, chosen)
    return guarded(path, "a complete HDF5 file", lambda: Hdf5Source(path, chosen, place, reverse=reverse))


def _contents(path: Path, *, reverse: bool) -> _Contents:
    import h5py

    def read() -> _Contents:
        found = _Contents({}, {}, [])

        def note(name: str, item: Any) -> None:
            if not isinstance(item, h5py.Dataset) or name.startswith("#"):
                return
            if reverse and h5py.check_ref_dtype(item.dtype) is h5py.Reference:
                _note_cells(name, item, found, depth=0)
            else:
                found.members[name] = _size(item, reverse), item.dtype

        def note_link(name: str, link: Any) -> None:
            if isinstance(link, h5py.ExternalLink):
                found.outside.append(name)

        with h5py.File(path, "r") as file:
            file.visititems(note)
            file.visititems_links(note_link)
        return found

    return guarded(path, "a complete HDF5 file", read)


def _note_cells(name: str, cells: Any, found: _Contents, depth: int) -> None:
    """Note the arrays that a cell array of MATLAB refers to, counted from 1 in its order, and those inside them."""
    import h5py

    if cells.size > _MOST_CELLS or depth > 4 or cells.is_virtual or cells.external:
        return
    for number, reference in enumerate(cells[()].reshape(-1), start=1):
        item = cells.file[reference] if reference else None
        inner = f"{name}/{number}"
        if isinstance(item, h5py.Group):
            for field, member in item.items():
                if isinstance(member, h5py.Dataset):
                    _note_member(f"{inner}/{field}", member, found, depth)
        elif item is not None:
            _note_member(inner, item, found, depth)


def _note_member(name: str, item: Any, found: _Contents, depth: int) -> None:
    import h5py

    if h5py.check_ref_dtype(item.dtype) is h5py.Reference:
        _note_cells(name, item, found, depth + 1)
    else:
        found.members[name], found.places[name] = (_size(item, True), item.dtype), item.name


def _size(item: Any, reverse: bool) -> tuple[int, ...]:
    shape = tuple(item.shape or ())
    return shape[::-1] if reverse else shape


def _check_inside(dataset: Any, where: str) -> None:
    """Refuse a data set whose values lie in other files."""
    sources = dataset.virtual_sources() if dataset.is_virtual else []
    elsewhere = [str(name) for name, *_ in dataset.external or []]
    elsewhere += [str(source.file_name) for source in sources if source.file_name != "."]
    if elsewhere:
        raise SequenceError(
            f"expected the values of {where} inside that file, found them in another, {elsewhere[0][-80:]!r}; "
            "copy them into one file (h5repack)"
        )


def _check_filters(dataset: Any, where: str) -> None:
    """Load the compressions that a data set needs.

    Raises:
        MissingExtraError: one is not installed.
    """
    import h5py

    properties = dataset.id.get_create_plist()
    needed = [properties.get_filter(number)[0] for number in range(properties.get_nfilters())]
    missing = [code for code in needed if not h5py.h5z.filter_avail(code)]
    if missing:
        with contextlib.suppress(ImportError):
            importlib.import_module("hdf5plugin")  # registers its filters
        missing = [code for code in missing if not h5py.h5z.filter_avail(code)]
    if missing:
        name = f"{_FILTERS[missing[0]]} (filter {missing[0]})" if missing[0] in _FILTERS else f"filter {missing[0]}"
        raise MissingExtraError(
            f"expected the compression {name} of {where} to be installed, found it missing from HDF5; "
            "pip install spectrack[hdf5] (the package hdf5plugin), or write the file again with gzip"
        )


def _no_data_of(attributes: Any) -> float | None:
    """What NetCDF's and others' attributes of a data set say stands where there is no data."""
    told = (as_number(attributes.get(name)) for name in _NO_DATA_ATTRIBUTES)
    return next((value for value in told if value is not None), None)
