"""How fast the simulator renders on one core: video frames per scenario, and training pairs from one scene.

A pair is a template crop of 127 x 127 and a search crop of 255 x 255 pixels, in all bands and in false colour. Medians
of process time, so other work on the machine counts little.

    python benchmarks/simulator_speed.py --out benchmarks/results/simulator_speed.json
"""

from __future__ import annotations

import os
import time

# Before NumPy is loaded: one core is what is measured.
os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")

import cv2
import numpy as np
from benchmark import new_parser, write_record

from spectrack.grid import SEARCH_SIZE_PX, TEMPLATE_SIZE_PX
from spectrack.simulation.scenarios import SCENARIOS
from spectrack.simulation.video import simulate
from spectrack.trackers.crop import context_side

SEED = 11


def milliseconds(action, repeats):
    times = []
    for index in range(repeats):
        start = time.process_time()
        action(index)
        times.append(1e3 * (time.process_time() - start))
    return float(np.median(times))


def pair(sequence, matrix):
    scene = sequence.scene

    def render(index):
        for time_, size in ((index, TEMPLATE_SIZE_PX), (index + 5, SEARCH_SIZE_PX)):
            x, y, w, h = box = scene.outline_box(float(time_))
            half = 0.5 * context_side(box) * size / TEMPLATE_SIZE_PX
            cx, cy = x + w / 2, y + h / 2
            window = (round(cx - half), round(cy - half), round(cx + half), round(cy + half))
            cv2.resize(scene.radiance(float(time_), matrix, window), (size, size), interpolation=cv2.INTER_LINEAR)

    return render


def arguments():
    parser = new_parser(__doc__)
    parser.add_argument("--frames", type=int, default=15)
    return parser


def main():
    parser = arguments()
    options = parser.parse_args()
    cv2.setNumThreads(1)
    rows = {}
    for name in SCENARIOS:
        start = time.process_time()
        sequence = simulate(name, "vis16", seed=SEED)
        sequence[0]
        staging = 1e3 * (time.process_time() - start)
        bands, colour = sequence.exposed_matrix, sequence.exposed_matrix @ sequence.setting.colour_matrix
        rows[name] = {
            "staging_ms": staging,
            "frame_ms": milliseconds(lambda i, s=sequence: s[i + 1], options.frames),
            "pair_16_bands_ms": milliseconds(pair(sequence, bands), options.frames),
            "pair_false_colour_ms": milliseconds(pair(sequence, colour), options.frames),
        }
        print(f"{name:18s}" + "".join(f"{key} {value:7.1f}   " for key, value in rows[name].items()))
    median = {key: float(np.median([row[key] for row in rows.values()])) for key in next(iter(rows.values()))}
    print("median            " + "".join(f"{key} {value:7.1f}   " for key, value in median.items()))
    video = {"seed": SEED, "frames": options.frames, "height": 240, "width": 320, "sensor": "vis16", "threads": 1}
    write_record(parser, options, {"video": video, "median": median, "scenarios": rows})


if __name__ == "__main__":
    main()
