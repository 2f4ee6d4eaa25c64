"""A film strip of one tracker or several: as a figure, and as pictures with drawn boxes for the page."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spectrack.errors import InputError
from spectrack.evaluation.comparison import Comparison, Highlight
from spectrack.figure_files import save_figure
from spectrack.plots import (
    BOX_DASHES,
    QUIET_COLOUR,
    TEXT_COLOUR,
    TRUTH_COLOUR,
    curve_style,
    draw_box,
    draw_image,
    new_grid,
)
from spectrack.reports.strip_frames import FRAMES, StripFrame, check_boxes, film_strip
from spectrack.sequences.base import Sequence
from spectrack.signs import html_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_CELL_IN, _SMALLEST_WIDTH_IN = 2.3, 4.4
_HEAD_IN, _NOTE_IN = 0.5, 0.12
_SEAM = 0.7
"""How far a line's dark seam reaches beyond it, in points."""

_JPEG_QUALITY = 90


def write_filmstrip(
    path: str | os.PathLike[str],
    sequence: Sequence,
    boxes: ArrayLike,
    *,
    truth: ArrayLike | None = None,
    frames: int = FRAMES,
) -> Path:
    """Draw evenly spread frames with one track and, if known, the truth and their overlap.

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
    strip = film_strip(sequence.false_colour, [track], known, frames=frames)
    return save_figure(draw_strip(strip, title=sequence.name, names=["track"]), path)


def draw_strip(strip: list[StripFrame], *, title: str, names: Iterable[str], note: str = "") -> Figure:
    """Frames side by side, whole above and the object enlarged below, with truth and every tracker's box.

    Args:
        strip: at least one frame.
        title: above, on the left.
        names: of the trackers, for the key on the right.
        note: small print below the title.
    """
    height, width = strip[0].image.shape[:2]
    width_in = max(_CELL_IN, _SMALLEST_WIDTH_IN / len(strip))
    cell = (width_in, width_in * height / width)
    figure, axes = new_grid(len(strip), 2, cell_in=cell, head_in=_HEAD_IN + (_NOTE_IN if note else 0.0))
    with_truth = any(frame.truth is not None for frame in strip)
    for column, frame in enumerate(strip):
        whole, enlarged = axes[column], axes[column + len(strip)]
        draw_image(whole, frame.image)
        draw_image(enlarged, frame.image, interpolation="bicubic")
        x, y, w, h = frame.view
        enlarged.set_xlim(x, x + w)
        enlarged.set_ylim(y + h, y)
        for axis, line, shown in ((whole, 1.1, width), (enlarged, 1.6, w)):
            _draw_boxes(axis, frame, line, pixels_per_point=shown / (72 * width_in))
        values = "  ".join(map(_share, frame.overlaps.values()))
        caption = f"frame {frame.index}   IoU {values}" if with_truth else f"frame {frame.index}"
        whole.set_title(caption, fontsize=8.5, color=TEXT_COLOUR, loc="left", pad=3)
    entries: list[tuple[str, str, tuple[float, ...]]] = [("truth", TRUTH_COLOUR, ())] if with_truth else []
    entries += [(name, curve_style(place)[0], BOX_DASHES[place % len(BOX_DASHES)]) for place, name in enumerate(names)]
    _draw_key(figure, title, entries, note)
    return figure


def strip_html(comparison: Comparison, highlight: Highlight, strip: list[StripFrame], *, prefix: str) -> str:
    """The strip for the page: JPEG pictures inside, boxes as lines that keep their width, values below.

    Args:
        comparison: for the names.
        highlight: which sequence, and why.
        strip: its frames.
        prefix: begins every identifier; unique in the page, letters and digits.
    """
    cells = "".join(_cell_html(comparison, highlight, frame, f"{prefix}-{frame.index}") for frame in strip)
    label = html_text(highlight.label)
    return f'<div class="strip" role="group" tabindex="0" aria-label="frames of {label}">{cells}</div>'


def _cell_html(comparison: Comparison, highlight: Highlight, frame: StripFrame, identifier: str) -> str:
    height, width = frame.image.shape[:2]
    lines = _boxes_svg(frame)
    values = {entrant.name: frame.overlaps[entrant.index] for entrant in comparison.entrants}
    told = ", ".join(f"{name} {_share(value)}" for name, value in values.items())
    title = html_text(f"{highlight.label}, frame {frame.index} in false colour; overlap with the truth: {told}")
    x, y, w, h = frame.view
    shown = "".join(
        f'<span class="value"><span class="swatch s{index % 6}"></span>{_share(frame.overlaps[index])}</span>'
        for index in range(len(comparison.entrants))
    )
    return (
        f'<div class="cell"><svg viewBox="0 0 {width} {height}" role="img" aria-labelledby="{identifier}-t">'
        f'<title id="{identifier}-t">{title}</title>'
        f'<image id="{identifier}" width="{width}" height="{height}" href="{_jpeg(frame.image)}"/>{lines}</svg>'
        f'<svg viewBox="{x:.2f} {y:.2f} {w:.2f} {h:.2f}" role="img" aria-labelledby="{identifier}-z">'
        f'<title id="{identifier}-z">{title}, the object enlarged</title><use href="#{identifier}"/>{lines}</svg>'
        f'<p>frame {frame.index} <span class="values">{shown}</span></p></div>'
    )


def _boxes_svg(frame: StripFrame) -> str:
    """All dark seams first, so that a dashed box lets what lies below it be seen."""
    named = [] if frame.truth is None else [("truth", frame.truth)]
    named += [(f"box b{index % 6} d{index % len(BOX_DASHES)}", box) for index, box in frame.boxes.items()]
    place = 'x="{:.2f}" y="{:.2f}" width="{:.2f}" height="{:.2f}"'
    drawn = [(name, place.format(*(float(value) for value in box))) for name, box in named]
    seams = (f'<rect class="seam{" below-truth" * (name == "truth")}" {where}/>' for name, where in drawn)
    return "".join([*seams, *(f'<rect class="{name}" {where}/>' for name, where in drawn)])


def _jpeg(image: NDArray[np.uint8]) -> str:
    import cv2

    settings = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
    settings += [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    _, data = cv2.imencode(".jpg", np.ascontiguousarray(image[..., ::-1]), settings)
    return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode("ascii")


def _share(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.2f}"


def _draw_boxes(axis: Axes, frame: StripFrame, line: float, *, pixels_per_point: float) -> None:
    """The truth is drawn just outside its box, so that it is seen where a track coincides with it."""
    if frame.truth is not None:
        out = (line + _SEAM) * pixels_per_point
        draw_box(axis, frame.truth + np.array([-out, -out, 2 * out, 2 * out]), TRUTH_COLOUR, width=line)
    for index, box in frame.boxes.items():
        dashes = BOX_DASHES[index % len(BOX_DASHES)]
        draw_box(axis, box, curve_style(index)[0], width=line, dashes=dashes)
    # A box outside must not widen the picture.
    axis.set_autoscale_on(False)


def _draw_key(figure: Figure, title: str, entries: list[tuple[str, str, tuple[float, ...]]], note: str) -> None:
    from matplotlib.lines import Line2D

    left, height = 0.06 / figure.get_figwidth(), figure.get_figheight()
    figure.text(left, 1 - 0.06 / height, title, fontsize=10.5, color=TEXT_COLOUR, va="top")
    figure.text(left, 1 - 0.255 / height, note, fontsize=6.5, color=QUIET_COLOUR, va="top")
    figure.legend(
        [
            Line2D(
                [],
                [],
                color=colour,
                linewidth=3,
                linestyle=(0, tuple(length / 3 for length in dashes)) if dashes else "-",
            )
            for _, colour, dashes in entries
        ],
        [f" {name}" for name, *_ in entries],
        loc="upper right",
        ncols=len(entries),
        fontsize=9,
        frameon=False,
        labelcolor=TEXT_COLOUR,
        borderaxespad=0.1,
    )
