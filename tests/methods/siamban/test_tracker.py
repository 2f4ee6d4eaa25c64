"""The SiamBAN tracker with a tiny random network: contract, repeatability, band counts, scalings, refusals."""

import dataclasses
import json

import numpy as np
import pytest
import torch

from spectrack.errors import BoxError, ConfigError, CubeError, InputError
from spectrack.methods.siamban.tracker import SiamBANTracker
from spectrack.networks.siamese import SiameseNetwork, decode_boxes
from spectrack.sequences.base import ArrayFrame
from spectrack.trackers.base import track
from spectrack.trackers.online import OnlineOptions
from tests.fixtures.refusals import refuses


@pytest.fixture(scope="module")
def network(make):
    return make.siamban()


def boxes_of(tracker, sequence):
    return np.stack([estimate.box for estimate in track(sequence, tracker)])


def test_estimates_keep_the_contract(network, make):
    sequence = make.sequence(frames=5)
    tracker = SiamBANTracker(network)
    estimates = list(track(sequence, tracker))
    assert len(estimates) == 5
    np.testing.assert_array_equal(estimates[0].box, sequence.truth[0])
    for estimate in estimates[1:]:
        assert estimate.box.shape == (4,)
        assert estimate.box.dtype == np.float64
        assert np.isfinite(estimate.box).all()
        assert (estimate.box[2:] >= 2).all()
        assert 0 <= estimate.score <= 1
        assert isinstance(estimate.lost, bool)
        row, column = estimate.evidence["cell"]
        assert estimate.evidence["scores"].shape == (25, 25)
        assert estimate.evidence["scores"][row, column] == np.float32(estimate.score)
        assert estimate.evidence["search_window"].side > 0


def test_changing_an_estimate_does_not_change_the_tracker(network, make):
    cubes, boxes = make.video()
    tracker, other = SiamBANTracker(network), SiamBANTracker(network)
    for one in (tracker, other):
        one.init(cubes[0], boxes[0])
    tracker.update(cubes[1]).box[:] = 0
    other.update(cubes[1])
    np.testing.assert_array_equal(tracker.update(cubes[2]).box, other.update(cubes[2]).box)


def test_given_box_is_not_changed(network, make):
    cubes, boxes = make.video()
    before = boxes[0].copy()
    tracker = SiamBANTracker(network)
    tracker.init(cubes[0], boxes[0])
    tracker.update(cubes[1])
    np.testing.assert_array_equal(boxes[0], before)


def test_scores_and_boxes_are_those_of_the_unfolded_network(network, make):
    cubes, boxes = make.video()
    tracker = SiamBANTracker(network, OnlineOptions(calibrate=0.0), scaling="fixed(1023)")
    tracker.init(cubes[0], boxes[0])
    window = tracker._state.search_window()
    search = tracker._crop(ArrayFrame(cubes[1]), window, 255)
    estimate = tracker.update(cubes[1])
    with torch.inference_mode():
        x, y, w, h = boxes[0]
        side = round(float(np.sqrt((w + (w + h) / 2) * (h + (w + h) / 2))))
        left, top = round(x + w / 2 - side / 2), round(y + h / 2 - side / 2)
        # Thirds: red is the mean of the last bands; this square lies inside the frame, so nothing is padded.
        piece = cubes[0][top : top + side, left : left + side].astype(np.float64) / 1023
        colours = np.stack([piece[:, :, 11:].mean(2), piece[:, :, 6:11].mean(2), piece[:, :, :6].mean(2)], axis=2)
        template = torch.nn.functional.interpolate(
            torch.from_numpy(colours).permute(2, 0, 1)[None].float(),
            size=(127, 127),
            mode="bilinear",
            align_corners=False,
        )
        logits, distances = network(template, search)
    np.testing.assert_allclose(estimate.evidence["scores"], logits.softmax(1)[0, 1].numpy(), atol=2e-4)
    row, column = estimate.evidence["cell"]
    x0, y0, x1, y1 = decode_boxes(distances)[0, :, row, column].tolist()
    centre = np.array([window.x0, window.y0]) + np.array([x0 + x1, y0 + y1]) / 2 * window.side / 255
    np.testing.assert_allclose(estimate.box[:2] + estimate.box[2:] / 2, centre, atol=0.05)


def test_weights_made_for_a_band_count_refuse_others(network, make):
    cubes, boxes = make.video(bands=15)
    with refuses(CubeError, "16 bands", "15"):
        SiamBANTracker(network, bands=16).init(cubes[0], boxes[0])
    SiamBANTracker(network, bands=15).init(cubes[0], boxes[0])


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.int32, np.float32, np.float64])
def test_number_types_of_the_same_light_give_the_same_boxes(network, make, kind):
    cubes, boxes = make.video()
    quarter = cubes // 4
    expected, found = SiamBANTracker(network), SiamBANTracker(network)
    expected.init(quarter[0].astype(np.uint16), boxes[0])
    found.init(quarter[0].astype(kind), boxes[0])
    np.testing.assert_allclose(found.update(quarter[1].astype(kind)).box, expected.update(quarter[1]).box, atol=1e-4)


def test_brightness_of_the_video_does_not_matter(network, make):
    cubes, boxes = make.video()
    bright = SiamBANTracker(network)
    dim = SiamBANTracker(network)
    bright.init(cubes[0] * 8, boxes[0])
    dim.init(cubes[0], boxes[0])
    np.testing.assert_allclose(bright.update(cubes[1] * 8).box, dim.update(cubes[1]).box, atol=1e-3)


@pytest.mark.parametrize(
    "scaling", ["none", "frame_max", "frame_minmax", "percentile(1,99)", "band_minmax", "first_frame_max"]
)
def test_every_scaling_runs(network, make, scaling):
    assert np.isfinite(boxes_of(SiamBANTracker(network, scaling=scaling), make.sequence(frames=3))).all()


def test_scaling_of_every_frame_follows_the_light(network, make):
    cubes, boxes = make.video()
    steady, dimmed = SiamBANTracker(network, scaling="frame_max"), SiamBANTracker(network, scaling="frame_max")
    for tracker in (steady, dimmed):
        tracker.init(cubes[0], boxes[0])
    np.testing.assert_allclose(
        dimmed.update(cubes[1].astype(np.float32) * 0.25).box, steady.update(cubes[1]).box, atol=1e-3
    )


def test_bf16_stays_near_fp32(network, make):
    sequence = make.sequence(frames=2)
    exact, rough = (boxes_of(SiamBANTracker(network, precision=precision), sequence) for precision in ("fp32", "bf16"))
    # An untrained network may prefer another point; the box around it is still a box of about that size.
    np.testing.assert_allclose(exact[1, 2:], rough[1, 2:], rtol=0.2)


def test_update_before_init(network, make):
    with refuses(InputError, "init", "update"):
        SiamBANTracker(network).update(make.video()[0][0])


@pytest.mark.parametrize(
    ("box", "facts"),
    [
        (
            (200, 10, 20, 20),
            ("80 x 60", "(200, 10, 20, 20)"),
        ),
        ((10, 10, 0, 20), "(10, 10, 0, 20)"),
        ((10, 10, np.nan, 20), "(10, 10, nan, 20)"),
        ((10, 10, 20), ("(10, 10, 20)", "214,61,30,42")),
    ],
)
def test_wrong_first_box(network, make, box, facts):
    with refuses(BoxError, facts):
        SiamBANTracker(network).init(make.video()[0][0], box)


@pytest.mark.parametrize("box", [(-6.0, -5.0, 12, 12), (70.0, 50.0, 20, 20), (0, 0, 80, 60), (20, 15, 0.5, 0.5)])
def test_boxes_at_the_border_large_and_tiny_are_tracked(network, make, box):
    cubes, _ = make.video()
    tracker = SiamBANTracker(network)
    tracker.init(cubes[0], box)
    assert np.isfinite(tracker.update(cubes[1]).box).all()


@pytest.mark.parametrize(
    ("cube", "facts"),
    [
        (np.zeros((60, 80)), "(60, 80)"),
        (np.zeros((60, 80, 2)), ("3 bands", "2")),
        (np.zeros((0, 80, 16)), ("first frame", "(0, 80, 16)")),
        (np.zeros((60, 80, 16), complex), ("first frame", "complex128")),
        (np.full((60, 80, 16), np.nan), ("first frame", "NaN")),
    ],
)
def test_wrong_first_frame(network, cube, facts):
    with refuses(CubeError, facts):
        SiamBANTracker(network).init(cube, (20, 15, 12, 12))


def test_failed_init_leaves_no_target_behind(network, make):
    cubes, boxes = make.video()
    tracker = SiamBANTracker(network)
    tracker.init(cubes[0], boxes[0])
    with pytest.raises(BoxError):
        tracker.init(cubes[0], (500, 500, 5, 5))
    with refuses(InputError, "init", "update"):
        tracker.update(cubes[1])


def test_calibration_finds_the_first_box_again(network, make):
    cubes, boxes = make.video()
    options = OnlineOptions(calibrate=1.0, lost_score=0.0, size_rate=1.0, penalty=0.0)
    tracker = SiamBANTracker(network, options)
    tracker.init(cubes[0], boxes[0])
    if (tracker._state._stretch == 1).all():
        pytest.skip("this random network looks elsewhere")
    box = tracker.update(cubes[0]).box
    np.testing.assert_allclose(box[:2] + box[2:] / 2, boxes[0, :2] + boxes[0, 2:] / 2, atol=0.5)


def test_description_is_json_and_complete(network):
    tracker = SiamBANTracker(
        network, OnlineOptions(size_rate=0.2), scaling="fixed(1023)", rule="cie", identity={"file": "a.safetensors"}
    )
    description = json.loads(json.dumps(tracker.describe()))
    assert description["name"] == "siamban"
    assert description["options"] == dataclasses.asdict(OnlineOptions(size_rate=0.2))
    assert (description["scaling"], description["false_colour"], description["precision"]) == (
        "fixed(1023)",
        "cie",
        "fp32",
    )
    assert description["weights"] == {"file": "a.safetensors"}


def test_rule_that_needs_wavelengths_says_so(network, make):
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
