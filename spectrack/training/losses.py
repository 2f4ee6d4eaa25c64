"""SiamBAN's losses, which all methods build on: balanced cross-entropy over points, 1 - IoU over positive points.

Source: Chen et al., Siamese Box Adaptive Network, CVPR 2020, section 3.4, and its published configuration
(both terms weigh 1; positives and negatives each weigh one half; IoU with 1 added to numerator and denominator). The
extra weight of hard negatives is ours, after Shrivastava, Gupta, Girshick, CVPR 2016 (online hard example mining).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor
from torch.nn import functional

from spectrack.tables import Interval, require_choices, require_ranges
from spectrack.training.labels import NEGATIVE, POSITIVE
from spectrack.training.processes import common_count

LossWeight = Annotated[float, Interval("[0, inf)")]
"""Of a term of a loss."""

PointCount = Annotated[int, Interval("[0, 1000000]")]
"""Points, or other things, that a loss takes; more than there are takes all."""


@dataclass(frozen=True)
class LossConfig:
    """Weights of the terms and sampling of the points; a method adds its own.

    Attributes:
        classification: weight of the balanced cross-entropy.
        regression: weight of 1 - IoU.
        positives: positive points kept a sample; 0 keeps all (SiamBAN: 16).
        negatives: negative points kept a sample; 0 keeps all (SiamBAN: 48).
        hard_negatives: so many hardest negatives of a sample make half of the negative half; 0 for none (SiamBAN).
    """

    classification: LossWeight = 1.0
    regression: LossWeight = 1.0
    positives: PointCount = 16
    negatives: PointCount = 0
    hard_negatives: PointCount = 0

    def __post_init__(self) -> None:
        require_choices(self)
        require_ranges(self)


def balanced_cross_entropy(
    logits: Tensor, labels: Tensor, *, hard_negatives: int = 0, weights: Tensor | None = None
) -> Tensor:
    """Half the mean over positive points plus half the mean over negative points.

    Args:
        logits: (N, 2, 25, 25), background first.
        labels: (N, 25, 25) of 1, 0 and -1 (ignored).
        hard_negatives: the negative half becomes the mean of two means, over all negative points and over so many
            hardest ones of each sample; 0, as published, takes all alone. Of 600 negative points most are easy, and
            their mean hardly notices the few look-alikes that a tracker would jump to.
        weights: (N,) factors on the losses of a sample's points, whose number still divides; None for 1.

    Returns:
        A scalar; a side without points contributes 0.
    """
    log_probabilities = functional.log_softmax(logits.float(), dim=1)
    positive, negative = (
        _masked_mean(-log_probabilities[:, value], labels == value, weights) for value in (POSITIVE, NEGATIVE)
    )
    if hard_negatives:
        losses = (-log_probabilities[:, NEGATIVE]).masked_fill(labels != NEGATIVE, -1.0).flatten(1)
        hardest = losses.topk(min(hard_negatives, losses.shape[1]), dim=1).values
        negative = 0.5 * negative + 0.5 * _masked_mean(hardest, hardest >= 0, weights)
    return 0.5 * positive + 0.5 * negative


def _masked_mean(values: Tensor, mask: Tensor, weights: Tensor | None) -> Tensor:
    chosen = mask.to(values)
    counted = chosen if weights is None else chosen * weights.view(-1, *[1] * (values.ndim - 1))
    return (values * counted).sum() / common_count(chosen.sum())


def iou_loss(distances: Tensor, targets: Tensor, labels: Tensor, *, weights: Tensor | None = None) -> Tensor:
    """Mean of 1 - IoU over positive points.

    Args:
        distances: (N, 4, 25, 25) predicted left, top, right, bottom, positive.
        targets: (N, 4, 25, 25).
        labels: (N, 25, 25).
        weights: (N,), see `balanced_cross_entropy`.

    Returns:
        A scalar, 0 without positive points.
    """
    mask = labels == POSITIVE
    predicted = distances.float().permute(0, 2, 3, 1)[mask]
    wanted = targets.float().permute(0, 2, 3, 1)[mask]
    count = common_count(mask.sum())  # asked for by every process, also by one without positive points
    if len(predicted) == 0:
        return distances.sum() * 0.0
    shared = torch.minimum(predicted, wanted)
    intersection = (shared[:, 0] + shared[:, 2]).clamp(min=0) * (shared[:, 1] + shared[:, 3]).clamp(min=0)
    area = (predicted[:, 0] + predicted[:, 2]) * (predicted[:, 1] + predicted[:, 3])
    wanted_area = (wanted[:, 0] + wanted[:, 2]) * (wanted[:, 1] + wanted[:, 3])
    lost = 1.0 - (intersection + 1.0) / (area + wanted_area - intersection + 1.0)
    if weights is not None:
        lost = lost * weights.view(-1, 1, 1).expand(mask.shape)[mask]
    return lost.sum() / count


def point_losses(
    logits: Tensor,
    distances: Tensor,
    labels: Tensor,
    targets: Tensor,
    config: LossConfig,
    *,
    weights: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Both terms of one grid of answers, without their weights; shapes as in the functions above.

    Returns:
        Classification and regression, scalars.
    """
    classification = balanced_cross_entropy(logits, labels, hard_negatives=config.hard_negatives, weights=weights)
    return classification, iou_loss(distances, targets, labels, weights=weights)
