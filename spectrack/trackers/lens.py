"""A look at a frame: the window cut and reduced to square cells, as log spectra."""

from __future__ import annotations

from collections.abc import Sequence as Several
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spectrack.boxes import Box
from spectrack.cube import Cube, pixels_with_data
from spectrack.evidence.log_spectra import Light, band_groups, log_spectra
from spectrack.evidence.mixtures import Values
from spectrack.evidence.regions import Inside, distance_to
from spectrack.scaling import DEFAULT_SCALING, Scaling
from spectrack.sequences.frames import Frame, no_data_of, remembered
from spectrack.trackers.crop import Colouring, CropWindow, cut, resize

_NEARLY_ALL = 0.95
"""Share of a cell's pixels that must have data: one in twenty without moves a mean by less than noise does."""


@dataclass(frozen=True)
class View:
    """One window of one frame in cells.

    Attributes:
        window: where it was cut.
        cells: side in cells.
        values: (cells * cells, dimensions) shape of the log spectrum, and the weighted brightness last.
        brightness: (cells, cells) mean of the log spectrum.
        seen: (cells, cells) which cells lie in the frame, on pixels that have data.
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
        no_data: what the first frame says of pixels without data, see `no_data_of`.
    """

    def __init__(
        self, cube: Cube, wavelengths_nm: Several[float] | None, cells: int, no_data: float | None = None
    ) -> None:
        self.height, self.width, bands = cube.shape
        self.cells = cells
        matrix, seen = band_groups(bands, wavelengths_nm), pixels_with_data(cube, no_data)
        self._colouring = Colouring.of(Scaling.parse(DEFAULT_SCALING).fit(cube, seen), matrix)
        step = max(1, min(self.height, self.width) // 64)
        self._fill = self._colouring.apply(cube[::step, ::step], name="the first frame").mean(axis=(0, 1))

    def look(self, frame: Frame, window: CropWindow) -> View:
        """The view of a window.

        Raises:
            CubeError: NaN or infinity inside the window.
        """
        if window != self.whole():
            return self._look(frame, window)
        # Whoever follows another target in this frame asks for the same view of all of it.
        how = self._colouring.matrix.tobytes(), self._fill.tobytes()
        return remembered(frame, (type(self), self.cells, *how), lambda: self._look(frame, window))

    def _look(self, frame: Frame, window: CropWindow) -> View:
        light, seen = self._light(frame, window), self._seen(window)
        data = self._with_data(frame, window)
        if data is not None:  # what has no data is as what lies outside
            light[~data] = self._fill
            seen &= data
        values, brightness = log_spectra(light)
        return View(window, self.cells, values, brightness, seen)

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

    def _light(self, frame: Frame, window: CropWindow) -> Light:
        return cut(frame, window, self.cells, self._colouring, self._fill)

    def _with_data(self, frame: Frame, window: CropWindow) -> Inside | None:
        """(cells, cells) cells of which nearly all pixels have data; None where nothing says that some have none."""
        no_data = no_data_of(frame)
        x0, x1 = (min(max(edge, 0), self.width) for edge in (window.x0, window.x0 + window.side))
        y0, y1 = (min(max(edge, 0), self.height) for edge in (window.y0, window.y0 + window.side))
        if no_data is None or x0 == x1 or y0 == y1:
            return None
        there = pixels_with_data(frame.window(x0, y0, x1, y1), no_data)
        if there is None or there.all():
            return None
        share = np.ones((window.side, window.side, 1), dtype=np.float32)
        share[y0 - window.y0 : y1 - window.y0, x0 - window.x0 : x1 - window.x0, 0] = there
        return np.asarray(resize(share, self.cells)[:, :, 0] > _NEARLY_ALL)

    def _seen(self, window: CropWindow) -> Inside:
        middles = (np.arange(self.cells) + 0.5) * (window.side / self.cells)
        x, y = window.x0 + middles, window.y0 + middles
        return np.asarray(((y >= 0) & (y < self.height))[:, None] & ((x >= 0) & (x < self.width)))


class QuickLens(Lens):
    """Interpolates the light of a cell from the four pixels around its middle where the other averages all of them: a
    little noisier in windows much wider than the view has cells, and as quick in them as in others.
    """

    def _light(self, frame: Frame, window: CropWindow) -> Light:
        x0, x1 = (min(max(edge, 0), self.width) for edge in (window.x0, window.x0 + window.side))
        y0, y1 = (min(max(edge, 0), self.height) for edge in (window.y0, window.y0 + window.side))
        if x0 == x1 or y0 == y1:
            return np.tile(self._fill, (self.cells, self.cells, 1))
        counts = frame.window(x0, y0, x1, y1)
        left, right, across = self._between(window.x0 - x0, window.side, x1 - x0)
        upper, lower, down = self._between(window.y0 - y0, window.side, y1 - y0)
        rows = [
            _mixed(counts[row[:, None], left], counts[row[:, None], right], across[:, None]) for row in (upper, lower)
        ]
        light = self._colouring.apply(_mixed(rows[0], rows[1], down[:, None, None]))
        light[~self._seen(window)] = self._fill
        return light

    def _between(
        self, start: int, side: int, pixels: int
    ) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float32]]:
        """The two pixels that each cell's middle lies between along one axis, and the share of the second.

        Args:
            start: where the cells begin, in pixels.
            side: of all cells, in pixels.
            pixels: how many there are; the last ones go on for ever.
        """
        places = start + (np.arange(self.cells) + 0.5) * (side / self.cells) - 0.5
        places = np.clip(places, 0, pixels - 1)
        first = places.astype(np.intp)
        return first, np.minimum(first + 1, pixels - 1), (places - first).astype(np.float32)


def _mixed(first: NDArray[Any], second: NDArray[Any], share: NDArray[np.float32]) -> NDArray[np.float32]:
    """Between two arrays by the share of the second, float32."""
    one = first.astype(np.float32)
    return np.asarray(one + (second.astype(np.float32) - one) * share)
