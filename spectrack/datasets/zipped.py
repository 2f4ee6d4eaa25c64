"""Sequences in .zip files: what is inside, refused unless every member stays inside, and a temporary copy of one.

The copy lives as long as the sequence that reads it. It is made in the user's cache folder, or in the folder that the
environment variable SPECTRACK_SCRATCH names, where a larger disk is wanted.
"""

from __future__ import annotations

import lzma
import os
import re
import shutil
import socket
import stat
import tempfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from spectrack.errors import SequenceError
from spectrack.files import cache_to_write
from spectrack.files.writing import naming
from spectrack.signs import size_text

SCRATCH_VARIABLE = "SPECTRACK_SCRATCH"
"""Environment variable: folder for temporary copies of zipped sequences."""

LARGEST_SEQUENCE = 64 * 2**30
"""Bytes; the longest sequence of the field takes about 6 GiB."""

_SPARE = 2**30
_LARGEST_TEXT = 2**20
_CHUNK = 2**20
_MARK = ".spectrack-temporary"
"""Empty file in every scratch folder."""

_TEXTS = (".txt", ".json", ".hdr")
_FAULTS = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, RuntimeError, ValueError, OSError),
)
"""What zipfile raises on damaged, encrypted or exotic archives."""


def list_members(archive: Path) -> dict[str, list[str]]:
    """Names of the files in an archive by their folder ("" at its top); only the archive's directory is read.

    Raises:
        SequenceError: no archive, or one with a member that is absolute, climbs out with "..", or is a link.
    """
    with _opened(archive) as opened:
        folders: dict[str, list[str]] = {}
        for info in opened.infolist():
            _check_member(info, archive)
            if not info.is_dir():
                folder, _, name = info.filename.rpartition("/")
                folders.setdefault(folder, []).append(name)
        return folders


def read_text_member(archive: Path, member: str) -> bytes:
    """The content of a small text file in an archive.

    Raises:
        SequenceError: the archive or the member is damaged, or larger than a text.
    """
    with _opened(archive) as opened:
        try:
            info = opened.getinfo(member)
            _check_member(info, archive)
            with opened.open(info) as file:
                data = file.read(_LARGEST_TEXT + 1)
        except (KeyError, *_FAULTS) as error:
            raise _damaged(archive, member, error) from error
    if len(data) > _LARGEST_TEXT:
        raise SequenceError(
            f"expected a small text file {member} in {archive}, found more than 1 MiB; correct the archive"
        )
    return data


def extract_folder(archive: Path, folder: str, target: Path) -> None:
    """Copy one folder of an archive, and the texts in the folders above it, below `target`.

    Args:
        archive: the .zip file.
        folder: the folder inside it, "" for its top.
        target: where the archive's top goes.

    Raises:
        SequenceError: an unsafe or damaged archive, one too large for the disk or for a sequence.
    """
    with _opened(archive) as opened:
        wanted = _members_of(opened, archive, folder)
        _check_room(archive, sum(info.file_size for info in wanted), target)
        for info in wanted:
            _extract(opened, info, target, archive)


def extract_texts(archive: Path, target: Path, suffixes: tuple[str, ...]) -> None:
    """Copy the small files with some suffixes out of an archive, each to its place below `target`.

    Raises:
        SequenceError: an unsafe or damaged archive.
    """
    with _opened(archive) as opened:
        for info in _members_of(opened, archive, ""):
            if info.filename.lower().endswith(suffixes) and info.file_size <= _LARGEST_TEXT:
                _extract(opened, info, target, archive)


def checksums(archive: Path, folder: str) -> list[tuple[str, int, int]]:
    """Name, size and CRC-32 of every file that `extract_folder` would copy; nothing is unpacked.

    Raises:
        SequenceError: an unsafe or damaged archive.
    """
    with _opened(archive) as opened:
        found = _members_of(opened, archive, folder)
    return [(info.filename, info.file_size, info.CRC) for info in found]


def make_scratch_folder() -> Path:
    """A new folder for a temporary copy; folders that finished processes of this machine left behind are removed.

    Raises:
        SequenceError: no place to write.
    """
    base = Path(os.environ.get(SCRATCH_VARIABLE) or cache_to_write("extracted"))
    host = re.sub(r"[^A-Za-z0-9]+", "", socket.gethostname()) or "host"
    try:
        base.mkdir(parents=True, exist_ok=True)
        for left in base.glob(f"{host}-*-*"):
            owner = left.name.split("-")[1]
            ours = (left / _MARK).is_file()  # the name alone may be somebody else's
            if ours and owner.isdigit() and not _is_running(int(owner)):
                shutil.rmtree(left, ignore_errors=True)
        made = Path(tempfile.mkdtemp(prefix=f"{host}-{os.getpid()}-", dir=base))
        (made / _MARK).touch()
        return made
    except OSError as error:
        raise SequenceError(
            f"expected to write a temporary copy of a zipped sequence below {base}, found: {error.strerror or error}; "
            f"name another folder in {SCRATCH_VARIABLE}, or unzip the data set"
        ) from error


def _opened(archive: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(archive)
    except _FAULTS as error:
        raise SequenceError(
            f"expected a complete .zip file at {archive}, found: {str(error)[:120]}; copy or download it again"
        ) from error


def _members_of(opened: zipfile.ZipFile, archive: Path, folder: str) -> list[zipfile.ZipInfo]:
    """The files of one folder of an archive, and the texts in the folders above it."""
    above = {str(parent) for parent in PurePosixPath(folder).parents} | {"."} if folder else set()
    found = []
    for info in opened.infolist():
        _check_member(info, archive)
        home = str(PurePosixPath(info.filename).parent)
        inside = not folder or home == folder or home.startswith(folder + "/")
        if not info.is_dir() and (inside or (home in above and info.filename.lower().endswith(_TEXTS))):
            found.append(info)
    return found


def _check_member(info: zipfile.ZipInfo, archive: Path) -> None:
    """Refuse members that would be written elsewhere than below the target."""
    # The name as stored: zipfile itself has turned some separators and cut the name at a null byte.
    names = {info.filename, info.orig_filename}
    unsafe = any(
        not name
        or "\\" in name
        or "\0" in name
        or name.startswith("/")
        or re.match(r"[A-Za-z]:", name)
        or ".." in name.split("/")
        for name in names
    )
    if unsafe or stat.S_ISLNK(info.external_attr >> 16):
        kind = "a link" if not unsafe else "one that leads out of the archive or has no name"
        raise SequenceError(
            f"expected only files below the top of {archive}, found {kind}: {info.orig_filename[:80]!r}; "
            "do not use this archive, or unzip it by hand where it can do no harm"
        )


def _check_room(archive: Path, size: int, target: Path) -> None:
    if size > LARGEST_SEQUENCE:
        raise SequenceError(
            f"expected at most {LARGEST_SEQUENCE / 2**30:.0f} GiB for one sequence in {archive}, "
            f"found {size / 2**30:.0f} GiB; unzip it by hand, or do not use this archive"
        )
    free = shutil.disk_usage(target).free
    if size + _SPARE > free:
        raise SequenceError(
            f"expected {size_text(size + _SPARE)} of free space below {target} for a temporary copy of "
            f"{archive}, found {size_text(free)}; free space, or name another folder in {SCRATCH_VARIABLE}"
        )


def _extract(opened: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path, archive: Path) -> None:
    path = target.joinpath(*info.filename.split("/"))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        left = info.file_size
        with opened.open(info) as source, naming(path), path.open("wb") as sink:
            # No more than was announced, whatever the compressed data hold.
            while left > 0 and (chunk := source.read(min(_CHUNK, left))):
                sink.write(chunk)
                left -= len(chunk)
            if left > 0 or source.read(1):
                raise SequenceError(
                    f"expected {info.file_size} bytes of {info.filename} in {archive}, found others; download it again"
                )
    except _FAULTS as error:
        if isinstance(error, SequenceError):
            raise
        raise _damaged(archive, info.filename, error) from error


def _damaged(archive: Path, member: str, error: Exception) -> SequenceError:
    return SequenceError(
        f"expected {member[:80]} in {archive} to be readable, found: {str(error)[:120]}; download the archive again"
    )


def _is_running(process: int) -> bool:
    if os.name != "posix":
        return True  # a signal of 0 would end the process there; leftovers stay for the user to remove
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
