"""The runner: a complete run directory that scores to the same numbers, goes on where it stopped, and lives through
failures.
"""

import functools
import json

import numpy as np
import pytest

from spectrack.errors import ConfigError, InputError, SequenceError, SpectrackError
from spectrack.evaluation.results import evaluate_directories
from spectrack.evaluation.scores import Scores
from spectrack.files import MANIFEST
from spectrack.files.fingerprints import file_identity
from spectrack.provenance import machine_name, provenance, source_commit
from spectrack.runs.entries import SequenceEntry
from spectrack.runs.options import RunOptions, RunSources
from spectrack.runs.runner import run
from spectrack.trackers.base import Estimate
from tests.fixtures.refusals import check_sentence, refuses


@pytest.fixture
def walk(small):
    return small.Walk


@pytest.fixture
def still(small):
    return small.Still


@pytest.fixture
def failing(still):
    """Makes a tracker that raises in a given frame of every sequence whose tracker is the n-th one made."""

    def maker(error, *, frame, nth):
        made = []

        class Failing(still):
            def __init__(self):
                made.append(self)
                self.number = len(made) - 2  # the first one made is only asked for its description

            def init(self, given, box, **options):
                super().init(given, box, **options)
                if self.number == nth and frame == 0:
                    raise error

            def update(self, given):
                if self.number == nth and self.count + 1 == frame:
                    raise error
                return super().update(given)

        return Failing

    return maker


def files_of(place):
    return sorted(path.relative_to(place).as_posix() for path in place.rglob("*") if path.is_file())


def test_a_run_directory_is_complete(tmp_path, walk, still):
    weights = tmp_path / "net.safetensors"
    weights.write_bytes(b"abc")
    seen = []
    sources = RunSources({"name": "walks", "root": "x"}, {"tracker": "still", "speed": 0.5}, weights)
    entries = [walk("a"), SequenceEntry("b", functools.partial(walk, "b", 4), ("OCC",))]
    result = run(
        entries,
        still,
        tmp_path / "run",
        options=RunOptions(seed=7),
        sources=sources,
        progress=lambda item, *counts: seen.append((item.label, *counts)),
    )
    per_sequence = [
        f"{kind}/{name}.{end}"
        for kind, end in (("boxes", "txt"), ("done", "json"), ("evidence", "npz"))
        for name in "ab"
    ]
    per_sequence += [f"{kind}/{name}.{end}" for kind, end in (("frames", "csv"), ("truth", "txt")) for name in "ab"]
    assert files_of(tmp_path / "run") == sorted(["plan.json", "run.json", "scores.json", MANIFEST, *per_sequence])
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["config"] == {"tracker": "still", "speed": 0.5}
    assert record["dataset"] == {"name": "walks", "root": "x"}
    assert (record["name"], record["seed"], record["device"], record["protocol"]) == ("still", 7, "cpu", "hot")
    assert record["weights"] == file_identity(weights)
    assert [(entry["label"], entry["frames"], entry["attributes"]) for entry in record["sequences"]] == [
        ("a", 6, ["FM"]),
        ("b", 4, ["OCC"]),
    ]
    assert record["tracker"] == {"name": "still"}
    assert record["machines"] == [machine_name()]
    assert record["provenance"]["python"]
    assert record == result.stored.info
    lines = (tmp_path / "run" / "frames" / "a.csv").read_text().splitlines()
    assert lines[0] == "frame,reading_ms,network_ms,rest_ms,score,lost,state,probability"
    assert [line.split(",")[0] for line in lines[1:]] == list("012345")
    assert [line.split(",")[5] for line in lines[1:]] == list("000111")
    assert seen == [("a", 1, 2), ("b", 2, 2)]
    assert result.stored.speed.frames_per_second > 0


def test_scores_can_be_recomputed_from_the_directory(tmp_path, walk, still):
    result = run([walk("a"), walk("b", 40)], still, tmp_path)
    stored = Scores.from_json(json.loads((tmp_path / "scores.json").read_text()))
    again = evaluate_directories(tmp_path, tmp_path)
    assert result.scores.sequences == stored.sequences == again.sequences
    assert 0.1 < again.auc < 0.9


def test_the_seed_is_set_before_every_sequence(tmp_path, walk, still):
    class Dice(still):
        def update(self, frame):
            return Estimate(self.box + np.random.random() * np.array([1, 0, 0, 0]), 0.5, False)  # noqa: NPY002

    both = run([walk("a"), walk("b")], Dice, tmp_path / "both", options=RunOptions(seed=3)).stored
    alone = run([walk("b")], Dice, tmp_path / "alone", options=RunOptions(seed=3)).stored
    other = run([walk("b")], Dice, tmp_path / "other", options=RunOptions(seed=4)).stored
    assert np.array_equal(both.sequences["b"].boxes, alone.sequences["b"].boxes)
    assert not np.array_equal(other.sequences["b"].boxes, alone.sequences["b"].boxes)


def test_sequences_without_truth_are_tracked_but_not_scored(tmp_path, walk, still):
    result = run([walk("a"), walk("b", truth=None)], still, tmp_path / "mixed")
    assert [item.name for item in result.scores.sequences] == ["a"]
    assert list(result.stored.sequences) == ["a", "b"]
    assert run([walk("b", truth=None)], still, tmp_path / "none").scores is None
    assert not (tmp_path / "none" / "scores.json").exists()


# ---------------------------------------------------------------- a tracker that fails


@pytest.mark.parametrize(("frame", "lines"), [(4, 4), (0, 0), (1, 1)])
def test_an_exception_ends_the_sequence_and_not_the_run(tmp_path, walk, failing, frame, lines):
    result = run(
        [walk("a"), walk("b"), walk("c")], failing(ZeroDivisionError("by\nzero"), frame=frame, nth=1), tmp_path
    )
    assert result.failures == {"b": f"frame {frame}: ZeroDivisionError: by zero"}
    boxes = (tmp_path / "boxes" / "b.txt").read_text().splitlines()
    assert boxes == ["2,3,5,4"] * lines + ["nan,nan,nan,nan"] * (6 - lines)
    assert [item.missed for item in result.scores.sequences] == [0, 6 - lines, 0]
    assert result.scores.of("b").figures.auc < result.scores.of("a").figures.auc
    record = json.loads((tmp_path / "run.json").read_text())
    assert record["failures"] == 1
    assert record["sequences"][1]["failure"] == {"frame": frame, "message": "ZeroDivisionError: by zero"}
    assert (tmp_path / "frames" / "b.csv").read_text().splitlines()[-1] == "5,nan,nan,nan,nan,0,,nan"


def test_failed_sequences_are_kept_unless_asked_for_again(tmp_path, walk, still, failing):
    assert run([walk("a"), walk("b")], failing(ValueError("x"), frame=2, nth=0), tmp_path).failures
    assert list(run([walk("a"), walk("b")], still, tmp_path).failures) == ["a"]
    again = run([walk("a"), walk("b")], still, tmp_path, options=RunOptions(retry_failed=True))
    assert not again.failures
    assert np.isfinite(again.stored.sequences["a"].boxes).all()


def test_a_lack_of_memory_is_not_the_trackers_fault(tmp_path, walk, failing):
    with pytest.raises(MemoryError):
        run([walk("a"), walk("b")], failing(MemoryError(), frame=2, nth=1), tmp_path)
    assert [path.name for path in (tmp_path / "done").iterdir()] == ["a.json"]


@pytest.mark.parametrize("box", [[np.nan, 0, 1, 1], [0, 0, 1e9, 1], [0, 0, 0, 0], [np.inf, 1, 1, 1]])
def test_a_box_that_is_none_is_a_miss_in_that_frame(tmp_path, walk, still, box):
    class Blinking(still):
        def update(self, frame):
            found = super().update(frame)
            return Estimate(np.array(box, float), 0.1) if self.count == 2 else found

    result = run([walk("a")], Blinking, tmp_path)
    assert not result.failures
    assert np.flatnonzero(~np.isfinite(result.stored.sequences["a"].boxes).all(axis=1)).tolist() == [2]
    assert result.scores.sequences[0].missed == 1


def test_a_box_of_another_shape_is_a_failure(tmp_path, walk, still):
    class Odd(still):
        def update(self, frame):
            return Estimate(np.zeros(3), 0.5)

    check_sentence(run([walk("a")], Odd, tmp_path).failures["a"], "frame 1", "(3,)")


# ---------------------------------------------------------------- going on, and refusing to


def counted(make):
    calls = []

    def maker():
        calls.append(1)
        return make()

    return maker, calls


def test_a_finished_run_is_only_scored_again(tmp_path, walk, still):
    first = run([walk("a"), walk("b")], still, tmp_path)
    maker, calls = counted(still)
    again = run([walk("a"), walk("b")], maker, tmp_path, options=RunOptions(protocol="otb"))
    assert len(calls) == 1  # for its description
    assert again.scores.protocol == "otb"
    assert json.loads((tmp_path / "run.json").read_text())["protocol"] == "otb"
    assert np.array_equal(again.stored.sequences["a"].boxes, first.stored.sequences["a"].boxes)


def test_an_interrupted_run_goes_on(tmp_path, walk, still):
    class Stopping(still):
        def update(self, frame):
            if stop and self.count == 2:
                raise KeyboardInterrupt
            return super().update(frame)

    stop = False

    def progress(item, done, total):
        nonlocal stop
        stop = done == 1

    names = [walk("a"), walk("b"), walk("c")]
    with pytest.raises(KeyboardInterrupt):
        run(names, Stopping, tmp_path, progress=progress)
    assert not (tmp_path / "run.json").exists()
    (tmp_path / "boxes" / ".b-1234.txt").write_text("1,2")  # whoever wrote it
    written = (tmp_path / "boxes" / "a.txt").stat().st_mtime_ns
    stop, seen = False, []
    run(names, Stopping, tmp_path, progress=lambda item, done, total: seen.append((item.label, done)))
    assert seen == [("b", 2), ("c", 3)]
    assert (tmp_path / "boxes" / "a.txt").stat().st_mtime_ns == written
    assert [path.name for path in tmp_path.rglob(".*")] == [".b-1234.txt"]


def other_tracker(still):
    class Other(still):
        def describe(self):
            return {"name": "still", "weights": {"file": "x", "hash": "22"}}

    return Other


@pytest.mark.parametrize(
    ("change", "facts"),
    [
        (lambda: {"options": RunOptions(seed=1)}, ("seed 1", "0")),
        (lambda: {"sources": RunSources(config={"rate": 2})}, ("config.rate 2", "null")),
        (lambda: {"sources": RunSources({"root": "elsewhere"})}, ('dataset.root "elsewhere"', "null")),
        (lambda: {"name": "mine"}, ('name "mine"', '"still"')),
    ],
)
def test_a_run_with_another_plan_is_refused(tmp_path, walk, still, change, facts):
    run([walk("a")], still, tmp_path)
    with refuses(ConfigError, tmp_path, facts, "--overwrite"):
        run([walk("a")], still, tmp_path, **change())
    assert (tmp_path / "run.json").exists()


def test_other_weights_and_other_sequences_are_refused(tmp_path, walk, still):
    run([walk("a")], still, tmp_path)
    with refuses(ConfigError, "tracker.weights", '"hash": "22"', "null", "--overwrite"):
        run([walk("a")], other_tracker(still), tmp_path)
    with refuses(ConfigError, 'sequences ["a", "b"]', '["a"]', "--overwrite"):
        run([walk("a"), walk("b")], still, tmp_path)
    run([walk("b")], other_tracker(still), tmp_path, options=RunOptions(overwrite=True))
    assert [path.name for path in (tmp_path / "boxes").iterdir()] == ["b.txt"]
    assert json.loads((tmp_path / "run.json").read_text())["weights"] == {"file": "x", "hash": "22"}


def test_a_worker_with_another_tracker_is_refused(tmp_path, walk, still):
    makers = [still, other_tracker(still)]
    with refuses(ConfigError, '{"name": "still"}', '"hash": "22"'):
        run([walk("a")], lambda: makers.pop(0)(), tmp_path)


@pytest.mark.parametrize("name", ["plan.json", "done/a.json", "boxes/a.txt", "run.json"])
@pytest.mark.parametrize("overwrite", [False, True])
def test_a_file_that_somebody_changed_is_theirs(tmp_path, walk, still, name, overwrite):
    run([walk("a")], still, tmp_path)
    (tmp_path / name).write_text("mine")
    with refuses(ConfigError, tmp_path / name):
        run([walk("a")], still, tmp_path, options=RunOptions(overwrite=overwrite))
    assert (tmp_path / name).read_text() == "mine"
    (tmp_path / name).unlink()
    run([walk("a")], still, tmp_path, options=RunOptions(overwrite=True))


# ---------------------------------------------------------------- sequences and options that cannot be run


def test_unreadable_sequences_do_not_stop_the_others(tmp_path, walk, still):
    def broken():
        raise SequenceError("expected frames, found none; mend the folder")

    entries = [walk("a"), SequenceEntry("b", broken), walk("c")]
    with refuses(SequenceError, "frames", "b"):
        run(entries, still, tmp_path)
    assert sorted(path.stem for path in (tmp_path / "done").iterdir()) == ["a", "c"]
    assert not (tmp_path / "run.json").exists()
    maker, calls = counted(still)
    run([walk("a"), walk("b"), walk("c")], maker, tmp_path)
    assert len(calls) == 2
    two = [SequenceEntry(name, broken) for name in "xy"]
    with refuses(SequenceError, "found 2", "x", "y"):
        run(two, still, tmp_path / "two")


@pytest.mark.parametrize(
    ("names", "error", "facts"),
    [
        ([], InputError, ("sequence", "none")),
        (["a", "a"], SequenceError, "'a'"),
        (["vis/a"], SequenceError, "'vis/a'"),
        (["a-visibility"], SequenceError, "'a-visibility'"),
    ],
)
def test_lists_that_cannot_be_run(tmp_path, walk, still, names, error, facts):
    with refuses(error, facts):
        run([walk(name) for name in names], still, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_sequence_without_a_first_box(tmp_path, walk, still):
    with refuses(SequenceError, "'a'", "--box"):
        run([walk("a", truth=False)], still, tmp_path)


@pytest.mark.parametrize(
    ("given", "facts"),
    [
        (RunOptions(protocol="hott"), ("'hott'", "did you mean 'hot'")),
        (RunSources(config={"x": np.zeros(2)}), ("JSON", "ndarray")),
        (RunSources(weights="nowhere.safetensors"), "nowhere.safetensors"),
        (RunOptions(jobs=0), ("job", "found 0")),
        (RunOptions(cluster="slurm"), ("'slurm'", "dask://host:port")),
        (RunOptions(threads=0), ("thread", "found 0")),
    ],
)
def test_wrong_options_are_found_before_tracking(tmp_path, walk, still, given, facts):
    name = "sources" if isinstance(given, RunSources) else "options"
    with refuses(ConfigError, facts):
        run([walk()], still, tmp_path / "run", **{name: given})
    assert not (tmp_path / "run").exists()


def test_truth_that_the_protocol_refuses_is_found_before_it_is_tracked(tmp_path, walk, still):
    clip = walk("a")
    clip.truth = np.array([[2, 3, 5, 4], [np.nan] * 4, *[[2, 3, 5, 4]] * 4])
    with refuses(InputError, "'a'", "1 of 6 frames", "--invalid skip"):
        run([clip], still, tmp_path)
    assert not (tmp_path / "boxes").exists()
    assert run([clip], still, tmp_path, options=RunOptions(invalid="skip")).scores.sequences[0].skipped == 1
    assert (tmp_path / "truth" / "a.txt").read_text().splitlines()[1] == "0,0,0,0"


@pytest.mark.parametrize("content", ["file", "foreign"])
def test_a_place_that_is_taken(tmp_path, walk, still, content):
    place = tmp_path / "run"
    if content == "file":
        place.write_text("")
    else:
        place.mkdir()
        (place / "thesis.tex").write_text("")
    with refuses(ConfigError, place, () if content == "file" else "'thesis.tex'"):
        run([walk("a")], still, place, options=RunOptions(overwrite=True))


def test_threads_are_set_while_tracking_and_put_back(tmp_path, walk, still):
    import torch

    class Asking(still):
        def update(self, frame):
            asked.append(torch.get_num_threads())
            return super().update(frame)

    asked, before = [], torch.get_num_threads()
    run([walk("a")], Asking, tmp_path, options=RunOptions(threads=3))
    assert set(asked) == {3}
    assert torch.get_num_threads() == before
    with refuses(ConfigError, "threads 2", "3", "--overwrite"):
        run([walk("a")], Asking, tmp_path, options=RunOptions(threads=2))


def test_a_description_that_is_no_json(tmp_path, walk, still):
    class Odd(still):
        def describe(self):
            return {"kernel": np.zeros(3)}

    with refuses(SpectrackError, "JSON", "'still'"):
        run([walk("a")], Odd, tmp_path)


# ---------------------------------------------------------------- where numbers come from


def test_provenance_is_json_and_names_no_place():
    record = provenance()
    text = json.dumps(record, allow_nan=False)
    assert {"date", "commit", "uncommitted_changes", "python", "system", "processor", "cores", "packages"} <= set(
        record
    )
    assert record["packages"]["numpy"] == np.__version__
    commit, _ = source_commit()
    assert commit is None or len(commit) == 40
    assert "/" not in record["processor"]
    assert "home" not in text
    assert machine_name().startswith(record["processor"])
    assert machine_name("cuda").startswith(record["processor"]) or record["gpu"]
