"""Benchmarks given twice: data that changed meanwhile leave no old score behind, and what is the same is reused."""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

from spectrack.cli.entry import main
from spectrack.sequences.memory import MemorySequence
from spectrack.sequences.writers import write_sequence

FRAMES = 6


def film(folder, *, seed=0, speed=2.0):
    """A textured square that walks over a textured ground, with its truth."""
    rng = np.random.default_rng(seed)
    cubes = rng.integers(100, 300, (1, 60, 80, 16)).repeat(FRAMES, axis=0).astype(np.uint16)
    target = rng.integers(500, 900, (12, 14, 16)).astype(np.uint16)
    truth = np.array([(20 + speed * number, 22, 14, 12) for number in range(FRAMES)])
    for cube, (x, y, _, _) in zip(cubes, truth.astype(int), strict=True):
        cube[y : y + 12, x : x + 14] = target
    shutil.rmtree(folder, ignore_errors=True)
    write_sequence(MemorySequence(cubes, truth=truth, name=folder.name), folder, format="npy")


@pytest.fixture
def words(tmp_path):
    """The command over two videos."""
    for seed, name in enumerate(("car", "ball")):
        film(tmp_path / "data" / name, seed=seed)
    data = ["--dataset", "folder", "--root", str(tmp_path / "data")]
    return ["benchmark", *data, "--trackers", "cf", "--out", str(tmp_path / "out")]


@pytest.fixture
def benchmark(words, tmp_path, caplog):
    """Gives the command; returns the scores by sequence, when each one's boxes were written, and what was said."""

    def run():
        caplog.clear()
        assert main(words) == 0
        place = tmp_path / "out" / "cf"
        scores = json.loads((place / "scores.json").read_text())["sequences"]
        written = {path.stem: path.stat().st_mtime_ns for path in (place / "boxes").iterdir()}
        return {item["name"]: item["figures"]["auc"] for item in scores}, written, caplog.text

    return run


def test_touched_data_are_reused(benchmark, words, tmp_path):
    scores, written, said = benchmark()
    assert "reused" not in said
    for file in (tmp_path / "data").rglob("*"):
        os.utime(file)
    assert benchmark()[:2] == (scores, written)
    program = subprocess.run([sys.executable, "-m", "spectrack", *words], capture_output=True, text=True, check=True)
    assert "2 of 2 sequences reused" in " ".join(program.stderr.split())


def test_a_corrected_truth_changes_the_score(benchmark, tmp_path):
    scores, written, _ = benchmark()
    truth = tmp_path / "data" / "car" / "groundtruth_rect.txt"
    first, *rest = [line.split() for line in truth.read_text().splitlines()]
    moved = [first, *([str(float(x) + 6), *others] for x, *others in rest)]
    truth.write_text("".join("\t".join(row) + "\n" for row in moved))
    again, later, said = benchmark()
    assert again["car"] < scores["car"] - 0.1
    assert again["ball"] == scores["ball"]
    assert later == written
    assert "car: truth or attributes are others than they were" in said
    record = json.loads((tmp_path / "out" / "benchmark.json").read_text())["trackers"]["cf"]
    assert record["figures"]["auc"] == pytest.approx(np.mean(list(again.values())))


def test_a_replaced_video_is_tracked_again(benchmark, tmp_path):
    _, written, _ = benchmark()
    film(tmp_path / "data" / "car", seed=3, speed=3.0)
    _, later, said = benchmark()
    assert later["ball"] == written["ball"]
    assert later["car"] > written["car"]
    assert "car is tracked again: its frames are others than they were" in said
    assert "1 of 2 sequences reused" in said
