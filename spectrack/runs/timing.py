"""Tracking with a clock beside it: what reading a frame, the network and everything else cost, frame by frame.

Reading is what the sequence spends on opening, decoding and de-interleaving, wherever the tracker asks for it. Network
is what the tracker reports through `Tracker.network_time`. Rest is what is left: cropping, scaling, colouring and
deciding.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from numpy.typing import ArrayLike, NDArray

from spectrack.cube import Cube
from spectrack.runs.frame_table import Row
from spectrack.sequences.base import Sequence
from spectrack.sequences.frames import Frame, HasPlanes, no_data_of
from spectrack.trackers.base import Estimate, Tracker, track


@dataclass(frozen=True)
class TimedEstimate:
    """An estimate and what it cost.

    Attributes:
        estimate: as `spectrack.track` yields it.
        reading_ms: time spent reading and decoding.
        network_ms: time spent in the network, 0 where the tracker does not measure it.
        rest_ms: all other time.
    """

    estimate: Estimate
    reading_ms: float
    network_ms: float
    rest_ms: float

    @property
    def row(self) -> Row:
        """What a `FrameTable` keeps of it."""
        estimate = self.estimate
        score, lost = float(estimate.score), bool(estimate.lost)
        stated = math.nan if estimate.probability is None else float(estimate.probability)
        return self.reading_ms, self.network_ms, self.rest_ms, score, lost, estimate.state, stated


def timed_track(sequence: Sequence, tracker: Tracker, box: ArrayLike | None = None) -> Iterator[TimedEstimate]:
    """`spectrack.track` with times; what the caller does between two frames is not counted.

    Args:
        sequence: what to track in.
        tracker: as `spectrack.load_tracker` returns.
        box: the target in frame 0; by default the sequence's own first box.

    Yields:
        One estimate a frame; the first carries the time of the tracker's start.

    Raises:
        Exception: whatever reading or the tracker raises; see `spectrack.track`.
    """
    clock = TrackingClock(tracker)
    estimates = track(_TimedSequence(sequence, clock.reading), tracker, box)
    while (timed := clock.measure(lambda: next(estimates, None))) is not None:
        yield timed


class TrackingClock:
    """What the frames of one tracker cost; `timed_track` for those who call the tracker themselves.

    Args:
        tracker: whose network is timed.

    Attributes:
        reading: gives frames whose reading counts as such.
    """

    def __init__(self, tracker: Tracker) -> None:
        self._tracker, self.reading = tracker, ReadingClock()

    def measure(self, work: Callable[[], Estimate | None]) -> TimedEstimate | None:
        """The estimate that some work gives, and what it cost; None where it gives none."""
        read, network, since = self.reading.seconds, self._tracker.network_seconds, time.perf_counter()
        estimate = work()
        if estimate is None:
            return None
        total = time.perf_counter() - since
        reading, computing = self.reading.seconds - read, self._tracker.network_seconds - network
        return TimedEstimate(estimate, 1000 * reading, 1000 * computing, 1000 * max(0.0, total - reading - computing))


class ReadingClock:
    """Adds up the time that reading takes.

    Attributes:
        seconds: so far.
    """

    def __init__(self) -> None:
        self.seconds, self._since = 0.0, 0.0

    def timed(self, frame: Frame) -> Frame:
        """The frame, whose reading is added up."""
        return _TimedFrame(frame, self)

    def __enter__(self) -> None:
        self._since = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self.seconds += time.perf_counter() - self._since


class _TimedFrame:
    """A frame that adds up the time its reading takes."""

    def __init__(self, frame: Frame, watch: ReadingClock) -> None:
        self._frame, self._watch = frame, watch
        self.shape = frame.shape
        self.no_data, self.memory = no_data_of(frame), getattr(frame, "memory", None)

    def window(self, x0: int, y0: int, x1: int, y1: int) -> Cube:
        """See `Frame.window`."""
        with self._watch:
            return self._frame.window(x0, y0, x1, y1)

    def whole(self) -> Cube:
        """See `Frame.whole`."""
        with self._watch:
            return self._frame.whole()

    def plane(self, band: int, step: int = 1) -> NDArray[Any]:
        """See `HasPlanes.plane`."""
        with self._watch:
            if isinstance(self._frame, HasPlanes):
                return self._frame.plane(band, step)
            return self._frame.whole()[::step, ::step, band]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Cube:
        with self._watch:
            return self._frame.__array__(dtype, copy)


class _TimedSequence(Sequence):
    """A sequence that adds up the time its reading takes, so that it can be told from the tracker's."""

    def __init__(self, source: Sequence, clock: ReadingClock) -> None:
        self._source, self._clock = source, clock
        self.name, self.bands, self.height, self.width = source.name, source.bands, source.height, source.width
        self.wavelengths_nm, self._pictures, self.no_data = source.wavelengths_nm, source._pictures, source.no_data

    def __len__(self) -> int:
        return len(self._source)

    @property
    def first_box(self) -> Any:
        """The source's first box."""
        return self._source.first_box

    def frame(self, i: int) -> Frame:
        """Frame `i`, timed."""
        with self._clock:
            return self._clock.timed(self._source.frame(i))
