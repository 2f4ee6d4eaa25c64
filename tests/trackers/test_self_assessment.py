"""What a tracker says of itself: cues counted by hand, the model against scipy, and boxes on and off the target."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

from spectrack.boxes import iou
from spectrack.errors import ConfigError
from spectrack.grid import SEARCH_SIZE_PX, grid_points_px
from spectrack.sequences.frames import ArrayFrame
from spectrack.simulation.video import simulate
from spectrack.trackers.base import track
from spectrack.trackers.crop import CropWindow
from spectrack.trackers.loading import load_tracker
from spectrack.trackers.probability import COEFFICIENTS, Cues, ProbabilityModel, find_model
from spectrack.trackers.registry import list_methods
from spectrack.trackers.self_assessment import SelfAssessment, rival_score, share_outside
from tests.fixtures.refusals import refuses

BOX = np.array([20.0, 15.0, 12.0, 10.0])
AWAY = np.array([50.0, 30.0, 12.0, 10.0])
NUMBERS = st.floats(-5, 5)


def scene(bands=8, light=1.0, seed=0):
    """A target of one spectrum on a ground of another, with noise."""
    rng = np.random.default_rng(seed)
    ground, target = np.linspace(200, 600, bands), np.linspace(700, 300, bands)
    cube = np.tile(ground, (60, 80, 1)).astype(float)
    cube[15:25, 20:32] = target
    return (light * cube * rng.normal(1, 0.02, cube.shape)).astype(np.uint16)


def started(bands=8, model=None):
    cube = scene(bands)
    return SelfAssessment(model or ProbabilityModel(), ArrayFrame(cube), cube, BOX)


def judged(assessment, box=BOX, score=0.9, rival=0.0, **changes):
    return assessment.judge(ArrayFrame(scene(**changes)), box, score, rival)


@given(st.lists(NUMBERS, min_size=7, max_size=7), st.lists(NUMBERS, min_size=6, max_size=6))
def test_the_probability_is_logistic(coefficients, values):
    expected = expit(coefficients[0] + np.dot(coefficients[1:], values))
    assert ProbabilityModel(*coefficients).probability(Cues(*values)) == pytest.approx(expected, abs=1e-12)


def test_cues_and_coefficients_go_by_the_same_names():
    assert [field.name for field in dataclasses.fields(ProbabilityModel)] == ["constant", *Cues._fields]
    assert ProbabilityModel(constant=1e9).probability(Cues(*[0.0] * 6)) == pytest.approx(1)


def test_cues_by_hand():
    assessment = started()
    first = judged(assessment, score=0.75, rival=0.15).cues
    assert first.confidence == pytest.approx(math.log(3))
    # A running mean from 1 towards 0.6, which is followed at once as it falls.
    assert first.lead == pytest.approx(1 + 0.3 * (0.6 - 1))
    second = judged(assessment, score=1.0).cues
    assert second.confidence == pytest.approx(math.log(0.999 / 0.001))
    # Up again to 0.88 + 0.3 (1 - 0.88), of which a fiftieth is taken over.
    assert second.lead == pytest.approx(0.88 + 0.02 * 0.3 * 0.12)
    assert (first.outside, first.colour, first.few_bands) == (0, 0, 0)


@pytest.mark.parametrize(
    ("box", "share"),
    [
        ((0, 0, 10, 10), 0),
        ((-5, 0, 10, 10), 0.5),
        ((75, 55, 10, 10), 0.75),
        ((90, 0, 5, 5), 1),
        ((-10, -10, 100, 80), 0.4),
    ],
)
def test_share_outside_by_hand(box, share):
    assert share_outside(np.array(box, float), 60, 80) == pytest.approx(share)


def test_the_rival_lies_a_side_away():
    window = CropWindow(0, 0, 255)
    points = grid_points_px() * window.side / SEARCH_SIZE_PX
    box = np.array([points[12] - 20, points[12] - 10, 40.0, 20.0])
    scores = np.zeros((25, 25), np.float32)
    scores[12, 12] = 0.9
    scores[12, 17] = 0.8  # 40 px to the right, which is one side
    scores[14, 12] = 0.7  # 16 px down
    assert rival_score(scores, box, window) == 0
    scores[12, 18] = 0.3
    scores[15, 12] = 0.5
    assert rival_score(scores, box, window) == 0.5
    assert rival_score(scores, np.array([-300.0, -300, 900, 900]), window) == 0


@pytest.mark.parametrize("bands", [2, 3, 4, 40])
def test_the_spectrum_tells_the_target_from_the_ground_in_any_light(bands):
    kind = "colour" if bands <= 3 else "spectrum"
    on, off, dim = started(bands), started(bands), started(bands)
    for number in range(6):
        here = judged(on, bands=bands, seed=number).cues
        there = judged(off, AWAY, bands=bands, seed=number).cues
        dark = judged(dim, bands=bands, light=0.3, seed=number).cues
    assert getattr(here, kind) < -0.5
    assert getattr(dark, kind) < -0.5
    assert getattr(there, kind) > 0.5
    assert {here.few_bands, there.few_bands} == {float(bands <= 3)}
    assert [getattr(cues, "spectrum" if bands <= 3 else "colour") for cues in (here, there)] == [0, 0]


def test_states_follow_the_probability():
    # Only the place counts, so that the probability is known: 0.98 inside, 0.68 for half of it outside, 0.05 outside.
    model = ProbabilityModel(4.0, 0, 0, -7.0, 0, 0, 0)
    assessment, half = started(model=model), np.array([-6.0, 15, 12, 10])
    gone = np.array([-13.0, 15, 12, 10])
    told = [judged(assessment, box) for box in (BOX, half, gone, gone, half, half, BOX)]
    expected = ["tracking", "uncertain", "lost", "lost", "found again", "uncertain", "tracking"]
    assert [one.state for one in told] == expected
    assert [one.lost for one in told] == [state == "lost" for state in expected]
    assert told[1].probability == pytest.approx(expit(4.0 - 3.5))
    assert assessment.judge(ArrayFrame(scene()), BOX, 0.9, doubted=True).state == "uncertain"


def test_a_frame_without_numbers_keeps_what_the_spectrum_said():
    cube = scene().astype(np.float32)
    assessment = SelfAssessment(ProbabilityModel(), ArrayFrame(cube), cube, BOX)
    before = assessment.judge(ArrayFrame(cube), BOX, 0.9).cues
    broken = np.full_like(cube, np.nan)
    after = assessment.judge(ArrayFrame(broken), BOX, 0.9)
    assert after.cues.spectrum == before.spectrum
    assert 0 < after.probability < 1


def test_doubts_are_forgotten_where_the_target_was_found_by_other_means():
    assessment = started()
    for _ in range(20):
        doubtful = judged(assessment, AWAY, score=0.2)
    still = judged(assessment, score=0.9)
    assessment.forget_doubts()
    anew = judged(assessment, score=0.9)
    assert doubtful.probability < still.probability < anew.probability
    assert anew.cues.lead > 0.9


@pytest.mark.parametrize(
    "box", [(-30, -30, 10, 10), (200, 200, 5, 5), (0, 0, 80, 60), (3.5, 2.5, 0.4, 0.4), (79, 59, 30, 30)]
)
def test_any_box_is_judged(box):
    told = judged(started(), np.array(box, float))
    assert 0 <= told.probability <= 1
    assert np.isfinite(told.cues).all()


def test_every_shipped_tracker_has_coefficients_of_its_own():
    for method in list_methods():
        profiles = [name for name, origins in method.profiles.items() if "shipped" in origins]
        for profile in profiles or [""]:
            model = find_model(method.folder, profile, "none")
            assert model != ProbabilityModel(), (method.name, profile)
            # Whatever the tracker: a box that holds the ground, or leaves the frame, speaks against it.
            assert model.lead > 0 > model.spectrum
            assert model.outside < 0


def test_coefficients_are_found_by_profile_and_evidence(tmp_path):
    text = "[lite.none]\nconstant = 1.5\nlead = 2\n[any.none]\nconstant = 0.5\n"
    (tmp_path / COEFFICIENTS).write_text(text)
    assert find_model(tmp_path, "lite", "none") == ProbabilityModel(constant=1.5, lead=2.0)
    assert find_model(tmp_path, "lite", "prior") == find_model(tmp_path, "lite", "none")
    assert find_model(tmp_path, "", "none") == ProbabilityModel(constant=0.5)
    for place in (
        (tmp_path, "full", "none"),
        (None, "lite", "none"),
        (tmp_path / "x", "", "none"),
    ):
        assert find_model(*place) == ProbabilityModel()
    (tmp_path / COEFFICIENTS).write_text("[lite.none]\nconstnat = 1\n")
    with refuses(ConfigError, "constnat", "constant", COEFFICIENTS):
        find_model(tmp_path, "lite", "none")


def test_a_tracker_that_has_lost_its_target_says_so():
    """A camouflaged target is lost to its ground, of which the network is as sure as it was of the target."""
    clip = simulate("cam-grass", "vis16", frames=20, seed=6, height=120, width=160)
    estimates = list(track(clip, load_tracker("siamban", profile="compact", precision="fp32")))
    missed = iou(np.array([estimate.box for estimate in estimates]), clip.truth) < 0.1
    lost = np.array([estimate.lost for estimate in estimates])
    assert missed.sum() > 5
    assert min(estimate.score for estimate, gone in zip(estimates, missed, strict=True) if gone) > 0.9
    assert lost[missed].all()
    assert lost[~missed].mean() < 0.3
    assert all(estimate.lost == (estimate.probability < 0.5) for estimate in estimates)


def test_what_a_search_of_the_whole_frame_has_found_is_found_again_whatever_is_thought_of_it():
    assessment = started(model=ProbabilityModel(constant=-9.0))
    frame = ArrayFrame(scene())
    states = [assessment.judge(frame, BOX, 0.9, doubted=True, found=found).state for found in (False, True, False)]
    assert states == ["lost", "found again", "lost"]
