"""Track the simulated suite with a shipped tracker and store AUC and DP per sequence, per attribute and in all (`hot`
protocol).

    python benchmarks/suite.py --tracker siamban --out benchmarks/results/suite_siamban_compact.json

Figures come with 95 % bootstrap intervals over sequences. fp32, so that they repeat.
"""

from __future__ import annotations

import argparse
import functools
import tempfile
from pathlib import Path

from spectrack.evaluation.uncertainty import score_interval
from spectrack.files import write_json
from spectrack.provenance import provenance
from spectrack.runs.entries import SequenceEntry
from spectrack.runs.runner import RunOptions, run
from spectrack.simulation.suite import open_suite_sequence, suite
from spectrack.trackers import load_tracker


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tracker", default="siamban")
    parser.add_argument("--profile", default="compact")
    parser.add_argument("--weights", default=None)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()

    make = functools.partial(
        load_tracker,
        arguments.tracker,
        profile=arguments.profile,
        weights=arguments.weights,
        precision="fp32",
        device="cpu",
    )
    entries = [
        SequenceEntry(entry.name, functools.partial(open_suite_sequence, entry.name), entry.attributes)
        for entry in suite()
    ]
    with tempfile.TemporaryDirectory() as folder:
        options = RunOptions(jobs=arguments.jobs, evidence=False)
        result = run(
            entries,
            make,
            Path(folder) / "run",
            options=options,
            progress=lambda item, *_: print(item.label, flush=True),
        )
    attributes = result.stored.attributes
    parts = split_by_metamers(attributes)
    record = {
        "what": __doc__.split("\n")[0],
        "command": f"python benchmarks/suite.py --tracker {arguments.tracker} --profile {arguments.profile}",
        "provenance": provenance(),
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
    write_json(arguments.out, record)
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
