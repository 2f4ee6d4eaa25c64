"""What is tried next: within the ranges, the same again from the same history, and better than by chance."""

import numpy as np

from spectrack.tuning.ranges import Choices, Range
from spectrack.tuning.trials import Trial, next_values

SPACE = {"size_rate": Range(0.0, 1.0), "agreement_cells": Range(0, 4, whole=True), "fusion": Choices(("map", "box"))}


def height(values):
    """A hill with its top at 0.8, 3, box."""
    return (
        -((values["size_rate"] - 0.8) ** 2)
        - 0.02 * (values["agreement_cells"] - 3) ** 2
        + 0.1 * (values["fusion"] == "box")
    )


def search(count, seed, trials=()):
    trials = list(trials)
    while len(trials) < count:
        values = next_values(SPACE, trials, seed)
        trials.append(Trial(values, {"a": height(values)}))
    return trials


def test_values_lie_in_the_space():
    for trial in search(15, seed=3):
        assert all(SPACE[name].holds(value) for name, value in trial.values.items())
        assert isinstance(trial.values["agreement_cells"], int)


def test_an_interrupted_search_goes_on_as_one_that_was_not():
    whole = search(18, seed=1)
    assert search(18, seed=1, trials=[Trial.from_json(trial.to_json()) for trial in whole[:12]]) == whole
    assert search(12, seed=2) != whole[:12]


def test_it_finds_the_hill():
    trials = search(40, seed=0)
    assert np.mean([trial.score for trial in trials[-10:]]) > np.mean([trial.score for trial in trials[:10]]) + 0.1


def test_a_present_setting_outside_the_ranges_does_no_harm():
    outside = Trial({"size_rate": 2.0, "agreement_cells": 9, "fusion": "map"}, {"a": 0.3})
    assert SPACE["size_rate"].holds(next_values(SPACE, [outside], 0)["size_rate"])
