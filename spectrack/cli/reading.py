"""Options of commands that read one sequence: how, where that cannot be told; and what to search for in it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import arg

from spectrack.errors import ConfigError, InputError

if TYPE_CHECKING:
    from spectrack.evidence.library import LibrarySpectrum
    from spectrack.sequences.base import Sequence
    from spectrack.sequences.opening import Options


@dataclass(frozen=True)
class Reading:
    """How a sequence is read.

    Attributes:
        format: How to read frames, where it cannot be told: hotc, envi, npy, npz, mat, hdf5, tiff, triplets, images,
            video.
        sensor: The camera, where it cannot be told: vis16, nir25, rednir15.
        pattern: Which files of a folder are its frames, such as 'left_*.png', where there are several series of names.
        axes: Order of an array's axes: t, h, w, b, such as thwb.
        variable: Array to read from .npz, .mat and HDF5 files that hold several.
        no_data: What stands where cubes have no data, such as -9999, and is read as 0; by default what their files say.
        origin: Index of the first pixel in files of boxes: 1 for those of OTB, LaSOT and MATLAB tools.
        calibration: File of `spectrack calibrate`: raw counts become reflectance, dead and saturated pixels are masked.
    """

    format: Annotated[str | None, arg(metavar="NAME")] = None
    sensor: Annotated[str | None, arg(metavar="NAME")] = None
    pattern: Annotated[str | None, arg(metavar="GLOB")] = None
    axes: Annotated[str | None, arg(metavar="LETTERS")] = None
    variable: Annotated[str | None, arg(metavar="NAME")] = None
    no_data: Annotated[str | None, arg(metavar="VALUE|none")] = None
    origin: Annotated[int, arg(metavar="0|1")] = 0
    calibration: Annotated[Path | None, arg(metavar="FILE")] = None

    @property
    def missing(self) -> float | None:
        """What stands where there is no data, as a number."""
        return None if self.no_data is None else parse_no_data(self.no_data)

    def options(self) -> Options:
        """The same as the package's functions take it."""
        from spectrack.sequences.opening import Options

        return Options(
            format=self.format,
            sensor=self.sensor,
            pattern=self.pattern,
            axes=self.axes,
            variable=self.variable,
            no_data=self.missing,
            origin=self.origin,
            calibration=self.calibration,
        )

    def open(self, place: Path, truth: Path | None = None) -> Sequence:
        """The sequence at a place."""
        from spectrack.sequences.layout import find_layout
        from spectrack.sequences.opening import open_layout

        return open_layout(find_layout(place), self.options(), truth=truth)


@dataclass(frozen=True)
class Wanted:
    """What is searched for in whole frames.

    Attributes:
        spectrum: Table of a material's spectrum to search for: wavelengths in nm or um, then values.
        spectrum_column: Which column of that table, by its heading or its number from 1, where it holds several.
        point: A pixel in the first frame, column and row in cube pixels, to search for what is like it.
    """

    spectrum: Annotated[Path | None, arg(metavar="FILE")] = None
    spectrum_column: Annotated[str | None, arg(metavar="NAME|N")] = None
    point: Annotated[str | None, arg(metavar="X,Y")] = None

    def read_spectrum(self) -> LibrarySpectrum | None:
        """The spectrum, where one is given."""
        from spectrack.evidence.library import read_spectrum

        if self.spectrum is None and self.spectrum_column is not None:
            raise ConfigError("expected --spectrum beside --spectrum-column, found none; give a file")
        return None if self.spectrum is None else read_spectrum(self.spectrum, self.spectrum_column)

    def parse_point(self) -> tuple[int, int] | None:
        """The point, where one is given.

        Raises:
            InputError: not two numbers.
        """
        if self.point is None:
            return None
        try:
            x, y = (float(part) for part in self.point.replace(",", " ").split())
            return int(x // 1), int(y // 1)
        except (ValueError, OverflowError) as error:
            raise InputError(
                f"expected a point of two numbers x,y, found {self.point!r}; give for example --point 214,61"
            ) from error


def parse_no_data(text: str) -> float:
    """A number, or NaN for ``none``: nothing stands for "no data".

    Raises:
        ConfigError: other words.
    """
    try:
        return float("nan" if text.lower() == "none" else text)
    except ValueError as error:
        raise ConfigError(
            f"expected a number or none for --no-data, found {text!r}; give what stands in the cubes, such as -9999"
        ) from error


def mosaic_block(sequence: Sequence) -> int:
    """Side of the mosaic pattern that the cubes of a sequence came from.

    Raises:
        ConfigError: neither its frames nor its camera tell.
    """
    from spectrack.sensors import SENSORS

    sensor = SENSORS.get(sequence.sensor or "")
    block = getattr(sequence, "block", None) or (sensor.block if sensor is not None else None)
    if block is None:
        raise ConfigError(
            f"expected mosaics to divide a box by their block, found cubes of an unknown camera in {sequence.name}; "
            "name it with --sensor, or give the box in cube pixels"
        )
    return int(block)
