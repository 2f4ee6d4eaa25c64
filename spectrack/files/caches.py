"""Folders of what can be made again: named after what they are made of, made once, and never changed afterwards.

A folder counts from when everything in it is complete. Who reads it keeps reading the same bytes: other ingredients
make another folder beside it. Two processes that want the same one wait for each other.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from spectrack.errors import SpectrackError
from spectrack.files.claims import claim_folder
from spectrack.files.manifest import Manifest
from spectrack.files.places import Terms
from spectrack.files.user_folders import cache_to_write, temporary_cache

reuse_log = logging.getLogger("spectrack.reuse")
"""Where it is said what is taken over from earlier; the command line shows it."""

_KIND = "cache"


def is_made(place: Path) -> bool:
    """Whether a folder was made, and is whole."""
    manifest = Manifest.read(place)
    return manifest.is_finished(_KIND) and manifest.has_all()


def make_once(place: Path, make: Callable[[Path], object]) -> bool:
    """Fill a folder unless it is there already, or another process is about to.

    Args:
        place: the folder.
        make: fills an empty folder, whose files come to `place` when all of them are there; nothing stays if it fails.

    Returns:
        whether it was made now.

    Raises:
        ConfigError: somebody else's files are there, or one of ours that has been changed.

    Example:
        >>> import tempfile
        >>> place = Path(tempfile.mkdtemp()) / "squares-1f3a"
        >>> make_once(place, lambda folder: (folder / "two").touch())
        True
        >>> make_once(place, lambda folder: (folder / "three").touch())
        False
        >>> (place / "two").exists(), (place / "three").exists()
        (True, False)
    """
    if is_made(place):
        return False
    with claim_folder(place, Terms(_KIND, resume=True), wait=True) as claim:
        if is_made(place):
            return False
        make(claim.staging)
        claim.publish()
    return True


def make_in_cache(part: str, name: str, make: Callable[[Path], object]) -> tuple[Path, bool]:
    """`make_once` in the user's cache; where that is full or cannot be written, in a folder of this process.

    Args:
        part: what the cache is for.
        name: of the folder in it, after what it is made of.
        make: as there.

    Returns:
        the folder, and whether it was made now.
    """
    try:
        place = cache_to_write(part) / name
        return place, make_once(place, make)
    except SpectrackError:
        raise  # some derive from OSError
    except OSError:
        place = temporary_cache(part) / name
        return place, make_once(place, make)
