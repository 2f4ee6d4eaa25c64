"""The demonstration: simulate a camouflage clip, track it, score it, and write everything a newcomer wants to look at.

Camouflage here means that the target wears the picture of its background in another spectrum: in false colour it all
but vanishes. Three scores tell what that means: of a tracker that sees all bands, of one that sees false colour alone,
and of the latter on the simulator's pair of the clip, the same scene in ordinary colours. Nothing is prepared: clips
are rendered, networks run and boxes scored each time.
"""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass
from pathlib import Path

from spectrack.evaluation.protocols import score
from spectrack.evaluation.scores import Scores
from spectrack.files import Terms, check_folder, write_folder, write_json
from spectrack.recording import OnProgress, Recording, first_box, write_recording
from spectrack.runs.options import RecordOptions
from spectrack.sequences.base import Sequence
from spectrack.simulation.options import VideoOptions
from spectrack.simulation.scenarios import get_scenario, list_scenarios
from spectrack.simulation.video import SimulatedSequence, simulate
from spectrack.trackers.base import Tracker, track
from spectrack.trackers.loading import load_tracker

_PLAIN = "siamban"
"""The tracker on false colour that others are compared with."""

_CONTENTS = {
    "overlay.mp4": "the clip in false colour with truth, track and score",
    "filmstrip.png": "six of its frames, the object enlarged",
    "success.png": "share of frames over the overlap threshold",
    "precision.png": "share of frames over the distance threshold",
    "boxes.txt": "the tracked boxes, x,y,w,h a frame",
    "summary.json": "scores, times, settings and versions",
}


@dataclass(frozen=True)
class DemoClip:
    """Which video the demonstration shows.

    Attributes:
        scenario: see `spectrack.list_scenarios`.
        sensor: see `spectrack.sensors`.
        frames: at least 2.
        seed: one seed, one video.
    """

    scenario: str = "cam-chase"
    sensor: str = VideoOptions.sensor
    frames: int = VideoOptions.frames
    seed: int = 4

    def open(self) -> SimulatedSequence:
        """The video, rendered on demand."""
        return simulate(self.scenario, self.sensor, frames=self.frames, seed=self.seed)

    def pair(self) -> DemoClip | None:
        """Same motion, shapes and background with ordinary colours for metamers, or the reverse; None without one."""
        layout = get_scenario(self.scenario).layout_name
        for name in list_scenarios():
            if name != self.scenario and get_scenario(name).layout_name == layout:
                return dataclasses.replace(self, scenario=name)
        return None


@dataclass(frozen=True)
class TrackedClip:
    """One tracker on one clip.

    Attributes:
        tracker: its name.
        scenario: of the clip.
        scores: of its boxes.
    """

    tracker: str
    scenario: str
    scores: Scores


@dataclass(frozen=True)
class DemoResult:
    """What the demonstration gave.

    Attributes:
        sequence: the clip.
        recording: its boxes, times and scores.
        comparisons: the tracker on the clip, then the one on false colour on it and on its pair, where there is one.
        files: what was written and what it shows, in the order in which to look at it.
    """

    sequence: Sequence
    recording: Recording
    comparisons: list[TrackedClip]
    files: dict[Path, str]


def run_demo(
    out: str | os.PathLike[str] = "demo_output",
    *,
    clip: DemoClip | None = None,
    tracker: str = "ssfnet",
    precision: str = "auto",
    on_progress: OnProgress | None = None,
) -> DemoResult:
    """Simulate a clip, track it with shipped weights, score it, and draw what happened.

    Args:
        out: folder of the results; those of an earlier demonstration in it are replaced, other files are not.
        clip: another video.
        tracker: a registered tracker; SiamBAN on false colour alone is shown beside it.
        precision: ``auto``, ``fp32`` or ``bf16``.
        on_progress: called with what is being done, steps done and steps in all.

    Raises:
        ConfigError: `out` holds something else, or a name is unknown.
        WeightsError: the tracker has no weights.
    """
    from spectrack.reports.strip_figures import write_filmstrip

    clip = clip or DemoClip()
    terms = Terms("demonstration", overwrite=True, names=tuple(_CONTENTS), also=("scores",))
    check_folder(out, terms)
    sequence = clip.open()
    plain = load_tracker(_PLAIN, precision=precision, evidence="none", redetection=False)
    loaded = plain if tracker == _PLAIN else load_tracker(tracker, precision=precision)
    options, settings = RecordOptions(overlay=True), {"command": "demo", **dataclasses.asdict(clip)}
    with write_folder(out, terms) as folder:
        first = first_box(sequence)
        recording = write_recording(sequence, loaded, folder, first, sequence.truth, options, settings, on_progress)
        scores = score({sequence.name: recording.boxes}, {sequence.name: sequence.truth})
        comparisons = [TrackedClip(tracker, clip.scenario, scores)]
        if tracker != _PLAIN:
            comparisons.append(_track_clip(clip, plain, "tracking it on false colour", on_progress))
        if (pair := clip.pair()) is not None:
            comparisons.append(_track_clip(pair, plain, "tracking its pair", on_progress))
        if on_progress is not None:
            on_progress("drawing plots", 0, 1)
        _plot(folder, {f"{one.tracker}, {one.scenario}": one.scores for one in comparisons})
        write_filmstrip(folder / "filmstrip.png", sequence, recording.boxes, truth=sequence.truth)
        described = [{"tracker": one.tracker, "scenario": one.scenario, **one.scores.figures} for one in comparisons]
        write_json(folder / "summary.json", recording.summary | {"comparison": described})
    files = {Path(out) / name: what for name, what in _CONTENTS.items()}
    return DemoResult(sequence, dataclasses.replace(recording, directory=Path(out)), comparisons, files)


def _track_clip(clip: DemoClip, tracker: Tracker, what: str, on_progress: OnProgress | None) -> TrackedClip:
    sequence, boxes = clip.open(), []
    for index, estimate in enumerate(track(sequence, tracker)):
        boxes.append(estimate.box)
        if on_progress is not None:
            on_progress(what, index + 1, len(sequence))
    return TrackedClip(tracker.name, clip.scenario, score({sequence.name: boxes}, {sequence.name: sequence.truth}))


def _plot(folder: Path, scores: dict[str, Scores]) -> None:
    from spectrack.reports.curves import write_precision_plot, write_success_plot

    write_success_plot(folder / "success.png", scores)
    write_precision_plot(folder / "precision.png", scores)
