"""Files that appear in a folder one after the other: which comes next, and whether it is whole.

The next file is looked for by the name that it should have, which costs the same however many lie there; the folder is
listed for names that cannot be told beforehand, for a tenth of the time at most. Of files that were taken only the last
name is remembered.
"""

from __future__ import annotations

import os
import re
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from spectrack.files import number_key
from spectrack.sequences.frame_files import ends_whole, list_files, number_of
from spectrack.sequences.layout import KINDS, is_calibration
from spectrack.sequences.series import check_one_series, form_of, matching

GIVEN_UP_S = 2.0
"""So long after its last change a file that is not whole is given up."""

_GAP_S = 0.5
"""So long a file waits for one with a lower number, where numbers have gone up in equal steps and one is missing."""

_LIST_S, _LIST_SHARE = 0.01, 10.0
_LONG_AGO_S = 2.0
_SUFFIXES = frozenset().union(*(suffixes for kind, suffixes in KINDS.items() if kind != "video"))


@dataclass(frozen=True)
class Sighting:
    """What is known of a file that was not taken yet.

    Attributes:
        size: in bytes.
        modified: by the file system's clock, in seconds since 1970.
        first: by `time.perf_counter`, when it was first seen.
        since: by the same clock, since when it is as it is.
    """

    size: int
    modified: float
    first: float
    since: float


class FolderWatch:
    """The files of a folder in the order in which they are to be taken.

    Args:
        folder: where they appear.
        pattern: which of them are frames, or None for all of one series.
        settle_s: see `FolderOptions`.

    Attributes:
        news_at: by `time.perf_counter`, when a file last appeared or changed.
        taken: files that were taken or passed over.
    """

    def __init__(self, folder: Path, pattern: str | None, settle_s: float) -> None:
        self._folder, self._pattern, self._settle_s = folder, pattern, settle_s
        self._seen: dict[str, Sighting] = {}
        self._names: deque[str] = deque()
        self._form: tuple[str, ...] | None = None
        self._last: str | None = None
        self._step, self._is_regular = 0, False
        self._list_at = 0.0
        self.news_at, self.taken = time.perf_counter(), 0

    def next(self, *, newest: bool = False) -> Path | None:
        """The file to take now, if there is one that seems to be whole; reading it tells for sure.

        Args:
            newest: pass over those before the newest whole one.

        Raises:
            SequenceError: the folder holds several series of names.
        """
        name = self._expected(self._last)
        if name is not None and self._look(name):
            while newest and (later := self._expected(name)) and self._look(later) and self._is_settled(later):
                self.take(self._folder / name)
                name = later
            return self._folder / name if self._is_settled(name) else None
        self._list()
        while self._names and not self._look(self._names[0]):
            self._names.popleft()
        while newest and len(self._names) > 1 and self._look(self._names[1]) and self._is_settled(self._names[1]):
            self.take(self._folder / self._names[0])
        if not self._names or not self._is_settled(self._names[0]) or not self._is_its_turn(self._names[0]):
            return None
        return self._folder / self._names[0]

    def sighting(self, file: Path) -> Sighting:
        """What is known of a file that `next` gave."""
        return self._seen[file.name]

    def look_again(self, file: Path) -> None:
        """Bring what is known of a file up to date."""
        self._look(file.name)

    def take(self, file: Path) -> None:
        """Go on behind a file."""
        number, before = number_of(file.name), None if self._last is None else number_of(self._last)
        if number is not None and before is not None:
            self._is_regular, self._step = number - before == self._step, number - before
        self._last = file.name
        self.taken += 1
        self._seen.pop(file.name, None)
        if self._names and self._names[0] == file.name:
            self._names.popleft()

    def unfinished(self) -> str | None:
        """The first file that waits to become whole, or None."""
        self._list_at = 0.0
        self._list()
        return self._names[0] if self._names else None

    def _expected(self, last: str | None) -> str | None:
        """The name that follows a name, where both are numbered."""
        stem, suffix = os.path.splitext(last or "")
        match = re.search(r"[0-9]{1,18}$", stem)
        if match is None:
            return None
        following = str(int(match[0]) + max(self._step, 1)).zfill(len(match[0]))
        return f"{stem[: match.start()]}{following}{suffix}"

    def _list(self) -> None:
        """The names behind the last one, in order, each looked at; now and then."""
        started = time.perf_counter()
        if started < self._list_at:
            return
        files = [file for file in list_files(self._folder, _SUFFIXES) if not is_calibration(file.name)]
        files = matching(files, self._pattern)
        if any(file.suffix.lower() == ".hdr" for file in files):
            files = [file for file in files if file.suffix.lower() == ".hdr"]
        if self._last is not None:
            behind = number_key(self._last)
            files = [file for file in files if number_key(file.name) > behind]
        if self._pattern is None and files:
            if self._form is None:
                check_one_series(files)
                self._form = form_of(files[0])
            # Names under which a camera writes what is not finished are of another form.
            files = [file for file in files if form_of(file) == self._form]
        self._names = deque(file.name for file in files if self._look(file.name))
        there = set(self._names)
        self._seen = {name: seen for name, seen in self._seen.items() if name in there}
        now = time.perf_counter()
        self._list_at = now + max(_LIST_S, _LIST_SHARE * (now - started))

    def _look(self, name: str) -> bool:
        """Whether a file is there; what is known of it is brought up to date."""
        try:
            found = os.stat(self._folder / name)
        except OSError:
            self._seen.pop(name, None)
            return False
        now, state, seen = time.perf_counter(), (found.st_size, found.st_mtime), self._seen.get(name)
        if seen is None or (seen.size, seen.modified) != state:
            self._seen[name] = Sighting(*state, now if seen is None else seen.first, now)
            self.news_at = now
        return True

    def _is_settled(self, name: str) -> bool:
        """Whether a file seems to be whole, or has been unfinished for so long that it will not become it."""
        seen = self._seen[name]
        unchanged = time.perf_counter() - seen.since
        if not seen.size:
            return unchanged >= GIVEN_UP_S
        # The file system's clock may be another machine's.
        long_ago = time.time() - seen.modified > max(_LONG_AGO_S, self._settle_s)
        return unchanged >= self._settle_s or long_ago or ends_whole(self._folder / name)

    def _is_its_turn(self, name: str) -> bool:
        """Whether no file with a lower number may still come."""
        if not self._is_regular or name == self._expected(self._last):
            return True
        return time.perf_counter() - self._seen[name].first >= _GAP_S
