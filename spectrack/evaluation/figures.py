"""The figures that are told of a tracker, each once: key, headings, decimals, what is better, and how it is computed.

Whatever prints, draws or stores a figure asks this table. To add one to the scores, write the function that computes it
from the `Frames` of a sequence and enter it in `FIGURES`: scoring under every protocol, means, intervals, differences,
the tables of all commands and formats, and JSON files then have it. It must be a mean over frames (a share of frames is
one), because figures of all frames in one pot are the sequences' figures weighted by their frames.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from spectrack.evaluation.metrics import Values, share_above, share_below
from spectrack.evaluation.reacquisition import FALSE_FIND_WORDS, REACQUIRED_WORDS
from spectrack.evaluation.robustness import LOST_WORDS

PRECISION_AT_PX = 20
"""The distance at which DP is read off the precision curve."""

BRIEF = 4
"""So many figures fit into a row of a console."""


@dataclass(frozen=True)
class Frames:
    """The scored frames of one sequence, from which every figure is computed.

    Attributes:
        averages_overlap: whether the protocol's success score is the mean overlap.
        strict_distance: whether a distance must be below a threshold, and not only at most it.
        overlap: (N,) intersection over union; 0 for a miss.
        distance: (N,) centre distance in px, infinite for a miss; None under a protocol without precision.
        relative: (N,) the same in sizes of the truth; None where that is not measured.
        success: share of frames at each of the rule's success thresholds.
        precision: at each distance; empty where there is none.
        normalised_precision: at each normalised distance; empty where there is none.
    """

    averages_overlap: bool
    strict_distance: bool
    overlap: Values
    distance: Values | None
    relative: Values | None
    success: Values
    precision: Values
    normalised_precision: Values


@dataclass(frozen=True)
class Figure:
    """What is said about one figure wherever it appears.

    Attributes:
        name: its key in JSON files and its attribute of `Figures`.
        heading: above columns of tables, in CSV files too.
        words: in full, on axes and in legends.
        short: where room is scarce, on consoles and in plots; the heading by default.
        digits: decimals; None for a count.
        better: which is better; None where neither is.
        note: how it is taken, behind the heading where people read it.
        measure: computes it for one sequence, None where the protocol does not define it; only scores have it.
        compared: whether it stands in tables and gets intervals and differences; otherwise it is only stored.
    """

    name: str
    heading: str
    words: str
    short: str = ""
    digits: int | None = 3
    better: Literal["high", "low"] | None = "high"
    note: str = ""
    measure: Callable[[Frames], float | None] | None = None
    compared: bool = True

    @property
    def label(self) -> str:
        """The short heading."""
        return self.short or self.heading

    def text(self, value: float | None) -> str:
        """A value with the figure's decimals; a dash where there is none."""
        return "-" if value is None else f"{value:.{self.digits or 0}f}"


class Figures(dict[str, float | None]):
    """Scores of one sequence or of a group by the names in `FIGURES`, readable as attributes too (``figures.auc``).

    Shares lie in [0, 1]; None stands for a figure that the protocol does not define.
    """

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError as error:
            raise AttributeError(f"expected one of the figures {', '.join(self)}, found {name!r}") from error

    @staticmethod
    def of(frames: Frames) -> Figures:
        """All figures of one sequence."""
        return Figures({name: item.measure(frames) for name, item in FIGURES.items() if item.measure is not None})

    @staticmethod
    def mean(figures: Sequence[Figures], weights: Sequence[float] | None = None) -> Figures:
        """The (weighted) mean of each figure; weights are frame counts where frames are pooled."""

        def one(values: list[float | None]) -> float | None:
            return None if None in values else float(np.average(values, weights=weights))  # type: ignore[arg-type]

        return Figures({name: one([item.get(name) for item in figures]) for name in figures[0]})


def headline_figure(*, auc_is_average_overlap: bool) -> Figure:
    """The success score as a protocol names it: AUC, or AO where that is what its ``auc`` is."""
    return replace(FIGURES["average_overlap"], name="auc") if auc_is_average_overlap else FIGURES["auc"]


def shown_figures(figures: Figures, *, auc_is_average_overlap: bool) -> tuple[Figure, ...]:
    """The figures that tables show, the headline first; the average overlap is not shown twice where it is that.

    Args:
        figures: tell what the protocol defines.
        auc_is_average_overlap: see `Protocol`.
    """
    told = ("auc", "average_overlap") if auc_is_average_overlap else ("auc",)
    rest = [item for name, item in FIGURES.items() if item.compared and name not in told]
    shown = [item for item in rest if figures.get(item.name) is not None]
    return headline_figure(auc_is_average_overlap=auc_is_average_overlap), *shown


def _auc(frames: Frames) -> float:
    return _average_overlap(frames) if frames.averages_overlap else float(frames.success.mean())


def _dp20(frames: Frames) -> float | None:
    if frames.distance is None:
        return None
    return float(share_below(frames.distance, [PRECISION_AT_PX], strict=frames.strict_distance)[0])


def _normalised_precision(frames: Frames) -> float | None:
    return None if frames.relative is None else float(frames.normalised_precision.mean())


def _normalised_precision_02(frames: Frames) -> float | None:
    return None if frames.relative is None else float(share_below(frames.relative, [0.2], strict=False)[0])


def _average_overlap(frames: Frames) -> float:
    return float(frames.overlap.mean())


def _success_rate(threshold: float) -> Callable[[Frames], float]:
    return lambda frames: float(share_above(frames.overlap, [threshold], strict=True)[0])


FIGURES: dict[str, Figure] = {
    figure.name: figure
    for figure in (
        Figure("auc", "AUC", "success score, the mean of the success curve", measure=_auc),
        Figure("dp20", f"DP@{PRECISION_AT_PX}", f"frames within {PRECISION_AT_PX} px of the centre", measure=_dp20),
        Figure(
            "normalised_precision",
            "norm. precision",
            "normalised precision, the mean of the precision curve over distances in sizes of the target",
            "NP",
            measure=_normalised_precision,
        ),
        Figure(
            "normalised_precision_02",
            "norm. precision@0.2",
            "normalised precision at 0.2",
            "NP@0.2",
            measure=_normalised_precision_02,
            compared=False,
        ),
        Figure("average_overlap", "AO", "average overlap, the mean IoU", measure=_average_overlap),
        Figure("success_rate_50", "SR@50", "frames with IoU above 0.5", "SR50", measure=_success_rate(0.5)),
        Figure("success_rate_75", "SR@75", "frames with IoU above 0.75", "SR75", measure=_success_rate(0.75)),
    )
}
"""The scores, the headline first, in the order of tables."""

LOST = Figure("lost", "lost", f"sequences on which {LOST_WORDS}", digits=None, better="low")
FAILED = Figure("failed", "failed", "sequences on which the tracker stopped with an error", digits=None, better="low")
MISSED = Figure("missed", "missed", "frames without a usable box", digits=None, better="low")
CALIBRATION_ERROR = Figure(
    "calibration_error", "ECE", "expected calibration error of the stated probability of being on target", better="low"
)
REACQUIRED = Figure("reacquired", "found again", f"share of {REACQUIRED_WORDS}", digits=2)
FALSE_FINDS = Figure("false_finds", "false finds", FALSE_FIND_WORDS, digits=None, better="low")
_RATE = "frames per second, reading included"
FRAMES_PER_SECOND = Figure("frames_per_second", "frames/s", _RATE, "fps", digits=1, note="all frames")
PART_MS = {
    part: Figure(part, f"{part} ms", f"{part} in milliseconds a frame", digits=2, better=None, note="median")
    for part in ("reading", "network", "rest")
}
"""What a frame's time is split into; `rest` is the tracker's own work outside its network."""
