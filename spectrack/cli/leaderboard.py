"""``spectrack leaderboard``: all released boxes of a data set that lie in a folder, ranked under one protocol."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from tyro.conf import Positional, arg

from spectrack.cli.console import ProgressBar, print_facts, say
from spectrack.cli.score_tables import print_findings, print_trackers
from spectrack.reports.options import ReportOptions

if TYPE_CHECKING:
    from spectrack.reports.report import WrittenReport


@dataclass(frozen=True)
class Leaderboard:
    """Rank all released boxes that lie in a folder, under one protocol with intervals.

    Looks for trackers in every folder and .zip archive below --root: SEE-Net's evaluation tools (detection_res/TRACKER
    beside detection_res/GT), archives as authors release them, GOT-10k folders, MOT, COCO, the 2026 challenge's CSV.
    Writes the page, figures and tables of `spectrack report`: scores with intervals, by attribute and by size of the
    target, and what each tracker was trained on as its authors state it. Own runs are shown beside them.

    A tracker that lacks a sequence, or has other frames than the truth, is left out and named.
    """

    EXAMPLES: ClassVar[str] = """examples:
  spectrack leaderboard --root SEE-Net/plot-tools/plotRect/detection_res --out leaderboard
  spectrack leaderboard --root downloads --truth HOTC/test --out leaderboard
  spectrack leaderboard runs/hotc/siamban --root downloads --truth HOTC/test --out leaderboard   with an own run"""

    root: Annotated[Path, arg(metavar="DIR")]
    """Folder with released boxes, in folders or archives."""
    out: Annotated[Path, arg(metavar="DIR")]
    """Folder for the leaderboard; it must not exist or be empty."""
    runs: Annotated[tuple[str, ...], Positional, arg(metavar="[NAME=]RUN")] = ()
    """Own runs to show beside them."""
    truth: Annotated[Path | None, arg(metavar="DIR")] = None
    """Truth boxes; by default a folder such as GT below --root."""
    dataset: Annotated[str, arg(metavar="NAME")] = "hotc2020"
    """The data set: its test sequences and their attributes."""
    report: ReportOptions = field(default_factory=lambda: ReportOptions(title="Leaderboard", strips=0))
    """What it looks like, and how boxes are scored."""

    def run(self) -> int:
        """Write the leaderboard and print its summary."""
        from spectrack.datasets.facts import dataset_facts
        from spectrack.files import check_folder
        from spectrack.reports.gathering import read_runs
        from spectrack.reports.released import find_truth, read_released, read_truth_of, under_names
        from spectrack.reports.report import write_report

        places = [self.root, *(Path(place.rpartition("=")[2]) for place in self.runs)]
        check_folder(self.out, self.report.terms(places, [] if self.truth is None else [self.truth]))
        known = {item.name: item for item in dataset_facts(self.dataset).sequences if item.split == "test"}
        truth = read_truth_of(self.truth or find_truth(self.root), list(known))
        released = read_released(self.root, truth, self.report.scoring)
        own = [under_names(run, list(truth)) for run in read_runs(self.runs)]
        remarks = list(released.remarks)
        if absent := [name for name in known if name not in truth]:
            remarks.append(
                f"No truth of {len(absent)} of the {len(known)} sequences of {self.dataset}: {absent[0]}, ..."
            )
        with ProgressBar() as bar:
            report = write_report(
                [*released.runs, *own],
                self.out,
                options=self.report,
                truth=truth,
                attributes={name: known[name].attributes for name in truth if name in known},
                remarks=remarks,
                on_progress=bar.show,
            )
        self._print(report)
        return 0

    def _print(self, report: WrittenReport) -> None:
        from spectrack.reports.published import trained_on

        comparison = report.comparison
        say(comparison.notes[0])
        print_trackers(comparison, special=False)
        say("trained on, as the authors state it:")
        print_facts((f"  {item.name}", trained_on(item.run) or "unknown") for item in comparison.entrants)
        print_findings(report, [("tables", str(self.out / "tables"))])
