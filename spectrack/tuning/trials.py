"""Trials of a search: what was tried and what it gave, and what to try next."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from spectrack.errors import InputError
from spectrack.tables import from_table, to_table
from spectrack.tuning.ranges import Space

_RANDOM_FIRST = 10
"""Trials that are drawn evenly before any are drawn where others were good."""


@dataclass(frozen=True)
class Trial:
    """One setting.

    Attributes:
        values: by parameter.
        scores: success score by sequence.
    """

    values: dict[str, Any]
    scores: dict[str, float]

    @property
    def score(self) -> float:
        """Mean over sequences."""
        return float(np.mean(list(self.scores.values())))

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {**to_table(self), "score": self.score}

    @staticmethod
    def from_json(value: Any) -> Trial:
        """The inverse of `to_json`.

        Raises:
            InputError: it was not written by it.
        """
        return from_table(Trial, value, "a trial of an earlier search", error=InputError, unknown="ignore")


def next_values(space: Space, tried: Iterable[Trial], seed: int) -> dict[str, Any]:
    """What to try next: drawn where earlier trials were good (tree-structured Parzen estimators of all parameters).

    The generator starts anew from `seed` and the number of trials, so a search that was interrupted goes on as one that
    was not.

    Args:
        space: what is searched.
        tried: all trials so far, in order.
        seed: of the search.

    Source: Bergstra et al., Algorithms for Hyper-Parameter Optimization, NeurIPS 2011; Optuna's `TPESampler`.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    distributions = {name: values.distribution() for name, values in space.items()}
    done = list(tried)
    drawn = int(np.random.SeedSequence([seed, len(done)]).generate_state(1)[0])
    with warnings.catch_warnings():
        # All parameters together is what Optuna still calls experimental.
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler = optuna.samplers.TPESampler(seed=drawn, multivariate=True, n_startup_trials=_RANDOM_FIRST)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    for trial in done:
        # The present setting may lie outside what is searched; it tells nothing about the inside.
        if all(space[name].holds(value) for name, value in trial.values.items()):
            study.add_trial(optuna.create_trial(params=trial.values, distributions=distributions, value=trial.score))
    return {name: _rounded(value) for name, value in study.ask(distributions).params.items()}


def _rounded(value: Any) -> Any:
    """Numbers as one would type them."""
    return round(value, 4) if isinstance(value, float) else value


def present_values(options: Mapping[str, Any], space: Space) -> dict[str, Any]:
    """The values that a tracker has now, of what is searched."""
    return {name: options[name] for name in space}
