"""The tracking loop: every frame once, the given box first, refusals in a sentence."""

import dataclasses

import numpy as np
import pytest

from spectrack.errors import BoxError, CubeError, InputError
from spectrack.sequences.base import Sequence
from spectrack.sequences.frames import ArrayFrame, Frame
from spectrack.sequences.memory import MemorySequence
from spectrack.trackers.base import Estimate, Tracker, as_frame, track
from tests.fixtures.refusals import refuses


class Recorder(Tracker):
    """Remembers what it was given and says the frame's number as the box."""

    name = "recorder"

    def init(self, frame, box, *, wavelengths_nm=None):
        self.first, self.box, self.wavelengths_nm, self.frames = frame, np.asarray(box), wavelengths_nm, []

    def update(self, frame):
        self.frames.append(frame)
        return Estimate(np.array([len(self.frames), 0, 5.0, 5.0]), 0.5)


class Empty(Sequence):
    height, width, bands = 10, 10, 3

    def __len__(self):
        return 0

    def frame(self, i):
        raise IndexError(i)


def test_frame_nought_is_the_given_box_with_full_score(make):
    sequence, tracker = make.sequence(frames=4), Recorder()
    estimates = list(track(sequence, tracker, (21, 16, 11, 10)))
    np.testing.assert_array_equal(estimates[0].box, (21, 16, 11, 10))
    assert (estimates[0].score, estimates[0].lost) == (1.0, False)
    assert [estimate.box[0] for estimate in estimates[1:]] == [1, 2, 3]
    assert all(isinstance(frame, Frame) for frame in tracker.frames)
    np.testing.assert_array_equal(tracker.frames[1].whole(), sequence[2])


def test_box_comes_from_the_truth_by_default(make):
    sequence = make.sequence()
    np.testing.assert_array_equal(next(track(sequence, Recorder())).box, sequence.truth[0])


def test_estimates_come_one_by_one(make):
    tracker = Recorder()
    steps = track(make.sequence(frames=4), tracker)
    next(steps), next(steps)
    assert len(tracker.frames) == 1


def test_wavelengths_are_handed_on():
    cubes = np.zeros((2, 20, 20, 3), np.uint16)
    tracker = Recorder()
    list(track(MemorySequence(cubes, wavelengths_nm=(450, 550, 650)), tracker, (1, 1, 5, 5)))
    assert tuple(tracker.wavelengths_nm) == (450, 550, 650)


@pytest.mark.parametrize(
    ("box", "facts"),
    [
        (None, ("blank", "--box x,y,w,h")),
        ((90, 90, 5, 5), ("20 x 20", "(90, 90, 5, 5)")),
        ((1, 1, -5, 5), "(1, 1, -5, 5)"),
    ],
)
def test_no_or_wrong_first_box(box, facts):
    tracker = Recorder()
    with refuses(BoxError, facts):
        next(track(MemorySequence(np.zeros((2, 20, 20, 3), np.uint16), name="blank"), tracker, box))
    assert not hasattr(tracker, "first")


def test_no_frames():
    with refuses(InputError, "frames", "none"):
        next(track(Empty(), Recorder(), (1, 1, 5, 5)))


def test_estimate_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Estimate(np.zeros(4), 1.0).score = 0.5


def test_arrays_become_frames_and_frames_stay():
    frame = ArrayFrame(np.zeros((4, 5, 3)))
    assert as_frame(frame) is frame
    assert as_frame(np.zeros((4, 5, 3))).shape == (4, 5, 3)
    assert as_frame(np.zeros((4, 5, 3)).tolist()).shape == (4, 5, 3)
    with refuses(CubeError, "(height, width, bands)", "()"):
        as_frame("a path")


def test_description_names_the_tracker():
    assert Recorder().describe() == {"name": "recorder"}
