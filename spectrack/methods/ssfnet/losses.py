"""SSF-Net's losses: the fused decision, the hyperspectral branch's own, and the spectral angle awareness loss (SAAL).

Source: SSF-Net (Wang et al., IEEE TIP 34, 2025), whose formulas did not reach us. Stated by the paper: SAAL guides the
spectral angle module by similar regions, with anchor, positive and negative samples. Inferred from the authors'
published working file: the labels 1 and 0 of the classification say which is which, and all three terms weigh 1. Our
reconstruction: everything else in SAAL. With the anchor A (the template's region), the angle t_i between A and the
region at grid point i, P the points labelled 1 and Q' the 16 points labelled 0 with the smallest angles,

    l = mean over P x Q' of max(0, m + t_p - t_q)  +  mu * mean over P of t_p / pi    where there are both
    l = mu * mean over P of t_p / pi                                                  without negatives
    l = mean over Q' of max(0, pi / 2 - t_q)                                          without positives (negative pairs)

and SAAL is the mean over the samples that have one. Only differences of angles move the peak of the response, and a
hidden target may be near its background in spectrum: hence a triplet. The second term keeps both angles from drifting.

    L = L_cls + L_reg + 0.5 (L_cls^HS + L_reg^HS) + SAAL

with SiamBAN's L_cls and L_reg; the branch's own terms are this project's (with the RGB branch frozen, the fused loss
alone would let a good RGB branch starve the other).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Literal, NamedTuple

import torch
from torch import Tensor

from spectrack.methods.ssfnet.network import SSFNetOutput
from spectrack.tables import Interval
from spectrack.training.labels import NEGATIVE, POSITIVE
from spectrack.training.losses import LossConfig, LossWeight, point_losses
from spectrack.training.processes import common_count

HARD_ANGLES = 16
"""Negatives of a sample that SAAL looks at."""

_TEMPERATURE = 0.1

AngleLoss = Literal["triplet", "contrastive"]
"""SAAL as above, or the share of the positives in a softmax over all labelled points."""


@dataclass(frozen=True)
class SSFNetLossConfig(LossConfig):
    """Weights of the terms, the form of SAAL, and sampling of the points.

    Attributes:
        hs_branch: weight of the hyperspectral branch's own two terms beside the fused ones, weighted alike within.
        spectral_angle: weight of SAAL; at 0 it is not computed, and SAAM trains without it.
        margin: m of SAAL in radians, how much larger the angle of a negative must be.
        mu: weight of the positives' own angle in SAAL.
        angle_loss: ``triplet``, or ``contrastive``, which has neither margin nor mu.
    """

    hs_branch: LossWeight = 0.5
    spectral_angle: LossWeight = 1.0
    margin: Annotated[float, Interval("[0, 3.1416]")] = 0.5
    mu: LossWeight = 0.1
    angle_loss: AngleLoss = "triplet"


class SSFNetLoss(NamedTuple):
    """The terms of one batch; scalars that carry gradient.

    Attributes:
        total: what the optimiser minimises.
        classification: of the fused logits.
        regression: of the fused distances.
        hs_classification: of the hyperspectral branch alone.
        hs_regression: of the hyperspectral branch alone.
        spectral_angle: SAAL; 0 where the network has no angles.
    """

    total: Tensor
    classification: Tensor
    regression: Tensor
    hs_classification: Tensor
    hs_regression: Tensor
    spectral_angle: Tensor


def spectral_angle_loss(angles: Tensor, labels: Tensor, config: SSFNetLossConfig, hardest: int = HARD_ANGLES) -> Tensor:
    """SAAL as a triplet loss over hard negatives.

    Args:
        angles: (N, 25, 25) in radians, between the template's region and the region at each grid point.
        labels: (N, 25, 25) of 1, 0 and -1 (ignored).
        config: with margin and mu.
        hardest: so many smallest negative angles count, |Q'|.

    Returns:
        A scalar; 0, still part of the graph, where no sample has a labelled point.

    Example:
        >>> angles, labels = torch.tensor([[[0.2, 1.5]]]), torch.tensor([[[1, 0]]])
        >>> configs = [SSFNetLossConfig(margin=margin, mu=0.0) for margin in (0.5, 2.0)]
        >>> [round(spectral_angle_loss(angles, labels, config).item(), 3) for config in configs]
        [0.0, 0.7]
    """
    flat = angles.float().flatten(1)
    positive = (labels == POSITIVE).flatten(1)
    rivals, found = hardest_negatives(angles, labels, hardest)
    hinge = (config.margin + flat[:, :, None] - rivals[:, None, :]).clamp(min=0.0)
    triplets = _mean_of(hinge.flatten(1), (positive[:, :, None] & found[:, None, :]).flatten(1))
    own = config.mu * _mean_of(flat, positive) / math.pi
    alone = _mean_of((math.pi / 2 - rivals).clamp(min=0.0), found)
    has_positive, has_negative = positive.any(dim=1), found.any(dim=1)
    # Means over nothing are 0, so the first line serves samples without negatives too.
    losses = torch.where(has_positive, triplets + own, alone)
    return _mean_of_samples(losses, has_positive | has_negative)


def contrastive_angle_loss(angles: Tensor, labels: Tensor, *, temperature: float = _TEMPERATURE) -> Tensor:
    """The alternative: ``-log(sum_P e^(c/T) / (sum_P e^(c/T) + sum_Q e^(c/T)))`` with c the cosine of the angle.

    Samples without a positive point have no such share and do not count; without a negative one it is 0.

    Args:
        angles: (N, 25, 25) in radians.
        labels: (N, 25, 25) of 1, 0 and -1 (ignored).
        temperature: T.

    Returns:
        A scalar; 0, still part of the graph, where no sample has a positive point.
    """
    cosines = torch.cos(angles.float()).flatten(1) / temperature
    flat = labels.flatten(1)
    positive = flat == POSITIVE
    # A finite floor: with minus infinity, a sample without positives would turn the gradient into NaN.
    lowest = -2.0 / temperature - 80.0
    of_positives = torch.logsumexp(cosines.masked_fill(~positive, lowest), dim=1)
    of_all = torch.logsumexp(cosines.masked_fill(~(positive | (flat == NEGATIVE)), lowest), dim=1)
    return _mean_of_samples(of_all - of_positives, positive.any(dim=1))


def hardest_negatives(angles: Tensor, labels: Tensor, count: int = HARD_ANGLES) -> tuple[Tensor, Tensor]:
    """The smallest angles of negative points, (N, count) in radians, and which of them exist, (N, count) bool."""
    flat = angles.float().flatten(1).masked_fill((labels != NEGATIVE).flatten(1), torch.inf)
    smallest = flat.topk(min(count, flat.shape[1]), dim=1, largest=False).values
    found = torch.isfinite(smallest)
    return torch.where(found, smallest, 0.0), found


def ssfnet_loss(output: SSFNetOutput, labels: Tensor, targets: Tensor, config: SSFNetLossConfig) -> SSFNetLoss:
    """All terms of one batch.

    Args:
        output: of the network.
        labels: (N, 25, 25) of 1, 0 and -1.
        targets: (N, 4, 25, 25).
        config: weights and switches.
    """
    classification, regression = point_losses(output.logits, output.distances, labels, targets, config)
    hs_classification, hs_regression = point_losses(output.hs_logits, output.hs_distances, labels, targets, config)
    angle = classification.new_zeros(())
    if output.angle is not None and config.spectral_angle:
        if config.angle_loss == "triplet":
            angle = spectral_angle_loss(output.angle, labels, config)
        else:
            angle = contrastive_angle_loss(output.angle, labels)
    total = (
        config.classification * (classification + config.hs_branch * hs_classification)
        + config.regression * (regression + config.hs_branch * hs_regression)
        + config.spectral_angle * angle
    )
    return SSFNetLoss(total, classification, regression, hs_classification, hs_regression, angle)


def _mean_of(values: Tensor, mask: Tensor) -> Tensor:
    """Mean over the last axis of the values chosen, 0 where none are."""
    return torch.where(mask, values, 0.0).sum(dim=-1) / mask.sum(dim=-1).clamp(min=1)


def _mean_of_samples(values: Tensor, mask: Tensor) -> Tensor:
    """Mean over the samples chosen, of all processes."""
    total: Tensor = torch.where(mask, values, 0.0).sum(dim=-1)
    return total / common_count(mask.sum(dim=-1))
