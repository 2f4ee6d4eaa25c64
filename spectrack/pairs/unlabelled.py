"""Pairs from somebody's own video without boxes: its pseudo-tracks as stored clips, found once and kept in the cache.

Nothing here reads truth. What was tried, kept and left out, and why, is told for every video.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from spectrack.boxes import Boxes
from spectrack.errors import ConfigError
from spectrack.files import write_json
from spectrack.files.caches import reuse_log
from spectrack.files.fingerprints import Fingerprint, array_digest, file_identity
from spectrack.pairs.clip_sources import sequences_at
from spectrack.pairs.pseudo_tracks import PseudoTrack, Tally, UnlabelledConfig, follow_both_ways
from spectrack.pairs.start_boxes import WORKING_SIDE_PX, start_boxes
from spectrack.pairs.stored_clips import StoredClip, cache_key, converted, store_images
from spectrack.sequences.base import Sequence
from spectrack.signs import counted
from spectrack.trackers.base import Tracker
from spectrack.trackers.loading import load_tracker
from spectrack.weights.files import read_metadata
from spectrack.weights.index import find_weights

_SOURCE = ("pairs/unlabelled.py", "pairs/pseudo_tracks.py", "pairs/start_boxes.py", "pairs/backgrounds.py")

_STEP_S = 0.16
"""Seconds between a frame and the neighbours that tell what moves in it."""


@dataclass(frozen=True)
class Unlabelled:
    """What videos without boxes gave.

    Attributes:
        clips: a clip for every track; those of one video share their images.
        report: what was tried, kept and left out, as JSON values.
    """

    clips: list[StoredClip]
    report: dict[str, Any]

    def summary(self) -> dict[str, Any]:
        """The report without its videos, for the metadata of weights."""
        return {key: value for key, value in self.report.items() if key not in ("videos", "options")}

    def __str__(self) -> str:
        told = self.report
        reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(told["left_out"].items()))
        videos = f"{counted(len(told['videos']), 'video')} without boxes"
        kept = f"{told['kept']} of {told['starts']} starts kept in {videos}"
        return f"{kept} ({counted(told['frames'], 'frame')})" + (f"; {reasons}" if reasons else "")


def prepare_unlabelled(
    directory: Path, config: UnlabelledConfig, *, scaling: str, rule: str, colours: str
) -> Unlabelled:
    """Find the pseudo-tracks of all videos, or open them when they are there already.

    Args:
        directory: the cache.
        config: which videos, followed by which weights, kept by which bounds; `config.weights` is named.
        scaling: how counts become values.
        rule: false-colour rule of the stored images, or `ALL_BANDS`.
        colours: false-colour rule of the pictures in which boxes are sought.

    Raises:
        ConfigError: no track was kept in any video.
        SequenceError: frames that cannot be read.
        SequenceNotFoundError: nothing readable at a place.
        WeightsError: no such weights.
    """
    weights = find_weights(config.weights)
    identity = file_identity(weights)
    bounds = {key: value for key, value in asdict(config).items() if key not in ("videos", "share", "weights")}
    key = cache_key(bounds, scaling, rule, colours, identity["hash"], more=_SOURCE)
    tracker: Tracker | None = None
    clips: list[StoredClip] = []
    videos: list[dict[str, Any]] = []
    for sequence in (found for place in config.videos for found in sequences_at(Path(place), files=True)):

        def store(folder: Path, source: Fingerprint, sequence: Sequence = sequence) -> None:
            nonlocal tracker
            tracker = tracker or _load(weights)
            _store(folder, sequence, tracker, config, scaling, rule, colours, source)

        folder, made = converted(directory, f"unlabelled-{sequence.name}-{key}", sequence, store)
        if not made:
            reuse_log.info("tracks of %s reused from %s", sequence.name, folder)
        found, told = _open(folder)
        clips, videos = clips + found, [*videos, told]
    report = _report(videos) | {"weights": identity, "share": config.share, "options": bounds}
    unlabelled = Unlabelled(clips, report)
    if not clips:
        raise ConfigError(
            f"expected things that can be followed forward and back in {', '.join(config.videos)}, found {unlabelled}; "
            "give video in which things move, or lower data.unlabelled.score, agreement or motion"
        )
    reuse_log.info("%s", unlabelled)
    return unlabelled


def _load(weights: Path) -> Tracker:
    metadata = read_metadata(weights)
    # fp32, so that the same video gives the same tracks.
    return load_tracker(metadata.method, profile=metadata.profile, weights=weights, precision="fp32", device="auto")


def _report(videos: list[dict[str, Any]]) -> dict[str, Any]:
    reasons = sorted({reason for video in videos for reason in video["left_out"]})
    return {
        "starts": sum(video["starts"] for video in videos),
        "kept": sum(video["kept"] for video in videos),
        "frames": sum(track["frames"] for video in videos for track in video["tracks"]),
        "left_out": {reason: sum(video["left_out"].get(reason, 0) for video in videos) for reason in reasons},
        "videos": videos,
    }


def _store(
    folder: Path,
    sequence: Sequence,
    tracker: Tracker,
    config: UnlabelledConfig,
    scaling: str,
    rule: str,
    colours: str,
    source: Fingerprint,
) -> None:
    """Follow things through a video; write its report, the frames that were kept, and the boxes in them."""
    tally, tracks = Tally(), []
    stored: dict[int, int] = {}
    for first, found in find_tracks(sequence, tracker, config, colours, tally):
        kept = np.unique(np.linspace(0, len(found.boxes) - 1, config.frames).round().astype(int))
        rows = [stored.setdefault(first + int(index), len(stored)) for index in kept]
        facts = {"first": first, "frames": len(found.boxes), "score": round(found.score, 4)}
        facts |= {"agreement": round(found.agreement, 4), "way": round(found.way, 2)}
        tracks.append(facts | {"rows": rows, "boxes": found.boxes[kept].round(3).tolist()})
    if stored:
        store_images(folder, sequence, list(stored), scaling, rule)
    told = {"video": sequence.name, "length": len(sequence), **asdict(tally), "tracks": tracks}
    centres = None if sequence.wavelengths_nm is None else list(sequence.wavelengths_nm)
    camera = {"sensor": sequence.sensor, "wavelengths_nm": centres}
    write_json(folder / "clip.json", {"source": source.to_json(), "camera": camera, "report": told})


def find_tracks(
    sequence: Sequence, tracker: Tracker, config: UnlabelledConfig, colours: str, tally: Tally
) -> Iterator[tuple[int, PseudoTrack]]:
    """The tracks of a video that are kept, each with the frame it begins in; deterministic.

    Args:
        sequence: the video.
        tracker: which follows.
        config: the bounds.
        colours: false-colour rule of the pictures in which boxes are sought.
        tally: counts every start.
    """
    length = min(config.stretch_frames, len(sequence))
    count = max(1, min(config.stretches, len(sequence) // length)) if length >= config.shortest else 0
    frame = sequence.pictured_frame if tracker.wants_pictures else sequence.frame
    for number, first in enumerate(np.linspace(0, len(sequence) - length, count).round().astype(int).tolist()):
        frames = [frame(index) for index in range(first, first + length)]
        rng = np.random.default_rng([config.seed, number])
        for box in _starts(rng, sequence, first, colours, config.starts):
            found = follow_both_ways(tracker, frames, box, config, sequence.wavelengths_nm)
            tally.count(found)
            if isinstance(found, PseudoTrack):
                yield first, found


def _starts(rng: np.random.Generator, sequence: Sequence, first: int, colours: str, count: int) -> Boxes:
    step = max(1, round(_STEP_S * sequence.fps))
    last = len(sequence) - 1
    after = min(first + step, last)
    indices = (first - step if first >= step else after, first, after)
    scale = min(1.0, WORKING_SIDE_PX / max(sequence.height, sequence.width))
    size = max(1, round(sequence.width * scale)), max(1, round(sequence.height * scale))
    rule = None if sequence.is_rgb else colours
    pictures = [
        np.asarray(cv2.resize(sequence.false_colour(i, rule), size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
        for i in indices
    ]
    boxes = start_boxes(rng, pictures[0], pictures[1], pictures[2], count)
    return np.asarray(boxes * np.divide([sequence.width, sequence.height] * 2, size * 2))


def _open(folder: Path) -> tuple[list[StoredClip], dict[str, Any]]:
    """The clips of a video and its report, without the boxes."""
    described = json.loads((folder / "clip.json").read_text())
    report, camera = described["report"], described["camera"]
    centres = camera["wavelengths_nm"]
    clips = []
    images: NDArray[np.uint8] = (
        np.load(folder / "images.npy", mmap_mode="r") if report["tracks"] else np.zeros(0, np.uint8)
    )
    for number, track in enumerate(report["tracks"]):
        truth = np.zeros((len(images), 4))
        truth[track["rows"]] = track["boxes"]
        key = f"{folder.name}/{number}-{array_digest(truth)[:12]}"
        usable = np.asarray(track["rows"], dtype=np.intp)
        wavelengths = None if centres is None else tuple(centres)
        clips.append(StoredClip(key, images, truth, usable, camera["sensor"], wavelengths, video=folder.name))
    short = [{key: value for key, value in track.items() if key not in ("rows", "boxes")} for track in report["tracks"]]
    return clips, report | {"tracks": short}
