"""open_sequence: one function for every supported format, decided by names where they are known and by content else.

What is where is settled in `layout`, which reader fits in `readers`; name, truth, side file and pictures come here.
"""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spectrack.annotations.attributes import read_attributes
from spectrack.boxes import from_zero
from spectrack.calibration.calibration import Calibration
from spectrack.calibration.files import read_calibration
from spectrack.errors import ConfigError, SequenceError, SpectrackError, nearest_name
from spectrack.files.manifest import STAGING, Manifest
from spectrack.sensors import SENSORS, Sensor, get_sensor
from spectrack.sequences.base import FileSequence, Sequence
from spectrack.sequences.calibrated import CalibratedSequence
from spectrack.sequences.faults import pass_over, passed_over
from spectrack.sequences.footage import read_footage
from spectrack.sequences.layout import Layout, find_layout, frame_kinds
from spectrack.sequences.readers import FORMATS, detect_format, open_format
from spectrack.sequences.requests import Request
from spectrack.sequences.truth import add_truth

_log = logging.getLogger(__name__)

_WRITTEN = {"sequence", "conversion"}
"""Kinds of results that are opened as sequences."""


@dataclass(frozen=True)
class Options:
    """How frames are read where it cannot be told; each field as the argument of `open_sequence`.

    Raises:
        ConfigError: an unknown format.
        BoxError: an origin other than 0 and 1.
    """

    format: str | None = None
    sensor: str | Sensor | None = None
    axes: str | None = None
    variable: str | None = None
    no_data: float | None = None
    pattern: str | None = None
    origin: int = 0
    calibration: Calibration | str | os.PathLike[str] | None = None

    def __post_init__(self) -> None:
        from_zero(np.zeros((0, 4)), self.origin)
        if self.format is not None and self.format not in FORMATS:
            raise ConfigError(f"expected a format, found {self.format!r}; {nearest_name(self.format, FORMATS)}")


def open_sequence(
    path: str | os.PathLike[str],
    *,
    format: str | None = None,
    sensor: str | Sensor | None = None,
    axes: str | None = None,
    variable: str | None = None,
    no_data: float | None = None,
    pattern: str | None = None,
    truth: str | os.PathLike[str] | ArrayLike | None = None,
    name: str | None = None,
    twin: str | os.PathLike[str] | None = None,
    origin: int = 0,
    calibration: Calibration | str | os.PathLike[str] | None = None,
) -> Sequence:
    """Open a hyperspectral (or ordinary RGB) video; frames are read when they are asked for.

    Accepted are a sequence folder of the field's data sets (any of its streams; the hyperspectral one by default), a
    folder of frame files, one file with all frames, a video file, and what `write_sequence` wrote.

    Args:
        path: folder or file.
        format: one of `FORMATS`; None to find out.
        sensor: the camera: a name of `spectrack.sensors`, or a `Sensor`. Says how mosaics are laid out and how many
            bands arrays have. The centres of a named sensor are not taken over: real cameras differ.
        axes: order of an array's axes, letters t, h, w, b such as ``thwb``; None to infer it from the sizes.
        variable: name of the array in .npz, .mat and HDF5 files that hold several.
        no_data: what stands where a cube has no data, such as -9999; frames have 0 there. None for what its file says
            (ENVI's "data ignore value", GDAL's tag, "_FillValue"); NaN, in a file without NaN, for nothing.
        pattern: which files of a folder are its frames, such as ``left_*.png``; needed where there are several series
            of names. ``*`` takes all as one video.
        truth: a truth file or (N, 4) boxes; None for the file that the data set's layout has.
        name: name of the sequence; None for that of its folder.
        twin: the sequence's false-colour folder, for its truth, attributes and pictures; None for the layout's own.
        origin: index of the first pixel in files of truth and first boxes: 1 for those of OTB, LaSOT and MATLAB tools.
        calibration: of the camera, or its file, as ``spectrack calibrate`` writes it: frames are reflectances, 0 in
            every band of a dead or saturated pixel. None hands the raw counts out.

    Returns:
        The sequence. Of truth with more rows than frames those are taken that the numbers of the frame files tell, else
        the first; of truth with fewer rows, found beside the frames, the first row is the first box and the rest is not
        used. Both are logged as a warning.

    Raises:
        SequenceNotFoundError: nothing at `path`, or no frames.
        SequenceError: frames, or truth that was named, are damaged or do not fit; format, mosaic pattern or axis order
            is unclear. Side files that were only found are passed over with a warning; see `Sequence.faults`.
        ConfigError: an unknown format, sensor or axis letter, or an option that means nothing to the format found.
    """
    layout = find_layout(Path(path), twin=None if twin is None else Path(twin))
    options = Options(format, sensor, axes, variable, no_data, pattern, origin, calibration)
    return open_layout(layout, options, truth=truth, name=name)


def open_layout(
    layout: Layout,
    options: Options | None = None,
    *,
    truth: str | os.PathLike[str] | ArrayLike | None = None,
    name: str | None = None,
) -> Sequence:
    """`open_sequence` of what `find_layout` found.

    Args:
        layout: where things lie.
        options: how the frames are read.
        truth: as there.
        name: as there.

    Raises:
        See `open_sequence`.
    """
    options = options or Options()
    _refuse_unfinished(layout.frames)
    calibration, file = read_given(options)
    sequence = _open(_request(layout, options, calibration), options.format, name)
    add_truth(sequence, layout, truth, options.origin)
    _add_pictures(sequence, layout)
    return sequence if calibration is None else CalibratedSequence(sequence, calibration, file)


def open_frame_file(file: Path, options: Options | None = None) -> FileSequence:
    """One frame file of a folder that others are still written to, as a sequence of one frame that reads those as well.

    What stands beside the frames is used as `open_sequence` uses it, but for what a row or a picture a frame is.

    Args:
        file: an image, an array or an ENVI header.
        options: how the frames are read.

    Raises:
        See `open_sequence`; and SequenceError for a kind that has no file a frame.
    """
    options = options or Options()
    sequence = _open(replace(_request(find_layout(file.parent), options, None), only=file), options.format, None)
    if not isinstance(sequence, FileSequence):
        raise SequenceError(
            f"expected a file a frame in {file.parent}, found {file.name}, which is not one; write mosaic PNG, TIFF, "
            "ENVI, .npy, .npz, .mat, HDF5, JPEG or PNG"
        )
    return sequence


def _refuse_unfinished(frames: Path) -> None:
    """Refuse what a killed command left in its place: some of the frames, which would pass for a shorter video."""
    if any(part.startswith(STAGING) for part in frames.parts):
        return  # read back by the command that is writing it
    for place in (frames, frames.parent):
        with suppress(ConfigError):  # somebody else's file of that name
            manifest = Manifest.read(place)
            if manifest.is_interrupted and {run.kind for run in manifest.runs.values()} <= _WRITTEN:
                raise SequenceError(
                    f"expected whole frames in {place}, found those of a command that was interrupted; give that "
                    "command once more"
                )


def _request(layout: Layout, options: Options, calibration: Calibration | None) -> Request:
    return Request(
        layout,
        sensor=_sensor(options.sensor, layout, None if calibration is None else calibration.sensor),
        sensor_given=options.sensor is not None,
        axes=options.axes,
        variable=options.variable,
        no_data=options.no_data,
        pattern=options.pattern,
        faults=[layout.fault] if layout.fault else [],
    )


def _open(request: Request, format: str | None, name: str | None) -> Sequence:
    """What was found, with what is known of it besides truth and pictures."""
    try:
        sequence = open_format(detect_format(request, format), request)
    except SpectrackError:
        for fault in request.faults:
            _log.warning("%s", fault)  # it may have said what is missing now
        raise
    except OSError as error:
        raise SequenceError(
            f"expected readable frames in {request.layout.frames}, found: {error.strerror or error}; check the files"
        ) from error
    _describe(sequence, request, name)
    return sequence


def read_given(options: Options) -> tuple[Calibration | None, Path | None]:
    """The calibration that is given, if one is, and the file that it was read from."""
    given = options.calibration
    if given is None or isinstance(given, Calibration):
        return given, None
    return read_calibration(given), Path(given)


def _sensor(given: str | Sensor | None, layout: Layout, calibrated: Sensor | None) -> Sensor | None:
    if isinstance(given, Sensor):
        return given
    if given is not None:
        return get_sensor(given)
    if calibrated is not None:
        return calibrated
    recorded = layout.side.sensor
    return SENSORS.get(recorded) if recorded is not None else None


def _describe(sequence: Sequence, request: Request, name: str | None) -> None:
    side, sensor = request.layout.side, request.sensor
    sequence.name = name or side.name or request.layout.name
    for fault in request.faults:
        pass_over(sequence, fault)
    if sensor is not None and not sequence.is_rgb and sensor.bands != sequence.bands:
        text = (
            f"expected the {sensor.bands} bands of sensor {sensor.name} in {request.layout.frames}, "
            f"found {sequence.bands}; name the right sensor, or the axis order with axes=... (--axes)"
        )
        if request.sensor_given:
            raise SequenceError(text)
        pass_over(sequence, text)
        sensor = None
    sequence.sensor = sensor.name if sensor is not None and not sequence.is_rgb else side.sensor or sequence.sensor
    sequence.fps = side.fps or sequence.fps
    sequence.unit = side.unit or sequence.unit
    sequence.exposure_ms = side.exposure_ms or sequence.exposure_ms
    sequence.gain_db = sequence.gain_db if side.gain_db is None else side.gain_db
    sequence.attributes = side.attributes
    if not side.attributes and request.layout.description:
        with passed_over(sequence):
            sequence.attributes = read_attributes(request.layout.description)
    sequence.is_rgb = side.is_rgb if side.is_rgb is not None else sequence.is_rgb
    sequence._metadata = side.simulation or None
    _add_wavelengths(sequence, request)
    if request.only is None:
        _check_counts(sequence, request)


def _check_counts(sequence: Sequence, request: Request) -> None:
    """Hold what the side file says of every frame against the frames that there are."""
    side = request.layout.side
    if side.frames is not None and side.frames != len(sequence):
        pass_over(
            sequence,
            f"expected the {side.frames} frames that {side.path} records, "
            f"found {len(sequence)} in {request.layout.frames}; copy the missing frames or correct the side file",
        )
    if side.visibility is not None and len(side.visibility) >= len(sequence):
        sequence.visibility = np.array(side.visibility[: len(sequence)], dtype=np.float64)
    elif side.visibility is not None:
        pass_over(
            sequence,
            f"expected a visibility for each of the {len(sequence)} frames in {side.path}, "
            f"found {len(side.visibility)}; correct the file",
        )


def _add_wavelengths(sequence: Sequence, request: Request) -> None:
    side, sensor = request.layout.side, request.sensor
    if side.wavelengths_nm is not None:
        sequence.wavelengths_nm = side.wavelengths_nm
    elif sequence.wavelengths_nm is None and sensor and request.sensor_given and sensor not in SENSORS.values():
        # The user described this very camera, so its centres are measured; those of a named one are nominal.
        sequence.wavelengths_nm = sensor.centres_nm or None
    if sequence.wavelengths_nm is not None and len(sequence.wavelengths_nm) != sequence.bands:
        pass_over(
            sequence,
            f"expected one wavelength for each of the {sequence.bands} bands of {request.layout.frames}, "
            f"found {len(sequence.wavelengths_nm)}; correct the side file or the header",
        )
        sequence.wavelengths_nm = None


def _add_pictures(sequence: Sequence, layout: Layout) -> None:
    """Let the data set's own false-colour images show the frames, when they are as many and of the cube's size."""
    if layout.pictures is None or sequence.is_rgb:
        return
    files = frame_kinds(layout.pictures).get("image", [])
    if len(files) != len(sequence):
        _log.info("%s holds %d pictures for %d frames; they are not used", layout.pictures, len(files), len(sequence))
        return
    size, wanted = read_footage(files[0]).shape[:2], (sequence.height, sequence.width)
    if size != wanted:
        _log.info("%s holds pictures of %s, not of the cube's %s; they are not used", layout.pictures, size, wanted)
        return
    sequence._pictures = Pictures(files)


class Pictures:
    """A data set's false-colour images, by frame index."""

    def __init__(self, files: list[Path]) -> None:
        self.files = files

    def __call__(self, i: int) -> NDArray[np.uint8]:
        """Image `i`: (height, width, 3) uint8, R, G, B."""
        return read_footage(self.files[i])
