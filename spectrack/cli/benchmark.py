"""``spectrack benchmark``: trackers over a dataset, into run directories and a table."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from tyro.conf import UseAppendAction, arg

from spectrack.cli.console import ProgressBar, complain, output, say
from spectrack.cli.score_tables import (
    make_attributes_table,
    print_trackers,
)
from spectrack.cli.settings import parse_settings
from spectrack.datasets.facts import DATASETS
from spectrack.datasets.options import DatasetPart
from spectrack.errors import ConfigError, nearest_name
from spectrack.runs.options import RunOptions, RunSources
from spectrack.signs import counted
from spectrack.trackers.options import NetworkOptions
from spectrack.trackers.presets import label_of
from spectrack.trackers.registry import find_method, list_trackers, tracker_words

if TYPE_CHECKING:
    from spectrack.runs.benchmark import BenchmarkResult


@dataclass(frozen=True)
class Benchmark:
    """Track a dataset with several trackers, score them and set them side by side.

    Writes a run directory a tracker into --out (boxes, times, scores, versions, seed, hash of the weights) and
    benchmark.json. The same command goes on where an interrupted one stopped; sequences with other frames since are
    tracked again, other truth is scored anew. Where a tracker fails, the rest is lost, and the exit status is 1.
    """

    EXAMPLES: ClassVar[str] = """examples:
  spectrack benchmark --dataset simulated --trackers siamban --out runs/suite --jobs 2
  spectrack benchmark --dataset hotc2020 --root HOTC --split test --trackers siamban,cf --out runs/hotc
  spectrack benchmark --dataset folder --root clips --trackers siamban,mine=siamban --weights mine=my.st --out runs/mine
  spectrack benchmark --dataset must --root MUST --trackers siamban --out runs/must --cluster dask://10.0.0.5:8786"""

    dataset: Annotated[str, arg(metavar="|".join(DATASETS))]
    """What --root holds."""
    trackers: Annotated[tuple[str, ...], arg(metavar=",".join(tracker_words()))]
    """Which methods track, or presets in the manner of related systems, such as see-net; LABEL=NAME gives one another
    name in tables, so that it can appear with several weights."""
    out: Annotated[Path, arg(metavar="DIR")]
    """Folder for the results."""
    root: Annotated[Path | None, arg(metavar="DIR")] = None
    """Where the dataset lies; the simulated suite needs none."""
    names: Annotated[tuple[str, ...], arg(metavar="A,B,...")] = ()
    """Only these sequences."""
    weights: Annotated[tuple[str, ...], UseAppendAction, arg(metavar="LABEL=FILE")] = ()
    """Other weights for one of the trackers; give the option once for each."""
    set: Annotated[tuple[str, ...], UseAppendAction, arg(metavar="LABEL.KEY=VALUE")] = ()
    """Another value for a parameter of one of the trackers, such as --set siamban.size_rate=0.2."""
    selection: DatasetPart = field(default_factory=DatasetPart)
    """Which of its sequences."""
    network: NetworkOptions = field(default_factory=lambda: NetworkOptions(precision="fp32"))
    """How the networks run; fp32 repeats bit for bit."""
    tracking: RunOptions = field(default_factory=RunOptions)
    """How they are tracked and scored."""

    def run(self) -> int:
        """Track, print the tables, and say with the exit status whether a tracker failed."""
        from spectrack.datasets.opening import open_dataset
        from spectrack.runs.benchmark import benchmark

        trackers, configs = self._trackers()
        dataset = open_dataset(self.dataset, self.root, **asdict(self.selection))
        if self.names:
            dataset = dataset.select(names=self.names)
        with ProgressBar() as bar:
            total = len(dataset.entries) * len(trackers)
            bar.show("starting", 0, total)

            def progress(name: str, item: Any, done: int, in_all: int) -> None:
                before = list(trackers).index(name) * in_all
                bar.show("tracking", before + done, total, f"{name}: {item.label}")

            result = benchmark(
                dataset.entries,
                trackers,
                self.out,
                options=self.tracking,
                sources=RunSources(self.selection.describe(dataset), inputs=self._inputs()),
                configs=configs,
                progress=progress,
            )
        self._report(result)
        return 1 if result.failures else 0

    def _inputs(self) -> tuple[Path, ...]:
        weights = (Path(word.partition("=")[2]) for word in self.weights)
        return (*weights, *(() if self.root is None else (self.root,)))

    def _trackers(self) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
        """What makes each tracker, and its configuration, by label."""
        from spectrack.engines.choice import check_engine
        from spectrack.trackers.loading import load_tracker, settled_precision
        from spectrack.trackers.precision import choose_device

        names = parse_trackers(self.trackers)
        weights = dict(_labelled(word, names, "--weights LABEL=FILE") for word in self.weights)
        options = _tracker_options(self.set, names)
        device = choose_device(self.network.device, check_engine(self.network.engine))
        configs = {
            label: {
                "weights": weights.get(label),
                "profile": find_method(names[label]).profile(self.network.profile),
                "precision": self.network.precision,
                "device": str(device),
                # Left out where it is the usual one, so that runs from before there was a choice can be taken up.
                **({} if self.network.engine == "torch" else {"engine": self.network.engine}),
                **options.get(label, {}),
            }
            for label in names
        }
        for label, config in configs.items():
            # Settled here, so that every worker takes the same: `auto` measures, and measurements differ.
            if config["precision"] == "auto":
                config["precision"] = settled_precision(names[label], **config)
        makers = {label: functools.partial(load_tracker, names[label], **config) for label, config in configs.items()}
        return makers, {label: {"tracker": names[label], **config} for label, config in configs.items()}

    def _report(self, result: BenchmarkResult) -> None:
        comparison = result.comparison
        if comparison is None:
            say("no sequence has truth: tracked, not scored")
        else:
            say(comparison.scores.description)
            print_trackers(comparison)
            if comparison.attributes:
                output().print(make_attributes_table(comparison))
            for tracker, baseline in comparison.pairs():
                found = comparison.difference(tracker, baseline)
                told = f"{comparison.headline} {found.signed}, paired over {found.over}"
                say(f"{tracker.name} - {baseline.name}: {told}")
        for label, name in parse_trackers(self.trackers).items():
            if words := label_of(name):
                say(f"{label}: {words}")
        threads = counted(self.tracking.threads, "thread")
        for machine in dict.fromkeys(run.stored.machine for run in result.runs.values()):
            say(f"speed measured on {machine}, {threads} and {self.tracking.jobs} at a time")
        say(f"written to {self.out}")
        for line in result.failures:
            complain(f"the tracker failed: {line}")


def parse_trackers(words: Iterable[str]) -> dict[str, str]:
    """Labels and tracker names of words such as ``a`` and ``label=b``.

    Raises:
        ConfigError: no name, an unknown name, or a label used twice.

    Example:
        >>> parse_trackers(["siamban", "mine=siamban"])
        {'siamban': 'siamban', 'mine': 'siamban'}
    """
    found: dict[str, str] = {}
    for word in words:
        label, equals, name = word.partition("=")
        name = name if equals else label
        find_method(name)
        if label in found:
            raise ConfigError(f"expected trackers of different names, found {label!r} twice; write other={name}")
        found[label] = name
    if not found:
        raise ConfigError(f"expected at least one tracker, found none; known: {', '.join(list_trackers())}")
    return found


def _labelled(word: str, known: dict[str, str], form: str) -> tuple[str, str]:
    label, equals, value = word.partition("=")
    if not equals or not value:
        raise ConfigError(f"expected {form}, found {word!r}; name the tracker it is for")
    if label not in known:
        raise ConfigError(f"expected one of the trackers in {form}, found {label!r}; {nearest_name(label, known)}")
    return label, value


def _tracker_options(words: tuple[str, ...], known: dict[str, str]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for key, value in parse_settings(words).items():
        label, dot, option = key.partition(".")
        if not dot or label not in known:
            raise ConfigError(
                f"expected --set LABEL.KEY=VALUE with one of the trackers, found {key!r}; {nearest_name(label, known)}"
            )
        if option in ("name", "weights", *(item.name for item in fields(NetworkOptions))):
            raise ConfigError(f"expected a parameter of the tracker in --set, found {option!r}; use --{option} instead")
        found.setdefault(label, {})[option] = value
    return found
