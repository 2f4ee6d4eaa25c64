"""What trials say: best, paired gain, gain on sequences left out, edges, and the warnings."""

import numpy as np
import pytest

from spectrack.tuning.findings import find
from spectrack.tuning.ranges import Range
from spectrack.tuning.trials import Trial

SPACE = {"size_rate": Range(0.0, 1.0)}


def trials_of(rows, values=None):
    values = values or np.linspace(0.3, 0.6, len(rows))
    names = [f"clip{number:02}" for number in range(len(rows[0]))]
    return [
        Trial({"size_rate": float(value)}, dict(zip(names, row, strict=True)))
        for value, row in zip(values, rows, strict=True)
    ]


def test_a_gain_on_every_sequence_holds():
    present = [0.5 + 0.01 * number for number in range(12)]
    found = find(trials_of([present, [score + 0.1 for score in present], [score - 0.1 for score in present]]), SPACE)
    assert found.best.values == {"size_rate": pytest.approx(0.45)}
    assert found.gain.estimate == pytest.approx(0.1)
    assert found.left_out.estimate == pytest.approx(0.1)
    assert found.holds
    assert found.alike == 1
    assert found.warnings(SPACE, 3) == []


def test_the_gain_left_out_is_less_where_one_sequence_decides():
    # The second setting is better on clip00 alone, a little worse everywhere else: without clip00 nobody would take it.
    present = [0.2] + [0.5] * 11
    found = find(trials_of([present, [1.0] + [0.49] * 11]), SPACE)
    assert found.gain.estimate == pytest.approx((0.8 - 0.11) / 12)
    assert found.left_out.estimate == pytest.approx(-0.11 / 12)
    assert not found.holds
    assert found.alike == 2
    assert ["chance" in sentence for sentence in found.warnings(SPACE, 2)] == [True]


def test_nothing_better_keeps_the_present_setting():
    found = find(trials_of([[0.6] * 10, [0.6] * 10, [0.5] * 10], values=[0.99, 0.5, 0.5]), SPACE)
    assert found.best is found.present
    assert not found.edges
    assert "none of 3" in found.warnings(SPACE, 3)[0]


def test_edges_and_few_sequences_are_told():
    found = find(trials_of([[0.5, 0.5], [0.7, 0.8]], values=[0.5, 0.99]), SPACE)
    assert found.edges == {"size_rate": "upper"}
    told = found.warnings(SPACE, 2)
    assert "--vary size_rate" in told[0]
    assert "2 sequences" in told[-1]


def test_an_edge_beyond_which_there_is_nothing_asks_for_nothing():
    space = {"size_rate": Range(0.0, 1.0, last=("upper",))}
    told = find(trials_of([[0.5] * 12, [0.7] * 12], values=[0.5, 0.99]), space).warnings(space, 2)
    assert len(told) == 1
    assert "no values beyond" in told[0]


def test_one_sequence_has_nothing_to_leave_out():
    assert find(trials_of([[0.5], [0.7]]), SPACE).left_out is None
