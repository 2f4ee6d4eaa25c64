"""The user's folders, none of which has to be there: no home, a read-only one, or a file in its place will do.

A container that is started with a number for a user has no entry for it among the users, so no home either.
"""

from __future__ import annotations

import functools
import os
import sys
import tempfile
from pathlib import Path


def user_cache_folder() -> Path | None:
    """The user's folder for what can be made or fetched again; it need not exist. None without a home."""
    variable = {"win32": "LOCALAPPDATA", "darwin": ""}.get(sys.platform, "XDG_CACHE_HOME")
    named = Path(os.environ.get(variable) or "")
    if named.is_absolute():
        return named / "spectrack"
    home = expanded("~")
    if not home.is_absolute():
        return None
    below = {"win32": ("AppData", "Local"), "darwin": ("Library", "Caches")}.get(sys.platform, (".cache",))
    return home.joinpath(*below, "spectrack")


def cache_to_write(part: str) -> Path:
    """A folder in the user's cache, made; where that cannot be, a temporary one that goes when this process ends.

    Args:
        part: what it is for, which is its name.

    Raises:
        OSError: there is no temporary place either.
    """
    cache = user_cache_folder()
    if cache is not None:
        folder = cache / part
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            return temporary_cache(part)
        if os.access(folder, os.W_OK | os.X_OK):
            return folder
    return temporary_cache(part)


def temporary_cache(part: str) -> Path:
    """A folder that goes when this process ends, in place of one in the user's cache."""
    folder = Path(_temporary(os.getpid()).name, part)
    folder.mkdir(exist_ok=True)
    return folder


def expanded(path: str | os.PathLike[str]) -> Path:
    """A path with ``~`` or ``~somebody`` as that home; as it is where nobody knows it."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


@functools.cache
def _temporary(_: int) -> tempfile.TemporaryDirectory[str]:
    """A folder of one process: a copy of it, with the same memory and another number, makes its own."""
    return tempfile.TemporaryDirectory(prefix="spectrack-", ignore_cleanup_errors=True)
