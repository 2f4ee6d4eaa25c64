"""What a calibration does to counts, by hand, and its file."""

import json

import numpy as np
import pytest

from spectrack.calibration.calibration import Calibration, check_setting
from spectrack.calibration.files import read_calibration, write_calibration
from spectrack.errors import ConfigError, SequenceError
from spectrack.sensors import Sensor
from tests.fixtures.refusals import refuses


def flat(*values):
    return np.array(values, dtype=np.float32).reshape(1, 1, -1)


@pytest.fixture
def simple():
    """Dark 10, white 110 and 210 counts at a reflectance of 0.5."""
    return Calibration("reflectance", flat(10, 10), flat(0.005, 0.0025), saturation=1000.0)


def test_by_hand(simple):
    counts = np.array([[[110, 210], [60, 110], [10, 10]]], dtype=np.uint16)
    assert simple.apply(counts).tolist() == [[[0.5, 0.5], [0.25, 0.25], [0.0, 0.0]]]
    # Below the dark is noise, and stays: clipped means would be too bright.
    assert simple.apply(np.full((1, 1, 2), 6, np.uint16))[0, 0].tolist() == pytest.approx([-0.02, -0.01])


def test_every_pixel_has_its_own_dark_and_factor():
    dark = np.arange(12, dtype=np.float32).reshape(3, 4, 1)
    factor = 1 + np.arange(12, dtype=np.float32).reshape(3, 4, 1)
    calibration = Calibration("reflectance", np.repeat(dark, 2, 2), np.repeat(factor, 2, 2))
    counts = np.full((3, 4, 2), 20, dtype=np.uint16)
    whole = calibration.apply(counts)
    assert whole[2, 3].tolist() == [(20 - 11) * 12] * 2
    assert np.array_equal(calibration.apply(counts[1:3, 2:4], (2, 1)), whole[1:3, 2:4])


def test_a_pixel_with_a_dead_or_full_band_is_masked_in_every_band(simple):
    calibration = Calibration("reflectance", simple.dark, simple.factor, np.array([[True, False, False]]), 1000.0)
    counts = np.array([[[110, 210], [999, 1000], [110, 210]]], dtype=np.uint16)
    found = calibration.apply(counts)
    assert found[0, :2].tolist() == [[0, 0], [0, 0]]
    assert found[0, 2].tolist() == [0.5, 0.5]
    assert calibration.dead_pixels == 1
    # What had no data before still has none, whatever the dark is.
    assert calibration.apply(np.zeros((1, 3, 2), np.uint16), gaps=True).any() == False  # noqa: E712
    assert calibration.apply(np.zeros((1, 3, 2), np.uint16))[0, 1].tolist() == pytest.approx([-0.05, -0.025])


def test_the_matrix_stands_behind_the_division_or_before_it():
    matrix = np.array([[1, 0.5], [0, 0.5]], dtype=np.float32)  # a band and the mean of both
    counts = np.array([[[30, 50]]], dtype=np.uint16)
    after = Calibration("reflectance", flat(10, 10), flat(1 / 100, 1 / 200), matrix=matrix)
    assert after.apply(counts)[0, 0].tolist() == pytest.approx([0.2, (0.2 + 0.2) / 2])
    # A white of 100 and 200 counts is 100 and 150 in virtual bands, the target 20 and 30.
    before = Calibration("reflectance", flat(10, 10), flat(1 / 100, 1 / 150), matrix=matrix, matrix_first=True)
    assert before.apply(counts)[0, 0].tolist() == pytest.approx([0.2, 0.2])


def test_exposure_and_gain_enter_where_both_sides_tell_them():
    calibration = Calibration("reflectance", flat(0), flat(1), exposure_ms=20.0, gain_db=6.0)
    assert calibration.light(5.0, 6.0) == 4.0
    assert calibration.light(20.0, 0.0) == pytest.approx(10 ** (6 / 20))
    assert calibration.light(None, None) == 1.0
    assert calibration.apply(np.full((1, 1, 1), 3, np.uint16), light=4.0).item() == 12.0
    with refuses(ConfigError, "found 0"):
        check_setting(0.0, None)


def test_arrays_that_do_not_fit_are_refused():
    with refuses(ConfigError, "(1, 1, 2)", "(1, 1, 3)"):
        Calibration("reflectance", flat(1, 2), flat(1, 2, 3))
    with refuses(ConfigError, "(3, 4, 2)"):
        Calibration("reflectance", np.zeros((3, 4, 2), np.float32), np.ones((2, 4, 2), np.float32))
    with refuses(ConfigError, "(1, 1, 1)"):
        Calibration("reflectance", flat(np.nan), flat(1))


def test_frames_of_another_camera_are_refused(simple):
    with refuses(SequenceError, "2 bands", "found 16"):
        simple.check_fits(10, 10, 16, "clip")
    spatial = Calibration("counts", np.zeros((4, 6, 2), np.float32), flat(1, 1))
    spatial.check_fits(4, 6, 2, "clip")
    with refuses(SequenceError, "6 x 4", "found 8 x 4"):
        spatial.check_fits(4, 8, 2, "clip")


def test_the_file_gives_it_back(tmp_path):
    sensor = Sensor("mine", 4, 2, (500.0, 510.0, 520.0, 530.0), (), area=(0, 3, 8, 6))
    calibration = Calibration(
        "reflectance",
        np.random.default_rng(0).random((3, 4, 4), dtype=np.float32),
        np.ones((3, 4, 4), np.float32),
        np.eye(3, 4, dtype=bool),
        1023.0,
        np.eye(4, 3, dtype=np.float32),
        wavelengths_nm=(500.0, 510.0, 520.0),
        sensor=sensor,
        exposure_ms=5.0,
        facts={"white": {"name": "white", "frames": 8}},
    )
    write_calibration(tmp_path / "camera.npz", calibration)
    found = read_calibration(tmp_path / "camera.npz")
    assert found.digest == calibration.digest
    assert found.sensor == sensor
    assert found.facts == calibration.facts
    counts = np.full((3, 4, 4), 500, np.uint16)
    assert np.array_equal(found.apply(counts), calibration.apply(counts))


def test_the_digest_follows_what_decides(simple):
    same = Calibration("reflectance", simple.dark.copy(), simple.factor.copy(), saturation=1000.0, facts={"a": 1})
    assert same.digest == simple.digest
    for other in (
        Calibration("reflectance", simple.dark + 1, simple.factor, saturation=1000.0),
        Calibration("reflectance", simple.dark, simple.factor, saturation=999.0),
        Calibration("reflectance", simple.dark, simple.factor, saturation=1000.0, exposure_ms=1.0),
    ):
        assert other.digest != simple.digest


def test_other_files_are_refused(tmp_path, simple):
    with refuses(SequenceError, tmp_path / "none.npz"):
        read_calibration(tmp_path / "none.npz")
    (tmp_path / "text.npz").write_text("no archive")
    with refuses(SequenceError, tmp_path / "text.npz"):
        read_calibration(tmp_path / "text.npz")
    np.savez(tmp_path / "cubes.npz", cubes=np.zeros((2, 3)))
    with refuses(SequenceError, tmp_path / "cubes.npz", "other arrays"):
        read_calibration(tmp_path / "cubes.npz")
    write_calibration(tmp_path / "good.npz", simple)
    whole = (tmp_path / "good.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(whole[: len(whole) // 2])
    with refuses(SequenceError, tmp_path / "cut.npz"):
        read_calibration(tmp_path / "cut.npz")


@pytest.mark.parametrize(
    ("key", "value"), [("unit", "lumen"), ("version", 2), ("exposure_ms", -1.0), ("mosaic", {"name": 3}), ("kind", "x")]
)
def test_what_the_file_says_is_checked(tmp_path, simple, key, value):
    write_calibration(tmp_path / "good.npz", simple)
    with np.load(tmp_path / "good.npz") as stored:
        arrays = dict(stored)
    arrays["about"] = np.array(json.dumps(json.loads(str(arrays["about"])) | {key: value}))
    np.savez(tmp_path / "bad.npz", **arrays)
    with refuses(SequenceError, tmp_path / "bad.npz"):
        read_calibration(tmp_path / "bad.npz")
