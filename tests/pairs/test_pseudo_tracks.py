"""Pseudo-tracks: those that are kept follow what they began on, by truth that the search never sees."""

import dataclasses

import cv2
import numpy as np
import pytest

from spectrack.boxes import iou
from spectrack.errors import ConfigError
from spectrack.pairs.pseudo_tracks import PseudoTrack, Tally, UnlabelledConfig, follow_both_ways
from spectrack.pairs.unlabelled import find_tracks
from spectrack.sequences.frames import ArrayFrame
from spectrack.sequences.memory import MemorySequence
from spectrack.simulation.video import simulate
from spectrack.trackers.base import Estimate, Tracker
from tests.fixtures.moving_things import moving_things
from tests.fixtures.refusals import refuses

CONFIG = UnlabelledConfig(stretches=2, stretch_frames=20, shortest=10, score=0.0)


class Scripted(Tracker):
    """Gives boxes by frame number, which is what its frames hold; other ones after a second start."""

    def __init__(self, forward, backward=None, scores=1.0, lost_from=10**6):
        self.ways, self.scores, self.lost_from, self.starts = (forward, backward or forward), scores, lost_from, -1

    def init(self, frame, box, *, wavelengths_nm=None):
        self.starts += 1

    def update(self, frame):
        number = int(np.asarray(frame.whole()).max())
        way = self.ways[min(self.starts, 1)]
        return Estimate(np.asarray(way(number), float), self.scores, lost=number >= self.lost_from)


class Correlation(Tracker):
    """Follows the pixels of its first box by normalised cross-correlation, within ten pixels of where it was."""

    def init(self, frame, box, *, wavelengths_nm=None):
        self.box = np.round(np.asarray(box, float))
        self.look = self.window(frame, 0)

    def update(self, frame):
        around = self.window(frame, 10)
        found = cv2.matchTemplate(around, self.look, cv2.TM_CCOEFF_NORMED)
        _, score, _, (x, y) = cv2.minMaxLoc(found)
        self.box[:2] += np.array([x, y]) - 10
        self.box[:2] = np.clip(self.box[:2], 0, np.array(frame.shape[1::-1]) - self.box[2:])
        return Estimate(self.box.copy(), max(0.0, score))

    def window(self, frame, margin):
        grey = np.asarray(frame.whole()).mean(axis=2, dtype=np.float32)
        x, y, w, h = self.box.astype(int)
        padded = np.pad(grey, 10)
        return padded[y + 10 - margin : y + h + 10 + margin, x + 10 - margin : x + w + 10 + margin]


def numbered_frames(count):
    sequence = [np.full((50, 200, 3), number, np.uint8) for number in range(count)]
    return [ArrayFrame(cube) for cube in sequence]


def follow(tracker, count=20, **changes):
    config = dataclasses.replace(CONFIG, **changes)
    return follow_both_ways(tracker, numbered_frames(count), np.array([0.0, 0, 20, 20]), config)


def moving(number):
    return (5 * number, 0, 20, 20)


def test_boxes_are_the_mean_of_both_ways():
    found = follow(Scripted(moving, lambda number: (5 * number + 2, 0, 20, 20)))
    assert len(found.boxes) == 20
    # Each way begins on its given box.
    np.testing.assert_allclose(found.boxes[5], (26, 0, 20, 20))
    assert found.agreement == pytest.approx(18 / 22)
    assert found.way == pytest.approx(95 / 20)
    assert found.score == 1.0


def test_a_way_back_that_leads_elsewhere_is_none():
    assert follow(Scripted(moving, lambda number: (190 - 5 * number, 30, 20, 20))) == "disagreed"


def test_half_the_way_counts_where_the_whole_slips():
    def slips(number):
        return moving(number) if number < 12 else (5 * number, 25, 20, 20)

    class Slipping(Scripted):
        """From the end, where it is below, it stays below; from half-way it finds back."""

        def update(self, frame):
            x, y, w, h = super().update(frame).box
            return Estimate(np.array([x, 25.0 if self.starts == 1 else y, w, h]), 1.0)

    found = follow(Slipping(slips))
    assert isinstance(found, PseudoTrack)
    assert len(found.boxes) == 10


def test_what_stands_still_teaches_nothing():
    assert follow(Scripted(lambda number: (0.1 * number, 0, 20, 20))) == "hardly moved"


@pytest.mark.parametrize("tracker", [Scripted(moving, scores=0.3), Scripted(moving, lost_from=8)])
def test_unsure_trackers_are_not_believed(tracker):
    assert follow(tracker, score=0.5) == "lost"


def test_a_track_ends_where_the_tracker_loses_the_thing():
    found = follow(Scripted(moving, lost_from=14))
    assert len(found.boxes) == 14


def carried(track, truth):
    """IoU of a track's boxes with its first one carried along by the truth: how far it stays on what it began on."""
    way = truth[: len(track.boxes)] - truth[0]
    return iou(track.boxes, track.boxes[0] + way)


def test_kept_tracks_follow_things():
    """Of two things one vanishes: kept tracks of things stay on them, and none goes on where there is nothing."""
    tally, followed = Tally(), []
    for seed in range(3):
        sequence, truth = moving_things(seed=seed, hidden_from=30)
        for first, track in find_tracks(sequence, Correlation(), CONFIG, "thirds", tally):
            thing = int(np.argmax([iou(track.boxes[0], boxes[first]) for boxes in truth]))
            if iou(track.boxes[0], truth[thing, first]) > 0.4:
                followed.append(carried(track, truth[thing, first:]).min())
                assert thing == 0 or first + len(track.boxes) <= 32
    assert tally.starts == 3 * 2 * CONFIG.starts
    assert tally.kept + sum(tally.left_out.values()) == tally.starts
    assert tally.left_out["hardly moved"] > 10
    assert len(followed) >= 6
    assert min(followed) > 0.5


def test_kept_tracks_follow_the_simulator_s_target():
    """Against the simulator's truth, which the search does not get."""
    overlaps = []
    for seed in (3, 4):
        video = simulate("calm", "vis16", frames=40, seed=seed, height=160, width=220)
        blind = MemorySequence(np.stack(list(video)), name="blind", wavelengths_nm=video.wavelengths_nm)
        for first, track in find_tracks(blind, Correlation(), CONFIG, "thirds", Tally()):
            if iou(track.boxes[0], video.truth[first]) > 0.4:
                overlaps.append(carried(track, video.truth[first:]).mean())
    assert len(overlaps) >= 2
    assert min(overlaps) > 0.5


def test_same_seed_same_tracks():
    sequence, _ = moving_things()
    first, second = (
        [track.boxes for _, track in find_tracks(sequence, Correlation(), CONFIG, "thirds", Tally())] for _ in range(2)
    )
    assert len(first) == len(second) > 0
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_video_shorter_than_a_track_gives_none():
    sequence, _ = moving_things(frames=8)
    tally = Tally()
    assert list(find_tracks(sequence, Correlation(), CONFIG, "thirds", tally)) == []
    assert tally.starts == 0


@pytest.mark.parametrize(
    ("key", "value", "fact"),
    [("share", 1.0, "1.0"), ("shortest", 99, "99"), ("agreement", 2.0, "2.0"), ("frames", 1, "1"), ("starts", 0, "0")],
)
def test_bounds_out_of_range_are_refused(key, value, fact):
    with refuses(ConfigError, f"'{key}'", f"found {fact}"):
        UnlabelledConfig(**{key: value})
