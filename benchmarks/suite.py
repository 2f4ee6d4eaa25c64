"""Track the simulated suite with a shipped tracker and store AUC and DP per sequence, per attribute and in all (`hot`
protocol).

    python benchmarks/suite.py --tracker siamban --out benchmarks/results/suite_siamban_compact.json

Figures come with 95 % bootstrap intervals over sequences. fp32, so that they repeat.
"""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path

from benchmark import new_parser, write_record

from spectrack import load_tracker
from spectrack.evaluation.uncertainty import score_interval
from spectrack.runs.entries import SequenceEntry
from spectrack.runs.options import RunOptions
from spectrack.runs.runner import run
from spectrack.simulation.suite import open_suite_sequence, suite


def arguments():
    parser = new_parser(__doc__, weights=True)
    parser.add_argument("--tracker", default="siamban")
    parser.add_argument("--only", nargs="*", help="sequences whose name holds one of these words")
    parser.add_argument("--profile", default="compact")
    parser.add_argument("--jobs", type=int, default=2)
    return parser


def main():
    parser = arguments()
    options = parser.parse_args()

    make = functools.partial(
        load_tracker,
        options.tracker,
        profile=options.profile,
        weights=options.weights,
        precision="fp32",
        device="cpu",
    )
    entries = [
        SequenceEntry(entry.name, functools.partial(open_suite_sequence, entry.name), entry.attributes)
        for entry in suite()
        if not options.only or any(word in entry.name for word in options.only)
    ]
    with tempfile.TemporaryDirectory() as folder:
        result = run(
            entries,
            make,
            Path(folder) / "run",
            options=RunOptions(jobs=options.jobs, evidence=False),
            progress=lambda item, *_: print(item.label, flush=True),
        )
    attributes = {entry.label: entry.attributes for entry in entries}
    parts = split_by_metamers(attributes)
    record = {
        "tracker": result.stored.info["tracker"],
        "parts": {name: figures(result.scores.select(members)) for name, members in parts.items() if members},
        "attributes": {
            name: {
                "sequences": found.sequences,
                "auc": round(found.figures.auc, 4),
                "dp20": round(found.figures.dp20, 4),
            }
            for name, found in result.analysis.attributes.items()
        },
        "sequences": {name: round(result.scores.of(name).figures.auc, 4) for name in attributes},
    }
    write_record(parser, options, record)
    for name, values in record["parts"].items():
        print(f"{name}: {values}")


def split_by_metamers(attributes):
    """Names of all sequences, and of those that false colour can and cannot tell, from the difficulties of each."""
    hard = [name for name, labels in attributes.items() if {"CAM", "TWIN"} & set(labels)]
    return {
        "all": list(attributes),
        "without CAM and TWIN": [name for name in attributes if name not in hard],
        "CAM or TWIN": hard,
    }


def figures(scores):
    interval = score_interval(scores)
    return {
        "sequences": len(scores.sequences),
        "auc": round(scores.auc, 4),
        "auc_interval": [round(interval.low, 4), round(interval.high, 4)],
        "dp20": round(scores.dp20, 4),
    }


if __name__ == "__main__":
    main()
