"""Small files that would fill the memory are refused before they are decoded; a variable allows what is meant."""

import struct
import zlib

import cv2
import h5py
import numpy as np
import pytest
import tifffile

from spectrack.errors import ConfigError, SequenceError
from spectrack.sequences import growth, open_sequence
from spectrack.sequences.frame_files import read_image
from spectrack.sequences.growth import GROWTH_VARIABLE, check_growth, image_bytes
from tests.fixtures.refusals import refuses


@pytest.fixture
def small(monkeypatch):
    """Growth counts from 64 KiB on, so that tests need not make what takes a quarter of a gibibyte."""
    monkeypatch.setattr(growth, "LEAST_BYTES", 2**16)


def test_a_picture(tmp_path):
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 20_000, 20_000, 8, 0, 0, 0, 0))
    data = b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    (tmp_path / "0001.png").write_bytes(data)
    with refuses(SequenceError, tmp_path / "0001.png", "0.373 GiB"):
        read_image(tmp_path / "0001.png")


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".tif"])
@pytest.mark.parametrize("shape", [(30, 50, 3), (30, 50)])
def test_what_headers_claim(tmp_path, suffix, shape):
    picture = np.random.default_rng(1).integers(0, 255, shape).astype(np.uint8)
    data = cv2.imencode(suffix, picture)[1].tobytes()
    assert picture.nbytes <= image_bytes(data) <= 4 * picture.size
    assert image_bytes(data[:12]) == 0
    if suffix in (".png", ".tif"):
        counts = cv2.imencode(suffix, picture.astype(np.uint16))[1].tobytes()
        assert image_bytes(counts) == 2 * picture.size


def test_an_array(tmp_path, monkeypatch, small):
    np.savez_compressed(tmp_path / "a.npz", a=np.zeros((1, 450, 400, 16), np.uint8))
    with refuses(SequenceError, tmp_path / "a.npz"):
        open_sequence(tmp_path / "a.npz", axes="thwb")
    monkeypatch.setenv(GROWTH_VARIABLE, "2000")
    assert open_sequence(tmp_path / "a.npz", axes="thwb").width == 400


def test_a_compressed_page_and_a_chunk(tmp_path, small):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((1600, 1600), np.uint16), compression="zlib", tile=(160, 160))
    with refuses(SequenceError, tmp_path / "a.tif"):
        open_sequence(tmp_path / "a.tif", sensor="vis16")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("a", data=np.zeros((4, 600, 80, 16), "u1"), chunks=(4, 600, 80, 16), compression="gzip")
    with refuses(SequenceError, tmp_path / "a.h5"):
        open_sequence(tmp_path / "a.h5", axes="thwb")


def test_the_limit():
    check_growth(2**28, 1, "a")
    check_growth(2**30, 2**24, "a")
    with refuses(SequenceError, "1 GiB", f"{GROWTH_VARIABLE}=1025"):
        check_growth(2**30, 2**20, "a")


@pytest.mark.parametrize("text", ["", "much", "-1", "nan"])
def test_a_limit_that_is_no_number(monkeypatch, text):
    monkeypatch.setenv(GROWTH_VARIABLE, text)
    with refuses(ConfigError, GROWTH_VARIABLE, repr(text)):
        check_growth(2**30, 1, "a")
