"""Feeds: the batches that a method eats, made ahead of the training, by the two kinds there are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from torch import Tensor

from spectrack.pairs.batches import PairBatches, PairSource, build_sources
from spectrack.pairs.spectral_batches import SpectralBatches, SpectralSource, build_spectral_sources
from spectrack.trackers.registry import find_trained_method
from spectrack.training.recipe import Recipe


class Feed(Protocol):
    """Batches by step; `finish` turns what `iterate_batches` makes in worker processes into a learner's batch."""

    def __getitem__(self, index: int) -> Any:
        """The packed batch of step `index`."""

    def finish(self, packed: Any, move: Callable[[Tensor], Tensor]) -> Any:
        """The batch, on the device that `move` brings tensors to."""


class FeedMaker:
    """Feeds of one recipe over the same sources.

    Args:
        recipe: whose data, for batches of its method's kind.
        cache: where banks and clips are kept.
        jobs: processes that render.

    Raises:
        ConfigError: a source that is neither known nor a path.
    """

    def __init__(self, recipe: Recipe, cache: Path, *, jobs: int = 2) -> None:
        self.recipe, self.kind = recipe, find_trained_method(recipe.method).batches
        self._spectral: list[SpectralSource] = []
        self._pairs: list[PairSource] = []
        if self.kind == "spectral":
            self._spectral = build_spectral_sources(recipe.data, cache, jobs=jobs)
        else:
            self._pairs = build_sources(recipe.data, cache, jobs=jobs)

    @property
    def content(self) -> dict[str, str]:
        """By source what its pairs are made of, as digests."""
        keys = [source.key for source in self._sources()]
        return dict(zip(self.recipe.data.sources, keys, strict=True))

    @property
    def collections(self) -> list[dict[str, Any]]:
        """Somebody's own photographs and cut-outs in the pairs, by use, name, number of files, digest and share."""
        return [entry for source in self._sources() for entry in source.collections]

    def _sources(self) -> list[PairSource] | list[SpectralSource]:
        return self._spectral or self._pairs

    def feed(self, *, seed: int, batch: int, offset: int = 0) -> Feed:
        """Batches of `batch` pairs, the first of which stands at place `offset` of a common batch."""
        if self.kind == "spectral":
            return SpectralBatches(self._spectral, self.recipe.data, seed=seed, batch=batch, offset=offset)
        return PairBatches(self._pairs, self.recipe.data.ratios, seed=seed, batch=batch, offset=offset)
