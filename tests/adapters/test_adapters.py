"""Adapters against the real packages; each test is skipped where its package is not installed."""

import configparser
import re
import shlex
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

import spectrack
from spectrack.adapters.coco_video import coco_video, write_coco_video
from spectrack.adapters.data_frames import run_frame
from spectrack.adapters.detections import as_detections
from spectrack.adapters.got10k_toolkit import toolkit_tracker
from spectrack.adapters.rerun_files import write_rerun
from spectrack.adapters.vot_trax import write_trackers
from spectrack.cli import main
from spectrack.errors import BoxError, ConfigError, SequenceError
from spectrack.sequences.memory import MemorySequence
from spectrack.trackers.base import Estimate, Tracker
from tests.fixtures.refusals import refuses

NAMES = {"got10k": "got10k", "trax": "vot-trax", "supervision": "supervision", "pandas": "pandas", "rerun": "rerun-sdk"}


def needed(module):
    return pytest.importorskip(module, reason=f"{NAMES[module]} of the extra adapters is not installed")


class Walking(Tracker):
    """One pixel to the right a frame."""

    name = "walking"

    def init(self, frame, box, *, wavelengths_nm=None):
        self.box, self.shape = box, frame.shape

    def update(self, frame):
        self.box = self.box + np.array([1.0, 0, 0, 0])
        return Estimate(self.box, 0.75, probability=0.5)


class Seeing(Walking):
    """Says by its box what it sees."""

    def update(self, frame):
        cube = np.asarray(frame)
        assert cube.shape == (24, 32, 16)
        return Estimate(np.array([cube.mean(), 0, 5, 5]), 0.5)


@pytest.fixture
def pictures(tmp_path):
    """An OTB folder with one video of three pictures, whose truth walks and counts from 1."""
    folder = tmp_path / "OTB" / "Basketball"
    (folder / "img").mkdir(parents=True)
    for number in range(3):
        cv2.imwrite(str(folder / "img" / f"{number + 1:04d}.jpg"), np.full((48, 64, 3), 90, np.uint8))
    (folder / "groundtruth_rect.txt").write_text("".join(f"{11 + i},21,10,8\n" for i in range(3)))
    return folder


def test_an_experiment_of_the_got10k_toolkit(pictures, tmp_path, monkeypatch):
    needed("got10k")
    from got10k.datasets import OTB
    from got10k.experiments import ExperimentOTB

    monkeypatch.setattr(OTB, "_OTB__otb15_seqs", ["Basketball"], raising=False)
    monkeypatch.setattr(OTB, "_OTB__version_dict", {2015: ["Basketball"]}, raising=False)
    results, reports = str(tmp_path / "results"), str(tmp_path / "reports")
    places = {"result_dir": results, "report_dir": reports}
    experiment = ExperimentOTB(str(pictures.parent), version=2015, **places)
    experiment.run(toolkit_tracker(Walking(), "walk", origin=1), visualize=False)
    boxes = np.loadtxt(tmp_path / "results" / "OTB2015" / "walk" / "Basketball.txt", delimiter=",")
    np.testing.assert_array_equal(boxes, [[11, 21, 10, 8], [12, 21, 10, 8], [13, 21, 10, 8]])
    with refuses(BoxError, "found 2"):
        toolkit_tracker(Walking(), origin=2)


@pytest.mark.timeout(90)
def test_a_trax_client_gets_boxes(pictures):
    trax = needed("trax")
    from trax.client import Client

    code = (
        "import sys; from tests.adapters.test_adapters import Walking; from spectrack.adapters.vot_trax import serve; "
        "sys.exit(0 if serve(Walking()) == 3 else 3)"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", code], **pipes) as server:
        client = Client(stream=(server.stdin.fileno(), server.stdout.fileno()), log=lambda *_: None)
        images = [trax.FileImage.create(str(path)) for path in sorted((pictures / "img").iterdir())]
        client.initialize({"color": images[0]}, [(trax.Rectangle.create(10, 20, 10, 8), {})], {})
        found = [client.frame({"color": image}, {}, [])[0][0] for image in images[1:]]
        client.quit()
        assert server.wait(60) == 0
    assert [region.bounds() for region, _ in found] == [(11, 20, 10, 8), (12, 20, 10, 8)]
    assert float(found[0][1]["confidence"]) == 0.75


def test_trackers_join_a_vot_workspace(tmp_path):
    file = tmp_path / "trackers.ini"
    file.write_text("# mine\n[theirs]\nlabel = Theirs\n")
    write_trackers(tmp_path, ["cf"])
    before = write_trackers(tmp_path, ["cf", "siamban"]).read_text()
    assert before.startswith("# mine\n[theirs]\nlabel = Theirs\n\n[spectrack-cf]\n")
    assert before.count("[spectrack-cf]") == before.count("[spectrack-siamban]") == 1
    assert "protocol = trax" in before
    with refuses(ConfigError, "'cff'", "did you mean 'cf'"):
        write_trackers(tmp_path, ["cff"])
    assert file.read_text() == before


def test_the_toolkit_reads_its_list_and_starts_the_command(tmp_path, monkeypatch, capsys):
    """By the toolkit's rules: names of these letters, percent signs doubled, the command split as a shell does."""
    monkeypatch.setattr("sys.executable", "/opt/100% mine/python")
    assert main(["vot", str(tmp_path), "--trackers", "cf,bcrnet", "--spectral", "my HSI"]) == 0
    assert "spectrack-cf-spectral, spectrack-bcrnet-spectral" in capsys.readouterr().out
    listed = configparser.ConfigParser()
    listed.read(tmp_path / "trackers.ini")
    assert listed.sections() == ["spectrack-cf-spectral", "spectrack-bcrnet-spectral"]
    assert all(re.match("^[a-zA-Z0-9-_]+$", name) for name in listed.sections())
    tracker = listed["spectrack-cf-spectral"]
    assert (tracker["protocol"], tracker["label"]) == ("trax", "spectrack cf-spectral")
    words = ["/opt/100% mine/python", "-m", "spectrack.adapters.vot_trax", "cf", "--spectral", "my HSI"]
    assert shlex.split(tracker["command"]) == words


def test_a_list_that_is_none_and_a_workspace_that_is_none(tmp_path, command_refuses):
    (tmp_path / "trackers.ini").write_text("no list")
    command_refuses(["vot", tmp_path], "trackers.ini")
    command_refuses(["vot", tmp_path / "none"], tmp_path / "none")


@pytest.mark.timeout(90)
def test_a_trax_client_gets_boxes_in_spectral_frames(tmp_path):
    trax = needed("trax")
    from trax.client import Client

    cubes = np.random.default_rng(0).integers(1, 900, (3, 24, 32, 16), np.uint16)
    spectrack.write_sequence(MemorySequence(cubes, sensor="vis16"), tmp_path / "car")
    (tmp_path / "car" / "color").mkdir()
    images = [tmp_path / "car" / "color" / f"{number:08d}.jpg" for number in (1, 2, 3)]
    for image in images:
        cv2.imwrite(str(image), np.full((24, 32, 3), 90, np.uint8))
    code = (
        "from tests.adapters.test_adapters import Seeing; from spectrack.adapters.vot_trax import serve; "
        "serve(Seeing(), 'HSI')"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", code], **pipes) as server:
        client = Client(stream=(server.stdin.fileno(), server.stdout.fileno()), log=lambda *_: None)
        files = [trax.FileImage.create(str(image)) for image in images]
        client.initialize({"color": files[0]}, [(trax.Rectangle.create(1, 2, 10, 8), {})], {})
        found = [client.frame({"color": file}, {}, [])[0][0] for file in (files[2], files[1])]
        client.quit()
        assert server.wait(60) == 0
    seen = [region.bounds()[0] for region, _ in found]
    assert seen == pytest.approx([cubes[2].mean(), cubes[1].mean()], rel=1e-4)


def test_an_estimate_as_detections():
    needed("supervision")
    found = as_detections(Estimate(np.array([10.0, 20, 5, 8]), 0.75, lost=True, probability=0.25), identity=3)
    assert found.xyxy.tolist() == [[10, 20, 15, 28]]
    assert (found.confidence[0], found.tracker_id[0], found.data["lost"][0]) == (0.75, 3, True)
    assert len(as_detections(Estimate(np.full(4, np.nan), 0.0))) == 0


def test_a_recording_as_a_table(tmp_path):
    pandas = needed("pandas")
    clip = spectrack.simulate("calm", frames=4, seed=1, height=64, width=96)
    recording = spectrack.record(clip, spectrack.load_tracker("cf"), tmp_path / "run")
    table = run_frame(tmp_path / "run")
    assert isinstance(table, pandas.DataFrame)
    assert table["frame"].tolist() == [0, 1, 2, 3]
    np.testing.assert_allclose(table[["x", "y", "w", "h"]], recording.boxes, atol=1e-4)
    np.testing.assert_allclose(table["iou"], spectrack.iou(recording.boxes, clip.truth), atol=1e-4)
    assert table["lost"].dtype == "boolean"
    assert {"reading_ms", "score", "probability", "true_x", "visibility"} <= set(table)


@pytest.fixture
def recorded(tmp_path):
    """A recording with truth, of whose four frames the tracker has no box in the third; and its sequence."""

    class Gap(Walking):
        def update(self, frame):
            found = super().update(frame)
            return Estimate(np.full(4, np.nan), 0.25) if found.box[0] == 4 else found

    cubes = np.random.default_rng(0).integers(1, 900, (4, 24, 32, 16), np.uint16)
    truth = [[2.0 + frame, 3, 10, 8] for frame in range(4)]
    clip = MemorySequence(cubes, truth=truth, wavelengths_nm=range(400, 416), name="car")
    return clip, spectrack.record(clip, Gap(), tmp_path / "run", box=truth[0])


def test_a_recording_as_cocos_json(recorded, tmp_path):
    coco = pytest.importorskip("pycocotools.coco", reason="pycocotools of the extra masks is not installed")
    from pycocotools.cocoeval import COCOeval

    write_coco_video(tmp_path / "tracks.json", tmp_path / "run")
    write_coco_video(tmp_path / "truth.json", tmp_path / "run", "truth")
    truth, tracks = (coco.COCO(str(tmp_path / name)) for name in ("truth.json", "tracks.json"))
    assert truth.dataset["videos"] == [{"id": 1, "name": "car", "length": 4, "width": 32, "height": 24}]
    assert [image["frame_id"] for image in truth.loadImgs(truth.getImgIds())] == [0, 1, 2, 3]
    boxes = {tracks.loadImgs(one["image_id"])[0]["frame_id"]: one["bbox"] for one in tracks.dataset["annotations"]}
    assert boxes == {0: [2, 3, 10, 8], 1: [3, 3, 10, 8], 3: [5, 3, 10, 8]}
    judged = COCOeval(truth, truth.loadRes(tracks.dataset["annotations"]), "bbox")
    judged.evaluate()
    judged.accumulate()
    # Three of four objects are found, all of them exactly: precision 1 up to the recall of 0.75, 0 beyond.
    assert judged.eval["recall"].max() == 0.75
    assert judged.eval["precision"][:, :76, 0, 0, -1] == pytest.approx(1)
    (tmp_path / "run" / "groundtruth_rect.txt").unlink()
    with refuses(SequenceError, "car"):
        coco_video(tmp_path / "run", "truth")


def test_a_recording_in_a_file_for_rerun(recorded, tmp_path):
    needed("rerun")
    reading = pytest.importorskip("rerun.chunk", reason="this version of rerun-sdk has no reader of files")
    clip, recording = recorded
    write_rerun(tmp_path / "car.rrd", clip, recording.boxes, truth=clip.truth, frames=recording.frames)
    columns = {}
    for chunk in reading.RrdReader(tmp_path / "car.rrd").stream():
        for name, values in chunk.to_record_batch().to_pydict().items():
            columns.setdefault((chunk.entity_path, name), []).extend(values)
    assert columns["/score", "frame"] == [0, 1, 2, 3]
    assert [value for (value,) in columns["/score", "Scalars:scalars"]] == [1, 0.75, 0.25, 0.75]
    (centre,) = columns["/camera/picture/track", "Boxes2D:centers"][0]
    assert centre == [7, 7]
    assert len([one for one in columns["/camera/picture/truth", "Boxes2D:half_sizes"] if one]) == 4
    assert len(columns["/spectrum", "frame"]) == 3
    assert len(columns["/camera/picture", "EncodedImage:blob"]) == 4
    assert ("/wavelengths_nm", "values") in columns


def test_track_writes_that_file_and_refuses_another(recorded, tmp_path, monkeypatch, command_refuses):
    needed("rerun")
    monkeypatch.setattr("spectrack.trackers.loading.load_tracker", lambda name, **options: Walking())
    spectrack.write_sequence(recorded[0], tmp_path / "clip", format="npy")
    words = ["track", str(tmp_path / "clip"), "--out", str(tmp_path / "out"), "--rerun"]
    command_refuses([*words, tmp_path / "car.txt"], tmp_path / "car.txt")
    (tmp_path / "mine.rrd").write_bytes(b"mine")
    command_refuses([*words, tmp_path / "mine.rrd"], tmp_path / "mine.rrd")
    assert main([*words, str(tmp_path / "car.rrd")]) == 0
    assert (tmp_path / "car.rrd").read_bytes().startswith(b"RRF")


def test_the_three_lines_for_napari(recorded, tmp_path, monkeypatch):
    """Layer data are tuples of data, options and the layer's kind; napari is not needed to make them."""
    clip, recording = recorded
    spectrack.write_sequence(clip, tmp_path / "path" / "HSI", format="npy")
    spectrack.write_boxes(tmp_path / "runs" / "car" / "boxes.txt", recording.boxes, missing=True)
    page = (Path(__file__).parents[2] / "docs" / "adapters.md").read_text(encoding="utf-8")
    code = page.split("## napari")[1].split("```python\n")[1].split("```")[0]
    assert len(code.splitlines()) == 3
    monkeypatch.chdir(tmp_path)
    scope = {"spectrack": spectrack, "np": np}
    exec(code, scope)
    (cube, _, image), (corners, _, shapes) = scope["layers"]
    assert (image, shapes) == ("image", "shapes")
    assert cube.shape == (16, 4, 24, 32)
    np.testing.assert_array_equal(cube[5, 2], clip[2][:, :, 5])
    assert [corner[0][0] for corner in corners] == [0, 1, 3]
    assert corners[1] == [[1, 3, 3], [1, 3, 13], [1, 11, 13], [1, 11, 3]]
