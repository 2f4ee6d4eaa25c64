"""Scenarios: named settings of everything that makes tracking hard, one line a scenario.

Camouflage and twins come in pairs: ``cam-...`` and ``open-...`` (``twin-...`` and ``colour-...``) share motion, shapes,
pictures and background for a seed; the difference is spectral only in the first, visible in false colour in the second.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from spectrack.errors import ConfigError, nearest_name


@dataclass(frozen=True)
class Scenario:
    """What a video is made of. Ranges are (low, high) and drawn uniformly.

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
        camouflage: the target wears the picture of its background.
        spectra: ``ordinary`` colours, or ``metamers`` for twins and camouflage.
        brightness: 99.5th percentile of the first frame in counts.
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

    @property
    def layout_name(self) -> str:
        """The name that seeds everything but the materials."""
        return self.layout or self.name

    @property
    def colour_attributes(self) -> tuple[str, ...]:
        """``("CAM",)``, ``("TWIN",)``, both or none."""
        if self.spectra != "metamers":
            return ()
        return (("CAM",) if self.camouflage else ()) + (("TWIN",) if self.twins else ())


_GRASS = Scenario(
    "cam-grass",
    "grass",
    ("patchwork", "animal"),
    (30.0, 46.0),
    speed=0.07,
    bend=0.12,
    swing=0.4,
    wobble=0.5,
    camouflage=True,
)
_ROLLING = Scenario(
    "cam-rolling", "rolling", ("ball",), (30.0, 44.0), speed=0.09, yaw_rate=0.13, wobble=0.4, camouflage=True, passers=1
)
_CHASE = Scenario(
    "cam-chase",
    "chase",
    ("patchwork", "box"),
    (28.0, 44.0),
    0.08,
    pan_px=1.6,
    shutter=0.6,
    yaw_rate=0.05,
    wobble=0.6,
    tilt=0.6,
    bend=0.1,
    dimming=0.6,
    camouflage=True,
)
_CROSSING = Scenario("twin-crossing", "crossing", speed=0.07, twins=2, swing=0.4, wobble=0.3, tilt=0.4)
_CROWD = Scenario(
    "twin-crowd", "crowd", ("person", "animal", "patchwork"), (28.0, 42.0), 0.06, twins=3, swing=0.4, size_ratio=1.4
)


def _pair(scenario: Scenario, ordinary: str) -> tuple[Scenario, Scenario]:
    return replace(scenario, spectra="metamers"), replace(scenario, name=ordinary, spectra="ordinary")


SUITE_SCENARIOS: tuple[Scenario, ...] = (
    *_pair(_GRASS, "open-grass"),
    *_pair(_ROLLING, "open-rolling"),
    *_pair(_CHASE, "open-chase"),
    *_pair(_CROSSING, "colour-crossing"),
    *_pair(_CROWD, "colour-crowd"),
    Scenario("abrupt", speed=0.14, restless=0.25, leaps=6, shutter=0.7, tremor_px=0.8, passers=1),
    Scenario("hidden", speed=0.09, occluders=3, occluder_size=(0.7, 1.5), swing=0.4, passers=2),
    Scenario(
        "approach",
        "",
        ("box", "car", "patchwork"),
        (18.0, 26.0),
        0.09,
        size_ratio=3.0,
        tilt=0.7,
        yaw_rate=0.03,
        pan_px=0.5,
        defocus_px=1.2,
    ),
    Scenario("dusk", "", ("person", "animal", "ball"), speed=0.08, swing=0.4, dimming=0.4, warming=True, shadow=0.5),
    Scenario("speck", "", ("patchwork", "car", "ball"), (11.0, 15.0), speed=0.16, decoys=6, pan_px=0.6, size_ratio=1.3),
    Scenario("leaving", speed=0.1, leaves=True, roll_rate=0.05, wobble=0.4, decoys=2, pan_px=0.8),
)
"""The suite's sixteen scenarios: five pairs of metamers and ordinary colours, and six single difficulties."""

EXTRA_SCENARIOS: tuple[Scenario, ...] = (
    Scenario("calm", speed=0.05, wobble=0.05, tilt=0.05, size_ratio=1.1),
    Scenario("spinning", speed=0.06, roll_rate=0.12),
    Scenario("tumbling", "", ("box", "ball"), speed=0.07, yaw_rate=0.1, tilt=0.8, wobble=0.4),
    Scenario("supple", "", ("patchwork", "animal", "person"), speed=0.07, bend=0.2, swing=0.6),
    Scenario("blurred", speed=0.12, shutter=0.9, pan_px=2.0, defocus_px=1.5, tremor_px=1.0),
    Scenario("panning", speed=0.08, pan_px=2.5),
    Scenario("cluttered", speed=0.08, decoys=8, passers=2),
    Scenario(
        "everything",
        "",
        size_px=(24.0, 40.0),
        speed=0.09,
        size_ratio=2.0,
        roll_rate=0.02,
        tilt=0.6,
        bend=0.1,
        swing=0.4,
        pan_px=1.0,
        shutter=0.6,
        occluders=2,
        dimming=0.5,
        warming=True,
        shadow=0.4,
        decoys=3,
        passers=2,
    ),
)
"""Further ones, for training, tests and demonstrations; never part of the suite."""

SCENARIOS: dict[str, Scenario] = {scenario.name: scenario for scenario in (*SUITE_SCENARIOS, *EXTRA_SCENARIOS)}


def get_scenario(name: str) -> Scenario:
    """The scenario of that name.

    Raises:
        ConfigError: unknown name; the nearest is offered.
    """
    if name not in SCENARIOS:
        raise ConfigError(f"expected a scenario, found {name!r}; {nearest_name(name, SCENARIOS)}")
    return SCENARIOS[name]


def list_scenarios() -> list[str]:
    """All names that `get_scenario` accepts: those of the suite first, in its order, then the others."""
    return list(SCENARIOS)
