"""How fast siamban-compact tracks from end to end: 512 x 256 x 16 video stored as .npy and as mosaic PNG, stage by stage.

Stages: read (open or decode the frame), crop (cut, scale and colour the search region), network, decide (penalties, choice,
new box). They are timed with the search region kept on the truth, so that every run crops the same windows; frames a second
are those of `spectrack.track` from start to end, first frame left out. Files are in the system's cache, as they are right
after recording. Branches are single forward passes of the network over 1 and 5 search crops.

    python benchmarks/siamban_speed.py --out benchmarks/results/siamban_speed.json
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
import torch

from spectrack.errors import WeightsError
from spectrack.evaluation.provenance import provenance
from spectrack.files import write_json
from spectrack.networks.siamban import SiamBAN
from spectrack.sequences import open_sequence
from spectrack.sequences.writers import write_sequence
from spectrack.simulation.video import simulate
from spectrack.trackers.base import track
from spectrack.trackers.loading import load_tracker
from spectrack.trackers.siamban import SiamBANTracker

HEIGHT, WIDTH, SENSOR, SCENARIO, SEED = 256, 512, "vis16", "calm", 31
FORMATS = {"npy": "npy", "mosaic PNG": "hotc"}
BATCHES = (1, 5)


def make_tracker(weights, precision):
    """The tracker with trained weights, or, where there are none, with random ones, which cost the same time."""
    try:
        return load_tracker("siamban", weights=weights, precision=precision, device="cpu")
    except WeightsError:
        if weights is not None:
            raise
        torch.manual_seed(0)
        return SiamBANTracker(SiamBAN(), precision=precision, identity={"file": "random weights"})


def summary(milliseconds):
    values = np.asarray(milliseconds)
    return {"median_ms": round(float(np.median(values)), 3), "p95_ms": round(float(np.percentile(values, 95)), 3)}


def stage_times(sequence, tracker):
    """Milliseconds of every stage and frame, the search region kept on the truth."""
    tracker.init(sequence.frame(0), sequence.truth[0], wavelengths_nm=sequence.wavelengths_nm)
    state, times = tracker._state, {"read": [], "crop": [], "network": [], "decide": []}
    for index in range(1, len(sequence)):
        state.box = sequence.truth[index - 1].copy()
        marks = [time.perf_counter()]
        frame = sequence.frame(index)
        marks.append(time.perf_counter())
        window = state.search_window()
        search = tracker._crop(frame, window, 255)
        marks.append(time.perf_counter())
        scores, corners = tracker._respond(search)
        marks.append(time.perf_counter())
        state.move(state.choose(scores, corners, window), window)
        marks.append(time.perf_counter())
        for name, milliseconds in zip(times, 1e3 * np.diff(marks), strict=True):
            times[name].append(milliseconds)
    return times


def frames_per_second(sequence, tracker, box):
    estimates = track(sequence, tracker, box)
    next(estimates)
    start = time.perf_counter()
    count = sum(1 for _ in estimates)
    return count / (time.perf_counter() - start)


def branch_times(tracker, repeats):
    """Milliseconds a branch of one pass over n search crops."""
    times = {}
    for count in BATCHES:
        search = torch.rand(count, 255, 255, 3).permute(0, 3, 1, 2)
        with torch.inference_mode():
            for _ in range(3):
                tracker.network.match(tracker._kernels, search)
            passes = []
            for _ in range(repeats):
                start = time.perf_counter()
                tracker.network.match(tracker._kernels, search)
                passes.append(1e3 * (time.perf_counter() - start) / count)
        times[f"batch of {count}"] = summary(passes)
    return times


def measure(folder, options):
    video = simulate(SCENARIO, SENSOR, frames=options.frames, seed=SEED, height=HEIGHT, width=WIDTH)
    for format in FORMATS.values():
        write_sequence(video, folder / format, format=format)
    results, weights = {}, None
    for precision in ("fp32", "bf16"):
        tracker = make_tracker(options.weights, precision)
        weights = tracker.identity
        stored = {}
        for name, format in FORMATS.items():
            sequence = open_sequence(folder / format)
            # Once to warm up: file cache, memory, choice of kernels.
            frames_per_second(sequence, tracker, sequence.truth[0])
            speeds = [frames_per_second(sequence, tracker, sequence.truth[0]) for _ in range(options.repeats)]
            times = stage_times(sequence, tracker)
            stored[name] = {
                "frames_per_second": round(float(np.median(speeds)), 1),
                "stages": {stage: summary(values) for stage, values in times.items()},
            }
        results[precision] = {"stored_as": stored, "branch": branch_times(tracker, 20 * options.repeats)}
    return results, weights


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="JSON file for the results")
    parser.add_argument("--weights", help="weights file or name; by default the shipped ones, or random ones where there are none")
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    cv2.setNumThreads(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        results, weights = measure(Path(folder), options)
    for precision, found in results.items():
        for name, values in found["stored_as"].items():
            stages = ", ".join(f"{stage} {times['median_ms']:.2f}" for stage, times in values["stages"].items())
            print(f"{precision} {name}: {values['frames_per_second']:.0f} frames/s ({stages} ms)")
        print(f"{precision} branch: " + ", ".join(f"{name} {times['median_ms']:.2f} ms each" for name, times in found["branch"].items()))
    if options.out:
        video = {"scenario": SCENARIO, "sensor": SENSOR, "seed": SEED, "height": HEIGHT, "width": WIDTH, "frames": options.frames}
        command = f"python benchmarks/siamban_speed.py --frames {options.frames} --repeats {options.repeats} --threads {options.threads}"
        write_json(options.out, {"command": command, "video": video, "weights": weights, "results": results, "provenance": provenance()})


if __name__ == "__main__":
    main()
