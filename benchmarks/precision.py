"""How far bfloat16 or another engine moves boxes, open loop: every frame starts from the state of torch in fp32.

    python benchmarks/precision.py --out benchmarks/results/precision_siamban_compact.json
    python benchmarks/precision.py --tracker bcrnet --out benchmarks/results/precision_bcrnet_compact.json
    python benchmarks/precision.py --profile lite --engine onnxruntime --precision int8 \\
        --out benchmarks/results/precision_siamban_lite_int8.json

Median and 95th percentile of the largest change of a box edge, in cube pixels, over frames of the simulated suite; and
whether fp32 repeats bit for bit. A template that the tracker takes from the running video is taken at the fp32
tracker's box in both. bfloat16 is a default only where the median stays below 0.5 px, and where it is faster, which
`load_tracker` measures.
"""

from __future__ import annotations

import numpy as np
from benchmark import new_parser, write_record

from spectrack import load_tracker, track
from spectrack.sequences.excerpt import Excerpt
from spectrack.simulation.suite import SIMULATED, open_suite_sequence
from spectrack.trackers.open_loop import follow_open_loop
from spectrack.trackers.parity import LARGEST_MOVE_PX, box_moves


def follow(clip, frames, load, load_other):
    """Largest move of a box edge in every frame, px; share of frames with other composites (None without any); whether
    fp32 repeats.
    """
    shown = Excerpt(clip, frames) if frames < len(clip) else clip
    exact, short = load(), load_other()
    again = track(shown, load())
    next(again)
    moves, exchanged, repeats = [], [], True
    for found, moved in follow_open_loop(shown, exact, short):
        other = next(again)
        repeats &= bool((found.box == other.box).all()) and found.score == other.score
        moves.append(float(box_moves(found.box, moved.box)))
        if found.evidence.get("composites") is not None:
            exchanged.append(not np.array_equal(found.evidence["composites"], moved.evidence["composites"]))
    return moves, exchanged, repeats


def arguments():
    parser = new_parser(__doc__, weights=True)
    parser.add_argument("--tracker", default="siamban", help="a tracker with a network")
    parser.add_argument("--profile", default="compact")
    parser.add_argument("--engine", default="torch", help="what is compared with torch in fp32")
    parser.add_argument("--precision", default="bf16", help="in which number format")
    parser.add_argument("--every", type=int, default=4, help="take every so many-th sequence of the suite")
    parser.add_argument("--frames", type=int, default=40)
    return parser


def main():
    parser = arguments()
    options = parser.parse_args()

    def load(engine="torch", precision="fp32"):
        common = {"profile": options.profile, "weights": options.weights, "device": "cpu"}
        return load_tracker(options.tracker, engine=engine, precision=precision, **common)

    def load_other():
        return load(options.engine, options.precision)

    moves, exchanged, repeats = [], [], True
    for entry in SIMULATED.entries()[:: options.every]:
        found, others, same = follow(open_suite_sequence(entry.name), options.frames, load, load_other)
        moves, exchanged, repeats = moves + found, exchanged + others, repeats and same
        print(entry.name, f"median so far {np.median(moves):.3f} px", flush=True)
    record = {
        "weights": load().describe().get("weights"),
        "compared": f"{load_other().describe()['engine']}, {options.precision}",
        "frames": len(moves),
        "largest_edge_move_px": {
            "median": round(float(np.median(moves)), 4),
            "percentile_95": round(float(np.percentile(moves, 95)), 4),
        },
        "median_within_half_a_pixel": bool(np.median(moves) <= LARGEST_MOVE_PX),
        "frames_with_other_composites": round(float(np.mean(exchanged)), 4) if exchanged else None,
        "fp32_repeats_bit_for_bit": repeats,
    }
    write_record(parser, options, record)
    print(record["largest_edge_move_px"], "fp32 repeats:", repeats)


if __name__ == "__main__":
    main()
