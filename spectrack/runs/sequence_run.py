"""Tracking one sequence of a run: opening it, timing it, gathering evidence, and living through a failing tracker."""

from __future__ import annotations

import json
import logging
import random
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spectrack.boxes import Box, Boxes
from spectrack.errors import BoxError, ConfigError, CubeError, SpectrackError
from spectrack.evaluation.protocols import Protocol as ScoringProtocol
from spectrack.evaluation.protocols import score
from spectrack.files.fingerprints import Ingredients, glance, take_fingerprint
from spectrack.provenance import machine_name
from spectrack.runs.entries import Entry, OpenedEntry, SequenceContent
from spectrack.runs.evidence import Arrays, EvidenceCollector
from spectrack.runs.frame_table import FrameRows, FrameTable
from spectrack.runs.timing import timed_track
from spectrack.sequences.base import Sequence
from spectrack.trackers.base import Estimate, Tracker

log = logging.getLogger(__name__)

_LARGEST_COORDINATE = 1e7
"""A box beyond this many pixels is no box; the reader of box files refuses it as well."""

_LONGEST_MESSAGE = 500

MakeTracker = Callable[[], Tracker]
"""Makes a tracker, once a sequence, so that no state leaks; picklable for several jobs, such as a partial."""


@dataclass(frozen=True)
class Failure:
    """A tracker's exception.

    Attributes:
        frame: the frame that it was raised in, counted from 0; that one and all later ones have no box.
        message: class and text of the exception, on one line.
    """

    frame: int
    message: str

    def __str__(self) -> str:
        return f"frame {self.frame}: {self.message}"


@dataclass(frozen=True)
class SequenceRun:
    """What tracking one sequence gave.

    Attributes:
        label: the sequence.
        boxes: (N, 4), frame 0 with the given box included; rows of NaN where the tracker gave no usable box.
        frames: times, confidence and the lost flag of every frame.
        truth: (N, 4) or None; rows without a box are zero.
        visibility: (N,) share of the object that is seen, or None.
        attributes: the sequence's labels.
        evidence: see `spectrack.runs.evidence`.
        failure: the tracker's exception, or None.
        machine: what it ran on.
        content: what the sequence was made of, or None where that is not known.
    """

    label: str
    boxes: Boxes
    frames: FrameTable
    truth: Boxes | None
    visibility: NDArray[np.float64] | None
    attributes: tuple[str, ...]
    evidence: Arrays
    failure: Failure | None
    machine: str
    content: SequenceContent | None = None


@dataclass(frozen=True)
class Followed:
    """A track as far as it went.

    Attributes:
        boxes: (N, 4); rows of NaN where there is no usable box, and from `frame` on where it was stopped.
        frames: times, confidence and the lost flag.
        frame: how many frames were tracked.
        stopped: the exception that ended the track early, or None.
    """

    boxes: Boxes
    frames: FrameTable
    frame: int
    stopped: Exception | None

    def after(self, frames: int) -> Followed:
        """The same behind so many frames that were not tracked; `frame` counts as before."""
        boxes = np.pad(self.boxes, ((frames, 0), (0, 0)), constant_values=np.nan)
        return replace(self, boxes=boxes, frames=self.frames.after(frames))

    def refuse_stop(self, where: str) -> None:
        """Raise what ended the track early; of a frame that was refused it is said where that is."""
        if isinstance(self.stopped, CubeError):
            raise CubeError(f"{self.stopped} ({where})") from self.stopped
        if self.stopped is not None:
            raise self.stopped

    @property
    def failure(self) -> Failure | None:
        """The exception as it is kept."""
        if self.stopped is None:
            return None
        text = " ".join(f"{type(self.stopped).__name__}: {self.stopped}".split())
        return Failure(self.frame, text[:_LONGEST_MESSAGE])


@dataclass(frozen=True)
class Unreadable:
    """A sequence that could not be opened or has nothing to start from: a fault of the data, not of the tracker.

    Attributes:
        label: the sequence.
        message: the fault in a sentence.
    """

    label: str
    message: str


@dataclass(frozen=True)
class TrackSettings:
    """What tracking a sequence needs to know of its run.

    Attributes:
        tracker: the tracker's description; a worker whose tracker describes itself otherwise is refused.
        protocol: the rule that its truth must stand up to: what cannot be scored is refused before it is tracked.
        seed: of the global generators, set before the tracker is made and before it is started.
        threads: of torch and OpenCV.
        evidence: whether evidence is gathered.
    """

    tracker: Mapping[str, Any] = field(default_factory=dict)
    protocol: ScoringProtocol | None = None
    seed: int = 0
    threads: int = 1
    evidence: bool = True


def track_entry(entry: Entry, make_tracker: MakeTracker, settings: TrackSettings) -> SequenceRun | Unreadable:
    """Track one sequence from its first box with a fresh tracker.

    An exception of the tracker, or a frame that cannot be read, ends the track and not the run: it is kept, and the
    frames from there on have no box. Only a lack of memory is passed on, because it says nothing about the tracker.

    Args:
        entry: the sequence.
        make_tracker: makes the tracker.
        settings: see `TrackSettings`.

    Raises:
        ConfigError: the tracker describes itself otherwise than it did where the run was started.
        InputError: truth that the protocol refuses.
    """
    try:
        opened = OpenedEntry(entry)
        box, truth, annotations = opened.box, opened.truth, opened.annotations_digest()
        ingredients = made_of(opened)
        seen = None if ingredients is None else glance(ingredients)
    except (SpectrackError, OSError) as error:
        return Unreadable(entry.label, " ".join(str(error).split()))
    if truth is not None and settings.protocol is not None:
        score({entry.label: truth}, {entry.label: truth}, settings.protocol)
    _seed(settings.seed)
    tracker = make_tracker()
    _seed(settings.seed)  # once more: making it may have loaded torch, or drawn numbers
    description = plain_description(tracker)
    if description != settings.tracker:
        raise ConfigError(
            f"expected the tracker to describe itself as {json.dumps(dict(settings.tracker))}, as where the run was "
            f"started, found {json.dumps(description)} on {machine_name()}; use one set of weights and settings"
        )
    collector = EvidenceCollector(opened.sequence) if settings.evidence else None
    with _limited_threads(settings.threads):
        tracked = follow(opened.sequence, tracker, box, None if collector is None else collector.add)
    # Afterwards, so that reading every byte does not warm up what is timed.
    frames = None if ingredients is None else take_fingerprint(ingredients, seen)
    return SequenceRun(
        label=entry.label,
        boxes=tracked.boxes,
        frames=tracked.frames,
        truth=truth,
        visibility=opened.visibility,
        attributes=opened.attributes,
        evidence={} if collector is None else collector.arrays(),
        failure=tracked.failure,
        machine=machine_name(str(description.get("device", "cpu"))),
        content=None if frames is None else SequenceContent(frames, annotations),
    )


def plain_description(tracker: Tracker) -> dict[str, Any]:
    """What the tracker says of itself, as it reads back from JSON.

    Raises:
        ConfigError: it is not made of plain JSON values.
    """
    try:
        described: dict[str, Any] = json.loads(json.dumps(tracker.describe(), allow_nan=False))
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f"expected plain JSON values of {tracker.name!r}, found otherwise ({error}); convert paths and arrays"
        ) from error
    return described


class Trail:
    """A track that is made frame by frame, with a clock beside it, until its end or an exception.

    Args:
        sequence: what to track in.
        tracker: a fresh one.
        box: the target in frame 0.
        on_estimate: called after every frame with its index and estimate.
    """

    def __init__(
        self, sequence: Sequence, tracker: Tracker, box: Box, on_estimate: Callable[[int, Estimate], None] | None = None
    ) -> None:
        self._on_estimate = on_estimate
        self._boxes = np.full((len(sequence), 4), np.nan)
        self._rows = FrameRows(len(sequence))
        self._stopped: Exception | None = None
        self._track = timed_track(sequence, tracker, box)

    def step(self) -> bool:
        """Track one frame; False where there is none left, or no more can be tracked."""
        index = len(self._rows)
        try:
            timed = next(self._track, None)
            if timed is None:
                return False
            self._boxes[index] = usable_box(timed.estimate.box)
            if self._on_estimate is not None:
                self._on_estimate(index, timed.estimate)
            self._rows.append(timed.row)
        except MemoryError:
            raise
        except Exception as error:  # a tracker, possibly somebody else's, may fail in any way
            self._stopped = error
            self._boxes[index:] = np.nan
            return False
        return True

    @property
    def followed(self) -> Followed:
        """The track as far as it went."""
        return Followed(self._boxes, self._rows.table(), len(self._rows), self._stopped)


def follow(
    sequence: Sequence, tracker: Tracker, box: Box, on_estimate: Callable[[int, Estimate], None] | None = None
) -> Followed:
    """Track through a sequence with a clock beside it, up to its end or to an exception.

    Args:
        sequence: what to track in.
        tracker: a fresh one.
        box: the target in frame 0.
        on_estimate: called after every frame with its index and estimate.
    """
    trail = Trail(sequence, tracker, box, on_estimate)
    while trail.step():
        pass
    return trail.followed


def made_of(opened: OpenedEntry) -> Ingredients | None:
    """What a sequence is made of; None where finding out needs frames that cannot be read."""
    try:
        return opened.made_of()
    except MemoryError:
        raise
    except Exception as error:  # frames of somebody else's kind of sequence may fail in any way
        log.info("what %s is made of is not known: %s", opened.label, error)
        return None


def usable_box(value: Any) -> Box:
    """The box, or NaN where it is not one: not finite, far away, or all zero, which box files take for no box."""
    box = np.asarray(value, dtype=np.float64)
    if box.shape != (4,):
        raise BoxError(f"expected a box of four numbers from the tracker, found shape {box.shape}; correct the tracker")
    usable = np.isfinite(box).all() and np.abs(box).max() < _LARGEST_COORDINATE and box.any()
    return box if usable else np.full(4, np.nan)


def _seed(seed: int) -> None:
    # This package passes generators around; trackers of other people may draw from the global ones.
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.manual_seed(seed)


@contextmanager
def _limited_threads(threads: int) -> Iterator[None]:
    torch, cv2 = sys.modules.get("torch"), sys.modules.get("cv2")
    before = 1 if torch is None else torch.get_num_threads(), 1 if cv2 is None else cv2.getNumThreads()
    try:
        if torch is not None:
            torch.set_num_threads(threads)
        if cv2 is not None:
            _thread_opencv(cv2, threads)
        yield
    finally:
        if torch is not None:
            torch.set_num_threads(before[0])
        if cv2 is not None:
            _thread_opencv(cv2, before[1])


def _thread_opencv(cv2: Any, threads: int) -> None:
    # 1 would end threads that a copy of this process never had, and wait for them for ever; 0 lets them be.
    cv2.setNumThreads(threads if threads > 1 else 0)
