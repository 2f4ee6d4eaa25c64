"""How far bfloat16 moves boxes, open loop: every frame starts from the fp32 tracker's state in both number formats.

    python benchmarks/precision.py --out benchmarks/results/precision_siamban_compact.json

Median and 95th percentile of the largest change of a box edge, in cube pixels, over frames of the simulated suite; and
whether fp32 repeats bit for bit. bfloat16 is a default only where the median stays below 0.5 px, and where it is faster,
which `load_tracker` measures.
"""

from __future__ import annotations

import argparse
import copy
from pathlib import Path

import numpy as np

from spectrack.boxes import to_corners
from spectrack.evaluation.provenance import provenance
from spectrack.files import write_json
from spectrack.simulation.suite import open_suite_sequence, suite
from spectrack.trackers import load_tracker


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tracker", default="siamban")
    parser.add_argument("--every", type=int, default=4, help="take every so many-th sequence of the suite")
    parser.add_argument("--frames", type=int, default=40)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()

    moves, repeats = [], True
    for entry in suite()[:: arguments.every]:
        clip = open_suite_sequence(entry.name)
        exact, again, short = (load_tracker(arguments.tracker, precision=kind, device="cpu") for kind in ("fp32", "fp32", "bf16"))
        for tracker in (exact, again, short):
            tracker.init(clip.frame(0), clip.first_box, wavelengths_nm=clip.wavelengths_nm)
        for index in range(1, arguments.frames):
            frame = clip.frame(index)
            short._state = copy.deepcopy(exact._state)
            box, other, moved = (tracker.update(frame).box for tracker in (exact, again, short))
            repeats &= bool((box == other).all())
            moves.append(float(np.abs(to_corners(box) - to_corners(moved)).max()))
        print(entry.name, f"median so far {np.median(moves):.3f} px", flush=True)
    record = {
        "what": __doc__.split("\n")[0],
        "command": f"python benchmarks/precision.py --tracker {arguments.tracker} --every {arguments.every} --frames {arguments.frames}",
        "provenance": provenance(),
        "frames": len(moves),
        "largest_edge_move_px": {"median": round(float(np.median(moves)), 4), "percentile_95": round(float(np.percentile(moves, 95)), 4)},
        "fp32_repeats_bit_for_bit": repeats,
    }
    write_json(arguments.out, record)
    print(record["largest_edge_move_px"], "fp32 repeats:", repeats)


if __name__ == "__main__":
    main()
