"""Degraded video: the same scene and truth, blurred and darkened as stated, and noisier where there is less light."""

import numpy as np
import pytest

from spectrack.errors import ConfigError
from spectrack.simulation.degradation import STRENGTHS, Degradation, DegradedSequence, list_degradations
from spectrack.simulation.video import simulate
from tests.fixtures.refusals import refuses


@pytest.fixture(scope="module")
def video():
    return simulate("cam-grass", "vis16", frames=6, seed=3, height=80, width=112)


def worse(video, name):
    return DegradedSequence(video, Degradation.parse(name))


def detail(cube):
    """Mean absolute difference of neighbouring pixels."""
    return float(np.abs(np.diff(cube.astype(float), axis=1)).mean())


@pytest.mark.parametrize("name", list_degradations())
def test_truth_stays_and_frames_repeat(video, name):
    degraded = worse(video, name)
    np.testing.assert_array_equal(degraded.truth, video.truth)
    np.testing.assert_array_equal(degraded.visibility, video.visibility)
    assert degraded.name == video.name
    assert degraded.metadata["degradation"] == name
    frame = degraded[2]
    assert frame.dtype == np.uint16
    assert not np.array_equal(frame, video[2])
    degraded[4]
    np.testing.assert_array_equal(degraded[2], frame)
    np.testing.assert_array_equal(
        worse(simulate("cam-grass", "vis16", frames=6, seed=3, height=80, width=112), name)[2], frame
    )


def test_strengths_rise(video):
    for kind in ("motion-blur", "defocus"):
        details = [detail(video.clean(3)), *(detail(worse(video, f"{kind}-{number}").clean(3)) for number in (1, 2, 3))]
        assert details == sorted(details, reverse=True)
        assert len(set(details)) == 4
    for number, divisor in enumerate(STRENGTHS["low-light"], start=1):
        np.testing.assert_allclose(worse(video, f"low-light-{number}").clean(3), video.clean(3) / divisor, rtol=1e-5)


def test_defocus_is_a_gaussian_of_that_width(video):
    """Where nothing but the ground is in view, blurring the clean frame gives the same: light adds up, also through a
    lens.
    """
    import cv2

    window = video.scene.mask(3.0)[1]
    degraded, clean = worse(video, "defocus-2").clean(3), video.clean(3)
    expected = cv2.GaussianBlur(clean[:, :, 5], (0, 0), 2.0, borderType=cv2.BORDER_REFLECT_101)
    far = np.ones(clean.shape[:2], bool)
    far[max(0, window[1] - 14) : window[3] + 14, max(0, window[0] - 14) : window[2] + 14] = False
    assert far.sum() > 500
    # Vignetting acts after the lens here and before it there.
    np.testing.assert_allclose(degraded[:, :, 5][far], expected[far], rtol=0.02)


def test_the_smear_is_the_motion_while_the_shutter_is_open(video):
    scene = worse(video, "motion-blur-2").scene
    target = scene.actors[scene.target]
    moved = scene.camera.to_image(target.centre[4], 4.0) - scene.camera.to_image(target.centre[2], 2.0)
    np.testing.assert_allclose(target.smear(3.0, scene.camera), moved)
    assert video.scene.camera.shutter < 1


def test_less_light_is_noisier_than_the_darkened_frame(video):
    degraded = worse(video, "low-light-2")
    noise = degraded[3].astype(float) - degraded.clean(3)
    sensor = video.setting.sensor
    per_count = sensor.full_well_e / sensor.full_scale
    bright = degraded.clean(3) > 10  # away from the floor, where negative counts are cut
    expected = np.sqrt(degraded.clean(3)[bright] / per_count + (sensor.read_noise_e / per_count) ** 2 + 1 / 12)
    assert noise[bright].std() == pytest.approx(float(np.sqrt((expected**2).mean())), rel=0.05)
    relative = [
        (sequence[3] - sequence.clean(3))[bright].std() / sequence.clean(3)[bright].mean()
        for sequence in (video, degraded)
    ]
    assert relative[1] > 3 * relative[0]


def test_names():
    assert len(list_degradations()) == 9
    assert [str(Degradation.parse(name)) for name in list_degradations()] == list_degradations()
    with refuses(ConfigError, "'defocus'", "did you mean"):
        Degradation.parse("defocus")
    with refuses(ConfigError, "'defocus-4'", "motion-blur-1, motion-blur-2"):
        Degradation("defocus", 4)
