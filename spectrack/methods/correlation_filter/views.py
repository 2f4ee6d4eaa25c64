"""A look at a frame: the window cut, reduced to square cells, as log spectra.

The logarithm turns the light, which multiplies, into something that adds: a pixel is its brightness (the mean of its
log spectrum) and the shape around it, and a change of exposure, shading or a shadow moves the brightness alone.
"""

from __future__ import annotations

from collections.abc import Sequence as Several
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spectrack.boxes import Box
from spectrack.cube import Cube
from spectrack.methods.correlation_filter.mixture import Values
from spectrack.scaling import DEFAULT_SCALING, Scaling
from spectrack.sequences.base import Frame
from spectrack.trackers.crop import Colouring, CropWindow, cut

_MOST_BANDS = 25
"""More bands are averaged into so many groups of neighbours: finer spectra cost time and, in a few hundred pixels,
certainty.
"""

_DARK = 0.01
"""Added to light before the logarithm, as a share of the first frame's white: noise in the dark must not look like
colour.
"""

_BRIGHTNESS_WEIGHT = 0.3
"""Brightness counts less than shape: it changes with every shadow."""


@dataclass(frozen=True)
class View:
    """One window of one frame in cells.

    Attributes:
        window: where it was cut.
        cells: side in cells.
        values: (cells * cells, dimensions) shape of the log spectrum, and the weighted brightness last.
        brightness: (cells, cells) mean of the log spectrum.
        seen: (cells, cells) which cells lie in the frame.
    """

    window: CropWindow
    cells: int
    values: Values
    brightness: NDArray[np.float32]
    seen: NDArray[np.bool_]

    def sides(self, size: NDArray[np.float64]) -> NDArray[np.float64]:
        """Width and height in cube pixels to cells."""
        return np.asarray(size * (self.cells / self.window.side))


class Lens:
    """How one video is looked at: its scaling, grouping of bands and colour outside the frame, set on the first frame.

    Args:
        cube: the first frame, (height, width, bands).
        wavelengths_nm: band centres, where they are known; neighbours are grouped by them.
        cells: side of every view.
    """

    def __init__(self, cube: Cube, wavelengths_nm: Several[float] | None, cells: int) -> None:
        self.height, self.width, bands = cube.shape
        self.cells = cells
        order = np.arange(bands)
        if wavelengths_nm is not None and len(wavelengths_nm) == bands:
            order = np.argsort(np.asarray(wavelengths_nm, dtype=np.float64), kind="stable")
        groups = min(bands, _MOST_BANDS)
        matrix = np.zeros((bands, groups), dtype=np.float32)
        for group, members in enumerate(np.array_split(order, groups)):
            matrix[members, group] = 1.0 / len(members)
        self._colouring = Colouring.of(Scaling.parse(DEFAULT_SCALING).fit(cube), matrix)
        step = max(1, min(self.height, self.width) // 64)
        self._fill = self._colouring.apply(cube[::step, ::step], name="the first frame").mean(axis=(0, 1))

    def look(self, frame: Frame, window: CropWindow) -> View:
        """The view of a window.

        Raises:
            CubeError: NaN or infinity inside the window.
        """
        light = cut(frame, window, self.cells, self._colouring, self._fill)
        logs = np.log(np.maximum(light, 0.0) + np.float32(_DARK))
        brightness = logs.mean(axis=2)
        pixels = self.cells * self.cells
        shape = (logs - brightness[:, :, None]).reshape(pixels, -1)
        if shape.shape[1] == 1:  # one band has no shape
            values = brightness.reshape(pixels, 1).copy()
        else:
            values = np.concatenate([shape, _BRIGHTNESS_WEIGHT * brightness.reshape(pixels, 1)], axis=1)
        return View(window, self.cells, values, brightness, self._seen(window))

    def whole(self) -> CropWindow:
        """The square around the whole frame."""
        return CropWindow.around((self.width / 2, self.height / 2), max(self.width, self.height))

    def _seen(self, window: CropWindow) -> NDArray[np.bool_]:
        middles = (np.arange(self.cells) + 0.5) * (window.side / self.cells)
        x, y = window.x0 + middles, window.y0 + middles
        return np.asarray(((y >= 0) & (y < self.height))[:, None] & ((x >= 0) & (x < self.width)))


def distance_to(box: Box, cells: int) -> NDArray[np.float64]:
    """(cells, cells) distance from the middle of a box in cells, along the farther axis and in half sides: 1 on its
    edges.
    """
    middles = np.arange(cells) + 0.5
    across = np.abs(middles - box[0] - box[2] / 2) / (box[2] / 2)
    down = np.abs(middles - box[1] - box[3] / 2) / (box[3] / 2)
    return np.asarray(np.maximum(across, down[:, None]))


def box_around(centre: NDArray[np.float64], sides: NDArray[np.float64]) -> Box:
    """x, y, w, h from the middle and the sides."""
    return np.concatenate([centre - sides / 2, sides])
