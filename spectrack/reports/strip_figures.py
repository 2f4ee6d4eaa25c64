"""A film strip of several trackers: as a figure for papers, and as pictures with drawn boxes for the page."""

from __future__ import annotations

import base64
import html
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from spectrack.boxes import Box
from spectrack.evaluation.comparison import Comparison, Highlight
from spectrack.plots import QUIET_COLOUR, TEXT_COLOUR, TRUTH_COLOUR, curve_style, draw_box, draw_image, new_grid
from spectrack.reports.strip_frames import StripFrame

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_CELL_IN = 2.3
_HEAD_IN = 0.62
_NOTE_IN = 0.34
_JPEG_QUALITY = 90


def draw_strip(comparison: Comparison, highlight: Highlight, strip: list[StripFrame]) -> Figure:
    """Frames side by side, whole above and the object enlarged below, with truth and every tracker's box."""
    height, width = strip[0].image.shape[:2]
    cell = (_CELL_IN, _CELL_IN * height / width)
    figure, axes = new_grid(len(strip), 2, cell_in=cell, head_in=_HEAD_IN)
    for column, frame in enumerate(strip):
        whole, enlarged = axes[column], axes[column + len(strip)]
        draw_image(whole, frame.image)
        draw_image(enlarged, frame.image, interpolation="bicubic")
        x, y, w, h = frame.view
        enlarged.set_xlim(x, x + w)
        enlarged.set_ylim(y + h, y)
        for axis, line in ((whole, 1.0), (enlarged, 1.6)):
            _draw_boxes(axis, frame, line)
        values = "  ".join("–" if np.isnan(value) else f"{value:.2f}" for value in frame.overlaps.values())
        whole.set_title(f"frame {frame.index}   IoU {values}", fontsize=8.5, color=TEXT_COLOUR, loc="left", pad=3)
    _draw_key(figure, comparison, highlight)
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
    return (
        '<div class="strip" role="group" tabindex="0" aria-label="frames of '
        f'{html.escape(highlight.label)}">{cells}</div>'
    )


def _cell_html(comparison: Comparison, highlight: Highlight, frame: StripFrame, identifier: str) -> str:
    height, width = frame.image.shape[:2]
    lines = _boxes_svg(frame)
    values = {entrant.name: frame.overlaps[entrant.index] for entrant in comparison.entrants}
    told = ", ".join(f"{name} {_share(value)}" for name, value in values.items())
    title = html.escape(f"{highlight.label}, frame {frame.index} in false colour; overlap with the truth: {told}")
    x, y, w, h = frame.view
    shown = "".join(
        '<span class="value"><span class="swatch '
        f's{entrant.index % 6}"></span>{_share(frame.overlaps[entrant.index])}</span>'
        for entrant in comparison.entrants
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
    def outline(box: Box, name: str) -> str:
        place = 'x="{:.2f}" y="{:.2f}" width="{:.2f}" height="{:.2f}"'.format(*(float(value) for value in box))
        return f'<rect class="seam" {place}/><rect class="{name}" {place}/>'

    truth = "" if frame.truth is None else outline(frame.truth, "truth")
    return truth + "".join(outline(box, f"box b{index % 6}") for index, box in frame.boxes.items())


def _jpeg(image: NDArray[np.uint8]) -> str:
    import cv2

    settings = [
        cv2.IMWRITE_JPEG_QUALITY,
        _JPEG_QUALITY,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
    ]
    _, data = cv2.imencode(".jpg", np.ascontiguousarray(image[..., ::-1]), settings)
    return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode("ascii")


def _share(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.2f}"


def _draw_boxes(axis: Axes, frame: StripFrame, line: float) -> None:
    if frame.truth is not None:
        draw_box(axis, frame.truth, TRUTH_COLOUR, width=line + 0.4)
    for index, box in frame.boxes.items():
        draw_box(axis, box, curve_style(index)[0], width=line)
    # A box outside must not widen the picture.
    axis.set_autoscale_on(False)


def _draw_key(figure: Figure, comparison: Comparison, highlight: Highlight) -> None:
    from matplotlib.lines import Line2D

    entries = [
        ("truth", TRUTH_COLOUR),
        *((entrant.name, curve_style(entrant.index)[0]) for entrant in comparison.entrants),
    ]
    handles = [Line2D([], [], color=colour, linewidth=3) for _, colour in entries]
    left, height = 0.06 / figure.get_figwidth(), figure.get_figheight()
    scores = ", ".join(f"{value:.3f}" for value in comparison.auc(highlight.label))
    title = f"{highlight.label} ({highlight.reason}, {comparison.headline} {scores})"
    figure.text(left, 1 - 0.06 / height, title, fontsize=10.5, color=TEXT_COLOUR, va="top")
    figure.legend(
        handles,
        [f" {name}" for name, _ in entries],
        loc="upper right",
        ncols=len(entries),
        fontsize=9,
        frameon=False,
        labelcolor=TEXT_COLOUR,
        borderaxespad=0.1,
    )
    figure.text(
        left, 1 - _NOTE_IN * 0.75 / height, "; ".join(comparison.notes), fontsize=6.5, color=QUIET_COLOUR, va="top"
    )
