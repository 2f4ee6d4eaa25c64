"""Scoring folders of box files: finds results and truth in the layouts people have, matches them by name, and scores.

Results come in any dialect of `spectrack.annotations.result_files`. Truth is ``<sequence>.txt``,
``<sequence>/HSI/groundtruth_rect.txt``, ``<sequence>/groundtruth_rect.txt`` and the like, the challenge's tree by
modality (``HSI-NIR-FalseColor/<sequence>/groundtruth_rect.txt``), its CSV of training labels, a COCO file, or a run
directory. A single file on both sides is a comparison of one sequence. Truth of an RGB stream is never taken: its boxes
differ from the hyperspectral ones.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from spectrack.annotations.foreign_results import ForeignResults, StartOffset, match_results, start_offsets
from spectrack.annotations.result_files import (
    WHOLE_FILES,
    ResultSet,
    find_files,
    find_result_set,
    read_whole_file,
    whole_files,
)
from spectrack.annotations.sequence_names import split_name
from spectrack.boxes import Boxes
from spectrack.errors import InputError, SequenceNotFoundError, nearest_name
from spectrack.evaluation.analysis import Analysis, analyse
from spectrack.evaluation.options import DEFAULT_PROTOCOL, Invalid, Missing
from spectrack.evaluation.protocols import Protocol, check_names, resolve_protocol
from spectrack.evaluation.scores import Scores
from spectrack.evaluation.tracked import TrackedRun, TrackedSequence

TRUTH_FILES = (*(f"{folder}groundtruth_rect.txt" for folder in ("HSI/", "", "img/", "imgs/")), "groundtruth.txt")
"""Where a sequence folder may keep its truth, tried in this order."""

_TRUTH_SUFFIX = "_gt"

Place = str | os.PathLike[str]


@dataclass(frozen=True)
class Evaluation:
    """What results are worth, and what had to be done to say so.

    Attributes:
        analysis: everything that is said about them.
        results: the boxes that were scored, with the names that had to be mapped.
        starts: results that start beside the truth by a step that scripts are known to make.
    """

    analysis: Analysis
    results: ForeignResults
    starts: list[StartOffset]

    @property
    def scores(self) -> Scores:
        """The figures."""
        return self.analysis.scores

    def results_to_json(self) -> dict[str, Any]:
        """How the results were read, for the record beside the scores."""
        return {
            "dialect": self.results.dialect,
            "mapped": [asdict(item) for item in self.results.mapped],
            "notes": [*self.results.notes, *map(str, self.starts)],
        }


def evaluate_directories(
    results: Place,
    truth: Place,
    protocol: str | Protocol = DEFAULT_PROTOCOL,
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
        InputError: results without truth, names that could mean several sequences, sequences asked for that have no
            truth, and what `score` refuses.
    """
    return evaluate_results(results, truth, protocol, invalid=invalid, missing=missing, sequences=sequences).scores


def evaluate_results(
    results: Place,
    truth: Place,
    protocol: str | Protocol = DEFAULT_PROTOCOL,
    *,
    invalid: Invalid | None = None,
    missing: Missing | None = None,
    sequences: Iterable[str] | None = None,
    origin: int = 0,
    tracked: Mapping[str, TrackedSequence] | None = None,
) -> Evaluation:
    """`evaluate_directories`, with a report of names that had to be mapped and of results that start beside the truth.

    Args:
        results: as for `evaluate_directories`.
        truth: as there.
        protocol: as there.
        invalid: as there.
        missing: as there.
        sequences: as there.
        origin: index of the first pixel in the results: 1 for boxes of OTB's MATLAB tools; truth is taken as it is.
        tracked: what else is known of the sequences, such as a run's confidence, by the results' own names.

    Raises:
        SpectrackError: what `evaluate_directories` refuses.
    """
    found, true = find_result_set(results), find_truth_set(truth)
    names = list(true.sources)
    chosen = names if sequences is None else list(dict.fromkeys(sequences))
    for name in chosen:
        if name not in true.sources:
            raise InputError(f"expected truth for {name!r} in {truth}, found none; {nearest_name(name, names)}")
    foreign = match_results(found, names, origin=origin, keep=chosen)
    rule = resolve_protocol(protocol, invalid=invalid, missing=missing)
    check_names([*foreign.boxes, *(foreign.unmatched if sequences is None else ())], chosen, rule)
    boxes = {name: _read_truth(true, name) for name in chosen}
    known = tracked or {}
    items = {
        name: replace(known.get(name, TrackedSequence(name, found)), boxes=found)
        for name, found in ((name, foreign.boxes.get(name, np.empty((0, 4)))) for name in chosen)
    }
    analysis = analyse(TrackedRun(Path(results), Path(results).stem, items), rule, truth=boxes)
    return Evaluation(analysis, foreign, start_offsets(foreign.boxes, boxes))


def read_truth(place: Place) -> dict[str, Boxes]:
    """Truth boxes by sequence, see the head of this module.

    Raises:
        SequenceNotFoundError: no truth there.
        SequenceError: a file that is not boxes.
    """
    found = find_truth_set(place)
    return {name: _read_truth(found, name) for name in found.sources}


def find_truth_set(place: Place) -> ResultSet:
    """The truth at a place, see the head of this module; files of single sequences are not read yet.

    Raises:
        SequenceNotFoundError: no such place, or no truth in it.
        SequenceError: a file of all sequences that is damaged, or two files for one sequence.
    """
    path = Path(place)
    path = path / "truth" if (path / "truth").is_dir() else path
    if path.is_file() and path.suffix.lower() in WHOLE_FILES:
        return read_whole_file(path)
    by_modality = _truth_by_modality(path)
    if by_modality:
        return ResultSet(path, "text", dict(by_modality))
    expected = "truth files such as <sequence>/groundtruth_rect.txt or <sequence>.txt"
    found = find_files(path, TRUTH_FILES, TRUTH_FILES, expected)
    if found is None:
        return read_whole_file(whole_files(path)[0])
    # SEE-Net's evaluation tools keep truth as GT/<sequence>_gt.txt.
    marked = all(name.endswith(_TRUTH_SUFFIX) for name in found[0])
    files = {name.removesuffix(_TRUTH_SUFFIX) if marked else name: file for name, file in found[0].items()}
    return ResultSet(path, "text", dict(files), found[1])


def _truth_by_modality(root: Path) -> dict[str, Path]:
    """Truth of the challenge's tree since 2023: by modality as the outer folder, in each one's false-colour twin."""
    found: dict[str, Path] = {}
    folders = [entry for entry in sorted(root.iterdir()) if entry.is_dir()] if root.is_dir() else []
    for folder in sorted(folders, key=lambda folder: "false" not in folder.name.lower()):
        parts = split_name(f"{folder.name}-x")
        if not parts.modality or parts.base != "x":
            continue
        try:
            inside = find_files(folder, (), TRUTH_FILES, "truth files")
        except SequenceNotFoundError:
            continue
        for name, file in inside[0].items() if inside is not None else ():
            found.setdefault(f"{parts.modality}-{name}", file)
    return dict(sorted(found.items()))


def _read_truth(truth: ResultSet, name: str) -> Boxes:
    # A frame without truth is a zero box, which the protocols treat as invalid truth.
    return np.nan_to_num(truth.read(name))
