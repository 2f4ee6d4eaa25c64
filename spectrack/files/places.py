"""Whether a place may be written to: what is in the way is refused in one sentence, before anything is changed."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from pathlib import Path

from spectrack.errors import ConfigError
from spectrack.files.manifest import LOCK, MANIFEST, Manifest

Place = str | os.PathLike[str]


def resolved(path: Place) -> Path:
    """The absolute path without links; a loop of links stays as it is, and fails where it is opened."""
    return Path(os.path.realpath(path))


@dataclass(frozen=True)
class Terms:
    """What somebody who wants to write into a folder asks for.

    Attributes:
        kind: what is written, such as ``recording``; only files of the same kind are ever replaced.
        overwrite: replace an earlier result of the same kind.
        resume: go on with what is there of the same kind.
        empty: refuse a folder with files of others in which nothing of this kind was begun; hidden ones do not count.
        names: files that will be written for sure, as far as they are known; refused early where others have them.
        inputs: files and folders that are read: never the same place, and never replaced.
        data: inputs that the folder must not lie in either, such as frames and data sets.
        also: kinds of single files that are out of date when this one is overwritten.
        single: one file beside whatever else the folder holds.
        once: nobody is offered to overwrite it.
    """

    kind: str
    overwrite: bool = False
    resume: bool = False
    empty: bool = True
    names: tuple[str, ...] = ()
    inputs: tuple[Path, ...] = ()
    data: tuple[Path, ...] = ()
    also: tuple[str, ...] = ()
    single: bool = False
    once: bool = False

    @property
    def kinds(self) -> set[str]:
        """All kinds whose files may go."""
        return {self.kind, *self.also}


@dataclass(frozen=True)
class FileTerms:
    """What somebody who wants to write a single file asks for.

    Attributes:
        kind: what is written, such as ``scores``.
        overwrite: replace the file where an earlier call wrote one of this kind and nobody changed it since.
        inputs: see `Terms`.
        data: see `Terms`.
    """

    kind: str
    overwrite: bool = True
    inputs: tuple[Path, ...] = ()
    data: tuple[Path, ...] = ()

    def beside_others(self, name: str) -> Terms:
        """The terms for the folder that a file of this name lies in."""
        return Terms(self.kind, resume=True, empty=False, names=(name,), single=True)


def check_file(path: Place, terms: FileTerms) -> None:
    """Refuse a file that `spectrack.files.claims.write_file` would refuse.

    Raises:
        ConfigError: a folder, an input, a file that is not ours, or one that may not be replaced.
    """
    target = Path(path)
    if target.is_dir():
        raise ConfigError(f"expected the name of a file to write, found the folder {target}; name a file in it")
    _refuse_inputs(target, Manifest(target), terms)
    if not terms.overwrite and os.path.lexists(target):
        raise ConfigError(f"expected no file at {target}, found one; name another, or add --overwrite")
    check_folder(target.parent, terms.beside_others(target.name))


def check_folder(place: Place, terms: Terms) -> Manifest:
    """Refuse a folder that `spectrack.files.claims.claim_folder` would refuse; nothing is changed.

    Returns:
        What the manifest of a folder that is not refused says.

    Raises:
        ConfigError: a file or a link; files that are not ours where ours should go; results that may not be
            overwritten, or were changed since; an input.
        OSError: a folder in which nothing may be written.
    """
    path = Path(place)
    nearest = next((place for place in (path, *path.parents) if os.path.lexists(place)), path)
    if os.path.lexists(nearest) and not nearest.is_dir():
        found = "file" if nearest.exists() else "broken link"
        raise ConfigError(f"expected a folder for the results, found the {found} {nearest}; name another folder")
    if nearest.is_dir() and not os.access(nearest, os.W_OK | os.X_OK):
        is_read_only = hasattr(os, "statvfs") and os.statvfs(nearest).f_flag & os.ST_RDONLY
        number = errno.EROFS if is_read_only else errno.EACCES
        raise OSError(number, os.strerror(number), str(nearest))
    manifest = Manifest.read(path)
    _refuse_inputs(path, manifest, terms)
    _refuse_taken(path, manifest, terms)
    for name in terms.names:
        refuse_occupied(manifest, name, terms)
    return manifest


def refuse_occupied(manifest: Manifest, name: str, terms: Terms) -> None:
    """Refuse to put a file where something is that we did not write.

    Raises:
        ConfigError: something else is there, or our file was changed since.
    """
    found = manifest.obstacle(name)
    if found is None:
        return
    if found != manifest.path(name) or not manifest.kinds(name) & terms.kinds:
        raise ConfigError(
            f"expected to write {name} into {manifest.folder}, found {found}, which no {MANIFEST} there lists "
            f"under {terms.kind!r}; name another folder, or move it away (results of an older version are only read)"
        )
    if not manifest.is_ours(name):
        raise ConfigError(
            f"expected {found} as spectrack wrote it, found it changed since; move it away, or name another folder"
        )


def _refuse_inputs(path: Path, manifest: Manifest, terms: Terms | FileTerms) -> None:
    target = resolved(path)
    for place in (*terms.inputs, *terms.data):
        source = resolved(place)
        if target == source or (place in terms.data and target.is_relative_to(source)):
            raise ConfigError(
                f"expected a place for the results apart from what is read, found {path} in {place}; name another"
            )
        inside = source.is_relative_to(target) and source.relative_to(target).as_posix()
        if inside and any(f"{name}/".startswith(f"{inside}/") for name in manifest.contents):
            raise ConfigError(
                f"expected a place for the results apart from what is read, found the input {place} among the earlier "
                f"results in {path}; name another folder"
            )


def _refuse_taken(path: Path, manifest: Manifest, terms: Terms) -> None:
    """Refuse a folder that others have files in, or results of ours that nobody wants to lose."""
    kinds = {run.kind for run in manifest.runs.values() if not run.single}
    if not terms.single and kinds - {terms.kind}:
        other = min(kinds - {terms.kind})
        raise ConfigError(f"expected a new or empty folder for {terms.kind!r}, found {other!r} in {path}; name another")
    apart = {name.split("/")[0] for name in manifest.contents} | {MANIFEST, LOCK}
    found = sorted(entry.name for entry in path.iterdir()) if path.is_dir() else []
    others = [name for name in found if name not in apart and not name.startswith(".")]
    takes_up = terms.overwrite or terms.resume
    if others and terms.empty and not (takes_up and terms.kind in kinds):
        raise ConfigError(
            f"expected a new or empty folder, or one whose {MANIFEST} names {terms.kind!r}, found {others[0]!r} in "
            f"{path}; name another folder, or delete results of an older version yourself"
            if takes_up
            else f"expected a new or empty folder for the results, found {others[0]!r} in {path}; name another folder"
        )
    if terms.resume and not terms.overwrite:
        return
    ours = [name for name in manifest.contents if manifest.kinds(name) & terms.kinds and manifest.obstacle(name)]
    done = [name for name in ours if any(manifest.runs[content.run].finished for content in manifest.contents[name])]
    if done and not terms.overwrite:
        # A command that is killed behind its end is given again by people who cannot know that it was done.
        whole = manifest.is_finished(terms.kind) and manifest.has_all()
        sight = f"complete ones, such as {min(done)!r}," if whole else repr(min(done))
        ways = ["keep them"] * whole + ["name another folder"]
        ways += [] if terms.once else ["allow replacing earlier results (--overwrite)"]
        raise ConfigError(
            f"expected a new or empty folder for the results, found {sight} in {path}; {', or '.join(ways)}"
        )
    for name in ours:
        refuse_occupied(manifest, name, terms)
