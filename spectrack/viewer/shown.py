"""What a server's pages ask of whatever they show: sequences and runs, or a source that is tracked while it comes."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

from spectrack.boxes import as_box
from spectrack.errors import InputError, SpectrackError
from spectrack.sequences.base import Sequence
from spectrack.signs import visible
from spectrack.trackers.method import Method
from spectrack.viewer.footage import Footage
from spectrack.viewer.shown_evidence import EvidenceMap
from spectrack.viewer.tracks import Json, numbers


class ShownTrack(Protocol):
    """A track while it is made, as pages are told of it.

    Attributes:
        beginnings: grows when it is begun anew.
        kept: rows that pages keep then.
        changes: grows when anything but the number of rows changes.
    """

    beginnings: int
    kept: int
    changes: int

    @property
    def is_unsaved(self) -> bool:
        """Whether it would be lost if the viewer ended."""

    def status(self) -> Json:
        """Where it stands."""

    def news(self, first: int, most: int) -> Json | None:
        """Rows ``rows`` from number ``first`` on, at most so many, where there are any.

        Those before number ``gone`` are kept no longer; where `first` is among them, the rows begin there.
        """

    def map_of(self, frame: int, name: str) -> EvidenceMap | None:
        """A map of a frame; None where the tracker showed none, or it is no longer kept."""

    def stop(self) -> None:
        """Stop the tracker."""


class Shown(ABC):
    """The state behind the pages of one server; its methods may be called from several threads.

    Attributes:
        live: the track that is made.
        closing: set it, and the server that shows this ends.
    """

    live: ShownTrack

    def __init__(self) -> None:
        self.closing = threading.Event()

    @property
    def is_done(self) -> bool:
        """Whether what this was opened for is done, so that nobody needs to look any more."""
        return False

    @abstractmethod
    def about(self) -> Json:
        """What there is to choose from."""

    @abstractmethod
    def footage(self, number: int) -> Footage:
        """A sequence for looking at.

        Raises:
            SpectrackError: no such sequence, or its frames cannot be read.
        """

    @abstractmethod
    def describe(self, number: int) -> Json:
        """What is known of a sequence."""

    @abstractmethod
    def importance(self, number: int, place: int) -> Json:
        """Importance of bands in every frame, as one run kept it."""

    @abstractmethod
    def start(self, wanted: Mapping[str, Any]) -> None:
        """Track as a page asks for it.

        Raises:
            InputError: words or numbers that mean nothing.
            SpectrackError: nothing can be tracked so, or now.
        """

    @abstractmethod
    def save(self, name: str, *, overlay: bool) -> Any:
        """Save the track under a name.

        Raises:
            SpectrackError: there is nothing to save, or it cannot be saved so.
        """

    @abstractmethod
    def close(self) -> None:
        """The server has ended."""

    def spectrum(self, number: int, frame: int, where: list[float]) -> Json:
        """Counts at a pixel (x, y), or mean and scatter in a box (x, y, w, h)."""
        footage = self.footage(number)
        if len(where) == 2:
            return {"values": numbers(footage.spectrum_at(frame, int(where[0] // 1), int(where[1] // 1)))}
        found = footage.spectrum_in(frame, as_box(where))
        return {"values": numbers(found.mean), "deviation": numbers(found.deviation), "pixels": found.pixels}


def describe_frames(sequence: Sequence) -> Json:
    """What the page shows of the frames of a sequence."""
    waves = sequence.wavelengths_nm
    return {
        "height": sequence.height,
        "width": sequence.width,
        "bands": sequence.bands,
        "wavelengths": None if waves is None else list(waves),
        "unit": "raw counts" if sequence.unit == "counts" else sequence.unit,
        "fps": sequence.fps,
        "sensor": None if sequence.sensor is None else visible(sequence.sensor),
        "attributes": [visible(word) for word in sequence.attributes],
        "notes": [visible(fault) for fault in sequence.faults],
    }


def describe_methods(methods: Iterable[Method], *, profiles: bool = True) -> list[Json]:
    """Trackers as the page offers them."""
    return [
        {
            "name": method.name,
            "label": method.label,
            "summary": method.summary,
            "profiles": list(method.profiles) if profiles else [],
        }
        for method in methods
    ]


@contextmanager
def understood() -> Iterator[None]:
    """What a page wishes is read inside; words and numbers that mean nothing are told in a sentence.

    Raises:
        InputError: they do.
    """
    try:
        yield
    except SpectrackError:
        raise
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise InputError(f"expected sequence, frame, tracker and box, found {error}; load the page again") from error
