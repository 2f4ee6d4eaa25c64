"""Frames that a program gives: from a generator, any other iterable, or a function that is called for each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spectrack.errors import CubeError, SequenceError
from spectrack.sensors import Sensor, get_sensor
from spectrack.sequences.arrays import as_frame, check_numbers
from spectrack.sequences.axes import check_axes
from spectrack.sequences.frames import Frame
from spectrack.sequences.mosaics import MosaicPattern
from spectrack.sources.base import Captured, FrameSource, Policy, in_memory

Given = NDArray[Any] | Frame | Captured
"""A raw frame of a program: an array, a `Frame`, or a `Captured` with a time of its own."""


class GivenSource(FrameSource):
    """Frames from a generator, an iterable, or a function without arguments that gives None at the end.

    An array is a cube (height, width, bands), or a mosaic (rows, columns) where the sensor has one; it is copied, so a
    camera's buffer may be filled again. The first frame is asked for at once: it tells the size.

    Args:
        frames: where they come from.
        sensor: name of the camera, or a `Sensor` of one's own, whose band centres are taken over.
        axes: order of an array's axes where it is another, such as ``bhw``.
        wavelengths_nm: band centres in nm.
        no_data: what stands where there is no data; frames have 0 there.
        name: how the source is called.
        policy: what becomes of frames that come too fast; ``all`` lets the program wait.

    Raises:
        SequenceError: no frame, or one that is none.
        CubeError: an array that is neither a cube nor a mosaic.
        ConfigError: an unknown sensor, or axes that are none.
    """

    def __init__(
        self,
        frames: Iterable[Given] | Callable[[], Given | None],
        *,
        sensor: str | Sensor | None = None,
        axes: str | None = None,
        wavelengths_nm: Iterable[float] | None = None,
        no_data: float | None = None,
        name: str = "source",
        policy: Policy = "all",
    ) -> None:
        super().__init__()
        self._frames = _called(frames) if callable(frames) else iter(frames)
        camera = get_sensor(sensor) if isinstance(sensor, str) else sensor
        self._pattern = MosaicPattern.of_sensor(camera) if camera is not None and camera.block else None
        self._axes, self.no_data = axes, no_data
        self.name = self.where = name
        self.policy = policy
        self._first: Captured | None = self._captured(0, self._asked())
        self.height, self.width, self.bands = self._first.frame.shape
        if camera is not None:
            self.sensor, self.block = camera.name, camera.block
            # Those of a camera that only its name tells are nominal.
            self.wavelengths_nm = camera.centres_nm if isinstance(sensor, Sensor) else None
        if wavelengths_nm is not None:
            self.wavelengths_nm = tuple(float(value) for value in wavelengths_nm)
        known = {"sensor": 0 if camera is None else camera.bands, "wavelengths": len(self.wavelengths_nm or ())}
        for what, bands in known.items():
            if bands not in (0, self.bands):
                raise SequenceError(
                    f"expected frames of the {bands} bands of the {what} from {name}, found {self.bands}; name "
                    f"the right {what}, or the order of the axes"
                )

    def frames(self) -> Iterator[Captured]:
        """See `FrameSource.frames`."""
        first, self._first = self._first, None
        if first is not None:
            yield first
        for index, given in enumerate(self._frames, 1):
            if self.closing.is_set():
                return
            captured = self._captured(index, given)
            self._checked(captured.frame)
            yield captured

    def _asked(self) -> Given:
        first = next(self._frames, None)
        if first is None:
            raise SequenceError(f"expected frames from {self.name}, found none; see that it gives at least one")
        return first

    def _captured(self, index: int, given: Given) -> Captured:
        if isinstance(given, Captured):
            return Captured(index, in_memory(given.frame), given.time, given.clock, given.name)
        if not isinstance(given, np.ndarray) and isinstance(given, Frame):
            return Captured(index, in_memory(given))
        array = np.asarray(given)
        check_numbers(array.dtype, f"frame {index} of {self.name}")
        axes = self._axes or {2: "hw", 3: "hwb"}.get(array.ndim)
        if axes is None:
            raise CubeError(
                f"expected frames (height, width, bands) or mosaics (rows, columns) from {self.name}, found an array "
                f"of shape {array.shape}; give one frame at a time"
            )
        order = check_axes(axes, array.ndim, where=f"frame {index} of {self.name}")
        return Captured(index, in_memory(as_frame(array, order, self._pattern, self.no_data)))


def _called(ask: Callable[[], Given | None]) -> Iterator[Given]:
    while (given := ask()) is not None:
        yield given
