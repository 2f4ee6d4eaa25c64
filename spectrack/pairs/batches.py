"""Batches of pairs: sources mixed by ratio, every pair decided by (seed, step, place in the batch) alone.

So a training that is interrupted and resumed, or that uses more worker processes, sees exactly the same pairs.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from spectrack.pairs.bank import build_bank
from spectrack.pairs.clip_pairs import PairMaker, clip_pair
from spectrack.pairs.clip_sources import prepare_clips
from spectrack.pairs.configuration import DataConfig
from spectrack.pairs.stored_clips import StoredClip, clips_key
from spectrack.pairs.synthesis import Pair, render_pair
from spectrack.pairs.unlabelled import Unlabelled, prepare_unlabelled


class Batch(NamedTuple):
    """Pairs as tensors.

    Attributes:
        template: (N, 127, 127, 3) uint8.
        search: (N, 255, 255, 3) uint8.
        box: (N, 4) float32, x0, y0, x1, y1 in the search crop.
        positive: (N,) bool.
        template_box: (N, 4) float32, x0, y0, x1, y1 in the template crop.
    """

    template: Tensor
    search: Tensor
    box: Tensor
    positive: Tensor
    template_box: Tensor


@dataclass(frozen=True, eq=False)
class PairSource:
    """A source of pairs.

    Attributes:
        key: changes with what the pairs are made of.
        make: makes a pair.
        collections: what `Bank.used` tells.
        unlabelled: what is told about video without boxes; None for other sources.
        left_out: by name, why a sequence of the source is not used.
    """

    key: str
    make: PairMaker
    collections: list[dict[str, Any]] = field(default_factory=list)
    unlabelled: Unlabelled | None = None
    left_out: dict[str, str] = field(default_factory=dict)

    def __call__(self, rng: np.random.Generator) -> Pair:
        """One pair."""
        return self.make(rng)


def build_sources(data: DataConfig, cache: Path, *, jobs: int = 2) -> list[PairSource]:
    """One maker of pairs for each of ``data.names``, with everything it needs rendered or converted into `cache`.

    Raises:
        ConfigError: a source that is neither known nor a folder, or video without boxes in which nothing was kept.
    """
    sources = [_build_source(name, data, cache, jobs) for name in data.sources]
    if data.unlabelled.videos:
        rule = data.false_colour
        found = prepare_unlabelled(cache, data.unlabelled, scaling=data.scaling, rule=rule, colours=rule)
        sources.append(replace(_clip_source(found.clips, data), unlabelled=found))
    return sources


def _build_source(name: str, data: DataConfig, cache: Path, jobs: int) -> PairSource:
    if name == "pictures":
        bank = build_bank(cache, data.bank, photographs=data.photographs, cutouts=data.cutouts, jobs=jobs)
        used = bank.used(data.synthesis.photograph_share, data.synthesis.cutout_share)
        return PairSource(bank.directory.name, lambda rng: render_pair(rng, bank, data.synthesis), used)
    clips, left_out = prepare_clips(
        name,
        cache,
        data.clips,
        scaling=data.scaling,
        rule=data.false_colour,
        datasets=data.datasets,
        pictures=data.false_colour if data.colour == "dataset" else "",
        jobs=jobs,
    )
    return replace(_clip_source(clips, data), left_out=left_out)


def _clip_source(clips: list[StoredClip], data: DataConfig) -> PairSource:
    photometric = data.synthesis.photometric
    return PairSource(clips_key(clips), lambda rng: clip_pair(rng, clips, data.clips, photometric, data.encoding))


class PairBatches(Dataset[Batch]):
    """Batch number i of a training.

    Args:
        sources: makers of pairs.
        ratios: their shares; equal when empty.
        seed: of the training; validation uses another.
        batch: pairs of this process in a batch.
        offset: place of this process's first pair in the common batch.
    """

    def __init__(
        self, sources: Sequence[PairMaker], ratios: tuple[float, ...], *, seed: int, batch: int, offset: int = 0
    ) -> None:
        self.sources, self.seed, self.batch, self.offset = sources, seed, batch, offset
        shares: NDArray[np.float64] = np.asarray(ratios or (1.0,) * len(sources), dtype=np.float64)
        self.shares = shares / shares.sum()

    def __getitem__(self, index: int) -> Batch:
        """The batch of step `index`."""
        pairs = [self.pair(index, self.offset + place) for place in range(self.batch)]
        return Batch(
            torch.from_numpy(np.stack([pair.template for pair in pairs])),
            torch.from_numpy(np.stack([pair.search for pair in pairs])),
            torch.from_numpy(np.stack([pair.box for pair in pairs])),
            torch.tensor([pair.positive for pair in pairs]),
            torch.from_numpy(np.stack([pair.template_box for pair in pairs])),
        )

    def finish(self, packed: Batch, move: Callable[[Tensor], Tensor]) -> Batch:
        """What the network gets, from what `__getitem__` gave; `move` brings a tensor to the training's device."""
        return Batch(*(move(part) for part in packed))

    def pair(self, index: int, place: int) -> Pair:
        """One pair of step `index`."""
        rng = np.random.default_rng([self.seed, index, place])
        source = self.sources[int(rng.choice(len(self.sources), p=self.shares))]
        return source(rng)


def iterate_batches(batches: Any, start: int, stop: int, *, workers: int) -> Iterator[Any]:
    """Batches `start` to `stop` - 1 in order, made ahead by worker processes.

    Args:
        batches: what `PairBatches` is: batches by number.
        start: number of the first.
        stop: number after the last.
        workers: processes.

    Workers share the bank's memory by forking, which is safe on Linux only; elsewhere the trainer makes the pairs.
    """
    if not sys.platform.startswith("linux"):
        workers = 0
    loader: DataLoader[Any] = DataLoader(
        batches,
        batch_size=None,
        sampler=range(start, stop),
        num_workers=workers,
        prefetch_factor=3 if workers else None,
        worker_init_fn=_quiet_worker,
        multiprocessing_context="fork" if workers else None,
    )
    return iter(loader)


def _quiet_worker(_: int) -> None:
    # One thread each: the cores are shared with the training itself.
    import cv2

    cv2.setNumThreads(0)
    torch.set_num_threads(1)
