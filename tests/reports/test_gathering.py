"""From what a user types to runs, other people's results, truth and pictures; and the command around them."""

import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from spectrack.annotations.text import write_boxes
from spectrack.cli.report import Report
from spectrack.errors import ConfigError, InputError, SequenceError, SequenceNotFoundError
from spectrack.evaluation.results import read_truth
from spectrack.recording import record
from spectrack.reports.gathering import read_results, read_runs, view_dataset
from spectrack.reports.options import ReportOptions
from spectrack.runs import reading
from spectrack.runs.reading import find_runs
from spectrack.sequences.opening import open_sequence
from spectrack.sequences.writers import write_sequence
from spectrack.simulation.video import simulate
from spectrack.trackers.loading import load_tracker
from tests.fixtures.refusals import refuses


def make_folders(place, *names):
    for name in names:
        (place / name).mkdir(parents=True)
        (place / name / "run.json").write_text("{}")


@pytest.fixture
def stored(made, monkeypatch):
    """Folders are read as runs named after them, without their files."""
    monkeypatch.setattr(
        reading, "read_run", lambda path: made.run(path, path.name, 0.1 if "good" in path.name else 0.5)
    )


@pytest.fixture
def foreign(made, monkeypatch):
    """Foreign results whose reader finds every sequence but those named in `without`."""
    module = ModuleType("spectrack.annotations.foreign_results")
    module.asked, module.without = [], ()

    def read(path, names):
        module.asked.append((path, names))
        boxes = {name: made.truth_of(name) + np.array([0.5, 0, 0, 0]) for name in names if name not in module.without}
        mapped = [SimpleNamespace(found="car_001", sequence="car", rules=("added _001 or _det",))]
        return SimpleNamespace(
            boxes=boxes, mapped=mapped, dialect="text", unmatched=("readme",), notes=("columns were guessed.",)
        )

    module.read_foreign_results = read
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module


@pytest.fixture
def dataset(made, monkeypatch):
    """A dataset of which only `car` has an attribute; counts what is opened."""
    module = ModuleType("spectrack.datasets.opening")
    module.opened, module.asked = [], []

    class Entry:
        def __init__(self, label):
            self.label, self.attributes = label, ("MB",) if label == "car" else ()

        def open(self):
            module.opened.append(self.label)
            return SimpleNamespace(false_colour=lambda index: made.picture(self.label, index))

    class Dataset(list):
        def __getitem__(self, label):
            return next(entry for entry in self if entry.label == label)

    def open_dataset(name, root=None, **part):
        module.asked.append((name, root, part))
        if name == "absent":
            raise SequenceNotFoundError("expected frames, found none; copy them")
        return Dataset(Entry(label) for label in made.LABELS)

    module.open_dataset = open_dataset
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module


def write_truth(made, place):
    for label in made.LABELS:
        write_boxes(place / f"{label}.txt", made.truth_of(label), fmt=None)
    return place


def test_a_benchmark_stands_for_its_runs(tmp_path, stored):
    make_folders(tmp_path, "b", "a", "c")
    assert [path.name for path in find_runs(tmp_path)] == ["a", "b", "c"]
    (tmp_path / "benchmark.json").write_text(json.dumps({"trackers": ["c", "a"]}))
    assert [run.tracker for run in read_runs([str(tmp_path)])] == ["c", "a", "b"]
    assert find_runs(tmp_path / "b") == [tmp_path / "b"]
    (tmp_path / "benchmark.json").write_text("[1, 2")
    assert [path.name for path in find_runs(tmp_path)] == ["a", "b", "c"]


def test_runs_can_be_named(tmp_path, stored):
    make_folders(tmp_path, "a", "b", "odd=name")
    assert [run.tracker for run in read_runs([f"mine={tmp_path / 'a'}", str(tmp_path / "odd=name")])] == [
        "mine",
        "odd=name",
    ]
    with refuses(ConfigError, "'all'", "found 3"):
        read_runs([f"all={tmp_path}"])


def test_no_run_there(tmp_path):
    with refuses(SequenceNotFoundError, "run.json", "none", "--results"):
        read_runs([str(tmp_path)])
    with refuses(SequenceNotFoundError, "absent"):
        read_runs([str(tmp_path / "absent")])


def test_foreign_results_become_a_run(tmp_path, made, foreign):
    run, told = read_results(f"MHT={tmp_path}", made.LABELS)
    assert (run.tracker, run.info, set(run.sequences)) == ("MHT", {}, set(made.LABELS))
    assert run.sequences["car"].truth is None
    assert told == [
        "MHT: names of results that are not those of their sequences (added _001 or _det: car_001 is car).",
        "MHT: results that belong to none of the sequences and are left out: readme.",
        "MHT: columns were guessed.",
    ]
    assert foreign.asked == [(tmp_path, list(made.LABELS))]
    for wrong in (str(tmp_path), f"={tmp_path}"):
        with refuses(ConfigError, "--results NAME=FOLDER"):
            read_results(wrong, made.LABELS)
    with refuses(SequenceNotFoundError, "MHT", "absent"):
        read_results(f"MHT={tmp_path / 'absent'}", made.LABELS)


def test_truth_by_name(tmp_path, made):
    truth = read_truth(write_truth(made, tmp_path))
    assert set(truth) == set(made.LABELS)
    np.testing.assert_array_equal(truth["car"], made.truth_of("car"))


def test_the_dataset_of_the_runs(made, dataset):
    run = made.run(
        "d",
        "t",
        0,
        info={"dataset": {"name": "hotc2020", "root": "/data", "split": "test", "modality": None, "stream": "HSI"}},
    )
    view = view_dataset([made.run("x", "paper", 0, info={}), run])
    assert view.attributes["car"] == ("MB",)
    assert view.pictures("car", 3).tolist() == made.picture("car", 3).tolist()
    view.pictures("car", 4)
    assert dataset.opened == ["car"]
    view_dataset([run], dataset="hotc2023", root="/elsewhere")
    assert dataset.asked == [
        ("hotc2020", Path("/data"), {"split": "test", "stream": "HSI"}),
        ("hotc2023", Path("/elsewhere"), {}),
    ]


def test_recordings_bring_the_pictures_of_their_own_videos(tmp_path):
    clip = simulate("calm", frames=3, seed=5, height=64, width=72)
    record(clip, load_tracker("cf"), tmp_path / "rendered")
    stored = write_sequence(clip, tmp_path / "clip", format="npy")
    record(open_sequence(stored), load_tracker("cf"), tmp_path / "kept", settings={"sequence": str(stored)})
    for name in ("rendered", "kept"):
        view = view_dataset(read_runs([str(tmp_path / name)]))
        assert view.remark == ""
        (label,) = read_runs([str(tmp_path / name)])[0].sequences
        np.testing.assert_array_equal(view.pictures(label, 2), clip.false_colour(2))
    (tmp_path / "clip").rename(tmp_path / "moved")
    view = view_dataset(read_runs([str(tmp_path / "kept")]))
    with refuses(SequenceError, str(stored)):
        view.pictures(label, 0)


def test_a_dataset_that_is_not_there(made, dataset):
    view = view_dataset([made.run("d", "t", 0)])
    assert view.pictures is None
    assert view.remark == "The runs do not say which dataset they tracked; name it with --dataset and --root."
    view = view_dataset([], dataset="absent")
    assert view.remark == "The dataset absent is not at hand (expected frames, found none; copy them)."


def test_the_command(tmp_path, made, stored, foreign, dataset, monkeypatch, capsys):
    make_folders(tmp_path / "RUN", "good", "bad")
    monkeypatch.setattr(reading, "read_run", lambda path: made.run(path, path.name, 0.1, labels=["car"]))
    command = Report(
        out=tmp_path / "out",
        runs=(str(tmp_path / "RUN"),),
        results=(f"MHT={tmp_path}",),
        truth=write_truth(made, tmp_path / "truth"),
        dataset="hotc2020",
        report=ReportOptions(title="Mine"),
    )
    assert command.run() == 0
    printed = capsys.readouterr().out
    for words in (
        "protocol hot",
        "bad",
        "good",
        "MHT",
        "leads with an AUC of",
        "added _001 or _det: car_001 is car",
        str(tmp_path / "out" / "report.html"),
    ):
        assert words in printed
    assert foreign.asked == [(tmp_path, ["car"])]
    assert (tmp_path / "out" / "figures" / "strips" / "car.svg").is_file()
    assert "<h1>Mine</h1>" in (tmp_path / "out" / "report.html").read_text()


def test_the_command_refuses(tmp_path, made, stored, foreign, dataset):
    with refuses(ConfigError, "--truth DIR"):
        Report(out=tmp_path / "out", results=(f"A={tmp_path}",)).run()
    with refuses(InputError, "run", "--results"):
        Report(out=tmp_path / "out").run()
    make_folders(tmp_path / "RUN", "good")
    foreign.without = ("car",)
    with refuses(InputError, "'A'", "car", "--shared"):
        Report(out=tmp_path / "out", runs=(str(tmp_path / "RUN"),), results=(f"A={tmp_path}",)).run()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    with refuses(ConfigError, "'mine.txt'"):
        Report(out=tmp_path / "out", runs=(str(tmp_path / "RUN"),)).run()
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine.txt"]
