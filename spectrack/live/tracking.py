"""track_live: a target followed through a source while its frames come."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass

from numpy.typing import ArrayLike

from spectrack.boxes import Box, as_box, check_box_in_frame
from spectrack.errors import CubeError
from spectrack.runs.timing import TimedEstimate, TrackingClock
from spectrack.sequences.frames import Frame
from spectrack.sources.base import Captured, FrameSource, Glimpse, Policy
from spectrack.sources.capture import Capture
from spectrack.sources.options import WAITING
from spectrack.trackers.base import Estimate, Tracker, check_values

FindBox = Callable[[Glimpse], Box | None]
"""Gives the target's box in a frame, which it is shown as a sequence of one; None while it is not to be seen."""


@dataclass(frozen=True)
class LiveEstimate:
    """Where the target is in one frame of a source.

    Attributes:
        captured: the frame, its number and when it was captured.
        timed: the estimate and what it cost.
        latency_ms: from the frame's capture to its box.
        dropped: how many frames were dropped so far.
    """

    captured: Captured
    timed: TimedEstimate
    latency_ms: float
    dropped: int

    @property
    def estimate(self) -> Estimate:
        """As `spectrack.track` yields it."""
        return self.timed.estimate


def track_live(
    source: FrameSource,
    tracker: Tracker,
    box: ArrayLike | FindBox,
    *,
    policy: Policy | None = None,
    waiting: int = WAITING,
    is_over: Callable[[], bool] = lambda: False,
) -> Generator[LiveEstimate, None, None]:
    """Track a target through a source; the first estimate is the given box with score 1.

    While a frame is tracked the next ones are captured in a thread. The source is closed at the end, also when the
    caller leaves the loop.

    Args:
        source: as `spectrack.open_source` gives it.
        tracker: as `spectrack.load_tracker` returns.
        box: the target in the first frame, or a function that finds it; frames are asked until it does.
        policy: what becomes of frames that come faster than they are tracked; None for what suits the source.
        waiting: how many frames wait at most where none is dropped.
        is_over: asked all the time; the track ends when it says so.

    Yields:
        One estimate a frame that was not dropped, from the one on that has a box.

    Raises:
        BoxError: the box does not fit the frame.
        SpectrackError: what the source or the tracker raises.

    Example:
        >>> import spectrack
        >>> clip = spectrack.simulate("calm", frames=4, width=96, height=64, seed=1)
        >>> source = spectrack.open_source(cube for cube in clip)
        >>> found = spectrack.track_live(source, spectrack.load_tracker("cf"), clip.first_box)
        >>> [one.captured.index for one in found]
        [0, 1, 2, 3]
    """
    clock, taken, started = TrackingClock(tracker), 0, False
    with Capture(source, policy, waiting) as frames:
        while (captured := frames.next(is_over)) is not None:
            taken += 1
            frame = clock.reading.timed(captured.frame)
            try:
                if started:
                    timed = clock.measure(lambda frame=frame: tracker.update(frame))  # type: ignore[misc]
                else:
                    timed = _start(source, tracker, captured.frame, frame, box, clock)
            except CubeError as error:
                raise CubeError(f"{error} (frame {captured.index} of {source.name}, counted from 0)") from error
            if timed is not None:
                started = True
                latency_ms = 1000 * (time.perf_counter() - captured.clock)
                yield LiveEstimate(captured, timed, latency_ms, captured.index + 1 - taken)


def _start(
    source: FrameSource, tracker: Tracker, raw: Frame, frame: Frame, box: ArrayLike | FindBox, clock: TrackingClock
) -> TimedEstimate | None:
    """Start on a frame, if the target is to be seen in it."""
    glimpse = Glimpse(source, raw)
    found = box(glimpse) if callable(box) else box
    if found is None:
        return None
    first = as_box(found)
    check_box_in_frame(first, source.height, source.width)
    check_values(glimpse, raw)

    def start() -> Estimate:
        tracker.init(frame, first, wavelengths_nm=source.wavelengths_nm)
        return Estimate(first, 1.0, evidence=tracker.first_evidence(), probability=1.0)

    return clock.measure(start)
