"""Trackers as programs use them: in threads, pickled, left in the middle of a video, inside a running event loop."""

import asyncio
import itertools
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import spectrack

pytestmark = pytest.mark.usefixtures("with_random_weights")


@pytest.fixture(scope="module")
def clips():
    return [spectrack.simulate("calm", frames=4, seed=seed, height=64, width=64) for seed in (1, 2)]


def boxes(clip, tracker):
    return np.array([estimate.box for estimate in spectrack.track(clip, tracker)])


def load(method):
    return spectrack.load_tracker(method, **({"profile": "compact"} if method == "siamban" else {}))


@pytest.mark.parametrize("method", ["cf", "siamban"])
def test_two_trackers_in_two_threads(clips, method):
    expected = [boxes(clip, load(method)) for clip in clips]
    with ThreadPoolExecutor(2) as threads:
        found = list(threads.map(boxes, clips, (load(method), load(method))))
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("method", ["cf", "siamban"])
def test_a_pickled_tracker_tracks_alike(clips, method):
    tracker = load(method)
    copy = pickle.loads(pickle.dumps(tracker))
    np.testing.assert_array_equal(boxes(clips[0], copy), boxes(clips[0], tracker))


@pytest.mark.parametrize("method", ["cf", "siamban"])
def test_a_video_that_is_left_early_leaves_nothing_behind(clips, method):
    tracker = load(method)
    estimates = spectrack.track(clips[1], tracker)
    assert len(list(itertools.islice(estimates, 2))) == 2
    estimates.close()
    np.testing.assert_array_equal(boxes(clips[0], tracker), boxes(clips[0], load(method)))


def test_an_event_loop_that_runs_already_as_in_jupyter(clips, tmp_path):
    async def cell():
        recording = spectrack.record(clips[0], load("cf"), tmp_path / "out")
        return spectrack.open_sequence(spectrack.write_sequence(clips[0], tmp_path / "clip")), recording

    sequence, recording = asyncio.run(cell())
    np.testing.assert_array_equal(recording.boxes, boxes(sequence, load("cf")))
