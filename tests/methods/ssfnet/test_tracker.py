"""What SSF-Net's tracker has of its own: evidence of both branches, one crop for both, switches, foreign pictures.

What all Siamese trackers keep is in tests/trackers/test_siamese_contract.py.
"""

import dataclasses

import numpy as np
import pytest
import torch

from spectrack.boxes import to_corners
from spectrack.errors import ConfigError, CubeError
from spectrack.false_colour import false_colour_matrix, to_display
from spectrack.grid import SEARCH_SIZE_PX, TEMPLATE_SIZE_PX
from spectrack.methods.ssfnet.tracker import SSFNetOptions, SSFNetTracker
from spectrack.runs.timing import timed_track
from spectrack.scaling import Gain
from spectrack.sequences.frames import ArrayFrame
from spectrack.trackers.base import track
from spectrack.trackers.crop import Colouring, CropWindow, PictureLight, context_side, cut
from spectrack.trackers.loading import load_tracker
from spectrack.trackers.online import Choice
from tests.fixtures.refusals import refuses

BOX = np.array([20.0, 15, 12, 12])


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
    evidence = tracker.update(cubes[1]).evidence
    shapes = {name: value.shape for name, value in evidence.items() if isinstance(value, np.ndarray)}
    grid = (25, 25)
    assert shapes == {"scores": grid, "rgb_scores": grid, "hs_scores": grid, "angle": grid, "modality_weights": (2, 2)}
    np.testing.assert_allclose(evidence["modality_weights"].sum(axis=1), 1, rtol=1e-6)
    assert 0 <= evidence["angle"].min() <= evidence["angle"].max() <= np.pi


class Watched(ArrayFrame):
    """Notes the windows that are read from it."""

    def __init__(self, cube):
        super().__init__(cube)
        self.reads = []

    def window(self, x0, y0, x1, y1):
        self.reads.append((y0, y1))
        return super().window(x0, y0, x1, y1)


def test_both_branches_see_one_cut_and_say_what_the_trained_network_says(network, make):
    """The false colour of the crop is the crop of the false colour, and the search region is read once."""
    rule = "triple(9,5,1)"
    tracker, cubes = started(network, make, scaling="fixed(1023)", rule=rule)
    frame = Watched(cubes[1])
    evidence = tracker.update(frame).evidence
    region, *others = frame.reads
    # What is read beside it, for the tracker's own judgement of its box, is less.
    assert all(bottom - top < region[1] - region[0] for top, bottom in others)
    colouring = Colouring.of(Gain.uniform(1 / 1023, 16), false_colour_matrix(rule, 16))
    fill = colouring.apply(cubes[0]).mean(axis=(0, 1))
    around = CropWindow.around((26, 21), context_side(BOX))
    corners = torch.from_numpy(to_corners(around.to_crop(BOX, TEMPLATE_SIZE_PX)).astype(np.float32))[None]
    seen = ((cubes[0], around, TEMPLATE_SIZE_PX), (cubes[1], evidence["search_window"], SEARCH_SIZE_PX))
    crops = [make.crop(*one, fill_from=cubes[0]) for one in seen]
    colours = [
        torch.from_numpy(cut(ArrayFrame(cube), window, size, colouring, fill)).permute(2, 0, 1)[None]
        for cube, window, size in seen
    ]
    with torch.no_grad():
        output = network(*crops, *colours, None, corners)
    for name, logits in (("scores", output.logits), ("rgb_scores", output.rgb_logits), ("hs_scores", output.hs_logits)):
        np.testing.assert_allclose(evidence[name], logits.softmax(dim=1)[0, 1].numpy(), atol=5e-4)
    np.testing.assert_allclose(evidence["angle"], output.angle[0].numpy(), atol=5e-3)


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


def test_bf16_measures_angles_in_fp32(network, make):
    found = []
    for precision in ("fp32", "bf16"):
        tracker, cubes = started(network, make, precision=precision)
        found.append(tracker.update(cubes[1]).evidence["angle"])
    assert found[1].dtype == np.float32
    np.testing.assert_allclose(found[1], found[0], atol=0.1)


def pictured(make, frames=3):
    """A sequence whose data set shows every frame as the weights' own rule would, as an 8-bit picture."""
    sequence = make.sequence(frames=frames)
    matrix = false_colour_matrix("thirds", 16)
    images = [to_display(cube.astype(np.float32) @ matrix, white=1000.0) for cube in sequence]
    sequence._pictures = images.__getitem__
    return sequence, images


def test_the_data_sets_own_image_replaces_the_rule(make):
    network = make.ssfnet(fusion="none")
    sequence, _ = pictured(make)
    options = {"scaling": "fixed(1023)", "options": SSFNetOptions(colour="dataset")}
    own, ruled = SSFNetTracker(network, **options), SSFNetTracker(network, scaling="fixed(1023)")
    assert own.wants_pictures
    assert not ruled.wants_pictures
    # Made by the same rule, linear again and as bright, it gives what the rule gives, up to eight bits.
    found = []
    for tracker in (own, ruled):
        tracker.init(sequence.pictured_frame(0), BOX)
        found.append(tracker.update(sequence.pictured_frame(1)).evidence)
    np.testing.assert_allclose(found[0]["rgb_scores"], found[1]["rgb_scores"], atol=0.1)
    assert not np.array_equal(found[0]["rgb_scores"], found[1]["rgb_scores"])
    # Without fusion, the hyperspectral branch sees nothing of the picture.
    np.testing.assert_array_equal(found[0]["hs_scores"], found[1]["hs_scores"])
    # The clock of the evaluation hands pictures on as well.
    timed = [entry.estimate.box for entry in timed_track(sequence, SSFNetTracker(network, **options))]
    np.testing.assert_array_equal(np.stack(timed), boxes_of(own, sequence))


def test_encoded_colours_are_the_same_from_the_rule_and_from_the_data_set(make):
    """The hyperspectral branch sees light either way."""
    network = make.ssfnet(fusion="none")
    sequence, _ = pictured(make)
    found = []
    for colour, encoding in (("rule", "display"), ("dataset", "display"), ("rule", "linear")):
        tracker = SSFNetTracker(network, SSFNetOptions(colour=colour), scaling="fixed(1000)", encoding=encoding)
        tracker.init(sequence.pictured_frame(0), BOX)
        found.append(tracker.update(sequence.pictured_frame(1)).evidence)
    # The rule's are encoded behind the crop's resizing, so that borders differ.
    shown, other = (np.abs(found[0]["rgb_scores"] - one["rgb_scores"]).mean() for one in found[1:])
    assert shown < 0.03 < other
    for one in found[:2]:
        np.testing.assert_array_equal(one["hs_scores"], found[2]["hs_scores"])


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


def test_a_fast_target_is_looked_for_in_a_region_twice_as_wide(network, make):
    """The usual crop comes back when the target is slow again, and with another target."""
    options = SSFNetOptions(fast_motion=True, window_influence=0.0, lost_score=0.0)
    tracker, cubes = started(network, make, options=options)
    usual, _ = started(network, make, options=dataclasses.replace(options, fast_motion=False))
    for one in (tracker, usual):
        one._adapt(cubes[0], Choice(BOX, 0.9, 1.0, (0, 0)), {}, BOX, BOX + np.array([15, 0, 0, 0]))
    found, other = (one.update(cubes[1]) for one in (tracker, usual))
    assert found.evidence["scores"].shape == found.evidence["angle"].shape == (57, 57)
    assert other.evidence["scores"].shape == (25, 25)
    wide, narrow = found.evidence["search_window"], other.evidence["search_window"]
    assert wide.side == pytest.approx(narrow.side * 511 / 255, abs=1)
    assert np.isfinite(found.box).all()
    tracker._adapt(cubes[1], Choice(BOX, 0.9, 1.0, (0, 0)), {}, BOX, BOX + 1)
    assert tracker.update(cubes[2]).evidence["scores"].shape == (25, 25)
    tracker._adapt(cubes[1], Choice(BOX, 0.9, 1.0, (0, 0)), {}, BOX, BOX - np.array([0, 15, 0, 0]))
    tracker.init(cubes[0], BOX)
    assert tracker.update(cubes[1]).evidence["scores"].shape == (25, 25)


def test_light_of_a_picture_undoes_its_gamma():
    light = np.array([[[0.0, 0.25, 1.0]]], np.float32)
    shown = to_display(light, white=1.0)
    np.testing.assert_allclose(PictureLight(2.0).apply(shown), 2 * light, atol=0.01)


def test_loads_by_name_with_switches(shipped, make):
    shipped("ssfnet", extra={"online": {"size_rate": 0.11, "penalty": 0.2}})
    tracker = load_tracker("ssfnet", profile="compact", precision="fp32", prediction="hs", size_rate=0.3)
    description = tracker.describe()
    assert description["network"]["prediction"] == "hs"
    assert [description["options"][name] for name in ("penalty", "size_rate", "window_influence", "colour")] == [
        0.2,
        0.3,
        0.45,
        "rule",
    ]
    assert description["false_colour"] == "thirds"
    cubes, boxes = make.video(bands=25)
    tracker.init(cubes[0], boxes[0])
    assert np.isfinite(tracker.update(cubes[1]).box).all()


def test_defaults_are_those_of_the_published_tracker():
    options = SSFNetOptions()
    assert (options.window_influence, options.penalty, options.size_rate) == (0.45, 0.14, 0.30)


def test_in_a_video_of_three_bands_the_colours_alone_can_decide(network, make):
    """The RGB branch's scores are those that decide; with more bands the option changes nothing."""
    alone, cubes = started(network, make, bands=3, options=SSFNetOptions(three_bands="rgb"))
    both, _ = started(network, make, bands=3)
    evidence = alone.update(cubes[1]).evidence
    np.testing.assert_array_equal(evidence["scores"], evidence["rgb_scores"])
    assert not np.array_equal(both.update(cubes[1]).evidence["scores"], evidence["rgb_scores"])
    wide, cubes = started(network, make, options=SSFNetOptions(three_bands="rgb"))
    other, _ = started(network, make)
    np.testing.assert_array_equal(wide.update(cubes[1]).box, other.update(cubes[1]).box)


@pytest.mark.parametrize(("name", "choices"), [("colour", ("rule", "dataset")), ("three_bands", ("both", "rgb"))])
def test_an_unknown_choice_is_refused(name, choices):
    with refuses(ConfigError, name, "'grey'", *choices):
        SSFNetOptions(**{name: "grey"})
