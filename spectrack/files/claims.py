"""Who may write where: nothing that a run of spectrack did not write is ever removed or replaced.

Whoever writes into a folder claims it first. A claim keeps other processes out, refuses what is in the way before
anything is changed, and lists every file in the folder's manifest (`spectrack.files.manifest`) before it appears.

A folder that appears as a whole::

    with write_folder("runs/ball", Terms("recording", overwrite=True, names=("boxes.txt",))) as staging:
        (staging / "boxes.txt").write_text("1,2,3,4")

A folder that grows, and that the same command takes up again::

    with claim_folder("runs/suite/cf", Terms("run", resume=True, names=("plan.json",))) as claim:
        if claim.holds("plan.json"):
            ...                                       # compare configurations, refuse: nothing was changed yet
        claim.write_json("plan.json", plan)
        with claim.writing("boxes/a.txt") as temporary:
            temporary.write_text("1,2,3,4")

One file beside whatever else a folder holds::

    with write_file("runs/ball/scores-hot.json", FileTerms("scores")) as temporary:
        temporary.write_text("{}")

Files of ours are replaced only while they still hold what was written: one that somebody edited since is theirs.
`check_folder` and `check_file` refuse what a claim would refuse, for callers with long work to do before they claim.
"""

from __future__ import annotations

import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import Any

from spectrack.errors import ConfigError
from spectrack.files.manifest import LOCK, LOCK_CONTENT, STAGING, Content, Manifest, Run
from spectrack.files.places import FileTerms, Place, Terms, check_file, check_folder, refuse_occupied
from spectrack.files.writing import naming, write_json, write_text

_FOREVER = -1


class Claim:
    """A folder that this process alone writes to; see `claim_folder`."""

    def __init__(self, path: Path, terms: Terms, manifest: Manifest) -> None:
        self.path, self.terms, self._manifest = path, terms, manifest
        self._number = secrets.token_hex(8)
        self._staging = path / f"{STAGING}{self._number}"
        self._placed: set[str] = set()
        self._count = 0

    @property
    def staging(self) -> Path:
        """A folder on the same file system for what is not finished; everything in it is ours, and goes at the end."""
        self._begin()
        return self._staging

    def holds(self, name: str) -> bool:
        """Whether an earlier run of the same kind wrote a file that is still there as it was written."""
        return self.terms.kind in self._manifest.kinds(name) and self._manifest.is_ours(name)

    def names(self, folder: str = "") -> list[str]:
        """Names of our files of this kind that are there, in a sub-folder or all, edited or not, sorted."""
        known = (name for name in self._manifest.contents if self.terms.kind in self._manifest.kinds(name))
        inside = (name for name in known if not folder or name.startswith(f"{folder}/"))
        return sorted(name for name in inside if self._manifest.obstacle(name) is not None)

    @contextmanager
    def writing(self, name: str) -> Iterator[Path]:
        """Yield a temporary path with the same suffix; it becomes the file when the block ends well.

        Args:
            name: relative to the folder, with slashes.

        Raises:
            ConfigError: what is there is not ours.
        """
        self._count += 1
        temporary = self.staging / f"{self._count}-{Path(name).name}"
        try:
            with naming(self._manifest.path(name), temporary):
                yield temporary
            self._place({name: temporary})
        finally:
            temporary.unlink(missing_ok=True)

    def write_text(self, name: str, text: str) -> None:
        """Write UTF-8 text whole or not at all, with LF line ends."""
        with self.writing(name) as temporary:
            write_text(temporary, text)

    def write_json(self, name: str, value: Any) -> None:
        """Write indented JSON whole or not at all."""
        with self.writing(name) as temporary:
            write_json(temporary, value)

    def publish(self) -> None:
        """Move everything in `staging` to its place, new over old, and remove what the new result no longer has."""
        found = [path for path in sorted(self.staging.rglob("*")) if not path.is_dir()]
        files = {path.relative_to(self.staging).as_posix(): path for path in found}
        self._place(files)
        self.remove(name for name in self._replaceable() if name not in files)

    def remove(self, names: Iterable[str]) -> None:
        """Remove files of ours, and folders that are empty then; names that are not there are passed over.

        Raises:
            ConfigError: one is no longer as it was written; then none is removed.
        """
        present = [name for name in names if self._manifest.obstacle(name) is not None]
        for name in present:
            refuse_occupied(self._manifest, name, self.terms)
        for name in present:
            self._begin()
            self._manifest.path(name).unlink()
            self._manifest.forget(name)
            self._placed.discard(name)
            self._remove_empty_folders(name)

    def clear(self) -> None:
        """Remove everything that an earlier run of this kind wrote."""
        self.remove(self._replaceable())

    def _begin(self) -> None:
        """Enter the run into the manifest, unless that is done, and remove what killed runs left unfinished."""
        if self._staging.is_dir():
            return
        for leftover in self._manifest.leftovers():
            if leftover.is_dir():
                shutil.rmtree(leftover)
            else:
                leftover.unlink()
        self._manifest.begin(self._number, Run(self.terms.kind, _version(), self.terms.single))
        self._staging.mkdir()

    def _replaceable(self) -> list[str]:
        return [name for name in self._manifest.contents if self._manifest.kinds(name) & self.terms.kinds]

    def _place(self, files: Mapping[str, Path]) -> None:
        for name in files:
            refuse_occupied(self._manifest, name, self.terms)
        free = {name for name in files if self._manifest.obstacle(name) is None}
        self._placed -= files.keys()
        self._manifest.record({name: Content.of(path, self._number) for name, path in files.items()})
        for name, temporary in files.items():
            target = self._manifest.path(name)
            if name in free and self._manifest.obstacle(name) is not None:  # it came while we were looking
                refuse_occupied(self._manifest, name, self.terms)
            target.parent.mkdir(parents=True, exist_ok=True)
            temporary.replace(target)
            self._placed.add(name)

    def _remove_empty_folders(self, name: str) -> None:
        for parent in PurePosixPath(name).parents[:-1]:
            with suppress(OSError):
                (self.path / parent).rmdir()

    def _close(self, *, well: bool) -> None:
        """End the run: temporary files go, the manifest becomes short.

        The manifest comes last: what a kill leaves behind before it, the next run of an unfinished result clears.
        """
        if self._number not in self._manifest.runs:
            return
        if self._staging.is_dir():
            shutil.rmtree(self._staging)
        for name in self._manifest.contents:
            if self._manifest.obstacle(name) is None:  # it was about to be placed
                self._remove_empty_folders(name)
        self._manifest.runs[self._number].finished = well
        temporary = self._manifest.shortened(self._number)
        try:
            self._manifest.rewrite(temporary, self._placed)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def claim_folder(path: Place, terms: Terms, *, wait: bool = False) -> Iterator[Claim]:
    """Claim a folder for the length of the block; nothing is changed before the first file is written or removed.

    Args:
        path: the folder; made where it is missing, and removed again when nothing was written.
        terms: see `Terms`.
        wait: until another process that writes there is done, in place of refusing.

    Raises:
        ConfigError: another process writes there, or what `check_folder` refuses.
    """
    target = Path(path)
    check_folder(target, terms)
    made = [folder for folder in (target, *target.parents) if not folder.exists()]
    try:
        target.mkdir(parents=True, exist_ok=True)
        with _locked(target, wait=wait):
            claim = Claim(target, terms, check_folder(target, terms))
            try:
                yield claim
            except BaseException:
                with suppress(OSError):  # a disk that is full is full for the manifest too; what failed first is told
                    claim._close(well=False)
                raise
            claim._close(well=True)
    finally:
        for folder in made:
            with suppress(OSError):  # something was written
                folder.rmdir()


@contextmanager
def write_folder(path: Place, terms: Terms) -> Iterator[Path]:
    """Yield an empty folder; its files appear in `path` when the block ends well, and vanish when it does not.

    Args:
        path: the folder; it must not exist or be empty, unless an earlier result of this kind may go.
        terms: see `Terms`.

    Raises:
        ConfigError: see `claim_folder`.

    Example:
        >>> import pathlib, tempfile
        >>> folder = pathlib.Path(tempfile.mkdtemp()) / "results"
        >>> with write_folder(folder, Terms("recording")) as staging:
        ...     _ = (staging / "boxes.txt").write_text("1,2,3,4")
        ...     (folder / "boxes.txt").exists()
        False
        >>> sorted(file.name for file in folder.iterdir())
        ['boxes.txt', 'spectrack-manifest.jsonl']
    """
    with claim_folder(path, terms) as claim:
        with naming(path, claim.staging):
            yield claim.staging
        claim.publish()


@contextmanager
def write_file(path: Place, terms: FileTerms) -> Iterator[Path]:
    """Yield a temporary path for one file beside whatever else its folder holds.

    Args:
        path: the file.
        terms: see `FileTerms`.

    Raises:
        ConfigError: the file is there and not ours, or may not be replaced; another process writes into the folder.
    """
    target = Path(path)
    check_file(target, terms)
    with claim_folder(target.parent, terms.beside_others(target.name)) as claim, claim.writing(target.name) as file:
        yield file


def _version() -> str:
    # Not by an import statement: the names that the package gives out lead type checkers back to here.
    return str(sys.modules["spectrack"].__version__)


def _check_takes_files(path: Path) -> None:
    """Refuse a file system that takes no new files, such as /proc, where every lock looks as if it were held.

    Raises:
        OSError: it is one, told by the name of the folder.
    """
    try:
        tempfile.TemporaryFile(dir=path).close()
    except OSError as error:
        error.filename = str(path)
        raise


@contextmanager
def _locked(path: Path, *, wait: bool) -> Iterator[None]:
    from filelock import FileLock, Timeout  # loads asyncio, which help texts need not wait for

    file = path / LOCK
    made = not os.path.lexists(file)
    if not made and (file.is_symlink() or not file.is_file() or file.read_bytes() not in (b"", LOCK_CONTENT)):
        raise ConfigError(
            f"expected the lock of spectrack at {file}, found another file; move it, or name another folder"
        )
    lock = FileLock(file, thread_local=False)
    try:
        lock.acquire(timeout=_FOREVER if wait else 0)
    except Timeout:
        _check_takes_files(path)
        raise ConfigError(
            f"expected to be alone in writing to {path}, found another process; wait for it, or name another folder"
        ) from None
    except OSError as error:
        error.filename = str(path)
        raise
    try:
        if made:
            with naming(path):
                file.write_bytes(LOCK_CONTENT)
        yield
    finally:
        # Removed while it is held, so that nobody else's lock goes; where open files stay, releasing removes it.
        if os.name == "posix" and (made or file.read_bytes() == LOCK_CONTENT):
            file.unlink(missing_ok=True)
        lock.release()
