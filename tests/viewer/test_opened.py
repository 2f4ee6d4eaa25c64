"""What is opened: sequences, runs, runs with a sequence; where the frames of a run are found again."""

import json

import numpy as np
import pytest

from spectrack.errors import ConfigError, SequenceError, SequenceNotFoundError, SpectrackError
from spectrack.plots import TRACK_COLOURS, TRUTH_COLOUR
from spectrack.recording import record
from spectrack.runs.entries import SequenceEntry
from spectrack.runs.runner import run
from spectrack.sequences.writers import write_sequence
from spectrack.simulation.video import simulate
from spectrack.trackers.base import Estimate, Tracker
from spectrack.viewer.opened import open_example, open_places
from spectrack.viewer.viewing import Saving, Viewing
from tests.fixtures.refusals import refuses
from tests.fixtures.viewers import small_clip, wait_for


class Still(Tracker):
    name = "still"
    step = 0

    def init(self, frame, box, *, wavelengths_nm=None):
        self.box = np.asarray(box, float)

    def update(self, frame):
        self.box = self.box + np.array([self.step, 0, 0, 0])
        return Estimate(self.box, 0.5, lost=True, evidence={"band_importance": np.arange(16) / 120})


class Leaving(Still):
    name = "leaving"
    step = 7


@pytest.fixture
def clip(tmp_path):
    write_sequence(small_clip(), tmp_path / "clip")
    return tmp_path / "clip"


def viewing_of(*places):
    return Viewing(open_places(places), Saving(places[0].parent / "runs"))


def recorded(tracker, folder, clip, **settings):
    from spectrack.sequences.opening import open_sequence

    record(open_sequence(clip), tracker, folder, settings={"command": "track", "sequence": str(clip), **settings})
    return folder


def test_runs_have_the_report_s_colours_in_their_order(tmp_path, clip):
    places = recorded(Still(), tmp_path / "one", clip), recorded(Leaving(), tmp_path / "two", clip)
    told = viewing_of(*places).about()
    assert [(item["name"], item["colour"]) for item in told["runs"]] == list(
        zip(("still", "leaving"), TRACK_COLOURS, strict=False)
    )
    assert told["live"]["colour"] == TRACK_COLOURS[2]


def test_a_recording_is_shown_with_its_frames_truth_and_overlap(tmp_path, clip):
    viewing = viewing_of(recorded(Leaving(), tmp_path / "run", clip))
    told = viewing.describe(0)
    assert told["fault"] is None
    assert told["truth"]["colour"] == TRUTH_COLOUR
    track = told["tracks"]["leaving"]
    assert len(track["boxes"]) == 12
    assert track["iou"][0] == 1 > track["iou"][1]
    assert track["lost"] == [False] + [True] * 11
    assert viewing.footage(0).sequence[3].shape == (64, 80, 16)


def test_frames_that_have_moved_are_named_beside_the_run(tmp_path, clip):
    folder = recorded(Still(), tmp_path / "run", clip)
    clip.rename(tmp_path / "moved")
    viewing = viewing_of(folder)
    assert "no such place" in viewing.describe(0)["fault"]
    assert len(viewing.describe(0)["tracks"]["still"]["boxes"]) == 12
    with refuses(SequenceError, str(clip)):
        viewing.footage(0)
    assert viewing_of(folder, tmp_path / "moved").describe(0)["fault"] is None


def test_a_rendered_clip_is_rendered_again(tmp_path):
    clip = simulate("calm", frames=3, seed=5, height=64, width=72)
    record(clip, Still(), tmp_path / "run")
    sequence = viewing_of(tmp_path / "run").footage(0).sequence
    assert (sequence[2] == clip[2]).all()


def test_a_benchmark_shows_all_its_sequences_and_the_importance_of_bands(tmp_path, clip):
    from spectrack.sequences.opening import open_sequence

    entries = [SequenceEntry(name, lambda: open_sequence(clip)) for name in ("a", "b")]
    for tracker in (Still, Leaving):
        run(entries, tracker, tmp_path / "bench" / tracker.name)
    viewing = viewing_of(tmp_path / "bench")
    assert viewing.about()["sequences"] == ["a", "b"]
    told = viewing.describe(1)
    assert set(told["tracks"]) == {"still", "leaving"}
    rows = viewing.importance(1, 0)["rows"]
    assert rows[0] == [None] * 16
    assert rows[5][3] == pytest.approx(3 / 120, abs=1e-4)


def test_two_sequences_and_places_of_nothing_are_refused(tmp_path, clip):
    with refuses(ConfigError, "one sequence"):
        open_places([clip, clip])
    with refuses(SequenceNotFoundError, "nowhere"):
        open_places([clip, tmp_path / "nowhere"])
    with pytest.raises(SpectrackError, match="nowhere"):
        open_places([tmp_path / "nowhere"])


def test_a_sequence_that_a_run_does_not_know_is_refused_where_it_has_several(tmp_path, clip):
    from spectrack.sequences.opening import open_sequence

    run([SequenceEntry(name, lambda: open_sequence(clip)) for name in ("a", "b")], Still, tmp_path / "bench")
    with refuses(ConfigError, "2 others"):
        open_places([tmp_path / "bench", clip])


def test_without_a_place_there_is_an_example():
    (item,) = open_example().items
    assert len(item.open()) > 1


def test_what_is_told_is_json(tmp_path, clip):
    viewing = viewing_of(recorded(Still(), tmp_path / "run", clip))
    for told in (viewing.about(), viewing.describe(0), viewing.importance(0, 0)):
        json.dumps(told, allow_nan=False)


def test_a_track_that_was_saved_in_the_viewer_is_opened_with_its_frames(tmp_path, clip):
    viewing = viewing_of(clip)
    viewing.start({"sequence": 0, "frame": 0, "box": [20, 20, 12, 10], "tracker": "cf"})
    wait_for(lambda: not viewing.live.is_busy)
    saved = viewing.save("mine", overlay=False).directory
    told = viewing_of(saved).describe(0)
    assert told["fault"] is None
    assert told["tracks"]["cf"]["boxes"][0] == [20, 20, 12, 10]


def test_tracks_are_saved_beside_the_runs_that_are_looked_at_and_never_among_the_frames(tmp_path, clip):
    recorded(Still(), tmp_path / "runs" / "one", clip)
    wanted = {"sequence": 0, "frame": 0, "box": [20, 20, 12, 10], "tracker": "cf"}
    for folder, place in ((tmp_path / "runs", tmp_path / "runs"), (clip, clip)):
        viewing = Viewing(open_places([place]), Saving(folder))
        viewing.start(wanted)
        wait_for(lambda viewing=viewing: not viewing.live.is_busy)
        if place == clip:
            with refuses(ConfigError, str(clip)):
                viewing.save("two", overlay=False)
        else:
            viewing.save("two", overlay=False)
    assert (tmp_path / "runs/two/boxes.txt").is_file()
    assert not (clip / "two").exists()
