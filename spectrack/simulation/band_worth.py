"""What bands are worth: coats that tell a target from its ground in few bands or in all, and cameras of unlike bands.

Pairs of scenarios put the same total into a few bands in one half and into all bands alike in the other: the same
spectral angle between target and ground, the same light altogether, the same veil altogether. What differs between the
halves is then how unequally the bands share in it, and nothing else. All of it is **this project's own construction**.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from spectrack.errors import InputError
from spectrack.sensors import Sensor
from spectrack.simulation.materials import Endmembers
from spectrack.simulation.narrow_features import coated, feature
from spectrack.spectra import Spectrum, effective_count, smooth_curves, spectral_angle

TRANSMISSION_SPAN = 60.0
"""The best band of an uneven camera lets through this many times the light of the poorest that is not dead."""

FEW, MOST = 0.4, 0.75
"""A narrow feature counts in at most this share of the bands, an even coat in at least that."""


@dataclass(frozen=True)
class Coat:
    """A change of a ground's materials that a camera sees at a wanted spectral angle.

    Attributes:
        name: the feature, or ``even``.
        endmembers: (3, 121) the ground's materials under the coat, as bright as the ground over all bands.
        change: (bands,) relative change of each band, ``coat / ground - 1`` for the even mixture.
        colour_contrast: root mean square over three channels of the log-ratio of false colours.
    """

    name: str
    endmembers: Endmembers
    change: NDArray[np.float64]
    colour_contrast: float

    @property
    def bands_that_count(self) -> float:
        """How many bands share in the difference, from 1 to all."""
        return effective_count(self.change**2)


@dataclass(frozen=True)
class CoatRoom:
    """The ground to be coated and the eyes that see it.

    Attributes:
        ground: (3, 121) materials.
        response: (121, bands) light times the camera's bands.
        colour: (bands, 3) the false-colour rule.
        angle: wanted spectral angle between the even mixtures, radians.
    """

    ground: Endmembers
    response: NDArray[np.float64]
    colour: NDArray[np.float64]
    angle: float

    def coats(self, names: Sequence[str], profiles: NDArray[np.float64]) -> list[Coat]:
        """The ground under as much of each profile as the angle takes; those of which no amount does are left out.

        Args:
            names: of the profiles.
            profiles: (n, 121) see `narrow_features.coated`.
        """
        low, high = np.zeros(len(profiles)), np.full(len(profiles), 8.0)
        reached = self._angles(profiles, high) >= self.angle
        for _ in range(30):
            middle = 0.5 * (low + high)
            enough = self._angles(profiles, middle) >= self.angle
            low, high = np.where(enough, low, middle), np.where(enough, middle, high)
        kept = np.flatnonzero(reached).tolist()
        return [self._coat(names[index], profiles[index], float(high[index])) for index in kept]

    def shown(self, profiles: NDArray[np.float64]) -> NDArray[np.float64]:
        """The part of each profile that false colour shows, (n, 121); without it a faint coat looks as the ground."""
        seen = self.response @ self.colour
        weighted = seen * self.ground.sum(axis=0)[:, None]
        return np.asarray(np.linalg.lstsq(weighted.T @ seen, weighted.T @ profiles.T, rcond=None)[0].T @ seen.T)

    def _angles(self, profiles: NDArray[np.float64], strengths: NDArray[np.float64]) -> NDArray[np.float64]:
        ground = self.ground.sum(axis=0)
        return spectral_angle(coated(ground, profiles, strengths[:, None]) @ self.response, ground @ self.response)

    def _coat(self, name: str, profile: Spectrum, strength: float) -> Coat:
        before = self.ground.sum(axis=0) @ self.response
        raw = coated(self.ground, profile, strength)
        # As bright altogether, so that neither half of a pair is told from the ground by brightness.
        made = raw * min(before.sum() / (raw.sum(axis=0) @ self.response).sum(), 1.0 / raw.sum(axis=0).max())
        after = made.sum(axis=0) @ self.response
        contrast = np.log((after @ self.colour) / (before @ self.colour))
        return Coat(name, made, after / before - 1.0, float(np.sqrt(np.mean(contrast**2))))


def narrow_coat(room: CoatRoom, names: Iterable[str], rng: np.random.Generator) -> Coat:
    """A coat of one of some narrow features: the difference lies in at most `FEW` of the bands.

    Raises:
        InputError: none of the features reaches the angle in so few of the camera's bands.
    """
    listed = list(names)
    made = room.coats(listed, np.stack([feature(name) for name in listed]))
    narrow = [coat for coat in made if coat.bands_that_count <= FEW * len(coat.change)]
    if not narrow:
        raise InputError(
            f"expected a narrow feature that this camera sees at an angle of {room.angle:.2f}, found none among "
            f"{', '.join(listed)}; name features within its bands or ask for a smaller angle"
        )
    return narrow[int(rng.integers(len(narrow)))]


def even_coat(room: CoatRoom, colour_contrast: float, rng: np.random.Generator, candidates: int = 192) -> Coat:
    """A coat that changes all bands by about as much, some up and some down.

    Of random smooth patterns with flat tops that count in at least `MOST` of the bands (else of the evenest quarter),
    the one whose contrast in false colour is nearest to `colour_contrast`. Each is freed of a random share of what
    false colour shows of it, because patterns smooth enough to be even would else all show much.
    """
    lengths = (15.0, 25.0, 40.0, 60.0)
    patterns = np.concatenate([np.tanh(3.0 * smooth_curves(rng, candidates // 4, length)) for length in lengths])
    share = rng.uniform(0.0, 1.0, (len(patterns), 1))
    made = room.coats(["even"] * len(patterns), patterns - share * room.shown(patterns))
    if not made:
        raise InputError(f"expected an even coat at an angle of {room.angle:.2f}, found none; ask for a smaller angle")
    wanted = MOST * len(made[0].change)
    ranked = sorted(made, key=lambda coat: -coat.bands_that_count)
    even = [coat for coat in ranked if coat.bands_that_count >= wanted] or ranked[: max(1, len(ranked) // 4)]
    return min(even, key=lambda coat: abs(coat.colour_contrast - colour_contrast))


def with_uneven_bands(sensor: Sensor, rng: np.random.Generator, *, dead: int = 1) -> Sensor:
    """The camera with bands of very different transmission, flat-fielded: they differ in noise and not in level.

    Transmissions fall geometrically over `TRANSMISSION_SPAN`, in random order, with a mean of 1: the camera gathers as
    much light as the even one. `dead` bands transmit nothing and show read noise.
    """
    alive = sensor.bands - dead
    levels = np.concatenate([np.geomspace(1.0, 1.0 / TRANSMISSION_SPAN, alive), np.zeros(dead)])
    levels = rng.permutation(levels / levels.mean())
    gain = np.where(levels > 0, levels.max() / np.where(levels > 0, levels, 1.0), 1.0)
    return replace(sensor, transmission=tuple(levels.tolist()), gain=tuple(gain.tolist()))
