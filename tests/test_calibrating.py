"""Reflectances that were put into a simulated camera come out of its calibrated counts."""

import cv2
import numpy as np
import pytest

from spectrack.calibrating import Panel, References, make_calibration, open_reference
from spectrack.calibration.options import CalibrateOptions
from spectrack.calibration.sensor_files import CorrectionMatrix, SensorFile
from spectrack.cube import cube_to_mosaic
from spectrack.errors import ConfigError, SequenceError
from spectrack.evidence.library import LibrarySpectrum
from spectrack.sensors import SENSORS, Sensor
from spectrack.sequences.calibrated import CalibratedSequence
from spectrack.sequences.memory import MemorySequence
from spectrack.sequences.opening import open_sequence
from tests.fixtures.refusals import refuses

HEIGHT, WIDTH, BANDS = 20, 30, 16
FULL = 1023


class Camera:
    """A sensor behind a lens: a dark of its own in each pixel, vignetting, a colour of light, noise, ten bits."""

    def __init__(self, mixing=None):
        self.noise = np.random.default_rng(5)
        rows, columns = np.mgrid[:HEIGHT, :WIDTH]
        lens = 1 - 0.5 * ((columns / WIDTH - 0.5) ** 2 + (rows / HEIGHT - 0.5) ** 2)
        self.light = np.linspace(300, 800, BANDS)
        self.gain = lens[:, :, None] * (1 + 0.05 * self.noise.standard_normal((HEIGHT, WIDTH, BANDS)))
        self.dark = 40 + 10 * self.noise.random((HEIGHT, WIDTH, BANDS))
        self.mixing = np.eye(BANDS) if mixing is None else mixing

    def see(self, reflectance, *, frames=1, exposure=1.0):
        light = (np.broadcast_to(reflectance, (HEIGHT, WIDTH, BANDS)) * self.light) @ self.mixing * self.gain * exposure
        noisy = [self.dark + light + self.noise.standard_normal(light.shape) for _ in range(frames)]
        return MemorySequence([np.clip(np.rint(one), 0, FULL).astype(np.uint16) for one in noisy])


@pytest.fixture
def camera():
    return Camera()


def test_reflectances_come_back(camera):
    dark, white = camera.see(0, frames=16), camera.see(0.9, frames=16)
    calibration = make_calibration(References(dark, white, reflectance=0.9))
    truth = np.random.default_rng(1).uniform(0.05, 0.9, (HEIGHT, WIDTH, BANDS))
    found = CalibratedSequence(camera.see(truth), calibration)[0]
    assert np.abs(found - truth).max() < 6 / camera.light.min()  # a few counts of noise and rounding
    assert abs(float((found - truth).mean())) < 1e-3
    assert calibration.unit == "reflectance"


def test_by_hand():
    def still(value):
        return MemorySequence([np.full((2, 3, 4), value, np.uint16)])

    calibration = make_calibration(References(still(100), still(300), reflectance=0.5))
    assert CalibratedSequence(still(180), calibration)[0].ravel() == pytest.approx(0.2)  # 0.5 * 80 / 200
    alone = make_calibration(References(white=still(200)))
    assert CalibratedSequence(still(50), alone)[0].ravel() == pytest.approx(0.25)
    counts = make_calibration(References(dark=still(100)))
    assert counts.unit == "counts"
    assert CalibratedSequence(still(130), counts)[0].ravel() == pytest.approx(30.0)


def test_a_panel_in_the_scene(camera):
    scene = np.full((HEIGHT, WIDTH, BANDS), 0.3)
    scene[8:14, 12:20] = np.linspace(0.4, 0.6, BANDS)
    spectrum = LibrarySpectrum("grey", np.array([400.0, 700.0]), np.array([0.4, 0.6]))
    seen = camera.see(scene)
    seen.wavelengths_nm = tuple(np.linspace(400, 700, BANDS))
    spectrum = LibrarySpectrum("grey", np.array([300.0, 400.0, 700.0, 800.0]), np.array([0.4, 0.4, 0.6, 0.6]))
    panel = Panel(seen, np.array([12.0, 8.0, 8.0, 6.0]))
    calibration = make_calibration(References(camera.see(0, frames=8), panel=panel, reflectance=spectrum))
    found = CalibratedSequence(seen, calibration)[0]
    assert found[8:14, 12:20].mean(axis=(0, 1)) == pytest.approx(np.linspace(0.4, 0.6, BANDS), abs=0.01)
    assert found[9:13, 2:8].mean() == pytest.approx(0.3, abs=0.03)  # the panel does not know the lens


def test_dead_pixels_are_found_and_masked(camera):
    camera.gain[3, 4, 7] = 0
    camera.dark[10, 20, 0] = FULL  # stuck
    calibration = make_calibration(References(camera.see(0, frames=4), camera.see(0.9, frames=4)))
    assert np.argwhere(calibration.masked).tolist() == [[3, 4], [10, 20]]
    found = CalibratedSequence(camera.see(0.5), calibration)[0]
    assert not found[3, 4].any()
    assert np.isfinite(found).all()


def test_exposure_is_made_up_for(camera):
    dark, white = camera.see(0, frames=4), camera.see(0.9, frames=4)
    calibration = make_calibration(References(dark, white, reflectance=0.9), CalibrateOptions(exposure_ms=20.0))
    scene = camera.see(0.5, exposure=0.25)
    scene.exposure_ms = 5.0
    assert CalibratedSequence(scene, calibration)[0].mean() == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("first", [False, True])
def test_a_correction_matrix_undoes_crosstalk(first):
    """Light spills between neighbouring sensor pixels; the maker's matrix takes it back."""
    vis16 = SENSORS["vis16"]
    mixing = vis16.crosstalk(0.2)
    camera = Camera(mixing)
    if not first:  # a matrix for reflectance is made for a white in which every band is alike
        camera.light = np.full(BANDS, 700.0)
    undo = np.linalg.inv(mixing).T.astype(np.float32)
    matrix = CorrectionMatrix("hsi_460-600", vis16.centres_nm, undo, first)
    file = SensorFile(Sensor("mine", BANDS, 4, vis16.centres_nm, ()), (matrix,), 10)
    dark, white = camera.see(0, frames=16), camera.see(0.9, frames=16)
    calibration = make_calibration(References(dark, white, reflectance=0.9, sensor_file=file))
    truth = np.full((HEIGHT, WIDTH, BANDS), 0.05)
    truth[:, :, 5] = 0.8
    scene = camera.see(truth)
    found = CalibratedSequence(scene, calibration)
    assert found.wavelengths_nm == vis16.centres_nm
    assert found[0].mean(axis=(0, 1)) == pytest.approx(truth[0, 0], abs=0.01)
    plain = make_calibration(
        References(dark, white, reflectance=0.9, sensor_file=file), CalibrateOptions(matrix="none")
    )
    assert abs(CalibratedSequence(scene, plain)[0].mean(axis=(0, 1))[5] - 0.8) > 0.1
    assert calibration.saturation == FULL


def test_references_of_a_line_scanner(camera):
    """Each column has a dark and a white of its own; how many rows were recorded does not count."""
    column = 100 + np.arange(WIDTH, dtype=np.uint16)[None, :, None]
    dark = MemorySequence([np.broadcast_to(column, (7, WIDTH, BANDS)).copy()])
    white = MemorySequence([np.broadcast_to(column * 3, (4, WIDTH, BANDS)).copy()])
    with refuses(SequenceError, f"{WIDTH} x 7", f"{WIDTH} x 4", "--line-scan"):
        make_calibration(References(dark, white))
    calibration = make_calibration(References(dark, white), CalibrateOptions(line_scan=True))
    scene = MemorySequence([np.broadcast_to(column * 2, (HEIGHT, WIDTH, BANDS)).copy()])
    assert CalibratedSequence(scene, calibration)[0].ravel() == pytest.approx(0.5)


def test_a_single_image_is_a_reference(tmp_path):
    for name, value in (("dark.png", 50), ("white.png", 500), ("0001.png", 200)):
        cv2.imwrite(str(tmp_path / name), cube_to_mosaic(np.full((6, 8, 16), value, np.uint16), 4))
    dark, white = (open_reference(tmp_path / name, sensor="vis16") for name in ("dark.png", "white.png"))
    assert (len(dark), dark[0].mean(), white[0].mean()) == (1, 50, 500)
    calibration = make_calibration(References(dark, white))
    # What is opened with it need not be told the camera again.
    assert open_sequence(tmp_path, pattern="0001.png", calibration=calibration)[0].ravel() == pytest.approx(1 / 3)


def test_what_is_no_reference_is_refused(camera):
    dark, white = camera.see(0), camera.see(0.9)
    with refuses(SequenceError, "band 1"):
        make_calibration(References(white, dark))
    with refuses(SequenceError, "1023"):
        make_calibration(References(dark, camera.see(3.0)), CalibrateOptions(saturation=FULL))
    with refuses(ConfigError, "found nothing"):
        References()
    with refuses(ConfigError, "found 95"):
        References(dark, white, reflectance=95.0)
    with refuses(ConfigError, "--sensor-file"):
        make_calibration(References(dark, white), CalibrateOptions(matrix="a"))
    other = MemorySequence([np.zeros((4, 4, 9), np.uint16)])
    with refuses(SequenceError, "9 in the dark reference"):
        make_calibration(References(other, white))
    narrow = LibrarySpectrum("narrow", np.array([500.0, 510.0]), np.array([0.5, 0.5]))
    with refuses(SequenceError, "narrow"):
        make_calibration(References(dark, white, reflectance=narrow))
    white.wavelengths_nm = tuple(np.linspace(400, 700, BANDS))
    with refuses(SequenceError, "500 to 510 nm"):
        make_calibration(References(dark, white, reflectance=narrow))
    picture = MemorySequence([np.zeros((4, 4, 3), np.uint8)])
    picture.is_rgb = True
    with refuses(SequenceError, "colour pictures"):
        make_calibration(References(picture))


def test_a_panel_that_leaves_the_frame_is_refused(camera):
    seen = camera.see(np.full((HEIGHT, WIDTH, BANDS), 0.3))
    panel = Panel(seen, np.array([WIDTH - 4.0, 2.0, 8.0, 6.0]))
    with refuses(ConfigError, f"{WIDTH} x {HEIGHT}", f"{WIDTH - 4}"):
        make_calibration(References(camera.see(0, frames=8), panel=panel, reflectance=0.5))
