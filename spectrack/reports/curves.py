"""Success and precision plots: one curve a tracker, its AUC or DP in the legend, the protocol printed below."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from spectrack.errors import InputError
from spectrack.evaluation.protocols import PRECISION_AT_PX
from spectrack.evaluation.scores import Scores
from spectrack.plots import QUIET_COLOUR, draw_curve, draw_legend, draw_note, new_figure, save_figure, style_plot

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Results = Scores | Mapping[str, Scores]
"""Scores of one tracker, or tracker name to scores."""


class _Kind(NamedTuple):
    title: str
    x_label: str
    figure: str
    """Field of `Figures` that the legend gives."""

    heading: str
    mark: float | None
    """Threshold at which a single figure is read off."""


CURVES = {
    "success": _Kind("Success", "overlap threshold (IoU)", "auc", "AUC", None),
    "precision": _Kind(
        "Precision", "centre distance threshold (px)", "dp20", f"DP@{PRECISION_AT_PX}", float(PRECISION_AT_PX)
    ),
    "normalised_precision": _Kind(
        "Normalised precision", "centre distance threshold (in sizes of the truth)", "normalised_precision", "NP", None
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
        colours: tracker name to its place in the palette, where a tracker has one colour in several figures; by default
            the best tracker has the first.
        note: the small print; by default the protocol and the number of sequences and frames.
        size_in: width and height in inches.

    Raises:
        InputError: no results, results under different protocols, or a protocol without that curve.
    """
    named, about = _checked(results), CURVES[kind]
    thresholds = next(iter(named.values())).curve(kind)[0]
    if not thresholds:
        scores = next(iter(named.values()))
        raise InputError(
            f"expected a protocol with a {kind} curve, found {scores.protocol}, which has none; score under hot or otb"
        )
    average_overlap = kind == "success" and next(iter(named.values())).switches["auc_is_average_overlap"]
    heading = "AO" if average_overlap else about.heading
    figure, axes = new_figure(*size_in)
    if about.mark is not None:
        axes.axvline(about.mark, color=QUIET_COLOUR, linewidth=1.0, linestyle=(0, (4, 3)), zorder=2)
    values = {name: float(getattr(scores.figures, about.figure)) for name, scores in named.items()}
    for rank, name in enumerate(sorted(named, key=lambda name: -values[name])):
        index = rank if colours is None else colours[name]
        draw_curve(axes, *named[name].curve(kind), label=f"{name}  {heading} {values[name]:.3f}".strip(), index=index)
    style_plot(axes, title=about.title, x_label=about.x_label, y_label="share of frames")
    axes.set(xlim=(0, thresholds[-1]), ylim=(0, 1.02))
    draw_legend(axes)
    draw_note(figure, _note(named) if note is None else note)
    return figure


def _checked(results: Results) -> dict[str, Scores]:
    named = {"": results} if isinstance(results, Scores) else dict(results)
    if not named:
        raise InputError("expected scores of at least one tracker to draw, found none; score a tracker first")
    first = next(iter(named.values()))
    for name, scores in named.items():
        if scores.switches != first.switches or len(scores.sequences) != len(first.sequences):
            raise InputError(
                f"expected all curves under one protocol on the same sequences, found {name!r} to differ; score again"
            )
    return named


def _note(named: dict[str, Scores]) -> str:
    scores = next(iter(named.values()))
    frames = sum(item.frames for item in scores.sequences)
    count = len(scores.sequences)
    return f"protocol {scores.description}\n{count} sequence{'s' if count != 1 else ''}, {frames} frames"
