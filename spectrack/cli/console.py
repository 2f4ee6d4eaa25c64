"""What the commands print with: two consoles, a plain table, and a progress bar that vanishes when it is done."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from typing import Any

from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from spectrack.signs import visible

SECONDS_BETWEEN_LINES = 10.0
"""How often progress is told where there is no terminal to draw a bar on."""


class PlainConsole(Console):
    """A console to which text from elsewhere can be given as it is: brackets are no markup, control characters shown.

    Args:
        stderr: for messages; else for results.
    """

    def __init__(self, *, stderr: bool = False) -> None:
        super().__init__(stderr=stderr, highlight=False, markup=False, emoji=False)

    def print(self, *objects: Any, **options: Any) -> None:
        """As rich does it."""
        super().print(*(visible(item) if isinstance(item, str) else item for item in objects), **options)


def output() -> PlainConsole:
    """Console for results, on standard output."""
    return PlainConsole()


def errors() -> PlainConsole:
    """Console for messages and progress, on standard error."""
    return PlainConsole(stderr=True)


def say(line: str) -> None:
    """Print a line for people on standard output as it is, in one piece, so that it can be copied whole."""
    output().print(line, soft_wrap=True)


def complain(sentence: str) -> None:
    """Print a sentence about a fault on standard error, as it is, behind the program's name.

    It stays one line, whatever a file in it is called.
    """
    errors().print(f"spectrack: {one_line(sentence)}", soft_wrap=True)


def one_line(text: str) -> str:
    """Text with line feeds as Python writes them."""
    return text.replace("\n", "\\n")


class VisibleFormatter(logging.Formatter):
    """Log lines as `PlainConsole` shows text."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the base class's name
        """The record's own words, which stay one line; a trace of calls keeps its lines."""
        return one_line(super().formatMessage(record))

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record."""
        return visible(super().format(record))


def make_table(columns: Iterable[str], rows: Iterable[Iterable[str]], *, footer: Iterable[str] | None = None) -> Table:
    """A table whose first column is text and whose others are numbers.

    Args:
        columns: headings.
        rows: cells as text.
        footer: a last row, set off by a line.
    """
    table = Table(box=box.SIMPLE_HEAD, collapse_padding=True)
    for index, heading in enumerate(columns):
        table.add_column(_cell(heading), justify="left" if index == 0 else "right", overflow="fold", no_wrap=index > 0)
    for row in rows:
        table.add_row(*map(_cell, row))
    if footer is not None:
        table.add_section()
        table.add_row(*map(_cell, footer), style="bold")
    return table


def make_list(rows: Iterable[tuple[str, str]]) -> Table:
    """Names and descriptions side by side; long descriptions are wrapped beside their name."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    for row in rows:
        table.add_row(*map(_cell, row))
    return table


def print_facts(rows: Iterable[tuple[str, str]], console: PlainConsole | None = None) -> None:
    """Print names and values, a line each; values are never broken, so that paths and commands can be copied."""
    console, facts = console or output(), [(visible(name), visible(value)) for name, value in rows]
    width = max((len(name) for name, _ in facts), default=0)
    for name, value in facts:
        console.print(Text.assemble((name.ljust(width), "bold"), "  ", value), soft_wrap=True)


class ProgressBar:
    """A bar on standard error with time passed and time left, which vanishes when it is left.

    Where standard error is no terminal, as in a log file, a line every `SECONDS_BETWEEN_LINES` takes its place.
    """

    def __init__(self) -> None:
        console, what = errors(), TextColumn("{task.description}", markup=False)
        note = TextColumn("{task.fields[note]}", markup=False)
        columns = (what, BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn(), note)
        self._bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._task = self._bar.add_task("starting", total=None, note="")
        self._what = ""
        self._told = time.monotonic()

    def __enter__(self) -> ProgressBar:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def show(self, what: str, done: int, total: int | None, note: str = "") -> None:
        """Say what is being done, steps done, steps in all (None when unknown) and, behind the bar, anything else."""
        if what != self._what:
            self._bar.reset(self._task, total=total)  # a new phase starts its own clock
            self._what = what
        self._bar.update(self._task, description=visible(what), completed=done, total=total, note=visible(note))
        if self._bar.disable and time.monotonic() - self._told >= SECONDS_BETWEEN_LINES:
            self._told = time.monotonic()
            steps = f"{done} of {total}" if total else str(done or "")
            complain(" ".join(word for word in (what, steps, note) if word))


def _cell(text: str) -> Text:
    return Text(visible(text))
