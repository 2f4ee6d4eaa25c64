"""A source of raw counts as one of reflectance: each window is calibrated as it is read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from spectrack.calibration.calibration import Calibration
from spectrack.errors import SequenceError
from spectrack.sequences.calibrated import CalibratedFrame
from spectrack.sources.base import Captured, FrameSource


class CalibratedSource(FrameSource):
    """A source of raw counts, calibrated; exposure and gain are taken as those of the references.

    Args:
        source: the counts.
        calibration: of its camera.

    Raises:
        SequenceError: colour pictures, or frames of another camera than the calibration's.
    """

    def __init__(self, source: FrameSource, calibration: Calibration) -> None:
        super().__init__()
        if source.is_rgb:
            raise SequenceError(
                f"expected counts of a hyperspectral camera to calibrate from {source.name}, found colour pictures; "
                "leave the calibration out (--calibration)"
            )
        calibration.check_fits(source.height, source.width, source.bands, source.name)
        self._source, self._calibration = source, calibration
        for name in ("name", "where", "height", "width", "sensor", "block", "fps", "places", "policy"):
            setattr(self, name, getattr(source, name))
        self.bands, self.no_data, self.unit = calibration.bands_out, 0.0, calibration.unit
        own = source.wavelengths_nm if calibration.matrix is None else None
        self.wavelengths_nm = calibration.wavelengths_nm or own
        self.closing = source.closing

    def frames(self) -> Iterator[Captured]:
        """See `FrameSource.frames`."""
        light, gaps = self._calibration.light(None, None), self._source.no_data is not None
        self._source.skips = self.skips
        for captured in self._source.frames():
            frame = CalibratedFrame(captured.frame, self._calibration, light, gaps=gaps)
            yield replace(captured, frame=frame)

    def describe(self) -> dict[str, Any]:
        """See `FrameSource.describe`."""
        about = {"digest": self._calibration.digest[:12], "unit": self._calibration.unit}
        return self._source.describe() | {"calibration": about}
