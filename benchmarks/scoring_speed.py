"""Seconds of processor time that a million boxes take to score under each protocol, in one sequence and in a thousand,
one thread.

    python benchmarks/scoring_speed.py --out benchmarks/results/scoring_speed.json

Also: losses (`robustness`), the lost flag and the reliability curve of the same boxes, and a bootstrap over a thousand
sequences.
"""

from __future__ import annotations

import functools
import time

import numpy as np
from benchmark import new_parser, write_record

from spectrack.evaluation.confidence import Judged, flag_against_missed, judge, reliability
from spectrack.evaluation.metrics import overlaps_by_frame
from spectrack.evaluation.protocols import PROTOCOLS, score
from spectrack.evaluation.robustness import robustness
from spectrack.evaluation.uncertainty import difference_interval, score_interval
from spectrack.provenance import machine_name

BOXES = 1_000_000


def make_boxes(sequences):
    """Truth, and predictions that stray by some pixels."""
    rng = np.random.default_rng(0)
    frames = BOXES // sequences
    truth, predictions = {}, {}
    for number in range(sequences):
        boxes = np.concatenate([rng.uniform(0, 400, (frames, 2)), rng.uniform(8, 60, (frames, 2))], axis=1)
        truth[str(number)] = boxes
        predictions[str(number)] = boxes + rng.normal(0, 6, boxes.shape)
    return predictions, truth


def best_of(function, repeats):
    seconds = []
    for _ in range(repeats):
        start = time.process_time()
        function()
        seconds.append(time.process_time() - start)
    return round(min(seconds), 3)


def find_losses(predictions, truth):
    return robustness({name: overlaps_by_frame(predictions[name], truth[name]) for name in truth})


def arguments():
    parser = new_parser(__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    return parser


def main():
    parser = arguments()
    options = parser.parse_args()
    seconds: dict[str, dict[str, float]] = {}
    for sequences in (1, 1000):
        predictions, truth = make_boxes(sequences)
        kind = f"{sequences} sequence{'s' if sequences > 1 else ''}"
        seconds[kind] = {
            name: best_of(functools.partial(score, predictions, truth, name), options.repeats) for name in PROTOCOLS
        }
        losses = functools.partial(find_losses, predictions, truth)
        seconds[kind]["robustness"] = best_of(losses, options.repeats)
        print(kind, seconds[kind], flush=True)
    rng = np.random.default_rng(1)
    confidence = {name: rng.random(len(boxes)) for name, boxes in truth.items()}

    def flags():
        lost = {name: values < 0.1 for name, values in confidence.items()}
        judged = [judge(predictions[name], truth[name], confidence[name], lost[name], lost[name]) for name in truth]
        frames = Judged.pool(judged)
        return flag_against_missed(frames), reliability(frames)

    scores = score(predictions, truth, "hot")
    seconds["1000 sequences"] |= {
        "lost flag and reliability": best_of(flags, options.repeats),
        "bootstrap interval": best_of(lambda: score_interval(scores), options.repeats),
        "paired bootstrap": best_of(lambda: difference_interval(scores, scores), options.repeats),
    }
    record = {"machine": machine_name(), "boxes": BOXES, "best_of": options.repeats, "processor_seconds": seconds}
    write_record(parser, options, record)
    print(seconds["1000 sequences"])


if __name__ == "__main__":
    main()
