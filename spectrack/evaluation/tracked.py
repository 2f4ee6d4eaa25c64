"""What one tracker gave on a set of sequences: all that anything said about it is computed from, wherever it lies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spectrack.boxes import Boxes
from spectrack.evaluation.speed import Speed, speed_of
from spectrack.signs import counted


@dataclass(frozen=True)
class TrackedSequence:
    """One tracked sequence.

    Attributes:
        label: its name in the run.
        boxes: (N, 4); rows of NaN where the tracker gave no box.
        truth: (N, 4), or None; rows of zeros where the object is absent.
        score: (N,) confidence; None for other people's results.
        lost: (N,) whether the tracker reports the object as lost; None for other people's results.
        probability: (N,) stated probability that the box does not miss the object, NaN where none was; None for
            other people's results.
        milliseconds: (N,) times of ``reading``, ``network`` and ``rest``; NaN in untracked frames; empty without times.
        attributes: labels such as OCC.
        visibility: (N,) share of the object that is seen, where the truth knows it.
        failure: what the tracker failed with; boxes from there on are NaN.
        failure_frame: the frame that it failed in, counted from 0.
    """

    label: str
    boxes: Boxes
    truth: Boxes | None = None
    score: NDArray[np.float64] | None = None
    lost: NDArray[np.bool_] | None = None
    probability: NDArray[np.float64] | None = None
    milliseconds: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    attributes: tuple[str, ...] = ()
    visibility: NDArray[np.float64] | None = None
    failure: str | None = None
    failure_frame: int | None = None


@dataclass(frozen=True)
class TrackedRun:
    """One tracker on a set of sequences.

    Attributes:
        directory: where it was read.
        tracker: name for legends.
        sequences: by label, in the order of the run.
        info: what the run recorded of itself, of any form; empty for other people's results.
    """

    directory: Path
    tracker: str
    sequences: dict[str, TrackedSequence]
    info: dict[str, Any] = field(default_factory=dict)

    def evidence(self, label: str) -> Mapping[str, NDArray[Any]]:
        """What the tracker showed for its boxes in one sequence, as arrays by name; here nothing was kept."""
        return {}

    @property
    def truth(self) -> dict[str, Boxes]:
        """Truth of the sequences that have any."""
        return {label: item.truth for label, item in self.sequences.items() if item.truth is not None}

    def recorded(self, name: str) -> dict[str, Any]:
        """A group of facts in `info`, such as ``tracker`` or ``provenance``; empty where it is not one."""
        found = self.info.get(name)
        return found if isinstance(found, dict) else {}

    @property
    def speed(self) -> Speed:
        """Speed over all sequences."""
        return speed_of(item.milliseconds for item in self.sequences.values())

    @property
    def failures(self) -> dict[str, str]:
        """What the tracker failed with, by sequence."""
        return {
            label: f"frame {item.failure_frame}: {item.failure}"
            for label, item in self.sequences.items()
            if item.failure is not None
        }

    @property
    def protocol(self) -> str | None:
        """The protocol that the run was scored with, where it says so."""
        found = self.recorded("protocol").get("name") or self.info.get("protocol")
        return found if isinstance(found, str) and found else None

    @property
    def device(self) -> str:
        """Where the tracker ran, with its precision; empty where unknown."""
        tracker = self.recorded("tracker")
        words = (tracker.get("device") or self.info.get("device"), tracker.get("precision"))
        return " ".join(str(word) for word in words if word)

    @property
    def machine(self) -> str:
        """Processor, usable cores and graphics card; several machines joined with a plus sign; empty where unknown."""
        machines, origin = self.info.get("machines"), self.recorded("provenance")
        if isinstance(machines, list) and machines:
            return " + ".join(str(name) for name in machines)
        cores = origin.get("cores")
        usable = counted(cores, "core") if cores else ""
        words = (origin.get("processor"), usable, origin.get("gpu"))
        return ", ".join(str(word) for word in words if word) if words[0] else ""

    @property
    def weights_hash(self) -> str | None:
        """SHA-256 of the weights, or its first digits; None without weights or where it is unknown."""
        for place in (self.info.get("weights"), self.recorded("tracker").get("weights")):
            found = (place.get("sha256") or place.get("hash")) if isinstance(place, dict) else place
            if found and isinstance(found, str):
                return found
        return None
