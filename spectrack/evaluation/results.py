"""Scoring folders of box files: finds results and truth in the layouts people have, matches them by name, and scores.

Results: ``<sequence>.txt``, ``<sequence>/boxes.txt``, ``<sequence>/<sequence>_001.txt`` (GOT-10k) or a run directory.
Truth: ``<sequence>.txt``, ``<sequence>/HSI/groundtruth_rect.txt``, ``<sequence>/groundtruth_rect.txt`` and the like, or a run
directory. A single file on both sides is a comparison of one sequence. Truth of an RGB stream is never taken: its boxes
differ from the hyperspectral ones.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from spectrack.boxes import Boxes
from spectrack.errors import InputError, SequenceNotFoundError, nearest_name
from spectrack.evaluation.protocols import Invalid, Missing, Protocol, score
from spectrack.evaluation.scores import Scores
from spectrack.sequences.annotations import read_boxes

TRUTH_FILES = (
    "HSI/groundtruth_rect.txt",
    "groundtruth_rect.txt",
    "img/groundtruth_rect.txt",
    "imgs/groundtruth_rect.txt",
    "groundtruth.txt",
)
"""Where a sequence folder may keep its truth, tried in this order."""

_TIME_SUFFIXES = ("_time", "_times", "_score", "_scores", "_confidence")
_NOT_SEQUENCES = {"readme", "list", "description", "attributes", "log"}

Place = str | os.PathLike[str]


def evaluate_directories(
    results: Place,
    truth: Place,
    protocol: str | Protocol = "hot",
    *,
    invalid: Invalid | None = None,
    missing: Missing | None = None,
    sequences: Iterable[str] | None = None,
) -> Scores:
    """Score a folder of result files against a folder of truth files.

    Args:
        results: folder or file, see the head of this module. A row of zeros or of NaN is a missing prediction.
        truth: folder or file.
        protocol: as in `spectrack.evaluation.score`.
        invalid: as in `spectrack.evaluation.score`.
        missing: as in `spectrack.evaluation.score`.
        sequences: score only these; by default all that have truth.

    Raises:
        SequenceNotFoundError: no such folder, or nothing readable in it.
        SequenceError: a file that is not boxes.
        InputError: results without truth, sequences asked for that have none, and what `score` refuses.
    """
    (result_files, one_result), (truth_files, one_truth) = _results(results), _truth(truth)
    if one_result and one_truth:
        # One against one: file names such as boxes.txt say nothing about the sequence.
        result_files = dict(zip(truth_files, result_files.values(), strict=True))
    if sequences is not None:
        chosen = list(dict.fromkeys(sequences))
        for name in chosen:
            if name not in truth_files:
                raise InputError(f"expected truth for the sequence {name!r} in {truth}, found none; {nearest_name(name, truth_files)}")
        truth_files = {name: truth_files[name] for name in chosen}
        result_files = {name: path for name, path in result_files.items() if name in truth_files}
    return score(
        {name: _read_predictions(path) for name, path in result_files.items()},
        {name: read_boxes(path) for name, path in truth_files.items()},
        protocol,
        invalid=invalid,
        missing=missing,
    )


def find_results(place: Place) -> dict[str, Path]:
    """Result files by sequence name, sorted; see the head of this module for the layouts.

    Raises:
        SequenceNotFoundError: no such place, or no result file in it.
    """
    return _results(place)[0]


def find_truth(place: Place) -> dict[str, Path]:
    """Truth files by sequence name, sorted; see the head of this module for the layouts.

    Raises:
        SequenceNotFoundError: no such place, or no truth file in it.
    """
    return _truth(place)[0]


def _results(place: Place) -> tuple[dict[str, Path], bool]:
    path = Path(place)
    path = path / "boxes" if (path / "boxes").is_dir() else path
    expected = "result files such as <sequence>.txt or <sequence>/boxes.txt"
    return _find(path, ("boxes.txt",), ("boxes.txt", "{name}_001.txt", "{name}.txt"), expected)


def _truth(place: Place) -> tuple[dict[str, Path], bool]:
    path = Path(place)
    path = path / "truth" if (path / "truth").is_dir() else path
    expected = "truth files such as <sequence>/groundtruth_rect.txt or <sequence>.txt"
    return _find(path, TRUTH_FILES, TRUTH_FILES, expected)


def _find(place: Path, own: tuple[str, ...], inner: tuple[str, ...], expected: str) -> tuple[dict[str, Path], bool]:
    """Files by sequence name, and whether `place` is one sequence rather than a set of them.

    Args:
        place: a file or a folder.
        own: names that make the folder itself a sequence.
        inner: names looked for in each folder inside it; ``{name}`` stands for that folder's name.
        expected: the kind of file, for messages.
    """
    if place.is_file():
        return {place.parent.resolve().name if place.name in own else place.stem: place}, True
    if not place.is_dir():
        raise SequenceNotFoundError(f"expected {expected} at {place}, found no such file or folder; check the path")
    file = _first(place, own)
    if file is not None:
        return {place.resolve().name: file}, True
    found: dict[str, Path] = {}
    for entry in sorted(place.iterdir()):
        if entry.is_dir():
            file = _first(entry, (name.format(name=entry.name) for name in inner))
            if file is not None:
                found[entry.name] = file
        elif entry.suffix.lower() == ".txt" and not _is_other_text(entry.stem):
            found.setdefault(entry.stem, entry)
    if not found:
        raise SequenceNotFoundError(f"expected {expected} in {place}, found none; name the folder that holds them")
    return dict(sorted(found.items())), False


def _is_other_text(stem: str) -> bool:
    return stem.startswith(".") or stem.lower() in _NOT_SEQUENCES or stem.endswith(_TIME_SUFFIXES)


def _first(folder: Path, names: Iterable[str]) -> Path | None:
    return next((folder / name for name in names if (folder / name).is_file()), None)


def _read_predictions(path: Path) -> Boxes:
    boxes = read_boxes(path)
    # The reader gives zeros for a row of NaN, and trackers write zeros when they have no box: both are no prediction.
    return np.where(boxes.any(axis=1, keepdims=True), boxes, np.nan)
