"""The landscape of a search: for every parameter how well the settings did over its values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from spectrack.figure_files import save_figure
from spectrack.plots import QUIET_COLOUR, TRACK_COLOURS, style_plot
from spectrack.tuning.findings import Findings
from spectrack.tuning.ranges import Choices, Space
from spectrack.tuning.trials import Trial

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLUMNS, _PANEL_IN = 3, (3.6, 2.7)
_BEST, _PRESENT, _OTHERS = TRACK_COLOURS[3], TRACK_COLOURS[4], "#B8B8B8"


def draw_landscape(trials: Sequence[Trial], space: Space, found: Findings, path: Path, *, score: str) -> Path:
    """Write a panel a parameter: every setting as a point, the present and the best one marked.

    The points of one value differ in all other parameters; what a value can do is the upper edge of the cloud. The
    shaded band is the interval of the best setting's gain, laid below its score: points in it are hardly told from it.

    Args:
        trials: all settings.
        space: what was searched.
        found: see `findings.find`.
        path: of the picture.
        score: name of the score, for the axis.
    """
    from matplotlib.figure import Figure

    columns = min(_COLUMNS, len(space))
    rows = math.ceil(len(space) / columns)
    size = columns * _PANEL_IN[0], rows * _PANEL_IN[1] + 0.4
    figure = Figure(figsize=size, facecolor="white", layout="constrained")
    panels = np.atleast_1d(figure.subplots(rows, columns, sharey=True)).ravel()
    doubt = found.gain.estimate - found.gain.low
    for number, (name, panel) in enumerate(zip(space, panels, strict=False)):
        if found.best is not found.present:
            panel.axhspan(found.best.score - doubt, found.best.score, color=_BEST, alpha=0.08, linewidth=0)
        _draw_panel(panel, name, trials, space, found)
        style_plot(panel, title=name, x_label="", y_label=score if number % columns == 0 else "", title_size=10.5)
    for panel in panels[len(space) :]:
        panel.set_visible(False)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower left", ncols=len(labels), frameon=False, fontsize=9)
    return save_figure(figure, path)


def _draw_panel(panel: Axes, name: str, trials: Sequence[Trial], space: Space, found: Findings) -> None:
    values = space[name]

    def places(group: Sequence[Trial]) -> list[float]:
        found_values = [trial.values[name] for trial in group]
        if isinstance(values, Choices):
            known = [*values.values]
            return [float(known.index(value)) if value in known else -1.0 for value in found_values]
        return [float(value) for value in found_values]

    def dots(group: Sequence[Trial], colour: str, label: str, size: float, marker: str) -> None:
        panel.scatter(
            places(group),
            [trial.score for trial in group],
            s=size,
            c=colour,
            label=label,
            marker=marker,
            zorder=3,
            edgecolors="white",
            linewidths=0.5,
        )

    marked = (found.best, found.present)
    dots([trial for trial in trials if not any(trial is one for one in marked)], _OTHERS, "settings tried", 26, "o")
    dots([found.present], _PRESENT, "present", 60, "s")
    if found.best is not found.present:
        dots([found.best], _BEST, "best", 90, "*")
    if isinstance(values, Choices):
        panel.set_xticks(range(len(values.values)), [str(value) for value in values.values])
        panel.set_xlim(-0.5, len(values.values) - 0.5)
    else:
        margin = 0.04 * (values.high - values.low)
        panel.set_xlim(values.low - margin, values.high + margin)
        for end in (values.low, values.high):
            panel.axvline(end, color=QUIET_COLOUR, linewidth=0.6, linestyle=":", zorder=1)
