"""What SiamBAN's tracker has of its own: the rule of its false colour, and the box in its template.

What all Siamese trackers keep is in tests/trackers/test_siamese_contract.py.
"""

import dataclasses

import numpy as np
import pytest
import torch

from spectrack.errors import ConfigError, WeightsError
from spectrack.false_colour import false_colour_matrix, to_display
from spectrack.methods.bcrnet.tracker import BCRNetTracker
from spectrack.methods.siamban.tracker import SiamBANOptions, SiamBANTracker
from spectrack.networks.siamese import SiameseNetwork
from spectrack.sequences.frames import ArrayFrame, PicturedFrame
from spectrack.trackers.loading import load_tracker
from tests.fixtures.refusals import refuses
from tests.fixtures.tiny_networks import tiny_network


def test_the_rule_is_described_and_decides_what_is_seen(make):
    cubes, boxes = make.video()
    found = {}
    for rule in ("thirds", "triple(9,5,1)"):
        tracker = SiamBANTracker(make.siamban(), rule=rule)
        assert tracker.describe()["false_colour"] == rule
        tracker.init(cubes[0], boxes[0])
        found[rule] = tracker.update(cubes[1]).evidence["scores"]
    assert not np.array_equal(*found.values())


def pictured(cubes):
    """Frames as their rule would show them, and those cubes with these pictures beside them."""
    matrix = false_colour_matrix("thirds", cubes.shape[3])
    shown = [to_display(cube.astype(np.float32) @ matrix, white=1000.0) for cube in cubes]
    return shown, [PicturedFrame(ArrayFrame(cube), lambda i=i: shown[i]) for i, cube in enumerate(cubes)]


def scores_of(frames, box, **setting):
    tracker = SiamBANTracker(tiny_network(), scaling=setting.pop("scaling", "fixed(1000)"), **setting)
    tracker.init(frames[0], box)
    return tracker.update(frames[1]).evidence["scores"]


def test_weights_of_encoded_images_see_light_as_it_is_shown(make):
    """As a file for the eye would show it; such a file itself is taken as it is."""
    cubes, boxes = make.video()
    shown, frames = pictured(cubes)
    expected = scores_of(shown, boxes[0], scaling="fixed(255)")
    assert not np.allclose(scores_of(cubes, boxes[0]), expected, atol=0.1)
    np.testing.assert_allclose(scores_of(cubes, boxes[0], encoding="display"), expected, atol=0.05)
    np.testing.assert_array_equal(scores_of(shown, boxes[0], scaling="fixed(255)", encoding="display"), expected)
    own = SiamBANOptions(colour="dataset")
    np.testing.assert_allclose(scores_of(frames, boxes[0], encoding="display", options=own), expected, atol=1e-3)


def test_the_data_sets_own_picture_becomes_light_where_the_weights_want_it(make):
    cubes, boxes = make.video()
    _, frames = pictured(cubes)
    found = scores_of(frames, boxes[0], options=SiamBANOptions(colour="dataset"))
    assert not np.array_equal(found, scores_of(cubes, boxes[0]))
    np.testing.assert_allclose(found, scores_of(cubes, boxes[0]), atol=0.1)


def test_the_encoding_is_told_and_one_that_a_tracker_does_not_make_refused(make):
    assert SiamBANTracker(make.siamban(), encoding="display").describe()["encoding"] == "display"
    assert "encoding" not in SiamBANTracker(make.siamban()).describe()
    with refuses(ConfigError, "linear", "found display"):
        BCRNetTracker(make.bcrnet(), encoding="display")


def test_weights_say_their_encoding(shipped, tmp_path, make):
    shipped("siamban", encoding="display")
    assert load_tracker("siamban", profile="compact", precision="fp32", device="cpu").encoding == "display"
    with refuses(WeightsError, "encoding", "'gamma'"):
        make.weights(tmp_path / "a.safetensors", encoding="gamma")


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
