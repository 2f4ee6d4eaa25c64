"""Writing files and folders whole or not at all: a temporary name beside the target, then one rename."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from spectrack.errors import ConfigError


@contextmanager
def write_atomically(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path beside `path`; it replaces `path` when the block ends well and vanishes when it does not.

    The suffix of `path` is kept, because encoders choose their format by it. Missing parent folders are made.

    Example:
        >>> import pathlib, tempfile
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> with write_atomically(folder / "boxes.txt") as temporary:
        ...     _ = temporary.write_text("1,2,3,4")
        >>> [file.name for file in folder.iterdir()]
        ['boxes.txt']
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{target.stem}-", suffix=target.suffix, dir=target.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        # mkstemp makes the file private; the finished file gets the permissions any new file would.
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def check_folder_for_results(path: str | os.PathLike[str], *, replace: Collection[str] = ()) -> None:
    """Refuse a place for results that is a file, or a folder with anything in it but the files named in `replace`.

    Args:
        path: the folder that is to hold results; it need not exist.
        replace: names of files of an earlier result that may go.

    Raises:
        ConfigError: the place is taken; the message names one of the files that are in the way.
    """
    target = Path(path)
    if target.exists() and not target.is_dir():
        raise ConfigError(f"expected a folder for the results, found the file {target}; name another folder")
    found = sorted(entry.name for entry in target.iterdir()) if target.is_dir() else []
    foreign = [name for name in found if name not in replace]
    if foreign:
        remedy = (
            "name another folder"
            if replace
            else "name another folder, or allow replacing earlier results (--overwrite)"
        )
        raise ConfigError(f"expected a new or empty folder for the results, found {foreign[0]!r} in {target}; {remedy}")


@contextmanager
def write_folder_atomically(path: str | os.PathLike[str], *, replace: Collection[str] = ()) -> Iterator[Path]:
    """Yield a temporary folder; its files appear in `path` when the block ends well and vanish when it does not.

    A folder that exists is kept (it may be a mount point or somebody's working directory) and the finished files are
    moved into it; else the temporary folder is renamed.

    Args:
        path: the folder; missing parents are made.
        replace: names of files and folders of an earlier result that go when the new ones come; others are never
            touched.

    Raises:
        ConfigError: see `check_folder_for_results`.

    Example:
        >>> import pathlib, tempfile
        >>> folder = pathlib.Path(tempfile.mkdtemp()) / "results"
        >>> with write_folder_atomically(folder) as temporary:
        ...     _ = (temporary / "boxes.txt").write_text("1,2,3,4")
        ...     folder.exists()
        False
        >>> [file.name for file in folder.iterdir()]
        ['boxes.txt']
    """
    target = Path(path)
    check_folder_for_results(target, replace=replace)
    exists = target.is_dir()
    home = target if exists else target.parent
    home.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=home))
    try:
        yield temporary
        if exists:
            for name in replace:
                old = target / name
                if old.is_dir() and not old.is_symlink():
                    shutil.rmtree(old)
                else:
                    old.unlink(missing_ok=True)
            for file in sorted(temporary.iterdir()):
                file.replace(target / file.name)
        else:
            temporary.chmod(0o777 & ~_umask())
            temporary.rename(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write UTF-8 text whole or not at all, with LF line ends."""
    with write_atomically(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: str | os.PathLike[str], value: Any) -> None:
    """Write `value` as indented JSON whole or not at all; NaN and infinity are refused."""
    write_text(path, json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False) + "\n")


def user_cache_folder() -> Path:
    """The user's folder for what can be made or fetched again; it need not exist."""
    home = Path.home()
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = home / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")
    return base / "spectrack"


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def number_key(name: str) -> tuple[tuple[tuple[int, int, str], ...], str]:
    """Sort key that compares runs of digits as numbers.

    Example:
        >>> sorted(["10.png", "2.png", "0001.png"], key=number_key)
        ['0001.png', '2.png', '10.png']
    """
    parts = re.findall(r"[0-9]+|[^0-9]+", Path(name).stem)
    return tuple((0, int(part), "") if part[0] in "0123456789" else (1, 0, part.lower()) for part in parts), name
