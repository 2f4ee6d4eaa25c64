"""Array files as sequences: .npy, .npz, .mat (v5 and v7.3), HDF5 and multi-page TIFF.

One file holds all frames, or a folder holds one file a frame. Memory-mapped files are never copied whole; HDF5 and
uncompressed TIFF are read frame by frame; .npz members and .mat v5 variables have to be decoded whole, once.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from collections.abc import Sequence as SequenceOf
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spectrack.cube import without_no_data
from spectrack.errors import SequenceError
from spectrack.files.fingerprints import Ingredients
from spectrack.sequences.array_files import KEPT_KINDS, ArraySource
from spectrack.sequences.axes import AxisEvidence, check_axes, infer_axes
from spectrack.sequences.base import FileSequence, Sequence
from spectrack.sequences.frame_files import frame_mismatch, numbers_of
from spectrack.sequences.frames import ArrayFrame, Frame, MosaicFrame
from spectrack.sequences.mosaics import MosaicPattern

_LARGEST_FRAME = 2**30


class ArraySequence(Sequence):
    """All frames in one array.

    Args:
        source: the array, opened lazily.
        axes: its order, such as ``thwb``; without t it is one frame, without b its frames are mosaics.
        pattern: the mosaic pattern; needed when `axes` has no b.
        no_data: what stands where there is no data; None for what the file itself tells.
        name: name of the sequence.
    """

    def __init__(
        self,
        source: ArraySource,
        axes: str,
        *,
        pattern: MosaicPattern | None = None,
        no_data: float | None = None,
        name: str,
    ) -> None:
        self._source = source
        self._axes = check_axes(axes, len(source.shape), where=source.where)
        self._pattern = pattern
        self.name = name
        size = dict(zip(self._axes, source.shape, strict=True))
        self._length, self.no_data = size.get("t", 1), source.no_data if no_data is None else no_data
        check_numbers(source.dtype, source.where)
        check_frame_size(source, [size[letter] for letter in "hwb" if letter in size])
        if not self._length or 0 in source.shape:
            raise SequenceError(
                f"expected frames in {source.where}, found an empty array of shape {source.shape}; write the file again"
            )
        self._kept: tuple[int, Frame] | None = None
        self.height, self.width, self.bands = self.frame(0).shape

    def __len__(self) -> int:
        return self._length

    def frame(self, i: int) -> Frame:
        """Frame `i`; a memory-mapped array is not copied."""
        i = self._index(i)
        if self._kept is not None and self._kept[0] == i:
            return self._kept[1]
        index = tuple(i if letter == "t" else slice(None) for letter in self._axes)
        frame = as_frame(self._source.read(index), self._axes.replace("t", ""), self._pattern, self.no_data)
        if not self._source.mapped:
            self._kept = (i, frame)
        return frame

    def _frames_made_of(self) -> Ingredients:
        variable = self._source.where.removeprefix(str(self._source.path))
        return Ingredients((self._source.path,), [self._axes, variable, _values(self._pattern)])


class ArrayFolderSequence(FileSequence):
    """One array file a frame.

    Args:
        files: the frames in order.
        open_source: opens the array of one of them.
        variables: name of the array in each file, None where a file holds one. A .npz of one member a frame is one file
            with their names.
        axes: order of one frame's axes (hwb, bhw, ..., or hw for a mosaic); None to infer it.
        evidence: what is known for inferring it.
        pattern: the mosaic pattern; needed for mosaics.
        no_data: what stands where there is no data; None for what the first file itself tells.
        name: name of the sequence.
    """

    def __init__(
        self,
        files: list[Path],
        open_source: Callable[[Path, str | None], ArraySource],
        *,
        variables: SequenceOf[str | None],
        axes: str | None,
        evidence: AxisEvidence,
        pattern: MosaicPattern | None = None,
        no_data: float | None = None,
        name: str,
    ) -> None:
        self._files, self._variables, self._open_source, self._pattern = files, variables, open_source, pattern
        self.name = name
        first = open_source(files[0], variables[0])
        check_numbers(first.dtype, first.where)
        check_frame_size(first, first.shape)
        order = (
            axes.lower().replace("t", "")
            if axes
            else infer_axes(first.shape, evidence, one_frame=True, where=first.where)
        )
        self._axes = check_axes(order, len(first.shape), where=first.where)
        self._shape, self.no_data = first.shape, first.no_data if no_data is None else no_data
        self._kept: tuple[int, Frame] | None = None
        self.height, self.width, self.bands = self.frame(0).shape

    def __len__(self) -> int:
        return len(self._files)

    def frame(self, i: int) -> Frame:
        """Frame `i`, opened on demand; the last one is kept open."""
        i = self._index(i)
        if self._kept is not None and self._kept[0] == i:
            return self._kept[1]
        self._kept = (i, self._read(self._files[i], self._variables[i]))
        return self._kept[1]

    def frame_of(self, file: Path) -> Frame:
        """See `FileSequence.frame_of`."""
        return self._read(file, self._variables[0])

    @property
    def frame_numbers(self) -> list[int] | None:
        """See `Sequence.frame_numbers`."""
        return numbers_of(self._files)

    def _read(self, file: Path, variable: str | None) -> Frame:
        source = self._open_source(file, variable)
        if source.shape != self._shape:
            raise frame_mismatch(file, source.shape, self._shape, self._files[0])
        check_numbers(source.dtype, source.where)
        check_frame_size(source, source.shape)
        whole = source.read((slice(None),) * len(self._shape))
        return as_frame(whole, self._axes, self._pattern, self.no_data)

    def _frames_made_of(self) -> Ingredients:
        # A .npz with a member a frame comes once a frame; it need not be read as often.
        files = tuple(dict.fromkeys(self._files))
        return Ingredients(files, [self._axes, self._variables, _values(self._pattern)])


def _values(pattern: MosaicPattern | None) -> list[Any] | None:
    return None if pattern is None else pattern.values


def as_frame(array: NDArray[Any], axes: str, pattern: MosaicPattern | None, no_data: float | None = None) -> Frame:
    """One frame's array as a `Frame`, without copying.

    Args:
        array: with the axes named by `axes`.
        axes: h, w and maybe b in any order.
        pattern: for mosaics (no b).
        no_data: what stands where there is no data.
    """
    wanted = "hwb" if "b" in axes else "hw"
    ordered = np.asarray(array).transpose([axes.index(letter) for letter in wanted])
    if "b" in axes:
        return ArrayFrame(ordered, no_data)
    if pattern is None:
        raise SequenceError("expected the camera of these mosaics, found none; name it with sensor=... (--sensor)")
    counts = ordered if no_data is None else without_no_data(ordered, no_data)
    frame = MosaicFrame(pattern.active(counts, "the array"), pattern.block, pattern.bands)
    frame.no_data = no_data
    return frame


def check_numbers(dtype: np.dtype[Any], where: str) -> None:
    """Refuse arrays of anything but real numbers."""
    if dtype.kind not in KEPT_KINDS:
        raise SequenceError(
            f"expected integers or floats in {where}, found type {dtype}; store the raw counts as real numbers"
        )


def check_frame_size(source: ArraySource, shape: SequenceOf[int]) -> None:
    """Refuse a frame that would take more than 1 GiB when it is decoded: a damaged header can claim any size.

    Memory-mapped arrays are as large as their files and cost nothing until they are looked at.
    """
    size = math.prod(shape) * source.dtype.itemsize
    if not source.mapped and size > _LARGEST_FRAME:
        raise SequenceError(
            f"expected frames below 1 GiB in {source.where}, found {size / 2**30:.3g} GiB a frame (shape "
            f"{tuple(source.shape)}); name the right axes with axes=... (--axes), or write the file again"
        )
