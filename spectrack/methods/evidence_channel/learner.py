"""The evidence head as the training loop sees it: SiamBAN's labels and losses on the corrected answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from spectrack.methods.evidence_channel.network import EvidenceChannelNetwork
from spectrack.methods.evidence_channel.readings import ReadingErrors, read_pairs
from spectrack.pairs.spectral_expansion import SpectralBatch
from spectrack.training.labels import distance_targets
from spectrack.training.learner import Learner, best_overlaps
from spectrack.training.losses import LossConfig, point_losses

_VALIDATION_STEP = 2**31


@dataclass(frozen=True)
class EvidenceLossConfig(LossConfig):
    """SiamBAN's loss, and how wrong the boxes are that the spectra are learnt from.

    Attributes:
        errors: of those boxes.
    """

    errors: ReadingErrors = field(default_factory=ReadingErrors)


class EvidenceChannelLearner(Learner):
    """The head behind a network that is held still.

    Args:
        recipe: the shape of both and the weights of the loss.
    """

    STARTS: ClassVar[Mapping[str, Mapping[str, str]]] = {"siamban": {"": "base."}}

    network: EvidenceChannelNetwork
    loss: EvidenceLossConfig

    def losses(self, batch: SpectralBatch, step: int) -> dict[str, Tensor]:
        """Both terms and their weighted sum."""
        log_odds, distances = self._output(batch, step)
        labels = self.labels(batch, self.draws(step))
        logits = torch.stack([torch.zeros_like(log_odds), log_odds], dim=1)
        classification, regression = point_losses(logits, distances, labels, distance_targets(batch.box), self.loss)
        total = self.loss.classification * classification + self.loss.regression * regression
        return {"total": total, "classification": classification, "regression": regression}

    @torch.no_grad()
    def overlaps(self, batch: SpectralBatch) -> Tensor:
        """IoU of the best-scored corrected box with the truth, (number of positive pairs,)."""
        return best_overlaps(*self._output(batch, _VALIDATION_STEP), batch)

    def _output(self, batch: SpectralBatch, step: int) -> tuple[Tensor, Tensor]:
        view = read_pairs(batch, self.loss.errors, np.random.default_rng([self.seed, step]))
        found: tuple[Tensor, Tensor] = self.network(
            batch.template_colour, batch.search_colour, batch.template_box, view
        )
        return found
