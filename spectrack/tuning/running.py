"""The search itself: settings are tried one after the other, every one on all sequences, and each is stored at once."""

from __future__ import annotations

import functools
import itertools
import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import spectrack
from spectrack.errors import ConfigError, InputError
from spectrack.evaluation.protocols import Protocol, resolve_protocol, score
from spectrack.extras import import_extra
from spectrack.files import Claim, Terms, claim_folder, refuse_other
from spectrack.files.fingerprints import content, values_digest
from spectrack.provenance import provenance, source_digest
from spectrack.runs.entries import Entry, OpenedEntry, SequenceEntry, plain_truth
from spectrack.runs.run_directory import read_json
from spectrack.runs.sequence_run import follow
from spectrack.runs.workers import check_parallel, in_parallel
from spectrack.sequences.base import Sequence
from spectrack.sequences.excerpt import Excerpt
from spectrack.signs import counted
from spectrack.tables import to_table
from spectrack.trackers.loading import load_tracker, settled_precision
from spectrack.trackers.memory import AnswerMemory
from spectrack.trackers.method import Method
from spectrack.trackers.presets import presets
from spectrack.trackers.registry import find_method
from spectrack.tuning.findings import Findings, find
from spectrack.tuning.landscape import draw_landscape
from spectrack.tuning.options import TuneOptions
from spectrack.tuning.ranges import Choices, Range, make_space
from spectrack.tuning.trials import Trial, next_values, present_values

JSON_FILE, TOML_FILE, PICTURE_FILE = "tuning.json", "best.toml", "landscape.png"

OnTrial = Callable[[int, int, str], None]
"""Called with trials done, trials in all, and a note."""


@dataclass(frozen=True)
class TuneResult:
    """What a search gave.

    Attributes:
        directory: where it is written.
        space: what was searched.
        trials: all settings, the present one first.
        found: see `findings.find`.
    """

    directory: Path
    space: dict[str, Range | Choices]
    trials: list[Trial]
    found: Findings

    @property
    def warnings(self) -> list[str]:
        """See `findings.Findings.warnings`."""
        return self.found.warnings(self.space, len(self.trials))


def tune(
    method: str,
    entries: Iterable[Entry | Sequence],
    out_dir: str | os.PathLike[str],
    *,
    vary: Iterable[str] = (),
    fixed: Mapping[str, Any] | None = None,
    options: TuneOptions | None = None,
    dataset: Mapping[str, Any] | None = None,
    progress: OnTrial | None = None,
) -> TuneResult:
    """Search online parameters of a tracker on sequences with truth.

    Settings that are good here are good for these sequences: search on sequences that no figure is told of later.

    Args:
        method: whose.
        entries: sequences with truth.
        out_dir: for tuning.json (every trial), best.toml and landscape.png; the same call goes on where one stopped.
        vary: what is searched, as `ranges.make_space` takes it; by default the usual parameters that the method has.
        fixed: other values of parameters that are not searched.
        options: see `TuneOptions`.
        dataset: what is stored of where the sequences are from, as JSON values.
        progress: called after every trial.

    Raises:
        ConfigError: what cannot be searched, no sequence with truth, or another search in that folder.
        MissingExtraError: Optuna is not installed.
    """
    options = options or TuneOptions()
    options.check()
    check_parallel(options.jobs, None)
    import_extra("optuna", "train")  # refused before anything is tracked
    listed = [SequenceEntry.of(item) if isinstance(item, Sequence) else item for item in entries]
    if not listed:
        raise ConfigError("expected at least one sequence, found none; name a data set with sequences")
    found, preset = find_method(method), presets().get(method)
    fixed = (preset.options if preset else {}) | dict(fixed or {})
    space = {name: values for name, values in make_space(found, vary).items() if name not in fixed}
    if not space:
        raise ConfigError("expected a parameter that is searched, found all of them fixed; fix fewer, or vary others")
    return _Search(found, listed, Path(out_dir), space, options, dict(dataset or {}), progress, fixed).go()


class _Search:
    """One call."""

    count = itertools.count()

    def __init__(
        self,
        method: Method,
        entries: list[Entry],
        out: Path,
        space: dict[str, Range | Choices],
        options: TuneOptions,
        dataset: dict[str, Any],
        progress: OnTrial | None,
        fixed: dict[str, Any],
    ) -> None:
        self.method, self.entries, self.out, self.space, self.options = method, entries, out, space, options
        self.number = next(self.count)
        self.dataset, self.progress = dataset, progress or (lambda done, total, note: None)
        self.protocol = resolve_protocol(options.protocol)
        self.maker = {"weights": options.weights, **asdict(options.network), **fixed}
        if options.network.precision == "auto":
            # Settled here, so that every trial takes the same.
            self.maker["precision"] = settled_precision(method.name, **self.maker)
        described = load_tracker(method.name, **self.maker).describe()
        self.present = present_values(described["options"], self.space)
        others = {key: value for key, value in described["options"].items() if key not in self.space}
        self.plan = {
            "tracker": {**described, "options": others},
            "present": self.present,
            "searched": {name: to_table(values) for name, values in self.space.items()},
            "dataset": dataset,
            "sequences": {entry.label: _made_of(entry) for entry in entries},
            "frames": options.frames,
            "protocol": options.protocol,
            "seed": options.seed,
            "version": spectrack.__version__,
            "code": source_digest(),
        }

    def go(self) -> TuneResult:
        """Go on from what is stored."""
        root = self.dataset.get("root")
        weights = self.options.weights
        data = tuple(Path(place) for place in (root, weights) if place is not None and Path(place).exists())
        names = (JSON_FILE, TOML_FILE, PICTURE_FILE)
        terms = Terms("tuning", resume=True, overwrite=self.options.overwrite, names=names, data=data)
        with claim_folder(self.out, terms) as claim:
            trials = self._earlier(claim)
            while len(trials) < self.options.trials:
                values = next_values(self.space, trials, self.options.seed) if trials else self.present
                trials.append(self._try(values, trials))
                self._store(claim, trials)
                best = max(trial.score for trial in trials)
                self.progress(len(trials), self.options.trials, f"{trials[-1].score:.3f}, best {best:.3f}")
            found = find(trials, self.space)
            result = TuneResult(self.out, self.space, trials, found)
            self._write(claim, result)
        return result

    def _earlier(self, claim: Claim) -> list[Trial]:
        if self.options.overwrite or not claim.holds(JSON_FILE):
            return []
        value = read_json(claim.path / JSON_FILE, "an earlier search")
        if not isinstance(value.get("plan"), dict) or not isinstance(value.get("trials"), list):
            raise InputError(f"expected a search in {claim.path / JSON_FILE}, found other JSON; start with --overwrite")
        refuse_other(
            value["plan"], self.plan, f"the search in {claim.path}", "name another folder, or start with --overwrite"
        )
        return [Trial.from_json(one) for one in value["trials"]]

    def _try(self, values: dict[str, Any], trials: list[Trial]) -> Trial:
        """Track everything with one setting; one that was tried before has its scores already."""
        for trial in trials:
            if trial.values == values:
                return Trial(values, trial.scores)
        track = functools.partial(
            _track, self.method.name, {**self.maker, **values}, self.protocol, self.options, self.number
        )
        scores = dict(in_parallel(track, self.entries, jobs=self.options.jobs))
        return Trial(values, {entry.label: scores[entry.label] for entry in self.entries})

    def _store(self, claim: Claim, trials: list[Trial], found: dict[str, Any] | None = None) -> None:
        record = {"plan": self.plan, "found": found, "trials": [trial.to_json() for trial in trials]}
        claim.write_json(JSON_FILE, {**record, "provenance": provenance()})

    def _write(self, claim: Claim, result: TuneResult) -> None:
        found = result.found
        told = {
            "best": found.best.to_json(),
            "gain": to_table(found.gain),
            "gain_left_out": None if found.left_out is None else to_table(found.left_out),
            "alike": found.alike,
            "edges": found.edges,
            "warnings": result.warnings,
        }
        self._store(claim, result.trials, told)
        lines = [f"# {self.method.name} on {counted(len(self.entries), 'sequence')}: gain {found.gain.signed}"]
        lines += [f"# {sentence}" for sentence in result.warnings]
        lines += ["[online]", *(f"{name} = {json.dumps(value)}" for name, value in found.best.values.items())]
        claim.write_text(TOML_FILE, "\n".join(lines) + "\n")
        headline = self.protocol.headline
        with claim.writing(PICTURE_FILE) as temporary:
            draw_landscape(result.trials, self.space, found, temporary, score=headline.heading)


def _made_of(entry: Entry) -> str:
    """Digest of frames and truth, so that trials on other data are never mixed with these."""
    opened = OpenedEntry(entry)
    return values_digest([content(opened.made_of()), opened.annotations_digest()])


_memories: dict[tuple[int, str], AnswerMemory] = {}
"""In this process, by search and sequence."""


def _track(
    method: str, config: dict[str, Any], protocol: Protocol, options: TuneOptions, search: int, entry: Entry
) -> tuple[str, float]:
    """Label and success score of a sequence.

    Raises:
        ConfigError: no truth, or a tracker that failed.
    """
    import torch

    from spectrack.trackers.siamese import SiameseTracker

    torch.set_num_threads(options.threads)
    opened = OpenedEntry(entry)
    sequence = opened.sequence if options.frames is None else Excerpt(opened.sequence, options.frames)
    truth = plain_truth(sequence)
    if truth is None:
        raise ConfigError(f"expected truth for {entry.label!r}, found none; leave the sequence out")
    tracker = load_tracker(method, **config)
    if isinstance(tracker, SiameseTracker) and options.memory:
        tracker.memory = _memories.setdefault((search, entry.label), AnswerMemory(options.memory << 20))
    followed = follow(sequence, tracker, opened.box)
    if followed.stopped is not None:
        raise ConfigError(
            f"expected {method} to track {entry.label!r} with {config}, found {followed.failure}; mend the tracker, or "
            "leave the sequence out"
        )
    # Truth may end before the video does.
    boxes = followed.boxes[: len(truth)]
    return entry.label, float(score({entry.label: boxes}, {entry.label: truth[: len(boxes)]}, protocol).auc)
