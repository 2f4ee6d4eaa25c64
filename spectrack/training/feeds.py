"""Feeds: the batches that a method eats, made ahead of the training, by the two kinds there are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from torch import Tensor

from spectrack.errors import ConfigError, WeightsError
from spectrack.pairs.batches import PairBatches, PairSource, build_sources
from spectrack.pairs.clip_sources import check_source
from spectrack.pairs.spectral_batches import SpectralBatches, SpectralSource, build_spectral_sources
from spectrack.pairs.unlabelled import Unlabelled
from spectrack.trackers.registry import find_trained_method
from spectrack.training.recipe import Recipe
from spectrack.weights.files import read_metadata
from spectrack.weights.index import find_weights


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
        ConfigError: a source that is neither known nor a path; video without boxes that nothing can follow things in.
        SequenceError: a source with sequences that cannot be read.
    """

    def __init__(self, recipe: Recipe, cache: Path, *, jobs: int = 2) -> None:
        self.recipe, self.kind = recipe, find_trained_method(recipe.method).batches
        data = recipe.data
        for name in data.sources:  # before the first is made, which may take an hour
            check_source(name, data.datasets)
        if data.unlabelled.videos:
            data = replace(data, unlabelled=replace(data.unlabelled, weights=_followers(recipe)))
        self._spectral: list[SpectralSource] = []
        self._pairs: list[PairSource] = []
        if self.kind == "spectral":
            self._spectral = build_spectral_sources(data, cache, jobs=jobs)
        else:
            self._pairs = build_sources(data, cache, jobs=jobs)

    @property
    def content(self) -> dict[str, str]:
        """By source what its pairs are made of, as digests."""
        keys = [source.key for source in self._sources()]
        return dict(zip(self.recipe.data.names, keys, strict=True))

    @property
    def collections(self) -> list[dict[str, Any]]:
        """Somebody's own photographs and cut-outs in the pairs, by use, name, number of files, digest and share."""
        return [entry for source in self._sources() for entry in source.collections]

    @property
    def unlabelled(self) -> Unlabelled | None:
        """What video without boxes gave."""
        return next((source.unlabelled for source in self._sources() if source.unlabelled), None)

    @property
    def left_out(self) -> dict[str, dict[str, str]]:
        """By source and by name of a sequence, why the sequence is not used."""
        found = dict(zip(self.recipe.data.names, self._sources(), strict=True))
        return {name: source.left_out for name, source in found.items() if source.left_out}

    def _sources(self) -> Sequence[PairSource | SpectralSource]:
        return self._spectral or self._pairs

    def feed(self, *, seed: int, batch: int, offset: int = 0) -> Feed:
        """Batches of `batch` pairs, the first of which stands at place `offset` of a common batch."""
        if self.kind == "spectral":
            return SpectralBatches(self._spectral, self.recipe.data, seed=seed, batch=batch, offset=offset)
        return PairBatches(self._pairs, self.recipe.data.shares, seed=seed, batch=batch, offset=offset)


def _followers(recipe: Recipe) -> str:
    """The weights that follow things in video without boxes: those named, those of the start, or of the recipe's name.

    Raises:
        ConfigError: none of these are a tracker's.
    """
    asked = recipe.data.unlabelled.weights
    if asked:
        return asked
    start = recipe.start
    named = next((name for name in (start, recipe.name) if name and _can_follow(name)), None)
    if named is not None:
        return named
    raise ConfigError(
        f"expected weights of a tracker to follow things in {', '.join(recipe.data.unlabelled.videos)}, found the "
        f"start {start!r} and none called {recipe.name}; name some in data.unlabelled.weights"
    )


def _can_follow(name: str) -> bool:
    """Whether a name or file is weights of a tracker, and not a backbone's or foreign ones."""
    try:
        return read_metadata(find_weights(name)).method != "backbone"
    except WeightsError:
        return False
