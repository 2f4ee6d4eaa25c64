"""What a scene is staged for: scenario, camera, length and seed, and the random streams that follow from them.

Every ingredient draws from a random stream of its own, named by the scenario's layout and the ingredient, so the two
halves of a pair differ in nothing but materials, and a change in one ingredient leaves the others as they were.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from spectrack.false_colour import DEFAULT_RULE, false_colour_matrix
from spectrack.sensors import Sensor
from spectrack.simulation.band_worth import with_uneven_bands
from spectrack.simulation.options import VideoOptions
from spectrack.simulation.scenario import Scenario
from spectrack.spectra import WAVELENGTHS_NM


@dataclass(frozen=True)
class Setting:
    """What a scene is staged for.

    Attributes:
        scenario: what happens.
        sensor: the camera whose bands metamers are made for.
        frames: number of frames.
        seed: any non-negative integer.
        height: image height in pixels.
        width: image width in pixels.
        textures: see `surfaces.make_abundances`.
        crosstalk: share of a mosaic pixel's light that spills over, see `Sensor.crosstalk`.
        vignetting: loss of light in the corners, 0..1.
    """

    scenario: Scenario
    sensor: Sensor
    frames: int
    seed: int
    height: int = VideoOptions.height
    width: int = VideoOptions.width
    textures: str = VideoOptions.textures
    crosstalk: float = 0.0
    vignetting: float = 0.15

    def stream(self, purpose: str) -> np.random.Generator:
        """The random stream of one ingredient."""
        words = [self.seed, zlib.crc32(self.scenario.layout_name.encode()), zlib.crc32(purpose.encode())]
        return np.random.default_rng(np.random.SeedSequence(words))

    @property
    def band_matrix(self) -> NDArray[np.float64]:
        """(121, bands) spectral radiance to bands, crosstalk included, without exposure."""
        return np.asarray(self.sensor.responses(WAVELENGTHS_NM).T @ self.sensor.crosstalk(self.crosstalk))

    @property
    def filming(self) -> Setting:
        """The setting with the camera that films, whose bands may be unequal; materials are made for `sensor`."""
        if self.scenario.worth is None or not self.scenario.worth.acts("camera"):
            return self
        return replace(self, sensor=with_uneven_bands(self.sensor, self.stream("uneven bands")))

    @property
    def colour_matrix(self) -> NDArray[np.float64]:
        """(bands, 3) the false-colour rule metamers are made for."""
        return np.asarray(
            false_colour_matrix(DEFAULT_RULE, self.sensor.bands, wavelengths_nm=self.sensor.centres_nm),
            dtype=np.float64,
        )
