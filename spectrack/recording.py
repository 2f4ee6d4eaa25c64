"""Tracking one video into a folder of results: boxes, times and scores of every frame, a summary, maybe a video.

The folder appears when everything in it is complete, so an interrupted or refused run leaves nothing. What is printed
about a run can be computed again from it: ``spectrack evaluate --results FOLDER --truth FOLDER`` gives the same scores.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spectrack.boxes import Boxes, as_box, check_box_in_frame
from spectrack.errors import BoxError
from spectrack.evaluation.protocols import score
from spectrack.evaluation.scores import Scores
from spectrack.evaluation.speed import speed_of
from spectrack.files import check_folder, write_folder, write_json
from spectrack.measuring.files import check_extras
from spectrack.measuring.track import MeasuredTrack
from spectrack.provenance import provenance
from spectrack.runs.entries import plain_truth
from spectrack.runs.frame_table import FrameTable
from spectrack.runs.frames import describe_frames
from spectrack.runs.layout import OVERLAY, RECORDING, SUMMARY
from spectrack.runs.options import RecordOptions
from spectrack.runs.run_directory import inside, write_track, write_truth
from spectrack.runs.sequence_run import Followed, follow
from spectrack.sequences.base import Sequence
from spectrack.sequences.excerpt import Excerpt
from spectrack.trackers.base import Estimate, Tracker

OnProgress = Callable[[str, int, int], None]
"""Called with what is being done (``tracking`` or ``drawing``), frames done and frames in all."""


@dataclass(frozen=True)
class Recording:
    """One tracked video.

    Attributes:
        directory: the folder of results.
        boxes: (N, 4) x, y, w, h in cube pixels; the first is the given box, rows of NaN stand before it.
        frames: times, confidence, lost flag and state of every frame.
        scores: against the truth; None without truth.
        summary: what ``summary.json`` says.
    """

    directory: Path
    boxes: Boxes
    frames: FrameTable
    scores: Scores | None
    summary: dict[str, Any]

    @property
    def confidence(self) -> NDArray[np.float64]:
        """(N,) the tracker's score, in [0, 1]."""
        return self.frames.score

    @property
    def lost(self) -> NDArray[np.bool_]:
        """(N,) whether the tracker believes that it no longer sees the target."""
        return self.frames.lost

    @property
    def reading_ms(self) -> NDArray[np.float64]:
        """(N,) time spent reading and decoding, a frame."""
        return self.frames.reading_ms

    @property
    def tracking_ms(self) -> NDArray[np.float64]:
        """(N,) time spent in the tracker without reading, its network included; row 0 is its start."""
        return self.frames.network_ms + self.frames.rest_ms


def record(
    sequence: Sequence,
    tracker: Tracker,
    directory: str | os.PathLike[str],
    *,
    box: ArrayLike | None = None,
    start: int = 0,
    options: RecordOptions | None = None,
    settings: Mapping[str, Any] | None = None,
    inputs: tuple[Path, ...] = (),
    on_progress: OnProgress | None = None,
) -> Recording:
    """Track one video and write the results into a folder, whole or not at all.

    Args:
        sequence: what to track in.
        tracker: as `spectrack.load_tracker` returns.
        directory: the folder to make; it must not exist or be empty, unless an earlier recording may be overwritten.
        box: the target in the first frame, x, y, w, h in cube pixels; by default the sequence's own first box.
        start: the first frame to track in, from 0. Those before have no box, and count as missed where truth has one.
        options: overlay, scoring, overwriting.
        settings: whatever the caller wants to remember in the summary, as JSON values.
        inputs: what else the recording is known to be made from; the folder of results is none of it, and lies in none.
        on_progress: called after every frame.

    Raises:
        ConfigError: the folder is taken, or the protocol is unknown.
        BoxError: no first box, or one outside the frame.
        SequenceError: damaged frames, or truth that is shorter than the video.
        CubeError: frames that the tracker refuses.

    Example:
        >>> import spectrack
        >>> clip = spectrack.simulate("calm", frames=40, seed=3)
        >>> recording = spectrack.record(clip, spectrack.load_tracker("siamban"), "runs/calm")  # doctest: +SKIP
        >>> recording.scores.auc  # doctest: +SKIP
        0.81
    """
    options = options or RecordOptions()
    terms = options.terms((*inputs, *sequence.places))
    check_folder(directory, terms)
    check_extras(options.measuring)
    truth = plain_truth(sequence) if options.score else None
    if truth is not None:
        _score(sequence, truth, truth, options)  # truth that cannot be scored is refused before the tracking, not after
    first = first_box(_from(sequence, start), box)
    with write_folder(directory, terms) as folder:
        recording = write_recording(sequence, tracker, folder, first, truth, options, settings, on_progress, start)
    return replace(recording, directory=Path(directory))


def write_recording(
    sequence: Sequence,
    tracker: Tracker,
    folder: Path,
    box: Boxes,
    truth: Boxes | None,
    options: RecordOptions,
    settings: Mapping[str, Any] | None = None,
    on_progress: OnProgress | None = None,
    start: int = 0,
) -> Recording:
    """Track one video and write the results into a folder that the caller has claimed; see `record`."""
    tell = on_progress or (lambda what, done, total: None)
    shown = _from(sequence, start)
    measuring = MeasuredTrack.of(shown, folder, options.measuring)
    measure = None if measuring is None else measuring.beside(shown, start)

    def seen(index: int, estimate: Estimate) -> None:
        if measure is not None:
            measure(index, estimate)
        tell("tracking", index + 1, len(shown))

    tracked = follow(shown, tracker, box, seen)
    tracked.refuse_stop(f"frame {start + tracked.frame} of {sequence.name}, counted from 0")
    about = None if measuring is None else {"measured": dict(measuring.write())}
    return write_followed(sequence, tracker, folder, tracked, truth, options, settings, on_progress, start, about)


def write_followed(
    sequence: Sequence,
    tracker: Tracker,
    folder: Path,
    tracked: Followed,
    truth: Boxes | None,
    options: RecordOptions,
    settings: Mapping[str, Any] | None = None,
    on_progress: OnProgress | None = None,
    start: int = 0,
    about: Mapping[str, Any] | None = None,
) -> Recording:
    """Write a track from frame `start` on into a folder that the caller has claimed; see `record`.

    What is said `about` it stands in the summary besides.
    """
    whole = tracked.after(start)
    scores = None if truth is None else _score(sequence, whole.boxes, truth, options)
    summary = _summary(sequence, tracker, tracked, scores, options, settings or {}) | {
        "first_frame": start,
        **(about or {}),
    }
    write_track(inside(folder), RECORDING, whole.boxes, whole.frames)
    write_truth(inside(folder), RECORDING, truth)
    if options.overlay:
        if on_progress is not None:
            on_progress("drawing", 0, len(sequence))
        _draw(folder / OVERLAY, sequence, whole, truth)
    write_json(folder / SUMMARY, summary)
    return Recording(folder, whole.boxes, whole.frames, scores, summary)


def first_box(sequence: Sequence, box: ArrayLike | None = None) -> Boxes:
    """The box to start from: the given one, else the sequence's own, checked against its frame; (4,).

    Raises:
        BoxError: there is none, or it is degenerate or outside the frame.
    """
    chosen = sequence.first_box if box is None else as_box(box)
    if chosen is None:
        raise BoxError(
            f"expected a first box for {sequence.name}, found neither truth nor an init_rect file beside its frames; "
            "give --box x,y,w,h or --box-from FILE, or draw it with --view"
        )
    check_box_in_frame(chosen, sequence.height, sequence.width)
    return chosen


def _from(sequence: Sequence, start: int) -> Sequence:
    return Excerpt(sequence, len(sequence), start) if start else sequence


def _score(sequence: Sequence, boxes: Boxes, truth: Boxes, options: RecordOptions) -> Scores:
    return score({sequence.name: boxes}, {sequence.name: truth}, options.protocol, invalid="skip", missing="miss")


def _draw(path: Path, sequence: Sequence, tracked: Followed, truth: Boxes | None) -> None:
    from spectrack.reports.overlay import write_overlay

    write_overlay(path, sequence, tracked.boxes, truth=truth, scores=tracked.frames.score, lost=tracked.frames.lost)


def _summary(
    sequence: Sequence,
    tracker: Tracker,
    tracked: Followed,
    scores: Scores | None,
    options: RecordOptions,
    settings: Mapping[str, Any],
) -> dict[str, Any]:
    frames, speed = tracked.frames, tracked.frames.speed.to_json()
    tracking = speed_of([{"tracking": frames.network_ms + frames.rest_ms}]).to_json()
    return {
        "sequence": describe_frames(sequence)
        | {"attributes": list(sequence.attributes), "metadata": sequence.metadata},
        "first_box": tracked.boxes[0].tolist(),
        "lost_frames": int(frames.lost.sum()),
        "states": dict(Counter(frames.state)),
        "frames_per_second": speed["frames_per_second"],
        "milliseconds": {
            "start": round(float(frames.total_ms[0]), 3),
            "reading_median": speed["median_ms"].get("reading"),
            "network_median": speed["median_ms"].get("network"),
            "tracking_median": tracking["median_ms"].get("tracking"),
        },
        "protocol": options.protocol,
        "scores": None if scores is None else _figures(scores),
        "tracker": tracker.describe(),
        "settings": dict(settings),
        "provenance": provenance(),
    }


def _figures(scores: Scores) -> dict[str, Any]:
    figures, (only,) = scores.figures, scores.sequences
    return {"protocol": scores.description, **figures, "frames": only.frames, "frames_without_truth": only.skipped}
