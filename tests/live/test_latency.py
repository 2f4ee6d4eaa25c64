"""Percentiles in constant memory, against NumPy's on all values."""

import numpy as np
import pytest

from spectrack.live.latency import Latency


@pytest.mark.parametrize("share", [1, 50, 90, 99, 100])
def test_within_one_per_cent_of_all_values(share):
    values = np.random.default_rng(0).lognormal(3, 1.5, 5000)
    latency = Latency()
    for value in values:
        latency.add(value)
    exact = np.percentile(values, share, method="inverted_cdf")
    assert latency.percentile(share) == pytest.approx(exact, rel=0.011)


def test_nothing_and_the_extremes():
    latency = Latency()
    assert latency.to_json() == {"p50": None, "p99": None, "longest": None}
    latency.add(0.0)
    latency.add(1e12)
    assert latency.count == 2
    assert latency.percentile(50) <= 0.01
    assert latency.to_json()["longest"] == 1e12
