"""Sequence and Frame: lazily read hyperspectral video, and access to one frame that costs only the window asked for.

A `Sequence` is an indexable list of cubes with metadata and, maybe, truth. A `Frame` is what trackers take: it knows
its shape and gives windows, so a mosaic is de-interleaved only where the tracker looks.
"""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterator
from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from spectrack.boxes import Box, Boxes, as_box
from spectrack.calibration.calibration import Unit
from spectrack.cube import Cube, mosaic_to_cube, without_no_data
from spectrack.errors import CubeError, InputError, SequenceError
from spectrack.false_colour import DEFAULT_RULE, apply_matrix, false_colour_matrix, to_display
from spectrack.files.fingerprints import Ingredients, array_digest, values_digest

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


class Sequence(ABC):
    """A lazily read video of cubes. A subclass sets the attributes below and gives `__len__` and `frame`.

    Attributes:
        name: how the sequence is called in tables and file names.
        height, width, bands: size of every cube, in cube pixels and bands.
        wavelengths_nm: band centres in nm, or None when unknown; never guessed.
        sensor: name of the camera (see `spectrack.sensors`), or None when unknown.
        fps: frames per second; 25 where nothing says otherwise.
        no_data: what the files say where they have no data, or None; the frames have 0 there, no light.
        unit: what the numbers are: counts, or reflectance after a calibration.
        exposure_ms: exposure of the frames in milliseconds, or None when unknown.
        gain_db: gain of the camera in dB, or None when unknown.
        visibility: (N,) share of the object that is seen, 0..1, or None.
        attributes: abbreviations such as ``("SV", "OCC")``; empty when unknown.
        is_rgb: True for ordinary footage whose three bands are red, green and blue, 8 bit.
        faults: what side files say that cannot be used, a sentence each; the frames are read all the same.
        truth_fault: why truth that lies beside the frames is not used, in a sentence, or None.
        copy_of: what the frames are a copy of, where they are one that comes and goes; its content counts, not theirs.
        metadata: whatever else the writer recorded (for simulated video: scenario, seed, ...); JSON-serialisable.
    """

    name: str = "sequence"
    height: int
    width: int
    bands: int
    wavelengths_nm: tuple[float, ...] | None = None
    sensor: str | None = None
    fps: float = 25.0
    no_data: float | None = None
    unit: Unit = "counts"
    exposure_ms: float | None = None
    gain_db: float | None = None
    visibility: NDArray[np.float64] | None = None
    attributes: tuple[str, ...] = ()
    is_rgb: bool = False
    faults: tuple[str, ...] = ()
    truth_fault: str | None = None
    copy_of: Ingredients | None = None

    _truth: Boxes | None = None
    _truth_source: str = "its truth"
    _first_box: Box | None = None
    _metadata: dict[str, Any] | None = None
    _pictures: Callable[[int], NDArray[np.uint8]] | None = None
    _display: dict[str, tuple[NDArray[np.float32], float]] | None = None

    @abstractmethod
    def __len__(self) -> int:
        """Number of frames."""

    @abstractmethod
    def frame(self, i: int) -> Frame:
        """Frame `i` (0 .. len - 1, or negative from the end) for reading by windows.

        Raises:
            IndexError: no such frame; the iteration protocol relies on this class.
            SpectrackError: the file is damaged or does not fit the sequence; the message names it.
        """

    @property
    def has_pictures(self) -> bool:
        """Whether the data set has false-colour images of its own."""
        return self._pictures is not None

    def pictured_frame(self, i: int) -> Frame:
        """Frame `i` as a `PicturedFrame` where the data set has false-colour images of its own, else as `frame`."""
        pictures = self._pictures
        if pictures is None:
            return self.frame(i)
        return PicturedFrame(self.frame(i), functools.partial(pictures, self._index(i)))

    def __getitem__(self, i: int) -> Cube:
        return self.frame(i).whole()

    def __iter__(self) -> Iterator[Cube]:
        for i in range(len(self)):
            yield self[i]

    def read(self, i: int, window: Window | None = None) -> Cube:
        """Raw values of frame `i`, as stored; with a window, only that part is de-interleaved or copied.

        Args:
            i: frame index from 0.
            window: ``(x0, y0, x1, y1)`` in cube pixels, inside the frame; None for the whole frame.

        Returns:
            (y1 - y0, x1 - x0, bands), or (height, width, bands) without a window.
        """
        return self.frame(i).whole() if window is None else self.frame(i).window(*window)

    @property
    def truth(self) -> Boxes | None:
        """Truth boxes, (len, 4) float64 in cube pixels, or None when there are none.

        Truth with more rows than frames is cut to the frames; one with fewer rows, that the caller named, is refused
        here, where the boxes are asked for, and not on opening.

        Raises:
            SequenceError: fewer truth rows than frames.
        """
        if self._truth is None:
            return None
        if len(self._truth) < len(self):
            raise SequenceError(
                f"expected a truth box for each of the {len(self)} frames of {self.name!r}, "
                f"found {len(self._truth)} rows in {self._truth_source}; "
                "complete the file, or name it init_rect.txt when only the first box is known"
            )
        return self._truth[: len(self)]

    @truth.setter
    def truth(self, boxes: Boxes | None) -> None:
        self._truth = None if boxes is None else np.asarray(boxes, dtype=np.float64).reshape(-1, 4)

    def needed_truth(self) -> Boxes:
        """The truth, for what cannot do without.

        Raises:
            SequenceError: there is none; the sentence says why that beside the frames is not used.
        """
        if self.truth is None:
            raise SequenceError(
                self.truth_fault
                or f"expected a truth box for every frame of {self.name}, found no truth; add groundtruth_rect.txt"
            )
        return self.truth

    @property
    def frame_numbers(self) -> list[int] | None:
        """The numbers in the names of the frame files, one a frame; None where frames are no numbered files."""
        return None

    @property
    def first_box(self) -> Box | None:
        """The box of frame 0: the first truth row, else the one of an init_rect file, else None.

        Raises:
            BoxError: that box has no area or is not finite.
            SequenceError: there is none, and truth beside the frames that cannot be used.
        """
        if self._truth is not None and len(self._truth):
            return as_box(self._truth[0])
        if self._first_box is None and self.truth_fault is not None:
            raise SequenceError(self.truth_fault)
        return None if self._first_box is None else as_box(self._first_box)

    @property
    def metadata(self) -> dict[str, Any]:
        """What the writer recorded besides (scenario, seed, ...); empty when nothing is known."""
        return self._metadata or {}

    @metadata.setter
    def metadata(self, values: dict[str, Any]) -> None:
        self._metadata = values

    def false_colour(self, i: int, rule: str | None = None) -> NDArray[np.uint8]:
        """Frame `i` as a picture for people.

        Args:
            i: frame index from 0.
            rule: a rule of `spectrack.false_colour`; None takes the dataset's own false-colour image (or the RGB frame
                itself) where there is one, else the default rule.

        Returns:
            (height, width, 3) uint8 in R, G, B order. A rule uses one white level for the whole sequence, taken from
            frame 0, so that changes of light stay visible.
        """
        if rule is None and self.is_rgb:
            return np.asarray(self[i], dtype=np.uint8)
        if rule is None and self._pictures is not None:
            return self._pictures(i)
        matrix, white = self.display_of(rule or DEFAULT_RULE)
        return to_display(apply_matrix(self[i], matrix), white=white)

    def display_of(self, rule: str) -> tuple[NDArray[np.float32], float]:
        """How a rule shows this sequence: its (bands, 3) matrix, and the value that is white, both from frame 0."""
        if self._display is None:
            self._display = {}
        if rule not in self._display:
            first = self[0]
            matrix = false_colour_matrix(rule, self.bands, wavelengths_nm=self.wavelengths_nm, cube=first)
            self._display[rule] = matrix, float(np.percentile(apply_matrix(first, matrix), 99.5))
        return self._display[rule]

    def made_of(self) -> Ingredients:
        """Everything that decides what a tracker sees of the sequence, for telling whether it is still the same."""
        if self.copy_of is not None:
            return self.copy_of
        frames, pictures = self._frames_made_of(), getattr(self._pictures, "files", ())
        facts = len(self), self.height, self.width, self.bands, self.wavelengths_nm, self.is_rgb, len(pictures)
        known = [] if self.no_data is None else [repr(self.no_data)]
        return Ingredients((*frames.files, *pictures), [frames.values, *facts, *known])

    @property
    def places(self) -> tuple[Path, ...]:
        """The file that frames are read from, or the folders of several; empty where they are in memory or made."""
        told = type(self)._frames_made_of is not Sequence._frames_made_of
        files = self._frames_made_of().files if told else ()
        return files if len(files) == 1 else tuple(dict.fromkeys(file.parent for file in files))

    def truth_digest(self) -> str:
        """Digest of what is known besides the frames: truth, visibility and attributes.

        Raises:
            SequenceError: fewer truth rows than frames.
        """
        arrays = (self.truth, self._first_box, self.visibility)
        return values_digest([[None if rows is None else array_digest(rows) for rows in arrays], list(self.attributes)])

    def _frames_made_of(self) -> Ingredients:
        """What the frames are read or made from; every pixel, where a kind of sequence does not say it otherwise."""
        return Ingredients(values=[array_digest(cube) for cube in self])

    def __repr__(self) -> str:
        return (
            f"<{type(self).__name__} {self.name!r}: {len(self)} frames of {self.width} x {self.height} x {self.bands}>"
        )

    def _index(self, i: int) -> int:
        """A valid index from 0, counting negative ones from the end."""
        if not -len(self) <= i < len(self):
            raise IndexError(f"expected a frame index below {len(self)} for {self.name!r}, found {i}")
        return int(i) % len(self)


class FileSequence(Sequence):
    """A sequence with a file a frame, which reads other files of the same kind as well: those that came later."""

    @abstractmethod
    def frame_of(self, file: Path) -> Frame:
        """The frame in a file.

        Raises:
            SpectrackError: the file is damaged, not yet whole, or does not fit the sequence.
        """
