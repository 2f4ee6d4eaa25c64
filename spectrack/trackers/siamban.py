"""SiamBAN on one false-colour image: the RGB tracker that both papers build on.

Source: Chen et al., "Siamese Box Adaptive Network for Visual Tracking", CVPR 2020. Differs from it: the input is a
false-colour image made from the cube by a named rule, crops are cut before they are scaled and coloured, and batch
normalisation is folded into the convolutions, which changes nothing but the time.
"""

from __future__ import annotations

import os
from collections.abc import Sequence as Several
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from spectrack.boxes import as_box, check_box_in_frame, to_corners
from spectrack.cube import Cube, check_cube
from spectrack.errors import CubeError, InputError
from spectrack.false_colour import DEFAULT_RULE, false_colour_matrix
from spectrack.networks.folding import fold_batch_norm
from spectrack.networks.siamban import SEARCH_SIZE_PX, TEMPLATE_SIZE_PX, SiamBAN, decode_boxes
from spectrack.scaling import DEFAULT_SCALING, Scaling
from spectrack.sequences.base import Frame
from spectrack.trackers.base import Estimate, Tracker, as_frame
from spectrack.trackers.crop import Colouring, CropWindow, context_side, cut
from spectrack.trackers.loading import load_siamban_network, online_options
from spectrack.trackers.online import OnlineOptions, TargetState
from spectrack.trackers.precision import Precision
from spectrack.trackers.registry import register


@register("siamban")
class SiamBANTracker(Tracker):
    """One template, one search region a frame, one box.

    Args:
        network: trained; it is copied, folded and put into inference form.
        options: parameters of the decision.
        scaling: how raw counts become input; the one the weights were trained with.
        rule: false-colour rule; the one the weights were trained with.
        bands: band count that the weights were made for; None when any number from three on will do.
        precision: fp32 (repeats bit for bit) or bf16.
        device: where the network runs.
        identity: what the weights are, for run directories.
    """

    name = "siamban"

    def __init__(
        self,
        network: SiamBAN,
        options: OnlineOptions | None = None,
        *,
        scaling: str = DEFAULT_SCALING,
        rule: str = DEFAULT_RULE,
        bands: int | None = None,
        precision: Precision = "fp32",
        device: torch.device | None = None,
        identity: dict[str, Any] | None = None,
    ) -> None:
        self.options = options or OnlineOptions()
        self.scaling, self.rule, self.bands, self.precision = Scaling.parse(scaling), rule, bands, precision
        self.device = device or torch.device("cpu")
        self.network = _for_inference(network, self.device, torch.bfloat16 if precision == "bf16" else torch.float32)
        self.identity = identity or {}
        self._state: TargetState | None = None

    @classmethod
    def load(
        cls, *, profile: str, weights: str | os.PathLike[str] | None, precision: Precision, device: torch.device, options: dict[str, float]
    ) -> SiamBANTracker:
        """Build from a weights file, with the scaling, false colour and online parameters recorded in it."""
        network, metadata, identity = load_siamban_network(weights, profile)
        return cls(
            network,
            online_options(metadata.extra.get("online", {}), options),
            scaling=metadata.scaling,
            rule=metadata.false_colour or DEFAULT_RULE,
            bands=metadata.bands,
            precision=precision,
            device=device,
            identity=identity,
        )

    def init(self, frame: Frame | Cube, box: ArrayLike, *, wavelengths_nm: Several[float] | None = None) -> None:
        """Start on a first frame; see `Tracker.init`."""
        # An init that fails leaves no target behind, rather than the last one in a frame of another shape.
        self._state = None
        frame = as_frame(frame)
        first_box = as_box(box)
        cube = frame.whole()
        check_cube(cube, name="the first frame")
        self._shape = frame.shape
        height, width, bands = self._shape
        if self.bands not in (None, bands):
            raise CubeError(f"expected cubes of {self.bands} bands, as the weights were made for, found {bands}; name other weights")
        check_box_in_frame(first_box, height, width)
        self._matrix = false_colour_matrix(self.rule, bands, wavelengths_nm=wavelengths_nm, cube=cube)
        self._colouring = Colouring.of(self.scaling.fit(cube), self._matrix)
        # A mean needs no more than a few thousand pixels.
        step = max(1, min(height, width) // 64)
        self._fill = self._colouring.apply(cube[::step, ::step]).mean(axis=(0, 1))
        state = TargetState(first_box, height, width, self.options)
        window = CropWindow.around(first_box[:2] + first_box[2:] / 2, context_side(first_box))
        corners = torch.from_numpy(to_corners(window.to_crop(first_box, TEMPLATE_SIZE_PX)).astype(np.float32))[None].to(self.device)
        template = self._crop(frame, window, TEMPLATE_SIZE_PX)
        with self.network_time(), torch.inference_mode():
            self._kernels = self.network.kernels(template, corners)
        if self.options.calibrate > 0:
            search = state.search_window()
            state.calibrate(state.choose(*self._respond(self._crop(frame, search, SEARCH_SIZE_PX)), search), search)
        self._state = state

    def update(self, frame: Frame | Cube) -> Estimate:
        """Find the target in the next frame; see `Tracker.update`."""
        if self._state is None:
            raise InputError("expected init before update, found a tracker without a target; call init(cube, box) first")
        frame = as_frame(frame)
        if frame.shape != self._shape:
            raise CubeError(f"expected frames of shape {self._shape} as the first, found {frame.shape}; start again on the new video")
        if self.scaling.every_frame:
            cube = frame.whole()
            check_cube(cube, name="the frame")
            self._colouring = Colouring.of(self.scaling.fit(cube), self._matrix)
        window = self._state.search_window()
        scores, corners = self._respond(self._crop(frame, window, SEARCH_SIZE_PX))
        choice = self._state.choose(scores, corners, window)
        box = self._state.move(choice, window)
        evidence = {"scores": scores, "search_window": window, "cell": choice.cell}
        return Estimate(box.copy(), choice.score, self._state.lost, evidence)

    def describe(self) -> dict[str, Any]:
        """Settings and weights identity as JSON values."""
        options = {key: getattr(self.options, key) for key in self.options.__dataclass_fields__}
        return {
            "name": self.name,
            "network": self.network.config.to_json(),
            "options": options,
            "scaling": str(self.scaling),
            "false_colour": self.rule,
            "precision": self.precision,
            "device": str(self.device),
            "weights": self.identity,
        }

    def _respond(self, search: torch.Tensor) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Target probability (25, 25) and box corners (4, 25, 25) in crop pixels, from a search crop (1, 3, 255, 255)."""
        with self.network_time(), torch.inference_mode():
            logits, distances = self.network.match(self._kernels, search)
            scores = logits.float().softmax(dim=1)[0, 1]
            corners = decode_boxes(distances.float())[0]
            return scores.cpu().numpy(), corners.cpu().numpy()

    def _crop(self, frame: Frame, window: CropWindow, size: int) -> torch.Tensor:
        """(1, 3, size, size) float32 in about [0, 1], on the device."""
        image = cut(frame, window, size, self._colouring, self._fill)
        # A (1, 3, H, W) view of (H, W, 3) memory is channels_last already.
        return torch.from_numpy(image)[None].permute(0, 3, 1, 2).to(self.device)


def _for_inference(network: SiamBAN, device: torch.device, kind: torch.dtype) -> SiamBAN:
    """A folded copy in channels_last and in the number type asked for; the input's mean and deviation stay float32."""
    folded = fold_batch_norm(network, memory_format=torch.channels_last)
    mean, deviation = folded.get_buffer("input_mean"), folded.get_buffer("input_deviation")
    moved = folded.to(device=device, dtype=kind)
    moved.input_mean, moved.input_deviation = mean.to(device), deviation.to(device)
    return moved
