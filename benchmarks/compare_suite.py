"""Two trackers on a frozen list, sequence by sequence: paired differences of AUC with 95 % bootstrap intervals
over sequences.

    python benchmarks/compare_suite.py benchmarks/results/suite_bcrnet_compact.json \
        benchmarks/results/suite_siamban_compact.json \
        --out benchmarks/results/suite_bcrnet_against_siamban.json

Both files come from `benchmarks/suite.py`. Differences are first minus second, over all sequences, over camouflage and
twins (CAM, TWIN), over the rest, and by attribute. `gains` is whether the mean difference on CAM and TWIN reaches
--gain, `keeps` whether that on the rest is not below minus --loss; an interval that excludes 0 speaks for a real
difference, with fewer than ten sequences it is too narrow.
"""

from __future__ import annotations

from pathlib import Path

from benchmark import new_parser, read_json, write_record
from suite import split

from spectrack.evaluation.uncertainty import bootstrap_interval
from spectrack.simulation.suite import SUITES


def read_result(path):
    """Tracker's name with its weights, and AUC of every sequence."""
    record = read_json(path, "a result of benchmarks/suite.py", ("tracker", "sequences"))
    return record["tracker"], {str(name): float(auc) for name, auc in record["sequences"].items()}


def difference(first, second, names):
    """Mean paired difference over `names` with its interval, and how many sequences gained."""
    paired = [first[name] - second[name] for name in names]
    interval = bootstrap_interval(paired)
    return {
        "sequences": len(paired),
        "difference": round(interval.estimate, 4),
        "interval": [round(interval.low, 4), round(interval.high, 4)],
        "means": [round(sum(side[name] for name in names) / len(names), 4) for side in (first, second)],
        "better": sum(value > 0 for value in paired),
    }


def compare(first, second, attributes):
    """Differences by part and by attribute; `attributes` maps a sequence to its difficulties."""
    parts = split(attributes)
    labels = sorted({label for found in attributes.values() for label in found})
    groups = {label: [name for name, found in attributes.items() if label in found] for label in labels}
    return tuple(
        {name: difference(first, second, members) for name, members in table.items() if members}
        for table in (parts, groups)
    )


def arguments():
    parser = new_parser(__doc__)
    parser.add_argument("first", type=Path)
    parser.add_argument("second", type=Path)
    parser.add_argument("--gain", type=float, default=0.05, help="wanted on CAM and TWIN")
    parser.add_argument("--loss", type=float, default=0.01, help="allowed on the rest")
    return parser


def main():
    parser = arguments()
    options = parser.parse_args()
    (tracker, first), (baseline, second) = (read_result(path) for path in (options.first, options.second))
    entries = (entry for suite in SUITES.values() for entry in suite.entries())
    attributes = {entry.name: entry.attributes for entry in entries if entry.name in first}
    if not set(first) == set(second) == set(attributes):
        raise SystemExit(
            "expected two results on the same sequences of the suite, found different ones; track both again"
        )
    parts, groups = compare(first, second, attributes)
    verdict = {
        "gain_wanted": options.gain,
        "gains": parts["CAM or TWIN"]["difference"] >= options.gain if "CAM or TWIN" in parts else None,
        "loss_allowed": options.loss,
        "keeps": parts["without CAM and TWIN"]["difference"] >= -options.loss
        if "without CAM and TWIN" in parts
        else None,
    }
    for name, found in (parts | groups).items():
        print(
            f"{name:22s} {found['difference']:+.3f} {found['interval']}, {found['better']} of {found['sequences']} "
            "better"
        )
    print(verdict)
    record = {
        "first": {"file": options.first.name, "name": tracker["name"], "weights": tracker.get("weights")},
        "second": {"file": options.second.name, "name": baseline["name"], "weights": baseline.get("weights")},
        "verdict": verdict,
        "parts": parts,
        "attributes": groups,
        "sequences": {name: round(first[name] - second[name], 4) for name in attributes},
    }
    write_record(parser, options, record)


if __name__ == "__main__":
    main()
