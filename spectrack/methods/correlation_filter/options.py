"""Parameters of the correlation-filter tracker, checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from spectrack.errors import ConfigError
from spectrack.tables import require_choices

_RANGES: dict[str, tuple[float, float]] = {
    "cells": (32, 256),
    "padding": (2.0, 10.0),
    "target_parts": (1, 8),
    "surroundings_parts": (1, 8),
    "materials": (2, 12),
    "rank": (0, 25),
    "temporal_consistency": (0.0, 100.0),
    "spectral_weight": (0.0, 1.0),
    "window_influence": (0.0, 1.0),
    "velocity": (0.0, 1.0),
    "size_rate": (0.0, 1.0),
    "filter_rate": (0.0, 1.0),
    "scale_rate": (0.0, 1.0),
    "target_rate": (0.0, 0.5),
    "surroundings_rate": (0.0, 0.5),
    "light_rate": (0.0, 1.0),
    "lost_score": (0.0, 1.0),
    "search_growth": (1.0, 10.0),
}


@dataclass(frozen=True)
class CorrelationOptions:
    """What a user may change, by name; the defaults suit 16 bands and targets of 10 to 100 pixels.

    Attributes:
        cells: side of the crop that is worked on, 32 to 256, even; time grows with its square.
        padding: side of the crop over the target's size (root of area), 2 to 10: how far it may leap in a frame.
        target_parts: Gaussians for the target's spectra, 1 to 8.
        surroundings_parts: Gaussians for its surroundings', 1 to 8.
        features: what the filter sees: our projections and likelihood, or gradients in space and spectrum, alone
            (``gradients``; SSTCF) or with the abundances of materials (``materials``; MHT).
        materials: how many of them the first view is taken to be made of, 2 to 12.
        rank: spectra are brought to so low a rank before gradients are taken, 0 to 25; 0 leaves them as they are.
        temporal_consistency: how strongly a filter is held near the one before, 0 to 100.
        spectral_weight: share of the spectral likelihood in the search, in [0, 1]; less where spectra tell little.
        window_influence: how much places near the last one are preferred, in [0, 1].
        velocity: share of the last motion that is expected again, in [0, 1].
        size_rate: how fast the box follows, in [0, 1].
        filter_rate: learning rate of the translation filter, in [0, 1].
        scale_rate: learning rate of the look that sizes are measured by, in [0, 1].
        target_rate: learning rate of the target's spectra, 0 to 0.5.
        surroundings_rate: learning rate of the surroundings' spectra, 0 to 0.5.
        light_rate: how fast a change of the light's colour is followed, in [0, 1].
        lost_score: below this confidence nothing is learnt and the search goes farther, in [0, 1].
        search_growth: factor on the second look's window when the first one fails, 1 to 10; it grows on while lost.
    """

    cells: int = 64
    padding: float = 4.0
    target_parts: int = 2
    surroundings_parts: int = 4
    features: Literal["likelihood", "gradients", "materials"] = "likelihood"
    materials: int = 6
    rank: int = 0
    temporal_consistency: float = 0.0
    spectral_weight: float = 0.5
    window_influence: float = 0.5
    velocity: float = 0.5
    size_rate: float = 0.5
    filter_rate: float = 0.03
    scale_rate: float = 0.025
    target_rate: float = 0.03
    surroundings_rate: float = 0.05
    light_rate: float = 0.3
    lost_score: float = 0.2
    search_growth: float = 2.5

    def __post_init__(self) -> None:
        require_choices(self)
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            # Written so that NaN fails too; True is no number here.
            if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
                raise ConfigError(f"expected {name} from {low:g} to {high:g}, found {value!r}; correct the option")
        for name in ("cells", "target_parts", "surroundings_parts", "materials", "rank"):
            if getattr(self, name) != int(getattr(self, name)):
                raise ConfigError(f"expected a whole number for {name}, found {getattr(self, name)}; correct it")
            object.__setattr__(self, name, int(getattr(self, name)))
        if self.cells % 2:
            raise ConfigError(f"expected an even number of cells, found {self.cells}; take {self.cells + 1}")
