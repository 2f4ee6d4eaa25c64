"""Tracking one video into a folder of results: boxes, times and scores of every frame, a summary, maybe an overlay video.

The folder appears when everything in it is complete, so an interrupted or refused run leaves nothing. What is printed about
a run can be computed again from it: ``spectrack evaluate --results FOLDER --truth FOLDER`` gives the same scores.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spectrack.boxes import Boxes, as_box, check_box_in_frame
from spectrack.cube import Cube
from spectrack.errors import BoxError, CubeError
from spectrack.evaluation.protocols import PROTOCOLS, score
from spectrack.evaluation.provenance import provenance
from spectrack.evaluation.scores import Scores
from spectrack.files import check_folder_for_results, write_folder_atomically, write_json, write_text
from spectrack.sequences.annotations import write_boxes
from spectrack.sequences.base import Frame, Sequence
from spectrack.trackers.base import Tracker, track

BOXES_FILE = "boxes.txt"
FRAMES_FILE = "frames.csv"
TRUTH_FILE = "groundtruth_rect.txt"
SUMMARY_FILE = "summary.json"
OVERLAY_FILE = "overlay.mp4"
SCORE_FILES = tuple(f"scores-{name}.json" for name in PROTOCOLS)
"""What `spectrack evaluate` adds to the folder; worth nothing any more when the boxes are replaced."""

RESULT_FILES = (BOXES_FILE, FRAMES_FILE, TRUTH_FILE, SUMMARY_FILE, OVERLAY_FILE, *SCORE_FILES)
"""What a folder of results may hold; only these are replaced when overwriting is allowed."""

OnProgress = Callable[[str, int, int], None]
"""Called with what is being done (``tracking`` or ``drawing``), frames done and frames in all."""


@dataclass(frozen=True)
class RecordOptions:
    """What a recording holds besides the boxes.

    Attributes:
        overlay: write ``overlay.mp4``.
        scored: score against the sequence's truth, where it has any.
        protocol: how; frames whose truth is not a box are left out of the score whatever the protocol says, and counted.
        overwrite: replace an earlier recording in the same folder.
        settings: whatever the caller wants to remember in the summary, as JSON values.
    """

    overlay: bool = False
    scored: bool = True
    protocol: str = "hot"
    overwrite: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Recording:
    """One tracked video.

    Attributes:
        directory: the folder of results.
        boxes: (N, 4) x, y, w, h in cube pixels; row 0 is the given box.
        confidence: (N,) the tracker's score, in [0, 1].
        lost: (N,) bool, whether the tracker believes that it no longer sees the target.
        reading_ms: (N,) time spent reading and decoding, a frame.
        tracking_ms: (N,) time spent in the tracker without reading; row 0 is its start.
        scores: against the truth; None without truth.
        summary: what ``summary.json`` says.
    """

    directory: Path
    boxes: Boxes
    confidence: NDArray[np.float64]
    lost: NDArray[np.bool_]
    reading_ms: NDArray[np.float64]
    tracking_ms: NDArray[np.float64]
    scores: Scores | None
    summary: dict[str, Any]


def record(
    sequence: Sequence,
    tracker: Tracker,
    directory: str | os.PathLike[str],
    *,
    box: ArrayLike | None = None,
    options: RecordOptions | None = None,
    on_progress: OnProgress | None = None,
) -> Recording:
    """Track one video and write the results into a folder, whole or not at all.

    Args:
        sequence: what to track in.
        tracker: as `spectrack.load_tracker` returns.
        directory: the folder to make; it must not exist or be empty, unless overwriting an earlier recording is allowed.
        box: the target in frame 0, x, y, w, h in cube pixels; by default the sequence's own first box.
        options: overlay, scoring, overwriting.
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
    replace = RESULT_FILES if options.overwrite else ()
    check_folder_for_results(directory, replace=replace)
    truth = sequence.truth if options.scored else None
    if truth is not None:
        _score(sequence, truth, truth, options)  # truth that cannot be scored is refused before the tracking, not after
    first = first_box(sequence, box)
    with write_folder_atomically(directory, replace=replace) as folder:
        tracked = _track(sequence, tracker, first, on_progress)
        scores = None if truth is None else _score(sequence, tracked.boxes, truth, options)
        summary = _summary(sequence, tracker, tracked, scores, options)
        _write(folder, tracked, truth)
        if options.overlay:
            _draw(folder / OVERLAY_FILE, sequence, tracked, truth, on_progress)
        write_json(folder / SUMMARY_FILE, summary)
    return Recording(
        Path(directory), tracked.boxes, tracked.confidence, tracked.lost, tracked.reading_ms, tracked.tracking_ms, scores, summary
    )


def first_box(sequence: Sequence, box: ArrayLike | None = None) -> Boxes:
    """The box to start from: the given one, else the sequence's own, checked against its frame; (4,).

    Raises:
        BoxError: there is none, or it is degenerate or outside the frame.
    """
    chosen = sequence.first_box if box is None else as_box(box)
    if chosen is None:
        raise BoxError(
            f"expected a first box for {sequence.name}, found neither truth nor an init_rect file beside its frames; "
            "give --box x,y,w,h or --box-from FILE"
        )
    check_box_in_frame(chosen, sequence.height, sequence.width)
    return chosen


@dataclass(frozen=True)
class _Tracked:
    """Rows of every frame, see `Recording`."""

    boxes: Boxes
    confidence: NDArray[np.float64]
    lost: NDArray[np.bool_]
    reading_ms: NDArray[np.float64]
    tracking_ms: NDArray[np.float64]


class _TimedFrame:
    """A frame that adds up the time its reading takes."""

    def __init__(self, frame: Frame, watch: _TimedSequence) -> None:
        self._frame, self._watch = frame, watch
        self.shape = frame.shape

    def window(self, x0: int, y0: int, x1: int, y1: int) -> Cube:
        """See `Frame.window`."""
        with self._watch:
            return self._frame.window(x0, y0, x1, y1)

    def whole(self) -> Cube:
        """See `Frame.whole`."""
        with self._watch:
            return self._frame.whole()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Cube:
        with self._watch:
            return self._frame.__array__(dtype, copy)


class _TimedSequence(Sequence):
    """A sequence that adds up the time its reading takes, so that it can be told from the tracker's."""

    def __init__(self, source: Sequence) -> None:
        self._source, self.seconds, self._since = source, 0.0, 0.0
        self.name, self.bands, self.height, self.width = source.name, source.bands, source.height, source.width
        self.wavelengths_nm = source.wavelengths_nm

    def __len__(self) -> int:
        return len(self._source)

    def frame(self, i: int) -> Frame:
        """Frame `i`, timed."""
        with self:
            return _TimedFrame(self._source.frame(i), self)

    def __enter__(self) -> None:
        self._since = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self.seconds += time.perf_counter() - self._since


def _track(sequence: Sequence, tracker: Tracker, box: Boxes, on_progress: OnProgress | None) -> _Tracked:
    timed, rows = _TimedSequence(sequence), []
    before, read_before = time.perf_counter(), 0.0
    try:
        for estimate in track(timed, tracker, box):
            elapsed, reading = time.perf_counter() - before, timed.seconds - read_before
            rows.append((*estimate.box, estimate.score, estimate.lost, reading * 1000, (elapsed - reading) * 1000))
            if on_progress is not None:
                on_progress("tracking", len(rows), len(sequence))
            before, read_before = time.perf_counter(), timed.seconds
    except CubeError as error:
        raise CubeError(f"{error} (frame {len(rows)} of {sequence.name}, counted from 0)") from error
    table = np.array(rows, dtype=np.float64)
    return _Tracked(table[:, :4], table[:, 4], table[:, 5].astype(bool), table[:, 6], table[:, 7])


def _score(sequence: Sequence, boxes: Boxes, truth: Boxes, options: RecordOptions) -> Scores:
    return score({sequence.name: boxes}, {sequence.name: truth}, options.protocol, invalid="skip")


def _write(folder: Path, tracked: _Tracked, truth: Boxes | None) -> None:
    # Every digit is kept: a score computed from the files must equal the one in the summary.
    write_boxes(folder / BOXES_FILE, tracked.boxes, fmt=None)
    if truth is not None:
        write_boxes(folder / TRUTH_FILE, truth, fmt=None)
    columns = zip(tracked.confidence, tracked.lost, tracked.reading_ms, tracked.tracking_ms, strict=True)
    lines = [f"{index},{score:.6g},{int(lost)},{read:.3f},{rest:.3f}" for index, (score, lost, read, rest) in enumerate(columns)]
    write_text(folder / FRAMES_FILE, "\n".join(["frame,score,lost,reading_ms,tracking_ms", *lines]) + "\n")


def _draw(path: Path, sequence: Sequence, tracked: _Tracked, truth: Boxes | None, on_progress: OnProgress | None) -> None:
    from spectrack.reports.overlay import write_overlay

    if on_progress is not None:
        on_progress("drawing", 0, len(sequence))
    write_overlay(path, sequence, tracked.boxes, truth=truth, scores=tracked.confidence, lost=tracked.lost)


def _summary(sequence: Sequence, tracker: Tracker, tracked: _Tracked, scores: Scores | None, options: RecordOptions) -> dict[str, Any]:
    later = tracked.reading_ms[1:] + tracked.tracking_ms[1:]
    return {
        "sequence": {
            "name": sequence.name,
            "frames": len(sequence),
            "height": sequence.height,
            "width": sequence.width,
            "bands": sequence.bands,
            "sensor": sequence.sensor,
            "attributes": list(sequence.attributes),
            "metadata": sequence.metadata,
        },
        "first_box": tracked.boxes[0].tolist(),
        "lost_frames": int(tracked.lost.sum()),
        "frames_per_second": round(1000 * len(later) / float(later.sum()), 2) if later.sum() > 0 else None,
        "milliseconds": {
            "start": round(float(tracked.reading_ms[0] + tracked.tracking_ms[0]), 3),
            "reading_median": _median(tracked.reading_ms[1:]),
            "tracking_median": _median(tracked.tracking_ms[1:]),
        },
        "scores": None if scores is None else _figures(scores),
        "tracker": tracker.describe(),
        "settings": dict(options.settings),
        "provenance": provenance(),
    }


def _figures(scores: Scores) -> dict[str, Any]:
    figures, (only,) = scores.figures, scores.sequences
    return {
        "protocol": scores.description,
        "auc": figures.auc,
        "dp20": figures.dp20,
        "average_overlap": figures.average_overlap,
        "frames": only.frames,
        "frames_without_truth": only.skipped,
    }


def _median(values: NDArray[np.float64]) -> float | None:
    return round(float(np.median(values)), 3) if values.size else None
