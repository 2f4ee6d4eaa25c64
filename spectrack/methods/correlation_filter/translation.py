"""The translation filter of one target: what is kept from frame to frame around the solver."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spectrack.methods.correlation_filter.solver import (
    Frequencies,
    Maps,
    respond,
    solve,
    taper,
    to_frequencies,
    to_maps,
    wanted_response,
)

_SIGMA = 1.3
"""Deviation of the wanted response in cells."""


class TranslationFilter:
    """One filter a channel, weighted by how well each answers on its own learning crop.

    The weights are the channel reliabilities of CSR-DCF; filters and weights are running averages.

    Args:
        cells: side of the crop.
    """

    def __init__(self, cells: int) -> None:
        self.cells = cells
        self._filters: Frequencies | None = None
        self._weights = np.zeros(0, dtype=np.float32)

    def prepare(self, channels: Maps) -> Frequencies:
        """Frequencies of (channels, cells, cells), faded out towards the border."""
        return to_frequencies(channels * taper(self.cells))

    def respond(self, features: Frequencies) -> Maps:
        """(cells, cells); the maximum at row and column cells / 2 means: in the middle of the crop."""
        if self._filters is None:
            return np.zeros((self.cells, self.cells), dtype=np.float32)
        return respond(self._filters, features, self._weights, self.cells)

    def learn(self, features: Frequencies, centre: NDArray[np.float64], mask: Maps, rate: float) -> None:
        """Take over, with the weight `rate` (the first time wholly), that the target's middle is at `centre` (x, y) in
        cells.

        Args:
            features: of the crop in which the target was found.
            centre: in cells.
            mask: (cells, cells) of the target, moved to the middle.
            rate: 0 to 1.
        """
        shift = float(centre[0] - self.cells / 2), float(centre[1] - self.cells / 2)
        filters = solve(features, wanted_response(self.cells, _SIGMA, shift), mask)
        if self._filters is None:
            self._filters, self._weights = filters, self._reliability(filters, features)
        else:
            self._filters = (1 - rate) * self._filters + rate * filters
            self._weights = (1 - rate) * self._weights + rate * self._reliability(self._filters, features)

    def _reliability(self, filters: Frequencies, features: Frequencies) -> NDArray[np.float32]:
        peaks = np.maximum(to_maps(np.conj(filters) * features, self.cells).max(axis=(1, 2)), 1e-6)
        return np.asarray(peaks / peaks.sum(), dtype=np.float32)


def centred_mask(belief: Maps, centre: NDArray[np.float64], sides: NDArray[np.float64], *, trusted: bool) -> Maps:
    """Where the filter may differ from zero, (cells, cells): the target moved to the middle of the crop.

    Args:
        belief: probability of each cell.
        centre: x, y of the target in cells.
        sides: its width and height in cells.
        trusted: whether `belief` cuts the box down to the target; if it does not, or leaves a fifth or less, the box is
            the mask.
    """
    cells = belief.shape[0]
    away = np.abs(np.arange(cells) + 0.5 - cells / 2)
    box = (away < sides[0] / 2 + 0.5) & (away < sides[1] / 2 + 0.5)[:, None]
    if trusted:
        moved = np.roll(belief, (round(cells / 2 - centre[1]), round(cells / 2 - centre[0])), axis=(0, 1))
        target = box & (moved > _BELIEVED)
        if target.sum() > 0.2 * box.sum():
            return np.asarray(target, dtype=np.float32)
    return np.asarray(box, dtype=np.float32)


_BELIEVED = 0.3
