"""What can be chosen about an ablation; nothing heavy is imported here."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from spectrack.errors import ConfigError
from spectrack.evaluation.options import DEFAULT_PROTOCOL
from spectrack.trackers.options import NetworkOptions

Choice = Literal["inference", "retrained", "all"]


@dataclass(frozen=True)
class AblationOptions:
    """What is ablated on, how long rows are trained, and how they are tracked.

    Attributes:
        only: Only sequences that carry any of these attributes, such as CAM,TWIN,BC; each is also reported by itself.
        rows: Only these rows, and those that they are compared with; a name without @ means all its degradations.
        groups: Only the rows of these groups.
        kind: Only rows with the same weights (inference), or only rows that need a training (retrained).
        weights: Weights of the rows that are not retrained, a file or a name; by default the shipped ones.
        network: Size of the networks, where they are trained and run, and in which number format they track.
        pairs: Training pairs of every retrained row; by default the share that the table of rows names.
        seeds: Seeds of the trainings, one each; scores are averaged over them.
        frames: Only so many first frames of each sequence.
        protocol: How to score: hot, hotc2026, otb, lasot or got10k.
        seed: Seed of the random numbers that a tracker may draw.
        threads: Threads of the network in each job.
        jobs: Sequences tracked and seeds trained at the same time; -1 for as many as there are cores.
        cache: Where rendered pictures, clips and frames are kept; by default inside the output.
        keep_frames: Keep the simulated frames (200 MB a sequence), so that they are rendered once, not for each row.
        overwrite: Replace a table with other settings; runs and trainings stay and are used again where they fit.
    """

    only: tuple[str, ...] = ()
    rows: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    kind: Choice = "all"
    weights: str | Path | None = None
    network: NetworkOptions = field(default_factory=lambda: NetworkOptions(precision="fp32"))
    pairs: int | None = None
    seeds: tuple[int, ...] = (1, 2)
    frames: int | None = None
    protocol: str = DEFAULT_PROTOCOL
    seed: int = 0
    threads: int = 1
    jobs: int = 1
    cache: Path | None = None
    keep_frames: bool = False
    overwrite: bool = False

    def check(self) -> None:
        """Refuse what is out of range.

        Raises:
            ConfigError: equal or negative seeds, or a number below 1.
        """
        if not self.seeds or len(set(self.seeds)) < len(self.seeds) or min(self.seeds) < 0:
            raise ConfigError(f"expected different seeds of 0 or more, found {list(self.seeds)}; two show the spread")
        for name, value in (("pairs", self.pairs), ("frames", self.frames), ("threads", self.threads)):
            if value is not None and value < 1:
                raise ConfigError(f"expected {name} of at least 1, found {value}; leave it out for the default")
