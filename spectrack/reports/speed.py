"""Accuracy against speed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spectrack.evaluation.comparison import Comparison
from spectrack.evaluation.figures import FRAMES_PER_SECOND
from spectrack.plots import curve_style, new_panel, style_plot

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_speed(comparison: Comparison, *, size_in: tuple[float, float] = (5.2, 3.4)) -> Figure:
    """Headline score over frames per second, a point a tracker; trackers without times are absent.

    Args:
        comparison: the trackers.
        size_in: width and height of the plot in inches.
    """
    from matplotlib.ticker import LogFormatter

    names = [entrant.name for entrant in comparison.entrants]
    figure, axes = new_panel(*size_in, note="\n".join(comparison.notes), key=names)
    found = [(entrant, entrant.speed.frames_per_second) for entrant in comparison.entrants]
    timed = [(entrant, rate) for entrant, rate in found if rate is not None]
    fastest, slowest = max(rate for _, rate in timed), min(rate for _, rate in timed)
    for entrant, rate in timed:
        look: Any = {"color": curve_style(entrant.index)[0], "marker": "o", "markersize": 10, "linestyle": "none"}
        axes.plot([rate], [entrant.scores.auc], label=f" {entrant.name}", zorder=3, **look)
    title, x_label = "Accuracy against speed", FRAMES_PER_SECOND.words
    style_plot(axes, title=title, x_label=x_label, y_label=comparison.headline, key=names)
    if fastest > 8 * slowest:
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(LogFormatter())
        axes.xaxis.set_minor_formatter(LogFormatter(labelOnlyBase=False))
    else:
        axes.set_xlim(0, 1.15 * fastest)
    axes.set_ylim(0, min(1.02, 1.35 * max(entrant.scores.auc for entrant, _ in timed) + 0.02))
    return figure
