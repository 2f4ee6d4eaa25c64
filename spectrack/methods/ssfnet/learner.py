"""SSF-Net as the training loop sees it: both modalities of spectral pairs, labels and losses.

Both modalities of a crop come from one cube, so every geometric draw is common to them. Stage A gives the RGB branch
(`STARTS` takes a whole SiamBAN over), stage B trains everything else (``frozen = ["rgb"]`` in the recipe).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from spectrack.methods.ssfnet.losses import hardest_negatives, ssfnet_loss
from spectrack.methods.ssfnet.network import SSFNet, SSFNetOutput
from spectrack.pairs.spectral_expansion import SpectralBatch
from spectrack.training.labels import POSITIVE, distance_targets
from spectrack.training.learner import Learner, best_overlaps


class SSFNetLearner(Learner):
    """SSF-Net with its labels and losses.

    Args:
        recipe: the network's shape and the weights of the loss.
    """

    ENCODINGS = ("linear", "display")
    STARTS: ClassVar[Mapping[str, Mapping[str, str]]] = {
        "siamban": {"": "rgb."},
        "backbone": {"backbone.": "rgb.backbone."},
    }

    network: SSFNet

    def losses(self, batch: SpectralBatch, step: int) -> dict[str, Tensor]:
        """All terms, their weighted sum, the hyperspectral branch's share, mean angles of target and hard negatives."""
        output = self._output(batch)
        labels = self.labels(batch, self.draws(step))
        terms = ssfnet_loss(output, labels, distance_targets(batch.box), self.loss)
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
            "hs_classification_share": output.classification_shares[..., 1].float().mean(),
            "hs_regression_share": output.regression_shares[..., 1].float().mean(),
        }
        if output.angle is not None:
            positive = labels == POSITIVE
            rivals, hard = hardest_negatives(output.angle, labels)
            found["target_angle"] = output.angle[positive].sum() / positive.sum().clamp(min=1)
            found["rival_angle"] = rivals.sum() / hard.sum().clamp(min=1)
        return found
