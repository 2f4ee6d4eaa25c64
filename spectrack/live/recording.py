"""A track in a source, sent on while it is found and written into a folder like that of `spectrack.record`.

What was found goes line by line to a file in the folder that is being made, so memory does not grow; the folder appears
at the end, however that comes: the source ends, somebody stops it, it breaks off, or the tracker fails.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack, closing, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import ArrayLike

from spectrack.boxes import Box
from spectrack.errors import ConfigError, InputError, StoppedError
from spectrack.files import check_folder, write_folder
from spectrack.live.latency import Latency
from spectrack.live.messages import last_message, message_of, row_of
from spectrack.live.sending import Sender, as_line
from spectrack.live.tracking import FindBox, LiveEstimate, track_live
from spectrack.measuring.track import MeasuredTrack
from spectrack.recording import write_followed
from spectrack.runs.frame_table import FrameTable, Row
from spectrack.runs.layout import LIVE
from spectrack.runs.options import RecordOptions
from spectrack.runs.sequence_run import Followed, usable_box
from spectrack.sequences.frames import Frame
from spectrack.sources.base import FrameSource, Glimpse, Policy
from spectrack.sources.options import WAITING
from spectrack.trackers.base import Tracker

_NOWHERE = np.full(4, np.nan)
_NOT_TRACKED: Row = (math.nan, math.nan, math.nan, math.nan, False, "", math.nan)  # type: ignore[assignment]


@dataclass
class LiveCount:
    """How a track in a source has gone so far.

    Attributes:
        tracked: frames with an estimate, the first one included.
        dropped: frames that were not looked at.
        lost: frames in which the tracker says that it does not see the target.
        latency: from capture to box, without the first frame's.
        first: number of the first frame that was tracked; None before.
        reason: why it ended: ``the source ended``, ``stopped``, or a fault in a sentence.
        directory: the folder of results, or None.
        measured: what was measured of the target, as the summary says it; None where nothing was.
    """

    tracked: int
    dropped: int
    lost: int
    latency: Latency
    first: int | None = None
    reason: str = ""
    directory: Path | None = None
    measured: dict[str, Any] | None = None

    def add(self, found: LiveEstimate) -> None:
        """Count a frame."""
        if self.first is None:
            self.first = found.captured.index
        else:
            self.latency.add(found.latency_ms)
        self.tracked, self.dropped = self.tracked + 1, found.dropped
        self.lost += bool(found.estimate.lost)


def record_live(
    source: FrameSource,
    tracker: Tracker,
    directory: str | os.PathLike[str] | None,
    box: ArrayLike | FindBox,
    *,
    policy: Policy | None = None,
    waiting: int = WAITING,
    is_over: Callable[[], bool] = lambda: False,
    senders: Iterable[Sender] = (),
    options: RecordOptions | None = None,
    settings: Mapping[str, Any] | None = None,
    inputs: tuple[Path, ...] = (),
    on_estimate: Callable[[LiveEstimate, LiveCount], None] = lambda found, count: None,
) -> LiveCount:
    """Track a target through a source; send each box on, and write all of them into a folder at the end.

    Args:
        source: as `spectrack.open_source` gives it.
        tracker: as `spectrack.load_tracker` returns.
        directory: the folder to make, as of `spectrack.record`; None for none. Its rows are the frames of the source
            in order; those of dropped frames are empty. ``live.jsonl`` has a line a tracked frame.
        box: see `track_live`.
        policy: likewise.
        waiting: likewise.
        is_over: likewise.
        senders: take each message, and one at the end; closed by the caller.
        options: overwriting, and what is measured; nothing else means anything here. Frames that were dropped have no
            row of measurements.
        settings: whatever the caller wants to remember in the summary, as JSON values.
        inputs: see `spectrack.record`.
        on_estimate: called after every frame.

    Raises:
        ConfigError: the folder is taken, or what is asked for cannot be had of a source; see `check_options`.
        InputError: the source ended before the target was seen.
        StoppedError: `is_over` said so before.
        SpectrackError: what the source or the tracker raised, when everything before it is written.
    """
    options = options or RecordOptions()
    check_options(options, directory)
    terms = options.terms((*inputs, *source.places), live=True)
    if directory is not None:
        check_folder(directory, terms)
    track = _Track(source, tracker, list(senders), LiveCount(0, 0, 0, Latency()))
    with ExitStack() as stack:
        staging = None if directory is None else stack.enter_context(write_folder(directory, terms))
        track.measuring = None if staging is None else MeasuredTrack.of(source, staging, options.measuring)
        log = None if staging is None else (staging / LIVE).open("w", encoding="utf-8", newline="\n")
        found = track_live(source, tracker, box, policy=policy, waiting=waiting, is_over=is_over)
        with log or nullcontext(), closing(found):
            fault = track.follow(found, log, is_over, on_estimate)
        if track.last is None:
            if fault is None and is_over():
                raise StoppedError("stopped before the first box: nothing was tracked, and nothing is written")
            raise fault or InputError(f"expected the target in a frame of {source.name}, found none; give --box")
        if staging is not None:
            track.write(staging, track.last, options, settings or {})
    if fault is not None:
        raise fault
    track.count.directory = None if directory is None else Path(directory)
    return track.count


def check_options(options: RecordOptions, directory: str | os.PathLike[str] | None) -> None:
    """Refuse what cannot be had of a source, or not without a folder.

    Raises:
        ConfigError: an overlay, which needs the frames once more; measurements without a folder; files of them that are
            written in one piece at the end, for which all would have to be kept in memory.
    """
    measuring = options.measuring
    measuring.check()
    if options.overlay:
        raise ConfigError(
            "expected a sequence for an overlay, found a source, whose frames are not kept; leave --overlay out"
        )
    if measuring.wanted and directory is None:
        raise ConfigError("expected --out beside --measure and --mask, found none; name the folder")
    if measuring.parquet or measuring.mask == "coco":
        found = "--parquet" if measuring.parquet else "--mask coco"
        raise ConfigError(
            f"expected --measure or --mask png of a source, which are written frame by frame, found {found}; leave it "
            "out"
        )


@dataclass
class _Track:
    """A track that is made: what it comes from, who is told, how it goes, what is measured, and its newest frame."""

    source: FrameSource
    tracker: Tracker
    receivers: list[Sender]
    count: LiveCount
    last: Frame | None = None
    measuring: MeasuredTrack | None = None

    def follow(
        self,
        estimates: Iterable[LiveEstimate],
        log: TextIO | None,
        is_over: Callable[[], bool],
        on_estimate: Callable[[LiveEstimate, LiveCount], None],
    ) -> Exception | None:
        """Tell of each estimate, to the end; what ended it early, if anything did."""
        fault: Exception | None = None
        try:
            for found in estimates:
                self.last = found.captured.frame
                self.count.add(found)
                _tell(message_of(found), self.receivers, log)
                if self.measuring is not None:
                    glimpse = Glimpse(self.source, found.captured.frame)
                    self.measuring.measure(glimpse, 0, found.estimate, found.captured.index)
                on_estimate(found, self.count)
            self.count.reason = "stopped" if is_over() else "the source ended"
        except Exception as error:  # what was found before stays, whatever fails
            self.count.reason, fault = str(error) or type(error).__name__, error
        if self.last is not None:
            with nullcontext() if fault is None else suppress(Exception):  # a receiver may be what failed
                _tell(self._end(), self.receivers, None)
        return fault

    def write(self, staging: Path, frame: Frame, options: RecordOptions, settings: Mapping[str, Any]) -> None:
        """Boxes, frames and summary from the lines that were written."""
        start = self.count.first or 0
        boxes: list[Box] = []
        rows: list[Row] = []
        with (staging / LIVE).open(encoding="utf-8") as lines:
            for message in map(json.loads, lines):
                missed = message["frame"] - start - len(rows)
                boxes += [_NOWHERE] * missed
                rows += [_NOT_TRACKED] * missed
                boxes.append(_NOWHERE if message["box"] is None else usable_box(message["box"]))
                rows.append(row_of(message))
        tracked = Followed(np.array(boxes, dtype=np.float64), FrameTable.of(rows, len(rows)), len(rows), None)
        whole = Glimpse(self.source, frame, start + len(rows))
        about = {"source": self.source.describe(), "live": self._end()}
        if self.measuring is not None:
            self.count.measured = about["measured"] = self.measuring.write()
        write_followed(whole, self.tracker, staging, tracked, None, options, settings, start=start, about=about)

    def _end(self) -> dict[str, Any]:
        return last_message(self.count.tracked, self.count.dropped, self.count.latency, self.count.reason)


def _tell(message: Mapping[str, Any], receivers: list[Sender], log: TextIO | None) -> None:
    if log is not None:
        log.write(as_line(message) + "\n")
    for receiver in receivers:
        receiver.send(message)
