"""Whether trackers know when they fail: what their confidence and lost flags are worth, as figure and numbers.

What is counted is defined in `spectrack.evaluation.confidence`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from spectrack.evaluation.confidence import (
    FlagScores,
    Judged,
    flag_against_hidden,
    flag_against_missed,
    judge,
    reliability,
)
from spectrack.plots import curve_style, new_panel, style_plot
from spectrack.reports.comparison import Comparison, Entrant

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_FEWEST_FRAMES = 5
"""A bin of fewer frames is not drawn."""


def judged_frames(comparison: Comparison, entrant: Entrant) -> list[Judged]:
    """The frames on which one tracker's confidence can be judged; empty for results without it."""
    found = []
    for label in comparison.labels:
        item, truth = entrant.sequence(label), comparison.truth[label]
        if item.score is None or item.lost is None:
            continue
        lacking = len(truth) - len(item.boxes)
        boxes = np.concatenate([item.boxes, np.full((lacking, 4), np.nan)])
        visibility = item.visibility if item.visibility is not None and len(item.visibility) == len(truth) else None
        found.append(
            judge(
                boxes,
                truth,
                np.pad(item.score, (0, lacking), constant_values=np.nan),
                np.pad(item.lost, (0, lacking)),
                visibility,
            )
        )
    return found


def flag_scores(judged: list[Judged]) -> tuple[FlagScores, FlagScores]:
    """The lost flag as a detector of a hidden object, and of a box that misses the object."""
    return flag_against_hidden(judged), flag_against_missed(judged)


def draw_reliability(comparison: Comparison, *, size_in: tuple[float, float] = (5.2, 3.4)) -> Figure:
    """Mean overlap by confidence, a point a bin, larger with more frames: a tracker that knows itself rises to the
    right.

    Args:
        comparison: the trackers; those without confidence are absent.
        size_in: width and height of the plot in inches.
    """
    names = {entrant.index: entrant.name for entrant in comparison.entrants if judged_frames(comparison, entrant)}
    figure, axes = new_panel(*size_in, note="\n".join(comparison.notes), key=list(names.values()))
    for index, name in names.items():
        found = reliability(judged_frames(comparison, comparison.entrants[index]))
        drawn = [
            (score, overlap, frames)
            for score, overlap, frames in zip(found.score, found.overlap, found.frames, strict=True)
            if frames >= _FEWEST_FRAMES and score is not None and overlap is not None
        ]
        colour, style = curve_style(index)
        x, y, frames = np.array(drawn).reshape(-1, 3).T
        axes.plot(x, y, color=colour, linestyle=style, linewidth=1.8, label=f" {name}", zorder=3)
        axes.scatter(x, y, s=12 + 90 * frames / max(1, sum(found.frames)), color=colour, linewidths=0, zorder=4)
    style_plot(axes, title="Overlap by confidence", x_label="confidence", y_label="mean IoU", key=list(names.values()))
    axes.set(xlim=(0, 1.02), ylim=(0, 1.02))
    return figure
