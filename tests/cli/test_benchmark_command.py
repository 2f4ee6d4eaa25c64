"""The benchmark command on small simulated clips: what it writes and prints, its exit status, and what it refuses."""

import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

import spectrack
from spectrack.cli.benchmark import Benchmark, parse_trackers
from spectrack.datasets.options import DatasetPart
from spectrack.errors import ConfigError
from spectrack.runs.entries import SequenceEntry
from spectrack.runs.options import RunOptions
from spectrack.trackers import registry
from spectrack.trackers.base import Estimate, Tracker
from spectrack.trackers.options import NetworkOptions
from tests.fixtures.refusals import refuses

pytestmark = pytest.mark.usefixtures("with_random_weights")


class Standing(Tracker):
    name = "standing"

    def __init__(self, step=0.0):
        self.step = step

    def init(self, frame, box, *, wavelengths_nm=None):
        self.box, self.count = box, 0

    def update(self, frame):
        self.count += 1
        if self.step == 99 and self.count == 2:
            raise RuntimeError("[broken]")
        self.box = self.box + np.array([self.step, 0, 0, 0])
        return Estimate(self.box, 0.5)

    def describe(self):
        return {"name": "standing", "step": self.step}


@pytest.fixture
def dataset(monkeypatch):
    """Two clips under the name of a data set; what was asked for is kept."""

    def clip(seed):
        return SequenceEntry(
            f"clip{seed}", lambda: spectrack.simulate("calm", frames=4, seed=seed, height=64, width=96), ("SV",)
        )

    def open_dataset(name, root=None, **choice):
        asked.append((name, root, choice))
        entries = (clip(1), clip(2))

        def select(names):
            return SimpleNamespace(
                name=name, root=root, entries=tuple(entry for entry in entries if entry.label in names)
            )

        return SimpleNamespace(name=name, root=root, entries=entries, select=select)

    asked = []
    module = ModuleType("spectrack.datasets.opening")
    module.open_dataset = open_dataset
    monkeypatch.setitem(sys.modules, module.__name__, module)
    registry.register("standing")(Standing)
    return asked


def command(out, trackers="standing,siamban", precision="fp32", split=None, rules=None, **options):
    return Benchmark(
        dataset="folder",
        trackers=tuple(trackers.split(",")) if trackers else (),
        out=out,
        root=Path("data"),
        selection=DatasetPart(split=split),
        network=NetworkOptions(precision=precision, device="cpu"),
        tracking=RunOptions(**(rules or {})),
        **options,
    )


def test_a_table_and_a_folder_a_tracker(dataset, tmp_path, capsys):
    assert command(tmp_path / "run", split="test").run() == 0
    printed = capsys.readouterr()
    assert dataset == [
        (
            "folder",
            Path("data"),
            {"split": "test", "modality": None, "stream": "HSI", "origin": None, "calibration": None},
        )
    ]
    assert printed.err == ""
    lines = printed.out.splitlines()
    assert lines[0].startswith("hot: AUC = mean of 50 thresholds")
    record = json.loads((tmp_path / "run" / "benchmark.json").read_text())
    for name in ("standing", "siamban"):
        (row,) = (line.split() for line in lines if line.split()[:1] == [name] and len(line.split()) == 9)
        figures, interval = (record["trackers"][name][key] for key in ("figures", "intervals"))
        assert row[1:3] == [f"{figures['auc']:.3f}", f"{interval['auc']['low']:.3f}-{interval['auc']['high']:.3f}"]
        assert row[3:6] == [f"{figures[key]:.3f}" for key in ("dp20", "normalised_precision", "average_overlap")]
        assert row[6:8] == [f"{2 * record['trackers'][name]['share_lost']:.0f}", "0"]
        assert float(row[8]) == pytest.approx(record["trackers"][name]["frames_per_second"], abs=0.06)
    assert any(
        line.split()
        == [
            "SV",
            "scale",
            "variation",
            "2",
            *(f"{record['trackers'][n]['figures']['auc']:.3f}" for n in ("standing", "siamban")),
        ]
        for line in lines
    )
    assert any(
        line.startswith("siamban - standing: AUC") and "paired over 2 sequences, too few" in line for line in lines
    )
    assert any(line.startswith("speed measured on") and line.endswith(", 1 thread and 1 at a time") for line in lines)
    assert f"written to {tmp_path / 'run'}" in printed.out
    run = json.loads((tmp_path / "run" / "siamban" / "run.json").read_text())
    assert run["dataset"] == {
        "name": "folder",
        "root": str(Path("data").resolve()),
        "split": "test",
        "modality": None,
        "stream": "HSI",
    }
    assert run["config"] == {
        "tracker": "siamban",
        "weights": None,
        "profile": "lite",
        "precision": "fp32",
        "device": "cpu",
    }
    assert len(run["weights"]["hash"]) == 12
    assert json.loads((tmp_path / "run" / "standing" / "run.json").read_text())["weights"] is None


def test_a_failure_shows_in_the_exit_status(dataset, tmp_path, capsys):
    trackers = "good=standing,bad=standing"
    assert command(tmp_path, trackers, set=("bad.step=99", "good.step=0.5"), names=("clip2",)).run() == 1
    printed = capsys.readouterr()
    assert printed.err.count("\n") == 1
    assert all(fact in printed.err for fact in ("bad", "clip2", "frame 2", "RuntimeError: [broken]"))
    (row,) = (line.split() for line in printed.out.splitlines() if line.startswith("  bad "))
    assert row[-2] == "1"
    assert json.loads((tmp_path / "good" / "plan.json").read_text())["sequences"] == ["clip2"]
    assert json.loads((tmp_path / "good" / "plan.json").read_text())["tracker"]["step"] == 0.5
    # Given again, it goes on with what is there; with other options it refuses.
    assert command(tmp_path, trackers, set=("bad.step=99", "good.step=0.5"), names=("clip2",)).run() == 1
    with refuses(ConfigError, "tracker.step 1", "0.5"):
        command(tmp_path, trackers, set=("bad.step=99", "good.step=1"), names=("clip2",)).run()


@pytest.mark.parametrize(
    ("options", "facts"),
    [
        ({"trackers": "siambann"}, ("tracker", "'siambann'", "did you mean 'siamban'")),
        ({"trackers": "siamban,siamban"}, ("'siamban'", "other=siamban")),
        ({"weights": ("my.safetensors",)}, ("--weights LABEL=FILE", "'my.safetensors'")),
        ({"weights": ("siambn=x",)}, ("--weights LABEL=FILE", "'siambn'", "did you mean 'siamban'")),
        ({"set": ("step=1",)}, ("--set LABEL.KEY=VALUE", "'step'")),
        ({"set": ("siamban.device=1",)}, ("'device'", "--device")),
        ({"precision": "fp64"}, ("precision", "'fp64'", "fp32", "bf16")),
        ({"rules": {"protocol": "hott"}}, ("'hott'", "did you mean 'hot'")),
        ({"rules": {"invalid": "skipp"}}, ("'skipp'", "did you mean 'skip'")),
    ],
)
def test_what_is_refused(dataset, tmp_path, options, facts):
    with refuses(ConfigError, facts):
        command(tmp_path / "run", **options).run()
    assert not (tmp_path / "run").exists()


def test_a_protocol_without_distances_has_other_columns(dataset, tmp_path, capsys):
    assert command(tmp_path, "standing", rules={"protocol": "got10k"}).run() == 0
    printed = capsys.readouterr().out
    (heading,) = (line.split() for line in printed.splitlines() if line.split()[:1] == ["tracker"])
    assert heading == ["tracker", "AO", "95", "%", "SR50", "SR75", "lost", "failed", "fps"]


def test_no_tracker_is_refused(dataset, tmp_path):
    with refuses(ConfigError, "found none", "known:", "bcrnet"):
        command(tmp_path, "").run()


def test_labels_of_trackers(dataset):
    assert parse_trackers(["siamban", "mine=siamban"]) == {"siamban": "siamban", "mine": "siamban"}


def test_a_preset_says_that_it_is_one(dataset, tmp_path, capsys):
    assert command(tmp_path, "mht,standing").run() == 0
    assert "mht: in the manner of MHT, not its authors' tracker" in " ".join(capsys.readouterr().out.split())
