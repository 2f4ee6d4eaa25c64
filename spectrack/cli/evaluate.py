"""``spectrack evaluate``: score box files against truth files, as a table and as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, cast

from tyro.conf import arg

from spectrack.cli.console import output, print_facts, say
from spectrack.cli.score_tables import figures_legend, make_sequences_table
from spectrack.errors import ConfigError
from spectrack.evaluation.options import ScoringRules
from spectrack.files import FileTerms, check_file, resolved

if TYPE_CHECKING:
    from spectrack.annotations.foreign_results import ForeignResults, StartOffset
    from spectrack.evaluation.tracked import TrackedSequence


@dataclass(frozen=True)
class Evaluate:
    """Score tracked boxes against truth boxes under a named protocol, or write them for another program.

    Results are <sequence>.txt in any dialect, GOT-10k folders, MOT, a COCO file, the 2026 challenge's CSV or a run
    directory; truth is <sequence>/groundtruth_rect.txt, <sequence>/HSI/groundtruth_rect.txt, <sequence>.txt and the
    like. Names that differ are matched by rules that are printed. One file on both sides compares one sequence.
    """

    EXAMPLES: ClassVar[str] = """examples:
  spectrack evaluate --results results/siamban --truth HOTC/test
  spectrack evaluate --results runs/ball --truth runs/ball                 what `spectrack track` wrote
  spectrack evaluate --results boxes.txt --truth groundtruth_rect.txt --protocol otb --out scores.json
  spectrack evaluate --results runs/boats --truth gt.txt --several         what --boxes-from tracked
  spectrack evaluate --results runs/all --write-as hotc2026 --write-to submission.csv --sample sample_submission.csv"""

    results: Annotated[Path, arg(metavar="DIR|FILE")]
    """Tracked boxes."""
    truth: Annotated[Path | None, arg(metavar="DIR|FILE")] = None
    """Truth boxes; needed unless the results are only written as something else."""
    origin: Annotated[int, arg(metavar="0|1")] = 0
    """Index of the first pixel in the results: 1 for boxes of MATLAB tools."""
    write_as: Annotated[str | None, arg(metavar="FORMAT")] = None
    """Also write the results as hot, otb, got10k, mot, coco or hotc2026, under the names of the truth if given."""
    write_to: Annotated[Path | None, arg(metavar="DIR|FILE")] = None
    """Where: a new folder, or a file for coco and hotc2026."""
    sample: Annotated[Path | None, arg(metavar="FILE")] = None
    """The 2026 challenge's sample submission, whose rows are written in its order."""
    out: Annotated[Path | None, arg(metavar="FILE")] = None
    """Where to write all figures and curves as JSON; by default scores-PROTOCOL.json beside the results."""

    several: bool = False
    """Score several targets with identities: MOT rows, or what `spectrack track --boxes-from` wrote, against a truth in
    MOT rows, by the package motmetrics (extra mot)."""
    rules: ScoringRules = field(default_factory=ScoringRules)
    """How boxes are scored."""

    def run(self) -> int:
        """Print the tables, and write the JSON file and the results in another format."""
        self._check()
        if self.several and self.truth is not None:
            return self._score_several(self.truth)
        results = self._score() if self.truth is not None else self._read()
        if self.write_as is not None and self.write_to is not None:
            from spectrack.annotations.result_writers import WriteOptions, write_results

            options = WriteOptions(seconds=results.seconds, sample=self.sample)
            write_results(results.boxes, self.write_to, format=self.write_as, options=options)
            say(f"{len(results.boxes)} results written to {self.write_to} as {self.write_as}")
        return 0

    def _score_several(self, truth: Path) -> int:
        from spectrack.cli.several import describe_scores
        from spectrack.evaluation.several import LEAST_OVERLAP, score_several
        from spectrack.files import write_file, write_json

        scores = score_several(self.results, truth)
        say(f"CLEAR MOT and identity figures by motmetrics; a match has an overlap of at least {LEAST_OVERLAP}")
        print_facts(describe_scores(scores))
        with write_file(self._scores_file(), self._terms()) as file:
            write_json(file, scores.to_json())
        say(f"written to {self._scores_file()}")
        return 0

    def _check(self) -> None:
        """Refuse options that lack one another before anything is read."""
        if self.several and (self.truth is None or self.write_as is not None):
            raise ConfigError(
                "expected --truth and no --write-as beside --several, found otherwise; name the truth file"
            )
        if self.truth is None and self.write_as is None:
            raise ConfigError("expected --truth to score against or --write-as to write, found neither; give one")
        if (self.write_as is None) != (self.write_to is None):
            given, lacking = ("--write-as", "--write-to") if self.write_to is None else ("--write-to", "--write-as")
            raise ConfigError(f"expected {lacking} beside {given}, found none; give both")
        if self.sample is not None and self.write_as != "hotc2026":
            raise ConfigError(f"expected --write-as hotc2026 beside --sample, found {self.write_as}; leave one out")
        if self.write_as is not None and self.write_to is not None:
            from spectrack.annotations.result_writers import check_target

            inputs = (path for path in (self.results, self.truth, self.sample) if path is not None)
            check_target(self.write_to, self.write_as, tuple(inputs))
        if self.truth is not None:
            check_file(self._scores_file(), self._terms())

    def _scores_file(self) -> Path:
        folder = self.results if self.results.is_dir() else self.results.parent
        return self.out or folder / ("scores-mot.json" if self.several else f"scores-{self.rules.protocol}.json")

    def _terms(self) -> FileTerms:
        return FileTerms("scores", inputs=tuple(path for path in (self.results, self.truth) if path is not None))

    def _score(self) -> ForeignResults:
        from spectrack.evaluation.figures import BRIEF, CALIBRATION_ERROR
        from spectrack.evaluation.results import evaluate_results
        from spectrack.files import write_file, write_json

        truth = cast("Path", self.truth)
        terms = {"origin": self.origin, "tracked": self._tracked(), **asdict(self.rules)}
        evaluation = evaluate_results(self.results, truth, **terms)
        report_results(evaluation.results, evaluation.starts)
        say(evaluation.scores.description)
        output().print(make_sequences_table(evaluation.scores))
        output().print(figures_legend(evaluation.scores.shown[:BRIEF]))
        if evaluation.analysis.calibration is not None:
            error = CALIBRATION_ERROR.text(evaluation.analysis.calibration.error)
            say(f"{CALIBRATION_ERROR.label} {error}: {CALIBRATION_ERROR.words}")
        with write_file(self._scores_file(), self._terms()) as file:
            write_json(file, {**evaluation.analysis.to_json(), "results": evaluation.results_to_json()})
        say(f"written to {self._scores_file()}")
        return evaluation.results

    def _tracked(self) -> dict[str, TrackedSequence]:
        """What a run of our own tells of its sequences beside their boxes; nothing for other results."""
        from spectrack.errors import InputError, SequenceNotFoundError
        from spectrack.runs.reading import read_run

        try:
            items = read_run(self.results).sequences
        except (InputError, SequenceNotFoundError):
            return {}
        # The boxes of a recording go by the name of its folder.
        return items | ({resolved(self.results).name: item for item in items.values()} if len(items) == 1 else {})

    def _read(self) -> ForeignResults:
        from spectrack.annotations.foreign_results import read_foreign_results

        results = read_foreign_results(self.results, origin=self.origin)
        report_results(results, [])
        return results


def report_results(results: ForeignResults, starts: Iterable[StartOffset]) -> None:
    """Print what is worth knowing about results before their figures: other names, and what was assumed."""
    if results.mapped:
        say(f"{len(results.mapped)} of {len(results.boxes)} results go by another name than their sequence:")
        print_facts((f"  {item.found}", f"{item.sequence}  ({', '.join(item.rules)})") for item in results.mapped)
    for sentence in (*results.notes, *map(str, starts)):
        say(f"note: {sentence}")
