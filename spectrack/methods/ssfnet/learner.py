"""SSF-Net as the training loop sees it: both modalities of spectral pairs, labels and losses.

Both modalities of a crop come from one cube, so every geometric draw is common to them. Stage A of the training gives
the RGB branch (`STARTS` takes a whole SiamBAN over), stage B trains everything but that branch (``frozen = ["rgb"]`` in
the recipe).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from spectrack.methods.ssfnet.losses import AngleLoss, hardest_negatives, ssfnet_loss
from spectrack.methods.ssfnet.network import SSFNet, SSFNetOutput
from spectrack.pairs.spectral_expansion import SpectralBatch
from spectrack.tables import require
from spectrack.training.labels import POSITIVE, distance_targets
from spectrack.training.learner import Learner, best_overlaps
from spectrack.training.recipe import Recipe


@dataclass(frozen=True)
class SSFNetLossConfig:
    """Weights of the terms, the form of SAAL, and sampling of the points.

    Attributes:
        classification: weight of the balanced cross-entropies.
        regression: weight of 1 - IoU.
        hs_branch: weight of the hyperspectral branch's own two terms beside the fused ones.
        spectral_angle: weight of SAAL; 0 trains SAAM without it.
        margin: m of SAAL in radians.
        mu: weight of the positives' own angle in SAAL.
        angle_loss: ``triplet``, or ``contrastive``, which has neither margin nor mu.
        positives: positive points kept a sample; 0 keeps all (SiamBAN: 16).
        negatives: negative points kept a sample; 0 keeps all (SiamBAN: 48).
        hard_negatives: so many hardest negative points of a sample make half of the negative half; 0 for none
            (SiamBAN).
    """

    classification: float = 1.0
    regression: float = 1.0
    hs_branch: float = 0.5
    spectral_angle: float = 1.0
    margin: float = 0.5
    mu: float = 0.1
    angle_loss: AngleLoss = "triplet"
    positives: int = 16
    negatives: int = 0
    hard_negatives: int = 0

    def __post_init__(self) -> None:
        for name in ("classification", "regression", "hs_branch", "spectral_angle", "margin", "mu"):
            require(getattr(self, name) >= 0, name, "0 or more", getattr(self, name))
        for name in ("positives", "negatives", "hard_negatives"):
            require(getattr(self, name) >= 0, name, "0 or more", getattr(self, name))


class SSFNetLearner(Learner):
    """SSF-Net with its labels and losses.

    Args:
        recipe: the network's shape and the weights of the loss.
    """

    STARTS: ClassVar[Mapping[str, Mapping[str, str]]] = {"siamban": {"": "rgb."}}

    network: SSFNet

    def __init__(self, recipe: Recipe) -> None:
        super().__init__(recipe)
        self.network = SSFNet(recipe.network)

    def losses(self, batch: SpectralBatch, step: int) -> dict[str, Tensor]:
        """All terms and their weighted sum, the share of the hyperspectral branch, and mean angles of target and hard
        negatives.
        """
        output, loss = self._output(batch), self.loss
        labels = self.labels(batch, self.draws(step))
        terms = ssfnet_loss(
            output,
            labels,
            distance_targets(batch.box),
            classification_weight=loss.classification,
            regression_weight=loss.regression,
            hs_weight=loss.hs_branch,
            angle_weight=loss.spectral_angle,
            angle_loss=loss.angle_loss,
            margin=loss.margin,
            mu=loss.mu,
            hard_negatives=loss.hard_negatives,
        )
        return terms._asdict() | _monitors(output, labels)

    @torch.no_grad()
    def overlaps(self, batch: SpectralBatch) -> Tensor:
        """IoU of the best-scored fused box with the truth, (number of positive pairs,)."""
        output = self._output(batch)
        return best_overlaps(output.logits.float().softmax(dim=1)[:, 1], output.distances, batch)

    def describe(self) -> dict[str, Any]:
        """As `Learner.describe`, with the band count of a projection made for one camera."""
        return super().describe() | {"bands": self.recipe.network.bands}

    def _output(self, batch: SpectralBatch) -> SSFNetOutput:
        output: SSFNetOutput = self.network(
            batch.template,
            batch.search,
            batch.template_colour,
            batch.search_colour,
            batch.wavelengths_nm,
            batch.template_box,
        )
        return output


def _monitors(output: SSFNetOutput, labels: Tensor) -> dict[str, Tensor]:
    """Figures for the log alone, without gradient."""
    with torch.no_grad():
        found = {
            "hs_classification_share": output.classification_shares[1].float(),
            "hs_regression_share": output.regression_shares[1].float(),
        }
        if output.angle is not None:
            positive = labels == POSITIVE
            rivals, hard = hardest_negatives(output.angle, labels)
            found["target_angle"] = output.angle[positive].sum() / positive.sum().clamp(min=1)
            found["rival_angle"] = rivals.sum() / hard.sum().clamp(min=1)
        return found
