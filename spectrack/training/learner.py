"""What a method brings to the training loop: a module that turns a batch into losses, and the state to ship."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from spectrack.networks.siamban import SiamBAN, decode_boxes
from spectrack.training.labels import distance_targets, ellipse_labels, sample_labels
from spectrack.training.losses import siamban_loss
from spectrack.training.pairs import Batch
from spectrack.training.recipe import LossConfig, Recipe


class SiamBANLearner(nn.Module):
    """SiamBAN with its labels and losses.

    Args:
        recipe: the network's shape and the weights of the loss.
    """

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        self.network = SiamBAN(recipe.network)
        self.loss: LossConfig = recipe.loss
        self.seed = recipe.seed

    def forward(self, batch: Batch, step: int) -> dict[str, Tensor]:
        """Losses of one batch by name; ``total`` is what the optimiser minimises."""
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
        """IoU of the best-scored box with the truth, (number of positive pairs,): the validation figure."""
        logits, distances = self.network(to_images(batch.template), to_images(batch.search), batch.template_box)
        best = logits.float().softmax(dim=1)[:, 1].flatten(1).argmax(dim=1)
        corners = decode_boxes(distances.float()).flatten(2)
        found = corners.gather(2, best[:, None, None].expand(-1, 4, 1))[:, :, 0]
        return corner_iou(found, batch.box)[batch.positive]


def to_images(crops: Tensor) -> Tensor:
    """(N, H, W, 3) uint8 to (N, 3, H, W) float32 in [0, 1], channels_last in memory without a copy."""
    return crops.float().div_(255.0).permute(0, 3, 1, 2)


def corner_iou(boxes: Tensor, others: Tensor) -> Tensor:
    """IoU of (N, 4) corner boxes, (N,)."""
    low, high = torch.maximum(boxes[:, :2], others[:, :2]), torch.minimum(boxes[:, 2:], others[:, 2:])
    intersection = (high - low).clamp(min=0).prod(dim=1)
    area, other_area = (boxes[:, 2:] - boxes[:, :2]).clamp(min=0).prod(dim=1), (others[:, 2:] - others[:, :2]).clamp(min=0).prod(dim=1)
    return intersection / (area + other_area - intersection).clamp(min=1e-9)


def parameter_groups(module: nn.Module, weight_decay: float) -> list[dict[str, object]]:
    """Trainable parameters in two groups: matrices with decay, vectors without."""
    trainable = [parameter for parameter in module.parameters() if parameter.requires_grad]
    return [
        {"params": [parameter for parameter in trainable if parameter.ndim > 1], "weight_decay": weight_decay},
        {"params": [parameter for parameter in trainable if parameter.ndim <= 1], "weight_decay": 0.0},
    ]


class MovingAverage:
    """Exponential moving average of a module's state; what is validated and shipped.

    The running means and variances of batch normalisation are averaged like weights (they change as slowly), counters are
    copied.

    Args:
        module: whose state is averaged.
        decay: of the average; it starts lower, so that the random start is soon forgotten.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay = decay
        self.state = {name: tensor.detach().clone() for name, tensor in module.state_dict().items()}

    @torch.no_grad()
    def update(self, module: nn.Module, step: int) -> None:
        """Take the module's state after optimiser step `step` (counted from 0) in."""
        decay = min(self.decay, (step + 1) / (step + 10))
        for name, tensor in module.state_dict().items():
            if tensor.is_floating_point():
                self.state[name].lerp_(tensor, 1.0 - decay)
            else:
                self.state[name].copy_(tensor)

    @torch.no_grad()
    def load(self, state: dict[str, Tensor]) -> None:
        """Go on from a saved average; tensors stay on the device of the module."""
        for name, tensor in self.state.items():
            tensor.copy_(state[name])
