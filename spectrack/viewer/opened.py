"""What is opened in the viewer: sequences with the tracks of runs on them, found by what a user names."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from spectrack.errors import ConfigError, SequenceNotFoundError
from spectrack.evaluation.alignment import unique_names
from spectrack.evaluation.tracked import TrackedRun
from spectrack.reports.gathering import view_dataset
from spectrack.runs import reading
from spectrack.runs.frames import reopen
from spectrack.runs.reading import StoredRun
from spectrack.sequences.base import Sequence
from spectrack.sequences.opening import open_sequence
from spectrack.simulation.video import simulate

OpenSequence = Callable[[], Sequence]

OpenPlace = Callable[[Path], Sequence]
"""Opens the sequence at a place that the user named, with the options that the user gave."""


@dataclass(frozen=True)
class Item:
    """A sequence that can be looked at.

    Attributes:
        label: its name.
        open: opens it anew, each time it is called.
        runs: those that hold a track of it, by name; a track may be under another label than the sequence's.
        place: what it is opened from, where that is one place.
    """

    label: str
    open: OpenSequence
    runs: Mapping[str, TrackedRun] = field(default_factory=dict)
    place: Path | None = None

    @property
    def names(self) -> dict[str, str]:
        """By run: under which label its track is kept."""
        return {
            name: self.label if self.label in run.sequences else next(iter(run.sequences))
            for name, run in self.runs.items()
        }


@dataclass(frozen=True)
class Opened:
    """All that was opened.

    Attributes:
        items: the sequences.
        runs: every run by name, in the order of their colours.
    """

    items: tuple[Item, ...]
    runs: Mapping[str, TrackedRun]


def open_places(places: Iterable[Path], open_place: OpenPlace = open_sequence) -> Opened:
    """Open what a user names.

    Args:
        places: at most one sequence; runs, recordings and folders of them. A sequence is where the frames of all runs
            are taken from; without one they are looked for where the runs found them.
        open_place: opens the sequence.

    Raises:
        ConfigError: two sequences.
        SequenceNotFoundError: nothing at a place, or nothing that can be read.
        InputError: a run that is unfinished or damaged.
    """
    found: list[StoredRun] = []
    sequence: Path | None = None
    for place in places:
        if runs := _runs(place):
            found += runs
        elif not place.exists():
            raise SequenceNotFoundError(f"expected a sequence or a run at {place}, found nothing there; check the path")
        elif sequence is not None:
            raise ConfigError(f"expected one sequence and any number of runs, found {sequence} and {place}; name one")
        else:
            sequence = place
    if sequence is not None:
        return _with_frames(sequence, found, open_place)
    joined = reading.join_recordings(found)
    runs_by_name = dict(zip(unique_names(joined), joined, strict=True))
    openers = _openers(found)
    labels = list(dict.fromkeys(label for run in joined for label in run.sequences))
    items = [
        Item(label, openers[label], {name: run for name, run in runs_by_name.items() if label in run.sequences})
        for label in labels
    ]
    return Opened(tuple(items), runs_by_name)


def open_example() -> Opened:
    """A simulated clip, for whoever has nothing at hand."""

    def render() -> Sequence:
        return simulate("cam-chase", frames=40, seed=4)

    return Opened((Item(render().name, render),), {})


def _runs(place: Path) -> list[StoredRun]:
    try:
        folders = reading.find_runs(place)
    except SequenceNotFoundError:
        return []
    return [reading.read_run(folder) for folder in folders]


def _with_frames(place: Path, runs: list[StoredRun], open_place: OpenPlace) -> Opened:
    """Tracks of one sequence, each over as many frames as it has."""
    sequence = open_place(place)
    names = dict(zip(unique_names(runs), runs, strict=True))
    for name, run in names.items():
        if sequence.name not in run.sequences and len(run.sequences) > 1:
            raise ConfigError(
                f"expected a track of {sequence.name} in {run.directory}, found tracks of {len(run.sequences)} others; "
                f"leave the sequence out, or name another run than {name}"
            )
    first = [sequence]  # handed out once; whoever asks again reads with files of their own
    item = Item(sequence.name, lambda: first.pop() if first else open_place(place), names, place)
    return Opened((item,), names)


def _openers(runs: list[StoredRun]) -> dict[str, OpenSequence]:
    """By label: how its frames are opened where the runs found them."""
    openers: dict[str, OpenSequence] = {}
    view = view_dataset(runs) if any(run.recorded("dataset").get("name") for run in runs) else None
    for run in runs:
        for label in run.sequences:
            if label in openers:
                continue
            if view is not None and view.dataset is not None and label in {entry.label for entry in view.dataset}:
                openers[label] = view.dataset[label].open
            else:
                openers[label] = functools.partial(reopen, label, run.info, None if view is None else view.remark)
    return openers
