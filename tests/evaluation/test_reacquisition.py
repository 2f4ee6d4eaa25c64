"""Targets that come back: absences by hand, and what counts as found again."""

import numpy as np
import pytest

from spectrack.cli.score_tables import make_special_tables, trackers_legend
from spectrack.evaluation.comparison import compare
from spectrack.evaluation.figures import REACQUIRED
from spectrack.evaluation.reacquisition import absences, reacquisition
from spectrack.evaluation.tracked import TrackedRun, TrackedSequence
from spectrack.reports.result_tables import all_tables

FRAMES = 60
BOX = np.array([10.0, 10.0, 20.0, 20.0])
AWAY = np.array([200.0, 200.0, 20.0, 20.0])


def flags(*stretches):
    """(FRAMES,) true in the frames from, to (exclusive)."""
    found = np.zeros(FRAMES, dtype=bool)
    for start, stop in stretches:
        found[start:stop] = True
    return found


def track(on_target, lost=(), *, visibility=None, hidden=(20, 35)):
    seen = 1.0 - flags(hidden) if visibility is None else visibility
    boxes = np.where(flags(*on_target)[:, None], BOX, AWAY)
    truth = np.tile(BOX, (FRAMES, 1))
    score = np.full(FRAMES, 0.5)
    return TrackedSequence("a", boxes, truth=truth, score=score, lost=flags(*lost), visibility=seen)


def judged(item):
    found = reacquisition({"a": item}, {"a": item.truth}, {"a": item.visibility})
    (absence,) = found.absences
    return absence


@pytest.mark.parametrize(
    ("on_target", "delay", "in_time"),
    [
        ([(0, 60)], 0, True),
        ([(0, 20), (45, 60)], 10, True),
        ([(0, 20), (46, 60)], 11, False),
        ([(0, 20), (40, 42), (50, 60)], 15, False),  # two frames in passing are no return
        ([(0, 20), (40, 43)], 5, True),
        ([(0, 20)], None, False),
    ],
)
def test_the_delay(on_target, delay, in_time):
    absence = judged(track(on_target))
    assert (absence.gone, absence.back, absence.delay, absence.reacquired) == (20, 35, delay, in_time)


def test_false_finds_and_claims():
    silent = judged(track([(0, 20), (40, 60)]))
    assert (silent.false_finds, silent.claimed) == (0, 1.0)
    honest = judged(track([(0, 20), (40, 60)], lost=[(20, 40)]))
    assert (honest.false_finds, honest.claimed) == (0, 0.0)
    # Twice it finds something: while the target is hidden, and elsewhere when it is back.
    wrong = judged(track([(0, 20), (42, 60)], lost=[(20, 25), (28, 36), (38, 42)]))
    assert (wrong.false_finds, wrong.claimed) == (2, pytest.approx(3 / 15))


def test_an_absence_ends_when_half_of_the_object_is_seen():
    visibility = 1.0 - flags((20, 35))
    visibility[35:39] = (0.2, 0.3, 0.49, 0.5)
    assert judged(track([(0, 60)], visibility=visibility)).back == 38


def test_which_stretches_are_absences():
    assert absences(flags((20, 29))) == []  # nine frames
    assert absences(flags((20, 30))) == [(20, 30)]
    assert absences(flags((0, 15))) == []  # never seen before
    assert absences(flags((40, 60))) == []  # not seen again
    assert absences(flags((5, 15), (30, 45))) == [(5, 15), (30, 45)]
    # A glimpse of a fifth between two stretches ends nothing.
    glimpsed = np.where(flags((20, 32), (34, 46)), 0.0, 1.0)
    glimpsed[32:34] = 0.2
    assert absences(flags((20, 32), (34, 46)), glimpsed) == [(20, 46)]


def test_too_little_is_left_to_judge():
    late = track([(0, 60)], hidden=(30, 48))
    assert reacquisition({"a": late}, {"a": late.truth}, {"a": late.visibility}) is None
    just = track([(0, 60)], hidden=(30, 47))
    assert judged(just).back == 47


def test_truth_without_boxes_is_an_absence_too():
    truth = np.tile(BOX, (FRAMES, 1))
    truth[20:35] = 0
    item = TrackedSequence("a", np.tile(BOX, (FRAMES, 1)), truth=truth)
    (absence,) = reacquisition({"a": item}, {"a": truth}, {"a": None}).absences
    assert (absence.back, absence.delay, absence.false_finds, absence.claimed) == (35, 0, None, None)


def test_means_over_absences(tmp_path):
    tracks = [track([(0, 60)]), track([(0, 20), (50, 60)]), track([(0, 20)])]
    items = dict(zip("xyz", tracks, strict=True))
    truth, seen = ({label: part for label in items} for part in (tracks[0].truth, tracks[0].visibility))
    found = reacquisition(items, truth, seen)
    assert (found.share, found.median_delay, found.false_finds, found.claimed) == (pytest.approx(1 / 3), 7.5, 0, 1.0)


def test_it_is_told_wherever_runs_are_compared(tmp_path, two_runs):
    runs = {
        name: TrackedRun(tmp_path, name, {"a": item})
        for name, item in {"quick": track([(0, 60)]), "slow": track([(0, 20), (50, 60)])}.items()
    }
    comparison = compare(runs)
    table = all_tables(comparison)["absences"]
    assert [row[:4] for row in table.rows] == [("quick", 1, 1.0, 0.0), ("slow", 1, 0.0, 15.0)]
    assert comparison.entrants[0].to_json()["reacquisition"]["share"] == 1.0
    (table,) = make_special_tables(comparison)
    headings = [str(column.header) for column in table.columns]
    assert REACQUIRED.heading in headings
    assert REACQUIRED.words in trackers_legend(comparison)
    others = compare(two_runs)
    assert "absences" not in all_tables(others)
    assert make_special_tables(others) == []
