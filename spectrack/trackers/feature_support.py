"""The discriminant of one video as a tracker asks it: it doubts the network's scores and learns from tracked frames."""

from __future__ import annotations

from collections.abc import Sequence as Several
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from spectrack.boxes import Box
from spectrack.grid import GRID_SIZE, SEARCH_SIZE_PX, map_cells
from spectrack.trackers.crop import CropWindow
from spectrack.trackers.discriminant import FeatureDiscriminant, Features, cells_in_frame
from spectrack.trackers.online import Choice, OnlineOptions

Levels = Several[torch.Tensor]
"""Maps of a crop, (1 or B, channels, 31, 31) each."""

SEARCH_CELLS = map_cells(SEARCH_SIZE_PX)


class FeatureSupport:
    """How far the features of this video's first frame support the boxes of a network.

    Args:
        options: how much that counts, and how fast it is learnt.
        height: of the video's frames, px.
        width: likewise.
    """

    def __init__(self, options: OnlineOptions, height: int, width: int) -> None:
        self._strength, self._rate = options.discriminant, options.discriminant_rate
        self._height, self._width = height, width
        self._features: Features | None = None
        self._discriminant: FeatureDiscriminant | None = None

    def weigh(
        self, scores: NDArray[np.float32], corners: NDArray[np.float32], levels: Levels
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Scores less the doubt, and the map of support as evidence; as they are where there is nothing to say.

        Args:
            scores: (25, 25) target probability.
            corners: (4, 25, 25) x0, y0, x1, y1 in search-crop pixels.
            levels: the maps of the search crop that the answers were made of, (1 or B, channels, 31, 31) each.
        """
        if len(scores) != GRID_SIZE:  # a wider search, whose cells are not those that were learnt
            self._features = None
            return scores, {}
        self._features = _stacked(levels)
        if self._discriminant is None:
            return scores, {}
        support = self._discriminant.support(self._features, corners)
        doubt = self._strength * self._discriminant.trust * (1.0 - support)
        return (scores * (1.0 - doubt)).astype(np.float32), {"support": support}

    def fit(self, box: Box, window: CropWindow) -> None:
        """Learn the first frame from the crop weighed last.

        Args:
            box: the target, in the frame.
            window: where that crop was cut.
        """
        if self._features is not None:
            place = window.to_crop(box, SEARCH_SIZE_PX)
            self._discriminant = FeatureDiscriminant.fit(self._features, place, self._cells_in_frame(window))

    def learn(self, choice: Choice, evidence: dict[str, Any], box: Box, window: CropWindow) -> None:
        """Learn from a frame that has been tracked, from the crop weighed last.

        Args:
            choice: the cell that was chosen.
            evidence: with the maps ``scores`` and ``support``.
            box: the new box, in the frame.
            window: where that crop was cut.
        """
        if self._discriminant is not None and self._features is not None:
            self._discriminant.learn(
                self._features,
                window.to_crop(box, SEARCH_SIZE_PX),
                self._cells_in_frame(window),
                score=float(evidence["scores"][choice.cell]),
                support=float(evidence["support"][choice.cell]),
                rate=self._rate,
            )

    def _cells_in_frame(self, window: CropWindow) -> NDArray[np.bool_]:
        """Which cells of a search crop's maps look at the frame."""
        scale = window.side / SEARCH_SIZE_PX
        return cells_in_frame(window.x0, window.y0, scale, self._height, self._width, SEARCH_CELLS)


def _stacked(levels: Levels) -> Features:
    """Maps (1 or B, channels, cells, cells) of one crop, the mean over B, to (cells, cells, all channels)."""
    return np.concatenate([level.float().mean(dim=0).permute(1, 2, 0).cpu().numpy() for level in levels], axis=2)
