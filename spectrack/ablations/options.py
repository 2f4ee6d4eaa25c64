"""The settings of an ablation that all its rows share."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spectrack.ablations.rows import Choice
from spectrack.errors import ConfigError


@dataclass(frozen=True)
class AblationOptions:
    """What is ablated on, how long rows are trained, and how they are tracked.

    Attributes:
        only: attributes; sequences that carry none of them are left out, and each is reported by itself as well.
        rows, groups, kind: which rows, see `RowTable.select`.
        weights: of the method for the rows that only switch inference: a file or a name; by default the shipped ones.
        profile: ``compact`` or ``full``.
        pairs: pairs that every retrained row sees; None for the table's share of the recipe's.
        seeds: of the trainings, one each; the scores are averaged.
        frames: only so many first frames of each sequence; None for all.
        protocol: how to score.
        seed: of the random numbers that trackers may draw.
        threads, jobs, device: as in `RunOptions` and `load_tracker`; as many seeds as there are jobs are trained at a
            time, each on one GPU or on one thread.
        precision: fp32 repeats bit for bit.
        cache: of what trainings render; None for a folder in the output.
        keep_frames: whether simulated frames are kept in the cache, about 200 MB a sequence, instead of rendered for
            each row.
        dataset: what the sequences are, as JSON values, for the record.
        overwrite: replace a table with other settings; runs and trainings stay and are used where they fit.
    """

    only: tuple[str, ...] = ()
    rows: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    kind: Choice = "all"
    weights: str | os.PathLike[str] | None = None
    profile: str = "compact"
    pairs: int | None = None
    seeds: tuple[int, ...] = (1, 2)
    frames: int | None = None
    protocol: str = "hot"
    seed: int = 0
    threads: int = 1
    jobs: int = 1
    device: str = "auto"
    precision: str = "fp32"
    cache: Path | None = None
    keep_frames: bool = False
    dataset: Mapping[str, Any] = field(default_factory=dict)
    overwrite: bool = False

    def __post_init__(self) -> None:
        if not self.seeds or len(set(self.seeds)) < len(self.seeds) or min(self.seeds) < 0:
            raise ConfigError(
                f"expected different seeds of 0 or more, found {list(self.seeds)}; two or more show the spread"
            )
        for name, value in (("pairs", self.pairs), ("frames", self.frames), ("threads", self.threads)):
            if value is not None and value < 1:
                raise ConfigError(f"expected {name} of at least 1, found {value}; leave it out for the default")
