"""Milliseconds that each detector takes to learn on a frame, to map a whole one, and to map a tracker's search window.

    python benchmarks/evidence_speed.py --out benchmarks/results/evidence_speed.json

A simulated frame of 512 x 256 pixels, 16-bit counts. The fastest of the repeats counts: what else runs on a machine
adds time and never takes any.
"""

from __future__ import annotations

import functools
import os
import time

import numpy as np
from benchmark import new_parser, write_record

from spectrack import fit_detector, simulate
from spectrack.evidence.detectors import DETECTORS

HEIGHT, WIDTH, SEED, WINDOW = 256, 512, 31, 150
SENSORS = {"16 bands": "vis16", "25 bands": "nir25"}


def best_ms(function, repeats):
    spent = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        spent.append(time.perf_counter() - start)
    return round(1e3 * min(spent), 2), round(1e3 * float(np.median(spent)), 2)


def measure(sensor, repeats):
    """For each detector, milliseconds of its three uses: fastest and median."""
    sequence = simulate("calm", sensor, frames=2, seed=SEED, height=HEIGHT, width=WIDTH)
    frame, box, centres = sequence[0], sequence.truth[0], sequence.wavelengths_nm
    rows = {}
    for name in DETECTORS:
        learn = functools.partial(fit_detector, name, frame, box, wavelengths_nm=centres)
        detector = learn()
        rows[name] = {
            "learn": best_ms(learn, 3),
            "map of the frame": best_ms(functools.partial(detector.map, frame), repeats),
            "map of a window": best_ms(functools.partial(detector.map, frame[:WINDOW, :WINDOW]), repeats),
        }
    return rows


def arguments():
    parser = new_parser(__doc__)
    parser.add_argument("--repeats", type=int, default=15)
    return parser


def main():
    parser = arguments()
    options = parser.parse_args()
    load = os.getloadavg()[0]
    found = {name: measure(sensor, options.repeats) for name, sensor in SENSORS.items()}
    record = {
        "frame": {"height": HEIGHT, "width": WIDTH, "window_px": WINDOW},
        "ran_beside": {"load_average_before": round(load, 2), "threads": os.environ.get("OMP_NUM_THREADS")},
        "milliseconds": "fastest, median",
        "results": found,
    }
    for bands, rows in found.items():
        for name, values in rows.items():
            print(bands, name, values)
    write_record(parser, options, record)


if __name__ == "__main__":
    main()
