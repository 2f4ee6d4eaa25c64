"""The ablate command: what it hands on, what it prints, its exit status, and what it refuses before anything is
done.
"""

import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

import spectrack
from spectrack.cli.entry import main
from spectrack.runs.entries import SequenceEntry

pytestmark = pytest.mark.usefixtures("with_random_weights")

ROWS = """
method = "siamban"
[[groups]]
name = "sizes"
title = "Size of the box"
question = "Does it matter?"
[[rows]]
name = "base"
group = "sizes"
kind = "inference"
shows = "as it comes"
[[rows]]
name = "stiff"
group = "sizes"
kind = "inference"
reference = "base"
options = { size_rate = 0.0 }
shows = "sizes never change"
[[rows]]
name = "large"
group = "sizes"
kind = "retrained"
profile = "full"
shows = "the other size"
"""


@pytest.fixture
def rows(tmp_path):
    (tmp_path / "rows.toml").write_text(ROWS)
    return str(tmp_path / "rows.toml")


@pytest.fixture
def dataset(monkeypatch):
    """Two clips under the name of a data set; what was asked for is kept."""

    def clip(seed, attributes):
        opener = SimpleNamespace(open=lambda: spectrack.simulate("calm", frames=3, seed=seed, height=64, width=96))
        return SequenceEntry(f"clip{seed}", opener.open, attributes)

    def open_dataset(name, root=None, **choice):
        asked.append((name, root, choice))
        return SimpleNamespace(name=name, root=root, entries=(clip(1, ("CAM",)), clip(2, ("SV",)), clip(3, ())))

    asked = []
    module = ModuleType("spectrack.datasets.opening")
    module.open_dataset = open_dataset
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return asked


def test_tables_on_the_terminal_and_on_disk(rows, dataset, tmp_path, capsys):
    out = tmp_path / "out"
    assert (
        main(
            [
                "ablate",
                rows,
                "--suite",
                "folder",
                "--root",
                "data",
                "--only",
                "CAM,SV",
                "--out",
                str(out),
                "--device",
                "cpu",
            ]
        )
        == 0
    )
    printed = capsys.readouterr()
    assert printed.err == ""
    assert dataset == [
        (
            "folder",
            Path("data"),
            {"split": None, "modality": None, "stream": "HSI", "origin": None, "calibration": None},
        )
    ]
    record = {item["row"]["name"]: item for item in json.loads((out / "ablation.json").read_text())["rows"]}
    whole = record["stiff"]["selections"]["all"]
    (line,) = (line.split() for line in printed.out.splitlines() if line.split()[:1] == ["stiff"])
    assert line[1] == f"{whole['auc']['estimate']:.3f}"
    assert line[3:5] == ["base", f"{whole['difference']['estimate']:+.3f}"]
    assert list(record["stiff"]["selections"]) == ["all", "CAM", "SV"]
    assert list(record["stiff"]["sequences"]) == ["clip1", "clip2"]
    lines = printed.out.splitlines()
    assert "Size of the box" in lines
    assert "large left out: means something in the profile full only" in lines
    assert lines[-1] == f"written to {out / 'ablation.md'}"
    assert (out / "ablation.md").read_text().startswith("# Ablation of siamban\n")


def test_a_list_of_the_rows(capsys):
    assert main(["ablate", "bcrnet", "--list"]) == 0
    found = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["without-cem", "bimm-parts", "training"] in found
    assert ["pca", "grouping", "inference"] in found
    assert sum(line[:1] == ["cfrm-off"] for line in found) == 1


@pytest.mark.parametrize(
    ("words", "facts"),
    [
        (["bcrnt"], ("'bcrnt'", "did you mean 'bcrnet'", "TOML")),
        (["bcrnet"], ("--out DIR", "--list")),
        (["bcrnet", "--out", "OUT", "--rows", "pca,solvr"], ("'solvr'", "did you mean 'solver'")),
        (["bcrnet", "--out", "OUT", "--groups", "fusio"], ("'fusio'", "did you mean 'fusion'")),
        (["bcrnet", "--out", "OUT", "--kind", "retraned"], ("'retraned'", "did you mean 'retrained'")),
        (["ROWS", "--out", "OUT", "--only", "CAMM"], ("'CAMM'", "did you mean 'CAM'")),
        (["ROWS", "--out", "OUT", "--seeds", "1;2"], ("'1;2'", "whole numbers", "1,2")),
        (["ROWS", "--out", "OUT", "--frames", "0"], ("frames", "found 0")),
        (["ROWS", "--out", "OUT", "--weights", "none.safetensors"], "'none.safetensors'"),
    ],
)
def test_what_is_refused(rows, dataset, tmp_path, command_refuses, words, facts):
    words = [{"ROWS": rows, "OUT": tmp_path / "out"}.get(word, word) for word in words]
    command_refuses(["ablate", *words], facts)


def test_a_failing_tracker_shows_in_the_exit_status(rows, dataset, tmp_path, capsys, monkeypatch):
    from spectrack.methods.siamban.tracker import SiamBANTracker

    update = SiamBANTracker.update

    def broken(self, frame):
        if self.options.size_rate == 0:
            raise RuntimeError("[broken]")
        return update(self, frame)

    monkeypatch.setattr(SiamBANTracker, "update", broken)
    assert main(["ablate", rows, "--only", "CAM", "--out", str(tmp_path / "out"), "--device", "cpu"]) == 1
    printed = capsys.readouterr().err
    assert printed.count("\n") == 1
    assert all(fact in printed for fact in ("stiff", "clip1", "frame 1", "RuntimeError: [broken]"))
