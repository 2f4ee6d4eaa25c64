"""Reading run directories back: everything that tables and figures are made from, without tracking anything again."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spectrack.annotations.text import read_boxes
from spectrack.errors import InputError, SequenceNotFoundError, nearest_name
from spectrack.evaluation.tracked import TrackedRun, TrackedSequence
from spectrack.runs.evidence import Arrays, read_evidence
from spectrack.runs.frame_table import read_frame_table
from spectrack.runs.run_directory import BOXES, DONE, EVIDENCE, FRAMES, PLAN, RUN, TRUTH, VISIBILITY_SUFFIX, read_json

BENCHMARK = "benchmark.json"
"""What `spectrack benchmark` writes beside the run directories of its trackers."""


@dataclass(frozen=True)
class StoredRun(TrackedRun):
    """A run that was read from its directory."""

    def evidence(self, label: str) -> Arrays:
        """Evidence arrays of a sequence, see `spectrack.runs.evidence`; empty when there are none.

        Raises:
            InputError: no such sequence, or a damaged file.
        """
        if label not in self.sequences:
            raise InputError(f"expected a sequence of the run, found {label!r}; {nearest_name(label, self.sequences)}")
        return read_evidence(self.directory / EVIDENCE / f"{label}.npz")


def read_run(directory: str | os.PathLike[str]) -> StoredRun:
    """A finished run.

    Args:
        directory: what `spectrack.runs.runner.run` wrote; in a benchmark, the folder of one tracker.

    Raises:
        SequenceNotFoundError: no such directory, or no run in it.
        InputError: the run is unfinished, or a file is damaged.
    """
    place = Path(directory)
    if not (place / RUN).is_file():
        if (place / PLAN).is_file():
            finished = len(list((place / DONE).glob("[!.]*.json")))
            raise InputError(
                f"expected a finished run in {place}, found {finished} finished sequences and no {RUN}; give the "
                "command that "
                "started it once more, and it goes on where it stopped"
            )
        hint = (
            "name the folder of one of its trackers"
            if (place / BENCHMARK).is_file()
            else "name a folder that a benchmark wrote"
        )
        raise SequenceNotFoundError(f"expected a run ({RUN}) in {place}, found none; {hint}")
    return stored_run(place, read_json(place / RUN, "a run"))


def read_runs(directory: str | os.PathLike[str]) -> list[StoredRun]:
    """All runs of a place: the one of a run directory, or those of a benchmark, in its order.

    Raises:
        SequenceNotFoundError: no run there.
        InputError: a run is unfinished, or a file is damaged.
    """
    place = Path(directory)
    if not (place / BENCHMARK).is_file():
        return [read_run(place)]
    names = read_json(place / BENCHMARK, "a benchmark").get("trackers")
    if not isinstance(names, dict) or not names or any(_unsafe(name) for name in names):
        raise InputError(
            f"expected the trackers of a benchmark in {place / BENCHMARK}, found none; run the benchmark again"
        )
    return [read_run(place / name) for name in names]


def stored_run(directory: Path, info: dict[str, Any]) -> StoredRun:
    """The run in `directory` whose `run.json` says `info`.

    Raises:
        InputError: `info` was not written by a run, or a file is missing or damaged.
    """
    try:
        name, entries = str(info["name"]), [(str(entry["label"]), entry) for entry in info["sequences"]]
    except (KeyError, TypeError) as error:
        raise InputError(
            f"expected the record of a run in {directory / RUN}, found JSON without or with other fields ({error}); "
            "run again"
        ) from error
    unsafe = [label for label, _ in entries if _unsafe(label)]
    if unsafe:
        raise InputError(
            f"expected sequence names that are file names in {directory / RUN}, found {unsafe[0]!r}; run again"
        )
    return StoredRun(
        directory, name, {label: _read_sequence(directory, label, entry) for label, entry in entries}, info
    )


def _unsafe(name: str) -> bool:
    return not name or name.startswith(".") or any(sign in name for sign in "/\\:\0")


def _read_sequence(directory: Path, label: str, entry: Mapping[str, Any]) -> TrackedSequence:
    boxes = read_boxes(directory / BOXES / f"{label}.txt")
    truth_file, visibility_file = (
        directory / TRUTH / f"{label}.txt",
        directory / TRUTH / f"{label}{VISIBILITY_SUFFIX}.txt",
    )
    truth = read_boxes(truth_file) if truth_file.is_file() else None
    visibility = _read_numbers(visibility_file) if visibility_file.is_file() else None
    frames = read_frame_table(directory / FRAMES / f"{label}.csv")
    for what, rows in (("truth", truth), ("visibility", visibility), ("frame", frames)):
        if rows is not None and len(rows) != len(boxes):
            raise InputError(
                f"expected {len(boxes)} {what} rows of {label!r} in {directory}, one a box, found {len(rows)}; track "
                "it again"
            )
    failure = entry.get("failure")
    failed = failure if isinstance(failure, dict) else {}
    attributes = entry.get("attributes")
    return TrackedSequence(
        label=label,
        # The reader gives zeros for a row of NaN; a run has no other zero rows.
        boxes=np.where(boxes.any(axis=1, keepdims=True), boxes, np.nan),
        truth=truth,
        score=frames.score,
        lost=frames.lost,
        milliseconds=frames.milliseconds,
        attributes=tuple(str(word) for word in attributes) if isinstance(attributes, list) else (),
        visibility=visibility,
        failure=str(failed["message"]) if "message" in failed else None,
        failure_frame=failed["frame"] if isinstance(failed.get("frame"), int) else None,
    )


def _read_numbers(path: Path) -> NDArray[np.float64]:
    try:
        return np.array([float(word) for word in path.read_bytes().decode("ascii").split()], dtype=np.float64)
    except (OSError, ValueError) as error:
        raise InputError(
            f"expected one number a line in {path}, found otherwise ({error}); track the sequence again"
        ) from error
