"""Success and precision plots: one curve a tracker, its AUC or DP in the legend, the protocol printed below."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from spectrack.errors import InputError
from spectrack.evaluation.figures import PRECISION_AT_PX
from spectrack.evaluation.scores import Scores
from spectrack.figure_files import save_figure
from spectrack.plots import QUIET_COLOUR, draw_curve, draw_legend, draw_note, new_figure, style_plot

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Results = Scores | Mapping[str, Scores]
"""Scores of one tracker, or tracker name to scores."""


class _Kind(NamedTuple):
    title: str
    x_label: str
    figure: str
    """The figure that is read off the curve, which the legend gives."""

    mark: float | None
    """Threshold at which a single figure is read off."""

    caption: str
    """How to read the curve."""


CURVES = {
    "success": _Kind(
        "Success",
        "overlap threshold (IoU)",
        "auc",
        None,
        "Share of frames whose box overlaps the truth by at least the threshold; the number is the mean of the curve.",
    ),
    "precision": _Kind(
        "Precision",
        "centre distance threshold (px)",
        "dp20",
        float(PRECISION_AT_PX),
        f"Share of frames whose centre is within the threshold of the true one; the number is at {PRECISION_AT_PX} px.",
    ),
    "normalised_precision": _Kind(
        "Normalised precision",
        "centre distance threshold (in sizes of the truth)",
        "normalised_precision",
        None,
        "The same with distances in sizes of the truth box, so that small and large objects count alike.",
    ),
}
"""The curves that scores hold, by their name in `Scores.curve`."""


def write_success_plot(path: str | os.PathLike[str], results: Results) -> Path:
    """Draw the share of frames over the overlap threshold.

    Args:
        path: ``success.png``, or ``.svg`` / ``.pdf``.
        results: scores under one protocol; trackers appear best first, AUC in the legend.

    Raises:
        InputError: no results, or results under different protocols.
    """
    return save_figure(draw_curves(results, "success"), path)


def write_precision_plot(path: str | os.PathLike[str], results: Results) -> Path:
    """Draw the share of frames over the centre-distance threshold, 0 to 50 px.

    Args:
        path: ``precision.png``, or ``.svg`` / ``.pdf``.
        results: scores under one protocol; trackers appear best first, DP at 20 px in the legend.

    Raises:
        InputError: no results, results under different protocols, or a protocol without precision.
    """
    return save_figure(draw_curves(results, "precision"), path)


def draw_curves(
    results: Results,
    kind: str,
    *,
    colours: Mapping[str, int] | None = None,
    note: str | None = None,
    size_in: tuple[float, float] = (6.0, 4.6),
) -> Figure:
    """One kind of curve for all trackers, the best first in the legend.

    Args:
        results: scores under one protocol.
        kind: a name of `CURVES`.
        colours: tracker name to its place in the palette, for one colour in several figures; by default its rank.
        note: the small print; by default the protocol and the number of sequences and frames.
        size_in: width and height in inches.

    Raises:
        InputError: no results, results under different protocols, or a protocol without that curve.
    """
    named, about = _checked(results), CURVES[kind]
    first = next(iter(named.values()))
    thresholds = first.curve(kind)[0]
    if not thresholds:
        raise InputError(f"expected a protocol with a {kind} curve, found {first.protocol}; score under hot or otb")
    read = next(item for item in first.shown if item.name == about.figure)
    figure, axes = new_figure(*size_in)
    if about.mark is not None:
        axes.axvline(about.mark, color=QUIET_COLOUR, linewidth=1.0, linestyle=(0, (4, 3)), zorder=2)
    values = {name: scores.figures[about.figure] or 0.0 for name, scores in named.items()}
    for rank, name in enumerate(sorted(named, key=lambda name: -values[name])):
        index = rank if colours is None else colours[name]
        label = f"{name}  {read.label} {read.text(values[name])}".strip()
        draw_curve(axes, *named[name].curve(kind), label=label, index=index)
    style_plot(axes, title=about.title, x_label=about.x_label, y_label="share of frames")
    axes.set(xlim=(0, thresholds[-1]), ylim=(0, 1.02))
    draw_legend(axes)
    draw_note(figure, small_print(first, kind) if note is None else note)
    return figure


def small_print(scores: Scores, kind: str, *, extent: str | None = None) -> str:
    """Protocol and rule of one kind of curve, and how much was scored.

    Args:
        scores: of any of the trackers.
        kind: a name of `CURVES`.
        extent: how much was scored in words, where it is not what these scores tell.
    """
    read = next(item for item in scores.shown if item.name == CURVES[kind].figure)
    measure = "IoU" if kind == "success" else "distance"
    signs = (">", "≥") if kind == "success" else ("<", "≤")
    sign = signs[0 if scores.switches.get(f"{kind}_strict") else 1]
    rule = f"{len(scores.curve(kind)[0])} thresholds t, {measure} {sign} t"
    return f"protocol {scores.protocol}: {read.label} = {read.words}; {rule}\n{extent or scores.extent}"


def _checked(results: Results) -> dict[str, Scores]:
    named = {"": results} if isinstance(results, Scores) else dict(results)
    if not named:
        raise InputError("expected scores of at least one tracker to draw, found none; score a tracker first")
    first = next(iter(named.values()))
    for name, scores in named.items():
        if scores.switches != first.switches or len(scores.sequences) != len(first.sequences):
            raise InputError(
                f"expected curves under one protocol on the same sequences, found {name!r} apart; score again"
            )
    return named
