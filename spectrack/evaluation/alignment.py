"""Runs brought onto one footing before they are compared: one truth, one set of sequences, one name each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from spectrack.boxes import Boxes
from spectrack.errors import InputError
from spectrack.evaluation.tracked import TrackedRun
from spectrack.signs import counted


def unique_names(runs: Sequence[TrackedRun]) -> list[str]:
    """A printable name for each run: the tracker's, with the directory where two runs are of one tracker."""
    plain = [_printable(run.tracker) or "unnamed" for run in runs]
    parts = [[_printable(part) for part in run.directory.parts[::-1]] for run in runs]
    names = list(plain)
    for depth in (1, 2):
        places = ["/".join(folders[:depth][::-1]) for folders in parts]
        names = [
            name if plain.count(name) == 1 else f"{name} ({place})" for name, place in zip(plain, places, strict=True)
        ]
        if len(set(names)) == len(names):
            return names
    return [name if names.count(name) == 1 else f"{name} {number}" for number, name in enumerate(names, start=1)]


def one_truth(runs: Mapping[str, TrackedRun], given: Mapping[str, Boxes]) -> dict[str, Boxes]:
    """The truth of every sequence that has any, in the order of the runs; `given` takes precedence.

    Raises:
        InputError: no truth, or runs that hold different boxes for one sequence.
    """
    truth: dict[str, Boxes] = {}
    source: dict[str, str] = {}
    for name, run in runs.items():
        for label, item in run.sequences.items():
            if label in given:
                truth[label] = np.asarray(given[label], dtype=np.float64)
            elif item.truth is None:
                continue
            elif not np.array_equal(truth.setdefault(label, item.truth), item.truth, equal_nan=True):
                raise InputError(
                    f"expected one truth for the sequence {label!r}, found {source[label]!r} and {name!r} to hold "
                    "different boxes; they tracked different data: track again, or name the truth to use with --truth"
                )
            source.setdefault(label, name)
    if not truth:
        raise InputError(f"expected truth boxes to score against, found none in {', '.join(runs)}; use --truth DIR")
    return truth


def one_set(runs: Mapping[str, TrackedRun], truth: Mapping[str, Boxes], *, shared: bool) -> tuple[list[str], list[str]]:
    """The sequences to compare on, in the order of the truth, and sentences about those left out.

    Raises:
        InputError: runs on other sequences, unless those that all share are wanted; nothing in common.
    """
    remarks = []
    if without := sorted({label for run in runs.values() for label in run.sequences} - truth.keys()):
        remarks.append(f"Without truth, so tracked but not scored: {_listed(without)}.")
    common = [label for label in truth if all(label in run.sequences for run in runs.values())]
    if len(common) < len(truth):
        if not shared:
            lacking = {name: sorted(truth.keys() - run.sequences.keys()) for name, run in runs.items()}
            name, absent = next((name, absent) for name, absent in lacking.items() if absent)
            choice = f", or compare on the {len(common)} that all have with --shared" if common else ""
            raise InputError(
                f"expected all runs on the same {counted(len(truth), 'sequence')}, "
                f"found {name!r} without {_listed(absent)}; "
                f"track them{choice}"
            )
        left_out = _listed(sorted(truth.keys() - set(common)))
        remarks.append(f"Compared on {counted(len(common), 'sequence')} that all have; left out: {left_out}.")
    if not common:
        raise InputError(f"expected runs that share a sequence, found none among {', '.join(runs)}; check the names")
    return common, remarks


def _printable(text: str) -> str:
    """Control characters would make invalid XML of a figure."""
    return "".join(sign if sign.isprintable() else "?" for sign in text).strip()


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
