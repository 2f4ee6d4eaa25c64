"""The bank: pictures and sprites rendered once and kept in memory-mapped files, from which endless pairs are cut.

Rendering a picture takes 50 to 300 ms, warping a pair out of it 3 ms; so the bank is drawn first, in parallel, and
every training pair is a fresh combination of its parts. The same seed gives the same bank; another configuration, other
photographs or another renderer give another one beside it.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from spectrack.errors import ConfigError
from spectrack.files import write_json
from spectrack.files.caches import make_once, reuse_log
from spectrack.files.fingerprints import Ingredients, content, values_digest
from spectrack.pairs.warping import Image, Picture
from spectrack.provenance import source_digest
from spectrack.simulation import RENDERING_SOURCE
from spectrack.simulation.photographs import installed_photographs, load_photograph, random_photograph
from spectrack.simulation.pictures import render_picture
from spectrack.simulation.sprites import render_sprite

OUTLINE_POINTS = 64


@dataclass(frozen=True)
class BankConfig:
    """What the bank holds.

    Attributes:
        pictures: number of procedural pictures.
        photographs: whether scikit-image's photographs join them.
        sprites: number of sprites.
        cut_out_share: share of sprites that are cut out of pictures and photographs along their outline, so that their
            inside is as coherent as that of real things.
        picture_size: side of a picture in pixels.
        sprite_size: side of a sprite in pixels.
        seed: of all randomness.
    """

    pictures: int = 700
    photographs: bool = True
    sprites: int = 2000
    cut_out_share: float = 0.35
    picture_size: int = 512
    sprite_size: int = 160
    seed: int = 1


Item = TypeVar("Item", covariant=True)


class Indexed(Protocol[Item]):
    """Things by number."""

    def __len__(self) -> int:
        """How many there are."""

    def __getitem__(self, index: int, /) -> Item:
        """Thing number `index`."""


class PairMaterial(Protocol):
    """What pairs are made of: pictures and sprites with three colours, or with further channels after them."""

    @property
    def photograph_start(self) -> int:
        """Index of the first photograph among the pictures."""

    @property
    def pictures(self) -> Indexed[Picture]:
        """Pictures of (height, width, 3) uint8, or layered."""

    @property
    def sprites(self) -> Indexed[Image]:
        """Sprites of (size, size, channels + 1) uint8; the last channel is the coverage."""

    @property
    def outlines(self) -> Indexed[NDArray[np.float32]]:
        """Hull points of each sprite, (64, 2)."""


class Bank:
    """Memory-mapped pictures and sprites.

    Attributes:
        pictures: list of (height, width, 3) uint8.
        sprites: (n, size, size, 4) uint8.
        outlines: (n, 64, 2) float32, hull points of each sprite, the last one repeated to fill.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        config: dict[str, Any] = json.loads((directory / "bank.json").read_text())
        self.config = BankConfig(**config)
        drawn = np.load(directory / "pictures.npy", mmap_mode="r")
        self.photograph_start = len(drawn)
        self.pictures: list[NDArray[np.uint8]] = [*drawn, *(load_photographs() if self.config.photographs else [])]
        self.sprites: NDArray[np.uint8] = np.load(directory / "sprites.npy", mmap_mode="r")
        self.outlines: NDArray[np.float32] = np.load(directory / "outlines.npy", mmap_mode="r")


def build_bank(cache: Path, config: BankConfig, *, jobs: int = 2) -> Bank:
    """Open the bank of a configuration in a cache folder, drawing it first unless it is there.

    Raises:
        ConfigError: too small a bank.
        MissingExtraError: photographs without scikit-image.
    """
    if config.pictures < 1 or config.sprites < 2:
        raise ConfigError(
            f"expected at least 1 picture and 2 sprites, found {config.pictures} and {config.sprites}; raise them"
        )
    photographs = content(Ingredients(installed_photographs())) if config.photographs else None
    key = values_digest([asdict(config), photographs, source_digest(*RENDERING_SOURCE, "pairs/bank.py")])[:12]
    place = cache / f"bank-{key}"
    if not make_once(place, lambda folder: _draw(folder, config, jobs)):
        reuse_log.info("%d pictures and %d sprites reused from %s", config.pictures, config.sprites, place)
    return Bank(place)


def _draw(directory: Path, config: BankConfig, jobs: int) -> None:
    import joblib

    size, sprite_size = config.picture_size, config.sprite_size
    pictures = _create(directory / "pictures.npy", (config.pictures, size, size, 3), np.uint8)
    sprites = _create(directory / "sprites.npy", (config.sprites, sprite_size, sprite_size, 4), np.uint8)
    outlines = _create(directory / "outlines.npy", (config.sprites, OUTLINE_POINTS, 2), np.float32)
    work = joblib.Parallel(n_jobs=jobs, return_as="generator")
    for index, picture in enumerate(work(joblib.delayed(_picture)(config, i) for i in range(config.pictures))):
        pictures[index] = picture
    for index, (picture, outline) in enumerate(work(joblib.delayed(_sprite)(config, i) for i in range(config.sprites))):
        sprites[index], outlines[index] = picture, outline
    for array in (pictures, sprites, outlines):
        array.flush()
    write_json(directory / "bank.json", asdict(config))


def load_photographs() -> list[NDArray[np.uint8]]:
    """The photographs in scikit-image's wheel, coded as the bank's pictures are.

    Returns:
        List of (height, width, 3) uint8, R, G, B.

    Raises:
        MissingExtraError: scikit-image is not installed.
    """
    return [_coded(load_photograph(path)) for path in installed_photographs()]


def _create(path: Path, shape: tuple[int, ...], kind: type) -> Any:
    return np.lib.format.open_memmap(path, mode="w+", dtype=kind, shape=shape)


def _picture(config: BankConfig, index: int) -> NDArray[np.uint8]:
    rng = np.random.default_rng([config.seed, 1, index])
    picture = render_picture(rng, config.picture_size, config.picture_size)
    return _coded(picture)


def _sprite(config: BankConfig, index: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    rng = np.random.default_rng([config.seed, 2, index])
    sprite = render_sprite(rng, config.sprite_size)
    picture = sprite.picture.copy()
    inside = _cut_out(rng, config) if rng.random() < config.cut_out_share else picture[:, :, :3] / np.float32(255)
    picture[:, :, :3] = _coded(inside)
    chosen = np.minimum(np.arange(OUTLINE_POINTS), len(sprite.outline) - 1)
    if len(sprite.outline) > OUTLINE_POINTS:
        chosen = np.linspace(0, len(sprite.outline) - 1, OUTLINE_POINTS).astype(int)
    return picture, sprite.outline[chosen]


def _cut_out(rng: np.random.Generator, config: BankConfig) -> NDArray[np.float32]:
    """A (size, size, 3) piece of a photograph or of a picture, in linear light."""
    size = config.sprite_size
    if config.photographs and rng.random() < 0.6:
        return random_photograph(rng, size, size)
    return render_picture(rng, size, size, str(rng.choice(["nested", "street", "leaves"])))


def _coded(picture: NDArray[Any]) -> NDArray[np.uint8]:
    """Linear light to 8 bits by the square root, so that the shadows keep their levels."""
    return np.asarray(np.sqrt(picture) * 255 + 0.5, dtype=np.uint8)
