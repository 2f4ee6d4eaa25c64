"""How far bfloat16 moves boxes, open loop: every frame starts from the fp32 tracker's state in both number formats.

    python benchmarks/precision.py --out benchmarks/results/precision_siamban_compact.json
    python benchmarks/precision.py --tracker bcrnet --out benchmarks/results/precision_bcrnet_compact.json

Median and 95th percentile of the largest change of a box edge, in cube pixels, over frames of the simulated suite; and
whether fp32 repeats bit for bit. A template that the tracker takes from the running video is taken at the fp32
tracker's box in both. bfloat16 is a default only where the median stays below 0.5 px, and where it is faster, which
`load_tracker` measures.
"""

from __future__ import annotations

import copy

import numpy as np
from benchmark import new_parser, write_record

from spectrack import load_tracker
from spectrack.boxes import to_corners
from spectrack.simulation.suite import open_suite_sequence, suite

LARGEST_MEDIAN_PX = 0.5


def lead(leader, follower):
    """What the leader decides to learn from a frame, the follower learns too, and nothing else: its own boxes have no
    say.
    """
    own, others = leader._adapt, follower._adapt

    def adapt(*decided):
        own(*decided)
        others(*decided)

    leader._adapt, follower._adapt = adapt, lambda *_: None


def follow(clip, frames, load):
    """Largest move of a box edge in every frame, px; share of frames with other composites (None without any); whether
    fp32 repeats.
    """
    exact, again, short = load("fp32"), load("fp32"), load("bf16")
    lead(exact, short)
    for tracker in (exact, again, short):
        tracker.init(clip.frame(0), clip.first_box, wavelengths_nm=clip.wavelengths_nm)
    moves, exchanged, repeats = [], [], True
    for index in range(1, min(frames, len(clip))):
        frame = clip.frame(index)
        short._state = copy.deepcopy(exact._state)
        # The follower first: what the leader learns from this frame counts from the next one on.
        moved, found, other = (tracker.update(frame) for tracker in (short, exact, again))
        repeats &= bool((found.box == other.box).all()) and found.score == other.score
        moves.append(float(np.abs(to_corners(found.box) - to_corners(moved.box)).max()))
        if found.evidence.get("composites") is not None:
            exchanged.append(not np.array_equal(found.evidence["composites"], moved.evidence["composites"]))
    return moves, exchanged, repeats


def arguments():
    parser = new_parser(__doc__, weights=True)
    parser.add_argument("--tracker", default="siamban", help="a tracker with a network")
    parser.add_argument("--profile", default="compact")
    parser.add_argument("--every", type=int, default=4, help="take every so many-th sequence of the suite")
    parser.add_argument("--frames", type=int, default=40)
    return parser


def main():
    parser = arguments()
    options = parser.parse_args()

    def load(precision):
        return load_tracker(
            options.tracker, profile=options.profile, weights=options.weights, precision=precision, device="cpu"
        )

    moves, exchanged, repeats = [], [], True
    for entry in suite()[:: options.every]:
        found, others, same = follow(open_suite_sequence(entry.name), options.frames, load)
        moves, exchanged, repeats = moves + found, exchanged + others, repeats and same
        print(entry.name, f"median so far {np.median(moves):.3f} px", flush=True)
    record = {
        "weights": load("fp32").describe().get("weights"),
        "frames": len(moves),
        "largest_edge_move_px": {
            "median": round(float(np.median(moves)), 4),
            "percentile_95": round(float(np.percentile(moves, 95)), 4),
        },
        "median_within_half_a_pixel": bool(np.median(moves) <= LARGEST_MEDIAN_PX),
        "frames_with_other_composites": round(float(np.mean(exchanged)), 4) if exchanged else None,
        "fp32_repeats_bit_for_bit": repeats,
    }
    write_record(parser, options, record)
    print(record["largest_edge_move_px"], "fp32 repeats:", repeats)


if __name__ == "__main__":
    main()
