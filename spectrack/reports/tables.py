"""A table of a report as data, before it becomes HTML, Markdown, LaTeX or CSV."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

from spectrack.evaluation.figures import Figure
from spectrack.evaluation.uncertainty import Interval

Cell = str | int | float | Interval | None
"""An interval is printed with its ends; None is a dash."""


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        heading: as printed and as it is called in CSV files.
        digits: decimals of numbers; None for text and counts.
        best: whether the highest or the lowest number is set off; None where neither is better.
        signed: print a plus before positive numbers, for differences.
        tracker: index of the tracker that the column is about, for its colour.
        group: columns whose numbers compete in a row, such as the trackers' AUC; None where rows compete in the column.
        note: how the numbers are taken, behind the heading where people read it.
    """

    heading: str
    digits: int | None = None
    best: Literal["high", "low"] | None = None
    signed: bool = False
    tracker: int | None = None
    group: str | None = None
    note: str = ""

    @staticmethod
    def of(figure: Figure, **changes: Any) -> Column:
        """The column of a figure, with other attributes where these are given."""
        return replace(Column(figure.heading, figure.digits, figure.better, note=figure.note), **changes)

    @property
    def title(self) -> str:
        """Heading and note."""
        return f"{self.heading} ({self.note})" if self.note else self.heading


@dataclass(frozen=True)
class Table:
    """One table.

    Attributes:
        stem: file name without suffix.
        caption: one sentence above the table.
        columns: first the row's name, then the rest.
        rows: one cell a column.
        footer: a last row, set off, or nothing.
        trackers: index of the tracker that each row is about, for its colour; empty where rows are not trackers.
    """

    stem: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    footer: tuple[Cell, ...] = ()
    trackers: tuple[int, ...] = ()

    def best_cells(self) -> set[tuple[int, int]]:
        """Row and column of the cells to set off: the best of a column, or of a row where its columns compete."""
        found: set[tuple[int, int]] = set()
        groups: dict[str, list[int]] = {}
        for place, column in enumerate(self.columns):
            if column.best is not None and column.group is not None:
                groups.setdefault(column.group, []).append(place)
            elif column.best is not None:
                found |= _best([(row, place) for row in range(len(self.rows))], self.rows, column.best)
        for places in groups.values():
            best = self.columns[places[0]].best
            for row in range(len(self.rows)):
                found |= _best([(row, place) for place in places], self.rows, best)
        return found


def number_of(cell: Cell) -> float | None:
    """What a cell is sorted by and compared with; None for text and for nothing."""
    if isinstance(cell, Interval):
        return cell.estimate
    return None if cell is None or isinstance(cell, str) else float(cell)


def _best(
    places: list[tuple[int, int]], rows: tuple[tuple[Cell, ...], ...], which: Literal["high", "low"] | None
) -> set[tuple[int, int]]:
    """The places of the best number as printed, all of them in a tie; none where all tie or only one competes."""
    values = {place: round(value, 3) for place in places if (value := number_of(rows[place[0]][place[1]])) is not None}
    if len(values) < 2 or len(set(values.values())) == 1:
        return set()
    best = max(values.values()) if which == "high" else min(values.values())
    return {place for place, value in values.items() if value == best}
