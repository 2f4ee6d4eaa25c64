"""``spectrack calibrate``: dark and white references, or a panel in the scene, into one calibration file."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from tyro.conf import Positional, arg

from spectrack.calibration.options import CalibrateOptions
from spectrack.cli.console import print_facts, say
from spectrack.cli.reading import Reading
from spectrack.errors import ConfigError
from spectrack.signs import counted

if TYPE_CHECKING:
    from spectrack.calibrating import Panel, References
    from spectrack.calibration.calibration import Calibration
    from spectrack.calibration.sensor_files import SensorFile
    from spectrack.evidence.library import LibrarySpectrum


@dataclass(frozen=True)
class Calibrate:
    """Make a calibration, by which other commands read raw counts as reflectance (--calibration FILE).

    From recordings of a white surface and of the dark, or of a panel of known reflectance in the scene; with the
    sensor maker's XML file also its spectral correction, band centres and active area. Dead pixels are found, and they
    and saturated ones are masked where the calibration is used.
    """

    EXAMPLES: ClassVar[str] = """examples:
  spectrack calibrate --dark dark --white white --reflectance 0.99 --sensor vis16 --out camera.npz
  spectrack calibrate recordings/HSI --panel 10,12,20,20 --reflectance 0.5 --dark dark --out today.npz
  spectrack calibrate --sensor-file CMV2K-SSM5x5.xml --dark dark --white white --matrix hsi_675-975 --out camera.npz
  spectrack track recordings/HSI --calibration camera.npz --box 214,61,30,42 --out runs/car"""

    out: Annotated[Path, arg(metavar="FILE.npz")]
    """File for the calibration."""
    sequence: Annotated[Path | None, Positional, arg(metavar="SEQUENCE")] = None
    """The recording with the panel in it, as `spectrack track` reads it."""
    dark: Annotated[Path | None, arg(metavar="PLACE")] = None
    """Frames without light: a folder or a file; they are averaged."""
    white: Annotated[Path | None, arg(metavar="PLACE")] = None
    """Frames of a white or grey surface that fills the view, likewise."""
    panel: Annotated[str | None, arg(metavar="X,Y,W,H")] = None
    """Box of a panel in a frame of SEQUENCE, in cube pixels, in place of --white."""
    frame: int = 0
    """The frame with the panel, from 0."""
    reflectance: Annotated[str | None, arg(metavar="R|FILE")] = None
    """Reflectance of the white (1 by default) or the panel: a number, or a table of wavelengths and values."""
    sensor_file: Annotated[Path | None, arg(metavar="FILE.xml")] = None
    """Calibration file of the sensor's maker (IMEC's, as XIMEA and Photonfocus hand it on)."""
    options: CalibrateOptions = field(default_factory=CalibrateOptions)
    """How the references are used."""
    reading: Reading = field(default_factory=Reading)
    """How they are read."""

    def run(self) -> int:
        """Make it, write it, and say what it is."""
        from spectrack.calibrating import make_calibration
        from spectrack.calibration.files import write_calibration
        from spectrack.files import check_file, write_file

        if self.out.suffix.lower() != ".npz":
            raise ConfigError(f"expected a file name that ends with .npz, found {str(self.out)!r}; name such a file")
        if self.reading.calibration is not None:
            raise ConfigError("expected raw counts to calibrate with, found --calibration; leave it out")
        places = (self.sequence, self.dark, self.white, self.sensor_file, self._reflectance_file())
        terms = self.options.terms(tuple(place for place in places if place is not None))
        check_file(self.out, terms)
        calibration = make_calibration(self._references(), self.options)
        with write_file(self.out, terms) as file:
            write_calibration(file, calibration)
        print_facts([*describe_calibration(calibration), ("written to", str(self.out))])
        say(f"use it with --calibration {self.out}, as in spectrack track SEQUENCE --calibration {self.out}")
        return 0

    def _references(self) -> References:
        from spectrack.calibrating import References, open_reference
        from spectrack.calibration.sensor_files import read_sensor_file

        file = None if self.sensor_file is None else read_sensor_file(self.sensor_file)
        how = self._how()
        dark, white = (
            None if place is None else open_reference(place, file, **how) for place in (self.dark, self.white)
        )
        return References(dark, white, self._panel(file, how), self._reflectance(), file)

    def _how(self) -> dict[str, Any]:
        reading = self.reading
        return {
            "format": reading.format,
            "sensor": reading.sensor,
            "axes": reading.axes,
            "variable": reading.variable,
            "no_data": reading.missing,
        }

    def _panel(self, file: SensorFile | None, how: dict[str, Any]) -> Panel | None:
        if (self.panel is None) != (self.sequence is None):
            found = "a box without a sequence" if self.sequence is None else "a sequence without a box"
            raise ConfigError(f"expected SEQUENCE and --panel X,Y,W,H together, found {found}; give both, or neither")
        if self.panel is None or self.sequence is None:
            return None
        from spectrack.calibrating import Panel, open_reference
        from spectrack.cli.track import parse_box

        if self.reflectance is None:
            raise ConfigError("expected the panel's reflectance beside --panel, found none; give --reflectance 0.5")
        how = how if self.reading.pattern is None else how | {"pattern": self.reading.pattern}
        return Panel(open_reference(self.sequence, file, **how), parse_box(self.panel), self.frame)

    def _reflectance_file(self) -> Path | None:
        try:
            float(self.reflectance or "1")
        except ValueError:
            return Path(self.reflectance or "")
        return None

    def _reflectance(self) -> float | LibrarySpectrum:
        from spectrack.evidence.library import read_spectrum

        file = self._reflectance_file()
        return float(self.reflectance or "1") if file is None else read_spectrum(file)


def describe_calibration(calibration: Calibration) -> list[tuple[str, str]]:
    """What a calibration holds, as rows of name and value."""
    height, width = calibration.size
    size = "frames of any size" if height is None and width is None else f"frames of {width} x {height or 'any'} pixels"
    out = "" if calibration.matrix is None else f" in, {calibration.bands_out} virtual bands out"
    rows = [("gives", f"{calibration.unit} of {size}, {calibration.bands} bands{out}")]
    if calibration.wavelengths_nm:
        low, high = min(calibration.wavelengths_nm), max(calibration.wavelengths_nm)
        rows.append(("centres", f"{low:g} to {high:g} nm"))
    if calibration.facts.get("dark") is None:
        rows.append(("dark", "none: taken as 0 counts (--dark)"))
    rows.append(("dead", f"{counted(calibration.dead_pixels, 'pixel')}, masked in every frame"))
    full = calibration.saturation
    known = "not known: nothing is taken for saturated (--saturation)" if full is None else f"from {full:g} counts on"
    rows.append(("saturated", known))
    return rows
