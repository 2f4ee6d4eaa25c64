"""How fast a tracker is, defined once for every place that tells it.

The first frame of each sequence is left out, in which the tracker starts, and so are frames that were not tracked.
*Frames a second* are all other frames of all sequences by the time that they took together, reading included.
*Milliseconds* of a part of a frame's time (reading, network, rest) are the median over the same frames, which one
interrupted frame does not move.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Speed:
    """Speed of a tracker; see the head of this module.

    Attributes:
        frames: how many frames were timed; 0 for results without times.
        frames_per_second: all parts together; None without times.
        median_ms: by part; empty without times.
    """

    frames: int
    frames_per_second: float | None
    median_ms: dict[str, float]

    def to_json(self) -> dict[str, Any]:
        """Frames a second and median milliseconds with three decimals."""
        rate = self.frames_per_second
        return {
            "frames_per_second": None if rate is None else round(rate, 3),
            "median_ms": {part: round(value, 3) for part, value in self.median_ms.items()},
        }


def speed_of(sequences: Iterable[Mapping[str, NDArray[np.float64]]]) -> Speed:
    """Speed over sequences.

    Args:
        sequences: for each (N,) milliseconds of every frame by part; NaN in frames that were not tracked.

    Example:
        >>> speed_of([{"reading": np.array([90.0, 4, 6]), "rest": np.array([0.0, 15, 15])}])
        Speed(frames=2, frames_per_second=50.0, median_ms={'reading': 5.0, 'rest': 15.0})
    """
    parts: dict[str, list[NDArray[np.float64]]] = {}
    frames, milliseconds = 0, 0.0
    for times in sequences:
        later = {part: values[1:] for part, values in times.items()}
        total = sum(later.values(), np.zeros(1))
        timed = total[np.isfinite(total)] if later else np.empty(0)
        frames, milliseconds = frames + len(timed), milliseconds + float(timed.sum())
        for part, values in later.items():
            parts.setdefault(part, []).append(values[np.isfinite(values)])
    pooled = {part: np.concatenate(values) for part, values in parts.items()}
    return Speed(
        frames=frames,
        frames_per_second=frames / (milliseconds / 1000) if milliseconds > 0 else None,
        median_ms={part: float(np.median(values)) for part, values in pooled.items() if values.size},
    )
