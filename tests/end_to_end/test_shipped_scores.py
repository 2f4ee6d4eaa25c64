"""What the shipped trackers reach on a few videos of the suite stands in shipped_scores.json; a change is seen at once.

After a change that is meant to change boxes, write the table anew and look at the difference:

    python tests/end_to_end/test_shipped_scores.py --rewrite
"""

import argparse
import functools
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

import spectrack
from spectrack.files import write_text
from spectrack.sequences.memory import MemorySequence
from spectrack.simulation.suite import open_suite_sequence
from spectrack.trackers.registry import EVIDENCE_METHOD
from spectrack.weights.files import read_metadata
from spectrack.weights.index import shipped_folder

TABLE = Path(__file__).with_name("shipped_scores.json")
COMMAND = "python tests/end_to_end/test_shipped_scores.py --rewrite"
SEQUENCES = ("cam-grass-vis16", "open-grass-nir25", "twin-crossing-rednir15")
FRAMES = 20
TOLERANCE = 0.001

SHIPPED = {path.stem: path for path in shipped_folder().glob("*.safetensors")}
NAMES = sorted([*SHIPPED, "cf"])
"""Weights by name, and the tracker that has none."""


@functools.cache
def clip(name):
    """The first frames of a video of the suite, rendered once for all trackers."""
    video = open_suite_sequence(name)
    cubes = [video[index] for index in range(FRAMES)]
    return MemorySequence(cubes, name=name, truth=video.truth[:FRAMES], wavelengths_nm=video.wavelengths_nm)


def load(name):
    """A tracker by its weights; a part of trackers in the default one."""
    if name not in SHIPPED:
        return spectrack.load_tracker(name)
    path, metadata = SHIPPED[name], read_metadata(SHIPPED[name])
    if metadata.method == EVIDENCE_METHOD:
        return spectrack.load_tracker("siamban", precision="fp32", device="cpu", evidence="channel")
    return spectrack.load_tracker(
        metadata.method, profile=metadata.profile, weights=path, precision="fp32", device="cpu"
    )


def area_under_success(name, sequence):
    """The mean overlap, which is the area under the success curve without the steps of its thresholds."""
    boxes = np.array([estimate.box for estimate in spectrack.track(clip(sequence), load(name))])
    return float(spectrack.iou(boxes, clip(sequence).truth).mean())


def measured(name):
    return {sequence: round(area_under_success(name, sequence), 4) for sequence in SEQUENCES}


def test_the_table_has_a_row_for_everything_that_is_shipped():
    table = json.loads(TABLE.read_text(encoding="utf-8"))
    assert sorted(table["auc"]) == NAMES, f"write the table anew: {COMMAND}"
    assert (table["command"], table["frames"]) == (COMMAND, FRAMES)


AS_STORED = int(cv2.__version__.split(".")[0]) >= 5
OTHERWISE = 0.05
"""Scores are stored for OpenCV 5; where an older one resamples, clips and crops differ in their last digits."""


@pytest.mark.usefixtures("one_thread_and_seed")
@pytest.mark.parametrize("name", NAMES)
def test_shipped_trackers_score_what_they_did(name):
    expected = json.loads(TABLE.read_text(encoding="utf-8"))["auc"][name]
    found = measured(name)
    assert found == pytest.approx(expected, abs=TOLERANCE if AS_STORED else OTHERWISE), (
        f"if boxes were meant to change: {COMMAND}"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Measure the shipped trackers and write their scores anew.")
    parser.add_argument("--rewrite", action="store_true", required=True, help=f"replace {TABLE.name}")
    parser.parse_args()
    torch.set_num_threads(1)
    scores = {name: measured(name) for name in NAMES}
    record = {"command": COMMAND, "precision": "fp32", "device": "cpu", "frames": FRAMES, "auc": scores}
    write_text(TABLE, json.dumps(record, indent=2) + "\n")
