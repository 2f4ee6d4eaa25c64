"""Opening with a calibration: what is read, which pixels have data, and that results know which calibration it was."""

import json

import cv2
import numpy as np
import pytest

from spectrack.calibration.calibration import Calibration
from spectrack.calibration.files import write_calibration
from spectrack.cube import cube_to_mosaic
from spectrack.datasets.opening import open_dataset
from spectrack.datasets.options import DatasetPart
from spectrack.errors import ConfigError, SequenceError
from spectrack.evidence.finding import detect
from spectrack.files.fingerprints import take_fingerprint
from spectrack.recording import record
from spectrack.runs.evidence import mean_spectra
from spectrack.sensors import SENSORS, Sensor
from spectrack.sequences.calibrated import CalibratedSequence
from spectrack.sequences.excerpt import Excerpt
from spectrack.sequences.opening import open_sequence
from spectrack.sequences.writers import write_sequence
from spectrack.trackers.base import as_frame
from spectrack.trackers.crop import CropWindow
from spectrack.trackers.lens import Lens, QuickLens
from spectrack.trackers.loading import load_tracker
from tests.fixtures.refusals import refuses

HEIGHT, WIDTH, BANDS = 24, 32, 16


def halving(**options):
    dark, factor = np.zeros((1, 1, BANDS), np.float32), np.full((1, 1, BANDS), 0.001, np.float32)
    return Calibration("reflectance", dark, factor, sensor=SENSORS["vis16"], **options)


@pytest.fixture
def clip(tmp_path):
    """Three frames of mosaics with a truth."""
    cubes = np.random.default_rng(0).integers(100, 900, (3, HEIGHT, WIDTH, BANDS)).astype(np.uint16)
    folder = tmp_path / "clip" / "HSI"
    folder.mkdir(parents=True)
    for number, cube in enumerate(cubes, start=1):
        cv2.imwrite(str(folder / f"{number:04d}.png"), cube_to_mosaic(cube, 4))
    (tmp_path / "clip" / "groundtruth_rect.txt").write_text("4,5,8,6\n" * 3)
    return tmp_path / "clip", cubes


def test_frames_are_reflectance_and_everything_else_stays(clip, tmp_path):
    place, cubes = clip
    write_calibration(tmp_path / "camera.npz", halving())
    found = open_sequence(place, sensor="vis16", calibration=tmp_path / "camera.npz")
    assert found[1].dtype == np.float32
    assert found[1] == pytest.approx(cubes[1] / 1000)
    assert np.array_equal(found.read(2, (3, 4, 9, 8)), found[2][4:8, 3:9])
    assert np.array_equal(found.frame(0).plane(5, 2), found[0][::2, ::2, 5])
    assert found.unit == "reflectance"
    assert found.truth.tolist() == [[4, 5, 8, 6]] * 3
    assert found.block == 4
    assert (tmp_path / "camera.npz") in found.places
    assert open_sequence(place, sensor="vis16").unit == "counts"


def test_it_is_another_sequence_to_whoever_reuses_results(clip):
    place, _ = clip

    def content(calibration):
        return take_fingerprint(open_sequence(place, sensor="vis16", calibration=calibration).made_of()).content

    assert len({content(None), content(halving()), content(halving(saturation=800.0))}) == 3
    assert content(halving()) == content(halving(facts={"told": "later"}))


def test_a_data_set_is_calibrated_and_says_so(clip, tmp_path):
    place, cubes = clip
    write_calibration(tmp_path / "camera.npz", halving())
    calibrated = open_dataset("folder", place.parent / "clip", calibration=tmp_path / "camera.npz")
    assert calibrated[0].open()[0] == pytest.approx(cubes[0] / 1000)
    write_calibration(tmp_path / "other.npz", halving(saturation=500.0))
    other = open_dataset("folder", place.parent / "clip", calibration=tmp_path / "other.npz")
    contents = {take_fingerprint(one[0].open().made_of()).content for one in (other, calibrated)}
    assert len(contents) == 2
    told = DatasetPart(calibration=tmp_path / "camera.npz").describe(calibrated)
    assert told["calibration_digest"] == halving().digest[:12]
    with refuses(ConfigError, "simulated", "--calibration"):
        open_dataset("simulated", calibration=tmp_path / "camera.npz")


def test_masked_pixels_take_no_part_in_spectra(clip):
    place, cubes = clip
    masked = np.zeros((HEIGHT, WIDTH), dtype=bool)
    masked[6, 5:9] = True
    sequence = CalibratedSequence(open_sequence(place, sensor="vis16"), halving(masked=masked))
    target, _ = mean_spectra(sequence, 0, sequence.first_box)
    inside = np.zeros_like(masked)
    inside[5:11, 4:12] = True
    assert target == pytest.approx(cubes[0][inside & ~masked].mean(axis=0) / 1000)


@pytest.mark.parametrize("lens", [Lens, QuickLens])
def test_cells_on_masked_pixels_are_as_those_outside(clip, lens):
    place, _ = clip
    masked = np.zeros((HEIGHT, WIDTH), dtype=bool)
    masked[8:12, 16:24] = True
    sequence = CalibratedSequence(open_sequence(place, sensor="vis16"), halving(masked=masked))
    frame, window = sequence.frame(0), CropWindow(-4, 0, 32)
    look = lens(frame.whole(), None, 32, frame.no_data).look(frame, window)
    assert not look.seen[8:12, 20:28].any()
    assert look.seen[12:24, 4:].all()
    assert not look.seen[:, :3].any()
    values = look.values.reshape(32, 32, -1)
    assert np.array_equal(values[9, 22], values[0, 0])  # the fill of what lies outside
    plain = as_frame(frame.whole())
    assert lens(plain.whole(), None, 32).look(plain, window).seen[8:12, 20:28].all()


def test_dead_pixels_are_no_anomalies(clip):
    place, _ = clip
    masked = np.zeros((HEIGHT, WIDTH), dtype=bool)
    masked[10:14, 10:14] = True
    sequence = CalibratedSequence(open_sequence(place, sensor="vis16"), halving(masked=masked))
    found = next(iter(detect(sequence, frames=[0])))
    assert not found.scores[masked].any()
    assert found.scores[~masked].all()


def test_the_active_area_is_cut_out_of_the_whole_sensor(tmp_path):
    cube = np.random.default_rng(3).integers(100, 900, (6, 8, 4)).astype(np.uint16)
    mosaic = cube_to_mosaic(cube, 2)
    whole = np.zeros((16, 17), np.uint16)
    whole[3:15, 1:17] = mosaic
    sensor = Sensor("mine", 4, 2, (500.0, 510.0, 520.0, 530.0), (), area=(1, 3, 16, 12))
    calibration = Calibration("counts", np.zeros((1, 1, 4), np.float32), np.ones((1, 1, 4), np.float32), sensor=sensor)
    for name, image in (("whole", whole), ("cut", mosaic), ("small", whole[:10])):
        (tmp_path / name).mkdir()
        cv2.imwrite(str(tmp_path / name / "0001.png"), image)
    for name in ("whole", "cut"):
        found = open_sequence(tmp_path / name, calibration=calibration)
        assert np.array_equal(found[0], cube)
    np.save(tmp_path / "stack.npy", np.stack([whole, whole]))
    assert np.array_equal(open_sequence(tmp_path / "stack.npy", axes="thw", calibration=calibration)[1], cube)
    with refuses(SequenceError, "16 x 12", "17 x 10"):
        open_sequence(tmp_path / "small", calibration=calibration)


def test_another_camera_and_colour_are_refused(clip, tmp_path):
    place, _ = clip
    other = Calibration("counts", np.zeros((1, 1, 25), np.float32), np.ones((1, 1, 25), np.float32))
    with refuses(SequenceError, "25 bands", "found 16"):
        open_sequence(place, sensor="vis16", calibration=other)
    (tmp_path / "rgb").mkdir()
    cv2.imwrite(str(tmp_path / "rgb" / "1.jpg"), np.zeros((8, 8, 3), np.uint8))
    with refuses(SequenceError, "colour pictures"):
        open_sequence(tmp_path / "rgb", calibration=other)


def test_exposure_comes_from_the_side_file_and_from_specims_header(clip, tmp_path, caplog):
    place, cubes = clip
    calibration = halving(exposure_ms=10.0)
    open_sequence(place, sensor="vis16", calibration=calibration)
    assert "does not say its exposure" in caplog.text
    (place / "HSI" / "sequence.json").write_text(json.dumps({"exposure_ms": 5.0, "gain_db": 0.0}))
    found = open_sequence(place, sensor="vis16", calibration=calibration)
    assert found.exposure_ms == 5.0
    assert found[0] == pytest.approx(2 * cubes[0] / 1000)
    header = "ENVI\nsamples = 2\nlines = 2\nbands = 3\ndata type = 12\ninterleave = bsq\nbyte order = 0\ntint = 7.5\n"
    (tmp_path / "cube.hdr").write_text(header)
    (tmp_path / "cube.raw").write_bytes(bytes(24))
    assert open_sequence(tmp_path / "cube.hdr").exposure_ms == 7.5


def test_a_copy_remembers_unit_and_gaps(clip, tmp_path):
    place, _ = clip
    masked = np.zeros((HEIGHT, WIDTH), dtype=bool)
    masked[2, 3] = True
    sequence = CalibratedSequence(open_sequence(place, sensor="vis16"), halving(masked=masked))
    copy = open_sequence(write_sequence(sequence, tmp_path / "copy", format="npy"))
    assert np.array_equal(copy[2], sequence[2])
    assert (copy.unit, copy.no_data) == ("reflectance", 0.0)


def test_a_recording_names_the_calibration(clip, tmp_path):
    place, _ = clip
    calibration = halving(saturation=899.0)
    sequence = CalibratedSequence(open_sequence(place, sensor="vis16"), calibration)
    told = record(Excerpt(sequence, 2), load_tracker("cf"), tmp_path / "run").summary["sequence"]["calibration"]
    assert told["digest"] == calibration.digest[:12]
    assert told["unit"] == "reflectance"
    assert 0 < told["saturated_share_of_first_frame"] < 0.1
    plain = record(open_sequence(place, sensor="vis16"), load_tracker("cf"), tmp_path / "plain")
    assert plain.summary["sequence"]["calibration"] is None
