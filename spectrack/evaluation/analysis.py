"""Everything that is said about a run, computed from what is stored of it: scores, intervals, attributes, losses, the
lost flag.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

from spectrack.evaluation.attributes import AttributeScores, per_attribute
from spectrack.evaluation.confidence import (
    FlagScores,
    Reliability,
    flag_against_hidden,
    flag_against_missed,
    judge,
    reliability,
)
from spectrack.evaluation.protocols import Invalid, Missing, Protocol, score
from spectrack.evaluation.robustness import Robustness, robustness
from spectrack.evaluation.scores import Figures, Scores
from spectrack.evaluation.tracked import TrackedRun
from spectrack.evaluation.uncertainty import Interval, difference_interval, score_interval

COMPARED = ("auc", "dp20", "average_overlap", "success_rate_50", "success_rate_75", "normalised_precision")
"""Figures that get an interval and a difference between trackers, where the protocol defines them."""


@dataclass(frozen=True)
class Analysis:
    """What a run is worth.

    Attributes:
        scores: figures and curves, per sequence, over sequences and over pooled frames.
        intervals: 95 % bootstrap intervals of the headline figures over sequences.
        attributes: figures of the sequences that carry a label; empty when none does.
        robustness: sequences lost for good.
        flag_hidden: the lost flag as a detector of a hidden object; None where flags are unknown.
        flag_missed: the lost flag as a detector of a box that misses the object; None where flags are unknown.
        reliability: confidence against overlap; None where confidence is unknown.
    """

    scores: Scores
    intervals: dict[str, Interval]
    attributes: dict[str, AttributeScores]
    robustness: Robustness
    flag_hidden: FlagScores | None
    flag_missed: FlagScores | None
    reliability: Reliability | None

    def to_json(self) -> dict[str, Any]:
        """The scores as `Scores.to_json` has them, and the rest beside them."""
        return self.scores.to_json() | {
            "intervals": {name: asdict(interval) for name, interval in self.intervals.items()},
            "attributes": {name: asdict(item) for name, item in self.attributes.items()},
            "robustness": asdict(self.robustness),
            "lost_flag": {"hidden": _flag_json(self.flag_hidden), "missed": _flag_json(self.flag_missed)},
            "reliability": None if self.reliability is None else asdict(self.reliability),
        }


def analyse(
    run: TrackedRun,
    protocol: str | Protocol = "hot",
    *,
    invalid: Invalid | None = None,
    missing: Missing | None = "miss",
) -> Analysis | None:
    """Compute everything; frames after a tracker's failure are misses.

    Args:
        run: one tracker's run, or other people's results in that form.
        protocol: as in `spectrack.evaluation.score`.
        invalid: as there.
        missing: as there; a miss by default.

    Returns:
        None when no sequence has truth.

    Raises:
        ConfigError: unknown protocol.
        InputError: what `spectrack.evaluation.score` refuses.
    """
    truth = {label: item.truth for label, item in run.sequences.items() if item.truth is not None}
    boxes = {label: run.sequences[label].boxes for label in truth}
    attributes = {label: run.sequences[label].attributes for label in truth}
    if not truth:
        return None
    scores = score(boxes, truth, protocol, invalid=invalid, missing=missing)
    judged = [
        judge(item.boxes, item.truth, item.score, item.lost, item.visibility)
        for item in run.sequences.values()
        if item.truth is not None and item.score is not None and item.lost is not None
    ]
    labelled = any(attributes.values())
    return Analysis(
        scores=scores,
        intervals={
            name: score_interval(scores, name) for name in COMPARED if getattr(scores.figures, name) is not None
        },
        attributes=per_attribute(scores, attributes) if labelled else {},
        robustness=robustness(boxes, truth),
        flag_hidden=flag_against_hidden(judged) if judged else None,
        flag_missed=flag_against_missed(judged) if judged else None,
        reliability=reliability(judged) if judged else None,
    )


def compare(analyses: dict[str, Analysis]) -> list[dict[str, Any]]:
    """Paired differences between every two trackers.

    Args:
        analyses: tracker name to analysis, all under one protocol and on the same sequences.

    Returns:
        one entry a pair and figure: ``tracker``, ``baseline``, ``figure`` and an interval of tracker minus baseline.

    Raises:
        InputError: other protocols or other sequences.
    """
    names = list(analyses)
    return [
        {"tracker": name, "baseline": baseline, "figure": figure}
        | asdict(difference_interval(analyses[name].scores, analyses[baseline].scores, figure))
        for position, baseline in enumerate(names)
        for name in names[position + 1 :]
        for figure in COMPARED
        if figure in analyses[name].intervals
    ]


def figures_json(figures: Figures) -> dict[str, float | None]:
    """Figures as JSON values."""
    return {item.name: getattr(figures, item.name) for item in fields(figures)}


def _flag_json(flag: FlagScores | None) -> dict[str, Any] | None:
    return None if flag is None else asdict(flag) | {"precision": flag.precision, "recall": flag.recall}
