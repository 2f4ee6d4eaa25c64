"""Degraded video: a simulated scene filmed once more through a longer shutter, out of focus, or in less light.

All else stays: scene, motion, truth, exposure and the noise's random streams. Finished frames are not touched: blur
acts on light before the noise, and less light means fewer electrons, so noise and quantisation weigh more.

* ``motion-blur``: the shutter stays open for 1, 2 or 4 frame times (0.3 to 0.7 in the suite), along the straight path
  of each thing's centre over that time. Beyond 1 exposures overlap, which no camera does; it is as if the video had
  been filmed with more frames a second and only some of them were shown, with their motion kept.
* ``defocus``: a Gaussian of 1, 2 or 4 pixels' standard deviation on top of the lens blur that the scene has.
* ``low-light``: a quarter, a twelfth or a 36th of the light at the same exposure time and gain.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spectrack.errors import ConfigError, nearest_name
from spectrack.files.fingerprints import Ingredients
from spectrack.simulation.scene import Scene
from spectrack.simulation.video import SimulatedSequence

STRENGTHS = {"motion-blur": (1.0, 2.0, 4.0), "defocus": (1.0, 2.0, 4.0), "low-light": (4.0, 12.0, 36.0)}
"""Frame times of the open shutter, pixels of blur, and by how much the light is divided, weakest first."""


@dataclass(frozen=True)
class Degradation:
    """One way of filming worse.

    Attributes:
        kind: ``motion-blur``, ``defocus`` or ``low-light``.
        strength: 1, 2 or 3.

    Example:
        >>> degradation = Degradation.parse("defocus-2")
        >>> degradation.value, str(degradation)
        (2.0, 'defocus-2')
    """

    kind: str
    strength: int

    def __post_init__(self) -> None:
        if self.kind not in STRENGTHS or not 1 <= self.strength <= len(STRENGTHS[self.kind]):
            raise ConfigError(f"expected a degradation, found {str(self)!r}; known: {', '.join(list_degradations())}")

    @classmethod
    def parse(cls, name: str) -> Degradation:
        """The degradation of that name.

        Raises:
            ConfigError: unknown; the nearest is offered.
        """
        known = list_degradations()
        if name not in known:
            raise ConfigError(f"expected a degradation, found {name!r}; {nearest_name(name, known)}")
        kind, _, strength = name.rpartition("-")
        return cls(kind, int(strength))

    @property
    def value(self) -> float:
        """What the strength means, see `STRENGTHS`."""
        return STRENGTHS[self.kind][self.strength - 1]

    def __str__(self) -> str:
        return f"{self.kind}-{self.strength}"


class DegradedSequence(SimulatedSequence):
    """A simulated video filmed worse; truth and visibility are those of the original.

    Args:
        original: the video as it is; it is left alone.
        degradation: what is worse.
    """

    def __init__(self, original: SimulatedSequence, degradation: Degradation) -> None:
        super().__init__(original.setting)
        self.name, self.original, self.degradation = original.name, original, degradation

    @cached_property
    def scene(self) -> Scene:
        """The scene in front of the worse camera."""
        scene, kind, value = self.original.scene, self.degradation.kind, self.degradation.value
        camera = scene.camera
        if kind == "motion-blur":
            camera = replace(camera, shutter=max(camera.shutter, value))
        elif kind == "defocus":
            camera = replace(camera, defocus_px=np.hypot(camera.defocus_px, value))
        return replace(scene, camera=camera)

    @cached_property
    def exposed_matrix(self) -> NDArray[np.float64]:
        """(121, bands) spectral radiance to counts, at the original's exposure."""
        light = 1.0 / self.degradation.value if self.degradation.kind == "low-light" else 1.0
        return np.asarray(self.original.exposed_matrix * light)

    @property  # type: ignore[misc]
    def metadata(self) -> dict[str, Any]:
        """As the original's, with the degradation."""
        return {**super().metadata, "degradation": str(self.degradation)}

    def _frames_made_of(self) -> Ingredients:
        return Ingredients(values=[self.original.made_of().values, str(self.degradation)])


def list_degradations() -> list[str]:
    """All names that `Degradation.parse` accepts, weakest first within a kind."""
    return [f"{kind}-{number}" for kind, values in STRENGTHS.items() for number in range(1, len(values) + 1)]
