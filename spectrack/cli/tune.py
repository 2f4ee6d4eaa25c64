"""``spectrack tune``: a search of a tracker's online parameters on sequences with truth."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from tyro.conf import Positional, UseAppendAction, arg

from spectrack.cli.console import ProgressBar, complain, make_table, output, print_facts
from spectrack.cli.settings import parse_settings
from spectrack.datasets.facts import DATASETS
from spectrack.datasets.options import DatasetPart
from spectrack.signs import counted
from spectrack.trackers.registry import tracker_words
from spectrack.tuning.options import TuneOptions

if TYPE_CHECKING:
    from spectrack.tuning.running import TuneResult


@dataclass(frozen=True)
class Tune:
    """Search a tracker's online parameters (window, penalty, size, ...) on sequences with truth.

    Writes tuning.json (every setting, with its score on every sequence), landscape.png and best.toml into --out, and
    says how sure the gain is, what it is on sequences left out, and whether a value lies at the end of its range. The
    same command goes on where an interrupted one stopped. A setting that is best here was chosen by these sequences:
    tell figures of others.
    """

    EXAMPLES: ClassVar[str] = """examples:
  spectrack tune siamban --dataset folder --root clips --out runs/tuned
  spectrack tune ssfnet --dataset folder --root clips --vary size_rate=0.05..0.6 --vary penalty=0..0.4 --out runs/tuned
  spectrack benchmark --dataset folder --root others --trackers siamban --set siamban.size_rate=0.22 --out runs/check"""

    method: Annotated[str, Positional, arg(metavar="|".join(tracker_words()))]
    """Whose parameters."""
    dataset: Annotated[str, arg(metavar="|".join(DATASETS))]
    """What --root holds."""
    out: Annotated[Path, arg(metavar="DIR")]
    """Folder for the search."""
    root: Annotated[Path | None, arg(metavar="DIR")] = None
    """Where the dataset lies; simulated ones need none."""
    names: Annotated[tuple[str, ...], arg(metavar="A,B,...")] = ()
    """Only these sequences."""
    vary: Annotated[tuple[str, ...], UseAppendAction, arg(metavar="NAME=LOW..HIGH|NAME=A,B")] = ()
    """What is searched instead of the usual parameters, with its range (size_rate=0.05..0.6) or its choices
    (fusion=map,box); give the option once for each."""
    set: Annotated[tuple[str, ...], UseAppendAction, arg(metavar="KEY=VALUE")] = ()
    """Another value for a parameter that is not searched, such as --set evidence=none."""
    selection: DatasetPart = field(default_factory=DatasetPart)
    """Which of its sequences."""
    search: TuneOptions = field(default_factory=TuneOptions)
    """How long, and how it is tracked."""

    def run(self) -> int:
        """Search with a bar that tells the best score so far."""
        from spectrack.datasets.opening import open_dataset
        from spectrack.tuning.running import tune

        dataset = open_dataset(self.dataset, self.root, **asdict(self.selection))
        if self.names:
            dataset = dataset.select(names=self.names)
        with ProgressBar() as bar:
            bar.show("searching", 0, self.search.trials)
            result = tune(
                self.method,
                dataset.entries,
                self.out,
                vary=self.vary,
                fixed=parse_settings(self.set),
                options=self.search,
                dataset=self.selection.describe(dataset),
                progress=lambda done, total, note: bar.show("searching", done, total, note),
            )
        self._report(result)
        return 0

    def _report(self, result: TuneResult) -> None:
        found = result.found
        rows = [
            (name, str(values), str(found.present.values[name]), str(found.best.values[name]))
            for name, values in result.space.items()
        ]
        footer = ("score", "", f"{found.present.score:.3f}", f"{found.best.score:.3f}")
        output().print(make_table(("parameter", "searched", "present", "best"), rows, footer=footer))
        facts = [("gain", f"{found.gain.signed}, paired over {counted(found.gain.sequences, 'sequence')}")]
        if found.left_out is not None:
            facts.append(("left out", f"{found.left_out.signed}, each sequence by what is best on all others"))
        print_facts([*facts, ("written to", str(result.directory))])
        for sentence in result.warnings:
            complain(sentence)
