"""Pseudo-tracks: what a tracker follows forward and then back again in video without labels, where both ways agree.

A tracker that has slipped from one thing to another seldom finds its way back to where it began, so tracks whose
backward boxes lie on their forward boxes are mostly right (Kalal, Mikolajczyk, Matas, "Forward-Backward Error",
ICPR 2010). Of those, the ones whose tracker was sure and whose thing has moved can teach. How starts are proposed, the
bounds and their values are ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray

from spectrack.boxes import Box, Boxes, centres, iou
from spectrack.sequences.frames import Frame
from spectrack.tables import Interval, Seed, Share, require, require_ranges
from spectrack.trackers.base import Tracker

Reason = Literal["lost", "disagreed", "hardly moved"]


@dataclass(frozen=True)
class UnlabelledConfig:
    """Pairs from somebody's own video without boxes: where it lies, and which pseudo-tracks are kept.

    Attributes:
        videos: videos, or folders of videos, in any format that can be tracked; truth beside them is not read.
        share: of the pairs of the training; the sources share the rest.
        weights: those that follow, a file or a name; by default the weights that the training starts from, else those
            of the recipe's name.
        stretches: at most so many stretches of a video, evenly spread.
        stretch_frames: frames of a stretch.
        starts: boxes that are tried at the beginning of a stretch.
        frames: frames kept of a track, evenly spread.
        shortest: frames that a track must have; it ends early where the tracker loses the thing, and half-way where the
            whole way back leads elsewhere.
        score: least score of the tracker in every frame, both ways.
        agreement: least IoU of forward and backward box in every frame.
        motion: least way of the box's centre from its start, in sides of the box.
        seed: of the draw of start boxes.
    """

    videos: tuple[str, ...] = ()
    share: Annotated[float, Interval("(0, 1)")] = 0.3
    weights: str = ""
    stretches: Annotated[int, Interval("[1, 1000000]")] = 12
    stretch_frames: Annotated[int, Interval("[2, 1000000]")] = 40
    starts: Annotated[int, Interval("[1, 10000]")] = 6
    frames: Annotated[int, Interval("[2, 1000000]")] = 8
    shortest: Annotated[int, Interval("[2, 1000000]")] = 16
    score: Share = 0.5
    agreement: Share = 0.5
    motion: Annotated[float, Interval("[0, 1000]")] = 0.3
    seed: Seed = 1

    def __post_init__(self) -> None:
        require_ranges(self)
        fits = self.shortest <= self.stretch_frames
        require(fits, "shortest", f"2 to {self.stretch_frames} frames", self.shortest)


@dataclass(frozen=True, eq=False)
class PseudoTrack:
    """A stretch through which a thing was followed both ways.

    Attributes:
        boxes: (n, 4) x, y, w, h, the mean of both ways, from the stretch's first frame on.
        score: the tracker's least score.
        agreement: least IoU of forward and backward box.
        way: farthest distance of the centre from its start, in sides of the first box.
    """

    boxes: Boxes
    score: float
    agreement: float
    way: float


@dataclass
class Tally:
    """How many starts were tried, and what became of them.

    Attributes:
        starts: tried.
        kept: of them.
        left_out: the others, by reason.
    """

    starts: int = 0
    kept: int = 0
    left_out: dict[str, int] = field(default_factory=dict)

    def count(self, found: PseudoTrack | Reason) -> None:
        """Take one start in."""
        self.starts += 1
        if isinstance(found, str):
            self.left_out[found] = self.left_out.get(found, 0) + 1
        else:
            self.kept += 1


def follow_both_ways(
    tracker: Tracker,
    frames: Sequence[Frame],
    box: Box,
    config: UnlabelledConfig,
    wavelengths_nm: Sequence[float] | None = None,
) -> PseudoTrack | Reason:
    """Follow a box through frames and back, or say why that is no track to learn from.

    Args:
        tracker: any.
        frames: of the stretch, in order.
        box: x, y, w, h in the first of them.
        config: the bounds.
        wavelengths_nm: of the bands, where they are known.
    """
    forward, score = _follow(tracker, frames, box, config.score, wavelengths_nm)
    reason: Reason = "lost"
    # What slipped at last may have been right before.
    for length in (len(forward), len(forward) // 2):
        if length < config.shortest:
            break
        there = forward[:length]
        way = float(np.linalg.norm(centres(there) - centres(there[0]), axis=1).max() / np.sqrt(box[2] * box[3]))
        # Asked before the way back, which it spares.
        if way < config.motion:
            reason = "hardly moved"
            break
        back, score_back = _follow(tracker, frames[:length][::-1], there[-1], config.score, wavelengths_nm)
        agreement = float(iou(there, back[::-1]).min()) if len(back) == length else -1.0
        if agreement >= config.agreement:
            return PseudoTrack((there + back[::-1]) / 2, min(score, score_back), agreement, way)
        reason = "lost" if agreement < 0 else "disagreed"
    return reason


def _follow(
    tracker: Tracker, frames: Sequence[Frame], box: Box, least: float, wavelengths_nm: Sequence[float] | None
) -> tuple[NDArray[np.float64], float]:
    """(n, 4) boxes up to where the tracker loses the thing, and its least score up to there."""
    tracker.init(frames[0], box, wavelengths_nm=wavelengths_nm)
    boxes, lowest = [np.asarray(box, dtype=np.float64)], 1.0
    for frame in frames[1:]:
        estimate = tracker.update(frame)
        if estimate.lost or estimate.score < least:
            break
        boxes.append(estimate.box)
        lowest = min(lowest, float(estimate.score))
    return np.stack(boxes), lowest
