"""``spectrack evaluate``: score box files against truth files, as a table and as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, cast

from tyro.conf import arg

from spectrack.cli.console import make_table, output, share

if TYPE_CHECKING:
    from rich.table import Table

    from spectrack.evaluation.protocols import Invalid, Missing
    from spectrack.evaluation.scores import Figures, Scores


@dataclass(frozen=True)
class Evaluate:
    """Score tracked boxes against truth boxes under a named protocol.

    Results are <sequence>.txt, <sequence>/boxes.txt or a run directory; truth is <sequence>/groundtruth_rect.txt,
    <sequence>/HSI/groundtruth_rect.txt, <sequence>.txt and the like. One file on both sides is a comparison of one sequence.
    """

    EXAMPLES: ClassVar[str] = """examples:
  spectrack evaluate --results results/siamban --truth HOTC/test
  spectrack evaluate --results runs/ball --truth runs/ball                 what `spectrack track` wrote
  spectrack evaluate --results boxes.txt --truth groundtruth_rect.txt --protocol otb --out scores.json"""

    results: Annotated[Path, arg(metavar="DIR|FILE")]
    """Tracked boxes."""
    truth: Annotated[Path, arg(metavar="DIR|FILE")]
    """Truth boxes."""
    protocol: Annotated[str, arg(metavar="NAME")] = "hot"
    """How to score: hot (the field's tables), hotc2026, otb, lasot, got10k."""
    invalid: Annotated[str | None, arg(metavar="error|miss|skip")] = None
    """What to do with truth that is not a box, if not what the protocol says."""
    missing: Annotated[str | None, arg(metavar="error|miss")] = None
    """What to do with frames without a prediction, if not what the protocol says."""
    out: Annotated[Path | None, arg(metavar="FILE")] = None
    """Where to write all figures and curves as JSON; by default scores-PROTOCOL.json beside the results."""

    def run(self) -> int:
        """Print the table and write the JSON file."""
        from spectrack.evaluation.results import evaluate_directories
        from spectrack.files import write_json

        # The names are checked where the rules are applied; the message there lists the known ones.
        scores = evaluate_directories(
            self.results,
            self.truth,
            self.protocol,
            invalid=cast("Invalid | None", self.invalid),
            missing=cast("Missing | None", self.missing),
        )
        console = output()
        console.print(scores.description, markup=False, soft_wrap=True)
        console.print(make_scores_table(scores))
        folder = self.results if self.results.is_dir() else self.results.parent
        file = self.out or folder / f"scores-{scores.protocol}.json"
        write_json(file, scores.to_json())
        console.print(f"written to {file}", markup=False, soft_wrap=True)
        return 0


def make_scores_table(scores: Scores) -> Table:
    """One row a sequence, and the protocol's headline as the last row."""
    columns = {
        "auc": "AO" if scores.switches["auc_is_average_overlap"] else "AUC",
        "dp20": "DP@20",
        "average_overlap": "mean IoU",
        "normalised_precision": "norm. precision",
    }
    shown = {name: heading for name, heading in columns.items() if getattr(scores.figures, name) is not None}
    rows = [(item.name, str(item.frames), *_cells(item.figures, shown)) for item in scores.sequences]
    frames = str(sum(item.frames for item in scores.sequences))
    average = "all frames" if scores.switches["averaging"] == "frames" else "mean"
    footer = (average, frames, *_cells(scores.figures, shown))
    return make_table(("sequence", "frames", *shown.values()), rows, footer=footer)


def _cells(figures: Figures, names: Iterable[str]) -> tuple[str, ...]:
    return tuple(share(getattr(figures, name)) for name in names)
