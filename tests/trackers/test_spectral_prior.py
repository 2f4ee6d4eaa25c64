"""What the spectrum adds to a network's answer: with answers made by hand on painted frames, and in every tracker."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest

from spectrack.boxes import iou
from spectrack.errors import CubeError
from spectrack.grid import SEARCH_SIZE_PX, grid_points_px
from spectrack.methods.bcrnet.tracker import BCRNetOptions
from spectrack.sequences.frames import ArrayFrame
from spectrack.sequences.memory import MemorySequence
from spectrack.trackers.base import track
from spectrack.trackers.online import OnlineOptions, TargetState
from spectrack.trackers.open_loop import follow_open_loop
from spectrack.trackers.registry import find_method, list_methods, tracker_class
from spectrack.trackers.spectral_prior import SpectralPrior
from tests.fixtures.refusals import refuses

METHODS = [method.name for method in list_methods() if method.network]
BANDS = [3, 16, 200]
HEIGHT, WIDTH = 120, 160
BOX = np.array([60.0, 50, 20, 16])
TWIN = np.array([84.0, 50, 20, 16])


def paints(bands):
    """Spectra of ground, target and twin; the last two differ in hue and are equally bright."""
    slope = np.linspace(-1, 1, bands)
    return np.full(bands, 400.0), 600 + 250 * slope, 600 - 250 * slope


def frame(*things, bands=16, seed=0, height=HEIGHT, width=WIDTH):
    """(height, width, bands) counts of a noisy ground with (box, spectrum) painted on it."""
    rng = np.random.default_rng(seed)
    cube = paints(bands)[0] * rng.uniform(0.7, 1.3, (height, width, 1)) * np.ones(bands)
    for box, paint in things:
        x, y, w, h = np.rint(box).astype(int)
        cube[max(y, 0) : y + h, max(x, 0) : x + w] = paint
    return (cube * (1 + rng.normal(0, 0.02, cube.shape))).astype(np.float32)


def started(cube, box=BOX, **options):
    """A decision that asks the prior, and the frame that both start on."""
    state = TargetState(box, *cube.shape[:2], OnlineOptions(window_influence=0.0, penalty=0.0, **options))
    state.prior = SpectralPrior(ArrayFrame(cube), cube, box, state.search_window(), None)
    return state


def answers(window, *likings, size=None):
    """What a network says that sees things of the target's size at each (box, score), and nothing elsewhere."""
    points = grid_points_px()
    scores, across = np.full((25, 25), 0.01, np.float32), np.stack(np.meshgrid(points, points))
    for box, score in likings:
        x, y, w, h = window.to_crop(box, SEARCH_SIZE_PX)
        near = (np.abs(across[0] - x - w / 2) < w / 4) & (np.abs(across[1] - y - h / 2) < h / 4)
        away = np.hypot(across[0] - x - w / 2, across[1] - y - h / 2)
        scores[near] = score * (1 - 1e-3 * away[near])
    sides = (BOX[2:] if size is None else size) * (SEARCH_SIZE_PX / window.side)
    half = sides[:, None, None] / 2
    return scores, np.concatenate([across - half, across + half]).astype(np.float32)


def follow(state, cube, *likings, size=None):
    """The new box after one frame."""
    window = state.search_window()
    if state.prior is not None:
        state.prior.look(ArrayFrame(cube), window, state.box)
    return state.move(state.choose(*answers(window, *likings, size=size), window), window)


@pytest.mark.parametrize("bands", BANDS)
def test_a_twin_of_another_spectrum_is_refused_though_the_network_prefers_it(bands):
    _, own, other = paints(bands)
    cube = frame((BOX, own), (TWIN, other), bands=bands)
    state = started(cube)
    alone = TargetState(BOX, HEIGHT, WIDTH, state.options)
    likings = (BOX, 0.6), (TWIN, 0.9)
    assert iou(follow(alone, cube, *likings), TWIN) > 0.5
    assert iou(follow(state, cube, *likings), BOX) > 0.6
    assert state.prior.trust == 1


def test_a_twin_of_the_same_spectrum_is_left_to_the_network():
    own = paints(16)[1]
    cube = frame((BOX, own), (TWIN, own))
    state = started(cube)
    assert state.prior.rarity < 0.2
    assert iou(follow(state, cube, (BOX, 0.9), (TWIN, 0.6)), BOX) > 0.5
    assert iou(follow(state, cube, (BOX, 0.6), (TWIN, 0.9)), TWIN) > 0.5


def test_a_place_is_not_vetoed_where_the_spectra_see_nothing_of_the_target():
    """The target has come out of the shadow in another colour: nothing in the region is like it."""
    _, own, other = paints(16)
    state = started(frame((BOX, own)))
    assert iou(follow(state, frame((BOX, other), seed=1), (BOX, 0.5)), BOX) > 0.5
    assert state.prior.evidence["spectral_weight"] == 0


@pytest.mark.parametrize("bands", BANDS)
def test_the_box_of_a_network_that_sees_no_edges_is_drawn_to_the_likely_cells(bands):
    own = paints(bands)[1]
    state = started(frame((BOX, own), bands=bands), size_rate=0.3)
    alone = TargetState(BOX, HEIGHT, WIDTH, state.options)
    fits = []
    for index in range(1, 12):
        # The target turns on its side; the network has it twice as large as it was, and off its middle.
        truth = np.array([60.0 + index, 48, 16, 20])
        cube, seen = frame((truth, own), bands=bands, seed=index), (truth + np.array([3, 2, 0, 0]), 0.8)
        fits.append([float(iou(follow(each, cube, seen, size=2 * BOX[2:]), truth)) for each in (state, alone)])
    with_spectra, without = np.mean(fits[2:], axis=0)
    assert with_spectra > 0.85
    assert without < 0.5
    assert 0.5 < state.prior.evidence["cells_belief"] <= 1


def test_the_fit_of_a_box_tells_the_target_from_an_occluder():
    _, own, other = paints(16)
    state = started(frame((BOX, own)))
    for painted, low, high in ((own, 0.8, 1.2), (other, -0.5, 0.2)):
        state.prior.look(ArrayFrame(frame((BOX, painted), seed=1)), state.search_window(), BOX)
        assert low < state.prior.fit(BOX) < high


def test_a_target_like_its_surroundings_is_not_trusted():
    state = started(frame())
    assert state.prior.trust == 0
    scores, corners = answers(state.search_window(), (BOX, 0.4), (TWIN, 0.9))
    boxes = np.moveaxis(np.concatenate([corners[:2], corners[2:] - corners[:2]]), 0, -1)
    assert state.prior.weigh(scores, scores, boxes) is scores
    box = boxes[3, 4].astype(np.float64)
    refined, believed = state.prior.refine(box, 0.9)
    np.testing.assert_array_equal(refined, box)
    assert believed == 0


@pytest.fixture(scope="module", params=METHODS)
def method(request, make):
    """A method with a tracker of a tiny network of random weights that asks the spectra or does not."""
    cls, network = tracker_class(find_method(request.param)), getattr(make, request.param)()
    options = type(cls(network).options)
    return SimpleNamespace(
        name=request.param,
        options=options,
        tracker=lambda evidence="prior", **more: cls(network, options(evidence=evidence, **more)),
    )


def video(*boxes, bands=16, paint=True, **frames):
    own = paints(bands)[1]
    cubes = [
        frame(*([(box, own)] if paint else []), bands=bands, seed=seed, **frames) for seed, box in enumerate(boxes)
    ]
    return MemorySequence(np.stack(cubes), name="painted", truth=np.array(boxes, dtype=float))


def moved_by(x, y):
    return BOX + np.array([x, y, 0, 0])


def boxes_of(tracker, sequence):
    return np.stack([estimate.box for estimate in track(sequence, tracker)])


def test_without_trust_nothing_changes_to_the_last_bit(method):
    still = video(BOX, BOX, BOX, BOX, paint=False)
    np.testing.assert_array_equal(boxes_of(method.tracker(), still), boxes_of(method.tracker("none"), still))


@pytest.mark.parametrize("bands", BANDS)
def test_trackers_ask_the_spectra_and_repeat_bit_for_bit(method, bands):
    moved = video(*(moved_by(2 * i, i) for i in range(4)), bands=bands)
    asking, alone = method.tracker(), method.tracker("none")
    estimates = list(track(moved, asking))
    chance = estimates[-1].evidence["chance"]
    assert chance.shape == (64, 64)
    assert 0 <= chance.min() <= chance.max() <= 1
    assert all(np.isfinite(estimate.box).all() for estimate in estimates)
    np.testing.assert_array_equal(boxes_of(asking, moved), [estimate.box for estimate in estimates])
    assert all("chance" not in estimate.evidence for estimate in track(moved, alone))


@pytest.mark.parametrize(
    "box",
    [(-8, -6, 20, 16), (150, 110, 20, 16), (-30, -30, 300, 260), (60, 50, 1, 1), (60, 50, 3, 2), (1, 40, 2, 60)],
)
def test_odd_boxes_are_tracked(method, box):
    estimates = list(track(video(*[np.array(box, dtype=float)] * 3), method.tracker()))
    for estimate in estimates:
        assert np.isfinite(estimate.box).all()
        assert all(np.isfinite(shown).all() for shown in estimate.evidence.values() if isinstance(shown, np.ndarray))


@pytest.mark.parametrize("value", [0, 500])
def test_constant_frames_are_tracked(method, value):
    cube = np.full((60, 80, 16), value, np.uint16)
    tracker = method.tracker()
    tracker.init(cube, (20, 15, 12, 12))
    assert np.isfinite(tracker.update(cube).box).all()


def test_a_frame_that_turns_constant_does_no_harm(method):
    moving = video(BOX, BOX)
    tracker = method.tracker()
    tracker.init(moving[0], BOX)
    for cube in (np.zeros_like(moving[0]), moving[1], np.full_like(moving[0], 9e4), moving[1]):
        assert np.isfinite(tracker.update(cube).box).all()


def test_nothing_is_learnt_from_a_frame_that_is_refused(method):
    moving = video(BOX, BOX + 1, BOX + 2)
    tracker, untroubled = method.tracker(), method.tracker()
    for each in (tracker, untroubled):
        each.init(moving[0], BOX)
    bad = moving[1].copy()
    bad[55, 70, 3] = np.nan
    with refuses(CubeError, "1 NaN"):
        tracker.update(bad)
    for index in (1, 2):
        np.testing.assert_array_equal(tracker.update(moving[index]).box, untroubled.update(moving[index]).box)


def test_two_trackers_open_loop_share_what_was_learnt(method):
    moving = video(*(moved_by(i, i) for i in range(6)))
    for one, other in follow_open_loop(moving, method.tracker(), method.tracker()):
        np.testing.assert_array_equal(one.box, other.box)


def test_branches_that_are_fused_by_boxes_ask_too(make):
    cls = tracker_class(find_method("bcrnet"))
    options = BCRNetOptions(fusion="box", evidence="prior")
    moving = video(*(moved_by(i, i) for i in range(4)))
    by_box, alone = (
        boxes_of(cls(make.bcrnet(), one), moving) for one in (options, dataclasses.replace(options, evidence="none"))
    )
    assert np.isfinite(by_box).all()
    assert not np.array_equal(by_box, alone)
