"""Spectra of materials from text files, as spectrometers and spectral libraries write them, seen in a camera's bands.

Read are columns of numbers under any heading: wavelength first, then one spectrum or several. Commas, semicolons, tabs
and spaces separate; decimal commas are read where something else separates. Lines before the numbers may say anything,
such as the ``Name:`` and ``X Units:`` of ECOSTRESS; deleted points of the USGS library (-1.23e34) are left out.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spectrack.errors import InputError, nearest_name

_LARGEST_FILE = 64 * 2**20
_DELETED = 1e30
_COMMENT = "#"

_UNITS = {
    "nm": (1.0, re.compile(r"(?<![a-z])(nm|nanomet(er|re)s?)(?![a-z])")),
    "um": (1000.0, re.compile(r"(?<![a-z])([uµμ]m|microns?|micromet(er|re)s?)(?![a-z])")),
}
_WAVENUMBER = re.compile(r"wave ?number|cm ?\^?-1|cm⁻¹")
_WAVELENGTH = re.compile(r"wave|lambda|λ")

_LARGEST_UM, _SMALLEST_NM = 30.0, 100.0
"""Wavelengths that are all below, or all above, can only be in one of the units: cameras see 0.2 to 15 um."""

_REACH = 1.5
_PLACES: NDArray[np.float64] = np.linspace(-_REACH, _REACH, 61)
"""Where a band's response is sampled, in widths at half maximum from its centre."""


@dataclass(frozen=True)
class LibrarySpectrum:
    """The spectrum of a material, reflectance or radiance; only its shape counts, so any unit will do.

    Attributes:
        name: what the file calls it.
        wavelengths_nm: (n,) ascending, at least two.
        values: (n,) at least 0, not all 0.
    """

    name: str
    wavelengths_nm: NDArray[np.float64]
    values: NDArray[np.float64]

    def in_bands(self, centres_nm: ArrayLike, fwhm_nm: ArrayLike | None = None) -> NDArray[np.float64]:
        """What bands with Gaussian responses see of it.

        Args:
            centres_nm: (bands,) in any order.
            fwhm_nm: (bands,) full widths at half maximum; by default the distance to the next bands.

        Returns:
            (bands,) mean under each response; NaN where the spectrum does not cover a band's width at half maximum.

        Example:
            >>> import numpy as np
            >>> ramp = LibrarySpectrum("ramp", np.array([400.0, 700.0]), np.array([0.0, 3.0]))
            >>> ramp.in_bands([500, 600, 800], [10, 10, 10]).round(6).tolist()
            [1.0, 2.0, nan]
        """
        centres = np.asarray(centres_nm, dtype=np.float64)
        widths = spacing(centres) if fwhm_nm is None else np.asarray(fwhm_nm, dtype=np.float64)
        low, high = self.wavelengths_nm[0], self.wavelengths_nm[-1]
        places = centres[:, None] + widths[:, None] * _PLACES
        weights = np.exp(-4 * np.log(2) * _PLACES**2) * ((places >= low) & (places <= high))
        seen = (np.interp(places, self.wavelengths_nm, self.values) * weights).sum(axis=1)
        covered = (centres - widths / 2 >= low) & (centres + widths / 2 <= high)
        return np.where(covered, seen / np.maximum(weights.sum(axis=1), 1e-12), np.nan)


def spacing(centres: NDArray[np.float64]) -> NDArray[np.float64]:
    """(bands,) mean distance of each band's centre to the next ones of other centres, in nm.

    Example:
        >>> spacing(np.array([500.0, 520.0, 510.0, 550.0])).tolist()
        [10.0, 20.0, 10.0, 30.0]
    """
    places, inverse = np.unique(centres, return_inverse=True)
    return np.asarray(np.gradient(places)[inverse] if len(places) > 1 else np.ones(len(centres)))


def read_spectrum(path: str | os.PathLike[str], column: str | None = None) -> LibrarySpectrum:
    """Read a spectrum from a text file; see the module.

    Args:
        path: the file.
        column: which column of values, by its heading or by its number in the file from 1; needed where there are
            several.

    Raises:
        InputError: no such file or column; not a table; wavelengths in neither nm nor um, or in either; values that
            are no reflectance.
    """
    table = _Table.read(Path(path))
    factor = _unit(table)
    chosen = table.column(column)
    wavelengths, values = table.rows[:, table.axis] * factor, table.rows[:, chosen]
    kept = ~((np.abs(values) > _DELETED) | np.isnan(wavelengths))
    _check(table, wavelengths, values, kept)
    order = np.argsort(wavelengths[kept], kind="stable")
    return LibrarySpectrum(table.name_of(chosen), wavelengths[kept][order], values[kept][order])


@dataclass(frozen=True)
class _Table:
    """Columns of numbers with what stood before them."""

    path: Path
    remarks: tuple[str, ...]
    headings: tuple[str, ...]
    rows: NDArray[np.float64]
    lines: tuple[int, ...]

    @classmethod
    def read(cls, path: Path) -> _Table:
        remarks: list[str] = []
        rows: list[list[float]] = []
        lines: list[int] = []
        for number, line in enumerate(_text(path).splitlines(), start=1):
            numbers = _numbers(line)
            if numbers is not None and (rows or len(numbers) > 1):
                rows.append(numbers)
                lines.append(number)
            elif rows and line.strip() and not line.lstrip().startswith(_COMMENT):
                raise InputError(f"expected numbers in line {number} of {path}, found {line[:40]!r}; correct the file")
            elif not rows:
                remarks.append(line)
        widths = {len(row): line for row, line in zip(reversed(rows), reversed(lines), strict=True)}
        if not rows:
            raise InputError(
                f"expected two columns of numbers, wavelength and value, in {path}, found none; put the wavelengths "
                "beside the values"
            )
        if len(widths) > 1:
            raise InputError(
                f"expected {len(rows[0])} columns in every line of {path}, found another number in line "
                f"{max(widths.values())}; "
                "complete the table"
            )
        told = [line for line in remarks if line.strip()]
        headings = tuple(_cells(told[-1].lstrip(_COMMENT))) if told else ()
        headings = headings if len(headings) == len(rows[0]) else ()
        return cls(path, tuple(told), headings, np.array(rows), tuple(lines))

    @property
    def axis(self) -> int:
        """The column of wavelengths: the one that is headed so, else the first."""
        return next((i for i, name in enumerate(self.headings) if _WAVELENGTH.search(name.lower())), 0)

    def column(self, wanted: str | None) -> int:
        """Index of the column of values that is asked for."""
        others = [index for index in range(self.rows.shape[1]) if index != self.axis]
        if wanted is None and len(others) == 1:
            return others[0]
        known = {self.headings[index] if self.headings else str(index + 1): index for index in others}
        numbered = {str(index + 1): index for index in others}
        found = {name.lower(): index for name, index in (numbered | known).items()}.get((wanted or "").strip().lower())
        if found is not None:
            return found
        if wanted is None:
            shown = ", ".join(list(known)[:8]) + (", ..." if len(known) > 8 else "")
            raise InputError(
                f"expected one spectrum in {self.path}, found {len(others)} columns of values ({shown}); choose one "
                "(--spectrum-column)"
            )
        raise InputError(f"expected a column of {self.path}, found {wanted!r}; {nearest_name(wanted, known)}")

    def name_of(self, column: int) -> str:
        """What the file calls a spectrum: by a ``Name:`` line, one heading of several, or its own name."""
        named = (line.split(":", 1)[1].strip() for line in self.remarks if line.lower().startswith("name:"))
        heading = self.headings[column] if self.headings and self.rows.shape[1] > 2 else ""
        return next(named, "") or heading or self.path.stem


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise InputError(f"expected a spectrum as text, found more than 64 MiB in {path}; name another file")
        raw = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"expected a spectrum as a text file at {path}, found: {error.strerror or error}; name another file"
        ) from error
    if b"\0" in raw:
        raise InputError(f"expected a spectrum as text, found binary data in {path}; export it as CSV")
    if not raw.strip():
        raise InputError(f"expected a spectrum as text, found an empty file at {path}; export it again")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("latin-1")  # libraries of the nineties write their micro sign so


def _cells(line: str) -> list[str]:
    for separator in (";", "\t", ","):
        if separator in line:
            return [cell.strip().strip('"') for cell in line.strip(" \r\n").split(separator)]
    return line.split()


def _numbers(line: str) -> list[float] | None:
    """The numbers of a line, NaN for empty cells; None where something in it is none."""
    decimal_commas = ";" in line or ("\t" in line and "." not in line)
    found = []
    for cell in _cells(line):
        try:
            found.append(float(cell.replace(",", ".") if decimal_commas else cell) if cell else np.nan)
        except ValueError:
            return None
    return found if found and not all(np.isnan(found)) else None


def _unit(table: _Table) -> float:
    """Factor from the file's wavelengths to nm: by what it says, else by their size."""
    heading = table.headings[table.axis] if table.headings else ""
    given = table.rows[:, table.axis][np.isfinite(table.rows[:, table.axis])]
    if not given.size:
        raise InputError(f"expected wavelengths in {table.path}, found an empty column; write them beside the values")
    low, high = float(given.min()), float(given.max())
    by_size = {"um"} if high < _LARGEST_UM else {"nm"} if low >= _SMALLEST_NM else set()
    remarks = (line.lower() for line in table.remarks)
    about_units = "\n".join(line for line in remarks if _WAVELENGTH.search(line) or "unit" in line)
    for said in (heading.lower(), about_units):
        if _WAVENUMBER.search(said):
            raise InputError(
                f"expected wavelengths in nm or um in {table.path}, found wavenumbers; convert them: nm = 10^7 / cm^-1"
            )
        named = {name for name, (_, pattern) in _UNITS.items() if pattern.search(said)}
        if len(named) == 1:
            if by_size and by_size != named:
                raise InputError(
                    f"expected wavelengths in {named.pop()}, as {table.path} says, found {low:g} to {high:g}; correct "
                    "the heading"
                )
            return _UNITS[named.pop()][0]
    if not by_size:
        raise InputError(
            f"expected wavelengths in nm or um in {table.path}, found {low:g} to {high:g}, which may be either; say so "
            "in the column's heading, such as wavelength_nm"
        )
    return _UNITS[by_size.pop()][0]


def _check(
    table: _Table, wavelengths: NDArray[np.float64], values: NDArray[np.float64], kept: NDArray[np.bool_]
) -> None:
    """Refuse what is no spectrum."""

    def lines(wrong: NDArray[np.bool_]) -> Iterator[int]:
        yield from (table.lines[index] for index in np.flatnonzero(wrong & kept))

    faults: Sequence[tuple[str, NDArray[np.bool_]]] = (
        ("no number", ~np.isfinite(values)),
        ("a negative value", values < 0),
        ("a wavelength that is not positive", ~(np.isfinite(wavelengths) & (wavelengths > 0))),
    )
    for what, wrong in faults:
        line = next(lines(wrong), None)
        if line is not None:
            raise InputError(
                f"expected wavelengths and values of at least 0 in {table.path}, found {what} in line {line}; remove "
                "that line"
            )
    if len(np.unique(wavelengths[kept])) < 2 or not values[kept].any():
        raise InputError(
            f"expected a spectrum of several wavelengths in {table.path}, found {int(kept.sum())} usable lines and a "
            f"largest value of {values[kept].max(initial=0):g}; export it again"
        )
