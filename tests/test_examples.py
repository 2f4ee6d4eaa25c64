"""The examples run as they are, quickly, and each stays a page."""

import csv
import importlib.util
from pathlib import Path

import numpy as np
import pytest

import spectrack

FOLDER = Path(__file__).resolve().parents[1] / "examples"
SCRIPTS = sorted(FOLDER.glob("*.py"))


def example(name):
    spec = importlib.util.spec_from_file_location(f"example_{name}", FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_each_fits_a_page_and_is_listed(path):
    # The one that stands for a whole tracker has a test of its own: tests/exports/test_exporting.py.
    if path.stem != "track_with_onnxruntime":
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 60
    assert f"]({path.name})" in (FOLDER / "README.md").read_text(encoding="utf-8")


def test_there_are_eight():
    assert len(SCRIPTS) == 8


def test_own_folder(tmp_path, capsys):
    clip = spectrack.simulate("calm", frames=3, seed=1, height=64, width=96)
    folder = spectrack.write_sequence(clip, tmp_path / "clip")
    words = [str(folder), "10,12,20,16", "--tracker", "cf", "--out", str(tmp_path / "boxes.txt")]
    example("own_folder").main(words)
    assert spectrack.read_boxes(tmp_path / "boxes.txt").shape == (3, 4)
    assert "3 boxes in" in capsys.readouterr().out


def test_own_camera_cuts_mosaics_into_the_bands_they_came_from(capsys):
    module = example("own_camera")
    cube = spectrack.simulate("calm", "vis16", frames=2, seed=5, height=96, width=128)[0]
    np.testing.assert_array_equal(module.to_cube(next(module.exposures(2))), cube)
    assert len(module.main(["--frames", "3"])) == 2


def test_compare_trackers(tmp_path, capsys, monkeypatch):
    # Figures have tests of their own, and take longest.
    monkeypatch.setattr("spectrack.reports.report.draw_figures", lambda plans, folder, on_progress: {})
    page = example("compare_trackers").main(["--frames", "3", "--trackers", "cf", "siamban", "--out", str(tmp_path)])
    assert page.is_file()
    assert "too few to tell" in capsys.readouterr().out


def test_train_on_own_data(tmp_path):
    words = ["--start", "siamban-compact", "--pairs", "8", "--batch", "4", "--out", str(tmp_path)]
    tracker = example("train_on_own_data").main(words)
    assert tracker.describe()["weights"]["file"] == "mine.safetensors"


def test_plug_in_method():
    scores = example("plug_in_method").main(["--frames", "4"])
    assert scores["nearest"] > 0.3


def test_measure_spectra(tmp_path):
    table = example("measure_spectra").main(["--out", str(tmp_path / "measured")])
    rows = list(csv.DictReader(table.open(encoding="utf-8")))
    assert len(rows) == 30
    assert len([name for name in rows[0] if name.startswith("mean_")]) == 16
    truth = spectrack.simulate("calm", "vis16", frames=30, seed=2, height=96, width=128).truth
    centre = truth[-1, :2] + truth[-1, 2:] / 2
    assert abs(float(rows[-1]["centre_x_px"]) - centre[0]) < 3


def test_live_folder(capsys):
    assert example("live_folder").main(["--frames", "4"]) == 4
    assert "000003.png: box" in capsys.readouterr().out
