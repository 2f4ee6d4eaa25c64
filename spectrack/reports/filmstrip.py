"""A film strip: some frames of a tracked sequence side by side, the whole frame above and the object enlarged below."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spectrack.boxes import Boxes, is_box
from spectrack.errors import InputError
from spectrack.evaluation.metrics import overlaps
from spectrack.plots import (
    TEXT_COLOUR,
    TRACK_COLOURS,
    TRUTH_COLOUR,
    draw_box,
    draw_image,
    evenly_spread,
    new_grid,
    save_figure,
)
from spectrack.sequences.base import Sequence

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLUMN_IN = 2.3
_SMALLEST_WIDTH_IN = 4.4
_HEAD_IN = 0.5
_CONTEXT = 2.2
"""Height of the enlarged part, in heights of the object."""


def write_filmstrip(
    path: str | os.PathLike[str],
    sequence: Sequence,
    boxes: ArrayLike,
    *,
    truth: ArrayLike | None = None,
    frames: int = 6,
) -> Path:
    """Draw evenly spread frames with the track and, if known, the truth and their overlap.

    Args:
        path: ``.png``, ``.svg`` or ``.pdf``.
        sequence: what was tracked.
        boxes: (N, 4) one box a frame, N at most the sequence's length.
        truth: (M, 4) with M >= N; rows without area are not drawn.
        frames: how many frames, first and last included.

    Raises:
        InputError: boxes that do not fit the sequence or the truth, or no frame to show.
    """
    track, known = check_boxes(sequence, boxes, truth)
    if frames < 1:
        raise InputError(f"expected at least one frame to show, found {frames}; six make a good strip")
    chosen = evenly_spread(len(track), frames)
    width_in = max(_COLUMN_IN, _SMALLEST_WIDTH_IN / len(chosen))
    cell = (width_in, width_in * sequence.height / sequence.width)
    figure, axes = new_grid(len(chosen), 2, cell_in=cell, head_in=_HEAD_IN)
    for column, index in enumerate(chosen):
        image = sequence.false_colour(index)
        true_box = None if known is None or not is_box(known[index]) else known[index]
        whole, enlarged = axes[column], axes[column + len(chosen)]
        draw_image(whole, image)
        draw_image(enlarged, image, interpolation="bicubic")
        view_width = _zoom(enlarged, track[index], true_box, sequence.height, sequence.width)
        _draw_pair(whole, track[index], true_box, line=1.1, pixels_per_point=sequence.width / (72 * width_in))
        _draw_pair(enlarged, track[index], true_box, line=1.6, pixels_per_point=view_width / (72 * width_in))
        _caption(axes[column], index, track[index], true_box)
    _key(figure, sequence, with_truth=known is not None)
    return save_figure(figure, path)


def check_boxes(sequence: Sequence, boxes: ArrayLike, truth: ArrayLike | None) -> tuple[Boxes, Boxes | None]:
    """Track and truth as arrays that fit the sequence; the truth is cut to the track's length.

    Raises:
        InputError: a shape that is not (frames, 4), no box, more boxes than frames, fewer truth rows than boxes, or a
            track that is not finite.
    """
    track = np.asarray(boxes, dtype=np.float64)
    if track.ndim != 2 or track.shape[1] != 4 or not len(track):
        raise InputError(
            f"expected boxes of shape (frames, 4) to draw, found {track.shape}; give one x,y,w,h row a frame"
        )
    if len(track) > len(sequence):
        raise InputError(
            f"expected at most {len(sequence)} boxes, one a frame of {sequence.name!r}, found {len(track)}; cut them"
        )
    if not np.isfinite(track).all():
        raise InputError("expected finite boxes to draw, found NaN or infinity; repair the track first")
    if truth is None:
        return track, None
    known = np.asarray(truth, dtype=np.float64)
    if known.ndim != 2 or known.shape[1] != 4 or len(known) < len(track):
        raise InputError(
            f"expected truth of shape ({len(track)}, 4) or longer, found {known.shape}; give one row a frame"
        )
    return track, known[: len(track)]


def _draw_pair(
    axis: Axes, box: NDArray[np.float64], true_box: NDArray[np.float64] | None, *, line: float, pixels_per_point: float
) -> None:
    """Draw the truth just outside its box and the track just inside, so that both are seen where they coincide."""
    half = line / 2 * pixels_per_point
    inner = min(half, float(box[2:].min()) / 2)
    track = box + np.array([inner, inner, -2 * inner, -2 * inner])
    draw_box(axis, track, TRACK_COLOURS[0], width=line)
    if true_box is not None:
        draw_box(axis, true_box + np.array([-half, -half, 2 * half, 2 * half]), TRUTH_COLOUR, width=line)
        draw_box(axis, track, TRACK_COLOURS[0], width=line, seam=False)  # over the truth's seam


def _zoom(axis: Axes, box: NDArray[np.float64], true_box: NDArray[np.float64] | None, height: int, width: int) -> float:
    """Show only the surroundings of the object, in the frame's own proportions, inside the frame; gives the width
    shown.
    """
    x, y, w, h = box if true_box is None else true_box
    view_height = float(np.clip(_CONTEXT * max(h, w * height / width, 4.0), 12.0, height))
    view_width = view_height * width / height
    left = float(np.clip(x + w / 2 - view_width / 2, 0, width - view_width))
    top = float(np.clip(y + h / 2 - view_height / 2, 0, height - view_height))
    axis.set_xlim(left, left + view_width)
    axis.set_ylim(top + view_height, top)
    return view_width


def _caption(axis: Axes, index: int, box: NDArray[np.float64], true_box: NDArray[np.float64] | None) -> None:
    text = f"frame {index}" if true_box is None else f"frame {index}   IoU {overlaps(box[None], true_box[None])[0]:.2f}"
    axis.set_title(text, fontsize=9.5, color=TEXT_COLOUR, loc="left", pad=4)


def _key(figure: Figure, sequence: Sequence, *, with_truth: bool) -> None:
    from matplotlib.lines import Line2D

    entries = [("truth", TRUTH_COLOUR)] if with_truth else []
    entries.append(("track", TRACK_COLOURS[0]))
    handles = [Line2D([], [], color=colour, linewidth=3, label=label) for label, colour in entries]
    figure.text(
        0.06 / figure.get_figwidth(),
        1 - 0.06 / figure.get_figheight(),
        sequence.name,
        fontsize=11,
        color=TEXT_COLOUR,
        va="top",
    )
    figure.legend(
        handles=handles,
        loc="upper right",
        ncols=len(handles),
        fontsize=9.5,
        frameon=False,
        labelcolor=TEXT_COLOUR,
        borderaxespad=0.1,
    )
