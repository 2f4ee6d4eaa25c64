"""Options of the correlation filter: what is refused, and by which remedy."""

import pytest

from spectrack.errors import ConfigError
from spectrack.methods.correlation_filter.options import CorrelationOptions
from tests.fixtures.refusals import refuses


@pytest.mark.parametrize(
    ("given_options", "facts"),
    [
        ({"padding": 1}, ("padding", "2 to 10", "found 1")),
        ({"filter_rate": float("nan")}, ("filter_rate", "0 to 1", "nan")),
        ({"size_rate": "fast"}, ("size_rate", "0 to 1", "'fast'")),
        ({"lost_score": True}, ("lost_score", "0 to 1", "True")),
        ({"cells": 65}, ("found 65", "66")),
        ({"target_parts": 1.5}, ("target_parts", "found 1.5")),
        ({"features": "material"}, ("features", "'material'", "did you mean 'materials'")),
        ({"temporal_consistency": -1}, ("temporal_consistency", "0 to 100", "found -1")),
    ],
)
def test_wrong_options(given_options, facts):
    with refuses(ConfigError, facts):
        CorrelationOptions(**given_options)


def test_options_are_taken_over():
    assert CorrelationOptions(cells=48.0, padding=3) == CorrelationOptions(cells=48, padding=3)
