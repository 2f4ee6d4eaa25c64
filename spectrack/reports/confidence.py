"""Whether trackers know when they fail: overlap by confidence, and how often a stated probability came true.

Both are counted by `spectrack.evaluation.confidence`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from spectrack.evaluation.comparison import Comparison
from spectrack.evaluation.figures import CALIBRATION_ERROR
from spectrack.plots import QUIET_COLOUR, curve_style, new_panel, style_plot

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_FEWEST_FRAMES = 5
"""A bin of fewer frames is not drawn."""


def draw_reliability(comparison: Comparison, *, size_in: tuple[float, float] = (5.2, 3.4)) -> Figure:
    """Mean overlap by confidence, a point a bin, larger with more frames: a rising line can be relied on.

    Args:
        comparison: the trackers; those without confidence are absent.
        size_in: width and height of the plot in inches.
    """
    known = [(entrant, entrant.reliability) for entrant in comparison.entrants]
    names = [entrant.name for entrant, found in known if found is not None]
    figure, axes = new_panel(*size_in, note="\n".join(comparison.notes), key=names)
    for entrant, found in known:
        if found is not None:
            _draw_bins(axes, found.score, found.overlap, found.frames, entrant.name, entrant.index)
    style_plot(axes, title="Overlap by confidence", x_label="confidence", y_label="mean IoU", key=names)
    axes.set(xlim=(0, 1.02), ylim=(0, 1.02))
    return figure


def draw_calibration(comparison: Comparison, *, size_in: tuple[float, float] = (4.4, 4.0)) -> Figure:
    """Share of frames on target by stated probability, a point a bin: a reliability diagram.

    Args:
        comparison: the trackers; those that state no probability are absent.
        size_in: width and height of the plot in inches.
    """
    known = [(entrant, entrant.calibration) for entrant in comparison.entrants]
    names = {
        entrant.index: f"{entrant.name}  {CALIBRATION_ERROR.label} {CALIBRATION_ERROR.text(found.error)}"
        for entrant, found in known
        if found is not None
    }
    figure, axes = new_panel(*size_in, note="\n".join(comparison.notes), key=list(names.values()))
    axes.plot((0, 1), (0, 1), color=QUIET_COLOUR, linestyle=":", linewidth=1.2, zorder=2)
    for entrant, found in known:
        if found is not None:
            _draw_bins(axes, found.probability, found.on_target, found.frames, names[entrant.index], entrant.index)
    across, up = "stated probability of being on target", "share of frames on target"
    style_plot(axes, title="Reliability", x_label=across, y_label=up, key=list(names.values()))
    axes.set(xlim=(0, 1.02), ylim=(0, 1.02))
    return figure


def _draw_bins(
    axes: Axes,
    across: Sequence[float | None],
    up: Sequence[float | None],
    frames: Sequence[int],
    name: str,
    index: int,
) -> None:
    """A point a bin that has enough frames, larger with more of them, and a line through all where they are a curve."""
    drawn = [
        (x, y, count)
        for x, y, count in zip(across, up, frames, strict=True)
        if count >= _FEWEST_FRAMES and x is not None and y is not None
    ]
    colour, style = curve_style(index)
    x, y, counts = np.array(drawn).reshape(-1, 3).T
    look: Any = {"linestyle": style, "linewidth": 1.8} if len(drawn) > 2 else {"linestyle": "none", "marker": "."}
    axes.plot(x, y, color=colour, label=f" {name}", zorder=3, **look)
    axes.scatter(x, y, s=12 + 90 * counts / max(1, sum(frames)), color=colour, linewidths=0, zorder=4)
