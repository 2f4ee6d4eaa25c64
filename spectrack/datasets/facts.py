"""What is known of the field's data sets: the tables facts.toml and sequences.csv, read once and checked."""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from types import MappingProxyType

from spectrack.annotations.attributes import abbreviate
from spectrack.errors import ConfigError, nearest_name


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
    sensors: Mapping[str, str]
    wavelengths_nm: Mapping[str, tuple[float, ...]]
    range_nm: Mapping[str, tuple[float, float]]
    lists: str
    counts: Mapping[str, int]
    spellings: Mapping[str, str]
    attribute_lists: tuple[str, ...]
    defects: tuple[Defect, ...]
    sequences: tuple[KnownSequence, ...] = field(repr=False)

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


def known_datasets() -> tuple[str, ...]:
    """Names of the data sets that there are facts of."""
    return tuple(_facts())


def dataset_facts(name: str) -> DatasetFacts:
    """The facts of a data set.

    Raises:
        ConfigError: unknown name; the nearest is offered.

    Example:
        >>> trucker = dataset_facts("hotc2020").find("test", "", "truck")
        >>> trucker.name, trucker.frames, trucker.attributes
        ('trucker', 221, ('IV', 'SV', 'OCC', 'OV'))
    """
    facts = _facts()
    if name not in facts:
        raise ConfigError(f"expected a data set, found {name!r}; {nearest_name(name, facts)}")
    return facts[name]


@cache
def _facts() -> dict[str, DatasetFacts]:
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
        name: DatasetFacts(
            name=name,
            title=table["title"],
            sources=tuple(table["sources"]),
            sensors=MappingProxyType(table.get("sensors", {})),
            wavelengths_nm=MappingProxyType(
                {key: tuple(value) for key, value in table.get("wavelengths_nm", {}).items()}
            ),
            range_nm=MappingProxyType({key: (value[0], value[1]) for key, value in table.get("range_nm", {}).items()}),
            lists=table.get("lists", ""),
            counts=MappingProxyType(table.get("counts", {})),
            spellings=MappingProxyType(table.get("spellings", {})),
            attribute_lists=tuple(table.get("attributes", ())),
            defects=tuple(
                Defect(d["split"], tuple(d["sequences"]), d["text"], d["source"]) for d in table.get("defects", ())
            ),
            sequences=tuple(lists[name]),
        )
        for name, table in tables.items()
    }
