"""What can be chosen about searching whole frames; nothing heavy is imported here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from spectrack.files import Terms

REGIONS, MAP, SUMMARY = "regions.csv", "map.png", "summary.json"
"""What a folder of a search holds."""


@dataclass(frozen=True)
class MatchOptions:
    """What counts as a match.

    Attributes:
        light: Light of a searched reflectance: scene (the frame's own mean spectrum; calibrated cubes need none), none
            (spectrum and cubes are the same quantity), or x,y,w,h of a white or grey thing in the first frame.
        least: Least score of a match, 0 to 1: the mean ACE of the best 3 x 3 pixels; anomalies have none.
        least_area: Least size of a match, in cube pixels.
    """

    light: str = "scene"
    least: float = 0.5
    least_area: int = 4


@dataclass(frozen=True)
class DetectOptions:
    """What a search of a video into a folder holds.

    Attributes:
        frames: Which frames, from 0: one such as 40, or START:STOP or START:STOP:STEP, where STOP is the first left
            out; all by default.
        top: Regions a frame, at most.
        overwrite: Replace an earlier search in the same folder.
    """

    frames: str | None = None
    top: int = 10
    overwrite: bool = False

    def terms(self, inputs: tuple[Path, ...] = ()) -> Terms:
        """On which the folder of a search of these files is claimed."""
        return Terms("search", overwrite=self.overwrite, names=(REGIONS, MAP, SUMMARY), data=inputs)
