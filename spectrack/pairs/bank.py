"""The bank: pictures and sprites rendered once and kept in memory-mapped files, from which endless pairs are cut.

Rendering a picture takes 50 to 300 ms, warping a pair out of it 3 ms; so the bank is drawn first, in parallel, and
every training pair is a fresh combination of its parts. The same seed gives the same bank; another configuration, other
photographs or another renderer give another one beside it. Somebody's own photographs and cut-outs (see
`collections`) join the pictures and the sprites.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from spectrack.files import resolved, write_json
from spectrack.files.arrays import create_array
from spectrack.files.caches import make_once, reuse_log
from spectrack.files.fingerprints import Ingredients, content, values_digest
from spectrack.orphans import task
from spectrack.pairs.collections import (
    Collection,
    FoundFile,
    coded,
    collected,
    decode_cut_out,
    decode_photograph,
    find_pictures,
)
from spectrack.pairs.warping import Image, Picture
from spectrack.provenance import source_digest
from spectrack.simulation import RENDERING_SOURCE
from spectrack.simulation.photographs import (
    installed_photographs,
    load_photograph,
    random_photograph,
    random_piece,
)
from spectrack.simulation.pictures import render_picture
from spectrack.simulation.sprites import render_sprite
from spectrack.tables import Interval, Seed, Share, require_ranges

_log = logging.getLogger(__name__)

OUTLINE_POINTS = 64

COLLECTIONS = "collections.json"
"""File of a bank that tells whose photographs and cut-outs it holds, and what was left out."""

_PHOTOGRAPHS, _SHAPES = "photographs.raw", "photographs.json"

_SOURCE = (*RENDERING_SOURCE, "pairs/bank.py", "pairs/collections.py")


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
        photograph_size: longer side to which somebody's own photographs are reduced, in pixels.
        most_files: of a larger number of own photographs, or of cut-outs, so many are drawn.
        seed: of all randomness.
    """

    pictures: Annotated[int, Interval("[1, 1000000]")] = 700
    photographs: bool = True
    sprites: Annotated[int, Interval("[2, 1000000]")] = 2000
    cut_out_share: Share = 0.35
    picture_size: Annotated[int, Interval("[64, 8192]")] = 512
    sprite_size: Annotated[int, Interval("[16, 2048]")] = 160
    photograph_size: Annotated[int, Interval("[64, 16384]")] = 1600
    most_files: Annotated[int, Interval("[1, 1000000]")] = 1000
    seed: Seed = 1

    def __post_init__(self) -> None:
        require_ranges(self)


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
    def cutout_start(self) -> int:
        """Index of the first of somebody's own cut-outs among the sprites."""

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
        pictures: list of (height, width, 3) uint8: drawn ones, photographs that are installed, somebody's own.
        sprites: (n, size, size, 4) uint8: drawn ones, then somebody's own cut-outs.
        outlines: (n, 64, 2) float32, hull points of each sprite, the last one repeated to fill.
        collections: where own photographs and cut-outs came from.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        config: dict[str, Any] = json.loads((directory / "bank.json").read_text())
        self.config = BankConfig(**config)
        drawn = np.load(directory / "pictures.npy", mmap_mode="r")
        self.photograph_start = len(drawn)
        installed = load_photographs() if self.config.photographs else []
        self.pictures: list[NDArray[np.uint8]] = [*drawn, *installed, *_own_photographs(directory)]
        self.cutout_start = self.config.sprites
        self.collections = [Collection(**entry) for entry in json.loads((directory / COLLECTIONS).read_text())]
        self.sprites: NDArray[np.uint8] = np.load(directory / "sprites.npy", mmap_mode="r")
        self.outlines: NDArray[np.float32] = np.load(directory / "outlines.npy", mmap_mode="r")

    def used(self, photograph_share: float, cutout_share: float) -> list[dict[str, Any]]:
        """What to tell about somebody's own pictures in pairs: use, name, files, digest, and the share of each folder.

        Args:
            photograph_share: of photographs among pictures, as pairs are made.
            cutout_share: of cut-outs among pasted things.
        """
        wholes = {
            "photographs": (photograph_share, len(self.pictures) - self.photograph_start),
            "cutouts": (cutout_share, len(self.sprites) - self.cutout_start),
        }
        told = []
        for found in self.collections:
            share, whole = wholes[found.use]
            entry = {"use": found.use, "name": found.name, "files": found.files, "digest": found.digest}
            told.append(entry | {"share": round(share * found.files / whole, 4)})
        return told


def build_bank(
    cache: Path, config: BankConfig, *, photographs: Sequence[str] = (), cutouts: Sequence[str] = (), jobs: int = 2
) -> Bank:
    """Open the bank of a configuration in a cache folder, drawing it first unless it is there.

    Args:
        cache: folder of banks.
        config: what is drawn.
        photographs: folders of somebody's own photographs.
        cutouts: folders of somebody's own cut-outs, pictures with an alpha channel.
        jobs: processes that draw.

    Raises:
        ConfigError: a folder without a usable picture.
        MissingExtraError: photographs without scikit-image.
    """
    installed = content(Ingredients(installed_photographs())) if config.photographs else None
    own = _Own(
        find_pictures(photographs, "photographs", most=config.most_files, seed=config.seed),
        find_pictures(cutouts, "cutouts", most=config.most_files, seed=config.seed),
    )
    key = values_digest([asdict(config), installed, own.made_of(), source_digest(*_SOURCE)])[:12]
    place = cache / f"bank-{key}"
    if not make_once(place, lambda folder: _draw(folder, config, own, jobs)):
        reuse_log.info("%d pictures and %d sprites reused from %s", config.pictures, config.sprites, place)
    bank = Bank(place)
    for collection in bank.collections:
        (_log.warning if collection.left_out else reuse_log.info)("%s", collection)
    return bank


class _Own(NamedTuple):
    """Files of somebody's own."""

    photographs: list[FoundFile]
    cutouts: list[FoundFile]

    def made_of(self) -> list[list[tuple[str, str, str]]]:
        """Names and digests of all of them."""
        return [[(resolved(file.folder).name, file.name, file.digest) for file in files] for files in self]


def _draw(directory: Path, config: BankConfig, own: _Own, jobs: int) -> None:
    import joblib

    work = joblib.Parallel(n_jobs=jobs, return_as="generator")
    collections = _store_photographs(directory, own.photographs, config, work)
    refused: dict[FoundFile, str] = {}
    things = []
    decoded = work(task(decode_cut_out)(file.path, config.sprite_size) for file in own.cutouts)
    for file, found in zip(own.cutouts, decoded, strict=True):
        if isinstance(found, str):
            refused[file] = found
        else:
            things.append((found.picture, _points(found.outline)))
    collections += collected("cutouts", own.cutouts, refused)
    size, sprite_size, count = config.picture_size, config.sprite_size, config.sprites + len(things)
    pictures = create_array(directory / "pictures.npy", (config.pictures, size, size, 3), np.uint8)
    sprites = create_array(directory / "sprites.npy", (count, sprite_size, sprite_size, 4), np.uint8)
    outlines = create_array(directory / "outlines.npy", (count, OUTLINE_POINTS, 2), np.float32)
    for index, picture in enumerate(work(task(_picture)(config, i) for i in range(config.pictures))):
        pictures[index] = picture
    drawn = work(task(_sprite)(config, i, directory) for i in range(config.sprites))
    for index, (picture, outline) in enumerate(chain(drawn, things)):
        sprites[index], outlines[index] = picture, outline
    for array in (pictures, sprites, outlines):
        array.flush()
    write_json(directory / COLLECTIONS, [asdict(collection) for collection in collections])
    write_json(directory / "bank.json", asdict(config))


def _store_photographs(directory: Path, files: list[FoundFile], config: BankConfig, work: Any) -> list[Collection]:
    """Decode photographs into one file behind another, and their shapes into another file."""
    refused: dict[FoundFile, str] = {}
    shapes = []
    with (directory / _PHOTOGRAPHS).open("wb") as stream:
        decoded = work(task(decode_photograph)(file.path, config.photograph_size) for file in files)
        for file, found in zip(files, decoded, strict=True):
            if isinstance(found, str):
                refused[file] = found
            else:
                shapes.append(found.shape)
                stream.write(found.tobytes())
    write_json(directory / _SHAPES, shapes)
    return collected("photographs", files, refused)


def _own_photographs(directory: Path) -> list[NDArray[np.uint8]]:
    shapes = json.loads((directory / _SHAPES).read_text())
    if not shapes:
        return []
    stored = np.memmap(directory / _PHOTOGRAPHS, dtype=np.uint8, mode="r")
    ends = np.cumsum([np.prod(shape) for shape in shapes])
    return [part.reshape(shape) for part, shape in zip(np.split(stored, ends[:-1]), shapes, strict=True)]


def load_photographs() -> list[NDArray[np.uint8]]:
    """The photographs in scikit-image's wheel, coded as the bank's pictures are.

    Returns:
        List of (height, width, 3) uint8, R, G, B.

    Raises:
        MissingExtraError: scikit-image is not installed.
    """
    return [coded(load_photograph(path)) for path in installed_photographs()]


def _picture(config: BankConfig, index: int) -> NDArray[np.uint8]:
    rng = np.random.default_rng([config.seed, 1, index])
    picture = render_picture(rng, config.picture_size, config.picture_size)
    return coded(picture)


def _sprite(config: BankConfig, index: int, directory: Path) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    rng = np.random.default_rng([config.seed, 2, index])
    sprite = render_sprite(rng, config.sprite_size)
    picture = sprite.picture.copy()
    cut_out = rng.random() < config.cut_out_share
    inside = _cut_out(rng, config, directory) if cut_out else picture[:, :, :3] / np.float32(255)
    picture[:, :, :3] = coded(inside)
    return picture, _points(sprite.outline)


def _points(outline: NDArray[np.float32]) -> NDArray[np.float32]:
    """(64, 2) of any number of hull points."""
    chosen = np.minimum(np.arange(OUTLINE_POINTS), len(outline) - 1)
    if len(outline) > OUTLINE_POINTS:
        chosen = np.linspace(0, len(outline) - 1, OUTLINE_POINTS).astype(int)
    return outline[chosen]


def _cut_out(rng: np.random.Generator, config: BankConfig, directory: Path) -> NDArray[np.float32]:
    """A (size, size, 3) piece of a photograph or of a picture, in linear light."""
    size, own = config.sprite_size, _own_photographs(directory)
    if (config.photographs or own) and rng.random() < 0.6:
        installed = len(installed_photographs()) if config.photographs else 0
        if not own or (installed and rng.random() < installed / (installed + len(own))):
            return random_photograph(rng, size, size)
        piece = random_piece(rng, own[int(rng.integers(len(own)))], size, size)
        return np.square(piece / np.float32(255), dtype=np.float32)
    return render_picture(rng, size, size, str(rng.choice(["nested", "street", "leaves"])))
