"""Sensors: mosaic layouts, band counts, band centres and spectral responses.

The centres of `vis16`, `nir25` and `rednir15` define the simulated cameras. The field's datasets do not publish the
centres of their NIR and RedNIR cameras, so a reader never takes centres from here for real data.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

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
        leak_nm: (bands,) each band's second transmission peak in nm; empty for ideal (spectrally corrected) bands.
        leak_share: (bands,) share of each band's light through that second peak, in [0, 1); empty as `leak_nm`.
        full_well_e: electrons at the largest count; calibration sheets of three such cameras state 11,391 to 13,500.
        read_noise_e: standard deviation of the read noise in electrons (CMOSIS CMV2000 data sheet: 13).
        bit_depth: bits of the analogue-digital converter.
        transmission: (bands,) relative share of the light that each band lets through, 0 for a dead one; empty: all
            alike.
        gain: (bands,) factor on each band's counts behind the converter, as flat-fielding applies it; empty for none.
        area: x, y, width and height of the mosaic pixels that lie under filters, whole blocks; None for all.
    """

    name: str
    bands: int
    block: int | None
    centres_nm: tuple[float, ...]
    fwhm_nm: tuple[float, ...]
    zero_bands: int = 0
    leak_nm: tuple[float, ...] = ()
    leak_share: tuple[float, ...] = ()
    full_well_e: float = 11_400.0
    read_noise_e: float = 13.0
    bit_depth: int = 10
    transmission: tuple[float, ...] = ()
    gain: tuple[float, ...] = ()
    area: tuple[int, int, int, int] | None = None

    @property
    def full_scale(self) -> int:
        """The largest count, 1023 for ten bits."""
        return (1 << self.bit_depth) - 1

    def responses(self, wavelengths_nm: NDArray[np.float64]) -> NDArray[np.float64]:
        """Gaussian band responses with their leaks, (bands, n), each with a sum of its transmission, 1 by default."""
        found = _gaussians(wavelengths_nm, self.centres_nm, self.fwhm_nm)
        if self.leak_nm:
            share = np.asarray(self.leak_share)[:, None]
            # A second-order peak is about as wide as the first in these Fabry-Perot filters.
            found = (1 - share) * found + share * _gaussians(wavelengths_nm, self.leak_nm, self.fwhm_nm)
        return found * np.asarray(self.transmission)[:, None] if self.transmission else np.asarray(found)

    def crosstalk(self, share: float) -> NDArray[np.float64]:
        """What light spilling between neighbouring mosaic pixels does to the bands.

        Args:
            share: part of a pixel's light that its four neighbours receive, in [0, 1); some per cent in real mosaics.

        Returns:
            (bands, bands) matrix K, ``cube @ K`` is the cube with crosstalk; its columns sum to 1, or less beside dark
            pixels. The mosaic repeats, so the left neighbour is band ``c - 1`` or, at the edge, the row's last.

        Raises:
            ConfigError: the share is out of range, or the sensor has no mosaic.
        """
        if not 0 <= share < 1 or (share > 0 and self.block is None):
            raise ConfigError(
                f"expected a crosstalk share in [0, 1) and a mosaic, found {share:g} for {self.name}; use 0"
            )
        matrix = (1 - share) * np.eye(self.bands)
        if self.block is None:
            return matrix
        for band in range(self.bands):
            row, column = divmod(band, self.block)
            for down, right in ((0, 1), (0, -1), (1, 0), (-1, 0)):
                neighbour = (row + down) % self.block * self.block + (column + right) % self.block
                # Pixels beyond the last real band are dark, so nothing spills out of them.
                if neighbour < self.bands:
                    matrix[neighbour, band] += share / 4
        return matrix


def _gaussians(
    wavelengths_nm: NDArray[np.float64], centres_nm: tuple[float, ...], fwhm_nm: tuple[float, ...]
) -> NDArray[np.float64]:
    sigma = np.asarray(fwhm_nm)[:, None] / (2 * np.sqrt(2 * np.log(2)))
    response = np.exp(-0.5 * ((wavelengths_nm[None, :] - np.asarray(centres_nm)[:, None]) / sigma) ** 2)
    # A peak far outside the grid transmits nothing there; the floor keeps 0/0 away.
    return np.asarray(response / np.maximum(response.sum(axis=1, keepdims=True), 1e-300))


def _even(
    name: str, low_nm: float, high_nm: float, bands: int, block: int, fwhm_nm: float, zero_bands: int = 0
) -> Sensor:
    centres = tuple(round(float(value), 1) for value in np.linspace(low_nm, high_nm, bands))
    return Sensor(name, bands, block, centres, (fwhm_nm,) * bands, zero_bands)


# Centres in nm of the corrected XIMEA SM4x4-VIS3 (xiSpec2 manual, table 4-2).
_VIS = (464.5, 472.8, 480.2, 489.3, 499.0, 508.2, 516.3, 526.1, 534.7, 544.3, 552.3, 561.8, 571.2, 580.5, 588.1, 597.2)

SENSORS: dict[str, Sensor] = {
    sensor.name: sensor
    for sensor in (
        Sensor("vis16", 16, 4, _VIS, (12.0,) * 16),
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


def with_leaks(sensor: Sensor) -> Sensor:
    """The camera as it is before spectral correction: with a second transmission peak in every band.

    Shares and distances follow the calibration sheets of two Fabry-Perot mosaic cameras: in a visible one (470-620 nm)
    bands below 550 nm leak a tenth of their light at 635 nm and longer ones a quarter near 620 nm; in a near-infrared
    one (665-975 nm) the leak is 0.15 to 0.25 at the centre times 0.93 (long bands) or 1.07 (short bands).
    """
    centres = np.asarray(sensor.centres_nm)
    if centres.max() < 650:
        leak, share = np.where(centres < 550, 635.0, 620.0), np.where(centres < 550, 0.1, 0.25)
    else:
        long_half = centres > np.median(centres)
        leak, share = centres * np.where(long_half, 0.93, 1.07), np.where(long_half, 0.18, 0.22)
    return replace(sensor, leak_nm=tuple(leak.round(1).tolist()), leak_share=tuple(share.tolist()))


def custom_sensor(
    name: str, centres_nm: list[float], fwhm_nm: list[float] | float, *, block: int | None = None
) -> Sensor:
    """A camera of the user's own with Gaussian bands.

    Args:
        centres_nm: band centres in nm, in index order, at least three.
        fwhm_nm: one width for all bands, or one a band, in nm.
        block: side of its mosaic pattern, if it has one.
    """
    widths = [fwhm_nm] * len(centres_nm) if isinstance(fwhm_nm, int | float) else list(fwhm_nm)
    if len(centres_nm) < 3 or len(widths) != len(centres_nm) or min(widths) <= 0:
        raise ConfigError(
            "expected at least three band centres and as many positive widths, "
            f"found {len(centres_nm)} and {len(widths)}; give one width for all bands or one a band"
        )
    if block is not None and len(centres_nm) > block * block:
        raise ConfigError(
            f"expected at most {block * block} bands for block {block}, found {len(centres_nm)}; use a larger block"
        )
    return Sensor(name, len(centres_nm), block, tuple(map(float, centres_nm)), tuple(map(float, widths)))
