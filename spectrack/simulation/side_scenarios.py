"""Scenarios of the frozen lists beside the suite: bands of equal and of unequal worth, long absences, tiny targets.

Like the suite's pairs, two scenarios of one layout share motion, shapes, pictures and ground for a seed and differ in
one
thing: ``-uneven`` and ``-even`` in how the bands share in what tells the target; ``-twins`` in the look-alikes.
"""

from __future__ import annotations

from dataclasses import replace

from spectrack.simulation.scenario import BandWorth, Scenario

_PIGMENTS = ("didymium", "erbium", "holmium", "rhodamine", "methylene-blue", "indocyanine")
_LINES = ("line-488", "line-532", "line-561", "line-690", "line-785", "line-808", "line-830")
_NATURE = ("blood", "chlorophyll", "water", "red-edge")

_FAINT = Scenario(
    "faint",
    "",
    ("patchwork", "animal"),
    (26.0, 38.0),
    speed=0.07,
    bend=0.1,
    swing=0.4,
    wobble=0.5,
    camouflage=True,
    passers=1,
    twins=2,
    brightness=(22.0, 30.0),
)


def _halves(scenario: Scenario, worth: BandWorth) -> tuple[Scenario, Scenario]:
    """The halves of a pair, the uneven one first."""
    uneven, even = (
        replace(
            scenario,
            name=f"{scenario.name}-{'uneven' if flag else 'even'}",
            layout=scenario.name,
            worth=replace(worth, uneven=flag),
        )
        for flag in (True, False)
    )
    return uneven, even


SPECTRAL_SCENARIOS: tuple[Scenario, ...] = (
    *_halves(replace(_FAINT, name="pigment"), BandWorth("feature", True, (*_PIGMENTS, *_LINES))),
    *_halves(
        replace(_FAINT, name="nature", ground="vegetation", bodies=("patchwork", "animal"), speed=0.08),
        BandWorth("feature", True, _NATURE),
    ),
    *_halves(
        replace(_FAINT, name="camera", bodies=("ball", "patchwork"), yaw_rate=0.05, tilt=0.4, bend=0.0),
        BandWorth("camera", True),
    ),
    *_halves(
        replace(_FAINT, name="light", bodies=("box", "patchwork"), pan_px=0.8, tilt=0.4, bend=0.0),
        BandWorth("light", True, ("fluorescent", "led-mixed", "led-infrared", "xenon")),
    ),
    *_halves(replace(_FAINT, name="glare", speed=0.08, restless=0.15), BandWorth("glare", True)),
)
"""Five pairs: what makes bands of unequal worth, and the same scene with bands alike."""


def _alone_and_among_twins(scenario: Scenario) -> tuple[Scenario, Scenario]:
    among = replace(scenario, name=f"{scenario.name}-twins", layout=scenario.name, lookalikes=2, spectra="metamers")
    return scenario, among


RETURN_SCENARIOS: tuple[Scenario, ...] = (
    *_alone_and_among_twins(Scenario("behind", "", size_px=(24.0, 32.0), speed=0.09, swing=0.4, absence="behind")),
    *_alone_and_among_twins(
        Scenario("away", "", size_px=(24.0, 36.0), speed=0.1, swing=0.4, absence="away", passers=1)
    ),
)
"""Long behind a screen, and long out of the frame; each alone and among look-alikes that only the spectrum tells."""

_MOTE = Scenario(
    "cam-mote",
    "mote",
    ("patchwork", "ball"),
    (7.5, 9.0),
    speed=0.15,
    size_ratio=1.1,
    pan_px=0.5,
    camouflage=True,
    passers=1,
    spectra="metamers",
)

SMALL_SCENARIOS: tuple[Scenario, ...] = (_MOTE, replace(_MOTE, name="open-mote", spectra="ordinary"))
"""Targets under 12 px: one that only the spectrum tells, and the same in a colour of its own."""

SIDE_SCENARIOS = (*SPECTRAL_SCENARIOS, *RETURN_SCENARIOS, *SMALL_SCENARIOS)
