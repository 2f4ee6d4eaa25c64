"""The one analysis: everything that is said about a run, computed from its boxes and what else is stored of it.

`spectrack evaluate`, `benchmark` and `report` print, draw and store what stands here and in
`spectrack.evaluation.comparison`, and compute nothing of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spectrack.boxes import Boxes
from spectrack.evaluation.attributes import AttributeScores, per_attribute
from spectrack.evaluation.confidence import (
    Calibration,
    FlagScores,
    Judged,
    Reliability,
    calibration,
    flag_against_hidden,
    flag_against_missed,
    hidden_frames,
    judge,
    reliability,
)
from spectrack.evaluation.metrics import Values, overlaps_by_frame
from spectrack.evaluation.options import DEFAULT_PROTOCOL
from spectrack.evaluation.protocols import Protocol, score
from spectrack.evaluation.reacquisition import Reacquisition, reacquisition
from spectrack.evaluation.robustness import Robustness, robustness
from spectrack.evaluation.scores import Scores
from spectrack.evaluation.speed import Speed, speed_of
from spectrack.evaluation.target_sizes import SIZES, size_labels
from spectrack.evaluation.tracked import TrackedRun, TrackedSequence
from spectrack.evaluation.uncertainty import Interval, score_interval


@dataclass(frozen=True)
class Analysis:
    """What one run is worth.

    Attributes:
        name: of the tracker, unique and printable.
        index: place among the trackers that it is compared with, which fixes its colour everywhere.
        run: what it gave.
        scores: figures and curves, per sequence, over sequences and over pooled frames.
        intervals: bootstrap intervals over sequences, by figure.
        attributes: scores of the sequences that carry a label; empty when none does.
        sizes: scores by the size of the target, from small to large; empty where no sequence has a truth box.
        overlaps: label to (N,) intersection over union, 0 without a prediction, NaN where the truth is no box.
        robustness: sequences lost for good; None where no sequence has a truth box.
        flag_hidden: the lost flag as a detector of a hidden object; None where flags are unknown.
        flag_missed: the lost flag as a detector of a box that misses the object; None where flags are unknown.
        reliability: confidence against overlap; None where confidence is unknown.
        calibration: stated probability against what came true; None where none was stated.
        reacquisition: long absences and what became of them; None where there are none.
        speed: on these sequences.
    """

    name: str
    index: int
    run: TrackedRun
    scores: Scores
    intervals: dict[str, Interval]
    attributes: dict[str, AttributeScores]
    sizes: dict[str, AttributeScores]
    overlaps: Mapping[str, NDArray[np.float64]]
    robustness: Robustness | None
    flag_hidden: FlagScores | None
    flag_missed: FlagScores | None
    reliability: Reliability | None
    calibration: Calibration | None
    reacquisition: Reacquisition | None
    speed: Speed

    def sequence(self, label: str) -> TrackedSequence:
        """What the tracker gave on one sequence."""
        return self.run.sequences[label]

    @property
    def lost_at(self) -> dict[str, int]:
        """The frame, counted from 0, in which each sequence that was lost for good was lost."""
        losses = () if self.robustness is None else self.robustness.sequences
        return {item.name: item.lost_at for item in losses if item.lost_at is not None}

    @property
    def failures(self) -> dict[str, str]:
        """What the tracker failed with, by sequence."""
        found = {label: self.sequence(label).failure for label in self.overlaps}
        return {label: message for label, message in found.items() if message is not None}

    @property
    def missed(self) -> int:
        """Frames without a usable box or truth, which count as misses."""
        return sum(item.missed for item in self.scores.sequences)

    def to_json(self) -> dict[str, Any]:
        """The scores as `Scores.to_json` has them, and the rest beside them."""
        return self.scores.to_json() | {
            "intervals": {name: asdict(interval) for name, interval in self.intervals.items()},
            "attributes": {name: asdict(item) for name, item in self.attributes.items()},
            "sizes": {name: asdict(item) for name, item in self.sizes.items()},
            "robustness": None if self.robustness is None else asdict(self.robustness),
            "lost_flag": {"hidden": _flag_json(self.flag_hidden), "missed": _flag_json(self.flag_missed)},
            "reliability": None if self.reliability is None else asdict(self.reliability),
            "calibration": None if self.calibration is None else asdict(self.calibration),
            "reacquisition": None if self.reacquisition is None else _reacquisition_json(self.reacquisition),
        }


def analyse(
    run: TrackedRun,
    protocol: str | Protocol = DEFAULT_PROTOCOL,
    *,
    truth: Mapping[str, Boxes] | None = None,
    name: str | None = None,
    attributes: Mapping[str, Iterable[str]] | None = None,
    visibility: Mapping[str, Values | None] | None = None,
    level: float = 0.95,
) -> Analysis:
    """Compute everything about one run.

    Args:
        run: one tracker's run, or other people's results in that form.
        protocol: as in `spectrack.evaluation.score`.
        truth: label to (N, 4) of the sequences to score, all of which the run has; by default what the run holds.
        name: what the tracker is called; by default as the run calls it.
        attributes: label to attribute labels; by default the run's own.
        visibility: label to (N,) share of the object that is seen; by default as far as the run itself knows.
        level: of the intervals.

    Raises:
        ConfigError: unknown protocol.
        InputError: what `spectrack.evaluation.score` refuses.
    """
    truth = run.truth if truth is None else truth
    items = {label: run.sequences[label] for label in truth}
    scores = score({label: item.boxes for label, item in items.items()}, truth, protocol)
    overlaps = {label: overlaps_by_frame(item.boxes, truth[label]) for label, item in items.items()}
    seen = {label: visibility_in([item], truth[label]) for label, item in items.items()}
    seen |= {label: known for label, known in (visibility or {}).items() if label in seen}
    tried = [_judged(item, truth[label], hidden_frames(truth[label], seen[label])) for label, item in items.items()]
    judged = [found for found in tried if found is not None]
    frames = Judged.pool(judged) if judged else None
    words = {label: item.attributes for label, item in items.items()} if attributes is None else attributes
    return Analysis(
        name=run.tracker if name is None else name,
        index=0,
        run=run,
        scores=scores,
        intervals={figure.name: score_interval(scores, figure.name, level=level) for figure in scores.shown},
        attributes=per_attribute(scores, words, level=level) if any(words.values()) else {},
        sizes=_by_size(scores, truth, level),
        overlaps=overlaps,
        robustness=robustness(overlaps) if any(np.isfinite(values).any() for values in overlaps.values()) else None,
        flag_hidden=None if frames is None else flag_against_hidden(frames),
        flag_missed=None if frames is None else flag_against_missed(frames),
        reliability=None if frames is None else reliability(frames),
        calibration=None if frames is None else calibration(frames),
        reacquisition=reacquisition(items, truth, seen),
        speed=speed_of(item.milliseconds for item in items.values()),
    )


def visibility_in(items: Iterable[TrackedSequence], truth: Boxes) -> Values | None:
    """(N,) share of the object that is seen, from the first of several tracks of one sequence that knows it."""
    known = (item.visibility for item in items)
    return next((seen for seen in known if seen is not None and len(seen) == len(truth)), None)


def _by_size(scores: Scores, truth: Mapping[str, Boxes], level: float) -> dict[str, AttributeScores]:
    labels = size_labels(truth)
    found = per_attribute(scores, labels, level=level) if any(labels.values()) else {}
    return {size: found[size] for size in SIZES if size in found}


def _judged(item: TrackedSequence, truth: Boxes, hidden: NDArray[np.bool_]) -> Judged | None:
    """The frames on which a tracker's confidence can be judged; None for results without it."""
    if item.score is None or item.lost is None:
        return None
    stated = np.full(len(item.score), np.nan) if item.probability is None else item.probability
    boxes, confidence, lost, probability = (
        np.concatenate([rows, np.full((len(truth) - len(rows), *rows.shape[1:]), filler)])
        for rows, filler in ((item.boxes, np.nan), (item.score, np.nan), (item.lost, 0), (stated, np.nan))
    )
    return judge(boxes, truth, confidence, lost, hidden, probability)


def _flag_json(flag: FlagScores | None) -> dict[str, Any] | None:
    return None if flag is None else asdict(flag) | {"precision": flag.precision, "recall": flag.recall}


def _reacquisition_json(found: Reacquisition) -> dict[str, Any]:
    summary = {"share": found.share, "median_delay": found.median_delay}
    return summary | {"false_finds": found.false_finds, "claimed": found.claimed} | asdict(found)
