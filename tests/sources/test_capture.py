"""Frames taken ahead of time: which are dropped, which wait, and how it ends."""

import threading
import time

import numpy as np
import pytest

from spectrack.errors import ConfigError, SequenceError
from spectrack.sequences.frames import ArrayFrame
from spectrack.sources.base import Captured, FrameSource, Glimpse, check_policy
from spectrack.sources.capture import Capture
from spectrack.sources.given import GivenSource
from tests.fixtures.refusals import refuses


def cubes(count):
    return [np.full((4, 5, 6), index, np.uint16) for index in range(count)]


class Stepped(FrameSource):
    """Gives a frame whenever the test says so, and knows how many were taken from it."""

    height, width, bands = 4, 5, 6

    def __init__(self, count, fault=None):
        super().__init__()
        self.go, self.given, self._count, self._fault = threading.Semaphore(0), 0, count, fault

    def frames(self):
        for index in range(self._count):
            while not self.go.acquire(timeout=0.01):
                if self.closing.is_set():
                    return
            self.given += 1
            yield Captured(index, ArrayFrame(cubes(index + 1)[index]))
        if self._fault is not None:
            raise self._fault


def taken(capture):
    found = []
    while (captured := capture.next()) is not None:
        found.append(captured.index)
    return found


def until(condition):
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def test_all_are_given_in_order_under_all():
    with Capture(GivenSource(cubes(30)), "all", waiting=2) as capture:
        assert taken(capture) == list(range(30))


def test_no_more_frames_wait_than_there_is_room_for():
    source = Stepped(20)
    source.go.release(20)
    with Capture(source, "all", waiting=3) as capture:
        until(lambda: source.given == 4)  # three wait, one is in the source's hand
        time.sleep(0.05)
        assert source.given == 4
        assert capture.next().index == 0
        until(lambda: source.given == 5)


def test_only_the_newest_waits_under_latest():
    source = Stepped(20)
    with Capture(source, "latest") as capture:
        source.go.release(7)
        until(lambda: source.given == 7)
        time.sleep(0.02)
        assert capture.next().index == 6
        source.go.release(13)
        until(lambda: source.given == 20)
        time.sleep(0.02)
        assert taken(capture) == [19]


def test_a_fault_comes_after_the_frames_before_it():
    source = Stepped(2, SequenceError("expected a camera, found none; plug it in"))
    source.go.release(2)
    with Capture(source) as capture:
        assert [capture.next().index for _ in range(2)] == [0, 1]
        with pytest.raises(SequenceError):
            capture.next()


def test_waiting_ends_when_nobody_wants_a_frame():
    with Capture(Stepped(1)) as capture:
        asked = iter([False, False, True, True])
        assert capture.next(lambda: next(asked)) is None


def test_leaving_closes_the_source_and_its_thread():
    source = GivenSource(np.zeros((4, 5, 6), np.uint16) for _ in iter(int, 1))  # without an end
    with Capture(source, waiting=1) as capture:
        capture.next()
    assert source.closing.is_set()
    until(lambda: not any(thread.name == "capture" and thread.is_alive() for thread in threading.enumerate()))


def test_no_room_is_refused():
    with refuses(ConfigError, "found 0"):
        Capture(GivenSource(cubes(1)), waiting=0)


def test_policies_go_by_name():
    assert check_policy("latest") == "latest"
    with refuses(ConfigError, "'newest'", "all, latest"):
        check_policy("newest")


def test_a_glimpse_has_one_frame_and_the_length_of_all():
    source = GivenSource(cubes(3), name="mine")
    glimpse = Glimpse(source, ArrayFrame(cubes(1)[0]), frames=3)
    assert (len(glimpse), glimpse.name, glimpse.bands) == (3, "mine", 6)
    assert glimpse[0].shape == (4, 5, 6)
    with pytest.raises(IndexError):
        glimpse.frame(1)
