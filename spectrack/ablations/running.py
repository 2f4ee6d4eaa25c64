"""Running an ablation: every row tracked over the same sequences, trained first where it must be, tables after each.

The directory holds ``ablation.md`` and ``ablation.json`` (see `spectrack.ablations.writing`), ``runs/`` with a run
directory a tracker, ``training/`` with one a training, and ``cache/`` unless another is named. Runs and trainings lie
under a digest of all that decides them, so that rows which mean the same share one, and nothing finished is done again.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import spectrack
from spectrack.ablations.options import AblationOptions
from spectrack.ablations.results import RowResult, result_of_row
from spectrack.ablations.retraining import ablation_recipe, check_places, folder_of, train_seeds, trained_on
from spectrack.ablations.rows import Row, RowTable, load_rows
from spectrack.ablations.videos import make_entry, select_entries
from spectrack.ablations.writing import Record, ablation_terms, read_earlier, write_tables
from spectrack.errors import ConfigError, WeightsError
from spectrack.evaluation.protocols import resolve_protocol
from spectrack.evaluation.scores import Scores, mean_scores
from spectrack.files import Claim, Terms, check_folder, claim_folder
from spectrack.files.fingerprints import file_identity
from spectrack.provenance import provenance, source_digest
from spectrack.runs.entries import Entry, SequenceEntry
from spectrack.runs.options import RunOptions, RunSources
from spectrack.runs.run_directory import run_terms
from spectrack.runs.runner import run
from spectrack.runs.sequence_run import plain_description
from spectrack.runs.workers import check_parallel
from spectrack.sequences.base import Sequence
from spectrack.simulation.video import SimulatedSequence
from spectrack.trackers.base import Tracker
from spectrack.trackers.loading import load_tracker, option_names, settled_precision
from spectrack.trackers.registry import find_method

if TYPE_CHECKING:
    from spectrack.training.recipe import Recipe

OnAblation = Callable[[str, int, int, str], None]
"""Called with what is being done, steps done, steps in all, and a note."""


@dataclass(frozen=True)
class AblationResult:
    """A finished ablation.

    Attributes:
        directory: where it was written.
        table: the rows there are.
        results: of the rows that were asked for and of those that they are compared with, in the table's order.
    """

    directory: Path
    table: RowTable
    results: dict[str, RowResult]

    @property
    def failures(self) -> list[str]:
        """One line for each sequence on which a tracker failed."""
        return [f"{name} on {line}" for name, result in self.results.items() for line in result.failures]


def run_ablation(
    method: str | os.PathLike[str],
    entries: Iterable[Entry | Sequence],
    out_dir: str | os.PathLike[str],
    *,
    given: Mapping[str, Any] | None = None,
    options: AblationOptions | None = None,
    dataset: Mapping[str, Any] | None = None,
    progress: OnAblation | None = None,
) -> AblationResult:
    """Measure the rows of a method on some sequences, and write the tables after each row.

    Started again after an interruption it goes on where it stopped; with other rows it adds them to the table.

    Args:
        method: whose rows, such as ``bcrnet``, or a TOML file of rows; see `spectrack.ablations.rows.load_rows`.
        entries: sequences with truth.
        out_dir: see the module.
        given: options of the tracker in all rows that do not say otherwise, such as ``evidence`` = ``none``.
        options: see `AblationOptions`.
        dataset: what the sequences are, as JSON values, for the record.
        progress: called after each sequence and every 50 steps of a training.

    Raises:
        ConfigError: unknown rows, attributes or options, a place that holds something else, or other settings.
        WeightsError: no weights, or unfit ones.
        InputError, SequenceError: what a run refuses.

    Example:
        >>> clip = spectrack.simulate("cam-grass", frames=40, seed=3)  # doctest: +SKIP
        >>> options = AblationOptions(kind="inference")
        >>> result = run_ablation("bcrnet", [clip], "runs/ablation", options=options)  # doctest: +SKIP
        >>> result.results["sequential"].selections["all"].difference.estimate  # doctest: +SKIP
        -0.021
    """
    options = options or AblationOptions()
    options.check()
    table = load_rows(method)
    rows = table.select(options.rows, options.groups, options.kind)
    listed = [SequenceEntry.of(item) if isinstance(item, Sequence) else item for item in entries]
    chosen, labels = select_entries(listed, options.only)
    if not chosen:
        raise ConfigError("expected at least one sequence, found none; name a data set with sequences")
    described = dict(dataset or {})
    return _Ablation(
        method, table, rows, chosen, labels, Path(out_dir), dict(given or {}), options, described, progress
    ).go()


class _Ablation:
    """One call; kept together so that rows can use what earlier ones gave."""

    def __init__(
        self,
        method: str | os.PathLike[str],
        table: RowTable,
        rows: list[Row],
        entries: list[Entry],
        labels: dict[str, list[str]],
        out: Path,
        given: dict[str, Any],
        options: AblationOptions,
        dataset: dict[str, Any],
        progress: OnAblation | None,
    ) -> None:
        from spectrack.engines.choice import check_engine  # loads torch
        from spectrack.trackers.precision import choose_device

        self.method, self.table, self.rows, self.dataset = method, table, rows, dataset
        self.entries, self.labels, self.out, self.options = entries, labels, out, options
        self.given = given
        self.progress = progress or (lambda what, done, total, note: None)
        self.fixed = {
            # Unless somebody says otherwise, that of the first recipe in the table, whatever trackers take by default.
            "profile": find_method(table.method).profile(options.network.profile or next(iter(table.recipes), None)),
            "precision": options.network.precision,
            "engine": check_engine(options.network.engine),
            "device": str(choose_device(options.network.device, check_engine(options.network.engine))),
        }
        self.cache = out / "cache" if options.cache is None else options.cache
        self.scores: dict[str, Scores] = {}
        self.described: dict[str, dict[str, Any]] = {}
        self.provenance = provenance()
        self.weights, identity = self._shipped()
        if self.fixed["precision"] == "auto":
            # One for all rows, so that they differ in nothing else.
            known = self.weights is not None
            shipped = {"weights": self.weights, **self.fixed}
            self.fixed["precision"] = settled_precision(table.method, **shipped) if known else "fp32"
        self.plan = {
            "method": table.method,
            **self.fixed,
            "weights": identity,
            "dataset": dataset,
            "only": list(labels),
            # Left out where there are none, so that tables from before there were any can be taken up.
            **({"given": given} if given else {}),
            "frames": options.frames,
            "protocol": options.protocol,
            "seed": options.seed,
            "threads": options.threads,
            "pairs": options.pairs,
            "seeds": list(options.seeds),
            "version": spectrack.__version__,
            "code": source_digest(),
            "sequences": [entry.label for entry in entries],
        }

    def go(self) -> AblationResult:
        """Check everything that can be checked beforehand, then measure row by row."""
        resolve_protocol(self.options.protocol)
        check_parallel(self.options.jobs, None)
        with claim_folder(self.out, self._terms()) as claim:
            for row in self.rows:
                self._check(row)
            results = read_earlier(claim, self.plan, self.table)
            self._write(claim, results, self.rows)
            for number, row in enumerate(self.rows, start=1):
                reason = self._left_out(row)
                where = f"row {number} of {len(self.rows)}, {row.name}"
                results[row.name] = RowResult(row.to_json(), reason) if reason else self._measure(row, where)
                self._write(claim, results, self.rows[number:])
        return AblationResult(self.out, self.table, {row.name: results[row.name] for row in self.rows})

    def _terms(self) -> Terms:
        named = (Path(name) for name in (self.method, self.options.weights) if name is not None)
        files, root = [path for path in named if path.is_file()], self.dataset.get("root")
        return ablation_terms(overwrite=self.options.overwrite, data=(*files, *((Path(root),) if root else ())))

    def _measure(self, row: Row, where: str) -> RowResult:
        makers, training = self._makers(row, where)
        entries = self._entries(row)
        scores, told, failures = [], [], []
        for maker, trait in makers:
            directory, options, sources = self._place(row, maker, entries)
            progress = functools.partial(self._tracked, where)
            result = run(entries, maker, directory, options=options, sources=sources, progress=progress)
            if result.scores is None:
                raise ConfigError(
                    "expected sequences with truth for an ablation, found none; score what has truth boxes"
                )
            scores.append(result.scores)
            place = directory.relative_to(self.out).as_posix()
            told.append({**trait, "run": place, "weights": result.stored.info.get("weights")})
            failures += [f"{label}, {message}" for label, message in result.failures.items()]
        self.scores[row.name] = mean_scores(scores)
        about: Any = {
            "labels": self.labels,
            "trackers": told,
            "training": training,
            "failures": list(dict.fromkeys(failures)),
        }
        return result_of_row(row, scores, reference=self.scores.get(row.reference), **about)

    def _tracked(self, where: str, item: Any, done: int, total: int) -> None:
        self.progress(where, done, total, f"tracked {item.label}")

    def _makers(
        self, row: Row, where: str
    ) -> tuple[list[tuple[functools.partial[Tracker], dict[str, Any]]], dict[str, Any] | None]:
        """What makes each tracker of a row, with what tells it from the others, and how its weights were trained."""
        method = row.method or self.table.method
        if not row.needs_training:
            weights = self.weights if find_method(method).name == self.table.method else None
            variants = row.variants or ({},)
            traits = [{"options": one} if one else {} for one in variants]
            made = [self._maker(method, weights, row.options | one) for one in variants]
            return list(zip(made, traits, strict=True)), None
        recipes = self._recipes(row)
        trained = train_seeds(
            row.weights_of or row.name,
            recipes,
            self.out / "training",
            cache=self.cache,
            device=self.options.network.device,
            jobs=self.options.jobs,
            progress=functools.partial(self.progress, f"{where}, training"),
        )
        makers = [
            (self._maker(method, weights, row.options), {"seed": recipe.seed})
            for recipe, weights in zip(recipes, trained, strict=True)
        ]
        first = recipes[0]
        training = {"recipe": self.table.recipes[self.fixed["profile"]], "pairs": first.pairs, "steps": first.steps}
        return makers, training | {"seeds": [recipe.seed for recipe in recipes], "machines": trained_on(trained)}

    def _maker(self, method: str, weights: Path | None, options: dict[str, Any]) -> functools.partial[Tracker]:
        known = option_names(find_method(method))
        given = {name: value for name, value in self.given.items() if name in known or method == self.table.method}
        return functools.partial(load_tracker, method, weights=weights, **self.fixed, **(given | options))

    def _recipes(self, row: Row) -> list[Recipe]:
        source = self.table.row(row.weights_of) if row.weights_of else row
        name = self.table.recipes.get(self.fixed["profile"])
        if name is None:
            raise ConfigError(
                f"expected a recipe of {self.fixed['profile']} for {source.name!r}, found none; take --kind inference"
            )
        how: Any = {"pairs": self.options.pairs, "budget": self.table.budget}
        return [ablation_recipe(name, source.overrides, seed=seed, **how) for seed in self.options.seeds]

    def _entries(self, row: Row) -> list[SequenceEntry]:
        keep = self.cache / "frames" if self.options.keep_frames else None
        chosen = [entry for entry in self.entries if not row.bands or self._bands[entry.label] == row.bands]
        shown: Any = {"frames": self.options.frames, "degradation": row.degradation, "keep": keep}
        return [make_entry(entry, **shown) for entry in chosen]

    @functools.cached_property
    def _bands(self) -> dict[str, int]:
        return {entry.label: entry.open().bands for entry in self.entries}

    def _place(
        self, row: Row, maker: functools.partial[Tracker], entries: list[SequenceEntry]
    ) -> tuple[Path, RunOptions, RunSources]:
        """The run directory of a tracker, which everything that decides its boxes names, and how and on what to run."""
        options = self.options
        dataset = {**self.dataset, "frames": options.frames, "degradation": row.degradation or None}
        decides = {
            "tracker": self._describe(maker),
            "dataset": dataset,
            "sequences": [entry.label for entry in entries],
            "seed": options.seed,
            "threads": options.threads,
            "version": spectrack.__version__,
            "code": source_digest(),
        }
        directory = folder_of(self.out / "runs", row.name, decides)
        run_options = RunOptions(
            protocol=options.protocol, seed=options.seed, jobs=options.jobs, threads=options.threads, evidence=False
        )
        return directory, run_options, RunSources(dataset)

    def _describe(self, maker: functools.partial[Tracker]) -> dict[str, Any]:
        """What a tracker says of itself; it is made once for that."""
        key = repr((maker.args, maker.keywords))
        if key not in self.described:
            self.described[key] = plain_description(maker())
        return self.described[key]

    def _check(self, row: Row) -> None:
        """Refuse what would only come to light after hours: recipes, options, weights and places."""
        if self._left_out(row):
            return
        if row.needs_training:
            check_places(row.weights_of or row.name, self._recipes(row), self.out / "training")
        else:
            entries = self._entries(row)
            for maker, _ in self._makers(row, "")[0]:
                check_folder(self._place(row, maker, entries)[0], run_terms(entry.label for entry in entries))

    def _left_out(self, row: Row) -> str:
        """Why a row cannot be measured here; empty where it can."""
        why = ""
        if row.profile and row.profile != self.fixed["profile"]:
            why = f"means something in the profile {row.profile} only"
        elif row.bands and row.bands not in self._bands.values():
            why = f"tracks {row.bands} bands only, which none of the sequences has"
        elif row.degradation and not isinstance(self.entries[0].open(), SimulatedSequence):
            why = "needs simulated video, whose scenes can be filmed again"
        return f"{why}: {row.note}" if why and row.note else why

    def _shipped(self) -> tuple[Path | None, dict[str, Any] | None]:
        """The weights of the rows that only switch inference, and their identity; None where nobody needs any."""
        from spectrack.weights.index import find_weights

        wanted = [row for row in self.rows if not row.needs_training and row.method in ("", self.table.method)]
        try:
            path = find_weights(self.options.weights, method=self.table.method, profile=self.fixed["profile"])
        except WeightsError:
            if wanted or self.options.weights is not None:
                raise
            return None, None
        return path, file_identity(path)

    def _write(self, claim: Claim, results: dict[str, RowResult], pending: list[Row]) -> None:
        missing = [row.name for row in pending if row.name not in results]
        write_tables(claim, Record(self.plan, self.table, results, missing, self.provenance))
