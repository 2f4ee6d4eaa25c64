"""One reading of every frame for several trackers: what one of them has looked at, the others need not read again."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spectrack.cube import Cube
from spectrack.files.fingerprints import Ingredients
from spectrack.sequences.base import Sequence
from spectrack.sequences.frames import ArrayFrame, CubeFrame, Frame, no_data_of

_TILE = 64


class SharedFrame(CubeFrame):
    """A frame of which every pixel is read, and de-interleaved, once at most, in tiles as they are looked at.

    Args:
        frame: where it is read.

    Attributes:
        memory: what trackers found in the frame as a whole, see `spectrack.sequences.frames.remembered`.
    """

    def __init__(self, frame: Frame) -> None:
        self._frame, self.shape, self.no_data = frame, frame.shape, no_data_of(frame)
        self.memory: dict[Hashable, Any] = {}
        height, width, _ = frame.shape
        self._read = np.zeros((-(-height // _TILE), -(-width // _TILE)), dtype=bool)
        self._cube: NDArray[Any] | None = None

    def window(self, x0: int, y0: int, x1: int, y1: int) -> Cube:
        """Values of columns x0..x1-1 and rows y0..y1-1, a copy of its own."""
        self._check_window(x0, y0, x1, y1)
        return self._filled(x0, y0, x1, y1)[y0:y1, x0:x1].copy()

    def whole(self) -> Cube:
        """The whole cube; not to be written to."""
        height, width, _ = self.shape
        return self._filled(0, 0, width, height)

    def in_memory(self) -> ArrayFrame:
        """See `CubeFrame.in_memory`."""
        return ArrayFrame(self.whole(), self.no_data)

    def _filled(self, x0: int, y0: int, x1: int, y1: int) -> NDArray[Any]:
        """The cube, read at least in this window."""
        height, width, _ = self.shape
        if self._cube is None:
            # Pages that nobody looks at are never touched.
            self._cube = np.empty(self.shape, dtype=self._frame.window(x0, y0, x0 + 1, y0 + 1).dtype)
        for row in range(y0 // _TILE, -(-y1 // _TILE)):
            missing = np.flatnonzero(~self._read[row, x0 // _TILE : -(-x1 // _TILE)]) + x0 // _TILE
            # Neighbours are read in one go.
            for run in np.split(missing, np.flatnonzero(np.diff(missing) > 1) + 1) if len(missing) else ():
                left, right = int(run[0]) * _TILE, min((int(run[-1]) + 1) * _TILE, width)
                top, bottom = row * _TILE, min((row + 1) * _TILE, height)
                self._cube[top:bottom, left:right] = self._frame.window(left, top, right, bottom)
                self._read[row, run] = True
        return self._cube


class SharedSequence(Sequence):
    """A sequence that hands the same frame out until another one is asked for.

    Args:
        source: where frames come from.
    """

    def __init__(self, source: Sequence) -> None:
        self.source = source
        for name in ("name", "height", "width", "bands", "wavelengths_nm", "sensor", "fps", "visibility", "attributes"):
            setattr(self, name, getattr(source, name))
        self.is_rgb, self.no_data, self.unit = source.is_rgb, source.no_data, source.unit
        self._pictures, self._truth, self._first_box = source._pictures, source._truth, source._first_box
        self._kept: tuple[int, SharedFrame] | None = None

    def __len__(self) -> int:
        return len(self.source)

    def frame(self, i: int) -> SharedFrame:
        """Frame `i`; the last one is kept."""
        i = self._index(i)
        if self._kept is None or self._kept[0] != i:
            self._kept = (i, SharedFrame(self.source.frame(i)))
        return self._kept[1]

    def made_of(self) -> Ingredients:
        """What the source is made of."""
        return self.source.made_of()
