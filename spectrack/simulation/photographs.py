"""Photographs as textures: those in scikit-image's wheel, read where they are installed, never redistributed.

scikit-image is an optional dependency (extra ``train``); nothing here downloads anything. Values are made linear in
light, because photographs are stored for display (IEC 61966-2-1) and abundances are not.
"""

from __future__ import annotations

from functools import cache
from importlib import util
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from spectrack.errors import MissingExtraError

_PNG = (
    "astronaut",
    "brick",
    "camera",
    "chelsea",
    "coffee",
    "coins",
    "grass",
    "gravel",
    "ihc",
    "moon",
    "motorcycle_left",
)
_JPG = ("hubble_deep_field", "retina", "rocket")
PHOTOGRAPHS = tuple(sorted([*(f"{name}.png" for name in _PNG), *(f"{name}.jpg" for name in _JPG)]))
"""Files of ``skimage/data`` that hold photographs; the other files there are drawings, masks or text."""


@cache
def installed_photographs() -> tuple[Path, ...]:
    """Paths of the photographs that are there.

    Raises:
        MissingExtraError: scikit-image is not installed, or without its pictures.
    """
    found = util.find_spec("skimage")
    folder = Path(found.origin).parent / "data" if found is not None and found.origin else None
    paths = tuple(folder / name for name in PHOTOGRAPHS if (folder / name).is_file()) if folder is not None else ()
    if not paths:
        raise MissingExtraError(
            "expected scikit-image for textures from photographs, found none; "
            "pip install 'spectrack[train]', or use textures='procedural', which needs nothing"
        )
    return paths


@cache
def load_photograph(path: Path) -> NDArray[np.float32]:
    """A photograph as (height, width, 3) float32 in [0, 1], R, G, B, linear in light; grey gets equal channels."""
    stored = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if stored is None:
        raise MissingExtraError(f"expected a readable picture in {path}, found a damaged one; reinstall scikit-image")
    return linear_light(np.asarray(stored, dtype=np.uint8)[:, :, ::-1])


def linear_light(stored: NDArray[np.uint8]) -> NDArray[np.float32]:
    """8-bit values of any shape that are coded for display, linear in light: float32 in [0, 1]."""
    coded = np.asarray(stored, dtype=np.float32) / 255
    linear = np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)
    return np.ascontiguousarray(linear, dtype=np.float32)


def random_photograph(rng: np.random.Generator, height: int, width: int) -> NDArray[np.float32]:
    """A random piece of a random photograph, mirrored at random and resized to (height, width, 3).

    Raises:
        MissingExtraError: as `installed_photographs`.
    """
    paths = installed_photographs()
    return np.asarray(random_piece(rng, load_photograph(paths[int(rng.integers(len(paths)))]), height, width))


def random_piece(rng: np.random.Generator, source: NDArray[Any], height: int, width: int) -> NDArray[Any]:
    """A random piece of a (h, w, 3) picture, mirrored at random and resized to (height, width, 3), of its own type."""
    largest = min(source.shape[0] / height, source.shape[1] / width)
    # From the whole picture down to pieces that are enlarged a little.
    zoom = largest * np.exp(rng.uniform(np.log(min(0.7 / largest, 0.95)), 0.0)) if largest > 0.75 else largest
    h, w = max(2, int(height * zoom)), max(2, int(width * zoom))
    y, x = int(rng.integers(0, source.shape[0] - h + 1)), int(rng.integers(0, source.shape[1] - w + 1))
    piece = source[y : y + h, x : x + w]
    if rng.random() < 0.5:
        piece = piece[:, ::-1]
    interpolation = cv2.INTER_AREA if zoom > 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(np.ascontiguousarray(piece), (width, height), interpolation=interpolation))
