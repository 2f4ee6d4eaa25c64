"""The SSF-Net tracker with a tiny random network: contract, evidence, one crop for both modalities, switches, band
counts, refusals.
"""

import json

import numpy as np
import pytest
import torch

from spectrack.errors import ConfigError, CubeError, WeightsError
from spectrack.false_colour import false_colour_matrix, to_display
from spectrack.methods.ssfnet.spatial_spectral import S2FBConfig
from spectrack.methods.ssfnet.tracker import SSFNetOptions, SSFNetTracker
from spectrack.runs.timing import timed_track
from spectrack.scaling import Scaling
from spectrack.sequences.base import ArrayFrame
from spectrack.trackers.base import track
from spectrack.trackers.crop import Colouring, PictureLight, cut
from spectrack.trackers.loading import load_tracker
from spectrack.weights.index import WEIGHTS_VARIABLE
from tests.fixtures.refusals import refuses

BOX = (20, 15, 12, 12)


@pytest.fixture(scope="module")
def network(make):
    return make.ssfnet()


def boxes_of(tracker, sequence):
    return np.stack([estimate.box for estimate in track(sequence, tracker)])


def started(network, make, bands=16, options=None, kind=np.uint16, **arguments):
    cubes, boxes = make.video(bands=bands, kind=kind)
    tracker = SSFNetTracker(network, options, **arguments)
    tracker.init(cubes[0], boxes[0])
    return tracker, cubes


def test_evidence_shows_both_branches(network, make):
    tracker, cubes = started(network, make)
    tracker.init(cubes[0], BOX, wavelengths_nm=np.linspace(470, 620, 16))
    estimate = tracker.update(cubes[1])
    shapes = {name: value.shape for name, value in estimate.evidence.items() if isinstance(value, np.ndarray)}
    grid = (25, 25)
    assert shapes == {"scores": grid, "rgb_scores": grid, "hs_scores": grid, "angle": grid, "modality_weights": (2, 2)}
    np.testing.assert_allclose(estimate.evidence["modality_weights"].sum(axis=1), 1, rtol=1e-6)
    assert 0 <= estimate.evidence["angle"].min() <= estimate.evidence["angle"].max() <= np.pi
    row, column = estimate.evidence["cell"]
    assert estimate.score == pytest.approx(float(estimate.evidence["scores"][row, column]))


def test_scores_are_those_of_the_whole_network(network, make):
    tracker, cubes = started(network, make, scaling="fixed(1023)")
    template, corners = tracker._template_crop(ArrayFrame(cubes[0]), np.array(BOX, dtype=float))
    search = tracker._crop(ArrayFrame(cubes[1]), tracker._state.search_window(), 255)
    matrix = torch.from_numpy(false_colour_matrix("thirds", 16))
    colours = [torch.einsum("nbhw,bc->nchw", cube, matrix) for cube in (template, search)]
    estimate = tracker.update(cubes[1])
    with torch.no_grad():
        output = network(template.contiguous(), search.contiguous(), *colours, None, corners)
    for name, logits in (("scores", output.logits), ("rgb_scores", output.rgb_logits), ("hs_scores", output.hs_logits)):
        np.testing.assert_allclose(estimate.evidence[name], logits.softmax(dim=1)[0, 1].numpy(), atol=5e-4)
    np.testing.assert_allclose(estimate.evidence["angle"], output.angle[0].numpy(), atol=5e-3)


def test_both_modalities_come_from_one_cut(network, make, monkeypatch):
    """The false colour of the crop is the crop of the false colour, and the frame is read once."""
    tracker, cubes = started(network, make, scaling="fixed(1023)", rule="triple(9,5,1)")
    window = tracker._state.search_window()
    reads = []
    monkeypatch.setattr(
        ArrayFrame,
        "window",
        lambda self, *area: reads.append(area) or self.whole()[area[1] : area[3], area[0] : area[2]],
    )
    cube, colour = tracker._modalities(tracker._crop(ArrayFrame(cubes[1]), window, 255))
    rows = {row for _, top, _, bottom in reads for row in range(top, bottom)}
    assert sum(bottom - top for _, top, _, bottom in reads) == len(rows)
    colouring = Colouring.of(Scaling.parse("fixed(1023)").fit(cubes[0]), false_colour_matrix("triple(9,5,1)", 16))
    fill = colouring.apply(cubes[0]).mean(axis=(0, 1))
    expected = cut(ArrayFrame(cubes[1]), window, 255, colouring, fill)
    inside = np.abs(colour[0].permute(1, 2, 0).numpy() - expected).max(axis=2)
    assert np.median(inside) < 1e-5
    assert cube.shape == (1, 16, 255, 255)


def test_template_side_is_computed_once(network, make, monkeypatch):
    tracker, cubes = started(network, make)
    monkeypatch.setattr(tracker.network, "kernels", None)
    passes = []
    handle = tracker.network.s2fb.register_forward_hook(
        lambda module, inputs, output: passes.append(tuple(inputs[0].shape))
    )
    tracker.update(cubes[1])
    handle.remove()
    assert passes == [(1, 16, 255, 255)]


@pytest.mark.parametrize("prediction", ["rgb", "hs", "mean", "learned"])
def test_prediction_is_a_switch(make, prediction):
    tracker, cubes = started(make.ssfnet(prediction=prediction), make)
    evidence = tracker.update(cubes[1]).evidence
    if prediction in ("rgb", "hs"):
        np.testing.assert_allclose(evidence["scores"], evidence[f"{prediction}_scores"], atol=1e-5)
    if prediction == "mean":
        np.testing.assert_allclose(evidence["modality_weights"], 0.5)


def test_rgb_alone_is_siamban(make):
    from spectrack.methods.siamban.tracker import SiamBANTracker

    network = make.ssfnet(prediction="rgb")
    options = SSFNetOptions()
    sequence = make.sequence(frames=4)
    own = boxes_of(SSFNetTracker(network, options), sequence)
    np.testing.assert_allclose(own, boxes_of(SiamBANTracker(network.rgb, options), sequence), atol=0.02)


def test_without_the_angle_head_there_is_no_angle_or_it_is_a_map(make):
    tracker, cubes = started(make.ssfnet(saam=False), make)
    angle = tracker.update(cubes[1]).evidence.get("angle")
    assert angle is None or np.isfinite(angle).all()


def test_bf16_says_nearly_the_same(network, make):
    found = []
    for precision in ("fp32", "bf16"):
        tracker, cubes = started(network, make, precision=precision)
        found.append(tracker.update(cubes[1]).evidence)
    np.testing.assert_allclose(found[1]["scores"], found[0]["scores"], atol=0.08)
    assert found[1]["angle"].dtype == np.float32
    assert np.isfinite(found[1]["angle"]).all()


def test_calibration_on_the_first_frame(make):
    """A window that trusts the last place alone looks at the truth, and what is wrong there is taken out."""
    # The boxes of an untrained HS branch are too wild to learn from.
    network = make.ssfnet(prediction="rgb")
    options = {"window_influence": 1.0, "lost_score": 0.0}
    tracker, _ = started(network, make, options=SSFNetOptions(calibrate=1.0, **options))
    plain, _ = started(network, make, options=SSFNetOptions(calibrate=0.0, **options))
    assert (plain._state._stretch == 1.0).all()
    assert (tracker._state._stretch != 1.0).all()


def test_other_band_counts_are_refused(network, make):
    cubes, boxes = make.video(bands=16)
    specific = make.ssfnet(s2fb=S2FBConfig(channels=8, widths=(4, 4, 4), bands=15))
    with refuses(CubeError, "15 bands", "16"):
        SSFNetTracker(specific).init(cubes[0], boxes[0])
    tracker, _ = started(network, make)
    with refuses(CubeError, "(60, 80, 16)", "(60, 80, 15)"):
        tracker.update(cubes[0][..., :15])


def pictured(make, frames=3):
    """A sequence whose data set shows every frame as the weights' own rule would, as an 8-bit picture."""
    sequence = make.sequence(frames=frames)
    matrix = false_colour_matrix("thirds", 16)
    images = [to_display(cube.astype(np.float32) @ matrix, white=1000.0) for cube in sequence]
    sequence._pictures = images.__getitem__
    return sequence, images


def test_the_data_sets_own_image_replaces_the_rule(network, make):
    sequence, _ = pictured(make)
    options = {"scaling": "fixed(1023)", "options": SSFNetOptions(colour="dataset")}
    own, ruled = SSFNetTracker(network, **options), SSFNetTracker(network, scaling="fixed(1023)")
    assert own.wants_pictures
    assert not ruled.wants_pictures
    # Made by the same rule, linear again and as bright, it gives what the rule gives, up to eight bits.
    crops = []
    for tracker in (own, ruled):
        tracker.init(sequence.pictured_frame(0), BOX)
        crops.append(
            tracker._modalities(tracker._crop(sequence.pictured_frame(1), tracker._state.search_window(), 255))
        )
    assert torch.equal(crops[0][0], crops[1][0])
    np.testing.assert_allclose(crops[0][1].numpy(), crops[1][1].numpy(), atol=0.02)
    assert not torch.equal(crops[0][1], crops[1][1])
    # The clock of the evaluation hands pictures on as well.
    timed = [entry.estimate.box for entry in timed_track(sequence, SSFNetTracker(network, **options))]
    np.testing.assert_array_equal(np.stack(timed), boxes_of(own, sequence))


def test_without_pictures_the_rule_makes_the_colours(network, make):
    sequence = make.sequence(frames=3)
    own = boxes_of(SSFNetTracker(network, SSFNetOptions(colour="dataset")), sequence)
    np.testing.assert_array_equal(own, boxes_of(SSFNetTracker(network), sequence))


def test_pictures_that_stop_or_change_size_are_refused(network, make):
    sequence, images = pictured(make)
    tracker = SSFNetTracker(network, SSFNetOptions(colour="dataset"))
    tracker.init(sequence.pictured_frame(0), BOX)
    with refuses(CubeError, "false-colour", "(60, 80)", "none"):
        tracker.update(sequence.frame(1))
    images[1] = images[1][:30]
    with refuses(CubeError, "(30, 80)", "colour=rule"):
        tracker.update(sequence.pictured_frame(1))


def test_light_of_a_picture_undoes_its_gamma():
    light = np.array([[[0.0, 0.25, 1.0]]], np.float32)
    shown = to_display(light, white=1.0)
    np.testing.assert_allclose(PictureLight(2.0).apply(shown), 2 * light, atol=0.01)


@pytest.fixture
def weights(tmp_path, monkeypatch, make):
    monkeypatch.setenv(WEIGHTS_VARIABLE, str(tmp_path))
    monkeypatch.setattr("spectrack.weights.index.cache_folder", lambda: tmp_path / "cache")
    extra = {"online": {"size_rate": 0.11, "penalty": 0.2}}
    return make.weights(tmp_path / "ssfnet-compact.safetensors", network=make.ssfnet(), method="ssfnet", extra=extra)


def test_loads_by_name_with_switches(weights, make):
    tracker = load_tracker("ssfnet", precision="fp32", prediction="hs", size_rate=0.3)
    description = tracker.describe()
    assert description["network"]["prediction"] == "hs"
    assert [description["options"][name] for name in ("penalty", "size_rate", "window_influence", "colour")] == [
        0.2,
        0.3,
        0.45,
        "rule",
    ]
    assert (description["false_colour"], description["weights"]["file"]) == ("thirds", weights.name)
    json.dumps(description, allow_nan=False)
    cubes, boxes = make.video(bands=25)
    tracker.init(cubes[0], boxes[0])
    assert np.isfinite(tracker.update(cubes[1]).box).all()


@pytest.mark.parametrize(
    ("options", "kind", "facts"),
    [
        (
            {"predicton": "hs"},
            ConfigError,
            ("'predicton'", "did you mean 'prediction'"),
        ),
        ({"prediction": "both"}, ConfigError, ("prediction", "'both'", "learned, mean, rgb, hs")),
        ({"colour": "own"}, ConfigError, ("colour", "'own'", "rule", "dataset")),
        ({"size_rate": 7}, ConfigError, ("size_rate", "[0, 1]", "7")),
        ({"profile": "full"}, WeightsError, ("ssfnet-full", "spectrack train")),
    ],
)
def test_refusals_while_loading(weights, options, kind, facts):
    with refuses(kind, facts):
        load_tracker("ssfnet", **{"precision": "fp32"} | options)


def test_defaults_are_those_of_the_published_tracker():
    options = SSFNetOptions()
    assert (options.window_influence, options.penalty, options.size_rate) == (0.45, 0.14, 0.30)
