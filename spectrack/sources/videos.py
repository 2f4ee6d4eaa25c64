"""Cameras and video addresses: what FFmpeg reads through PyAV, and cameras by number through OpenCV."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from spectrack.errors import SequenceError
from spectrack.sensors import Sensor, get_sensor
from spectrack.sequences.frames import ArrayFrame, Frame, MosaicFrame
from spectrack.sequences.mosaics import MosaicPattern, check_divisible, check_mosaic, undecided_pattern
from spectrack.sequences.videos import PictureForm, gives_counts, open_container
from spectrack.sources.base import Captured, FrameSource, Policy

_ERRORS_ONLY = 2
"""OpenCV's level of logging."""

_PATIENCE_S = 10.0
"""So long an address may say nothing."""


class VideoSource(FrameSource):
    """The pictures of a video file, or of what comes from an address: RTSP, HTTP, UDP and whatever FFmpeg knows.

    A file is read as fast as it is tracked, or at its own speed, as a camera would give it, where frames are dropped.
    Time stamps of an address are those of its last packet's arrival.

    Args:
        place: a file, or an address with ``://``.
        sensor: the camera, for a video of mosaics.
        policy: None for ``latest`` at an address and ``all`` of a file.

    Raises:
        SequenceError: nothing that can be played, or mosaics without a sensor.
    """

    is_rgb = True

    def __init__(self, place: str, *, sensor: str | Sensor | None = None, policy: Policy | None = None) -> None:
        super().__init__()
        self._place = place
        self._is_file = "://" not in place
        self.where, self.places = shown_address(place), (Path(place),) if self._is_file else ()
        self.name = Path(place).stem if self._is_file else self.where
        self.policy = policy or ("all" if self._is_file else "latest")
        camera = get_sensor(sensor) if isinstance(sensor, str) else sensor
        with self._explained("opened"):
            self._container = self._open()
            if not self._container.streams.video:
                raise SequenceError(f"expected a video stream in {self.where}, found none; give a video")
            self._stream = self._container.streams.video[0]
            pattern = self._pattern(camera)
            self._pictures = self._decoded()
            first = next(self._pictures, None)
        if first is None:
            raise SequenceError(f"expected frames from {self.where}, found none; see that it sends or holds video")
        self._form = PictureForm.of_first(first[0], pattern, self.where)
        self._first = self._captured(0, *first)
        self.height, self.width, self.bands = self._first.frame.shape
        rate = self._stream.average_rate
        self.fps = float(rate) if rate else None

    def frames(self) -> Iterator[Captured]:
        """See `FrameSource.frames`."""
        try:
            start = self._first.clock
            yield self._first
            with self._explained("read on"):
                for index, (picture, arrived) in enumerate(self._pictures, 1):
                    if self._is_file and self.skips and self._wait(start, picture):
                        return
                    captured = self._captured(index, picture, time.perf_counter() if self._is_file else arrived)
                    self._checked(captured.frame)
                    yield captured
                    if self.closing.is_set():
                        return
        finally:
            self._container.close()

    def _open(self) -> Any:
        if self._is_file:
            return open_container(self._place)
        # Packets over TCP arrive whole; FFmpeg's own choice is UDP, which loses some.
        options = {"rtsp_transport": "tcp", "fflags": "nobuffer"} if self._place.lower().startswith("rtsp") else {}
        return open_container(self._place, options=options, timeout=_PATIENCE_S)

    def _pattern(self, camera: Sensor | None) -> MosaicPattern | None:
        if not gives_counts(self._stream, self.where):
            if camera is not None:
                raise SequenceError(
                    f"expected mosaics of {camera.name} from {self.where}, found colour video; leave --sensor out"
                )
            return None
        if camera is None:
            raise undecided_pattern(self.where)
        pattern = MosaicPattern.of_sensor(camera)
        self.is_rgb, self.sensor, self.block = False, pattern.sensor, pattern.block
        return pattern

    def _decoded(self) -> Iterator[tuple[Any, float]]:
        """Pictures, and when the packet came that each was decoded from."""
        # Decoding several frames at a time would hold each back by as many.
        self._stream.thread_type = "SLICE"
        for packet in self._container.demux(self._stream):
            arrived = time.perf_counter()
            for picture in packet.decode():
                yield picture, arrived

    def _captured(self, index: int, picture: Any, arrived: float) -> Captured:
        return Captured(index, self._form.frame(picture), time.time() - (time.perf_counter() - arrived), arrived)

    def _wait(self, start: float, picture: Any) -> bool:
        """Wait until a file's picture would be shown; whether nobody wants it any more."""
        due = start if picture.time is None else start + picture.time
        return self.closing.wait(max(0.0, due - time.perf_counter()))

    @contextmanager
    def _explained(self, doing: str) -> Iterator[None]:
        import av

        try:
            yield
        except (av.FFmpegError, OSError) as error:
            raise SequenceError(
                f"expected video that can be {doing} at {self.where}, found: {error.strerror or error}; see that it is "
                "there, and that its format and password are right"
            ) from error


class CameraSource(FrameSource):
    """A camera by its number, through OpenCV.

    Args:
        number: 0 for the first.
        sensor: of a camera that gives raw mosaics.

    Raises:
        SequenceError: no such camera, or it gives no frame.
    """

    policy: Policy = "latest"

    def __init__(self, number: int, *, sensor: str | Sensor | None = None) -> None:
        super().__init__()
        import cv2

        self.name = self.where = f"camera {number}"
        camera = get_sensor(sensor) if isinstance(sensor, str) else sensor
        self._pattern = None if camera is None else MosaicPattern.of_sensor(camera)
        logs = getattr(cv2.utils, "logging", cv2)  # OpenCV 5's place, and 4's
        level = logs.setLogLevel(_ERRORS_ONLY)  # that there is no camera is told below
        self._device = cv2.VideoCapture(number)
        logs.setLogLevel(level)
        if not self._device.isOpened():
            raise SequenceError(f"expected a camera number {number}, found none that opens; try another number")
        if self._pattern is not None:
            self._device.set(cv2.CAP_PROP_CONVERT_RGB, 0)
            self.sensor, self.block = self._pattern.sensor, self._pattern.block
        first = self._captured(0)
        if first is None:
            self._device.release()
            raise SequenceError(f"expected frames from {self.name}, found none; see that nothing else uses it")
        self._first = first
        self.height, self.width, self.bands = first.frame.shape
        self.is_rgb = self._pattern is None
        self.fps = float(self._device.get(cv2.CAP_PROP_FPS)) or None

    def frames(self) -> Iterator[Captured]:
        """See `FrameSource.frames`."""
        captured, index = self._first, 0
        try:
            while not self.closing.is_set():
                yield captured
                index += 1
                following = self._captured(index)
                if following is None:
                    raise SequenceError(
                        f"expected frame {index} from {self.name}, found none; see that it is still connected"
                    )
                self._checked(following.frame)
                captured = following
        finally:
            self._device.release()

    def _captured(self, index: int) -> Captured | None:
        there, picture = self._device.read()
        return Captured(index, self._frame(np.asarray(picture))) if there else None

    def _frame(self, picture: Any) -> Frame:
        if self._pattern is None:
            return ArrayFrame(np.ascontiguousarray(picture[:, :, ::-1]))
        mosaic = picture.squeeze()
        check_mosaic(mosaic, self.name)
        counts = self._pattern.active(mosaic, self.name)
        check_divisible(counts.shape, self._pattern.block, self.name)
        return MosaicFrame(np.array(counts), self._pattern.block, self._pattern.bands)


def shown_address(place: str) -> str:
    """An address without the name and password in it.

    Example:
        >>> shown_address("rtsp://me:secret@10.0.0.7/live")
        'rtsp://10.0.0.7/live'
    """
    if "://" not in place or "@" not in place:
        return place
    parts = urlsplit(place)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
