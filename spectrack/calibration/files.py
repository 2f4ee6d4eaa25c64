"""The file of a calibration: one .npz of plain arrays and a text of JSON, read without trusting it."""

from __future__ import annotations

import json
import os
import zipfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spectrack.calibration.calibration import Calibration, Unit, check_setting
from spectrack.errors import ConfigError, SequenceError
from spectrack.sensors import Sensor
from spectrack.tables import from_table, require

KIND = "spectrack calibration"
_LARGEST = 2**31
_ARRAYS = {"dark": "f", "factor": "f", "masked": "b", "matrix": "f"}


@dataclass(frozen=True)
class _Mosaic:
    """How mosaics are laid out, as a calibration's file says it."""

    name: str
    bands: int
    block: int | None
    centres_nm: tuple[float, ...] = ()
    area: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        require(self.bands > 0, "bands", "a positive number", self.bands)
        require(self.block is None or self.bands <= self.block**2, "block", "room for all bands", self.block)
        area = self.area
        fits = area is None or (len(area) == 4 and min(area[:2]) >= 0 and min(area[2:]) > 0)
        require(fits, "area", "x, y, width and height", area)

    def sensor(self) -> Sensor:
        area = None if self.area is None else (self.area[0], self.area[1], self.area[2], self.area[3])
        return Sensor(self.name, self.bands, self.block, self.centres_nm, (), area=area)


@dataclass(frozen=True)
class _About:
    """The text in a calibration's file."""

    kind: str
    version: int
    unit: Unit
    saturation: float | None = None
    matrix_first: bool = False
    wavelengths_nm: tuple[float, ...] | None = None
    mosaic: _Mosaic | None = None
    exposure_ms: float | None = None
    gain_db: float | None = None
    facts: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        require(self.kind == KIND, "kind", repr(KIND), self.kind)
        require(self.version == 1, "version", "1", self.version)
        require(self.saturation is None or self.saturation > 0, "saturation", "a positive number", self.saturation)
        check_setting(self.exposure_ms, self.gain_db)


def write_calibration(path: str | os.PathLike[str], calibration: Calibration) -> None:
    """Write a calibration into a file that the caller may write to; its name must end with .npz."""
    sensor = calibration.sensor
    mosaic = (
        None
        if sensor is None
        else _Mosaic(sensor.name, sensor.bands, sensor.block, tuple(sensor.centres_nm), sensor.area)
    )
    about = _About(
        KIND,
        1,
        calibration.unit,
        calibration.saturation,
        calibration.matrix_first,
        calibration.wavelengths_nm,
        mosaic,
        calibration.exposure_ms,
        calibration.gain_db,
        calibration.facts,
    )
    arrays = {name: getattr(calibration, name) for name in _ARRAYS}
    kept = {name: array for name, array in arrays.items() if array is not None}
    np.savez_compressed(path, about=np.array(json.dumps(asdict(about), allow_nan=False)), **kept)


def read_calibration(path: str | os.PathLike[str]) -> Calibration:
    """Read what ``spectrack calibrate`` wrote.

    Args:
        path: the .npz file.

    Raises:
        SequenceError: there is none, or it is no calibration, or damaged.

    Example:
        >>> import spectrack
        >>> calibration = spectrack.read_calibration("camera.npz")  # doctest: +SKIP
        >>> sequence = spectrack.open_sequence("recordings/HSI", calibration=calibration)  # doctest: +SKIP
    """
    place = Path(path)
    arrays = _read_arrays(place)
    try:
        values = json.loads(str(arrays.pop("about")))
        about = from_table(_About, values, str(place), error=SequenceError)
        return Calibration(
            about.unit,
            arrays["dark"],
            arrays["factor"],
            arrays.get("masked"),
            about.saturation,
            arrays.get("matrix"),
            about.matrix_first,
            about.wavelengths_nm,
            None if about.mosaic is None else about.mosaic.sensor(),
            about.exposure_ms,
            about.gain_db,
            about.facts,
        )
    except SequenceError:
        raise
    except (ValueError, KeyError, RecursionError) as error:
        found = str(error) if isinstance(error, ConfigError) else f"{type(error).__name__} {str(error)[:80]}"
        raise SequenceError(
            f"expected a calibration that spectrack calibrate wrote in {place}, found: {found.split('; ')[0]}; make it "
            "again"
        ) from error


def _read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of the file, each of its kind of numbers."""
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(member.file_size for member in archive.infolist())
        if size > _LARGEST:
            raise ValueError(f"{size} bytes of arrays")
        with np.load(path, allow_pickle=False) as stored:
            found = {name: np.asarray(stored[name]) for name in ("about", *_ARRAYS) if name in stored.files}
    except OSError as error:
        raise SequenceError(
            f"expected a calibration file at {path}, found: {error.strerror or error}; make one (spectrack calibrate)"
        ) from error
    except Exception as error:  # a damaged archive fails in as many ways as there are bytes
        raise SequenceError(
            f"expected a calibration file of spectrack calibrate at {path}, found: {str(error)[:100]}; make it again"
        ) from error
    if "about" not in found or found["about"].dtype.kind != "U":
        raise SequenceError(
            f"expected a calibration file of spectrack calibrate at {path}, found other arrays; name the right file"
        )
    for name, kind in _ARRAYS.items():
        if name in found and found[name].dtype.kind != kind:
            raise SequenceError(
                f"expected {name} of another type in {path}, found {found[name].dtype}; make the calibration again"
            )
    return {name: array.astype(np.float32) if array.dtype.kind == "f" else array for name, array in found.items()}
