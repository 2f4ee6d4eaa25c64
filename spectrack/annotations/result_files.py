"""Where results lie and how their files are written: every dialect that the field's trackers and toolkits leave behind.

A place is one of: a folder of ``<sequence>.txt`` (HOT submissions, OTB, pysot, SEE-Net, ViPT, SENSE), of
``<sequence>/<sequence>_001.txt`` (GOT-10k), of ``<sequence>/boxes.txt``, of ``<sequence>/gt/gt.txt`` or MOT rows, a run
directory, one COCO file, or one CSV of the 2026 challenge. Separators, byte-order marks and line ends do not matter.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spectrack.annotations.box_tracks import BoxTrack, only_track
from spectrack.annotations.json_files import read_coco
from spectrack.annotations.rows import read_csv_boxes, rows_dialect
from spectrack.annotations.text import parse_boxes
from spectrack.annotations.truth_rows import parse_truth
from spectrack.annotations.untrusted_files import decode_text, read_file
from spectrack.boxes import Boxes
from spectrack.errors import SequenceError, SequenceNotFoundError
from spectrack.files import resolved
from spectrack.signs import counted

RESULTS_IN_FOLDERS = ("boxes.txt", "{name}_001.txt", "{name}.txt", "gt/gt.txt")
"""Where a folder of one sequence may keep its result, tried in this order; ``{name}`` stands for the folder's name."""

WHOLE_FILES = (".csv", ".json")
"""Suffixes of files that hold all sequences."""

_OWN_FILES = re.compile(r"\..*|scores.*\.json|(?:run|summary|benchmark|sequence)\.json|frames\.csv")
_OTHER_SUFFIXES = ("_time", "_times", "_score", "_scores", "_confidence", "-visibility")
_NOT_SEQUENCES = {"readme", "list", "description", "attributes", "log", "labels"}
_MOST_BOXES = 5_000_000

Place = str | os.PathLike[str]


@dataclass(frozen=True)
class ResultSet:
    """What was found at a place.

    Attributes:
        place: the file or folder.
        dialect: ``text``, ``got10k``, ``run``, ``mot``, ``coco`` or ``hotc2026``.
        sources: name as found to the file of its boxes, or to the boxes of a file that holds all; sorted by name.
        single: the place is one sequence rather than a set of them.
        notes: what had to be assumed or passed over, in sentences.
    """

    place: Path
    dialect: str
    sources: dict[str, Path | Boxes]
    single: bool = False
    notes: list[str] = field(default_factory=list)

    def read(self, name: str, *, origin: int = 0) -> Boxes:
        """Boxes of one name, (N, 4), NaN in frames without one.

        Args:
            name: as found.
            origin: index of the first pixel in the results' convention, subtracted from x and y.

        Raises:
            SequenceError: the file is not boxes.
        """
        source = self.sources[name]
        boxes = read_result_file(source) if isinstance(source, Path) else source
        # Trackers write zeros, or NaN, when they have no box: both are no prediction.
        present = np.nan_to_num(boxes).any(axis=1, keepdims=True)
        return np.where(present, boxes - np.array([origin, origin, 0, 0]), np.nan)

    def seconds(self, name: str) -> NDArray[np.float64] | None:
        """Seconds a frame from GOT-10k's ``_time.txt`` beside a result; None without one or if it is no such list."""
        source = self.sources[name]
        if not isinstance(source, Path):
            return None
        stem = source.stem.removesuffix("_001")
        for path in (source.with_name(f"{stem}_time.txt"), source.parent / "times" / f"{stem}_time.txt"):
            if path.is_file():
                words = decode_text(read_file(path, "times"), path, "times").replace(",", " ").split()
                try:
                    return np.array([float(word) for word in words], dtype=np.float64)
                except ValueError as error:
                    raise SequenceError(
                        f"expected seconds a frame in {path}, found other text; correct or remove that file"
                    ) from error
        return None


def find_result_set(place: Place) -> ResultSet:
    """The results at a place, in whatever dialect; files of single sequences are not read yet.

    Raises:
        SequenceNotFoundError: no such place, or no result in it.
        SequenceError: a file of all sequences that is damaged, or two results for one sequence.
    """
    path = Path(place)
    is_run = (path / "boxes").is_dir()
    path = path / "boxes" if is_run else path
    if path.is_file() and path.suffix.lower() in WHOLE_FILES:
        return read_whole_file(path)
    found = find_files(
        path, ("boxes.txt",), RESULTS_IN_FOLDERS, "result files such as <sequence>.txt or <sequence>/boxes.txt"
    )
    if found is None:
        return read_whole_file(next(iter(whole_files(path))))
    sources, single = found
    notes = _passed_over(sources)
    return ResultSet(path, "run" if is_run else _dialect(sources), dict(sources), single, notes)


def read_result_file(path: Path) -> Boxes:
    """Boxes of one sequence, (N, 4): rows of any dialect.

    Raises:
        SequenceError: other text, or several objects.
    """
    return parse_truth(decode_text(read_file(path, "boxes"), path, "boxes"), path).boxes


def read_whole_file(path: Path) -> ResultSet:
    """The boxes of all sequences in one COCO file or one CSV of the 2026 challenge.

    Raises:
        SequenceError: neither, or damaged, or several objects in a sequence.
    """
    data = read_file(path, "boxes")
    if path.suffix.lower() == ".csv":
        text = decode_text(data, path, "boxes")
        if rows_dialect(text, path) != "csv":
            return ResultSet(path, "text", {path.stem: parse_boxes(text, path)}, single=True)
        boxes, notes = read_csv_boxes(text, path)
        return ResultSet(path, "hotc2026", dict(sorted(boxes.items())), notes=notes)
    tracks, lengths = read_coco(data, path)
    if not lengths:
        raise SequenceError(
            f"expected images in the COCO file {path}, found none; export it with the frames of every sequence"
        )
    if sum(lengths.values()) > _MOST_BOXES:
        raise SequenceError(
            f"expected at most {_MOST_BOXES} frames in {path}, found {sum(lengths.values())}; correct the frame_id"
        )
    groups: dict[str, list[BoxTrack]] = {}
    for track in tracks:
        groups.setdefault(track.sequence, []).append(track)
    sources: dict[str, Path | Boxes] = {}
    for name in sorted(lengths):
        track = only_track(groups[name], f"{name or 'the video'} of {path}") if name in groups else BoxTrack()
        sources[name or path.stem] = track.dense(lengths[name])
    return ResultSet(path, "coco", sources, single=list(lengths) == [""])


def whole_files(folder: Path) -> list[Path]:
    """CSV and COCO files that may hold all sequences; not the scores that spectrack itself writes beside results."""
    files = [entry for entry in sorted(folder.iterdir()) if entry.suffix.lower() in WHOLE_FILES and entry.is_file()]
    return [file for file in files if not _OWN_FILES.fullmatch(file.name)]


def find_files(
    place: Path, own: Iterable[str], inner: Iterable[str], expected: str
) -> tuple[dict[str, Path], bool] | None:
    """Files by sequence name, and whether `place` is one sequence rather than a set of them.

    Args:
        place: a file or a folder.
        own: names that make the folder itself a sequence.
        inner: names looked for in each folder inside it; ``{name}`` stands for that folder's name.
        expected: the kind of file, for messages.

    Returns:
        None when the folder has no such files but a single file that may hold all sequences.

    Raises:
        SequenceNotFoundError: no such place, or nothing in it.
        SequenceError: a file and a folder of one name.
    """
    own, inner = tuple(own), tuple(inner)
    if place.is_file():
        return {resolved(place.parent).name if place.name in own else place.stem: place}, True
    if not place.is_dir():
        raise SequenceNotFoundError(f"expected {expected} at {place}, found no such file or folder; check the path")
    file = first_file(place, own)
    if file is not None:
        return {resolved(place).name: file}, True
    found: dict[str, Path] = {}
    for entry in sorted(place.iterdir()):
        file, name = None, entry.name
        if entry.is_dir():
            file = first_file(entry, (pattern.format(name=entry.name) for pattern in inner))
        elif entry.suffix.lower() == ".txt" and not _is_other_text(entry.stem):
            file, name = entry, entry.stem
        if file is not None and name in found:
            raise SequenceError(
                f"expected one file for {name!r} in {place}, found {found[name].name} and {file.name}; remove one"
            )
        if file is not None:
            found[name] = file
    if found:
        return dict(sorted(found.items())), False
    if len(whole_files(place)) == 1:
        return None
    raise SequenceNotFoundError(f"expected {expected} in {place}, found none; name the folder that holds them")


def first_file(folder: Path, names: Iterable[str]) -> Path | None:
    """The first of these files that the folder has."""
    return next((folder / name for name in names if (folder / name).is_file()), None)


def _is_other_text(stem: str) -> bool:
    return stem.startswith(".") or stem.lower() in _NOT_SEQUENCES or stem.endswith(_OTHER_SUFFIXES)


def _dialect(sources: dict[str, Path]) -> str:
    if all(path.name == "gt.txt" for path in sources.values()):
        return "mot"
    return "got10k" if all(path.name == f"{path.parent.name}_001.txt" for path in sources.values()) else "text"


def _passed_over(sources: dict[str, Path]) -> list[str]:
    """GOT-10k repeats random trackers; only the first repetition is scored here, which has to be said."""
    repeated = [
        name
        for name, path in sources.items()
        if path.name.endswith("_001.txt") and path.with_name(f"{name}_002.txt").is_file()
    ]
    have = f"{counted(len(repeated), 'sequence')} with repetitions (_002, ...): only the first is used"
    return [have] if repeated else []
