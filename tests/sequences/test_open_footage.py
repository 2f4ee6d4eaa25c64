"""Ordinary footage: folders of colour images, MUST's triplets, and video files read frame-exactly."""

import logging
import pickle

import av
import numpy as np
import pytest

from spectrack.errors import SequenceError
from spectrack.sequences import open_sequence
from tests.fixtures.refusals import refuses


def coded_picture(i):
    """48 x 64 picture whose vertical bars spell `i` in binary, with a red stripe below."""
    picture = np.zeros((48, 64, 3), np.uint8)
    for bit in range(8):
        picture[:, bit * 8 : (bit + 1) * 8] = 255 * (i >> bit & 1)
    picture[40:] = (255, 0, 0)
    return picture


def number_of(picture):
    return sum(1 << bit for bit in range(8) if picture[10, bit * 8 + 4].mean() > 127)


def write_video(path, codec, frames=40, options=None):
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=30, options=options or {})
        stream.width, stream.height = 64, 48
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        for i in range(frames):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(coded_picture(i), format="rgb24")))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".bmp"])
def test_a_folder_of_colour_images(tmp_path, make, suffix):
    frames = np.zeros((3, 16, 24, 3), np.uint8)
    frames[..., 0], frames[1, ..., 2] = 200, 100
    for i, frame in enumerate(frames):
        make.image(tmp_path / "clip" / f"{i + 8}{suffix}", frame)
    sequence = open_sequence(tmp_path / "clip")
    assert sequence.is_rgb
    assert (len(sequence), sequence.bands, sequence.sensor, sequence.wavelengths_nm) == (3, 3, None, None)
    for i, frame in enumerate(frames):
        assert np.abs(sequence[i].astype(int) - frame).max() <= (3 if suffix == ".jpg" else 0)
    np.testing.assert_array_equal(sequence.false_colour(1), sequence[1])


def test_grey_jpegs_become_three_equal_bands(tmp_path, make):
    make.image(tmp_path / "1.jpg", np.full((16, 16), 90, np.uint8))
    cube = open_sequence(tmp_path)[0]
    assert cube.shape == (16, 16, 3)
    assert (cube == cube[:, :, :1]).all()
    make.image(tmp_path / "grey" / "1.png", np.full((16, 16), 90, np.uint8))
    assert open_sequence(tmp_path / "grey", format="images").bands == 3


def test_transparency_is_dropped(tmp_path, make):
    import cv2

    image = np.zeros((8, 8, 4), np.uint8)
    image[..., 0], image[..., 3] = 50, 255  # OpenCV writes B, G, R, A
    cv2.imwrite(str(tmp_path / "1.png"), image)
    assert open_sequence(tmp_path)[0][0, 0].tolist() == [0, 0, 50]


def test_a_truncated_jpeg_is_refused(tmp_path, make):
    folder = make.pictures(tmp_path / "clip", 2, 32, 32)
    data = (folder / "0002.jpg").read_bytes()
    (folder / "0002.jpg").write_bytes(data[: len(data) - 40])
    with refuses(SequenceError, "0002.jpg"):
        open_sequence(folder)[1]


def test_mixed_image_sizes_are_refused(tmp_path, make):
    folder = make.pictures(tmp_path / "clip", 2, 32, 32)
    make.image(folder / "0002.jpg", np.zeros((32, 30, 3), np.uint8))
    with refuses(SequenceError, "0001.jpg", "32 x 32", "30 x 32", "0002.jpg"):
        open_sequence(folder)[1]


VIDEOS = [
    ("clip.mp4", "libx264", {"g": "12", "bf": "2"}),
    ("clip.mkv", "mpeg4", {"g": "10", "bf": "2"}),
    ("clip.avi", "mjpeg", {}),
    ("clip.avi", "mpeg4", {"bf": "2"}),
]


@pytest.mark.parametrize(("name", "codec", "options"), VIDEOS, ids=[f"{name}-{codec}" for name, codec, _ in VIDEOS])
def test_every_frame_of_a_video_is_exact_in_any_order(tmp_path, name, codec, options):
    sequence = open_sequence(write_video(tmp_path / name, codec, options=options))
    assert (len(sequence), sequence.height, sequence.width, sequence.bands, sequence.fps) == (40, 48, 64, 3, 30.0)
    assert sequence.is_rgb
    assert [number_of(cube) for cube in sequence] == list(range(40))
    for i in np.random.default_rng(0).permutation(40):
        assert number_of(sequence[int(i)]) == i
    red, green, blue = sequence[7][45, 30].astype(int)
    assert red > 200
    assert max(green, blue) < 60
    assert number_of(pickle.loads(pickle.dumps(sequence))[33]) == 33


@pytest.mark.parametrize(("name", "codec"), [("a.avi", "mjpeg"), ("a.mkv", "mjpeg"), ("a.mp4", "mpeg4")])
def test_tags_of_any_encoding_do_not_matter(tmp_path, name, codec):
    path, stands_for = tmp_path / name, b"a title of 8 signs"
    with av.open(str(path), "w") as container:
        container.metadata["title"] = stands_for.decode()
        stream = container.add_stream(codec, rate=30)
        stream.width, stream.height = 64, 48
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        for i in range(3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(coded_picture(i), format="rgb24")))
        container.mux(stream.encode())
    written = path.read_bytes()
    assert stands_for in written
    path.write_bytes(written.replace(stands_for, "球".encode("gbk") * 9))
    assert [number_of(open_sequence(path)[i]) for i in (2, 0, 1)] == [2, 0, 1]


def test_a_folder_with_one_video_and_its_truth(tmp_path, make):
    (tmp_path / "walk").mkdir()
    write_video(tmp_path / "walk" / "video.mp4", "libx264", frames=3)
    make.text(tmp_path / "walk" / "groundtruth_rect.txt", "1,2,3,4\n" * 3)
    sequence = open_sequence(tmp_path / "walk")
    assert sequence.name == "walk"
    assert sequence.truth.shape == (3, 4)
    write_video(tmp_path / "walk" / "other.mp4", "libx264", frames=3)
    with refuses(SequenceError, "walk", "found 2", "other.mp4"):
        open_sequence(tmp_path / "walk")
    assert open_sequence(tmp_path / "walk" / "video.mp4").truth is None  # whose truth it is cannot be told


def test_damaged_videos_get_a_sentence(tmp_path, caplog):
    path = write_video(tmp_path / "clip.mp4", "libx264")
    data = path.read_bytes()
    for keep in (0, 60, len(data) // 2):
        path.write_bytes(data[:keep])
        with refuses(SequenceError, "clip.mp4"):
            open_sequence(path)
    path = write_video(tmp_path / "clip.avi", "mjpeg")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with caplog.at_level(logging.WARNING):
        assert len(open_sequence(path)) < 40
    assert "announces 40 frames and holds" in caplog.text


@pytest.mark.parametrize("fourcc", [b"XXXX", b"\0\0\0\0"])
def test_a_video_of_an_unknown_codec_is_refused(tmp_path, fourcc):
    path = write_video(tmp_path / "clip.avi", "mjpeg", frames=2)
    path.write_bytes(path.read_bytes().replace(b"MJPG", fourcc))
    with refuses(SequenceError, "clip.avi"):
        open_sequence(path)


def test_a_video_without_pictures_is_refused(tmp_path):
    path = tmp_path / "sound.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    with refuses(SequenceError, "sound.mkv"):
        open_sequence(path)


def test_triplets_of_jpegs_give_eight_bands_in_order(tmp_path, make):
    import cv2

    levels = [10, 40, 70, 100, 130, 160, 190, 220]
    folder = tmp_path / "HSIData" / "uav-car-1"
    folder.mkdir(parents=True)
    for number in (1, 2, 10):
        for member, bands in ((1, (0, 1, 2)), (2, (3, 4, 5)), (3, (5, 6, 7))):
            planes = [np.full((16, 16), levels[band] + number, np.uint8) for band in bands]
            cv2.imwrite(str(folder / f"{number}_img{member}.jpg"), np.dstack(planes), [cv2.IMWRITE_JPEG_QUALITY, 100])
    make.text(tmp_path / "FalseColor" / "uav-car-1" / "groundtruth.txt", "1,2,3,4\n" * 3)
    sequence = open_sequence(folder)
    assert (len(sequence), sequence.bands, sequence.is_rgb, sequence.name) == (3, 8, False, "uav-car-1")
    for i, number in enumerate((1, 2, 10)):
        np.testing.assert_allclose(sequence[i].mean(axis=(0, 1)), np.array(levels) + number, atol=3)
    assert sequence.truth.shape == (3, 4)
    (folder / "2_img2.jpg").unlink()
    with refuses(SequenceError, "frame 2", "2_img1.jpg", "_img2"):
        open_sequence(folder)
