"""The demonstration: simulate a camouflage clip, track it, score it, and write everything a newcomer wants to look at.

Nothing is prepared: the clip is rendered, the network run and the boxes scored each time. Written are ``boxes.txt``,
``overlay.mp4``, ``success.png``, ``precision.png``, ``filmstrip.png`` and ``summary.json``.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

from spectrack.errors import ConfigError
from spectrack.files import check_folder_for_results, write_folder_atomically
from spectrack.recording import RESULT_FILES, OnProgress, Recording, RecordOptions, record
from spectrack.sequences.base import Sequence

PICTURE_FILES = ("filmstrip.png", "precision.png", "success.png")
DEMO_FILES = (*RESULT_FILES, *PICTURE_FILES)
"""What the demonstration writes; only these are replaced when it is run again."""

_CONTENTS = {
    "overlay.mp4": "the clip in false colour with truth, track and score",
    "filmstrip.png": "six of its frames, the object enlarged",
    "success.png": "share of frames over the overlap threshold",
    "precision.png": "share of frames over the distance threshold",
    "boxes.txt": "the tracked boxes, x,y,w,h a frame",
    "summary.json": "scores, times, settings and versions",
}


@dataclass(frozen=True)
class Clip:
    """Which video the demonstration shows.

    Attributes:
        scenario: see `spectrack.list_scenarios`.
        sensor: see `spectrack.sensors`.
        frames: at least 2.
        seed: one seed, one video.
    """

    scenario: str = "cam-grass"
    sensor: str = "vis16"
    frames: int = 80
    seed: int = 7


@dataclass(frozen=True)
class Demo:
    """What the demonstration gave.

    Attributes:
        clip: the video.
        sequence: the same, opened.
        recording: boxes, times and scores.
        files: what was written and what it shows, in the order in which to look at it.
    """

    clip: Clip
    sequence: Sequence
    recording: Recording
    files: dict[Path, str]


def run_demo(
    out: str | os.PathLike[str] = "demo_output",
    *,
    clip: Clip | None = None,
    tracker: str = "siamban",
    precision: str = "auto",
    on_progress: OnProgress | None = None,
) -> Demo:
    """Simulate a clip, track it with shipped weights, score it, and draw what happened.

    Args:
        out: folder of the results; those of an earlier demonstration in it are replaced, other files are not.
        clip: another video.
        tracker: a registered tracker with shipped weights.
        precision: ``auto``, ``fp32`` or ``bf16``.
        on_progress: called with what is being done, steps done and steps in all.

    Raises:
        ConfigError: `out` holds something else, or a name is unknown.
        WeightsError: the tracker has no weights.
    """
    from spectrack.reports.curves import write_precision_plot, write_success_plot
    from spectrack.reports.filmstrip import write_filmstrip
    from spectrack.simulation.video import simulate
    from spectrack.trackers.loading import load_tracker

    clip = clip or Clip()
    check_folder_for_results(out, replace=DEMO_FILES)
    sequence = simulate(clip.scenario, clip.sensor, frames=clip.frames, seed=clip.seed)
    loaded = load_tracker(tracker, precision=precision)
    settings = {"command": "demo", "scenario": clip.scenario, "sensor": clip.sensor, "frames": clip.frames, "seed": clip.seed}
    with write_folder_atomically(out, replace=DEMO_FILES) as folder:
        options = RecordOptions(overlay=True, settings=settings)
        recording = record(sequence, loaded, folder, options=options, on_progress=on_progress)
        if recording.scores is None:
            raise ConfigError("expected a simulated clip with truth, found none; choose another scenario")
        write_success_plot(folder / "success.png", {loaded.name: recording.scores})
        write_precision_plot(folder / "precision.png", {loaded.name: recording.scores})
        write_filmstrip(folder / "filmstrip.png", sequence, recording.boxes, truth=sequence.truth)
    recording = replace(recording, directory=Path(out))
    return Demo(clip, sequence, recording, {Path(out) / name: what for name, what in _CONTENTS.items()})
