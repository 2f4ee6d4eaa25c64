"""BCR-Net's losses: self-expression of both crops through their own W, and branch losses weighted by importance.

Source: BCR-Net (Remote Sensing 17(22), 2025, 3689) section 3.4.1, eq. (15), restored with SEE-Net's published code:

    L = l3 (||Z - W_Z Z||^2 + ||X - W_X X||^2) + l1 sum_n w_n L_cls^n + l2 sum_n w_n L_reg^n

Stated by the paper: the three terms and their weights. Restored: n counts branches, w_n comes from the search crop and
is averaged over the batch, L_cls and L_reg are SiamBAN's. This project's: the reconstruction error is relative to the
crop's energy, so that it has no unit and starts near 0.2, and all three weights are 1; hard negatives count as in
`losses`; and, beside the branches, the fused maps, by which the tracker decides, have a loss of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from spectrack.methods.bcrnet.network import BCRNetOutput, fuse_branches
from spectrack.methods.bcrnet.self_expression import gram_matrix, reconstruction_error
from spectrack.training.losses import LossConfig, LossWeight, PointCount, point_losses
from spectrack.training.processes import mean_over_processes

WeightsPer = Literal["batch", "sample"]
"""Whose branch weights a loss is weighted by: the batch's mean of them, or each sample's own."""

ReconstructionNorm = Literal["relative", "element"]
"""Error over the crop's energy, or mean squared error per element."""


@dataclass(frozen=True)
class BCRNetLossConfig(LossConfig):
    """Weights of the terms and sampling of the points. Where only `reconstruction` counts, nothing is tracked, which is
    fast. `classification` is l1 of eq. (15), `regression` l2.

    Attributes:
        reconstruction: l3, of the relative error of both crops.
        fused_classification: weight of the fused map's cross-entropy (ours).
        fused_regression: weight of the fused map's 1 - IoU (ours).
        norm: of the reconstruction error.
        weights_per: the branch losses count by the branch weights' mean over the batch (SEE-Net's code), or every
            sample's points by that sample's own (``sample``; a reading of the paper's "weight of the n-th sample").
        detach_weights: keep all gradient but the reconstruction's out of the band importance module; against collapse.
        branches: train on so many composites drawn from a batch's, for its pace; 0 (and validation): all (the paper).
    """

    reconstruction: LossWeight = 1.0
    fused_classification: LossWeight = 0.0
    fused_regression: LossWeight = 0.0
    norm: ReconstructionNorm = "relative"
    weights_per: WeightsPer = "batch"
    detach_weights: bool = False
    branches: PointCount = 0

    @property
    def tracks(self) -> bool:
        """Whether anything but the reconstruction counts."""
        return any((self.classification, self.regression, self.fused_classification, self.fused_regression))


class BCRNetLoss(NamedTuple):
    """The terms of one batch; scalars that carry gradient.

    Attributes:
        total: what the optimiser minimises.
        classification: sum of w_n L_cls^n.
        regression: sum of w_n L_reg^n.
        reconstruction: mean over the batch, template and search crop added; 0 where the composer has no W.
        fused_classification: L_cls of the fused maps; 0 where their weight is.
        fused_regression: L_reg of the fused maps; 0 where their weight is.
    """

    total: Tensor
    classification: Tensor
    regression: Tensor
    reconstruction: Tensor
    fused_classification: Tensor
    fused_regression: Tensor


def reconstruction_loss(cube: Tensor, matrix: Tensor, *, norm: ReconstructionNorm = "relative") -> Tensor:
    """How badly W rebuilds the bands of its own crop.

    Args:
        cube: (N, C, H, W), the network's input; no gradient flows into it.
        matrix: W, (N, C, C).
        norm: ``relative`` ||X - W X||^2 / ||X||^2, or ``element``, the same over the number of values.

    Returns:
        A scalar, mean over the batch.
    """
    gram = gram_matrix(cube.detach())
    error = reconstruction_error(gram, matrix)
    if norm == "element":
        error = error * gram.diagonal(dim1=1, dim2=2).mean(dim=1)
    return error.mean()


def branch_losses(
    logits: Tensor,
    distances: Tensor,
    labels: Tensor,
    targets: Tensor,
    config: LossConfig,
    weights: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """SiamBAN's two losses of every branch.

    Args:
        logits: (N, B, 2, 25, 25).
        distances: (N, B, 4, 25, 25).
        labels: (N, 25, 25), the same for all branches.
        targets: (N, 4, 25, 25).
        config: how points count.
        weights: (N, B) by which the points of a sample count in a branch; None for all alike.

    Returns:
        Classification and regression, (B,) each.
    """
    shares = [None] * logits.shape[1] if weights is None else weights.unbind(1)
    pairs = [
        point_losses(logits[:, n], distances[:, n], labels, targets, config, weights=share)
        for n, share in enumerate(shares)
    ]
    classification, regression = (torch.stack(terms) for terms in zip(*pairs, strict=True))
    return classification, regression


def fused_losses(
    logits: Tensor, distances: Tensor, weights: Tensor, labels: Tensor, targets: Tensor, config: LossConfig
) -> tuple[Tensor, Tensor]:
    """SiamBAN's two losses of the fused maps S and R (`fuse_branches`): what a tracker that fuses maps decides by.

    A branch that cannot see the target alone is not to blame for that here, only for being sure of something else.

    Args:
        logits: (N, B, 2, 25, 25).
        distances: (N, B, 4, 25, 25).
        weights: (N, B), sums to 1.
        labels: (N, 25, 25).
        targets: (N, 4, 25, 25).
        config: how points count.

    Returns:
        Classification and regression, scalars.
    """
    scores, fused = fuse_branches(logits, distances, weights)
    # A log-softmax leaves logarithms of probabilities that sum to 1 as they are.
    pair = torch.stack([1.0 - scores, scores], dim=1).clamp(min=1e-6).log()
    return point_losses(pair, fused, labels, targets, config)


def bcrnet_loss(
    output: BCRNetOutput,
    template_cube: Tensor,
    search_cube: Tensor,
    labels: Tensor,
    targets: Tensor,
    config: BCRNetLossConfig,
) -> BCRNetLoss:
    """Eq. (15) of one batch, and the loss of the fused maps where it has a weight.

    Args:
        output: of the network for both cubes.
        template_cube: (N, C, 127, 127) as given to the network.
        search_cube: (N, C, 255, 255) as given to the network.
        labels: (N, 25, 25) of 1, 0 and -1.
        targets: (N, 4, 25, 25).
        config: weights and switches.
    """
    weights = output.weights.detach() if config.detach_weights else output.weights
    if config.weights_per == "sample":
        scores, boxes = branch_losses(output.logits, output.distances, labels, targets, config, weights)
        classification, regression = scores.sum(), boxes.sum()
    else:
        shares = mean_over_processes(weights.mean(dim=0))
        scores, boxes = branch_losses(output.logits, output.distances, labels, targets, config)
        classification, regression = (shares * scores).sum(), (shares * boxes).sum()
    reconstruction = crop_reconstruction(output, template_cube, search_cube, norm=config.norm)
    total = (
        config.classification * classification + config.regression * regression + config.reconstruction * reconstruction
    )
    fused = (classification.new_zeros(()), classification.new_zeros(()))
    if config.fused_classification or config.fused_regression:
        fused = fused_losses(output.logits, output.distances, weights, labels, targets, config)
        total = total + config.fused_classification * fused[0] + config.fused_regression * fused[1]
    return BCRNetLoss(total, classification, regression, reconstruction, *fused)


def crop_reconstruction(
    output: BCRNetOutput, template_cube: Tensor, search_cube: Tensor, *, norm: ReconstructionNorm
) -> Tensor:
    """Both crops' `reconstruction_loss`, added; 0 where the composer has no W."""
    total = search_cube.new_zeros(())
    for cube, composites in ((template_cube, output.template), (search_cube, output.search)):
        if composites.matrix is not None:
            total = total + reconstruction_loss(cube, composites.matrix, norm=norm)
    return total
