"""Small cubes and frame folders that the sequence tests share; everything is made on the fly."""

from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest


def smooth_cubes(frames=3, height=24, width=32, bands=16, seed=0):
    """(frames, height, width, bands) uint16: spatially smooth, spectrally rough, as real mosaics are."""
    rng = np.random.default_rng(seed)
    spectra = rng.uniform(50, 900, (2, bands))
    ramp = np.linspace(0, 1, width)[None, :, None] * np.linspace(0.3, 1, height)[:, None, None]
    base = ramp * spectra[0] + (1 - ramp) * spectra[1]
    return np.stack(
        [np.round(base + rng.normal(0, 3, base.shape).clip(-40, 40) + 2 * i) for i in range(frames)]
    ).astype(np.uint16)


def interleave(cube, block):
    """The mosaic of a cube, written pixel by pixel (another way than the package's)."""
    height, width, bands = cube.shape
    mosaic = np.zeros((height * block, width * block), cube.dtype)
    for i in range(height):
        for j in range(width):
            for band in range(bands):
                mosaic[i * block + band // block, j * block + band % block] = cube[i, j, band]
    return mosaic


def save_image(path: Path, image):
    """Write an image; colour is R, G, B."""
    path.parent.mkdir(parents=True, exist_ok=True)
    array = image[:, :, ::-1] if image.ndim == 3 else image
    assert cv2.imwrite(str(path), np.ascontiguousarray(array))
    return path


def save_mosaics(folder: Path, cubes, block, *, suffix=".png", name="{:04d}"):
    for i, cube in enumerate(cubes, start=1):
        save_image(folder / (name.format(i) + suffix), interleave(cube, block))
    return folder


def save_pictures(folder: Path, frames, height, width, *, suffix=".jpg", shade=20):
    for i in range(frames):
        save_image(folder / f"{i + 1:04d}{suffix}", np.full((height, width, 3), (shade * i, 100, 200), np.uint8))
    return folder


def save_text(path: Path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def make():
    """The makers above by short names; test files cannot import a conftest."""
    return SimpleNamespace(
        cubes=smooth_cubes,
        interleave=interleave,
        image=save_image,
        mosaics=save_mosaics,
        pictures=save_pictures,
        text=save_text,
    )


@pytest.fixture
def cubes():
    return smooth_cubes()


@pytest.fixture
def hsi(tmp_path, cubes):
    """A sequence folder ``car/HSI`` with three 4 x 4 mosaics and truth in HOTC's dialect."""
    folder = save_mosaics(tmp_path / "car" / "HSI", cubes, 4)
    save_text(folder / "groundtruth_rect.txt", "1\t2\t10\t8\t\n2\t2\t10\t8\t\n3\t2\t10\t8\t\n")
    return folder
