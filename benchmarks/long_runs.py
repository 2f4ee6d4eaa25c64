"""Long videos: whether memory and the time of a frame stay as they were after the first tenth.

    python benchmarks/long_runs.py --out benchmarks/results/long_runs.json
    python benchmarks/long_runs.py --trackers cf --frames 2000 --recorded 0

Each tracker follows a video that goes to and fro over a simulated clip, as `spectrack.track` does, and one of tiny
frames is tracked into a folder as the command `track` does. Resident memory and processor time are read at every
twentieth part; memory counts as flat when the most of the last half is within 5 % of the most of the first tenth.
"""

from __future__ import annotations

import gc
import os
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
from benchmark import new_parser, write_record

import spectrack
from spectrack.sequences import MemorySequence, Sequence
from spectrack.trackers.registry import list_methods

PARTS, FLAT = 20, 1.05


class ToAndFro(Sequence):
    """A clip played forwards and backwards, over and over.

    Args:
        clip: what is shown.
        frames: how long.
    """

    def __init__(self, clip, frames):
        self._clip, self._frames = clip, frames
        self.name, self.sensor, self.fps = "to-and-fro", clip.sensor, clip.fps
        self.height, self.width, self.bands = clip.height, clip.width, clip.bands
        self.wavelengths_nm, self.attributes, self.is_rgb = clip.wavelengths_nm, (), clip.is_rgb
        self._first_box = clip.first_box

    def __len__(self):
        return self._frames

    def frame(self, i):
        place = i % (2 * len(self._clip) - 2)
        return self._clip.frame(min(place, 2 * len(self._clip) - 2 - place))


class Meter:
    """Memory and time of a frame at each of `PARTS` parts of a run."""

    def __init__(self, frames):
        self._ends = {frames * (part + 1) // PARTS for part in range(PARTS)}
        self._begun, self._since = time.process_time(), 0
        self.resident_mib, self.milliseconds = [], []

    def step(self, done):
        if done not in self._ends:
            return
        gc.collect()
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        now = time.process_time()
        self.resident_mib.append(round(pages * resource.getpagesize() / 2**20, 1))
        self.milliseconds.append(round((now - self._begun) / (done - self._since) * 1000, 4))
        self._begun, self._since = now, done

    def told(self, frames):
        early, late = max(self.resident_mib[:2]), max(self.resident_mib[PARTS // 2 :])
        return {
            "frames": frames,
            "resident_mib": self.resident_mib,
            "processor_ms_a_frame": self.milliseconds,
            "memory_growth": round(late / early - 1, 4),
            "time_growth": round(float(np.median(self.milliseconds[-5:]) / np.median(self.milliseconds[1:6]) - 1), 4),
            "memory_is_flat": late <= FLAT * early,
        }


def follow(name, clip, frames):
    """One tracker over a long video, estimates let go as they come."""
    tracker, meter = spectrack.load_tracker(name), Meter(frames)
    for done, _ in enumerate(spectrack.track(ToAndFro(clip, frames), tracker), start=1):
        meter.step(done)
    return meter.told(frames)


def tiny():
    """A bright square that moves over noise, 24 x 24 pixels of 4 bands."""
    rng = np.random.default_rng(1)
    cubes = rng.integers(100, 140, (20, 24, 24, 4)).astype(np.uint16)
    for i, cube in enumerate(cubes):
        cube[8:14, 4 + i // 2 : 10 + i // 2] += 400
    return MemorySequence(cubes, truth=[(4 + i // 2, 8, 6, 6) for i in range(20)])


def recorded(frames):
    """A long video of tiny frames tracked into a folder."""
    meter, clip = Meter(frames), tiny()
    with tempfile.TemporaryDirectory(prefix="spectrack-long-") as place:
        out = Path(place) / "out"
        spectrack.record(
            ToAndFro(clip, frames),
            spectrack.load_tracker("cf"),
            out,
            on_progress=lambda what, done, total: meter.step(done) if what == "tracking" else None,
        )
        rows = (out / "boxes.txt").read_text(encoding="ascii").count("\n")
        if rows != frames:
            raise SystemExit(f"expected {frames} boxes, found {rows}")
    return meter.told(frames)


def arguments():
    parser = new_parser(__doc__)
    names = [method.name for method in list_methods()]
    parser.add_argument("--trackers", nargs="*", choices=names, default=names)
    parser.add_argument("--frames", type=int, default=20_000, help="of each tracker's video, at least 40")
    parser.add_argument("--recorded", type=int, default=100_000, help="tiny frames tracked into a folder; 0 for none")
    return parser


def main():
    parser = arguments()
    options = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    gc.freeze()  # what was there before need not be looked through at every part
    try:
        runs = measure(options)
    finally:
        gc.unfreeze()
    write_record(parser, options, {"runs": runs})


def measure(options):
    """What each run gave, by name."""
    clip = spectrack.simulate("calm", frames=20, seed=1, height=64, width=64)
    found = {}
    for name in options.trackers:
        found[name] = follow(name, clip, options.frames)
        print(name, found[name], flush=True)
    if options.recorded:
        found["track"] = recorded(options.recorded)
        print("track", found["track"], flush=True)
    return found


if __name__ == "__main__":
    main()
