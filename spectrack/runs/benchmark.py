"""Several trackers over one dataset: a run directory each, and one file that sets them side by side."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from spectrack.errors import ConfigError
from spectrack.evaluation.analysis import Analysis
from spectrack.evaluation.comparison import Comparison, compare
from spectrack.evaluation.options import ScoringOptions
from spectrack.files import Terms, claim_folder
from spectrack.provenance import provenance
from spectrack.runs.entries import Entry, SequenceEntry
from spectrack.runs.layout import BENCHMARK, is_file_name
from spectrack.runs.options import RunOptions, RunSources
from spectrack.runs.reading import StoredRun
from spectrack.runs.runner import RunResult, prepare_run
from spectrack.runs.sequence_run import MakeTracker, SequenceRun
from spectrack.sequences.base import Sequence

OnTracked = Callable[[str, SequenceRun, int, int], None]
"""Called after each sequence with the tracker's name, what it gave, sequences finished and sequences in all."""


@dataclass(frozen=True)
class BenchmarkResult:
    """A finished benchmark.

    Attributes:
        directory: where it was written; each tracker has a run directory of its name in it.
        runs: by tracker, in the order given.
        comparison: the runs side by side; None when no sequence has truth.
    """

    directory: Path
    runs: dict[str, RunResult]
    comparison: Comparison | None

    @property
    def failures(self) -> list[str]:
        """One line for each sequence on which a tracker failed."""
        return [
            f"{name} on {label}, {message}"
            for name, result in self.runs.items()
            for label, message in result.failures.items()
        ]


def benchmark(
    entries: Iterable[Entry | Sequence],
    trackers: Mapping[str, MakeTracker],
    out_dir: str | os.PathLike[str],
    *,
    options: RunOptions | None = None,
    sources: RunSources | None = None,
    configs: Mapping[str, Mapping[str, Any]] | None = None,
    progress: OnTracked | None = None,
) -> BenchmarkResult:
    """Track a dataset with each tracker, one after the other, and compare them.

    Started again after an interruption with the same arguments, it goes on where it stopped.

    Args:
        entries: the dataset's sequences.
        trackers: name in tables to a function that makes the tracker, see `spectrack.runs.runner.run`.
        out_dir: ``out_dir/NAME`` becomes the run directory of each tracker, ``out_dir/benchmark.json`` the comparison,
            written last.
        options: as for a run, for all trackers.
        sources: as for a run, for all trackers.
        configs: what else is recorded of each tracker.
        progress: called after each sequence.

    Raises:
        ConfigError: no tracker, a name unfit for a folder, a place that holds something else, and what a run refuses.
        SequenceError: what a run refuses.
        InputError: what a run refuses.

    Example:
        >>> import spectrack
        >>> from spectrack.runs.entries import SequenceEntry
        >>> clip = spectrack.simulate("calm", frames=40, seed=3)
        >>> result = benchmark([clip], {"siamban": spectrack.load_tracker}, "runs/calm")  # doctest: +SKIP
        >>> result.runs["siamban"].scores.auc  # doctest: +SKIP
        0.81
    """
    options, sources, directory = options or RunOptions(), sources or RunSources(), Path(out_dir)
    _check_names(trackers)
    # Trackers go over the same sequences: an iterator would be empty for the second.
    listed = [SequenceEntry.of(item) if isinstance(item, Sequence) else item for item in entries]
    with ExitStack() as claims:
        claim = claims.enter_context(claim_folder(directory, _terms(options, sources)))
        prepared = {}
        for name, make_tracker in trackers.items():
            own = replace(sources, config={**sources.config, **(configs or {}).get(name, {})})
            claiming = prepare_run(listed, make_tracker, directory / name, name=name, options=options, sources=own)
            prepared[name] = claims.enter_context(claiming)
        # Only here, where none of them is refused any more, anything is changed.
        claim.remove([BENCHMARK])
        runs = {name: one.go(None if progress is None else _named(progress, name)) for name, one in prepared.items()}
        comparison = None
        if any(result.analysis is not None for result in runs.values()):
            stored = {name: result.stored for name, result in runs.items()}
            comparison = compare(stored, options=ScoringOptions(options.protocol, options.invalid, options.missing))
        claim.write_json(BENCHMARK, _record(runs, comparison, options, sources))
    return BenchmarkResult(directory, runs, comparison)


def _named(progress: OnTracked, name: str) -> Callable[[SequenceRun, int, int], None]:
    return lambda item, done, total: progress(name, item, done, total)


def _record(
    runs: Mapping[str, RunResult], comparison: Comparison | None, options: RunOptions, sources: RunSources
) -> dict[str, Any]:
    return {
        "dataset": dict(sources.dataset),
        "protocol": options.protocol,
        "sequences": len(next(iter(runs.values())).stored.sequences),
        "trackers": {name: _summary(result.stored, result.analysis) for name, result in runs.items()},
        "differences": [] if comparison is None else comparison.differences(),
        "provenance": provenance(),
    }


def _summary(stored: StoredRun, analysis: Analysis | None) -> dict[str, Any]:
    summary: dict[str, Any] = {
        "weights": stored.info.get("weights"),
        "failures": stored.failures,
        **stored.speed.to_json(),
        "machine": stored.machine or None,
    }
    if analysis is None:
        return summary
    robust = analysis.robustness
    return summary | {
        "figures": analysis.scores.figures,
        "frame_pooled": analysis.scores.frame_pooled,
        "intervals": {name: asdict(interval) for name, interval in analysis.intervals.items()},
        "attributes": {
            name: {"sequences": item.sequences, "figures": item.figures} for name, item in analysis.attributes.items()
        },
        "share_lost": None if robust is None else robust.share_lost,
        "survived": None if robust is None else robust.survived,
        "calibration_error": None if analysis.calibration is None else analysis.calibration.error,
    }


def _check_names(trackers: Mapping[str, MakeTracker]) -> None:
    if not trackers:
        raise ConfigError("expected at least one tracker, found none; name one, such as siamban")
    for name in trackers:
        if not is_file_name(name) or name == BENCHMARK:
            raise ConfigError(f"expected a tracker name that can be a folder's, found {name!r}; give it another")


def _terms(options: RunOptions, sources: RunSources) -> Terms:
    """Beside the run directories there is one file, and whatever else others have in the folder."""
    resumed = Terms("benchmark", resume=True, empty=False, names=(BENCHMARK,), also=("scores",))
    return replace(resumed, overwrite=options.overwrite, data=sources.files)
