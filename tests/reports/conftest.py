"""Runs made by hand: two trackers and four short sequences whose scores can be computed with a pencil."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from spectrack.evaluation.tracked import TrackedSequence
from spectrack.runs.reading import StoredRun

LABELS = ("ball&mirror9", "_under_scored", "car", "forest$2$")
FRAMES = 12


def truth_of(label):
    k = LABELS.index(label)
    return np.array([[20.0 + 2 * i + k, 15.0 + i, 12.0 + k, 10.0] for i in range(FRAMES)])


def stored_sequence(label, shift, **changes):
    """A track that drifts off the truth by `shift` pixels a frame."""
    truth = truth_of(label)
    boxes = truth + np.array([[shift * i, 0, 0, 0] for i in range(FRAMES)])
    values = {
        "label": label,
        "boxes": boxes,
        "truth": truth,
        "score": np.linspace(1, 0.2, FRAMES),
        "lost": np.arange(FRAMES) > 9,
        "milliseconds": {
            "reading": np.full(FRAMES, 1.0),
            "network": np.full(FRAMES, 6.0),
            "rest": np.full(FRAMES, 3.0),
        },
        "attributes": {"ball&mirror9": ("OCC", "SV"), "car": ("OCC", "BC"), "forest$2$": ("IV",)}.get(label, ()),
        "visibility": np.where(np.arange(FRAMES) < 3, 0.2, 1.0) if label == "car" else None,
        "failure": None,
    }
    return TrackedSequence(**{**values, **changes})


def stored_run(directory, tracker, shift, *, labels=LABELS, info=None, **changes):
    described = {
        "protocol": "hot",
        "seed": 3,
        "tracker": {
            "name": tracker,
            "device": "cpu",
            "precision": "fp32",
            "weights": {"file": "w.safetensors", "hash": hash_of(tracker)},
        },
        "provenance": {
            "processor": "Example Processor 9",
            "cores": 2,
            "spectrack": "0.1.0",
            "commit": "abc",
            "date": "2026-01-01",
        },
    }
    sequences = {label: stored_sequence(label, shift * (1 + LABELS.index(label)), **changes) for label in labels}
    return StoredRun(Path(directory), tracker, sequences, described if info is None else info)


def hash_of(tracker):
    return "".join(f"{ord(sign):02x}" for sign in tracker)[:12].ljust(12, "0")


def write_evidence(directory, label, **changes):
    rng = np.random.default_rng(5)
    evidence = {
        "band_importance": rng.random((FRAMES, 5)),
        "wavelengths_nm": np.array([600.0, 500.0, 700.0, 550.0, 650.0]),
        "target_spectrum": np.array([[10.0, 20, 30, 25, 5], [12, 22, 28, 25, 7]]),
        "background_spectrum": np.array([[30.0, 20, 10, 15, 40], [31, 21, 11, 15, 41]]),
        "spectrum_frames": np.array([0, 11]),
    } | changes
    folder = Path(directory) / "evidence"
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / f"{label}.npz", **{name: value for name, value in evidence.items() if value is not None})


def picture(label, index):
    """A grey that brightens, 64 x 48 pixels."""
    return np.full((48, 64, 3), 60 + 5 * index, dtype=np.uint8)


@pytest.fixture(scope="session")
def made():
    """The functions above."""
    return SimpleNamespace(
        LABELS=LABELS,
        FRAMES=FRAMES,
        truth_of=truth_of,
        sequence=stored_sequence,
        run=stored_run,
        hash_of=hash_of,
        write_evidence=write_evidence,
        picture=picture,
    )


@pytest.fixture(scope="session")
def two_runs(tmp_path_factory):
    """A good tracker with evidence and a worse one without, whose name would be script and a formula if it were not
    escaped.
    """
    place = tmp_path_factory.mktemp("runs")
    write_evidence(place / "good", "car")
    good = stored_run(place / "good", "good_one", 0.1)
    return [good, stored_run(place / "bad", "<script>alert('x')</script> & $b$", 0.8)]
