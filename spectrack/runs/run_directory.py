"""The files of a run: what lies where, how a sequence is committed, and how an interrupted run is taken up again.

A run directory holds

* ``plan.json``: what the run is (tracker, weights, data, configuration, seed, sequences), written first,
* ``boxes/LABEL.txt``, ``frames/LABEL.csv``, ``evidence/LABEL.npz`` of every sequence, ``truth/LABEL.txt`` and
  ``truth/LABEL-visibility.txt`` where these are known,
* ``done/LABEL.json``: what is known of the sequence, written after its other files, so that a sequence is finished when
  this file exists,
* ``scores.json``, and last of all ``run.json``: a directory without it is an unfinished run.

The directory is claimed (`spectrack.files.claims`) while a run writes to it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from spectrack.annotations.text import read_boxes, write_boxes
from spectrack.boxes import Box
from spectrack.errors import InputError
from spectrack.files import Claim, Terms, refuse_other
from spectrack.runs.evidence import write_evidence

if TYPE_CHECKING:
    from spectrack.runs.entries import OpenedEntry
    from spectrack.runs.sequence_run import SequenceRun

PLAN, DONE, RUN, SCORES = "plan.json", "done", "run.json", "scores.json"
BOXES, FRAMES, TRUTH, EVIDENCE = "boxes", "frames", "truth", "evidence"
VISIBILITY_SUFFIX = "-visibility"
SUFFIXES = {BOXES: ".txt", FRAMES: ".csv", TRUTH: ".txt", EVIDENCE: ".npz", DONE: ".json"}
_LARGEST_JSON = 256 * 2**20


def run_terms(labels: Iterable[str], *, overwrite: bool = False, data: tuple[Path, ...] = ()) -> Terms:
    """The terms on which a run over these sequences claims its directory; see `spectrack.files.places.Terms`."""
    stored = (f"{folder}/{label}{suffix}" for label in labels for folder, suffix in SUFFIXES.items())
    names = (PLAN, RUN, SCORES, *stored)
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

    def write_sequence(self, item: SequenceRun) -> None:
        """Commit one sequence: its marker goes first and comes last."""
        self.claim.remove([self._marker(item.label)])
        with self.claim.writing(f"{BOXES}/{item.label}.txt") as file:
            write_boxes(file, item.boxes, fmt=None, missing=True)
        self._write_annotations(item)
        with self.claim.writing(f"{FRAMES}/{item.label}.csv") as file:
            item.frames.write(file)
        if item.evidence:
            with self.claim.writing(f"{EVIDENCE}/{item.label}.npz") as file:
                write_evidence(file, item.evidence)
        self.claim.write_json(self._marker(item.label), describe_sequence(item))

    def renew_annotations(self, opened: OpenedEntry, marker: Mapping[str, Any]) -> None:
        """Replace truth, visibility and attributes of a finished sequence whose boxes stay."""
        self._write_annotations(opened)
        content = dict(marker["content"]) | {"annotations": opened.annotations_digest()}
        renewed = {"attributes": list(opened.attributes), "has_truth": opened.truth is not None, "content": content}
        self.claim.write_json(self._marker(opened.label), {**marker, **renewed})

    def first_box(self, label: str) -> Box:
        """The box that a finished sequence was started from."""
        return np.asarray(read_boxes(self.path / BOXES / f"{label}.txt")[0])

    def _write_annotations(self, item: SequenceRun | OpenedEntry) -> None:
        truth, seen = (f"{TRUTH}/{item.label}{suffix}.txt" for suffix in ("", VISIBILITY_SUFFIX))
        self.claim.remove([truth, seen])
        if item.truth is not None:
            with self.claim.writing(truth) as file:
                write_boxes(file, item.truth, fmt=None)
        if item.visibility is not None:
            self.claim.write_text(seen, "".join(f"{float(value)!r}\n" for value in item.visibility))

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

    def _marker(self, label: str) -> str:
        """The file whose existence says that the sequence is finished."""
        return f"{DONE}/{label}.json"


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
            raise InputError(f"expected {what} below 256 MiB, found a larger file at {path}; run again")
        value = json.loads(path.read_bytes())
    except OSError as error:
        raise InputError(
            f"expected {what} at {path}, found: {error.strerror or error}; check the path, or run again"
        ) from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"expected {what} as JSON in {path}, found otherwise ({error}); run again") from error
    if not isinstance(value, dict):
        raise InputError(f"expected {what} as a JSON object in {path}, found {type(value).__name__}; run again")
    return value
