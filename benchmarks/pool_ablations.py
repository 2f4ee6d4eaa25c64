"""Rows of one ablation measured more than once (other machines, other seeds), pooled: what two trainings a row are too
few to show.

    python benchmarks/pool_ablations.py benchmarks/results/ablation_ssfnet_retrained.json \
        benchmarks/results/ablation_ssfnet_retrained_cpu.json --out benchmarks/results/ablation_ssfnet_pooled.json

The files are what `spectrack ablate` writes, for the same sequences. Every training counts once: a row's AUC on a
sequence is the mean over all its trainings. Differences are row minus the row it is compared with, paired by sequence,
with a 95 % bootstrap interval over sequences; `spread` is the standard deviation of the AUC over trainings of one file,
`between` the range of its mean between files.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from benchmark import new_parser, read_json, write_record

from spectrack.evaluation.uncertainty import bootstrap_interval


def read_rows(path):
    """The measured, retrained rows of a table by name, its sequences, and how many frames of each it saw (None:
    all).
    """
    table = read_json(path, "a table of spectrack ablate", ("rows", "plan"))
    rows = {row["row"]["name"]: row for row in table["rows"] if row["status"] == "measured" and row["training"]}
    return rows, table["plan"]["sequences"], table["plan"]["frames"]


def pool(tables, sequences):
    """AUC of the rows that all tables have: (sequences,) means over all trainings, with how many and how they
    spread.
    """
    pooled = {}
    for name in (name for name in tables[0] if all(name in table for table in tables)):
        rows = [table[name] for table in tables]
        counts = [len(row["trackers"]) for row in rows]
        by_file = np.array([[row["sequences"][label] for label in sequences] for row in rows])
        pooled[name] = {
            "auc": np.average(by_file, axis=0, weights=counts),
            "reference": rows[0]["row"]["reference"],
            "trainings": sum(counts),
            "by_file": by_file.mean(axis=1).round(4).tolist(),
            "spread": [row["spread_over_trackers"] for row in rows],
        }
    return pooled


def compare(pooled):
    """Every row with its interval and the paired difference to its reference."""
    told = {}
    for name, row in pooled.items():
        interval = bootstrap_interval(row["auc"])
        record = {"auc": round(interval.estimate, 4), "interval": [round(interval.low, 4), round(interval.high, 4)]}
        if row["reference"] in pooled:
            difference = bootstrap_interval(row["auc"] - pooled[row["reference"]]["auc"])
            record |= {"against": row["reference"], "difference": round(difference.estimate, 4)}
            record |= {"difference_interval": [round(difference.low, 4), round(difference.high, 4)]}
        rest = {key: row[key] for key in ("trainings", "by_file", "spread")}
        told[name] = record | rest | {"between": round(max(row["by_file"]) - min(row["by_file"]), 4)}
    return told


def arguments():
    parser = new_parser(__doc__)
    parser.add_argument("tables", type=Path, nargs="+")
    return parser


def main():
    parser = arguments()
    options = parser.parse_args()
    read = [read_rows(path) for path in options.tables]
    _, sequences, frames = read[0]
    if any((sorted(found), seen) != (sorted(sequences), frames) for _, found, seen in read):
        raise SystemExit(
            "expected tables over the same sequences and frames, found different ones; give both the same --only and "
            "--frames"
        )
    told = compare(pool([rows for rows, _, _ in read], sequences))
    for name, row in told.items():
        against = f"  {row['difference']:+.3f} {row['difference_interval']}" if "difference" in row else ""
        print(f"{name:22s} {row['auc']:.3f} {row['interval']} by file {row['by_file']}{against}")
    write_record(parser, options, {"rows": told})


if __name__ == "__main__":
    main()
