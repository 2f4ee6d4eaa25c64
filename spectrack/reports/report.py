"""A report on runs: one HTML page, its figures as PDF and SVG, its tables as CSV, Markdown and LaTeX.

The page opens without a network and without the files beside it. Its numbers are computed from the boxes and the truth
that the runs hold, never copied from what a run says of itself.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from spectrack.boxes import Boxes
from spectrack.evaluation.comparison import Comparison, compare
from spectrack.evaluation.tracked import TrackedRun
from spectrack.files import check_folder, write_folder, write_text
from spectrack.reports.illustrations import OnProgress, draw_figures, plan_figures
from spectrack.reports.options import PAGE, ReportOptions
from spectrack.reports.page import PageContent, make_page
from spectrack.reports.result_tables import all_tables
from spectrack.reports.strip_frames import Pictures, film_strips
from spectrack.reports.table_formats import to_csv, to_latex, to_markdown
from spectrack.reports.wording import about_presets


@dataclass(frozen=True)
class WrittenReport:
    """A report that was written.

    Attributes:
        page: the HTML page.
        comparison: what it shows.
        remarks: what a reader must know, such as parts that are left out.
    """

    page: Path
    comparison: Comparison
    remarks: tuple[str, ...]


def write_report(
    runs: Sequence[TrackedRun],
    out: str | os.PathLike[str],
    *,
    options: ReportOptions | None = None,
    truth: Mapping[str, Boxes] | None = None,
    attributes: Mapping[str, Iterable[str]] | None = None,
    pictures: Pictures | None = None,
    remarks: Iterable[str] = (),
    on_progress: OnProgress | None = None,
) -> WrittenReport:
    """Score runs side by side and write the report, whole or not at all.

    Args:
        runs: own runs and foreign results (see `spectrack.reports.gathering`); the others are compared with the first.
        out: the folder; it must not exist or be empty, or hold an earlier report with `options.overwrite`.
        options: protocol, intervals, title.
        truth: label to (N, 4), in place of what the runs hold.
        attributes: label to labels such as OCC, for sequences whose runs name none.
        pictures: gives the false-colour picture of a frame for film strips, which are left out without it.
        remarks: further sentences to print on the page.
        on_progress: told what is being done.

    Returns:
        The page's place, the comparison and the remarks printed on the page.

    Raises:
        ConfigError: an unknown protocol, or a folder that holds something else.
        InputError: runs that cannot be compared; see `spectrack.evaluation.comparison.compare`.
    """
    options = options or ReportOptions()
    terms = options.terms(run.directory for run in runs)
    check_folder(out, terms)
    comparison = compare(runs, truth=truth, attributes=attributes, options=options.scoring)
    tables = all_tables(comparison)
    highlights = comparison.highlights(options.strips)
    if on_progress is not None:
        on_progress("reading frames", 0, None)
    strips, strip_remarks = film_strips(comparison, highlights, pictures)
    plans, figure_remarks = plan_figures(comparison, highlights, strips)
    own = (*comparison.remarks, *remarks, *about_presets(comparison), *_about_misses(comparison))
    told = (*own, *strip_remarks, *figure_remarks)
    with write_folder(out, terms) as folder:
        illustrations = draw_figures(plans, folder / "figures", on_progress)
        for stem, table in tables.items():
            for suffix, write in ((".csv", to_csv), (".md", to_markdown), (".tex", to_latex)):
                write_text(folder / "tables" / f"{stem}{suffix}", write(table))
        content = PageContent(options.title, comparison, tables, illustrations, highlights, strips, told)
        write_text(folder / PAGE, make_page(content))
    return WrittenReport(Path(out) / PAGE, comparison, told)


def _about_misses(comparison: Comparison) -> list[str]:
    """Frames without a prediction change a score, so a reader is told."""
    return [
        f"{entrant.name} has {entrant.missed} frames without a usable box or truth, which count as misses."
        for entrant in comparison.entrants
        if entrant.missed
    ]
