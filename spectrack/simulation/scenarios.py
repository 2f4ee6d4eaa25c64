"""Scenarios: named settings of everything that makes tracking hard, one line a scenario.

Camouflage and twins come in pairs: ``cam-...`` and ``open-...`` (``twin-...`` and ``colour-...``) share motion, shapes,
pictures and background for a seed; the difference is spectral only in the first, visible in false colour in the second.
"""

from __future__ import annotations

from dataclasses import replace

from spectrack.errors import ConfigError, nearest_name
from spectrack.simulation.scenario import Scenario
from spectrack.simulation.side_scenarios import SIDE_SCENARIOS

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
"""What trainings and measurements draw from unless they name scenarios."""

ALL_SCENARIOS = SCENARIOS | {scenario.name: scenario for scenario in SIDE_SCENARIOS}
"""Those of the lists beside the suite as well."""


def get_scenario(name: str) -> Scenario:
    """The scenario of that name.

    Raises:
        ConfigError: unknown name; the nearest is offered.
    """
    if name not in ALL_SCENARIOS:
        raise ConfigError(f"expected a scenario, found {name!r}; {nearest_name(name, ALL_SCENARIOS)}")
    return ALL_SCENARIOS[name]


def list_scenarios() -> list[str]:
    """All names that `get_scenario` accepts: those of the suite first, in its order, then the others."""
    return list(ALL_SCENARIOS)
