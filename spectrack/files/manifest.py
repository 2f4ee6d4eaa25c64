"""The manifest of a folder: which of its files spectrack wrote, with size and SHA-256 of each.

One JSON object a line. A line that names a run begins it, the lines below name its files, each written *before* its
file appears, and the last says that the run ended as it should. Lines are only ever added, so that a kill at any moment
leaves a manifest that names everything of ours; a run that ends rewrites it short, in one rename.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spectrack.errors import ConfigError
from spectrack.files.fingerprints import file_digest
from spectrack.files.writing import naming

MANIFEST = "spectrack-manifest.jsonl"
STAGING = ".spectrack-"
"""Begins the name of a folder of unfinished files; the number of its run follows."""

LOCK = ".spectrack-lock"
"""Held by the process that writes into the folder."""

LOCK_CONTENT = b"held while spectrack writes into this folder\n"

_LARGEST = 256 * 2**20


@dataclass(frozen=True)
class Content:
    """What a run wrote, or was about to write, under some name."""

    run: str
    size: int
    sha256: str

    @classmethod
    def of(cls, path: Path, run: str) -> Content:
        """The content of an existing file."""
        return cls(run, path.stat().st_size, file_digest(path))

    def is_in(self, path: Path) -> bool:
        """Whether a file has this content."""
        return path.stat().st_size == self.size and Content.of(path, self.run) == self


@dataclass
class Run:
    """A call that wrote into the folder.

    Attributes:
        kind: what it wrote, such as ``recording``.
        version: of the package.
        single: it wrote one file beside whatever else the folder holds.
        finished: it ended as it should.
    """

    kind: str
    version: str
    single: bool = False
    finished: bool = False


@dataclass
class Manifest:
    """What spectrack wrote into a folder.

    Attributes:
        folder: the folder.
        runs: by their random numbers, in order.
        contents: by name relative to the folder, with slashes: what was written there, the newest last.
    """

    folder: Path
    runs: dict[str, Run] = field(default_factory=dict)
    contents: dict[str, list[Content]] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """The manifest of a folder; empty where there is none.

        Raises:
            ConfigError: a file of that name that is no manifest.
        """
        found, file = cls(folder), folder / MANIFEST
        if not os.path.lexists(file):
            return found
        plain = file.is_file() and not file.is_symlink() and file.stat().st_size <= _LARGEST
        lines = file.read_bytes().decode("utf-8", "surrogateescape").splitlines() if plain else [""]
        if not all(found._take(_parsed(line)) for line in lines):
            raise ConfigError(
                f"expected the list of what spectrack wrote in {file}, found something else; move it, or name another"
            )
        return found

    def kinds(self, name: str) -> set[str]:
        """The kinds of the runs that wrote a file."""
        return {self.runs[content.run].kind for content in self.contents.get(name, ())}

    def path(self, name: str) -> Path:
        """Where the file of a name is."""
        return self.folder.joinpath(*name.split("/"))

    def obstacle(self, name: str) -> Path | None:
        """What is where the file of a name should go, or where its folder should; None where the place is free.

        A link is never followed below the folder: what it leads to lies elsewhere and is not ours.
        """
        path = self.path(name)
        above = [parent for parent in path.parents if parent != self.folder and parent.is_relative_to(self.folder)]
        for parent in reversed(above):
            if parent.is_symlink() or (parent.exists() and not parent.is_dir()):
                return parent
        return path if os.path.lexists(path) else None

    def is_ours(self, name: str) -> bool:
        """Whether a file of this name is there and still holds what spectrack wrote."""
        path = self.path(name)
        if self.obstacle(name) != path or path.is_symlink() or not path.is_file():
            return False
        return any(content.is_in(path) for content in reversed(self.contents.get(name, [])))

    def is_finished(self, kind: str) -> bool:
        """Whether something of this kind is there, and whole."""
        used = {content.run for contents in self.contents.values() for content in contents}
        runs = [self.runs[number] for number in used if self.runs[number].kind == kind]
        return bool(runs) and all(run.finished for run in runs)

    def has_all(self) -> bool:
        """Whether everything that is listed is there, in a size that it had when it was written."""
        for name, contents in self.contents.items():
            path = self.path(name)
            if not path.is_file() or path.stat().st_size not in {content.size for content in contents}:
                return False
        return True

    @property
    def is_interrupted(self) -> bool:
        """Whether files of a run that did not end as it should are there, maybe beside older ones."""
        return any(not self.runs[content.run].finished for contents in self.contents.values() for content in contents)

    def leftovers(self) -> list[Path]:
        """Folders of unfinished files, and unfinished manifests, that runs which are over left."""
        places = (place for run in self.runs for place in (self.folder / f"{STAGING}{run}", self.shortened(run)))
        return [place for place in places if place.is_dir() or place.is_file()]

    def shortened(self, run: str) -> Path:
        """Where a run that ends writes the manifest anew, before that takes the place of the old one."""
        return self.folder / f"{STAGING}{run}.jsonl"

    def begin(self, number: str, run: Run) -> None:
        """Add a run; makes the manifest where there is none."""
        self._append([_run_line(number, run)])
        self.runs[number] = run

    def record(self, contents: dict[str, Content]) -> None:
        """Add files that are about to appear."""
        self._append([_file_line(name, content) for name, content in contents.items()])
        for name, content in contents.items():
            self.contents.setdefault(name, []).append(content)

    def forget(self, name: str) -> None:
        """Say that a file is gone."""
        self._append([{"removed": name}])
        del self.contents[name]

    def rewrite(self, temporary: Path, placed: Iterable[str] = ()) -> None:
        """Write the manifest anew without what has passed; where nothing is left to say, it goes.

        Args:
            temporary: where to write it, on the same file system; replaces the manifest when it is whole.
            placed: names whose newest content is known to have reached its place.
        """
        for name in placed:
            del self.contents[name][:-1]
        for name in [name for name in self.contents if not os.path.lexists(self.path(name))]:
            del self.contents[name]
        used = {content.run for contents in self.contents.values() for content in contents}
        self.runs = {number: run for number, run in self.runs.items() if number in used}
        lines: list[dict[str, Any]] = []
        for number, run in self.runs.items():
            lines.append(_run_line(number, run))
            lines += [
                _file_line(name, content)
                for name, contents in sorted(self.contents.items())
                for content in contents
                if content.run == number
            ]
            lines += [{"finished": number}] if run.finished else []
        if lines:
            with naming(self.folder / MANIFEST, temporary):
                temporary.write_bytes(_encoded(lines))
            temporary.replace(self.folder / MANIFEST)
        else:
            (self.folder / MANIFEST).unlink(missing_ok=True)

    def _append(self, lines: list[dict[str, Any]]) -> None:
        file = self.folder / MANIFEST
        before = file.stat().st_size if file.exists() else 0
        try:
            with naming(file), file.open("ab+") as sink:
                torn = False
                if sink.tell():
                    sink.seek(-1, os.SEEK_END)
                    torn = sink.read(1) != b"\n"
                sink.write((b"\n" if torn else b"") + _encoded(lines))
        except OSError:
            # A disk may be full in the middle of a line, and a manifest that begins with half a one would be none.
            if before:
                os.truncate(file, before)
            else:
                file.unlink(missing_ok=True)
            raise

    def _take(self, line: Any) -> bool:
        """Apply a line; False where it is none of ours."""
        match line:
            case {"run": str(number), "kind": str(kind), "spectrack": str(version)} if number.isalnum():
                self.runs[number] = Run(kind, version, bool(line.get("single")))
            case {"file": str(name), "bytes": int(size), "sha256": str(digest), "run": str(run)} if run in self.runs:
                if not _is_safe(name):
                    return False
                self.contents.setdefault(name, []).append(Content(run, size, digest))
            case {"removed": str(name)}:
                self.contents.pop(name, None)
            case {"finished": str(number)} if number in self.runs:
                self.runs[number].finished = True
            case _:
                # A kill may tear one line, whose file then did not appear; the run after it goes on below.
                return bool(self.runs)
        return True


def _run_line(number: str, run: Run) -> dict[str, Any]:
    return {"run": number, "kind": run.kind, "spectrack": run.version} | ({"single": True} if run.single else {})


def _file_line(name: str, content: Content) -> dict[str, Any]:
    return {"file": name, "bytes": content.size, "sha256": content.sha256, "run": content.run}


def _encoded(lines: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode("utf-8", "surrogateescape")


def _parsed(line: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _is_safe(name: str) -> bool:
    """A manifest may come with a folder from anywhere: it must not lead out of it."""
    odd = "\\:\0" if os.name == "nt" else "\0"
    return not {"", ".", ".."} & set(name.split("/")) and not any(sign in name for sign in odd)
