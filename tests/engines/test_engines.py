"""Engines: the boxes of a tracker are torch's whatever computes it, models are made once, what is not torch's is
refused.
"""

import ctypes
import gc
import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from spectrack.boxes import to_corners
from spectrack.engines import exported
from spectrack.engines.choice import check_engine, make_engine
from spectrack.engines.onnx_runtime import OnnxRuntimeEngine
from spectrack.errors import ConfigError, MissingExtraError
from spectrack.methods.siamban.tracker import SiamBANTracker
from spectrack.trackers.base import track
from spectrack.trackers.loading import load_tracker
from spectrack.trackers.precision import choose_device
from spectrack.trackers.registry import find_method, list_methods, tracker_class
from tests.fixtures.refusals import refuses

ENGINES = [
    pytest.param(
        name,
        marks=pytest.mark.skipif(
            any(importlib.util.find_spec(package) is None for package in (name, "onnx")), reason=f"no {name} here"
        ),
    )
    for name in ("onnxruntime", "openvino")
]
ONNX_RUNTIME = ENGINES[:1]
METHODS = [method.name for method in list_methods() if method.network]
CLOSE_PX = 0.01
"""Far below what is refused: the same arithmetic in another order."""


@pytest.fixture(autouse=True)
def _repeatable(one_thread_and_seed):
    """One thread and a fixed seed."""


@pytest.fixture
def models(tmp_path, monkeypatch):
    """A cache of the test's own; a function that counts the models in it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return lambda: len(list((tmp_path / "cache").rglob(exported.MODEL)))


def boxes_of(tracker, sequence):
    return np.stack([estimate.box for estimate in track(sequence, tracker)])


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", METHODS)
def test_boxes_are_those_of_torch(name, engine, make):
    network, sequence = getattr(make, name)(), make.sequence(frames=4)
    cls = tracker_class(find_method(name))
    expected, tracker = boxes_of(cls(network), sequence), cls(network, engine=engine)
    found = boxes_of(tracker, sequence)
    assert np.abs(to_corners(found) - to_corners(expected)).max() < CLOSE_PX
    assert tracker.describe()["engine"].startswith(f"{engine} ")
    # A second video is not the first one's, and the tracker is not bound to it.
    other = make.sequence(frames=3, seed=1)
    assert np.abs(to_corners(boxes_of(tracker, other)) - to_corners(boxes_of(cls(network), other))).max() < CLOSE_PX


class SignalStack(ctypes.Structure):
    """What the system calls `stack_t`."""

    _fields_ = (("place", ctypes.c_void_p), ("flags", ctypes.c_int), ("size", ctypes.c_size_t))


def signal_stack_is_there():
    """Whether a signal could be handled: the stack that this thread names for that is memory of this process."""
    stack = SignalStack()
    assert ctypes.CDLL(None).sigaltstack(None, ctypes.byref(stack)) == 0
    ranges = [line.split(" ")[0].split("-") for line in Path("/proc/self/maps").read_text().splitlines()]
    return stack.place is None or any(int(first, 16) <= stack.place < int(last, 16) for first, last in ranges)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("engine", ENGINES)
def test_signals_can_be_handled_when_trackers_are_gone(engine, make):
    for _ in range(2):
        tracker = SiamBANTracker(make.siamban(), engine=engine)
        boxes_of(tracker, make.sequence(frames=2))
        del tracker
        gc.collect()
        assert signal_stack_is_there()


@pytest.mark.parametrize("engine", ENGINES[1:])
def test_bfloat16_moves_boxes_by_less_than_is_allowed(engine, make):
    tracker = SiamBANTracker(make.siamban(), engine=engine, precision="bf16")
    assert np.isfinite(boxes_of(tracker, make.sequence(frames=3))).all()


@pytest.mark.parametrize("engine", ONNX_RUNTIME)
def test_a_model_is_made_once_for_weights_and_shapes(engine, make, models):
    sequence = make.sequence(frames=2)
    boxes_of(SiamBANTracker(make.siamban(), engine=engine), sequence)
    assert models() == 2
    boxes_of(SiamBANTracker(make.siamban(), engine=engine), sequence)
    assert models() == 2
    # False colour has three channels whatever the camera; other weights are another network.
    boxes_of(SiamBANTracker(make.siamban(), engine=engine), make.sequence(frames=2, bands=9))
    assert models() == 2
    boxes_of(SiamBANTracker(make.siamban(seed=3), engine=engine), sequence)
    assert models() == 4


@pytest.mark.parametrize("engine", ENGINES)
def test_engines_share_their_models(engine, make, models, monkeypatch):
    boxes_of(SiamBANTracker(make.siamban(), engine=engine), make.sequence(frames=2))
    monkeypatch.setattr(exported, "_export", None)  # whoever exports again fails
    for name in ("onnxruntime", "openvino"):
        if importlib.util.find_spec(name) is not None:
            boxes_of(SiamBANTracker(make.siamban(), engine=name), make.sequence(frames=2))


@pytest.mark.parametrize("engine", ONNX_RUNTIME)
@pytest.mark.parametrize("shift", [0.4, 0.7, np.nan])
def test_boxes_beyond_half_a_pixel_are_refused(engine, shift, make, monkeypatch):
    load = OnnxRuntimeEngine.load

    def shifted(self, model, *, exact):
        run = load(self, model, exact=exact)

        def wrong(inputs):
            logits, distances, *levels = found = run(inputs)
            if not model.parent.name.startswith("respond"):
                return found
            return [logits, distances + np.float32(shift), *levels]

        return wrong

    monkeypatch.setattr(OnnxRuntimeEngine, "load", shifted)
    tracker = SiamBANTracker(make.siamban(), engine=engine)
    if shift == 0.4:
        boxes_of(tracker, make.sequence(frames=2))
        return
    with refuses(ConfigError, "0.5 px", "onnxruntime", "engine torch"):
        boxes_of(tracker, make.sequence(frames=2))


@pytest.mark.parametrize("engine", ONNX_RUNTIME)
def test_a_tracker_that_asks_torch_alone_is_refused(engine, make):
    class Direct(SiamBANTracker):
        def __init__(self, network, **setting):
            super().__init__(network, **setting)
            self._template_kernels, self._respond = self.network.kernels, self.network.respond

    assert len(boxes_of(Direct(make.siamban()), make.sequence(frames=2))) == 2
    with refuses(ConfigError, "onnxruntime", "engine torch"):
        boxes_of(Direct(make.siamban(), engine=engine), make.sequence(frames=2))


@pytest.mark.parametrize("engine", ENGINES)
def test_by_name(engine, shipped, make):
    shipped("siamban")
    tracker = load_tracker("siamban", engine=engine)
    assert tracker.describe()["device"] == "cpu"
    expected = boxes_of(load_tracker("siamban", precision="fp32", device="cpu"), make.sequence(frames=2))
    np.testing.assert_allclose(boxes_of(tracker, make.sequence(frames=2)), expected, atol=0.5)


def test_a_missing_package_names_its_extra(monkeypatch, shipped):
    shipped("siamban")
    installed = {"openvino": "1", "onnxruntime": "1"}
    monkeypatch.setattr(exported, "package_version", lambda name: installed.get(name))
    with refuses(MissingExtraError, "onnx", "openvino", "spectrack[openvino]"):
        load_tracker("siamban", engine="openvino")
    installed.clear()
    with refuses(MissingExtraError, "onnxruntime", "spectrack[onnx]"):
        load_tracker("siamban", engine="onnxruntime")


def test_what_an_engine_cannot_do_is_refused(monkeypatch, shipped):
    shipped("siamban")
    monkeypatch.setattr(exported, "package_version", lambda name: "1")
    with refuses(ConfigError, "'onnxruntim'", "did you mean 'onnxruntime'"):
        load_tracker("siamban", engine="onnxruntim")
    with refuses(ConfigError, "fp32", "bf16", "onnxruntime"):
        load_tracker("siamban", engine="onnxruntime", precision="bf16")
    monkeypatch.setattr(
        "spectrack.trackers.precision.resolve_device", lambda device: type("Device", (), {"type": device})
    )
    with refuses(ConfigError, "cpu", "cuda", "openvino"):
        choose_device("cuda", "openvino")


def test_trackers_without_a_network_pass_over_it():
    assert load_tracker("cf", engine="onnxruntime").name == "cf"
    assert check_engine("torch") == "torch"
    assert make_engine("torch").label == "torch"
    with refuses(ConfigError, "engine", "'tensorrt'"):
        load_tracker("siamban", engine="tensorrt")


def test_a_tracker_that_knows_no_engines_is_refused_with_them(monkeypatch, shipped):
    shipped("siamban")
    monkeypatch.setattr(SiamBANTracker, "engines", ("torch",))
    with refuses(ConfigError, "torch", "siamban", "openvino"):
        load_tracker("siamban", engine="openvino")


@pytest.mark.parametrize("engine", ONNX_RUNTIME)
def test_a_network_that_cannot_be_exported_is_refused_in_a_sentence(engine, make, models):
    network = make.siamban()
    forward = network.neck.forward
    network.neck.forward = lambda levels: [torch.linalg.matrix_exp(level) for level in forward(levels)]
    with refuses(ConfigError, "onnxruntime", "kernels", "engine torch"):
        boxes_of(SiamBANTracker(network, engine=engine), make.sequence(frames=2))
    assert models() == 0


@pytest.mark.parametrize("engine", ONNX_RUNTIME)
def test_int8_is_another_model_whose_boxes_are_compared_all_the_same(engine, make, models, monkeypatch):
    monkeypatch.setattr("spectrack.trackers.parity.LARGEST_MOVE_PX", 30.0)  # what nobody trained is rounded roughly
    sequence = make.sequence(frames=3)
    tracker = SiamBANTracker(make.siamban(), engine=engine, precision="int8")
    expected, found = boxes_of(SiamBANTracker(make.siamban()), sequence), boxes_of(tracker, sequence)
    assert 0 < np.abs(to_corners(found) - to_corners(expected)).max() < 30
    assert models() == 3
    # Calibrated on simulated clips: the same model whatever is tracked first, and no second one.
    again = boxes_of(SiamBANTracker(make.siamban(), engine=engine, precision="int8"), sequence)
    np.testing.assert_array_equal(again, found)
    assert models() == 3
    assert tracker.describe()["precision"] == "int8"


@pytest.mark.parametrize("engine", ONNX_RUNTIME)
def test_int8_asks_for_a_camera_that_can_be_simulated(engine, make):
    from spectrack.methods.ssfnet.tracker import SSFNetTracker

    tracker = SSFNetTracker(make.ssfnet(), engine=engine, precision="int8")
    with refuses(ConfigError, "int8", "16, 25, 15 bands", "9"):
        boxes_of(tracker, make.sequence(frames=2, bands=9))
