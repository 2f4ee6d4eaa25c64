"""Making a calibration from recordings: a dark reference, a white one or a panel of known reflectance in the scene.

Dead is a cube pixel one of whose sensor pixels gains less than a tenth of its band's median from the white reference:
it is black, stuck at full counts, or so dusty that dividing by it would make noise. Dark current that grows with the
exposure is not modelled: the dark is subtracted as it was recorded.
"""

from __future__ import annotations

import glob
import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from spectrack.boxes import Box, check_box_in_frame, format_box, pixels_inside
from spectrack.calibration.calibration import Calibration, check_setting
from spectrack.calibration.options import CalibrateOptions
from spectrack.calibration.sensor_files import CorrectionMatrix, SensorFile
from spectrack.cube import check_finite, pixels_with_data
from spectrack.errors import ConfigError, SequenceError
from spectrack.evidence.library import LibrarySpectrum
from spectrack.sensors import SENSORS, Sensor
from spectrack.sequences.base import Sequence
from spectrack.sequences.frame_files import IMAGE_SUFFIXES
from spectrack.sequences.opening import open_sequence

_log = logging.getLogger(__name__)

_LEAST_RESPONSE = 0.1
_MOST_SATURATED = 0.01

Means = NDArray[np.float64]
What = Literal["dark", "white"]


@dataclass(frozen=True)
class Panel:
    """A panel of known reflectance in a frame.

    Attributes:
        sequence: where it is seen; not calibrated.
        box: what of it is looked at, x, y, w, h in cube pixels.
        frame: the frame, from 0.
    """

    sequence: Sequence
    box: Box
    frame: int = 0


@dataclass(frozen=True)
class References:
    """What a camera was shown to calibrate it.

    Attributes:
        dark: frames without light, which are averaged.
        white: frames of a white or grey surface that fills them, which are averaged.
        panel: such a surface in the scene; instead of `white`.
        reflectance: of the white or the panel: a number above 0, or its spectrum.
        sensor_file: what the sensor's maker says.
    """

    dark: Sequence | None = None
    white: Sequence | None = None
    panel: Panel | None = None
    reflectance: float | LibrarySpectrum = 1.0
    sensor_file: SensorFile | None = None

    def __post_init__(self) -> None:
        if self.white is not None and self.panel is not None:
            raise ConfigError("expected a white reference or a panel, found both; give one of them")
        if self.dark is None and self.bright is None and self.sensor_file is None:
            raise ConfigError(
                "expected something to calibrate with, found nothing; give --white, --panel, --dark or --sensor-file"
            )
        if isinstance(self.reflectance, float | int) and not 0 < self.reflectance < 10:
            raise ConfigError(
                f"expected a reflectance above 0, such as 0.99, found {self.reflectance:g}; give a share, not per cent"
            )

    @property
    def bright(self) -> Sequence | None:
        """The recording that says how much light is 1."""
        return self.white if self.panel is None else self.panel.sequence


def make_calibration(references: References, options: CalibrateOptions | None = None) -> Calibration:
    """Make a calibration.

    Args:
        references: what the camera was shown.
        options: how it is used.

    Raises:
        ConfigError: options that make no sense, or no such matrix.
        SequenceError: references of different sizes, a white that is not brighter than the dark, or is saturated; a
            reflectance that does not cover the bands.
    """
    options = options or CalibrateOptions()
    check_setting(options.exposure_ms, options.gain_db)
    if options.saturation is not None and not options.saturation > 0:
        raise ConfigError(
            f"expected counts above 0 as saturation, found {options.saturation:g}; 1023 is that of 10 bits"
        )
    file, bright = references.sensor_file, references.bright
    if file is None and options.matrix is not None:
        raise ConfigError("expected --sensor-file beside --matrix, found none; name the sensor's XML file")
    matrix = None if file is None else file.matrix(options.matrix)
    full = options.saturation or (None if file is None or file.bit_depth is None else float(2**file.bit_depth - 1))
    bands = _bands(references)
    dark = np.zeros((1, 1, bands)) if references.dark is None else _mean("dark", references.dark, None, options)
    _warn_of_exposure(references)
    response = _response(references, dark, full, options)
    factor, masked = _factor(references, response, matrix)
    return Calibration(
        unit="counts" if response is None else "reflectance",
        dark=dark.astype(np.float32),
        factor=factor.astype(np.float32),
        masked=masked if masked is not None and masked.any() else None,
        saturation=full,
        matrix=None if matrix is None else np.ascontiguousarray(matrix.coefficients.T),
        matrix_first=matrix is not None and matrix.first,
        wavelengths_nm=matrix.wavelengths_nm if matrix is not None else _peaks(file) if file is not None else None,
        sensor=_layout(references.bright or references.dark) if file is None else file.sensor,
        exposure_ms=options.exposure_ms or (None if bright is None else bright.exposure_ms),
        gain_db=options.gain_db if options.gain_db is not None or bright is None else bright.gain_db,
        facts=_facts(references, matrix),
    )


def open_reference(place: str | os.PathLike[str], sensor_file: SensorFile | None = None, **reading: Any) -> Sequence:
    """A reference as a sequence: whatever `spectrack.open_sequence` takes, and a single image too.

    Args:
        place: folder or file.
        sensor_file: says how mosaics are laid out where no sensor is named.
        reading: as the arguments of `spectrack.open_sequence`.

    Raises:
        SequenceError: see there.
    """
    path = Path(place)
    if reading.get("sensor") is None and sensor_file is not None:
        reading = {**reading, "sensor": sensor_file.sensor}
    if path.is_file() and path.suffix.lower() in IMAGE_SUFFIXES:
        try:
            return open_sequence(path.parent, pattern=glob.escape(path.name), truth=np.zeros((0, 4)), **reading)
        except ConfigError:
            return open_sequence(path, truth=np.zeros((0, 4)), **reading)
    return open_sequence(path, truth=np.zeros((0, 4)), **reading)


def _bands(references: References) -> int:
    found = {
        "the dark reference": references.dark and references.dark.bands,
        "the white reference": references.bright and references.bright.bands,
        "the sensor file": references.sensor_file and references.sensor_file.sensor.bands,
    }
    known = {name: bands for name, bands in found.items() if bands}
    if len(set(known.values())) > 1:
        told = ", ".join(f"{bands} in {name}" for name, bands in known.items())
        raise SequenceError(f"expected the same bands everywhere, found {told}; use references of one camera")
    return next(iter(known.values()))


def _mean(what: What, sequence: Sequence, full: float | None, options: CalibrateOptions) -> Means:
    """(1 or height, width, bands) mean counts of a reference over its frames."""
    if sequence.is_rgb:
        raise SequenceError(
            f"expected counts of a hyperspectral camera as {what} reference, found colour pictures in {sequence.name}; "
            "name the raw recording"
        )
    total: Means = np.zeros((sequence.height, sequence.width, sequence.bands))
    saturated = np.zeros(total.shape[:2], dtype=bool)
    for number, cube in enumerate(sequence):
        check_finite(cube, name=f"frame {number} of {sequence.name}")
        total += cube
        if full is not None:
            saturated |= (cube >= full).any(axis=2)
    if saturated.mean() > _MOST_SATURATED:
        raise SequenceError(
            f"expected a {what} reference below {full:g} counts, found {100 * saturated.mean():.0f} % of the pixels of "
            f"{sequence.name} saturated; expose it for a shorter time"
        )
    mean = total / len(sequence)
    return mean.mean(axis=0, keepdims=True) if options.line_scan else mean


def _response(references: References, dark: Means, full: float | None, options: CalibrateOptions) -> Means | None:
    """Counts above the dark that the white or the panel gave; None without one."""
    if references.panel is not None:
        return _panel_response(references.panel, dark, full)
    if references.white is None:
        return None
    white = _mean("white", references.white, full, options)
    if dark.shape[0] != 1 and dark.shape != white.shape:
        raise SequenceError(
            f"expected references of one size, found a dark one of {dark.shape[1]} x {dark.shape[0]} and a white one "
            f"of {white.shape[1]} x {white.shape[0]} cube pixels; record both alike, or give --line-scan"
        )
    response = white - dark
    _check_brighter(np.median(response, axis=(0, 1)), np.median(dark, axis=(0, 1)), references.white.name)
    return response


def _panel_response(panel: Panel, dark: Means, full: float | None) -> Means:
    sequence, box = panel.sequence, panel.box
    check_box_in_frame(box, sequence.height, sequence.width)
    if min(box[:2]) < 0 or box[0] + box[2] > sequence.width or box[1] + box[3] > sequence.height:
        raise ConfigError(
            f"expected a panel within the {sequence.width} x {sequence.height} cube pixels of {sequence.name}, found "
            f"{format_box(box)}; draw the box inside the panel"
        )
    if not 0 <= panel.frame < len(sequence):
        raise ConfigError(
            f"expected a frame of {sequence.name} from 0 to {len(sequence) - 1} with the panel, found {panel.frame}; "
            "count from 0"
        )
    x0, y0, x1, y1 = pixels_inside(box, sequence.height, sequence.width)
    size = (sequence.height, sequence.width)
    if any(side not in (1, own) for side, own in zip(dark.shape[:2], size, strict=True)):
        raise SequenceError(
            f"expected a dark reference of {sequence.width} x {sequence.height} cube pixels, as the panel's frame is, "
            f"found {dark.shape[1]} x {dark.shape[0]}; record one of this size"
        )
    if x0 >= x1 or y0 >= y1:
        raise ConfigError(f"expected a panel of a pixel or more, found {format_box(box)}; draw a larger box")
    counts = sequence.read(panel.frame, (x0, y0, x1, y1))
    check_finite(counts, name=f"frame {panel.frame} of {sequence.name}")
    seen = pixels_with_data(counts, sequence.no_data)
    usable = np.ones(counts.shape[:2], dtype=bool) if seen is None else seen
    if full is not None:
        usable &= (counts < full).all(axis=2)
    if usable.mean() < 1 - _MOST_SATURATED:
        raise SequenceError(
            f"expected a panel with data below saturation, found {100 * (1 - usable.mean()):.0f} % of its pixels "
            f"without in frame {panel.frame} of {sequence.name}; draw the box inside the panel, or expose shorter"
        )
    own = dark[:, :] if dark.shape[0] == 1 else dark[y0:y1]
    own = own if own.shape[1] == 1 else own[:, x0:x1]
    response = (counts - own)[usable].mean(axis=0)
    _check_brighter(response, own.mean(axis=(0, 1)), f"the panel in {sequence.name}")
    return np.asarray(response[None, None])


def _check_brighter(response: Means, dark: Means, what: str) -> None:
    wrong = np.flatnonzero(~(response > 0))
    if len(wrong):
        band = int(wrong[0])
        raise SequenceError(
            f"expected more counts from {what} than from the dark reference, found {response[band] + dark[band]:.1f} "
            f"and {dark[band]:.1f} in band {band + 1}; check which recording is which"
        )


def _factor(
    references: References, response: Means | None, matrix: CorrectionMatrix | None
) -> tuple[Means, NDArray[np.bool_] | None]:
    """What counts above the dark are multiplied by, and which cube pixels are dead."""
    first = matrix is not None and matrix.first
    if response is None:
        outputs = len(matrix.wavelengths_nm) if matrix is not None and first else _bands(references)
        return np.ones((1, 1, outputs)), None
    usual = np.median(response, axis=(0, 1))
    dead = np.asarray((response < _LEAST_RESPONSE * usual).any(axis=2))
    lit = np.where(dead[:, :, None], usual, response)
    if matrix is not None and first:
        lit = lit @ matrix.coefficients.T.astype(np.float64)
        if not (lit > 0).all():
            raise SequenceError(
                f"expected light in every virtual band of {matrix.name} from the white reference, found none in some; "
                "choose the matrix of your filters (--matrix)"
            )
    return _reflectance(references, matrix) / lit, dead if dead.shape != (1, 1) else None


def _reflectance(references: References, matrix: CorrectionMatrix | None) -> float | Means:
    """The white's reflectance: a number, or (bands,) in the bands that are divided."""
    given, bright, file = references.reflectance, references.bright, references.sensor_file
    if not isinstance(given, LibrarySpectrum):
        return float(given)
    if matrix is not None and matrix.first:
        centres: tuple[float, ...] | None = matrix.wavelengths_nm
    else:
        centres = (_peaks(file) if file is not None else None) or (bright.wavelengths_nm if bright else None)
    if centres is None:
        raise SequenceError(
            f"expected band centres to look the reflectance {given.name} up at, found none; give --sensor-file, write "
            "wavelengths_nm into a sequence.json beside the reference, or give one number"
        )
    found = given.in_bands(centres)
    if not (found > 0).all():
        raise SequenceError(
            f"expected a reflectance above 0 at all bands, {min(centres):g} to {max(centres):g} nm, found {given.name} "
            f"from {given.wavelengths_nm[0]:g} to {given.wavelengths_nm[-1]:g} nm; give one that covers them"
        )
    return found


def _layout(sequence: Sequence | None) -> Sensor | None:
    """How mosaics of the camera are laid out, as those of a reference are; None for cubes."""
    block = getattr(sequence, "block", None)
    if sequence is None or block is None:
        return None
    return SENSORS.get(sequence.sensor or "") or Sensor(sequence.sensor or "", sequence.bands, block, (), ())


def _peaks(file: SensorFile) -> tuple[float, ...] | None:
    return file.sensor.centres_nm or None


def _warn_of_exposure(references: References) -> None:
    dark, bright = references.dark, references.bright
    times = [None if one is None else one.exposure_ms for one in (dark, bright)]
    if times[0] is not None and times[1] is not None and times[0] != times[1]:
        _log.warning(
            "the dark reference was exposed for %g ms and the white one for %g ms; it is subtracted as it is", *times
        )


def _facts(references: References, matrix: CorrectionMatrix | None) -> dict[str, Any]:
    def of(sequence: Sequence | None) -> dict[str, Any] | None:
        return None if sequence is None else {"name": sequence.name, "frames": len(sequence)}

    panel, given = references.panel, references.reflectance
    return {
        "dark": of(references.dark),
        "white": of(references.white),
        "panel": None
        if panel is None
        else {"sequence": panel.sequence.name, "frame": panel.frame, "box": panel.box.tolist()},
        "reflectance": given.name if isinstance(given, LibrarySpectrum) else float(given),
        "sensor_file": None if references.sensor_file is None else references.sensor_file.sensor.name,
        "matrix": None if matrix is None else matrix.name,
    }
