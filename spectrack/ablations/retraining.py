"""Weights trained for an ablation: the method's recipe with one thing changed, on a short budget, once a seed."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spectrack.errors import ConfigError
from spectrack.files import check_folder
from spectrack.files.fingerprints import values_digest
from spectrack.runs.workers import in_parallel

if TYPE_CHECKING:
    from spectrack.training.loop import Progress
    from spectrack.training.recipe import OptimiserConfig, Recipe


OnTraining = Callable[[int, int, str], None]
"""Called with steps done, steps in all, and a note."""

_LOOK_EVERY_SECONDS = 2.0


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
        raise ConfigError(f"expected at least a batch of {recipe.batch} pairs for a row, found {wanted}; raise --pairs")
    return shortened(recipe, wanted)


def train_seeds(
    row: str,
    recipes: list[Recipe],
    folder: Path,
    *,
    cache: Path,
    device: str = "auto",
    jobs: int = 1,
    progress: OnTraining | None = None,
) -> list[Path]:
    """Weights by recipes that differ in seeds, trained unless they are there; an interrupted training is taken up.

    With several jobs, as many are trained at a time, on one thread each: networks this small leave the second core of
    one training half idle, and two trainings side by side are faster than one after the other by 1.4; fourteen on one
    GPU by 2.7. Each training uses one GPU, and where there are more they take turns.

    Args:
        row: names the run directories, for people; what is in them is found by the recipe.
        recipes: what to train by.
        folder: of all trainings of the ablation; rows with the same recipe share one.
        cache: of banks and clips, for all trainings.
        device: as for a training.
        jobs: trainings at a time, and processes that render before they start; -1 for as many as there are cores.
        progress: called every 50 steps.

    Raises:
        ConfigError: what a training refuses.
        WeightsError: what a training refuses.
    """
    from joblib import cpu_count

    weights = [_weights(row, recipe, folder) for recipe in recipes]
    missing = [recipe for recipe, path in zip(recipes, weights, strict=True) if not path.is_file()]
    processes = cpu_count() if jobs == -1 else max(1, jobs)
    tell = progress or (lambda done, total, note: None)
    train_one = functools.partial(_train, row, folder=folder, cache=cache)
    tasks = list(zip(missing, _devices(device, len(missing)), strict=True))
    if min(processes, len(missing)) > 1:
        _render(missing, cache, processes)
        places, steps = [_place(row, recipe, folder) for recipe in missing], sum(recipe.steps for recipe in missing)
        with _watched(places, steps, tell):
            list(in_parallel(train_one, tasks, jobs=min(processes, len(missing))))
    else:
        for task in tasks:
            train_one(task, jobs=processes, progress=tell)
    return weights


def _devices(device: str, count: int) -> list[str]:
    """A device for each of some trainings: one GPU each, because the loop takes all of a machine's otherwise."""
    import torch

    from spectrack.trackers.precision import resolve_device

    resolved = resolve_device(device)
    if resolved.type != "cuda" or resolved.index is not None:
        return [str(resolved)] * count
    return [f"cuda:{number % torch.cuda.device_count()}" for number in range(count)]


def trained_on(weights: list[Path]) -> list[str]:
    """The machines that weights were trained on, each once, with the number format, where the trainings say so."""
    from spectrack.training.run_directory import TrainingDirectory

    told = []
    for path in weights:
        made = TrainingDirectory(path.parent).environment() or {}
        # Trainings of earlier versions have no machine of their own, and used a GPU wherever there was one.
        machine = made.get("machine") or made.get("gpu") or made.get("processor")
        if machine:
            told.append(f"{machine}, {made.get('precision')}")
    return sorted(set(told))


def _train(
    row: str, task: tuple[Recipe, str], *, folder: Path, cache: Path, jobs: int = 1, progress: OnTraining | None = None
) -> None:
    from spectrack.training.loop import train

    recipe, device = task

    def report(now: Progress) -> None:
        if progress is not None:
            overlap = "" if now.validation_iou is None else f", IoU {now.validation_iou:.3f}"
            progress(now.step, now.steps, f"seed {recipe.seed}{overlap}")

    train(recipe, _place(row, recipe, folder), cache=cache, device=device, jobs=jobs, on_progress=report)


def _render(recipes: list[Recipe], cache: Path, jobs: int) -> None:
    """Banks and clips, before several trainings look for them at once; recipes that share their data share these."""
    from spectrack.training.feeds import FeedMaker

    for recipe in {repr(recipe.data): recipe for recipe in recipes}.values():
        FeedMaker(recipe, cache, jobs=jobs)


@contextmanager
def _watched(places: list[Path], steps: int, progress: OnTraining) -> Iterator[None]:
    """Tell how far trainings in other processes are, by their logs."""
    from spectrack.training.run_directory import TrainingDirectory

    over = threading.Event()

    def look() -> None:
        told = 0
        while not over.wait(_LOOK_EVERY_SECONDS):
            done = sum(TrainingDirectory(place).logged_step() for place in places)
            if done != told:
                progress(done, steps, f"{len(places)} seeds at once")
                told = done

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()
    progress(steps, steps, f"{len(places)} seeds at once")


def check_places(row: str, recipes: list[Recipe], folder: Path) -> None:
    """Refuse places of trainings in which somebody's files are in the way; see `train_seeds`.

    Raises:
        ConfigError: the message names one of them.
    """
    from spectrack.training.run_directory import training_terms

    for recipe in recipes:
        check_folder(_place(row, recipe, folder), training_terms(recipe))


def _place(row: str, recipe: Recipe, folder: Path) -> Path:
    return folder_of(folder, f"{row}-seed{recipe.seed}", recipe.to_json())


def _weights(row: str, recipe: Recipe, folder: Path) -> Path:
    """Of a finished training: this file is written last."""
    return _place(row, recipe, folder) / f"{recipe.name}.safetensors"


def folder_of(parent: Path, name: str, content: Any) -> Path:
    """The folder in `parent` for what `content` (JSON values) determines: an existing one of any name, or a new one."""
    digest = values_digest(content)[:12]
    found = sorted(parent.glob(f"*-{digest}"))
    return found[0] if found else parent / f"{name.replace('@', '-')}-{digest}"
