"""Which parts of a network move when, and by which optimiser: a recipe's frozen parts, stages and parameter groups.

Parts are named as the network's sub-modules are (``backbone``, ``head.classification``), or as single parameters. A
part that is held, for good or for a stage, needs no gradient and stays in evaluation mode, so its batch normalisation
holds still as well; what is frozen for good has no place in any optimiser.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import nn

from spectrack.errors import ConfigError, nearest_name
from spectrack.training.recipe import OptimiserConfig, Recipe, Stage


@dataclass(frozen=True, eq=False)
class OptimisedParameters:
    """Parameters that one optimiser moves.

    Attributes:
        config: optimiser and learning rate.
        parameters: by name, in the network's order.
        first_step: the first step that trains one of them; the schedule begins there.
    """

    config: OptimiserConfig
    parameters: dict[str, nn.Parameter]
    first_step: int

    def build(self) -> torch.optim.Optimizer:
        """A new optimiser."""
        groups = parameter_groups(self.parameters.values(), self.config.weight_decay)
        if self.config.kind == "sgd":
            return torch.optim.SGD(groups, lr=self.config.learning_rate, momentum=0.9)
        return torch.optim.AdamW(groups, lr=self.config.learning_rate)

    def rate(self, step: int, steps: int) -> float:
        """The learning rate at a step of a training of `steps`; 0 before its schedule begins."""
        if step < self.first_step:
            return 0.0
        return learning_rate(self.config, step - self.first_step, steps - self.first_step)

    @property
    def active(self) -> bool:
        """Whether the present stage trains any of it."""
        return any(parameter.requires_grad for parameter in self.parameters.values())


class StageSchedule:
    """The stages of a training, applied to a network.

    Args:
        recipe: see its ``frozen``, ``stages`` and ``groups``.
        network: whose parts are named there.

    Raises:
        ConfigError: a part that the network has not (the nearest is offered), a group or stage with all frozen.
    """

    def __init__(self, recipe: Recipe, network: nn.Module) -> None:
        self.recipe, self.network = recipe, network
        named = [*(stage.parts for stage in recipe.stages), *(group.parts for group in recipe.groups)]
        for part in [*recipe.frozen, *(part for parts in named for part in parts)]:
            self._check(part)
        free = {name: parameter for name, parameter in network.named_parameters() if not _is_in(name, recipe.frozen)}
        members: list[dict[str, nn.Parameter]] = [{} for _ in range(1 + len(recipe.groups))]
        for name, parameter in free.items():
            # The last group that names a part has it, so that a later one can take a piece out of an earlier one.
            chosen = [number for number, group in enumerate(recipe.groups, start=1) if _is_in(name, group.parts)]
            members[chosen[-1] if chosen else 0][name] = parameter
        configs = [recipe.optimiser, *(group.optimiser for group in recipe.groups)]
        self.groups = []
        for number, (config, parameters) in enumerate(zip(configs, members, strict=True)):
            if parameters:
                self.groups.append(OptimisedParameters(config, parameters, self._first_step(parameters)))
            elif number:
                parts = ", ".join(recipe.groups[number - 1].parts)
                raise ConfigError(
                    f"expected something to train in group {parts}, found all of it frozen; correct groups or frozen"
                )
        if not self.groups:
            raise ConfigError(f"expected anything to train, found all of {type(network).__name__} frozen; mend frozen")
        self._held: list[nn.Module] = []

    def enter(self, stage: Stage) -> None:
        """Give gradients to what a stage trains, and to nothing else."""
        trained = 0
        for name, parameter in self.network.named_parameters():
            parameter.requires_grad_(self._moves(name, stage))
            trained += parameter.requires_grad
        if not trained:
            parts = ", ".join(stage.parts)
            raise ConfigError(f"expected something to train in stage {parts}, found none; correct stages or frozen")
        self._held = [
            module for name, module in self.network.named_modules() if name and not self._moves(name, stage, above=True)
        ]

    def hold(self) -> None:
        """Put what the present stage holds into evaluation mode; call it after ``train()``, which wakes all."""
        for module in self._held:
            module.training = False

    def _moves(self, name: str, stage: Stage, *, above: bool = False) -> bool:
        """Whether a parameter or module is trained in a stage or, with `above`, contains something that is."""
        if _is_in(name, self.recipe.frozen):
            return False
        return (
            not stage.parts
            or _is_in(name, stage.parts)
            or (above and any(_is_in(part, (name,)) for part in stage.parts))
        )

    def _first_step(self, parameters: Iterable[str]) -> int:
        names, start = list(parameters), 0
        for stage in self.recipe.stages:
            if any(self._moves(name, stage) for name in names):
                return start
            start += stage.steps
        return 0

    def _check(self, part: str) -> None:
        known = {name for name, _ in self.network.named_modules() if name} | {
            name for name, _ in self.network.named_parameters()
        }
        if part not in known:
            raise ConfigError(
                f"expected a part of {type(self.network).__name__}, found {part!r}; {nearest_name(part, _short(known))}"
            )


@contextmanager
def no_random_part_held(recipe: Recipe, network: nn.Module) -> Iterator[None]:
    """Around the loading of a start: it must fill what the recipe holds as it is.

    Raises:
        ConfigError: a frozen part would stay as random as it is now.
    """
    held = {
        name: parameter.detach().clone()
        for name, parameter in network.named_parameters()
        # Matrices alone: vectors, and some last layers, begin as constants, which training may well leave as they are.
        if _is_in(name, recipe.frozen) and parameter.ndim > 1 and bool((parameter != parameter.flatten()[0]).any())
    }
    yield
    parameters = dict(network.named_parameters())
    random = next((name for name, tensor in held.items() if torch.equal(parameters[name], tensor)), None)
    if random is not None:
        raise ConfigError(
            f"expected trained values for all of frozen {', '.join(recipe.frozen)}, found none for {random} in "
            f"{recipe.start}; take that part out of frozen, or start from weights that have it"
        )


def parameter_groups(parameters: Iterable[nn.Parameter], weight_decay: float) -> list[dict[str, object]]:
    """Parameters in two groups: matrices with decay, vectors without."""
    listed = list(parameters)
    return [
        {"params": [parameter for parameter in listed if parameter.ndim > 1], "weight_decay": weight_decay},
        {"params": [parameter for parameter in listed if parameter.ndim <= 1], "weight_decay": 0.0},
    ]


def learning_rate(config: OptimiserConfig, step: int, steps: int) -> float:
    """Linear warm-up, then a cosine down to `final_share` of the peak. Step counts from 0."""
    if step < config.warmup_steps:
        return config.learning_rate * (step + 1) / config.warmup_steps
    done = (step - config.warmup_steps) / max(1, steps - config.warmup_steps)
    cosine = 0.5 * (1.0 + math.cos(math.pi * min(1.0, done)))
    return config.learning_rate * (config.final_share + (1.0 - config.final_share) * cosine)


def _is_in(name: str, parts: Iterable[str]) -> bool:
    return any(name == part or name.startswith(part + ".") for part in parts)


def _short(names: Iterable[str]) -> list[str]:
    """Names of at most two words: the list in a message must stay readable."""
    return [name for name in names if name.count(".") < 2]
