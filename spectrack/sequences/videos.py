"""Video files, read through PyAV: frame-exact, and as a player shows them."""

from __future__ import annotations

import logging
import struct
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spectrack.errors import SequenceError
from spectrack.files.fingerprints import Ingredients
from spectrack.sequences.base import Sequence
from spectrack.sequences.frames import ArrayFrame, Frame, MosaicFrame
from spectrack.sequences.mosaics import MosaicPattern, check_divisible

_log = logging.getLogger(__name__)

_WORTH_SEEKING = 8
"""Frames; a shorter way ahead is decoded through."""


@dataclass(frozen=True)
class Orientation:
    """How stored pictures are turned and mirrored to stand as a player shows them: transposed first, then mirrored.

    Attributes:
        transpose: rows become columns.
        mirror_x, mirror_y: the result is mirrored from left to right, from top to bottom.
    """

    transpose: bool = False
    mirror_x: bool = False
    mirror_y: bool = False

    @classmethod
    def of_display_matrix(cls, matrix: bytes) -> Orientation | None:
        """What the nine numbers of a video's display matrix mean; None for a turn that is no quarter turn.

        Source: ISO/IEC 14496-12, 6.2.2: ``x' = a x + c y``, ``y' = b x + d y``, rows ``(a, b, u)`` and ``(c, d, v)``.
        """
        a, b, _, c, d = struct.unpack("=9i", matrix)[:5]
        if not (b or c):
            return cls(False, a < 0, d < 0)
        return cls(True, c < 0, b < 0) if not (a or d) else None

    def apply(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """A stored (height, width, 3) picture as it is shown."""
        if self == Orientation():
            return picture
        shown = picture.transpose(1, 0, 2) if self.transpose else picture
        return np.ascontiguousarray(shown[:: -1 if self.mirror_y else 1, :: -1 if self.mirror_x else 1])


@dataclass(frozen=True)
class PictureForm:
    """How the decoded pictures of a video become frames.

    Attributes:
        orientation: how they are to be shown.
        pattern: of a video of mosaics; None for colour.
        where: file or address, for messages.
    """

    orientation: Orientation
    pattern: MosaicPattern | None
    where: Path | str

    @classmethod
    def of_first(cls, picture: Any, pattern: MosaicPattern | None, where: Path | str) -> PictureForm:
        """The form that all pictures have, from the first.

        Args:
            picture: as PyAV decodes it.
            pattern: as above.
            where: file or address, for messages.

        Raises:
            SequenceError: it is turned by another angle than quarters, or is no mosaic of whole blocks.
        """
        orientation = _orientation(picture, where)
        if pattern is not None:
            _check_mosaic(picture, pattern, orientation, where)
        return cls(orientation, pattern, where)

    def frame(self, picture: Any) -> ArrayFrame | MosaicFrame:
        """A decoded picture as a frame: R, G, B as shown, or a mosaic as it is stored."""
        if self.pattern is not None:
            counts = self.pattern.active(_counts(picture), self.where)
            return MosaicFrame(counts, self.pattern.block, self.pattern.bands)
        return ArrayFrame(self.orientation.apply(np.asarray(picture.to_ndarray(format="rgb24"))))


class VideoSequence(Sequence):
    """A video file, decoded on demand and frame-exact; reading in order is fast, going back seeks to a key frame.

    Phones film lying and write beside it how to turn the picture: colour is as a player shows it. Scientific cameras
    record mosaics as grey of more than 8 bits: these are handed out as they are stored.

    Args:
        path: MP4, AVI or whatever else FFmpeg reads.
        pattern: the mosaic pattern of a video that `holds_counts`; None for colour.
        name: name of the sequence.
    """

    is_rgb = True
    bands = 3

    def __init__(self, path: Path, *, pattern: MosaicPattern | None = None, name: str) -> None:
        self._path = path
        self.name = name
        self._times: list[int] = []
        self._keys: list[int] = []
        self._container: Any = None
        self._decoder: Any = None
        self._next = self._usable_from = 0
        self._kept: tuple[int, Frame] | None = None
        self._scan()
        first = self._picture(0)
        self._form = PictureForm.of_first(first, pattern, path)
        if pattern is not None:
            self.is_rgb, self.bands, self.sensor = False, pattern.bands, pattern.sensor
        frame = self._form.frame(first)
        self._kept = (0, frame)
        self.height, self.width = frame.shape[:2]

    def __len__(self) -> int:
        return self._length

    @property
    def block(self) -> int | None:
        """Side of the mosaic pattern; None for colour."""
        return None if self._form.pattern is None else self._form.pattern.block

    def frame(self, i: int) -> Frame:
        """Frame `i`: R, G, B as shown, or a mosaic whose windows are de-interleaved on demand."""
        i = self._index(i)
        if self._kept is not None and self._kept[0] == i:
            return self._kept[1]
        frame = self._form.frame(self._picture(i))
        if frame.shape != (self.height, self.width, self.bands):
            raise SequenceError(
                f"expected frames of one size in {self._path}, found another size at frame {i}; encode the video again"
            )
        self._kept = (i, frame)
        return frame

    def __getstate__(self) -> dict[str, Any]:
        # An open decoder cannot travel to another process; it is opened again there.
        return {**self.__dict__, "_container": None, "_decoder": None, "_next": 0, "_usable_from": 0}

    def _frames_made_of(self) -> Ingredients:
        shown, pattern = self._form.orientation, self._form.pattern
        values = None if shown == Orientation() else astuple(shown)
        return Ingredients((self._path,), values if pattern is None else pattern.values)

    def _picture(self, i: int) -> Any:
        """Frame `i` as PyAV decodes it."""
        import av

        try:
            return self._decode(i)
        except (av.FFmpegError, StopIteration) as error:
            self._close()
            raise SequenceError(
                f"expected {len(self)} frames in {self._path}, found frame {i} damaged or missing; copy the video again"
            ) from error

    def _scan(self) -> None:
        """Count the frames by their packets (the header's count is often wrong or absent) without decoding them."""
        with _opened(self._path) as container:
            stream = container.streams.video[0]
            packets = [packet for packet in container.demux(stream) if packet.size and not packet.is_discard]
            rate, announced = stream.average_rate, stream.frames
            times = [packet.pts for packet in packets]
            keys = [packet.pts for packet in packets if packet.is_keyframe and packet.pts is not None]
            # AVI stores no presentation times; FFmpeg's guess is right only where every frame stands alone.
            trusted = "avi" not in container.format.name or len(keys) == len(times)
        if not times:
            raise SequenceError(f"expected frames in {self._path}, found none; copy or encode the video again")
        self._length = len(times)
        if announced > len(times):
            _log.warning("%s announces %d frames and holds %d; it may be cut short", self._path, announced, len(times))
        self.fps = float(rate) if rate else 25.0
        # Frames are told apart by their presentation times; without them a file can only be decoded from its start.
        known = {time for time in times if time is not None}
        if trusted and len(known) == len(times):
            self._times = sorted(known)
            self._keys = sorted(bisect_left(self._times, time) for time in keys)

    def _decode(self, i: int) -> Any:
        keys = self._keys[: bisect_right(self._keys, i)]
        if self._decoder is None or i < self._next or (keys and keys[-1] > self._next + _WORTH_SEEKING):
            self._start(keys.pop() if keys else 0)
        while True:
            picture = next(self._decoder)
            index = self._next if not self._times or picture.pts is None else bisect_left(self._times, picture.pts)
            self._next = index + 1
            if index == i and index >= self._usable_from:
                return picture
            if index >= i:
                # Seeking goes by decoding times and may land on a later key frame: try from an earlier one.
                if not self._usable_from:
                    raise StopIteration
                self._start(keys.pop() if keys else 0)

    def _start(self, key: int) -> None:
        """Decode from the key frame `key` on; frames shown before it lack what they refer to and are passed over."""
        self._close()
        self._container = open_container(self._path)
        stream = self._container.streams.video[0]
        stream.thread_type = "AUTO"
        if key > 0:
            self._container.seek(self._times[key], stream=stream, backward=True)
        self._decoder = self._container.decode(stream)
        self._usable_from = key

    def _close(self) -> None:
        if self._container is not None:
            self._container.close()
        self._container = self._decoder = None
        self._next = self._usable_from = 0


def holds_counts(path: Path) -> bool:
    """Whether a video is grey of more than 8 bits, which is how cameras record mosaics, and no footage for the eye.

    Raises:
        SequenceError: no video.
    """
    with _opened(path) as container:
        return gives_counts(container.streams.video[0], path)


def gives_counts(stream: Any, where: Path | str) -> bool:
    """`holds_counts` of a stream that is open.

    Raises:
        SequenceError: FFmpeg cannot decode it.
    """
    codec = stream.codec_context
    form = None if codec is None else codec.format
    if form is None:
        raise SequenceError(
            f"expected a video that FFmpeg can decode in {where}, found an unknown codec or kind of pixels; "
            "copy or encode it again"
        )
    return len(form.components) == 1 and form.components[0].bits > 8


def open_container(place: Path | str, **options: Any) -> Any:
    """What PyAV opens at a file or an address; titles and comments, which nobody reads, may be in any encoding."""
    import av

    return av.open(str(place), metadata_errors="replace", **options)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """A container with a video stream.

    Raises:
        SequenceError: it cannot be read, or has none.
    """
    import av

    try:
        with open_container(path) as container:
            if not container.streams.video:
                raise SequenceError(f"expected a video stream in {path}, found none; give a video file")
            yield container
    except (av.FFmpegError, OSError) as error:
        raise SequenceError(
            f"expected a video in {path}, found: {error.strerror or error}; copy or encode the video again"
        ) from error


def _counts(picture: Any) -> NDArray[np.uint16]:
    """(height, width) of a grey frame as it is stored: converting it would stretch 10 or 12 bits to 16."""
    plane = picture.planes[0]
    kind = ">u2" if picture.format.is_big_endian else "<u2"
    rows = np.frombuffer(plane, dtype=kind).reshape(plane.height, plane.line_size // 2)
    return np.ascontiguousarray(rows[:, : plane.width], dtype=np.uint16)


def _check_mosaic(picture: Any, pattern: MosaicPattern, orientation: Orientation, where: Path | str) -> None:
    """Refuse what cannot be cut into whole blocks, or would change the order of the bands."""
    if picture.format.components[0].bits > 16:
        raise SequenceError(
            f"expected mosaics of at most 16 bits in {where}, found {picture.format.name}; store them as .npy"
        )
    if orientation != Orientation():
        raise SequenceError(
            f"expected mosaics as their sensor gave them in {where}, found a video that is shown turned; "
            "remove the rotation from its metadata"
        )
    check_divisible(pattern.active(_counts(picture), where).shape, pattern.block, where)


def _orientation(picture: Any, path: Path | str) -> Orientation:
    """How a decoded frame is to be shown; FFmpeg hands the video's display matrix on with every frame."""
    matrix = picture.side_data.get("DISPLAYMATRIX")
    if matrix is None:
        return Orientation()
    orientation = Orientation.of_display_matrix(bytes(matrix))
    if orientation is None:
        raise SequenceError(
            f"expected a video that is shown upright or by quarter turns in {path}, found one turned by another angle; "
            "encode it as it is to be shown"
        )
    return orientation
