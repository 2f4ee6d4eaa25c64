"""Narrow spectral features: what pigments, rare earths, blood, water and leaves do to light in a few bands.

Each is a profile A of log-reflectance on the common grid with a largest magnitude of 1: a coat of it turns a
reflectance R into ``R exp(-strength A)``, as a layer does under the law of Beer and Lambert. Positions are published;
**widths and relative strengths are our parametric reconstructions**, rounded, of the bands' known shapes. Negative
values brighten: the line pigments, and the red edge moved to shorter wavelengths.

Sources: neodymium, erbium: Carnall, Fields, Rajnak, J. Chem. Phys. 49, 4424, 1968 (levels of the trivalent ions).
Didymium glass, which holds neodymium and praseodymium: Venable, Eckerle, NBS Special Publication 260-66, 1979. Holmium:
Weidner et al., J. Res. NBS 90, 115, 1985 (certified minima). Oxyhaemoglobin: 542 and 577 nm, van Assendelft,
Spectrophotometry of Haemoglobin Derivatives, 1970. Liquid water: Kou, Labrie, Chylek, Appl. Opt. 32, 3531, 1993.
Chlorophyll: Lichtenthaler, Methods Enzymol. 148, 350, 1987, some 15 nm longer as in leaves. Red edge and its shift
under stress: Horler, Dockray, Barber, Int. J. Remote Sens. 4, 273, 1983. Dyes: rhodamine 6G 530 nm, fluorescein 490 nm
and methylene blue 664 nm with a shoulder at 612 (PhotochemCAD: Du et al., Photochem. Photobiol. 68, 141, 1998),
indocyanine green 800 nm (Landsman et al., J. Appl. Physiol. 40, 575, 1976).
Line pigments imitate interference mirrors at usual laser lines.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spectrack.errors import ConfigError, nearest_name
from spectrack.spectra import WAVELENGTHS_NM, Spectrum

_LASER_LINES_NM = (488, 532, 561, 589, 633, 660, 690, 785, 808, 830, 852, 905)

# Centre and standard deviation in nm, and relative strength, of each band.
_BANDS: dict[str, tuple[tuple[float, float, float], ...]] = {
    "neodymium": (
        *((430, 4, 0.1), (475, 6, 0.15), (512, 4, 0.25), (524, 6, 0.5), (579, 7, 1.0), (590, 5, 0.5)),
        *((627, 4, 0.06), (680, 5, 0.12), (743, 7, 0.85), (801, 8, 0.9), (872, 8, 0.35)),
    ),
    "didymium": (
        *((444, 5, 0.35), (469, 5, 0.25), (482, 5, 0.3), (512, 4, 0.25), (524, 6, 0.45), (582, 8, 1.0)),
        *((680, 5, 0.12), (743, 7, 0.8), (801, 8, 0.85), (872, 8, 0.35)),
    ),
    "erbium": (
        *((408, 4, 0.3), (450, 4, 0.2), (488, 4, 0.45), (522, 5, 1.0), (543, 5, 0.3), (653, 6, 0.5)),
        *((800, 6, 0.2), (976, 8, 0.35)),
    ),
    "holmium": ((416, 4, 0.4), (451, 5, 1.0), (468, 5, 0.4), (485, 4, 0.3), (537, 5, 0.85), (641, 6, 0.45)),
    "blood": ((415, 12, 1.0), (542, 10, 0.45), (577, 8, 0.5)),
    "rhodamine": ((498, 11, 0.3), (530, 13, 1.0)),
    "fluorescein": ((465, 12, 0.35), (490, 14, 1.0)),
    "methylene-blue": ((612, 16, 0.45), (664, 17, 1.0)),
    "indocyanine": ((740, 20, 0.25), (800, 19, 1.0)),
    "chlorophyll": ((435, 14, 0.9), (470, 12, 0.5), (650, 10, 0.3), (677, 11, 1.0)),
    "water": ((740, 12, 0.06), (838, 14, 0.07), (970, 17, 1.0)),
    **{f"line-{line}": ((float(line), 4.0, -1.0),) for line in _LASER_LINES_NM},
}

RED_EDGE = "red-edge"

FEATURES = (*_BANDS, RED_EDGE)
"""Names that `feature` knows."""


def feature(name: str) -> Spectrum:
    """The profile of a feature, (121,), with a largest magnitude of 1.

    Raises:
        ConfigError: unknown name; the nearest is offered.

    Example:
        >>> from spectrack.spectra import WAVELENGTHS_NM
        >>> float(WAVELENGTHS_NM[feature("water").argmax()])
        970.0
    """
    if name == RED_EDGE:
        profile = _red_edge_shift()
    elif name in _BANDS:
        bands = [a * np.exp(-0.5 * ((WAVELENGTHS_NM - centre) / width) ** 2) for centre, width, a in _BANDS[name]]
        profile = np.sum(bands, axis=0)
    else:
        raise ConfigError(f"expected a spectral feature, found {name!r}; {nearest_name(name, FEATURES)}")
    return np.asarray(profile / np.abs(profile).max())


def coated(
    reflectances: NDArray[np.float64], profile: NDArray[np.float64], strength: float | NDArray[np.float64]
) -> NDArray[np.float64]:
    """Reflectances (..., 121) under a coat of a profile; a coat that brightens is limited to a reflectance of 1."""
    return np.asarray(np.minimum(reflectances * np.exp(-strength * profile), 1.0))


def _red_edge_shift() -> Spectrum:
    """A leaf's edge at 705 nm instead of 720: the log-ratio of two logistic edges over a floor of a tenth."""
    edges = [0.1 + 0.9 / (1 + np.exp(-(WAVELENGTHS_NM - centre) / 11.0)) for centre in (720.0, 705.0)]
    return np.asarray(np.log(edges[0] / edges[1]))
