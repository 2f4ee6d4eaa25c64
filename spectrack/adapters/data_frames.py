"""Runs as a pandas table, a row a frame: for plots, joins and statistics of one's own."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spectrack.boxes import iou
from spectrack.evaluation.tracked import TrackedSequence
from spectrack.extras import import_extra
from spectrack.runs.reading import read_runs

if TYPE_CHECKING:
    import pandas as pd

_SIDES = ("x", "y", "w", "h")


def run_frame(*places: str | os.PathLike[str]) -> pd.DataFrame:
    """Every frame of runs that `spectrack track` or `spectrack benchmark` wrote.

    Args:
        places: run directories, or folders of them.

    Returns:
        Columns ``run`` (the folder), ``tracker``, ``sequence``, ``frame`` (from 0), ``x``, ``y``, ``w``, ``h``,
        ``score``, ``lost``, ``probability``, ``true_x`` to ``true_h``, ``iou``, ``visibility``, and one of milliseconds
        for each part of a frame's time. What a run does not have is missing in its rows: NaN, or ``<NA>`` for ``lost``.

    Raises:
        MissingExtraError: pandas is not installed.
        SequenceNotFoundError: no run at a place.
        InputError: a run that is unfinished or damaged.

    Example:
        >>> frames = run_frame("runs/car")  # doctest: +SKIP
        >>> frames.groupby(["tracker", "sequence"])["iou"].mean()  # doctest: +SKIP
    """
    pandas = import_extra("pandas", "adapters")
    tables = []
    for run in (run for place in places for run in read_runs(Path(place))):
        for label, item in run.sequences.items():
            columns = _columns(item)
            head = {"run": str(run.directory), "tracker": run.tracker, "sequence": label}
            table = pandas.DataFrame(head | {"frame": np.arange(len(item.boxes))} | columns)
            table["lost"] = table["lost"].astype("boolean")
            tables.append(table)
    whole: pd.DataFrame = pandas.concat(tables, ignore_index=True) if tables else pandas.DataFrame()
    return whole


def _columns(item: TrackedSequence) -> dict[str, NDArray[Any]]:
    frames = len(item.boxes)
    truth = np.full((frames, 4), np.nan) if item.truth is None else item.truth[:frames]
    known = item.truth is not None and np.isfinite(item.boxes).all(axis=1) & (truth[:, 2:] > 0).all(axis=1)
    overlap = np.full(frames, np.nan)
    overlap[known] = iou(item.boxes[known], truth[known])
    values: dict[str, NDArray[Any]] = dict(zip(_SIDES, item.boxes.T, strict=True))
    values["score"] = _or_missing(item.score, frames)
    values["lost"] = np.full(frames, None, dtype=object) if item.lost is None else item.lost.astype(object)
    values["probability"] = _or_missing(item.probability, frames)
    values |= {f"true_{side}": column for side, column in zip(_SIDES, truth.T, strict=True)}
    values |= {"iou": overlap, "visibility": _or_missing(item.visibility, frames)}
    return values | {f"{part}_ms": np.asarray(times) for part, times in item.milliseconds.items()}


def _or_missing(values: NDArray[Any] | None, frames: int) -> NDArray[Any]:
    return np.full(frames, np.nan) if values is None else np.asarray(values)[:frames]
