"""SSF-Net: a false-colour and a hyperspectral branch look at one crop; learned weights mix their predictions.

Source: Wang et al., "SSF-Net: Spatial-Spectral Fusion Network with Spectral Angle Awareness for Hyperspectral Object
Tracking", IEEE TIP 34, 2025. Stated by the paper: two modalities, fusion into the hyperspectral branch, an angle-aware
head, weighted predictions. From the authors' published tracker (SiamBAN-ACM's): one template that is never updated,
SiamBAN's decision and its defaults here. This project's: crops cut before they are scaled, and the false colour made
from the crop of the cube, so that both branches see the same pixels.
"""

from __future__ import annotations

from collections.abc import Sequence as Several
from dataclasses import dataclass
from typing import Any, Literal, Unpack

import numpy as np
import torch
from numpy.typing import NDArray

from spectrack.boxes import Box
from spectrack.cube import Cube
from spectrack.false_colour import false_colour_matrix
from spectrack.grid import SEARCH_SIZE_PX, crop_side_px
from spectrack.methods.ssfnet.network import SSFNet, SSFNetOutput
from spectrack.networks.siamese import decode_boxes, encoded
from spectrack.scaling import Gain
from spectrack.sequences.frames import Frame
from spectrack.tables import Share
from spectrack.trackers.crop import BandScaling, CropWindow, context_side
from spectrack.trackers.feature_support import Levels
from spectrack.trackers.online import Choice, OnlineOptions, Penalty, TargetState
from spectrack.trackers.own_pictures import OwnPictures
from spectrack.trackers.siamese import SiameseTracker, wavelengths_tensor
from spectrack.trackers.trained_setting import TrainedSetting

_COLOURS = 3

_WIDE_PX = crop_side_px(57)
"""Side of a fast target's search crop, 511 px: twice the usual one, and its grid lies in its middle (authors: 510)."""


@dataclass(frozen=True)
class SSFNetOptions(OnlineOptions):
    """Parameters of the decision, with the defaults of the tracker that the authors' published code contains.

    Attributes:
        colour: what the RGB branch sees: the false colour of the cube under the weights' rule (``rule``), or the data
            set's own image where the frames come with one (``dataset``), see `own_pictures`.
        three_bands: what decides in a video of three bands, whose spectra say no more than its colours: both branches
            (``both``) or the RGB branch alone (``rgb``).
        fast_motion: whether a target that moved by more than half its template's side is looked for in a region twice
            as wide, of as many crop pixels, until a frame is sure and the target slow again. After the authors'
            published tracker, which looks only at moves to the right and down and never returns.
    """

    window_influence: Share = 0.45
    penalty: Penalty = 0.14
    size_rate: Share = 0.30
    colour: Literal["rule", "dataset"] = "rule"
    three_bands: Literal["both", "rgb"] = "both"
    fast_motion: bool = False


class SSFNetTracker(SiameseTracker):
    """One crop of the cube a frame, its false colour, two branches, one box.

    Args:
        network: trained; copied, folded and put into inference form. Its configuration says how predictions are mixed.
        options: parameters of the decision.
        setting: what the weights were trained with, and where the network runs; angles are computed in fp32 in any
            precision, and only a projection made for one camera fits one number of bands.
    """

    name = "ssfnet"
    encodings = ("linear", "display")
    options: SSFNetOptions

    def __init__(
        self, network: SSFNet, options: SSFNetOptions | None = None, **setting: Unpack[TrainedSetting]
    ) -> None:
        setting["bands"] = network.config.bands
        # Where bands lie in the spectrum is a matter of single nanometres, and a few numbers.
        super().__init__(network, options or SSFNetOptions(), exact=("s2fb.attention",), **setting)
        self.wants_pictures = self.options.colour == "dataset"
        self._template_kernels = self.engine.function("kernels", self.network.kernels)
        self._match = self.engine.function("match", self.network.match, coarse=True)

    def describe(self) -> dict[str, Any]:
        """Settings and weights identity as JSON values."""
        return super().describe() | self._describe_colours()

    def _prepare(self, cube: Cube, wavelengths_nm: Several[float] | None) -> None:
        bands = cube.shape[2]
        self._wavelengths = wavelengths_tensor(wavelengths_nm, bands, self.device)
        matrix = false_colour_matrix(self.rule, bands, wavelengths_nm=wavelengths_nm, cube=cube)
        self._matrix = torch.from_numpy(matrix).to(self.device)
        self._pictures: OwnPictures | None = None
        self._encodes = self._encoding_of(bands, wavelengths_nm)
        self._first, self._fast = True, False
        self._colours_decide = bands == _COLOURS and self.options.three_bands == "rgb"

    def _imaging(self, gain: Gain) -> BandScaling:
        return BandScaling(gain)

    def _crop(self, frame: Frame, window: CropWindow, size: int) -> torch.Tensor:
        """(1, bands, size, size), or (1, bands + 3, size, size) with the same crop of the frame's picture."""
        cube = super()._crop(frame, window, size)
        if self._first and self.wants_pictures:
            brightness = float((torch.from_numpy(self._fill).to(self.device) @ self._matrix).mean())
            self._pictures = OwnPictures.of(frame, brightness, self.encoding)
        self._first = False
        if self._pictures is None:
            return cube
        return torch.cat([cube, self._as_tensor(self._pictures.cut(frame, window, size))], dim=1)

    def _modalities(self, crop: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Cube (1, bands, H, W) and false colour (1, 3, H, W) of a crop."""
        if self._pictures is not None:
            return crop[:, :-3], crop[:, -3:].contiguous(memory_format=torch.channels_last)
        # The rule is linear, so the crop of the cube needs no second cut.
        return crop, encoded((crop.permute(0, 2, 3, 1) @ self._matrix).permute(0, 3, 1, 2), self._encodes)

    def _search_size_px(self) -> int:
        return _WIDE_PX if self._fast else super()._search_size_px()

    def _adapt(self, frame: Frame, choice: Choice, evidence: dict[str, Any], before: Box, after: Box) -> None:
        """Tell whether the next frame is searched as a fast target's."""
        moved = np.abs((after[:2] + after[2:] / 2) - (before[:2] + before[2:] / 2))
        if self.options.fast_motion and moved.max() > context_side(before) / 2:
            self._fast = True
        elif choice.score >= self.options.lost_score:
            self._fast = False

    def _learn(self, template: torch.Tensor, corners: torch.Tensor) -> None:
        with self.network_time():
            self._template = self._template_kernels(
                *self._modalities(template), corners, wavelengths_nm=self._wavelengths
            )

    def _decide(self, search: torch.Tensor, state: TargetState, window: CropWindow) -> tuple[Choice, dict[str, Any]]:
        if search.shape[-1] == SEARCH_SIZE_PX:
            scores, corners, levels, evidence = self._recall(window, lambda: self._answer(search))
        else:
            scores, corners, levels, evidence = self._answer(search)
        choice, found = self._choose(scores, corners, levels, state, window)
        return choice, {"scores": scores} | evidence | found

    def _answer(
        self, search: torch.Tensor
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], Levels, dict[str, NDArray[Any]]]:
        """Scores (25, 25), corners (4, 25, 25) and maps of a search crop, and what both branches say; of a wide crop
        (57, 57).
        """
        with self.network_time():
            output = self._match(self._template, *self._modalities(search), wavelengths_nm=self._wavelengths)
            logits, distances = output.logits, output.distances
            if self._colours_decide:
                logits, distances = output.rgb_logits, output.rgb_distances
            # In the pixels of the usual crop of the same window, which the decision counts in.
            corners = decode_boxes(distances.float())[0].cpu().numpy() * np.float32(SEARCH_SIZE_PX / search.shape[-1])
            return _scores(logits), corners, self._wanted(output.levels), _evidence(output)


def _scores(logits: torch.Tensor) -> NDArray[np.float32]:
    """(1, 2, 25, 25) to the target's probability, (25, 25)."""
    return logits.float().softmax(dim=1)[0, 1].cpu().numpy()


def _evidence(output: SSFNetOutput) -> dict[str, NDArray[Any]]:
    """What both branches say, the angle map if any, and the shares of RGB and HS (rows: classification, regression)."""
    shares = torch.stack([one.view(-1, 2)[0] for one in (output.classification_shares, output.regression_shares)])
    found = {
        "rgb_scores": _scores(output.rgb_logits),
        "hs_scores": _scores(output.hs_logits),
        "modality_weights": shares.float().cpu().numpy(),
    }
    return found if output.angle is None else found | {"angle": output.angle[0].float().cpu().numpy()}
