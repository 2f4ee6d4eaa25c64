"""In which number format a training runs: `auto` times a step of it in both."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from spectrack.engines.engine import Precision
from spectrack.trackers.method import resolve
from spectrack.trackers.precision import measure_precision
from spectrack.trackers.registry import find_trained_method
from spectrack.training.feeds import FeedMaker
from spectrack.training.learner import channels_last
from spectrack.training.processes import apart
from spectrack.training.recipe import Recipe
from spectrack.training.stages import StageSchedule

_MOST_PAIRS = 4
"""As many tell the formats apart; a whole batch in float32 would be the most memory that a training ever asks for."""


def training_precision(recipe: Recipe, feeds: FeedMaker, device: torch.device) -> Precision:
    """The recipe's number format; for ``auto`` the one in which a step on its first pairs is faster here.

    Args:
        recipe: of the training.
        feeds: its pairs.
        device: where it runs.
    """
    if recipe.precision != "auto":
        return recipe.precision
    described = recipe.to_json()
    held = {key: described[key] for key in ("frozen", "stages")}
    shape = {"training of": recipe.method, "network": described["network"], "pairs": _pairs(recipe), **held}
    with apart():
        return measure_precision(lambda precision: _step(recipe, feeds, device, precision), device, shape).precision


def _pairs(recipe: Recipe) -> int:
    return min(recipe.batch, _MOST_PAIRS)


def _step(recipe: Recipe, feeds: FeedMaker, device: torch.device, precision: Precision) -> Callable[[], object]:
    """Forward and backward pass of a new network over a few pairs; the caller's random numbers stay as they are.

    What the last stage holds still is held here too: a frozen backbone needs neither the time nor the memory of a
    backward pass, and both may differ between the formats.
    """
    pairs = feeds.feed(seed=recipe.seed, batch=_pairs(recipe))
    with torch.random.fork_rng():
        learner: Any = channels_last(resolve(find_trained_method(recipe.method).learner)(recipe).to(device))
        batch = pairs.finish(pairs[0], lambda tensor: tensor.to(device))
    schedule, (_, stage) = StageSchedule(recipe, learner.network), recipe.stage_at(recipe.steps - 1)
    schedule.enter(stage)
    learner.enter(stage)

    def step() -> None:
        with torch.random.fork_rng(), torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == "bf16"):
            learner.train()
            schedule.hold()
            losses = learner(batch, 0)
        losses["total"].backward()
        learner.zero_grad()
        float(losses["total"].detach())

    return step
