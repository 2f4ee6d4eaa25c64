"""Weights trained for an ablation: the method's recipe with one thing changed, on a short budget, once a seed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spectrack.errors import ConfigError

if TYPE_CHECKING:
    from spectrack.training.loop import Progress
    from spectrack.training.recipe import OptimiserConfig, Recipe


def shortened(recipe: Recipe, pairs: int) -> Recipe:
    """The same recipe for another number of pairs: stages and warm-ups keep their share of the training.

    Raises:
        ConfigError: too few pairs for the recipe's stages, or for one batch.
    """
    share = pairs / recipe.pairs

    def scaled(optimiser: OptimiserConfig) -> OptimiserConfig:
        return replace(optimiser, warmup_steps=round(optimiser.warmup_steps * share))

    stages = [replace(stage, steps=max(1, round(stage.steps * share))) for stage in recipe.stages]
    if stages:
        stages[-1] = replace(stages[-1], steps=0)  # rounding must not leave steps over
    return replace(
        recipe,
        pairs=pairs,
        stages=tuple(stages),
        optimiser=scaled(recipe.optimiser),
        groups=tuple(replace(group, optimiser=scaled(group.optimiser)) for group in recipe.groups),
    )


def ablation_recipe(name: str, overrides: dict[str, Any], *, pairs: int | None, budget: float, seed: int) -> Recipe:
    """What a retrained row is trained by.

    Args:
        name: of the recipe that everything else is taken from.
        overrides: what the row changes, dotted keys.
        pairs: pairs that it sees; None for the share `budget` of the recipe's.
        budget: see `pairs`.
        seed: of the training.

    Raises:
        ConfigError: what `load_recipe` and `shortened` refuse.
    """
    from spectrack.training.recipe import load_recipe

    recipe = load_recipe(name, {**overrides, "seed": seed})
    wanted = round(recipe.pairs * budget / recipe.batch) * recipe.batch if pairs is None else pairs
    if wanted < recipe.batch:
        raise ConfigError(f"expected at least one batch of {recipe.batch} pairs for a retrained row, found {wanted}; raise --pairs")
    return shortened(recipe, wanted)


def trained_weights(
    row: str,
    recipe: Recipe,
    folder: Path,
    *,
    cache: Path,
    device: str = "auto",
    jobs: int = 1,
    progress: Callable[[Progress], None] | None = None,
) -> Path:
    """Weights by a recipe, trained unless they are there; an interrupted training goes on where it was.

    Args:
        row: names the run directory, for people; what is in it is found by the recipe.
        recipe: what to train by.
        folder: of all trainings of the ablation; rows with the same recipe share one.
        cache: of banks and clips, for all trainings.
        device: as for a training.
        jobs: processes that render before the training starts.
        progress: called every 50 steps.

    Raises:
        ConfigError: what a training refuses.
        WeightsError: what a training refuses.
    """
    from spectrack.training.loop import train

    directory = folder_of(folder, f"{row}-seed{recipe.seed}", recipe.to_json())
    weights = directory / f"{recipe.name}.safetensors"
    # The training writes this file last.
    return weights if weights.is_file() else train(recipe, directory, cache=cache, device=device, jobs=jobs, on_progress=progress)


def folder_of(parent: Path, name: str, content: Any) -> Path:
    """The folder in `parent` for something that `content` (JSON values) determines: an existing one under whatever name, or a new one."""
    text = json.dumps(content, sort_keys=True, allow_nan=False)
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    found = sorted(parent.glob(f"*-{digest}"))
    return found[0] if found else parent / f"{name.replace('@', '-')}-{digest}"
