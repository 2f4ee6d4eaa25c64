"""A table of a report as data, before it becomes HTML, Markdown, LaTeX or CSV."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
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
        meaning: what the heading stands for, shown with it where there is room for that.
        words: abbreviation to meaning, for cells that hold some.
    """

    heading: str
    digits: int | None = None
    best: Literal["high", "low"] | None = None
    signed: bool = False
    tracker: int | None = None
    group: str | None = None
    note: str = ""
    meaning: str = ""
    words: Mapping[str, str] = field(default_factory=dict)

    @staticmethod
    def of(figure: Figure, **changes: Any) -> Column:
        """The column of a figure, with other attributes where these are given."""
        return replace(
            Column(figure.heading, figure.digits, figure.better, note=figure.note, meaning=figure.words), **changes
        )

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
        rows = range(len(self.rows))
        alone = [place for place, column in enumerate(self.columns) if column.best and column.group is None]
        races = [[(row, place) for row in rows] for place in alone]
        for group in {column.group for column in self.columns if column.best and column.group}:
            places = [place for place, column in enumerate(self.columns) if column.group == group]
            races += [[(row, place) for place in places] for row in rows]
        return {cell for race in races for cell in self._best(race)}

    def _best(self, race: list[tuple[int, int]]) -> set[tuple[int, int]]:
        """The cells of the best number as printed, all of them in a tie; none where all tie or only one competes."""
        numbers = {cell: number for cell in race if (number := number_of(self.rows[cell[0]][cell[1]])) is not None}
        if not numbers:
            return set()
        column = self.columns[race[0][1]]
        printed = {cell: round(number, column.digits or 0) for cell, number in numbers.items()}
        best = max(printed.values()) if column.best == "high" else min(printed.values())
        return {cell for cell, number in printed.items() if number == best} if len(set(printed.values())) > 1 else set()


def number_of(cell: Cell) -> float | None:
    """What a cell is sorted by and compared with; None for text and for nothing."""
    if isinstance(cell, Interval):
        return cell.estimate
    return None if cell is None or isinstance(cell, str) else float(cell)
