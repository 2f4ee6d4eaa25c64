"""What can be chosen about scoring; nothing heavy is imported here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    Protocol = Any
else:
    Protocol = str  # a command line, which reads the types of fields, can give a name only

Invalid = Literal["error", "miss", "skip"]
"""What becomes of a frame whose truth is not a box."""

Missing = Literal["error", "miss"]
"""What becomes of a frame without a predicted box."""

DEFAULT_PROTOCOL = "hot"


@dataclass(frozen=True)
class ScoringRules:
    """How boxes are scored.

    Attributes:
        protocol: How to score: hot (the field's tables), hotc2026, otb, lasot or got10k.
        invalid: Another rule than the protocol's for frames whose truth is not a box.
        missing: Another rule than the protocol's for frames without a predicted box.
    """

    protocol: str = DEFAULT_PROTOCOL
    invalid: Invalid | None = None
    missing: Missing | None = None


@dataclass(frozen=True)
class ScoringOptions:
    """How runs are scored and compared.

    Attributes:
        protocol: How to score: hot, hotc2026, otb, lasot or got10k (in Python also a protocol of your own); by default
            the one that the first run records, else hot.
        invalid: Another rule than the protocol's for frames whose truth is not a box.
        missing: Another rule than the protocol's for frames without a predicted box; those after a tracker's failure
            are misses unless something else is asked for.
        shared: Compare on the sequences that all runs have, instead of refusing runs that differ.
        level: Level of the bootstrap intervals, between 0 and 1.
    """

    protocol: str | Protocol | None = None
    invalid: Invalid | None = None
    missing: Missing | None = None
    shared: bool = False
    level: float = 0.95
