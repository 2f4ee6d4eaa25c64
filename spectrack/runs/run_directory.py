"""Writing a run: how a sequence is committed, and how a run is begun, taken up and finished.

What lies where is said in `spectrack.runs.layout`. The directory is claimed (`spectrack.files.claims`) while a run
writes to it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import astuple
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from spectrack.annotations.text import read_boxes, write_boxes
from spectrack.boxes import Box, Boxes
from spectrack.errors import InputError
from spectrack.files import Claim, Terms, refuse_other
from spectrack.runs.evidence import write_evidence
from spectrack.runs.frame_table import FrameTable
from spectrack.runs.layout import DONE, PLAN, RUN, SCORES, SequenceFiles

if TYPE_CHECKING:
    from spectrack.runs.entries import OpenedEntry
    from spectrack.runs.sequence_run import SequenceRun

Writing = Callable[[str], AbstractContextManager[Path]]
"""Gives a place to write a file of the run to, by its name."""

WRITE_ANEW = "delete it, and give the command that wrote it once more"
"""What becomes of a damaged file of a run: it is not replaced while it is there, since somebody may have edited it."""

_LARGEST_JSON = 256 * 2**20


def run_terms(labels: Iterable[str], *, overwrite: bool = False, data: tuple[Path, ...] = ()) -> Terms:
    """The terms on which a run over these sequences claims its directory; see `spectrack.files.places.Terms`."""
    names = (PLAN, RUN, SCORES, *(name for label in labels for name in astuple(SequenceFiles.of_run(label))))
    return Terms("run", overwrite=overwrite, resume=True, names=names, data=data, also=("scores",))


class RunDirectory:
    """The directory of one tracker over one set of sequences.

    Args:
        claim: of the directory, on `run_terms`.
    """

    def __init__(self, claim: Claim) -> None:
        self.claim, self.path = claim, claim.path

    def refuse_other(self, plan: Mapping[str, Any]) -> None:
        """Refuse to go on with a run of another plan.

        Raises:
            ConfigError: the first difference is named.
        """
        if self.claim.holds(PLAN) and not self.claim.terms.overwrite:
            earlier = read_json(self.path / PLAN, "the plan of a run")
            remedy = "name another directory, or start anew with --overwrite"
            refuse_other(earlier, plan, f"the run in {self.path}", remedy)

    def start(self, plan: Mapping[str, Any]) -> None:
        """Start the run that `plan` (JSON values) describes, or take it up where it stopped."""
        if self.claim.terms.overwrite:
            self.claim.clear()
        if not self.claim.holds(PLAN):
            self.claim.write_json(PLAN, plan)

    def finished(self) -> dict[str, dict[str, Any]]:
        """What is known of every finished sequence, by label; nothing where an earlier run is to go.

        Raises:
            InputError: a marker is damaged.
        """
        markers = [self.path / name for name in self.claim.names(DONE)]
        return {path.stem: read_json(path, "a finished sequence") for path in markers}

    def is_whole(self, label: str, marker: Mapping[str, Any]) -> bool:
        """Whether the files of a finished sequence, of which its marker tells, are all there.

        Raises:
            InputError: one is no longer as it was written.
        """
        files = SequenceFiles.of_run(label)
        there = {name for name in astuple(files) if os.path.lexists(self.path / name)}
        for name in sorted(there - {files.marker}):
            if not self.claim.holds(name):
                raise InputError(f"expected {self.path / name} as it was written, found it changed; {WRITE_ANEW}")
        return there.issuperset((files.boxes, files.frames, *([files.truth] if marker.get("has_truth") else [])))

    def write_sequence(self, item: SequenceRun) -> None:
        """Commit one sequence: its marker goes first and comes last."""
        files = SequenceFiles.of_run(item.label)
        self.claim.remove([files.marker, files.evidence])
        write_track(self.claim.writing, files, item.boxes, item.frames)
        self._write_annotations(item)
        if item.evidence:
            with self.claim.writing(files.evidence) as file:
                write_evidence(file, item.evidence)
        self.claim.write_json(files.marker, describe_sequence(item))

    def renew_annotations(self, opened: OpenedEntry, marker: Mapping[str, Any]) -> None:
        """Replace truth, visibility and attributes of a finished sequence whose boxes stay."""
        self._write_annotations(opened)
        content = dict(marker["content"]) | {"annotations": opened.annotations_digest()}
        renewed = {"attributes": list(opened.attributes), "has_truth": opened.truth is not None, "content": content}
        self.claim.write_json(SequenceFiles.of_run(opened.label).marker, {**marker, **renewed})

    def first_box(self, label: str) -> Box:
        """The box that a finished sequence was started from."""
        return np.asarray(read_boxes(self.path / SequenceFiles.of_run(label).boxes)[0])

    def _write_annotations(self, item: SequenceRun | OpenedEntry) -> None:
        files = SequenceFiles.of_run(item.label)
        self.claim.remove([files.truth, files.visibility])
        write_truth(self.claim.writing, files, item.truth)
        if item.visibility is not None:
            self.claim.write_text(files.visibility, "".join(f"{float(value)!r}\n" for value in item.visibility))

    def write_result(self, record: Mapping[str, Any], scores: Mapping[str, Any] | None) -> None:
        """Finish the run: scores first, `run.json` last."""
        if scores is None:
            self.claim.remove([SCORES])
        else:
            self.claim.write_json(SCORES, scores)
        self.claim.write_json(RUN, record)

    def reopen(self) -> None:
        """Mark the run as unfinished, because something in it is about to change."""
        self.claim.remove([RUN, SCORES])


def inside(folder: Path) -> Writing:
    """Writes into a folder that appears whole, so that no file of it needs to."""
    return lambda name: nullcontext(folder / name)


def write_track(writing: Writing, files: SequenceFiles, boxes: Boxes, frames: FrameTable) -> None:
    """Write what the tracker gave; every digit of a box is kept, so that scores can be computed again."""
    with writing(files.boxes) as file:
        write_boxes(file, boxes, fmt=None, missing=True)
    with writing(files.frames) as file:
        frames.write(file)


def write_truth(writing: Writing, files: SequenceFiles, truth: Boxes | None) -> None:
    """Write truth where there is any; rows without a box are zero."""
    if truth is not None:
        with writing(files.truth) as file:
            write_boxes(file, truth, fmt=None)


def describe_sequence(item: SequenceRun) -> dict[str, Any]:
    """What `run.json` says of a sequence."""
    return {
        "label": item.label,
        "frames": len(item.boxes),
        "attributes": list(item.attributes),
        "frames_per_second": item.frames.speed.to_json()["frames_per_second"],
        "machine": item.machine,
        "has_truth": item.truth is not None,
        "failure": None if item.failure is None else {"frame": item.failure.frame, "message": item.failure.message},
        "content": None if item.content is None else item.content.to_json(),
    }


def read_json(path: Path, what: str) -> Any:
    """The content of a JSON file of a run, which must be an object.

    Raises:
        InputError: no such file, or not an object of JSON.
    """
    try:
        if path.stat().st_size > _LARGEST_JSON:
            raise InputError(f"expected {what} below 256 MiB, found a larger file at {path}; {WRITE_ANEW}")
        value = json.loads(path.read_bytes())
    except OSError as error:
        raise InputError(f"expected {what} at {path}, found: {error.strerror or error}; check the path") from error
    except (ValueError, RecursionError) as error:
        reason = str(error)[:120]
        raise InputError(f"expected {what} as JSON in {path}, found otherwise ({reason}); {WRITE_ANEW}") from error
    if not isinstance(value, dict):
        raise InputError(f"expected {what} as a JSON object in {path}, found {type(value).__name__}; {WRITE_ANEW}")
    return value
