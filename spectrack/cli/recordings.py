"""What commands say of a video and of a track in it, as rows of name and value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from spectrack.signs import counted
from spectrack.trackers.presets import label_of

if TYPE_CHECKING:
    from spectrack.recording import Recording
    from spectrack.sequences.base import Sequence


def extent_of(sequence: Sequence) -> str:
    """Name and size of a sequence."""
    size = f"{sequence.width} x {sequence.height} pixels, {sequence.bands} bands"
    return f"{sequence.name}: {counted(len(sequence), 'frame')} of {size}"


def describe_masks(calibration: Mapping[str, Any]) -> str:
    """What a run records of its calibration, in words."""
    dead, share = calibration["dead_pixels"], 100 * calibration["saturated_share_of_first_frame"]
    full = f"{share:.2g} % of the first frame saturated" if calibration["saturation_known"] else "saturation not known"
    name = "" if calibration["file"] is None else f" by {calibration['file']}"
    return f"{calibration['unit']}{name}; masked: {counted(dead, 'dead pixel')}, {full}"


def describe_measured(measured: Mapping[str, Any]) -> str:
    """What was measured of a target, in words."""
    masks = measured["masks"]
    told = [f"{counted(masks['evidence'], 'frame')} under the spectral mask"] if masks["evidence"] else []
    if masks["box"]:
        told.append(f"{counted(masks['box'], 'frame')} in the box, background included")
    if masks["none"]:
        told.append(f"{counted(masks['none'], 'frame')} without a target")
    return f"{measured['unit']}: {', '.join(told)}"


def describe_recording(sequence: Sequence, recording: Recording) -> list[tuple[str, str]]:
    """What a recording gave, as rows of name and value."""
    summary, tracker = recording.summary, recording.summary["tracker"]
    words = [str(tracker.get(key, "")) for key in ("name", "engine", "precision", "device")]
    times, speed = summary["milliseconds"], summary["frames_per_second"]
    rows = [
        ("sequence", extent_of(sequence)),
        ("tracker", " ".join(word for word in words if word not in ("", "torch"))),
    ]
    if label := label_of(tracker.get("name")):
        rows.append(("", label))
    if (calibration := summary["sequence"]["calibration"]) is not None:
        rows.append(("calibrated", describe_masks(calibration)))
    if speed is not None:
        split = f"reading {times['reading_median']:.1f} ms, tracking {times['tracking_median']:.1f} ms a frame (median)"
        rows.append(("speed", f"{speed:.0f} frames/s: {split}"))
    again = recording.frames.state.count("found again")
    found = f", found again {counted(again, 'time')}" if again else ""
    rows.append(("lost", f"{summary['lost_frames']} of {len(sequence)} frames by the tracker's own account{found}"))
    if (measured := summary.get("measured")) is not None:
        rows.append(("measured", describe_measured(measured)))
    if recording.scores is not None:
        from spectrack.cli.score_tables import figures_legend
        from spectrack.evaluation.figures import BRIEF

        scores, (only,) = recording.scores, recording.scores.sequences
        missing = f" ({counted(only.skipped, 'frame')} without truth left out)" if only.skipped else ""
        shown = scores.shown[:BRIEF]
        values = ", ".join(f"{item.label} {item.text(scores.figures[item.name])}" for item in shown)
        rows += [("scores", f"{values} under {scores.protocol}{missing}"), ("", figures_legend(shown))]
    rows.append(("results", str(recording.directory)))
    return rows
