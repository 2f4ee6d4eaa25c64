"""Runs side by side: everything that is said about several, under one protocol on one set of sequences.

Boxes are scored anew, whatever the runs were scored with before, so that no two columns of a table mean different
things. What is said about each is in `spectrack.evaluation.analysis`; commands, tables and figures only show it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spectrack.boxes import Boxes
from spectrack.errors import InputError
from spectrack.evaluation.alignment import one_set, one_truth, unique_names
from spectrack.evaluation.analysis import Analysis, analyse, visibility_in
from spectrack.evaluation.confidence import hidden_frames
from spectrack.evaluation.figures import Figure
from spectrack.evaluation.options import DEFAULT_PROTOCOL, ScoringOptions
from spectrack.evaluation.protocols import resolve_protocol
from spectrack.evaluation.scores import Scores
from spectrack.evaluation.tracked import TrackedRun
from spectrack.evaluation.uncertainty import Interval, difference_interval

_HASH_DIGITS = 8


@dataclass(frozen=True)
class Highlight:
    """A sequence worth a look.

    Attributes:
        label: the sequence.
        reason: ``best``, ``worst`` or ``most different``.
    """

    label: str
    reason: str


@dataclass(frozen=True)
class Comparison:
    """Several trackers side by side.

    Attributes:
        entrants: the trackers, in the order given; the first is what the others are compared with.
        labels: the sequences, in the order of the first run.
        truth: label to (N, 4).
        attributes: label to labels such as OCC; a sequence without any is absent.
        hidden: label to (N,) whether the object is hidden, as far as any of the runs knows.
        remarks: sentences that a reader must know, such as sequences left out.
        level: of the intervals.
    """

    entrants: tuple[Analysis, ...]
    labels: tuple[str, ...]
    truth: Mapping[str, Boxes]
    attributes: Mapping[str, tuple[str, ...]]
    hidden: Mapping[str, NDArray[np.bool_]]
    remarks: tuple[str, ...]
    level: float

    @property
    def scores(self) -> Scores:
        """Those of the first tracker: protocol, sequences and frames are the same for all."""
        return self.entrants[0].scores

    @property
    def shown(self) -> tuple[Figure, ...]:
        """The figures that tables show, the headline first."""
        return self.scores.shown

    @property
    def headline(self) -> str:
        """What the success score is called under the protocol: AUC or AO."""
        return self.shown[0].heading

    @property
    def notes(self) -> tuple[str, str]:
        """What is printed on every figure: the protocol with the sequences, and the weights."""
        weights = "; ".join(map(_weights_note, self.entrants))
        return f"protocol {self.scores.description}; {self.scores.extent}", weights

    def ranked(self) -> list[Analysis]:
        """The trackers, best headline score first."""
        return sorted(self.entrants, key=lambda entrant: -entrant.scores.auc)

    def auc(self, label: str) -> list[float]:
        """Success score of each tracker on one sequence."""
        return [float(entrant.scores.of(label).figures.auc) for entrant in self.entrants]

    def legend(self, label: str) -> list[str]:
        """Each tracker's name with its success score on one sequence."""
        figure = self.shown[0]
        values = map(figure.text, self.auc(label))
        return [f"{item.name}  {figure.heading} {value}" for item, value in zip(self.entrants, values, strict=True)]

    def spread(self, label: str) -> float:
        """Difference between the best and the worst tracker's success score on one sequence."""
        return float(np.ptp(self.auc(label)))

    def difference(self, tracker: Analysis, baseline: Analysis, figure: str = "auc") -> Interval:
        """Interval of one tracker minus another, paired by sequence."""
        return difference_interval(tracker.scores, baseline.scores, figure, level=self.level)

    def pairs(self) -> list[tuple[Analysis, Analysis]]:
        """Every two trackers, the later one first."""
        return [(tracker, before) for before in self.entrants for tracker in self.entrants[before.index + 1 :]]

    def differences(self) -> list[dict[str, Any]]:
        """Every two trackers and every figure that tables show: ``tracker``, ``baseline``, ``figure`` and interval."""
        return [
            {"tracker": one.name, "baseline": other.name, "figure": name} | asdict(self.difference(one, other, name))
            for one, other in self.pairs()
            for name in one.intervals
        ]

    def highlights(self, each: int = 1) -> list[Highlight]:
        """The `each` best and worst sequences by the trackers' mean score, and those on which trackers differ most.

        No sequence is chosen twice, so few sequences give fewer; one tracker differs from nothing.

        Raises:
            InputError: a negative number.
        """
        if each < 0:
            raise InputError(f"expected a number of highlights of 0 or more, found {each}; give for example --strips 1")
        mean = {label: float(np.mean(self.auc(label))) for label in self.labels}
        orders = {
            "best": sorted(self.labels, key=lambda label: -mean[label]),
            "worst": sorted(self.labels, key=lambda label: mean[label]),
            "most different": sorted(self.labels, key=lambda label: -self.spread(label)),
        }
        if len(self.entrants) == 1:
            del orders["most different"]
        chosen: dict[str, str] = {}
        for reason, order in orders.items():
            chosen |= dict.fromkeys([label for label in order if label not in chosen][:each], reason)
        return [Highlight(label, reason) for label, reason in chosen.items()]


def compare(
    runs: Mapping[str, TrackedRun] | Sequence[TrackedRun],
    *,
    truth: Mapping[str, Boxes] | None = None,
    attributes: Mapping[str, Iterable[str]] | None = None,
    options: ScoringOptions | None = None,
) -> Comparison:
    """Score runs on the same sequences under one protocol.

    Args:
        runs: own runs and foreign results, by name or named by their trackers; others are compared with the first.
        truth: label to (N, 4), which takes precedence over what the runs hold.
        attributes: label to attribute labels, for sequences whose runs name none.
        options: the protocol and its rules.

    Raises:
        ConfigError: unknown protocol or rule.
        InputError: no run, no truth, runs on other sequences or with another truth, a level outside (0, 1), and what
            `spectrack.evaluation.score` refuses.
    """
    named = runs if isinstance(runs, Mapping) else dict(zip(unique_names(runs), runs, strict=True))
    if not named:
        raise InputError("expected at least one run, found none; name a run folder, or results with --results NAME=DIR")
    options = options or ScoringOptions()
    known = one_truth(named, truth or {})
    labels, remarks = one_set(named, known, shared=options.shared)
    failed = any(run.sequences[label].failure is not None for run in named.values() for label in labels)
    recorded = next((run.protocol for run in named.values() if run.protocol), DEFAULT_PROTOCOL)
    missing = options.missing or ("miss" if failed else None)
    rule = resolve_protocol(options.protocol or recorded, invalid=options.invalid, missing=missing)
    known = {label: known[label] for label in labels}
    words = {label: _attributes(named.values(), label, attributes or {}) for label in labels}
    words = {label: found for label, found in words.items() if found}
    seen = {label: visibility_in((run.sequences[label] for run in named.values()), known[label]) for label in labels}
    hidden = {label: hidden_frames(known[label], seen[label]) for label in labels}
    entrants: list[Analysis] = []
    for name, run in named.items():
        try:
            analysis = analyse(
                run, rule, truth=known, name=name, attributes=words, visibility=seen, level=options.level
            )
        except InputError as error:
            raise InputError(f"{name}: {error}") from error
        entrants.append(replace(analysis, index=len(entrants)))
    return Comparison(tuple(entrants), tuple(labels), known, words, hidden, tuple(remarks), options.level)


def _attributes(runs: Iterable[TrackedRun], label: str, given: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    found = (run.sequences[label].attributes for run in runs)
    return tuple(next((words for words in found if words), tuple(given.get(label, ()))))


def _weights_note(entrant: Analysis) -> str:
    if not entrant.run.info:
        return f"{entrant.name}: results of others"
    known = entrant.run.weights_hash
    return f"{entrant.name}: " + ("no weights" if known is None else f"weights {known.split(':')[-1][:_HASH_DIGITS]}")
