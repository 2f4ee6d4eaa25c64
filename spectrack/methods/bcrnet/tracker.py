"""BCR-Net: every crop's bands are ranked and grouped into composites, tracked as branches that count by importance.

Source: "Band and Context Refinement Network", Remote Sensing 17(22), 2025, 3689, sections 3.1 and 3.4.2. Stated by the
paper: ranking and grouping per frame, shared features, importance-weighted fusion, template update (named only).
Restored from SEE-Net's published code: weights from the search crop. This project's: fusion by maps as default
(`fusion`), the rule of the template update, crops cut before they are scaled.
"""

from __future__ import annotations

from collections.abc import Sequence as Several
from dataclasses import dataclass
from typing import Any, Literal, Unpack, cast

import numpy as np
import torch
from numpy.typing import NDArray

from spectrack.boxes import Box
from spectrack.cube import Cube
from spectrack.methods.bcrnet.composers import ImportanceComposer
from spectrack.methods.bcrnet.composites import LEARNED, Composites, normalised_entropy
from spectrack.methods.bcrnet.network import BCRNet, Kernels, fuse_branches
from spectrack.networks.siamese import SearchResponse, decode_boxes
from spectrack.scaling import Gain
from spectrack.sequences.frames import Frame
from spectrack.tables import Share
from spectrack.trackers.crop import BandScaling, CropWindow
from spectrack.trackers.feature_support import Levels
from spectrack.trackers.online import Choice, OnlineOptions, TargetState
from spectrack.trackers.siamese import SiameseTracker, wavelengths_tensor
from spectrack.trackers.template_update import TemplateUpdateOptions, TemplateUpdateRule
from spectrack.trackers.trained_setting import TrainedSetting

_SURE_RATE = 0.1
"""Share of one frame in what is remembered of how sure each branch was."""


@dataclass(frozen=True)
class BCRNetOptions(OnlineOptions, TemplateUpdateOptions):
    """What BCR-Net decides online.

    Attributes:
        fusion: one decision on weighted maps of all branches (``map``), or their boxes averaged (``box``; SEE-Net).
        temporal_weights: how far a branch's weight also follows how sure it was of the target in the frames before, in
            [0, 1] (a weight over time is SST-Net's idea, this one is ours); 0, as in the paper, not at all.
    """

    fusion: Literal["map", "box"] = "map"
    temporal_weights: Share = 0.0

    def __post_init__(self) -> None:
        OnlineOptions.__post_init__(self)
        TemplateUpdateOptions.__post_init__(self)


class BCRNetTracker(SiameseTracker):
    """All composites of a crop as one batch through one network, one box.

    Args:
        network: trained; copied, folded and put into inference form. Its configuration says how composites are made.
        options: parameters of decision, fusion and template update.
        setting: what the weights were trained with, and where the network runs. On reduced crops the bands are ranked
            in fp32 in any precision, which costs little there and keeps rounding from exchanging bands between
            composites; on whole crops only the last step, from g to W, is.
    """

    name = "bcrnet"
    options: BCRNetOptions

    def __init__(
        self, network: BCRNet, options: BCRNetOptions | None = None, **setting: Unpack[TrainedSetting]
    ) -> None:
        # A band-specific module fits one number of bands; it is only asked when it ranks.
        ranks = network.config.composer.name in LEARNED
        setting["bands"] = network.config.bimm.bands or None if ranks else None
        exact = ("bimm",) if network.config.bimm.input_size else ("bimm.phi", "bimm.further")
        super().__init__(network, options or BCRNetOptions(), exact=exact, **setting)
        engine, composer = self.engine, self.network.composer
        if isinstance(composer, ImportanceComposer):
            # Ranking is a matter of single digits, whatever the rest is computed in.
            composer.bimm = engine.function("bimm", self.network.bimm, exact=True)
        self._template_kernels = engine.function("kernels", self.network.kernels)
        self._look = engine.function("look", self.network.look, outputs=("towers", "levels"), coarse=True)
        self._match = engine.function("match", self.network.match, outputs=("logits", "distances"))

    def _prepare(self, cube: Cube, wavelengths_nm: Several[float] | None) -> None:
        bands = cube.shape[2]
        self._wavelengths = wavelengths_tensor(wavelengths_nm, bands, self.device)
        if self.network.config.composer.name in LEARNED:
            self.network.bimm.prepare(bands)
        self._rule = TemplateUpdateRule(self.options)
        self._second: Kernels | None = None
        self._taken = ()
        self._sure: NDArray[np.float64] | None = None

    def _imaging(self, gain: Gain) -> BandScaling:
        return BandScaling(gain)

    def _learn(self, template: torch.Tensor, corners: torch.Tensor) -> None:
        with self.network_time():
            self._template = self.network.compose(template, self._wavelengths)
            self._kernels = self._template_kernels(self._template.images, corners)

    def _decide(self, search: torch.Tensor, state: TargetState, window: CropWindow) -> tuple[Choice, dict[str, Any]]:
        # What followed from earlier frames is no answer to remember.
        recalled = self.options.temporal_weights == 0
        answer = self._recall(window, lambda: self._answer(search)) if recalled else self._answer(search)
        fused, branches, levels, evidence = answer
        found: dict[str, Any] = {}
        if self.options.fusion == "map":
            choice, found = self._choose(evidence["scores"], fused, levels, state, window)
        else:
            scores, shares = evidence["branch_scores"], evidence["branch_weights"]
            choice = average_choices([state.choose(*own, window) for own in zip(scores, branches, strict=True)], shares)
        return choice, evidence | found

    def _answer(self, search: torch.Tensor) -> tuple[NDArray[np.float32], NDArray[np.float32], Levels, dict[str, Any]]:
        """Corners of the fused maps (4, 25, 25) and of all branches (B, 4, 25, 25), maps, and the evidence for them."""
        with self.network_time():
            composites = self.network.compose(search, self._wavelengths, self._template)
            logits, distances, levels = self._respond(composites)
        weights = self._over_time(self.network.branch_weights(composites))
        scores, fused = fuse_branches(logits, distances, weights)
        evidence = {
            "scores": scores[0].cpu().numpy(),
            "branch_scores": logits.float().softmax(dim=2)[0, :, 1].cpu().numpy(),
            "branch_weights": weights[0].double().cpu().numpy(),
            "branch_entropy": float(normalised_entropy(weights)),
            "importance_entropy": float(normalised_entropy(composites.importance)),
            "second_template": int(self._taken[0]) if self._taken else -1,
        }
        corners = decode_boxes(distances[0].float()).cpu().numpy()
        found = evidence | self._evidence(composites)
        return decode_boxes(fused)[0].cpu().numpy(), corners, self._wanted(levels), found

    def _respond(self, composites: Composites) -> SearchResponse:
        """Log-probabilities (1, B, 2, 25, 25) and distances (1, B, 4, 25, 25) of all branches, both templates mixed,
        and the branches' maps (B, channels, 31, 31).
        """
        branches = composites.images.shape[1]
        towers, levels = self._look(composites.images)
        logits, distances = self._match(self._kernels, towers, branches=branches)
        if self._second is None:
            return SearchResponse(logits, distances, levels)
        mix = self.options.update_mix
        other_logits, other_distances = self._match(self._second, towers, branches=branches)
        mixed = (1.0 - mix) * logits.float().softmax(dim=2) + mix * other_logits.float().softmax(dim=2)
        mixed_distances = (1.0 - mix) * distances.float() + mix * other_distances.float()
        return SearchResponse(mixed.clamp(min=1e-30).log(), mixed_distances, levels)

    def _over_time(self, weights: torch.Tensor) -> torch.Tensor:
        """The branches' weights (1, B), less where a branch was less sure of the target than the surest one was."""
        if self.options.temporal_weights == 0 or self._sure is None or len(self._sure) != weights.shape[1]:
            return weights
        trust = torch.from_numpy(self._sure / max(float(self._sure.max()), 1e-8)).to(weights)
        share = self.options.temporal_weights
        changed = weights * (1.0 - share + share * trust)
        return changed / changed.sum(dim=1, keepdim=True)

    def _adapt(self, frame: Frame, choice: Choice, evidence: dict[str, Any], before: Box, after: Box) -> None:
        if choice.score >= self.options.lost_score:
            now, last = evidence["branch_scores"][:, *choice.cell].astype(np.float64), self._sure
            known = last is not None and len(last) == len(now)
            self._sure = (1 - _SURE_RATE) * cast(Any, last) + _SURE_RATE * now if known else now
        # The peak of the fused map, or in `box`, where no map decides, the averaged score.
        peak = float(evidence["scores"].max()) if self.options.fusion == "map" else choice.score
        prior = None if self._state is None else self._state.prior
        take, drop = self._rule.observe(peak, before, after, 1.0 if prior is None else prior.fit(after))
        if drop:
            self._second, self._taken = None, ()
        if take:
            # Its bands stand as its own W ranks them or, with order_source = template, as in the first template, from
            # which search crops take their order too. Features of another ranking are replaced as a whole.
            crop, corners = self._template_crop(frame, after)
            self._taken = (self._frames, *after.tolist())
            with self.network_time():
                template = self.network.compose(crop, self._wavelengths, self._template)
                self._second = self._template_kernels(template.images, corners)

    def _evidence(self, composites: Composites) -> dict[str, NDArray[Any]]:
        """What the bands contributed, as arrays; W and the band indices only where the composer has them."""
        found: dict[str, NDArray[Any] | None] = {
            "band_importance": composites.importance[0].float().cpu().numpy(),
            "band_order": composites.order[0].cpu().numpy(),
            "wavelengths_nm": None if self._wavelengths is None else self._wavelengths.cpu().numpy(),
            "composites": None if composites.bands is None else composites.bands[0].cpu().numpy(),
            "self_expression": None if composites.matrix is None else composites.matrix[0].float().cpu().numpy(),
        }
        return {name: value for name, value in found.items() if value is not None}


def average_choices(choices: Several[Choice], weights: NDArray[np.float64]) -> Choice:
    """Fusion by boxes: the mean of the branches' boxes after each has smoothed its size.

    Args:
        choices: one a branch.
        weights: (branches,), sum to 1.

    Returns:
        A choice that moves the target as the mean of all branches' moves; row and column are the heaviest branch's.

    Source: SEE-Net's published tracker (Li et al., IEEE TIP 2023).
    """
    boxes = np.stack([choice.box for choice in choices])
    scores, penalties = (np.array([getattr(choice, name) for choice in choices]) for name in ("score", "penalty"))
    centre = weights @ (boxes[:, :2] + boxes[:, 2:] / 2)
    # A branch moves the size by penalty * score * rate, so its size counts that much.
    pull = weights * scores * penalties
    total = float(pull.sum())
    size = (pull @ boxes[:, 2:]) / total if total > 0 else weights @ boxes[:, 2:]
    score = float(weights @ scores)
    penalty = total / score if score > 0 else float(weights @ penalties)
    return Choice(np.concatenate([centre - size / 2, size]), score, penalty, choices[int(np.argmax(weights))].cell)
