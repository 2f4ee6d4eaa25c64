"""Tracking in a source: the same boxes as in a sequence, drops and latency under a slow tracker, a start found late."""

import time

import numpy as np
import pytest

import spectrack
from spectrack.errors import BoxError, CubeError, SequenceError
from spectrack.sources.given import GivenSource
from tests.fixtures.refusals import refuses
from tests.live.trackers import Mover

CUBES = np.random.default_rng(0).integers(1, 1000, (12, 16, 24, 16), np.uint16)
BOX = (2, 3, 6, 5)


def boxes_of(found):
    return [one.estimate.box.tolist() for one in found]


def test_the_boxes_are_those_in_a_sequence():
    clip = spectrack.simulate("calm", frames=3, width=96, height=64, seed=1)
    expected = [one.box.tolist() for one in spectrack.track(clip, spectrack.load_tracker("cf"))]
    source = spectrack.open_source(cube for cube in clip)
    assert boxes_of(spectrack.track_live(source, spectrack.load_tracker("cf"), clip.first_box)) == expected


def test_times_latency_and_the_given_box():
    tracker = Mover(seconds=0.01)
    source = GivenSource(CUBES, wavelengths_nm=range(400, 416))
    first, *later = spectrack.track_live(source, tracker, BOX)
    assert (first.estimate.score, first.estimate.box.tolist()) == (1.0, [2, 3, 6, 5])
    assert tracker.wavelengths_nm == tuple(range(400, 416))
    assert len(later) == 11
    assert all(one.latency_ms > 10 and one.timed.rest_ms >= 9 and one.dropped == 0 for one in later)
    assert [one.captured.index for one in later] == list(range(1, 12))


def test_a_slow_tracker_drops_frames_and_counts_them():
    def camera():
        for cube in CUBES:
            yield cube
            time.sleep(0.01)

    found = list(spectrack.track_live(GivenSource(camera()), Mover(seconds=0.05), BOX, policy="latest"))
    assert len(found) < 12
    assert found[-1].captured.index == 11
    assert found[-1].dropped == 12 - len(found)
    waited = list(spectrack.track_live(GivenSource(camera()), Mover(seconds=0.02), BOX, policy="all", waiting=2))
    assert len(waited) == 12
    assert waited[-1].dropped == 0


def test_the_start_may_be_found_in_a_later_frame():
    seen = []

    def find(glimpse):
        seen.append(glimpse[0])
        return BOX if len(seen) == 3 else None

    found = list(spectrack.track_live(GivenSource(CUBES), Mover(), find))
    np.testing.assert_array_equal(seen, CUBES[:3])
    assert [one.captured.index for one in found] == list(range(2, 12))
    assert found[-1].dropped == 0


def test_leaving_the_loop_closes_the_source():
    source = GivenSource(CUBES)
    for _ in spectrack.track_live(source, Mover(), BOX):
        break
    assert source.closing.is_set()


def test_it_ends_when_it_is_said():
    found = []
    for one in spectrack.track_live(GivenSource(CUBES), Mover(), BOX, is_over=lambda: len(found) == 3):
        found.append(one)
    assert len(found) == 3


def test_refusals():
    with refuses(BoxError, "24 x 16"):
        list(spectrack.track_live(GivenSource(CUBES), Mover(), (30, 3, 6, 5)))
    odd = GivenSource([CUBES[0], CUBES[1][:, :, :5]])
    with refuses(SequenceError, "found 24 x 16 and 5"):
        list(spectrack.track_live(odd, Mover(), BOX))
    odd = np.where(np.arange(16 * 24 * 16).reshape(16, 24, 16) < 16, -9999.0, CUBES[0])
    with pytest.raises(CubeError, match="frame 0 of source"):
        list(spectrack.track_live(GivenSource([odd]), Mover(), BOX))
