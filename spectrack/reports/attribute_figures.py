"""Scores by attribute as a radar, which shows a tracker's shape, and as bars, whose intervals show what is certain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from spectrack.errors import InputError
from spectrack.evaluation.comparison import Comparison
from spectrack.evaluation.uncertainty import Interval
from spectrack.plots import GRID_COLOUR, QUIET_COLOUR, TEXT_COLOUR, curve_style, new_panel, style_plot

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FEWEST_SPOKES = 3
"""A radar of fewer attributes is a line."""

_ALONE = 0.45
"""Opacity of a bar that one sequence alone gives."""

_SHARES = (0.2, 0.4, 0.6, 0.8)


def draw_radar(comparison: Comparison, *, size_in: tuple[float, float] = (5.2, 4.7)) -> Figure:
    """One polygon a tracker, one spoke an attribute; the middle is 0, and the rim is the next fifth above the best.

    Args:
        comparison: the trackers.
        size_in: width and height of the plot in inches.

    Raises:
        InputError: fewer than `FEWEST_SPOKES` attributes.
    """
    words, values = _read(comparison)
    if len(words) < FEWEST_SPOKES:
        raise InputError(f"expected at least {FEWEST_SPOKES} attributes for a radar, found {len(words)}; draw bars")
    names = [entrant.name for entrant in comparison.entrants]
    figure, axes = new_panel(*size_in, note="\n".join(comparison.notes), key=names, margins_in=(0.1, 0.1, 0.42, 0.1))
    angles = np.pi / 2 - 2 * np.pi * np.arange(len(words)) / len(words)
    spokes = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    rim = min(1.0, float(np.ceil(max(interval.estimate for row in values for interval in row) * 5 + 1e-9) / 5))
    _draw_web(axes, spokes, [f"{word} ({count})" for word, count in words.items()], rim)
    for entrant in comparison.entrants:
        shares = np.array([row[entrant.index].estimate for row in values]) / rim
        corners = np.vstack([spokes * shares[:, None], spokes[:1] * shares[0]])
        colour, style = curve_style(entrant.index)
        axes.fill(corners[:, 0], corners[:, 1], color=colour, alpha=0.08, linewidth=0)
        look: Any = {"color": colour, "linestyle": style, "linewidth": 2, "marker": "o", "markersize": 3.5}
        axes.plot(*corners.T, label=f" {entrant.name}", **look)
    style_plot(axes, title=f"{comparison.headline} by attribute", x_label="", y_label="", key=names)
    axes.set(xlim=(-1.32, 1.32), ylim=(-1.22, 1.22), aspect="equal")
    axes.set_axis_off()
    return figure


def draw_bars(comparison: Comparison, *, height_in: float = 4.3) -> Figure:
    """Bars with their bootstrap intervals, a group an attribute; one sequence alone has no interval."""
    words, values = _read(comparison)
    count = len(comparison.entrants)
    names = [entrant.name for entrant in comparison.entrants]
    width_in = float(np.clip(1.4 + 0.22 * len(words) * (count + 1), 5.2, 12.0))
    note, margins_in = "\n".join(comparison.notes), (0.62, 0.15, 0.42, 0.72)
    figure, axes = new_panel(width_in, height_in, note=note, key=names, margins_in=margins_in)
    width = 0.8 / count
    for entrant in comparison.entrants:
        colour, _ = curve_style(entrant.index)
        places = np.arange(len(words)) - 0.4 + width * (entrant.index + 0.5)
        intervals = [row[entrant.index] for row in values]
        heights = np.array([interval.estimate for interval in intervals])
        ends = [(i.estimate - i.low, i.high - i.estimate) if i.sequences > 1 else (np.nan, np.nan) for i in intervals]
        bars = axes.bar(places, heights, width * 0.9, color=colour, label=f" {entrant.name}", zorder=3)
        for bar, interval in zip(bars, intervals, strict=True):
            bar.set_alpha(1.0 if interval.sequences > 1 else _ALONE)
        whiskers: Any = {"ecolor": TEXT_COLOUR, "elinewidth": 1.0, "capsize": 2, "zorder": 4}
        axes.errorbar(
            places, heights, yerr=np.maximum(np.transpose(ends), 0), fmt="none", color=TEXT_COLOUR, **whiskers
        )
    title = f"{comparison.headline} by attribute, {comparison.level:.0%} intervals"
    alone = any(count == 1 for count in words.values())
    x_label = f"attribute (sequences{'; pale: one alone' if alone else ''})"
    style_plot(axes, title=title, x_label=x_label, y_label=comparison.headline, key=names)
    axes.set_xticks(range(len(words)), [f"{word}\n({count})" for word, count in words.items()])
    axes.grid(visible=False, axis="x")
    axes.set(ylim=(0, 1.02), xlim=(-0.6, len(words) - 0.4))
    return figure


def _read(comparison: Comparison) -> tuple[dict[str, int], list[list[Interval]]]:
    """Number of sequences by attribute, and for each attribute every tracker's success score."""
    groups = [entrant.attributes for entrant in comparison.entrants]
    words = {word: item.sequences for word, item in groups[0].items()}
    return words, [[group[word].interval for group in groups] for word in words]


def _draw_web(axes: Axes, spokes: np.ndarray, words: list[str], rim: float) -> None:
    """Rings, spokes and labels, without the polar axes whose labels run into each other."""
    for share in [*(share / rim for share in _SHARES if share < rim - 1e-9), 1.0]:
        ring = np.vstack([spokes, spokes[:1]]) * share
        axes.plot(ring[:, 0], ring[:, 1], color=GRID_COLOUR, linewidth=0.9, zorder=1)
        axes.text(0.02, share, f"{share * rim:.1f}", fontsize=7.5, color=QUIET_COLOUR, ha="left", va="top", zorder=2)
    for (x, y), word in zip(spokes, words, strict=True):
        axes.plot([0, x], [0, y], color=GRID_COLOUR, linewidth=0.9, zorder=1)
        side = "center" if abs(x) < 0.2 else "left" if x > 0 else "right"
        axes.text(1.06 * x, 1.09 * y, word, fontsize=9.5, color=TEXT_COLOUR, ha=side, va="center")
