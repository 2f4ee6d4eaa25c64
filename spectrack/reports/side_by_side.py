"""Several tracks side by side, each in its own picture with its name: as a video and as a film strip.

What they show of one scene may differ: false colour, another clip of the same motion, or a map of what the spectrum
tells. Pictures are stretched by the contrast of the whole clip, so that dull scenes can be seen and nothing flickers.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from spectrack.boxes import Box, Boxes, is_box
from spectrack.evaluation.metrics import overlaps_by_frame
from spectrack.figure_files import save_figure
from spectrack.files import write_atomically
from spectrack.plots import (
    QUIET_COLOUR,
    TEXT_COLOUR,
    TRUTH_COLOUR,
    curve_style,
    draw_box,
    draw_image,
    evenly_spread,
    new_grid,
    rgb,
)
from spectrack.reports.overlay import GROUND, Picture, draw_boxes, encode_video, enlarge, font

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from spectrack.evidence.detectors import Detector
    from spectrack.sequences.base import Sequence as Video

Painter = Callable[[int], Picture]
"""Gives the picture (height, width, 3) of a frame."""

_COLUMNS = 2
_WIDTH = 480
"""Least width of a panel in a video, in pixels."""

_HEAD = 46
_BRIGHT, _DIM = (238, 238, 238), (170, 170, 174)
_CELL_IN, _HEAD_IN, _ROW_IN = 2.1, 0.4, 0.42
_DPI = 110
_DARKEST, _BRIGHTEST = 1.0, 99.0
"""Percentiles of pictures that become black and white."""

_LOOKED_AT = 3
"""Frames whose light is looked at."""


@dataclass(frozen=True)
class Panel:
    """One track and what it is shown on.

    Attributes:
        title: whose track it is.
        about: what is seen, and how it went.
        paint: gives the picture of a frame; all panels have the same size and length.
        boxes: (N, 4) the track; None where only a picture is shown.
        truth: (N, 4).
        place: of the tracker in the palette, the same in every figure.
    """

    title: str
    about: str
    paint: Painter
    boxes: Boxes | None
    truth: Boxes
    place: int = 0

    @property
    def colour(self) -> str:
        """Of the track."""
        return curve_style(self.place)[0]

    def track(self, index: int) -> Box | None:
        """The tracked box of a frame, None where there is none."""
        return self.boxes[index] if self.boxes is not None and np.isfinite(self.boxes[index]).all() else None


def stretched(sequence: Video) -> Painter:
    """False colour with the contrast of the whole clip stretched over the whole range."""
    looked_at = evenly_spread(len(sequence), _LOOKED_AT)
    ends = np.array([np.percentile(sequence.false_colour(index), (_DARKEST, _BRIGHTEST)) for index in looked_at])
    low, high = ends[:, 0].min(), ends[:, 1].max()
    levels = np.clip((np.arange(256) - low) / max(high - low, 1.0), 0, 1)
    table = np.round(255 * levels).astype(np.uint8)
    return lambda index: table[sequence.false_colour(index)]


def mapped(sequence: Video, detector: Detector) -> Painter:
    """What a detector makes of every pixel, dark where nothing is like the target and bright where much is."""
    from matplotlib import colormaps

    low, high = np.percentile(detector.map(sequence[0]), (50, 99.5))
    colours = colormaps["inferno"]

    def paint(index: int) -> Picture:
        share = np.clip((detector.map(sequence[index]) - low) / max(float(high - low), 1e-9), 0, 1)
        return np.asarray(np.round(255 * colours(share)[..., :3]), dtype=np.uint8)

    return paint


def write_video(path: str | os.PathLike[str], panels: Sequence[Panel], *, fps: float) -> Path:
    """Write an H.264 video of all panels, two in a row.

    Args:
        path: the ``.mp4`` file.
        panels: at least one.
        fps: frames per second.

    Raises:
        MissingExtraError: PyAV has no H.264 encoder.
    """
    target = Path(path)
    with write_atomically(target) as temporary:
        encode_video(temporary, _frames(panels), Fraction(fps).limit_denominator(1001))
    return target


def write_strips(path: str | os.PathLike[str], panels: Sequence[Panel], *, title: str, frames: int = 6) -> Path:
    """Draw evenly spread frames of every panel, a row each.

    Args:
        path: ``.png``, ``.svg`` or ``.pdf``.
        panels: at least one.
        title: above all.
        frames: how many, first and last included.
    """
    return save_figure(_draw_strips(panels, title, frames), path, dpi=_DPI)


def _frames(panels: Sequence[Panel]) -> Iterator[Picture]:
    heads: dict[int, Picture] = {}
    for index in range(len(panels[0].truth)):
        cells = []
        for place, panel in enumerate(panels):
            picture = panel.paint(index)
            scale = max(1, -(-_WIDTH // picture.shape[1]))
            picture = enlarge(picture, scale)
            truth = panel.truth[index] if is_box(panel.truth[index]) else None
            draw_boxes(picture, panel.track(index), truth, scale, colour=rgb(panel.colour))
            if place not in heads:
                heads[place] = _head(panel, picture.shape[1])
            cells.append(np.concatenate([heads[place], picture]))
        yield _tiled(cells)


def _tiled(cells: list[Picture]) -> Picture:
    """Cells in rows, with sides that are even as yuv420p needs them."""
    height, width = cells[0].shape[:2]
    rows = -(-len(cells) // _COLUMNS)
    across = min(len(cells), _COLUMNS)
    canvas = np.full((rows * height + rows * height % 2, across * width + across * width % 2, 3), GROUND, np.uint8)
    for place, cell in enumerate(cells):
        row, column = divmod(place, _COLUMNS)
        canvas[row * height : (row + 1) * height, column * width : (column + 1) * width] = cell
    return canvas


def _head(panel: Panel, width: int) -> Picture:
    """The name of a panel in the colour of its track, and below what it shows."""
    from PIL import Image, ImageDraw

    image = Image.new("RGB", (width, _HEAD), GROUND)
    draw = ImageDraw.Draw(image)
    left = 10
    if panel.boxes is not None:
        draw.rectangle((left, 9, left + 13, 22), fill=rgb(panel.colour))
        left += 22
    draw.text((left, 15), panel.title, font=font(15, bold=True), fill=_BRIGHT, anchor="lm")
    draw.text((10, 35), panel.about, font=font(13), fill=_DIM, anchor="lm")
    return np.asarray(image, dtype=np.uint8)


def _draw_strips(panels: Sequence[Panel], title: str, frames: int) -> Figure:
    shown = evenly_spread(len(panels[0].truth), frames)
    height, width = panels[0].paint(0).shape[:2]
    cell = (_CELL_IN, _CELL_IN * height / width + _ROW_IN)
    figure, axes = new_grid(len(shown), len(panels), cell_in=cell, head_in=_HEAD_IN)
    for row, panel in enumerate(panels):
        overlaps = None if panel.boxes is None else overlaps_by_frame(panel.boxes, panel.truth)
        for column, index in enumerate(shown):
            axis = axes[row * len(shown) + column]
            place = axis.get_position()
            axis.set_position((place.x0, place.y0, place.width, place.height * (cell[1] - _ROW_IN) / cell[1]))
            draw_image(axis, panel.paint(index))
            _draw_boxes(axis, panel, index)
            said = f"frame {index}" + ("" if overlaps is None else f"   IoU {overlaps[index]:.2f}")
            axis.set_title(said, fontsize=8, color=QUIET_COLOUR, loc="left", pad=3)
        _name_row(figure, axes[row * len(shown)], panel, cell[1])
    left, top = 0.06 / figure.get_figwidth(), 1 - 0.1 / figure.get_figheight()
    figure.text(left, top, title, fontsize=12, color=TEXT_COLOUR, va="top")
    return figure


def _name_row(figure: Figure, first: Axes, panel: Panel, height_in: float) -> None:
    place, whole = first.get_position(), figure.get_figheight()
    x, y = place.x0, place.y0 + (height_in - 0.2) / whole
    name: dict[str, Any] = {"fontsize": 10, "va": "bottom", "color": TEXT_COLOUR, "weight": "bold"}
    if panel.boxes is not None:
        figure.text(x, y, "\u25a0", fontsize=11, color=panel.colour, va="bottom")
    figure.text(x + 0.17 / figure.get_figwidth(), y, f"{panel.title}: {panel.about}", **name)


def _draw_boxes(axis: Axes, panel: Panel, index: int) -> None:
    """The truth as a broad line below, so that it is seen where the track coincides with it."""
    if is_box(panel.truth[index]):
        draw_box(axis, panel.truth[index], TRUTH_COLOUR, width=2.8)
    track = panel.track(index)
    if track is not None:
        draw_box(axis, track, panel.colour, width=1.6)
    axis.set_autoscale_on(False)
