"""Recipes: everything that decides what a training gives, as one TOML file over typed defaults.

A recipe holds only what differs from the defaults below. Unknown keys are refused with the nearest known name, because a
misspelt key would otherwise train the wrong thing for an hour.
"""

from __future__ import annotations

import dataclasses
import os
import re
import tomllib
import typing
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np

from spectrack.errors import ConfigError, nearest_name
from spectrack.false_colour import DEFAULT_RULE, false_colour_matrix
from spectrack.networks.siamban import SiamBANConfig
from spectrack.scaling import DEFAULT_SCALING, Scaling
from spectrack.trackers.online import OnlineOptions
from spectrack.training.bank import BankConfig
from spectrack.training.clips import ClipConfig
from spectrack.training.spectral_pairs import SpectralConfig
from spectrack.training.synthesis import SynthesisConfig

Section = TypeVar("Section")


@dataclass(frozen=True)
class DataConfig:
    """Where pairs come from.

    Attributes:
        sources: any of ``pictures`` (sprites and regions from the bank), ``simulated`` (clips of the simulator) and paths
            of sequences, or folders of sequences, with truth; relative paths start where the command runs.
        ratios: share of each source; equal shares when empty.
        scaling: how raw counts become network input; recorded with the weights.
        false_colour: rule of the three-band image; recorded with the weights.
        bank: what ``pictures`` draws from.
        synthesis: how ``pictures`` varies.
        clips: how ``simulated`` and sequences are sampled.
        spectral: how pairs with many bands vary, for the methods that see them.
        workers: processes that make pairs.
    """

    sources: tuple[str, ...] = ("pictures", "simulated")
    ratios: tuple[float, ...] = ()
    scaling: str = DEFAULT_SCALING
    false_colour: str = DEFAULT_RULE
    bank: BankConfig = field(default_factory=BankConfig)
    synthesis: SynthesisConfig = field(default_factory=SynthesisConfig)
    clips: ClipConfig = field(default_factory=ClipConfig)
    spectral: SpectralConfig = field(default_factory=SpectralConfig)
    workers: int = 2

    def __post_init__(self) -> None:
        _demand(bool(self.sources), "data.sources", "at least one source", list(self.sources))
        _demand(self.workers >= 0, "data.workers", "0 or more", self.workers)
        ratios = self.ratios
        fits = not ratios or (len(ratios) == len(self.sources) and min(ratios) >= 0 and sum(ratios) > 0)
        _demand(fits, "data.ratios", f"one non-negative number for each of {len(self.sources)} sources", list(ratios))
        # Both end up in the weights file; a misspelt one must not come to light after an hour.
        Scaling.parse(self.scaling)
        false_colour_matrix(self.false_colour, 100, wavelengths_nm=list(range(400, 700, 3)), cube=np.zeros((1, 1, 100)))


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
    learning_rate: float = 2e-3
    final_share: float = 0.01
    weight_decay: float = 0.02
    warmup_steps: int = 150
    gradient_clip: float = 5.0
    average: float = 0.998

    def __post_init__(self) -> None:
        _demand(self.learning_rate > 0, "optimiser.learning_rate", "a positive number", self.learning_rate)
        _demand(0 <= self.final_share <= 1, "optimiser.final_share", "a number in [0, 1]", self.final_share)
        _demand(self.weight_decay >= 0, "optimiser.weight_decay", "0 or more", self.weight_decay)
        _demand(self.warmup_steps >= 0, "optimiser.warmup_steps", "0 or more", self.warmup_steps)
        _demand(self.gradient_clip > 0, "optimiser.gradient_clip", "a positive number", self.gradient_clip)
        _demand(0 <= self.average < 1, "optimiser.average", "a number in [0, 1)", self.average)


@dataclass(frozen=True)
class LossConfig:
    """Weights of the terms and sampling of the points.

    Attributes:
        classification: weight of the balanced cross-entropy.
        regression: weight of 1 - IoU.
        positives: positive points kept a sample; 0 keeps all (SiamBAN: 16).
        negatives: negative points kept a sample; 0 keeps all (SiamBAN: 48).
        hard_negatives: so many hardest negative points of a sample make half of the negative half; 0 for none (SiamBAN).
    """

    classification: float = 1.0
    regression: float = 1.5
    positives: int = 16
    negatives: int = 0
    hard_negatives: int = 0

    def __post_init__(self) -> None:
        for name in ("positives", "negatives", "hard_negatives"):
            _demand(getattr(self, name) >= 0, f"loss.{name}", "0 or more", getattr(self, name))


@dataclass(frozen=True)
class Recipe:
    """A training from start to weights file.

    Attributes:
        name: of the weights file.
        method: what is trained.
        description: one sentence for the metadata.
        seed: of everything random.
        pairs: training pairs seen in all.
        batch: pairs a step, over all processes together.
        precision: ``fp32``, ``bf16`` (autocast) or ``auto``: the faster on this machine.
        validation_pairs: held-out pairs of each validation; 0 turns it off.
        validation_every: steps between validations and checkpoints.
        start: weights file to start from, empty for a random start.
        network: the network's shape.
        data: where pairs come from.
        optimiser: how weights move.
        loss: what they move towards.
        online: parameters of the tracker, stored with the weights.
    """

    name: str = "siamban-compact"
    method: Literal["siamban"] = "siamban"
    description: str = ""
    seed: int = 7
    pairs: int = 120_000
    batch: int = 32
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    validation_pairs: int = 256
    validation_every: int = 500
    start: str = ""
    network: SiamBANConfig = field(default_factory=SiamBANConfig)
    data: DataConfig = field(default_factory=DataConfig)
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    online: OnlineOptions = field(default_factory=OnlineOptions)

    def __post_init__(self) -> None:
        _demand(self.batch >= 2, "batch", "at least 2, for batch normalisation", self.batch)
        _demand(self.pairs >= self.batch, "pairs", f"at least one batch of {self.batch}", self.pairs)
        _demand(self.seed >= 0, "seed", "0 or more", self.seed)
        _demand(self.validation_pairs >= 0, "validation_pairs", "0 or more", self.validation_pairs)
        _demand(self.validation_every >= 1, "validation_every", "at least 1", self.validation_every)
        _demand(re.fullmatch(r"[\w][\w.-]*", self.name) is not None, "name", "a plain file name", self.name)

    @property
    def steps(self) -> int:
        """Optimiser steps in all."""
        return self.pairs // self.batch

    def to_json(self) -> dict[str, Any]:
        """The resolved recipe as plain values, for run directories and metadata."""
        return dataclasses.asdict(self)


def load_recipe(path: str | os.PathLike[str], overrides: dict[str, Any] | None = None) -> Recipe:
    """Read a recipe file, or a shipped recipe by its name.

    Args:
        path: a TOML file, or ``siamban-compact`` and the like.
        overrides: dotted keys with values that replace the file's, such as ``{"optimiser.learning_rate": 1e-3}``.

    Raises:
        ConfigError: no such file, not TOML, an unknown key (the nearest is offered) or a value of a wrong type.
    """
    file = _find(path)
    try:
        values = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"expected a TOML recipe, found {file.name} with: {error}; mend the file") from error
    for dotted, value in (overrides or {}).items():
        *sections, key = dotted.split(".")
        place = values
        for section in sections:
            place = place.setdefault(section, {})
            if not isinstance(place, dict):
                raise ConfigError(f"expected a section of the recipe, found {section!r} in {dotted!r}, which is a value; correct the key")
        place[key] = value
    return build_section(Recipe, values, "")


def shipped_recipes() -> list[str]:
    """Names of the recipes in the package."""
    return sorted(
        file.name.removesuffix(".toml") for file in files("spectrack.training").joinpath("recipes").iterdir() if file.name.endswith(".toml")
    )


def build_section(kind: type[Section], values: dict[str, Any], where: str) -> Section:
    """A dataclass from a table, checked key by key.

    Args:
        kind: the dataclass.
        values: the table.
        where: dotted place in the file, for messages.
    """
    hints = typing.get_type_hints(kind)
    known = {entry.name: entry for entry in dataclasses.fields(kind)}  # type: ignore[arg-type]
    arguments: dict[str, Any] = {}
    for key, value in values.items():
        place = f"{where}{key}"
        if key not in known:
            raise ConfigError(f"expected a known recipe key, found {place!r}; {nearest_name(key, known)}")
        arguments[key] = _convert(hints[key], value, place)
    return kind(**arguments)


def _convert(hint: Any, value: Any, place: str) -> Any:
    if dataclasses.is_dataclass(hint):
        if not isinstance(value, dict):
            raise ConfigError(f"expected a table for recipe key {place!r}, found {value!r}; write [{place}]")
        return build_section(typing.cast(type, hint), value, place + ".")
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Literal:
        if value not in arguments:
            raise ConfigError(f"expected one of {', '.join(map(str, arguments))} for recipe key {place!r}, found {value!r}; choose one")
        return value
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise ConfigError(f"expected a list for recipe key {place!r}, found {value!r}; write [a, b]")
        items = [arguments[0]] * len(value) if arguments[-1] is Ellipsis else list(arguments)
        if len(items) != len(value):
            raise ConfigError(f"expected {len(items)} values for recipe key {place!r}, found {value!r}; correct the list")
        return tuple(_convert(item, part, place) for item, part in zip(items, value, strict=True))
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool):
        raise ConfigError(f"expected {hint.__name__} for recipe key {place!r}, found {value!r}; correct the value")
    return value


def _demand(holds: bool, key: str, expected: str, found: Any) -> None:
    """Refuse a value of the recipe that is out of range."""
    if not holds:
        raise ConfigError(f"expected {expected} for recipe key {key!r}, found {found!r}; correct the recipe")


def _find(path: str | os.PathLike[str]) -> Path:
    file = Path(path)
    if file.is_file():
        return file
    name = file.name.removesuffix(".toml")
    if name in shipped_recipes():
        return Path(str(files("spectrack.training").joinpath("recipes", f"{name}.toml")))
    raise ConfigError(
        f"expected a recipe file or the name of a shipped recipe, found {os.fspath(path)!r}; {nearest_name(name, shipped_recipes())}"
    )
