"""What every tracker is: `init` on the first frame, `update` on each later one, an `Estimate` for each.

The two methods are the single-object-tracking community's (got10k, pytracking): foreign trackers fit in a few lines.
"""

from __future__ import annotations

import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from collections.abc import Sequence as Several
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from spectrack.boxes import Box, as_box, check_box_in_frame
from spectrack.cube import Cube, check_no_data
from spectrack.errors import BoxError, InputError
from spectrack.sequences.base import Sequence
from spectrack.sequences.frames import ArrayFrame, Frame
from spectrack.trackers.probability import ProbabilityModel

log = logging.getLogger(__name__)

State = Literal["tracking", "uncertain", "lost", "found again"]
"""What a tracker believes of a frame: it sees the target, perhaps, no longer, or again for the first time."""

STATES: tuple[State, ...] = get_args(State)


@dataclass(frozen=True)
class Estimate:
    """Where the target is in one frame.

    Attributes:
        box: x, y, w, h in cube pixels, float64.
        score: the method's own confidence in [0, 1]; 1 for the given first box.
        lost: whether the tracker believes that it no longer sees the target.
        evidence: what the method can show for it (score map, band importance, ...); names depend on the method.
        state: the same as `lost` with two shades more; a tracker that leaves it out knows no others.
        probability: that the box does not miss the target (IoU of at least 0.1), as it came true on development clips;
            1 for the given first box; None where the tracker states none.
    """

    box: Box
    score: float
    lost: bool = False
    evidence: dict[str, Any] = field(default_factory=dict)
    state: State = ""  # type: ignore[assignment]  # stands for what `lost` says
    probability: float | None = None

    def __post_init__(self) -> None:
        if not self.state:
            object.__setattr__(self, "state", "lost" if self.lost else "tracking")


class Tracker(ABC):
    """A single-object tracker.

    Attributes:
        name: the registered name; `load_tracker` sets it.
        network_seconds: time spent inside `network_time` since the tracker was made; 0 for a method without a network
            and for one that does not measure it.
        engines: what can compute its network; see `spectrack.engines`.
        wants_pictures: whether `track` should hand over the data set's own false-colour images with the frames.
        probability_model: how it states probabilities, `load_tracker` sets it.
        bf16_gain: how many times as fast as fp32 a frame was in bfloat16, where `load_tracker` measured it to choose; 0
            where bfloat16 is not native.
    """

    name: str = "tracker"
    engines: tuple[str, ...] = ("torch",)
    bf16_gain: float | None = None
    network_seconds: float = 0.0
    probability_model: ProbabilityModel | None = None
    wants_pictures: bool = False

    @abstractmethod
    def init(self, frame: Frame | Cube, box: ArrayLike, *, wavelengths_nm: Several[float] | None = None) -> None:
        """Start on a first frame.

        Args:
            frame: a `Frame` or a cube (height, width, bands) of raw numbers.
            box: the target, x, y, w, h in cube pixels.
            wavelengths_nm: band centres, where they are known.

        Raises:
            CubeError: the frame is not a usable cube, or its bands are not what the weights were made for.
            BoxError: the box is degenerate or outside the frame.
        """

    @abstractmethod
    def update(self, frame: Frame | Cube) -> Estimate:
        """Find the target in the next frame, which has the size and bands of the first."""

    def another(self) -> Tracker | None:
        """A second tracker for another target of the same video, which shares what does not change (its network).

        None where it has to be loaded anew; a method all of whose `init` begins afresh may give a shallow copy.
        """
        return None

    def first_evidence(self) -> dict[str, Any]:
        """What the method can show for the first frame after `init`, as `Estimate.evidence`; by default nothing."""
        return {}

    def describe(self) -> dict[str, Any]:
        """Settings and weights identity, as JSON values, for run directories."""
        return {"name": self.name}

    @contextmanager
    def network_time(self) -> Iterator[None]:
        """Add what happens inside to `network_seconds`; on an accelerator the block must wait for its answer."""
        since = time.perf_counter()
        try:
            yield
        finally:
            self.network_seconds += time.perf_counter() - since


def as_frame(frame: Frame | Cube) -> Frame:
    """A cube wrapped as a `Frame`; a `Frame` as it is.

    Raises:
        CubeError: not an array of three axes.
    """
    # Arrays first: asking whether something is a Frame looks every method up.
    return ArrayFrame(np.asarray(frame)) if isinstance(frame, np.ndarray) or not isinstance(frame, Frame) else frame


def track(sequence: Sequence, tracker: Tracker, box: ArrayLike | None = None) -> Iterator[Estimate]:
    """Track a target through a sequence; the first estimate is the given box with score 1.

    Args:
        sequence: any sequence, as `spectrack.open_sequence` returns.
        tracker: as `spectrack.load_tracker` returns.
        box: the target in frame 0; by default the sequence's own first box.

    Yields:
        One estimate a frame, frame 0 included.

    Raises:
        BoxError: no box is given and the sequence has none, or the box does not fit the frame.
        InputError: the sequence has no frames.
        CubeError: what looks like a value for "no data" in the first frame, and nothing says that it is one.
    """
    if len(sequence) == 0:
        raise InputError(f"expected a sequence with frames, found none in {sequence.name}; name another folder")
    first = sequence.first_box if box is None else as_box(box)
    if first is None:
        raise BoxError(f"expected a first box for {sequence.name}, found no box and no truth; give --box x,y,w,h")
    check_box_in_frame(first, sequence.height, sequence.width)
    frame = sequence.pictured_frame if tracker.wants_pictures else sequence.frame
    start = frame(0)
    check_values(sequence, start)
    tracker.init(start, first, wavelengths_nm=sequence.wavelengths_nm)
    yield Estimate(first, 1.0, evidence=tracker.first_evidence(), probability=1.0)
    for index in range(1, len(sequence)):
        yield tracker.update(frame(index))


def check_values(sequence: Sequence, first: Frame) -> None:
    """Refuse a first frame with an undeclared value for "no data"; warn of other negative counts.

    Raises:
        CubeError: see `spectrack.cube.check_no_data`.
    """
    kind = first.window(0, 0, 1, 1).dtype.kind
    if kind == "u" or sequence.no_data is not None:
        return  # nothing below zero can stand there, or it is known what does
    cube = first.whole()
    check_no_data(cube, name="the first frame")
    if kind == "i" and (lowest := int(cube.min())) < 0:
        log.warning("%s has negative counts, down to %d; counts of light begin at 0", sequence.name, lowest)
