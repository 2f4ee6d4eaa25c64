"""A tracker for tests: it moves the box by one pixel a frame, as slowly as it is told."""

import time

import numpy as np

from spectrack.boxes import as_box
from spectrack.trackers.base import Estimate, Tracker


class Mover(Tracker):
    name = "mover"

    def __init__(self, seconds=0.0, fails_at=None, boxless=()):
        self.seconds, self.fails_at, self.boxless, self.frames = seconds, fails_at, boxless, 0

    def init(self, frame, box, *, wavelengths_nm=None):
        frame.window(0, 0, 1, 1)
        self.box, self.wavelengths_nm, self.frames = as_box(box), wavelengths_nm, 1

    def update(self, frame):
        frame.whole()
        time.sleep(self.seconds)
        if self.frames == self.fails_at:
            raise RuntimeError("out of order")
        box = self.box + np.array([self.frames, 0, 0, 0])
        self.frames += 1
        if self.frames - 1 in self.boxless:
            box = np.full(4, np.nan)
        return Estimate(box, 0.5, lost=self.frames % 4 == 0, probability=0.25)
