"""A folder that another program is still writing frames to: each is taken when it is whole, in the order of numbers."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from spectrack.errors import ConfigError, SequenceNotFoundError, SpectrackError, StoppedError
from spectrack.sensors import get_sensor
from spectrack.sequences.base import FileSequence
from spectrack.sequences.opening import Options, open_frame_file
from spectrack.sources.base import Captured, FrameSource, in_memory
from spectrack.sources.options import FolderOptions
from spectrack.sources.watching import GIVEN_UP_S, FolderWatch

_log = logging.getLogger(__name__)

_LOOK_S = 0.005


class FolderSource(FrameSource):
    """The frames of a folder that grows, a file a frame.

    Half-written files wait until they are whole. One whose number is lower than that of the last one taken came too
    late and is left out; one that stays damaged is left out with a warning.

    Args:
        folder: where another program writes.
        options: when frames are whole, and when the source ends.
        reading: how frames are read, where it cannot be told.
        on_waiting: called once before the first frame is waited for, if none is there.
        is_over: asked while it is waited for; nobody wants it any more when it says so.

    Raises:
        StoppedError: `is_over` said so.
        SequenceNotFoundError: no such folder, or it ended without a frame.
        SequenceError: the first frame cannot be read, or the folder holds several series of names.
        ConfigError: times below zero.
    """

    def __init__(
        self,
        folder: Path,
        options: FolderOptions | None = None,
        reading: Options | None = None,
        *,
        on_waiting: Callable[[], None] = lambda: None,
        is_over: Callable[[], bool] = lambda: False,
    ) -> None:
        super().__init__()
        self._folder, self._options, self._reading = folder, options or FolderOptions(), reading or Options()
        if not (self._options.idle_s >= 0 and self._options.settle_s >= 0):
            raise ConfigError(
                f"expected times of at least 0 seconds, found --idle-s {self._options.idle_s:g} and --settle-s "
                f"{self._options.settle_s:g}; 0 never ends, and takes files as they are"
            )
        if not folder.is_dir():
            raise SequenceNotFoundError(
                f"expected a folder that frames are written to at {folder}, found none; make it, or correct the path"
            )
        if isinstance(self._reading.sensor, str):
            get_sensor(self._reading.sensor)  # a wrong name is told before anything is waited for
        self.where, self.places = str(folder), (folder,)
        self._watch = FolderWatch(folder, self._reading.pattern, self._options.settle_s)
        self._reader: FileSequence | None = None
        first = self._next(on_waiting, is_over)
        if first is None and is_over():
            raise StoppedError(f"stopped before a frame came in {folder}")
        if first is None or self._reader is None:
            raise SequenceNotFoundError(
                f"expected frames in {folder}, found none before it ended; start the camera, or correct the path"
            )
        self._first: Captured = first
        self._like(self._reader)
        self.name = self._reader.name

    def frames(self) -> Iterator[Captured]:
        """See `FrameSource.frames`."""
        captured: Captured | None = self._first
        while captured is not None:
            self._checked(captured.frame)
            yield captured
            captured = self._next()

    def _next(
        self, on_waiting: Callable[[], None] = lambda: None, is_over: Callable[[], bool] = lambda: False
    ) -> Captured | None:
        """The next whole frame, waited for; None at the end."""
        while not (self.closing.is_set() or is_over()):
            file = self._watch.next(newest=self.skips)
            captured = None if file is None else self._read(file)
            if captured is not None:
                return captured
            if file is None and self._is_over():
                return None
            on_waiting()
            on_waiting = lambda: None  # noqa: E731 - told once
            self.closing.wait(_LOOK_S)
        return None

    def _read(self, file: Path) -> Captured | None:
        """The frame of a file; None where it is not whole after all, or is given up."""
        seen, index = self._watch.sighting(file), self._watch.taken
        try:
            if self._reader is None:
                self._reader = open_frame_file(file, self._reading)
            frame = in_memory(self._reader.frame_of(file))
        except (SpectrackError, OSError) as error:
            if time.perf_counter() - seen.since < GIVEN_UP_S:
                self._watch.look_again(file)
                return None
            if self._reader is None:
                raise
            _log.warning("frame %d is left out: %s", index, error)
            self._watch.take(file)
            return None
        self._watch.take(file)
        return Captured(index, frame, seen.modified, seen.since, file.name)

    def _is_over(self) -> bool:
        """Whether no more will come: it was said, or nothing came for long."""
        quiet = time.perf_counter() - self._watch.news_at
        if self._reader is not None and self._options.idle_s and quiet > self._options.idle_s:
            ended = True
        elif (self._folder / self._options.end_file).exists():
            ended = quiet > GIVEN_UP_S or self._watch.unfinished() is None
        elif not self._folder.is_dir():
            raise SequenceNotFoundError(
                f"expected the folder {self._folder}, found it gone; leave it where it is while it is read"
            )
        else:
            ended = False
        if ended and (name := self._watch.unfinished()) is not None:
            _log.warning("%s ended with %s half-written; it is left out", self._folder, name)
        return ended
