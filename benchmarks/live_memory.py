"""Memory over a long track in a source, and what a frame costs from its capture to its box.

A generator gives tiny frames as fast as they are taken, under the policy `all`; the correlation filter tracks them into
a folder of results, and each box goes to a file as a line of JSON. The resident memory of the process is read every
thousandth frame while it tracks, before the folder is written.

    python benchmarks/live_memory.py --frames 100000 --out benchmarks/results/live_memory.json

Times are worth something on an idle machine only; memory on any.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
from benchmark import new_parser, write_record

from spectrack.live.recording import record_live
from spectrack.live.sending import LineSender
from spectrack.sources.given import GivenSource
from spectrack.trackers.loading import load_tracker

SHAPE, BOX = (24, 32, 8), (10, 8, 8, 8)


def arguments():
    parser = new_parser(__doc__)
    parser.add_argument("--frames", type=int, default=100_000)
    parser.add_argument("--cells", type=int, default=32, help="side of the filter's window, in cells")
    return parser


def camera(frames):
    """A bright square that shakes on noise, over and over; only eight different frames are made."""
    random = np.random.default_rng(0)
    shown = []
    for _ in range(8):
        cube = random.integers(100, 400, SHAPE, dtype=np.uint16)
        x, y = BOX[:2] + random.integers(-1, 2, 2)
        cube[y : y + 8, x : x + 8] += np.arange(8, dtype=np.uint16) * 60
        shown.append(cube)
    for index in range(frames):
        yield shown[index % 8]


def main(words=None):
    parser = arguments()
    options = parser.parse_args(words)
    every = max(options.frames // 100, 1)
    memory, process = [], psutil.Process()

    def look(found, count):
        if count.tracked % every == 0:
            memory.append(process.memory_info().rss / 2**20)

    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        sender = LineSender((Path(folder) / "boxes.jsonl").open("w"))
        tracker = load_tracker("cf", cells=options.cells)
        source = GivenSource(camera(options.frames), name="generator")
        count = record_live(source, tracker, Path(folder) / "run", BOX, senders=[sender], on_estimate=look)
        sender.close()
    seconds = time.perf_counter() - started
    tenth = max(len(memory) // 10, 1)
    found = {
        "frames": count.tracked,
        "dropped": count.dropped,
        "seconds": round(seconds, 1),
        "resident_MiB": {
            "after_one_per_cent": round(memory[0], 1),
            "median_of_second_tenth": round(float(np.median(memory[tenth : 2 * tenth] or memory)), 1),
            "median_of_last_tenth": round(float(np.median(memory[-tenth:])), 1),
            "largest": round(max(memory), 1),
        },
        "resident_MiB_every_per_cent": [round(value, 1) for value in memory],
        "latency_ms": count.latency.to_json(),
    }
    print(found["frames"], "frames:", found["resident_MiB"], "MiB")
    write_record(parser, options, found)
    return found


if __name__ == "__main__":
    main()
