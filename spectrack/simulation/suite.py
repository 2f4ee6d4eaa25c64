"""The simulated suite: 48 fixed videos (3 sensors x 16 scenarios, 80 frames of 320 x 240) to compare trackers on.

Videos are rendered when asked for, with procedural pictures only. `suite_manifest.json` beside this file has their
truth and some band means; `verify` proves that rendering gives what was frozen: equal truth, band means within one.

    python -m spectrack.simulation.suite --verify
    python -m spectrack.simulation.suite --freeze     (only before anything was measured on the suite)
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from spectrack.datasets.dataset import Dataset, DatasetEntry, SequenceKey
from spectrack.datasets.facts import dataset_facts
from spectrack.errors import ConfigError, InputError, nearest_name
from spectrack.files import write_text
from spectrack.simulation.scenarios import SUITE_SCENARIOS
from spectrack.simulation.video import SimulatedSequence, simulate

SENSORS = ("vis16", "nir25", "rednir15")
FRAMES, HEIGHT, WIDTH = 80, 240, 320
CHECKED_FRAMES = (0, 40, 79)
"""Frames whose band means the manifest holds."""

FIRST_SEED = 900_000
LAST_SEED = 900_999
"""Seeds of the suite; training draws its seeds elsewhere."""

_MANIFEST = "suite_manifest.json"


@dataclass(frozen=True)
class SuiteEntry:
    """One video of the suite.

    Attributes:
        name: ``scenario-sensor``.
        scenario: see `spectrack.simulation.scenarios`.
        sensor: see `spectrack.sensors`.
        seed: the two halves of a pair share it.
        attributes: difficulties as measured when the suite was frozen; empty before that.
        pair: name of the other half (metamers or ordinary colours) of a pair, or None.
    """

    name: str
    scenario: str
    sensor: str
    seed: int
    attributes: tuple[str, ...]
    pair: str | None


def suite() -> list[SuiteEntry]:
    """The 48 entries, scenario by scenario."""
    layouts = list(dict.fromkeys(scenario.layout_name for scenario in SUITE_SCENARIOS))
    frozen = _manifest()
    entries = []
    for scenario in SUITE_SCENARIOS:
        other = [s.name for s in SUITE_SCENARIOS if s.layout_name == scenario.layout_name and s.name != scenario.name]
        for number, sensor in enumerate(SENSORS):
            name = f"{scenario.name}-{sensor}"
            seed = FIRST_SEED + 10 * layouts.index(scenario.layout_name) + number
            attributes = tuple(frozen.get(name, {}).get("attributes", ()))
            entries.append(
                SuiteEntry(name, scenario.name, sensor, seed, attributes, f"{other[0]}-{sensor}" if other else None)
            )
    return entries


def open_suite() -> Dataset:
    """The suite as the data set ``simulated``."""
    modalities = {sensor: modality for modality, sensor in dataset_facts("simulated").sensors.items()}
    entries = []
    for entry in suite():
        key = SequenceKey("simulated", "", modalities[entry.sensor], entry.name)
        entries.append(DatasetEntry(key, entry.name, entry.attributes, FRAMES, SuiteSource(entry.name)))
    return Dataset("simulated", None, entries)


@dataclass(frozen=True)
class SuiteSource:
    """One video of the suite, as a data set's source."""

    name: str

    def open(self, label: str) -> SimulatedSequence:
        """The video, rendered on demand."""
        sequence = open_suite_sequence(self.name)
        sequence.name = label
        return sequence


def open_suite_sequence(name: str) -> SimulatedSequence:
    """The suite's video of that name, rendered on demand.

    Raises:
        ConfigError: unknown name; the nearest is offered.
    """
    entries = {entry.name: entry for entry in suite()}
    if name not in entries:
        raise ConfigError(f"expected a sequence of the simulated suite, found {name!r}; {nearest_name(name, entries)}")
    entry = entries[name]
    sequence = simulate(entry.scenario, entry.sensor, frames=FRAMES, seed=entry.seed, height=HEIGHT, width=WIDTH)
    sequence.name = entry.name
    return sequence


def verify(names: Iterable[str] | None = None, *, frames: Sequence[int] = CHECKED_FRAMES) -> list[str]:
    """Compare what is rendered here with the manifest.

    Args:
        names: sequences to check; all by default, which renders 144 frames.
        frames: those of `CHECKED_FRAMES` to render.

    Returns:
        One sentence for each difference; empty when the suite is the frozen one.

    Raises:
        InputError: there is no manifest, or it lacks a sequence.
    """
    frozen = _manifest()
    problems = []
    for name in names if names is not None else [entry.name for entry in suite()]:
        if name not in frozen:
            raise InputError(
                f"expected {name!r} in {_MANIFEST}, found {len(frozen)} other sequences; reinstall the package"
            )
        sequence, record = open_suite_sequence(name), frozen[name]
        truth = np.array(record["truth"], dtype=np.float64).reshape(-1, 4)
        different = np.flatnonzero((truth != sequence.truth).any(axis=1))
        if different.size:
            problems.append(
                f"{name}: expected the frozen truth boxes, found {different.size} others from frame {different[0]} on"
            )
        for index in frames:
            off = np.abs(sequence[index].mean(axis=(0, 1)) - np.array(record["band_means"][str(index)])).max()
            if off > 1.0:
                problems.append(
                    f"{name}: expected band means of frame {index} within one count, found {off:.2f} counts off"
                )
    return problems


def freeze(path: Path) -> None:
    """Write the manifest of the suite as it is rendered now.

    Args:
        path: the manifest file to write.
    """
    records = []
    for entry in suite():
        sequence = open_suite_sequence(entry.name)
        means = {str(index): np.round(sequence[index].mean(axis=(0, 1)), 2).tolist() for index in CHECKED_FRAMES}
        record = {"name": entry.name, "seed": entry.seed, "attributes": list(sequence.attributes), "band_means": means}
        records.append(record | {"truth": sequence.truth.astype(int).ravel().tolist()})
    head = {"frames": FRAMES, "height": HEIGHT, "width": WIDTH, "sensors": SENSORS}
    lines = ",\n".join(json.dumps(record, separators=(",", ":")) for record in records)
    write_text(path, f'{{"suite":{json.dumps(head)},\n"sequences":[\n{lines}\n]}}\n')
    _manifest.cache_clear()


@cache
def _manifest() -> dict[str, Any]:
    """The frozen records by name; empty when there is no manifest yet."""
    file = resources.files("spectrack.simulation").joinpath(_MANIFEST)
    if not file.is_file():
        return {}
    return {record["name"]: record for record in json.loads(file.read_text(encoding="utf-8"))["sequences"]}


def _main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m spectrack.simulation.suite", description="Freeze or verify the simulated suite."
    )
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--freeze", action="store_true", help="write the manifest")
    action.add_argument("--verify", action="store_true", help="compare all sequences with the manifest")
    if parser.parse_args(arguments).freeze:
        freeze(Path(__file__).with_name(_MANIFEST))
        sys.stdout.write("manifest written\n")
        return 0
    problems = verify()
    sys.stdout.write("\n".join(problems) + "\n" if problems else "all sequences are as frozen\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(_main())
