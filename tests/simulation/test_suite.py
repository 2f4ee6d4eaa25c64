"""The frozen lists and their manifests."""

import hashlib
import json
from dataclasses import replace
from importlib import resources

import numpy as np
import pytest

from spectrack.errors import ConfigError
from spectrack.simulation.suite import (
    LAST_SEED,
    RETURN,
    SIMULATED,
    SMALL,
    SPECTRAL,
    SUITES,
    find_suite,
    open_suite_sequence,
)
from tests.fixtures.refusals import refuses

SUITE_SHA256 = "5d1cdbcf5c346478c049b29e3af6d3d9171f95e15ed8de7a1f907b2af702a128"


def manifest(suite):
    return resources.files("spectrack.simulation").joinpath(suite.manifest).read_bytes()


def records(suite):
    return {record["name"]: record for record in json.loads(manifest(suite))["sequences"]}


def test_the_suite():
    entries = SIMULATED.entries()
    assert len(entries) == 48
    paired = [entry for entry in entries if entry.pair]
    assert len(paired) == 30
    assert len({entry.seed for entry in entries}) == 48 - 15
    assert sum(bool({"CAM", "TWIN"} & set(entry.attributes)) for entry in entries) == 15


def test_the_manifest_of_the_suite_is_byte_for_byte_what_it_was():
    assert hashlib.sha256(manifest(SIMULATED)).hexdigest() == SUITE_SHA256


def test_lists_share_neither_names_nor_seeds():
    entries = [entry for suite in SUITES.values() for entry in suite.entries()]
    assert len({entry.name for entry in entries}) == len(entries) == 48 + 30 + 12 + 6
    owners = [{entry.seed for entry in suite.entries()} for suite in SUITES.values()]
    assert len(set().union(*owners)) == sum(map(len, owners))
    assert min(map(min, owners)) == SIMULATED.first_seed
    assert max(map(max, owners)) <= LAST_SEED


@pytest.mark.parametrize("suite", SUITES.values(), ids=SUITES)
def test_pairs_share_seed_and_truth_and_manifests_are_small(suite):
    assert len(manifest(suite)) < 200_000
    frozen, entries = records(suite), {entry.name: entry for entry in suite.entries()}
    assert list(frozen) == list(entries)
    for name, entry in entries.items():
        assert frozen[name]["seed"] == entry.seed
        assert np.array(frozen[name]["truth"]).reshape(-1, 4).shape == (suite.frames, 4)
        if entry.pair:
            other = entries[entry.pair]
            assert (other.pair, other.seed) == (name, entry.seed)
            assert frozen[name]["truth"] == frozen[other.name]["truth"]


def test_halves_of_a_spectral_pair_are_marked():
    entries = {entry.name: entry for entry in SPECTRAL.entries()}
    for name, entry in entries.items():
        assert ("UNEVEN" if "-uneven-" in name else "EVEN") in entry.attributes
        assert entries[entry.pair].attributes != entry.attributes


def test_returning_targets_are_away_for_long_and_seen_for_long_afterwards():
    for name, record in records(RETURN).items():
        visibility = np.array(record["visibility"])
        hidden = np.flatnonzero(visibility < 0.1)
        assert 40 <= len(hidden) <= 60, name
        assert np.array_equal(hidden, np.arange(hidden[0], hidden[-1] + 1)), name
        assert hidden[0] >= 25, name
        assert (visibility[hidden[-1] + 8 :] > 0.4).sum() >= 25, name
        boxes = np.array(record["truth"]).reshape(-1, 4)
        centres = boxes[:, :2] + boxes[:, 2:] / 2
        size = np.sqrt(boxes[0, 2] * boxes[0, 3])
        assert np.linalg.norm(centres[hidden[-1]] - centres[hidden[0]]) > 2 * size, name


def test_small_targets_are_small():
    for name, record in records(SMALL).items():
        assert np.array(record["truth"]).reshape(-1, 4)[:, 2:].max() < 12, name


def test_unknown_names_are_refused():
    with refuses(ConfigError, "'cam-grass-vis-16'", "did you mean 'cam-grass-vis16'"):
        open_suite_sequence("cam-grass-vis-16")
    with refuses(ConfigError, "'suite-spectrum'", "did you mean 'suite-spectral'"):
        find_suite("suite-spectrum")
    with refuses(ConfigError, "suite-small", "'cam-mote-vis'", "did you mean 'cam-mote-vis16'"):
        SMALL.sequence("cam-mote-vis")


@pytest.mark.parametrize(
    "name",
    [
        *("cam-grass-vis16", "hidden-nir25", "twin-crossing-rednir15", "dusk-vis16"),
        *("pigment-even-vis16", "nature-uneven-nir25", "camera-uneven-rednir15", "light-uneven-vis16"),
        *("glare-uneven-nir25", "behind-twins-rednir15", "away-vis16", "cam-mote-nir25"),
    ],
)
def test_what_is_rendered_here_is_the_frozen_list(name):
    owner = next(suite for suite in SUITES.values() if name in {entry.name for entry in suite.entries()})
    assert owner.verify([name], frames=(0, owner.frames - 1)) == []


def test_differences_are_told():
    moved = replace(SIMULATED, first_seed=SIMULATED.first_seed + 1)
    first, second = moved.verify(["speck-vis16"], frames=(40,))
    assert all(fact in first for fact in ("speck-vis16", "80 others", "frame 0"))
    assert all(fact in second for fact in ("speck-vis16", "frame 40"))
    boxes, seen, means = replace(RETURN, first_seed=RETURN.first_seed + 1).verify(["behind-vis16"], frames=(0,))
    assert "truth" in boxes
    assert "visibility" in seen
    assert "band means" in means


def test_a_list_is_frozen_as_it_is_rendered(tmp_path):
    short = replace(SMALL, frames=2, scenarios=SMALL.scenarios[:1])
    short.freeze(tmp_path / "manifest.json")
    written = json.loads((tmp_path / "manifest.json").read_text(encoding="utf-8"))
    assert written["suite"]["frames"] == 2
    first = written["sequences"][0]
    video = short.sequence(first["name"])
    assert first["truth"] == video.truth.astype(int).ravel().tolist()
    assert first["sha256"]["1"] == hashlib.sha256(video[1].tobytes()).hexdigest()
