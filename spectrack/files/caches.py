"""Folders of what can be made again: named after what they are made of, made once, and never changed afterwards.

A folder appears under its name when everything in it is complete. Who reads it keeps reading the same bytes: other
ingredients make another folder beside it. Two processes that want the same one wait for each other.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

reuse_log = logging.getLogger("spectrack.reuse")
"""Where it is said what is taken over from earlier; the command line shows it."""


@contextmanager
def making(place: Path) -> Iterator[None]:
    """Keep other processes from making the same folder for the length of the block; they wait.

    Args:
        place: the folder; a small lock file stays beside it.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(place.with_name(f".{place.name}.lock")):
        for left in (*place.parent.glob(f".{place.name}-*"), *place.glob(".*-*")):
            shutil.rmtree(left, ignore_errors=True)  # of a process that was killed: who lives holds the lock
        yield


def make_folder(place: Path, make: Callable[[Path], object]) -> None:
    """Let `make` fill an empty folder that gets the name `place` when it is done; nothing is left when it fails."""
    place.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{place.name}-", dir=place.parent))
    try:
        folder = temporary / place.name
        folder.mkdir()
        make(folder)
        folder.rename(place)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def make_once(place: Path, make: Callable[[Path], object]) -> bool:
    """Fill a folder unless it is there already, or another process is about to.

    Returns:
        whether it was made now.

    Example:
        >>> place = Path(tempfile.mkdtemp()) / "squares-1f3a"
        >>> make_once(place, lambda folder: (folder / "two").touch())
        True
        >>> make_once(place, lambda folder: (folder / "three").touch())
        False
        >>> [file.name for file in place.iterdir()]
        ['two']
    """
    if place.is_dir():
        return False
    with making(place):
        if place.is_dir():
            return False
        make_folder(place, make)
    return True
