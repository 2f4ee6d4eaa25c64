"""Times: reading, network and rest are told apart and add up; the table of frames survives writing and reading."""

import time
import tracemalloc

import numpy as np
import pytest

from spectrack.errors import InputError
from spectrack.evaluation.speed import Speed
from spectrack.runs.frame_table import FrameRows, FrameTable, read_frame_table
from spectrack.runs.timing import timed_track
from spectrack.trackers.base import Estimate
from tests.fixtures.refusals import refuses


@pytest.fixture
def wait(monkeypatch):
    """A clock that only moves when it is told to, by so many milliseconds."""
    now = [0.0]

    def advance(milliseconds):
        now[0] += milliseconds / 1000

    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    return advance


def test_each_part_gets_its_time_and_the_caller_none(small, wait):
    class Reading(small.Walk):
        def frame(self, i):
            wait(2)
            inner = super().frame(i)

            class Lazy(type(inner)):
                def window(self, *place):
                    wait(3)
                    return super().window(*place)

            return Lazy(inner.whole())

    class Thinking(small.Still):
        def init(self, frame, box, **options):
            wait(50)
            super().init(frame, box, **options)

        def update(self, frame):
            frame.window(1, 2, 3, 4)
            np.asarray(frame)
            with self.network_time():
                wait(4)
            wait(8)
            with self.network_time():
                wait(1)
            return super().update(frame)

    parts = []
    for row in timed_track(Reading("a"), Thinking()):
        wait(1000)
        parts.append((row.reading_ms, row.network_ms, row.rest_ms))
    # Of the first frame a corner is looked at before the tracker starts.
    assert np.allclose(parts, [(5, 0, 50)] + [(5, 5, 8)] * 5)


def test_network_time_counts_even_when_the_network_fails(small, wait):
    def fail():
        with tracker.network_time():
            wait(1)
            raise ValueError("no")

    tracker = small.Still()
    with pytest.raises(ValueError, match="no"):
        fail()
    assert tracker.network_seconds == pytest.approx(0.001)
    assert small.Still.network_seconds == 0


ROWS = [
    (1.0, 2.0, 3.0, 1.0, False, "tracking", 1.0),
    (0.25, 0.5, 0.25, 0.5, True, "lost", 0.123456789),
    (0.5, 0.25, 0.25, 0.123456789, False, "found again", np.nan),
]


def test_the_table_is_filled_up_and_read_again(tmp_path):
    table = FrameTable.of(ROWS, 4)
    table.write(tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_text() == (
        "frame,reading_ms,network_ms,rest_ms,score,lost,state,probability\n"
        "0,1.000,2.000,3.000,1,0,tracking,1\n1,0.250,0.500,0.250,0.5,1,lost,0.123457\n"
        "2,0.500,0.250,0.250,0.123457,0,found again,nan\n3,nan,nan,nan,nan,0,,nan\n"
    )
    again = read_frame_table(tmp_path / "a.csv")
    assert np.array_equal(again.total_ms, [6, 1, 1, np.nan], equal_nan=True)
    assert again.lost.tolist() == [False, True, False, False]
    assert again.state == table.state == ("tracking", "lost", "found again", "")
    assert np.array_equal(again.probability, [1, 0.123457, np.nan, np.nan], equal_nan=True)
    assert list(again.milliseconds) == ["reading", "network", "rest"]
    assert again.speed.frames_per_second == pytest.approx(1000)
    assert len(again) == 4


def test_a_table_of_the_rows_so_far_stays_as_it_is():
    rows = FrameRows(3)
    rows.append(ROWS[0])
    early = rows.table()
    rows.append(ROWS[1])
    assert (len(rows), len(early)) == (2, 3)
    assert np.array_equal(early.score, [1, np.nan, np.nan], equal_nan=True)
    assert early.state == ("tracking", "", "")
    assert rows.table().state == ("tracking", "lost", "")


def test_a_long_track_takes_no_memory_with_its_rows():
    frames = 20_000
    rows = FrameRows(frames)
    tracemalloc.start()
    try:
        for _ in range(frames):
            rows.append((*(float(value) for value in ROWS[1][:4]), True, "lost", 0.5))
        grown, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert grown < frames  # less than a byte a frame


def test_a_table_without_a_second_frame_has_no_speed():
    assert FrameTable.of([], 3).speed == FrameTable.of(ROWS[:1], 1).speed == Speed(0, None, {})


OLD_HEAD = "frame,reading_ms,network_ms,rest_ms,score,lost\n"
HEAD = OLD_HEAD.replace("lost", "lost,state")
NEW_HEAD = HEAD.replace("state", "state,probability")


def test_a_table_without_states_has_those_that_its_flags_say(tmp_path):
    (tmp_path / "a.csv").write_text(OLD_HEAD + "0,1,1,1,1,0\n1,1,1,1,0.2,1\n2,nan,nan,nan,nan,0\n")
    old = read_frame_table(tmp_path / "a.csv")
    assert old.state == ("tracking", "lost", "")
    assert np.isnan(old.probability).all()


def test_a_table_without_probabilities_states_none(tmp_path):
    (tmp_path / "a.csv").write_text(HEAD + "0,1,1,1,1,0,tracking\n1,1,1,1,0.2,0,uncertain\n")
    old = read_frame_table(tmp_path / "a.csv")
    assert old.state == ("tracking", "uncertain")
    assert old.score.tolist() == [1, 0.2]
    assert np.isnan(old.probability).all()


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("", ("frame,reading_ms,network_ms,rest_ms,score,lost,state", "a.csv")),
        ("frame,score\n0,1\n", ("frame,reading_ms,network_ms,rest_ms,score,lost,state", "a.csv", "'frame,score'")),
        (HEAD + "0,1,2\n", ("score,lost,state", "frame 0", "'0,1,2'")),
        (HEAD + "1,1,1,1,1,0,tracking\n", ("score,lost,state", "frame 0", "a.csv")),
        (HEAD + "0,1,1,1,x,0,tracking\n", ("score,lost,state", "frame 0", "a.csv")),
        (HEAD + "0,1,1,1,1,2,tracking\n", ("score,lost,state", "frame 0", "a.csv")),
        (HEAD + "0,-1,1,1,1,0,tracking\n", ("score,lost,state", "frame 0", "a.csv")),
        (HEAD + "0,1,1,1,1,0,asleep\n", ("score,lost,state", "frame 0", "asleep")),
        (OLD_HEAD + "0,1,1,1,1,0,tracking\n", ("score,lost", "frame 0", "a.csv")),
        (NEW_HEAD + "0,1,1,1,1,0,tracking\n", ("state,probability", "frame 0", "a.csv")),
        (NEW_HEAD + "0,1,1,1,1,0,tracking,x\n", ("state,probability", "frame 0", "a.csv")),
        (NEW_HEAD.replace(",state", "") + "0,1,1,1,1,0,0.5\n", ("lost,state,probability", "a.csv")),
        ("\ud800", ("a.csv", "undecodable")),
    ],
)
def test_damaged_tables_get_a_sentence(tmp_path, text, facts):
    (tmp_path / "a.csv").write_bytes(text.encode("utf-8", "surrogatepass"))
    with refuses(InputError, facts):
        read_frame_table(tmp_path / "a.csv")
    with refuses(InputError, "none.csv"):
        read_frame_table(tmp_path / "none.csv")


def test_the_siamese_tracker_reports_its_network(with_random_weights):
    from spectrack.simulation.video import simulate
    from spectrack.trackers.loading import load_tracker

    rows = list(
        timed_track(
            simulate("calm", frames=3, seed=1, height=64, width=96),
            load_tracker("siamban", precision="fp32", device="cpu"),
        )
    )
    assert isinstance(rows[0].estimate, Estimate)
    assert all(row.network_ms > 0 for row in rows)
    assert all(row.reading_ms > 0 for row in rows)
