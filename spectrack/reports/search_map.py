"""A frame that was searched, beside the map of its scores, with the regions that were found on both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spectrack.evidence.search import Region
from spectrack.plots import QUIET_COLOUR, TEXT_COLOUR, TRACK_COLOURS, draw_box, draw_image, new_grid

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLOURS = "cividis"
"""Even in brightness, and the same for colour-blind readers."""

_WIDTH_IN, _HEAD_IN = 4.2, 0.42
_BAR_IN = 0.09
_BRIGHTEST_SHARE = 0.999
"""Scores above this share of the pixels look alike: one rare pixel must not leave the rest black."""


def draw_search_map(
    picture: NDArray[np.uint8], scores: NDArray[np.float32], regions: list[Region], *, title: str, unit: str
) -> Figure:
    """The frame on the left, its scores on the right, with the ranks of the regions.

    Args:
        picture: (height, width, 3) uint8 RGB.
        scores: (height, width), the higher the more alike; below 0 looks like 0.
        regions: the best first.
        title: of the figure.
        unit: what the scores are.
    """
    from matplotlib import colormaps

    height, width = scores.shape
    figure, axes = new_grid(2, 1, cell_in=(_WIDTH_IN, _WIDTH_IN * height / width), head_in=_HEAD_IN)
    top = max(float(np.quantile(scores, _BRIGHTEST_SHARE)), *(region.score for region in regions), 1e-6)
    coloured = (255 * colormaps[_COLOURS](np.clip(scores / top, 0, 1))[:, :, :3]).astype(np.uint8)
    for axis, image in zip(axes, (picture, coloured), strict=True):
        draw_image(axis, image, interpolation="nearest")
        for rank, region in enumerate(regions, start=1):
            draw_box(axis, region.box, TRACK_COLOURS[0])
            _write_rank(axis, region, rank, width)
        axis.set_autoscale_on(False)
    _draw_head(figure, title, unit, top)
    return figure


def _write_rank(axis: Any, region: Region, rank: int, width: int) -> None:
    """The rank beside the box, on the side that has room."""
    x, y, w, _ = region.box
    left = x + w > 0.9 * width
    place, side = (x - 2, "right") if left else (x + w + 2, "left")
    edge = {"boxstyle": "square,pad=0.12", "facecolor": "#00000099", "linewidth": 0}
    axis.text(place, y, str(rank), fontsize=7.5, color="white", ha=side, va="top", bbox=edge)


def _draw_head(figure: Figure, title: str, unit: str, top: float) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    width, height = figure.get_figwidth(), figure.get_figheight()
    figure.text(0.06 / width, 1 - 0.09 / height, title, fontsize=10.5, color=TEXT_COLOUR, va="top")
    long, right = 1.5, 0.2
    place = ((width - right - long) / width, 1 - 0.22 / height, long / width, _BAR_IN / height)
    bar = figure.colorbar(
        ScalarMappable(Normalize(0, top), _COLOURS), cax=figure.add_axes(place), orientation="horizontal"
    )
    bar.set_ticks([0, top], labels=["0", f"{top:.2g}"])
    bar.ax.tick_params(labelsize=7, length=0, pad=1.5, labelcolor=QUIET_COLOUR)
    bar.outline.set_visible(False)
    figure.text(
        place[0] - 0.06 / width, 1 - 0.175 / height, unit, fontsize=8, color=QUIET_COLOUR, ha="right", va="center"
    )
