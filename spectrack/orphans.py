"""Worker processes that end with the process they work for.

Workers of joblib wait for their next task, for minutes also when nobody is left to give one: after a kill they would
hold memory, and go on with what they had begun.
"""

from __future__ import annotations

import functools
import os
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

Result = TypeVar("Result")

_LOOK_EVERY_S = 1.0


def task(function: Callable[..., Any]) -> Callable[..., Any]:
    """`joblib.delayed` for workers on this machine: one that does the task ends when the present process has ended.

    Args:
        function: picklable.
    """
    from joblib import delayed

    delay: Callable[..., Any] = delayed(functools.partial(_call, os.getpid(), function))
    return delay


def _call(parent: int, function: Callable[..., Result], *arguments: Any, **named: Any) -> Result:
    _end_with(parent)
    return function(*arguments, **named)


@functools.cache
def _end_with(parent: int) -> None:
    """Watch for the end of the parent process, from now on; a call in that process itself does nothing."""
    # Windows keeps the number of a parent that has gone.
    if os.name == "posix" and os.getpid() != parent:
        threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOK_EVERY_S)
    os._exit(1)
