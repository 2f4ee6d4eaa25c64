"""How far the box of likely cells is believed beside a network's, for pairs of boxes made by hand."""

import dataclasses

import numpy as np
import pytest

from spectrack.trackers.box_belief import BoxBelief, Sight

BOX = np.array([50.0, 40, 20, 16])
GOOD = Sight(BOX, BOX, network_contrast=1.0, cells_contrast=1.0, share=1.0, unexplained=0.0)


def belief(sights, *, trust=1.0, fits=1.0, contrast=1.0, rarity=1.0):
    """After all of them."""
    judge = BoxBelief(trust, fits, contrast)
    return [judge.observe(sight, rarity) for sight in sights][-1]


def restless(which, frames=20):
    """Sights in which one of the boxes changes its sides by a fifth from frame to frame."""
    return [
        dataclasses.replace(GOOD, **{which: BOX * [1, 1, *((1.2, 0.8) if index % 2 else (0.8, 1.2))]})
        for index in range(frames)
    ]


def test_steady_cells_that_stand_out_are_believed():
    assert belief([GOOD] * 10) > 0.9


@pytest.mark.parametrize("known", [{"trust": 0.0}, {"fits": 0.4}, {"rarity": 0.05}])
def test_spectra_that_never_told_the_target_are_not(known):
    assert belief([GOOD] * 5, **known) == 0


@pytest.mark.parametrize(
    "now", [{"cells_contrast": 0.5}, {"share": 0.2}, {"share": 2.5}, {"unexplained": 0.7}], ids=str
)
def test_cells_that_are_wrong_on_this_frame_are_not(now):
    assert belief([GOOD] * 10 + [dataclasses.replace(GOOD, **now)]) == 0


def test_the_steadier_box_of_the_two_has_the_say():
    # With a first box of little contrast only the comparison of both counts.
    assert belief(restless("network"), contrast=0.2) > 0.8
    assert belief(restless("cells"), contrast=0.2) < 0.4


def test_a_network_whose_box_loses_the_target_has_less_say():
    slipping = [dataclasses.replace(GOOD, network_contrast=0.4)] * 20
    assert belief(slipping, contrast=0.2) > belief([GOOD] * 20, contrast=0.2) + 0.1


def test_belief_is_a_share_whatever_is_seen():
    rng = np.random.default_rng(0)
    judge = BoxBelief(0.7, 0.6, 0.4)
    for _ in range(200):
        boxes = rng.uniform(1e-3, 400, (2, 4))
        sight = Sight(*boxes, *rng.uniform(-2, 3, 2), rng.uniform(0, 9), rng.uniform())
        assert 0 <= judge.observe(sight, rng.uniform(-1, 1)) <= 1
