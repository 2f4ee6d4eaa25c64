"""Writing a file whole or not at all: a temporary name beside the target, then one rename.

For files inside a claimed folder, and for callers who say themselves what may be replaced; see
`spectrack.files.claims`.
"""

from __future__ import annotations

import errno
import json
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

_NO_ROOM = {errno.ENOSPC, errno.EFBIG, errno.EIO, getattr(errno, "EDQUOT", errno.ENOSPC)}


@contextmanager
def naming(place: str | os.PathLike[str], temporary: Path | None = None) -> Iterator[None]:
    """Let a write that fails inside tell of the file as its user knows it.

    The system names no file where one that is open cannot grow, and else the name that it had until it was whole.

    Args:
        place: the file or folder that is written.
        temporary: where it is until it is whole.

    Example:
        >>> try:
        ...     with naming("runs/boxes.txt"):
        ...         raise OSError(errno.ENOSPC, "No space left on device")
        ... except OSError as error:
        ...     error.filename
        'runs/boxes.txt'
    """
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno in _NO_ROOM:
            error.filename = str(place)
        for name in ("filename", "filename2"):
            named = getattr(error, name)
            if temporary is not None and isinstance(named, str | os.PathLike):
                with suppress(ValueError):  # another file
                    setattr(error, name, str(Path(place) / Path(named).relative_to(temporary)))
        raise


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
    try:
        handle, name = tempfile.mkstemp(prefix=f".{target.stem}-", suffix=target.suffix, dir=target.parent)
    except OSError as error:
        error.filename = str(target)  # nobody knows the temporary one
        raise
    os.close(handle)
    temporary = Path(name)
    try:
        with naming(target, temporary):
            yield temporary
        # mkstemp makes the file private; the finished file gets the permissions any new file would.
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write UTF-8 text whole or not at all, with LF line ends."""
    with write_atomically(path) as temporary:
        # Names of files may hold bytes that are no text; JSON reads their numbers back as what they were.
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")


def write_json(path: str | os.PathLike[str], value: Any) -> None:
    """Write `value` as indented JSON whole or not at all; NaN and infinity are refused."""
    write_text(path, json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False) + "\n")


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
