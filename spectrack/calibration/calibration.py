"""Calibration: what turns a camera's raw counts into reflectance, and which pixels cannot be trusted.

With the references of one setting, reflectance is ``R = rho (counts - dark) / (white - dark)``, pixel by pixel and band
by band, with the known reflectance rho of the white; exposure and gain enter as the ratio of the references' to the
frame's. A sensor maker's correction matrix makes virtual bands of the sensor's own, behind the division or before it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from spectrack.cube import Cube
from spectrack.errors import ConfigError, SequenceError
from spectrack.files.fingerprints import array_digest, values_digest
from spectrack.sensors import Sensor

Unit = Literal["reflectance", "counts"]
"""What comes out: reflectance with a white reference; counts above the dark, or corrected ones, without."""

Values = NDArray[np.float32]
Corner = tuple[int, int]

_MOST_GAIN_DB = 120.0


@dataclass(frozen=True, eq=False)
class Calibration:
    """A camera's calibration.

    Attributes:
        unit: of what comes out.
        dark: (1 or height, 1 or width, bands) counts without light.
        factor: (1 or height, 1 or width, bands) by which counts above the dark are multiplied; with a matrix that comes
            first, of the virtual bands.
        masked: (1 or height, width) cube pixels with a dead sensor pixel in them, or None.
        saturation: counts from which on a sensor pixel is full, or None where nobody knows.
        matrix: (bands, virtual bands) the sensor maker's spectral correction, or None.
        matrix_first: it is applied before the factor, which is made for it.
        wavelengths_nm: centres of what comes out, or None.
        sensor: how the camera's mosaics are laid out, or None.
        exposure_ms: of the references, or None.
        gain_db: likewise.
        facts: where all this comes from, as JSON values.

    Raises:
        ConfigError: arrays that do not fit together.
    """

    unit: Unit
    dark: Values
    factor: Values
    masked: NDArray[np.bool_] | None = None
    saturation: float | None = None
    matrix: Values | None = None
    matrix_first: bool = False
    wavelengths_nm: tuple[float, ...] | None = None
    sensor: Sensor | None = None
    exposure_ms: float | None = None
    gain_db: float | None = None
    facts: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        sides = {array.shape[:2] for array in (self.dark, self.factor) if array.ndim == 3}
        sides |= set() if self.masked is None else {self.masked.shape[:2]}
        rows, columns = ({side for side in each if side != 1} for each in zip(*sides, strict=True))
        outputs = self.dark.shape[-1] if self.matrix is None else self.matrix.shape[-1]
        fits = (
            self.unit in ("reflectance", "counts")
            and self.dark.ndim == self.factor.ndim == 3
            and len(rows) < 2
            and len(columns) < 2
            and (self.masked is None or self.masked.ndim == 2)
            and (self.matrix is None or (self.matrix.ndim == 2 and len(self.matrix) == self.bands))
            and self.factor.shape[2] == (outputs if self.matrix_first else self.bands)
            and (self.wavelengths_nm is None or len(self.wavelengths_nm) == outputs)
            and all(np.isfinite(part).all() for part in (self.dark, self.factor, self.matrix) if part is not None)
        )
        if not fits:
            raise ConfigError(
                f"expected a calibration of finite arrays that fit together, found dark {self.dark.shape}, factor "
                f"{self.factor.shape} and a matrix {None if self.matrix is None else self.matrix.shape}; make it again"
            )

    @property
    def bands(self) -> int:
        """Number of bands that go in."""
        return int(self.dark.shape[-1])

    @property
    def bands_out(self) -> int:
        """Number of bands that come out."""
        return self.bands if self.matrix is None else int(self.matrix.shape[1])

    @property
    def size(self) -> tuple[int | None, int | None]:
        """Height and width of the frames that it is for; None where any will do."""
        arrays = [self.dark.shape, self.factor.shape, *([] if self.masked is None else [self.masked.shape])]
        height, width = (max(shape[axis] for shape in arrays) for axis in (0, 1))
        return (height if height > 1 else None), (width if width > 1 else None)

    @property
    def dead_pixels(self) -> int:
        """Number of cube pixels that are masked in every frame."""
        return 0 if self.masked is None else int(self.masked.sum())

    @cached_property
    def digest(self) -> str:
        """Digest of everything that decides what comes out; where it comes from does not count."""
        arrays = [self.dark, self.factor, self.masked, self.matrix]
        values = (self.unit, self.saturation, self.matrix_first, self.wavelengths_nm, self.exposure_ms, self.gain_db)
        sensor = self.sensor
        layout = None if sensor is None else [sensor.block, sensor.bands, sensor.area]
        return values_digest([[None if one is None else array_digest(one) for one in arrays], *values, layout])

    def check_fits(self, height: int, width: int, bands: int, where: str) -> None:
        """Refuse frames of another camera.

        Raises:
            SequenceError: another number of bands, or another size.
        """
        wanted_height, wanted_width = self.size
        if bands != self.bands:
            raise SequenceError(
                f"expected the {self.bands} bands of the calibration in {where}, found {bands}; name the camera "
                "(--sensor), or calibrate with references of this one"
            )
        if (wanted_height or height, wanted_width or width) != (height, width):
            raise SequenceError(
                f"expected frames of {wanted_width or width} x {wanted_height or height} cube pixels, as the "
                f"calibration's references are, in {where}, found {width} x {height}; record references of this size"
            )

    def light(self, exposure_ms: float | None, gain_db: float | None) -> float:
        """Light that the references collected per count over what a frame does: the factor for other settings.

        Where one side does not tell its exposure or its gain, they are taken as the same.
        """
        time = 1.0 if exposure_ms is None or self.exposure_ms is None else self.exposure_ms / exposure_ms
        gain = 0.0 if gain_db is None or self.gain_db is None else self.gain_db - gain_db
        return float(time * 10 ** (gain / 20))

    def apply(self, counts: Cube, corner: Corner = (0, 0), *, light: float = 1.0, gaps: bool = False) -> Values:
        """Counts of a window as reflectance.

        Args:
            counts: (height, width, bands) raw.
            corner: column and row of the window in the frame.
            light: see `light`.
            gaps: counts of 0 in every band are no data.

        Returns:
            (height, width, bands out) float32; 0 in every band of a pixel that is dead, saturated or without data.
        """
        height, width, bands = counts.shape
        values: Values = np.subtract(counts, self._part(self.dark, corner, height, width), dtype=np.float32)
        factor = self._part(self.factor, corner, height, width)
        if not self.matrix_first:
            values *= factor
        if self.matrix is not None:
            values = (values.reshape(-1, bands) @ self.matrix).reshape(height, width, -1)
        if self.matrix_first:
            values *= factor
        if light != 1.0 and self.unit == "reflectance":
            values *= np.float32(light)
        hidden = self.hidden(counts, corner, gaps=gaps)
        if hidden is not None:
            values[hidden] = 0.0
        return values

    def hidden(self, counts: Cube, corner: Corner = (0, 0), *, gaps: bool = False) -> NDArray[np.bool_] | None:
        """(height, width) which pixels of a window are dead, saturated or without data; None for none."""
        height, width, _ = counts.shape
        parts = []
        if self.masked is not None:
            dead = self._part(self.masked[:, :, None], corner, height, width)[:, :, 0]
            parts.append(np.broadcast_to(dead, (height, width)))
        if self.saturation is not None:
            parts.append(np.asarray((counts >= self.saturation).any(axis=2)))
        if gaps:
            parts.append(np.asarray(~counts.any(axis=2)))  # as `pixels_with_data` tells them
        found = np.logical_or.reduce(parts) if parts else None
        return found if found is not None and found.any() else None

    @staticmethod
    def _part(array: NDArray[Any], corner: Corner, height: int, width: int) -> NDArray[Any]:
        x, y = corner
        rows = slice(None) if array.shape[0] == 1 else slice(y, y + height)
        columns = slice(None) if array.shape[1] == 1 else slice(x, x + width)
        return array[rows, columns]


def check_setting(exposure_ms: float | None, gain_db: float | None) -> None:
    """Refuse an exposure or a gain that no camera has.

    Raises:
        ConfigError: an exposure that is not positive, or a gain beyond 120 dB.
    """
    if exposure_ms is not None and not 0 < exposure_ms < float("inf"):
        raise ConfigError(f"expected an exposure in milliseconds above 0, found {exposure_ms:g}; correct it")
    if gain_db is not None and not abs(gain_db) <= _MOST_GAIN_DB:
        raise ConfigError(f"expected a gain in dB between -120 and 120, found {gain_db:g}; correct it")
