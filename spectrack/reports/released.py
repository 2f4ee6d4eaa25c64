"""Boxes that published trackers' authors released, found below a folder in the layouts that they are met in.

Each tracker is a folder of box files in any dialect (`spectrack.annotations.result_files`), wherever it lies: SEE-Net's
evaluation tools keep ``detection_res/<tracker>/<sequence>.txt`` beside ``detection_res/GT``, others
``<tracker>/tracking_results/hotc20test/<sequence>.txt``, and many are archives of one of these, which are read as they
are. A tracker is called after the nearest folder or archive whose name is more than that of a data set.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from spectrack.annotations.foreign_results import match_results, start_offsets
from spectrack.annotations.result_files import WHOLE_FILES, ResultSet, find_result_set
from spectrack.annotations.sequence_names import match_names, split_name
from spectrack.boxes import Boxes
from spectrack.datasets.zipped import extract_texts
from spectrack.errors import InputError, SequenceNotFoundError, SpectrackError
from spectrack.evaluation.options import ScoringOptions
from spectrack.evaluation.protocols import resolve_protocol, score
from spectrack.evaluation.results import find_truth_set, read_truth
from spectrack.evaluation.tracked import TrackedRun, TrackedSequence
from spectrack.reports.gathering import about_results
from spectrack.reports.published import published
from spectrack.signs import counted

_TRUTH_FOLDERS = {"gt", "groundtruth", "truth", "anno"}
_TEXTS = (".txt", *WHOLE_FILES)
_ENOUGH = 0.5
"""Share of the sequences that a folder must name for its files to be results on this data set."""

_NO_TRACKER = re.compile(
    r"(?:^|(?<=[-_ .]))(?:hotc?[-_ ]?(?:20)?\d\d(?:[-_ ]?(?:test|val\w*|vis))?|challenge\d*|test|val|vis|hsi|boxes|txt|"
    r"results?\d*|res|(?:raw|tracking|rect|detection|bbox)(?:[-_ ]?results?|[-_ ]?res)?|\w*workspace|main|master)"
    r"(?=$|[-_ .])",
    re.IGNORECASE,
)
"""Words in names of folders and archives that name a data set, results or a copy of a repository as such."""

_SEALED = (".rar", ".7z")
"""Archives that the standard library does not open."""


@dataclass(frozen=True)
class ReleasedBoxes:
    """What was found below a folder.

    Attributes:
        runs: the trackers, best first.
        remarks: what was assumed, and what was left out and why, in sentences.
    """

    runs: list[TrackedRun]
    remarks: list[str]


def find_truth(root: Path) -> Path:
    """The folder of truth boxes below a folder of released boxes.

    Raises:
        SequenceNotFoundError: no such folder.
        InputError: there is none in it.
    """
    _check_root(root)
    for folder in _folders(root):
        if re.sub(r"[^a-z]", "", folder.name.lower()) in _TRUTH_FOLDERS:
            return folder
    raise InputError(f"expected a folder of truth boxes such as GT in {root}, found none; name it with --truth DIR")


def read_truth_of(place: Path, names: Sequence[str]) -> dict[str, Boxes]:
    """Truth of a data set's sequences, under its own names.

    Args:
        place: as for `spectrack.evaluation.results.read_truth`.
        names: the sequences; none for all that are there.

    Raises:
        InputError: truth of none of these sequences.
        SpectrackError: what `read_truth` refuses.
    """
    if not names:
        return read_truth(place)
    found = find_truth_set(place)
    matched, _ = match_names([name for name in found.sources if _is_visible(name)], names)
    if not matched:
        raise InputError(
            f"expected truth of {names[0]} and {len(names) - 1} others in {place}, found none; name their folder"
        )
    truth = read_truth(place)
    return {sequence: truth[name] for name, sequence in matched.items()}


def read_released(root: Path, truth: dict[str, Boxes], options: ScoringOptions) -> ReleasedBoxes:
    """The trackers that have boxes on these sequences below a folder.

    Args:
        root: the folder.
        truth: sequence to (N, 4).
        options: the protocol by which they are ranked.

    Raises:
        SequenceNotFoundError: no such folder, or no tracker with boxes on all sequences.
    """
    _check_root(root)
    rule = resolve_protocol(options.protocol or "hot", invalid=options.invalid, missing=options.missing)
    runs: list[tuple[float, TrackedRun]] = []
    remarks = [
        f"Left out: {path.relative_to(root)} (expected a folder or a .zip file, found {path.suffix}; unpack it)."
        for path in sorted(root.rglob("*"))
        if path.suffix.lower() in _SEALED
    ]
    with ExitStack() as stack:
        for place, folder in _opened(root, stack, remarks):
            for found in _result_sets(folder, list(truth)):
                inside = found.place.relative_to(folder)
                where = place / inside if inside.parts else place
                try:
                    run, told = _read(found, where, root, truth)
                    boxes = {label: item.boxes for label, item in run.sequences.items()}
                    success = score(boxes, truth, rule).auc
                except SpectrackError as error:
                    remarks.append(f"Left out: {where.relative_to(root)} ({str(error).rstrip('.')}).")
                else:
                    runs.append((success, run))
                    remarks += told
    if not runs:
        raise SequenceNotFoundError(
            f"expected boxes of trackers on {counted(len(truth), 'sequence')} such as {next(iter(truth))} "
            f"below {root}, found none that are complete{'. ' if remarks else ''}{' '.join(remarks[:3]).rstrip('.')}; "
            "name the folder that holds them"
        )
    ranked = [run for _, run in sorted(runs, key=lambda item: -item[0])]
    shown, told = _without_copies(ranked, root)
    return ReleasedBoxes(shown, remarks + told)


def _check_root(root: Path) -> None:
    if not root.is_dir():
        raise SequenceNotFoundError(
            f"expected a folder of released boxes at {root}, found no such folder; check the path"
        )


def _without_copies(runs: list[TrackedRun], root: Path) -> tuple[list[TrackedRun], list[str]]:
    """Each set of boxes once, under a published name where one of its copies has that; and sentences about copies."""
    shown: list[TrackedRun] = []
    told = []
    for run in sorted(runs, key=lambda run: published(run) is None):
        twin = next((other for other in shown if _same_boxes(run, other)), None)
        if twin is None:
            shown.append(run)
        else:
            places = " and ".join(str(one.directory.relative_to(root)) for one in (twin, run))
            told.append(f"{twin.tracker}: the same boxes lie in {places}; they are shown once.")
    return [run for run in runs if any(run is one for one in shown)], told


def _same_boxes(one: TrackedRun, other: TrackedRun) -> bool:
    pairs = ((item.boxes, other.sequences[label].boxes) for label, item in one.sequences.items())
    return all(np.array_equal(left, right, equal_nan=True) for left, right in pairs)


def under_names(run: TrackedRun, names: Sequence[str]) -> TrackedRun:
    """A run's sequences of a data set under the data set's own names, without those of others.

    Args:
        run: whose labels may have split and modality in front.
        names: the sequences.

    Raises:
        InputError: labels that could belong to several names.
    """
    visible = [label for label in run.sequences if _is_visible(label)]
    matched, _ = match_names(visible, names)
    found = {name: run.sequences[label] for label, name in matched.items()}
    return replace(run, sequences={name: replace(item, label=name) for name, item in found.items()})


def _opened(root: Path, stack: ExitStack, remarks: list[str]) -> Iterator[tuple[Path, Path]]:
    """The folder, and each archive in it with the folder of its temporary copy."""
    yield root, root
    for archive in sorted(path for path in root.rglob("*") if path.suffix.lower() == ".zip" and path.is_file()):
        copy = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="spectrack-")))
        try:
            extract_texts(archive, copy, _TEXTS)
        except SpectrackError as error:
            remarks.append(f"Left out: {archive.relative_to(root)} ({str(error).rstrip('.')}).")
        else:
            yield archive, copy


def _result_sets(root: Path, names: list[str]) -> Iterator[ResultSet]:
    """Results on these sequences, of every folder that has some."""
    for folder in _folders(root):
        try:
            found = find_result_set(folder)
            sources = {name: source for name, source in found.sources.items() if _is_visible(name)}
            matched, _ = match_names(sources, names)
        except SpectrackError:
            continue  # no boxes, or boxes of something else
        if len(matched) >= _ENOUGH * len(names):
            yield ResultSet(folder, found.dialect, sources, found.single, found.notes)


def _folders(root: Path) -> Iterator[Path]:
    """A folder and those below it in order, without hidden ones and what macOS adds to archives."""
    for folder, inner, _ in os.walk(root):
        inner[:] = sorted(name for name in inner if not name.startswith((".", "__MACOSX")))
        yield Path(folder)


def _read(found: ResultSet, where: Path, root: Path, truth: dict[str, Boxes]) -> tuple[TrackedRun, list[str]]:
    name = _tracker_name(where, root)
    foreign = match_results(found, list(truth))
    lacking = [label for label in truth if label not in foreign.boxes]
    if lacking:
        some = ", ".join(lacking[:3]) + (f" and {len(lacking) - 3} more" if len(lacking) > 3 else "")
        raise InputError(f"{name} has no boxes on {len(lacking)} of {len(truth)} sequences: {some}")
    run = TrackedRun(where, name, {label: TrackedSequence(label, foreign.boxes[label]) for label in truth})
    starts = (f"{name}: {start}." for start in start_offsets(foreign.boxes, truth))
    return run, [*about_results(name, foreign, unmatched=False), *starts]


def _is_visible(name: str) -> bool:
    """Whether a name may be of the camera of visible light, which HOT2020 is of."""
    return split_name(name).modality in ("", "vis")


def _tracker_name(where: Path, root: Path) -> str:
    inside = where.relative_to(root).parts
    parts = [Path(part).stem if part.lower().endswith(".zip") else part for part in (root.absolute().name, *inside)]
    plain = [_NO_TRACKER.sub("", part).strip("-_ .") for part in parts]
    return next((re.sub(r"_", "-", name) for name in reversed(plain) if name), parts[-1])
