"""Recording: what the folder of results holds, that it can be scored again, and when it is refused."""

import json
from pathlib import Path

import numpy as np
import pytest

import spectrack
from spectrack.cli.report import Report
from spectrack.errors import BoxError, ConfigError, CubeError, InputError
from spectrack.files import MANIFEST, FileTerms, write_file
from spectrack.recording import first_box, record
from spectrack.reports.gathering import read_runs
from spectrack.runs.options import RecordOptions
from spectrack.runs.reading import read_run
from spectrack.sequences import MemorySequence
from spectrack.trackers.base import Estimate, Tracker, as_frame
from tests.fixtures.refusals import refuses


class Drifting(Tracker):
    """Moves its box by one pixel a frame, and calls itself lost in the last."""

    name = "drifting"

    def __init__(self, frames):
        self.frames, self.read = frames, []

    def init(self, frame, box, *, wavelengths_nm=None):
        self.box, self.wavelengths_nm, self.index = np.asarray(box, float), wavelengths_nm, 0
        self.read.append(np.asarray(as_frame(frame)).sum())

    def update(self, frame):
        self.index += 1
        self.read.append(as_frame(frame).whole().sum())
        assert as_frame(frame).window(1, 2, 4, 6).shape == (4, 3, 5)
        self.box = self.box + np.array([1, 0, 0, 0])
        return Estimate(self.box, 1 / (1 + self.index), self.index == self.frames - 1)


@pytest.fixture
def video():
    cubes = np.arange(4 * 12 * 16 * 5, dtype=np.uint16).reshape(4, 12, 16, 5)
    truth = np.array([[2.0, 3, 4, 4], [3, 3, 4, 4], [5, 3, 4, 4], [0, 0, 0, 0]])
    return MemorySequence(cubes, name="ramp", truth=truth, wavelengths_nm=(500, 510, 520, 530, 540))


def test_what_is_written(video, tmp_path):
    tracker = Drifting(4)
    recording = record(video, tracker, tmp_path / "out")
    assert tracker.read == [video[i].sum() for i in range(4)]
    assert tracker.wavelengths_nm == (500, 510, 520, 530, 540)
    assert {file.name for file in (tmp_path / "out").iterdir()} == {
        "boxes.txt",
        "frames.csv",
        "groundtruth_rect.txt",
        "summary.json",
        MANIFEST,
    }
    assert (tmp_path / "out" / "boxes.txt").read_text() == "2,3,4,4\n3,3,4,4\n4,3,4,4\n5,3,4,4\n"
    np.testing.assert_array_equal(recording.boxes, spectrack.read_boxes(tmp_path / "out" / "boxes.txt"))
    lines = (tmp_path / "out" / "frames.csv").read_text().splitlines()
    assert lines[0] == "frame,reading_ms,network_ms,rest_ms,score,lost,state,probability"
    assert [line.split(",", 4)[4] for line in lines[1:]] == [
        "1,0,tracking,1",
        "0.5,0,tracking,nan",
        "0.333333,0,tracking,nan",
        "0.25,1,lost,nan",
    ]


def test_the_summary_says_what_was_done(video, tmp_path):
    recording = record(video, Drifting(4), tmp_path / "out", settings={"command": "test"})
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary == recording.summary
    assert (
        summary["sequence"] | {"name": "ramp", "frames": 4, "height": 12, "width": 16, "bands": 5}
        == summary["sequence"]
    )
    assert summary["first_box"] == [2, 3, 4, 4]
    assert summary["lost_frames"] == summary["states"]["lost"] == 1
    assert summary["settings"] == {"command": "test"}
    assert summary["tracker"] == {"name": "drifting"}
    assert summary["provenance"]["packages"]["torch"]
    assert summary["milliseconds"]["start"] >= 0


def test_frames_without_truth_are_left_out_of_the_score(video, tmp_path):
    scores = record(video, Drifting(4), tmp_path / "out").scores
    # By hand: overlaps 1, 1 and 3/5, the fourth frame has no truth; 0.6 reaches 30 of the 50 thresholds.
    assert scores.figures.average_overlap == pytest.approx((1 + 1 + 0.6) / 3)
    assert scores.auc == pytest.approx((1 + 1 + 30 / 50) / 3)
    assert scores.sequences[0].skipped == 1


def test_the_folder_scores_to_the_same_numbers(video, tmp_path):
    recording = record(video, Drifting(4), tmp_path / "out")
    again = spectrack.evaluate_directories(tmp_path / "out", tmp_path / "out", invalid="skip")
    assert again.figures == recording.scores.figures


def test_without_truth_there_is_no_score(video, tmp_path):
    video.truth = None
    recording = record(video, Drifting(4), tmp_path / "out", box=(1, 1, 3, 3))
    assert recording.scores is None
    assert recording.summary["scores"] is None
    assert not (tmp_path / "out" / "groundtruth_rect.txt").exists()


def test_scoring_can_be_left_out(video, tmp_path):
    recording = record(video, Drifting(4), tmp_path / "out", options=RecordOptions(score=False))
    assert recording.scores is None


def test_a_single_frame_has_no_speed(video, tmp_path):
    one = MemorySequence([video[0]], name="one", truth=video.truth[:1])
    assert record(one, Drifting(1), tmp_path / "out").summary["frames_per_second"] is None


def test_progress_counts_every_frame(video, tmp_path):
    seen = []
    record(video, Drifting(4), tmp_path / "out", on_progress=lambda *step: seen.append(step))
    assert seen == [("tracking", i, 4) for i in (1, 2, 3, 4)]


def test_overwriting_replaces_results_and_nothing_else(video, tmp_path):
    out = tmp_path / "out"
    record(video, Drifting(4), out)
    with write_file(out / "scores-hot.json", FileTerms("scores")) as file:
        file.write_text("{}")
    with refuses(ConfigError, "'boxes.txt'", "--overwrite"):
        record(video, Drifting(4), out)
    (out / "overlay.mp4").write_bytes(b"mine")
    record(video, Drifting(4), out, options=RecordOptions(overwrite=True, score=False))
    assert {file.name for file in out.iterdir()} == {"boxes.txt", "frames.csv", "summary.json", "overlay.mp4", MANIFEST}
    with refuses(ConfigError, "overlay.mp4"):
        record(video, Drifting(4), out, options=RecordOptions(overwrite=True, overlay=True))
    assert (out / "overlay.mp4").read_bytes() == b"mine"


def test_half_replaced_results_are_not_read(video, tmp_path, monkeypatch):
    record(video, Drifting(4), tmp_path / "out")
    replace = Path.replace

    def interrupted(self, target):
        if Path(target).name == "summary.json" and Path(target).parent == tmp_path / "out":
            raise KeyboardInterrupt
        return replace(self, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", interrupted)
        with pytest.raises(KeyboardInterrupt):
            record(video, Drifting(4), tmp_path / "out", options=RecordOptions(overwrite=True))
    with refuses(InputError, tmp_path / "out", "--overwrite"):
        read_run(tmp_path / "out")
    record(video, Drifting(4), tmp_path / "out", options=RecordOptions(overwrite=True))
    assert len(read_run(tmp_path / "out").sequences) == 1


def test_an_existing_empty_folder_is_kept(video, tmp_path):
    (tmp_path / "out").mkdir()
    inode = (tmp_path / "out").stat().st_ino
    record(video, Drifting(4), tmp_path / "out")
    assert (tmp_path / "out").stat().st_ino == inode


def test_truth_that_cannot_be_scored_is_refused_before_tracking(video, tmp_path):
    video.truth = np.zeros((4, 4))
    tracker = Drifting(4)
    with refuses(InputError, "'ramp'", "hot", "4 skipped"):
        record(video, tracker, tmp_path / "out", box=(1, 1, 3, 3))
    assert tracker.read == []
    assert not (tmp_path / "out").exists()


def test_a_failing_tracker_leaves_nothing(video, tmp_path):
    class Refusing(Drifting):
        def update(self, frame):
            raise CubeError("expected a, found b; do c")

    with refuses(CubeError, "b", "frame 1 of ramp"):
        record(video, Refusing(4), tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_first_box_comes_from_the_caller_then_the_sequence(video):
    np.testing.assert_array_equal(first_box(video, (1, 2, 3, 4)), [1, 2, 3, 4])
    np.testing.assert_array_equal(first_box(video), [2, 3, 4, 4])
    video.truth = None
    with refuses(BoxError, "ramp", "--box x,y,w,h", "--box-from"):
        first_box(video)
    with refuses(BoxError, "16 x 12", "(16, 0, 3, 3)"):
        first_box(video, (16, 0, 3, 3))


def recorded(tmp_path, name, *, tracker="drifting", seed=0):
    """A recording of a drifting object, by a tracker of that name."""
    cubes = np.random.default_rng(seed).integers(0, 900, (4, 12, 16, 5)).astype(np.uint16)
    truth = np.array([[2.0 + i + seed, 3, 4, 4] for i in range(4)])
    made = Drifting(4)
    made.name = tracker
    record(MemorySequence(cubes, name=name, truth=truth), made, tmp_path / f"{tracker}-{name}")
    return str(tmp_path / f"{tracker}-{name}")


def test_recordings_are_reported_side_by_side(tmp_path, capsys):
    places = [recorded(tmp_path, "car", tracker=tracker) for tracker in ("one", "two")]
    Report(out=tmp_path / "report", runs=tuple(places)).run()
    printed = capsys.readouterr().out
    assert "1 sequence, 4 frames" in printed
    assert "one" in printed
    assert "two" in printed
    assert (tmp_path / "report" / "report.html").is_file()


def test_recordings_of_different_videos_are_one_run(tmp_path):
    for tracker in ("one", "two"):
        for number, name in enumerate(("car", "ball")):
            recorded(tmp_path, name, tracker=tracker, seed=number)
    runs = {run.tracker: sorted(run.sequences) for run in read_runs([str(tmp_path)])}
    assert runs == {"one": ["ball", "car"], "two": ["ball", "car"]}
    again = recorded(tmp_path / "again", "car", tracker="one")
    assert len(read_runs([str(tmp_path / "one-car"), again])) == 2
    summary = tmp_path / "one-ball" / "summary.json"
    described = json.loads(summary.read_text())
    summary.write_text(json.dumps(described | {"tracker": described["tracker"] | {"precision": "bf16"}}))
    assert len(read_runs([str(tmp_path)])) == 2
    summary.write_text(json.dumps(described | {"tracker": described["tracker"] | {"size_rate": 0.5}}))
    assert len(read_runs([str(tmp_path)])) == 3
    assert len(read_runs([str(tmp_path / "one-car"), f"other={tmp_path / 'one-ball'}"])) == 2


def test_a_box_that_is_none_is_a_miss_in_its_frame(video, tmp_path):
    class Blinking(Drifting):
        def update(self, frame):
            found = super().update(frame)
            return Estimate(np.full(4, np.nan), 0.1) if self.index == 1 else found

    recording = record(video, Blinking(4), tmp_path / "out", options=RecordOptions(overlay=True))
    assert (tmp_path / "out" / "boxes.txt").read_text().splitlines()[1] == "nan,nan,nan,nan"
    assert recording.scores.sequences[0].missed == 1
    stored = read_run(tmp_path / "out")
    np.testing.assert_array_equal(stored.sequences["ramp"].boxes, recording.boxes)
    assert stored.protocol == "hot"


def test_a_track_that_starts_later_keeps_the_numbers_of_its_frames(video, tmp_path):
    tracker = Drifting(2)
    recording = record(video, tracker, tmp_path / "out", box=(5, 3, 4, 4), start=2)
    assert tracker.read == [video[2].sum(), video[3].sum()]
    assert recording.summary["first_frame"] == 2
    assert recording.summary["first_box"] == [5, 3, 4, 4]
    assert recording.summary["lost_frames"] == 1
    np.testing.assert_array_equal(recording.boxes, [[np.nan] * 4] * 2 + [[5, 3, 4, 4], [6, 3, 4, 4]])
    assert recording.scores.sequences[0].frames == 3  # the two before count as missed, the one without truth does not
    assert recording.scores.sequences[0].missed == 2
    scored = spectrack.evaluate_directories(tmp_path / "out", tmp_path / "out", invalid="skip", missing="miss")
    assert scored.auc == recording.scores.auc
    stored = read_run(tmp_path / "out")
    np.testing.assert_array_equal(stored.sequences["ramp"].boxes, recording.boxes)


def test_a_later_start_takes_its_own_truth_and_is_in_the_video(video, tmp_path):
    assert record(video, Drifting(3), tmp_path / "out", start=1).boxes[1].tolist() == [3, 3, 4, 4]
    with refuses(ConfigError, "4 frames", "found 4"):
        record(video, Drifting(4), tmp_path / "b", start=4, box=(1, 1, 4, 4))
