"""Tracking in the viewer: the boxes of `spectrack.record`, stopped, corrected, saved whole or not at all."""

import json
import shutil

import numpy as np
import pytest

from spectrack.annotations.text import read_boxes
from spectrack.errors import BoxError, ConfigError, InputError, SpectrackError
from spectrack.recording import record
from spectrack.runs.reading import read_run
from spectrack.sequences.excerpt import Excerpt
from spectrack.sequences.opening import open_sequence
from spectrack.sequences.writers import write_sequence
from spectrack.trackers.base import Estimate, Tracker
from spectrack.trackers.loading import load_tracker
from spectrack.viewer.viewing import Tracking
from tests.fixtures.refusals import check_sentence, refuses
from tests.fixtures.viewers import small_clip, view_of, wait_for


class Gated(Tracker):
    """Moves right by a pixel, a frame each time it is let; fails in the frame that it is told to."""

    name = "gated"
    fails_at = None

    def __init__(self):
        import threading

        self.gate = threading.Semaphore(0)

    def init(self, frame, box, *, wavelengths_nm=None):
        self.box, self.index = np.asarray(box, float), 0

    def update(self, frame):
        self.gate.acquire()
        self.index += 1
        if self.index == self.fails_at:
            raise RuntimeError("no more")
        self.box = self.box + np.array([1.0, 0, 0, 0])
        return Estimate(self.box, 0.5)


def start(viewing, *, frame=0, box=(20, 20, 12, 10), tracker="cf", profile=None):
    viewing.start({"sequence": 0, "frame": frame, "box": list(box), "tracker": tracker, "profile": profile})


def finish(viewing):
    wait_for(lambda: not viewing.live.is_busy)
    viewing.live._thread.join()


@pytest.fixture
def gated(tmp_path):
    tracker = Gated()
    viewing = view_of(small_clip, folder=tmp_path / "runs", tracking=Tracking(lambda name, profile: tracker))
    yield viewing, tracker
    tracker.gate.release(1000)
    viewing.live.stop()


@pytest.mark.parametrize("tracker", ["cf", "siamban"])
def test_a_saved_track_is_the_one_that_the_command_writes(tmp_path, tracker, request):
    if tracker == "siamban":
        request.getfixturevalue("with_random_weights")
    profile = "compact" if tracker == "siamban" else None
    clip = small_clip()
    box = np.asarray(clip.first_box) + 0.123456789
    wanted = record(clip, load_tracker(tracker, profile=profile), tmp_path / "wanted", box=box)
    viewing = view_of(small_clip, folder=tmp_path / "runs")
    start(viewing, box=box, tracker=tracker, profile=profile)
    finish(viewing)
    viewing.save("mine", overlay=False)
    assert (tmp_path / "runs/mine/boxes.txt").read_bytes() == (tmp_path / "wanted/boxes.txt").read_bytes()
    assert {file.name for file in (tmp_path / "runs/mine").iterdir()} == {
        file.name for file in (tmp_path / "wanted").iterdir()
    }
    summary = json.loads((tmp_path / "runs/mine/summary.json").read_text())
    assert summary["scores"] == wanted.summary["scores"]
    assert summary["tracker"] == wanted.summary["tracker"]
    assert [float(part) for part in summary["settings"]["box"].split(",")] == box.tolist()
    (item,) = read_run(tmp_path / "runs/mine").sequences.values()
    assert np.allclose(item.score, wanted.confidence, atol=1e-6)


def test_rows_are_what_the_tracker_said(tmp_path):
    clip, viewing = small_clip(), view_of(small_clip, folder=tmp_path)
    start(viewing, box=clip.first_box)
    finish(viewing)
    rows = viewing.live.rows_from(0, 100)
    import spectrack

    for row, estimate in zip(rows, spectrack.track(clip, load_tracker("cf")), strict=True):
        assert (row["box"], row["score"], row["state"]) == (estimate.box.tolist(), estimate.score, estimate.state)
    window, found = rows[3]["window"], viewing.live.map_of(3, "response")
    assert found.region.tolist() == window
    assert found.steps.max() == 255
    assert viewing.live.map_of(3, "none") is None
    assert rows[3]["iou"] > 0


def test_a_correction_keeps_the_frames_before_it_and_tracks_the_others_anew(tmp_path):
    clip = small_clip()
    whole = record(clip, load_tracker("cf"), tmp_path / "whole").boxes
    corrected = np.array([30.0, 18, 14, 11])
    after = record(Excerpt(clip, 99, 5), load_tracker("cf"), tmp_path / "after", box=corrected).boxes
    viewing = view_of(small_clip, folder=tmp_path / "runs")
    start(viewing, box=clip.first_box)
    finish(viewing)
    start(viewing, frame=5, box=corrected)
    assert viewing.live.kept == 5
    finish(viewing)
    viewing.save("mine", overlay=False)
    boxes = read_boxes(tmp_path / "runs/mine/boxes.txt")
    assert (boxes == np.concatenate([whole[:5], after])).all()
    settings = json.loads((tmp_path / "runs/mine/summary.json").read_text())["settings"]
    assert settings["corrections"] == [{"frame": 5, "box": corrected.tolist()}]
    start(viewing, frame=3, box=corrected)  # what was corrected behind it holds no more
    finish(viewing)
    assert viewing.live.status()["corrections"] == [{"frame": 3, "box": corrected.tolist()}]
    assert len(read_run(tmp_path / "runs/mine").sequences[clip.name].score) == len(clip)


def test_a_track_may_begin_late_and_end_early(gated, tmp_path):
    viewing, tracker = gated
    start(viewing, frame=3)
    tracker.gate.release(4)
    wait_for(lambda: len(viewing.live.rows_from(0, 99)) == 5)
    tracker.gate.release(1)  # the frame that it is in when Stop is pressed
    viewing.live._stop.set()
    finish(viewing)
    assert viewing.live.status()["phase"] == "stopped"
    done = len(viewing.live.rows_from(0, 99))
    viewing.save("part", overlay=False)
    item = next(iter(read_run(tmp_path / "runs/part").sequences.values()))
    there = np.flatnonzero(np.isfinite(item.boxes).all(axis=1))
    assert there.tolist() == list(range(3, 3 + done))
    summary = json.loads((tmp_path / "runs/part/summary.json").read_text())
    assert (summary["first_frame"], summary["settings"]["frames_tracked"]) == (3, done)


def test_a_tracker_that_fails_is_told_and_its_frames_can_be_saved(gated, tmp_path):
    viewing, tracker = gated
    tracker.fails_at = 3
    start(viewing)
    tracker.gate.release(9)
    finish(viewing)
    status = viewing.live.status()
    assert (status["phase"], len(viewing.live.rows_from(0, 99))) == ("failed", 3)
    assert "no more" in status["message"]
    viewing.save("failed", overlay=False)
    item = next(iter(read_run(tmp_path / "runs/failed").sequences.values()))
    assert np.isfinite(item.boxes).all(axis=1).sum() == 3


def test_frames_that_go_while_they_are_tracked_end_the_track_and_what_there_is_can_be_saved(tmp_path):
    write_sequence(small_clip(), tmp_path / "clip")
    tracker = Gated()
    viewing = view_of(
        lambda: open_sequence(tmp_path / "clip"),
        folder=tmp_path / "runs",
        tracking=Tracking(lambda name, profile: tracker),
    )
    start(viewing)
    tracker.gate.release(2)
    wait_for(lambda: len(viewing.live.rows_from(0, 99)) == 3)
    shutil.rmtree(tmp_path / "clip")
    tracker.gate.release(99)
    finish(viewing)
    assert viewing.live.status()["phase"] == "failed"
    check_sentence(viewing.live.status()["message"], "No such file or directory")
    viewing.save("rest", overlay=False)
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["rest"]
    with pytest.raises(SpectrackError):
        viewing.save("drawn", overlay=True)
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["rest"]


def test_one_tracker_works_at_a_time(gated):
    viewing, tracker = gated
    start(viewing)
    wait_for(lambda: viewing.live.rows_from(0, 1))
    with refuses(ConfigError, "stop it first"):
        start(viewing)
    with refuses(ConfigError, "found one that goes on"):
        viewing.save("early", overlay=False)
    tracker.gate.release(99)
    finish(viewing)
    assert viewing.live.status()["phase"] == "done"


def test_what_cannot_be_saved_leaves_nothing(tmp_path):
    viewing = view_of(small_clip, folder=tmp_path / "runs")
    with refuses(ConfigError, "found none"):
        viewing.save("none", overlay=False)
    start(viewing, box=small_clip().first_box)
    finish(viewing)
    for name in ("", "../up", "a/b", ".hidden", "c:d"):
        with refuses(InputError, repr(name)):
            viewing.save(name, overlay=False)
    assert viewing.live.is_unsaved
    assert not (tmp_path / "runs").exists()
    viewing.save("taken", overlay=False)
    before = {file: file.read_bytes() for file in (tmp_path / "runs/taken").iterdir()}
    with refuses(ConfigError, "'taken'", "another name"):
        viewing.save("taken", overlay=False)
    assert {file: file.read_bytes() for file in (tmp_path / "runs/taken").iterdir()} == before
    assert not viewing.live.is_unsaved


def test_a_box_outside_the_frame_leaves_the_track_alone(tmp_path):
    viewing = view_of(small_clip, folder=tmp_path)
    start(viewing, box=small_clip().first_box)
    finish(viewing)
    with refuses(BoxError, "80 x 64"):
        start(viewing, frame=4, box=(200, 3, 9, 9))
    assert len(viewing.live.rows_from(0, 99)) == 12
