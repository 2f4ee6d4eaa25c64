"""A whole search: with a tracker of its own, interrupted, resumed, refused, on the command line."""

import json
import tomllib
from dataclasses import dataclass

import numpy as np
import pytest

from spectrack.cli import main
from spectrack.errors import ConfigError
from spectrack.sequences.memory import MemorySequence
from spectrack.sequences.writers import write_sequence
from spectrack.simulation.video import simulate
from spectrack.trackers.base import Estimate, Tracker
from spectrack.trackers.method import Method
from spectrack.tuning import running
from spectrack.tuning.options import TuneOptions
from spectrack.tuning.running import JSON_FILE, PICTURE_FILE, TOML_FILE, tune
from tests.fixtures.refusals import refuses


@dataclass(frozen=True)
class DriftOptions:
    speed: float = 0.0
    hops: bool = False


class DriftTracker(Tracker):
    """Moves by a fixed number of pixels a frame."""

    name = "drift"

    def __init__(self, options=None):
        self.options = options or DriftOptions()

    def describe(self):
        return {"name": self.name, "options": {"speed": self.options.speed, "hops": self.options.hops}}

    def init(self, frame, box, *, wavelengths_nm=None):
        self._box = np.asarray(box, float)

    def update(self, frame):
        self._box = self._box + np.array([self.options.speed * (2 if self.options.hops else 1), 0, 0, 0])
        return Estimate(self._box, 1.0, False)


@pytest.fixture
def clips():
    """Three targets that move by 2 px a frame."""
    truth = np.array([[5.0 + 2 * frame, 8, 12, 12] for frame in range(8)])
    return [
        MemorySequence(np.full((8, 40, 60, 3), 10 + number, np.uint16), truth=truth, name=f"clip{number}")
        for number in range(3)
    ]


@pytest.fixture
def drift(monkeypatch):
    method = Method("drift", "Drift", "moves", "tests", DriftTracker, online=DriftOptions)
    monkeypatch.setattr(running, "find_method", lambda name: method)
    monkeypatch.setattr(running, "load_tracker", lambda name, **config: DriftTracker(DriftOptions(**_own(config))))
    return method


def _own(config):
    return {key: value for key, value in config.items() if key in ("speed", "hops")}


VARY = ["speed=0..4", "hops=true,false"]
QUICK = TuneOptions(trials=25)


def test_the_search_finds_the_speed_of_the_targets(drift, clips, tmp_path):
    result = tune("drift", clips, tmp_path / "out", vary=VARY, options=QUICK)
    assert result.trials[0].values == {"speed": 0.0, "hops": False}
    best = result.found.best.values
    assert best["speed"] * (2 if best["hops"] else 1) == pytest.approx(2.0, abs=0.4)
    assert result.found.gain.estimate > 0.3
    assert (tmp_path / "out" / PICTURE_FILE).stat().st_size > 5000
    assert tomllib.loads((tmp_path / "out" / TOML_FILE).read_text())["online"] == best
    stored = json.loads((tmp_path / "out" / JSON_FILE).read_text())
    assert len(stored["trials"]) == 25
    assert stored["found"]["best"]["values"] == best
    assert set(stored["trials"][0]["scores"]) == {"clip0", "clip1", "clip2"}


def test_an_interrupted_search_goes_on_and_can_be_prolonged(drift, clips, tmp_path):
    whole = tune("drift", clips, tmp_path / "whole", vary=VARY, options=QUICK)

    def stop(done, total, note):
        if done == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tune("drift", clips, tmp_path / "parts", vary=VARY, options=QUICK, progress=stop)
    seen = []
    again = tune("drift", clips, tmp_path / "parts", vary=VARY, options=QUICK, progress=lambda *told: seen.append(told))
    assert again.trials == whole.trials
    assert [done for done, _, _ in seen] == list(range(8, 26))
    longer = tune("drift", clips, tmp_path / "parts", vary=VARY, options=TuneOptions(trials=27))
    assert longer.trials[:25] == whole.trials
    assert len(longer.trials) == 27


def test_other_data_or_ranges_are_refused_and_nothing_is_lost(drift, clips, tmp_path):
    tune("drift", clips, tmp_path / "out", vary=VARY, options=TuneOptions(trials=3))
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    with refuses(ConfigError, "searched"):
        tune("drift", clips, tmp_path / "out", vary=["speed=0..5"], options=TuneOptions(trials=3))
    moved = MemorySequence(clips[0].frame(0).whole()[None].repeat(8, 0), truth=clips[0].truth + 1, name="clip0")
    with refuses(ConfigError, "clip0"):
        tune("drift", [moved, *clips[1:]], tmp_path / "out", vary=VARY, options=TuneOptions(trials=3))
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before
    fresh = tune("drift", clips, tmp_path / "out", vary=["speed=0..5"], options=TuneOptions(trials=3, overwrite=True))
    assert len(fresh.trials) == 3


def test_what_is_fixed_is_not_searched_and_holds(drift, clips, tmp_path):
    result = tune("drift", clips, tmp_path / "a", vary=VARY, fixed={"hops": True}, options=TuneOptions(trials=15))
    assert list(result.space) == ["speed"]
    assert result.found.best.values["speed"] == pytest.approx(1.0, abs=0.3)
    with refuses(ConfigError, "fixed"):
        tune("drift", clips, tmp_path / "b", vary=VARY, fixed={"hops": True, "speed": 1.0})


def test_sequences_without_truth_and_trackers_that_fail_are_named(drift, clips, tmp_path, monkeypatch):
    bare = MemorySequence(np.zeros((4, 40, 60, 3), np.uint16), name="bare")
    with refuses(ConfigError, "bare", "truth"):
        tune("drift", [bare], tmp_path / "a", vary=VARY, options=TuneOptions(trials=2))

    def fail(self, frame):
        raise ValueError("broken")

    monkeypatch.setattr(DriftTracker, "update", fail)
    with refuses(ConfigError, "clip0", "broken"):
        tune("drift", clips, tmp_path / "b", vary=VARY, options=TuneOptions(trials=2))


def test_a_real_tracker_on_the_command_line(tmp_path, capsys):
    root = tmp_path / "clips"
    for seed in (1, 2):
        write_sequence(simulate("calm", frames=5, seed=seed, height=64, width=96), root / f"clip{seed}", format="npy")
    words = ["tune", "siamban", "--dataset", "folder", "--root", str(root), "--out", str(tmp_path / "out")]
    words += ["--frames", "4", "--trials", "3", "--profile", "compact", "--vary", "size_rate=0.1..0.6"]
    assert main(words) == 0
    shown = capsys.readouterr()
    assert "size_rate" in shown.out
    assert "few" in shown.err
    stored = json.loads((tmp_path / "out" / JSON_FILE).read_text())
    assert stored["plan"]["tracker"]["weights"]["recipe"] == "siamban-compact"
    assert len(stored["trials"]) == 3
    assert main([*words, "--vary", "penalty=0..1"]) == 2
