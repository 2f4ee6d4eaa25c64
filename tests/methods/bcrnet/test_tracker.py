"""The BCR-Net tracker with a tiny random network: contract, evidence, fusion, template update, band counts,
refusals.
"""

import dataclasses
import json

import numpy as np
import pytest
import torch

from spectrack.errors import ConfigError, CubeError, WeightsError
from spectrack.methods.bcrnet.band_importance import BIMMConfig
from spectrack.methods.bcrnet.composites import ComposerConfig
from spectrack.methods.bcrnet.network import BCRNetConfig, fuse_branches
from spectrack.methods.bcrnet.tracker import BCRNetOptions, BCRNetTracker, average_choices
from spectrack.scaling import Gain
from spectrack.sequences.base import ArrayFrame
from spectrack.trackers.base import track
from spectrack.trackers.crop import BandScaling, CropWindow, cut, resize
from spectrack.trackers.loading import load_tracker
from spectrack.trackers.online import Choice
from spectrack.weights.index import WEIGHTS_VARIABLE
from tests.fixtures.refusals import refuses

WITHOUT_UPDATE = BCRNetOptions(template_update=False)


@pytest.fixture(scope="module")
def network(make):
    return make.bcrnet()


def boxes_of(tracker, sequence):
    return np.stack([estimate.box for estimate in track(sequence, tracker)])


def started(network, make, bands=16, options=WITHOUT_UPDATE, kind=np.uint16, **arguments):
    cubes, boxes = make.video(bands=bands, kind=kind)
    tracker = BCRNetTracker(network, options, **arguments)
    tracker.init(cubes[0], boxes[0])
    return tracker, cubes


def test_evidence_shows_what_the_bands_contributed(network, make):
    tracker, cubes = started(network, make)
    tracker.init(cubes[0], (20, 15, 12, 12), wavelengths_nm=np.linspace(470, 620, 16))
    estimate = tracker.update(cubes[1])
    evidence = estimate.evidence
    shapes = {name: value.shape for name, value in evidence.items() if isinstance(value, np.ndarray)}
    assert shapes == {
        "scores": (25, 25),
        "branch_scores": (5, 25, 25),
        "branch_weights": (5,),
        "band_importance": (16,),
        "band_order": (16,),
        "wavelengths_nm": (16,),
        "composites": (5, 3),
        "self_expression": (16, 16),
    }
    assert evidence["branch_weights"].sum() == pytest.approx(1)
    assert (np.diff(evidence["branch_weights"]) <= 1e-6).all()
    np.testing.assert_array_equal(evidence["composites"].ravel(), evidence["band_order"][:15])
    np.testing.assert_allclose(
        evidence["band_importance"], evidence["self_expression"].sum(1) / evidence["self_expression"].sum(), rtol=1e-4
    )
    fused = np.einsum("b,bij->ij", evidence["branch_weights"], evidence["branch_scores"])
    np.testing.assert_allclose(evidence["scores"], fused, atol=1e-5)
    row, column = evidence["cell"]
    assert estimate.score == pytest.approx(float(evidence["scores"][row, column]))


def test_scores_are_those_of_the_whole_network(network, make):
    tracker, cubes = started(network, make, scaling="fixed(1023)")
    frame = ArrayFrame(cubes[0])
    template, corners = tracker._template_crop(frame, np.array([20.0, 15, 12, 12]))
    search = tracker._crop(ArrayFrame(cubes[1]), tracker._state.search_window(), 255)
    estimate = tracker.update(cubes[1])
    with torch.no_grad():
        output = network(template, search, template_boxes=corners)
        scores, _ = fuse_branches(output.logits, output.distances, output.weights)
    np.testing.assert_allclose(estimate.evidence["scores"], scores[0].numpy(), atol=5e-4)
    np.testing.assert_array_equal(estimate.evidence["band_order"], output.search.order[0].numpy())


def test_crops_hold_all_bands_scaled(make):
    cubes, _ = make.video(bands=7)
    window = CropWindow(30, 20, 30)
    fill = np.arange(7, dtype=np.float32)
    gains = Gain(np.linspace(0.1, 0.7, 7, dtype=np.float32), np.linspace(0, 6, 7, dtype=np.float32))
    inside = cut(ArrayFrame(cubes[0]), window, 30, BandScaling(gains), fill)
    expected = (cubes[0][20:50, 30:60].astype(np.float32) - gains.offset) * gains.gain
    np.testing.assert_allclose(inside, expected, rtol=1e-5)
    outside = cut(ArrayFrame(cubes[0]), CropWindow(-40, 0, 30), 30, BandScaling(Gain.uniform(1.0, 7)), fill)
    np.testing.assert_array_equal(outside, np.broadcast_to(fill, (30, 30, 7)))


@pytest.mark.parametrize("size", [20, 80])
def test_resizing_treats_all_channels_alike_however_many(size):
    image = np.random.default_rng(0).uniform(size=(40, 40, 600)).astype(np.float32)
    many = resize(image, size)
    for first in (0, 300, 597):
        np.testing.assert_allclose(
            many[..., first : first + 3], resize(np.ascontiguousarray(image[..., first : first + 3]), size), atol=1e-6
        )


def test_all_zero_band_is_tracked_and_comes_last(network, make):
    cubes, boxes = make.video()
    cubes[..., 4] = 0
    tracker = BCRNetTracker(network)
    tracker.init(cubes[0], boxes[0])
    evidence = tracker.update(cubes[1]).evidence
    assert evidence["band_order"][-1] == 4
    assert 4 not in evidence["composites"]
    assert evidence["band_importance"][4] == 0


@pytest.mark.parametrize("value", [0, 500])
@pytest.mark.parametrize("name", ["importance", "self_expression", "pca"])
def test_constant_cubes_are_tracked_whatever_ranks_them(make, value, name):
    cube = np.full((60, 80, 16), value, np.uint16)
    tracker = BCRNetTracker(make.bcrnet(composer=ComposerConfig(name=name)))
    tracker.init(cube, (20, 15, 12, 12))
    assert np.isfinite(tracker.update(cube).box).all()


def test_band_specific_weights_refuse_other_counts_unless_they_do_not_rank(make):
    specific = BIMMConfig(bands=15, widths=(2, 3), input_size=32)
    cubes, boxes = make.video(bands=16)
    with refuses(CubeError, "15 bands", "16"):
        BCRNetTracker(make.bcrnet(bimm=specific)).init(cubes[0], boxes[0])
    tracker = BCRNetTracker(make.bcrnet(bimm=specific, composer=ComposerConfig(name="sequential")))
    tracker.init(cubes[0], boxes[0])
    assert np.isfinite(tracker.update(cubes[1]).box).all()


@pytest.mark.parametrize("name", ["self_expression", "sequential", "random", "pca", "fixed"])
def test_every_composer_tracks(make, name):
    fixed = {"fixed_bands": (9, 5, 1)} if name == "fixed" else {}
    tracker, cubes = started(make.bcrnet(composer=ComposerConfig(name=name, **fixed)), make)
    evidence = tracker.update(cubes[1]).evidence
    assert ("composites" in evidence) == (name != "pca")
    assert ("self_expression" in evidence) == (name == "self_expression")
    assert len(evidence["branch_weights"]) == (1 if name == "fixed" else 5)


def test_fusions_agree_on_one_branch_and_differ_on_several(network, make):
    options = BCRNetOptions(window_influence=0.0, size_rate=1.0, template_update=False)
    for bands, agree in ((3, True), (16, False)):
        found = []
        for fusion in ("map", "box"):
            tracker, cubes = started(network, make, bands, dataclasses.replace(options, fusion=fusion))
            found.append(tracker.update(cubes[1]).box)
        assert np.allclose(*found, rtol=0, atol=1e-4) is agree


def test_mean_of_choices_moves_as_the_mean_of_the_moves():
    rng = np.random.default_rng(0)
    weights = np.array([0.5, 0.3, 0.2])
    choices = [
        Choice(np.concatenate([rng.uniform(50, 90, 2), rng.uniform(20, 60, 2)]), s, p, (1, 2))
        for s, p in ((0.9, 0.8), (0.5, 1.0), (0.1, 0.3))
    ]
    mean = average_choices(choices, weights)
    size, rate = np.array([30.0, 40.0]), 0.35

    def smoothed(choice):
        pull = choice.penalty * choice.score * rate
        return size * (1 - pull) + choice.box[2:] * pull

    np.testing.assert_allclose(smoothed(mean), sum(w * smoothed(c) for w, c in zip(weights, choices, strict=True)))
    centres = [c.box[:2] + c.box[2:] / 2 for c in choices]
    np.testing.assert_allclose(
        mean.box[:2] + mean.box[2:] / 2, sum(w * c for w, c in zip(weights, centres, strict=True))
    )
    assert mean.score == pytest.approx(0.62)
    silent = average_choices([c._replace(score=0.0) for c in choices], weights)
    assert np.isfinite(silent.box).all()


def test_second_template_is_taken_mixed_in_and_dropped(network, make):
    eager = BCRNetOptions(update_every=1, update_score=0.0, update_share=0.0, update_change=100.0, drop_score=0.0)
    plain, cubes = started(network, make)
    tracker, _ = started(network, make, options=eager)
    np.testing.assert_array_equal(tracker.update(cubes[1]).box, plain.update(cubes[1]).box)
    assert tracker._second is not None
    state = tracker._state
    window = state.search_window()
    search = tracker._crop(ArrayFrame(cubes[2]), window, 255)
    with torch.inference_mode():
        _, mixed = tracker._decide(search, state, window)
        first, tracker._second, second = tracker._kernels, None, tracker._second
        _, alone = tracker._decide(search, state, window)
        tracker._kernels = second
        _, other = tracker._decide(search, state, window)
    np.testing.assert_allclose(mixed["scores"], 0.7 * alone["scores"] + 0.3 * other["scores"], atol=1e-5)
    tracker._kernels, tracker._second = first, second
    tracker.options = dataclasses.replace(eager, drop_score=1.0, drop_frames=1, template_update=False)
    tracker._rule.options = tracker.options
    tracker.update(cubes[2])
    assert tracker._second is None


def test_bf16_ranks_the_bands_as_fp32_does(network, make):
    orders = []
    for precision in ("fp32", "bf16"):
        tracker, cubes = started(network, make, precision=precision)
        orders.append(tracker.update(cubes[1]).evidence["band_order"])
    np.testing.assert_array_equal(*orders)


def test_bf16_on_whole_crops_keeps_the_last_step_exact(make):
    whole = make.bcrnet(bimm=BIMMConfig(widths=(2, 3)))
    tracker, cubes = started(whole, make, precision="bf16")
    assert {p.dtype for p in tracker.network.bimm.phi.parameters()} == {torch.float32}
    assert {p.dtype for p in tracker.network.bimm.encoder.parameters()} == {torch.bfloat16}
    exact, _ = started(whole, make)
    found, expected = tracker.update(cubes[1]).evidence, exact.update(cubes[1]).evidence
    np.testing.assert_allclose(found["self_expression"], expected["self_expression"], atol=0.02)


def test_description_is_json_and_complete(network):
    tracker = BCRNetTracker(network, BCRNetOptions(size_rate=0.2, fusion="box"), identity={"file": "a.safetensors"})
    description = json.loads(json.dumps(tracker.describe()))
    assert description["name"] == "bcrnet"
    assert (
        description["options"]["size_rate"],
        description["options"]["fusion"],
        description["options"]["update_mix"],
    ) == (
        0.2,
        "box",
        0.3,
    )
    assert BCRNetConfig.from_json(description["network"]) == network.config
    assert description["weights"] == {"file": "a.safetensors"}


@pytest.fixture
def weights(tmp_path, monkeypatch, make):
    monkeypatch.setenv(WEIGHTS_VARIABLE, str(tmp_path))
    monkeypatch.setattr("spectrack.weights.index.cache_folder", lambda: tmp_path / "cache")
    extra = {"online": {"size_rate": 0.11, "fusion": "box", "update_mix": 0.2}}
    return make.weights(
        tmp_path / "bcrnet-compact.safetensors", network=make.bcrnet(), method="bcrnet", false_colour=None, extra=extra
    )


def test_loads_by_name_with_switches(weights, make):
    tracker = load_tracker("bcrnet", precision="fp32", composer="pca", max_composites=2, update_mix=0.4, size_rate=0.3)
    description = tracker.describe()
    assert description["network"]["composer"]["name"] == "pca"
    assert description["network"]["composer"]["max_composites"] == 2
    assert [description["options"][name] for name in ("fusion", "update_mix", "size_rate")] == ["box", 0.4, 0.3]
    assert description["weights"]["file"] == weights.name
    cubes, boxes = make.video(bands=25)
    tracker.init(cubes[0], boxes[0])
    assert len(tracker.update(cubes[1]).evidence["branch_weights"]) == 2
    assert load_tracker("bcrnet", precision="fp32").describe()["options"]["size_rate"] == 0.11


@pytest.mark.parametrize(
    ("options", "kind", "facts"),
    [
        ({"compose": "pca"}, ConfigError, ("'compose'", "did you mean 'composer'")),
        ({"composer": "pcs"}, ConfigError, ("'pcs'", "did you mean 'pca'")),
        ({"fusion": "maps"}, ConfigError, ("fusion", "'maps'", "map", "box")),
        ({"size_rate": 7}, ConfigError, ("size_rate", "[0, 1]", "7")),
        ({"profile": "full"}, WeightsError, ("bcrnet-full", "spectrack train")),
    ],
)
def test_refusals_while_loading(weights, options, kind, facts):
    with refuses(kind, facts):
        load_tracker("bcrnet", **{"precision": "fp32"} | options)
