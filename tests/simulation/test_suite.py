"""The suite's list and manifest."""

import json
from importlib import resources

import numpy as np
import pytest

from spectrack.errors import ConfigError
from spectrack.simulation import suite as module
from spectrack.simulation.suite import FIRST_SEED, LAST_SEED, open_suite_sequence, suite, verify
from tests.fixtures.refusals import refuses


def test_the_list():
    entries = suite()
    assert len(entries) == len({entry.name for entry in entries}) == 48
    assert all(FIRST_SEED <= entry.seed <= LAST_SEED for entry in entries)
    by_name = {entry.name: entry for entry in entries}
    paired = [entry for entry in entries if entry.pair]
    assert len(paired) == 30
    assert all(by_name[entry.pair].pair == entry.name and by_name[entry.pair].seed == entry.seed for entry in paired)
    assert len({entry.seed for entry in entries}) == 48 - 15
    assert sum(bool({"CAM", "TWIN"} & set(entry.attributes)) for entry in entries) == 15


def test_unknown_sequences_are_refused():
    with refuses(ConfigError, "'cam-grass-vis-16'", "did you mean 'cam-grass-vis16'"):
        open_suite_sequence("cam-grass-vis-16")


@pytest.mark.parametrize("name", ["cam-grass-vis16", "hidden-nir25", "twin-crossing-rednir15", "dusk-vis16"])
def test_what_is_rendered_here_is_the_frozen_suite(name):
    assert verify([name], frames=(0, 79)) == []


def test_differences_are_told(monkeypatch):
    monkeypatch.setattr(module, "FIRST_SEED", module.FIRST_SEED + 1)
    first, second = verify(["speck-vis16"], frames=(40,))
    assert all(fact in first for fact in ("speck-vis16", "80 others", "frame 0"))
    assert all(fact in second for fact in ("speck-vis16", "frame 40"))


def test_pairs_share_truth_and_the_manifest_is_small():
    file = resources.files("spectrack.simulation").joinpath("suite_manifest.json")
    assert len(file.read_bytes()) < 200_000
    records = {record["name"]: record for record in json.loads(file.read_text(encoding="utf-8"))["sequences"]}
    for entry in suite():
        if entry.pair:
            assert records[entry.name]["truth"] == records[entry.pair]["truth"]
    boxes = np.array(records["cam-grass-vis16"]["truth"]).reshape(-1, 4)
    assert boxes.shape == (80, 4)
