"""How fast ssfnet-compact tracks from end to end: 512 x 256 x 16 video stored as .npy, stage by stage and part by part
of the network.

Stages: read (open the frame), crop (cut, scale and resize all bands of the search region), network (false colour of the
crop, both branches, one prediction), decide (penalties, choice, new box). They are timed with the search region kept on
the truth, so that every run crops the same windows; frames a second are those of `spectrack.track` from start to end,
first frame left out. Files are in the system's cache, as they are right after recording. Parts are single passes over
one search crop: the RGB branch, S2FB, the fusion and the angle head.

    python benchmarks/ssfnet_speed.py --out benchmarks/results/ssfnet_speed.json
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
from spectrack.files import write_json
from spectrack.grid import SEARCH_SIZE_PX
from spectrack.methods.ssfnet.network import SSFNet
from spectrack.methods.ssfnet.tracker import SSFNetTracker
from spectrack.networks.siamban import decode_boxes
from spectrack.provenance import provenance
from spectrack.sequences import open_sequence
from spectrack.sequences.writers import write_sequence
from spectrack.simulation.video import simulate
from spectrack.trackers.base import track
from spectrack.trackers.loading import load_tracker

HEIGHT, WIDTH, SENSOR, SCENARIO, SEED = 256, 512, "vis16", "calm", 31


def make_tracker(weights, precision):
    """The tracker with trained weights, or, where there are none, with random ones, which cost the same time."""
    try:
        return load_tracker("ssfnet", weights=weights, precision=precision, device="cpu")
    except WeightsError:
        if weights is not None:
            raise
        torch.manual_seed(0)
        return SSFNetTracker(SSFNet().eval(), precision=precision, identity={"file": "random weights"})


def summary(milliseconds):
    values = np.asarray(milliseconds)
    return {"median_ms": round(float(np.median(values)), 3), "p95_ms": round(float(np.percentile(values, 95)), 3)}


def frames_per_second(sequence, tracker):
    estimates = track(sequence, tracker)
    next(estimates)
    start = time.perf_counter()
    count = sum(1 for _ in estimates)
    return count / (time.perf_counter() - start)


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
        search = tracker._crop(frame, window, SEARCH_SIZE_PX)
        marks.append(time.perf_counter())
        with torch.inference_mode():
            output = tracker.network.match(tracker._template, *tracker._modalities(search), tracker._wavelengths)
            scores = output.logits.softmax(dim=1)[0, 1].numpy()
            corners = decode_boxes(output.distances)[0].numpy()
        marks.append(time.perf_counter())
        state.move(state.choose(scores, corners, window), window)
        marks.append(time.perf_counter())
        for name, milliseconds in zip(times, 1e3 * np.diff(marks), strict=True):
            times[name].append(milliseconds)
    return {name: summary(values) for name, values in times.items()}


def part_times(sequence, tracker, repeats):
    """Milliseconds of single parts of the network on the search crop of frame 1."""
    network, template, wavelengths = tracker.network, tracker._template, tracker._wavelengths
    crop = tracker._crop(sequence.frame(1), tracker._state.search_window(), SEARCH_SIZE_PX)
    with torch.inference_mode():
        cube, colour = tracker._modalities(crop)
        rgb = network.level_mix(network.rgb.extract(colour))
        hyperspectral = network.hs_neck([network.s2fb(cube, wavelengths)])[0]
        fused = network.fusion(hyperspectral, rgb)
        parts = {
            "false colour": lambda: tracker._modalities(crop),
            "RGB branch": lambda: network.rgb.match(template.rgb, colour),
            "S2FB": lambda: network.s2fb(cube, wavelengths),
            "fusion": lambda: network.fusion(hyperspectral, rgb),
            "angle head": lambda: network.hs_head(template.hs, fused),
        }
        return {name: summary([timed(part) for _ in range(repeats)][2:]) for name, part in parts.items()}


def timed(part):
    start = time.perf_counter()
    part()
    return 1e3 * (time.perf_counter() - start)


def measure(sequence, options):
    results, weights = {}, None
    for precision in ("fp32", "bf16"):
        tracker = make_tracker(options.weights, precision)
        weights = tracker.identity
        # Once to warm up: file cache, memory, choice of kernels.
        frames_per_second(sequence, tracker)
        speeds = [frames_per_second(sequence, tracker) for _ in range(options.repeats)]
        results[precision] = {
            "frames_per_second": round(float(np.median(speeds)), 1),
            "stages": stage_times(sequence, tracker),
            "parts": part_times(sequence, tracker, 2 + 20 * options.repeats),
        }
    return results, weights


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="JSON file for the results")
    parser.add_argument(
        "--weights", help="weights file or name; by default the shipped ones, or random ones where there are none"
    )
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    cv2.setNumThreads(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        video = simulate(SCENARIO, SENSOR, frames=options.frames, seed=SEED, height=HEIGHT, width=WIDTH)
        write_sequence(video, Path(folder) / "npy", format="npy")
        results, weights = measure(open_sequence(Path(folder) / "npy"), options)
    for precision, found in results.items():
        for kind in ("stages", "parts"):
            times = ", ".join(f"{name} {values['median_ms']:.2f}" for name, values in found[kind].items())
            print(f"{precision}: {found['frames_per_second']:.0f} frames/s, {kind}: {times} ms")
    if options.out:
        shown = {
            "scenario": SCENARIO,
            "sensor": SENSOR,
            "seed": SEED,
            "height": HEIGHT,
            "width": WIDTH,
            "frames": options.frames,
        }
        command = (
            f"python benchmarks/ssfnet_speed.py --frames {options.frames} --repeats {options.repeats} "
            f"--threads {options.threads}"
        )
        write_json(
            options.out,
            {"command": command, "video": shown, "weights": weights, "results": results, "provenance": provenance()},
        )


if __name__ == "__main__":
    main()
