"""Figures of a row against hand-made scores: averages over trackers, paired differences, spread, selections, JSON."""

import json

import numpy as np
import pytest

from spectrack.ablations.results import RowResult, result_of_row, summarise
from spectrack.ablations.rows import Row
from spectrack.errors import InputError
from spectrack.evaluation.scores import mean_scores
from tests.fixtures.refusals import refuses

ROW = Row("tried", "one", "something", "inference", reference="base")
LABELS = {"CAM": ["a", "b"], "TWIN": ["c"], "FM": ["elsewhere"]}


def told(count):
    return [{"run": f"runs/{number}", "weights": None} for number in range(count)]


def test_hand_made_scores_are_what_they_say(make):
    # An overlap of 0.5 reaches the 25 thresholds 0.02 ... 0.50 of 50, one of 0.75 the 37 up to 0.74.
    found = make.scores(a=0.5, b=0.75)
    assert [item.figures.auc for item in found.sequences] == [0.5, 0.74]
    assert found.auc == pytest.approx(0.62)


def test_several_trackers_are_averaged_sequence_by_sequence(make):
    first, second = make.scores(a=0.5, b=0.25), make.scores(a=0.75, b=1.0)
    mean = mean_scores([first, second])
    assert [item.figures.auc for item in mean.sequences] == [
        pytest.approx((0.5 + 0.74) / 2),
        pytest.approx((0.24 + 1.0) / 2),
    ]
    assert mean.auc == pytest.approx((first.auc + second.auc) / 2)
    np.testing.assert_allclose(mean.of("a").success, (np.array(first.of("a").success) + second.of("a").success) / 2)
    assert np.mean(mean.of("a").success) == pytest.approx(mean.of("a").figures.auc)
    assert mean_scores([first]).to_json() == first.to_json()


def test_trackers_on_other_sequences_are_not_averaged(make):
    with refuses(InputError, "sequences", "protocol"):
        mean_scores([make.scores(a=0.5), make.scores(b=0.5)])
    with refuses(InputError, "scores", "none"):
        mean_scores([])


def test_differences_are_paired_by_sequence(make):
    # The row is 0.1 better on every sequence, however different the sequences are: paired, nothing is uncertain about
    # that.
    reference = make.scores(a=0.2, b=0.5, c=0.8, d=0.4)
    found = summarise(make.scores(c=0.9, a=0.3, b=0.6), reference, LABELS)
    whole = found["all"]
    assert whole.difference.estimate == pytest.approx(0.1)
    assert (whole.difference.low, whole.difference.high) == (pytest.approx(0.1), pytest.approx(0.1))
    assert whole.auc.estimate == pytest.approx(0.6)
    assert whole.auc.low < 0.5 < 0.7 < whole.auc.high
    assert whole.auc.sequences == whole.difference.sequences == 3
    assert list(found) == ["all", "CAM", "TWIN"]
    assert found["CAM"].auc.estimate == pytest.approx(0.45)
    assert found["TWIN"].auc.sequences == 1


def test_a_difference_of_mixed_signs_has_an_interval_around_it(make):
    reference = make.scores(a=0.5, b=0.5)
    difference = summarise(make.scores(a=0.3, b=0.9), reference, {})["all"].difference
    # Resamples of two sequences are (a, a), (a, b), (b, b): their means are all that an interval can end at.
    assert (difference.low, difference.estimate, difference.high) == (
        pytest.approx(-0.2),
        pytest.approx(0.1),
        pytest.approx(0.4),
    )
    assert summarise(reference, None, {})["all"].difference is None


def test_a_reference_must_cover_the_row(make):
    with refuses(InputError, "'b'"):
        summarise(make.scores(a=0.5, b=0.5), make.scores(a=0.5), {})


def test_a_row_of_seeds_tells_their_spread(make):
    runs = [make.scores(a=0.2, b=0.6), make.scores(a=0.4, b=0.6), make.scores(a=0.6, b=0.6)]
    trackers = [{**item, "seed": seed} for seed, item in enumerate(told(3), start=1)]
    result = result_of_row(
        ROW, runs, reference=make.scores(a=0.2, b=0.2), labels=LABELS, trackers=trackers, training={"pairs": 4}
    )
    assert [item["auc"] for item in result.trackers] == [pytest.approx(value) for value in (0.4, 0.5, 0.6)]
    assert [item["seed"] for item in result.trackers] == [1, 2, 3]
    assert result.spread == pytest.approx(0.1)
    assert result.sequences == {"a": pytest.approx(0.4), "b": pytest.approx(0.6)}
    assert result.selections["all"].auc.estimate == pytest.approx(0.5)
    assert result.selections["all"].difference.estimate == pytest.approx(0.3)
    single = result_of_row(ROW, runs[:1], reference=None, labels={}, trackers=told(1))
    assert single.spread is None
    assert single.status == "measured"


def test_json_and_back(make):
    result = result_of_row(
        ROW,
        [make.scores(a=0.5)],
        reference=make.scores(a=0.4),
        labels=LABELS,
        trackers=told(1),
        failures=["a, frame 2: x"],
    )
    stored = json.loads(json.dumps(result.to_json(), allow_nan=False))
    assert stored["status"] == "measured"
    assert stored["selections"]["all"]["difference"]["estimate"] == pytest.approx(0.1)
    assert RowResult.from_json(stored).to_json() == stored
    left_out = RowResult(ROW.to_json(), "because").to_json()
    assert left_out["status"] == "left out"
    assert RowResult.from_json(left_out).left_out == "because"
    with refuses(InputError, "row", "name"):
        RowResult.from_json({"name": "base"})
