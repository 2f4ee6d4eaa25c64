"""Tracking several targets of one video into a folder of results: every frame is read and de-interleaved once for all.

Each target has a tracker of its own, which sees what it would see alone, so its boxes are those of a track of it alone;
the trackers share frames, network and what they ask of a whole frame. The folder holds

* ``mot.txt``: the rows of all targets, as the MOT Challenge writes results, without frames in which a target is lost,
* ``targets/NAME/boxes.txt`` and ``frames.csv``: a target's boxes and states in every frame, as ``track`` writes them,
* ``several.json``: names and numbers of the targets, tracker, settings, versions; and maybe ``overlay.mp4``.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spectrack.annotations.first_boxes import TargetStart
from spectrack.boxes import Boxes, check_box_in_frame
from spectrack.errors import BoxError, ConfigError
from spectrack.files import Terms, check_folder, write_folder, write_json, write_text
from spectrack.measuring.files import check_extras
from spectrack.measuring.track import MeasuredTrack
from spectrack.provenance import provenance
from spectrack.runs.frame_table import FrameTable
from spectrack.runs.frames import describe_frames
from spectrack.runs.layout import OVERLAY, RECORDING, is_file_name
from spectrack.runs.options import RecordOptions
from spectrack.runs.run_directory import inside, write_track
from spectrack.runs.sequence_run import Trail
from spectrack.sequences.base import Sequence
from spectrack.sequences.excerpt import Excerpt
from spectrack.sequences.shared import SharedSequence
from spectrack.trackers.base import Tracker

MOT, SEVERAL, TARGETS = "mot.txt", "several.json", "targets"

_MOST_TARGETS = 200

MakeTracker = Callable[[], Tracker]
OnFrame = Callable[[int, int], None]
"""Called with frames done and frames in all."""


@dataclass(frozen=True)
class TrackedTarget:
    """One of several targets, tracked.

    Attributes:
        identity: its name.
        number: its number in ``mot.txt``: the name, where all names are whole numbers above 0, else its place from 1.
        first_frame: where it was first seen.
        boxes: (N, 4) x, y, w, h in cube pixels; rows of NaN before its first frame.
        frames: times, confidence and state of every frame.
    """

    identity: str
    number: int
    first_frame: int
    boxes: Boxes
    frames: FrameTable


@dataclass(frozen=True)
class SeveralRecording:
    """Several tracked targets.

    Attributes:
        directory: the folder of results.
        targets: in the order given.
        summary: what ``several.json`` says.
    """

    directory: Path
    targets: tuple[TrackedTarget, ...]
    summary: dict[str, Any]


def record_several(
    sequence: Sequence,
    make_tracker: MakeTracker,
    starts: list[TargetStart],
    directory: str | os.PathLike[str],
    *,
    options: RecordOptions | None = None,
    settings: Mapping[str, Any] | None = None,
    inputs: tuple[Path, ...] = (),
    on_frame: OnFrame | None = None,
) -> SeveralRecording:
    """Track several targets of one video and write the results into a folder, whole or not at all.

    Args:
        sequence: what to track in.
        make_tracker: makes a fresh tracker; called once, and again for methods whose trackers share nothing.
        starts: first frame and box of each target, as `read_first_boxes` reads them.
        directory: the folder to make; it must not exist or be empty, unless an earlier such run may be overwritten.
        options: overlay, what is measured, and overwriting; a track of several is scored by `evaluation.several`.
        settings: whatever the caller wants to remember in the summary, as JSON values.
        inputs: what else is read; the folder of results is none of it, and lies in none.
        on_frame: called after every frame.

    Raises:
        ConfigError: the folder is taken, no target, too many, or names that cannot be folders.
        BoxError: a box outside its frame, or a first frame that the video does not have.
        CubeError: frames that the tracker refuses.
    """
    options = options or RecordOptions()
    terms = several_terms(options, (*inputs, *sequence.places))
    check_folder(directory, terms)
    check_extras(options.measuring)
    _check_starts(starts, sequence)
    first = make_tracker()
    trackers = [first, *(first.another() or make_tracker() for _ in starts[1:])]
    with write_folder(directory, terms) as folder:
        targets, measured = _track(sequence, trackers, starts, folder, options, on_frame)
        for target in targets:
            home = folder / TARGETS / target.identity
            write_track(inside(home), RECORDING, target.boxes, target.frames)
        write_text(folder / MOT, mot_rows(targets))
        if options.overlay:
            _draw(folder / OVERLAY, sequence, targets)
        summary = _summary(sequence, first, targets, measured, settings or {})
        write_json(folder / SEVERAL, summary)
    return SeveralRecording(Path(directory), targets, summary)


def several_terms(options: RecordOptions, inputs: tuple[Path, ...]) -> Terms:
    """On which the folder of such a run is claimed.

    Raises:
        ConfigError: options of measuring that make no sense.
    """
    options.measuring.check()
    names = (MOT, SEVERAL, *((OVERLAY,) if options.overlay else ()))
    return Terms("several", overwrite=options.overwrite, names=names, data=inputs, also=("scores",))


def mot_rows(targets: tuple[TrackedTarget, ...]) -> str:
    """Rows ``frame,id,x,y,w,h,confidence,-1,-1,-1``, frames from 1, pixels from 0, by frame and id."""
    lines = []
    for target in targets:
        shown = np.isfinite(target.boxes).all(axis=1) & ~target.frames.lost
        for frame in np.flatnonzero(shown).tolist():
            box = ",".join(f"{value:.3f}" for value in target.boxes[frame])
            score = target.frames.score[frame]
            lines.append((frame + 1, target.number, f"{box},{score:.6g},-1,-1,-1"))
    return "".join(f"{frame},{number},{rest}\n" for frame, number, rest in sorted(lines))


def _draw(path: Path, sequence: Sequence, targets: tuple[TrackedTarget, ...]) -> None:
    from spectrack.reports.several_overlay import DrawnTarget, write_several_overlay

    drawn = [DrawnTarget(target.identity, target.boxes, target.frames.lost) for target in targets]
    write_several_overlay(path, sequence, drawn)


def _check_starts(starts: list[TargetStart], sequence: Sequence) -> None:
    if not 0 < len(starts) <= _MOST_TARGETS:
        raise ConfigError(f"expected 1 to {_MOST_TARGETS} targets, found {len(starts)}; split them into several runs")
    names = [start.identity.lower() for start in starts]
    for start in starts:
        if not is_file_name(start.identity) or names.count(start.identity.lower()) > 1:
            raise ConfigError(
                f"expected different names of targets that can be folders, found {start.identity!r}; rename it"
            )
        if start.frame >= len(sequence):
            raise BoxError(
                f"expected target {start.identity} to start in the {len(sequence)} frames of {sequence.name}, found "
                f"frame {start.frame}, counted from 0; correct its row"
            )
        try:
            check_box_in_frame(start.box, sequence.height, sequence.width)
        except BoxError as error:
            raise BoxError(f"{error} (target {start.identity})") from error


def _track(
    sequence: Sequence,
    trackers: list[Tracker],
    starts: list[TargetStart],
    folder: Path,
    options: RecordOptions,
    on_frame: OnFrame | None,
) -> tuple[tuple[TrackedTarget, ...], dict[str, Any]]:
    """All targets, a frame at a time; and what was measured of each."""
    shared = SharedSequence(sequence)
    trails, measures = [], {}
    for start, tracker in zip(starts, trackers, strict=True):
        shown: Sequence = Excerpt(shared, len(shared), start.frame) if start.frame else shared
        home = folder / TARGETS / start.identity
        home.mkdir(parents=True)
        measured = MeasuredTrack.of(shown, home, options.measuring)
        seen = None if measured is None else measured.beside(shown, start.frame)
        trails.append(Trail(shown, tracker, start.box, seen))
        if measured is not None:
            measures[start.identity] = measured
    for frame in range(len(shared)):
        for start, trail in zip(starts, trails, strict=True):
            if frame >= start.frame and not trail.step():
                where = f"frame {frame} of {sequence.name}, counted from 0, target {start.identity}"
                trail.followed.refuse_stop(where)
        if on_frame is not None:
            on_frame(frame + 1, len(shared))
    numbers = _numbers(starts)
    wholes = (trail.followed.after(start.frame) for start, trail in zip(starts, trails, strict=True))
    targets = tuple(
        TrackedTarget(start.identity, numbers[start.identity], start.frame, whole.boxes, whole.frames)
        for start, whole in zip(starts, wholes, strict=True)
    )
    return targets, {name: measured.write() for name, measured in measures.items()}


def _numbers(starts: list[TargetStart]) -> dict[str, int]:
    names = [start.identity for start in starts]
    if all(name.isascii() and name.isdecimal() and len(name) < 9 and int(name) > 0 for name in names):
        found = {name: int(name) for name in names}
        if len(set(found.values())) == len(names):
            return found
    return {name: number for number, name in enumerate(names, start=1)}


def _summary(
    sequence: Sequence,
    tracker: Tracker,
    targets: tuple[TrackedTarget, ...],
    measured: dict[str, Any],
    settings: Mapping[str, Any],
) -> dict[str, Any]:
    total = sum(np.nan_to_num(target.frames.total_ms) for target in targets)
    median = float(np.median(np.asarray(total)[1:])) if len(sequence) > 1 else float(np.asarray(total)[0])
    return {
        "sequence": describe_frames(sequence),
        "targets": [
            {
                "name": target.identity,
                "number": target.number,
                "first_frame": target.first_frame,
                "first_box": target.boxes[target.first_frame].tolist(),
                "lost_frames": int(target.frames.lost.sum()),
            }
            | ({"measured": measured[target.identity]} if target.identity in measured else {})
            for target in targets
        ],
        "milliseconds": {"all_targets_median": round(median, 3)},
        "tracker": tracker.describe(),
        "settings": dict(settings),
        "provenance": provenance(),
    }
