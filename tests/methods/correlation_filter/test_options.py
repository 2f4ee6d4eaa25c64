"""Options of the correlation filter: what is refused, and by which remedy."""

import pytest

from spectrack.errors import ConfigError
from spectrack.methods.correlation_filter.options import CorrelationOptions


@pytest.mark.parametrize(
    ("given_options", "message"),
    [
        ({"paddin": 3}, r"expected an option of tracker cf, found 'paddin'; did you mean 'padding'\?"),
        ({"padding": 1}, "expected padding from 2 to 10, found 1"),
        ({"filter_rate": float("nan")}, "expected filter_rate from 0 to 1, found nan"),
        ({"size_rate": "fast"}, "expected size_rate from 0 to 1, found 'fast'"),
        ({"lost_score": True}, "expected lost_score from 0 to 1, found True"),
        ({"cells": 65}, "expected an even number of cells, found 65; take 66"),
        ({"target_parts": 1.5}, r"expected a whole number for target_parts, found 1\.5"),
    ],
)
def test_wrong_options(given_options, message):
    with pytest.raises(ConfigError, match=message):
        CorrelationOptions.of(given_options)


def test_options_are_taken_over():
    assert CorrelationOptions.of({"cells": 48.0, "padding": 3}) == CorrelationOptions(cells=48, padding=3)
