"""A target that goes and comes back somewhere else, with shipped weights: alone, beside a look-alike, and in RGB."""

import cv2
import numpy as np
import pytest

from spectrack import load_tracker
from spectrack.boxes import iou
from spectrack.sequences.memory import MemorySequence
from spectrack.trackers.base import track

HEIGHT, WIDTH, SIDE = 150, 220, 26
SEEN, GONE, FRAMES = 8, 20, 32
HOME, RETURN, OTHER = (40, 40), (165, 100), (110, 30)


def pattern(seed, bands):
    """(SIDE, SIDE, bands) patches of one spectrum in several strengths."""
    rng = np.random.default_rng(seed)
    return np.kron(rng.uniform(0.4, 1.0, (4, 4, 1)), np.ones((7, 7, 1)))[:SIDE, :SIDE] * np.ones(bands)


def video(spectra, *, away=True, stranger=None, brightness=1.0, seed=0):
    """A sequence and its truth: a thing walks, is away from frame SEEN to GONE, and walks again from RETURN on.

    Args:
        spectra: of thing, ground and, where there is one, a second thing that stands at OTHER all the time.
        away: whether it goes at all.
        stranger: the pattern's seed of that second thing.
        brightness: of the last frames over that of the first ones.
        seed: of noise and ground.
    """
    rng = np.random.default_rng(seed)
    paint, ground, *others = (np.asarray(spectrum, float) for spectrum in spectra)
    mottled = sum(cv2.GaussianBlur(rng.normal(size=(HEIGHT, WIDTH)), (0, 0), s) * s for s in (2, 6))
    back = ground * np.clip(1 + 0.25 * mottled / mottled.std(), 0.2, 2)[:, :, None]
    cubes, truth = [], []
    for i in range(FRAMES):
        x, y = (HOME[0] + 2 * i, HOME[1] + i) if i < GONE or not away else (RETURN[0] - 2 * (i - GONE), RETURN[1])
        cube = back.copy()
        if stranger is not None:
            cube[OTHER[1] : OTHER[1] + SIDE, OTHER[0] : OTHER[0] + SIDE] = pattern(stranger, len(ground)) * others[0]
        if not away or not SEEN <= i < GONE:
            cube[y : y + SIDE, x : x + SIDE] = pattern(1, len(ground)) * paint
        cube *= 1 + (brightness - 1) * i / FRAMES
        cubes.append(np.clip(cube + rng.normal(0, 4, cube.shape), 0, 4095).astype(np.uint16))
        truth.append((x, y, SIDE, SIDE))
    return MemorySequence(np.stack(cubes), name="away", truth=np.array(truth, float)), np.array(truth, float)


def tracked(sequence, name="siamban", **options):
    tracker = load_tracker(name, profile="compact", precision="fp32", device="cpu", **options)
    return list(track(sequence, tracker))


def overlaps(estimates, truth):
    return iou(np.array([estimate.box for estimate in estimates]), truth)


BANDS = 9
GROUND = np.full(BANDS, 500.0)
PAINT = 900 * np.array([1, 0.3, 0.6, 0.2, 0.9, 0.4, 0.8, 0.2, 0.5])
# The same false colour, which averages thirds of the bands.
TWIN = PAINT.reshape(3, 3)[:, ::-1].ravel()


@pytest.mark.parametrize("evidence", ["none", "prior"])
@pytest.mark.parametrize("twin", [False, True], ids=["alone", "with a look-alike"])
def test_a_target_that_comes_back_elsewhere_is_found_and_nothing_else_is(evidence, twin):
    sequence, truth = video([PAINT, GROUND, TWIN], stranger=1 if twin else None)
    estimates = tracked(sequence, redetection=True, evidence=evidence)
    found, states = overlaps(estimates, truth), [estimate.state for estimate in estimates]
    assert found[:SEEN].min() > 0.5
    assert states[SEEN + 4 : GONE] == ["lost"] * (GONE - SEEN - 4)
    assert states.count("found again") == 1
    assert states.index("found again") - GONE <= 3
    assert found[GONE + 4 :].min() > 0.5
    assert set(states[GONE + 4 :]) == {"tracking"}
    # Where it was found, score and evidence are those of the crop that it was found in.
    again = estimates[states.index("found again")]
    assert again.score == pytest.approx(float(again.evidence["scores"][again.evidence["cell"]]))


def test_without_the_option_nothing_changes_and_the_target_is_not_found():
    sequence, truth = video([PAINT, GROUND])
    plain, off = tracked(sequence), tracked(sequence, redetection=False, camera_motion=False)
    assert all((one.box == other.box).all() for one, other in zip(plain, off, strict=True))
    assert overlaps(plain, truth)[GONE:].max() < 0.1


@pytest.mark.parametrize("name", ["ssfnet", "bcrnet"])
def test_the_other_methods_find_it_too(name):
    sequence, truth = video([PAINT, GROUND, TWIN], stranger=1)
    estimates = tracked(sequence, name, redetection=True)
    assert overlaps(estimates, truth)[GONE + 4 :].min() > 0.4
    assert [estimate.state for estimate in estimates].count("found again") == 1


def test_a_target_that_stays_keeps_its_boxes():
    sequence, _ = video([PAINT, GROUND, TWIN], away=False, stranger=1)
    plain, watched = tracked(sequence), tracked(sequence, redetection=True)
    assert all((one.box == other.box).all() for one, other in zip(plain, watched, strict=True))
    assert {estimate.state for estimate in watched} == {"tracking"}


def test_a_target_in_the_dark_is_not_called_lost():
    sequence, truth = video([PAINT / 4, GROUND / 4], away=False, brightness=0.05)
    estimates = tracked(sequence, redetection=True)
    assert overlaps(estimates, truth).min() > 0.4
    assert "lost" not in {estimate.state for estimate in estimates}


def test_in_rgb_a_colour_is_enough():
    sequence, truth = video([(900, 300, 200), (500, 520, 480)])
    estimates = tracked(sequence, redetection=True)
    assert overlaps(estimates, truth)[GONE + 4 :].min() > 0.5


def test_grey_things_are_searched_by_the_network_alone():
    """Nothing but its pattern tells the target: every spectrum of it is one of the ground's."""
    sequence, truth = video([(700, 700, 700), (500, 500, 500)])
    # The network gives the bare ground 0.9, and the target 1.
    estimates = tracked(sequence, redetection=True, lost_score=0.95)
    states = [estimate.state for estimate in estimates]
    assert set(states[SEEN + 3 : GONE]) == {"uncertain"}
    assert states[-1] == "tracking"
    assert overlaps(estimates, truth)[GONE + 8 :].min() > 0.4


def test_the_search_region_follows_the_camera():
    """The picture leaps by more than the search region reaches; the target stands still before its ground."""
    sequence, truth = video([PAINT, GROUND], away=False)
    wide = np.pad(sequence[0], ((0, 0), (0, 110), (0, 0)), mode="reflect")
    cubes = np.stack([wide[:, offset : offset + WIDTH] for offset in (0, 2, 0, 36, 36, 34)])
    boxes = truth[:1] - [(offset, 0, 0, 0) for offset in (0, 2, 0, 36, 36, 34)]
    clip = MemorySequence(cubes, name="shaken", truth=boxes)
    assert overlaps(tracked(clip, camera_motion=True, window_influence=0.6), boxes).min() > 0.6
