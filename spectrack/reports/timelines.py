"""Overlap over time: one line a tracker, with the frames that it calls lost and those where the object is hidden."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from spectrack.evaluation.analysis import Analysis
from spectrack.evaluation.comparison import Comparison
from spectrack.plots import GRID_COLOUR, QUIET_COLOUR, curve_style, draw_curve, new_panel, style_plot

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_RUG_HEIGHT, _RUGS_HEIGHT = 0.06, 0.24
"""Room below zero for one tracker's lost flags, and for all, in IoU."""


def draw_timeline(comparison: Comparison, label: str, *, size_in: tuple[float, float] = (5.8, 2.05)) -> Figure:
    """Overlap with the truth in every frame of one sequence.

    Args:
        comparison: the trackers.
        label: the sequence.
        size_in: width and height of the plot in inches.
    """
    names = comparison.legend(label)
    figure, axes = new_panel(*size_in, note="\n".join(comparison.notes), note_size=6.5, key=names)
    frames = len(comparison.truth[label])
    rug = min(_RUG_HEIGHT, _RUGS_HEIGHT / len(comparison.entrants))
    for start, stop in spans(comparison.hidden[label]):
        axes.axvspan(start - 0.5, stop - 0.5, color=GRID_COLOUR, linewidth=0, zorder=0)
    for entrant in comparison.entrants:
        values = entrant.overlaps[label]
        draw_curve(axes, np.arange(len(values)), values, label=names[entrant.index], index=entrant.index, width=1.6)
        _draw_lost(axes, entrant, label, -rug * (entrant.index + 1))
    style_plot(axes, title=label, x_label="frame", y_label="IoU", title_size=10.5, key=names)
    axes.set(xlim=(0, max(frames - 1, 1)), ylim=(-rug * (len(comparison.entrants) + 0.8), 1.02))
    axes.set_yticks([0, 0.5, 1])
    return figure


def _draw_lost(axes: Axes, entrant: Analysis, label: str, level: float) -> None:
    """A bar below zero where the tracker says that it has lost the target, and a cross where it failed."""
    item = entrant.sequence(label)
    colour, _ = curve_style(entrant.index)
    if item.lost is not None:
        for start, stop in spans(item.lost):
            ends = [start - 0.5, stop - 0.5]
            axes.plot(ends, [level, level], color=colour, linewidth=2.2, solid_capstyle="butt", zorder=2)
    if item.failure is not None:
        axes.axhline(0, color=QUIET_COLOUR, linewidth=0.6, zorder=1)
        missing = np.flatnonzero(~np.isfinite(item.boxes).all(axis=1))
        frame = int(missing[0]) if missing.size else len(item.boxes)
        axes.plot([frame], [0], color=colour, marker="X", markersize=8, linestyle="none", zorder=5)


def spans(mask: np.ndarray) -> list[tuple[int, int]]:
    """Runs of True as (first, one past the last).

    Example:
        >>> spans(np.array([True, True, False, True]))
        [(0, 2), (3, 4)]
    """
    edges = np.diff(np.concatenate([[0], np.asarray(mask, dtype=np.int8), [0]]))
    return list(zip(np.flatnonzero(edges == 1).tolist(), np.flatnonzero(edges == -1).tolist(), strict=True))
