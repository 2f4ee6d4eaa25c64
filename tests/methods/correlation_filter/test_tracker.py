"""The cf tracker: truth on moved and zoomed clips, band counts, metamers, loss of the target, repeatability,
refusals.
"""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spectrack.boxes import iou
from spectrack.errors import BoxError, ConfigError, CubeError, InputError
from spectrack.methods.correlation_filter.options import CorrelationOptions
from spectrack.methods.correlation_filter.tracker import CorrelationFilterTracker
from spectrack.recording import record
from spectrack.sequences.memory import MemorySequence
from spectrack.simulation.video import simulate
from spectrack.trackers.base import track
from spectrack.trackers.loading import load_tracker
from tests.fixtures.refusals import refuses


def texture(size, seed, bands, smooth=3.0):
    """(size, size, bands) smooth random light with its own pattern in every band."""
    rng = np.random.default_rng(seed)
    y, x = np.meshgrid(np.fft.fftfreq(size), np.fft.fftfreq(size), indexing="ij")
    low = np.exp(-0.5 * (np.hypot(y, x) * size / (size / smooth)) ** 2)[:, :, None]
    noise = np.fft.ifft2(np.fft.fft2(rng.normal(size=(size, size, bands)), axes=(0, 1)) * low, axes=(0, 1)).real
    return noise / noise.std()


def clip(bands=16, frames=6, size=24, step=(2.0, 1.0), zoom=1.0, height=100, width=120, seed=0):
    """A textured square that moves by whole or broken pixels and grows, before a textured ground; uint16 and boxes."""
    rng = np.random.default_rng(seed)
    ground = 300 * np.exp(0.15 * texture(128, seed, bands)[:height, :width] + rng.normal(0, 0.2, bands))
    paint = 300 * np.exp(0.15 * texture(64, seed + 1, bands) + rng.normal(0, 0.5, bands))
    cubes, boxes = np.empty((frames, height, width, bands), np.uint16), np.empty((frames, 4))
    for i in range(frames):
        side = size * zoom**i
        x0, y0 = 35 + step[0] * i + (size - side) / 2, 30 + step[1] * i + (size - side) / 2
        boxes[i] = (x0, y0, side, side)
        cover = np.outer(
            *(
                np.clip(np.minimum(np.arange(n) + 1, edge + side) - np.maximum(np.arange(n), edge), 0, 1)
                for n, edge in ((height, y0), (width, x0))
            )
        )[:, :, None]
        # Values of the paint at each pixel's middle, by the nearest of 64 samples across the square.
        columns, rows = (
            np.clip(((np.arange(n) + 0.5 - edge) / side * 64).astype(int), 0, 63)
            for n, edge in ((width, x0), (height, y0))
        )
        cube = ground * (1 - cover) + paint[np.ix_(rows, columns)] * cover
        cubes[i] = np.clip(np.round(cube + rng.normal(0, 2, cube.shape)), 0, 65535)
    return cubes, boxes


def boxes_of(cubes, box, **options):
    tracker = CorrelationFilterTracker(CorrelationOptions(**options))
    tracker.init(cubes[0], box)
    return np.stack([box, *(tracker.update(cube).box for cube in cubes[1:])])


@pytest.mark.parametrize("bands", [1, 2, 3, 16, 25, 100])
def test_any_number_of_bands_follows_a_square(bands):
    cubes, boxes = clip(bands=bands)
    found = boxes_of(cubes, boxes[0])
    assert iou(found, boxes).min() > 0.7
    assert np.hypot(*(found - boxes)[:, :2].T).max() < 2.5


@pytest.mark.parametrize("step", [(0.0, 0.0), (3.0, -2.0), (1.25, 0.5), (-8.0, 6.0)])
def test_position_is_right_to_a_part_of_a_pixel(step):
    cubes, boxes = clip(step=step, frames=4)
    found = boxes_of(cubes, boxes[0])
    centres = (found - boxes)[:, :2] + (found - boxes)[:, 2:] / 2
    assert np.abs(centres).max() < 0.8


@pytest.mark.parametrize("zoom", [0.975, 1.0, 1.025])
def test_size_follows_a_zoom(zoom):
    cubes, boxes = clip(zoom=zoom, frames=14, step=(0.5, 0.0))
    found = boxes_of(cubes, boxes[0])
    assert found[-1, 2] == pytest.approx(boxes[-1, 2], rel=0.1)
    assert found[-1, 3] == pytest.approx(boxes[-1, 3], rel=0.1)


def test_repeats_bit_for_bit_and_a_second_init_forgets():
    cubes, boxes = clip()
    first = boxes_of(cubes, boxes[0])
    np.testing.assert_array_equal(first, boxes_of(cubes, boxes[0]))
    tracker = CorrelationFilterTracker()
    for _ in range(2):
        tracker.init(cubes[0], boxes[0])
        np.testing.assert_array_equal(np.stack([tracker.update(cube).box for cube in cubes[1:]]), first[1:])


@pytest.mark.parametrize("kind", [np.uint16, np.int32, np.float32, np.float64])
def test_number_type_and_unit_do_not_matter(kind):
    cubes, boxes = clip(frames=4)
    expected = boxes_of(cubes, boxes[0])
    factor = 1 / 1024 if np.issubdtype(kind, np.floating) else 1
    np.testing.assert_allclose(boxes_of(cubes.astype(kind) * kind(factor), boxes[0]), expected, atol=0.05)


def test_order_of_bands_does_not_matter_much():
    cubes, boxes = clip(frames=4)
    found = boxes_of(cubes[..., np.random.default_rng(0).permutation(16)], boxes[0])
    np.testing.assert_allclose(found, boxes_of(cubes, boxes[0]), atol=0.5)


def test_estimates_keep_the_contract():
    cubes, boxes = clip()
    estimates = list(track(MemorySequence(cubes, name="square", truth=boxes), CorrelationFilterTracker()))
    np.testing.assert_array_equal(estimates[0].box, boxes[0])
    for estimate in estimates[1:]:
        assert estimate.box.shape == (4,)
        assert estimate.box.dtype == np.float64
        assert (estimate.box[2:] >= 2).all()
        assert 0 <= estimate.score <= 1
        assert isinstance(estimate.score, float)
        assert estimate.lost is False
        assert estimate.evidence["response"].shape == estimate.evidence["mask"].shape == (64, 64)
        assert estimate.evidence["search_window"].side > 0
        assert estimate.evidence["sidelobe_ratio"] > 4


def test_changing_an_estimate_or_the_given_box_does_not_change_the_tracker():
    cubes, boxes = clip()
    given_box = boxes[0].copy()
    tracker, other = CorrelationFilterTracker(), CorrelationFilterTracker()
    tracker.init(cubes[0], given_box)
    other.init(cubes[0], boxes[0])
    given_box[:] = 1
    tracker.update(cubes[1]).box[:] = 0
    other.update(cubes[1])
    np.testing.assert_array_equal(tracker.update(cubes[2]).box, other.update(cubes[2]).box)


def test_metamers_are_followed_by_their_spectrum():
    """A camouflaged target of the simulator: all bands hold it, its false colour alone is worth nothing."""
    video = simulate("cam-rolling", "vis16", frames=12, seed=700_500, height=120, width=160)
    cubes, truth = [video[i] for i in range(12)], video.truth
    found = boxes_of(cubes, truth[0])
    assert iou(found, truth).mean() > 0.6


def test_a_target_that_vanishes_is_called_lost_and_found_again():
    cubes, boxes = clip(frames=14, step=(1.0, 0.0))
    empty, _ = clip(frames=14, step=(-300.0, 0.0))
    cubes[5:10] = empty[5:10]
    tracker = CorrelationFilterTracker()
    tracker.init(cubes[0], boxes[0])
    estimates = [tracker.update(cube) for cube in cubes[1:]]
    lost = [estimate.lost for estimate in estimates]
    assert not any(lost[:4])
    assert all(lost[5:9])
    assert not any(lost[-2:])
    states = [estimate.state for estimate in estimates]
    assert [state == "lost" for state in states] == lost
    assert [states[i] == "found again" for i in range(1, 13)] == [lost[i - 1] and not lost[i] for i in range(1, 13)]
    assert states[-1] == "tracking"
    assert iou(estimates[-1].box, boxes[-1]) > 0.6
    assert max(estimate.score for estimate in estimates[5:9]) < min(estimate.score for estimate in estimates[:4])


def test_size_is_kept_while_the_target_is_lost():
    cubes, boxes = clip(frames=12, step=(1.0, 0.0))
    empty, _ = clip(frames=12, step=(-300.0, 0.0))
    cubes[4:] = empty[4:]
    tracker = CorrelationFilterTracker()
    tracker.init(cubes[0], boxes[0])
    estimates = [tracker.update(cube) for cube in cubes[1:]]
    sides = np.array([estimate.box[2:] for estimate in estimates if estimate.lost])
    assert len(sides) >= 6
    np.testing.assert_allclose(sides, np.broadcast_to(sides[0], sides.shape), rtol=1e-9)


@settings(max_examples=15)
@given(st.floats(-10, 118), st.floats(-10, 98), st.floats(1.0, 150), st.floats(1.0, 150), st.sampled_from((1, 3, 16)))
def test_any_box_that_overlaps_the_frame_gives_finite_boxes(x, y, w, h, bands):
    cubes, _ = clip(bands=bands, frames=3)
    box = np.array([max(x, 0.5 - w), max(y, 0.5 - h), w, h])
    found = boxes_of(cubes, box)
    assert np.isfinite(found).all()
    assert (found[1:, 2:] >= 2).all()


@settings(max_examples=8)
@given(st.integers(0, 2**31))
def test_noise_alone_is_survived(seed):
    cubes = np.random.default_rng(seed).integers(0, 1000, (4, 48, 64, 5)).astype(np.uint16)
    assert np.isfinite(boxes_of(cubes, np.array([20.0, 15, 12, 12]))).all()


@pytest.mark.parametrize("bands", [1, 16])
def test_black_and_flat_frames_are_survived(bands):
    for value in (0, 500):
        cubes = np.full((3, 60, 80, bands), value, np.uint16)
        assert np.isfinite(boxes_of(cubes, np.array([20.0, 15, 12, 12]))).all()


@pytest.mark.parametrize(
    ("box", "facts"),
    [
        (
            (200, 10, 20, 20),
            ("120 x 100", "(200, 10, 20, 20)"),
        ),
        ((10, 10, 0, 20), "(10, 10, 0, 20)"),
        ((10, 10, np.nan, 20), "(10, 10, nan, 20)"),
        ((10, 10, 20), ("(10, 10, 20)", "214,61,30,42")),
    ],
)
def test_wrong_first_box(box, facts):
    with refuses(BoxError, facts):
        CorrelationFilterTracker().init(clip(frames=1)[0][0], box)


@pytest.mark.parametrize(
    ("cube", "facts"),
    [
        (np.zeros((60, 80)), "(60, 80)"),
        (np.zeros((60, 80, 0)), ("first frame", "(60, 80, 0)")),
        (np.zeros((60, 80, 16), complex), ("first frame", "complex128")),
        (np.full((60, 80, 16), np.nan), ("first frame", "NaN")),
        (np.full((60, 80, 16), 1e300), ("first frame", "float32")),
    ],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_wrong_first_frame(cube, facts):
    tracker = CorrelationFilterTracker()
    with refuses(CubeError, facts):
        tracker.init(cube, (20, 15, 12, 12))
    with refuses(InputError, "init", "update"):
        tracker.update(np.zeros((60, 80, 16)))


def test_frames_that_are_refused_change_nothing():
    cubes, boxes = clip()
    cubes = cubes.astype(np.float32)
    tracker, untroubled = CorrelationFilterTracker(), CorrelationFilterTracker()
    for one in (tracker, untroubled):
        one.init(cubes[0], boxes[0])
        one.update(cubes[1])
    bad = cubes[2].copy()
    bad[40, 45, 7] = np.nan
    with refuses(CubeError, "1 NaN"):
        tracker.update(bad)
    with refuses(CubeError, "(100, 120, 16)", "(90, 120, 16)"):
        tracker.update(cubes[2][:90])
    np.testing.assert_array_equal(tracker.update(cubes[2]).box, untroubled.update(cubes[2]).box)


def test_recorded_like_any_tracker(tmp_path):
    cubes, boxes = clip(frames=4)
    recording = record(MemorySequence(cubes, name="square", truth=boxes), load_tracker("cf"), tmp_path / "out")
    assert recording.scores.auc > 0.7
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["tracker"]["name"] == "cf"
    assert not recording.lost.any()


def test_loaded_by_name_without_weights_and_with_options():
    tracker = load_tracker("cf", padding=3, cells=48)
    described = json.loads(json.dumps(tracker.describe()))
    assert described["name"] == "cf"
    assert (described["options"]["padding"], described["options"]["cells"]) == (3, 48)
    cubes, boxes = clip(frames=3)
    tracker.init(cubes[0], boxes[0])
    assert iou(tracker.update(cubes[1]).box, boxes[1]) > 0.6
    with refuses(ConfigError, "'size_rat'", "did you mean 'size_rate'"):
        load_tracker("cf", size_rat=0.1)
    with refuses(ConfigError, "'cf'", "'siamban-compact'"):
        load_tracker("cf", weights="siamban-compact")
