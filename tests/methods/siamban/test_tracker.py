"""What SiamBAN's tracker has of its own: the rule of its false colour, and the box in its template.

What all Siamese trackers keep is in tests/trackers/test_siamese_contract.py.
"""

import dataclasses

import numpy as np
import pytest
import torch

from spectrack.errors import ConfigError
from spectrack.methods.siamban.tracker import SiamBANTracker
from spectrack.networks.siamese import SiameseNetwork
from tests.fixtures.refusals import refuses


def test_the_rule_is_described_and_decides_what_is_seen(make):
    cubes, boxes = make.video()
    found = {}
    for rule in ("thirds", "triple(9,5,1)"):
        tracker = SiamBANTracker(make.siamban(), rule=rule)
        assert tracker.describe()["false_colour"] == rule
        tracker.init(cubes[0], boxes[0])
        found[rule] = tracker.update(cubes[1]).evidence["scores"]
    assert not np.array_equal(*found.values())


def test_rule_that_needs_wavelengths_says_so(make):
    network = make.siamban()
    cubes, boxes = make.video()
    with refuses(ConfigError, "nm", "cie", "thirds"):
        SiamBANTracker(network, rule="cie").init(cubes[0], boxes[0])
    SiamBANTracker(network, rule="cie").init(cubes[0], boxes[0], wavelengths_nm=np.linspace(420, 680, 16))


def test_a_network_that_wants_the_box_is_given_it_in_crop_pixels(make, monkeypatch):
    torch.manual_seed(0)
    network = SiameseNetwork(dataclasses.replace(make.siamban().config, template_box=True)).eval()
    seen = []
    kernels = SiameseNetwork.kernels
    monkeypatch.setattr(
        SiameseNetwork, "kernels", lambda self, images, boxes=None: seen.append(boxes) or kernels(self, images, boxes)
    )
    cubes, boxes = make.video(side=12)
    tracker = SiamBANTracker(network)
    tracker.init(cubes[0], boxes[0])
    # A square box of 12 px has a context side of 24: half of the crop, in its middle up to the rounding of the window.
    np.testing.assert_allclose(seen[0].numpy(), [[31.75, 31.75, 95.25, 95.25]], atol=2.7)
    assert np.diff(seen[0].numpy()[0].reshape(2, 2), axis=0) == pytest.approx(63.5, abs=1e-3)
    assert np.isfinite(tracker.update(cubes[1]).box).all()
