"""How long boxes took, in memory that does not grow: counts of classes of duration.

Each class is 1 % wider than the one before.
"""

from __future__ import annotations

import math

import numpy as np

_SHORTEST_MS, _LONGEST_MS, _WIDTH = 1e-2, 1e7, 1.01
_CLASSES = math.ceil(math.log(_LONGEST_MS / _SHORTEST_MS) / math.log(_WIDTH)) + 1


class Latency:
    """Durations in milliseconds, of which any share can be asked for, exact to 1 %.

    Attributes:
        count: how many there were.

    Example:
        >>> latency = Latency()
        >>> for milliseconds in range(1, 101):
        ...     latency.add(milliseconds)
        >>> round(latency.percentile(50)), round(latency.percentile(99))
        (50, 99)
    """

    def __init__(self) -> None:
        self._counts = np.zeros(_CLASSES, dtype=np.int64)
        self.count, self._longest = 0, 0.0

    def add(self, milliseconds: float) -> None:
        """Count a duration."""
        place = math.log(max(milliseconds, _SHORTEST_MS) / _SHORTEST_MS) / math.log(_WIDTH)
        self._counts[min(round(place), _CLASSES - 1)] += 1
        self.count += 1
        self._longest = max(self._longest, milliseconds)

    def percentile(self, share: float) -> float | None:
        """Milliseconds that so many per cent did not exceed; None where there were none."""
        if not self.count:
            return None
        reached = np.cumsum(self._counts) >= math.ceil(self.count * share / 100)
        return min(_SHORTEST_MS * _WIDTH ** int(np.argmax(reached)), self._longest)

    def to_json(self) -> dict[str, float | None]:
        """Median, 99th percentile and the longest, with three digits behind the point."""
        found = {
            "p50": self.percentile(50),
            "p99": self.percentile(99),
            "longest": self._longest if self.count else None,
        }
        return {name: None if value is None else round(value, 3) for name, value in found.items()}
