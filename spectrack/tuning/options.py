"""What can be chosen about a search of online parameters; nothing heavy is imported here."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spectrack.errors import ConfigError
from spectrack.evaluation.options import DEFAULT_PROTOCOL
from spectrack.trackers.options import NetworkOptions


@dataclass(frozen=True)
class TuneOptions:
    """How long is searched, and how it is tracked.

    Attributes:
        trials: Settings tried in all, the present one included; raise it to go on.
        weights: Weights of the tracker, a file or a name; by default the shipped ones.
        network: Size of the network, where it runs, and in which number format.
        frames: Only so many first frames of each sequence.
        protocol: What is made as large as possible: the success score of hot, hotc2026, otb, lasot or got10k.
        seed: Of the search, and of the random numbers that a tracker may draw.
        threads: Threads of the network in each job.
        jobs: Sequences tracked at the same time; -1 for as many as there are cores.
        memory: MiB for each sequence and job, of what a network said before: where two settings look at the same window
            of a frame, it is asked once.
        overwrite: Replace a search with other settings.
    """

    trials: int = 60
    weights: str | Path | None = None
    network: NetworkOptions = field(default_factory=lambda: NetworkOptions(precision="fp32"))
    frames: int | None = None
    protocol: str = DEFAULT_PROTOCOL
    seed: int = 0
    threads: int = 1
    jobs: int = 1
    memory: int = 128
    overwrite: bool = False

    def check(self) -> None:
        """Refuse what is out of range.

        Raises:
            ConfigError: a number below its least.
        """
        least: dict[str, tuple[Any, int]] = {
            "trials": (self.trials, 1),
            "frames": (self.frames, 2),
            "threads": (self.threads, 1),
            "memory": (self.memory, 0),
            "seed": (self.seed, 0),
        }
        for name, (value, lowest) in least.items():
            if value is not None and value < lowest:
                raise ConfigError(f"expected {name} of at least {lowest}, found {value}; raise it or leave it out")
