"""The training loop: one function from a recipe to a weights file, resumable to the bit, on Lightning Fabric.

A run directory holds the resolved recipe, a JSON-lines log, the newest checkpoint and, at the end, the weights. Killing a
run costs at most the steps since the last checkpoint; starting it again goes on from there with the same pairs.
"""

from __future__ import annotations

import json
import logging
import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric, seed_everything

from spectrack.errors import ConfigError
from spectrack.files import write_atomically, write_json
from spectrack.trackers.precision import resolve_device, resolve_precision
from spectrack.training.learner import MovingAverage, SiamBANLearner, parameter_groups
from spectrack.training.pairs import Batch, PairBatches, build_sources, iterate_batches
from spectrack.training.recipe import OptimiserConfig, Recipe
from spectrack.weights.files import load_state, read_weights, save_weights
from spectrack.weights.metadata import WeightsMetadata

_log = logging.getLogger(__name__)

VALIDATION_SEED_OFFSET = 1_000_000_007
LOG_EVERY = 50


@dataclass(frozen=True)
class Progress:
    """Where a training stands; handed to the caller's callback.

    Attributes:
        step: steps done.
        steps: steps in all.
        losses: means since the last report, by name.
        pairs_per_second: since the last report.
        validation_iou: newest mean IoU on held-out pairs, None before the first.
    """

    step: int
    steps: int
    losses: dict[str, float]
    pairs_per_second: float
    validation_iou: float | None


def train(
    recipe: Recipe,
    out: str | os.PathLike[str],
    *,
    cache: str | os.PathLike[str] | None = None,
    device: str = "auto",
    jobs: int = 2,
    stop_after: int | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Path:
    """Train, or go on training, and write ``<name>.safetensors``.

    Args:
        recipe: what to do; see `load_recipe`.
        out: run directory; a run of the same recipe found there is resumed.
        cache: where banks and clips are kept, ``<out>/cache`` by default.
        device: auto, cpu or cuda.
        jobs: processes that render before the training starts.
        stop_after: leave after so many steps of this call, with a checkpoint (to test resuming, or to share a machine).
        on_progress: called every 50 steps.

    Returns:
        Path of the weights; of the checkpoint when stopped early.

    Raises:
        ConfigError: `out` holds a run of another recipe, or the recipe names something unknown.
    """
    directory = Path(out)
    _claim(directory, recipe)
    fabric = _fabric(recipe, device)
    sources = build_sources(recipe.data, Path(cache) if cache else directory / "cache", jobs=jobs)
    return _Run(recipe, directory, fabric, sources, on_progress).go(stop_after)


def learning_rate(config: OptimiserConfig, step: int, steps: int) -> float:
    """Linear warm-up, then a cosine down to `final_share` of the peak. Step counts from 0."""
    if step < config.warmup_steps:
        return config.learning_rate * (step + 1) / config.warmup_steps
    done = (step - config.warmup_steps) / max(1, steps - config.warmup_steps)
    cosine = 0.5 * (1.0 + math.cos(math.pi * min(1.0, done)))
    return config.learning_rate * (config.final_share + (1.0 - config.final_share) * cosine)


class _Run:
    """State of one training; kept together so that saving and loading cannot forget a part."""

    def __init__(
        self, recipe: Recipe, directory: Path, fabric: Any, sources: list[Any], on_progress: Callable[[Progress], None] | None
    ) -> None:
        self.recipe, self.directory, self.fabric, self.on_progress = recipe, directory, fabric, on_progress
        seed_everything(recipe.seed, verbose=False)
        self.learner = SiamBANLearner(recipe)
        if recipe.start:
            state, _ = read_weights(recipe.start)
            load_state(self.learner.network, state, source=recipe.start)
        self.learner = self.learner.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        groups = parameter_groups(self.learner, recipe.optimiser.weight_decay)
        optimiser = _optimiser(recipe.optimiser, groups)
        self.model, self.optimiser = fabric.setup(self.learner, optimiser)
        self.average = MovingAverage(self.learner.network, recipe.optimiser.average)
        self.step, self.validation_iou = 0, None
        share = recipe.batch // fabric.world_size
        self.batches = PairBatches(sources, recipe.data.ratios, seed=recipe.seed, batch=share, offset=share * fabric.global_rank)
        self.held_out = PairBatches(sources, recipe.data.ratios, seed=recipe.seed + VALIDATION_SEED_OFFSET, batch=32)
        self.checkpoint = directory / "checkpoint.ckpt"

    def go(self, stop_after: int | None) -> Path:
        self._resume()
        last = self.recipe.steps if stop_after is None else min(self.recipe.steps, self.step + stop_after)
        sums: dict[str, float] = {}
        since, clock = self.step, time.perf_counter()
        for batch in iterate_batches(self.batches, self.step, last, workers=self.recipe.data.workers):
            for name, value in self._advance(Batch(*batch)).items():
                sums[name] = sums.get(name, 0.0) + value
            if self.step % LOG_EVERY == 0 or self.step == last:
                count, seconds = self.step - since, time.perf_counter() - clock
                self._report({name: value / count for name, value in sums.items()}, count * self.recipe.batch / seconds)
                sums, since, clock = {}, self.step, time.perf_counter()
            if self.step % self.recipe.validation_every == 0 or self.step == last:
                self._validate()
                self._save()
                clock = time.perf_counter()
        return self._finish() if self.step >= self.recipe.steps else self.checkpoint

    def _advance(self, batch: Batch) -> dict[str, float]:
        rate = learning_rate(self.recipe.optimiser, self.step, self.recipe.steps)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.model.train()
        batch = Batch(*(self.fabric.to_device(tensor) for tensor in batch))
        losses = self.model(batch, self.step)
        self.optimiser.zero_grad()
        self.fabric.backward(losses["total"])
        self.fabric.clip_gradients(self.model, self.optimiser, max_norm=self.recipe.optimiser.gradient_clip)
        self.optimiser.step()
        self.average.update(self.learner.network, self.step)
        self.step += 1
        return {name: float(value.detach()) for name, value in losses.items()}

    def _report(self, losses: dict[str, float], speed: float) -> None:
        if self.fabric.global_rank != 0:
            return
        progress = Progress(self.step, self.recipe.steps, losses, speed, self.validation_iou)
        rate = learning_rate(self.recipe.optimiser, self.step - 1, self.recipe.steps)
        entry = {"step": self.step, "pairs": self.step * self.recipe.batch, "learning_rate": rate, "pairs_per_second": round(speed, 2)}
        self._log(entry | {name: round(value, 5) for name, value in losses.items()})
        if self.on_progress:
            self.on_progress(progress)

    def _log(self, entry: dict[str, Any]) -> None:
        with (self.directory / "log.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps(entry | {"time": round(time.time(), 1)}) + "\n")

    @torch.no_grad()
    def _validate(self) -> None:
        """Mean IoU of the averaged weights on held-out pairs."""
        count = self.recipe.validation_pairs // 32
        if count == 0 or self.fabric.global_rank != 0:
            return
        judge = SiamBANLearner(self.recipe).to(self.fabric.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        judge.network.load_state_dict(self.average.state)
        judge.eval()
        overlaps = [judge.overlaps(Batch(*(self.fabric.to_device(part) for part in self.held_out[i]))) for i in range(count)]
        self.validation_iou = float(torch.cat(overlaps).mean())
        self._log({"step": self.step, "validation_iou": round(self.validation_iou, 4)})

    def _save(self) -> None:
        # Fabric writes in place; the rename keeps the old checkpoint whole until the new one is.
        state = {"model": self.model, "optimiser": self.optimiser, "average": self.average.state, "step": self.step}
        with write_atomically(self.checkpoint) as temporary:
            self.fabric.save(temporary, state)

    def _resume(self) -> None:
        if not self.checkpoint.is_file():
            return
        state: dict[str, Any] = {"model": self.model, "optimiser": self.optimiser}
        rest = self.fabric.load(self.checkpoint, state)
        self.average.state, self.step = rest["average"], int(rest["step"])
        _log.info("resumed at step %d of %d", self.step, self.recipe.steps)

    def _finish(self) -> Path:
        recipe, path = self.recipe, self.directory / f"{self.recipe.name}.safetensors"
        if self.fabric.global_rank == 0:
            metadata = WeightsMetadata(
                method=recipe.method,
                profile=recipe.network.profile,
                scaling=recipe.data.scaling,
                false_colour=recipe.data.false_colour,
                input_range=recipe.network.input_range,
                config=recipe.network.to_json(),
                recipe=recipe.name,
                data=", ".join(recipe.data.sources) + (f"; {recipe.description}" if recipe.description else ""),
                seed=recipe.seed,
                extra={
                    "online": {key: getattr(recipe.online, key) for key in recipe.online.__dataclass_fields__},
                    "pairs": recipe.pairs,
                    "validation_iou": self.validation_iou,
                },
            )
            state = {name: tensor.cpu().contiguous() for name, tensor in self.average.state.items()}
            save_weights(path, state, metadata, storage="float16")
        return path


def _claim(directory: Path, recipe: Recipe) -> None:
    """Make the run directory this recipe's, or refuse one that belongs to another."""
    directory.mkdir(parents=True, exist_ok=True)
    resolved, file = json.loads(json.dumps(recipe.to_json())), directory / "recipe.json"
    if file.is_file():
        found = json.loads(file.read_text())
        different = sorted(key for key in resolved.keys() | found.keys() if resolved.get(key) != found.get(key))
        if different:
            raise ConfigError(
                f"expected a run of the same recipe in {directory}, found one that differs in {', '.join(different)}; choose another --out"
            )
    else:
        write_json(file, resolved)


def _fabric(recipe: Recipe, device: str) -> Any:
    resolved = resolve_device(device)
    precision = resolve_precision(recipe.precision, resolved)
    accelerator = "cuda" if resolved.type == "cuda" else "cpu"
    fabric = Fabric(
        accelerator=accelerator,
        devices="auto" if accelerator == "cuda" else 1,
        precision="bf16-mixed" if precision == "bf16" else "32-true",
    )
    fabric.launch()
    return fabric


def _optimiser(config: OptimiserConfig, groups: list[dict[str, object]]) -> torch.optim.Optimizer:
    if config.kind == "sgd":
        return torch.optim.SGD(groups, lr=config.learning_rate, momentum=0.9)
    return torch.optim.AdamW(groups, lr=config.learning_rate)
