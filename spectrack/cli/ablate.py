"""``spectrack ablate``: the rows of a method's ablation over a data set, into tables with intervals."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from tyro.conf import Positional, UseAppendAction, arg

from spectrack.ablations.options import AblationOptions
from spectrack.cli.console import ProgressBar, complain, make_table, output, say
from spectrack.cli.settings import parse_settings
from spectrack.datasets.options import DatasetPart
from spectrack.errors import ConfigError
from spectrack.trackers.registry import ablation_files

if TYPE_CHECKING:
    from rich.table import Table

    from spectrack.ablations.results import RowResult
    from spectrack.ablations.rows import RowTable
    from spectrack.ablations.running import AblationResult
    from spectrack.evaluation.figures import Figure
    from spectrack.evaluation.uncertainty import Interval


@dataclass(frozen=True)
class Ablate:
    """Change one part of a method at a time and measure what it costs or gains.

    Writes ablation.md and ablation.json into --out, with bootstrap intervals over sequences and paired differences,
    after every row. Rows that only switch inference take the given weights; the others are retrained on a short budget,
    once a seed. The same command goes on where an interrupted one stopped, and further rows are added to the table.
    """

    EXAMPLES: ClassVar[str] = """examples:
  spectrack ablate bcrnet --suite simulated --only CAM,TWIN,BC --out runs/ablation
  spectrack ablate bcrnet --kind inference --groups grouping,fusion --out runs/ablation --jobs 2
  spectrack ablate bcrnet --rows without-cfrm,cfrm-off --pairs 6000 --seeds 1,2,3 --out runs/cfrm
  spectrack ablate bcrnet --list
  spectrack ablate my-rows.toml --suite folder --root clips --weights my.safetensors --out runs/mine"""

    method: Annotated[str, Positional, arg(metavar="|".join([*ablation_files(), "FILE"]))]
    """Whose rows, or a TOML file of rows."""
    out: Annotated[Path | None, arg(metavar="DIR")] = None
    """Folder for tables, runs and trainings."""
    list: bool = False
    """Only list the rows."""
    suite: Annotated[str, arg(metavar="NAME")] = "simulated"
    """What is tracked: the simulated suite, or another dataset that `spectrack benchmark` knows."""
    root: Annotated[Path | None, arg(metavar="DIR")] = None
    """Where the dataset lies; the simulated suite needs none."""
    set: Annotated[tuple[str, ...], UseAppendAction, arg(metavar="KEY=VALUE")] = ()
    """Another value for a parameter of the tracker in all rows that do not vary it, such as --set evidence=none."""
    selection: DatasetPart = field(default_factory=DatasetPart)
    """Which of its sequences."""
    ablation: AblationOptions = field(default_factory=AblationOptions)
    """Which rows, how long they are trained, and how they are tracked."""

    def run(self) -> int:
        """Measure with a bar that tells the row, print the tables; the exit status says whether a tracker failed."""
        from spectrack.ablations.rows import load_rows

        table = load_rows(self.method)
        if self.list:
            output().print(make_rows_table(table))
            return 0
        if self.out is None:
            raise ConfigError("expected --out DIR, found none; name a folder for tables, or see the rows with --list")
        # Everything that can be refused at once, before the data set is looked at.
        table.select(self.ablation.rows, self.ablation.groups, self.ablation.kind)
        from spectrack.ablations.running import run_ablation
        from spectrack.datasets.opening import open_dataset

        dataset = open_dataset(self.suite, self.root, **asdict(self.selection))
        with ProgressBar() as bar:
            bar.show("starting", 0, None)
            result = run_ablation(
                self.method,
                dataset.entries,
                self.out,
                given=parse_settings(self.set),
                options=self.ablation,
                dataset=self.selection.describe(dataset),
                progress=bar.show,
            )
        self._report(result)
        return 1 if result.failures else 0

    def _report(self, result: AblationResult) -> None:
        from spectrack.evaluation.protocols import get_protocol

        console = output()
        for group in result.table.groups:
            rows = [item for item in result.results.values() if item.row["group"] == group.name]
            if rows:
                console.print(group.title, style="bold")
                console.print(make_group_table(rows, get_protocol(self.ablation.protocol).headline))
        say("95 %: bootstrap over sequences; difference: paired with the row named against")
        for item in result.results.values():
            if item.left_out:
                say(f"{item.name} left out: {item.left_out}")
        say(f"written to {result.directory / 'ablation.md'}")
        for line in result.failures:
            complain(f"the tracker failed: {line}")


def make_rows_table(table: RowTable) -> Table:
    """Name, group and kind of every row; degradations of a row on one line."""
    rows = {row.stem: (row.stem, row.group, "training" if row.needs_training else "inference") for row in table.rows}
    return make_table(("row", "group", "needs"), rows.values())


def make_group_table(results: list[RowResult], headline: Figure) -> Table:
    """One line a measured row: success score, its interval, and the paired difference to its reference."""
    rows = []
    for item in results:
        if not item.left_out:
            whole = item.selections["all"]
            figures = headline.text(whole.auc.estimate), whole.auc.ends
            rows.append((item.name, *figures, item.row["reference"] or "-", *_signed(whole.difference)))
    return make_table(("row", headline.label, "95 %", "against", "difference", "95 %"), rows)


def _signed(interval: Interval | None) -> tuple[str, str]:
    if interval is None:
        return "-", "-"
    return f"{interval.estimate:+.3f}", f"{interval.low:+.3f} to {interval.high:+.3f}"
