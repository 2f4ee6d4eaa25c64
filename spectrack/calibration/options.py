"""What can be chosen about making a calibration; nothing heavy is imported here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from spectrack.files import FileTerms


@dataclass(frozen=True)
class CalibrateOptions:
    """How references become a calibration.

    Attributes:
        matrix: Which correction matrix of the sensor file, by name, or none; by default the only one.
        saturation: Counts from which on a sensor pixel is full, such as 1023 of 10 bits; by default as the sensor file
            says, else unknown, and then nothing is taken for saturated.
        exposure_ms: Exposure of the white reference or of the panel's frame in ms, where the file does not say it.
        gain_db: Gain of the camera for it in dB, likewise.
        line_scan: The references are of a line scanner; each column has one of its own, the mean of its rows.
        overwrite: Replace an earlier calibration in the same file.
    """

    matrix: str | None = None
    saturation: float | None = None
    exposure_ms: float | None = None
    gain_db: float | None = None
    line_scan: bool = False
    overwrite: bool = False

    def terms(self, inputs: tuple[Path, ...] = ()) -> FileTerms:
        """On which the file of a calibration made from these references is written."""
        return FileTerms("calibration", overwrite=self.overwrite, data=inputs)
