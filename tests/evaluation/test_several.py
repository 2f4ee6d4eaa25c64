"""MOT figures come from motmetrics; here small cases whose figures can be counted by hand."""

import pytest

from spectrack.errors import SequenceError
from spectrack.evaluation.several import score_several
from tests.fixtures.refusals import refuses

pytest.importorskip("motmetrics", reason="the extra mot is not installed")


@pytest.fixture
def score(tmp_path):
    def score(results, truth):
        for name, rows in (("results.txt", results), ("truth.txt", truth)):
            (tmp_path / name).write_text("".join(f"{','.join(map(str, row))}\n" for row in rows))
        return score_several(tmp_path / "results.txt", tmp_path / "truth.txt")

    return score


def row(frame, identity, x, *, seen=1):
    return frame, identity, x, 0, 10, 10, seen, 1, 1


TRUTH = [row(frame, identity, 50 * identity) for frame in (1, 2, 3, 4) for identity in (1, 2)]


def test_a_perfect_result(score):
    scores = score(TRUTH, TRUTH)
    assert scores.frames == 4
    assert scores.figures["mota"] == scores.figures["idf1"] == 1.0
    assert scores.figures["motp"] == 0.0


def test_counted_by_hand(score):
    results = [row(frame, 7, 51) for frame in (1, 2, 3, 4)]  # overlap 9 / 11 with target 1
    results += [row(frame, 8, 100) for frame in (1, 2)]  # target 2, missed in frames 3 and 4
    results += [row(3, 9, 300)]  # nothing is there
    figures = score(results, TRUTH).figures
    assert (figures["num_misses"], figures["num_false_positives"], figures["num_switches"]) == (2, 1, 0)
    assert figures["mota"] == pytest.approx(1 - (2 + 1 + 0) / 8)
    assert figures["motp"] == pytest.approx((4 * (1 - 9 / 11) + 2 * 0) / 6)
    assert figures["idf1"] == pytest.approx(2 * 6 / (8 + 7))


def test_an_exchange_of_identities(score):
    swapped = [row(frame, 3 - identity if frame > 2 else identity, 50 * identity) for frame, identity, *_ in TRUTH]
    assert score(swapped, TRUTH).figures["num_switches"] == 2


def test_half_an_overlap_is_no_match_and_ignored_truth_does_not_count(score):
    figures = score([row(1, 1, 54)], [row(1, 1, 50), row(1, 2, 90, seen=0)]).figures  # overlap 6 / 14
    assert (figures["num_objects"], figures["num_misses"], figures["num_false_positives"]) == (1, 1, 1)


def test_nothing_tracked(score):
    assert score([], TRUTH).figures["num_misses"] == 8


def test_a_truth_without_boxes_is_refused(score):
    for truth in ([], [row(1, 1, 50, seen=0)]):
        with refuses(SequenceError, "truth.txt", "found none"):
            score(TRUTH, truth)


def test_rounding_makes_no_overlap_above_1(score):
    for x in (38.321, 38.633, 38.977, 39.342, 39.737, 40.156, 40.677):
        uneven = [(1, 1, x, 12.787, 8.992, 6.966, 1, 1, 1)]
        assert 0 <= score(uneven, uneven).figures["motp"] < 1e-9


def test_other_files_are_refused(tmp_path):
    (tmp_path / "boxes.txt").write_text("1,2,3,4\n")
    with refuses(SequenceError, tmp_path / "boxes.txt"):
        score_several(tmp_path / "boxes.txt", tmp_path / "boxes.txt")
