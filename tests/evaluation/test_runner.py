"""The runner: a complete run directory that scores to the same numbers, and a sentence for each way it can fail."""

import functools
import json

import numpy as np
import pytest

from spectrack.errors import ConfigError, InputError, SequenceError
from spectrack.evaluation import Scores
from spectrack.evaluation.provenance import file_sha256, provenance, source_commit
from spectrack.evaluation.results import evaluate_directories
from spectrack.evaluation.runner import RunOptions, run
from spectrack.sequences.base import ArrayFrame, Sequence
from spectrack.trackers.base import Estimate, Tracker


class Walk(Sequence):
    """A tiny clip whose object walks to the right by a third of a pixel a frame."""

    def __init__(self, name="walk", frames=6, truth=True):
        self.name, self.height, self.width, self.bands, self.attributes = name, 12, 16, 4, ("FM",)
        self._frames = frames
        boxes = np.array([[2 + k / 3, 3, 5, 4] for k in range(frames)])
        if truth:
            self.truth = boxes
        elif truth is None:
            self._first_box = boxes[0]

    def __len__(self):
        return self._frames

    def frame(self, i):
        return ArrayFrame(np.zeros((12, 16, 4), np.uint16))


class Still(Tracker):
    """A tracker that never moves, and says so from frame 3 on."""

    name = "still"

    def init(self, frame, box, *, wavelengths_nm=None):
        self.box, self.count = np.asarray(box, float), 0

    def update(self, frame):
        self.count += 1
        return Estimate(self.box, 0.5, self.count >= 3)


class Dice(Still):
    """A tracker that draws from NumPy's global generator."""

    def update(self, frame):
        return Estimate(self.box + np.random.random() * np.array([1, 0, 0, 0]), 0.5, False)  # noqa: NPY002


def test_a_run_directory_is_complete(tmp_path):
    weights = tmp_path / "net.safetensors"
    weights.write_bytes(b"abc")
    seen = []
    options = RunOptions(seed=7, weights=weights, config={"tracker": "still", "speed": 0.5})
    result = run([Walk("a"), lambda: Walk("b", 4)], Still, tmp_path / "run", options=options, progress=seen.append)
    files = sorted(str(path.relative_to(tmp_path / "run")) for path in (tmp_path / "run").rglob("*.*"))
    assert files == [
        "boxes/a.txt", "boxes/b.txt", "frames/a.csv", "frames/b.csv", "run.json", "scores.json", "truth/a.txt", "truth/b.txt",
    ]  # fmt: skip
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["config"] == {"tracker": "still", "speed": 0.5}
    assert (record["seed"], record["device"], record["protocol"]) == (7, "cpu", "hot")
    assert record["weights"] == {"file": "net.safetensors", "sha256": file_sha256(weights)}
    assert [(entry["name"], entry["frames"]) for entry in record["sequences"]] == [("a", 6), ("b", 4)]
    assert record["tracker"] == {"name": "still"}
    assert record["provenance"]["python"]
    lines = (tmp_path / "run" / "frames" / "a.csv").read_text().splitlines()
    assert lines[0] == "frame,milliseconds,score,lost"
    assert [line.split(",")[0] for line in lines[1:]] == list("012345")
    assert [line.split(",")[3] for line in lines[1:]] == list("000111")
    assert [item.name for item in seen] == ["a", "b"] == [item.name for item in result.sequences]
    assert result.sequences[0].frames_per_second > 0


def test_scores_can_be_recomputed_from_the_directory(tmp_path):
    result = run([Walk("a"), Walk("b", 40)], Still, tmp_path)
    stored = Scores.from_json(json.loads((tmp_path / "scores.json").read_text()))
    again = evaluate_directories(tmp_path, tmp_path)
    assert result.scores.sequences == stored.sequences == again.sequences
    assert 0.1 < again.auc < 0.9


def test_the_seed_is_set_before_every_sequence(tmp_path):
    both = run([Walk("a"), Walk("b")], Dice, tmp_path / "both", options=RunOptions(seed=3))
    alone = run([Walk("b")], Dice, tmp_path / "alone", options=RunOptions(seed=3))
    other = run([Walk("b")], Dice, tmp_path / "other", options=RunOptions(seed=4))
    assert np.array_equal(both.sequences[1].boxes, alone.sequences[0].boxes)
    assert not np.array_equal(other.sequences[0].boxes, alone.sequences[0].boxes)


def test_several_jobs_give_the_same_boxes(tmp_path):
    openers = [functools.partial(Walk, name, 5) for name in "abc"]
    one = run(openers, Still, tmp_path / "one")
    two = run(openers, Still, tmp_path / "two", options=RunOptions(jobs=2, backend="threading"))
    assert [item.name for item in two.sequences] == ["a", "b", "c"]
    assert two.scores.sequences == one.scores.sequences


def test_sequences_without_truth_are_tracked_but_not_scored(tmp_path):
    result = run([Walk("a"), Walk("b", truth=None)], Still, tmp_path / "mixed")
    assert [item.name for item in result.scores.sequences] == ["a"]
    assert run([Walk("b", truth=None)], Still, tmp_path / "none").scores is None
    assert not (tmp_path / "none" / "scores.json").exists()


def test_an_earlier_run_is_not_overwritten_unasked(tmp_path):
    run([Walk("a"), Walk("b")], Still, tmp_path)
    with pytest.raises(ConfigError, match=r"expected an empty directory .* found an earlier run"):
        run([Walk("a")], Still, tmp_path)
    run([Walk("a")], Still, tmp_path, options=RunOptions(overwrite=True))
    assert [path.name for path in (tmp_path / "boxes").iterdir()] == ["a.txt"]


@pytest.mark.parametrize(
    ("sequences", "error", "message"),
    [
        ([], InputError, "expected at least one sequence to track, found none"),
        ([Walk("a", truth=False)], SequenceError, "expected a first box for the sequence 'a', found no truth"),
        ([Walk("a"), Walk("a")], SequenceError, "sequences of different names, found 'a' twice"),
        ([Walk("vis/a")], SequenceError, "name that can be a file name, found 'vis/a'"),
    ],
)
def test_sequences_that_cannot_be_run(tmp_path, sequences, error, message):
    with pytest.raises(error, match=message):
        run(sequences, Still, tmp_path)
    assert not (tmp_path / "run.json").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (RunOptions(protocol="hott"), "expected a protocol, found 'hott'; did you mean 'hot'"),
        (RunOptions(config={"x": np.zeros(2)}), "expected a configuration of plain JSON values"),
        (RunOptions(weights="nowhere.safetensors"), "expected a weights file at nowhere.safetensors, found none"),
    ],
)
def test_wrong_options_are_found_before_tracking(tmp_path, options, message):
    with pytest.raises(ConfigError, match=message):
        run([Walk()], None, tmp_path / "run", options=options)
    assert not (tmp_path / "run").exists()


def test_a_file_in_the_place_of_the_directory(tmp_path):
    (tmp_path / "run").write_text("")
    with pytest.raises(ConfigError, match="expected a directory for the run"):
        run([Walk()], Still, tmp_path / "run")


def test_provenance_is_json_and_names_no_place():
    record = provenance()
    text = json.dumps(record, allow_nan=False)
    assert {"date", "commit", "uncommitted_changes", "python", "system", "processor", "cores", "packages"} <= set(record)
    assert record["packages"]["numpy"] == np.__version__
    commit, _ = source_commit()
    assert commit is None or len(commit) == 40
    assert "/" not in record["processor"]
    assert "home" not in text
