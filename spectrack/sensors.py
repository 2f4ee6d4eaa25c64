"""Sensors: mosaic layouts, band counts, band centres and spectral responses.

The centres of `vis16`, `nir25` and `rednir15` define the simulated cameras. The field's datasets do not publish the
centres of their NIR and RedNIR cameras, so a reader never takes centres from here for real data.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spectrack.errors import ConfigError, nearest_name


@dataclass(frozen=True)
class Sensor:
    """A hyperspectral snapshot camera.

    Attributes:
        name: short name used on the command line and in side files.
        bands: number of bands of its cubes.
        block: side of its mosaic pattern; None for a camera that has none.
        centres_nm: (bands,) centre of each band in nm, in index order.
        fwhm_nm: (bands,) full width at half maximum of each band in nm.
        zero_bands: bands that the mosaic stores as zeros after the real ones (RedNIR: one).
    """

    name: str
    bands: int
    block: int | None
    centres_nm: tuple[float, ...]
    fwhm_nm: tuple[float, ...]
    zero_bands: int = 0

    def responses(self, wavelengths_nm: NDArray[np.float64]) -> NDArray[np.float64]:
        """Gaussian band responses, (bands, n), each with unit sum over `wavelengths_nm` (n,)."""
        centres = np.asarray(self.centres_nm)[:, None]
        sigma = np.asarray(self.fwhm_nm)[:, None] / (2 * np.sqrt(2 * np.log(2)))
        response = np.exp(-0.5 * ((wavelengths_nm[None, :] - centres) / sigma) ** 2)
        return np.asarray(response / response.sum(axis=1, keepdims=True))


def _even(name: str, low_nm: float, high_nm: float, bands: int, block: int, fwhm_nm: float, zero_bands: int = 0) -> Sensor:
    centres = tuple(round(float(value), 1) for value in np.linspace(low_nm, high_nm, bands))
    return Sensor(name, bands, block, centres, (fwhm_nm,) * bands, zero_bands)


SENSORS: dict[str, Sensor] = {
    sensor.name: sensor
    for sensor in (
        # Centres of the corrected XIMEA SM4x4-VIS3 (xiSpec2 manual, table 4-2).
        Sensor(
            "vis16",
            16,
            4,
            (464.5, 472.8, 480.2, 489.3, 499.0, 508.2, 516.3, 526.1, 534.7, 544.3, 552.3, 561.8, 571.2, 580.5, 588.1, 597.2),
            (12.0,) * 16,
        ),
        _even("nir25", 665.0, 960.0, 25, 5, 14.0),
        _even("rednir15", 600.0, 850.0, 15, 4, 14.0, zero_bands=1),
    )
}


def get_sensor(name: str) -> Sensor:
    """The sensor of that name.

    Raises:
        ConfigError: unknown name; the nearest is offered.
    """
    if name not in SENSORS:
        raise ConfigError(f"expected a sensor, found {name!r}; {nearest_name(name, SENSORS)}")
    return SENSORS[name]


def custom_sensor(name: str, centres_nm: list[float], fwhm_nm: list[float] | float, *, block: int | None = None) -> Sensor:
    """A camera of the user's own with Gaussian bands.

    Args:
        centres_nm: band centres in nm, in index order, at least three.
        fwhm_nm: one width for all bands, or one a band, in nm.
        block: side of its mosaic pattern, if it has one.
    """
    widths = [fwhm_nm] * len(centres_nm) if isinstance(fwhm_nm, int | float) else list(fwhm_nm)
    if len(centres_nm) < 3 or len(widths) != len(centres_nm) or min(widths) <= 0:
        raise ConfigError(
            f"expected at least three band centres and as many positive widths, found {len(centres_nm)} and {len(widths)}; "
            "give one width for all bands or one a band"
        )
    if block is not None and len(centres_nm) > block * block:
        raise ConfigError(f"expected at most {block * block} bands for block {block}, found {len(centres_nm)}; use a larger block")
    return Sensor(name, len(centres_nm), block, tuple(map(float, centres_nm)), tuple(map(float, widths)))
