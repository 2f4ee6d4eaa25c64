"""A walking object, trackers of a few lines, and a module of them that worker processes can import."""

import importlib
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from spectrack.sequences.base import ArrayFrame, Sequence
from spectrack.trackers.base import Estimate, Tracker

# What worker processes need lies in a module of its own: they cannot import a test file.
MODULE = '''
import os, time
import numpy as np
from spectrack.evaluation.sequence_run import SequenceEntry
from spectrack.sequences.base import ArrayFrame, Sequence
from spectrack.trackers.base import Estimate, Tracker


class Clip(Sequence):
    def __init__(self, name, frames=12):
        self.name, self.height, self.width, self.bands = name, 12, 16, 4
        self._frames = frames
        steps = np.random.default_rng(sum(name.encode())).normal(0, 0.4, (frames, 2))
        self.truth = np.concatenate([np.array([4.0, 3.0]) + np.cumsum(steps, axis=0), np.tile([5.0, 4.0], (frames, 1))], axis=1)
        self.visibility = np.where(np.arange(frames) < frames - 2, 1.0, 0.0)

    def __len__(self):
        return self._frames

    def frame(self, i):
        cube = np.random.default_rng(i).integers(0, 900, (12, 16, 4)).astype(np.uint16)
        x, y, w, h = np.rint(self.truth[i]).astype(int)
        cube[max(0, y):y + h, max(0, x):x + w] += 1000
        return ArrayFrame(cube)


class Chasing(Tracker):
    """Moves half-way to the brightest region's centre, with some noise from the global generator."""

    name = "chasing"
    pause = 0.0

    def init(self, frame, box, *, wavelengths_nm=None):
        self.box = np.asarray(box, float)

    def update(self, frame):
        time.sleep(self.pause)
        with self.network_time():
            bright = np.argwhere(frame.whole().sum(axis=2) > 4000) + 0.5
        centre = bright.mean(axis=0)[::-1] + np.random.normal(0, 0.2, 2)
        self.box = np.concatenate([0.5 * self.box[:2] + 0.5 * (centre - self.box[2:] / 2), self.box[2:]])
        return Estimate(self.box, float(np.random.random()), bool(np.random.random() < 0.2))


class Slow(Chasing):
    pause = 0.02


def where(item):
    time.sleep(0.05)
    return item, os.getpid()


def entries(frames=12):
    return [SequenceEntry(f"clip{n}", Opener(f"clip{n}", frames), ("OCC",) if n % 2 else ("SV", "FM")) for n in range(8)]


class Opener:
    def __init__(self, name, frames):
        self.name, self.frames = name, frames

    def __call__(self):
        return Clip(self.name, self.frames)
'''


class Walk(Sequence):
    """A tiny clip whose object walks to the right by a third of a pixel a frame."""

    def __init__(self, name="walk", frames=6, truth=True):
        self.name, self.height, self.width, self.bands, self.attributes = name, 12, 16, 4, ("FM",)
        self._frames = frames
        boxes = np.array([[2 + k / 3, 3, 5, 4] for k in range(frames)])
        if truth:
            self.truth = boxes
        elif truth is None:
            self._first_box = boxes[0]

    def __len__(self):
        return self._frames

    def frame(self, i):
        cube = np.full((12, 16, 4), 10, np.uint16)
        cube[3:7, 2:7] = 100 + i
        return ArrayFrame(cube)


class Still(Tracker):
    """A tracker that never moves, and says so from frame 3 on."""

    name = "still"

    def init(self, frame, box, *, wavelengths_nm=None):
        self.box, self.count = np.asarray(box, float), 0

    def update(self, frame):
        self.count += 1
        return Estimate(self.box, 0.5, self.count >= 3)


@pytest.fixture
def small():
    """`Walk` and `Still`; test files cannot import a conftest."""
    return SimpleNamespace(Walk=Walk, Still=Still)


@pytest.fixture(scope="session")
def workshop(tmp_path_factory):
    """The module above, importable here and in worker processes."""
    folder = tmp_path_factory.mktemp("modules")
    (folder / "benchmark_workshop.py").write_text(MODULE)
    sys.path.insert(0, str(folder))
    yield importlib.import_module("benchmark_workshop")
    sys.path.remove(str(folder))
    sys.modules.pop("benchmark_workshop", None)
