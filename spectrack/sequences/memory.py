"""A sequence of cubes that are in memory: for scripts, tests and the writers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spectrack.cube import Cube, check_cube
from spectrack.errors import SequenceError
from spectrack.sequences.base import Sequence
from spectrack.sequences.frames import ArrayFrame


class MemorySequence(Sequence):
    """Cubes in memory as a sequence.

    Args:
        cubes: frames of one shape (height, width, bands), or one array (frames, height, width, bands).
        name: name of the sequence.
        truth: (frames, 4) boxes, or None.
        wavelengths_nm: band centres in nm, or None.
        sensor: name of the camera, or None.
        fps: frames per second.

    Raises:
        SequenceError: no cubes, or cubes of different sizes.
        CubeError: one of them is no cube; the message counts frames from 0.

    Example:
        >>> sequence = MemorySequence(np.zeros((5, 8, 10, 16), np.uint16))
        >>> len(sequence), sequence.height, sequence.width, sequence.bands
        (5, 8, 10, 16)
    """

    def __init__(
        self,
        cubes: Iterable[Cube],
        *,
        name: str = "sequence",
        truth: ArrayLike | None = None,
        wavelengths_nm: Iterable[float] | None = None,
        sensor: str | None = None,
        fps: float = 25.0,
    ) -> None:
        self._cubes: list[NDArray[Any]] = [np.asarray(cube) for cube in cubes]
        if not self._cubes:
            raise SequenceError("expected at least one cube, found none; give a list of (height, width, bands) arrays")
        for i, cube in enumerate(self._cubes):
            check_cube(cube, name=f"frame {i}")
            if cube.shape != self._cubes[0].shape or cube.dtype != self._cubes[0].dtype:
                raise SequenceError(
                    f"expected every frame to be like frame 0, {self._cubes[0].shape} of {self._cubes[0].dtype}, "
                    f"found {cube.shape} of {cube.dtype} at frame {i}; give frames of one size and type"
                )
        self.height, self.width, self.bands = self._cubes[0].shape
        self.name, self.sensor, self.fps = name, sensor, fps
        self.wavelengths_nm = None if wavelengths_nm is None else tuple(float(value) for value in wavelengths_nm)
        self.truth = None if truth is None else np.asarray(truth, dtype=np.float64)

    def __len__(self) -> int:
        return len(self._cubes)

    def frame(self, i: int) -> ArrayFrame:
        """Frame `i`, not copied."""
        return ArrayFrame(self._cubes[self._index(i)])
