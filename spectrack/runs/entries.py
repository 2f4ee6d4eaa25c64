"""The sequences of a run: listed first, opened one at a time, with what each is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from spectrack.boxes import Box, Boxes, as_box
from spectrack.errors import SequenceError
from spectrack.files.fingerprints import Fingerprint, Ingredients, values_digest
from spectrack.sequences.base import Sequence


class Entry(Protocol):
    """One sequence that is opened when its turn comes, as the datasets of `spectrack.datasets` list them."""

    @property
    def label(self) -> str:
        """Its name in the run: unique, and fit as a file name."""

    @property
    def attributes(self) -> tuple[str, ...]:
        """Labels such as OCC; empty when unknown."""

    def open(self) -> Sequence:
        """Open it."""


@dataclass(frozen=True)
class SequenceEntry:
    """An entry made from a function that opens the sequence.

    Attributes:
        label: its name in the run.
        opener: opens it; picklable where there are several jobs.
        attributes: labels such as OCC.
    """

    label: str
    opener: Callable[[], Sequence]
    attributes: tuple[str, ...] = ()

    def open(self) -> Sequence:
        """Open it."""
        return self.opener()

    @staticmethod
    def of(sequence: Sequence) -> SequenceEntry:
        """An entry for a sequence that is open already, under its own name."""
        return SequenceEntry(sequence.name, _Opened(sequence), tuple(sequence.attributes))


@dataclass(frozen=True)
class _Opened:
    sequence: Sequence

    def __call__(self) -> Sequence:
        return self.sequence


class OpenedEntry:
    """A sequence whose turn has come; it is opened, and its boxes are computed, when they are asked for.

    Args:
        entry: what is opened.

    Raises:
        SequenceError: from everything below, when it cannot be read.
    """

    def __init__(self, entry: Entry) -> None:
        self.label, self._entry, self._listed = entry.label, entry, tuple(entry.attributes)
        # A zipped sequence says what it is made of without being unpacked.
        self._archived: tuple[Ingredients, str] | None = getattr(entry, "archived", lambda: None)()

    @cached_property
    def sequence(self) -> Sequence:
        """The sequence, open."""
        return self._entry.open()

    @cached_property
    def box(self) -> Box:
        """The box to start from.

        Raises:
            SequenceError: there is none.
        """
        box = self.sequence.first_box
        if box is None:
            raise SequenceError(
                f"expected a first box for the sequence {self.label!r}, found no truth and no init_rect.txt; "
                "add groundtruth_rect.txt beside its frames, or track it alone with --box x,y,w,h"
            )
        return as_box(box)

    @cached_property
    def truth(self) -> Boxes | None:
        """(N, 4), rows without a box zero; None without truth."""
        return plain_truth(self.sequence)

    @cached_property
    def visibility(self) -> NDArray[np.float64] | None:
        """(N,) share of the object that is seen, or None."""
        seen = self.sequence.visibility
        return None if seen is None else np.asarray(seen, dtype=np.float64)[: len(self.sequence)]

    @cached_property
    def attributes(self) -> tuple[str, ...]:
        """Labels such as OCC: those of the list, else the sequence's own."""
        return self._listed or tuple(self.sequence.attributes)

    def made_of(self) -> Ingredients:
        """What the frames are made of."""
        return self.sequence.made_of() if self._archived is None else self._archived[0]

    def annotations_digest(self) -> str:
        """Digest of truth, visibility and attributes."""
        truth = self.sequence.truth_digest() if self._archived is None else self._archived[1]
        return values_digest([truth, self._listed])


def plain_truth(sequence: Sequence) -> Boxes | None:
    """The truth of a sequence as it is stored, (N, 4); None without truth."""
    truth = sequence.truth
    # A frame without the object is a zero row, as in the field's files; NaN would not survive being written and read.
    return None if truth is None else np.where(np.isfinite(truth).all(axis=1, keepdims=True), truth, 0.0)


@dataclass(frozen=True)
class SequenceContent:
    """What a sequence was made of when it was tracked.

    Attributes:
        frames: of everything that a tracker sees.
        annotations: digest of truth, visibility and attributes.
    """

    frames: Fingerprint
    annotations: str

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {"frames": self.frames.to_json(), "annotations": self.annotations}

    @classmethod
    def from_json(cls, value: Any) -> SequenceContent | None:
        """The inverse of `to_json`; None for anything else, such as what earlier versions wrote."""
        found = value if isinstance(value, dict) else {}
        frames, annotations = Fingerprint.from_json(found.get("frames")), found.get("annotations")
        return None if frames is None or not isinstance(annotations, str) else cls(frames, annotations)
