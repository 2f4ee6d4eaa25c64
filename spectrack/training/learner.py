"""What a method brings to training: a network, losses of a batch, a figure of merit, and what its weights file says."""

from __future__ import annotations

import dataclasses
import json
import logging
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from spectrack.errors import ConfigError, WeightsError
from spectrack.false_colour import Encoding
from spectrack.networks.siamese import decode_boxes
from spectrack.tables import to_table
from spectrack.trackers.method import resolve
from spectrack.trackers.registry import find_trained_method
from spectrack.training.labels import ellipse_labels, sample_labels
from spectrack.training.recipe import Recipe, Stage
from spectrack.weights.files import describe_mismatch, load_state
from spectrack.weights.metadata import WeightsMetadata

_log = logging.getLogger(__name__)


class Learner(nn.Module, ABC):
    """A network on its way from a recipe to a weights file.

    A subclass defines `losses` and `overlaps`; the rest has defaults. ``network.state_dict()`` is what is averaged and
    shipped, and the parts that recipes name are its sub-modules.

    Args:
        recipe: with the sections ``network``, ``loss`` and ``online`` of this learner's method.

    Attributes:
        network: of the method, made from the recipe; trained, averaged, shipped.
        loss: the weights of the loss in the present stage of the training.
        seed: of the recipe.
    """

    STARTS: ClassVar[Mapping[str, Mapping[str, str]]] = {}
    """Prefixes of names there and here by method of weights to start from; of others, only the learner's will do."""

    ENCODINGS: ClassVar[tuple[Encoding, ...]] = ("linear",)
    """Of false colour that its tracker makes."""

    network: nn.Module

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        if recipe.data.encoding not in self.ENCODINGS:
            known, found = " or ".join(self.ENCODINGS), recipe.data.encoding
            raise ConfigError(f"expected data.encoding {known} for {recipe.method}, found {found}; correct the recipe")
        own = getattr(recipe.online, "colour", "rule")
        if own != recipe.data.colour:
            raise ConfigError(
                f"expected the same colour in [data] and [online], found {recipe.data.colour} and {own}; train on what "
                "the tracker will see"
            )
        self.recipe, self.loss, self.seed = recipe, recipe.loss, recipe.seed
        self.network = resolve(find_trained_method(recipe.method).network)(recipe.network)

    def forward(self, batch: Any, step: int) -> dict[str, Tensor]:
        """The losses, through a call that spreads over processes."""
        return self.losses(batch, step)

    @abstractmethod
    def losses(self, batch: Any, step: int) -> dict[str, Tensor]:
        """One batch's scalars by name: ``total`` is what the optimiser minimises, all are logged.

        Several processes minimise the mean of their totals. A mean over anything that not every pair has as much of,
        such as labelled points, takes its divisor from `processes.common_count`.

        Args:
            batch: of the kind that the method names.
            step: counted from 0, over all stages.
        """

    @abstractmethod
    def overlaps(self, batch: Any) -> Tensor:
        """IoU of the best box with the truth for the positive pairs of a batch, in order: the validation figure."""

    def draws(self, step: int) -> torch.Generator:
        """The randomness of a step's losses, the same whatever went before."""
        return torch.Generator(device="cpu").manual_seed(self.seed * 1_000_003 + step)

    def labels(self, batch: Any, generator: torch.Generator) -> Tensor:
        """(N, 25, 25) labels of a batch with as many points as the loss keeps, on the batch's device."""
        kept = sample_labels(
            ellipse_labels(batch.box, batch.positive).cpu(),
            positives=self.loss.positives,
            negatives=self.loss.negatives,
            generator=generator,
        )
        return kept.to(batch.box.device)

    def enter(self, stage: Stage) -> None:
        """Take the loss weights of a stage of the training."""
        self.loss = dataclasses.replace(self.recipe.loss, **stage.loss)

    def describe(self) -> dict[str, Any]:
        """Fields of `WeightsMetadata` that the recipe does not decide; ``extra`` is merged with the loop's."""
        network = self.recipe.network
        return {
            "profile": self.recipe.profile,
            "scaling": self.recipe.data.scaling,
            "false_colour": self.recipe.data.false_colour,
            "encoding": self.recipe.data.encoding,
            "input_range": network.input_range,
            "config": to_table(network),
            "extra": {"online": dataclasses.asdict(self.recipe.online)},
        }

    def load_start(self, state: Mapping[str, Tensor], metadata: WeightsMetadata, source: str) -> None:
        """Begin with the weights of a file: all of one's own method, or parts of another's as `STARTS` says.

        A SiamBAN with another head gives the rest of it.

        Raises:
            WeightsError: of a method that gives nothing here, of another backbone, or names or shapes that do not fit.
        """
        method = self.recipe.method
        _refuse_other_backbone(to_table(self.recipe.network), metadata, source)
        head, others = (_base(table).get("head", "ban") for table in (to_table(self.recipe.network), metadata.config))
        whole = {method: "", **{name: parts[""] for name, parts in self.STARTS.items() if "" in parts}}
        if head != others and "base" not in metadata.config and metadata.method in whole:
            place = whole[metadata.method]
            load_parts(self.network, state, {part: place + part for part in ("backbone.", "neck.")}, source=source)
            _log.warning("%s gives backbone and neck, not its head: that is %s, here %s", source, others, head)
        elif metadata.method == method:
            load_state(self.network, state, source=source)
        elif metadata.method in self.STARTS:
            # A whole backbone may have more stages than a network asks for.
            deeper = metadata.method == "backbone"
            load_parts(self.network, state, self.STARTS[metadata.method], source=source, leave_others=deeper)
        else:
            known = " or ".join([method, *self.STARTS])
            raise WeightsError(
                f"expected weights of {known} to start from, found {metadata.method} in {source}; name others"
            )


def _base(table: Mapping[str, Any]) -> Mapping[str, Any]:
    """The part of a network's table that says what all Siamese networks have."""
    base: Mapping[str, Any] = table.get("base", table)
    return base


def _refuse_other_backbone(network: Mapping[str, Any], metadata: WeightsMetadata, source: str) -> None:
    """Refuse weights of a backbone of another shape, or one that was trained on another range of its input.

    Args:
        network: the recipe's section, in which the backbone has a table of its own or in the one of its base.
        metadata: of the start; what earlier versions wrote down otherwise is left to the shapes.
        source: the start.

    Raises:
        WeightsError: the options that differ are named, as the start has them.
    """
    place = "network.base" if "base" in network else "network"
    own, theirs = (_base(table).get("backbone", {}) for table in (network, metadata.config))
    given = {"input_range": metadata.input_range} | theirs
    # Of a backbone with more levels those that are asked for are taken.
    other = [key for key in own if key in given and key != "levels" and own[key] != given[key]]
    if "name" in other:
        other = ["name"]
    if own and other:
        wanted, found = (", ".join(f"{key} = {json.dumps(part[key])}" for key in other) for part in (own, given))
        raise WeightsError(
            f"expected a start whose backbone has {wanted}, found {found} in {source}; start from others, "
            f"or change [{place}.backbone]"
        )


def load_parts(
    network: nn.Module,
    state: Mapping[str, Tensor],
    prefixes: Mapping[str, str],
    *,
    source: str,
    leave_others: bool = False,
) -> None:
    """Put tensors of another network into parts of this one; every part that is named must be filled completely.

    Args:
        network: keeps the values of all other parts.
        state: tensors by name.
        prefixes: beginnings of names there and here, as ``{"backbone.": "rgb.backbone."}``; other tensors are left.
        source: what the message names, usually the file.
        leave_others: leave tensors that this network has no place for.

    Raises:
        WeightsError: a tensor is missing, has nowhere to go, or another shape.
    """
    moved = {
        here + name.removeprefix(there): tensor
        for there, here in prefixes.items()
        for name, tensor in state.items()
        if name.startswith(there)
    }
    own = network.state_dict()
    if leave_others:
        moved = {name: tensor for name, tensor in moved.items() if name in own}
    expected = {name: tuple(tensor.shape) for name, tensor in own.items() if name.startswith(tuple(prefixes.values()))}
    complaints = describe_mismatch(expected, moved)
    if complaints or not moved:
        raise WeightsError(
            f"expected {len(expected)} tensors for parts of {type(network).__name__}, found in {source} "
            f"{complaints or 'none of them'}; start from weights of the same widths"
        )
    network.load_state_dict({**own, **moved})


def channels_last(module: nn.Module) -> nn.Module:
    """The module with two-dimensional convolutions as channels_last; others (3-D ones cannot) as they are."""
    for parameter in module.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.to(memory_format=torch.channels_last)
    return module


def to_images(crops: Tensor) -> Tensor:
    """(N, H, W, 3) uint8 to (N, 3, H, W) float32 in [0, 1], channels_last in memory without a copy."""
    return crops.float().div_(255.0).permute(0, 3, 1, 2)


def best_overlaps(scores: Tensor, distances: Tensor, batch: Any) -> Tensor:
    """(positive pairs,) IoU of best-scored box and truth, from (N, 25, 25) scores, (N, 4, 25, 25) distances."""
    best = scores.flatten(1).argmax(dim=1)
    found = decode_boxes(distances.float()).flatten(2).gather(2, best[:, None, None].expand(-1, 4, 1))[:, :, 0]
    return corner_iou(found, batch.box)[batch.positive]


def corner_iou(boxes: Tensor, others: Tensor) -> Tensor:
    """IoU of (N, 4) corner boxes, (N,)."""
    low, high = torch.maximum(boxes[:, :2], others[:, :2]), torch.minimum(boxes[:, 2:], others[:, 2:])
    intersection = (high - low).clamp(min=0).prod(dim=1)
    area, other_area = (
        (boxes[:, 2:] - boxes[:, :2]).clamp(min=0).prod(dim=1),
        (others[:, 2:] - others[:, :2]).clamp(min=0).prod(dim=1),
    )
    return intersection / (area + other_area - intersection).clamp(min=1e-9)


class MovingAverage:
    """Exponential moving average of a module's state; what is validated and shipped.

    Batch normalisation's running means and variances are averaged like weights (as slow); counters are copied.

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
