"""Frames taken from a source in a thread of its own, while the one before is tracked; what is too much is dropped."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from spectrack.errors import ConfigError
from spectrack.sources.base import Captured, FrameSource, Policy
from spectrack.sources.options import WAITING

_LOOK_S = 0.1
"""How often it is looked whether somebody wants to stop; a signal does not wake a thread that waits."""

_PATIENCE_S = 2.0


class Capture:
    """The frames of a source, one after the other, taken ahead of time.

    Args:
        source: where they come from; closed at the end.
        policy: what becomes of those that come too fast; None for what suits the source.
        waiting: how many may wait where none is dropped.

    Raises:
        ConfigError: none may wait.

    Example:
        >>> import numpy as np
        >>> from spectrack.sources.given import GivenSource
        >>> with Capture(GivenSource([np.zeros((8, 10, 16), np.uint16)] * 3)) as frames:
        ...     while (captured := frames.next()) is not None:
        ...         print(captured.index, captured.frame.shape)
        0 (8, 10, 16)
        1 (8, 10, 16)
        2 (8, 10, 16)
    """

    def __init__(self, source: FrameSource, policy: Policy | None = None, waiting: int = WAITING) -> None:
        if waiting < 1:
            raise ConfigError(f"expected room for at least one waiting frame, found {waiting}; {WAITING} are usual")
        self.source, self.policy = source, policy or source.policy
        source.skips = self.policy == "latest"
        self._ready: deque[Captured] = deque(maxlen=1 if source.skips else None)
        self._room = waiting
        self._changed = threading.Condition()
        self._ended = False
        self._fault: BaseException | None = None
        self._thread = threading.Thread(target=self._take, daemon=True, name="capture")

    def __enter__(self) -> Capture:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.source.close()
        with self._changed:
            self._changed.notify_all()
        # A camera may hold its thread for as long as it likes; the thread is a daemon.
        self._thread.join(_PATIENCE_S)

    def next(self, is_over: Callable[[], bool] = lambda: False) -> Captured | None:
        """The next frame, waited for; None when the source has ended, or when nobody wants one any more.

        Args:
            is_over: whether nobody does.

        Raises:
            SpectrackError: what the source raised, after all frames that came before.
        """
        with self._changed:
            while not self._ready and not self._ended and not is_over():
                self._changed.wait(_LOOK_S)
            if is_over():
                return None
            if self._ready:
                self._changed.notify_all()
                return self._ready.popleft()
        if self._fault is not None:
            raise self._fault
        return None

    def _take(self) -> None:
        try:
            for captured in self.source.frames():
                if not self._put(captured):
                    break
        except (
            BaseException
        ) as error:  # a camera's own code may fail in any way; it is raised where frames are asked for
            self._fault = error
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _put(self, captured: Captured) -> bool:
        """Hand a frame over, in place of one that waits where frames are dropped; False when nobody wants any more."""
        with self._changed:
            while self._ready.maxlen is None and len(self._ready) >= self._room and not self.source.closing.is_set():
                self._changed.wait(_LOOK_S)
            self._ready.append(captured)
            self._changed.notify_all()
        return not self.source.closing.is_set()
