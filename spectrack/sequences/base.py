"""Sequence: lazily read hyperspectral video, an indexable list of cubes with metadata and, maybe, truth."""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spectrack.boxes import Box, Boxes, as_box
from spectrack.calibration.calibration import Unit
from spectrack.cube import Cube
from spectrack.errors import SequenceError
from spectrack.false_colour import DEFAULT_RULE, apply_matrix, false_colour_matrix, to_display
from spectrack.files.fingerprints import Ingredients, array_digest, values_digest
from spectrack.sequences.frames import Frame, PicturedFrame, Window


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
