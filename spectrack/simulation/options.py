"""What can be chosen about a simulated video; nothing heavy is imported here."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class VideoOptions:
    """How long, how large and of what a simulated video is.

    Attributes:
        sensor: The camera: vis16 (460-600 nm), nir25 (665-960 nm) or rednir15 (600-850 nm).
        frames: How many, at least 2.
        seed: One seed, one video.
        height: Rows of a cube, at least 64.
        width: Columns of a cube, at least 64.
        textures: Where surfaces come from: procedural (needs nothing else), photographs (scikit-image's) or mixed.
    """

    sensor: str = "vis16"
    frames: int = 80
    seed: int = 0
    height: int = 240
    width: int = 320
    textures: str = "procedural"
