"""Lamps with lines: light that leaves most bands nearly dark, as LEDs, gas discharges and narrow phosphors do.

Parametric: each is a sum of Gaussians at published wavelengths over a faint continuum. **Widths and relative powers are
our rounded reconstructions**; lines are at least 8 nm wide at half maximum, which the 5 nm grid can hold and every
camera here sees as one line.

Sources: mercury, sodium, xenon: NIST Atomic Spectra Database. Terbium and europium phosphors: Blasse, Grabmaier,
Luminescent Materials, 1994, chapter 6 (Tb3+ 489, 543, 587, 622 nm; Eu3+ in yttria 593, 611, 631, 708 nm; Eu2+ 450 nm).
LEDs: usual peak wavelengths and widths of data sheets (InGaN 15 to 35 nm, AlInGaP 15 to 20 nm, AlGaAs 25 to 45 nm).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spectrack.spectra import WAVELENGTHS_NM, Spectrum, effective_count

# Peak and full width at half maximum in nm, and relative power at the peak, of each line; the first number of a lamp is
# its continuum.
_LAMPS: dict[str, tuple[float, tuple[tuple[float, float, float], ...]]] = {
    "fluorescent": (
        0.02,
        (
            *(
                (405, 8, 0.15),
                (436, 8, 0.5),
                (450, 50, 0.14),
                (489, 10, 0.3),
                (543, 10, 1.0),
                (547, 8, 0.4),
                (578, 9, 0.2),
            ),
            *((587, 10, 0.25), (593, 9, 0.15), (611, 9, 1.0), (622, 9, 0.15), (631, 9, 0.2), (708, 9, 0.12)),
        ),
    ),
    "led-colours": (0.02, ((470, 24, 1.0), (525, 33, 0.7), (590, 17, 0.9), (625, 18, 0.9))),
    "led-white": (0.01, ((450, 22, 1.0), (555, 115, 0.45))),
    "led-grow": (0.02, ((450, 22, 0.7), (660, 22, 1.0), (730, 30, 0.6))),
    "led-infrared": (0.015, ((730, 30, 0.5), (850, 32, 1.0), (940, 42, 0.8))),
    "led-mixed": (0.015, ((625, 18, 0.8), (660, 22, 0.9), (740, 30, 0.6), (850, 32, 1.0))),
    "sodium": (0.03, ((498, 8, 0.15), (569, 9, 0.5), (589, 14, 1.0), (616, 8, 0.25), (768, 10, 0.25), (819, 10, 0.7))),
    "xenon": (
        0.12,
        ((823, 8, 0.9), (829, 8, 0.7), (882, 8, 1.0), (895, 8, 0.5), (905, 8, 0.45), (916, 8, 0.6), (980, 8, 0.8)),
    ),
}

LAMPS = tuple(_LAMPS)
"""Names that `lamp` knows."""


def lamp(name: str) -> Spectrum:
    """Relative spectral power of one of `LAMPS` on the common grid, (121,), of any scale."""
    continuum, lines = _LAMPS[name]
    sigma = 2 * np.sqrt(2 * np.log(2))
    peaks = [power * np.exp(-0.5 * ((WAVELENGTHS_NM - peak) * sigma / width) ** 2) for peak, width, power in lines]
    return np.asarray(continuum + np.sum(peaks, axis=0))


def lamps_for(band_matrix: NDArray[np.float64]) -> list[str]:
    """The lamps that light some bands of a camera and leave the others nearly dark.

    That is: at least three bands get a fifth of the brightest one's light, and all of it counts for a fifth to three
    fifths of the bands, see `spectrack.spectra.effective_count`.

    Args:
        band_matrix: (121, bands) spectral radiance to bands.
    """
    seen = {name: lamp(name) @ band_matrix for name in LAMPS}
    low, high = (share * band_matrix.shape[1] for share in (0.2, 0.6))
    return [
        name
        for name, light in seen.items()
        if low <= effective_count(light) <= high and int((light > 0.2 * light.max()).sum()) >= 3
    ]
