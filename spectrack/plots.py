"""Drawing primitives that reports, training and docs share: one look, one palette.

Figures are made without pyplot, so nothing global is touched and no display is needed; matplotlib is imported only when
something is drawn. The palette is Okabe and Ito's, which people with any common colour blindness can tell apart
(https://jfly.uni-koeln.de/color/). Truth is always `TRUTH_COLOUR` and nothing else ever is.
"""

from __future__ import annotations

import os
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spectrack.files import cache_to_write, expanded

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

if not expanded("~").is_absolute():
    # Before 3.11 matplotlib cannot be imported by a user whose home nobody knows.
    os.environ.setdefault("MPLCONFIGDIR", str(cache_to_write("matplotlib")))

TRUTH_COLOUR = "#56B4E9"
"""Sky blue: truth, in every picture."""

TRACK_COLOURS = ("#E69F00", "#009E73", "#CC79A7", "#D55E00", "#0072B2", "#000000")
"""Trackers, in this order: orange, green, pink, vermilion, blue, black."""

TEXT_COLOUR = "#222222"
QUIET_COLOUR = "#767676"
"""Secondary text; dark enough on white to be read (contrast 4.5 : 1)."""

GRID_COLOUR = "#E3E3E3"

NOTE = "note"
"""Identifier of the small print in SVG files, which a page that says the same once leaves out."""

_LINE_STYLES = ("-", "--", "-.", ":")
_SIGN_WIDTH = 0.56
"""Mean width of a printed sign, in font sizes."""

_KEY_SIZE = 9.0
_KEY_ROW_IN = 0.2


def rgb(colour: str) -> tuple[int, int, int]:
    """``#RRGGBB`` as three numbers 0..255.

    Example:
        >>> rgb("#E69F00")
        (230, 159, 0)
    """
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def new_figure(width_in: float, height_in: float) -> tuple[Figure, Axes]:
    """An empty figure with one plot that fills it. Args: sides in inches."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width_in, height_in), layout="constrained", facecolor="white")
    return figure, figure.subplots()


def new_panel(
    width_in: float,
    height_in: float,
    *,
    note: str,
    key: Sequence[str] = (),
    note_size: float = 7.0,
    margins_in: tuple[float, float, float, float] = (0.62, 0.15, 0.42, 0.5),
) -> tuple[Figure, Axes]:
    """A figure with one plot at a fixed place and small print below: what many figures in a row need to look alike.

    Unlike `new_figure` nothing is measured, which takes half the time.

    Args:
        width_in: width in inches.
        height_in: height of the plot with its labels in inches; small print and legend add to it.
        note: the small print; long lines are wrapped.
        key: names for which `style_plot` is to draw a legend above the plot.
        note_size: its size in points.
        margins_in: left, right, upper and lower margin around the plot's field, in inches.
    """
    from matplotlib.figure import Figure

    lines = _wrap(note, width_in - 0.12, note_size)
    foot = 0.06 + len(lines) * note_size * 1.25 / 72
    head = _key_shape(key, width_in)[1] * _KEY_ROW_IN if key else 0.0
    left, right, above, lower = margins_in
    height, below, above = height_in + foot + head, foot + lower, above + head
    figure = Figure(figsize=(width_in, height), facecolor="white")
    axes = figure.add_axes(
        (left / width_in, below / height, 1 - (left + right) / width_in, 1 - (below + above) / height)
    )
    figure.text(
        0.06 / width_in, 0.04 / height, "\n".join(lines), fontsize=note_size, color=QUIET_COLOUR, va="bottom", gid=NOTE
    )
    return figure, axes


def new_grid(
    columns: int, rows: int, *, cell_in: tuple[float, float], head_in: float, gap_in: float = 0.06
) -> tuple[Figure, list[Axes]]:
    """A figure with a head line above rows of pictures that stand close together.

    Args:
        columns: pictures in a row.
        rows: number of rows.
        cell_in: width and height of one picture in inches.
        head_in: height of the head in inches.
        gap_in: gap between pictures and around them, in inches.

    Returns:
        The figure and its axes, row by row from the top.
    """
    from matplotlib.figure import Figure

    width, height = columns * (cell_in[0] + gap_in) + gap_in, rows * (cell_in[1] + gap_in) + gap_in + head_in
    figure = Figure(figsize=(width, height), facecolor="white")
    axes = []
    for row in range(rows):
        bottom = (height - head_in - (row + 1) * (cell_in[1] + gap_in)) / height
        for column in range(columns):
            left = (gap_in + column * (cell_in[0] + gap_in)) / width
            axes.append(figure.add_axes((left, bottom, cell_in[0] / width, cell_in[1] / height)))
    return figure, axes


def style_plot(
    axes: Axes, *, title: str, x_label: str, y_label: str, title_size: float = 12, key: Sequence[str] = ()
) -> None:
    """Title, labels (with their units) and the quiet grid that every line plot here has.

    Args:
        axes: where, after everything has been drawn.
        title: of the plot.
        x_label: with its unit.
        y_label: with its unit.
        title_size: in points.
        key: the names in a legend between title and plot, for plots without a free corner; none by default.
    """
    columns, rows = _key_shape(key, axes.figure.bbox.width / axes.figure.dpi) if key else (0, 0)
    axes.set_title(title, fontsize=title_size, color=TEXT_COLOUR, loc="left", pad=8 + 72 * _KEY_ROW_IN * rows)
    if key:
        axes.legend(
            loc="lower left",
            bbox_to_anchor=(0.0, 1.0),
            ncols=columns,
            fontsize=_KEY_SIZE,
            frameon=False,
            labelcolor=TEXT_COLOUR,
            handlelength=1.6,
            columnspacing=1.4,
            borderaxespad=0.1,
        )
    axes.set_xlabel(x_label, fontsize=10.5, color=TEXT_COLOUR)
    axes.set_ylabel(y_label, fontsize=10.5, color=TEXT_COLOUR)
    axes.tick_params(labelsize=9.5, color=QUIET_COLOUR, labelcolor=TEXT_COLOUR)
    axes.grid(visible=True, color=GRID_COLOUR, linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(QUIET_COLOUR)


def draw_curve(axes: Axes, x: ArrayLike, y: ArrayLike, *, label: str, index: int = 0, width: float = 2.0) -> None:
    """One curve; `index` chooses colour and, after the palette is used up, the dashes; `width` in points."""
    colour, style = curve_style(index)
    # A legend leaves out names that begin with an underscore.
    label = f" {label}" if label.startswith("_") else label
    axes.plot(np.asarray(x), np.asarray(y), label=label, color=colour, linestyle=style, linewidth=width, zorder=3)


def curve_style(index: int) -> tuple[str, str]:
    """Colour and dashes of the tracker at that place of a report."""
    return TRACK_COLOURS[index % len(TRACK_COLOURS)], _LINE_STYLES[index // len(TRACK_COLOURS) % len(_LINE_STYLES)]


def draw_legend(axes: Axes) -> None:
    """A legend where it covers least of the curves."""
    axes.legend(
        loc="best",
        fontsize=9.5,
        frameon=True,
        framealpha=0.9,
        edgecolor="none",
        labelcolor=TEXT_COLOUR,
        handlelength=1.8,
    )


def draw_note(figure: Figure, text: str, *, size: float = 8.5) -> None:
    """Small print below the axes, such as the protocol, wrapped at the figure's width; `size` in points."""
    lines = _wrap(text, figure.get_figwidth(), size)
    figure.supxlabel("\n".join(lines), fontsize=size, color=QUIET_COLOUR, x=0.01, ha="left", gid=NOTE)


def draw_image(axes: Axes, image: NDArray[Any], *, interpolation: str = "antialiased") -> None:
    """A picture without ticks; pixel i covers [i, i + 1), as boxes have it.

    Args:
        axes: to draw into.
        image: (height, width, 3) uint8 RGB.
        interpolation: matplotlib's; ``bicubic`` suits strong enlargement.
    """
    height, width = image.shape[:2]
    axes.imshow(image, extent=(0, width, height, 0), interpolation=interpolation)
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)


BOX_DASHES: tuple[tuple[float, ...], ...] = ((), (7, 4), (2, 3), (7, 3, 2, 3))
"""Dashes of boxes drawn on one another, in points, the first solid: what lies below shows through the gaps."""


def draw_box(
    axes: Axes,
    box: ArrayLike,
    colour: str,
    *,
    width: float = 1.6,
    seam: bool = True,
    dashes: tuple[float, ...] = (),
) -> None:
    """A box ``x, y, w, h`` in the axes' coordinates, by default with a thin dark seam that shows it on any ground.

    Args:
        axes: where.
        box: ``x, y, w, h``.
        colour: of the line.
        width: of the line in points.
        seam: whether a dark line lies below it, and below every other box.
        dashes: lengths of strokes and gaps in points; none is a solid line, and the seam always is one.
    """
    from matplotlib.patches import Rectangle

    x, y, w, h = (float(value) for value in np.asarray(box, dtype=np.float64))
    shape: Any = {"fill": False, "joinstyle": "miter"}
    if seam:
        below: Any = {"edgecolor": "#00000099", "linewidth": width + 1.4, "zorder": 0.5}
        axes.add_patch(Rectangle((x, y), w, h, **shape, **below))
    style: Any = (0, tuple(length / width for length in dashes)) if dashes else "solid"
    axes.add_patch(Rectangle((x, y), w, h, **shape, edgecolor=colour, linewidth=width, linestyle=style))


def _wrap(text: str, width_in: float, size: float) -> list[str]:
    signs = max(20, int(width_in * 72 / (_SIGN_WIDTH * size)))
    return [line for paragraph in text.split("\n") for line in textwrap.wrap(paragraph, signs)]


def _key_shape(names: Sequence[str], width_in: float) -> tuple[int, int]:
    """Columns and rows of a legend that fits the width."""
    signs = max(len(name) for name in names) + 5
    columns = max(1, min(len(names), int((width_in - 0.75) * 72 / (0.5 * _KEY_SIZE * signs))))
    return columns, -(-len(names) // columns)


def evenly_spread(count: int, wanted: int) -> Sequence[int]:
    """At most `wanted` indices of 0 .. count - 1, first and last included, evenly spread.

    Example:
        >>> evenly_spread(10, 4)
        [0, 3, 6, 9]
        >>> evenly_spread(2, 4)
        [0, 1]
    """
    return sorted({int(index) for index in np.round(np.linspace(0, count - 1, min(wanted, count)))})
