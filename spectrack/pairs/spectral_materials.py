"""What the channels of a spectral pair stand for: three materials, and two bends of them that false colour cannot see.

A pair's crops carry five 8-bit channels: how much of three materials (colours), and how far their spectra are bent
along two patterns (u, v in [-1, 1]). A pixel's spectrum is

    sum_k a_k e_k (1 + u p_k + v q_k)

with materials e (3, bands) as seen by the camera in the pair's light, and patterns p_k, q_k without false colour for
each material: ``colour^T (e_k p_k) = 0``. So u and v change the spectrum and never the false colour, and because p and
q together stay below one, no spectrum becomes negative. It is `spectra.metamers` (materials bent in the false-colour
response's null space) in the camera's bands; with the products a, u a, v a as nine features, one matrix product.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from spectrack.pairs.spectral_cameras import SpectralCamera
from spectrack.simulation.illumination import illuminant
from spectrack.simulation.materials import ENDMEMBER_KINDS, Endmembers, random_endmembers
from spectrack.spectra import WAVELENGTHS_NM, smooth_curves, spectral_angle
from spectrack.tables import Interval, Share, require_ranges

BENDS = 2
"""Metamer channels after the three colours."""

FEATURES = 3 * (1 + BENDS)

_CURVES = 4096
_CANDIDATES = 16
_LARGEST_BEND = 0.95
"""Of a spectrum's own height; what is left keeps radiance positive."""


@dataclass(frozen=True)
class MaterialConfig:
    """Spectra of a pair, and how its two crops differ.

    Attributes:
        plain_share: share of pairs whose colours mean smooth primaries that reproduce them in false colour; the others
            are mixtures of measured patches, plants or paints, whose colours are their own.
        angle: least and largest spectral angle in radians, in the bands, between the target and a thing of its colour.
        gain: smallest and largest common gain of a crop.
        band_gain: standard deviation of the gain of single bands of a crop.
        slope: largest relative difference between the first and the last band that a crop's gain adds.
        relight_share: share of pairs whose light changes towards another lamp between the crops.
        relight: largest share of that other lamp.
        band_drop_share: share of pairs with a dead band.
        counts: smallest and largest count that a value of 1 stands for; few counts are noisy.
    """

    plain_share: Share = 0.75
    angle: Annotated[tuple[float, float], Interval("(0, 1.5]", rising=True)] = (0.12, 0.4)
    gain: Annotated[tuple[float, float], Interval("(0, 10]", rising=True)] = (0.8, 1.2)
    band_gain: Share = 0.015
    slope: Annotated[float, Interval("[0, 2)")] = 0.1
    relight_share: Share = 0.25
    relight: Share = 0.5
    band_drop_share: Share = 0.05
    counts: Annotated[tuple[float, float], Interval("(0, 10000000]", rising=True)] = (150.0, 900.0)

    def __post_init__(self) -> None:
        require_ranges(self)


@dataclass(frozen=True, eq=False)
class Materials:
    """The spectra of one pair.

    Attributes:
        plain: (3, bands) the materials e.
        bends: (2, 3, bands) the materials times their patterns, e p and e q.
        unmixing: (3, 3) from wanted false colours to abundances, ``abundances = colours @ unmixing``.
        reference: (3,) abundances of white, for angles.
    """

    plain: NDArray[np.float64]
    bends: NDArray[np.float64]
    unmixing: NDArray[np.float64]
    reference: NDArray[np.float64] = field(default_factory=lambda: np.ones(3))

    @property
    def matrix(self) -> NDArray[np.float64]:
        """(9, bands) from the features a, u a, v a to the cube."""
        return np.concatenate([self.plain, *self.bends])

    def spectrum(self, bend: NDArray[np.float64]) -> NDArray[np.float64]:
        """(..., bands) of white at bends (..., 2)."""
        patterns = np.einsum("k,pkb->pb", self.reference, self.bends)
        return np.asarray(self.reference @ self.plain + bend @ patterns)

    def with_weaker_bends(self, factor: float) -> Materials:
        """The same with weaker patterns."""
        return Materials(self.plain, self.bends * factor, self.unmixing, self.reference)


def draw_materials(
    rng: np.random.Generator, camera: SpectralCamera, config: MaterialConfig, *, dead: NDArray[np.bool_] | None = None
) -> Materials:
    """Materials, light and patterns of a pair, for one camera.

    Args:
        rng: the only source of randomness.
        camera: whose bands count.
        config: see there.
        dead: (bands,) bands that deliver nothing, or None.
    """
    plain = rng.random() < config.plain_share
    spectra = camera_primaries(rng, camera) if plain else random_endmembers(rng, str(rng.choice(ENDMEMBER_KINDS[1:])))
    # The first lamp, daylight, is the commonest.
    weights = np.array([3.0, *(1.0,) * (len(camera.lamps) - 1)])
    light = illuminant(str(rng.choice(camera.lamps, p=weights / weights.sum())))
    seen = spectra @ camera.response
    unmixing = (
        np.linalg.inv(seen @ camera.colour) * float((seen @ camera.colour).sum(axis=0).mean()) if plain else np.eye(3)
    )
    lit = (spectra * light) @ camera.response
    if dead is not None:
        lit = np.where(dead, 0.0, lit)
    return Materials(lit, _bend(rng, lit, camera), np.asarray(unmixing))


def draw_dead_bands(rng: np.random.Generator, bands: int, config: MaterialConfig) -> NDArray[np.bool_] | None:
    """(bands,) with one true in some pairs; None in the others, and where three bands are all there are."""
    if rng.random() >= config.band_drop_share or bands <= 3:
        return None
    return np.asarray(np.arange(bands) == rng.integers(bands))


def draw_gains(
    rng: np.random.Generator, camera: SpectralCamera, config: MaterialConfig, *, relit: bool
) -> NDArray[np.float64]:
    """(2, bands) factors of the template's and the search crop's bands; light changes only if lamps are known."""
    position = np.linspace(-0.5, 0.5, camera.bands)
    if np.isfinite(camera.wavelengths_nm).all():
        position = (camera.wavelengths_nm - camera.wavelengths_nm.mean()) / max(
            float(np.ptp(camera.wavelengths_nm)), 1.0
        )
    gains = np.empty((2, camera.bands))
    for row in gains:
        common = np.exp(rng.uniform(*np.log(config.gain)))
        row[:] = (
            common
            * (1 + rng.normal(0.0, config.band_gain, camera.bands))
            * (1 + rng.uniform(-1, 1) * config.slope * position)
        )
    if relit and camera.lamps:
        first, second = (illuminant(str(name)) @ camera.response for name in rng.choice(camera.lamps, 2))
        share = rng.uniform(0.0, config.relight)
        # The floor keeps lamps that are all but dark in a band from making it blaze.
        gains[1] *= np.clip((1 - share) + share * second / np.maximum(first, 0.05 * first.max()), 0.4, 2.5)
    return np.maximum(gains, 0.0)


def camera_primaries(rng: np.random.Generator, camera: SpectralCamera) -> Endmembers:
    """(3, 121) three smooth reflectances that share the camera's range, long waves first, to mix any colour.

    As `simulation.materials` makes its primaries, but over the camera's own thirds rather than the eye's.
    """
    low, high = float(camera.wavelengths_nm.min()), float(camera.wavelengths_nm.max())
    third = (high - low) / 3
    centres = np.array([high - third / 2, (low + high) / 2, low + third / 2]) + rng.normal(0.0, 0.06 * third, 3)
    bumps = -(((WAVELENGTHS_NM[None, :] - centres[:, None]) / (0.9 * third)) ** 2)
    score = 1.8 * np.maximum(bumps, -3.0) + rng.uniform(0.1, 0.5) * _curves(rng, 3, 1)
    share = np.exp(score - score.max(axis=0))
    share /= share.sum(axis=0)
    grey = rng.uniform(0.45, 0.65) * np.exp(0.12 * _curves(rng, 1, 1)[0])
    return np.asarray(share * grey)


def separated(materials: Materials, bends: NDArray[np.float64], angle: float) -> Materials:
    """Materials whose first bend (the target's) has at most that spectral angle to the second (what to tell it from).

    Args:
        materials: bent as far as they can be.
        bends: (2, 2) u and v of both.
        angle: wanted, in radians.
    """
    first, second = materials.spectrum(bends[0]), materials.spectrum(bends[1])
    found = float(spectral_angle(first, second))
    if found <= angle:
        return materials
    # The angle grows almost in proportion to the bends; one correction brings it within a few per cent.
    factor = angle / found
    weaker = materials.with_weaker_bends(factor)
    reached = float(spectral_angle(weaker.spectrum(bends[0]), weaker.spectrum(bends[1])))
    return materials.with_weaker_bends(min(1.0, factor * angle / max(reached, 1e-9)))


def _bend(rng: np.random.Generator, materials: NDArray[np.float64], camera: SpectralCamera) -> NDArray[np.float64]:
    """(2, 3, bands): the materials times two patterns in the null space of their false colour, together below one."""
    candidates = _curves(rng, _CANDIDATES, 0) @ (camera.response / np.maximum(camera.response.sum(axis=0), 1e-9))
    # colour^T diag(e_k) (m - colour c) = 0 for c, per material and candidate.
    weighted = camera.colour[None] * materials[:, :, None]
    normal = np.einsum("bi,kbj->kij", camera.colour, weighted)
    wanted = np.einsum("kbj,mb->kjm", weighted, candidates)
    ridge = 1e-9 * np.maximum(np.trace(normal, axis1=1, axis2=2), 1e-12)[:, None, None] * np.eye(3)
    correction = np.linalg.solve(normal + ridge, wanted)
    patterns = candidates[:, None, :] - np.einsum("bj,kjm->mkb", camera.colour, correction)
    height = np.abs(patterns).max(axis=(1, 2), keepdims=True)
    # Where bands leave no room (three, or a pattern that is all correction) there is no metamer; dust must not grow.
    patterns = np.where(height > 0.05, patterns / np.maximum(height, 0.05), 0.0)
    light = materials.sum(axis=0)
    changes = np.einsum("kb,mkb->mb", materials, patterns) / max(float(np.linalg.norm(light)), 1e-12)
    first = int(np.argmax(np.linalg.norm(changes, axis=1)))
    axis = changes[first] / max(float(np.linalg.norm(changes[first])), 1e-12)
    second = int(np.argmax(np.linalg.norm(changes - (changes @ axis)[:, None] * axis, axis=1)))
    share = rng.uniform(0.4, 0.6)
    amplitudes = _LARGEST_BEND * np.array([share, 1 - share])
    return np.asarray(amplitudes[:, None, None] * patterns[[first, second]] * materials)


def _curves(rng: np.random.Generator, count: int, kind: int) -> NDArray[np.float64]:
    """(count, 121) smooth random curves: of 12 to 36 nm with flat tops (0), or of 40 to 90 nm (1)."""
    curves = _curve_bank()[kind]
    return np.asarray(curves[rng.integers(len(curves), size=count)])


@functools.cache
def _curve_bank() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    # Drawn once: convolving new ones for every pair would cost as much as the rest of its spectra.
    rng = np.random.default_rng(20_250)
    fine = np.concatenate([smooth_curves(rng, _CURVES // 4, length) for length in (12.0, 18.0, 26.0, 36.0)])
    broad = np.concatenate([smooth_curves(rng, _CURVES // 4, length) for length in (40.0, 55.0, 70.0, 90.0)])
    return np.tanh(2.0 * fine), broad
