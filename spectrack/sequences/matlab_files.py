"""MATLAB files of version 5 (and 4) and 7.3: variables, fields of structs and elements of cells, by one kind of name.

``video`` is a variable, ``data/cube`` (or ``data.cube``) a field of the struct ``data``, ``frames/3`` the third element
of the cell array ``frames``, ``shots/image/3`` the field ``image`` of the third of an array of structs.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spectrack.sequences.array_files import ArraySource, LoadedSource, Members, frames_only, guarded, pick_variable
from spectrack.sequences.hdf5_files import mat73_members, open_mat73

# whosmat tells MATLAB's class; the exact type on disk may be narrower and is known after loading.
_TYPES = {"single": "f4", "double": "f8", "int8": "i1", "int16": "i2", "int32": "i4", "int64": "i8"}
_TYPES |= {"uint8": "u1", "uint16": "u2", "uint32": "u4", "uint64": "u8", "logical": "?"}
_NESTED = ("struct", "cell")
_DEEPEST = 6


def open_mat(path: Path, variable: str | None = None) -> ArraySource:
    """One variable, field or element of a MATLAB file."""
    if _is_hdf5(path):
        return open_mat73(path, _with_slashes(variable, mat73_members(path)))
    members = _members(path, None if variable is None else variable.replace(".", "/").split("/")[0])
    chosen = pick_variable(frames_only(members), _with_slashes(variable, members), path, members)
    return LoadedSource(path, chosen, *members[chosen], load=functools.partial(_load, path, chosen))


def mat_members(path: Path) -> Members:
    """Shape and type of the arrays in a MATLAB file, by name; inside structs and cells where no variable is one."""
    return mat73_members(path) if _is_hdf5(path) else _members(path, None)


def _is_hdf5(path: Path) -> bool:
    import h5py

    return guarded(path, "a MATLAB file", lambda: bool(h5py.is_hdf5(path)))


def _with_slashes(variable: str | None, members: Members) -> str | None:
    """MATLAB writes ``data.cube`` what is ``data/cube`` here."""
    slashed = None if variable is None else variable.replace(".", "/")
    return slashed if slashed in members else variable


def _members(path: Path, root: str | None) -> Members:
    """Arrays by name; structs and cells have to be loaded whole, so only `root`, or all where no variable is frames."""
    from scipy.io import whosmat

    listed = guarded(path, "a MATLAB file of version 5 or 7.3", lambda: list(whosmat(str(path))))
    members: Members = {name: (tuple(shape), np.dtype(_TYPES.get(kind, "O"))) for name, shape, kind in listed}
    nested = [name for name, _, kind in listed if kind in _NESTED and root in (None, name)]
    if root is not None or not frames_only(members):
        for name in nested:
            for inner, array in _walk(name, _load_variable(path, path.stat().st_mtime_ns, name), 0):
                members[inner] = array.shape, array.dtype
    return members


@functools.lru_cache(maxsize=1)
def _load_variable(path: Path, _: int, name: str) -> Any:
    """A struct or cell array; the last one is kept, because each of its frames is asked for by itself."""
    from scipy.io import loadmat

    return guarded(path, f"a complete variable {name!r}", lambda: loadmat(path, variable_names=[name])[name])


def _load(path: Path, variable: str) -> NDArray[Any]:
    if "/" in variable:
        nested = _load_variable(path, path.stat().st_mtime_ns, variable.split("/")[0])
        return next(array for name, array in _walk(variable.split("/")[0], nested, 0) if name == variable)
    from scipy.io import loadmat

    return np.asarray(loadmat(path, variable_names=[variable])[variable])


def _walk(name: str, value: Any, depth: int) -> Iterator[tuple[str, NDArray[Any]]]:
    """The arrays of numbers inside a struct or cell array, as `loadmat` gives them, by name."""
    if not isinstance(value, np.ndarray) or depth > _DEEPEST:
        return
    if value.dtype.names is not None:
        for field in value.dtype.names:
            yield from _elements(f"{name}/{field}", value[field], depth)
    elif value.dtype == object:
        for number, element in enumerate(value.reshape(-1, order="F"), start=1):
            yield from _walk(f"{name}/{number}", element, depth + 1)
    else:
        yield name, value


def _elements(name: str, field: NDArray[Any], depth: int) -> Iterator[tuple[str, NDArray[Any]]]:
    """A field of one struct, or of each in an array of structs."""
    if field.size == 1:
        yield from _walk(name, field.reshape(-1)[0], depth + 1)
    else:
        yield from _walk(name, field, depth + 1)
