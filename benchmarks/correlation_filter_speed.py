"""How fast cf tracks from end to end: 512 x 256 video of 16 and 25 bands stored as .npy, and of 16 as mosaic PNG.

Frames a second are those of `spectrack.track` from start to end, first frame left out; the stages are timed beside it: read (open
or decode the frame), look (cut, reduce, log spectra), find (likelihood, channels, correlation, extent) and learn (all updates).
Files are in the system's cache, as they are right after recording. The processor's load before the run is stored with the
result, because other work on the machine makes frames a second fewer; processor time a frame suffers less from it.

    python benchmarks/correlation_filter_speed.py --out benchmarks/results/correlation_filter_speed.json
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
import torch

from spectrack.evaluation.provenance import provenance
from spectrack.files import write_json
from spectrack.sequences import open_sequence
from spectrack.sequences.writers import write_sequence
from spectrack.simulation.video import simulate
from spectrack.trackers.base import track
from spectrack.trackers.correlation.views import Lens
from spectrack.trackers.correlation_filter import CorrelationFilterTracker
from spectrack.trackers.loading import load_tracker

HEIGHT, WIDTH, SCENARIO, SEED = 256, 512, "calm", 31
VIDEOS = {"16 bands, npy": ("vis16", "npy"), "16 bands, mosaic PNG": ("vis16", "hotc"), "25 bands, npy": ("nir25", "npy")}


def summary(milliseconds):
    values = np.asarray(milliseconds)
    return {"median_ms": round(float(np.median(values)), 3), "p95_ms": round(float(np.percentile(values, 95)), 3)}


def speed(sequence, tracker):
    """Frames a second, and processor time a frame in milliseconds over all threads."""
    estimates = track(sequence, tracker)
    next(estimates)
    start, used = time.perf_counter(), time.process_time()
    count = sum(1 for _ in estimates)
    return count / (time.perf_counter() - start), 1e3 * (time.process_time() - used) / count


def stage_times(sequence, tracker):
    """Milliseconds of every stage and frame, by a clock around the tracker's own steps."""
    times = {"read": [], "look": [], "find": [], "learn": []}
    spent = dict.fromkeys(times, 0.0)

    def timed(owner, method, stage, less=()):
        plain = getattr(owner, method)

        def around(*arguments, **named):
            before = {inner: spent[inner] for inner in less}
            start = time.perf_counter()
            result = plain(*arguments, **named)
            inside = sum(spent[inner] - before[inner] for inner in less)
            spent[stage] += 1e3 * (time.perf_counter() - start) - inside
            return result

        setattr(owner, method, around)
        return lambda: setattr(owner, method, plain)

    restore = [
        timed(Lens, "look", "look"),
        timed(CorrelationFilterTracker, "_see", "find", less=("look",)),
        timed(CorrelationFilterTracker, "_learn", "learn"),
    ]
    try:
        tracker.init(sequence.frame(0), sequence.first_box, wavelengths_nm=sequence.wavelengths_nm)
        for index in range(1, len(sequence)):
            spent.update(dict.fromkeys(spent, 0.0))
            start = time.perf_counter()
            frame = sequence.frame(index)
            spent["read"] = 1e3 * (time.perf_counter() - start)
            tracker.update(frame)
            for stage, milliseconds in spent.items():
                times[stage].append(milliseconds)
    finally:
        for undo in restore:
            undo()
    return times


def start_times(sequence, repeats):
    """Milliseconds of loading the tracker and of its first frame."""
    found = []
    for _ in range(repeats):
        start = time.perf_counter()
        load_tracker("cf").init(sequence.frame(0), sequence.first_box, wavelengths_nm=sequence.wavelengths_nm)
        found.append(1e3 * (time.perf_counter() - start))
    return found


def measure(folder, options):
    results = {}
    for name, (sensor, format) in VIDEOS.items():
        video = simulate(SCENARIO, sensor, frames=options.frames, seed=SEED, height=HEIGHT, width=WIDTH)
        write_sequence(video, folder / f"{sensor}-{format}", format=format)
        sequence, tracker = open_sequence(folder / f"{sensor}-{format}"), load_tracker("cf")
        speed(sequence, tracker)  # once to warm up: file cache, memory
        runs = [speed(sequence, tracker) for _ in range(options.repeats)]
        speeds, processor = [list(values) for values in zip(*runs, strict=True)]
        results[name] = {
            "frames_per_second": round(float(np.median(speeds)), 1),
            "frames_per_second_of_each_repeat": [round(one, 1) for one in speeds],
            "processor_ms_a_frame": round(float(np.median(processor)), 2),
            "stages": {stage: summary(values) for stage, values in stage_times(sequence, tracker).items()},
            "first_frame": summary(start_times(sequence, options.repeats)),
        }
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="JSON file for the results")
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--note", default="nothing", help="what else ran on the machine; stored with the result")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    cv2.setNumThreads(options.threads)
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        results = measure(Path(folder), options)
    for name, values in results.items():
        stages = ", ".join(f"{stage} {times['median_ms']:.2f}" for stage, times in values["stages"].items())
        speeds = f"{values['frames_per_second']:.0f} frames/s, processor {values['processor_ms_a_frame']:.1f} ms a frame"
        print(f"{name}: {speeds} ({stages} ms), first frame {values['first_frame']['median_ms']:.0f} ms")
    if options.out:
        video = {"scenario": SCENARIO, "seed": SEED, "height": HEIGHT, "width": WIDTH, "frames": options.frames}
        beside = {"note": options.note, "load_average_before": round(load, 2)}
        settings = f"--frames {options.frames} --repeats {options.repeats} --threads {options.threads}"
        command = f"python benchmarks/correlation_filter_speed.py {settings}"
        record = {"command": command, "video": video, "ran_beside": beside, "tracker": load_tracker("cf").describe(), "results": results}
        write_json(options.out, record | {"provenance": provenance()})


if __name__ == "__main__":
    main()
