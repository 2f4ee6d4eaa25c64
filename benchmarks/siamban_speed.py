"""How fast siamban-compact tracks from end to end: 512 x 256 x 16 video stored as .npy and as mosaic PNG, stage by
stage.

Stages: read (open or decode the frame), crop (cut, scale and colour the search region), network, decide (penalties,
choice, new box). They are timed with the search region kept on the truth, so that every run crops the same windows;
frames a second are those of `spectrack.track` from start to end, first frame left out. Files are in the system's cache,
as they are right after recording. Branches are single forward passes of the network over 1 and 5 search crops.

    python benchmarks/siamban_speed.py --out benchmarks/results/siamban_speed.json
"""

from __future__ import annotations

import tempfile
import time

import numpy as np
import torch
from tracking_speed import (
    HEIGHT,
    SCENARIO,
    SEED,
    WIDTH,
    beside,
    speed,
    stage_times,
    stored_clip,
    summary,
    timing_parser,
    use_threads,
)

from spectrack.errors import WeightsError
from spectrack.files import write_json
from spectrack.methods.siamban.tracker import SiamBANTracker
from spectrack.networks.siamban import SiamBAN
from spectrack.provenance import provenance
from spectrack.trackers.loading import load_tracker

SENSOR = "vis16"
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
    sequences = {name: stored_clip(folder, SENSOR, format, options.frames) for name, format in FORMATS.items()}
    results, weights = {}, None
    for precision in ("fp32", "bf16"):
        tracker = make_tracker(options.weights, precision)
        weights = tracker.identity
        steps = [(tracker, "_crop", "crop"), (tracker, "_respond", "network"), (tracker, "update", "decide")]
        stored = {}
        for name, sequence in sequences.items():
            # Once to warm up: file cache, memory, choice of kernels.
            speed(sequence, tracker)
            speeds = [speed(sequence, tracker)[0] for _ in range(options.repeats)]
            times = stage_times(sequence, tracker, steps, keep_on_truth=True)
            stored[name] = {
                "frames_per_second": round(float(np.median(speeds)), 1),
                "stages": {stage: summary(values) for stage, values in times.items()},
            }
        results[precision] = {"stored_as": stored, "branch": branch_times(tracker, 20 * options.repeats)}
    return results, weights


def main():
    parser = timing_parser(__doc__)
    parser.add_argument(
        "--weights", help="weights file or name; by default the shipped ones, or random ones where there are none"
    )
    options = parser.parse_args()
    use_threads(options.threads)
    with tempfile.TemporaryDirectory() as folder, beside(options.note) as others:
        results, weights = measure(folder, options)
    for precision, found in results.items():
        for name, values in found["stored_as"].items():
            stages = ", ".join(f"{stage} {times['median_ms']:.2f}" for stage, times in values["stages"].items())
            print(f"{precision} {name}: {values['frames_per_second']:.0f} frames/s ({stages} ms)")
        print(
            f"{precision} branch: "
            + ", ".join(f"{name} {times['median_ms']:.2f} ms each" for name, times in found["branch"].items())
        )
    if options.out:
        video = {
            "scenario": SCENARIO,
            "sensor": SENSOR,
            "seed": SEED,
            "height": HEIGHT,
            "width": WIDTH,
            "frames": options.frames,
        }
        command = (
            f"python benchmarks/siamban_speed.py --frames {options.frames} --repeats {options.repeats} "
            f"--threads {options.threads}"
        )
        record = {"command": command, "video": video, "ran_beside": others, "weights": weights, "results": results}
        write_json(options.out, record | {"provenance": provenance()})


if __name__ == "__main__":
    main()
