"""What stands in the tables of a report: every number that is printed is computed here or in `spectrack.evaluation`."""

from __future__ import annotations

import numpy as np

from spectrack.errors import InputError
from spectrack.evaluation.attributes import per_attribute
from spectrack.evaluation.confidence import reliability
from spectrack.evaluation.scores import Figures
from spectrack.evaluation.uncertainty import difference_interval, score_interval
from spectrack.reports.comparison import Comparison
from spectrack.reports.confidence import flag_scores, judged_frames
from spectrack.reports.losses import LOST_WORDS, losses_of
from spectrack.reports.tables import Cell, Column, Table

HEADINGS = {
    "auc": "AUC",
    "dp20": "DP@20",
    "normalised_precision": "norm. precision",
    "average_overlap": "AO",
    "success_rate_50": "SR@50",
    "success_rate_75": "SR@75",
}
"""Figures of `spectrack.evaluation.scores.Figures` that tables show, in this order."""


def shown_figures(comparison: Comparison) -> dict[str, str]:
    """The figures that the protocol defines, with their headings; AO is not shown twice where it is the headline."""
    defined = {
        name for name in HEADINGS if all(getattr(item.scores.figures, name) is not None for item in comparison.entrants)
    }
    shown = {name: heading for name, heading in HEADINGS.items() if name in defined}
    if comparison.headline == "AO":
        shown.pop("average_overlap")
        shown["auc"] = "AO"
    return shown


def summary_table(comparison: Comparison, *, level: float = 0.95) -> Table:
    """A row a tracker: figures with intervals, the paired difference to the first tracker, and what went wrong."""
    shown = shown_figures(comparison)
    first, several = comparison.entrants[0], len(comparison.entrants) > 1
    columns = [Column("tracker"), *(Column(heading, 3, "high") for heading in shown.values())]
    if several:
        columns.append(Column(f"Δ{shown['auc']} to {first.name}", 3, signed=True))
    columns += [Column("lost", None, "low"), Column("failed", None, "low"), Column("missed", None, "low")]
    rows = []
    for entrant in comparison.entrants:
        row: list[Cell] = [entrant.name, *(score_interval(entrant.scores, name, level=level) for name in shown)]
        if several:
            row.append(None if entrant is first else difference_interval(entrant.scores, first.scores, level=level))
        losses = losses_of(comparison, entrant)
        row.append(sum(loss.frame is not None for loss in losses))
        row.append(sum(loss.failure is not None for loss in losses))
        row.append(sum(item.missed for item in entrant.scores.sequences))
        rows.append(tuple(row))
    over = "frames" if first.scores.switches["averaging"] == "frames" else "sequences"
    caption = (
        f"Figures over {len(comparison.labels)} sequences (protocol {first.scores.protocol}, mean over {over}) with "
        f"{level:.0%} bootstrap "
        f"intervals over sequences. Lost: sequences on which {LOST_WORDS}; failed: "
        "sequences on which the tracker stopped with an error; missed: frames without a usable box."
    )
    return Table("summary", caption, tuple(columns), tuple(rows), trackers=_indices(comparison))


def pooling_table(comparison: Comparison) -> Table:
    """Means over sequences beside figures of all frames in one pot: papers differ in which they print."""
    shown = shown_figures(comparison)
    columns = [Column("tracker"), Column("averaged over")] + [Column(heading, 3) for heading in shown.values()]
    rows: list[tuple[Cell, ...]] = []
    for entrant in comparison.entrants:
        for words, figures in (("sequences", entrant.scores.sequence_mean), ("frames", entrant.scores.frame_pooled)):
            rows.append((entrant.name, words, *_values(figures, shown)))
    caption = (
        "The same boxes averaged over sequences and over all frames pooled (protocol "
        f"{comparison.entrants[0].scores.protocol})."
    )
    return Table(
        "averaging",
        caption,
        tuple(columns),
        tuple(rows),
        trackers=tuple(index for index in _indices(comparison) for _ in range(2)),
    )


def sequence_table(comparison: Comparison) -> Table:
    """A row a sequence: every tracker's success score and precision, and how far the trackers differ."""
    shown = {name: heading for name, heading in shown_figures(comparison).items() if name in ("auc", "dp20")}
    several = len(comparison.entrants) > 1
    columns = [Column("sequence"), Column("attributes"), Column("frames")]
    for heading in shown.values():
        columns += [
            Column(f"{item.name} {heading}", 3, "high" if several else None, tracker=item.index, group=heading)
            for item in comparison.entrants
        ]
    columns += [Column("spread", 3)] if several else []
    rows: list[tuple[Cell, ...]] = []
    for label in comparison.labels:
        figures = [item.scores.of(label).figures for item in comparison.entrants]
        numbers = [getattr(item, name) for name in shown for item in figures]
        spread = [float(np.ptp([item.auc for item in figures]))] if several else []
        frames = comparison.entrants[0].scores.of(label).frames
        rows.append((label, " ".join(comparison.attributes.get(label, ())), frames, *numbers, *spread))
    frames = sum(item.frames for item in comparison.entrants[0].scores.sequences)
    means = [getattr(item.scores.figures, name) for name in shown for item in comparison.entrants]
    over = "all frames" if comparison.entrants[0].scores.switches["averaging"] == "frames" else "mean"
    caption = f"Every sequence by its own figures (protocol {comparison.entrants[0].scores.protocol})"
    caption += f"; spread is the difference between the best and the worst {comparison.headline}." if several else "."
    footer = (over, "", frames, *means, *([None] if several else []))
    return Table("sequences", caption, tuple(columns), tuple(rows), footer)


def attribute_table(comparison: Comparison, *, level: float = 0.95) -> Table | None:
    """A row an attribute with each tracker's success score; None where no sequence carries one."""
    if not comparison.attributes:
        return None
    parts = {item.name: per_attribute(item.scores, comparison.attributes) for item in comparison.entrants}
    labels = sorted(next(iter(parts.values())))
    several = len(comparison.entrants) > 1
    heading = comparison.headline
    columns = [Column("attribute"), Column("sequences")]
    columns += [
        Column(f"{item.name} {heading}", 3, "high" if several else None, tracker=item.index, group=heading)
        for item in comparison.entrants
    ]
    rows: list[tuple[Cell, ...]] = []
    for word in labels:
        members = [label for label in comparison.labels if word in comparison.attributes.get(label, ())]
        intervals = [score_interval(item.scores.select(members), level=level) for item in comparison.entrants]
        rows.append((word, len(members), *intervals))
    caption = (
        f"{heading} over the sequences with an attribute (protocol {comparison.entrants[0].scores.protocol}), with "
        f"{level:.0%} bootstrap "
        "intervals over sequences; intervals from fewer than ten sequences are too narrow."
    )
    return Table("attributes", caption, tuple(columns), tuple(rows))


def speed_table(comparison: Comparison) -> Table:
    """A row a tracker: frames per second and the parts of a frame's time, with the machine that they were measured
    on.
    """
    columns = (
        Column("tracker"),
        Column("frames/s", 1, "high"),
        Column("reading ms", 2),
        Column("network ms", 2),
        Column("rest ms", 2),
        Column("frames"),
        Column("device"),
        Column("machine"),
    )
    rows = []
    for entrant in comparison.entrants:
        speed, run = entrant.speed, entrant.run
        parts = [speed.median_ms.get(part) for part in ("reading", "network", "rest")]
        rows.append((entrant.name, speed.frames_per_second, *parts, speed.frames or None, run.device, run.machine))
    caption = (
        "Speed without the first frame of each sequence (the tracker's start): frames per second over all frames, "
        "reading included, and median milliseconds a frame. Only numbers from one machine can be compared."
    )
    return Table("speed", caption, columns, tuple(rows), trackers=_indices(comparison))


def loss_table(comparison: Comparison) -> Table:
    """A row for each sequence that a tracker lost or broke down on."""
    columns = (Column("tracker"), Column("sequence"), Column("frame of loss"), Column("of frames"), Column("failure"))
    found = [(entrant.index, loss) for entrant in comparison.entrants for loss in losses_of(comparison, entrant)]
    rows: list[tuple[Cell, ...]] = [
        (loss.tracker, loss.label, loss.frame, loss.frames, loss.failure or "") for _, loss in found
    ]
    caption = (
        f"Sequences that were lost ({LOST_WORDS}; frames count from 0) and those on which a tracker failed with an "
        "error, after which "
        "frames count as misses."
    )
    return Table("losses", caption, columns, tuple(rows), trackers=tuple(index for index, _ in found))


def confidence_table(comparison: Comparison) -> Table | None:
    """A row a tracker: what its lost flag and its confidence are worth; None where no run has them."""
    columns = (
        Column("tracker"),
        Column("flagged frames"),
        Column("hidden frames"),
        Column("hidden: precision", 3, "high"),
        Column("hidden: recall", 3, "high"),
        Column("missed frames"),
        Column("missed: precision", 3, "high"),
        Column("missed: recall", 3, "high"),
        Column("rank correlation", 3, "high"),
    )
    rows: list[tuple[Cell, ...]] = []
    indices = []
    for entrant in comparison.entrants:
        judged = judged_frames(comparison, entrant)
        if judged:
            hidden, missed = flag_scores(judged)
            seen = (
                hidden.flagged,
                hidden.positives,
                hidden.precision,
                hidden.recall,
                missed.positives,
                missed.precision,
                missed.recall,
            )
            rows.append((entrant.name, *seen, reliability(judged).correlation))
            indices.append(entrant.index)
    caption = (
        "The trackers' own lost flag against frames in which the object is hidden and frames in which the box misses "
        "it, and the rank "
        "correlation of confidence and overlap; the first frame does not count."
    )
    return Table("confidence", caption, columns, tuple(rows), trackers=tuple(indices)) if rows else None


def all_tables(comparison: Comparison, *, level: float = 0.95) -> dict[str, Table]:
    """Every table that the comparison gives, by stem.

    Raises:
        InputError: a level outside (0, 1).
    """
    if not 0 < level < 1:
        raise InputError(f"expected a level between 0 and 1, found {level}; 0.95 is usual")
    tables = [
        summary_table(comparison, level=level),
        pooling_table(comparison),
        attribute_table(comparison, level=level),
        sequence_table(comparison),
        loss_table(comparison),
        confidence_table(comparison),
        speed_table(comparison),
    ]
    return {table.stem: table for table in tables if table is not None}


def _indices(comparison: Comparison) -> tuple[int, ...]:
    return tuple(entrant.index for entrant in comparison.entrants)


def _values(figures: Figures, names: dict[str, str]) -> list[float]:
    return [getattr(figures, name) for name in names]
