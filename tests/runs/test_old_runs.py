"""Runs of earlier versions, without a manifest and without what their sequences were made of, are still read."""

import json

import pytest

import spectrack
from spectrack.runs.reading import find_runs, read_run

FRAMES = """frame,reading_ms,network_ms,rest_ms,score,lost
0,1.204,0.000,20.331,1,0
1,1.100,4.500,2.250,0.75,0
2,1.300,4.250,2.125,0.5,1
"""
BOXES = "20,15,12,10\n21,15,12,10\nnan,nan,nan,nan\n"
TRUTH = "20,15,12,10\n22,15,12,10\n0,0,0,0\n"
TRACKER = {"name": "siamban", "profile": "compact", "precision": "fp32", "device": "cpu"}
TRACKER["weights"] = {"file": "siamban-compact.safetensors", "hash": "0123456789ab", "recipe": "siamban-compact"}
PROVENANCE = {"date": "2025-11-02T10:00:00+00:00", "spectrack": "0.1.0", "processor": "Example 9", "cores": 4}


@pytest.fixture
def old_run(tmp_path):
    """As the runner wrote it."""
    place = tmp_path / "suite" / "siamban"
    for folder in ("boxes", "frames", "truth", "done"):
        (place / folder).mkdir(parents=True)
    (place / "boxes" / "car.txt").write_text(BOXES)
    (place / "frames" / "car.csv").write_text(FRAMES)
    (place / "truth" / "car.txt").write_text(TRUTH)
    (place / "truth" / "car-visibility.txt").write_text("1.0\n0.5\n0.0\n")
    marker = {
        "label": "car",
        "frames": 3,
        "attributes": ["OCC"],
        "frames_per_second": 129.0,
        "machine": "Example 9, 4 cores",
        "has_truth": True,
        "failure": {"frame": 2, "message": "ValueError: x"},
    }
    (place / "done" / "car.json").write_text(json.dumps(marker))
    plan = {"name": "siamban", "tracker": TRACKER, "weights": {"file": "siamban-compact.safetensors", "hash": "0123"}}
    plan |= {"dataset": {"name": "folder", "root": "/data"}, "config": {}, "seed": 0, "threads": 1, "version": "0.1.0"}
    (place / "plan.json").write_text(json.dumps({**plan, "sequences": ["car"]}))
    record = {
        **plan,
        "protocol": "hot",
        "jobs": 1,
        "cluster": None,
        "device": "cpu",
        "machines": ["Example 9, 4 cores"],
    }
    record |= {"provenance": PROVENANCE, "sequences": [marker], "frames_per_second": 129.0, "failures": 1, "auc": 0.5}
    (place / "run.json").write_text(json.dumps(record))
    return place


@pytest.fixture
def old_recording(tmp_path):
    """As `spectrack track` wrote it."""
    place = tmp_path / "runs" / "car"
    place.mkdir(parents=True)
    (place / "boxes.txt").write_text(BOXES.replace("nan,nan,nan,nan", "23,15,12,10"))
    (place / "frames.csv").write_text(FRAMES)
    (place / "groundtruth_rect.txt").write_text(TRUTH)
    sequence = {"name": "car", "frames": 3, "height": 60, "width": 80, "bands": 16, "sensor": "vis16"}
    summary = {
        "sequence": {**sequence, "attributes": ["OCC"], "metadata": {}},
        "first_box": [20.0, 15.0, 12.0, 10.0],
        "lost_frames": 1,
        "frames_per_second": 129.0,
        "milliseconds": {"start": 21.5, "reading_median": 1.2, "network_median": 4.375, "tracking_median": 6.563},
        "scores": {"protocol": "hot (50 thresholds)", "auc": 0.9, "dp20": 1.0, "average_overlap": 0.9, "frames": 2},
        "tracker": TRACKER,
        "settings": {"command": "track", "sequence": "/data/car", "protocol": "otb", "out": "runs/car"},
        "provenance": PROVENANCE,
    }
    (place / "summary.json").write_text(json.dumps(summary))
    return place


def test_a_run_is_read(old_run):
    stored = read_run(old_run)
    car = stored.sequences["car"]
    assert (stored.tracker, stored.protocol, stored.machine) == ("siamban", "hot", "Example 9, 4 cores")
    assert (car.attributes, car.failure, car.failure_frame) == (("OCC",), "ValueError: x", 2)
    assert car.truth.tolist() == [[20, 15, 12, 10], [22, 15, 12, 10], [0, 0, 0, 0]]
    assert car.visibility.tolist() == [1, 0.5, 0]
    assert car.lost.tolist() == [False, False, True]
    assert find_runs(old_run.parent) == [old_run]


def test_a_recording_is_read_as_a_run_of_one_sequence(old_recording):
    stored = read_run(old_recording)
    car = stored.sequences["car"]
    assert (stored.tracker, stored.protocol, list(stored.sequences)) == ("siamban", "otb", ["car"])
    assert (stored.weights_hash, stored.device) == ("0123456789ab", "cpu fp32")
    assert stored.machine.startswith("Example 9")
    assert car.boxes[2].tolist() == [23, 15, 12, 10]
    assert car.score.tolist() == [1, 0.75, 0.5]
    assert (car.attributes, car.visibility, car.failure) == (("OCC",), None, None)
    assert stored.evidence("car") == {}
    assert find_runs(old_recording.parent) == [old_recording]


def test_a_recording_is_still_evaluated(old_recording):
    scores = spectrack.evaluate_directories(old_recording, old_recording, invalid="skip")
    assert scores.sequences[0].frames == 2
