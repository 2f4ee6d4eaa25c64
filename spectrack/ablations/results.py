"""What a row is worth: scores averaged over its trackers, intervals, paired differences, and the spread over seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from spectrack.ablations.rows import Row
from spectrack.errors import InputError
from spectrack.evaluation.scores import Scores, mean_scores
from spectrack.evaluation.uncertainty import Interval, difference_interval, score_interval
from spectrack.tables import from_table, to_table

ALL = "all"
"""Name of the selection that holds every sequence of a row."""


@dataclass(frozen=True)
class Selection:
    """A row on some of its sequences.

    Attributes:
        auc: mean over sequences, with a bootstrap interval over them.
        difference: to the reference, paired by sequence; None for a row without one.
    """

    auc: Interval
    difference: Interval | None = None


@dataclass(frozen=True)
class RowResult:
    """A row that was measured, or left out.

    Attributes:
        row: what it is, as `Row.to_json` gives it.
        left_out: why there are no figures; empty where there are.
        selections: `ALL` and attributes, by name.
        sequences: success score by sequence, averaged over the row's trackers.
        trackers: for each tracker of the row: ``auc``, ``run`` (its directory), ``weights`` and what is its own.
        training: for rows with weights of their own: ``recipe``, ``pairs``, ``steps``, ``seeds`` and ``machines``.
        failures: sequences on which a tracker failed, a line each.
    """

    row: dict[str, Any]
    left_out: str = ""
    selections: dict[str, Selection] = field(default_factory=dict)
    sequences: dict[str, float] = field(default_factory=dict)
    trackers: list[dict[str, Any]] = field(default_factory=list)
    training: dict[str, Any] | None = None
    failures: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Name of the row."""
        return str(self.row["name"])

    @property
    def status(self) -> Literal["measured", "left out"]:
        """Whether there are figures."""
        return "left out" if self.left_out else "measured"

    @property
    def spread(self) -> float | None:
        """Standard deviation (n - 1) of the AUC over the row's trackers; None where there is only one."""
        values = [tracker["auc"] for tracker in self.trackers]
        return float(np.std(values, ddof=1)) if len(values) > 1 else None

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {**to_table(self), "status": self.status, "spread_over_trackers": self.spread}

    @staticmethod
    def from_json(value: dict[str, Any]) -> RowResult:
        """The inverse of `to_json`.

        Raises:
            InputError: the dictionary was not written by `to_json`.
        """
        return from_table(RowResult, value, "a row of an earlier ablation", error=InputError, unknown="ignore")


def summarise(scores: Scores, reference: Scores | None, labels: Mapping[str, Sequence[str]]) -> dict[str, Selection]:
    """Intervals of a row on all its sequences and on those of each attribute.

    Args:
        scores: of the row.
        reference: of the row that it is compared with, on at least the same sequences.
        labels: labels of sequences by attribute; those that the row did not track count for nothing.

    Raises:
        InputError: a reference under another protocol, or without one of the sequences.
    """
    names = [item.name for item in scores.sequences]
    chosen = {ALL: names} | {name: [label for label in wanted if label in names] for name, wanted in labels.items()}
    return {name: _summary(scores.select(part), reference, part) for name, part in chosen.items() if part}


def result_of_row(
    row: Row,
    scores: Sequence[Scores],
    *,
    reference: Scores | None,
    labels: Mapping[str, Sequence[str]],
    trackers: Sequence[dict[str, Any]],
    training: dict[str, Any] | None = None,
    failures: Sequence[str] = (),
) -> RowResult:
    """The result of a row.

    Args:
        row: the row that was measured.
        scores: of its trackers.
        reference: mean scores of the row that it is compared with.
        labels: as in `summarise`.
        trackers: what is told of each; its ``auc`` is added.
        training: see `RowResult`.
        failures: see `RowResult`.
    """
    mean = mean_scores(scores)
    told = [{"auc": each.auc, **tracker} for each, tracker in zip(scores, trackers, strict=True)]
    sequences = {item.name: item.figures.auc for item in mean.sequences}
    return RowResult(row.to_json(), "", summarise(mean, reference, labels), sequences, told, training, list(failures))


def _summary(scores: Scores, reference: Scores | None, names: Sequence[str]) -> Selection:
    difference = None if reference is None else difference_interval(scores, reference.select(names))
    return Selection(score_interval(scores), difference)
