"""SiamBAN on one false-colour image: the RGB tracker that both papers build on.

Source: Chen et al., "Siamese Box Adaptive Network for Visual Tracking", CVPR 2020. Differs from it: the input is a
false-colour image made from the cube by a named rule, crops are cut before they are scaled and coloured, and batch
normalisation is folded into the convolutions, which changes nothing but the time.
"""

from __future__ import annotations

from collections.abc import Sequence as Several
from dataclasses import dataclass
from typing import Any, Literal, Unpack

import numpy as np
import torch
from numpy.typing import NDArray

from spectrack.cube import Cube
from spectrack.false_colour import false_colour_matrix
from spectrack.networks.siamese import SiameseNetwork, decode_boxes
from spectrack.scaling import Gain
from spectrack.sequences.frames import Frame
from spectrack.trackers.crop import Colouring, CropWindow
from spectrack.trackers.feature_support import Levels
from spectrack.trackers.online import Choice, OnlineOptions, TargetState
from spectrack.trackers.own_pictures import OwnPictures
from spectrack.trackers.siamese import SiameseTracker
from spectrack.trackers.trained_setting import TrainedSetting

_ANY_CAMERA = "vis16"
"""False colour has three channels whatever the bands."""


@dataclass(frozen=True)
class SiamBANOptions(OnlineOptions):
    """Parameters of the decision.

    Attributes:
        colour: what is looked at: the false colour of the cube under the weights' rule (``rule``), or the data set's
            own image where the frames come with one (``dataset``), see `own_pictures`.
    """

    colour: Literal["rule", "dataset"] = "rule"


class SiamBANTracker(SiameseTracker):
    """One template, one search region a frame, one box.

    Args:
        network: trained; it is copied, folded and put into inference form.
        options: parameters of the decision.
        setting: what the weights were trained with, and where the network runs.
    """

    name = "siamban"
    encodings = ("linear", "display")
    options: SiamBANOptions

    def __init__(
        self, network: SiameseNetwork, options: SiamBANOptions | None = None, **setting: Unpack[TrainedSetting]
    ) -> None:
        super().__init__(network, options or SiamBANOptions(), **setting)
        self.wants_pictures = self.options.colour == "dataset"
        self._template_kernels = self.engine.function("kernels", self.network.kernels)
        self._respond = self.engine.function("respond", self.network.respond, coarse=True)

    def _simulated_camera(self, bands: int) -> str:
        return _ANY_CAMERA

    def describe(self) -> dict[str, Any]:
        """Settings and weights identity as JSON values."""
        return super().describe() | self._describe_colours()

    def _prepare(self, cube: Cube, wavelengths_nm: Several[float] | None) -> None:
        self._matrix = false_colour_matrix(self.rule, cube.shape[2], wavelengths_nm=wavelengths_nm, cube=cube)
        self._pictures: OwnPictures | None = None
        self._encodes, self._first = self._encoding_of(cube.shape[2], wavelengths_nm), True

    def _imaging(self, gain: Gain) -> Colouring:
        return Colouring.of(gain, self._matrix, self._encodes)

    def _crop(self, frame: Frame, window: CropWindow, size: int) -> torch.Tensor:
        if self._first and self.wants_pictures:
            self._pictures = OwnPictures.of(frame, float(self._fill.mean()), self.encoding)
        self._first = False
        if self._pictures is None:
            return super()._crop(frame, window, size)
        return self._as_tensor(self._pictures.cut(frame, window, size))

    def _learn(self, template: torch.Tensor, corners: torch.Tensor) -> None:
        with self.network_time():
            self._kernels = self._template_kernels(template, corners)

    def _decide(self, search: torch.Tensor, state: TargetState, window: CropWindow) -> tuple[Choice, dict[str, Any]]:
        scores, corners, levels = self._recall(window, lambda: self._answer(search))
        choice, found = self._choose(scores, corners, levels, state, window)
        return choice, {"scores": scores} | found

    def _answer(self, search: torch.Tensor) -> tuple[NDArray[np.float32], NDArray[np.float32], Levels]:
        """Scores (25, 25), corners (4, 25, 25) and maps of a search crop."""
        with self.network_time():
            logits, distances, levels = self._respond(self._kernels, search)
            scores = logits.float().softmax(dim=1)[0, 1].cpu().numpy()
            return scores, decode_boxes(distances.float())[0].cpu().numpy(), self._wanted(levels)
