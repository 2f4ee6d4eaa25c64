"""Cameras of spectral training: one a batch, so that its cubes have one band count; known, or random of any count."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from spectrack.false_colour import false_colour_matrix
from spectrack.sensors import SENSORS, Sensor, custom_sensor, get_sensor, with_leaks
from spectrack.simulation.illumination import THERMAL
from spectrack.spectra import WAVELENGTHS_NM
from spectrack.tables import Interval, Share, require, require_ranges

_WARM_LAMPS = ("d65", *(name for name in THERMAL if name != "d65"))
_LAMPS = (*_WARM_LAMPS, "fl2", "led_b3")
"""Lights of the simulator's scenes, the commonest first; those that give no infrared are for cameras that see none."""


@dataclass(frozen=True)
class CameraConfig:
    """Which cameras see the pairs.

    Attributes:
        sensors: names of known cameras; each batch has one of them or a random one.
        random_share: share of batches with a random camera.
        random_bands: smallest and largest band count of a random camera.
        leak_share: share of batches whose known camera lets a second peak through, as before spectral correction.
        crosstalk: largest share of light that spills over to the mosaic's neighbours.
    """

    sensors: tuple[str, ...] = ("vis16", "nir25", "rednir15")
    random_share: Share = 0.2
    random_bands: Annotated[tuple[int, int], Interval("[3, 200]", rising=True)] = (8, 32)
    leak_share: Share = 0.2
    crosstalk: Annotated[float, Interval("[0, 1)")] = 0.05

    def __post_init__(self) -> None:
        for name in self.sensors:
            get_sensor(name)
        require_ranges(self)
        needed = "at least one unless all cameras are random"
        require(bool(self.sensors) or self.random_share == 1, "sensors", needed, list(self.sensors))


@dataclass(frozen=True, eq=False)
class SpectralCamera:
    """What a batch of cubes is seen with.

    Attributes:
        name: of the sensor, or ``random12`` and the like.
        wavelengths_nm: (bands,) centres, NaN where nobody knows them.
        response: (121, bands) from radiance on the common grid to bands, each band's sum 1 (less beside dark pixels).
        colour: (bands, 3) the false-colour rule.
        lamps: names of the lights that this camera sees anything by, the commonest first; none for a camera known by
            its video alone, to which nothing synthetic can be shown.
    """

    name: str
    wavelengths_nm: NDArray[np.float64]
    response: NDArray[np.float64]
    colour: NDArray[np.float64]
    lamps: tuple[str, ...]

    @property
    def bands(self) -> int:
        """Number of bands."""
        return len(self.wavelengths_nm)

    @classmethod
    def of(cls, sensor: Sensor, rule: str, *, crosstalk: float = 0.0) -> SpectralCamera:
        """The camera with that sensor under a linear false-colour rule.

        Raises:
            ConfigError: the rule needs a frame (pca3), or does not fit the sensor.
        """
        wavelengths = np.asarray(sensor.centres_nm, dtype=np.float64)
        colour = false_colour_matrix(rule, sensor.bands, wavelengths_nm=sensor.centres_nm).astype(np.float64)
        response = sensor.responses(WAVELENGTHS_NM).T @ sensor.crosstalk(crosstalk)
        lamps = _WARM_LAMPS if wavelengths.max() > 700 else _LAMPS
        return cls(sensor.name, wavelengths, np.asarray(response), colour, lamps)

    @classmethod
    def of_video(
        cls, bands: int, rule: str, *, sensor: str | None, wavelengths_nm: tuple[float, ...] | None
    ) -> SpectralCamera:
        """The camera of a recorded sequence: the known one of that name, else one known by bands and centres only."""
        if (
            sensor in SENSORS
            and SENSORS[sensor].bands == bands
            and wavelengths_nm in (None, SENSORS[sensor].centres_nm)
        ):
            return known_camera(sensor, rule)
        known = wavelengths_nm is not None and len(wavelengths_nm) == bands
        wavelengths = np.asarray(wavelengths_nm if known else (np.nan,) * bands, dtype=np.float64)
        colour = false_colour_matrix(rule, bands, wavelengths_nm=wavelengths_nm if known else None).astype(np.float64)
        return cls(f"{sensor or 'camera'}-{bands}", wavelengths, np.zeros((0, bands)), colour, ())


def draw_camera(rng: np.random.Generator, config: CameraConfig, rule: str) -> SpectralCamera:
    """The camera of a batch; all randomness comes from `rng`."""
    if rng.random() < config.random_share:
        return SpectralCamera.of(random_sensor(rng, *config.random_bands), rule)
    name = config.sensors[int(rng.integers(len(config.sensors)))]
    leaky, crosstalk = rng.random() < config.leak_share, rng.uniform(0.0, config.crosstalk)
    # Few different ones, so that they can be kept: a step of 0.02 is below what anybody measures.
    return known_camera(name, rule, bool(leaky), round(crosstalk / 0.02) * 0.02)


@functools.lru_cache(maxsize=128)
def known_camera(name: str, rule: str, leaky: bool = False, crosstalk: float = 0.0) -> SpectralCamera:
    """The camera with a sensor of `spectrack.sensors`."""
    sensor = get_sensor(name)
    return SpectralCamera.of(with_leaks(sensor) if leaky else sensor, rule, crosstalk=crosstalk)


def random_sensor(rng: np.random.Generator, fewest: int, most: int) -> Sensor:
    """A sensor of some bands, unevenly spaced within a random part of 430 to 980 nm; in order of wavelength."""
    bands = int(rng.integers(fewest, most + 1))
    span = rng.uniform(max(120.0, 5.0 * bands), 550.0) if bands < 84 else 550.0
    low = rng.uniform(430.0, 980.0 - span)
    steps = np.exp(rng.normal(0.0, 0.15, bands - 1))
    centres = low + span * np.concatenate([[0.0], np.cumsum(steps) / steps.sum()])
    widths = np.clip(span / bands * rng.uniform(0.8, 1.6), 7.0, 30.0)
    return custom_sensor(f"random{bands}", centres.round(1).tolist(), float(widths))
