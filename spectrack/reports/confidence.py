"""Whether trackers know when they fail: overlap by confidence, as `spectrack.evaluation.confidence` counts it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from spectrack.evaluation.comparison import Comparison
from spectrack.plots import curve_style, new_panel, style_plot

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_FEWEST_FRAMES = 5
"""A bin of fewer frames is not drawn."""


def draw_reliability(comparison: Comparison, *, size_in: tuple[float, float] = (5.2, 3.4)) -> Figure:
    """Mean overlap by confidence, a point a bin, larger with more frames; who knows itself rises to the right.

    Args:
        comparison: the trackers; those without confidence are absent.
        size_in: width and height of the plot in inches.
    """
    known = [(entrant, entrant.reliability) for entrant in comparison.entrants]
    names = [entrant.name for entrant, found in known if found is not None]
    figure, axes = new_panel(*size_in, note="\n".join(comparison.notes), key=names)
    for entrant, found in known:
        if found is None:
            continue
        drawn = [
            (score, overlap, frames)
            for score, overlap, frames in zip(found.score, found.overlap, found.frames, strict=True)
            if frames >= _FEWEST_FRAMES and score is not None and overlap is not None
        ]
        colour, style = curve_style(entrant.index)
        x, y, frames = np.array(drawn).reshape(-1, 3).T
        axes.plot(x, y, color=colour, linestyle=style, linewidth=1.8, label=f" {entrant.name}", zorder=3)
        axes.scatter(x, y, s=12 + 90 * frames / max(1, sum(found.frames)), color=colour, linewidths=0, zorder=4)
    style_plot(axes, title="Overlap by confidence", x_label="confidence", y_label="mean IoU", key=names)
    axes.set(xlim=(0, 1.02), ylim=(0, 1.02))
    return figure
