"""Places of a whole frame by matched filter and ACE, on drawn frames whose things are known."""

import numpy as np
import pytest

from spectrack.evidence.whole_frame import FrameSearch, peaks
from spectrack.sequences.frames import ArrayFrame

BANDS = 8
TARGET, BRIGHT, OTHER = np.linspace(50, 300, BANDS), np.linspace(900, 700, BANDS), np.linspace(300, 50, BANDS)


def frame(things, height=90, width=120, seed=0):
    """(height, width, BANDS) of a mottled ground with things: (spectrum, x, y, w, h)."""
    rng = np.random.default_rng(seed)
    cube = 200 + 20 * rng.normal(size=(height, width, 1)) + 10 * rng.normal(size=(height, width, BANDS))
    for spectrum, x, y, w, h in things:
        cube[y : y + h, x : x + w] = spectrum + 5 * rng.normal(size=(h, w, BANDS))
    return cube


FIRST = frame([(TARGET, 20, 30, 14, 10), (BRIGHT, 70, 60, 16, 16)])
BOX = np.array([20.0, 30, 14, 10])


@pytest.mark.parametrize(("x", "y"), [(90, 10), (0, 0), (106, 80), (60, 40)])
def test_the_target_is_the_first_place_wherever_it_is(x, y):
    later = frame([(BRIGHT, 30, 60, 16, 16), (OTHER, 40, 5, 14, 10), (TARGET, x, y, 14, 10)], seed=1)
    first, *others = FrameSearch(FIRST, BOX).places(later, BOX[2:], 3)
    assert np.abs(first.centre - (x + 7, y + 5)).max() <= 3
    assert first.support > 0.6
    assert max(place.support for place in others) < 0.4


def test_nothing_supports_a_target_that_is_away():
    later = frame([(BRIGHT, 30, 60, 16, 16), (OTHER, 40, 5, 14, 10)], seed=1)
    places = FrameSearch(FIRST, BOX).places(later, BOX[2:], 3)
    assert len(places) == 3
    assert max(place.support for place in places) < 0.3


def test_a_bright_thing_of_another_spectrum_is_proposed_but_not_supported():
    bright = TARGET + 2 * OTHER
    later = frame([(bright, 30, 60, 14, 10), (TARGET, 90, 20, 14, 10)], seed=1)
    assert np.abs(FrameSearch(FIRST, BOX).places(later, BOX[2:], 1)[0].centre - (97, 25)).max() <= 2


def test_support_of_a_box_is_about_one_on_the_target_and_none_beside_it():
    search, frame_ = FrameSearch(FIRST, BOX), ArrayFrame(FIRST)
    assert search.support(frame_, BOX) == pytest.approx(1)
    assert search.support(frame_, np.array([50.0, 30, 14, 10])) < 0.2
    # Boxes may reach beyond the frame.
    assert search.support(frame_, np.array([-5.0, -5, 14, 10])) < 0.2


def test_peaks_are_different_things_in_order():
    response = np.zeros((20, 30), np.float32)
    response[5, 5], response[6, 6], response[15, 20] = 3, 2, 1
    found = peaks(response, np.array([4.0, 4.0]), 2)
    assert [(place.centre.tolist(), place.support) for place in found] == [([5, 5], 3), ([20, 15], 1)]


def test_there_are_no_more_peaks_than_room():
    assert len(peaks(np.ones((4, 4), np.float32), np.array([8.0, 8.0]), 5)) == 1
