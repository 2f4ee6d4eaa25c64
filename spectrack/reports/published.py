"""What published trackers were trained on as their authors state it, for the tables that show their released boxes.

Facts stand in ``published_trackers.toml`` alone. Scores of trackers that saw other data in training do not compare like
with like, so the column stands beside them.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from spectrack.evaluation.tracked import TrackedRun
from spectrack.tables import from_table, read_table

FILE = Path(__file__).with_name("published_trackers.toml")


@dataclass(frozen=True)
class PublishedTracker:
    """A tracker whose boxes its authors, or others, released.

    Attributes:
        name: as its authors write it.
        trained_on: in short.
        source: where that is stated, or where nothing is.
        also: other names that its boxes go by.
    """

    name: str
    trained_on: str
    source: str
    also: tuple[str, ...] = ()


@functools.cache
def published_trackers() -> Mapping[str, PublishedTracker]:
    """The trackers by their names without punctuation and capitals."""
    items = [from_table(PublishedTracker, table, FILE.name) for table in read_table(FILE)["trackers"]]
    return {_plain(name): item for item in items for name in (item.name, *item.also)}


def published(run: TrackedRun) -> PublishedTracker | None:
    """The published tracker that other people's results are called after; None for runs of this package."""
    return None if run.info else published_trackers().get(_plain(run.tracker))


def trained_on(run: TrackedRun) -> str | None:
    """What a tracker was trained on: as its authors state, or by which recipe; None where nothing is known."""
    known = published(run)
    if known is not None:
        return known.trained_on
    weights = run.recorded("tracker").get("weights")
    recipe = weights.get("recipe") if isinstance(weights, dict) else None
    return f"the data of spectrack's recipe {recipe}" if recipe else None


def _plain(name: str) -> str:
    # A plus tells SpectralTrack+ from SpectralTrack.
    return "".join(sign for sign in name.casefold() if sign.isalnum() or sign == "+")
