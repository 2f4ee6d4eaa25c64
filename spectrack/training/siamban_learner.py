"""SiamBAN as the training loop sees it: labels and losses on pairs of false-colour crops."""

from __future__ import annotations

import torch
from torch import Tensor

from spectrack.networks.siamban import SiamBAN, SiamBANConfig, decode_boxes
from spectrack.trackers.online import OnlineOptions
from spectrack.training.labels import distance_targets, ellipse_labels, sample_labels
from spectrack.training.learner import Learner, corner_iou, to_images
from spectrack.training.losses import siamban_loss
from spectrack.training.methods import Method
from spectrack.training.pairs import Batch
from spectrack.training.recipe import LossConfig, Recipe


class SiamBANLearner(Learner):
    """SiamBAN with its labels and losses.

    Args:
        recipe: the network's shape and the weights of the loss.
    """

    def __init__(self, recipe: Recipe) -> None:
        super().__init__(recipe)
        self.network = SiamBAN(recipe.network)

    def losses(self, batch: Batch, step: int) -> dict[str, Tensor]:
        """Both terms and their weighted sum."""
        logits, distances = self.network(to_images(batch.template), to_images(batch.search), batch.template_box)
        generator = torch.Generator(device="cpu").manual_seed(self.seed * 1_000_003 + step)
        labels = sample_labels(
            ellipse_labels(batch.box, batch.positive).cpu(),
            positives=self.loss.positives,
            negatives=self.loss.negatives,
            generator=generator,
        ).to(logits.device)
        terms = siamban_loss(
            logits,
            distances,
            labels,
            distance_targets(batch.box),
            classification_weight=self.loss.classification,
            regression_weight=self.loss.regression,
            hard_negatives=self.loss.hard_negatives,
        )
        return terms._asdict()

    @torch.no_grad()
    def overlaps(self, batch: Batch) -> Tensor:
        """IoU of the best-scored box with the truth, (number of positive pairs,)."""
        logits, distances = self.network(to_images(batch.template), to_images(batch.search), batch.template_box)
        best = logits.float().softmax(dim=1)[:, 1].flatten(1).argmax(dim=1)
        corners = decode_boxes(distances.float()).flatten(2)
        found = corners.gather(2, best[:, None, None].expand(-1, 4, 1))[:, :, 0]
        return corner_iou(found, batch.box)[batch.positive]


METHOD = Method("siamban", SiamBANLearner, SiamBANConfig, LossConfig, OnlineOptions, batches="pairs")
