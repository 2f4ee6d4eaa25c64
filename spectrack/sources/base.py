"""FrameSource: what stands beside `Sequence` where frames come by themselves, with no length and no way back."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from time import time as now
from typing import Any, Literal, get_args

import numpy as np

from spectrack.calibration.calibration import Unit
from spectrack.errors import ConfigError, SequenceError, nearest_name
from spectrack.sequences.base import Sequence
from spectrack.sequences.frames import ArrayFrame, CubeFrame, Frame

Policy = Literal["latest", "all"]
"""What becomes of frames that come faster than they are taken: ``latest`` drops all but the newest, ``all`` waits."""

POLICIES: tuple[Policy, ...] = get_args(Policy)


@dataclass(frozen=True)
class Captured:
    """One frame of a source.

    Attributes:
        index: its number in the source, from 0; a frame that was dropped leaves a gap.
        frame: for a tracker, in memory.
        time: when it was captured, in seconds since 1970 (UTC).
        clock: the same by `time.perf_counter`, from which latency is counted.
        name: of its file, where it has one.
    """

    index: int
    frame: Frame
    time: float = field(default_factory=now)
    clock: float = field(default_factory=perf_counter)
    name: str | None = None


class FrameSource(ABC):
    """Frames that come by themselves. A subclass sets the attributes below and gives `frames`.

    Attributes:
        name: how the source is called in messages and results.
        where: its address as it may be shown: without a password.
        height, width, bands: size of every frame, in cube pixels and bands.
        wavelengths_nm: band centres in nm, or None when unknown.
        sensor: name of the camera, or None when unknown.
        block: side of the mosaic pattern, or None where the frames are no mosaics.
        fps: frames a second as the source announces them, or None.
        is_rgb: whether the three bands are red, green and blue, 8 bit.
        no_data: what stands where there is no data, or None.
        unit: what the numbers are: counts, or reflectance after a calibration.
        places: files and folders that its frames are read from.
        policy: what suits it where nothing else is asked for.
        skips: set, it may pass over all but its newest frame by itself.
        closing: set when nobody wants frames any more.
    """

    name: str = "source"
    where: str = "source"
    height: int
    width: int
    bands: int
    wavelengths_nm: tuple[float, ...] | None = None
    sensor: str | None = None
    block: int | None = None
    fps: float | None = None
    is_rgb: bool = False
    no_data: float | None = None
    unit: Unit = "counts"
    places: tuple[Path, ...] = ()
    policy: Policy = "all"
    skips: bool = False

    def __init__(self) -> None:
        self.closing = threading.Event()

    @abstractmethod
    def frames(self) -> Iterator[Captured]:
        """The frames as they come, once; ends when the source ends or soon after `closing` is set.

        It runs in a thread of its own, see `spectrack.sources.capture`.

        Raises:
            SpectrackError: a frame is damaged or of another size, or the source broke off.
        """

    def close(self) -> None:
        """Let the source go; `frames` ends soon after."""
        self.closing.set()

    def describe(self) -> dict[str, Any]:
        """What a record says of it, as JSON values."""
        return {"kind": type(self).__name__, "place": self.where}

    def _like(self, sequence: Sequence) -> None:
        """Take over what a sequence of such frames knows of them."""
        self.height, self.width, self.bands = sequence.height, sequence.width, sequence.bands
        self.wavelengths_nm, self.sensor, self.is_rgb = sequence.wavelengths_nm, sequence.sensor, sequence.is_rgb
        self.no_data, self.block = sequence.no_data, getattr(sequence, "block", None)

    def _checked(self, frame: Frame) -> Frame:
        """The frame, if it has the size of all others."""
        if frame.shape != (self.height, self.width, self.bands):
            height, width, bands = frame.shape
            raise SequenceError(
                f"expected frames of {self.width} x {self.height} pixels and {self.bands} bands from {self.where}, "
                f"found {width} x {height} and {bands}; start anew for frames of another size"
            )
        return frame


class Glimpse(Sequence):
    """Frames of a source as a sequence of which one frame is there: for starting on it, and for telling of all.

    Args:
        source: what they come from, or another frame of it as such a sequence.
        frame: the one that is there; number 0.
        frames: how many came in all.
    """

    def __init__(self, source: FrameSource | Glimpse, frame: Frame, frames: int = 1) -> None:
        self._frame, self._frames = frame, frames
        self.block: int | None = source.block
        for name in ("name", "height", "width", "bands", "wavelengths_nm", "sensor", "is_rgb", "no_data", "unit"):
            setattr(self, name, getattr(source, name))
        self.fps = source.fps or self.fps

    def __len__(self) -> int:
        return self._frames

    def frame(self, i: int) -> Frame:
        """The one frame, 0; the others have gone."""
        if self._index(i):
            raise IndexError(f"expected frame 0 of {self.name!r}, found {i}; a source keeps no others")
        return self._frame


def check_policy(word: str) -> Policy:
    """A policy by its name.

    Raises:
        ConfigError: there is none such.
    """
    for policy in POLICIES:
        if word == policy:
            return policy
    raise ConfigError(
        f"expected a policy for frames that come too fast, found {word!r}; {nearest_name(word, POLICIES)}"
    )


def in_memory(frame: Frame) -> Frame:
    """The frame with values of its own: a file may go, a camera fills the same buffer again."""
    return frame.in_memory() if isinstance(frame, CubeFrame) else ArrayFrame(np.array(frame.whole()))
