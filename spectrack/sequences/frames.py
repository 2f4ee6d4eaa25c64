"""Frame: access to one frame of a video that costs only the window asked for.

It is what trackers take: it knows its shape and gives windows, so a mosaic is de-interleaved only where the tracker
looks.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable
from typing import Any, Protocol, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from spectrack.cube import Cube, mosaic_to_cube, without_no_data
from spectrack.errors import CubeError, InputError

Found = TypeVar("Found")

Window = tuple[int, int, int, int]
"""``(x0, y0, x1, y1)`` in cube pixels; x1 and y1 are exclusive."""


@runtime_checkable
class Frame(Protocol):
    """One frame of a sequence, read where it is asked for."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and bands of the cube."""

    def window(self, x0: int, y0: int, x1: int, y1: int) -> Cube:
        """Raw values of columns x0..x1-1 and rows y0..y1-1: (y1 - y0, x1 - x0, bands), a copy of its own."""

    def whole(self) -> Cube:
        """The whole cube, (height, width, bands); it may share memory with the file, so it must not be written to."""

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Cube: ...


@runtime_checkable
class HasPlanes(Protocol):
    """A frame that gives single bands without the others."""

    def plane(self, band: int, step: int = 1) -> NDArray[Any]:
        """Raw values of one band at every `step`-th row and column, not to be written to."""


class CubeFrame(ABC):
    """What all kinds of frame share: the window check and NumPy's array protocol.

    Attributes:
        no_data: not None where a pixel that is 0 in every band has no data; see `Sequence.no_data`.
    """

    shape: tuple[int, int, int]
    no_data: float | None = None

    @abstractmethod
    def whole(self) -> Cube:
        """The whole cube, (height, width, bands)."""

    def plane(self, band: int, step: int = 1) -> NDArray[Any]:
        """Raw values of one band at every `step`-th row and column, not to be written to."""
        return self.whole()[::step, ::step, band]

    @abstractmethod
    def in_memory(self) -> Frame:
        """The same frame with values of its own, which stay when the file or the buffer that they came from changes."""

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Cube:
        cube = self.whole()
        return np.array(cube, dtype=dtype) if copy else np.asarray(cube, dtype=dtype)

    def __repr__(self) -> str:
        height, width, bands = self.shape
        return f"{type(self).__name__}(height={height}, width={width}, bands={bands})"

    def _check_window(self, x0: int, y0: int, x1: int, y1: int) -> None:
        height, width, _ = self.shape
        if not (0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height):
            raise InputError(
                f"expected a window (x0, y0, x1, y1) with pixels inside the frame of {width} x {height} cube pixels, "
                f"found ({x0}, {y0}, {x1}, {y1}); cut it to the frame"
            )


class ArrayFrame(CubeFrame):
    """A frame that is an array already, in memory or mapped from a file.

    Args:
        cube: (height, width, bands); any strides and byte order, so a transposed memory map will do.
        no_data: what the file says where it has no data; 0 is handed out there.
    """

    def __init__(self, cube: NDArray[Any], no_data: float | None = None) -> None:
        if cube.ndim != 3:
            raise CubeError(
                f"expected a frame of shape (height, width, bands), found {cube.shape}; give one hyperspectral frame"
            )
        # Plain ndarray: slicing the memmap subclass runs Python code on every slice.
        self._cube, self.no_data = np.asarray(cube), no_data
        self.shape: tuple[int, int, int] = self._cube.shape

    def window(self, x0: int, y0: int, x1: int, y1: int) -> Cube:
        """Raw values of columns x0..x1-1 and rows y0..y1-1, copied: (y1 - y0, x1 - x0, bands), native byte order."""
        self._check_window(x0, y0, x1, y1)
        part = self._cube[y0:y1, x0:x1]
        raw = np.array(part, dtype=part.dtype.newbyteorder("="), order="C")
        return raw if self.no_data is None else without_no_data(raw, self.no_data)

    def whole(self) -> Cube:
        """The cube itself, not copied unless its byte order is foreign."""
        cube = self._cube if self._cube.dtype.isnative else self._cube.astype(self._cube.dtype.newbyteorder("="))
        return cube if self.no_data is None else without_no_data(cube, self.no_data)

    def in_memory(self) -> ArrayFrame:
        """See `CubeFrame.in_memory`."""
        return ArrayFrame(np.array(self._cube), self.no_data)


class MosaicFrame(CubeFrame):
    """A decoded snapshot mosaic that is de-interleaved window by window.

    Args:
        mosaic: (height * block, width * block), any number type.
        block: side of the mosaic pattern.
        bands: keep the first `bands` of the block * block (15 for RedNIR).
    """

    def __init__(self, mosaic: NDArray[Any], block: int, bands: int | None = None) -> None:
        if mosaic.ndim != 2 or mosaic.shape[0] % block or mosaic.shape[1] % block:
            mosaic_to_cube(mosaic, block)  # raises the sentence that fits
        self._mosaic = np.asarray(mosaic)
        self._block = block
        self.shape = (mosaic.shape[0] // block, mosaic.shape[1] // block, block * block if bands is None else bands)

    def window(self, x0: int, y0: int, x1: int, y1: int) -> Cube:
        """Raw values of columns x0..x1-1 and rows y0..y1-1; only this part of the mosaic is read."""
        self._check_window(x0, y0, x1, y1)
        block = self._block
        return mosaic_to_cube(
            self._mosaic[y0 * block : y1 * block, x0 * block : x1 * block], block, bands=self.shape[2]
        )

    def whole(self) -> Cube:
        """The whole cube, de-interleaved."""
        return mosaic_to_cube(self._mosaic, self._block, bands=self.shape[2])

    def plane(self, band: int, step: int = 1) -> NDArray[Any]:
        """Raw values of one band at every `step`-th row and column; nothing else is read."""
        row, column = divmod(band, self._block)
        return self._mosaic[row :: self._block * step, column :: self._block * step]

    def in_memory(self) -> MosaicFrame:
        """See `CubeFrame.in_memory`."""
        copy = MosaicFrame(np.array(self._mosaic), self._block, self.shape[2])
        copy.no_data = self.no_data
        return copy


def no_data_of(frame: Frame) -> float | None:
    """Not None where a pixel of a frame that is 0 in every band has no data; a foreign kind of frame says nothing."""
    found: float | None = getattr(frame, "no_data", None)
    return found


def remembered(frame: Frame, key: Hashable, find: Callable[[], Found]) -> Found:
    """What is found in a frame, kept with it where several trackers look at it (see `sequences.shared`).

    Args:
        frame: where.
        key: tells what is found, and by what means, from everything else.
        find: finds it.
    """
    memory: dict[Hashable, Any] | None = getattr(frame, "memory", None)
    if memory is None:
        return find()
    if key not in memory:
        memory[key] = find()
    found: Found = memory[key]
    return found


class PicturedFrame:
    """A frame with the data set's own false-colour image of it.

    Args:
        frame: the cube.
        picture: gives the image, (height, width, 3) uint8 in R, G, B order; asked only when it is wanted.
    """

    def __init__(self, frame: Frame, picture: Callable[[], NDArray[np.uint8]]) -> None:
        self._frame, self.picture = frame, picture
        self.shape: tuple[int, int, int] = frame.shape
        self.no_data: float | None = no_data_of(frame)
        self.memory: dict[Hashable, Any] | None = getattr(frame, "memory", None)

    def window(self, x0: int, y0: int, x1: int, y1: int) -> Cube:
        """See `Frame.window`."""
        return self._frame.window(x0, y0, x1, y1)

    def whole(self) -> Cube:
        """See `Frame.whole`."""
        return self._frame.whole()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Cube:
        return self._frame.__array__(dtype, copy)
