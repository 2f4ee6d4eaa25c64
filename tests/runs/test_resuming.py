"""Resuming: what is the same is reused and said so; other frames are tracked again, other truth is only renewed."""

import json
import logging
import os
import shutil

import numpy as np
import pytest

from spectrack.datasets.opening import open_dataset
from spectrack.errors import ConfigError, InputError, SequenceError, SpectrackError
from spectrack.files import MANIFEST, Terms, claim_folder
from spectrack.runs.entries import SequenceContent, SequenceEntry
from spectrack.runs.options import RunOptions
from spectrack.runs.reading import read_run
from spectrack.runs.resuming import Resumption
from spectrack.runs.runner import run
from spectrack.sequences import open_sequence
from spectrack.sequences.memory import MemorySequence
from spectrack.sequences.writers import write_sequence
from tests.fixtures.refusals import check_sentence, refuses

BOXES = np.array([[2 + number / 3, 3, 5, 4] for number in range(6)])


@pytest.fixture
def data(tmp_path):
    """Two videos on disk, by name."""
    for name, level in (("car", 100), ("ball", 300)):
        film(tmp_path / "data" / name, level)
    return tmp_path / "data"


@pytest.fixture
def tracked(small):
    """The tracker of the tests, and the labels of the sequences that it was started on."""

    class Watching(small.Still):
        def init(self, frame, box, **options):
            started.append(tuple(np.asarray(box).tolist()))
            super().init(frame, box, **options)

    started = []
    return Watching, started


def film(folder, level, boxes=BOXES):
    cubes = np.full((6, 12, 16, 4), level, np.uint16)
    write_sequence(MemorySequence(cubes, name=folder.name, truth=boxes), folder, format="npy")


def entries(data, names=("car", "ball")):
    return [SequenceEntry(name, Opener(data / name)) for name in names]


class Opener:
    def __init__(self, place):
        self.place = place

    def __call__(self):
        return open_sequence(self.place)


def correct_truth(folder, *, first=False):
    boxes = BOXES.copy()
    boxes[0 if first else 3 :, 0] += 2
    (folder / "groundtruth_rect.txt").write_text("".join(",".join(map(str, box)) + "\n" for box in boxes.tolist()))
    return boxes


def replace_frames(folder):
    (folder / "frames.npy").unlink()
    np.save(folder / "frames.npy", np.full((6, 12, 16, 4), 77, np.uint16))


def test_what_is_the_same_is_reused_and_said_so(tmp_path, data, tracked, caplog):
    tracker, started = tracked
    first = run(entries(data), tracker, tmp_path / "run")
    assert first.resumption == Resumption()
    for file in data.rglob("*"):
        os.utime(file)
    with caplog.at_level(logging.INFO):
        second = run(entries(data), tracker, tmp_path / "run")
    assert len(started) == 2
    assert second.resumption.reused == ("car", "ball")
    assert "2 of 2 sequences reused" in caplog.text
    assert second.scores.auc == first.scores.auc


def test_replaced_frames_are_tracked_again_by_name(tmp_path, data, tracked, caplog):
    tracker, started = tracked
    run(entries(data), tracker, tmp_path / "run")
    replace_frames(data / "ball")
    again = run(entries(data), tracker, tmp_path / "run")
    assert len(started) == 3
    assert again.resumption.reused == ("car",)
    assert list(again.resumption.again) == ["ball"]
    assert "ball is tracked again" in caplog.text
    assert again.stored.evidence("ball")["target_spectrum"][0, 0] == 77
    assert run(entries(data), tracker, tmp_path / "run").resumption.reused == ("car", "ball")


def test_corrected_truth_changes_the_score_and_keeps_the_boxes(tmp_path, data, tracked, caplog):
    tracker, started = tracked
    before = run(entries(data), tracker, tmp_path / "run")
    written = (tmp_path / "run" / "boxes" / "car.txt").stat().st_mtime_ns
    boxes = correct_truth(data / "car")
    after = run(entries(data), tracker, tmp_path / "run")
    assert len(started) == 2
    assert (after.resumption.reused, after.resumption.renewed) == (("ball",), ("car",))
    assert "car: truth" in caplog.text
    assert after.scores.of("car").figures.auc < before.scores.of("car").figures.auc
    stored = read_run(tmp_path / "run")
    assert np.array_equal(stored.sequences["car"].truth, boxes)
    assert (tmp_path / "run" / "boxes" / "car.txt").stat().st_mtime_ns == written
    assert json.loads((tmp_path / "run" / "run.json").read_text())["auc"] == after.scores.auc
    assert run(entries(data), tracker, tmp_path / "run").resumption.reused == ("car", "ball")


def test_zipped_data_are_reused_without_being_unpacked(tmp_path, data, tracked, monkeypatch):
    tracker, started = tracked
    (tmp_path / "zips").mkdir()

    def zipped():
        shutil.make_archive(str(tmp_path / "zips" / "test"), "zip", data)
        return open_dataset("folder", tmp_path / "zips").entries

    first = run(zipped(), tracker, tmp_path / "run")
    monkeypatch.setattr("spectrack.datasets.sources.extract_folder", pytest.fail)
    again = run(zipped(), tracker, tmp_path / "run")
    assert len(again.resumption.reused) == 2
    monkeypatch.undo()
    correct_truth(data / "car")
    renewed = run(zipped(), tracker, tmp_path / "run")
    assert len(renewed.resumption.renewed) == 1
    assert renewed.scores.auc < first.scores.auc
    replace_frames(data / "ball")
    assert len(run(zipped(), tracker, tmp_path / "run").resumption.again) == 1
    assert len(started) == 3


def test_another_first_box_is_tracked_from_anew(tmp_path, data, tracked):
    tracker, started = tracked
    run(entries(data), tracker, tmp_path / "run")
    boxes = correct_truth(data / "car", first=True)
    again = run(entries(data), tracker, tmp_path / "run")
    assert started[2:] == [tuple(boxes[0])]
    assert list(again.resumption.again) == ["car"]
    assert "first box" in again.resumption.again["car"]


def test_truth_that_goes_leaves_no_score_behind(tmp_path, data, tracked):
    tracker, _ = tracked
    run(entries(data), tracker, tmp_path / "run")
    for name in ("car", "ball"):
        truth = data / name / "groundtruth_rect.txt"
        (data / name / "init_rect.txt").write_text(truth.read_text().splitlines()[0] + "\n")
        truth.unlink()
    again = run(entries(data), tracker, tmp_path / "run")
    assert again.resumption.renewed == ("car", "ball")
    assert again.scores is None
    assert not (tmp_path / "run" / "scores.json").exists()
    assert not (tmp_path / "run" / "truth").exists()


def test_attributes_are_renewed_without_tracking(tmp_path, data, tracked):
    tracker, started = tracked
    run(entries(data), tracker, tmp_path / "run")
    labelled = [SequenceEntry(entry.label, entry.opener, ("OCC",)) for entry in entries(data)]
    again = run(labelled, tracker, tmp_path / "run")
    assert len(started) == 2
    assert [item.attributes for item in again.stored.sequences.values()] == [("OCC",), ("OCC",)]


def test_an_interrupted_run_never_pools_old_and_new(tmp_path, data, tracked):
    tracker, started = tracked

    def stop(item, done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(entries(data), tracker, tmp_path / "run", progress=stop)
    replace_frames(data / "car")
    result = run(entries(data), tracker, tmp_path / "run")
    assert len(started) == 3
    assert list(result.resumption.again) == ["car"]
    assert result.stored.evidence("car")["target_spectrum"][0, 0] == 77


def test_truth_that_the_protocol_refuses_changes_nothing(tmp_path, data, tracked):
    tracker, _ = tracked
    run(entries(data), tracker, tmp_path / "run")
    before = {file: file.read_bytes() for file in (tmp_path / "run").rglob("*") if file.is_file()}
    lines = (data / "car" / "groundtruth_rect.txt").read_text().splitlines()
    (data / "car" / "groundtruth_rect.txt").write_text("\n".join([*lines[:3], "0,0,0,0", *lines[4:]]) + "\n")
    with refuses(InputError, "'car'", "1 of 6 frames", "frame 3", "--invalid"):
        run(entries(data), tracker, tmp_path / "run")
    assert {file: file.read_bytes() for file in (tmp_path / "run").rglob("*") if file.is_file()} == before


def test_data_that_cannot_be_read_any_more_loses_nothing(tmp_path, data, tracked):
    tracker, started = tracked
    run(entries(data), tracker, tmp_path / "run")
    (data / "ball").rename(data / "elsewhere")
    with refuses(SequenceError, data / "ball"):
        run(entries(data), tracker, tmp_path / "run")
    (data / "elsewhere").rename(data / "ball")
    assert run(entries(data), tracker, tmp_path / "run").resumption.reused == ("car", "ball")
    assert len(started) == 2


def test_other_code_is_refused_before_anything_is_changed(tmp_path, data, tracked, monkeypatch):
    tracker, _ = tracked
    run(entries(data), tracker, tmp_path / "run")
    monkeypatch.setattr("spectrack.runs.runner.source_digest", lambda: "another")
    with refuses(ConfigError, 'code "another"', "--overwrite"):
        run(entries(data), tracker, tmp_path / "run")
    assert read_run(tmp_path / "run")
    monkeypatch.undo()
    with refuses(ConfigError, "evidence false", "--overwrite"):
        run(entries(data), tracker, tmp_path / "run", options=RunOptions(evidence=False))


def test_markers_without_content_are_not_trusted(tmp_path, data, tracked):
    tracker, _ = tracked
    run(entries(data), tracker, tmp_path / "run")
    marker = tmp_path / "run" / "done" / "car.json"
    earlier = json.loads(marker.read_text()) | {"content": None}
    with claim_folder(tmp_path / "run", Terms("run", resume=True)) as claim:
        claim.write_json("done/car.json", earlier)
    again = run(entries(data), tracker, tmp_path / "run")
    assert list(again.resumption.again) == ["car"]
    assert SequenceContent.from_json(json.loads(marker.read_text())["content"]) is not None


def test_failed_sequences_are_kept_while_their_frames_are_the_same(tmp_path, data, tracked):
    class Failing(tracked[0]):
        def update(self, frame):
            raise ValueError("x")

    assert len(run(entries(data), Failing, tmp_path / "run").failures) == 2
    again = run(entries(data), Failing, tmp_path / "run")
    assert len(again.failures) == 2
    assert again.resumption.reused == ("car", "ball")


@pytest.mark.parametrize("damage", [lambda old: old[: len(old) // 2], lambda _: b"{}", lambda _: b"[" * 100_000])
def test_damage_has_a_way_out_that_is_told_and_works(tmp_path, data, tracked, damage):
    """Whatever file it is: what a refusal names is taken away, and the same command goes on to the same result."""
    tracker, _ = tracked
    whole = run(entries(data), tracker, tmp_path / "whole")
    names = [path.relative_to(tmp_path / "whole") for path in (tmp_path / "whole").rglob("*") if path.is_file()]
    damaged = [name for name in names if name.name != MANIFEST]
    assert len(damaged) > 8
    for name in damaged:
        place = tmp_path / "run"
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(tmp_path / "whole", place)
        (place / name).write_bytes(damage((place / name).read_bytes()))
        try:
            run(entries(data), tracker, place)
        except SpectrackError as refusal:
            check_sentence(str(refusal), str(place / name))
            (place / name).unlink()
        assert run(entries(data), tracker, place).scores.auc == whole.scores.auc
        read_run(place)


@pytest.mark.parametrize("name", ["boxes/car.txt", "frames/car.csv", "truth/car.txt"])
def test_a_sequence_whose_result_is_gone_is_tracked_again(tmp_path, data, tracked, name):
    tracker, started = tracked
    run(entries(data), tracker, tmp_path / "run")
    (tmp_path / "run" / name).unlink()
    again = run(entries(data), tracker, tmp_path / "run")
    assert (list(again.resumption.again), again.resumption.reused) == (["car"], ("ball",))
    assert len(started) == 3
    assert (tmp_path / "run" / name).is_file()
