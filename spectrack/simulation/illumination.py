"""Light: spectra of lamps and daylight, and how the light of a scene changes in time and over the frame.

CIE standard illuminants are tabulated to 780 nm in `illuminants.csv`. Beyond that, **by our rule**, A and the daylights
follow the black body of their colour temperature, joined at 780 nm, and fluorescent and LED lamps die away over 30 nm,
as they emit almost nothing there; cameras beyond 700 nm therefore never get them. Lamps with lines are in `lamps`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from spectrack.errors import ConfigError, nearest_name
from spectrack.simulation.lamps import LAMPS, lamp
from spectrack.simulation.materials import read_table
from spectrack.spectra import WAVELENGTHS_NM, Spectrum

_TEMPERATURE_K = {"a": 2856.0, "d50": 5003.0, "d65": 6504.0}

ILLUMINANTS = ("a", "d50", "d65", "fl2", "fl11", "led_b1", "led_b3", "halogen", "equal", *LAMPS)
"""Names `illuminant` knows; `halogen` is a black body of 3200 K, `equal` is flat, the last are those of `lamps`."""

THERMAL = ("a", "d50", "d65", "halogen")
"""Those with light beyond 780 nm."""


@cache
def illuminant(name: str) -> Spectrum:
    """Relative spectral power on the common grid, (121,), with mean 1.

    Raises:
        ConfigError: unknown illuminant; the nearest name is offered.
    """
    if name == "equal":
        return np.ones_like(WAVELENGTHS_NM)
    if name in LAMPS:
        power = lamp(name)
    elif name == "halogen":
        power = _black_body(WAVELENGTHS_NM, 3200.0)
    else:
        wavelengths, table = read_table("illuminants.csv")
        if name not in table:
            raise ConfigError(f"expected an illuminant, found {name!r}; {nearest_name(name, ILLUMINANTS)}")
        power = np.interp(WAVELENGTHS_NM, wavelengths, table[name])
        end = float(wavelengths[-1])
        beyond = end < WAVELENGTHS_NM
        if name in _TEMPERATURE_K:
            body = _black_body(WAVELENGTHS_NM, _TEMPERATURE_K[name])
            power[beyond] = table[name][-1] * body[beyond] / body[np.searchsorted(WAVELENGTHS_NM, end)]
        else:
            power[beyond] = table[name][-1] * np.exp(-(WAVELENGTHS_NM[beyond] - end) / 30.0)
    return np.asarray(power / power.mean())


@dataclass(frozen=True)
class Light:
    """The light of a scene over its frames.

    Attributes:
        first: name of the illuminant.
        second: name of the illuminant it turns towards; a change of colour temperature.
        intensity: (frames,) brightness factors, 1 = the exposure's reference.
        warmth: (frames,) share of `second`, 0..1.
        shadow_edge: (frames, 3) moving shadow: normal direction in radians, position of its edge along that normal in
            frame half-diagonals (-1 none of the frame is dark, 1 all of it), and darkness 0..1.
        shadow_width: width of the penumbra in frame half-diagonals.
    """

    first: str
    second: str
    intensity: NDArray[np.float64]
    warmth: NDArray[np.float64]
    shadow_edge: NDArray[np.float64]
    shadow_width: float = 0.15

    @classmethod
    def steady(cls, name: str, frames: int) -> Light:
        """Unchanging light without shadows."""
        return cls(name, name, np.ones(frames), np.zeros(frames), np.tile((0.0, -9.0, 0.0), (frames, 1)))

    @property
    def changes_colour(self) -> bool:
        """Whether the illuminant's spectrum changes, so that metamers stop being exact."""
        return self.first != self.second and bool(np.ptp(self.warmth) > 0)

    def spectrum(self, t: float) -> Spectrum:
        """(121,) spectral power at time `t` in frames, including the brightness factor."""
        warmth, intensity = at_time(self.warmth, t), at_time(self.intensity, t)
        return np.asarray(intensity * ((1 - warmth) * illuminant(self.first) + warmth * illuminant(self.second)))

    def shading(self, t: float, height: int, width: int) -> NDArray[np.float32] | None:
        """(height, width) factors of the shadow at time `t`, or None when there is no shadow in the frame."""
        direction, position, darkness = at_time(self.shadow_edge, t)
        if darkness <= 0 or position < -1 - 3 * self.shadow_width:
            return None
        # A logistic edge is smooth: an eighth of the resolution holds it.
        rows, columns = max(2, height // 8), max(2, width // 8)
        half = 0.5 * float(np.hypot(height, width))
        y = (np.arange(rows) + 0.5) * height / rows - height / 2
        x = (np.arange(columns) + 0.5) * width / columns - width / 2
        along = (x[None, :] * np.cos(direction) + y[:, None] * np.sin(direction)) / half
        lit = 1.0 / (1.0 + np.exp(-4.0 * (along - position) / self.shadow_width))
        factors = (1 - darkness + darkness * lit).astype(np.float32)
        return np.asarray(cv2.resize(factors, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.float32)


def at_time(track: NDArray[np.float64], t: float) -> NDArray[np.float64]:
    """Linear interpolation of per-frame values (frames, ...) at `t` in frames; the ends hold."""
    last = len(track) - 1
    clipped = min(max(float(t), 0.0), float(last))
    low = min(int(clipped), max(last - 1, 0))
    share = clipped - low
    if share == 0.0:
        return np.asarray(track[low])
    return np.asarray((1 - share) * track[low] + share * track[low + 1])


def _black_body(wavelengths_nm: Spectrum, temperature_k: float) -> Spectrum:
    """Planck's law, relative, with the second radiation constant of ITS-90."""
    metres = wavelengths_nm * 1e-9
    return np.asarray(1.0 / ((wavelengths_nm / 560.0) ** 5 * (np.exp(1.4388e-2 / (metres * temperature_k)) - 1.0)))
