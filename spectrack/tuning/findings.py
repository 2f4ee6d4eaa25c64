"""What a search found, and how little of it may be there: intervals, edges, and the gain on sequences left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from spectrack.evaluation.uncertainty import Interval, bootstrap_interval
from spectrack.signs import counted
from spectrack.tuning.ranges import Range, Space
from spectrack.tuning.trials import Trial


@dataclass(frozen=True)
class Findings:
    """What the trials of a search say. The first trial is the present setting.

    Attributes:
        present: the present setting.
        best: the setting with the highest score.
        gain: best less present, paired over sequences.
        left_out: the same gain where each sequence is scored by the setting that is best on all others: what may be
            expected of new sequences of the same kind; None for a single sequence.
        alike: how many settings are not told from the best, their paired interval holding 0; the best is one of them.
        edges: parameters whose best value lies at an end of its range, with which end.
    """

    present: Trial
    best: Trial
    gain: Interval
    left_out: Interval | None
    alike: int
    edges: dict[str, str]

    @property
    def holds(self) -> bool:
        """Whether the gain's interval excludes 0."""
        return self.gain.low > 0

    def warnings(self, space: Space, trials: int) -> list[str]:
        """What somebody should know before taking the best setting, a sentence each."""
        told = []
        for name, end in self.edges.items():
            values = space[name]
            last = isinstance(values, Range) and end in values.last
            remedy = "the parameter takes no values beyond" if last else f"widen it with --vary {name}=..."
            told.append(f"{name} = {self.best.values[name]} lies at the {end} end of {values}: {remedy}")
        if self.best is self.present:
            told.append(f"none of {trials} settings is better than the present one")
        elif not self.holds:
            told.append(
                f"the gain {self.gain.signed} may be chance: its interval over {self.gain.sequences} videos holds 0; "
                f"{self.alike} of {trials} settings are not told from the best"
            )
        if self.gain.few:
            told.append(f"{counted(self.gain.sequences, 'sequence')}: too few for an interval to be believed")
        return told


def find(trials: Sequence[Trial], space: Space) -> Findings:
    """What trials say.

    Args:
        trials: at least one; the first is the present setting.
        space: what was searched.
    """
    names = list(trials[0].scores)
    table = np.array([[trial.scores[name] for name in names] for trial in trials])
    # Of equal scores the first wins, so that the present setting is kept where nothing is better.
    number = int(np.argmax(table.mean(axis=1)))
    best = trials[number]
    alike = sum(bootstrap_interval(table[number] - row, resamples=2000).low <= 0 for row in table)
    edges = {name: end for name, values in space.items() if (end := values.edge(best.values[name]))}
    return Findings(
        trials[0], best, bootstrap_interval(table[number] - table[0]), _left_out(table), alike, edges if number else {}
    )


def _left_out(table: Any) -> Interval | None:
    """Gain on each sequence of the setting that is best on all others."""
    sequences = table.shape[1]
    if sequences < 2:
        return None
    others = table.sum(axis=1, keepdims=True) - table
    chosen = np.argmax(others, axis=0)
    return bootstrap_interval(table[chosen, np.arange(sequences)] - table[0])
