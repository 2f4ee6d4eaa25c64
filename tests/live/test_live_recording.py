"""A track in a source on disk: as `record` writes it, with gaps for dropped frames, whole however it ends."""

import json
import time

import numpy as np
import pytest

import spectrack
from spectrack.errors import ConfigError, InputError
from spectrack.live.recording import record_live
from spectrack.measuring.options import MeasureOptions
from spectrack.runs.frame_table import read_frame_table
from spectrack.runs.options import RecordOptions
from spectrack.runs.reading import read_runs
from spectrack.sequences.memory import MemorySequence
from spectrack.sources.given import GivenSource
from tests.fixtures.refusals import refuses
from tests.live.trackers import Mover

CUBES = np.random.default_rng(0).integers(1, 1000, (12, 16, 24, 16), np.uint16)
BOX = (2, 3, 6, 5)


class Kept(list):
    """A receiver that keeps what it gets."""

    send = list.append

    def close(self):
        pass


def test_the_folder_is_that_of_a_recorded_sequence(tmp_path):
    kept = Kept()
    count = record_live(GivenSource(CUBES), Mover(boxless=(5,)), tmp_path / "live", BOX, senders=[kept])
    spectrack.record(MemorySequence(CUBES), Mover(boxless=(5,)), tmp_path / "whole", box=BOX)
    assert (count.tracked, count.dropped, count.lost, count.reason) == (12, 0, 3, "the source ended")
    assert (tmp_path / "live/boxes.txt").read_bytes() == (tmp_path / "whole/boxes.txt").read_bytes()
    live, whole = (read_frame_table(tmp_path / name / "frames.csv") for name in ("live", "whole"))
    np.testing.assert_array_equal(live.score, whole.score)
    assert live.state == whole.state
    summary, other = (json.loads((tmp_path / name / "summary.json").read_text()) for name in ("live", "whole"))
    assert summary["sequence"]["frames"] == 12
    assert set(other) <= set(summary)
    assert summary["live"]["latency_ms"]["p50"] > 0
    (run,) = read_runs(tmp_path / "live")
    assert np.isnan(run.sequences["source"].boxes[5]).all()
    lines = [json.loads(line) for line in (tmp_path / "live/live.jsonl").read_text().splitlines()]
    assert lines == kept[:-1]
    assert kept[-1]["end"] == "the source ended"
    assert lines[5]["box"] is None


def test_what_is_measured_is_what_the_same_frames_measure_as_a_sequence(tmp_path):
    clip = spectrack.simulate("calm", frames=5, width=96, height=64, seed=1)
    options = RecordOptions(measuring=MeasureOptions(measure=True, mask="png", scale="2cm"))
    cubes = np.stack(list(clip))
    # With nothing to be seen in front: the numbers are the source's.
    source = GivenSource([cubes[0] * 0, *cubes], wavelengths_nm=clip.wavelengths_nm)
    late = MemorySequence(np.stack([cubes[0] * 0, *cubes]), name="source", wavelengths_nm=clip.wavelengths_nm)
    count = record_live(
        source,
        spectrack.load_tracker("cf"),
        tmp_path / "live",
        lambda glimpse: clip.first_box if glimpse[0].any() else None,
        options=options,
    )
    spectrack.record(
        late, spectrack.load_tracker("cf"), tmp_path / "whole", box=clip.first_box, start=1, options=options
    )
    files = ["measurements.csv", *(f"masks/{frame:06d}.png" for frame in range(1, 6))]
    for name in files:
        assert (tmp_path / "live" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert len(list((tmp_path / "live/masks").iterdir())) == 5
    measured = [json.loads((tmp_path / name / "summary.json").read_text())["measured"] for name in ("live", "whole")]
    assert measured == [count.measured] * 2
    assert count.measured["masks"]["evidence"] == 5


def test_dropped_frames_are_empty_rows(tmp_path):
    def camera():
        for cube in CUBES:
            yield cube
            time.sleep(0.01)

    options = RecordOptions(measuring=MeasureOptions(measure=True))
    slow = Mover(seconds=0.04)
    count = record_live(GivenSource(camera()), slow, tmp_path / "run", BOX, policy="latest", options=options)
    lines = [json.loads(line) for line in (tmp_path / "run/live.jsonl").read_text().splitlines()]
    measured = (tmp_path / "run/measurements.csv").read_text().splitlines()[1:]
    assert [int(line.split(",")[0]) for line in measured] == [line["frame"] for line in lines]
    boxes = spectrack.read_boxes(tmp_path / "run/boxes.txt")
    table = read_frame_table(tmp_path / "run/frames.csv")
    assert len(boxes) == len(table) == 12
    assert (boxes == 0).all(axis=1).sum() == count.dropped == (np.array(table.state) == "").sum() > 0


def test_frames_before_the_target_are_empty_rows(tmp_path):
    seen = []
    record_live(
        GivenSource(CUBES), Mover(), tmp_path / "run", lambda _: seen.append(1) or (BOX if len(seen) > 2 else None)
    )
    boxes = spectrack.read_boxes(tmp_path / "run/boxes.txt")
    assert not boxes[:2].any()
    assert boxes[2].tolist() == list(BOX)
    assert json.loads((tmp_path / "run/summary.json").read_text())["first_frame"] == 2


@pytest.mark.parametrize("how", ["tracker", "source", "receiver"])
def test_what_was_found_before_a_fault_is_written(tmp_path, how):
    def camera():
        yield from CUBES[:5]
        raise OSError("the cable is out")

    class Deaf(Kept):
        def send(self, message):
            self.append(message)
            if len(self) == 5:
                raise BrokenPipeError

    tracker = Mover(fails_at=5 if how == "tracker" else None)
    source = GivenSource(camera() if how == "source" else CUBES)
    senders = [Deaf()] if how == "receiver" else []
    with pytest.raises((OSError, RuntimeError)):
        record_live(source, tracker, tmp_path / "run", BOX, senders=senders)
    assert len(spectrack.read_boxes(tmp_path / "run/boxes.txt")) == 5
    assert source.closing.is_set()


def test_stopping_keeps_what_was_tracked(tmp_path):
    found = []
    count = record_live(
        GivenSource(CUBES),
        Mover(),
        tmp_path / "run",
        BOX,
        is_over=lambda: len(found) == 4,
        on_estimate=lambda one, _: found.append(one),
    )
    assert (count.reason, count.tracked) == ("stopped", 4)
    assert len(spectrack.read_boxes(tmp_path / "run/boxes.txt")) == 4


def test_refusals_leave_nothing(tmp_path):
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken/file").touch()
    with refuses(ConfigError, tmp_path / "taken"):
        record_live(GivenSource(CUBES), Mover(), tmp_path / "taken", BOX)
    with refuses(ConfigError, "--overlay"):
        record_live(GivenSource(CUBES), Mover(), tmp_path / "run", BOX, options=RecordOptions(overlay=True))
    for measuring, directory, fact in (
        (MeasureOptions(measure=True), None, "--out"),
        (MeasureOptions(parquet=True), tmp_path / "run", "--parquet"),
        (MeasureOptions(mask="coco"), tmp_path / "run", "--mask coco"),
        (MeasureOptions(scale="1mm"), None, "--measure"),
    ):
        with refuses(ConfigError, fact):
            record_live(GivenSource(CUBES), Mover(), directory, BOX, options=RecordOptions(measuring=measuring))
    with refuses(InputError, "found none"):
        record_live(GivenSource(CUBES), Mover(), tmp_path / "run", lambda _: None)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["taken"]
