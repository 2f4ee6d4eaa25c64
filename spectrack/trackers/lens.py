"""A look at a frame: the window cut and reduced to square cells, as log spectra."""

from __future__ import annotations

from collections.abc import Sequence as Several
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spectrack.boxes import Box
from spectrack.cube import Cube
from spectrack.evidence.log_spectra import band_groups, log_spectra
from spectrack.evidence.mixtures import Values
from spectrack.evidence.regions import Inside, distance_to
from spectrack.scaling import DEFAULT_SCALING, Scaling
from spectrack.sequences.base import Frame
from spectrack.trackers.crop import Colouring, CropWindow, cut


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
    seen: Inside

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
        matrix = band_groups(bands, wavelengths_nm)
        self._colouring = Colouring.of(Scaling.parse(DEFAULT_SCALING).fit(cube), matrix)
        step = max(1, min(self.height, self.width) // 64)
        self._fill = self._colouring.apply(cube[::step, ::step], name="the first frame").mean(axis=(0, 1))

    def look(self, frame: Frame, window: CropWindow) -> View:
        """The view of a window.

        Raises:
            CubeError: NaN or infinity inside the window.
        """
        light = cut(frame, window, self.cells, self._colouring, self._fill)
        values, brightness = log_spectra(light)
        return View(window, self.cells, values, brightness, self._seen(window))

    def whole(self) -> CropWindow:
        """The square around the whole frame."""
        return CropWindow.around((self.width / 2, self.height / 2), max(self.width, self.height))

    def elsewhere(self, frame: Frame, box: Box) -> Values:
        """(n, dimensions) log spectra of the whole frame in cells that a box (cube pixels) does not touch."""
        view = self.look(frame, self.whole())
        covered = view.window.to_crop(box, view.cells)
        # A cell that the box touches may hold the target.
        reach = np.concatenate([covered[:2] - 0.5, covered[2:] + 1.0])
        return view.values[((distance_to(reach, view.cells) > 1) & view.seen).ravel()]

    def _seen(self, window: CropWindow) -> Inside:
        middles = (np.arange(self.cells) + 0.5) * (window.side / self.cells)
        x, y = window.x0 + middles, window.y0 + middles
        return np.asarray(((y >= 0) & (y < self.height))[:, None] & ((x >= 0) & (x < self.width)))
