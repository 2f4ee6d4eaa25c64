"""describe_dataset: what lies in a folder, by names alone, beside what is known of the data set."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from spectrack.datasets.dataset import Dataset, DatasetEntry
from spectrack.datasets.facts import DatasetFacts, Defect, dataset_facts
from spectrack.datasets.folder_names import STREAMS
from spectrack.datasets.opening import open_everything
from spectrack.datasets.sources import FolderSource


@dataclass(frozen=True)
class SequenceGroup:
    """The sequences of one split and modality.

    Attributes:
        split, modality: "" where the layout has none.
        sequences: how many.
        frames: of the cubes (or of the only stream), as far as names tell.
        unknown: sequences whose length only opening tells.
        streams: how many sequences have each stream.
        truth: how many have ``truth``, only a ``first box``, or ``none``.
        kinds: kinds of frame files.
        zipped: how many are in archives.
        updated: how many come from a folder of corrections.
    """

    split: str
    modality: str
    sequences: int
    frames: int
    unknown: int
    streams: dict[str, int]
    truth: dict[str, int]
    kinds: dict[str, int]
    zipped: int
    updated: int


@dataclass(frozen=True)
class PublishedList:
    """A published list of sequences compared with what is there.

    Attributes:
        found: how many of the list are there.
        listed: how many the list has.
        missing: names of the others.
        unlisted: names that are there and not in the list.
    """

    split: str
    modality: str
    found: int
    listed: int
    missing: tuple[str, ...]
    unlisted: tuple[str, ...]


@dataclass(frozen=True)
class DatasetDescription:
    """What was found and what is known.

    Attributes:
        name, title, sources: the data set and where its facts are stated.
        root: its folder.
        groups: by split and modality.
        lists: published lists of the splits that are there.
        range_nm: stated range of wavelengths by modality; the centres of single bands are published nowhere.
        defects: published defects of what is there.
        problems: archives that were refused, folders that cannot be read.
        entries: every sequence.
    """

    name: str
    title: str
    sources: tuple[str, ...]
    root: Path
    groups: tuple[SequenceGroup, ...]
    lists: tuple[PublishedList, ...]
    range_nm: dict[str, tuple[float, float]]
    defects: tuple[Defect, ...]
    problems: tuple[str, ...]
    entries: tuple[DatasetEntry, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values for a JSON file."""
        return {
            "dataset": self.name,
            "title": self.title,
            "sources": list(self.sources),
            "root": str(self.root),
            "groups": [asdict(group) for group in self.groups],
            "lists": [asdict(item) for item in self.lists],
            "range_nm": {key: list(value) for key, value in self.range_nm.items()},
            "defects": [asdict(defect) for defect in self.defects],
            "problems": list(self.problems),
            "sequences": [_sequence(entry) for entry in self.entries],
        }


def describe_dataset(root: Path | str, *, name: str = "auto") -> DatasetDescription:
    """Describe a folder of sequences; files are listed, no frame is read.

    Args:
        root: the data set, one of its splits or modalities, or a single sequence.
        name: the data set, as for `open_dataset`; ``auto`` finds out.

    Raises:
        SequenceNotFoundError: no folder, or no sequences in it.
        ConfigError: unknown data set.
    """
    dataset = open_everything(name, root)
    facts = dataset_facts(dataset.name)
    modalities = {entry.key.modality for entry in dataset}
    return DatasetDescription(
        name=dataset.name,
        title=facts.title,
        sources=facts.sources,
        root=Path(root),
        groups=tuple(_groups(dataset)),
        lists=tuple(_lists(dataset, facts)),
        range_nm={key: value for key, value in facts.range_nm.items() if key in modalities or modalities == {""}},
        defects=tuple(defect for defect in facts.defects if _concerns(defect, dataset)),
        problems=dataset.problems,
        entries=dataset.entries,
    )


def streams_of(entry: DatasetEntry) -> tuple[str, ...]:
    """The streams that a sequence has."""
    there = entry.source.found.streams if isinstance(entry.source, FolderSource) else {}
    return tuple(stream for stream in STREAMS if stream in there)


def truth_of(entry: DatasetEntry) -> str:
    """What is known of the object: ``truth``, ``first box`` or ``none``."""
    return entry.source.found.truth if isinstance(entry.source, FolderSource) else "truth"


def _groups(dataset: Dataset) -> list[SequenceGroup]:
    members: dict[tuple[str, str], list[DatasetEntry]] = {}
    for entry in dataset:
        members.setdefault((entry.key.split, entry.key.modality), []).append(entry)
    groups = []
    for (split, modality), entries in members.items():
        folders = [
            e.source.found.streams[e.source.stream]
            for e in entries
            if isinstance(e.source, FolderSource) and e.source.stream
        ]
        groups.append(
            SequenceGroup(
                split=split,
                modality=modality,
                sequences=len(entries),
                frames=sum(entry.frames or 0 for entry in entries),
                unknown=sum(entry.frames is None for entry in entries),
                streams=dict(Counter(stream for entry in entries for stream in streams_of(entry))),
                truth=dict(Counter(truth_of(entry) for entry in entries)),
                kinds=dict(Counter(folder.kind for folder in folders)),
                zipped=sum(folder.archive is not None for folder in folders),
                updated=sum(folder.update for folder in folders),
            )
        )
    return groups


def _lists(dataset: Dataset, facts: DatasetFacts) -> list[PublishedList]:
    """Published lists of splits that are there, whole or in part."""
    wanted: dict[tuple[str, str], list[str]] = {}
    for known in facts.sequences:
        wanted.setdefault((known.split, known.modality), []).append(known.name)
    lists = []
    for (split, modality), names in wanted.items():
        here = [
            e.key.name for e in dataset if e.key.split.rsplit("/", 1)[-1] == split and e.key.modality in ("", modality)
        ]
        there = {facts.spellings.get(name, name) if name not in names else name: name for name in here}
        found = [name for name in names if name in there]
        if here:
            missing = tuple(name for name in names if name not in there)
            unlisted = tuple(name for known, name in there.items() if known not in names)
            lists.append(PublishedList(split, modality, len(found), len(names), missing, unlisted))
    return lists


def _concerns(defect: Defect, dataset: Dataset) -> bool:
    return any(
        (not defect.split or entry.key.split.rsplit("/", 1)[-1] in (defect.split, ""))
        and (not defect.sequences or entry.key.name in defect.sequences)
        for entry in dataset
    )


def _sequence(entry: DatasetEntry) -> dict[str, Any]:
    return {
        "label": entry.label,
        "split": entry.key.split,
        "modality": entry.key.modality,
        "name": entry.key.name,
        "frames": entry.frames,
        "streams": list(streams_of(entry)),
        "truth": truth_of(entry),
        "attributes": list(entry.attributes),
    }
