"""What scoring returns: figures per sequence, their mean, the frame-pooled figures, and the switches that were used."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from spectrack.errors import InputError, nearest_name
from spectrack.evaluation.figures import Figure, Figures, shown_figures
from spectrack.signs import counted
from spectrack.tables import from_table, to_table

CURVE_KINDS = ("success", "precision", "normalised_precision")
"""The curves that are kept of every sequence."""


@dataclass(frozen=True)
class SequenceScores:
    """Scores of one sequence.

    Attributes:
        name: the sequence.
        frames: frames that were scored.
        skipped: frames left out because their truth is not a box.
        missed: scored frames without a usable prediction or truth, counted as misses.
        figures: the numbers.
        success: share of frames at each success threshold of the protocol.
        precision: share of frames at each distance threshold; empty where the protocol has none.
        normalised_precision: share at each normalised threshold; empty where the protocol has none.
    """

    name: str
    frames: int
    skipped: int
    missed: int
    figures: Figures
    success: tuple[float, ...]
    precision: tuple[float, ...]
    normalised_precision: tuple[float, ...]


@dataclass(frozen=True)
class Scores:
    """Scores of one tracker on a set of sequences.

    Attributes:
        protocol: name of the protocol.
        description: the protocol in words, as figures and tables print it.
        switches: every setting that determines the numbers (thresholds, strictness, averaging, policies).
        sequences: one entry a sequence, in the order of the truth.
        sequence_mean: mean over sequences.
        frame_pooled: all frames in one pot.
    """

    protocol: str
    description: str
    switches: dict[str, Any]
    sequences: tuple[SequenceScores, ...]
    sequence_mean: Figures
    frame_pooled: Figures

    @property
    def figures(self) -> Figures:
        """The headline figures: pooled or mean over sequences, as the protocol has it."""
        return self.frame_pooled if self.averaged_over == "frames" else self.sequence_mean

    @property
    def auc(self) -> float:
        """Headline success score in [0, 1]."""
        return float(self.figures.auc)

    @property
    def dp20(self) -> float | None:
        """Headline share of frames within 20 px, or None where the protocol has no precision."""
        return self.figures.get("dp20")

    @property
    def shown(self) -> tuple[Figure, ...]:
        """The figures that tables show, as the protocol names them; the first is the headline."""
        return shown_figures(self.figures, auc_is_average_overlap=self.switches["auc_is_average_overlap"])

    @property
    def frames(self) -> int:
        """Frames that were scored, of all sequences."""
        return sum(item.frames for item in self.sequences)

    @property
    def extent(self) -> str:
        """How much was scored, in words."""
        return f"{counted(len(self.sequences), 'sequence')}, {counted(self.frames, 'frame')}"

    @property
    def averaged_over(self) -> str:
        """What the headline is a mean over: ``sequences`` or ``frames``."""
        return str(self.switches["averaging"])

    @property
    def average_name(self) -> str:
        """What the row of the headline is called below rows of sequences."""
        return "all frames" if self.averaged_over == "frames" else "mean"

    def curve(self, kind: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Thresholds and headline curve for plotting.

        Args:
            kind: one of `CURVE_KINDS`.

        Returns:
            thresholds and shares, both of the same length; empty where the protocol has no such curve.
        """
        thresholds = tuple(self.switches[f"{kind}_thresholds"])
        if not thresholds:
            return (), ()
        weights = [item.frames for item in self.sequences] if self.averaged_over == "frames" else None
        shares = np.average([getattr(item, kind) for item in self.sequences], axis=0, weights=weights)
        return thresholds, tuple(float(share) for share in shares)

    def of(self, name: str) -> SequenceScores:
        """The scores of one sequence.

        Raises:
            InputError: no sequence of that name was scored.
        """
        for item in self.sequences:
            if item.name == name:
                return item
        known = [item.name for item in self.sequences]
        raise InputError(f"expected one of {len(known)} scored sequences, found {name!r}; {nearest_name(name, known)}")

    def select(self, names: Iterable[str]) -> Scores:
        """The same scores restricted to some sequences, means taken anew.

        Raises:
            InputError: a name that was not scored, or no name at all.
        """
        chosen = tuple(self.of(name) for name in names)
        return combine(self.protocol, self.description, self.switches, chosen)

    def to_json(self) -> dict[str, Any]:
        """Everything as plain dictionaries and lists, ready for `spectrack.files.write_json`."""
        return to_table(self)

    @staticmethod
    def from_json(value: dict[str, Any]) -> Scores:
        """The inverse of `to_json`.

        Raises:
            InputError: the dictionary was not written by `to_json`.
        """
        return from_table(Scores, value, "scores written by spectrack", error=InputError, unknown="ignore")


def combine(protocol: str, description: str, switches: dict[str, Any], sequences: tuple[SequenceScores, ...]) -> Scores:
    """Scores of a group of sequences, with both averages.

    Raises:
        InputError: no sequence.
    """
    if not sequences:
        raise InputError("expected at least one sequence to score, found none; give truth and predictions")
    figures = [item.figures for item in sequences]
    # Every figure is a mean over frames, so weighting by frame counts is the same as pooling the frames.
    pooled = Figures.mean(figures, [item.frames for item in sequences])
    return Scores(protocol, description, switches, sequences, Figures.mean(figures), pooled)


def mean_scores(scores: Sequence[Scores]) -> Scores:
    """Several trackers on the same sequences as one: figures and curves averaged sequence by sequence.

    Raises:
        InputError: none, or other protocols or sequences.
    """
    if not scores:
        raise InputError("expected the scores of at least one tracker, found none; track first")
    first, *others = scores
    names = [item.name for item in first.sequences]
    if any(each.switches != first.switches or [item.name for item in each.sequences] != names for each in others):
        raise InputError(
            "expected the same sequences and protocol for each tracker of a row, found others; score again"
        )
    averaged = []
    for several in zip(*(each.sequences for each in scores), strict=True):
        rows = {kind: [getattr(each, kind) for each in several] for kind in CURVE_KINDS}
        curves = {kind: tuple(np.mean(values, axis=0).tolist()) for kind, values in rows.items()}
        figures = Figures.mean([each.figures for each in several])
        missed = round(float(np.mean([each.missed for each in several])))
        averaged.append(replace(several[0], missed=missed, figures=figures, **curves))
    return combine(first.protocol, first.description, first.switches, tuple(averaged))
