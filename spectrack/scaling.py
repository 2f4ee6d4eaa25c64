"""Scalings: how raw counts become network input; named, recorded with the weights, never implicit.

A scaling is fitted once on the first frame and then applied to crops. Gain-only scalings keep spectral angles;
`frame_minmax`, `percentile` and `band_minmax` subtract or act per band, so they change angles: they exist for
compatibility with published code (ViPT_HOT2023, CSSTrack and others scale per band).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from spectrack.cube import Cube
from spectrack.errors import ConfigError, nearest_name

DEFAULT_SCALING = "first_frame_percentile(99.9)"
"""Gain only: the 99.9th percentile of the first frame becomes 1. The default of the weights trained here."""

InputRange = Literal["unit", "imagenet", "0-255"]
"""What a backbone was trained on; images in [0, 1] go into the network in any case, which converts them."""

INPUT_RANGES: dict[InputRange, tuple[tuple[float, float, float], tuple[float, float, float]]] = {
    "unit": ((0.4, 0.4, 0.4), (0.25, 0.25, 0.25)),
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "0-255": ((0.0, 0.0, 0.0), (1 / 255, 1 / 255, 1 / 255)),
}
"""What each removes from images in [0, 1], and what it divides them by, for red, green and blue."""

_PARAMETERS: dict[str, tuple[float, ...]] = {
    "none": (),
    "frame_max": (),
    "first_frame_max": (),
    "first_frame_percentile": (99.9,),
    "fixed": (1023.0,),
    "frame_minmax": (),
    "percentile": (1.0, 99.0),
    "band_minmax": (),
}
_EVERY_FRAME = {"frame_max", "frame_minmax", "percentile", "band_minmax"}


@dataclass(frozen=True)
class Scaling:
    """A named scaling with its parameters.

    Attributes:
        name: one of the names this module lists.
        parameters: percentiles in [0, 100] or the full scale in counts, as the name needs.
    """

    name: str
    parameters: tuple[float, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Scaling:
        """Read ``"name"`` or ``"name(p)"`` or ``"name(p, q)"``.

        Raises:
            ConfigError: unknown name (the nearest is offered) or a wrong number of parameters.

        Example:
            >>> Scaling.parse("fixed(1023)")
            Scaling(name='fixed', parameters=(1023.0,))
        """
        match = re.fullmatch(r"\s*(\w+)\s*(?:\(([^)]*)\))?\s*", text)
        name = match.group(1) if match else text
        if match is None or name not in _PARAMETERS:
            raise ConfigError(f"expected a scaling, found {text!r}; {nearest_name(name, _PARAMETERS)}")
        if match.group(2) is None:
            return cls(name, _PARAMETERS[name])
        try:
            values = tuple(float(part) for part in match.group(2).split(",") if part.strip())
        except ValueError:
            values = ()
        if len(values) != len(_PARAMETERS[name]) or not np.isfinite(values).all() or not _in_range(name, values):
            example = str(cls(name, _PARAMETERS[name]))
            raise ConfigError(
                f"expected {len(_PARAMETERS[name])} usable number(s) for scaling {name}, found {text!r}; use {example}"
            )
        return cls(name, values)

    def __str__(self) -> str:
        return self.name + (f"({', '.join(f'{value:g}' for value in self.parameters)})" if self.parameters else "")

    @property
    def every_frame(self) -> bool:
        """Whether the gain is found anew on every frame rather than once on the first."""
        return self.name in _EVERY_FRAME

    # Values beyond float32 are refused with a sentence where they are cropped; NumPy need not warn before.
    @np.errstate(over="ignore", invalid="ignore")
    def fit(self, cube: Cube, seen: NDArray[np.bool_] | None = None) -> Gain:
        """The gain and offset that this scaling takes from a whole frame (the first, unless `every_frame`).

        A frame without light gives gain 1, so that black stays black instead of becoming NaN.

        Args:
            cube: (height, width, bands).
            seen: (height, width) its pixels that have data; None for all.
        """
        if seen is not None and seen.any():
            cube = cube[seen][None]
        bands = cube.shape[2]
        if self.name == "none":
            return Gain.uniform(1.0, bands)
        if self.name == "fixed":
            return Gain.uniform(1.0 / self.parameters[0], bands)
        values = np.asarray(cube, dtype=np.float32)
        if self.name in ("frame_max", "first_frame_max"):
            return Gain.uniform(_inverse(float(values.max())), bands)
        if self.name == "first_frame_percentile":
            return Gain.uniform(_inverse(_percentile(values, self.parameters[0])), bands)
        if self.name == "band_minmax":
            low, high = values.min(axis=(0, 1)), values.max(axis=(0, 1))
            return Gain(np.array([_inverse(float(span)) for span in high - low], dtype=np.float32), low)
        if self.name == "frame_minmax":
            low_value, high_value = float(values.min()), float(values.max())
        else:
            low_value, high_value = (_percentile(values, p) for p in self.parameters)
        return Gain(np.full(bands, _inverse(high_value - low_value), np.float32), np.full(bands, low_value, np.float32))


@dataclass(frozen=True)
class Gain:
    """``(values - offset) * gain``, per band.

    Attributes:
        gain: (bands,) float32, per count.
        offset: (bands,) float32, counts.
    """

    gain: NDArray[np.float32]
    offset: NDArray[np.float32]

    @classmethod
    def uniform(cls, gain: float, bands: int) -> Gain:
        """One gain for all bands and no offset."""
        return cls(np.full(bands, gain, np.float32), np.zeros(bands, np.float32))

    def apply(self, values: NDArray[Any]) -> NDArray[np.float32]:
        """Scale (..., bands) raw values; float32 out."""
        scaled = values.astype(np.float32)
        if self.offset.any():
            scaled -= self.offset
        scaled *= self.gain
        return scaled


def _percentile(values: NDArray[np.float32], percent: float) -> float:
    # Half a million samples settle a percentile to better than a thousandth; sorting a whole cube costs 30 times more.
    flat = values.reshape(-1)
    return float(np.percentile(flat[:: max(1, flat.size // 500_000)], percent))


def _inverse(value: float) -> float:
    return 1.0 / value if value > 0 else 1.0


def _in_range(name: str, values: tuple[float, ...]) -> bool:
    if name == "fixed":
        return values[0] > 0
    return all(0 <= value <= 100 for value in values) and list(values) == sorted(set(values))
