"""What scoring returns: figures per sequence, their mean, the frame-pooled figures, and the switches that were used."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from spectrack.errors import InputError, nearest_name
from spectrack.tables import from_table, to_table


@dataclass(frozen=True)
class Figures:
    """Scores of one sequence or of a group; shares lie in [0, 1], None where the protocol does not define the figure.

    Attributes:
        auc: the protocol's success score (mean of its success curve; mean overlap under got10k).
        dp20: share of frames whose centre lies within 20 px of the truth's.
        average_overlap: mean IoU, the AO of GOT-10k.
        success_rate_50: share of frames with IoU above 0.5.
        success_rate_75: share of frames with IoU above 0.75.
        normalised_precision: mean of the normalised precision curve, thresholds 0 to 0.5 of the truth's size.
        normalised_precision_02: that curve at 0.2.
    """

    auc: float
    dp20: float | None
    average_overlap: float
    success_rate_50: float
    success_rate_75: float
    normalised_precision: float | None = None
    normalised_precision_02: float | None = None

    @staticmethod
    def mean(figures: Sequence[Figures], weights: Sequence[float] | None = None) -> Figures:
        """The (weighted) mean of each figure; weights are frame counts where frames are pooled."""

        def one(name: str) -> float | None:
            values = [getattr(item, name) for item in figures]
            return None if None in values else float(np.average(values, weights=weights))

        return Figures(**{field.name: one(field.name) for field in fields(Figures)})  # type: ignore[arg-type]


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
        return self.frame_pooled if self.switches["averaging"] == "frames" else self.sequence_mean

    @property
    def auc(self) -> float:
        """Headline success score in [0, 1]."""
        return self.figures.auc

    @property
    def dp20(self) -> float | None:
        """Headline share of frames within 20 px, or None where the protocol has no precision."""
        return self.figures.dp20

    def curve(self, kind: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Thresholds and headline curve for plotting.

        Args:
            kind: ``success``, ``precision`` or ``normalised_precision``.

        Returns:
            thresholds and shares, both of the same length; empty where the protocol has no such curve.
        """
        thresholds = tuple(self.switches[f"{kind}_thresholds"])
        if not thresholds:
            return (), ()
        weights = [item.frames for item in self.sequences] if self.switches["averaging"] == "frames" else None
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
        raise InputError(
            f"expected one of the {len(known)} scored sequences, found {name!r}; {nearest_name(name, known)}"
        )

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
        raise InputError(
            "expected at least one sequence to score, found none; give truth and predictions of one sequence or more"
        )
    figures = [item.figures for item in sequences]
    # Every figure is a mean over frames, so weighting by frame counts is the same as pooling the frames.
    pooled = Figures.mean(figures, [item.frames for item in sequences])
    return Scores(protocol, description, switches, sequences, Figures.mean(figures), pooled)
