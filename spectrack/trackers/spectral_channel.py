"""`evidence = channel`: the spectrum's word as a further input of the network, through a trained head behind it.

The mixtures of target and surroundings and all that they learn on a video are the prior's; what their map means for the
grid of answers is not a rule here but what `networks.evidence_head` was trained to make of it. This project's own.
"""

from __future__ import annotations

from collections.abc import Sequence as Several

import numpy as np
import torch
from numpy.typing import NDArray

from spectrack.boxes import Box
from spectrack.cube import Cube
from spectrack.grid import grid_points_px
from spectrack.networks.evidence_head import EvidenceHead, SpectralView
from spectrack.sequences.frames import Frame
from spectrack.trackers.crop import CropWindow
from spectrack.trackers.spectral_prior import SpectralPrior

_LEAST_DISTANCE_PX = 0.5
_LEAST_CHANCE = 1e-6


class SpectralChannel(SpectralPrior):
    """The spectra's word on one target in one video, made use of by a trained head.

    Args:
        head: trained.
        frame: as for `SpectralPrior`.
        cube: likewise.
        box: likewise.
        window: likewise.
        wavelengths_nm: likewise.
    """

    def __init__(
        self,
        head: EvidenceHead,
        frame: Frame,
        cube: Cube,
        box: Box,
        window: CropWindow,
        wavelengths_nm: Several[float] | None,
    ) -> None:
        super().__init__(frame, cube, box, window, wavelengths_nm)
        self.head = head

    def correct(
        self, scores: NDArray[np.float32], corners: NDArray[np.float32], box: Box
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Better scores (25, 25) and corners (4, 25, 25) for the network's, in the region that was looked at.

        Args:
            scores: (25, 25) target probability.
            corners: (4, 25, 25) x0, y0, x1, y1 in search-crop pixels.
            box: the target's last, whose shape is expected.
        """
        points = grid_points_px().astype(np.float32)
        middle = np.stack([*np.meshgrid(points, points)] * 2)
        away = np.array([-1, -1, 1, 1], dtype=np.float32)[:, None, None]
        distances = np.maximum((corners - middle) * away, _LEAST_DISTANCE_PX)
        chance = np.clip(scores, _LEAST_CHANCE, 1 - _LEAST_CHANCE)
        facts = np.array([self.trust, self._usual, np.log(box[2] / box[3])], dtype=np.float32)
        explained, device = self._reading.explained.astype(np.float32), next(self.head.parameters()).device
        seen = self._reading.log_ratio, explained, facts
        view = SpectralView(*(torch.from_numpy(part)[None].to(device) for part in seen))
        with torch.inference_mode():
            log_odds, moved = self.head(
                view,
                torch.from_numpy(np.log(chance / (1 - chance)))[None].to(device),
                torch.from_numpy(distances)[None].to(device),
            )
        return log_odds.sigmoid()[0].cpu().numpy(), middle + moved[0].cpu().numpy() * away
