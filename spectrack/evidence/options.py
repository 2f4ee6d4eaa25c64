"""What can be chosen about searching whole frames; nothing heavy is imported here."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class MatchOptions:
    """What counts as a match.

    Attributes:
        light: Light of a searched reflectance: scene (the frame's own mean spectrum, for counts or radiance), none
            (spectrum and cubes are the same quantity), or x,y,w,h of a white or grey thing in the first frame.
        least: Least score of a match, 0 to 1: the mean ACE of the best 3 x 3 pixels; anomalies have none.
        least_area: Least size of a match, in cube pixels.
    """

    light: str = "scene"
    least: float = 0.5
    least_area: int = 4
