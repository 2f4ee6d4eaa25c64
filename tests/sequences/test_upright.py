"""Pictures and videos are handed out as a viewer shows them: turned and mirrored as their metadata say."""

import struct

import av
import cv2
import numpy as np
import pytest
import tifffile

from spectrack.cli import main
from spectrack.errors import SequenceError
from spectrack.sequences import open_sequence
from tests.fixtures.refusals import refuses

HEIGHT, WIDTH = 48, 64
ONE = 1 << 16

MATRICES = {
    "quarter clockwise": (0, ONE, 0, -ONE, 0, 0, HEIGHT * ONE, 0, 1 << 30),
    "quarter back": (0, -ONE, 0, ONE, 0, 0, 0, WIDTH * ONE, 1 << 30),
    "half": (-ONE, 0, 0, 0, -ONE, 0, WIDTH * ONE, HEIGHT * ONE, 1 << 30),
    "mirrored": (-ONE, 0, 0, 0, ONE, 0, WIDTH * ONE, 0, 1 << 30),
    "transposed": (0, ONE, 0, ONE, 0, 0, 0, 0, 1 << 30),
}

AS_SHOWN = {
    1: lambda picture: picture,
    2: np.fliplr,
    3: lambda picture: np.rot90(picture, 2),
    4: np.flipud,
    5: lambda picture: np.rot90(np.fliplr(picture)),
    6: lambda picture: np.rot90(picture, -1),
    7: lambda picture: np.rot90(np.fliplr(picture), -1),
    8: np.rot90,
}
"""What EXIF's orientations mean, by the standard's words about the first row and the first column."""


def quartered(height=HEIGHT, width=WIDTH):
    """A picture whose four quarters have four colours."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[: height // 2, : width // 2], picture[: height // 2, width // 2 :] = (250, 20, 20), (20, 250, 20)
    picture[height // 2 :, : width // 2], picture[height // 2 :, width // 2 :] = (20, 20, 250), (120, 120, 120)
    return picture


def write_phone_video(path, matrix, frames=3):
    """H.264 whose track header holds this display matrix, as phones write it."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "1"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv444p"
        for _ in range(frames):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(quartered(), format="rgb24")))
        container.mux(stream.encode())
    data = bytearray(path.read_bytes())
    at = data.find(b"tkhd")
    at += 8 + (20 if data[at + 4] == 0 else 32) + 16
    data[at : at + 36] = struct.pack(">9i", *matrix)
    path.write_bytes(data)
    return path


def shown_by_matrix(picture, matrix):
    """Every pixel carried to where the matrix sends its centre."""
    a, b, _, c, d, _, x, y, _ = matrix
    places = {}
    for row in range(picture.shape[0]):
        for column in range(picture.shape[1]):
            across, down = column + 0.5, row + 0.5
            places[(b * across + d * down + y) / ONE, (a * across + c * down + x) / ONE] = picture[row, column]
    height, width = round(max(row for row, _ in places) + 0.5), round(max(column for _, column in places) + 0.5)
    shown = np.zeros((height, width, 3), np.uint8)
    for (row, column), value in places.items():
        shown[int(row), int(column)] = value
    return shown


def exif(orientation):
    return b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01" + struct.pack(">HH", orientation, 0) + b"\0\0\0\0"


def write_turned_jpeg(path, picture, orientation):
    path.parent.mkdir(parents=True, exist_ok=True)
    array = np.ascontiguousarray(picture[:, :, ::-1]) if picture.ndim == 3 else picture
    data = cv2.imencode(".jpg", array, [cv2.IMWRITE_JPEG_QUALITY, 100])[1].tobytes()
    block = exif(orientation)
    path.write_bytes(data[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block + data[2:])
    return path


def close(found, expected):
    """Equal but for what coding changes, away from the edges between colours."""
    return found.shape == expected.shape and np.mean(np.abs(found.astype(int) - expected) > 12) < 0.1


@pytest.mark.parametrize("matrix", MATRICES.values(), ids=MATRICES.keys())
def test_a_turned_video(tmp_path, matrix):
    sequence = open_sequence(write_phone_video(tmp_path / "phone.mp4", matrix))
    expected = shown_by_matrix(quartered(), matrix)
    assert (sequence.height, sequence.width) == expected.shape[:2]
    for i in (0, 2, 1):
        assert close(sequence[i], expected)


def test_turned_and_lying_videos_are_not_the_same(tmp_path):
    lying = open_sequence(write_phone_video(tmp_path / "a.mp4", (ONE, 0, 0, 0, ONE, 0, 0, 0, 1 << 30)))
    assert lying.made_of().values[0] is None
    assert open_sequence(write_phone_video(tmp_path / "b.mp4", MATRICES["half"])).made_of().values[0] is not None


def test_a_video_that_is_shown_askew_is_refused(tmp_path):
    path = write_phone_video(tmp_path / "phone.mp4", (46341, 46341, 0, -46341, 46341, 0, 0, 0, 1 << 30))
    with refuses(SequenceError, path):
        open_sequence(path)


@pytest.mark.parametrize("orientation", AS_SHOWN)
def test_turned_jpegs(tmp_path, orientation):
    picture = quartered()
    write_turned_jpeg(tmp_path / "clip" / "1.jpg", picture, orientation)
    write_turned_jpeg(tmp_path / "clip" / "2.jpg", picture[:, :, 0], orientation)  # grey
    sequence, expected = open_sequence(tmp_path / "clip"), AS_SHOWN[orientation](picture)
    assert (sequence.height, sequence.width) == expected.shape[:2]
    assert close(sequence[0], expected)
    assert close(sequence[1], np.repeat(expected[:, :, :1], 3, axis=2))


def test_a_box_of_a_turned_video_is_in_the_upright_picture(tmp_path, capsys):
    path = write_phone_video(tmp_path / "phone.mp4", MATRICES["quarter clockwise"])
    words = ["track", str(path), "--box", "8,50,16,10", "--tracker", "cf", "--out", str(tmp_path / "out")]
    assert main(words) == 0
    assert f"{HEIGHT} x {WIDTH} pixels" in capsys.readouterr().out


def test_turned_pictures_are_checked_as_they_are_shown(tmp_path):
    from spectrack.datasets.check.checking import check_data

    for number, orientation in enumerate((1, 6, 6), start=1):
        picture = quartered() if orientation == 1 else np.rot90(quartered())
        write_turned_jpeg(tmp_path / "set" / "clip" / "img" / f"{number}.jpg", picture, orientation)
    (tmp_path / "set" / "clip" / "groundtruth_rect.txt").write_text("1,1,9,9\n" * 3)
    assert check_data([tmp_path / "set"]).is_clean


@pytest.mark.parametrize("orientation", [4, 6])
def test_mosaics_that_would_be_shown_turned_are_refused(tmp_path, make, orientation):
    mosaic = make.interleave(make.cubes()[0], 4)
    tag = [(274, 3, 1, orientation, True)]
    tifffile.imwrite(tmp_path / "1.tif", mosaic, extratags=tag)
    with refuses(SequenceError, tmp_path / "1.tif", f"Orientation {orientation}"):
        open_sequence(tmp_path, sensor="vis16")
    tifffile.imwrite(tmp_path / "cubes.tif", make.cubes(), photometric="minisblack", extratags=tag)
    with refuses(SequenceError, tmp_path / "cubes.tif", f"Orientation {orientation}"):
        open_sequence(tmp_path / "cubes.tif")
