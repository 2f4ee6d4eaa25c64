"""Runs read back: everything that was written, a sentence for what is unfinished or damaged, and never a traceback."""

import json
import shutil

import numpy as np
import pytest

from spectrack.errors import InputError, SequenceNotFoundError, SpectrackError
from spectrack.evaluation.analysis import analyse
from spectrack.evaluation.protocols import resolve_protocol
from spectrack.evaluation.speed import Speed
from spectrack.evaluation.tracked import TrackedSequence
from spectrack.runs.options import RunOptions
from spectrack.runs.reading import StoredRun, read_run, read_runs
from spectrack.runs.runner import run
from tests.fixtures.refusals import refuses


@pytest.fixture
def place(small, tmp_path):
    clip = small.Walk("b", 5)
    clip.visibility = np.array([1, 0.5, 0.25, 0.0, 1 / 3])
    run([small.Walk("a"), clip], small.Still, tmp_path / "run")
    return tmp_path / "run"


def test_everything_is_read_back(place):
    stored = read_run(place)
    assert (stored.tracker, list(stored.sequences)) == ("still", ["a", "b"])
    a, b = stored.sequences.values()
    assert a.boxes.tolist() == [[2, 3, 5, 4]] * 6
    assert a.truth[2].tolist() == [2 + 2 / 3, 3, 5, 4]
    assert a.score.tolist() == [1, 0.5, 0.5, 0.5, 0.5, 0.5]
    assert a.lost.tolist() == [False, False, False, True, True, True]
    assert list(a.milliseconds) == ["reading", "network", "rest"]
    assert (a.attributes, a.visibility, a.failure, a.failure_frame) == (("FM",), None, None, None)
    assert b.visibility.tolist() == [1, 0.5, 0.25, 0.0, 1 / 3]
    evidence = stored.evidence("a")
    # The box covers the object of frame 0 exactly; it never changes, and the object is painted one count brighter each
    # frame.
    assert evidence["spectrum_frames"].tolist() == [0, 1, 2, 3, 4, 5]
    assert evidence["target_spectrum"][:, 0].tolist() == [100, 101, 102, 103, 104, 105]
    assert evidence["background_spectrum"][:, 0].tolist() == [10] * 6
    assert stored.speed.frames_per_second > 0
    assert set(stored.speed.median_ms) == {"reading", "network", "rest"}
    assert stored.machine
    assert stored.weights_hash is None
    with refuses(InputError, "'c'"):
        stored.evidence("c")


def test_no_evidence_when_none_is_wanted(small, tmp_path):
    run([small.Walk("a")], small.Still, tmp_path, options=RunOptions(evidence=False))
    assert not (tmp_path / "evidence").exists()
    assert read_run(tmp_path).evidence("a") == {}


def test_the_analysis_can_be_made_again_from_what_is_stored(place):
    again = analyse(read_run(place), resolve_protocol("hot", missing="miss"))
    assert json.loads((place / "scores.json").read_text()) == json.loads(json.dumps(again.to_json()))


def test_results_of_others_need_nothing_but_boxes(tmp_path):
    boxes = np.tile([1.0, 2, 3, 4], (5, 1))
    foreign = StoredRun(
        tmp_path, "theirs", {"a": TrackedSequence("a", boxes, truth=boxes), "b": TrackedSequence("b", boxes)}
    )
    found = analyse(foreign, "otb")
    assert found.scores.auc == pytest.approx(20 / 21)
    assert (found.flag_hidden, found.flag_missed, found.reliability, found.attributes) == (None, None, None, {})
    assert (foreign.speed, foreign.machine, foreign.evidence("a")) == (Speed(0, None, {}), "", {})
    assert json.dumps(found.to_json(), allow_nan=False)


def test_what_is_not_a_finished_run(place, tmp_path):
    (place / "run.json").unlink()
    with refuses(InputError, place, "found 2", "run.json"):
        read_run(place)
    with refuses(SequenceNotFoundError, "run.json", "summary.json", tmp_path / "nowhere"):
        read_run(tmp_path / "nowhere")
    (tmp_path / "benchmark.json").write_text("{}")
    with refuses(SequenceNotFoundError, "run.json", tmp_path):
        read_run(tmp_path)


def test_a_benchmark_is_read_in_its_order_and_without_what_is_not_finished(small, tmp_path):
    for name in "abc":
        run([small.Walk("walk")], small.Still, tmp_path / name, name=name)
    (tmp_path / "benchmark.json").write_text('{"trackers": {"c": {}, "a": {}}}')
    assert [run.tracker for run in read_runs(tmp_path)] == ["c", "a", "b"]
    (tmp_path / "benchmark.json").write_text("{")
    (tmp_path / "b" / "run.json").unlink()
    assert [run.tracker for run in read_runs(tmp_path)] == ["a", "c"]
    with refuses(InputError, tmp_path / "b", "found 1", "run.json"):
        read_runs(tmp_path / "b")


@pytest.mark.parametrize(
    ("file", "text", "facts"),
    [
        ("run.json", "[]", ("JSON", "run.json", "list")),
        ("run.json", "{", ("JSON", "run.json")),
        ("run.json", "[" * 100_000, ("JSON", "run.json")),
        ("run.json", '{"name": "x"}', ("run.json", "sequences")),
        (
            "run.json",
            '{"name": "x", "sequences": [{"label": "../../etc/passwd"}]}',
            ("run.json", "'../../etc/passwd'"),
        ),
        ("run.json", '{"name": "x", "sequences": [{"label": "c"}]}', "boxes/c.txt"),
        ("boxes/a.txt", "1,2,3,4\n", ("1", "'a'", "found 6")),
        ("boxes/a.txt", "hello", ("line 1", "boxes/a.txt", "'hello'")),
        ("truth/b-visibility.txt", "1 2 x", ("b-visibility.txt", "'x'")),
        ("truth/b-visibility.txt", "1 2", ("5", "'b'", "found 2")),
        ("frames/a.csv", "frame", ("frames/a.csv", "'frame'")),
    ],
)
def test_damage_gets_a_sentence(place, file, text, facts):
    (place / file).write_text(text)
    with refuses(SpectrackError, facts):
        read_run(place)


def test_records_of_other_types_do_no_harm(place):
    record = json.loads((place / "run.json").read_text())
    (place / "run.json").write_text(
        json.dumps(record | {"machines": 5, "provenance": 5, "weights": [1], "tracker": "x"})
    )
    stored = read_run(place)
    assert (stored.machine, stored.device, stored.weights_hash) == ("", "cpu", None)


def test_random_damage_never_ends_in_another_exception(place, tmp_path):
    rng = np.random.default_rng(11)
    files = [path.relative_to(place) for path in place.rglob("*") if path.is_file()]
    originals = {file: (place / file).read_bytes() for file in files}
    refused = 0
    for number in range(800):
        file = files[number % len(files)]
        data = bytearray(originals[file])
        for _ in range(rng.integers(1, 6)):
            at = int(rng.integers(0, len(data) + 1))
            data[at : at + int(rng.integers(0, 4))] = bytes(rng.integers(0, 256, rng.integers(0, 4)).tolist())
        (place / file).write_bytes(bytes(data[: rng.integers(0, len(data) + 1)] if number % 3 == 0 else data))
        try:
            stored = read_run(place)
            if number % 10 == 0:
                analyse(stored, "hotc2026")
            [stored.evidence(label) for label in stored.sequences]
        except SpectrackError:
            refused += 1
        (place / file).write_bytes(originals[file])
    assert refused > 150
    shutil.rmtree(place)
