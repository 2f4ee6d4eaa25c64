"""The training loop, on Lightning Fabric: from a recipe to a weights file, for every method, resumable to the bit.

A run directory holds the resolved recipe, the environment, a JSON-lines log, the newest checkpoint and, at the end, the
weights. Killing a run costs at most the steps since the last checkpoint; starting it again goes on from there with the
same pairs and, in the same number format, with the same number of threads and on the same kind of machine, to the same
weights bit for bit.

Several processes (GPUs of one machine, or `torchrun` on one or several) share every batch; process 0 alone renders
first, validates and writes. How many there are changes the result by rounding alone (`spectrack.training.processes`).
"""

from __future__ import annotations

import logging
import math
import os
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric, seed_everything

from spectrack.engines.engine import Precision
from spectrack.errors import ConfigError
from spectrack.files import claim_folder
from spectrack.pairs.batches import iterate_batches
from spectrack.pairs.spectral_pairs import KINDS
from spectrack.provenance import machine_name
from spectrack.trackers.method import resolve
from spectrack.trackers.precision import resolve_device
from spectrack.trackers.registry import find_trained_method
from spectrack.training.feeds import FeedMaker
from spectrack.training.learner import Learner, MovingAverage, channels_last
from spectrack.training.machine import keep_memory, torch_threads
from spectrack.training.options import TrainOptions
from spectrack.training.precision import training_precision
from spectrack.training.processes import mean_over_processes, mean_values, share_batch_norm, share_gradients
from spectrack.training.recipe import Recipe
from spectrack.training.run_directory import ClaimedTrainingDirectory, TrainingDirectory, training_terms
from spectrack.training.stages import StageSchedule, no_random_part_held
from spectrack.weights.files import SharedWeights, save_weights
from spectrack.weights.metadata import WeightsMetadata
from spectrack.weights.starts import Start, read_start, start_name

_log = logging.getLogger(__name__)

VALIDATION_SEED_OFFSET = 1_000_000_007
VALIDATION_BATCH = 32
LOG_EVERY = 50


@dataclass(frozen=True)
class Progress:
    """Where a training stands; handed to the caller's callback.

    Attributes:
        step: steps done.
        steps: steps in all.
        losses: means since the last report, by name; what else the learner tells is among them.
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
    device: str = TrainOptions.device,
    jobs: int = TrainOptions.jobs,
    stop_after: int | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Path:
    """Train, or go on training, and write ``<name>.safetensors``.

    Args:
        recipe: what to do; see `load_recipe`.
        out: run directory; a run of the same recipe found there is resumed.
        cache: where banks and clips are kept, ``<out>/cache`` by default; all processes must see it.
        device: auto, cpu or cuda.
        jobs: processes that render before the training starts, -1 for as many as there are cores.
        stop_after: leave after so many steps of this call, with a checkpoint (to test resuming, or to share a machine).
        on_progress: called every 50 steps.

    Returns:
        Path of the weights; of the checkpoint when stopped early.

    Raises:
        ConfigError: `out` holds a run of another recipe, the recipe names something unknown, the batch does not divide
            among the processes, or the losses are no longer finite.
        WeightsError: `recipe.start` cannot be read or does not fit the network.
    """
    if stop_after is not None and stop_after < 1:
        raise ConfigError(f"expected to stop after at least 1 step, found {stop_after}; leave it out to finish")
    if jobs == 0:
        raise ConfigError("expected at least one job, found 0; -1 takes as many as there are cores")
    keep_memory()
    directory = TrainingDirectory(Path(out))
    fabric = _launch(resolve_device(device))
    with ExitStack() as claims:
        if fabric.is_global_zero:
            directory = ClaimedTrainingDirectory(
                claims.enter_context(claim_folder(out, training_terms(recipe))), recipe
            )
        if recipe.batch % fabric.world_size:
            raise ConfigError(
                f"expected recipe.batch evenly shared by {fabric.world_size} processes, found {recipe.batch}; change it"
            )
        with fabric.rank_zero_first():  # the others find what it fetched and made
            start = read_start(recipe.start) if recipe.start else None  # before hours may be spent on pictures
            feeds = FeedMaker(recipe, Path(cache) if cache else directory.path / "cache", jobs=jobs)
        precision: Precision | None = None
        threads: int | None = None
        if isinstance(directory, ClaimedTrainingDirectory):
            directory.refuse_other_data(feeds.content)
            threads = directory.threads()
            precision = directory.precision() or training_precision(recipe, feeds, fabric.device)
        precision, threads = fabric.broadcast((precision, threads))
        claims.enter_context(torch_threads(threads))
        return _Run(recipe, directory, fabric, precision, start, feeds, on_progress).go(stop_after)


class _Run:
    """State of one training; kept together so that saving and loading cannot forget a part."""

    def __init__(
        self,
        recipe: Recipe,
        directory: TrainingDirectory,
        fabric: Any,
        precision: Precision | None,
        start: Start | None,
        feeds: FeedMaker,
        on_progress: Callable[[Progress], None] | None,
    ) -> None:
        self.recipe, self.directory, self.fabric, self.on_progress = recipe, directory, fabric, on_progress
        self.writer = directory if isinstance(directory, ClaimedTrainingDirectory) else None  # of one process
        self.half, self.feeds = precision == "bf16", feeds
        seed_everything(recipe.seed, verbose=False)
        self.learner = self._new_learner()
        self.start: WeightsMetadata | None = None
        if start is not None:
            state, self.start = start
            with no_random_part_held(recipe, self.learner.network):
                self.learner.load_start(state, self.start, recipe.start)
        if fabric.world_size > 1:
            share_batch_norm(self.learner)
        channels_last(self.learner.to(fabric.device))
        self.plan = StageSchedule(recipe, self.learner.network)
        self.optimisers = [fabric.setup_optimizers(group.build()) for group in self.plan.groups]
        self.average = MovingAverage(self.learner.network, recipe.optimiser.average)
        self.step, self.stage = 0, -1
        self.validation_iou: float | None = None
        share = recipe.batch // fabric.world_size
        self.batches = feeds.feed(seed=recipe.seed, batch=share, offset=share * fabric.global_rank)
        self.held_out = feeds.feed(
            seed=recipe.seed + VALIDATION_SEED_OFFSET, batch=max(1, min(VALIDATION_BATCH, recipe.validation_pairs))
        )

    def _new_learner(self) -> Learner:
        learner: Learner = resolve(find_trained_method(self.recipe.method).learner)(self.recipe)
        return learner

    def go(self, stop_after: int | None) -> Path:
        """Train to the end, or for `stop_after` steps; returns the weights or the checkpoint."""
        if self.writer is not None:
            feeds, machine = self.feeds, machine_name(str(self.fabric.device))
            self.writer.start(
                "bf16" if self.half else "fp32",
                machine,
                feeds.content,
                collections=feeds.collections,
                left_out=feeds.left_out,
            )
            if feeds.unlabelled is not None:
                self.writer.tell_unlabelled(feeds.unlabelled.report)
        self._resume()
        last = self.recipe.steps if stop_after is None else min(self.recipe.steps, self.step + stop_after)
        sums: dict[str, float] = {}
        since, clock = self.step, time.perf_counter()
        for packed in iterate_batches(self.batches, self.step, last, workers=self.recipe.data.workers):
            for name, value in self._advance(packed).items():
                sums[name] = sums.get(name, 0.0) + value
            if self.step % LOG_EVERY == 0 or self.step == last:
                count, seconds = self.step - since, time.perf_counter() - clock
                means = mean_values({name: value / count for name, value in sums.items()}, self.fabric.device)
                self._report(means, count * self.recipe.batch / seconds)
                sums, since, clock = {}, self.step, time.perf_counter()
            if self.step % self.recipe.validation_every == 0 or self.step == last:
                pause = time.perf_counter()
                self._validate()
                self._save()
                clock += time.perf_counter() - pause
        return self._finish() if self.step >= self.recipe.steps else self.directory.checkpoint

    def _enter_stage(self) -> None:
        """Begin the stage of the present step, unless it has begun."""
        number, stage = self.recipe.stage_at(self.step)
        if number == self.stage:
            return
        self.stage = number
        self.learner.enter(stage)
        self.plan.enter(stage)

    def _advance(self, packed: Any) -> dict[str, float]:
        self._enter_stage()
        self.learner.train()
        self.plan.hold()
        batch = self.batches.finish(packed, self.fabric.to_device)
        with torch.autocast(self.fabric.device.type, dtype=torch.bfloat16, enabled=self.half):
            losses = self.learner(batch, self.step)
        values = {name: float(value.detach()) for name, value in losses.items()}
        # Of all processes, so that none is left waiting for one that gave up.
        if not math.isfinite(float(mean_over_processes(losses["total"].detach()))):
            raise ConfigError(
                f"expected finite losses, found {values} at step {self.step}; lower optimiser.learning_rate or raise "
                "optimiser.warmup_steps in a new run (the last checkpoint is from before)"
            )
        for optimiser in self.optimisers:
            optimiser.zero_grad()
        self.fabric.backward(losses["total"])
        share_gradients(self.learner.parameters())
        for group, optimiser in zip(self.plan.groups, self.optimisers, strict=True):
            if not group.active:
                continue
            for part in optimiser.param_groups:
                part["lr"] = group.rate(self.step, self.recipe.steps)
            self.fabric.clip_gradients(self.learner, optimiser, max_norm=group.config.gradient_clip)
            optimiser.step()
        self.average.update(self.learner.network, self.step)
        self.step += 1
        return values

    def _report(self, losses: dict[str, float], speed: float) -> None:
        if self.writer is None:
            return
        rate = self.plan.groups[0].rate(self.step - 1, self.recipe.steps)
        entry = {
            "step": self.step,
            "pairs": self.step * self.recipe.batch,
            "learning_rate": rate,
            "pairs_per_second": round(speed, 2),
        }
        self.writer.log(entry | {name: round(value, 5) for name, value in losses.items()})
        if self.on_progress:
            self.on_progress(Progress(self.step, self.recipe.steps, losses, speed, self.validation_iou))

    @torch.no_grad()
    def _validate(self) -> None:
        """Mean IoU of the averaged weights on held-out pairs."""
        count = math.ceil(self.recipe.validation_pairs / VALIDATION_BATCH)
        if count == 0 or self.writer is None:
            return
        judge = self._new_learner()
        judge.network.load_state_dict(self.average.state)
        channels_last(judge.to(self.fabric.device)).eval()
        found: list[torch.Tensor] = []
        kinds: list[torch.Tensor] = []
        for index in range(count):
            batch = self.held_out.finish(self.held_out[index], self.fabric.to_device)
            found.append(judge.overlaps(batch))
            kinds.append(batch.kind[batch.positive] if hasattr(batch, "kind") else batch.box.new_zeros(0))
        overlaps, kind = torch.cat(found), torch.cat(kinds)
        # Few pairs may all be negative.
        if len(overlaps):
            self.validation_iou = float(overlaps.mean())
            entry = {"step": self.step, "validation_iou": round(self.validation_iou, 4)}
            for number in sorted(set(kind.tolist())):
                entry[f"validation_iou_{KINDS[number]}"] = round(float(overlaps[kind == number].mean()), 4)
            self.writer.log(entry)

    def _save(self) -> None:
        if self.writer is not None:
            self.writer.save_checkpoint(
                {
                    "model": self.learner.state_dict(),
                    "optimiser": [optimiser.state_dict() for optimiser in self.optimisers],
                    "average": self.average.state,
                    "step": self.step,
                    "validation_iou": self.validation_iou,
                }
            )
        self.fabric.barrier()

    def _resume(self) -> None:
        state = self.directory.load_checkpoint(self.fabric.device)
        if state is not None:
            self.learner.load_state_dict(state["model"])
            for optimiser, saved in zip(self.optimisers, state["optimiser"], strict=True):
                optimiser.load_state_dict(saved)
            self.average.load(state["average"])
            self.step, self.validation_iou = int(state["step"]), state["validation_iou"]
            _log.info("resumed at step %d of %d", self.step, self.recipe.steps)
        if self.writer is not None:
            self.writer.cut_log(self.step)
        self.fabric.barrier()

    def _finish(self) -> Path:
        recipe, path = self.recipe, self.directory.path / f"{self.recipe.name}.safetensors"
        if self.writer is not None:
            # The last part of a path only: where somebody keeps data is nobody else's business.
            sources = ", ".join(Path(name).name for name in recipe.data.names)
            described = self.learner.describe()
            training: dict[str, Any] = {"pairs": recipe.pairs, "validation_iou": self.validation_iou}
            if self.feeds.collections:
                training["collections"] = self.feeds.collections
            if self.feeds.unlabelled is not None:
                training["unlabelled"] = self.feeds.unlabelled.summary()
            if self.start is not None:
                training["start"] = self.start.as_start(start_name(recipe.start))
                described = {"licence": self.start.licence} | described
            metadata = WeightsMetadata(
                method=recipe.method,
                recipe=recipe.name,
                data=f"{sources}; {recipe.description}" if recipe.description else sources,
                seed=recipe.seed,
                **described | {"extra": described.get("extra", {}) | training},
            )
            with self.writer.claim.writing(path.name) as temporary:
                save_weights(temporary, self.average.state, metadata, storage="float16", shared=self._shared())
        self.fabric.barrier()
        return path

    def _shared(self) -> SharedWeights | None:
        """The start's tensors, where the recipe leaves those that did not change to its file."""
        if not self.recipe.share_start:
            return None
        state, metadata = read_start(self.recipe.start)
        renamed = {"": ""} if metadata.method == self.recipe.method else self.learner.STARTS[metadata.method]
        return SharedWeights(start_name(self.recipe.start), state, renamed)


def _launch(device: torch.device) -> Any:
    """Fabric on one process, on all GPUs of this machine, or as `torchrun` says."""
    accelerator = "cuda" if device.type == "cuda" else "cpu"
    devices: Any = 1
    if accelerator == "cuda":
        devices = torch.cuda.device_count() if device.index is None else [device.index]
    nodes = 1
    if "LOCAL_WORLD_SIZE" in os.environ:
        devices = int(os.environ["LOCAL_WORLD_SIZE"])
        nodes = int(os.environ["WORLD_SIZE"]) // devices
    several = nodes > 1 or (isinstance(devices, int) and devices > 1)
    # By itself Fabric would fork where there is no GPU.
    strategy = "ddp" if several else "auto"
    fabric = Fabric(accelerator=accelerator, devices=devices, num_nodes=nodes, strategy=strategy, precision="32-true")
    fabric.launch()
    return fabric
