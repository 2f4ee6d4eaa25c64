"""Tracking a list of sequences with one tracker into a run directory from which every printed number can be recomputed.

What lies where is said in `spectrack.runs.layout`. A run that was interrupted, by Ctrl-C, a kill or a power cut,
goes on where it stopped when it is started again (see `spectrack.runs.resuming`), and gives the same boxes and scores
as one that was not. A tracker that raises an exception loses that sequence from the frame on, and the run goes on.
"""

from __future__ import annotations

import functools
import json
import logging
import os
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import spectrack
from spectrack.errors import ConfigError, InputError, SequenceError
from spectrack.evaluation.analysis import Analysis, analyse
from spectrack.evaluation.protocols import chosen_protocol
from spectrack.evaluation.scores import Scores
from spectrack.files import claim_folder
from spectrack.files.fingerprints import file_identity
from spectrack.provenance import provenance, source_digest
from spectrack.runs.entries import Entry, SequenceEntry
from spectrack.runs.layout import VISIBILITY_SUFFIX, is_file_name
from spectrack.runs.options import RunOptions, RunSources
from spectrack.runs.reading import StoredRun, stored_run
from spectrack.runs.resuming import Resumption, renew, resume
from spectrack.runs.run_directory import RunDirectory, run_terms
from spectrack.runs.sequence_run import (
    MakeTracker,
    SequenceRun,
    TrackSettings,
    Unreadable,
    plain_description,
    track_entry,
)
from spectrack.runs.workers import check_parallel, in_parallel
from spectrack.sequences.base import Sequence

log = logging.getLogger(__name__)

OnSequence = Callable[[SequenceRun, int, int], None]
"""Called after each sequence with what it gave, sequences finished and sequences in all."""


@dataclass(frozen=True)
class RunResult:
    """A finished run.

    Attributes:
        directory: where it was written.
        stored: everything in it.
        analysis: scores and what goes with them; None when no sequence has truth.
        resumption: what became of the sequences that an earlier call had finished.
    """

    directory: Path
    stored: StoredRun
    analysis: Analysis | None
    resumption: Resumption = field(default_factory=Resumption)

    @property
    def scores(self) -> Scores | None:
        """The scores; sequences without truth are tracked but not scored."""
        return None if self.analysis is None else self.analysis.scores

    @property
    def failures(self) -> dict[str, str]:
        """What the tracker failed with, by sequence."""
        return self.stored.failures


def run(
    sequences: Iterable[Entry | Sequence],
    make_tracker: MakeTracker,
    out_dir: str | os.PathLike[str],
    *,
    name: str | None = None,
    options: RunOptions | None = None,
    sources: RunSources | None = None,
    progress: OnSequence | None = None,
) -> RunResult:
    """Track every sequence from its first box with a fresh tracker, and write a run directory.

    Args:
        sequences: entries of a dataset, or open sequences.
        make_tracker: makes a tracker.
        out_dir: the run directory; an earlier run of the same tracker on the same data in it goes on where it stopped.
        name: of the tracker in tables and legends; by default the tracker's own.
        options: scoring, seed, jobs.
        sources: what the run is made from.
        progress: called after each sequence.

    Raises:
        ConfigError: unknown protocol or cluster, or a directory that holds something else or another run.
        SequenceError: sequences that cannot be read or have no first box (the others are tracked and kept), names used
            twice or unfit as file names.
        InputError: no sequence, and what scoring refuses.
    """
    with prepare_run(sequences, make_tracker, out_dir, name=name, options=options, sources=sources) as prepared:
        return prepared.go(progress)


@dataclass(frozen=True)
class PreparedRun:
    """A run whose directory is claimed and in which nothing was changed yet; see `prepare_run`."""

    entries: list[Entry]
    directory: RunDirectory
    plan: dict[str, Any]
    options: RunOptions
    track_one: Callable[[Entry], SequenceRun | Unreadable]
    resumption: Resumption

    def go(self, progress: OnSequence | None = None) -> RunResult:
        """Track what is not tracked yet, and write the result; see `run`."""
        self.directory.start(self.plan)
        renew(self.directory, self.entries, self.resumption)
        _track_pending(self.entries, self.resumption.kept, self.track_one, self.directory, self.options, progress)
        return replace(_finish(self.directory, self.plan, self.options), resumption=self.resumption)


@contextmanager
def prepare_run(
    sequences: Iterable[Entry | Sequence],
    make_tracker: MakeTracker,
    out_dir: str | os.PathLike[str],
    *,
    name: str | None = None,
    options: RunOptions | None = None,
    sources: RunSources | None = None,
) -> Iterator[PreparedRun]:
    """Claim the directory of a run for the length of the block, and refuse what can be refused; see `run`."""
    options, sources = options or RunOptions(), sources or RunSources()
    entries = [SequenceEntry.of(item) if isinstance(item, Sequence) else item for item in sequences]
    _check_labels([entry.label for entry in entries])
    tracker = make_tracker()
    plan = _plan(entries, tracker.name if name is None else name, plain_description(tracker), options, sources)
    del tracker
    protocol = chosen_protocol(options)
    check_parallel(options.jobs, options.cluster)
    if options.threads < 1:
        raise ConfigError(f"expected at least one thread, found {options.threads}; one a job is usual")
    settings = TrackSettings(plan["tracker"], protocol, options.seed, options.threads, options.evidence)
    track_one = functools.partial(track_entry, make_tracker=make_tracker, settings=settings)
    terms = run_terms(plan["sequences"], overwrite=options.overwrite, data=sources.files)
    with claim_folder(out_dir, terms) as claim:
        directory = RunDirectory(claim)
        directory.refuse_other(plan)
        # What is to be overwritten is not resumed.
        found = Resumption() if options.overwrite else resume(directory, entries, protocol, options.retry_failed)
        yield PreparedRun(entries, directory, plan, options, track_one, found)


def _track_pending(
    entries: list[Entry],
    kept: Container[str],
    track_one: Callable[[Entry], SequenceRun | Unreadable],
    directory: RunDirectory,
    options: RunOptions,
    progress: OnSequence | None,
) -> None:
    pending = [entry for entry in entries if entry.label not in kept]
    if not pending:
        return
    directory.reopen()
    unreadable, done = [], len(entries) - len(pending)
    for item in in_parallel(track_one, pending, jobs=options.jobs, cluster=options.cluster):
        if isinstance(item, Unreadable):
            unreadable.append(item)
            continue
        directory.write_sequence(item)
        done += 1
        if item.failure is not None:
            log.info("the tracker failed on %s, %s", item.label, item.failure)
        if progress is not None:
            progress(item, done, len(entries))
    if len(unreadable) == 1:
        raise SequenceError(f"{unreadable[0].message} ({unreadable[0].label}; what was tracked is kept)")
    if unreadable:
        rest = "; ".join(f"{item.label}: {item.message}" for item in unreadable)
        told = f"found {len(unreadable)} that are not ({rest}); what was tracked is kept"
        raise SequenceError(f"expected readable sequences, {told}")


def _finish(directory: RunDirectory, plan: dict[str, Any], options: RunOptions) -> RunResult:
    finished = directory.finished()
    described = [finished[label] for label in plan["sequences"]]
    record = {
        **plan,
        "protocol": options.protocol,
        "jobs": options.jobs,
        "cluster": options.cluster,
        "device": plan["tracker"].get("device", "cpu"),
        "machines": sorted({entry["machine"] for entry in described if entry.get("machine")}),
        "provenance": provenance(),
        "sequences": described,
    }
    stored = stored_run(directory.path, record)
    analysis = analyse(stored, chosen_protocol(options)) if stored.truth else None
    auc = None if analysis is None else analysis.scores.auc
    record |= {**stored.speed.to_json(), "failures": len(stored.failures), "auc": auc}
    directory.write_result(record, None if analysis is None else analysis.to_json())
    return RunResult(directory.path, replace(stored, info=record), analysis)


def _plan(
    entries: list[Entry], name: str, description: dict[str, Any], options: RunOptions, sources: RunSources
) -> dict[str, Any]:
    """What determines the boxes: a run is only taken up again when all of it is equal."""
    config, dataset = dict(sources.config), dict(sources.dataset)
    try:
        json.dumps((config, dataset), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f"expected a configuration of plain JSON values, found otherwise ({error}); convert paths and arrays"
        ) from error
    return {
        "name": name,
        "tracker": description,
        "weights": _weights(description, sources.weights),
        "dataset": dataset,
        "config": config,
        "seed": options.seed,
        "threads": options.threads,
        "evidence": options.evidence,
        "version": spectrack.__version__,
        "code": source_digest(),
        "sequences": [entry.label for entry in entries],
    }


def _weights(description: Mapping[str, Any], file: Path | None) -> dict[str, Any] | None:
    if file is not None:
        if not Path(file).is_file():
            raise ConfigError(f"expected a weights file at {file}, found none; correct the path")
        return file_identity(file)
    found = description.get("weights")
    return {"file": found.get("file"), "hash": found.get("hash")} if isinstance(found, dict) and found else None


def _check_labels(labels: list[str]) -> None:
    if not labels:
        raise InputError("expected at least one sequence to track, found none; name a sequence or a folder of some")
    for position, label in enumerate(labels):
        if not is_file_name(label) or label.endswith(VISIBILITY_SUFFIX):
            raise SequenceError(f"expected a sequence name that can be a file name, found {label!r}; rename it")
        if label in labels[:position]:
            raise SequenceError(f"expected sequences of different names, found {label!r} twice; rename one")
