"""The demonstration: simulate a camouflage clip, track it, score it, and write everything a newcomer wants to look at.

Camouflage here means that the target has the pattern of its background in another spectrum: in false colour it all but
vanishes. Three tracks tell what that means: of a tracker that sees all bands, of one that sees false colour alone, and
of the latter on the simulator's pair of the clip, the same scene in ordinary colours. They are shown side by side, with
a map of what the spectrum tells. Nothing is prepared: clips are rendered, networks run and boxes scored each time.
"""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from spectrack.boxes import Boxes
from spectrack.evaluation.protocols import score
from spectrack.evaluation.scores import Scores
from spectrack.evidence.detectors import fit_detector
from spectrack.files import Terms, check_folder, write_folder, write_json
from spectrack.recording import OnProgress, Recording, first_box, write_recording
from spectrack.runs.options import RecordOptions
from spectrack.sequences.base import Sequence
from spectrack.signs import counted
from spectrack.simulation.options import VideoOptions
from spectrack.simulation.scenarios import get_scenario, list_scenarios
from spectrack.simulation.video import SimulatedSequence, simulate
from spectrack.trackers.base import Tracker, track
from spectrack.trackers.loading import load_tracker
from spectrack.trackers.registry import find_method

if TYPE_CHECKING:
    from spectrack.reports.side_by_side import Panel

_PLAIN = "siamban"
"""The tracker on false colour that others are compared with."""

_EVIDENCE = "ace"
"""The detector whose map shows what the spectrum tells; it is not deceived by brightness."""

_OVERLAY, _STRIPS = "overlay.mp4", "filmstrip.png"
_CONTENTS = {
    _OVERLAY: "the tracks side by side, and what the spectrum tells: look at this first",
    _STRIPS: "six frames of the same, as a picture",
    "success.png": "share of frames over the overlap threshold",
    "precision.png": "share of frames over the distance threshold",
    "boxes.txt": "the boxes of the first track, x,y,w,h a frame",
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
        sequence: the clip.
        boxes: (N, 4) the track.
        sees: ``all bands`` or ``false colour``.
    """

    tracker: str
    scenario: str
    scores: Scores
    sequence: SimulatedSequence
    boxes: Boxes
    sees: str

    @property
    def difference(self) -> str:
        """What tells the target from its surroundings or its twins, where that is the point of the clip."""
        scenario = get_scenario(self.scenario)
        if not (scenario.camouflage or scenario.twins):
            return ""
        return "spectrum alone" if scenario.spectra == "metamers" else "colours"


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
    clip = clip or DemoClip()
    terms = Terms("demonstration", overwrite=True, names=tuple(_CONTENTS), also=("scores",))
    check_folder(out, terms)
    sequence = clip.open()
    plain = load_tracker(_PLAIN, precision=precision, evidence="none", redetection=False)
    loaded = plain if tracker == _PLAIN else load_tracker(tracker, precision=precision)
    options, settings = RecordOptions(), {"command": "demo", **dataclasses.asdict(clip)}
    with write_folder(out, terms) as folder:
        first = first_box(sequence)
        recording = write_recording(sequence, loaded, folder, first, sequence.truth, options, settings, on_progress)
        comparisons = [_scored(tracker, clip, sequence, recording.boxes)]
        if tracker != _PLAIN:
            comparisons.append(_track_clip(clip, plain, "tracking it on false colour", on_progress))
        if (pair := clip.pair()) is not None:
            comparisons.append(_track_clip(pair, plain, "tracking its pair", on_progress))
        if on_progress is not None:
            on_progress("drawing", 0, 1)
        _draw(folder, comparisons)
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
    return _scored(tracker.name, clip, sequence, np.asarray(boxes))


def _scored(tracker: str, clip: DemoClip, sequence: SimulatedSequence, boxes: Boxes) -> TrackedClip:
    scores = score({sequence.name: boxes}, {sequence.name: sequence.truth})
    sees = "false colour" if tracker == _PLAIN else "all bands"
    return TrackedClip(tracker, clip.scenario, scores, sequence, boxes, sees)


def _draw(folder: Path, tracked: list[TrackedClip]) -> None:
    """Curves, the video and the strips, in which one tracker has one colour."""
    from spectrack.figure_files import save_figure
    from spectrack.plots import TRACK_COLOURS
    from spectrack.reports.curves import draw_curves, small_print
    from spectrack.reports.side_by_side import write_strips, write_video

    # Further round the palette the colour is the same, and the line is dashed.
    first = {one.tracker: place for place, one in reversed(list(enumerate(tracked)))}
    places = [
        first[one.tracker] + len(TRACK_COLOURS) * (place != first[one.tracker]) for place, one in enumerate(tracked)
    ]
    names = [f"{one.tracker}, {one.scenario}" for one in tracked]
    scores = {name: one.scores for name, one in zip(names, tracked, strict=True)}
    for kind in ("success", "precision"):
        note = small_print(tracked[0].scores, kind, extent=_extent(tracked))
        figure = draw_curves(scores, kind, colours=dict(zip(names, places, strict=True)), note=note)
        save_figure(figure, folder / f"{kind}.png")
    panels = _panels(tracked, places)
    write_video(folder / _OVERLAY, panels, fps=tracked[0].sequence.fps)
    write_strips(folder / _STRIPS, panels, title=" and ".join(dict.fromkeys(one.sequence.name for one in tracked)))


def _extent(tracked: list[TrackedClip]) -> str:
    clips = {one.scenario: one.scores.frames for one in tracked}
    frames = counted(next(iter(clips.values())), "frame")
    return f"{counted(len(clips), 'clip')} of {frames}{' each' if len(clips) > 1 else ''}"


def _panels(tracked: list[TrackedClip], places: list[int]) -> list[Panel]:
    """A panel a track, and beside the first one that shows what the spectrum of its clip tells."""
    from spectrack.reports.side_by_side import Panel, mapped, stretched

    panels = []
    for one, place in zip(tracked, places, strict=True):
        headline = one.scores.shown[0]
        about = f"{one.scenario}{f', target differs in {one.difference}' if one.difference else ''}"
        about += f"; {headline.label} {headline.text(one.scores.auc)}"
        title = f"{find_method(one.tracker).label} on {one.sees}"
        panels.append(Panel(title, about, stretched(one.sequence), one.boxes, one.sequence.truth, place))
    clip = tracked[0].sequence
    detector = fit_detector(_EVIDENCE, clip[0], clip.truth[0], wavelengths_nm=clip.wavelengths_nm)
    about = f"{tracked[0].scenario}; bright: a spectrum like the target's in frame 0; blue: the true box"
    panels.insert(1, Panel("What the spectrum tells", about, mapped(clip, detector), None, clip.truth))
    return panels
