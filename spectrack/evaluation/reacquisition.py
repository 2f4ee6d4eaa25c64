"""Coming back: whether a target that was long hidden or away is followed again, how soon, and what was taken for it.

An *absence* is a stretch of at least `LONG` frames in which the object is hidden (see `confidence.hidden_frames`),
after it was seen and before it is seen again. It ends with the first frame in which at least `BACK_ABOVE` of the object
is seen, or, where nobody knows how much, the first in which it is not hidden. The object is *followed again* from the
first frame on with an IoU above `FOLLOWED_ABOVE` in it and in the next two. A *false find* is a frame between an
absence's first and the one from which the object is followed again in which the tracker takes its lost flag back with a
box that misses the object or while it is hidden. All of this is **this project's own rule**; long-term benchmarks score
presence by confidence instead (Lukezic et al., Now you see me: evaluating performance in long-term visual tracking,
2018).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spectrack.boxes import Boxes
from spectrack.evaluation.confidence import hidden_frames
from spectrack.evaluation.metrics import Values, overlaps_by_frame
from spectrack.evaluation.robustness import LOST_BELOW
from spectrack.evaluation.tracked import TrackedSequence

LONG = 10
"""Hidden frames on end that make an absence."""

BACK_ABOVE = 0.5
"""Share of the object that is seen in the frame in which it counts as back."""

FOLLOWED_ABOVE = 0.5
"""IoU of an object that is followed."""

HELD = 3
"""So many frames on end, so that a box that the object happens to pass does not count."""

WITHIN = 10
"""Frames after the reappearance in which the object is to be followed again."""

REACQUIRED_WORDS = f"absences of {LONG} frames or more after which the target is followed again within {WITHIN} frames"
FALSE_FIND_WORDS = "times that the tracker found something else, or the target while it was hidden"


@dataclass(frozen=True)
class Absence:
    """One absence and what the tracker made of it.

    Attributes:
        name: the sequence.
        gone: the first hidden frame.
        back: the frame of the reappearance.
        delay: frames from there to the first one from which the object is followed again; None when it never is.
        false_finds: see the module; None without a lost flag.
        claimed: share of the hidden frames in which the tracker does not call the object lost; None without a flag.
    """

    name: str
    gone: int
    back: int
    delay: int | None
    false_finds: int | None
    claimed: float | None

    @property
    def reacquired(self) -> bool:
        """Whether the object was followed again within `WITHIN` frames."""
        return self.delay is not None and self.delay <= WITHIN


@dataclass(frozen=True)
class Reacquisition:
    """All absences of some sequences.

    Attributes:
        absences: one entry each, in the order of the sequences.
    """

    absences: tuple[Absence, ...]

    @property
    def share(self) -> float:
        """Share of the absences after which the object was followed again in time."""
        return float(np.mean([item.reacquired for item in self.absences]))

    @property
    def median_delay(self) -> float | None:
        """Median of the frames it took, of those after which it was followed again at all; None without one."""
        found = [item.delay for item in self.absences if item.delay is not None]
        return float(np.median(found)) if found else None

    @property
    def false_finds(self) -> int | None:
        """How many there were; None without lost flags."""
        found = [item.false_finds for item in self.absences if item.false_finds is not None]
        return sum(found) if found else None

    @property
    def claimed(self) -> float | None:
        """Mean share of hidden frames in which the tracker claims to see the object; None without lost flags."""
        found = [item.claimed for item in self.absences if item.claimed is not None]
        return float(np.mean(found)) if found else None


def reacquisition(
    items: Mapping[str, TrackedSequence], truth: Mapping[str, Boxes], visibility: Mapping[str, Values | None]
) -> Reacquisition | None:
    """Find the absences and what became of them; None where no sequence has one that can be judged.

    An absence after which fewer than `WITHIN` + `HELD` frames follow cannot be judged.

    Args:
        items: label to track; a track may be called otherwise itself.
        truth: label to (N, 4).
        visibility: label to (N,) share of the object that is seen, or None where it is not known.
    """
    found = [absence for label, item in items.items() for absence in _judge(item, truth[label], visibility[label])]
    return Reacquisition(tuple(found)) if found else None


def absences(hidden: NDArray[np.bool_], visibility: Values | None = None) -> list[tuple[int, int]]:
    """First hidden frame and frame of the reappearance of every absence.

    Args:
        hidden: (N,) see `confidence.hidden_frames`.
        visibility: (N,) share of the object that is seen, where it is known.

    Example:
        >>> absences(np.array([False] * 4 + [True] * 12 + [False] * 3))
        [(4, 16)]
    """
    seen = ~hidden if visibility is None else ~hidden & (visibility >= BACK_ABOVE)
    edges = np.diff(np.concatenate([[False], hidden, [False]]).astype(np.int8))
    found: list[tuple[int, int]] = []
    for start, stop in zip(np.flatnonzero(edges == 1).tolist(), np.flatnonzero(edges == -1).tolist(), strict=True):
        later = np.flatnonzero(seen[stop:])
        # Two stretches with nothing but a glimpse between them are one absence.
        if found and later.size and found[-1][1] == stop + int(later[0]):
            continue
        if stop - start >= LONG and seen[:start].any() and later.size:
            found.append((start, stop + int(later[0])))
    return found


def _judge(item: TrackedSequence, truth: Boxes, visibility: Values | None) -> list[Absence]:
    hidden = hidden_frames(truth, visibility)
    overlap = np.nan_to_num(overlaps_by_frame(item.boxes, truth))
    followed = overlap > FOLLOWED_ABOVE
    held = np.flatnonzero(np.convolve(followed, np.ones(HELD, dtype=int), mode="valid") == HELD)
    judged = []
    for gone, back in absences(hidden, visibility):
        if back + WITHIN + HELD > len(truth):
            continue
        later = held[held >= back]
        first = int(later[0]) if later.size else len(truth)
        delay = first - back if later.size else None
        finds = claimed = None
        if item.lost is not None:
            lost = np.concatenate([item.lost, np.ones(len(truth) - len(item.lost), dtype=bool)])
            taken_back = lost[gone - 1 : first - 1] & ~lost[gone:first]
            finds = int((taken_back & (hidden | (overlap < LOST_BELOW))[gone:first]).sum())
            claimed = float(np.mean(~lost[gone:back][hidden[gone:back]]))
        judged.append(Absence(item.label, gone, back, delay, finds, claimed))
    return judged
