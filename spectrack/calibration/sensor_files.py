"""The calibration files of sensor makers: the XML that comes with IMEC's snapshot mosaic sensors.

XIMEA and Photonfocus hand the same file on with their cameras. Its layout is not published; what is read here was
found in public programs that read such files. docs/reflectance.md names the elements, and says what is our reading.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element

import numpy as np
from numpy.typing import NDArray

from spectrack.annotations.untrusted_files import parse_xml, read_file
from spectrack.errors import ConfigError, SequenceError, nearest_name
from spectrack.sensors import Sensor

_WHAT = "the calibration of a sensor"
_LARGEST_BLOCK = 16
_LARGEST_SIDE = 1_000_000
_BEFORE_DIVISION = "tacktile"
"""The algorithm whose matrix is made for counts; XIMEA's header says of another, bcls, that it is for reflectance."""


@dataclass(frozen=True, eq=False)
class CorrectionMatrix:
    """A spectral correction: virtual bands of which each is a sum of the sensor's own.

    Attributes:
        name: such as ``hsi_675-975``; the optical filters that it is made for.
        wavelengths_nm: (virtual bands,) their centres.
        coefficients: (virtual bands, bands) float32.
        first: it is for counts, before they are divided by the white reference's.
    """

    name: str
    wavelengths_nm: tuple[float, ...]
    coefficients: NDArray[np.float32]
    first: bool


@dataclass(frozen=True)
class SensorFile:
    """What such a file tells.

    Attributes:
        sensor: name of the file, pattern, active area and the highest peak of each band.
        matrices: the spectral corrections, one for each set of optical filters.
        bit_depth: of the sensor's counts, or None.
    """

    sensor: Sensor
    matrices: tuple[CorrectionMatrix, ...]
    bit_depth: int | None

    def matrix(self, name: str | None) -> CorrectionMatrix | None:
        """The matrix of a name; without one, the only one there is; None for ``none`` and for a file without.

        Raises:
            ConfigError: there are several, or none of that name.
        """
        known = {matrix.name: matrix for matrix in self.matrices}
        if name == "none" or (name is None and not known):
            return None
        if name is None and len(known) == 1:
            return self.matrices[0]
        if name is None:
            raise ConfigError(
                f"expected one correction matrix in {self.sensor.name}, found {len(known)} ({', '.join(known)}); "
                "choose that of your optical filters with --matrix, or none"
            )
        if name not in known:
            raise ConfigError(f"expected a correction matrix, found {name!r}; {nearest_name(name, [*known, 'none'])}")
        return known[name]


def read_sensor_file(path: str | os.PathLike[str]) -> SensorFile:
    """Read the XML of a snapshot mosaic sensor.

    Raises:
        SequenceError: no such file, unsafe XML, another layout, or numbers that do not fit together.
    """
    where = Path(path)
    root = parse_xml(read_file(where, _WHAT), where)
    if root.tag != "sensor_calibration":
        older = " (the layout of 2015, which counts rows from below)" if root.tag == "calibration" else ""
        raise SequenceError(
            f"expected <sensor_calibration> in {where}, found <{root.tag[:40]}>{older}; ask the camera's maker for a "
            "sensor file of today's layout"
        )
    zones = root.findall("filter_info/filter_zones/filter_zone")
    if len(zones) != 1:
        raise SequenceError(f"expected one filter zone in {where}, found {len(zones)}; only mosaic sensors are read")
    zone = zones[0]
    layout = zone.get("layout") or root.find("filter_info").get("layout") or "MOSAIC"  # type: ignore[union-attr]
    across, down = (_whole(zone, name, where, 2, _LARGEST_BLOCK) for name in ("pattern_width", "pattern_height"))
    if layout.upper() != "MOSAIC" or across != down:
        raise SequenceError(
            f"expected a square mosaic pattern in {where}, found {layout[:20]} of {across} x {down}; only such sensors "
            "are read"
        )
    bands = across * down
    sensor = Sensor(where.stem, bands, across, _peaks(zone, bands, where), (), area=_area(zone, across, where))
    depth = root.find("sensor_info/input_bpp")
    bits = None if depth is None else _whole(root, "sensor_info/input_bpp", where, 1, 32)
    found = root.findall("system_info/spectral_correction_info/correction_matrices/correction_matrix")
    return SensorFile(sensor, tuple(_matrix(item, bands, index, where) for index, item in enumerate(found)), bits)


def _area(zone: Element, block: int, where: Path) -> tuple[int, int, int, int] | None:
    """x, y, width and height of the pixels under filters, whole blocks of them."""
    if zone.find("filter_area") is None:
        return None
    x, y = (_whole(zone, f"filter_area/{name}", where, 0, _LARGEST_SIDE) for name in ("offset_x", "offset_y"))
    sides = (_whole(zone, f"filter_area/{name}", where, block, _LARGEST_SIDE) for name in ("width", "height"))
    width, height = (side // block * block for side in sides)
    return x, y, width, height


def _peaks(zone: Element, bands: int, where: Path) -> tuple[float, ...]:
    """The centre of each band's first peak, by its place in the pattern, row by row; empty where the file has none."""
    peaks: dict[int, float] = {}
    for place, band in enumerate(zone.findall("bands/band")):
        index = band.get("index") or band.get("pattern_position_index") or str(place)
        order = {peak.get("order", "1"): peak for peak in reversed(band.findall(".//peak"))}
        first = order.get("1")
        if index.isdecimal() and len(index) < 4 and first is not None:
            peaks[int(index)] = _numbers(first.findtext("wavelength_nm"), "wavelength_nm of a peak", where, 1)[0]
    if not peaks:
        return ()
    if set(peaks) != set(range(bands)):
        raise SequenceError(
            f"expected a peak for each of the {bands} bands in {where}, found {len(peaks)}; ask the maker for the file "
            "again"
        )
    return tuple(peaks[index] for index in range(bands))


def _matrix(item: Element, bands: int, index: int, where: Path) -> CorrectionMatrix:
    virtual = item.findall("virtual_bands/virtual_band")
    name = (item.findtext("name") or "").strip()[:80] or f"matrix-{index + 1}"
    if not virtual:
        raise SequenceError(f"expected virtual bands in the matrix {name} of {where}, found none; name another file")
    rows = [_numbers(band.findtext("coefficients"), f"coefficients of {name}", where, bands) for band in virtual]
    centres = [_numbers(band.findtext("wavelength_nm"), f"wavelength_nm of {name}", where, 1)[0] for band in virtual]
    first = (item.findtext("algorithm") or item.get("algorithm") or "").strip().lower() == _BEFORE_DIVISION
    return CorrectionMatrix(name, tuple(centres), np.array(rows, dtype=np.float32), first)


def _whole(item: Element, name: str, where: Path, low: int, high: int) -> int:
    text = (item.findtext(name) or "").strip()
    if not (text.isascii() and text.isdigit() and len(text) < 9 and low <= int(text) <= high):
        raise SequenceError(
            f"expected {name} from {low} to {high} in {where}, found {text[:20]!r}; ask the maker for the file again"
        )
    return int(text)


def _numbers(text: str | None, what: str, where: Path, count: int) -> list[float]:
    try:
        found = [float(part) for part in (text or "").replace(",", " ").split()]
    except ValueError:
        found = []
    if len(found) != count or not np.isfinite(found).all():
        raise SequenceError(
            f"expected {count} finite numbers as {what} in {where}, found {len(found)} in "
            f"{(text or '').strip()[:40]!r}; ask the maker for the file again"
        )
    return found
