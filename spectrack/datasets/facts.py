"""What is known of the field's data sets: the tables facts.toml and sequences.csv, read once and checked."""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources

from spectrack.annotations.attributes import abbreviate
from spectrack.errors import ConfigError, nearest_name
from spectrack.tables import from_table


@dataclass(frozen=True)
class Defect:
    """A published defect of a data set.

    Attributes:
        split: where it is, "" for everywhere.
        sequences: which ones; empty for all.
        text: what it is, a sentence without its full stop.
        source: who says so.
    """

    split: str
    sequences: tuple[str, ...]
    text: str
    source: str


@dataclass(frozen=True)
class KnownSequence:
    """A sequence of the published lists.

    Attributes:
        frames: length of the hyperspectral stream, None where no source states it.
        rgb_frames: length of the RGB stream, None likewise.
        attributes: abbreviations.
    """

    split: str
    modality: str
    name: str
    frames: int | None
    rgb_frames: int | None
    attributes: tuple[str, ...]


@dataclass(frozen=True)
class DatasetFacts:
    """What is known of one data set; empty where no source says anything.

    Attributes:
        folder: pattern that the beginning of its folder's name matches, in any case; "" where none tells.
        folder_marks: pieces of paths, in small letters, that only this data set has.
        opens: the function, ``module:name``, that gives the data set where it lies in no folder; else "".
        origin: index of the first pixel in its files of boxes.
        sensors: camera by modality, for mosaics that no side file describes.
        wavelengths_nm: band centres by modality.
        range_nm: stated range by modality.
        counts: number of sequences by split.
        spellings: other spellings of names.
        attribute_lists: names of attributes that come as lists of sequences.
        sequences: the published lists.
    """

    name: str
    title: str
    sources: tuple[str, ...]
    folder: str = ""
    folder_marks: tuple[str, ...] = ()
    opens: str = ""
    origin: int = 0
    sensors: dict[str, str] = field(default_factory=dict)
    wavelengths_nm: dict[str, tuple[float, ...]] = field(default_factory=dict)
    range_nm: dict[str, tuple[float, float]] = field(default_factory=dict)
    lists: str = ""
    counts: dict[str, int] = field(default_factory=dict)
    spellings: dict[str, str] = field(default_factory=dict)
    attribute_lists: tuple[str, ...] = ()
    defects: tuple[Defect, ...] = ()
    sequences: tuple[KnownSequence, ...] = field(default=(), repr=False)

    def find(self, split: str, modality: str, name: str, frames: int | None = None) -> KnownSequence | None:
        """The listed sequence that this is, or None.

        Without a split the length has to agree, because names recur in other splits.
        """
        part = split.rsplit("/", 1)[-1]
        for wanted in (name, self.spellings.get(name, name)):
            for known in self.sequences:
                same = known.name == wanted and (not modality or modality == known.modality)
                if same and (known.split == part or (not part and frames is not None and known.frames == frames)):
                    return known
        return None

    def sensor(self, modality: str) -> str | None:
        """Name of the camera of a modality, or None."""
        return self.sensors.get(modality)


def dataset_facts(name: str) -> DatasetFacts:
    """The facts of a data set.

    Raises:
        ConfigError: unknown name; the nearest is offered.

    Example:
        >>> trucker = dataset_facts("hotc2020").find("test", "", "truck")
        >>> trucker.name, trucker.frames, trucker.attributes
        ('trucker', 221, ('IV', 'SV', 'OCC', 'OV'))
    """
    facts = all_facts()
    if name not in facts:
        raise ConfigError(f"expected a data set, found {name!r}; {nearest_name(name, facts)}")
    return facts[name]


@cache
def all_facts() -> Mapping[str, DatasetFacts]:
    """The facts by name, in the order of facts.toml."""
    files = resources.files("spectrack.datasets")
    tables = tomllib.loads(files.joinpath("facts.toml").read_text(encoding="utf-8"))
    lists: dict[str, list[KnownSequence]] = {name: [] for name in tables}
    for row in csv.DictReader(files.joinpath("sequences.csv").read_text(encoding="utf-8").splitlines()):
        lengths = [int(row[key]) if row[key] else None for key in ("frames", "rgb_frames")]
        attributes = tuple(abbreviate(word) for word in row["attributes"].split())
        lists[row["dataset"]].append(
            KnownSequence(row["split"], row["modality"], row["name"], lengths[0], lengths[1], attributes)
        )
    return {
        name: from_table(DatasetFacts, {**table, "name": name, "sequences": lists[name]}, "facts.toml", place=name)
        for name, table in tables.items()
    }


DATASETS = (*all_facts(), "auto")
"""Names that `spectrack.open_dataset` takes."""
