"""``spectrack report``: tracked runs and other people's results side by side, as a page, figures and tables."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from tyro.conf import Positional, UseAppendAction, arg

from spectrack.cli.console import ProgressBar, say
from spectrack.cli.score_tables import print_findings, print_trackers
from spectrack.errors import ConfigError
from spectrack.reports.options import ReportOptions

if TYPE_CHECKING:
    from spectrack.reports.report import WrittenReport


@dataclass(frozen=True)
class Report:
    """Compare trackers on one page that opens offline, with its figures and tables as files.

    Writes report.html (curves, attributes, film strips, timelines, bands, speed, losses), figures/ (PDF, SVG) and
    tables/ (CSV, Markdown, LaTeX). All are scored anew from boxes and truth under one protocol, with bootstrap
    intervals over sequences; the first run is what the others are compared with. A run is a folder that `spectrack
    benchmark` or `spectrack track` wrote; tracks of several videos by one tracker are one run.

    Runs must cover the same sequences, or --shared compares them on those that all have and says so on the page. Film
    strips need the frames: where the dataset has moved, name its place with --root.
    """

    EXAMPLES: ClassVar[str] = """examples:
  spectrack report RUN --out report                                    all trackers of a benchmark
  spectrack report RUN/siamban wide=RUN2/siamban --out report          two runs, one under another name
  spectrack report runs/car-cf runs/car-siamban --out report           what `spectrack track` wrote, side by side
  spectrack report RUN --results SEE-Net=downloads/seenet --truth HOTC/test --out report
  spectrack report --results A=boxes/a --results B=boxes/b --truth HOTC/test --out report"""

    out: Annotated[Path, arg(metavar="DIR")]
    """Folder for the report; it must not exist or be empty."""
    runs: Annotated[tuple[str, ...], Positional, arg(metavar="[NAME=]RUN")] = ()
    """Run directories, or folders with one run a tracker."""
    results: Annotated[tuple[str, ...], UseAppendAction, arg(metavar="NAME=DIR")] = ()
    """Boxes that other programs wrote, and what to call them; may be given several times."""
    truth: Annotated[Path | None, arg(metavar="DIR")] = None
    """Truth boxes, in place of those that the runs hold; needed where there are no runs."""
    dataset: Annotated[str | None, arg(metavar="NAME")] = None
    """The dataset to take frames and attributes from, such as hotc2020; by default the one that the runs name."""
    root: Annotated[Path | None, arg(metavar="DIR")] = None
    """Where that dataset lies; by default where the runs found it."""
    report: ReportOptions = field(default_factory=ReportOptions)
    """What it looks like, and how runs are scored and compared."""

    def run(self) -> int:
        """Write the report and print its summary."""
        from spectrack.evaluation.results import read_truth
        from spectrack.files import check_folder
        from spectrack.reports.gathering import read_results, read_runs, view_dataset
        from spectrack.reports.report import write_report

        results = (Path(place.rpartition("=")[2]) for place in (*self.runs, *self.results))
        data = (place for place in (self.truth, self.root) if place is not None)
        check_folder(self.out, self.report.terms(results, data))
        runs = read_runs(self.runs)
        truth = None if self.truth is None else read_truth(self.truth)
        labels = sorted({label for run in runs for label in run.sequences} or set(truth or ()))
        if self.results and not labels:
            raise ConfigError("expected --truth DIR for results without a run, found neither; name the folder of truth")
        foreign = [read_results(place, labels) for place in self.results]
        view = view_dataset(runs, dataset=self.dataset, root=self.root)
        remarks = [sentence for _, sentences in foreign for sentence in sentences]
        with ProgressBar() as bar:
            report = write_report(
                [*runs, *(run for run, _ in foreign)],
                self.out,
                options=self.report,
                truth=truth,
                attributes=view.attributes,
                pictures=view.pictures,
                remarks=[*remarks, *([view.remark] if view.remark and self.report.strips else [])],
                on_progress=bar.show,
            )
        self._print(report)
        return 0

    def _print(self, report: WrittenReport) -> None:
        say(report.comparison.notes[0])
        print_trackers(report.comparison)
        print_findings(report, ((name, str(self.out / name)) for name in ("figures", "tables")))
