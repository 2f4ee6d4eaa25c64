"""convert_dataset: a fast copy of a data set, made sequence by sequence, compared with its source, never touching it.

A sequence counts as done when its folder holds ``converted.json``, which is written after the copy was read back and
found equal. An interrupted conversion goes on where it stopped; a sequence whose source changed since is made anew.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spectrack.datasets.dataset import Dataset, DatasetEntry, SequenceKey
from spectrack.datasets.sources import FolderSource
from spectrack.errors import ConfigError, SequenceError, SpectrackError, nearest_name
from spectrack.files import Manifest, Terms, check_folder, resolved, write_folder, write_json
from spectrack.sequences.base import Sequence
from spectrack.sequences.frames import Frame
from spectrack.sequences.layout import frame_kinds
from spectrack.sequences.opening import open_sequence
from spectrack.sequences.writers import fill_folder
from spectrack.signs import size_text

FORMATS = ("npy", "hotc", "envi")
"""Formats that a conversion writes; of ``npy`` a window is read without decoding the rest."""

RECORD = "converted.json"
"""File in a finished sequence's folder."""

_SPARE = 2**28

Progress = Callable[[int, int | None, str], None]
"""Takes frames done, frames in all (None when unknown) and the sequence's label."""


@dataclass(frozen=True)
class Conversion:
    """What a conversion did.

    Attributes:
        out: the folder written.
        written: labels of the sequences converted now.
        kept: labels of those that an earlier conversion had finished.
        failed: label and sentence of those that could not be converted.
        frames: of the sequences converted now.
    """

    out: Path
    written: tuple[str, ...]
    kept: tuple[str, ...]
    failed: tuple[tuple[str, str], ...]
    frames: int


def convert_dataset(
    dataset: Dataset, out: Path | str, *, format: str = "npy", progress: Progress | None = None
) -> Conversion:
    """Write every sequence of a data set in another format, each as ``<out>/<split>/<modality>/<name>``.

    Args:
        dataset: what to convert; its files are only read.
        out: the folder to write; it may hold an earlier conversion of the same data set, which is continued.
        format: one of `FORMATS`; `spectrack.open_sequence` and `open_dataset` read all of them.
        progress: called after each frame.

    Returns:
        What was done; a sequence that cannot be read or written in this format is listed as failed, the others go on.

    Raises:
        ConfigError: unknown format, a file in place of a folder, or a folder inside the source or around it.
        SequenceError: no space left, or a folder in the way that no conversion wrote.
    """
    if format not in FORMATS:
        raise ConfigError(f"expected a format to convert to, found {format!r}; {nearest_name(format, FORMATS)}")
    target = Path(out)
    check_folder(target, Terms("conversion", resume=True, single=True, empty=False))
    _check_apart(dataset, target)
    written, kept, failed, frames = [], [], [], 0
    counter = _Counter(dataset, progress)
    taken: set[str] = set()
    for entry in dataset:
        folder = _folder(target, entry)
        if str(folder).lower() in taken:
            folder = folder.with_name(entry.label)
        taken.add(str(folder).lower())
        try:
            if count := _convert_entry(entry, folder, format, counter):
                written.append(entry.label)
                frames += count
            else:
                kept.append(entry.label)
                counter.skip(entry)
        except _OutOfSpaceError:
            raise
        except SpectrackError as error:
            failed.append((entry.label, str(error)))
    return Conversion(target, tuple(written), tuple(kept), tuple(failed), frames)


class _OutOfSpaceError(SequenceError):
    """The disk is full; the sequences that follow would fail too."""


class _Counter:
    """Frames done, for the progress bar."""

    def __init__(self, dataset: Dataset, progress: Progress | None) -> None:
        counts = [entry.frames for entry in dataset]
        self._total = None if any(count is None for count in counts) else sum(count or 0 for count in counts)
        self._progress = progress
        self._done = 0

    def step(self, label: str) -> None:
        self._done += 1
        if self._progress is not None:
            self._progress(self._done, self._total, label)

    def skip(self, entry: DatasetEntry) -> None:
        self._done += entry.frames or 0
        if self._progress is not None:
            self._progress(self._done, self._total, entry.label)


class _WatchedSequence(Sequence):
    """A sequence as it is, with a digest of every frame that is read from it."""

    def __init__(self, inner: Sequence, step: Callable[[], None]) -> None:
        self._inner, self._step = inner, step
        self.digests: dict[int, str] = {}
        self.name, self.sensor, self.fps = inner.name, inner.sensor, inner.fps
        self.height, self.width, self.bands = inner.height, inner.width, inner.bands
        self.wavelengths_nm, self.visibility = inner.wavelengths_nm, inner.visibility
        self.attributes, self.is_rgb = tuple(inner.attributes), inner.is_rgb
        self.no_data, self.unit = inner.no_data, inner.unit
        self.exposure_ms, self.gain_db = inner.exposure_ms, inner.gain_db
        self.truth, self.metadata = inner.truth, inner.metadata
        self._first_box = inner.first_box if inner.truth is None else None
        self.block = getattr(inner, "block", None)

    def __len__(self) -> int:
        return len(self._inner)

    def frame(self, i: int) -> Frame:
        frame = self._inner.frame(i)
        if i not in self.digests:
            self.digests[i] = _digest(frame.whole())
            self._step()
        return frame


def _convert_entry(entry: DatasetEntry, folder: Path, format: str, counter: _Counter) -> int:
    """Convert one sequence; the number of frames written, 0 when it was done before."""
    calibration = entry.source.calibration if isinstance(entry.source, FolderSource) else None
    signature = {"format": format, "source": _signature(entry)}
    if calibration is not None:
        signature["calibration"] = calibration.digest
    if _recorded(folder) == signature:
        return 0
    read = (entry.source.frames.path,) if isinstance(entry.source, FolderSource) else ()
    source = _WatchedSequence(entry.open(), lambda: counter.step(entry.label))
    _check_space(source, folder)
    try:
        with write_folder(folder, Terms("conversion", overwrite=True, inputs=read)) as staging:
            fill_folder(source, staging, format=format)
            _compare(source, staging)
            write_json(staging / RECORD, signature)
    except SpectrackError:
        raise  # some derive from OSError
    except OSError as error:
        raise SequenceError(
            f"expected to write {folder}, found: {error.strerror or error}; free space or name another folder"
        ) from error
    return len(source)


def _compare(source: _WatchedSequence, folder: Path) -> None:
    """Read the copy back and compare it with what was read from the source."""
    copy = open_sequence(folder)
    facts = (len(copy), copy.height, copy.width, copy.bands)
    expected = (len(source), source.height, source.width, source.bands)
    boxes, copied = source.truth, copy.truth
    same = facts == expected and (boxes is None or (copied is not None and np.array_equal(boxes, copied)))
    bad = next((i for i in range(len(source)) if _digest(copy[i]) != source.digests[i]), None) if same else -1
    if bad is not None:
        what = f"frame {bad}" if bad >= 0 else "size, length or truth"
        raise SequenceError(
            f"expected a copy equal to its source in {folder}, found {what} to differ; check the disk and convert again"
        )


def _digest(cube: Any) -> str:
    array = np.ascontiguousarray(cube, dtype=cube.dtype.newbyteorder("<"))
    return hashlib.blake2b(array.data.cast("B"), digest_size=16, person=str(array.dtype)[:16].encode()).hexdigest()


def _folder(out: Path, entry: DatasetEntry) -> Path:
    """Split, modality and name as folders; names that cannot be folders everywhere are replaced as labels are."""
    parts = (*entry.key.split.split("/"), entry.key.modality, entry.key.name)
    return out.joinpath(*(SequenceKey("", "", "", part).label for part in parts if part))


def _signature(entry: DatasetEntry) -> dict[str, Any]:
    """What the source is now: a digest of its files' names, sizes and times; its folder may be moved or remounted."""
    if not isinstance(entry.source, FolderSource):
        return {"name": entry.key.name}
    digest, total = hashlib.blake2b(digest_size=16), 0
    folder = entry.source.frames
    if folder.archive or folder.path.is_file():
        files = [folder.archive or folder.path]
    else:
        files = [file for kind in frame_kinds(folder.path).values() for file in kind]
    annotations = [path for _, _, path, _ in entry.source.found.texts]
    for path in [*files, *sorted(set(annotations) - set(files))]:
        status = path.stat()
        digest.update(f"{path.name}|{status.st_size}|{status.st_mtime_ns}\n".encode())
        total += status.st_size
    return {"name": (folder.archive or folder.path).name, "bytes": total, "digest": digest.hexdigest()}


def _recorded(folder: Path) -> Any:
    """What the conversion in a folder is of; None where there is none, or one that a kill left half in its place."""
    if Manifest.read(folder).is_interrupted:
        return None
    try:
        return json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None


def _check_space(sequence: Sequence, folder: Path) -> None:
    size = len(sequence) * int(np.asarray(sequence[0]).nbytes)
    place = next(parent for parent in folder.absolute().parents if parent.is_dir())
    free = shutil.disk_usage(place).free
    if size + _SPARE > free:
        raise _OutOfSpaceError(
            f"expected {size_text(size + _SPARE)} of free space at {place} for {sequence.name}, "
            f"found {size_text(free)}; free space, or name another folder, and convert again: what is finished is kept"
        )


def _check_apart(dataset: Dataset, out: Path) -> None:
    if dataset.root is None:
        return
    root, target = resolved(dataset.root), resolved(out)
    if target == root or target.is_relative_to(root) or root.is_relative_to(target):
        raise ConfigError(f"expected a folder apart from the source {dataset.root}, found {out}; name one beside it")
