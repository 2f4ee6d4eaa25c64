"""How a training uses the machine: memory that is kept, threads that stay as many as they were."""

from __future__ import annotations

import ctypes
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from spectrack.signs import counted

_log = logging.getLogger(__name__)


def keep_memory() -> None:
    """Let the C library keep freed memory: every step otherwise maps and clears the same hundreds of megabytes again.

    That cost a tenth of the training time on Linux. Elsewhere there is no such switch, and nothing happens.
    """
    library = ctypes.CDLL(None) if sys.platform == "linux" else None
    if library is not None and hasattr(library, "mallopt"):
        trim_threshold, mmap_max = -1, -4
        library.mallopt(mmap_max, 0)
        library.mallopt(trim_threshold, 2**31 - 1)


@contextmanager
def torch_threads(count: int | None) -> Iterator[None]:
    """Let torch compute with so many threads meanwhile, as a run began.

    Sums are split among threads: with another number the last digits of gradients differ, and in time the weights do.

    Args:
        count: at least 1; None for as many as there are.
    """
    usual = torch.get_num_threads()
    if count is not None and count != usual:
        _log.info("the training goes on with %s, as it began", counted(count, "thread"))
        torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(usual)
