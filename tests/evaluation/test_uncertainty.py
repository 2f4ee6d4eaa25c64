"""Bootstrap intervals: seeded, centred, shrinking with more sequences, honest about pairs and pools."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spectrack.errors import InputError
from spectrack.evaluation.attributes import per_attribute
from spectrack.evaluation.protocols import score
from spectrack.evaluation.uncertainty import bootstrap_interval, difference_interval, score_interval
from tests.fixtures.refusals import refuses


def scores_of(shift, protocol="hot", names="abcdefgh"):
    rng = np.random.default_rng(5)
    truth = {name: rng.uniform(5, 30, (6 + 3 * k, 4)) for k, name in enumerate(names)}
    predictions = {
        name: rows + np.array([shift * (k + 1) / 4, 0, 0, 0]) for k, (name, rows) in enumerate(truth.items())
    }
    return score(predictions, truth, protocol)


def test_agrees_with_normal_theory():
    values = np.random.default_rng(1).normal(0.6, 0.1, 400)
    interval = bootstrap_interval(values)
    half_width = 1.96 * values.std() / 20
    assert interval.estimate == pytest.approx(values.mean())
    assert interval.low == pytest.approx(values.mean() - half_width, abs=0.1 * half_width)
    assert interval.high == pytest.approx(values.mean() + half_width, abs=0.1 * half_width)


def test_the_seed_decides():
    values = [0.1, 0.5, 0.9]
    assert bootstrap_interval(values, seed=4) == bootstrap_interval(values, seed=4)


def test_weights_pool_frames():
    interval = bootstrap_interval([0.0, 1.0], weights=[3, 1])
    assert interval.estimate == 0.25
    assert (interval.low, interval.high) == (0.0, 1.0)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_the_interval_lies_within_the_values(values):
    interval = bootstrap_interval(values, resamples=200)
    assert min(values) - 1e-12 <= interval.low <= interval.high <= max(values) + 1e-12


def test_of_scores():
    scores = scores_of(1.0)
    interval = score_interval(scores, seed=1)
    assert interval.estimate == pytest.approx(scores.auc)
    assert interval.low < scores.auc < interval.high
    assert str(interval).startswith(f"{scores.auc:.3f} [")
    pooled = scores_of(1.0, "got10k")
    assert score_interval(pooled).estimate == pytest.approx(pooled.auc)


def test_a_paired_difference_is_tighter_than_its_parts():
    good, bad = scores_of(1.0), scores_of(1.5)
    difference = difference_interval(good, bad)
    assert difference.estimate == pytest.approx(good.auc - bad.auc)
    assert difference.low > 0
    assert difference.high - difference.low < score_interval(bad).high - score_interval(bad).low


@pytest.mark.parametrize("values", [[], [[0.1]], [np.nan]])
def test_values_that_are_none(values):
    with refuses(InputError, str(np.shape(values))):
        bootstrap_interval(values)


def test_wrong_options():
    with refuses(InputError, "level", "found 95"):
        bootstrap_interval([0.5], level=95)
    with refuses(InputError, "1 weights", "(2,)"):
        bootstrap_interval([0.5], weights=[1, 2])
    with refuses(InputError, "got10k", "'dp20'", "auc"):
        score_interval(scores_of(1.0, "got10k"), "dp20")


def test_unlike_results_are_not_compared():
    with refuses(InputError, "hot", "otb"):
        difference_interval(scores_of(1.0), scores_of(1.0, "otb"))
    with refuses(InputError, "sequences", "Scores.select"):
        difference_interval(scores_of(1.0), scores_of(1.0, names="abcdefgi"))


def test_per_attribute_means():
    scores = scores_of(1.0)
    table = per_attribute(scores, {"a": ["OCC", "OCC"], "b": ("SV", "OCC"), "zzz": ["FM"]})
    assert list(table) == ["OCC", "SV"]
    assert (table["OCC"].sequences, table["SV"].sequences) == (2, 1)
    assert table["OCC"].figures.auc == pytest.approx(np.mean([scores.of("a").figures.auc, scores.of("b").figures.auc]))
    assert table["SV"].figures == scores.of("b").figures
    with refuses(InputError, "attributes", "8"):
        per_attribute(scores, {"zzz": ["FM"]})
