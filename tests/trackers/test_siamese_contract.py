"""What every Siamese tracker keeps, whatever its network: repeatability, any number of bands, odd cubes, refusals, the
caller's network.
"""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from spectrack.errors import CubeError, InputError, WeightsError
from spectrack.methods.bcrnet.tracker import BCRNetOptions, BCRNetTracker
from spectrack.trackers.base import track
from spectrack.trackers.loading import load_tracker
from spectrack.trackers.registry import find_method, list_methods, tracker_class
from spectrack.weights.index import WEIGHTS_VARIABLE
from tests.fixtures.refusals import refuses

BOX = (20, 15, 12, 12)
METHODS = [method.name for method in list_methods() if method.network]
FOREIGN = {
    "siamban": [{"depth": 3}, {"backbone": 3}, {"backbone": {"widths": 3}}],
    "bcrnet": [{"depth": 3}, {"bimm": {"depth": 3}}, {"bimm": 3}],
    "ssfnet": [{"depth": 3}, {"s2fb": {"depth": 3}}, {"s2fb": 3}, {"planes": 3}],
}


@pytest.fixture(scope="module", params=METHODS)
def method(request, make):
    """A method with its tracker and one tiny network of random weights."""
    described = find_method(request.param)
    cls, network = tracker_class(described), getattr(make, described.name)()
    return SimpleNamespace(
        name=described.name,
        label=described.label,
        network=network,
        tracker=lambda **options: cls(network, **options),
    )


def boxes_of(tracker, sequence):
    return np.stack([estimate.box for estimate in track(sequence, tracker)])


def test_fp32_repeats_bit_for_bit(method, make):
    sequence = make.sequence(frames=4)
    first = boxes_of(method.tracker(), sequence)
    tracker = method.tracker()
    np.testing.assert_array_equal(boxes_of(tracker, sequence), first)
    # A second init forgets the first target altogether.
    np.testing.assert_array_equal(boxes_of(tracker, sequence), first)


def test_a_second_template_is_forgotten_too(make):
    sequence = make.sequence(frames=5)
    options = BCRNetOptions(update_every=1, update_score=0.0, update_share=0.0, update_change=100.0)
    tracker = BCRNetTracker(make.bcrnet(), options)
    first = boxes_of(tracker, sequence)
    assert tracker._second is not None
    np.testing.assert_array_equal(boxes_of(tracker, sequence), first)


@pytest.mark.parametrize("bands", [3, 4, 15, 16, 25, 60])
def test_one_network_tracks_any_number_of_bands(method, make, bands):
    boxes = boxes_of(method.tracker(), make.sequence(bands=bands, frames=3))
    assert boxes.shape == (3, 4)
    assert np.isfinite(boxes).all()
    assert (boxes[:, 2:] >= 2).all()


@pytest.mark.parametrize("bands", [1, 2])
def test_one_or_two_bands_are_refused(method, bands):
    with refuses(CubeError, "first frame", "3 bands", f"(60, 80, {bands})"):
        method.tracker().init(np.zeros((60, 80, bands)), BOX)


@pytest.mark.parametrize("value", [0, 500])
def test_constant_cubes_are_tracked(method, value):
    cube = np.full((60, 80, 16), value, np.uint16)
    tracker = method.tracker()
    tracker.init(cube, BOX)
    estimate = tracker.update(cube)
    assert np.isfinite(estimate.box).all()
    assert all(np.isfinite(value).all() for value in estimate.evidence.values() if isinstance(value, np.ndarray))


def test_all_zero_band_is_tracked(method, make):
    cubes, boxes = make.video()
    cubes[..., 4] = 0
    tracker = method.tracker()
    tracker.init(cubes[0], boxes[0])
    assert np.isfinite(tracker.update(cubes[1]).box).all()


@pytest.mark.parametrize("scaling", ["first_frame_percentile(99.9)", "frame_max"])
def test_nan_is_refused_and_tracking_goes_on(method, make, scaling):
    cubes, boxes = make.video(kind=np.float32)
    tracker, untroubled = method.tracker(scaling=scaling), method.tracker(scaling=scaling)
    for one in (tracker, untroubled):
        one.init(cubes[0], boxes[0])
    bad = cubes[1].copy()
    bad[20, 25, 7] = np.nan
    with refuses(CubeError, "frame", "1 NaN"):
        tracker.update(bad)
    np.testing.assert_array_equal(tracker.update(cubes[1]).box, untroubled.update(cubes[1]).box)
    with refuses(CubeError, "frame", "float32"):
        tracker.update(cubes[2].astype(np.float64) * 1e300)
    with refuses(CubeError, "first frame", "NaN"):
        tracker.init(np.full((60, 80, 16), np.nan), BOX)
    with refuses(InputError, "init", "update"):
        tracker.update(cubes[1])


def test_frames_of_another_shape_are_refused_and_tracking_goes_on(method, make):
    cubes, boxes = make.video()
    tracker = method.tracker()
    tracker.init(cubes[0], boxes[0])
    with refuses(CubeError, "(60, 80, 16)", "(50, 80, 16)"):
        tracker.update(cubes[1][:50])
    with refuses(CubeError, "(60, 80, 16)", "(60, 80, 15)"):
        tracker.update(cubes[1][..., :15])
    assert np.isfinite(tracker.update(cubes[1]).box).all()


# The default rule of SiamBAN's false colour asks for no wavelengths.
@pytest.mark.parametrize("method", ["bcrnet", "ssfnet"], indirect=True)
@pytest.mark.parametrize("wavelengths", [np.linspace(400, 700, 15), np.full(16, np.nan)])
def test_wavelengths_that_do_not_fit_are_refused(method, make, wavelengths):
    cubes, boxes = make.video()
    with refuses(CubeError, "16", "wavelengths"):
        method.tracker().init(cubes[0], boxes[0], wavelengths_nm=wavelengths)


def test_the_network_given_is_not_changed(method):
    method.network.train()
    before = {name: tensor.clone() for name, tensor in method.network.state_dict().items()}
    method.tracker(precision="bf16")
    assert method.network.training
    assert all(torch.equal(before[name], tensor) for name, tensor in method.network.state_dict().items())
    method.network.eval()


def test_weights_with_a_foreign_configuration_are_refused(method, make, tmp_path, monkeypatch):
    monkeypatch.setenv(WEIGHTS_VARIABLE, str(tmp_path))
    monkeypatch.setattr("spectrack.weights.index.cache_folder", lambda: tmp_path / "cache")
    for odd in FOREIGN[method.name]:
        make.weights(
            tmp_path / f"{method.name}-compact.safetensors", network=method.network, method=method.name, config=odd
        )
        with refuses(WeightsError, method.label, f"{method.name}-compact.safetensors"):
            load_tracker(method.name, precision="fp32")
