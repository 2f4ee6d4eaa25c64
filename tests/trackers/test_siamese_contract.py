"""What every Siamese tracker keeps, whatever its network: the contract of estimates, its network's own answer,
repeatability, any number of bands, light and number types, odd cubes and boxes, refusals, the caller's network.
"""

import dataclasses
import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from spectrack.boxes import to_corners
from spectrack.errors import BoxError, ConfigError, CubeError, InputError, WeightsError
from spectrack.false_colour import false_colour_matrix
from spectrack.grid import SEARCH_SIZE_PX, TEMPLATE_SIZE_PX
from spectrack.methods.bcrnet.band_importance import BIMMConfig
from spectrack.methods.bcrnet.network import fuse_branches
from spectrack.methods.ssfnet.spatial_spectral import S2FBConfig
from spectrack.networks.siamese import decode_boxes
from spectrack.tables import from_table
from spectrack.trackers.base import track
from spectrack.trackers.crop import CropWindow, context_side
from spectrack.trackers.loading import load_tracker
from spectrack.trackers.registry import find_method, list_methods, tracker_class
from tests.fixtures.refusals import refuses

BOX = (20, 15, 12, 12)
METHODS = [method.name for method in list_methods() if method.network]
FOREIGN = {
    "siamban": [{"depth": 3}, {"backbone": 3}, {"backbone": {"widths": 3}}],
    "bcrnet": [{"depth": 3}, {"bimm": {"depth": 3}}, {"bimm": 3}],
    "ssfnet": [{"depth": 3}, {"s2fb": {"depth": 3}}, {"s2fb": 3}, {"planes": 3}],
}
FOR_15_BANDS = {
    "bcrnet": {"bimm": BIMMConfig(bands=15, widths=(2, 3), input_size=32)},
    "ssfnet": {"s2fb": S2FBConfig(channels=8, widths=(4, 4, 4), bands=15)},
}
WRONG_OPTIONS = [
    ("siamban", {"size_rat": 0.1}, ConfigError, ("'size_rat'", "did you mean 'size_rate'")),
    ("bcrnet", {"compose": "pca"}, ConfigError, ("'compose'", "did you mean 'composer'")),
    ("bcrnet", {"composer": "pcs"}, ConfigError, ("'pcs'", "did you mean 'pca'")),
    ("bcrnet", {"fusion": "maps"}, ConfigError, ("fusion", "'maps'", "map", "box")),
    ("ssfnet", {"predicton": "hs"}, ConfigError, ("'predicton'", "did you mean 'prediction'")),
    ("ssfnet", {"prediction": "both"}, ConfigError, ("prediction", "'both'", "learned, mean, rgb, hs")),
    ("ssfnet", {"colour": "own"}, ConfigError, ("colour", "'own'", "rule", "dataset")),
    *(
        (name, {"evidence": "channels"}, ConfigError, ("evidence", "'channels'", "did you mean 'channel'"))
        for name in METHODS
    ),
    *((name, {"size_rate": 7}, ConfigError, ("size_rate", "[0, 1]", "7.0")) for name in METHODS),
    *((name, {"profile": "full"}, WeightsError, (f"{name}-full", "compact profile")) for name in METHODS),
]


@pytest.fixture(scope="module", params=METHODS)
def method(request, make):
    """A method with its tracker and one tiny network of random weights."""
    described = find_method(request.param)
    cls, network = tracker_class(described), getattr(make, described.name)()
    return SimpleNamespace(
        name=described.name,
        label=described.label,
        network=network,
        options=type(cls(network).options),
        tracker=lambda options=None, **arguments: cls(network, options, **arguments),
        started=lambda cube, box, options=None, **arguments: started(cls(network, options, **arguments), cube, box),
    )


def started(tracker, cube, box=BOX):
    tracker.init(cube, box)
    return tracker


def boxes_of(tracker, sequence):
    return np.stack([estimate.box for estimate in track(sequence, tracker)])


def answer_of(network, template, search, corners):
    """Scores (25, 25) and corners of boxes (4, 25, 25) that a trained network gives for crops of all bands."""
    matrix = torch.from_numpy(false_colour_matrix("thirds", template.shape[1]))
    colours = [torch.einsum("nbhw,bc->nchw", cube, matrix) for cube in (template, search)]
    with torch.no_grad():
        match type(network).__name__:
            case "SiameseNetwork":
                logits, distances = network(*colours, corners)
            case "BCRNet":
                output = network(template, search, template_boxes=corners)
                scores, distances = fuse_branches(output.logits, output.distances, output.weights)
                return scores[0].numpy(), decode_boxes(distances)[0].numpy()
            case "SSFNet":
                output = network(template, search, *colours, None, corners)
                logits, distances = output.logits, output.distances
    return logits.softmax(dim=1)[0, 1].numpy(), decode_boxes(distances)[0].numpy()


def test_estimates_keep_the_contract(method, make):
    sequence = make.sequence(frames=4)
    estimates = list(track(sequence, method.tracker()))
    assert len(estimates) == 4
    np.testing.assert_array_equal(estimates[0].box, sequence.truth[0])
    for estimate in estimates[1:]:
        assert estimate.box.shape == (4,)
        assert estimate.box.dtype == np.float64
        assert np.isfinite(estimate.box).all()
        assert (estimate.box[2:] >= 2).all()
        assert 0 <= estimate.score <= 1
        assert isinstance(estimate.lost, bool)
        assert estimate.lost == (estimate.probability < 0.5) == (estimate.state == "lost")
        row, column = estimate.evidence["cell"]
        assert estimate.evidence["scores"].shape == (25, 25)
        assert estimate.score == pytest.approx(float(estimate.evidence["scores"][row, column]))
        assert estimate.evidence["search_window"].side > 0


def test_scores_and_boxes_are_those_of_the_trained_network(method, make):
    cubes, boxes = make.video()
    # Nothing but the best place counts, and its box is taken as it is.
    options = method.options(window_influence=0.0, penalty=0.0, agreement_cells=0, calibrate=0.0)
    tracker = method.started(cubes[0], boxes[0], options, scaling="fixed(1023)")
    estimate = tracker.update(cubes[1])
    window = estimate.evidence["search_window"]
    around = CropWindow.around(boxes[0, :2] + boxes[0, 2:] / 2, context_side(boxes[0]))
    template = make.crop(cubes[0], around, TEMPLATE_SIZE_PX)
    corners = torch.from_numpy(to_corners(around.to_crop(boxes[0], TEMPLATE_SIZE_PX)).astype(np.float32))[None]
    search = make.crop(cubes[1], window, SEARCH_SIZE_PX, fill_from=cubes[0])
    scores, predicted = answer_of(method.network, template, search, corners)
    np.testing.assert_allclose(estimate.evidence["scores"], scores, atol=5e-4)
    row, column = estimate.evidence["cell"]
    x0, y0, x1, y1 = predicted[:, row, column]
    centre = window.to_frame((x0, y0, x1 - x0, y1 - y0), SEARCH_SIZE_PX) @ np.array(
        [[1, 0], [0, 1], [0.5, 0], [0, 0.5]]
    )
    np.testing.assert_allclose(estimate.box[:2] + estimate.box[2:] / 2, np.clip(centre, 0, (80, 60)), atol=0.05)


def test_fp32_repeats_bit_for_bit(method, make):
    sequence = make.sequence(frames=4)
    first = boxes_of(method.tracker(), sequence)
    tracker = method.tracker()
    np.testing.assert_array_equal(boxes_of(tracker, sequence), first)
    # A second init forgets the first target altogether.
    np.testing.assert_array_equal(boxes_of(tracker, sequence), first)


def test_bf16_says_nearly_the_same(method, make):
    cubes, boxes = make.video()
    exact, rough = (
        method.started(cubes[0], boxes[0], precision=precision).update(cubes[1]) for precision in ("fp32", "bf16")
    )
    np.testing.assert_allclose(rough.evidence["scores"], exact.evidence["scores"], atol=0.08)
    # An untrained network may prefer another point; the box around it is still a box of about that size.
    np.testing.assert_allclose(rough.box[2:], exact.box[2:], rtol=0.2)


def test_what_a_caller_changes_does_not_change_the_tracker(method, make):
    cubes, boxes = make.video()
    given = boxes[0].copy()
    tracker, other = method.started(cubes[0], given), method.started(cubes[0], boxes[0])
    np.testing.assert_array_equal(given, boxes[0])
    given[:] = 1
    tracker.update(cubes[1]).box[:] = 0
    other.update(cubes[1])
    np.testing.assert_array_equal(tracker.update(cubes[2]).box, other.update(cubes[2]).box)


@pytest.mark.parametrize("bands", [3, 4, 15, 16, 25, 60])
def test_one_network_tracks_any_number_of_bands(method, make, bands):
    boxes = boxes_of(method.tracker(), make.sequence(bands=bands, frames=3))
    assert boxes.shape == (3, 4)
    assert np.isfinite(boxes).all()
    assert (boxes[:, 2:] >= 2).all()


@pytest.mark.parametrize("bands", [1, 2])
def test_one_or_two_bands_are_refused(method, bands):
    with refuses(CubeError, "first frame", "3 bands", f"found {bands}"):
        method.tracker().init(np.zeros((60, 80, bands)), BOX)


def test_weights_made_for_a_band_count_refuse_others(method, make):
    if method.name in FOR_15_BANDS:
        network = getattr(make, method.name)(**FOR_15_BANDS[method.name])
        tracker = tracker_class(find_method(method.name))(network)
    else:
        tracker = method.tracker(bands=15)
    with refuses(CubeError, "15 bands", "found 16"):
        tracker.init(make.video(bands=16)[0][0], BOX)
    tracker.init(make.video(bands=15)[0][0], BOX)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.int32, np.float32, np.float64])
def test_number_types_of_the_same_light_give_the_same_boxes(method, make, kind):
    cubes, boxes = make.video()
    quarter = cubes // 4
    expected, found = (method.started(quarter[0].astype(one), boxes[0]) for one in (np.uint16, kind))
    np.testing.assert_allclose(found.update(quarter[1].astype(kind)).box, expected.update(quarter[1]).box, atol=1e-3)


def test_brightness_of_the_video_does_not_matter(method, make):
    cubes, boxes = make.video()
    bright, dim = method.started(cubes[0] * 8, boxes[0]), method.started(cubes[0], boxes[0])
    np.testing.assert_allclose(bright.update(cubes[1] * 8).box, dim.update(cubes[1]).box, atol=1e-3)


@pytest.mark.parametrize(
    "scaling", ["none", "frame_max", "frame_minmax", "percentile(1,99)", "band_minmax", "first_frame_max"]
)
def test_every_scaling_runs(method, make, scaling):
    assert np.isfinite(boxes_of(method.tracker(scaling=scaling), make.sequence(frames=3))).all()


def test_scaling_of_every_frame_follows_the_light(method, make):
    cubes, boxes = make.video()
    steady, dimmed = (method.started(cubes[0], boxes[0], scaling="frame_max") for _ in range(2))
    np.testing.assert_allclose(
        dimmed.update(cubes[1].astype(np.float32) * 0.25).box, steady.update(cubes[1]).box, atol=1e-3
    )


@pytest.mark.parametrize("value", [0, 500])
def test_constant_cubes_are_tracked(method, value):
    cube = np.full((60, 80, 16), value, np.uint16)
    estimate = method.started(cube, BOX).update(cube)
    assert np.isfinite(estimate.box).all()
    assert all(np.isfinite(value).all() for value in estimate.evidence.values() if isinstance(value, np.ndarray))


def test_all_zero_band_is_tracked(method, make):
    cubes, boxes = make.video()
    cubes[..., 4] = 0
    assert np.isfinite(method.started(cubes[0], boxes[0]).update(cubes[1]).box).all()


@pytest.mark.parametrize("box", [(-6.0, -5.0, 12, 12), (70.0, 50.0, 20, 20), (0, 0, 80, 60), (20, 15, 1, 1)])
def test_boxes_at_the_border_large_and_tiny_are_tracked(method, make, box):
    cubes, _ = make.video()
    assert np.isfinite(method.started(cubes[0], box).update(cubes[1]).box).all()


def test_calibration_finds_the_first_box_again(method, make):
    """A window that trusts the last place alone looks at the truth, and what is wrong there is taken out."""
    cubes, boxes = make.video()
    options = method.options(window_influence=1.0, lost_score=0.0, size_rate=1.0, penalty=0.0, calibrate=0.0)
    calibrated = dataclasses.replace(options, calibrate=1.0)
    plain, mended = (method.started(cubes[0], boxes[0], one).update(cubes[0]).box for one in (options, calibrated))
    assert np.abs(plain - boxes[0]).max() > 1e-3
    np.testing.assert_allclose(mended, boxes[0], atol=1e-4)


@pytest.mark.parametrize("scaling", ["first_frame_percentile(99.9)", "frame_max"])
def test_nan_is_refused_and_tracking_goes_on(method, make, scaling):
    cubes, boxes = make.video(kind=np.float32)
    tracker, untroubled = (method.started(cubes[0], boxes[0], scaling=scaling) for _ in range(2))
    bad = cubes[1].copy()
    bad[20, 25, 7] = np.nan
    with refuses(CubeError, "1 NaN"):
        tracker.update(bad)
    np.testing.assert_array_equal(tracker.update(cubes[1]).box, untroubled.update(cubes[1]).box)
    with refuses(CubeError, "float32"):
        tracker.update(cubes[2].astype(np.float64) * 1e300)
    with refuses(CubeError, "first frame", "NaN"):
        tracker.init(np.full((60, 80, 16), np.nan), BOX)
    with refuses(InputError, "init", "update"):
        tracker.update(cubes[1])


def test_frames_of_another_shape_are_refused_and_tracking_goes_on(method, make):
    cubes, boxes = make.video()
    tracker, untroubled = (method.started(cubes[0], boxes[0]) for _ in range(2))
    with refuses(CubeError, "(60, 80, 16)", "(50, 80, 16)"):
        tracker.update(cubes[1][:50])
    with refuses(CubeError, "(60, 80, 16)", "(60, 80, 15)"):
        tracker.update(cubes[1][..., :15])
    np.testing.assert_array_equal(tracker.update(cubes[1]).box, untroubled.update(cubes[1]).box)


def test_update_before_init(method, make):
    with refuses(InputError, "init", "update"):
        method.tracker().update(make.video()[0][0])


def test_failed_init_leaves_no_target_behind(method, make):
    cubes, boxes = make.video()
    tracker = method.started(cubes[0], boxes[0])
    with pytest.raises(BoxError):
        tracker.init(cubes[0], (500, 500, 5, 5))
    with refuses(InputError, "init", "update"):
        tracker.update(cubes[1])


@pytest.mark.parametrize(
    ("box", "facts"),
    [
        ((200, 10, 20, 20), ("80 x 60", "(200, 10, 20, 20)")),
        ((10, 10, 0, 20), "(10, 10, 0, 20)"),
        ((10, 10, np.nan, 20), "(10, 10, nan, 20)"),
        ((10, 10, 20), ("(10, 10, 20)", "214,61,30,42")),
    ],
)
def test_wrong_first_box(method, make, box, facts):
    with refuses(BoxError, facts):
        method.tracker().init(make.video()[0][0], box)


@pytest.mark.parametrize(
    ("cube", "facts"),
    [
        (np.zeros((60, 80)), "(60, 80)"),
        (np.zeros((0, 80, 16)), ("first frame", "(0, 80, 16)")),
        (np.zeros((60, 80, 16), complex), ("first frame", "complex128")),
        (np.full((60, 80, 16), np.nan), ("first frame", "NaN")),
    ],
)
def test_wrong_first_frame(method, cube, facts):
    with refuses(CubeError, facts):
        method.tracker().init(cube, BOX)


# The default rule of SiamBAN's false colour asks for no wavelengths.
@pytest.mark.parametrize("method", ["bcrnet", "ssfnet"], indirect=True)
@pytest.mark.parametrize("wavelengths", [np.linspace(400, 700, 15), np.full(16, np.nan)])
def test_wavelengths_that_do_not_fit_are_refused(method, make, wavelengths):
    cubes, boxes = make.video()
    with refuses(CubeError, "16 finite wavelengths"):
        method.tracker().init(cubes[0], boxes[0], wavelengths_nm=wavelengths)


def test_description_is_json_and_complete(method):
    options = method.options(size_rate=0.2)
    tracker = method.tracker(options, scaling="fixed(1023)", identity={"file": "a.safetensors"})
    description = json.loads(json.dumps(tracker.describe(), allow_nan=False))
    assert (description["name"], description["scaling"], description["precision"], description["device"]) == (
        method.name,
        "fixed(1023)",
        "fp32",
        "cpu",
    )
    assert description["options"] == dataclasses.asdict(options)
    assert from_table(type(method.network.config), description["network"], "the test") == method.network.config
    assert description["weights"] == {"file": "a.safetensors"}


def test_the_network_given_is_not_changed(method):
    method.network.train()
    before = {name: tensor.clone() for name, tensor in method.network.state_dict().items()}
    method.tracker(precision="bf16")
    assert method.network.training
    assert all(torch.equal(before[name], tensor) for name, tensor in method.network.state_dict().items())
    method.network.eval()


def test_options_come_from_the_weights_and_are_replaced_by_name(method, shipped):
    path = shipped(method.name, extra={"online": {"size_rate": 0.11, "penalty": 0.2}})
    description = load_tracker(method.name, profile="compact", precision="fp32", penalty=0.3).describe()
    assert (description["options"]["size_rate"], description["options"]["penalty"]) == (0.11, 0.3)
    assert description["options"]["window_influence"] == method.options().window_influence
    assert description["weights"]["file"] == path.name


@pytest.mark.parametrize(("name", "options", "kind", "facts"), WRONG_OPTIONS)
def test_wrong_options_are_refused_while_loading(shipped, name, options, kind, facts):
    shipped(name)
    with refuses(kind, facts):
        load_tracker(name, **{"profile": "compact", "precision": "fp32"} | options)


def test_weights_with_a_foreign_configuration_are_refused(method, shipped):
    for odd in FOREIGN[method.name]:
        path = shipped(method.name, config=odd)
        with refuses(WeightsError, method.label, path.name):
            load_tracker(method.name, profile="compact", precision="fp32")
