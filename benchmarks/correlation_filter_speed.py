"""How fast cf tracks from end to end: 512 x 256 video of 16 and 25 bands stored as .npy, and of 16 as mosaic PNG.

Frames a second are those of `spectrack.track` from start to end, first frame left out; the stages are timed beside it:
read (open or decode the frame), look (cut, reduce, log spectra), find (likelihood, channels, correlation, extent) and
learn (all updates). Files are in the system's cache, as they are right after recording. The processor's load before the
run is stored with the result, because other work on the machine makes frames a second fewer; processor time a frame
suffers less from it.

    python benchmarks/correlation_filter_speed.py --out benchmarks/results/correlation_filter_speed.json
"""

from __future__ import annotations

import tempfile
import time

import numpy as np
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

from spectrack.files import write_json
from spectrack.methods.correlation_filter.tracker import CorrelationFilterTracker
from spectrack.methods.correlation_filter.view import Lens
from spectrack.provenance import provenance
from spectrack.trackers.loading import load_tracker

VIDEOS = {
    "16 bands, npy": ("vis16", "npy"),
    "16 bands, mosaic PNG": ("vis16", "hotc"),
    "25 bands, npy": ("nir25", "npy"),
}
STEPS = [
    (Lens, "look", "look"),
    (CorrelationFilterTracker, "_see", "find"),
    (CorrelationFilterTracker, "_learn", "learn"),
]


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
        sequence, tracker = stored_clip(folder, sensor, format, options.frames), load_tracker("cf")
        speed(sequence, tracker)  # once to warm up: file cache, memory
        runs = [speed(sequence, tracker) for _ in range(options.repeats)]
        speeds, processor = [list(values) for values in zip(*runs, strict=True)]
        results[name] = {
            "frames_per_second": round(float(np.median(speeds)), 1),
            "frames_per_second_of_each_repeat": [round(one, 1) for one in speeds],
            "processor_ms_a_frame": round(float(np.median(processor)), 2),
            "stages": {stage: summary(values) for stage, values in stage_times(sequence, tracker, STEPS).items()},
            "first_frame": summary(start_times(sequence, options.repeats)),
        }
    return results


def main():
    options = timing_parser(__doc__).parse_args()
    use_threads(options.threads)
    with tempfile.TemporaryDirectory() as folder, beside(options.note) as others:
        results = measure(folder, options)
    for name, values in results.items():
        stages = ", ".join(f"{stage} {times['median_ms']:.2f}" for stage, times in values["stages"].items())
        speeds = (
            f"{values['frames_per_second']:.0f} frames/s, processor {values['processor_ms_a_frame']:.1f} ms a frame"
        )
        print(f"{name}: {speeds} ({stages} ms), first frame {values['first_frame']['median_ms']:.0f} ms")
    if options.out:
        video = {"scenario": SCENARIO, "seed": SEED, "height": HEIGHT, "width": WIDTH, "frames": options.frames}
        settings = f"--frames {options.frames} --repeats {options.repeats} --threads {options.threads}"
        command = f"python benchmarks/correlation_filter_speed.py {settings}"
        record = {
            "command": command,
            "video": video,
            "ran_beside": others,
            "tracker": load_tracker("cf").describe(),
            "results": results,
        }
        write_json(options.out, record | {"provenance": provenance()})


if __name__ == "__main__":
    main()
