"""The pixel grid that every Siamese network here shares: the sides of its crops, and where the cells of its maps lie.

Source: Chen et al., SiamBAN, CVPR 2020: crops of 127 and 255 pixels and backbones of stride 8 without padding, so that
cell j of a map looks at pixel 8 j + 7. In continuous edges, where pixel i covers [i, i + 1), that is centred on
8 j + 7.5, and point i of the 25 x 25 grid of answers on 31.5 + 8 i.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

TEMPLATE_SIZE_PX, SEARCH_SIZE_PX = 127, 255

STRIDE_PX = 8

FIRST_CELL_PX = 7.5
"""Centre of the first cell of a map, in the pixels of the crop."""

TEMPLATE_CELLS = 7
"""Side of the kept middle of the template's map: the target is about half as wide as its crop, so 7 cells hold it."""


def map_cells(size_px: int) -> int:
    """Cells along a side of the map of a crop: 15 for the template, 31 for the search region."""
    return int((size_px - 2 * FIRST_CELL_PX) // STRIDE_PX) + 1


GRID_SIZE = map_cells(SEARCH_SIZE_PX) - TEMPLATE_CELLS + 1
"""Points along a side of the grid of answers, one for every place of the kept template in the search map: 25."""

EVIDENCE_CELLS = 64
"""Side of the map over a search crop of what the spectra say; the crop is about four targets wide."""


def centres_px(cells: int, size_px: int) -> NDArray[np.float64]:
    """Centres of the middle cells of a crop along one side, (cells,), in its pixels.

    Example:
        >>> centres_px(3, TEMPLATE_SIZE_PX).tolist(), centres_px(GRID_SIZE, SEARCH_SIZE_PX)[:2].tolist()
        ([55.5, 63.5, 71.5], [31.5, 39.5])
    """
    count = int(cells)  # of a map that is being traced it is a number of torch's
    return np.asarray(size_px / 2 + STRIDE_PX * (np.arange(count) - (count - 1) / 2))


def grid_points_px(points: int = GRID_SIZE) -> NDArray[np.float64]:
    """Where the points of a grid of so many lie along one side of the search crop that gives it, `crop_side_px`."""
    return centres_px(points, crop_side_px(points))


def crop_side_px(points: int) -> int:
    """Side of the search crop that gives so many points.

    Example:
        >>> crop_side_px(GRID_SIZE), crop_side_px(57)
        (255, 511)
    """
    return int(2 * FIRST_CELL_PX) + STRIDE_PX * (int(points) + TEMPLATE_CELLS - 2)
