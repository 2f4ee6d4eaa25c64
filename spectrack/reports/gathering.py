"""What a report is made of, found by what a user types: runs, other people's results, truth, dataset pictures."""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spectrack.errors import ConfigError, SequenceNotFoundError, SpectrackError
from spectrack.evaluation.tracked import TrackedRun, TrackedSequence
from spectrack.reports.strip_frames import Pictures
from spectrack.runs import reading
from spectrack.runs.frames import reopen
from spectrack.runs.reading import StoredRun

if TYPE_CHECKING:
    from spectrack.annotations.foreign_results import ForeignResults
    from spectrack.sequences.base import Sequence

Place = str | os.PathLike[str]
OpenSequence = Callable[[], "Sequence"]


@dataclass(frozen=True)
class DatasetView:
    """What a report takes from the dataset itself.

    Attributes:
        pictures: gives the false-colour picture of a frame; None when the dataset is not at hand.
        attributes: label to its attributes.
        remark: why there are no pictures; empty when there are.
        dataset: the dataset, opened; None when it is not at hand.
    """

    pictures: Pictures | None
    attributes: Mapping[str, tuple[str, ...]]
    remark: str
    dataset: Any | None = None


def read_runs(places: Iterable[str]) -> list[StoredRun]:
    """Read runs.

    Args:
        places: ``DIR`` or ``NAME=DIR``; a run, a recording, or a folder of them, which stands for all in it.

    Returns:
        The runs in the order given; recordings of different videos by one tracker, under one name, are one run.

    Raises:
        SequenceNotFoundError: no finished run there.
        ConfigError: a name for a folder of several runs.
    """
    runs = []
    for place in places:
        name, folder = _named(place)
        found = reading.read_runs(folder)
        if name and len(found) > 1:
            raise ConfigError(
                f"expected one run for the name {name!r}, found {len(found)} in {folder}; name each, or none of them"
            )
        runs += [dataclasses.replace(run, tracker=name) for run in found] if name else found
    return reading.join_recordings(runs)


def read_results(place: str, labels: Iterable[str]) -> tuple[TrackedRun, list[str]]:
    """Boxes that other people's programs wrote, as a run without times, scores or evidence.

    Args:
        place: ``NAME=FOLDER``, where the name is what the report calls the tracker.
        labels: the sequences to look for.

    Returns:
        The run, and sentences about what had to be assumed: names mapped to sequences, results that belong to none.

    Raises:
        ConfigError: no name, or no folder.
        SpectrackError: files that cannot be read; see `spectrack.annotations.foreign_results`.
    """
    from spectrack.annotations.foreign_results import read_foreign_results

    name, folder = _named(place)
    if not name:
        raise ConfigError(f"expected --results NAME=FOLDER, found {place!r}; write such as --results MHT=results/mht")
    if not folder.exists():
        raise SequenceNotFoundError(f"expected results of {name} at {folder}, found no such place; check the path")
    found = read_foreign_results(folder, list(labels))
    sequences = {label: TrackedSequence(label, boxes) for label, boxes in found.boxes.items()}
    return TrackedRun(folder, name, sequences), about_results(name, found)


def about_results(name: str, found: ForeignResults, *, unmatched: bool = True) -> list[str]:
    """What a reader must know of foreign results, with every mapping, so that it can be checked.

    Args:
        name: of the tracker.
        found: its results.
        unmatched: name those that belong to none of the sequences too.
    """
    told = []
    if found.mapped:
        pairs: dict[str, list[str]] = {}
        for item in found.mapped:
            pairs.setdefault(", ".join(item.rules), []).append(f"{item.found} is {item.sequence}")
        listed = "; ".join(f"{rules}: {', '.join(same)}" for rules, same in pairs.items())
        told.append(f"{name}: names of results that are not those of their sequences ({listed}).")
    if found.unmatched and unmatched:
        names = ", ".join(found.unmatched)
        told.append(f"{name}: results that belong to none of the sequences and are left out: {names}.")
    return told + [f"{name}: {note}" for note in found.notes]


def view_dataset(runs: Iterable[TrackedRun], *, dataset: str | None = None, root: Place | None = None) -> DatasetView:
    """Pictures and attributes of the dataset that was tracked; of recordings, pictures of the videos they are of.

    Args:
        runs: the first that names its dataset decides.
        dataset: another name, such as ``hotc2020``.
        root: another place, such as where the data lie on this machine.
    """
    runs = list(runs)
    recorded = next((found for run in runs if (found := run.recorded("dataset")).get("name")), {})
    name, place = dataset or recorded.get("name"), root or recorded.get("root")
    if not name and (openers := _recorded_videos(runs)):
        return DatasetView(_pictures(openers), {}, "")
    if not name:
        remark = "The runs do not say which dataset they tracked; name it with --dataset and --root."
        return DatasetView(None, {}, remark)
    from spectrack.datasets.opening import open_dataset

    try:
        opened = open_dataset(str(name), None if place is None else Path(place), **({} if dataset else _part(recorded)))
    except SpectrackError as error:
        return DatasetView(None, {}, f"The dataset {name} is not at hand ({error}).")
    attributes = {entry.label: tuple(entry.attributes) for entry in opened}
    return DatasetView(_pictures({entry.label: entry.open for entry in opened}), attributes, "", opened)


def _part(recorded: Mapping[str, Any]) -> dict[str, Any]:
    """Which part of the dataset a run tracked, as `open_dataset` takes it."""
    return {key: recorded[key] for key in ("split", "modality", "stream", "calibration") if recorded.get(key)}


def _recorded_videos(runs: Iterable[TrackedRun]) -> dict[str, OpenSequence]:
    """By label: how the video of a recording is opened again."""
    openers: dict[str, OpenSequence] = {}
    for run in runs:
        if run.recorded("sequence"):
            for label in run.sequences:
                openers.setdefault(label, functools.partial(reopen, label, run.info))
    return openers


def _pictures(openers: Mapping[str, OpenSequence]) -> Pictures:
    opened: dict[str, Sequence] = {}

    def picture(label: str, index: int) -> NDArray[np.uint8]:
        if label not in opened:
            opened.clear()  # one sequence at a time is looked at
            opened[label] = openers[label]()
        return opened[label].false_colour(index)

    return picture


def _named(place: str) -> tuple[str, Path]:
    """``NAME=DIR`` or ``DIR``; a folder whose own name holds an equals sign is a folder."""
    name, equals, folder = place.partition("=")
    if not equals or Path(place).exists() or not folder:
        return "", Path(place)
    return name.strip(), Path(folder)
