"""The target's place, and how far it is believed."""

import numpy as np
import pytest

from spectrack.methods.correlation_filter.target import Levels, Peak, believe, find_peak

CELLS = 64


def test_peak_of_both_responses_and_of_the_filter_alone():
    correlation = np.zeros((CELLS, CELLS), np.float32)
    correlation[30, 33], correlation[36, 40] = 0.4, 0.35
    spectral = np.zeros_like(correlation)
    spectral[36, 40] = 0.6
    alone = find_peak(correlation, spectral, None, 0.5, 0.0)
    together = find_peak(correlation, spectral, Levels(0.4, 0.6), 0.5, 0.0)
    np.testing.assert_allclose(alone.place, (33, 30))
    np.testing.assert_allclose(together.place, (40, 36))
    assert together.spectral == pytest.approx(0.6)


def test_belief_by_hand():
    def peak(correlation, ratio):
        return Peak(np.zeros(2), correlation, 0.5, ratio, np.zeros((2, 2), np.float32))

    usual = Levels(0.5, 0.5)
    assert believe(peak(0.5, 30.0), usual, 1.0, 1.0) == (1.0, 1.0, 1.0)
    assert believe(peak(0.5, 3.0), usual, 0.2, 1.0) == (0.0, 0.0, 0.0)
    # Spectra alone: a tenth. Correlation alone: half where spectra are trusted, all where they are not.
    assert believe(peak(0.5, 3.0), usual, 1.0, 1.0)[2] == pytest.approx(0.1)
    assert believe(peak(0.5, 30.0), usual, 0.2, 1.0)[2] == pytest.approx(0.5)
    assert believe(peak(0.5, 30.0), usual, 0.2, 0.0)[2] == pytest.approx(1.0)
    # Far too many cells are as bad as too few.
    assert believe(peak(0.5, 3.0), usual, 2.5, 1.0)[0] == 0
