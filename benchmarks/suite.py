"""Track a frozen list with a shipped tracker and store AUC and DP by sequence, by attribute and in all (`hot`).

    python benchmarks/suite.py --tracker siamban --out benchmarks/results/suite_siamban_compact.json
    python benchmarks/suite.py --suite suite-spectral --tracker cf --out benchmarks/results/suite_spectral_cf.json

The list is the suite, or one of those beside it: of pairs of scenes, the differences are stored too; of targets that
come back, how many were followed again within ten frames, and what was taken for them. Figures come with 95 % bootstrap
intervals over sequences. fp32, so that they repeat.
"""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path

from benchmark import new_parser, write_record

from spectrack import load_tracker
from spectrack.cli.settings import parse_settings
from spectrack.evaluation.uncertainty import bootstrap_interval, score_interval
from spectrack.runs.entries import SequenceEntry
from spectrack.runs.options import RunOptions
from spectrack.runs.runner import run
from spectrack.simulation.suite import SUITES, find_suite, open_suite_sequence
from spectrack.tables import to_table


def arguments():
    parser = new_parser(__doc__, weights=True)
    parser.add_argument("--suite", default="simulated", choices=list(SUITES), help="frozen list")
    parser.add_argument("--tracker", default="siamban")
    parser.add_argument("--only", nargs="*", help="sequences whose name holds one of these words")
    parser.add_argument("--profile", default="compact")
    parser.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE", help="other options of the tracker")
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
        **parse_settings(options.set),
    )
    listed = [
        entry
        for entry in find_suite(options.suite).entries()
        if not options.only or any(word in entry.name for word in options.only)
    ]
    entries = [
        SequenceEntry(entry.name, functools.partial(open_suite_sequence, entry.name), entry.attributes)
        for entry in listed
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
    parts = split(attributes)
    auc = {name: round(result.scores.of(name).figures.auc, 4) for name in attributes}
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
        "sequences": auc,
    }
    if options.suite == "suite-spectral":
        record["uneven minus even"] = costs({e.name: e.pair for e in listed if "UNEVEN" in e.attributes}, auc)
    if result.analysis.calibration is not None:
        record["calibration"] = to_table(result.analysis.calibration)
    found = result.analysis.reacquisition
    if found is not None:
        record["reacquisition"] = told_again(found)
    write_record(parser, options, record)
    for name, values in record["parts"].items():
        print(f"{name}: {values}")
    for name in ("uneven minus even", "reacquisition"):
        if name in record:
            print(f"{name}: {record[name]}")


def costs(pairs, auc):
    """Mean difference of AUC between a scene of unequal bands and the same one of equal bands, in all and by cause."""
    differences = {name: auc[name] - auc[other] for name, other in pairs.items() if other in auc}
    causes = {"all": "", **{name.split("-")[0]: name.split("-")[0] for name in differences}}
    found = {}
    for cause, start in causes.items():
        members = [value for name, value in differences.items() if name.startswith(start)]
        if members:
            interval = bootstrap_interval(members)
            ends = [round(interval.low, 4), round(interval.high, 4)]
            found[cause] = {"pairs": len(members), "difference": round(interval.estimate, 4), "interval": ends}
    return found


def told_again(found):
    """Long absences, how many of them the target was followed again after, and each of them."""
    each = {
        item.name: {"gone": item.gone, "back": item.back, "delay": item.delay, "false_finds": item.false_finds}
        for item in found.absences
    }
    return {
        "absences": len(found.absences),
        "within_10_frames": round(found.share, 4),
        "median_delay": found.median_delay,
        "false_finds": found.false_finds,
        "claimed_while_hidden": None if found.claimed is None else round(found.claimed, 4),
        "each": each,
    }


def split(attributes):
    """Names of all sequences, and of those that false colour can and cannot tell, from the difficulties of each; where
    bands are of equal worth in some and not in others, by that.
    """
    worth = {word: [name for name, labels in attributes.items() if word in labels] for word in ("EVEN", "UNEVEN")}
    if any(worth.values()):
        return {"all": list(attributes), **worth}
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
