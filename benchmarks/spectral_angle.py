"""Whether the spectral angle tells the target from its twins: the share of frames in which its angle is smaller than
every twin's.

    python benchmarks/spectral_angle.py --out benchmarks/results/spectral_angle.json

On the TWIN sequences of the simulated suite, open loop (the search region is kept on the last truth). A frame counts
when target and at least one twin are seen, by half or more, and have grid points of their own inside their ellipses in
the search region. A thing's angle is the smallest at its points. The same is asked of the score maps of both branches
and of the fused one (largest score). 95 % bootstrap intervals over sequences.
"""

from __future__ import annotations

import numpy as np
from benchmark import new_parser, write_record
from twins import twin_frames

from spectrack import load_tracker
from spectrack.simulation.suite import SIMULATED, open_suite_sequence

SIGNS = {"angle": -1.0, "rgb_scores": 1.0, "hs_scores": 1.0, "scores": 1.0}
"""Maps of the evidence, and whether more or less of them means target."""

RESAMPLES, SEED = 2000, 0


def compare(name, tracker, most):
    """For each map, one row a frame: the target's value and its best twin's."""
    sequence = open_suite_sequence(name)
    step = max(1, (len(sequence) - 1) // most)
    found = {key: [] for key in SIGNS}
    for frame in twin_frames(sequence, tracker, frames=range(1, len(sequence), step)):
        for key, sign in SIGNS.items():
            if key not in frame.evidence:
                continue
            values = sign * frame.evidence[key]
            rivals = max(values[twin.points].max() for twin in frame.twins)
            found[key].append((sign * values[frame.target.points].max(), sign * rivals))
    return {key: np.array(rows).reshape(-1, 2) for key, rows in found.items()}


def right(rows, key):
    return SIGNS[key] * (rows[:, 0] - rows[:, 1]) > 0


def share(hits):
    """Share of frames over all sequences, with its interval by drawing whole sequences anew."""
    hits = [row for row in hits if len(row)]
    if not hits:
        return None
    rng = np.random.default_rng(SEED)
    draws = [
        np.concatenate([hits[i] for i in rng.integers(len(hits), size=len(hits))]).mean() for _ in range(RESAMPLES)
    ]
    low, high = np.percentile(draws, (2.5, 97.5))
    return {
        "share": round(float(np.concatenate(hits).mean()), 4),
        "interval": [round(float(low), 4), round(float(high), 4)],
    }


def arguments():
    parser = new_parser(__doc__, weights=True)
    parser.add_argument("--tracker", default="ssfnet")
    parser.add_argument("--frames", type=int, default=79, help="at most about so many frames of each sequence")
    parser.add_argument("--only", nargs="*", help="sequences whose name contains one of these words")
    return parser


def main():
    parser = arguments()
    options = parser.parse_args()
    names = [entry.name for entry in SIMULATED.entries() if "TWIN" in entry.attributes]
    names = [name for name in names if not options.only or any(word in name for word in options.only)]
    tracker = load_tracker(options.tracker, weights=options.weights, precision="fp32", device="cpu")
    found = {}
    for name in names:
        found[name] = compare(name, tracker, options.frames)
        told = {key: round(float(right(rows, key).mean()), 3) for key, rows in found[name].items() if len(rows)}
        print(f"{name}: {len(found[name]['scores'])} frames, {told}", flush=True)
    together = {key: share([right(rows[key], key) for rows in found.values()]) for key in SIGNS}
    angles = np.concatenate([rows["angle"] for rows in found.values()])
    record = {
        "weights": tracker.identity,
        "frames": len(angles),
        "target_before_every_twin": together,
        "mean_angle_rad": {"target": mean_of(angles[:, 0]), "nearest twin": mean_of(angles[:, 1])},
        "sequences": {
            name: {"frames": len(rows["scores"])}
            | {key: mean_of(right(rows[key], key)) for key in SIGNS if len(rows[key])}
            for name, rows in found.items()
        },
    }
    print(record["target_before_every_twin"], record["mean_angle_rad"])
    write_record(parser, options, record)


def mean_of(values):
    return round(float(np.mean(values)), 4) if len(values) else None


if __name__ == "__main__":
    main()
