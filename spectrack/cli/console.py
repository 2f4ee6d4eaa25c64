"""What the commands print with: two consoles, a plain table, and a progress bar that vanishes when it is done."""

from __future__ import annotations

from collections.abc import Iterable

from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text


def output() -> Console:
    """Console for results, on standard output."""
    return Console(highlight=False)


def errors() -> Console:
    """Console for messages and progress, on standard error."""
    return Console(stderr=True, highlight=False)


def say(line: str) -> None:
    """Print a line for people on standard output as it is: brackets are no markup, and it can be copied whole."""
    output().print(line, markup=False, soft_wrap=True)


def complain(sentence: str) -> None:
    """Print a sentence about a fault on standard error, as it is, behind the program's name."""
    errors().print(f"spectrack: {sentence}", markup=False, soft_wrap=True)


def make_table(columns: Iterable[str], rows: Iterable[Iterable[str]], *, footer: Iterable[str] | None = None) -> Table:
    """A table whose first column is text and whose others are numbers.

    Args:
        columns: headings.
        rows: cells as text.
        footer: a last row, set off by a line.
    """
    table = Table(box=box.SIMPLE_HEAD, collapse_padding=True)
    for index, heading in enumerate(columns):
        table.add_column(heading, justify="left" if index == 0 else "right", overflow="fold", no_wrap=index > 0)
    for row in rows:
        table.add_row(*row)
    if footer is not None:
        table.add_section()
        table.add_row(*footer, style="bold")
    return table


def make_list(rows: Iterable[tuple[str, str]]) -> Table:
    """Names and descriptions side by side; long descriptions are wrapped beside their name."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    for row in rows:
        table.add_row(*row)
    return table


def print_facts(rows: Iterable[tuple[str, str]]) -> None:
    """Print names and values, a line each; values are never broken, so that paths and commands can be copied."""
    console, facts = output(), list(rows)
    width = max((len(name) for name, _ in facts), default=0)
    for name, value in facts:
        console.print(Text.assemble((name.ljust(width), "bold"), "  ", value), soft_wrap=True)


class ProgressBar:
    """A bar on standard error with time passed and time left, which vanishes when it is left."""

    def __init__(self) -> None:
        console, what, note = errors(), TextColumn("{task.description}"), TextColumn("{task.fields[note]}")
        columns = (what, BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn(), note)
        self._bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._task = self._bar.add_task("starting", total=None, note="")
        self._what = ""

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
        self._bar.update(self._task, description=what, completed=done, total=total, note=note)
