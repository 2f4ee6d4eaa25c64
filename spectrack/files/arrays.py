"""Arrays in files that are filled in place."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

_ZEROS = bytes(1 << 20)


def create_array(path: Path, shape: tuple[int, ...], kind: DTypeLike) -> np.memmap[Any, Any]:
    """A new .npy file of zeros, memory-mapped, with all of its space taken.

    Without that the file would have holes, and a disk that is full by the time one is filled ends the whole process
    with a signal (SIGBUS) that no program can put into words.

    Args:
        path: of the file; replaced where it exists.
        shape: of the array.
        kind: of its numbers.

    Raises:
        OSError: the disk has not so much space.
    """
    array: np.memmap[Any, Any] = np.lib.format.open_memmap(path, mode="w+", dtype=np.dtype(kind), shape=shape)
    size = path.stat().st_size
    with path.open("r+b") as file:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, size)
        else:
            file.seek(size - array.nbytes)
            for start in range(0, array.nbytes, len(_ZEROS)):
                file.write(_ZEROS[: array.nbytes - start])
    return array
