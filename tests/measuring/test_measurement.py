"""What is measured of a target of known spectrum, size and place."""

import csv
import json

import cv2
import numpy as np
import pytest

import spectrack
from spectrack.errors import ConfigError, MissingExtraError
from spectrack.measuring.measurement import Measurements, measure_target
from spectrack.measuring.options import MeasureOptions, Scale
from spectrack.recording import record
from spectrack.runs.options import RecordOptions
from spectrack.sequences.memory import MemorySequence
from spectrack.trackers.base import Estimate
from tests.fixtures.refusals import refuses

HEIGHT, WIDTH, BANDS, FRAMES = 64, 96, 16, 8
CENTRES = tuple(np.linspace(460, 610, BANDS))
TARGET = 300 + 500 * np.linspace(0, 1, BANDS) ** 2
GROUND = 450 + 60 * np.sin(np.arange(BANDS))
RADII = 9.0, 7.0
AREA = np.pi * RADII[0] * RADII[1]
NOISE = 8.0


def place(frame):
    return 30 + 2.5 * frame, 30 + 0.5 * frame


@pytest.fixture(scope="module")
def clip():
    """An ellipse of one material moves over a ground of another; edges mix, ten counts of noise."""
    noise = np.random.default_rng(2)
    fine = (np.arange(WIDTH * 8) + 0.5) / 8, (np.arange(HEIGHT * 8) + 0.5) / 8
    cubes, boxes = [], []
    for frame in range(FRAMES):
        x, y = place(frame)
        inside = ((fine[0] - x) / RADII[0]) ** 2 + ((fine[1][:, None] - y) / RADII[1]) ** 2 < 1
        share = inside.reshape(HEIGHT, 8, WIDTH, 8).mean(axis=(1, 3))[:, :, None]
        light = share * TARGET + (1 - share) * GROUND + NOISE * noise.standard_normal((HEIGHT, WIDTH, BANDS))
        cubes.append(np.rint(light).astype(np.uint16))
        boxes.append((x - RADII[0], y - RADII[1], 2 * RADII[0], 2 * RADII[1]))
    return MemorySequence(cubes, name="ellipse", truth=boxes, wavelengths_nm=CENTRES)


@pytest.fixture(scope="module")
def recorded(clip, tmp_path_factory):
    measuring = MeasureOptions(measure=True, parquet=True, mask="coco", scale="0.5mm")
    folder = tmp_path_factory.mktemp("runs") / "cf"
    return record(clip, spectrack.load_tracker("cf"), folder, options=RecordOptions(measuring=measuring))


def rows_of(recording):
    with (recording.directory / "measurements.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def column(rows, name):
    return np.array([float(row[name]) for row in rows])


def test_spectrum_area_and_centre(recorded):
    rows = rows_of(recorded)
    assert [row["frame"] for row in rows] == [str(frame) for frame in range(FRAMES)]
    assert {row["mask"] for row in rows} == {"evidence"}
    means = np.stack([column(rows, f"mean_{centre:g}nm") for centre in CENTRES], axis=1)
    span = np.abs(TARGET - GROUND).max()
    assert np.abs(means - TARGET).max() < 0.05 * span  # the rim of mixed pixels is left out
    assert column(rows, "area_px") == pytest.approx(AREA, rel=0.1)
    centres = np.array([place(frame) for frame in range(FRAMES)])
    found = np.stack([column(rows, "centre_x_px"), column(rows, "centre_y_px")], axis=1)
    assert np.abs(found - centres).max() < 0.3
    scatter = np.stack([column(rows, f"scatter_{centre:g}nm") for centre in CENTRES], axis=1)
    assert np.median(scatter) == pytest.approx(NOISE, rel=0.3)
    assert (column(rows, "spectrum_px") < column(rows, "area_px")).all()
    assert column(rows, "area_mm2") == pytest.approx(column(rows, "area_px") / 4)
    assert column(rows, "centre_x_mm") == pytest.approx(column(rows, "centre_x_px") / 2)
    assert recorded.summary["measured"] == {
        "unit": "counts",
        "masks": {"evidence": FRAMES, "box": 0, "none": 0},
        "scale": {"cube_pixel": 0.5, "unit": "mm"},
    }


def test_parquet_holds_the_same(recorded):
    parquet = pytest.importorskip("pyarrow.parquet", reason="the extra parquet is not installed")
    table = parquet.read_table(recorded.directory / "measurements.parquet").to_pydict()
    rows = rows_of(recorded)
    assert list(table) == list(rows[0])
    assert column(rows, "area_px") == pytest.approx(table["area_px"])
    assert table["mask"] == [row["mask"] for row in rows]


def test_coco_masks_decode_to_the_target(recorded, clip):
    coder = pytest.importorskip("pycocotools.mask", reason="the extra masks is not installed")
    told = json.loads((recorded.directory / "masks.json").read_text(encoding="utf-8"))
    assert [image["id"] for image in told["images"]] == list(range(FRAMES))
    for item in told["annotations"]:
        mask = coder.decode(item["segmentation"])
        assert mask.shape == (HEIGHT, WIDTH)
        assert mask.sum() == item["area"] == coder.area(item["segmentation"])
        assert coder.toBbox(item["segmentation"]).tolist() == item["bbox"]
        x, y = place(item["image_id"])
        across, down = (np.arange(WIDTH) + 0.5 - x) / RADII[0], (np.arange(HEIGHT) + 0.5 - y) / RADII[1]
        truth = across**2 + down[:, None] ** 2 < 1
        assert (mask.astype(bool) & truth).sum() / (mask.astype(bool) | truth).sum() > 0.85


def test_pictures_of_masks(clip, tmp_path):
    options = RecordOptions(measuring=MeasureOptions(mask="png"))
    recording = record(clip, spectrack.load_tracker("cf"), tmp_path / "run", options=options)
    files = sorted((recording.directory / "masks").iterdir())
    assert [file.name for file in files] == [f"{frame:06d}.png" for frame in range(FRAMES)]
    picture = cv2.imread(str(files[3]), cv2.IMREAD_UNCHANGED)
    assert (picture.dtype, picture.shape) == (np.uint8, (HEIGHT, WIDTH))
    assert picture.sum() / 255 == pytest.approx(AREA, rel=0.1)
    assert not (recording.directory / "measurements.csv").exists()


def test_a_network_with_evidence_has_a_mask_and_one_without_a_box(clip):
    masks = {}
    for evidence in ("prior", "none"):
        tracker = spectrack.load_tracker("siamban", profile="compact", precision="fp32", evidence=evidence)
        tracks = enumerate(spectrack.track(MemorySequence(clip, truth=clip.truth, wavelengths_nm=CENTRES), tracker))
        masks[evidence] = [measure_target(clip, index, estimate)[0] for index, estimate in tracks][:4]
    assert [row.mask for row in masks["prior"]] == ["evidence"] * 4
    assert [row.area for row in masks["prior"]] == pytest.approx([AREA] * 4, rel=0.15)
    assert [row.mask for row in masks["none"]] == ["box"] * 4
    assert masks["none"][0].area == pytest.approx(4 * RADII[0] * RADII[1])
    # The corners of the box are ground.
    assert abs(masks["none"][0].mean[-1] - TARGET[-1]) > abs(masks["prior"][0].mean[-1] - TARGET[-1])


def test_by_hand():
    cube = np.zeros((4, 4, 3), np.uint16)
    cube[1, 1], cube[1, 2] = (10, 20, 30), (20, 40, 60)
    clip = MemorySequence([cube])
    found, _ = measure_target(clip, 0, Estimate(np.array([1.0, 1.0, 1.5, 1.0]), 0.5, lost=True))
    assert found.mean == pytest.approx([(10 + 20 / 2) / 1.5, (20 + 40 / 2) / 1.5, (30 + 60 / 2) / 1.5])
    deviation = np.sqrt(((10 - 40 / 3) ** 2 + (20 - 40 / 3) ** 2 / 2) / 1.5)
    assert found.scatter[0] == pytest.approx(deviation)
    assert (found.area, found.lost) == (1.5, True)
    clip.no_data = 0.0  # now the dark pixels have no data
    found, _ = measure_target(clip, 0, Estimate(np.array([1.0, 1.0, 1.0, 2.0]), 0.5))
    assert found.mean.tolist() == [10, 20, 30]
    assert (found.area, found.unseen) == (2.0, 0.5)
    gone, _ = measure_target(clip, 0, Estimate(np.array([0.0, 3.0, 1.0, 1.0]), 0.5))
    assert np.isnan(gone.mean).all()


def test_frames_without_a_target_have_a_row():
    clip = MemorySequence(np.ones((1, 4, 4, 3), np.uint16))
    measurements = Measurements(clip, scale=Scale(2.0, "units"))
    found = measurements.row(7, measure_target(clip, 0, Estimate(np.full(4, np.nan), 0.0, lost=True))[0])
    row = dict(zip(measurements.columns, found, strict=True))
    assert (row["frame"], row["mask"], row["area_units2"]) == (7, "none", 0.0)
    assert np.isnan(row["mean_band1"])


@pytest.mark.parametrize("scale", ["mm", "0mm", "-1mm", "1 mm 2", "nan", "1e400mm", ""])
def test_a_scale_that_is_none_is_refused(scale):
    with pytest.raises(ConfigError, match=r"--scale 0\.35mm"):
        MeasureOptions(measure=True, scale=scale).check()


def test_options_that_make_no_sense_are_refused():
    with refuses(ConfigError, "--measure"):
        MeasureOptions(scale="1mm").check()
    with refuses(ConfigError, "'jpg'"):
        MeasureOptions(mask="jpg").check()


def test_a_missing_package_is_named_before_tracking(clip, tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "pyarrow", None)
    options = RecordOptions(measuring=MeasureOptions(parquet=True))
    with refuses(MissingExtraError, "pyarrow", "'spectrack[parquet]'"):
        record(clip, spectrack.load_tracker("cf"), tmp_path / "run", options=options)
    assert not (tmp_path / "run").exists()
