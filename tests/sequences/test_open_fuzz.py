"""Seeded corruptions of text files: whatever they become, only SpectrackError leaves the readers."""

from contextlib import contextmanager

import numpy as np
import pytest

from benchmarks.damage import damaged
from spectrack.annotations.attributes import read_attributes
from spectrack.errors import SpectrackError
from spectrack.sequences import MemorySequence, open_sequence, read_boxes, write_sequence


@contextmanager
def only_a_sentence(refusals=None):
    """Let a SpectrackError pass when its message says what was expected and found; anything else is a failure."""
    try:
        yield
    except SpectrackError as error:
        message = str(error)
        if "expected" not in message or "found" not in message:
            raise
        if refusals is not None:
            refusals.append(message)


@pytest.mark.parametrize("seed", range(4))
def test_corrupted_annotations(tmp_path, seed):
    rng = np.random.default_rng(seed)
    good = b"\xef\xbb\xbf" * (seed % 2) + b"".join(b"%d\t%d\t30.5\t4e1\t\r\n" % (i, 2 * i) for i in range(8))
    path = tmp_path / "groundtruth_rect.txt"
    refusals = []
    for _ in range(150):
        path.write_bytes(damaged(good, rng))
        with only_a_sentence(refusals):
            boxes = read_boxes(path)
            assert boxes.shape[1] == 4
            assert np.isfinite(boxes).all()
        with only_a_sentence():
            read_attributes(path)
    assert len(refusals) > 20


@pytest.mark.parametrize("seed", range(4))
def test_corrupted_envi_headers(tmp_path, seed):
    rng = np.random.default_rng(seed)
    cubes = rng.integers(0, 99, (1, 6, 7, 5)).astype(np.uint16)
    folder = write_sequence(MemorySequence(cubes, wavelengths_nm=range(500, 550, 10)), tmp_path / "out", format="envi")
    header = folder / "frames" / "0001.hdr"
    good = header.read_bytes()
    for _ in range(100):
        header.write_bytes(damaged(good, rng))
        with only_a_sentence():
            assert open_sequence(header)[0].ndim == 3


@pytest.mark.parametrize("seed", range(2))
def test_corrupted_side_files(tmp_path, seed):
    rng = np.random.default_rng(seed)
    sequence = MemorySequence(np.ones((2, 4, 4, 16), np.uint16), sensor="vis16", wavelengths_nm=range(460, 620, 10))
    folder = write_sequence(sequence, tmp_path / "out", format="npy")
    good = (folder / "sequence.json").read_bytes()
    for _ in range(100):
        (folder / "sequence.json").write_bytes(damaged(good, rng))
        with only_a_sentence():
            assert open_sequence(folder)[0].ndim == 3


@pytest.mark.parametrize("kind", ["png", "npy", "npz", "mat", "h5", "tif", "jpg"])
def test_corrupted_frames(tmp_path, make, cubes, kind):
    import h5py
    import tifffile
    from scipy.io import savemat

    path = tmp_path / "clip" / f"0001.{kind}"
    path.parent.mkdir()
    if kind == "png":
        make.image(path, make.interleave(cubes[0], 4))
    elif kind == "jpg":
        make.image(path, np.full((16, 16, 3), 90, np.uint8))
    elif kind == "npy":
        np.save(path, cubes[0])
    elif kind == "npz":
        np.savez(path, cube=cubes[0])
    elif kind == "mat":
        savemat(path, {"cube": cubes[0]})
    elif kind == "h5":
        with h5py.File(path, "w") as file:
            file["cube"] = cubes[0]
    else:
        tifffile.imwrite(path, cubes[0].transpose(2, 0, 1), photometric="minisblack")
    good = path.read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(60):
        # The first kilobyte holds the headers; noise in the pixels is only other pixels.
        path.write_bytes(damaged(good[:1024], rng) + good[1024:])
        with only_a_sentence():
            assert open_sequence(path.parent)[0].ndim == 3
