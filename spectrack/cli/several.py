"""``track --boxes-from``: several targets of one video; and what ``evaluate --several`` prints."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from spectrack.cli.console import ProgressBar, print_facts
from spectrack.cli.reading import Reading, mosaic_block
from spectrack.cli.recordings import describe_masks, describe_measured, extent_of
from spectrack.runs.options import RecordOptions

if TYPE_CHECKING:
    from spectrack.annotations.first_boxes import Coordinates
    from spectrack.evaluation.several import SeveralScores
    from spectrack.sequences.base import Sequence
    from spectrack.several import SeveralRecording
    from spectrack.trackers.base import Tracker


@dataclass(frozen=True)
class SeveralTrack:
    """Several targets to track.

    Attributes:
        place: of the frames.
        starts: file of the first boxes.
        out: the folder of results.
        drawn_on: the picture that pixels of boxes belong to.
        reading: how frames are read.
        recording: what is written.
        inputs: everything that is read.
        settings: what the summary remembers.
        load: makes the tracker.
    """

    place: Path
    starts: Path
    out: Path
    drawn_on: str
    reading: Reading
    recording: RecordOptions
    inputs: tuple[Path, ...]
    settings: dict[str, Any]
    load: Callable[[], Tracker]


def track_several(command: SeveralTrack) -> int:
    """Track all targets of a file, and print what came of each."""
    from spectrack.annotations.first_boxes import read_first_boxes
    from spectrack.boxes import from_zero
    from spectrack.files import check_folder
    from spectrack.several import record_several, several_terms

    check_folder(command.out, several_terms(command.recording, command.inputs))
    sequence = command.reading.open(command.place)
    starts = read_first_boxes(
        command.starts,
        width=sequence.width,
        height=sequence.height,
        coordinates=cast("Coordinates", command.drawn_on),  # checked where it is applied
        block=mosaic_block(sequence) if command.drawn_on == "mosaic" else 1,
    )
    starts = [replace(start, box=from_zero(start.box[None], command.reading.origin)[0]) for start in starts]
    with ProgressBar() as bar:
        bar.show("loading the tracker", 0, None)
        recording = record_several(
            sequence,
            command.load,
            starts,
            command.out,
            options=command.recording,
            settings=command.settings,
            inputs=command.inputs,
            on_frame=lambda done, total: bar.show("tracking", done, total),
        )
    print_facts(describe_several(sequence, recording))
    return 0


def describe_several(sequence: Sequence, recording: SeveralRecording) -> Iterator[tuple[str, str]]:
    """What tracking several targets gave, as rows of name and value."""
    summary = recording.summary
    yield "sequence", extent_of(sequence)
    yield "tracker", str(summary["tracker"].get("name", ""))
    if (calibration := summary["sequence"]["calibration"]) is not None:
        yield "calibrated", describe_masks(calibration)
    took = summary["milliseconds"]["all_targets_median"]
    yield "speed", f"{took:.1f} ms a frame for {len(recording.targets)} targets (median)"
    for told in summary["targets"]:
        start = f" from frame {told['first_frame']} on" if told["first_frame"] else ""
        measured = f"; {describe_measured(told['measured'])}" if "measured" in told else ""
        number = "" if told["name"] == str(told["number"]) else f" (number {told['number']} in mot.txt)"
        yield "target", f"{told['name']}{number}{start}: lost in {told['lost_frames']} frames{measured}"
    yield "results", str(recording.directory)


def describe_scores(scores: SeveralScores) -> Iterator[tuple[str, str]]:
    """Figures of several targets, as rows of name and value."""
    from spectrack.evaluation.several import FIGURES

    for name, value in scores.figures.items():
        label, _, meaning = FIGURES[name].partition(": ")
        shown = "-" if math.isnan(value) else f"{value:.3f}" if meaning else f"{value:.0f}"
        yield label, f"{shown}   {meaning}".rstrip()
