"""The files of a run: what lies where, how a sequence is committed, and how an interrupted run is taken up again.

A run directory holds

* ``plan.json``: what the run is (tracker, weights, data, configuration, seed, sequences), written first,
* ``boxes/LABEL.txt``, ``frames/LABEL.csv``, ``evidence/LABEL.npz`` of every sequence, ``truth/LABEL.txt`` and
  ``truth/LABEL-visibility.txt`` where these are known,
* ``done/LABEL.json``: what is known of the sequence, written after its other files, so that a sequence is finished when
  this file exists,
* ``scores.json``, and last of all ``run.json``: a directory without it is an unfinished run.

Every file is written under a temporary name and renamed, so that a kill at any moment leaves whole files or none.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from spectrack.annotations.text import read_boxes, write_boxes
from spectrack.boxes import Box
from spectrack.errors import ConfigError, InputError
from spectrack.files import write_json, write_text
from spectrack.runs.evidence import write_evidence

if TYPE_CHECKING:
    from spectrack.runs.entries import OpenedEntry
    from spectrack.runs.sequence_run import SequenceRun

PLAN, DONE, RUN, SCORES = "plan.json", "done", "run.json", "scores.json"
BOXES, FRAMES, TRUTH, EVIDENCE = "boxes", "frames", "truth", "evidence"
VISIBILITY_SUFFIX = "-visibility"
FOLDERS = (BOXES, FRAMES, TRUTH, EVIDENCE, DONE)
_LARGEST_JSON = 256 * 2**20


class RunDirectory:
    """The directory of one tracker over one set of sequences.

    Args:
        path: where it is or will be.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def prepare(self, plan: Mapping[str, Any], *, overwrite: bool = False, retry_failed: bool = False) -> None:
        """Start the run that `plan` describes, or take it up where it stopped.

        Args:
            plan: JSON values; a run is only taken up with an equal plan.
            overwrite: throw an earlier run away.
            retry_failed: track sequences again in which the tracker failed.

        Raises:
            ConfigError: the place is a file, holds other things, or holds a run with another plan.
        """
        if self.path.exists() and not self.path.is_dir():
            raise ConfigError(f"expected a directory for the run at {self.path}, found a file; choose another place")
        self._refuse_foreign()
        if overwrite:
            self._clear()
        wanted = json.loads(json.dumps(plan, allow_nan=False))
        if (self.path / PLAN).exists():
            self._refuse_other_plan(read_json(self.path / PLAN, "the plan of a run"), wanted)
        else:
            write_json(self.path / PLAN, wanted)
        self._remove_temporaries()
        if retry_failed:
            for label, entry in self.finished().items():
                if entry.get("failure") is not None:
                    self.marker(label).unlink()

    def finished(self) -> dict[str, dict[str, Any]]:
        """What is known of every finished sequence, by label.

        Raises:
            InputError: a marker is damaged.
        """
        return {
            path.stem: read_json(path, "a finished sequence") for path in sorted((self.path / DONE).glob("[!.]*.json"))
        }

    def write_sequence(self, item: SequenceRun) -> None:
        """Commit one sequence: its marker goes first and comes last."""
        self.marker(item.label).unlink(missing_ok=True)
        write_boxes(self.path / BOXES / f"{item.label}.txt", item.boxes, fmt=None, missing=True)
        self._write_annotations(item)
        item.frames.write(self.path / FRAMES / f"{item.label}.csv")
        if item.evidence:
            write_evidence(self.path / EVIDENCE / f"{item.label}.npz", item.evidence)
        write_json(self.marker(item.label), describe_sequence(item))

    def renew_annotations(self, opened: OpenedEntry, marker: Mapping[str, Any]) -> None:
        """Replace truth, visibility and attributes of a finished sequence whose boxes stay."""
        self._write_annotations(opened)
        content = dict(marker["content"]) | {"annotations": opened.annotations_digest()}
        renewed = {"attributes": list(opened.attributes), "has_truth": opened.truth is not None, "content": content}
        write_json(self.marker(opened.label), {**marker, **renewed})

    def first_box(self, label: str) -> Box:
        """The box that a finished sequence was started from."""
        return np.asarray(read_boxes(self.path / BOXES / f"{label}.txt")[0])

    def _write_annotations(self, item: SequenceRun | OpenedEntry) -> None:
        truth, seen = (self.path / TRUTH / f"{item.label}{suffix}.txt" for suffix in ("", VISIBILITY_SUFFIX))
        truth.unlink(missing_ok=True)
        seen.unlink(missing_ok=True)
        if item.truth is not None:
            write_boxes(truth, item.truth, fmt=None)
        if item.visibility is not None:
            write_text(seen, "".join(f"{float(value)!r}\n" for value in item.visibility))

    def write_result(self, record: Mapping[str, Any], scores: Mapping[str, Any] | None) -> None:
        """Finish the run: scores first, `run.json` last."""
        if scores is None:
            (self.path / SCORES).unlink(missing_ok=True)
        else:
            write_json(self.path / SCORES, scores)
        write_json(self.path / RUN, record)

    def reopen(self) -> None:
        """Mark the run as unfinished, because something in it is about to change."""
        (self.path / RUN).unlink(missing_ok=True)
        (self.path / SCORES).unlink(missing_ok=True)

    def marker(self, label: str) -> Path:
        """The file whose existence says that the sequence is finished."""
        return self.path / DONE / f"{label}.json"

    def _refuse_foreign(self) -> None:
        found = (
            [entry.name for entry in self.path.iterdir() if not entry.name.startswith(".")]
            if self.path.is_dir()
            else []
        )
        if found and PLAN not in found:
            raise ConfigError(
                f"expected an empty directory or an earlier run at {self.path}, found {min(found)!r} and no {PLAN}; "
                "choose another place"
            )

    def _refuse_other_plan(self, before: Any, now: Any) -> None:
        difference = first_difference(before, now)
        if difference is not None:
            what, old, new = difference
            raise ConfigError(
                f"expected to go on with the run in {self.path} as it was started, found {what} {_short(new)} instead "
                f"of {_short(old)}; "
                "name another directory, or start anew with --overwrite"
            )

    def _clear(self) -> None:
        for path in [*(self.path / name for name in (RUN, SCORES)), *self._stored(), self.path / PLAN]:
            path.unlink(missing_ok=True)

    def _stored(self) -> Iterable[Path]:
        return [path for folder in (DONE, BOXES, FRAMES, TRUTH, EVIDENCE) for path in (self.path / folder).glob("*.*")]

    def _remove_temporaries(self) -> None:
        # What a killed process was writing; the names come from `spectrack.files.write_atomically`.
        for folder in (self.path, *(self.path / name for name in FOLDERS)):
            for suffix in ("txt", "csv", "npz", "json"):
                for path in folder.glob(f".*.{suffix}"):
                    path.unlink(missing_ok=True)


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


def first_difference(before: Any, now: Any, where: str = "") -> tuple[str, Any, Any] | None:
    """The first place at which two JSON values differ, with both values; None when they are equal.

    Example:
        >>> first_difference({"tracker": {"name": "a"}}, {"tracker": {"name": "b"}})
        ('tracker.name', 'a', 'b')
    """
    if isinstance(before, dict) and isinstance(now, dict):
        for key in [*before, *(key for key in now if key not in before)]:
            difference = first_difference(before.get(key), now.get(key), f"{where}.{key}" if where else key)
            if difference is not None:
                return difference
        return None
    return None if before == now and type(before) is type(now) else (where, before, now)


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else text[:77] + "..."
