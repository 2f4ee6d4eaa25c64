"""``spectrack ablate``: the rows of a method's ablation over a data set, into tables with intervals."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, cast

from tyro.conf import Positional, arg

from spectrack.cli.console import ProgressBar, errors, make_table, output
from spectrack.errors import ConfigError

if TYPE_CHECKING:
    from rich.table import Table

    from spectrack.ablations.options import AblationOptions
    from spectrack.ablations.results import RowResult
    from spectrack.ablations.rows import Choice, RowTable
    from spectrack.ablations.running import AblationResult
    from spectrack.datasets.dataset import Dataset
    from spectrack.evaluation.figures import Figure
    from spectrack.evaluation.uncertainty import Interval


@dataclass(frozen=True)
class Ablate:
    """Change one part of a method at a time and measure what it costs or gains.

    Writes ablation.md and ablation.json into --out, with bootstrap intervals over sequences and paired differences,
    after every row. Rows that only switch inference take the given weights; the others are retrained on a short budget,
    once a seed. An interrupted ablation goes on where it stopped when the same command is given again, and further rows
    are added to the table.
    """

    EXAMPLES: ClassVar[str] = """examples:
  spectrack ablate bcrnet --suite simulated --only CAM,TWIN,BC --out runs/ablation
  spectrack ablate bcrnet --kind inference --groups grouping,fusion --out runs/ablation --jobs 2
  spectrack ablate bcrnet --rows without-cfrm,cfrm-off --pairs 6000 --seeds 1,2,3 --out runs/cfrm
  spectrack ablate bcrnet --list
  spectrack ablate my-rows.toml --suite folder --root clips --weights my.safetensors --out runs/mine"""

    method: Annotated[str, Positional, arg(metavar="METHOD")]
    """Whose rows: bcrnet, or a TOML file of rows."""
    out: Annotated[Path | None, arg(metavar="DIR")] = None
    """Folder for tables, runs and trainings."""
    list: bool = False
    """Only list the rows."""
    suite: Annotated[str, arg(metavar="NAME")] = "simulated"
    """What is tracked: the simulated suite, or another dataset that `spectrack benchmark` knows."""
    root: Annotated[Path | None, arg(metavar="DIR")] = None
    """Where the dataset lies; the simulated suite needs none."""
    split: Annotated[str | None, arg(metavar="NAME")] = None
    """Only this split, such as test."""
    modality: Annotated[str | None, arg(metavar="NAME")] = None
    """Only this modality, such as HSI-NIR."""
    only: Annotated[str, arg(metavar="A,B,...")] = ""
    """Only sequences that carry any of these attributes, such as CAM,TWIN,BC; each is also reported by itself."""
    rows: Annotated[str, arg(metavar="A,B,...")] = ""
    """Only these rows, and those that they are compared with; a name without @ means all its degradations."""
    groups: Annotated[str, arg(metavar="A,B,...")] = ""
    """Only the rows of these groups."""
    kind: Annotated[str, arg(metavar="inference|retrained|all")] = "all"
    """Only rows with the same weights, or only rows that need a training."""
    weights: Annotated[str | None, arg(metavar="FILE_OR_NAME")] = None
    """Weights of the rows that are not retrained; by default the shipped ones."""
    profile: Annotated[str, arg(metavar="compact|full")] = "compact"
    """Size of the networks."""
    pairs: Annotated[int | None, arg(metavar="N")] = None
    """Training pairs of every retrained row; by default the share that the table of rows names."""
    seeds: Annotated[str, arg(metavar="A,B,...")] = "1,2"
    """Seeds of the trainings; scores are averaged over them."""
    frames: Annotated[int | None, arg(metavar="N")] = None
    """Only so many first frames of each sequence."""
    protocol: Annotated[str, arg(metavar="NAME")] = "hot"
    """How to score: hot, hotc2026, otb, lasot, got10k."""
    jobs: Annotated[int, arg(metavar="N")] = 1
    """Sequences tracked and seeds trained at the same time; -1 for as many as there are cores."""
    threads: Annotated[int, arg(metavar="N")] = 1
    """Threads of the network in each job."""
    precision: Annotated[str, arg(metavar="fp32|bf16|auto")] = "fp32"
    """Of the tracking; fp32 repeats bit for bit."""
    device: Annotated[str, arg(metavar="auto|cpu|cuda")] = "auto"
    """Where networks are trained and run."""
    seed: Annotated[int, arg(metavar="N")] = 0
    """Of the random numbers that a tracker may draw."""
    cache: Annotated[Path | None, arg(metavar="DIR")] = None
    """Where rendered pictures, clips and frames are kept; by default inside --out."""
    keep_frames: bool = False
    """Keep the simulated frames (200 MB a sequence), so that they are rendered once and not for every row."""
    overwrite: bool = False
    """Replace a table with other settings in --out; runs and trainings stay and are used again where they fit."""

    def run(self) -> int:
        """Measure with a bar that tells the row, print the tables, and say with the exit status whether a tracker
        failed.
        """
        from spectrack.ablations.rows import load_rows

        table = load_rows(self.method)
        if self.list:
            output().print(make_rows_table(table))
            return 0
        if self.out is None:
            raise ConfigError(
                "expected --out DIR, found none; name a folder for the tables, or list the rows with --list"
            )
        # Everything that can be refused at once, before the data set is looked at.
        table.select(_words(self.rows), _words(self.groups), cast("Choice", self.kind))
        from spectrack.ablations.running import run_ablation
        from spectrack.datasets import open_dataset

        dataset = open_dataset(self.suite, self.root, split=self.split, modality=self.modality)
        with ProgressBar() as bar:
            bar.show("starting", 0, None)
            result = run_ablation(
                self.method, dataset.entries, self.out, options=self._options(dataset), progress=bar.show
            )
        self._report(result)
        return 1 if result.failures else 0

    def _options(self, dataset: Dataset) -> AblationOptions:
        from spectrack.ablations.options import AblationOptions

        return AblationOptions(
            only=_words(self.only),
            rows=_words(self.rows),
            groups=_words(self.groups),
            kind=cast("Choice", self.kind),
            weights=self.weights,
            profile=self.profile,
            pairs=self.pairs,
            seeds=_numbers(self.seeds),
            frames=self.frames,
            protocol=self.protocol,
            seed=self.seed,
            threads=self.threads,
            jobs=self.jobs,
            device=self.device,
            precision=self.precision,
            cache=self.cache,
            keep_frames=self.keep_frames,
            dataset={
                "name": dataset.name,
                "root": None if dataset.root is None else str(Path(dataset.root).resolve()),
                "split": self.split,
                "modality": self.modality,
            },
            overwrite=self.overwrite,
        )

    def _report(self, result: AblationResult) -> None:
        from spectrack.evaluation.protocols import get_protocol

        console = output()
        for group in result.table.groups:
            rows = [item for item in result.results.values() if item.row["group"] == group.name]
            if rows:
                console.print(group.title, style="bold", markup=False)
                console.print(make_group_table(rows, get_protocol(self.protocol).headline))
        console.print(
            "95 %: bootstrap over sequences; difference: paired with the row named against",
            markup=False,
            soft_wrap=True,
        )
        for item in result.results.values():
            if item.left_out:
                console.print(f"{item.name} left out: {item.left_out}", markup=False, soft_wrap=True)
        console.print(f"written to {result.directory / 'ablation.md'}", markup=False, soft_wrap=True)
        for line in result.failures:
            errors().print(f"spectrack: the tracker failed: {line}", markup=False, highlight=False, soft_wrap=True)


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
            rows.append(
                (
                    item.name,
                    headline.text(whole.auc.estimate),
                    whole.auc.ends,
                    item.row["reference"] or "-",
                    *_signed(whole.difference),
                )
            )
    return make_table(("row", headline.label, "95 %", "against", "difference", "95 %"), rows)


def _signed(interval: Interval | None) -> tuple[str, str]:
    return (
        ("-", "-")
        if interval is None
        else (f"{interval.estimate:+.3f}", f"{interval.low:+.3f} to {interval.high:+.3f}")
    )


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(word) for word in _words(text))
    except ValueError as error:
        raise ConfigError(
            f"expected whole numbers such as --seeds 1,2, found {text!r}; separate them by commas"
        ) from error
