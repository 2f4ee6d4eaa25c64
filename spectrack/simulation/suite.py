"""Frozen lists of simulated videos to compare trackers on: the suite of 48, and three smaller ones beside it.

* ``simulated``: the suite, 16 scenarios by 3 sensors.
* ``suite-spectral``: pairs of a scene whose bands are worth the same and one whose bands are not; 15 pairs.
* ``suite-return``: long behind a screen or out of the frame, alone and among look-alikes; 12 videos.
* ``suite-small``: targets under 12 px, told by the spectrum alone or by colour; 6 videos.

Videos are rendered when asked for, with procedural pictures only. A manifest of each list beside this file has their
truth and some band means; `verify` proves that rendering gives what was frozen: equal truth, band means within one.

    python -m spectrack.simulation.suite --verify
    python -m spectrack.simulation.suite --freeze NAME     (only before anything was measured on the list)
"""

from __future__ import annotations

import argparse
import hashlib
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
from spectrack.simulation.scenario import Scenario
from spectrack.simulation.scenarios import SUITE_SCENARIOS
from spectrack.simulation.side_scenarios import RETURN_SCENARIOS, SMALL_SCENARIOS, SPECTRAL_SCENARIOS
from spectrack.simulation.video import SimulatedSequence, simulate

SENSORS = ("vis16", "nir25", "rednir15")
HEIGHT, WIDTH = 240, 320

LAST_SEED = 903_999
"""The largest seed kept free for these lists; the smallest is the suite's. Training draws its seeds elsewhere."""


@dataclass(frozen=True)
class SuiteEntry:
    """One video of a list.

    Attributes:
        name: ``scenario-sensor``; no other list has it.
        scenario: see `spectrack.simulation.scenarios`.
        sensor: see `spectrack.sensors`.
        seed: the two halves of a pair share it.
        attributes: difficulties as measured when the list was frozen; empty before that.
        pair: name of the other half of a pair, which shows the same scene with one thing changed, or None.
    """

    name: str
    scenario: str
    sensor: str
    seed: int
    attributes: tuple[str, ...]
    pair: str | None


@dataclass(frozen=True)
class Suite:
    """A frozen list.

    Attributes:
        name: of the data set.
        scenarios: each is filmed by all `SENSORS`.
        frames: of each video.
        first_seed: of the first layout; each takes ten.
        manifest: file beside this module.
    """

    name: str
    scenarios: tuple[Scenario, ...]
    frames: int
    first_seed: int
    manifest: str

    @property
    def checked_frames(self) -> tuple[int, int, int]:
        """Frames whose band means the manifest holds."""
        return 0, self.frames // 2, self.frames - 1

    def entries(self) -> list[SuiteEntry]:
        """The videos, scenario by scenario."""
        layouts = list(dict.fromkeys(scenario.layout_name for scenario in self.scenarios))
        frozen, entries = _records(self.manifest), []
        for scenario in self.scenarios:
            same = (s.name for s in self.scenarios if s.layout_name == scenario.layout_name and s.name != scenario.name)
            other = next(same, None)
            for number, sensor in enumerate(SENSORS):
                name = f"{scenario.name}-{sensor}"
                seed = self.first_seed + 10 * layouts.index(scenario.layout_name) + number
                attributes = tuple(frozen.get(name, {}).get("attributes", ()))
                pair = f"{other}-{sensor}" if other else None
                entries.append(SuiteEntry(name, scenario.name, sensor, seed, attributes, pair))
        return entries

    def open(self) -> Dataset:
        """The list as a data set."""
        modalities = {sensor: modality for modality, sensor in dataset_facts(self.name).sensors.items()}
        entries = []
        for entry in self.entries():
            key = SequenceKey(self.name, "", modalities[entry.sensor], entry.name)
            entries.append(DatasetEntry(key, entry.name, entry.attributes, self.frames, SuiteSource(self, entry.name)))
        return Dataset(self.name, None, entries)

    def sequence(self, name: str) -> SimulatedSequence:
        """The video of that name, rendered on demand.

        Raises:
            ConfigError: unknown name; the nearest is offered.
        """
        entries = {entry.name: entry for entry in self.entries()}
        if name not in entries:
            raise ConfigError(f"expected a sequence of {self.name}, found {name!r}; {nearest_name(name, entries)}")
        entry = entries[name]
        video = simulate(entry.scenario, entry.sensor, frames=self.frames, seed=entry.seed, height=HEIGHT, width=WIDTH)
        video.name = entry.name
        return video

    def verify(self, names: Iterable[str] | None = None, *, frames: Sequence[int] | None = None) -> list[str]:
        """Compare what is rendered here with the manifest.

        Args:
            names: sequences to check; all by default.
            frames: those of `checked_frames` to render; all by default.

        Returns:
            One sentence for each difference; empty when the list is the frozen one.

        Raises:
            InputError: there is no manifest, or it lacks a sequence.
        """
        frozen, problems = _records(self.manifest), []
        for name in names if names is not None else [entry.name for entry in self.entries()]:
            if name not in frozen:
                raise InputError(
                    f"expected {name!r} in {self.manifest}, found {len(frozen)} other sequences; reinstall the package"
                )
            chosen = self.checked_frames if frames is None else frames
            problems += [f"{name}: {text}" for text in _differences(self.sequence(name), frozen[name], chosen)]
        return problems

    def freeze(self, path: Path) -> None:
        """Write the manifest of the list as it is rendered now.

        Args:
            path: the manifest file to write.
        """
        records = [self._record(entry) for entry in self.entries()]
        head = {"frames": self.frames, "height": HEIGHT, "width": WIDTH, "sensors": SENSORS}
        lines = ",\n".join(json.dumps(record, separators=(",", ":")) for record in records)
        write_text(path, f'{{"suite":{json.dumps(head)},\n"sequences":[\n{lines}\n]}}\n')
        _records.cache_clear()

    def _record(self, entry: SuiteEntry) -> dict[str, Any]:
        video = self.sequence(entry.name)
        cubes = {str(index): video[index] for index in self.checked_frames}
        record = {
            "name": entry.name,
            "seed": entry.seed,
            "attributes": list(video.attributes),
            "band_means": {at: np.round(cube.mean(axis=(0, 1)), 2).tolist() for at, cube in cubes.items()},
        }
        if self.name != SIMULATED.name:  # which was frozen before manifests had these
            # Counts differ by one from machine to machine, so these prove sameness and never a difference.
            record["sha256"] = {at: hashlib.sha256(cube.tobytes()).hexdigest() for at, cube in cubes.items()}
            record["visibility"] = np.round(video.visibility, 3).tolist()
        return record | {"truth": video.truth.astype(int).ravel().tolist()}


@dataclass(frozen=True)
class SuiteSource:
    """One video of a list, as a data set's source."""

    suite: Suite
    name: str

    def open(self, label: str) -> SimulatedSequence:
        """The video, rendered on demand."""
        sequence = self.suite.sequence(self.name)
        sequence.name = label
        return sequence


SIMULATED = Suite("simulated", SUITE_SCENARIOS, 80, 900_000, "suite_manifest.json")
SPECTRAL = Suite("suite-spectral", SPECTRAL_SCENARIOS, 60, 901_160, "suite_spectral_manifest.json")
RETURN = Suite("suite-return", RETURN_SCENARIOS, 140, 902_000, "suite_return_manifest.json")
SMALL = Suite("suite-small", SMALL_SCENARIOS, 80, 903_000, "suite_small_manifest.json")

SUITES = {suite.name: suite for suite in (SIMULATED, SPECTRAL, RETURN, SMALL)}


def find_suite(name: str) -> Suite:
    """The list of that name.

    Raises:
        ConfigError: unknown name; the nearest is offered.
    """
    if name not in SUITES:
        raise ConfigError(f"expected a frozen list, found {name!r}; {nearest_name(name, SUITES)}")
    return SUITES[name]


def open_suite_sequence(name: str) -> SimulatedSequence:
    """The video of that name in any of the lists, rendered on demand.

    Raises:
        ConfigError: unknown name; the nearest is offered.
    """
    owners = {entry.name: suite for suite in SUITES.values() for entry in suite.entries()}
    if name not in owners:
        raise ConfigError(f"expected a sequence of the simulated suite, found {name!r}; {nearest_name(name, owners)}")
    return owners[name].sequence(name)


def _differences(video: SimulatedSequence, record: dict[str, Any], frames: Sequence[int]) -> list[str]:
    """What of a video is not as it was frozen."""
    truth = np.array(record["truth"], dtype=np.float64).reshape(-1, 4)
    different = np.flatnonzero((truth != video.truth).any(axis=1))
    problems = []
    if different.size:
        problems.append(f"expected the frozen truth boxes, found {different.size} others from frame {different[0]} on")
    if "visibility" in record and np.abs(video.visibility - record["visibility"]).max() > 1e-3:
        problems.append("expected the frozen visibility within 0.001, found another")
    for index in frames:
        off = np.abs(video[index].mean(axis=(0, 1)) - np.array(record["band_means"][str(index)])).max()
        if off > 1.0:
            problems.append(f"expected band means of frame {index} within one count, found {off:.2f} counts off")
    return problems


@cache
def _records(manifest: str) -> dict[str, Any]:
    """The frozen records by name; empty when there is no manifest yet."""
    file = resources.files("spectrack.simulation").joinpath(manifest)
    if not file.is_file():
        return {}
    return {record["name"]: record for record in json.loads(file.read_text(encoding="utf-8"))["sequences"]}


def _main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m spectrack.simulation.suite", description="Freeze a list of simulated videos, or verify all."
    )
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--freeze", metavar="NAME", choices=list(SUITES), help="write the manifest of one list")
    action.add_argument("--verify", action="store_true", help="compare all sequences with the manifests")
    chosen = parser.parse_args(arguments).freeze
    if chosen:
        SUITES[chosen].freeze(Path(__file__).with_name(SUITES[chosen].manifest))
        sys.stdout.write("manifest written\n")
        return 0
    problems = [problem for suite in SUITES.values() for problem in suite.verify()]
    sys.stdout.write("\n".join(problems) + "\n" if problems else "all sequences are as frozen\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(_main())
