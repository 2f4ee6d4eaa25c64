"""Dataset: a list of sequences that are opened one at a time, each with a key and a label to store results by."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from spectrack.datasets.folder_names import canonical_modality, canonical_split
from spectrack.errors import ConfigError, nearest_name
from spectrack.files.fingerprints import Ingredients
from spectrack.sequences.base import Sequence
from spectrack.signs import counted

_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)", re.IGNORECASE)
"""What Windows takes for a device, whatever its suffix."""


@dataclass(frozen=True)
class SequenceKey:
    """What tells a sequence from every other one: names recur in other splits, modalities and years.

    Attributes:
        dataset: name of the data set.
        split: ``train``, ``test``, ``validation``, ``ranking`` or another folder's name; "" where a layout has none.
        modality: ``HSI-VIS``, ``HSI-NIR``, ``HSI-RedNIR``, or "" where a layout has none.
        name: the sequence's own name.
    """

    dataset: str
    split: str
    modality: str
    name: str

    @property
    def label(self) -> str:
        """Split, modality and name in one word that can be a file name, such as ``validation-HSI-NIR-ball``."""
        return _file_name("-".join(part for part in (self.split, self.modality, self.name) if part))


class SequenceSource(Protocol):
    """Where a sequence comes from; picklable, so that other processes can open it."""

    def open(self, label: str) -> Sequence:
        """Open the sequence under this name."""


@dataclass(frozen=True)
class DatasetEntry:
    """One sequence of a data set, not opened yet.

    Attributes:
        key: see `SequenceKey`.
        label: unique inside the data set and fit as a file name; runs and results are stored by it.
        attributes: what makes the sequence hard: OTB's abbreviations (IV, SV, OCC, ...), unknown words as written.
        frames: how many, or None when only opening tells.
        source: what opens it.
    """

    key: SequenceKey
    label: str
    attributes: tuple[str, ...]
    frames: int | None
    source: SequenceSource = field(repr=False)

    def archived(self) -> tuple[Ingredients, str] | None:
        """What the sequence is made of and a digest of its annotations, where archives tell without being unpacked."""
        return getattr(self.source, "archived", lambda: None)()

    def open(self) -> Sequence:
        """The sequence, read lazily; its name is the label.

        Raises:
            SequenceError: the frames or the annotations cannot be read.
        """
        sequence = self.source.open(self.label)
        if self.attributes and not sequence.attributes:
            sequence.attributes = self.attributes
        return sequence


class Dataset:
    """Sequences, by number or by label.

    Args:
        name: name of the data set.
        root: its folder, or None for simulated video.
        entries: the sequences, labelled as shortly as tells them apart: by name, after modality and split where needed.
        problems: a sentence for each archive that was refused and each folder that cannot be read.

    Example:
        >>> dataset = Dataset("folder", None, [])
        >>> len(dataset), dataset.entries
        (0, ())
    """

    def __init__(
        self, name: str, root: Path | None, entries: Iterable[DatasetEntry], problems: Iterable[str] = ()
    ) -> None:
        listed = list(entries)
        self.name, self.root, self.problems = name, root, tuple(problems)
        labels = _labels([entry.key for entry in listed])
        self.entries = tuple(replace(entry, label=label) for entry, label in zip(listed, labels, strict=True))
        self._by_label = {entry.label: entry for entry in self.entries}

    def __len__(self) -> int:
        return len(self.entries)

    def __iter__(self) -> Iterator[DatasetEntry]:
        return iter(self.entries)

    def __getitem__(self, item: int | str) -> DatasetEntry:
        if isinstance(item, int):
            return self.entries[item]
        if item not in self._by_label:
            raise ConfigError(
                f"expected a sequence of {self.name}, found {item!r}; {nearest_name(item, self._by_label)}"
            )
        return self._by_label[item]

    def select(
        self, *, split: str | None = None, modality: str | None = None, names: Iterable[str] | None = None
    ) -> Dataset:
        """The sequences that fit; they are labelled anew.

        Args:
            split: such as ``test`` (``testing`` and ``test_HSI`` mean the same).
            modality: such as ``HSI-NIR`` or ``nir``.
            names: labels or names of sequences, in the order wanted.

        Raises:
            ConfigError: no sequence fits; the message lists what there is.
        """
        entries = list(self.entries)
        if split is not None:
            wanted = canonical_split(split)
            entries = _keep(
                entries, lambda key: wanted in (key.split, *key.split.split("/")), f"split {split!r}", "split", self
            )
        if modality is not None:
            kind = canonical_modality(modality).lower()
            entries = _keep(
                entries, lambda key: key.modality.lower() == kind, f"modality {modality!r}", "modality", self
            )
        if names is not None:
            entries = [entry for name in names for entry in _named(entries, name, self)]
        return Dataset(self.name, self.root, dict.fromkeys(entries), self.problems)

    def __repr__(self) -> str:
        return f"<Dataset {self.name!r}: {counted(len(self), 'sequence')}{f' in {self.root}' if self.root else ''}>"


def _keep(
    entries: list[DatasetEntry], fits: Callable[[SequenceKey], bool], wanted: str, field: str, dataset: Dataset
) -> list[DatasetEntry]:
    kept = [entry for entry in entries if fits(entry.key)]
    if not kept:
        there = sorted({getattr(entry.key, field) or "(none)" for entry in entries})
        raise ConfigError(
            f"expected sequences of {wanted} in {dataset.name}, found none; "
            f"there are: {', '.join(there) or 'no sequences'}"
        )
    return kept


def _named(entries: list[DatasetEntry], name: str, dataset: Dataset) -> list[DatasetEntry]:
    found = [entry for entry in entries if entry.label == name] or [
        entry for entry in entries if entry.key.name == name
    ]
    if not found:
        raise ConfigError(
            f"expected a sequence of {dataset.name}, found {name!r}; {nearest_name(name, [e.label for e in entries])}"
        )
    return found


def _labels(keys: list[SequenceKey]) -> list[str]:
    """The shortest forms that tell the keys apart, also where file names ignore case."""
    forms = [
        [
            _file_name("-".join(part for part in parts if part))
            for parts in ((k.name,), (k.modality, k.name), (k.split, k.name))
        ]
        + [key.label for key in (k,)]
        for k in keys
    ]
    counts = [Counter(form[level].lower() for form in forms) for level in range(4)]
    labels = []
    for form in forms:
        level = next((level for level in range(4) if counts[level][form[level].lower()] == 1), 3)
        labels.append(form[level])
    # A short form of one may be the long form of another; numbers settle what is left.
    taken: Counter[str] = Counter()
    unique = []
    for label in labels:
        candidate, number = label, 1
        while taken[candidate.lower()]:
            number += 1
            candidate = f"{label}-{number}"
        taken[candidate.lower()] += 1
        unique.append(candidate)
    return unique


def _file_name(text: str) -> str:
    """Text as a file name on every system: no separators, control characters, leading dots or names of devices."""
    plain = re.sub(r'[\x00-\x1f\x7f<>:"/\\|?*]+', "_", text).strip().lstrip(".").rstrip(". ")
    return f"_{plain}" if _DEVICE.match(plain) else plain or "sequence"
