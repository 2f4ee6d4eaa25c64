"""Runs side by side: one set of sequences, one truth, one protocol, a name and a colour for each tracker.

Every number of a report comes from here. Boxes are scored again under one protocol, whatever the runs were scored with,
so that no two columns of a table mean different things.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spectrack.boxes import Boxes
from spectrack.errors import InputError
from spectrack.evaluation.metrics import overlaps
from spectrack.evaluation.protocols import Invalid, Missing, get_protocol, score
from spectrack.evaluation.scores import Scores
from spectrack.evaluation.speed import Speed, speed_of
from spectrack.evaluation.tracked import TrackedRun, TrackedSequence

_HASH_DIGITS = 8


@dataclass(frozen=True)
class Entrant:
    """One tracker of a report.

    Attributes:
        name: unique in the report, printable.
        index: place in the report, which fixes its colour everywhere.
        run: what was stored.
        scores: under the report's protocol, on the report's sequences.
        overlaps: label to (N,) intersection over union, 0 without a prediction, NaN where the truth is no box.
    """

    name: str
    index: int
    run: TrackedRun
    scores: Scores
    overlaps: Mapping[str, NDArray[np.float64]]

    def sequence(self, label: str) -> TrackedSequence:
        """What was stored for one sequence."""
        return self.run.sequences[label]

    @property
    def speed(self) -> Speed:
        """Speed on the report's sequences."""
        return speed_of(self.run.sequences[label].milliseconds for label in self.overlaps)

    @property
    def provenance_note(self) -> str:
        """Name and the first digits of the weights' hash, as printed on figures."""
        if not self.run.info:
            return f"{self.name}: results of others"
        known = self.run.weights_hash
        return (
            f"{self.name}: no weights"
            if known is None
            else f"{self.name}: weights {known.split(':')[-1][:_HASH_DIGITS]}"
        )


@dataclass(frozen=True)
class Comparison:
    """Everything that a report shows.

    Attributes:
        entrants: the trackers, in the order given; the first is what the others are compared with.
        labels: the sequences, sorted.
        truth: label to (N, 4).
        attributes: label to labels such as OCC; a sequence without any is absent.
        remarks: sentences that a reader must know, such as sequences left out.
    """

    entrants: tuple[Entrant, ...]
    labels: tuple[str, ...]
    truth: Mapping[str, Boxes]
    attributes: Mapping[str, tuple[str, ...]]
    remarks: tuple[str, ...]

    @property
    def headline(self) -> str:
        """What the success score is called under the protocol: AUC or AO."""
        return "AO" if self.entrants[0].scores.switches["auc_is_average_overlap"] else "AUC"

    @property
    def notes(self) -> tuple[str, str]:
        """What is printed on every figure: the protocol with the sequences, and the weights."""
        scores = self.entrants[0].scores
        count, frames = len(scores.sequences), sum(item.frames for item in scores.sequences)
        what = f"{count} sequence{'s' if count != 1 else ''}, {frames} frames"
        return f"protocol {scores.description}; {what}", "; ".join(entrant.provenance_note for entrant in self.entrants)

    def ranked(self) -> list[Entrant]:
        """The trackers, best headline score first."""
        return sorted(self.entrants, key=lambda entrant: -entrant.scores.auc)

    def auc(self, label: str) -> list[float]:
        """Success score of each tracker on one sequence."""
        return [entrant.scores.of(label).figures.auc for entrant in self.entrants]


@dataclass(frozen=True)
class ScoringOptions:
    """How runs are scored for a report.

    Attributes:
        protocol: a name; by default the one that the first run records, else ``hot``.
        invalid: another rule for invalid truth than the protocol's.
        missing: another rule for missing predictions than the protocol's. A run in which the tracker failed on a
            sequence is scored with ``miss`` unless something else is asked for, as the run itself was.
        shared: compare on the sequences that all runs have, instead of refusing runs that differ.
    """

    protocol: str | None = None
    invalid: Invalid | None = None
    missing: Missing | None = None
    shared: bool = False


def compare(
    runs: Sequence[TrackedRun],
    *,
    truth: Mapping[str, Boxes] | None = None,
    attributes: Mapping[str, Iterable[str]] | None = None,
    options: ScoringOptions | None = None,
) -> Comparison:
    """Score runs on the same sequences under one protocol.

    Args:
        runs: own runs and foreign results; the first is the one that others are compared with.
        truth: label to (N, 4), which takes precedence over what the runs hold.
        attributes: label to attribute labels, for sequences whose runs name none.
        options: the protocol and its rules.

    Raises:
        ConfigError: unknown protocol or rule.
        InputError: no run, no truth, runs on other sequences or with another truth, and what `score` refuses.
    """
    if not runs:
        raise InputError(
            "expected at least one run to report on, found none; name a run directory, or results with --results "
            "NAME=DIR"
        )
    options = options or ScoringOptions()
    names = unique_names(runs)
    known = _one_truth(runs, names, truth or {})
    labels, remarks = _one_set(runs, names, known, shared=options.shared)
    known = {label: known[label] for label in labels}
    failed = [run.sequences[label] for run in runs for label in labels if run.sequences[label].failure is not None]
    missing = options.missing or ("miss" if failed else None)
    protocol = get_protocol(options.protocol or next((run.protocol for run in runs if run.protocol), "hot"))
    entrants = []
    for index, (run, name) in enumerate(zip(runs, names, strict=True)):
        boxes = {label: run.sequences[label].boxes for label in labels}
        try:
            scores = score(boxes, known, protocol, invalid=options.invalid, missing=missing)
        except InputError as error:
            raise InputError(f"{name}: {error}") from error
        entrants.append(
            Entrant(name, index, run, scores, {label: _overlaps(boxes[label], known[label]) for label in labels})
        )
    marks = {label: _attributes(runs, label, attributes or {}) for label in labels}
    return Comparison(
        tuple(entrants), tuple(labels), known, {label: words for label, words in marks.items() if words}, tuple(remarks)
    )


def unique_names(runs: Sequence[TrackedRun]) -> list[str]:
    """A printable name for each run: the tracker's, with the directory where two runs are of one tracker."""
    plain = [_printable(run.tracker) or "unnamed" for run in runs]
    parts = [[_printable(part) for part in run.directory.parts[::-1]] for run in runs]
    names = list(plain)
    for depth in (1, 2):
        places = ["/".join(folders[:depth][::-1]) for folders in parts]
        names = [
            name if plain.count(name) == 1 else f"{name} ({place})" for name, place in zip(plain, places, strict=True)
        ]
        if len(set(names)) == len(names):
            return names
    return [name if names.count(name) == 1 else f"{name} {number}" for number, name in enumerate(names, start=1)]


def _printable(text: str) -> str:
    """Control characters would make invalid XML of a figure."""
    return "".join(sign if sign.isprintable() else "?" for sign in text).strip()


def _one_truth(runs: Sequence[TrackedRun], names: Sequence[str], given: Mapping[str, Boxes]) -> dict[str, Boxes]:
    wanted = sorted({label for run in runs for label in run.sequences})
    truth = {label: np.asarray(given[label], dtype=np.float64) for label in wanted if label in given}
    source: dict[str, str] = {}
    for run, name in zip(runs, names, strict=True):
        for label, item in run.sequences.items():
            if item.truth is None or label in given:
                continue
            if label in truth and not np.array_equal(truth[label], item.truth, equal_nan=True):
                raise InputError(
                    f"expected one truth for the sequence {label!r}, found {source[label]!r} and {name!r} to hold "
                    "different boxes; "
                    "they tracked different versions of the data: track again, or name the truth to use with --truth"
                )
            truth.setdefault(label, item.truth)
            source.setdefault(label, name)
    if not truth:
        raise InputError(
            f"expected truth boxes to score against, found none in {', '.join(names)}; name them with --truth DIR"
        )
    return truth


def _one_set(
    runs: Sequence[TrackedRun], names: Sequence[str], truth: Mapping[str, Boxes], *, shared: bool
) -> tuple[list[str], list[str]]:
    """The sequences to report on, sorted, and sentences about those left out."""
    tracked = {label for run in runs for label in run.sequences}
    remarks = []
    if without := sorted(tracked - truth.keys()):
        remarks.append(f"Without truth, so tracked but not scored: {_listed(without)}.")
    everything = tracked & truth.keys()
    common = everything.intersection(*(run.sequences.keys() for run in runs))
    if common != everything:
        name, absent = next(
            (n, sorted(everything - r.sequences.keys()))
            for r, n in zip(runs, names, strict=True)
            if everything - r.sequences.keys()
        )
        if not shared:
            raise InputError(
                f"expected all runs on the same {len(everything)} sequences, found {name!r} without {_listed(absent)}; "
                f"track them, or compare on the {len(common)} that all have with --shared"
            )
        remarks.append(
            f"Compared on the {len(common)} sequences that all have; left out: {_listed(sorted(everything - common))}."
        )
    if not common:
        raise InputError(
            f"expected runs with a sequence in common, found none among {', '.join(names)}; check that the names of "
            "sequences agree"
        )
    return sorted(common), remarks


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _attributes(runs: Sequence[TrackedRun], label: str, given: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    found = (run.sequences[label].attributes for run in runs)
    return tuple(next((words for words in found if words), tuple(given.get(label, ()))))


def _overlaps(boxes: Boxes, truth: Boxes) -> NDArray[np.float64]:
    predicted = np.full(truth.shape, np.nan)
    predicted[: len(boxes)] = boxes[: len(truth)]
    lacking = ~np.isfinite(predicted).all(axis=1)
    unknown = ~(np.isfinite(truth).all(axis=1) & (truth[:, 2:] > 0).all(axis=1))
    hidden = lacking | unknown
    measured = overlaps(np.where(hidden[:, None], 0.0, predicted), np.where(hidden[:, None], 1.0, truth))
    return np.where(unknown, np.nan, np.where(lacking, 0.0, measured))
