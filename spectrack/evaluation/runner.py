"""Tracking a list of sequences and writing a run directory from which every printed number can be recomputed.

A run directory holds ``boxes/<sequence>.txt`` (what was tracked), ``frames/<sequence>.csv`` (milliseconds, score and lost
flag a frame), ``truth/<sequence>.txt`` (where there is truth), ``scores.json`` and, written last, ``run.json`` with the
configuration, versions, seed, device and hash of the weights: a directory without it is an unfinished run. Scoring the
directory against itself (`spectrack.evaluation.results.evaluate_directories`) gives the same scores.
"""

from __future__ import annotations

import json
import logging
import os
import random
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spectrack.boxes import Boxes, as_box
from spectrack.errors import ConfigError, InputError, SequenceError
from spectrack.evaluation.protocols import Invalid, Missing, get_protocol, score
from spectrack.evaluation.provenance import file_sha256, provenance
from spectrack.evaluation.scores import Scores
from spectrack.files import write_json, write_text
from spectrack.sequences.annotations import write_boxes
from spectrack.sequences.base import Sequence
from spectrack.trackers.base import Tracker, track

log = logging.getLogger(__name__)

Opener = Callable[[], Sequence]
"""Opens a sequence when its turn comes, so that a long list costs no memory."""


@dataclass(frozen=True)
class RunOptions:
    """How a run is scored, seeded, spread and described.

    Attributes:
        protocol: see `spectrack.evaluation.protocols`.
        invalid: another rule for invalid truth than the protocol's.
        missing: another rule for missing predictions than the protocol's.
        seed: set before every sequence, so that a sequence gives the same boxes alone and in a list.
        jobs: sequences tracked at the same time; 1 tracks in this process.
        backend: joblib's backend for more than one job, such as ``loky``, ``dask`` or ``ray``.
        device: where the tracker runs, for the record.
        weights: weights file whose SHA-256 is recorded.
        config: the resolved configuration, JSON-serialisable, recorded as it is beside what the tracker says of itself.
        overwrite: replace an earlier run in the same directory instead of refusing.
    """

    protocol: str = "hot"
    invalid: Invalid | None = None
    missing: Missing | None = None
    seed: int = 0
    jobs: int = 1
    backend: str = "loky"
    device: str = "cpu"
    weights: Path | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    overwrite: bool = False


@dataclass(frozen=True)
class SequenceRun:
    """What tracking one sequence gave.

    Attributes:
        name: the sequence.
        boxes: (N, 4), frame 0 with the given box included.
        milliseconds: (N,) wall time a frame, reading included; frame 0 is the tracker's start.
        scores: (N,) the tracker's confidence.
        lost: (N,) bool, whether the tracker reports the object as lost.
        truth: (N, 4) or None.
        attributes: the sequence's labels.
        tracker: the tracker's own description (settings, weights, device), JSON-serialisable.
    """

    name: str
    boxes: Boxes
    milliseconds: NDArray[np.float64]
    scores: NDArray[np.float64]
    lost: NDArray[np.bool_]
    truth: Boxes | None
    attributes: tuple[str, ...]
    tracker: Mapping[str, Any]

    @property
    def frames_per_second(self) -> float | None:
        """Frames per second after the first frame, reading included; None for a single frame."""
        seconds = float(self.milliseconds[1:].sum()) / 1000
        return (len(self.boxes) - 1) / seconds if seconds > 0 else None


@dataclass(frozen=True)
class RunResult:
    """A finished run.

    Attributes:
        directory: where it was written.
        sequences: one entry a sequence, in the order given.
        scores: None when no sequence has truth; sequences without truth are tracked but not scored.
    """

    directory: Path
    sequences: tuple[SequenceRun, ...]
    scores: Scores | None


def run(
    sequences: Iterable[Sequence | Opener],
    make_tracker: Callable[[], Tracker],
    out_dir: str | os.PathLike[str],
    *,
    options: RunOptions | None = None,
    progress: Callable[[SequenceRun], None] | None = None,
) -> RunResult:
    """Track every sequence from its first box with a fresh tracker, and write a run directory.

    Args:
        sequences: sequences, or functions that open one.
        make_tracker: makes a tracker; called once a sequence, so that no state leaks from one to the next. With several
            jobs it must be picklable (``functools.partial(load_tracker, "siamban")``).
        out_dir: the run directory; made if it does not exist.
        options: scoring, seed, jobs and what to record.
        progress: called after each sequence, for a progress bar.

    Raises:
        ConfigError: unknown protocol, or a directory that holds another run and `overwrite` is not set.
        SequenceError: a sequence without a first box, with a name already used or unfit as a file name.
        InputError: no sequence, and what scoring refuses.
    """
    options = options or RunOptions()
    setting = _describe(options)  # before hours of tracking, not after
    directory = _prepare(Path(out_dir), overwrite=options.overwrite)
    done: list[SequenceRun] = []
    for item in _track_all(sequences, make_tracker, options):
        if item.name in [other.name for other in done]:
            raise SequenceError(f"expected sequences of different names, found {item.name!r} twice; results are stored by name, rename one")
        _write_sequence(directory, item)
        log.info("tracked %s: %d frames in %.1f s", item.name, len(item.boxes), item.milliseconds.sum() / 1000)
        done.append(item)
        if progress is not None:
            progress(item)
    if not done:
        raise InputError("expected at least one sequence to track, found none; name a sequence or a folder of sequences")
    scores = _score(done, options)
    if scores is not None:
        write_json(directory / "scores.json", scores.to_json())
    write_json(
        directory / "run.json",
        {
            **setting,
            "tracker": dict(done[0].tracker),
            "auc": None if scores is None else scores.auc,
            "sequences": [_entry(item) for item in done],
        },
    )
    return RunResult(directory, tuple(done), scores)


def track_sequence(sequence: Sequence, tracker: Tracker, *, seed: int = 0) -> SequenceRun:
    """Track one sequence from its first box, timing every frame.

    Args:
        sequence: a sequence with truth or a first box.
        tracker: as `spectrack.load_tracker` makes them.
        seed: seeds the global generators of random, NumPy and, when loaded, torch.

    Raises:
        SequenceError: no first box.
    """
    box = sequence.first_box
    if box is None:
        raise SequenceError(
            f"expected a first box for the sequence {sequence.name!r}, found no truth and no init_rect.txt; "
            "add groundtruth_rect.txt beside its frames, or track it alone with --box x,y,w,h"
        )
    _seed(seed)
    boxes, times, scores, lost = [], [], [], []
    before = time.perf_counter()
    for estimate in track(sequence, tracker, as_box(box)):
        now = time.perf_counter()
        times.append((now - before) * 1000)
        boxes.append(estimate.box)
        scores.append(estimate.score)
        lost.append(estimate.lost)
        before = time.perf_counter()
    return SequenceRun(
        name=sequence.name,
        boxes=np.asarray(boxes, dtype=np.float64),
        milliseconds=np.asarray(times),
        scores=np.asarray(scores, dtype=np.float64),
        lost=np.asarray(lost, dtype=bool),
        truth=sequence.truth,
        attributes=tuple(sequence.attributes),
        tracker=tracker.describe(),
    )


def _track_all(sequences: Iterable[Sequence | Opener], make_tracker: Callable[[], Tracker], options: RunOptions) -> Iterator[SequenceRun]:
    if options.jobs == 1:
        for sequence in sequences:
            yield _track_one(sequence, make_tracker, options.seed)
        return
    from joblib import Parallel, delayed

    parallel = Parallel(n_jobs=options.jobs, backend=options.backend, return_as="generator")
    yield from parallel(delayed(_track_one)(sequence, make_tracker, options.seed) for sequence in sequences)


def _track_one(sequence: Sequence | Opener, make_tracker: Callable[[], Tracker], seed: int) -> SequenceRun:
    opened = sequence if isinstance(sequence, Sequence) else sequence()
    _check_name(opened.name)
    return track_sequence(opened, make_tracker(), seed=seed)


def _seed(seed: int) -> None:
    # This package passes generators around; trackers of other people may draw from the global ones.
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.manual_seed(seed)


def _prepare(directory: Path, *, overwrite: bool) -> Path:
    if directory.exists() and not directory.is_dir():
        raise ConfigError(f"expected a directory for the run at {directory}, found a file; choose another place")
    earlier = [path for kind in ("boxes", "frames", "truth") for path in (directory / kind).glob("*.*")]
    earlier += [path for name in ("run.json", "scores.json") if (path := directory / name).exists()]
    if earlier and not overwrite:
        raise ConfigError(
            f"expected an empty directory for the run at {directory}, found an earlier run; choose another or allow overwriting"
        )
    for path in earlier:
        path.unlink()
    return directory


def _check_name(name: str) -> None:
    if not name or name.startswith(".") or any(sign in name for sign in "/\\:\0"):
        raise SequenceError(f"expected a sequence name that can be a file name, found {name!r}; rename the sequence")


def _write_sequence(directory: Path, item: SequenceRun) -> None:
    # Every digit is kept: a score computed from the files must equal the one in scores.json.
    write_boxes(directory / "boxes" / f"{item.name}.txt", item.boxes, fmt=None)
    if item.truth is not None:
        write_boxes(directory / "truth" / f"{item.name}.txt", item.truth, fmt=None)
    rows = zip(item.milliseconds.tolist(), item.scores.tolist(), item.lost.tolist(), strict=True)
    lines = [f"{index},{ms:.3f},{confidence:.6g},{int(lost)}" for index, (ms, confidence, lost) in enumerate(rows)]
    write_text(directory / "frames" / f"{item.name}.csv", "\n".join(["frame,milliseconds,score,lost", *lines]) + "\n")


def _score(done: list[SequenceRun], options: RunOptions) -> Scores | None:
    truth = {item.name: item.truth for item in done if item.truth is not None}
    if not truth:
        return None
    predictions = {item.name: item.boxes for item in done if item.name in truth}
    return score(predictions, truth, options.protocol, invalid=options.invalid, missing=options.missing)


def _describe(options: RunOptions) -> dict[str, Any]:
    """What is known before the run, checked: protocol, configuration, seed, device, weights, versions and machine."""
    protocol, weights, config = get_protocol(options.protocol), options.weights, dict(options.config)
    try:
        json.dumps(config, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"expected a configuration of plain JSON values, found otherwise ({error}); convert paths and arrays") from error
    if weights is not None and not Path(weights).is_file():
        raise ConfigError(f"expected a weights file at {weights}, found none; correct the path")
    return {
        "config": config,
        "protocol": protocol.name,
        "seed": options.seed,
        "jobs": options.jobs,
        "device": options.device,
        "weights": None if weights is None else {"file": Path(weights).name, "sha256": file_sha256(weights)},
        "provenance": provenance(),
    }


def _entry(item: SequenceRun) -> dict[str, Any]:
    return {
        "name": item.name,
        "frames": len(item.boxes),
        "attributes": list(item.attributes),
        "frames_per_second": item.frames_per_second,
        "has_truth": item.truth is not None,
    }
