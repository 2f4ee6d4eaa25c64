"""Dressing: the bank's pictures and sprites get two channels for the bend of their spectra; see `spectral_materials`.

Every sprite has its own bend, nearly constant over it; the background's bend varies slowly from surface to surface,
because it is read from another picture of the bank. Bends are stored as ``128 + 127 u``, so 128 is none.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from spectrack.pairs.bank import Indexed, PairMaterial
from spectrack.pairs.spectral_materials import BENDS
from spectrack.pairs.warping import Image, LayeredPicture, Picture, colours_of, stacked

NO_BEND, BEND_UNIT = 128, 127

_TABLE = 61
"""Different bends in a pair; sprites whose numbers differ by a multiple share one."""

_APART = 0.7
"""Smallest distance in (u, v) between things that only their spectra tell apart."""


@dataclass(frozen=True, eq=False)
class PairBends:
    """The bends of one pair.

    Attributes:
        ground: (2,) of the background, on average.
        ground_range: (2,) how far the background departs from it.
        things: (61, 2) of the sprites, by number; each well apart from the ground.
        texture: (61, 2) how much a sprite's bend follows its green channel.
        cover: number of the picture that tells where the background departs.
        offset: of the sprites in the table.
    """

    ground: NDArray[np.float64]
    ground_range: NDArray[np.float64]
    things: NDArray[np.float64]
    texture: NDArray[np.float64]
    cover: int
    offset: int

    def bend(self, index: int, number: int = -1) -> NDArray[np.float64]:
        """(2,) bend of sprite `index`, or of its twin `number`, which is well apart from it."""
        own: NDArray[np.float64] = self.things[(index + self.offset) % _TABLE]
        if number < 0:
            return own
        distant = np.flatnonzero(np.linalg.norm(self.things - own, axis=1) >= _APART)
        # The farthest stands in where the table, against all odds, has none apart.
        chosen = (
            distant[number % len(distant)]
            if distant.size
            else int(np.argmax(np.linalg.norm(self.things - own, axis=1)))
        )
        return np.asarray(self.things[chosen])

    def tables(self) -> Image:
        """(2, 256) look-up tables from the cover picture's channels to the background's bends."""
        levels = np.linspace(-1.0, 1.0, 256)
        return _coded(self.ground[:, None] + self.ground_range[:, None] * levels)

    def with_bends(self, sprite: Image, index: int, number: int = -1) -> Image:
        """(size, size, 6): a sprite of (size, size, 4) with its bend between colours and coverage."""
        levels, place = np.linspace(-1.0, 1.0, 256), (index + self.offset) % _TABLE
        tables = _coded(self.bend(index, number)[:, None] + self.texture[place][:, None] * levels)
        red, green, blue, coverage = map(np.asarray, cv2.split(sprite))
        return stacked(red, green, blue, *[np.asarray(cv2.LUT(green, table)) for table in tables], coverage)


def draw_bends(rng: np.random.Generator, pictures: int) -> PairBends:
    """Bends of a pair; all randomness comes from `rng`.

    Args:
        rng: the only source of randomness.
        pictures: how many pictures the bank has.
    """
    # Most backgrounds are hardly bent, as most of nature is smooth.
    ground = rng.uniform(-0.85, 0.85, BENDS) * (0.25 if rng.random() < 0.6 else 1.0)
    ground_range = rng.uniform(0.0, 0.25, BENDS)
    things = rng.uniform(-0.95, 0.95, (4 * _TABLE, BENDS))
    # In a square of side 1.9 at least a third of all points is that far from any one of them.
    things = things[np.argsort(np.linalg.norm(things - ground, axis=1) < _APART, kind="stable")][:_TABLE]
    texture = rng.normal(0.0, 0.06, (_TABLE, BENDS))
    return PairBends(ground, ground_range, things, texture, int(rng.integers(pictures)), int(rng.integers(_TABLE)))


class SpectralBank:
    """A bank with bent spectra: pictures and sprites with five and six channels, made when they are asked for.

    Args:
        bank: of three colours.
        bends: of this pair.
    """

    def __init__(self, bank: PairMaterial, bends: PairBends) -> None:
        self.photograph_start, self.cutout_start = bank.photograph_start, bank.cutout_start
        self.outlines = bank.outlines
        self.pictures: Indexed[Picture] = _Pictures(bank, bends)
        self.sprites: Indexed[Image] = _Sprites(bank, bends)
        self._bank, self._bends = bank, bends

    def twin(self, index: int, number: int) -> Image:
        """Sprite `index` in its own colours and with another bend; one for each number from 0 on."""
        return self._bends.with_bends(np.asarray(self._bank.sprites[index]), index, number)


class _Pictures:
    def __init__(self, bank: PairMaterial, bends: PairBends) -> None:
        self._pictures, self._tables = bank.pictures, bends.tables()
        self._cover = colours_of(bank.pictures[bends.cover])

    def __len__(self) -> int:
        return len(self._pictures)

    def __getitem__(self, index: int, /) -> Picture:
        return LayeredPicture(colours_of(self._pictures[index]), self._cover, self._tables)


class _Sprites:
    def __init__(self, bank: PairMaterial, bends: PairBends) -> None:
        self._sprites, self._bends = bank.sprites, bends

    def __len__(self) -> int:
        return len(self._sprites)

    def __getitem__(self, index: int, /) -> Image:
        return self._bends.with_bends(np.asarray(self._sprites[index]), index)


def _coded(bends: NDArray[np.float64]) -> Image:
    return np.asarray(np.clip(NO_BEND + BEND_UNIT * bends + 0.5, 1, 255), dtype=np.uint8)
