"""Scenario: what a video is made of, everything that makes tracking hard in one place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class BandWorth:
    """What makes some bands worth more than others, or, in the other half of a pair, keeps them alike.

    Attributes:
        cause: ``feature`` (target and ground differ in few bands), ``camera`` (transmission, noise and a dead band),
            ``light`` (a lamp with lines) or ``glare`` (a veil in one line of the spectrum).
        uneven: whether it acts; else the same total is shared out among all bands.
        sources: names that one is drawn from: narrow features of the target's coat, or lamps; see `narrow_features` and
            `lamps`.
    """

    cause: Literal["feature", "camera", "light", "glare"]
    uneven: bool
    sources: tuple[str, ...] = ()

    def acts(self, cause: str) -> bool:
        """Whether bands differ by that cause."""
        return self.uneven and self.cause == cause


@dataclass(frozen=True)
class Scenario:
    """What a video is made of. Ranges are (low, high) and drawn uniformly.

    A field added here goes into `ADDED_LATER` too, so that what was stored of scenarios without it stays valid.

    Attributes:
        name: how it is asked for.
        layout: name under which motion, shapes and pictures are drawn; scenarios of one pair share it.
        bodies: kinds of target, one is drawn; see `casting.BODY_KINDS`.
        size_px: square root of the target's box area in frame 0.
        speed: mean motion in target sizes per frame.
        restless: turning of the path, radians per frame.
        leaps: number of abrupt leaps of one to two sizes.
        size_ratio: largest over smallest size.
        roll_rate, yaw_rate: steady turning in and out of the image plane, radians per frame.
        wobble: amplitude of slow turning in the plane, radians.
        tilt: amplitude of slow turning out of the plane, radians.
        bend, swing: deformation, see `casting.build_body`; a cycle takes `stride` frames.
        stride: frames of a cycle of bending and swinging.
        pan_px: mean camera motion in pixels per frame.
        tremor_px: camera shake in pixels.
        shutter: open share of the frame time.
        defocus_px: largest lens blur in pixels.
        occluders: things the target passes behind; `occluder_size` is their half-size in target sizes.
        leaves: the target leaves the frame and comes back.
        dimming: darkest over brightest light, 1 = steady.
        warming: the colour temperature changes.
        shadow: darkness of a shadow that sweeps over the scene, 0..1.
        decoys: resting things in the target's colours and textures.
        passers: other moving things.
        twins: things of the target's shape and texture moving around it.
        camouflage: the target's surface is a copy of the picture of its background.
        spectra: ``ordinary`` colours, or ``metamers`` for twins and camouflage.
        brightness: 99.5th percentile of the first frame in counts; its mean where `worth` is given.
        worth: the target has the picture and nearly the materials of its background, and bands are worth the same or
            not; see `band_worth`.
        ground: kind of the background's materials, see `materials.random_endmembers`; None for any.
        lookalikes: things of the target's shape and texture that go their own ways.
        absence: ``behind`` a screen or ``away`` out of the frame for long, coming back elsewhere; see `absences`.
    """

    name: str
    layout: str = ""
    bodies: tuple[str, ...] = ("patchwork", "person", "animal", "car", "ball", "box")
    size_px: tuple[float, float] = (22.0, 44.0)
    speed: float = 0.08
    restless: float = 0.1
    leaps: int = 0
    size_ratio: float = 1.25
    roll_rate: float = 0.0
    yaw_rate: float = 0.0
    wobble: float = 0.1
    tilt: float = 0.15
    bend: float = 0.0
    swing: float = 0.0
    stride: float = 14.0
    pan_px: float = 0.0
    tremor_px: float = 0.3
    shutter: float = 0.3
    defocus_px: float = 0.0
    occluders: int = 0
    occluder_size: tuple[float, float] = (0.8, 1.2)
    leaves: bool = False
    dimming: float = 1.0
    warming: bool = False
    shadow: float = 0.0
    decoys: int = 0
    passers: int = 0
    twins: int = 0
    camouflage: bool = False
    spectra: str = "ordinary"
    brightness: tuple[float, float] = (300.0, 420.0)
    worth: BandWorth | None = None
    ground: str | None = None
    lookalikes: int = 0
    absence: str = ""

    @property
    def layout_name(self) -> str:
        """The name that seeds everything but the materials."""
        return self.layout or self.name

    @property
    def spectral_attributes(self) -> tuple[str, ...]:
        """``CAM``, ``TWIN``, ``EVEN``, ``UNEVEN``: those that hold."""
        found = {
            "CAM": self.spectra == "metamers" and self.camouflage,
            "TWIN": self.spectra == "metamers" and self.twins + self.lookalikes > 0,
            "EVEN": self.worth is not None and not self.worth.uneven,
            "UNEVEN": self.worth is not None and self.worth.uneven,
        }
        return tuple(name for name, holds in found.items() if holds)


ADDED_LATER = ("worth", "ground", "lookalikes", "absence")
"""Fields of `Scenario` that descriptions of stored videos leave out while they are empty."""
