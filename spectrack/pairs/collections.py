"""Collections: folders of anybody's own photographs and cut-outs, found, counted, and decoded to what the bank holds.

A photograph is any picture; a cut-out is one whose alpha channel says where a thing is. Folders are read recursively.
What cannot be used is left out and named; what was used is known by its content, so that weights can tell.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from spectrack.errors import ConfigError
from spectrack.files import resolved
from spectrack.files.fingerprints import file_digest, values_digest
from spectrack.simulation.photographs import linear_light
from spectrack.simulation.sprites import MARGIN, beyond_the_border

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp")

_MOST_PIXELS = 150_000_000
"""Larger pictures would not fit into memory; a file of a few bytes can claim to be one."""

_SMALLEST_PX = 96, 32
"""Shorter side of a photograph, longer side of a cut-out thing."""

Use = Literal["photographs", "cutouts"]


@dataclass(frozen=True)
class Collection:
    """What one folder gave.

    Attributes:
        use: what its pictures are for.
        name: of the folder, without the folders it lies in.
        files: pictures used.
        digest: twelve digits that change with their names and with any byte of them.
        left_out: why by file, of those that could not be used.
    """

    use: Use
    name: str
    files: int
    digest: str
    left_out: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        few = [f"{name} ({reason})" for name, reason in list(self.left_out.items())[:4]]
        more = [f"and {len(self.left_out) - len(few)} more"] if len(self.left_out) > len(few) else []
        without = f"; {len(self.left_out)} left out: {', '.join([*few, *more])}" if few else ""
        return f"{self.files} {self.use} from {self.name} ({self.digest}){without}"


class FoundFile(NamedTuple):
    """A picture file: the folder it was found through, its name from there on, and its SHA-256."""

    folder: Path
    name: str
    digest: str

    @property
    def path(self) -> Path:
        """Where it is."""
        return self.folder / self.name


class CutOut(NamedTuple):
    """A sprite and the points of its hull, as `simulation.sprites.Sprite` has them; colours coded as the bank's."""

    picture: NDArray[np.uint8]
    outline: NDArray[np.float32]


def coded(linear: NDArray[Any]) -> NDArray[np.uint8]:
    """Linear light to 8 bits by the square root, so that the shadows keep their levels: the code of all pairs."""
    return np.asarray(np.sqrt(linear) * 255 + 0.5, dtype=np.uint8)


def find_pictures(folders: Sequence[str], use: Use, *, most: int, seed: int) -> list[FoundFile]:
    """The picture files in some folders and in the folders there, in the order of their names.

    Args:
        folders: where they lie; relative paths start where the command runs.
        use: the key of the recipe that names the folders.
        most: of more files than this, so many are drawn.
        seed: of the draw.

    Raises:
        ConfigError: something that is no folder, or a folder without a picture.
    """
    found: list[FoundFile] = []
    for folder in map(Path, folders):
        if not folder.is_dir():
            raise ConfigError(
                f"expected a folder of pictures in data.{use}, found no folder {folder}; correct the path"
            )
        names = sorted(_names(folder))
        if not names:
            raise ConfigError(
                f"expected pictures ({', '.join(SUFFIXES)}) for data.{use}, found none in {folder}; name another folder"
            )
        found += [FoundFile(folder, name, "") for name in names]
    if len(found) > most:
        chosen = np.random.default_rng([seed, 3]).choice(len(found), most, replace=False)
        found = [found[index] for index in np.sort(chosen)]
    return [file._replace(digest=file_digest(file.path)) for file in found]


def _names(folder: Path) -> Iterable[str]:
    for file in folder.rglob("*"):
        if file.suffix.lower() in SUFFIXES and file.is_file():
            yield file.relative_to(folder).as_posix()


def collected(use: Use, files: Sequence[FoundFile], refused: dict[FoundFile, str]) -> list[Collection]:
    """What each folder gave.

    Args:
        use: what the pictures are for.
        files: of all folders.
        refused: why, by file that could not be used.

    Raises:
        ConfigError: a folder gave nothing.
    """
    collections = []
    for folder in dict.fromkeys(file.folder for file in files):
        here = [file for file in files if file.folder == folder]
        used = [file for file in here if file not in refused]
        left_out = {file.name: refused[file] for file in here if file in refused}
        if not used:
            name, reason = next(iter(left_out.items()))
            raise ConfigError(
                f"expected usable pictures for data.{use}, found none among {len(here)} in {folder} "
                f"({name}: {reason}); name another folder"
            )
        digest = values_digest([[file.name, file.digest] for file in used])[:12]
        collections.append(Collection(use, resolved(folder).name, len(used), digest, left_out))
    return collections


def decode_photograph(path: Path, longest: int) -> NDArray[np.uint8] | str:
    """A photograph as (height, width, 3) uint8, R, G, B, `coded`, or in a few words why it cannot be used.

    Args:
        path: the file.
        longest: its longer side is reduced to this; smaller ones stay as they are.
    """
    stored = _read(path, longest, "photographs")
    if isinstance(stored, str):
        return stored
    light = linear_light(stored[:, :, :3])
    scale = longest / max(light.shape[:2])
    return coded(_reduced(light, scale) if scale < 1 else light)


def decode_cut_out(path: Path, size: int) -> CutOut | str:
    """A cut-out as a sprite that fills a square of `size` pixels, or in a few words why it cannot be used."""
    stored = _read(path, 4 * size, "cutouts")
    if isinstance(stored, str):
        return stored
    inside = stored[:, :, 3] > 127
    if not 0.01 < inside.mean() < 0.99:
        return "no alpha channel that cuts something out"
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    thing = stored[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    if max(thing.shape[:2]) < _SMALLEST_PX[1]:
        return f"a thing of only {thing.shape[1]} x {thing.shape[0]} pixels"
    return _placed(thing[:, :, 3], linear_light(thing[:, :, :3]), size)


def _placed(alpha: NDArray[np.uint8], light: NDArray[np.float32], size: int) -> CutOut:
    """Coverage (h, w) and colours (h, w, 3) in the middle of a square."""
    covered = alpha.astype(np.float32)[:, :, None] / 255
    scale = size * (1 - 2 * MARGIN) / max(alpha.shape)
    # Mixed by coverage: what lies in the transparent parts is anything.
    small = _reduced(np.dstack([light * covered, covered]), scale)
    height, width = small.shape[:2]
    top, left = (size - height) // 2, (size - width) // 2
    square = np.zeros((size, size, 4), dtype=np.float32)
    square[top : top + height, left : left + width] = small
    coverage = np.asarray(np.clip(square[:, :, 3], 0, 1) * 255 + 0.5, dtype=np.uint8)
    colours = np.clip(beyond_the_border(square[:, :, :3], coverage), 0, 1)
    # The hull of the pixels' corners at full size, which is exact whatever the sprite's size.
    borders, _ = cv2.findContours((alpha > 127).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    middles = np.concatenate(borders)[:, 0].astype(np.float32)
    corners = np.concatenate(
        [middles + corner for corner in np.array([(0, 0), (0, 1), (1, 0), (1, 1)], dtype=np.float32)]
    )
    hull = cv2.convexHull(corners)[:, 0] * (width / alpha.shape[1], height / alpha.shape[0]) + (left, top)
    return CutOut(np.dstack([coded(colours), coverage]), hull.astype(np.float32))


def _reduced(image: NDArray[np.float32], scale: float) -> NDArray[np.float32]:
    height, width = (max(1, round(side * scale)) for side in image.shape[:2])
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (width, height), interpolation=interpolation), dtype=np.float32)


def _read(path: Path, longest: int, use: Use) -> NDArray[np.uint8] | str:
    """(height, width, 4) uint8 as stored, upright, R, G, B, alpha; at most about twice as long as `longest`."""
    from PIL import Image, ImageOps, UnidentifiedImageError  # matplotlib brings it

    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path) as file:
            width, height = file.size
            if width * height > _MOST_PIXELS:
                return f"{width} x {height} pixels are too many"
            if min(width, height) < (_SMALLEST_PX[0] if use == "photographs" else 1):
                return f"only {width} x {height} pixels"
            if file.mode == "F":
                return "values of neither 8 nor 16 bits"
            if file.mode.startswith("I"):
                return _read_deep(path)
            file.draft("RGB", (longest, longest))
            picture = ImageOps.exif_transpose(file).convert("RGBA")
            # By a whole factor in the code as it stands, which is fast; the rest is done in linear light.
            return np.asarray(picture.reduce(max(1, max(picture.size) // (2 * longest))), dtype=np.uint8)
    except UnidentifiedImageError:
        return "no picture"
    except Exception as error:  # whatever a damaged file makes its decoder raise
        return f"unreadable: {str(error).splitlines()[0] if str(error) else type(error).__name__}"


def _read_deep(path: Path) -> NDArray[np.uint8] | str:
    """A grey picture of more than eight bits, as `_read`."""
    stored = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if stored is None:
        return "values of neither 8 nor 16 bits"
    return np.dstack([stored[:, :, ::-1], np.full(stored.shape[:2], 255, np.uint8)]).astype(np.uint8)
