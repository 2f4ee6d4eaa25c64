"""A sequence of raw counts as one of reflectance: each window is calibrated as it is read."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from spectrack.calibration.calibration import Calibration
from spectrack.cube import Cube
from spectrack.errors import SequenceError
from spectrack.files.fingerprints import Ingredients
from spectrack.sequences.base import Sequence
from spectrack.sequences.frames import CubeFrame, Frame

_log = logging.getLogger(__name__)

_SHARED = (
    "name",
    "height",
    "width",
    "sensor",
    "fps",
    "visibility",
    "attributes",
    "faults",
    "truth_fault",
    "exposure_ms",
    "gain_db",
    "_truth",
    "_truth_source",
    "_first_box",
    "_metadata",
    "_pictures",
)


class CalibratedFrame(CubeFrame):
    """A frame whose raw counts become reflectance where they are read.

    Args:
        frame: of counts.
        calibration: of its camera.
        light: see `Calibration.light`.
        gaps: counts of 0 in every band are no data.
    """

    no_data = 0.0

    def __init__(self, frame: Frame, calibration: Calibration, light: float, *, gaps: bool) -> None:
        self._frame, self._calibration, self._light, self._gaps = frame, calibration, light, gaps
        self.shape = (*frame.shape[:2], calibration.bands_out)

    def window(self, x0: int, y0: int, x1: int, y1: int) -> Cube:
        """Reflectance of columns x0..x1-1 and rows y0..y1-1; 0 in every band of a masked pixel."""
        counts = self._frame.window(x0, y0, x1, y1)
        return self._calibration.apply(counts, (x0, y0), light=self._light, gaps=self._gaps)

    def whole(self) -> Cube:
        """The whole cube of reflectances."""
        return self._calibration.apply(self._frame.whole(), light=self._light, gaps=self._gaps)

    def in_memory(self) -> CalibratedFrame:
        """See `CubeFrame.in_memory`."""
        frame = self._frame.in_memory() if isinstance(self._frame, CubeFrame) else self._frame
        return CalibratedFrame(frame, self._calibration, self._light, gaps=self._gaps)


class CalibratedSequence(Sequence):
    """A sequence of raw counts, calibrated; its dead and saturated pixels are 0 in every band, as where no data are.

    Args:
        source: the counts.
        calibration: of its camera.
        file: what the calibration was read from, or None.

    Raises:
        SequenceError: colour footage, or frames of another camera than the calibration's.
    """

    no_data = 0.0

    def __init__(self, source: Sequence, calibration: Calibration, file: Path | None = None) -> None:
        if source.is_rgb:
            raise SequenceError(
                f"expected counts of a hyperspectral camera to calibrate in {source.name}, found colour pictures; "
                "leave the calibration out (--calibration)"
            )
        calibration.check_fits(source.height, source.width, source.bands, source.name)
        self.source, self.calibration, self._file = source, calibration, file
        for name in _SHARED:
            setattr(self, name, getattr(source, name))
        self.bands, self.unit = calibration.bands_out, calibration.unit
        own = source.wavelengths_nm if calibration.matrix is None else None
        self.wavelengths_nm = calibration.wavelengths_nm or own
        self.block = getattr(source, "block", None)
        self._light = calibration.light(source.exposure_ms, source.gain_db)
        self._tell_settings()

    def __len__(self) -> int:
        return len(self.source)

    def frame(self, i: int) -> Frame:
        """Frame `i`, calibrated where it is read."""
        return CalibratedFrame(
            self.source.frame(i), self.calibration, self._light, gaps=self.source.no_data is not None
        )

    @property
    def frame_numbers(self) -> list[int] | None:
        """See `Sequence.frame_numbers`."""
        return self.source.frame_numbers

    @property
    def places(self) -> tuple[Path, ...]:
        """See `Sequence.places`; the calibration's file is among them."""
        return (*self.source.places, *(() if self._file is None else (self._file,)))

    @property
    def calibrated_by(self) -> dict[str, Any]:
        """What the record of a run says of the calibration."""
        counts = self.source[0]
        full = 0.0
        if self.calibration.saturation is not None:
            full = float((counts >= self.calibration.saturation).any(axis=2).mean())
        return {
            "file": None if self._file is None else self._file.name,
            "digest": self.calibration.digest[:12],
            "unit": self.calibration.unit,
            "light_factor": round(self._light, 6),
            "dead_pixels": self.calibration.dead_pixels,
            "saturated_share_of_first_frame": round(full, 6),
            "saturation_known": self.calibration.saturation is not None,
        }

    def made_of(self) -> Ingredients:
        """What the source is made of; the calibration's content beside it."""
        whole = self.source.made_of()
        return Ingredients(whole.files, [whole.values, self.calibration.digest])

    def _tell_settings(self) -> None:
        """Warn where exposure or gain of one side only is known, and they are taken as the same."""
        pairs = (
            ("exposure", self.calibration.exposure_ms, self.source.exposure_ms),
            ("gain", self.calibration.gain_db, self.source.gain_db),
        )
        for what, of_references, of_frames in pairs:
            if of_references is not None and of_frames is None:
                _log.warning(
                    "%s does not say its %s: taken as that of the references; write it into sequence.json",
                    self.source.name,
                    what,
                )


def calibrated_by(sequence: Sequence) -> dict[str, Any] | None:
    """What the record of a run says of the calibration of its frames; None for frames as they are stored."""
    while not isinstance(sequence, CalibratedSequence):
        inner = getattr(sequence, "source", None)
        if not isinstance(inner, Sequence):
            return None
        sequence = inner
    return sequence.calibrated_by
