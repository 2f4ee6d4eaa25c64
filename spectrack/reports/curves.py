"""Success and precision plots: one curve a tracker, its AUC or DP in the legend, the protocol printed below."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from spectrack.errors import InputError
from spectrack.evaluation.protocols import PRECISION_AT_PX
from spectrack.evaluation.scores import Scores
from spectrack.plots import QUIET_COLOUR, draw_curve, draw_legend, draw_note, new_figure, save_figure, style_plot

Results = Scores | Mapping[str, Scores]
"""Scores of one tracker, or tracker name to scores."""


def write_success_plot(path: str | os.PathLike[str], results: Results) -> Path:
    """Draw the share of frames over the overlap threshold.

    Args:
        path: ``success.png``, or ``.svg`` / ``.pdf``.
        results: scores under one protocol; trackers appear best first, AUC in the legend.

    Raises:
        InputError: no results, or results under different protocols.
    """
    named = _checked(results)
    figure, axes = new_figure(6.0, 4.6)
    headline = "AO" if next(iter(named.values())).switches["auc_is_average_overlap"] else "AUC"
    for index, (name, scores) in enumerate(sorted(named.items(), key=lambda item: -item[1].auc)):
        draw_curve(axes, *scores.curve("success"), label=_label(name, headline, scores.auc), index=index)
    style_plot(axes, title="Success", x_label="overlap threshold (IoU)", y_label="share of frames")
    axes.set(xlim=(0, 1), ylim=(0, 1.02))
    draw_legend(axes)
    draw_note(figure, _note(named))
    return save_figure(figure, path)


def write_precision_plot(path: str | os.PathLike[str], results: Results) -> Path:
    """Draw the share of frames over the centre-distance threshold, 0 to 50 px.

    Args:
        path: ``precision.png``, or ``.svg`` / ``.pdf``.
        results: scores under one protocol; trackers appear best first, DP at 20 px in the legend.

    Raises:
        InputError: no results, results under different protocols, or a protocol without precision.
    """
    named = _checked(results)
    without = next((scores.protocol for scores in named.values() if scores.dp20 is None), None)
    if without is not None:
        raise InputError(f"expected a protocol with a precision curve, found {without}, which has none; score under hot or otb")
    figure, axes = new_figure(6.0, 4.6)
    axes.axvline(PRECISION_AT_PX, color=QUIET_COLOUR, linewidth=1.0, linestyle=(0, (4, 3)), zorder=2)
    for index, (name, scores) in enumerate(sorted(named.items(), key=lambda item: -(item[1].dp20 or 0.0))):
        draw_curve(axes, *scores.curve("precision"), label=_label(name, f"DP@{PRECISION_AT_PX}", scores.dp20 or 0.0), index=index)
    style_plot(axes, title="Precision", x_label="centre distance threshold (px)", y_label="share of frames")
    axes.set(xlim=(0, 50), ylim=(0, 1.02))
    draw_legend(axes)
    draw_note(figure, _note(named))
    return save_figure(figure, path)


def _checked(results: Results) -> dict[str, Scores]:
    named = {"": results} if isinstance(results, Scores) else dict(results)
    if not named:
        raise InputError("expected scores of at least one tracker to draw, found none; score a tracker first")
    first = next(iter(named.values()))
    for name, scores in named.items():
        if scores.switches != first.switches or len(scores.sequences) != len(first.sequences):
            raise InputError(f"expected all curves under one protocol on the same sequences, found {name!r} to differ; score again")
    return named


def _label(name: str, figure: str, value: float) -> str:
    return f"{name}  {figure} {value:.3f}".strip()


def _note(named: dict[str, Scores]) -> str:
    scores = next(iter(named.values()))
    frames = sum(item.frames for item in scores.sequences)
    count = len(scores.sequences)
    return f"protocol {scores.description}\n{count} sequence{'s' if count != 1 else ''}, {frames} frames"
