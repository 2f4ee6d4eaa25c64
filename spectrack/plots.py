"""Drawing primitives that reports, training and docs share: one look, one palette, files that come out the same twice.

Figures are made without pyplot, so nothing global is touched and no display is needed; matplotlib is imported only when
something is drawn. The palette is Okabe and Ito's, which people with any common colour blindness can tell apart
(https://jfly.uni-koeln.de/color/). Truth is always `TRUTH_COLOUR` and nothing else ever is.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spectrack.errors import ConfigError
from spectrack.files import write_atomically

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TRUTH_COLOUR = "#56B4E9"
"""Sky blue: truth, in every picture."""

TRACK_COLOURS = ("#E69F00", "#009E73", "#CC79A7", "#D55E00", "#0072B2", "#000000")
"""Trackers, in this order: orange, green, pink, vermilion, blue, black."""

TEXT_COLOUR = "#222222"
QUIET_COLOUR = "#767676"
"""Secondary text; dark enough on white to be read (contrast 4.5 : 1)."""

_GRID_COLOUR = "#E3E3E3"
_LINE_STYLES = ("-", "--", "-.", ":")
_SUFFIXES = (".png", ".svg", ".pdf")


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


def new_grid(columns: int, rows: int, *, cell_in: tuple[float, float], head_in: float, gap_in: float = 0.06) -> tuple[Figure, list[Axes]]:
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


def style_plot(axes: Axes, *, title: str, x_label: str, y_label: str) -> None:
    """Title, labels (with their units) and the quiet grid that every line plot here has."""
    axes.set_title(title, fontsize=12, color=TEXT_COLOUR, loc="left", pad=10)
    axes.set_xlabel(x_label, fontsize=10.5, color=TEXT_COLOUR)
    axes.set_ylabel(y_label, fontsize=10.5, color=TEXT_COLOUR)
    axes.tick_params(labelsize=9.5, color=QUIET_COLOUR, labelcolor=TEXT_COLOUR)
    axes.grid(visible=True, color=_GRID_COLOUR, linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(QUIET_COLOUR)


def draw_curve(axes: Axes, x: ArrayLike, y: ArrayLike, *, label: str, index: int = 0) -> None:
    """One curve; `index` chooses colour and, after the palette is used up, the dashes."""
    style = _LINE_STYLES[index // len(TRACK_COLOURS) % len(_LINE_STYLES)]
    axes.plot(
        np.asarray(x), np.asarray(y), label=label, color=TRACK_COLOURS[index % len(TRACK_COLOURS)], linestyle=style, linewidth=2.0, zorder=3
    )


def draw_legend(axes: Axes) -> None:
    """A legend where it covers least of the curves."""
    axes.legend(loc="best", fontsize=9.5, frameon=True, framealpha=0.9, edgecolor="none", labelcolor=TEXT_COLOUR, handlelength=1.8)


def draw_note(figure: Figure, text: str) -> None:
    """A line of small print below the axes, such as the protocol."""
    figure.supxlabel(text, fontsize=8.5, color=QUIET_COLOUR, x=0.01, ha="left")


def draw_image(axes: Axes, image: NDArray[Any], *, interpolation: str = "antialiased") -> None:
    """A picture without ticks; pixel i covers [i, i + 1), as boxes have it.

    Args:
        axes: where.
        image: (height, width, 3) uint8 RGB.
        interpolation: matplotlib's; ``bicubic`` suits strong enlargement.
    """
    height, width = image.shape[:2]
    axes.imshow(image, extent=(0, width, height, 0), interpolation=interpolation)
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)


def draw_box(axes: Axes, box: ArrayLike, colour: str, *, width: float = 1.6, seam: bool = True) -> None:
    """A box ``x, y, w, h`` in the axes' coordinates, by default with a thin dark seam so that it shows on any ground."""
    from matplotlib.patches import Rectangle

    x, y, w, h = (float(value) for value in np.asarray(box, dtype=np.float64))
    lines = ([(width + 1.4, "#00000099")] if seam else []) + [(width, colour)]
    for line, tint in lines:
        axes.add_patch(Rectangle((x, y), w, h, fill=False, edgecolor=tint, linewidth=line, joinstyle="miter"))


def save_figure(figure: Figure, path: str | os.PathLike[str], *, dpi: int = 150) -> Path:
    """Write a figure whole or not at all; the suffix chooses the format.

    Args:
        figure: what to write.
        path: ``.png``, ``.svg`` or ``.pdf``.
        dpi: resolution of PNG files.

    Returns:
        The path.

    Raises:
        ConfigError: another suffix.
    """
    import matplotlib

    target = Path(path)
    suffix = target.suffix.lower()
    if suffix not in _SUFFIXES:
        raise ConfigError(f"expected a figure file ending in {', '.join(_SUFFIXES)}, found {target.name!r}; rename it")
    # Dates, software versions and random identifiers would make two runs differ.
    metadata: dict[str, Any] = {".png": {"Software": None}, ".svg": {"Date": None, "Creator": None}}.get(
        suffix, {"CreationDate": None, "Creator": None, "Producer": None}
    )
    with (
        matplotlib.rc_context({"svg.hashsalt": "spectrack", "svg.fonttype": "none", "pdf.fonttype": 42}),
        write_atomically(target) as temporary,
    ):
        figure.savefig(temporary, dpi=dpi, metadata=metadata)
    return target


def evenly_spread(count: int, wanted: int) -> Sequence[int]:
    """At most `wanted` indices of 0 .. count - 1, first and last included, evenly spread.

    Example:
        >>> evenly_spread(10, 4)
        [0, 3, 6, 9]
        >>> evenly_spread(2, 4)
        [0, 1]
    """
    return sorted({int(index) for index in np.round(np.linspace(0, count - 1, min(wanted, count)))})
