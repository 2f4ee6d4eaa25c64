"""Tables of scores as the commands print them; headings and decimals are those of `spectrack.evaluation.figures`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from spectrack.cli.console import make_table, output, print_facts, say

if TYPE_CHECKING:
    from rich.table import Table

    from spectrack.evaluation.analysis import Analysis
    from spectrack.evaluation.comparison import Comparison
    from spectrack.evaluation.figures import Figure
    from spectrack.evaluation.scores import Scores
    from spectrack.reports.report import WrittenReport


def make_sequences_table(scores: Scores) -> Table:
    """One row a sequence, and the protocol's headline as the last row."""
    from spectrack.evaluation.figures import BRIEF

    shown = scores.shown[:BRIEF]
    rows = [(item.name, str(item.frames), item.figures) for item in scores.sequences]
    rows.append((scores.average_name, str(scores.frames), scores.figures))
    *cells, footer = [(name, frames, *(item.text(found[item.name]) for item in shown)) for name, frames, found in rows]
    return make_table(("sequence", "frames", *(item.heading for item in shown)), cells, footer=footer)


def make_trackers_table(comparison: Comparison) -> Table:
    """One row a tracker: figures, the headline's interval, losses, failures and speed."""
    from spectrack.evaluation.figures import BRIEF, FAILED, FRAMES_PER_SECOND, LOST

    headline, *others = comparison.shown[:BRIEF]
    rows = []
    for entrant in comparison.entrants:
        found = entrant.scores.figures
        interval = entrant.intervals["auc"]
        # Of one sequence there is no interval.
        figures = [headline.text(found["auc"]), interval.ends if interval.sequences > 1 else "-"]
        figures += [item.text(found[item.name]) for item in others]
        counts = LOST.text(len(entrant.lost_at)), FAILED.text(len(entrant.failures))
        speed = FRAMES_PER_SECOND.text(entrant.speed.frames_per_second)
        rows.append((entrant.name, *figures, *counts, speed))
    rest = (item.label for item in (*others, LOST, FAILED, FRAMES_PER_SECOND))
    return make_table(("tracker", headline.label, f"{100 * comparison.level:g} %", *rest), rows)


def make_special_tables(comparison: Comparison) -> list[Table]:
    """One row a tracker of what only some comparisons have, beside the other table because that fills a console; none
    where this one has nothing of it.
    """
    special = _special_figures(comparison)
    rows = (
        (entrant.name, *(figure.text(value(entrant)) for figure, value in special.items()))
        for entrant in comparison.entrants
    )
    return [make_table(("tracker", *(figure.label for figure in special)), rows)] if special else []


def print_trackers(comparison: Comparison, *, special: bool = True) -> None:
    """The tables of all trackers, and what their headings mean.

    Args:
        comparison: of the trackers.
        special: with `make_special_tables`.
    """
    for table in (make_trackers_table(comparison), *(make_special_tables(comparison) if special else ())):
        output().print(table)
    output().print(trackers_legend(comparison))


def print_findings(report: WrittenReport, places: Iterable[tuple[str, str]]) -> None:
    """What a written report found, what it remarks, and where it lies besides the page."""
    from spectrack.reports.wording import lead

    say(lead(report.comparison))
    for remark in report.remarks:
        say(f"- {remark}")
    print_facts([("page", str(report.page)), *places])


def trackers_legend(comparison: Comparison) -> str:
    """What the headings of `make_trackers_table` and `make_special_tables` mean."""
    from spectrack.evaluation.figures import BRIEF, FAILED, FRAMES_PER_SECOND, LOST

    told = (*comparison.shown[:BRIEF], LOST, FAILED, FRAMES_PER_SECOND, *_special_figures(comparison))
    return f"{100 * comparison.level:g} %: bootstrap interval over sequences; {figures_legend(told)}"


def figures_legend(figures: Iterable[Figure]) -> str:
    """What the headings of figures mean."""
    return "; ".join(f"{item.label}: {item.words}" for item in figures)


def make_attributes_table(comparison: Comparison) -> Table:
    """Headline success score by attribute, its letters spelled out, a column a tracker."""
    from spectrack.annotations.attributes import ATTRIBUTE_NAMES

    headline, groups = comparison.shown[0], [entrant.attributes for entrant in comparison.entrants]
    rows = [
        (
            f"{word} {ATTRIBUTE_NAMES.get(word, '')}".strip(),
            str(item.sequences),
            *(headline.text(group[word].figures["auc"]) for group in groups),
        )
        for word, item in groups[0].items()
    ]
    return make_table(("attribute", "sequences", *(entrant.name for entrant in comparison.entrants)), rows)


def _special_figures(comparison: Comparison) -> dict[Figure, Callable[[Analysis], float | None]]:
    """Figures that not every comparison has, where it has them: of long absences, and of stated probabilities."""
    from spectrack.evaluation.figures import CALIBRATION_ERROR, REACQUIRED

    values: dict[Figure, Callable[[Analysis], float | None]] = {
        REACQUIRED: lambda entrant: None if entrant.reacquisition is None else entrant.reacquisition.share,
        CALIBRATION_ERROR: lambda entrant: None if entrant.calibration is None else entrant.calibration.error,
    }
    return {
        figure: value
        for figure, value in values.items()
        if any(value(entrant) is not None for entrant in comparison.entrants)
    }
