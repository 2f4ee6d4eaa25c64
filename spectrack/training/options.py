"""What can be chosen about a training besides its recipe; nothing heavy is imported here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class TrainOptions:
    """Where a training runs.

    Attributes:
        device: Where the training runs: auto, cpu or cuda.
        cache: Where rendered pictures and clips are kept for the next training; by default inside the output.
        jobs: Processes that render before the training starts.
    """

    device: str = "auto"
    cache: Path | None = None
    jobs: int = 2
