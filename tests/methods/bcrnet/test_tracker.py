"""What BCR-Net's tracker has of its own: evidence of the bands, composers, fusion of branches, the second template.

What all Siamese trackers keep is in tests/trackers/test_siamese_contract.py.
"""

import dataclasses

import numpy as np
import pytest
import torch

from spectrack.grid import SEARCH_SIZE_PX, TEMPLATE_SIZE_PX
from spectrack.methods.bcrnet.band_importance import BIMMConfig
from spectrack.methods.bcrnet.composites import ComposerConfig
from spectrack.methods.bcrnet.network import fuse_branches
from spectrack.methods.bcrnet.tracker import BCRNetOptions, BCRNetTracker, average_choices
from spectrack.trackers.base import track
from spectrack.trackers.crop import CropWindow, context_side
from spectrack.trackers.loading import load_tracker
from spectrack.trackers.online import Choice

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
    evidence = tracker.update(cubes[1]).evidence
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
    for told, shares in (("branch_entropy", "branch_weights"), ("importance_entropy", "band_importance")):
        part = evidence[shares][evidence[shares] > 0]
        assert evidence[told] == pytest.approx(-(part * np.log(part)).sum() / np.log(len(evidence[shares])), abs=1e-4)
    assert (np.diff(evidence["branch_weights"]) <= 1e-6).all()
    np.testing.assert_array_equal(evidence["composites"].ravel(), evidence["band_order"][:15])
    np.testing.assert_allclose(
        evidence["band_importance"], evidence["self_expression"].sum(1) / evidence["self_expression"].sum(), rtol=1e-4
    )
    fused = np.einsum("b,bij->ij", evidence["branch_weights"], evidence["branch_scores"])
    np.testing.assert_allclose(evidence["scores"], fused, atol=1e-5)


def test_bands_are_ranked_as_the_trained_network_ranks_them(network, make):
    tracker, cubes = started(network, make, scaling="fixed(1023)")
    evidence = tracker.update(cubes[1]).evidence
    around = CropWindow.around((26, 21), context_side((20, 15, 12, 12)))
    template = make.crop(cubes[0], around, TEMPLATE_SIZE_PX)
    search = make.crop(cubes[1], evidence["search_window"], SEARCH_SIZE_PX, fill_from=cubes[0])
    with torch.no_grad():
        expected = network.compose(search, None, network.compose(template))
    np.testing.assert_array_equal(evidence["band_order"], expected.order[0].numpy())
    np.testing.assert_allclose(evidence["self_expression"], expected.matrix[0].numpy(), atol=1e-4)


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


def test_band_specific_weights_take_other_counts_where_they_do_not_rank(make):
    specific = BIMMConfig(bands=15, widths=(2, 3), input_size=32)
    cubes, boxes = make.video(bands=16)
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
    """Taken after frame 2, in use in frame 3, in which its third doubtful frame drops it, and out of use in frame 4."""
    options = BCRNetOptions(
        update_every=2, update_score=0.0, update_share=0.0, update_change=100.0, drop_score=1.0, drop_frames=3
    )
    cubes, boxes = make.video(frames=5)
    around = CropWindow.around((26, 21), context_side(boxes[0]))
    template = make.crop(cubes[0], around, TEMPLATE_SIZE_PX)
    found = {}
    for mix in (0.3, 1.0):
        tracker = BCRNetTracker(network, dataclasses.replace(options, update_mix=mix), scaling="fixed(1023)")
        tracker.init(cubes[0], boxes[0])
        found[mix] = [tracker.update(cube).evidence for cube in cubes[1:]]

    def first_alone(evidence, cube):
        search = make.crop(cube, evidence["search_window"], SEARCH_SIZE_PX, fill_from=cubes[0])
        with torch.no_grad():
            output = network(template, search)
        return fuse_branches(output.logits, output.distances, output.weights)[0][0].numpy()

    alone = [first_alone(evidence, cube) for evidence, cube in zip(found[0.3], cubes[1:], strict=True)]
    apart = [
        float(np.abs(evidence["scores"] - scores).max()) for evidence, scores in zip(found[0.3], alone, strict=True)
    ]
    assert [change > 0.01 for change in apart] == [False, False, True, False]
    # The frame that it was taken from, in every frame that was decided with it.
    assert [evidence["second_template"] for evidence in found[0.3]] == [-1, -1, 2, -1]
    np.testing.assert_allclose(found[0.3][2]["scores"], 0.7 * alone[2] + 0.3 * found[1.0][2]["scores"], atol=5e-4)


@pytest.mark.parametrize("source", ["own", "template"])
def test_a_second_template_shows_the_bands_that_it_is_compared_in(make, source):
    """In its own ranking, or in the first template's where search crops take that one too."""
    options = BCRNetOptions(update_every=1, update_score=0.0, update_share=0.0, update_change=100.0)
    tracker, cubes = started(make.bcrnet(composer=ComposerConfig(order_source=source)), make, options=options)
    first, made, compose = tracker._template.order, [], tracker.network.compose
    tracker.network.compose = lambda *crops: made.append(compose(*crops)) or made[-1]
    scaled = cubes[1].astype(np.float64)
    scaled[..., ::2] *= 0.2
    tracker.update(scaled.astype(np.uint16))
    search, second = made
    assert torch.equal(second.order, first) is (source == "template")
    assert torch.equal(search.order, first) is (source == "template")


def test_a_second_template_is_forgotten_by_the_next_init(network, make):
    sequence = make.sequence(frames=5)
    options = BCRNetOptions(update_every=1, update_score=0.0, update_share=0.0, update_change=100.0, update_mix=1.0)
    tracker = BCRNetTracker(network, options)
    first = boxes_of(tracker, sequence)
    assert not np.array_equal(first, boxes_of(BCRNetTracker(network, WITHOUT_UPDATE), sequence))
    np.testing.assert_array_equal(boxes_of(tracker, sequence), first)


def test_a_branch_counts_by_how_sure_it_was_before(network, make):
    options = dataclasses.replace(WITHOUT_UPDATE, lost_score=0.0)
    cubes, boxes = make.video(frames=4)
    found = {}
    for share in (0.0, 0.5, 1.0):
        tracker = BCRNetTracker(network, dataclasses.replace(options, temporal_weights=share), scaling="fixed(1023)")
        for _ in range(2):  # and what was seen of one video is forgotten in the next
            tracker.init(cubes[0], boxes[0])
            found[share] = [tracker.update(cube).evidence for cube in cubes[1:]]
    plain, half, whole = (found[share] for share in (0.0, 0.5, 1.0))
    np.testing.assert_array_equal(plain[0]["branch_weights"], whole[0]["branch_weights"])
    sure = plain[0]["branch_scores"][:, *plain[0]["cell"]]
    for evidence, share in ((half, 0.5), (whole, 1.0)):
        expected = plain[1]["branch_weights"] * (1 - share + share * sure / sure.max())
        np.testing.assert_allclose(evidence[1]["branch_weights"], expected / expected.sum(), rtol=1e-4)


def test_attention_tracks_with_weights_of_its_own(make):
    tracker, cubes = started(make.bcrnet(composer=ComposerConfig(name="attention")), make)
    evidence = tracker.update(cubes[1]).evidence
    order = np.argsort(-evidence["band_importance"], kind="stable")
    np.testing.assert_array_equal(evidence["band_order"], order)
    assert evidence["band_importance"].sum() == pytest.approx(1, abs=1e-5)


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
    np.testing.assert_allclose(found["self_expression"], expected["self_expression"], rtol=0.05, atol=0.02)


def test_loads_by_name_with_switches(shipped, make):
    shipped("bcrnet", false_colour=None, extra={"online": {"size_rate": 0.11, "fusion": "box", "update_mix": 0.2}})
    tracker = load_tracker(
        "bcrnet", profile="compact", precision="fp32", composer="pca", max_composites=2, update_mix=0.4
    )
    description = tracker.describe()
    assert description["network"]["composer"]["name"] == "pca"
    assert description["network"]["composer"]["max_composites"] == 2
    assert [description["options"][name] for name in ("fusion", "update_mix", "size_rate")] == ["box", 0.4, 0.11]
    cubes, boxes = make.video(bands=25)
    tracker.init(cubes[0], boxes[0])
    assert len(tracker.update(cubes[1]).evidence["branch_weights"]) == 2
