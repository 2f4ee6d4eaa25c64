"""The shipped weights really track: simulated targets, and, where the clips are at hand, real ones."""

import os
from pathlib import Path

import numpy as np
import pytest

import spectrack
from spectrack.weights.index import shipped_folder

SHARED = Path(os.environ.get("SPECTRACK_SHARED", Path(__file__).resolve().parents[2].parent / "shared"))
WEIGHTS = shipped_folder() / "siamban-compact.safetensors"

pytestmark = pytest.mark.skipif(
    not WEIGHTS.is_file(), reason="siamban-compact.safetensors is not in the package yet; train it first"
)


@pytest.fixture(scope="module")
def tracker():
    return spectrack.load_tracker("siamban", weights=WEIGHTS, precision="fp32")


def mean_overlap(sequence, tracker, box=None):
    boxes = np.array([estimate.box for estimate in spectrack.track(sequence, tracker, box)])
    return float(spectrack.iou(boxes, sequence.truth).mean())


def test_the_file_is_small_and_says_what_it_is():
    from spectrack.weights.files import read_metadata

    assert WEIGHTS.stat().st_size <= 4 * 2**20
    metadata = read_metadata(WEIGHTS)
    assert (metadata.method, metadata.profile, metadata.licence) == ("siamban", "compact", "Apache-2.0")
    assert metadata.recipe
    assert metadata.data
    assert metadata.seed is not None
    assert 0 < metadata.parameters <= 1_500_000


@pytest.mark.parametrize("scenario", ["calm", "supple"])
@pytest.mark.parametrize("sensor", ["vis16", "nir25"])
def test_simulated_targets_are_followed(tracker, scenario, sensor):
    sequence = spectrack.simulate(scenario, sensor, frames=30, seed=5)
    assert mean_overlap(sequence, tracker) >= 0.5


def test_tracking_repeats_bit_for_bit(tracker):
    sequence = spectrack.simulate("calm", frames=8, seed=6)
    first, second = ([e.box.tolist() for e in spectrack.track(sequence, tracker)] for _ in range(2))
    assert first == second


@pytest.mark.parametrize(
    ("clip", "frames", "least"),
    [("rgb_crossing", 120, 0.5), ("hotc_kangaroo/HSI", 10, 0.6)],
)
def test_real_targets_are_followed(tracker, clip, frames, least):
    folder = SHARED / "data" / clip
    if not folder.is_dir():
        pytest.skip(f"real clips not found at {folder}; set SPECTRACK_SHARED to the folder that holds data/")
    sequence = spectrack.open_sequence(folder)
    assert len(sequence) >= frames
    assert mean_overlap(sequence, tracker) >= least
