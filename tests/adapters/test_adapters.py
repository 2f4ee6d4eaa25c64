"""Adapters against the real packages; each test is skipped where its package is not installed."""

import subprocess
import sys

import cv2
import numpy as np
import pytest

import spectrack
from spectrack.adapters.data_frames import run_frame
from spectrack.adapters.detections import as_detections
from spectrack.adapters.got10k_toolkit import toolkit_tracker
from spectrack.adapters.vot_trax import write_trackers
from spectrack.errors import BoxError, ConfigError
from spectrack.trackers.base import Estimate, Tracker
from tests.fixtures.refusals import refuses

NAMES = {"got10k": "got10k", "trax": "vot-trax", "supervision": "supervision", "pandas": "pandas"}


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
