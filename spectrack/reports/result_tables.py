"""What stands in the tables of a report; every number comes from `spectrack.evaluation.comparison`."""

from __future__ import annotations

from spectrack.annotations.attributes import ATTRIBUTE_NAMES
from spectrack.evaluation.comparison import Comparison
from spectrack.evaluation.confidence import HIDDEN_WORDS, FlagScores
from spectrack.evaluation.figures import (
    CALIBRATION_ERROR,
    FAILED,
    FALSE_FINDS,
    FRAMES_PER_SECOND,
    LOST,
    MISSED,
    PART_MS,
    REACQUIRED,
    Figure,
)
from spectrack.evaluation.robustness import LOST_WORDS
from spectrack.evaluation.target_sizes import SIZE_WORDS
from spectrack.evaluation.uncertainty import FEWEST_SEQUENCES, Interval
from spectrack.reports.published import published, trained_on
from spectrack.reports.tables import Cell, Column, Table
from spectrack.signs import counted


def summary_table(comparison: Comparison) -> Table:
    """A row a tracker: figures with intervals, the paired difference to the first tracker, and what went wrong."""
    shown, first, several = comparison.shown, comparison.entrants[0], len(comparison.entrants) > 1
    # Scores of trackers that saw other data in training do not compare like with like.
    stated = any(published(entrant.run) is not None for entrant in comparison.entrants)
    columns = [Column("tracker"), *([Column("trained on")] if stated else []), *map(Column.of, shown)]
    if several:
        heading = f"Δ{comparison.headline} to {first.name}"
        columns.append(Column.of(shown[0], heading=heading, best=None, signed=True))
    columns += map(Column.of, (LOST, FAILED, MISSED))
    rows = []
    for entrant in comparison.entrants:
        data = [trained_on(entrant.run)] if stated else []
        row: list[Cell] = [entrant.name, *data, *(_known(entrant.intervals[figure.name]) for figure in shown)]
        if several:
            row.append(None if entrant is first else _known(comparison.difference(entrant, first)))
        rows.append((*row, len(entrant.lost_at), len(entrant.failures), entrant.missed))
    caption = (
        f"Figures over {counted(len(comparison.labels), 'sequence')} ({_protocol(comparison)}, mean over "
        f"{comparison.scores.averaged_over}) with {_intervals(comparison)}{_caution(comparison)}. "
        f"Lost: {LOST.words}; failed: {FAILED.words}; missed: {MISSED.words}."
    )
    caption += " Trained on: as the authors state it." if stated else ""
    return Table("summary", caption, tuple(columns), tuple(rows), trackers=_indices(comparison))


def pooling_table(comparison: Comparison) -> Table:
    """Means over sequences beside figures of all frames in one pot: papers differ in which they print."""
    columns = [Column("tracker"), Column("averaged over")]
    columns += [Column.of(figure, best=None) for figure in comparison.shown]
    rows: list[tuple[Cell, ...]] = []
    for entrant in comparison.entrants:
        for words, figures in (("sequences", entrant.scores.sequence_mean), ("frames", entrant.scores.frame_pooled)):
            rows.append((entrant.name, words, *(figures[figure.name] for figure in comparison.shown)))
    caption = f"The same boxes averaged over sequences and over all frames pooled ({_protocol(comparison)})."
    trackers = tuple(index for index in _indices(comparison) for _ in range(2))
    return Table("averaging", caption, tuple(columns), tuple(rows), trackers=trackers)


def sequence_table(comparison: Comparison) -> Table:
    """A row a sequence: every tracker's success score and precision, and how far the trackers differ."""
    shown = [figure for figure in comparison.shown if figure.name in ("auc", "dp20")]
    several = len(comparison.entrants) > 1
    columns = [Column("sequence"), Column("attributes", words=ATTRIBUTE_NAMES), Column("frames")]
    columns += [column for figure in shown for column in _competing(comparison, figure)]
    columns += [Column.of(shown[0], heading="spread", best=None)] if several else []
    rows: list[tuple[Cell, ...]] = []
    for label in comparison.labels:
        scores = [entrant.scores.of(label) for entrant in comparison.entrants]
        numbers = [item.figures[figure.name] for figure in shown for item in scores]
        spread = [comparison.spread(label)] if several else []
        rows.append((label, " ".join(comparison.attributes.get(label, ())), scores[0].frames, *numbers, *spread))
    means = [entrant.scores.figures[figure.name] for figure in shown for entrant in comparison.entrants]
    caption = f"Every sequence by its own figures ({_protocol(comparison)})"
    caption += f"; spread is the difference between the best and the worst {comparison.headline}." if several else "."
    footer = (comparison.scores.average_name, "", comparison.scores.frames, *means, *([None] if several else []))
    return Table("sequences", caption, tuple(columns), tuple(rows), footer)


def attribute_table(comparison: Comparison) -> Table | None:
    """A row an attribute with each tracker's success score; None where no sequence carries one."""
    groups = [entrant.attributes for entrant in comparison.entrants]
    if not groups[0]:
        return None
    columns = (
        Column("attribute", words=ATTRIBUTE_NAMES),
        Column("sequences"),
        *_competing(comparison, comparison.shown[0]),
    )
    rows: list[tuple[Cell, ...]] = [
        (word, item.sequences, *(_known(group[word].interval) for group in groups)) for word, item in groups[0].items()
    ]
    meant = "; ".join(f"{word}: {ATTRIBUTE_NAMES[word]}" for word in groups[0] if word in ATTRIBUTE_NAMES)
    caption = (
        f"{comparison.headline} over the sequences with an attribute ({_protocol(comparison)}), with "
        f"{_intervals(comparison)}; intervals from fewer than {FEWEST_SEQUENCES} sequences are too narrow."
        f"{f' {meant}.' if meant else ''}"
    )
    return Table("attributes", caption, columns, tuple(rows))


def size_table(comparison: Comparison) -> Table | None:
    """A row a size of target with each tracker's success score; None where no sequence has a truth box."""
    groups = [entrant.sizes for entrant in comparison.entrants]
    if not groups[0]:
        return None
    columns = (Column("target"), Column("sequences"), *_competing(comparison, comparison.shown[0]))
    rows: list[tuple[Cell, ...]] = [
        (size, item.sequences, *(_known(group[size].interval) for group in groups)) for size, item in groups[0].items()
    ]
    caption = (
        f"{comparison.headline} by the size of the target ({_protocol(comparison)}), the mean side of its truth boxes "
        f"({SIZE_WORDS}), with {_intervals(comparison)}; intervals from fewer than {FEWEST_SEQUENCES} sequences are "
        "too narrow."
    )
    return Table("sizes", caption, columns, tuple(rows))


def speed_table(comparison: Comparison) -> Table:
    """A row a tracker: frames per second and the parts of a frame's time, with the machine they were measured on."""
    columns = [Column("tracker"), *map(Column.of, (FRAMES_PER_SECOND, *PART_MS.values()))]
    columns += [Column("frames"), Column("device"), Column("machine")]
    rows: list[tuple[Cell, ...]] = []
    for entrant in comparison.entrants:
        speed, run = entrant.speed, entrant.run
        parts = [speed.median_ms.get(part) for part in PART_MS]
        rows.append((entrant.name, speed.frames_per_second, *parts, speed.frames or None, run.device, run.machine))
    caption = (
        "Speed without the first frame of each sequence (the tracker's start): frames per second over all frames, "
        "reading included, and median milliseconds a frame. Only numbers from one machine can be compared."
    )
    return Table("speed", caption, tuple(columns), tuple(rows), trackers=_indices(comparison))


def loss_table(comparison: Comparison) -> Table:
    """A row for each sequence that a tracker lost or broke down on."""
    columns = (Column("tracker"), Column("sequence"), Column("frame of loss"), Column("of frames"), Column("failure"))
    rows: list[tuple[Cell, ...]] = []
    indices = []
    for entrant in comparison.entrants:
        for label in comparison.labels:
            frame, failure = entrant.lost_at.get(label), entrant.failures.get(label)
            if frame is not None or failure is not None:
                rows.append((entrant.name, label, frame, len(comparison.truth[label]), failure or ""))
                indices.append(entrant.index)
    caption = (
        f"Sequences that were lost ({LOST_WORDS}; frames count from 0) and those on which a tracker failed with an "
        "error, after which frames count as misses."
    )
    return Table("losses", caption, columns, tuple(rows), trackers=tuple(indices))


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
        Column.of(CALIBRATION_ERROR),
    )
    rows: list[tuple[Cell, ...]] = []
    indices = []
    for entrant in comparison.entrants:
        hidden, missed, curve = entrant.flag_hidden, entrant.flag_missed, entrant.reliability
        if hidden is not None and missed is not None and curve is not None:
            told = (hidden.flagged, *(value for flag in (hidden, missed) for value in _flag_cells(flag)))
            stated = None if entrant.calibration is None else entrant.calibration.error
            rows.append((entrant.name, *told, curve.correlation, stated))
            indices.append(entrant.index)
    caption = (
        "The trackers' own lost flag against frames in which the object is hidden and in which the box misses it, and "
        f"the rank correlation of confidence and overlap; the first frame does not count. Hidden: {HIDDEN_WORDS}. "
        f"{CALIBRATION_ERROR.label}: {CALIBRATION_ERROR.words}."
    )
    return Table("confidence", caption, columns, tuple(rows), trackers=tuple(indices)) if rows else None


def absence_table(comparison: Comparison) -> Table | None:
    """A row a tracker: targets followed again after long absences; None where no sequence has one."""
    columns = (
        Column("tracker"),
        Column("absences"),
        Column.of(REACQUIRED),
        Column("median frames", 1, "low"),
        Column.of(FALSE_FINDS),
        Column("claimed while hidden", 3, "low"),
    )
    rows: list[tuple[Cell, ...]] = []
    for entrant in comparison.entrants:
        found = entrant.reacquisition
        if found is not None:
            told = (found.share, found.median_delay, found.false_finds, found.claimed)
            rows.append((entrant.name, len(found.absences), *told))
    caption = (
        f"Found again: {REACQUIRED.words}. Median frames: from the reappearance on, of those followed again at all. "
        f"False finds: {FALSE_FINDS.words}. Claimed: share of hidden frames that the tracker does not call lost."
    )
    return Table("absences", caption, columns, tuple(rows), trackers=_indices(comparison)) if rows else None


def all_tables(comparison: Comparison) -> dict[str, Table]:
    """Every table that the comparison gives, by stem."""
    tables = [
        make(comparison)
        for make in (
            *(summary_table, pooling_table, attribute_table, size_table, sequence_table),
            *(loss_table, absence_table, confidence_table, speed_table),
        )
    ]
    return {table.stem: table for table in tables if table is not None}


def _competing(comparison: Comparison, figure: Figure) -> list[Column]:
    """A column a tracker for one figure, the best of which is set off in every row."""
    several = len(comparison.entrants) > 1
    return [
        Column.of(
            figure,
            heading=f"{entrant.name} {figure.heading}",
            best=figure.better if several else None,
            tracker=entrant.index,
            group=figure.heading,
        )
        for entrant in comparison.entrants
    ]


def _known(interval: Interval) -> Interval | float:
    """An interval; of one sequence, which has none, the value alone."""
    return interval if interval.sequences > 1 else interval.estimate


def _flag_cells(flag: FlagScores) -> tuple[Cell, ...]:
    return flag.positives, flag.precision, flag.recall


def _protocol(comparison: Comparison) -> str:
    return f"protocol {comparison.scores.protocol}"


def _intervals(comparison: Comparison) -> str:
    return f"{comparison.level:.0%} bootstrap intervals over sequences"


def _caution(comparison: Comparison) -> str:
    few = len(comparison.labels) < FEWEST_SEQUENCES
    return f", too narrow because there are fewer than {FEWEST_SEQUENCES}" if few else ""


def _indices(comparison: Comparison) -> tuple[int, ...]:
    return tuple(entrant.index for entrant in comparison.entrants)
