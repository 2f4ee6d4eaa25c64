"""A source that is looked at while it is tracked: its newest frames, what the tracker says of them, the first box.

The tracker hands over what it has and goes on; it waits for a page once, where the first box is to be drawn there.
Frames, rows and maps are kept for the newest frames alone, so memory does not grow with their number.
"""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Mapping
from itertools import islice
from typing import Any, Literal, NoReturn

from spectrack.boxes import Box, as_box, check_box_in_frame
from spectrack.errors import ConfigError, InputError
from spectrack.live.tracking import FindBox, LiveEstimate
from spectrack.plots import TRACK_COLOURS
from spectrack.sequences.frames import Frame
from spectrack.signs import visible
from spectrack.sources.base import Glimpse
from spectrack.trackers.registry import find_method
from spectrack.viewer.footage import Footage
from spectrack.viewer.shown import Shown, describe_frames, describe_methods, understood
from spectrack.viewer.shown_evidence import MAPS, EvidenceMap, describe_estimate
from spectrack.viewer.tracks import Json, describe_style

Phase = Literal["loading", "waiting", "searching", "tracking", "stopped", "done", "failed"]
_ENDS: tuple[Phase, ...] = ("stopped", "done", "failed")

MOST_FRAMES, MOST_BYTES = 500, 256 * 2**20
"""The newest frames that are kept: so many, as far as that much memory holds them; two at least."""

_LOOK_S = 0.1
"""How often it is looked whether somebody wants to stop; a signal does not wake a thread that waits."""

_PATIENCE_S = 2.0


class NewestFrames(Glimpse):
    """The newest frames of a source as a sequence, counted from 0 as they are added.

    Args:
        glimpse: the first of them, number 0.
    """

    def __init__(self, glimpse: Glimpse) -> None:
        first = glimpse.frame(0)
        super().__init__(glimpse, first)
        size = math.prod(first.shape) * first.window(0, 0, 1, 1).itemsize
        self._coloured_by = glimpse
        self._kept = deque([first], maxlen=max(2, min(MOST_FRAMES, MOST_BYTES // size)))
        self._adding = threading.Lock()

    @property
    def most(self) -> int:
        """How many are kept."""
        return self._kept.maxlen or 0

    def add(self, frame: Frame) -> None:
        """The next one; the oldest goes where there is no more room."""
        with self._adding:
            self._kept.append(frame)
            self._frames += 1

    def colour_by(self, glimpse: Glimpse) -> None:
        """Take colours and white level from this frame; they come from the first one before."""
        self._coloured_by = glimpse

    def frame(self, i: int) -> Frame:
        """Frame `i`.

        Raises:
            InputError: it is kept no longer.
        """
        with self._adding:
            oldest, number = self._frames - len(self._kept), self._index(i)
            if number < oldest:
                raise InputError(
                    f"expected one of the newest frames, from {oldest} on, found {number}; a source keeps no others"
                )
            return self._kept[number - oldest]

    def display_of(self, rule: str) -> Any:
        """See `Sequence.display_of`; by the frame of `colour_by`."""
        return self._coloured_by.display_of(rule)


class WatchedTrack:
    """A track in a source: what the tracker hands over, and pages ask for.

    Args:
        name: what is tracked in, as it may be shown before its first frame has come.
        stopped: ends the track when it is set; Stop on a page sets it.
        given: gives the first box; None where it is drawn on a page.

    Attributes:
        name: see above.
        phase: where it stands.
        message: why it failed.
        beginnings, kept, changes: see `ShownTrack`.
    """

    is_unsaved = False
    kept = 0

    def __init__(self, name: str, stopped: threading.Event, given: FindBox | None = None) -> None:
        self.name, self._stopped, self._given = name, stopped, given
        # Held for moments alone: the tracker never waits for somebody who reads.
        self._changed = threading.Condition()
        self._frames: NewestFrames | None = None
        self._rows: deque[tuple[Json, dict[str, EvidenceMap]]] = deque()
        self._start = self._tracked = 0
        self._answers: list[Box | None] = []
        self.phase: Phase = "loading"
        self.message = ""
        self.beginnings, self.changes = 0, 0

    # --- for the tracker

    def find(self, glimpse: Glimpse) -> Box | None:
        """The target's box in a frame: as it is given, else as a page draws it, which is waited for; see `FindBox`."""
        with self._changed:
            if self._frames is None:
                self._frames = NewestFrames(glimpse)
            else:
                self._frames.add(glimpse.frame(0))
                self._frames.colour_by(glimpse)
            self._answers.clear()
            self._tell("searching" if self._given is not None else "waiting")
        if self._given is not None:
            return self._given(glimpse)
        with self._changed:
            while not self._answers and not self._stopped.is_set():
                self._changed.wait(_LOOK_S)
            return self._answers.pop() if self._answers else None

    def take(self, found: LiveEstimate) -> None:
        """Take over what was found in the next frame."""
        frames, row, maps = self.frames, *describe_estimate(found.estimate)
        row |= {"frame": found.captured.index, "latency_ms": found.latency_ms, "dropped": found.dropped}
        with self._changed:
            if not self._tracked:
                self._start, self._rows = len(frames) - 1, deque(maxlen=frames.most)
                self.beginnings += 1
                self._tell("tracking")
            else:
                frames.add(found.captured.frame)
            self._tracked += 1
            self._rows.append((row, maps))

    def end(self, fault: str = "") -> None:
        """Say that no more comes, and why where that is a fault; it is none to stop before there was a box."""
        with self._changed:
            stopped = self._stopped.is_set()
            self.message = "" if stopped and not self._tracked else fault
            self._tell("failed" if self.message else "stopped" if stopped else "done")

    # --- for pages

    @property
    def frames(self) -> NewestFrames:
        """The newest frames.

        Raises:
            InputError: none has come.
        """
        if self._frames is None:
            raise InputError(f"expected a frame of {self.name}, found none yet; load the page again later")
        return self._frames

    def waits_for_frames(self) -> bool:
        """Whether there is none yet, and one may still come; it is waited for, for a while."""
        with self._changed:
            self._changed.wait_for(lambda: self._frames is not None or self.phase in _ENDS, _PATIENCE_S)
            return self._frames is None and self.phase not in _ENDS

    def answer(self, frame: int, box: Box | None) -> None:
        """Tell the tracker, which waits with a frame, the box in it, or that it is to go on to the next one.

        Raises:
            ConfigError: it does not wait.
            InputError: it waits with another frame.
            BoxError: the box does not fit the frame.
        """
        frames = self.frames
        with self._changed:
            if self.phase != "waiting":
                raise ConfigError(
                    "expected a tracker that waits for its first box, found one that does not; start the command anew "
                    "for another target"
                )
            if frame != len(frames) - 1:
                raise InputError(f"expected a box in frame {len(frames) - 1}, found one in {frame}; draw it anew")
            if box is not None:
                check_box_in_frame(box, frames.height, frames.width)
            self._answers.append(box)
            self._tell("loading")

    def stop(self) -> None:
        """End the track as Ctrl-C does."""
        self._stopped.set()

    def status(self) -> Json:
        """See `ShownTrack.status`."""
        with self._changed:
            frames = 0 if self._frames is None else len(self._frames)
            told = {"phase": self.phase, "message": visible(self.message), "saved_to": "", "item": 0}
            return told | {"start": self._start, "frames": frames, "tracked": self._tracked}

    def news(self, first: int, most: int) -> Json | None:
        """See `ShownTrack.news`."""
        with self._changed:
            gone = self._tracked - len(self._rows)
            first = max(first, gone)
            rows = [row for row, _ in islice(self._rows, first - gone, first - gone + most)]
        return {"first": first, "rows": rows, "gone": gone} if rows else None

    def map_of(self, frame: int, name: str) -> EvidenceMap | None:
        """See `ShownTrack.map_of`."""
        with self._changed:
            place = frame - self._start - (self._tracked - len(self._rows))
            return self._rows[place][1].get(name) if 0 <= place < len(self._rows) else None

    def _tell(self, phase: Phase) -> None:
        self.phase = phase
        self.changes += 1
        self._changed.notify_all()


class WatchedSource(Shown):
    """The state behind the pages that show one source while it is tracked.

    Args:
        tracker: the name of what tracks.
        track: what it finds.
    """

    live: WatchedTrack

    def __init__(self, tracker: str, track: WatchedTrack) -> None:
        super().__init__()
        self._tracker, self.live = tracker, track
        self._opening, self._footage = threading.Lock(), list[Footage]()

    def about(self) -> Json:
        """See `Shown.about`."""
        return {
            "source": True,
            "sequences": [visible(self.live.name)],
            "runs": [],
            "maps": MAPS,
            "palette": TRACK_COLOURS,
            "live": describe_style(0),
            "trackers": describe_methods([find_method(self._tracker)], profiles=False),
            "tracker": self._tracker,
            "folder": "",
            "name": None,
            "overlay": False,
            "box": None,
        }

    def footage(self, number: int) -> Footage:
        """See `Shown.footage`."""
        self._check(number)
        frames = self.live.frames
        with self._opening:
            if not self._footage:
                self._footage.append(Footage(frames))
            return self._footage[0]

    def describe(self, number: int) -> Json:
        """See `Shown.describe`; ``waits`` where no frame has come yet."""
        self._check(number)
        unseen = {"name": visible(self.live.name), "frames": 0, "fault": None, "waits": True}
        unseen |= {"rules": [], "truth": None, "tracks": {}}
        if self.live.waits_for_frames():
            return unseen
        if not self.live.status()["frames"]:
            return unseen | {"waits": False, "fault": visible(self.live.message) or "Stopped before a frame came."}
        footage = self.footage(number)
        frames = footage.sequence
        told = {"name": visible(frames.name), "frames": len(frames), "most": self.live.frames.most}
        return (
            told | {"fault": None, "rules": footage.rules()} | describe_frames(frames) | {"truth": None, "tracks": {}}
        )

    def start(self, wanted: Mapping[str, Any]) -> None:
        """Start on the box that is wanted, or go on to the next frame where that is none; see `WatchedTrack.answer`."""
        with understood():
            item, frame = int(wanted["sequence"]), int(wanted["frame"])
            box = None if wanted["box"] is None else as_box(wanted["box"])
        self._check(item)
        self.live.answer(frame, box)

    def importance(self, number: int, place: int) -> NoReturn:
        """A source has no runs."""
        raise InputError(f"expected a run with a track of {self.live.name}, found none; tracks of a source are live")

    def save(self, name: str, *, overlay: bool) -> NoReturn:
        """A track in a source is written by the command, at its end."""
        raise ConfigError(
            "expected a sequence to save a track of, found a source; give --out where it is started, and all is "
            "written at its end"
        )

    def close(self) -> None:
        """See `Shown.close`; the tracker goes on."""

    def _check(self, number: int) -> None:
        if number:
            raise InputError(f"expected sequence 0, the source, found {number}; load the page again")
