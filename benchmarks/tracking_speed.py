"""What the speed benchmarks share: clips stored as files, frames a second, a clock around a tracker's own steps, what
else ran.

Not a benchmark itself; the commands are `siamban_speed.py`, `correlation_filter_speed.py` and `bcrnet_speed.py`.
"""

from __future__ import annotations

import argparse
import os
import time
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import torch

from spectrack.sequences import open_sequence
from spectrack.sequences.writers import write_sequence
from spectrack.simulation.video import simulate
from spectrack.trackers.base import track

HEIGHT, WIDTH, SCENARIO, SEED = 256, 512, "calm", 31

CLOCKS = {"wall": time.perf_counter, "processor": time.process_time}
"""Processor time, of one thread, hardly suffers from other work on the machine; with more threads it counts their
waiting too.
"""


class StageClock:
    """Milliseconds of a tracker's steps, measured around its own methods while it tracks; an inner step's time is taken
    off the outer's.
    """

    def __init__(self, now=time.perf_counter):
        self.frames: dict[str, list[float]] = {}
        self._spent: dict[str, float] = {}
        self._inside = [0.0]
        self._undo = []
        self._now = now

    def watch(self, owner, method, stage):
        """Count what `owner.method` takes as `stage`; an object or a class."""
        plain, own = getattr(owner, method), vars(owner).get(method)
        self._spent.setdefault(stage, 0.0)

        def around(*arguments, **named):
            self._inside.append(0.0)
            start = self._now()
            try:
                return plain(*arguments, **named)
            finally:
                elapsed = 1e3 * (self._now() - start)
                self._spent[stage] += elapsed - self._inside.pop()
                self._inside[-1] += elapsed

        setattr(owner, method, around)
        self._undo.append(lambda: delattr(owner, method) if own is None else setattr(owner, method, own))

    def next_frame(self):
        """Keep what the last frame took and start again."""
        for stage, milliseconds in self._spent.items():
            self.frames.setdefault(stage, []).append(milliseconds)
            self._spent[stage] = 0.0

    def forget(self):
        """Drop what was measured since the last frame."""
        self._spent = dict.fromkeys(self._spent, 0.0)

    def stop(self):
        """Put the methods back."""
        while self._undo:
            self._undo.pop()()


def stored_clip(folder, sensor, format, frames, size=(HEIGHT, WIDTH)):
    """A simulated clip written to disk and opened again; it lies in the system's cache, as right after recording."""
    video = simulate(SCENARIO, sensor, frames=frames, seed=SEED, height=size[0], width=size[1])
    place = Path(folder) / f"{sensor}-{format}"
    write_sequence(video, place, format=format)
    return open_sequence(place)


def summary(milliseconds):
    values = np.asarray(milliseconds)
    return {"median_ms": round(float(np.median(values)), 3), "p95_ms": round(float(np.percentile(values, 95)), 3)}


def speed(sequence, tracker):
    """Frames a second of `spectrack.track` without the first frame, and processor time a frame in milliseconds over all
    threads.
    """
    estimates = track(sequence, tracker)
    next(estimates)
    start, used = time.perf_counter(), time.process_time()
    count = sum(1 for _ in estimates)
    return count / (time.perf_counter() - start), 1e3 * (time.process_time() - used) / count


def stage_times(sequence, tracker, steps, *, keep_on_truth=False, now=time.perf_counter):
    """Milliseconds of every stage and frame.

    Args:
        sequence: opened from disk.
        tracker: any.
        steps: (owner, method, stage) of its own steps; reading is added.
        keep_on_truth: start every frame from the truth of the one before, so that every run crops the same windows.
        now: the clock, one of `CLOCKS`.
    """
    clock = StageClock(now)
    clock.watch(sequence, "frame", "read")
    for step in steps:
        clock.watch(*step)
    try:
        tracker.init(sequence.frame(0), sequence.first_box, wavelengths_nm=sequence.wavelengths_nm)
        clock.forget()
        for index in range(1, len(sequence)):
            if keep_on_truth:
                tracker._state.box = sequence.truth[index - 1].copy()
            tracker.update(sequence.frame(index))
            clock.next_frame()
    finally:
        clock.stop()
    return clock.frames


def timing_parser(description, frames=100, repeats=5):
    """Arguments of every speed benchmark."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="JSON file for the results")
    parser.add_argument("--frames", type=int, default=frames)
    parser.add_argument("--repeats", type=int, default=repeats)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--note", default="nothing", help="what else ran on the machine; stored with the result")
    return parser


def use_threads(count):
    torch.set_num_threads(count)
    cv2.setNumThreads(count)


@contextmanager
def beside(note):
    """What else ran: the note, the load before, and the processor time of all other processes in cores (Linux; else
    None).
    """
    record = {"note": note, "load_average_before": round(os.getloadavg()[0], 2), "cores_used_by_others": None}
    before, own, start = _busy_seconds(), time.process_time(), time.perf_counter()
    yield record
    after = _busy_seconds()
    if before is not None and after is not None:
        others = (after - before - (time.process_time() - own)) / (time.perf_counter() - start)
        record["cores_used_by_others"] = round(max(others, 0.0), 2)


def _busy_seconds():
    """Processor seconds of all processes since the machine started."""
    try:
        user, nice, system = (int(part) for part in Path("/proc/stat").read_text().split(maxsplit=4)[1:4])
    except OSError:
        return None
    return (user + nice + system) / os.sysconf("SC_CLK_TCK")
