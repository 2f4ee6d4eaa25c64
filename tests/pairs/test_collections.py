"""Somebody's own pictures: decoded as light, bounded, known by content; what cannot be used is named, never fatal."""

import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from spectrack.errors import ConfigError
from spectrack.pairs.collections import collected, decode_cut_out, decode_photograph, find_pictures
from tests.fixtures.own_pictures import angle_piece, squares
from tests.fixtures.refusals import refuses


def code_of(value):
    """What a display-coded 8-bit value becomes, by the standard's formula written out."""
    coded = value / 255
    linear = coded / 12.92 if coded <= 0.04045 else ((coded + 0.055) / 1.055) ** 2.4
    return linear**0.5 * 255


def find(folder, most=100, use="photographs"):
    return find_pictures([str(folder)], use, most=most, seed=1)


@pytest.mark.parametrize("suffix", ["png", "jpg", "JPEG", "webp", "tif"])
def test_photographs_are_light_in_the_code_of_the_bank(tmp_path, suffix):
    path = tmp_path / f"grey.{suffix}"
    Image.fromarray(np.full((100, 120, 3), (200, 100, 5), np.uint8)).save(path)
    decoded = decode_photograph(path, 1600)
    assert decoded.shape == (100, 120, 3)
    assert decoded.dtype == np.uint8
    np.testing.assert_allclose(
        decoded[50, 60], [code_of(200), code_of(100), code_of(5)], atol=9 if suffix != "png" else 1
    )


def test_large_photographs_are_reduced_in_light(tmp_path):
    """Black and white lines of one pixel have half the light, not half the code."""
    lines = np.zeros((300, 800, 3), np.uint8)
    lines[:, ::2] = 255
    cv2.imwrite(str(tmp_path / "lines.png"), lines)
    decoded = decode_photograph(tmp_path / "lines.png", 400)
    assert decoded.shape == (150, 400, 3)
    np.testing.assert_allclose(decoded, 0.5**0.5 * 255, atol=1)


def test_huge_photographs_are_bounded_too(tmp_path):
    cv2.imwrite(str(tmp_path / "wide.png"), squares(1, 1500, 4000))
    assert decode_photograph(tmp_path / "wide.png", 400).shape == (150, 400, 3)


def test_upright_as_the_camera_was_held(tmp_path):
    picture = Image.fromarray(squares(2))
    turned = picture.getexif()
    turned[0x0112] = 6
    picture.save(tmp_path / "turned.png", exif=turned)
    picture.save(tmp_path / "plain.png")
    plain, upright = (decode_photograph(tmp_path / f"{name}.png", 1600) for name in ("plain", "turned"))
    np.testing.assert_array_equal(upright, np.rot90(plain, -1))


def test_sixteen_bits_and_one_channel(tmp_path):
    cv2.imwrite(str(tmp_path / "deep.png"), np.full((100, 100), 200 * 257, np.uint16))
    np.testing.assert_allclose(decode_photograph(tmp_path / "deep.png", 1600), code_of(200), atol=1)


def test_cut_out_is_the_thing_within_its_outline(tmp_path):
    """Whatever lies under transparent pixels, the thing has its own colour up to the border and a little beyond."""
    cv2.imwrite(str(tmp_path / "l.png"), angle_piece((40, 90, 200), beneath=255))
    sprite, outline = decode_cut_out(tmp_path / "l.png", 160)
    assert sprite.shape == (160, 160, 4)
    scale = 160 * 0.92 / 110
    expected = np.array([160 * 0.04, 80 - 50 * scale])
    np.testing.assert_allclose(outline.min(axis=0), expected, atol=0.6)
    np.testing.assert_allclose(outline.max(axis=0), 160 - expected, atol=0.6)
    inside = sprite[:, :, 3] > 0
    np.testing.assert_allclose(
        sprite[inside][:, :3], np.tile([code_of(200), code_of(90), code_of(40)], (inside.sum(), 1)), atol=2
    )
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    np.testing.assert_allclose(outline.min(axis=0), [columns[0], rows[0]], atol=1)
    np.testing.assert_allclose(outline.max(axis=0), [columns[-1] + 1, rows[-1] + 1], atol=1)


def test_folders_are_read_with_their_folders_and_by_name(own_pictures):
    found = find(own_pictures["photographs"][0])
    assert [file.name for file in found] == ["a.png", "b.jpg", "deeper/c.webp"]
    assert len({file.digest for file in found}) == 3


def test_of_many_files_the_same_few_are_drawn(tmp_path):
    for number in range(30):
        (tmp_path / f"{number:02}.png").write_bytes(bytes([number]))
    first, second = find(tmp_path, most=10), find(tmp_path, most=10)
    assert first == second
    assert len(first) == 10


def claims_to_be_huge():
    """A PNG of a few bytes whose header says 60,000 x 2,800 pixels."""
    chunks = b"IHDR" + struct.pack(">IIBBBBB", 60_000, 2_800, 8, 2, 0, 0, 0), b"IDAT" + zlib.compress(b"0")
    framed = [struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk)) for chunk in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(framed)


@pytest.fixture
def hostile(tmp_path):
    """A folder of seven files that are no usable photographs."""
    folder = tmp_path / "hostile"
    folder.mkdir()
    cv2.imwrite(str(folder / "whole.jpg"), squares(3))
    whole = (folder / "whole.jpg").read_bytes()
    (folder / "whole.jpg").unlink()
    (folder / "truncated.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "empty.png").write_bytes(b"")
    (folder / "text.png").write_text("not a picture")
    (folder / "huge.png").write_bytes(claims_to_be_huge())
    (folder / "zeros.tif").write_bytes(bytes(500))
    cv2.imwrite(str(folder / "small.png"), squares(4, 20, 20))
    Image.fromarray(np.full((200, 200), np.nan, np.float32)).save(folder / "float.tif")
    return folder


def test_hostile_files_are_left_out_and_named(hostile):
    cv2.imwrite(str(hostile / "good.png"), squares(5))
    files = find(hostile)
    decoded = {file: decode_photograph(file.path, 400) for file in files}
    refused = {file: found for file, found in decoded.items() if isinstance(found, str)}
    (collection,) = collected("photographs", files, refused)
    assert collection.files == 1
    assert set(collection.left_out) == {
        "truncated.jpg",
        "empty.png",
        "text.png",
        "huge.png",
        "zeros.tif",
        "small.png",
        "float.tif",
    }
    assert collection.name == "hostile"
    assert "7 left out" in str(collection)
    assert "60000 x 2800" in collection.left_out["huge.png"]


def test_a_folder_of_nothing_usable_is_refused(hostile):
    files = find(hostile)
    with refuses(ConfigError, "data.photographs", hostile, "among 7"):
        collected("photographs", files, {file: decode_photograph(file.path, 400) for file in files})


@pytest.mark.parametrize("picture", [squares(1), np.dstack([squares(1), np.full((200, 300), 255, np.uint8)])])
def test_a_picture_that_cuts_nothing_out_is_no_cut_out(tmp_path, picture):
    cv2.imwrite(str(tmp_path / "a.png"), picture)
    assert "alpha" in decode_cut_out(tmp_path / "a.png", 96)


def test_a_tiny_cut_out_is_left_out(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), cv2.resize(angle_piece(), (30, 30)))
    assert "pixels" in decode_cut_out(tmp_path / "a.png", 96)


def test_no_folder_and_an_empty_folder_are_refused(tmp_path):
    with refuses(ConfigError, "data.photographs", tmp_path / "absent"):
        find(tmp_path / "absent")
    (tmp_path / "notes.txt").write_text("nothing to see")
    with refuses(ConfigError, "data.cutouts", "found none", tmp_path):
        find(tmp_path, use="cutouts")


def test_a_digest_changes_with_names_and_bytes(tmp_path):
    def digest():
        (collection,) = collected("photographs", find(tmp_path), {})
        return collection.digest

    cv2.imwrite(str(tmp_path / "a.png"), squares(1))
    first = digest()
    assert digest() == first
    (tmp_path / "a.png").rename(tmp_path / "b.png")
    renamed = digest()
    cv2.imwrite(str(tmp_path / "b.png"), squares(2))
    assert len({first, renamed, digest()}) == 3
