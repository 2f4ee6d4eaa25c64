"""Recipes: everything that decides what a training gives, as one TOML file over typed defaults.

The sections ``network``, ``loss`` and ``online`` are the method's own; which types they have, its descriptor says.

A recipe holds only what differs from the defaults below. Unknown keys are refused with the nearest known name, because
a misspelt key would otherwise train the wrong thing for an hour.
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from spectrack.errors import ConfigError, nearest_name
from spectrack.pairs.configuration import DataConfig
from spectrack.tables import (
    Interval,
    RangeError,
    Seed,
    Share,
    from_table,
    read_table,
    require,
    require_choices,
    require_ranges,
    to_table,
)
from spectrack.trackers.method import resolve
from spectrack.trackers.registry import DEFAULT_METHOD, find_trained_method, recipe_files


@dataclass(frozen=True)
class OptimiserConfig:
    """How weights move.

    Attributes:
        kind: ``adamw``, or ``sgd`` with momentum 0.9 as SiamBAN uses.
        learning_rate: at its peak.
        final_share: of the peak rate, at the end of the cosine.
        weight_decay: on matrices; vectors (batch normalisation, biases) have none.
        warmup_steps: linear rise to the peak.
        gradient_clip: largest norm of the gradient.
        average: decay of the exponential moving average of the weights that is shipped.
    """

    kind: Literal["adamw", "sgd"] = "adamw"
    learning_rate: Annotated[float, Interval("(0, inf)")] = 2e-3
    final_share: Share = 0.01
    weight_decay: Annotated[float, Interval("[0, inf)")] = 0.02
    warmup_steps: Annotated[int, Interval("[0, 1000000000]")] = 150
    gradient_clip: Annotated[float, Interval("(0, inf)")] = 5.0
    average: Annotated[float, Interval("[0, 1)")] = 0.998

    def __post_init__(self) -> None:
        require_choices(self)
        require_ranges(self)


@dataclass(frozen=True)
class ParameterGroup:
    """Parts of the network with an optimiser of their own.

    Attributes:
        parts: names of sub-modules, such as ``band_importance`` or ``head.classification``.
        optimiser: how their weights move; its ``average`` is not used.
    """

    parts: tuple[str, ...] = ()
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)

    def __post_init__(self) -> None:
        require(bool(self.parts), "parts", "at least one part of the network", list(self.parts))


@dataclass(frozen=True)
class Stage:
    """A stretch of the training.

    Attributes:
        steps: how many; 0 in the last stage takes those that are left.
        parts: names of the sub-modules that are trained, all when empty; the others stay in evaluation mode.
        loss: weights of the loss that differ from the recipe's here, such as ``{regression = 0}``.
    """

    steps: Annotated[int, Interval("[0, 1000000000]")] = 0
    parts: tuple[str, ...] = ()
    loss: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        require_ranges(self)


@dataclass(frozen=True)
class Recipe:
    """A training from start to weights file.

    Attributes:
        name: of the weights file.
        method: what is trained, by its name.
        profile: the method's size (`network` has its contents), for the metadata; the method's first by default.
        description: one sentence for the metadata.
        seed: of everything random.
        pairs: training pairs seen in all.
        batch: pairs a step, over all processes together.
        precision: ``fp32``, ``bf16`` (autocast) or ``auto``: the faster for this network on this machine.
        validation_pairs: held-out pairs of each validation; 0 turns it off.
        validation_every: steps between validations and checkpoints.
        start: weights to start from, a file or the name of shipped ones; empty for a random start.
        share_start: leave tensors that stay as they are in the weights `start` to that file, which must then lie beside
            the new one or come with the package.
        frozen: parts of the network that are never trained: they stay in evaluation mode, byte for byte.
        stages: in order; none stands for one stage that trains everything.
        groups: parts with an optimiser of their own; the others have the recipe's.
        network: the network's shape; the method's.
        data: where pairs come from.
        optimiser: how weights move.
        loss: what they move towards; the method's.
        online: parameters of the tracker, stored with the weights; the method's.
    """

    name: str = "siamban-compact"
    method: str = DEFAULT_METHOD
    profile: str = ""
    description: str = ""
    seed: Seed = 7
    pairs: Annotated[int, Interval("[2, 1000000000000]")] = 120_000
    batch: Annotated[int, Interval("[2, 65536]")] = 32  # batch normalisation needs two
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    validation_pairs: Annotated[int, Interval("[0, 1000000]")] = 256
    validation_every: Annotated[int, Interval("[1, 1000000000]")] = 500
    start: str = ""
    share_start: bool = False
    frozen: tuple[str, ...] = ()
    stages: tuple[Stage, ...] = ()
    groups: tuple[ParameterGroup, ...] = ()
    network: Any = None
    data: DataConfig = field(default_factory=DataConfig)
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)
    loss: Any = None
    online: Any = None

    def __post_init__(self) -> None:
        for name, kind in _method_sections(self.method).items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, kind())
        method = find_trained_method(self.method)
        # What recipes meant that were written when no method had another.
        usual = "compact" if "compact" in method.profiles else None
        object.__setattr__(self, "profile", method.profile(self.profile or usual))
        require_choices(self)
        require_ranges(self)
        require(self.pairs >= self.batch, "pairs", f"at least one batch of {self.batch}", self.pairs)
        by_name = re.fullmatch(r"[\w.-]*", self.start) is not None and bool(self.start)
        require(by_name or not self.share_start, "share_start", "false unless start is the name of weights", self.start)
        require(re.fullmatch(r"[\w][\w.-]*", self.name) is not None, "name", "a plain file name", self.name)
        self._check_stages()

    def _check_stages(self) -> None:
        weights = [
            entry.name for entry in dataclasses.fields(self.loss) if isinstance(getattr(self.loss, entry.name), float)
        ]
        for stage in self.stages:
            for key in stage.loss:
                require(key in weights, "stages.loss", f"a weight of the loss ({', '.join(weights)})", key)
            try:
                dataclasses.replace(self.loss, **stage.loss)
            except RangeError as refusal:
                raise RangeError(f"stages.loss.{refusal.key}", refusal.expected, refusal.found) from refusal
        if not self.stages:
            return
        lengths = [stage.steps for stage in self.stages]
        require(
            all(steps >= 1 for steps in lengths[:-1]) and lengths[-1] >= 0,
            "stages.steps",
            "at least 1 in all but the last",
            lengths,
        )
        fits = sum(lengths) <= self.steps if lengths[-1] == 0 else sum(lengths) == self.steps
        require(
            fits and sum(lengths[:-1]) < self.steps, "stages.steps", f"stages that fill {self.steps} steps", lengths
        )

    @classmethod
    def field_types(cls, values: Mapping[str, Any]) -> Mapping[str, type[Any]]:
        """Types of the sections that are the method's own, for a table with these values."""
        return _method_sections(values.get("method", cls.method))

    @classmethod
    def from_older(cls, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """The same table as it is written now: the profile once stood with the network."""
        network = values.get("network")
        base = network.get("base", network) if isinstance(network, Mapping) else {}
        return {"profile": base["profile"], **values} if isinstance(base, Mapping) and "profile" in base else values

    @property
    def steps(self) -> int:
        """Optimiser steps in all."""
        return self.pairs // self.batch

    def stage_at(self, step: int) -> tuple[int, Stage]:
        """Number of the stage that a step (from 0) belongs to, and the stage."""
        end = 0
        for number, stage in enumerate(self.stages[:-1]):
            end += stage.steps
            if step < end:
                return number, stage
        return (len(self.stages) - 1, self.stages[-1]) if self.stages else (0, Stage())

    def to_json(self) -> dict[str, Any]:
        """The resolved recipe as plain values, for run directories and metadata."""
        return to_table(self)


def load_recipe(path: str | os.PathLike[str], overrides: dict[str, Any] | None = None) -> Recipe:
    """Read a recipe file, or a shipped recipe by its name.

    Args:
        path: a TOML file, or ``siamban-compact`` and the like.
        overrides: dotted keys with values that replace the file's, such as ``{"optimiser.learning_rate": 1e-3}``.

    Raises:
        ConfigError: no such file, not TOML, an unknown key (the nearest is offered) or a value of a wrong type.
    """
    file = _find(path)
    values = read_table(file)
    for dotted, value in (overrides or {}).items():
        *sections, key = dotted.split(".")
        place = values
        for section in sections:
            place = place.setdefault(section, {})
            if not isinstance(place, dict):
                raise ConfigError(
                    f"expected a section of the recipe, found a value, {section!r} in {dotted!r}; correct the key"
                )
        place[key] = value
    return from_table(Recipe, values, "the recipe")


def _method_sections(method: Any) -> Mapping[str, type[Any]]:
    """Types of the sections that are a method's own."""
    if not isinstance(method, str):
        raise RangeError("method", "text", method)
    found = find_trained_method(method)
    return {"network": resolve(found.config), "loss": resolve(found.loss), "online": resolve(found.online)}


def _find(path: str | os.PathLike[str]) -> Path:
    file = Path(path)
    if file.is_file():
        return file
    name, shipped = file.name.removesuffix(".toml"), recipe_files()
    if name in shipped:
        return shipped[name]
    raise ConfigError(
        f"expected a recipe file or the name of a shipped recipe, found {os.fspath(path)!r}; "
        f"{nearest_name(name, shipped)}"
    )
