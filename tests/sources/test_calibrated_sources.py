"""A source of raw counts as reflectance: what a sequence with that calibration gives."""

import numpy as np

from spectrack.calibration.calibration import Calibration
from spectrack.errors import SequenceError
from spectrack.sensors import SENSORS
from spectrack.sequences.calibrated import CalibratedSequence
from spectrack.sequences.memory import MemorySequence
from spectrack.sequences.opening import Options
from spectrack.sources.opening import SourceOptions, open_source
from tests.fixtures.refusals import refuses

CUBES = np.random.default_rng(0).integers(20, 900, (3, 24, 32, 16), np.uint16)
DARK, FACTOR = np.full((1, 1, 16), 10, np.float32), np.full((1, 1, 16), 0.001, np.float32)
CALIBRATION = Calibration("reflectance", DARK, FACTOR, sensor=SENSORS["vis16"], wavelengths_nm=tuple(range(400, 416)))


def test_frames_are_those_of_the_calibrated_sequence():
    source = open_source(iter(CUBES), SourceOptions(Options(calibration=CALIBRATION)))
    expected = CalibratedSequence(MemorySequence(CUBES), CALIBRATION)
    found = [captured.frame.whole() for captured in source.frames()]
    np.testing.assert_array_equal(found, list(expected))
    facts = source.sensor, source.wavelengths_nm, source.no_data, source.unit
    assert facts == ("vis16", tuple(range(400, 416)), 0.0, expected.unit)
    assert source.describe()["calibration"]["unit"] == "reflectance"


def test_another_cameras_frames_are_refused():
    with refuses(SequenceError, "25"):
        open_source(iter(np.zeros((2, 24, 32, 25))), SourceOptions(Options(calibration=CALIBRATION, sensor="nir25")))
