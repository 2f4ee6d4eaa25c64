"""Reading runs back: what `spectrack benchmark` and `spectrack track` wrote, also earlier versions, as one thing."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spectrack.annotations.text import read_boxes
from spectrack.errors import InputError, SequenceNotFoundError, nearest_name
from spectrack.evaluation.tracked import TrackedRun, TrackedSequence
from spectrack.files import Manifest
from spectrack.runs.evidence import Arrays, read_evidence
from spectrack.runs.frame_table import read_frame_table
from spectrack.runs.layout import BENCHMARK, DONE, PLAN, RECORDING, RUN, SUMMARY, SequenceFiles, is_file_name
from spectrack.runs.run_directory import WRITE_ANEW, read_json

_CHOSEN_BY_MACHINE = ("precision", "device")


@dataclass(frozen=True)
class StoredRun(TrackedRun):
    """A run that was read from its directory; that of a recording has one sequence."""

    def evidence(self, label: str) -> Arrays:
        """Evidence arrays of a sequence, see `spectrack.runs.evidence`; empty when there are none.

        Raises:
            InputError: no such sequence, or a damaged file.
        """
        if label not in self.sequences:
            raise InputError(f"expected a sequence of the run, found {label!r}; {nearest_name(label, self.sequences)}")
        return read_evidence(self.directory / SequenceFiles.of_run(label).evidence)


def read_runs(place: str | os.PathLike[str]) -> list[StoredRun]:
    """All runs at a place, see `find_runs`.

    Raises:
        SequenceNotFoundError: no such place, or no finished run there.
        InputError: the run is unfinished, or a file is damaged.
    """
    return [read_run(folder) for folder in find_runs(place)]


def find_runs(place: str | os.PathLike[str]) -> list[Path]:
    """The folder itself when it is a run or a recording, else those right below it, in a benchmark's order.

    A tracker of a benchmark that is not finished is left out.

    Raises:
        SequenceNotFoundError: no such place, or no finished run there.
    """
    folder = Path(place)
    if any((folder / name).is_file() for name in (RUN, PLAN)) or _is_recording(folder):
        return [folder]
    if not folder.is_dir():
        raise SequenceNotFoundError(f"expected a run directory at {folder}, found no such folder; check the path")
    below = [path for path in folder.iterdir() if (path / RUN).is_file() or _is_recording(path)]
    if not below:
        raise SequenceNotFoundError(
            f"expected a finished run ({RUN}) or a recording ({SUMMARY}) in {folder} or right below it, found none; "
            "name a folder that `spectrack benchmark` or `spectrack track` wrote, or others' with --results NAME=DIR"
        )
    try:
        listed = list(read_json(folder / BENCHMARK, "a benchmark")["trackers"])
    except (InputError, KeyError, TypeError):
        listed = []  # the order is for people; what is read does not depend on it
    order = {str(name): number for number, name in enumerate(listed)}
    return sorted(below, key=lambda path: (order.get(path.name, len(order)), path.name))


def read_run(directory: str | os.PathLike[str]) -> StoredRun:
    """A finished run, or a recording.

    Args:
        directory: what `spectrack.runs.runner.run` wrote (in a benchmark, the folder of one tracker), or
            `spectrack.record`.

    Raises:
        SequenceNotFoundError: no such directory, or no run in it.
        InputError: the run is unfinished, or a file is damaged.
    """
    place = Path(directory)
    if (place / RUN).is_file():
        return stored_run(place, read_json(place / RUN, "a run"))
    if _is_recording(place):
        if Manifest.read(place).is_interrupted:
            raise InputError(
                f"expected a whole recording in {place}, found one whose writing was interrupted; give the command "
                "once more, with --overwrite"
            )
        return _recording(place, read_json(place / SUMMARY, "the summary of a recording"))
    if (place / PLAN).is_file():
        finished = len(list((place / DONE).glob("[!.]*.json")))
        raise InputError(
            f"expected a finished run in {place}, found {finished} finished sequences and no {RUN}; give the command "
            "that started it once more, and it goes on where it stopped"
        )
    trackers = "name the folder of one of its trackers"
    hint = trackers if (place / BENCHMARK).is_file() else "name a folder that a benchmark or `spectrack track` wrote"
    raise SequenceNotFoundError(f"expected a run ({RUN}) or a recording ({SUMMARY}) in {place}, found none; {hint}")


def stored_run(directory: Path, info: dict[str, Any]) -> StoredRun:
    """The run in `directory` whose `run.json` says `info`.

    Raises:
        InputError: `info` was not written by a run, or a file is missing or damaged.
    """
    try:
        name, entries = str(info["name"]), [(str(entry["label"]), entry) for entry in info["sequences"]]
    except (KeyError, TypeError) as error:
        raise InputError(
            f"expected the record of a run in {directory / RUN}, found JSON of other fields ({error}); {WRITE_ANEW}"
        ) from error
    unsafe = [label for label, _ in entries if not is_file_name(label)]
    if unsafe:
        raise InputError(
            f"expected sequence names that are file names in {directory / RUN}, found {unsafe[0]!r}; {WRITE_ANEW}"
        )
    files = {label: SequenceFiles.of_run(label) for label, _ in entries}
    sequences = {label: _read_sequence(directory, files[label], label, entry) for label, entry in entries}
    return StoredRun(directory, name, sequences, info)


def _is_recording(folder: Path) -> bool:
    return all((folder / name).is_file() for name in (SUMMARY, RECORDING.boxes, RECORDING.frames))


def _recording(directory: Path, summary: dict[str, Any]) -> StoredRun:
    """A recording as a run of one sequence; its summary says in other words what `run.json` says of a run."""
    sequence, tracker = _mapping(summary.get("sequence")), _mapping(summary.get("tracker"))
    label = str(sequence.get("name") or directory.name)
    info = {
        **summary,
        "name": str(tracker.get("name") or "unnamed"),
        "weights": tracker.get("weights"),
        "protocol": summary.get("protocol") or _mapping(summary.get("settings")).get("protocol"),
        "sequences": [{"label": label, "attributes": sequence.get("attributes")}],
    }
    sequences = {label: _read_sequence(directory, RECORDING, label, sequence)}
    return StoredRun(directory, info["name"], sequences, info)


def join_recordings(runs: Iterable[StoredRun]) -> list[StoredRun]:
    """Runs with the recordings of different videos by one tracker as one run, which is what they are together.

    Where they were tracked at another precision or on another device, as `auto` chooses them, the run says neither.
    """
    joined: list[tuple[Any, StoredRun]] = []
    for run in runs:
        # Recordings from before there was a choice of engines do not name theirs.
        described = {"engine": "torch"} | run.recorded("tracker")
        tracker = {key: value for key, value in described.items() if key not in _CHOSEN_BY_MACHINE}
        same = (run.tracker, tracker, run.protocol) if _is_recording(run.directory) else None
        for number, (key, other) in enumerate(joined):
            if same is not None and key == same and not other.sequences.keys() & run.sequences.keys():
                joined[number] = key, _joined(other, run)
                break
        else:
            joined.append((same, run))
    return [run for _, run in joined]


def _joined(first: StoredRun, second: StoredRun) -> StoredRun:
    one, other = first.recorded("tracker"), second.recorded("tracker")
    info = {
        **first.info,
        "tracker": {key: value for key, value in one.items() if other.get(key) == value},
        "sequences": [*first.info["sequences"], *second.info["sequences"]],
    }
    return replace(first, sequences={**first.sequences, **second.sequences}, info=info)


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _read_sequence(directory: Path, files: SequenceFiles, label: str, entry: Mapping[str, Any]) -> TrackedSequence:
    boxes = read_boxes(directory / files.boxes)
    truth_file, visibility_file = directory / files.truth, directory / files.visibility
    truth = read_boxes(truth_file) if truth_file.is_file() else None
    visibility = _read_numbers(visibility_file) if visibility_file.is_file() else None
    frames = read_frame_table(directory / files.frames)
    for what, rows in (("truth", truth), ("visibility", visibility), ("frame", frames)):
        if rows is not None and len(rows) != len(boxes):
            raise InputError(
                f"expected {len(boxes)} {what} rows of {label!r} in {directory}, found {len(rows)}; track it again"
            )
    failed, attributes = _mapping(entry.get("failure")), entry.get("attributes")
    return TrackedSequence(
        label=label,
        # The reader gives zeros for a row of NaN; a run has no other zero rows.
        boxes=np.where(boxes.any(axis=1, keepdims=True), boxes, np.nan),
        truth=truth,
        score=frames.score,
        lost=frames.lost,
        probability=frames.probability,
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
        raise InputError(f"expected one number a line in {path}, found otherwise ({error}); track again") from error
