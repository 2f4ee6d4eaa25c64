"""Tracking one sequence of a run: opening it, timing every frame, gathering evidence, and living through a tracker that
fails.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from spectrack.boxes import Box, Boxes, as_box
from spectrack.errors import BoxError, ConfigError, SequenceError, SpectrackError
from spectrack.evaluation.protocols import Protocol as ScoringProtocol
from spectrack.evaluation.protocols import score
from spectrack.provenance import machine_name
from spectrack.runs.evidence import Arrays, EvidenceCollector
from spectrack.runs.frame_table import FrameTable, Row
from spectrack.runs.timing import timed_track
from spectrack.sequences.base import Sequence
from spectrack.trackers.base import Tracker

LARGEST_COORDINATE = 1e7
"""A box beyond this many pixels is no box; the reader of box files refuses it as well."""

_LONGEST_MESSAGE = 500

MakeTracker = Callable[[], Tracker]
"""Makes a tracker. Called once a sequence, so that no state leaks from one to the next; picklable where there are
several jobs, such as ``functools.partial(load_tracker, "siamban")``.
"""


class Entry(Protocol):
    """One sequence that is opened when its turn comes, as the datasets of `spectrack.datasets` list them."""

    @property
    def label(self) -> str:
        """Its name in the run: unique, and fit as a file name."""

    @property
    def attributes(self) -> tuple[str, ...]:
        """Labels such as OCC; empty when unknown."""

    def open(self) -> Sequence:
        """Open it."""


@dataclass(frozen=True)
class SequenceEntry:
    """An entry made from a function that opens the sequence.

    Attributes:
        label: its name in the run.
        opener: opens it; picklable where there are several jobs.
        attributes: labels such as OCC.
    """

    label: str
    opener: Callable[[], Sequence]
    attributes: tuple[str, ...] = ()

    def open(self) -> Sequence:
        """Open it."""
        return self.opener()

    @staticmethod
    def of(sequence: Sequence) -> SequenceEntry:
        """An entry for a sequence that is open already, under its own name."""
        return SequenceEntry(sequence.name, _Opened(sequence), tuple(sequence.attributes))


@dataclass(frozen=True)
class _Opened:
    sequence: Sequence

    def __call__(self) -> Sequence:
        return self.sequence


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
        protocol: the rule that its truth must stand up to, so that what cannot be scored is refused before it is
            tracked.
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
        sequence, box, truth = _open(entry)
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
            "started, found "
            f"{json.dumps(description)} on {machine_name()}; use the same weights and settings on every machine"
        )
    collector = EvidenceCollector(sequence) if settings.evidence else None
    with _limited_threads(settings.threads):
        boxes, frames, failure = _track(sequence, tracker, box, collector)
    visibility = sequence.visibility
    return SequenceRun(
        label=entry.label,
        boxes=boxes,
        frames=frames,
        truth=truth,
        visibility=None if visibility is None else np.asarray(visibility, dtype=np.float64)[: len(boxes)],
        attributes=tuple(entry.attributes) or tuple(sequence.attributes),
        evidence={} if collector is None else collector.arrays(),
        failure=failure,
        machine=machine_name(str(description.get("device", "cpu"))),
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
            f"expected plain JSON values in the description of {tracker.name!r}, found otherwise ({error}); convert "
            "paths and arrays"
        ) from error
    return described


def _open(entry: Entry) -> tuple[Sequence, Box, Boxes | None]:
    sequence = entry.open()
    box = sequence.first_box
    if box is None:
        raise SequenceError(
            f"expected a first box for the sequence {entry.label!r}, found no truth and no init_rect.txt; "
            "add groundtruth_rect.txt beside its frames, or track it alone with --box x,y,w,h"
        )
    truth = sequence.truth
    # A frame without the object is a zero row, as in the field's files; NaN would not survive being written and read.
    return (
        sequence,
        as_box(box),
        None if truth is None else np.where(np.isfinite(truth).all(axis=1, keepdims=True), truth, 0.0),
    )


def _track(
    sequence: Sequence, tracker: Tracker, box: Box, collector: EvidenceCollector | None
) -> tuple[Boxes, FrameTable, Failure | None]:
    boxes = np.full((len(sequence), 4), np.nan)
    rows: list[Row] = []
    failure = None
    try:
        for index, timed in enumerate(timed_track(sequence, tracker, box)):
            boxes[index] = _usable(timed.estimate.box)
            if collector is not None:
                collector.add(index, timed.estimate)
            rows.append(timed.row)
    except MemoryError:
        raise
    except Exception as error:  # a tracker, possibly somebody else's, may fail in any way
        text = " ".join(f"{type(error).__name__}: {error}".split())
        failure = Failure(len(rows), text[:_LONGEST_MESSAGE])
        boxes[len(rows) :] = np.nan
    return boxes, FrameTable.of(rows, len(sequence)), failure


def _usable(value: Any) -> Box:
    """The box, or NaN where it is not one: not finite, far away, or all zero, which box files take for no box."""
    box = np.asarray(value, dtype=np.float64)
    if box.shape != (4,):
        raise BoxError(f"expected a box of four numbers from the tracker, found shape {box.shape}; correct the tracker")
    usable = np.isfinite(box).all() and np.abs(box).max() < LARGEST_COORDINATE and box.any()
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
    before = None if torch is None else torch.get_num_threads(), None if cv2 is None else cv2.getNumThreads()
    try:
        if torch is not None:
            torch.set_num_threads(threads)
        if cv2 is not None:
            cv2.setNumThreads(threads)
        yield
    finally:
        if torch is not None:
            torch.set_num_threads(before[0])
        if cv2 is not None:
            cv2.setNumThreads(before[1])
