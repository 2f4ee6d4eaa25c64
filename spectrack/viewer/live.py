"""Tracking while somebody looks on: started at a box, stopped, corrected in a frame, saved as `spectrack track` saves.

The track belongs to the server, not to a page: a page that is loaded again, and a second one, are told all of it.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from spectrack.boxes import Box, as_box, check_box_in_frame
from spectrack.errors import ConfigError, SpectrackError, fault_and_place
from spectrack.evaluation.metrics import overlaps_by_frame
from spectrack.files import check_folder, write_folder
from spectrack.recording import Recording, write_followed
from spectrack.runs.entries import plain_truth
from spectrack.runs.options import RecordOptions
from spectrack.runs.sequence_run import Followed, follow
from spectrack.sequences.base import Sequence
from spectrack.sequences.excerpt import Excerpt
from spectrack.signs import visible
from spectrack.trackers.base import Estimate, Tracker
from spectrack.viewer.shown_evidence import EvidenceMap, describe_estimate
from spectrack.viewer.tracks import number, usable_truth

Phase = Literal["none", "loading", "tracking", "stopped", "done", "failed"]

_KEPT_MAPS = 2000
"""Frames whose maps are kept for looking back at."""

_PATIENCE_S = 10.0


@dataclass(frozen=True)
class Assignment:
    """What is to be tracked, and by what.

    Attributes:
        item: number of the sequence.
        tracker: name of the method.
        profile: size of its network, None for the usual one.
        frame: the frame to start in, from 0.
        box: the target there, x, y, w, h in cube pixels.
    """

    item: int
    tracker: str
    profile: str | None
    frame: int
    box: Box


@dataclass
class _Track:
    """A track as far as it has come; its first frame is `start`, and lists and arrays begin there."""

    assignment: Assignment
    start: int
    sequence: Sequence
    tracker: Tracker | None = None
    rows: list[dict[str, Any]] = field(default_factory=list)
    maps: OrderedDict[int, dict[str, EvidenceMap]] = field(default_factory=OrderedDict)
    followed: Followed | None = None
    corrections: list[dict[str, Any]] = field(default_factory=list)

    def correct(self, frame: int, box: Box) -> None:
        """Forget what was found from a frame on, whose box is known now."""
        del self.rows[frame - self.start :]
        self.maps = OrderedDict((place, maps) for place, maps in self.maps.items() if place < frame)
        earlier = [correction for correction in self.corrections if correction["frame"] < frame]
        self.corrections = [*earlier, {"frame": frame, "box": box.tolist()}]


class _StopError(Exception):
    """Somebody pressed Stop."""


class LiveTrack:
    """The one track that a viewer makes at a time.

    Args:
        open_item: opens the sequence of a number anew; the tracker reads by files of its own.
        make_tracker: a fresh tracker by name and profile.
        settings: what the summary of a saved run says besides, by assignment.

    Attributes:
        phase: where it stands.
        message: why it failed.
        saved_to: where the present track is saved, as it is shown; empty while it is not.
        recordings: every track that was saved, in order.
        changes: grows when anything but the number of rows changes.
        beginnings: grows with every press of Track.
        kept: rows that were kept when the track was last corrected; 0 when it was begun anew.
    """

    def __init__(
        self,
        open_item: Callable[[int], Sequence],
        make_tracker: Callable[[str, str | None], Tracker],
        settings: Callable[[Assignment], Mapping[str, Any]],
    ) -> None:
        self._open_item, self._make_tracker, self._settings = open_item, make_tracker, settings
        # Held while a track is begun, thrown away or written: none of these happens during another.
        self._saving = threading.RLock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._track: _Track | None = None
        self.phase: Phase = "none"
        self.message = ""
        self.saved_to = ""
        self.recordings: list[Recording] = []
        self.changes, self.beginnings, self.kept = 0, 0, 0

    @property
    def is_busy(self) -> bool:
        """Whether a tracker is at work."""
        return self.phase in ("loading", "tracking")

    @property
    def is_unsaved(self) -> bool:
        """Whether there is a track that nobody has saved."""
        return self._track is not None and bool(self._track.rows) and not self.saved_to

    def start(self, wanted: Assignment) -> None:
        """Track from a box on: anew, or from a frame of the track that is there, whose frames before it stay.

        Raises:
            ConfigError: a tracker is at work already.
            BoxError: the box does not fit the frame.
            SpectrackError: the sequence cannot be opened.
        """
        with self._saving:
            if self.is_busy:
                raise ConfigError("expected no tracker at work, found one; stop it first")
            earlier = self._track if self._track is not None and self._goes_on(self._track, wanted) else None
            sequence = self._open_item(wanted.item) if earlier is None else earlier.sequence
            box = as_box(wanted.box)
            check_box_in_frame(box, sequence.height, sequence.width)
            if not 0 <= wanted.frame < len(sequence):
                raise ConfigError(f"expected a frame below {len(sequence)}, found {wanted.frame}; draw the box in one")
            track = earlier or _Track(replace(wanted, box=box), wanted.frame, sequence)
            self.kept = wanted.frame - track.start
            if earlier is not None:
                earlier.correct(wanted.frame, box)
            self._track, self.saved_to = track, ""
            self.beginnings += 1
            self._stop.clear()
            self._tell("loading", f"loading {wanted.tracker}")
            run = threading.Thread(target=self._run, args=(track, wanted.frame, box), daemon=True, name="tracking")
            self._thread = run
            run.start()

    def stop(self) -> None:
        """Stop the tracker after its present frame, and wait for that."""
        self._stop.set()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(_PATIENCE_S)

    def status(self) -> dict[str, Any]:
        """Where it stands, as JSON values."""
        track = self._track
        about: dict[str, Any] = {"phase": self.phase, "message": self.message, "saved_to": self.saved_to}
        scores = self.recordings[-1].scores if self.saved_to else None
        about["auc"] = None if scores is None else scores.auc
        if track is not None:
            at = track.assignment
            about |= {
                "item": at.item,
                "tracker": at.tracker,
                "start": track.start,
                "frames": len(track.sequence),
                "corrections": track.corrections,
            }
        return about

    def rows_from(self, first: int, most: int) -> list[dict[str, Any]]:
        """Rows `first`, ... of the track, at most so many: a frame each, the first frame's first."""
        track = self._track
        return [] if track is None else track.rows[first : first + most]

    def news(self, first: int, most: int) -> dict[str, Any] | None:
        """See `ShownTrack.news`; all rows are kept."""
        rows = self.rows_from(first, most)
        return {"first": first, "rows": rows, "gone": 0} if rows else None

    def map_of(self, frame: int, name: str) -> EvidenceMap | None:
        """See `ShownTrack.map_of`."""
        track = self._track
        return None if track is None else track.maps.get(frame, {}).get(name)

    def save(self, folder: Path, options: RecordOptions, inputs: tuple[Path, ...] = ()) -> Recording:
        """Write the track into a folder, as `spectrack.record` writes one.

        Raises:
            ConfigError: no track, one that is not finished, or a folder that is taken.
            SequenceError: truth that cannot be used.
        """
        with self._saving:
            track = self._track
            if self.is_busy or track is None or track.followed is None or track.tracker is None or not track.rows:
                found = "one that goes on" if self.is_busy else "none"
                raise ConfigError(f"expected a track to save, found {found}; track first, and stop it or let it end")
            terms = options.terms((*inputs, *track.sequence.places))
            check_folder(folder, terms)
            truth = plain_truth(track.sequence) if options.score else None
            at = track.assignment
            settings = dict(self._settings(at)) | {"corrections": track.corrections, "frames_tracked": len(track.rows)}
            with write_folder(folder, terms) as staging:
                recording = write_followed(
                    track.sequence, track.tracker, staging, track.followed, truth, options, settings, start=track.start
                )
            self.recordings.append(replace(recording, directory=folder))
            self.saved_to = visible(str(folder))
            self.changes += 1
            return self.recordings[-1]

    def _goes_on(self, track: _Track, wanted: Assignment) -> bool:
        """Whether a box corrects a track that is there: same video and tracker, in a frame after its first."""
        at = track.assignment
        same = (at.item, at.tracker, at.profile) == (wanted.item, wanted.tracker, wanted.profile)
        return same and track.tracker is not None and track.start < wanted.frame <= track.start + len(track.rows)

    def _run(self, track: _Track, frame: int, box: Box) -> None:
        """In the thread: load, track, and say how it ended."""
        try:
            if track.tracker is None:
                track.tracker = self._make_tracker(track.assignment.tracker, track.assignment.profile)
            self._tell("tracking", "")
            sequence = track.sequence
            shown = Excerpt(sequence, len(sequence), frame) if frame else sequence
            truth = usable_truth(sequence)

            def take(index: int, estimate: Estimate) -> None:
                if self._stop.is_set():
                    raise _StopError
                self._take(track, frame + index, estimate, truth)

            found = follow(shown, track.tracker, box, take)
            track.followed = _joined(track.followed, found, frame - track.start)
            self._end(found)
        except Exception as error:  # a tracker, possibly somebody else's, may fail in any way
            self._tell("failed", sentence(error))

    def _take(self, track: _Track, frame: int, estimate: Estimate, truth: Any) -> None:
        row, maps = describe_estimate(estimate)
        if truth is not None and row["box"] is not None:
            row["iou"] = number(overlaps_by_frame(as_box(row["box"])[None], truth[frame : frame + 1])[0])
        if maps:
            track.maps[frame] = maps
            while len(track.maps) > _KEPT_MAPS:
                track.maps.popitem(last=False)
        # Readers take slices of the list without waiting; what belongs to a row is there before it.
        track.rows.append(row)

    def _end(self, found: Followed) -> None:
        if found.stopped is None:
            self._tell("done", "")
        elif isinstance(found.stopped, _StopError):
            self._tell("stopped", "")
        else:
            self._tell("failed", sentence(found.stopped))

    def _tell(self, phase: Phase, message: str) -> None:
        self.phase, self.message = phase, message
        self.changes += 1


def sentence(error: BaseException) -> str:
    """What a person is told of an exception."""
    if isinstance(error, SpectrackError):
        return " ".join(str(error).split())
    if isinstance(error, OSError):
        return f"expected to read and write files, found: {fault_and_place(error)}; check that it is still there"
    return f"unforeseen {type(error).__name__}: {' '.join(str(error).split())}; this is a fault of the tracker or ours"


def _joined(earlier: Followed | None, found: Followed, place: int) -> Followed:
    """A track whose frames from `place` on, counted from its first, were tracked anew."""
    stopped = None if isinstance(found.stopped, _StopError) else found.stopped
    if earlier is None or place == 0:
        return replace(found, stopped=stopped)
    boxes = np.concatenate([earlier.boxes[:place], found.boxes])
    return Followed(boxes, earlier.frames.joined(found.frames, place), place + found.frame, stopped)
