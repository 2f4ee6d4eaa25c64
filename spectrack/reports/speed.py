"""How fast a run was, and on which machine: a speed without its machine means nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from spectrack.plots import curve_style, new_panel, style_plot
from spectrack.reports.comparison import Comparison, Entrant

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PARTS = ("reading", "network", "rest")
"""What a frame's time is split into; `rest` is the tracker's own work outside its network."""


@dataclass(frozen=True)
class Speed:
    """Speed over all frames but the first of each sequence.

    Attributes:
        frames: how many frames were timed; 0 for results without times.
        frames_per_second: all parts together; None without times.
        milliseconds: mean a frame of each part that was timed.
        device: where the tracker ran, with its precision; empty when not recorded.
        machine: processor, cores and graphics card; empty when not recorded.
    """

    frames: int
    frames_per_second: float | None
    milliseconds: Mapping[str, float]
    device: str
    machine: str


def speed_of(entrant: Entrant, labels: Iterable[str]) -> Speed:
    """Speed of one tracker on the sequences named."""
    totals: dict[str, float] = {}
    frames = 0
    for label in labels:
        timed = {part: values[1:] for part, values in entrant.sequence(label).milliseconds.items()}
        # A tracker that failed has times for the frames before; NaN stands for a frame that was not timed.
        frames += max((int(np.isfinite(values).sum()) for values in timed.values()), default=0)
        for part, values in timed.items():
            totals[part] = totals.get(part, 0.0) + float(np.nansum(values))
    total = sum(totals.values())
    return Speed(
        frames=frames,
        frames_per_second=1000 * frames / total if frames and total > 0 else None,
        milliseconds={part: value / frames for part, value in totals.items()} if frames else {},
        device=_device(entrant.run.info),
        machine=_machine(entrant.run.info),
    )


def _device(info: Mapping[str, Any]) -> str:
    tracker = info.get("tracker")
    found = tracker if isinstance(tracker, dict) else {}
    words = [found.get("device") or info.get("device"), found.get("precision")]
    return " ".join(str(word) for word in words if word)


def _machine(info: Mapping[str, Any]) -> str:
    """What the run says it ran on; without it processor, usable cores and graphics card of its record."""
    named = info.get("machines")
    if isinstance(named, list) and named:
        return " + ".join(str(name) for name in named)
    found = info.get("provenance")
    if not isinstance(found, dict) or not found.get("processor"):
        return ""
    cores = found.get("cores")
    words = [
        str(found["processor"]),
        f"{cores} core{'s' if cores != 1 else ''}" if cores else "",
        str(found.get("gpu") or ""),
    ]
    return ", ".join(word for word in words if word)


def draw_speed(comparison: Comparison, *, size_in: tuple[float, float] = (5.2, 3.4)) -> Figure:
    """Headline score over frames per second, a point a tracker; trackers without times are absent.

    Args:
        comparison: the trackers.
        size_in: width and height of the plot in inches.
    """
    names = [entrant.name for entrant in comparison.entrants]
    figure, axes = new_panel(*size_in, note="\n".join(comparison.notes), key=names)
    found = [(entrant, speed_of(entrant, comparison.labels).frames_per_second) for entrant in comparison.entrants]
    timed = [(entrant, rate) for entrant, rate in found if rate is not None]
    fastest, slowest = max(rate for _, rate in timed), min(rate for _, rate in timed)
    for entrant, rate in timed:
        colour, _ = curve_style(entrant.index)
        axes.plot(
            [rate],
            [entrant.scores.auc],
            color=colour,
            marker="o",
            markersize=10,
            linestyle="none",
            label=f" {entrant.name}",
            zorder=3,
        )
    style_plot(
        axes, title="Accuracy against speed", x_label="frames per second", y_label=comparison.headline, key=names
    )
    if fastest > 8 * slowest:
        axes.set_xscale("log")
    else:
        axes.set_xlim(0, 1.15 * fastest)
    axes.set_ylim(0, min(1.02, 1.35 * max(entrant.scores.auc for entrant, _ in timed) + 0.02))
    return figure
