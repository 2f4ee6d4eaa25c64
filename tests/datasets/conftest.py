"""Small data sets that the tests share: one written by the simulator and the writers, and a maker of bare folders of
frames.
"""

import shutil
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

import spectrack
from spectrack.sequences.writers import write_sequence

FRAMES, HEIGHT, WIDTH = 5, 64, 96

MEMBERS = (
    ("training", "HSI-VIS", "ant", "vis16"),
    ("training", "HSI-VIS", "bee", "vis16"),
    ("validation", "HSI-VIS", "cow", "vis16"),
    ("validation", "HSI-RedNIR", "doe", "rednir15"),
    ("test", "", "fox", "vis16"),
)
"""Split, modality, name and camera of the sequences of the simulated tree; the last in the layout with streams inside.
"""


@pytest.fixture(scope="session")
def _master(tmp_path_factory) -> Path:
    """A HOTC tree as the challenges publish it: modality first with truth beside the pictures, and one sequence with
    three streams.
    """
    root, temporary = tmp_path_factory.mktemp("HOTC") / "tree", tmp_path_factory.mktemp("written")
    for number, (split, modality, name, sensor) in enumerate(MEMBERS):
        video = spectrack.simulate("calm", sensor, frames=FRAMES, seed=100 + number, height=HEIGHT, width=WIDTH)
        written = write_sequence(video, temporary / name, false_colour=True)
        if modality:
            cubes, pictures = root / split / modality / name, root / split / f"{modality}-FalseColor" / name
            (written / "HSI" / "groundtruth_rect.txt").rename(written / "HSI-FalseColor" / "groundtruth_rect.txt")
        else:
            cubes, pictures = root / split / name / "HSI", root / split / name / "HSI-FalseColor"
        for source, target in ((written / "HSI", cubes), (written / "HSI-FalseColor", pictures)):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(source, target)
    fox = root / "test" / "fox"
    shutil.copy(fox / "HSI" / "groundtruth_rect.txt", fox / "HSI-FalseColor")
    shutil.copytree(fox / "HSI-FalseColor", fox / "RGB")
    return root


@pytest.fixture
def tree(_master, tmp_path) -> Path:
    """A copy of the simulated tree that a test may damage."""
    return Path(shutil.copytree(_master, tmp_path / "tree"))


def cube_of(frame: int, bands: int, height: int = 40, width: int = 40, seed: int = 0):
    """(height, width, bands) uint16: a gradient with a spectrum of its own, different in every frame."""
    spectrum = np.random.default_rng(seed).uniform(50, 900, bands)
    ramp = np.linspace(0.3, 1, width)[None, :, None] * np.linspace(0.5, 1, height)[:, None, None]
    return np.round(ramp * spectrum + 3 * frame).astype(np.uint16)


def interleave(cube, block):
    """The mosaic of a cube by reshaping (another way than the package's); missing bands are zero."""
    height, width, bands = cube.shape
    padded = np.zeros((height, width, block * block), cube.dtype)
    padded[:, :, :bands] = cube
    return padded.reshape(height, width, block, block).transpose(0, 2, 1, 3).reshape(height * block, width * block)


def write_image(path: Path, image) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), image)
    return path


def write_mosaics(
    folder: Path, block: int, bands: int | None = None, *, frames=3, suffix=".png", seed=0, name="{:04d}"
) -> Path:
    for i in range(frames):
        write_image(folder / (name.format(i + 1) + suffix), interleave(cube_of(i, bands or block**2, seed=seed), block))
    return folder


def write_pictures(folder: Path, *, frames=3, height=40, width=40, suffix=".jpg") -> Path:
    ramp = np.tile(np.linspace(0, 200, width, dtype=np.uint8), (height, 1))
    for i in range(frames):
        write_image(folder / f"{i + 1:04d}{suffix}", np.dstack([ramp, ramp // 2, ramp + i]))
    return folder


def write_text(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def boxes(first: int, frames: int = 3) -> str:
    return "".join(f"{first}\t{5 + i}\t10\t8\t\n" for i in range(frames))


@pytest.fixture(scope="session")
def make():
    """The makers above by short names; test files cannot import a conftest."""
    return SimpleNamespace(
        boxes=boxes,
        cube=cube_of,
        image=write_image,
        interleave=interleave,
        mosaics=write_mosaics,
        pictures=write_pictures,
        text=write_text,
    )
