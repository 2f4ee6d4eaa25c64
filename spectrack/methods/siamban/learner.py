"""SiamBAN as the training loop sees it: labels and losses on pairs of false-colour crops."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from spectrack.pairs.batches import Batch
from spectrack.training.labels import distance_targets
from spectrack.training.learner import Learner, best_overlaps, to_images
from spectrack.training.losses import point_losses


class SiamBANLearner(Learner):
    """SiamBAN with its labels and losses.

    Args:
        recipe: the network's shape and the weights of the loss.
    """

    ENCODINGS = ("linear", "display")
    STARTS: ClassVar[Mapping[str, Mapping[str, str]]] = {"backbone": {"backbone.": "backbone."}}

    def losses(self, batch: Batch, step: int) -> dict[str, Tensor]:
        """Both terms and their weighted sum."""
        logits, distances = self.network(to_images(batch.template), to_images(batch.search), batch.template_box)
        labels = self.labels(batch, self.draws(step))
        classification, regression = point_losses(logits, distances, labels, distance_targets(batch.box), self.loss)
        total = self.loss.classification * classification + self.loss.regression * regression
        return {"total": total, "classification": classification, "regression": regression}

    @torch.no_grad()
    def overlaps(self, batch: Batch) -> Tensor:
        """IoU of the best-scored box with the truth, (number of positive pairs,)."""
        logits, distances = self.network(to_images(batch.template), to_images(batch.search), batch.template_box)
        return best_overlaps(logits.float().softmax(dim=1)[:, 1], distances, batch)
