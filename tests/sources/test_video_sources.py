"""Video as a source: files, HTTP, a stream over UDP, and a camera that OpenCV opens."""

import functools
import http.server
import socket
import threading
import time

import numpy as np
import pytest

import spectrack
from spectrack.cube import cube_to_mosaic
from spectrack.errors import SequenceError
from spectrack.sequences.opening import Options
from spectrack.sources.opening import SourceOptions, open_source
from spectrack.sources.videos import CameraSource, VideoSource
from tests.fixtures.refusals import refuses

av = pytest.importorskip("av")
PICTURES = [np.full((48, 64, 3), 12 * index, np.uint8) for index in range(8)]


def encode(place, codec="ffv1", pixels="bgr0", pictures=PICTURES, form="rgb24", rate=25, pace=0.0, **options):
    with av.open(str(place), "w", **options) as file:
        stream = file.add_stream(codec, rate=rate)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt, stream.gop_size = pixels, 2
        for picture in pictures:
            for packet in stream.encode(av.VideoFrame.from_ndarray(picture, format=form)):
                file.mux(packet)
            time.sleep(pace)
        for packet in stream.encode():
            file.mux(packet)
    return place


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return encode(tmp_path_factory.mktemp("video") / "clip.mkv")


def pictures_of(source):
    return [captured.frame.whole() for captured in source.frames()]


def test_a_file_gives_what_a_sequence_does(clip):
    source = open_source(clip)
    sequence = spectrack.open_sequence(clip)
    assert (source.name, source.fps, source.is_rgb, source.policy) == ("clip", 25.0, True, "all")
    np.testing.assert_array_equal(pictures_of(source), list(sequence))


def test_a_file_plays_at_its_own_speed_where_frames_are_dropped(clip):
    source = VideoSource(str(clip))
    source.skips = True
    captured = list(source.frames())
    assert captured[-1].clock - captured[0].clock > 0.8 * 7 / 25


def test_mosaics_in_a_video(tmp_path):
    cubes = [np.random.default_rng(index).integers(0, 1000, (12, 16, 16), np.uint16) for index in range(3)]
    file = encode(
        tmp_path / "m.mkv", pixels="gray16le", form="gray16le", pictures=[cube_to_mosaic(c, 4) for c in cubes]
    )
    source = open_source(file, SourceOptions(Options(sensor="vis16")))
    np.testing.assert_array_equal(pictures_of(source), cubes)
    assert (source.bands, source.is_rgb, source.block) == (16, False, 4)
    with refuses(SequenceError, "4 x 4", "m.mkv"):
        open_source(file)


def test_an_address(clip):
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *words):
            pass

    handler = functools.partial(Quiet, directory=str(clip.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        source = open_source(f"http://me:secret@127.0.0.1:{server.server_port}/clip.mkv")
        assert source.policy == "latest"
        assert "secret" not in f"{source.where} {source.name} {source.describe()}"
        np.testing.assert_array_equal(pictures_of(source), PICTURES)
        server.shutdown()


def test_a_stream_over_the_network_is_time_stamped():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"udp://127.0.0.1:{port}"
    words = {"codec": "mpeg4", "pixels": "yuv420p", "format": "mpegts", "pace": 0.02, "rate": 5}
    sender = threading.Thread(target=encode, args=(address,), kwargs=words | {"pictures": PICTURES * 6})
    sender.start()
    source = VideoSource(address)
    frames = source.frames()
    captured = [next(frames) for _ in range(5)]
    source.close()
    frames.close()
    sender.join()
    assert all(abs(one.time - time.time()) < 30 for one in captured)
    assert np.diff([one.clock for one in captured]).min() >= 0


@pytest.mark.parametrize("place", ["http://127.0.0.1:9/none.mp4", "nosuch://place"])
def test_nobody_at_the_address(place):
    with refuses(SequenceError, place):
        open_source(place)


def test_no_video_in_a_file(tmp_path):
    file = tmp_path / "words.mp4"
    file.write_text("no video")
    with refuses(SequenceError, "words.mp4"):
        open_source(file)


def test_colour_is_no_mosaic(clip):
    with refuses(SequenceError, "vis16"):
        open_source(clip, SourceOptions(Options(sensor="vis16")))


class Device:
    """What cv2.VideoCapture gives: B, G, R pictures, or raw mosaics once conversion is off; then nothing."""

    def __init__(self, frames):
        self.frames, self.settings, self.released = list(frames), {}, False

    def isOpened(self):  # noqa: N802 - OpenCV's names
        return bool(self.frames)

    def set(self, name, value):
        self.settings[name] = value

    def get(self, name):
        return 30.0

    def read(self):
        return (True, self.frames.pop(0)) if self.frames else (False, None)

    def release(self):
        self.released = True


def test_a_camera(monkeypatch):
    import cv2

    device = Device(picture * np.array([1, 2, 3], np.uint8) for picture in PICTURES[:3])
    monkeypatch.setattr(cv2, "VideoCapture", lambda number: device)
    source = open_source("0")
    assert (source.name, source.policy, source.fps) == ("camera 0", "latest", 30.0)
    frames = source.frames()
    assert [next(frames).frame.whole()[0, 0].tolist() for _ in range(3)] == [[0, 0, 0], [36, 24, 12], [72, 48, 24]]
    with refuses(SequenceError, "frame 3", "camera 0"):
        next(frames)
    assert device.released


def test_a_camera_of_raw_mosaics(monkeypatch):
    import cv2

    cube = np.random.default_rng(0).integers(0, 1000, (6, 8, 16), np.uint16)
    device = Device([cube_to_mosaic(cube, 4)[..., None]])
    monkeypatch.setattr(cv2, "VideoCapture", lambda number: device)
    source = CameraSource(0, sensor="vis16")
    np.testing.assert_array_equal(next(source.frames()).frame.whole(), cube)
    assert device.settings == {cv2.CAP_PROP_CONVERT_RGB: 0}


def test_no_camera():
    with refuses(SequenceError, "number 97"):
        open_source(97)
