"""Surfaces in abundance space: a picture that says how three materials mix, and the reflectances of those materials.

Radiance is linear in the abundances, so nothing is ever rendered wavelength by wavelength: a surface is warped and
shaded as a three-channel picture, and one 3 x channels product turns it into any bands or false colour at the end.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from spectrack.errors import ConfigError, nearest_name
from spectrack.simulation.materials import Endmembers
from spectrack.simulation.pictures import render_picture
from spectrack.simulation.textures import random_texture
from spectrack.spectra import Spectrum

Abundances = NDArray[np.float32]
"""(height, width, 3) in [0, 1], linear in light."""

TEXTURES = ("procedural", "photographs", "mixed")


@dataclass
class Surface:
    """A textured patch of three materials.

    Attributes:
        abundances: (height, width, 3) float32 in [0, 1].
        endmembers: (3, 121) reflectances.
    """

    abundances: Abundances
    endmembers: Endmembers
    _levels: list[Abundances] = field(default_factory=list, repr=False)

    def level(self, texels_per_pixel: float) -> tuple[Abundances, float]:
        """The picture averaged down until at most two of its pixels meet an image pixel, and the factor of its size."""
        wanted = max(0, int(np.floor(np.log2(max(texels_per_pixel, 1.0)) + 0.25)))
        levels = self._levels or [np.ascontiguousarray(self.abundances, dtype=np.float32)]
        self._levels = levels
        while len(levels) <= wanted and min(levels[-1].shape[:2]) >= 8:
            height, width = levels[-1].shape[:2]
            half = cv2.resize(levels[-1], (width // 2, height // 2), interpolation=cv2.INTER_AREA)
            levels.append(np.asarray(half, dtype=np.float32))
        chosen = levels[min(wanted, len(levels) - 1)]
        return chosen, chosen.shape[1] / levels[0].shape[1]

    def product(self, light: Spectrum, matrix: NDArray[np.float64]) -> NDArray[np.float32]:
        """The (3, channels) matrix from abundances to radiance: reflectance x light, summed over wavelengths.

        Args:
            light: (121,) spectral power.
            matrix: (121, channels) spectral radiance to channels.
        """
        return np.asarray((self.endmembers * light) @ matrix, dtype=np.float32)

    def with_endmembers(self, endmembers: Endmembers) -> Surface:
        """The same picture of other materials; the warped copies are shared."""
        return Surface(self.abundances, endmembers, self._levels)


def check_textures(textures: str) -> None:
    """Refuse an unknown source of textures, or photographs that are not installed.

    Raises:
        ConfigError: unknown `textures`; the nearest is offered.
        MissingExtraError: photographs asked for and scikit-image not installed.
    """
    if textures not in TEXTURES:
        raise ConfigError(f"expected textures of a known kind, found {textures!r}; {nearest_name(textures, TEXTURES)}")
    if textures != "procedural":
        from spectrack.simulation.photographs import installed_photographs

        installed_photographs()


def make_abundances(
    rng: np.random.Generator, height: int, width: int, *, textures: str = "procedural", kind: str | None = None
) -> Abundances:
    """An abundance picture from the procedural pictures or from photographs.

    Args:
        rng: the only source of randomness.
        height: pixels.
        width: pixels.
        textures: ``procedural``, ``photographs`` (needs scikit-image) or ``mixed`` (an even chance of either).
        kind: kind of procedural picture, None for any.

    Raises:
        ConfigError, MissingExtraError: as `check_textures`.
    """
    check_textures(textures)
    if textures == "photographs" or (textures == "mixed" and rng.random() < 0.5):
        from spectrack.simulation.photographs import random_photograph

        return random_photograph(rng, height, width)
    return render_picture(rng, height, width, kind)


def two_tone(rng: np.random.Generator, size: int) -> Abundances:
    """A coherent surface such as cloth, paint, fur or bark: two related mixtures, one texture, a gradient of light."""
    first = np.clip(np.exp(rng.normal(np.log(0.3), 0.6)) * (1 + rng.normal(0.0, 0.25, 3)), 0.02, 1.0)
    second = np.clip(first * np.exp(rng.normal(0.0, 0.5)) * (1 + rng.normal(0.0, 0.15, 3)), 0.02, 1.0)
    texture = random_texture(rng, size)[:, :, None]
    slope = rng.normal(0.0, 0.25, 2)
    ramp = np.linspace(-1.0, 1.0, size)
    light = np.clip(1.0 + slope[0] * ramp[:, None] + slope[1] * ramp[None, :], 0.3, 1.7)[:, :, None]
    return np.asarray(np.clip((first + texture * (second - first)) * light, 0.0, 1.0), dtype=np.float32)


def crop(rng: np.random.Generator, picture: Abundances, size: int) -> Abundances:
    """A random square piece of a picture, mirrored where the picture is too small."""
    height, width = picture.shape[:2]
    if min(height, width) < size:
        grow = max(0, size - height), max(0, size - width)
        picture = np.asarray(np.pad(picture, ((0, grow[0]), (0, grow[1]), (0, 0)), mode="symmetric"))
        height, width = picture.shape[:2]
    y, x = int(rng.integers(0, height - size + 1)), int(rng.integers(0, width - size + 1))
    return np.ascontiguousarray(picture[y : y + size, x : x + size])
