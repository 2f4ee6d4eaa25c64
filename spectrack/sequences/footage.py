"""Ordinary three-band footage, R, G, B in 8 bits: folders of JPEG or PNG, and video files read through PyAV."""

from __future__ import annotations

import logging
from bisect import bisect_left, bisect_right
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spectrack.errors import SequenceError
from spectrack.files.fingerprints import Ingredients
from spectrack.sequences.base import ArrayFrame, Sequence
from spectrack.sequences.frame_files import frame_mismatch, read_image

_log = logging.getLogger(__name__)

_WORTH_SEEKING = 8
"""Frames; a shorter way ahead is decoded through."""


def read_footage(path: Path) -> NDArray[np.uint8]:
    """One 8-bit image as (height, width, 3) uint8, R, G, B; grey is repeated, transparency dropped.

    Raises:
        SequenceError: damaged, or not 8 bit.
    """
    image = read_image(path)
    if image.dtype != np.uint8:
        raise SequenceError(
            f"expected 8-bit footage in {path}, found {image.dtype}; "
            "for mosaics use format='hotc' (--format hotc) and name the sensor"
        )
    if image.ndim == 2 or image.shape[2] == 1:
        return np.repeat(image.reshape(*image.shape[:2], 1), 3, axis=2)
    return np.ascontiguousarray(image[:, :, :3])


class ImageSequence(Sequence):
    """A folder of 8-bit colour (or grey) images.

    Args:
        files: the frames in order.
        name: name of the sequence.
    """

    is_rgb = True
    bands = 3

    def __init__(self, files: list[Path], *, name: str) -> None:
        self._files = files
        self.name = name
        self._kept: tuple[int, ArrayFrame] | None = None
        self._shape = read_footage(files[0]).shape
        self.height, self.width = self._shape[:2]

    def __len__(self) -> int:
        return len(self._files)

    def frame(self, i: int) -> ArrayFrame:
        """Frame `i`, decoded; the last one is kept."""
        i = self._index(i)
        if self._kept is not None and self._kept[0] == i:
            return self._kept[1]
        image = read_footage(self._files[i])
        if image.shape != self._shape:
            raise frame_mismatch(self._files[i], image.shape[:2], self._shape[:2], self._files[0])
        self._kept = (i, ArrayFrame(image))
        return self._kept[1]

    def _frames_made_of(self) -> Ingredients:
        return Ingredients(tuple(self._files))


class VideoSequence(Sequence):
    """A video file, decoded on demand and frame-exact; reading in order is fast, going back seeks to a key frame.

    Args:
        path: MP4, AVI or whatever else FFmpeg reads.
        name: name of the sequence.
    """

    is_rgb = True
    bands = 3

    def __init__(self, path: Path, *, name: str) -> None:
        self._path = path
        self.name = name
        self._times: list[int] = []
        self._keys: list[int] = []
        self._container: Any = None
        self._decoder: Any = None
        self._next = self._usable_from = 0
        self._kept: tuple[int, ArrayFrame] | None = None
        self._scan()
        first = self.frame(0)
        self.height, self.width = first.shape[:2]

    def __len__(self) -> int:
        return self._length

    def frame(self, i: int) -> ArrayFrame:
        """Frame `i` as R, G, B."""
        import av

        i = self._index(i)
        if self._kept is not None and self._kept[0] == i:
            return self._kept[1]
        try:
            picture = self._decode(i)
        except (av.FFmpegError, StopIteration) as error:
            self._close()
            raise SequenceError(
                f"expected {len(self)} frames in {self._path}, found frame {i} damaged or missing; copy the video again"
            ) from error
        if self._kept is not None and picture.shape != self._kept[1].shape:
            raise SequenceError(
                f"expected frames of one size in {self._path}, found another size at frame {i}; encode the video again"
            )
        self._kept = (i, ArrayFrame(picture))
        return self._kept[1]

    def __getstate__(self) -> dict[str, Any]:
        # An open decoder cannot travel to another process; it is opened again there.
        return {**self.__dict__, "_container": None, "_decoder": None, "_next": 0, "_usable_from": 0}

    def _frames_made_of(self) -> Ingredients:
        return Ingredients((self._path,))

    def _scan(self) -> None:
        """Count the frames by their packets (the header's count is often wrong or absent) without decoding them."""
        import av

        try:
            with av.open(str(self._path)) as container:
                if not container.streams.video:
                    raise SequenceError(f"expected a video stream in {self._path}, found none; give a video file")
                stream = container.streams.video[0]
                packets = [packet for packet in container.demux(stream) if packet.size and not packet.is_discard]
                rate, announced = stream.average_rate, stream.frames
                times = [packet.pts for packet in packets]
                keys = [packet.pts for packet in packets if packet.is_keyframe and packet.pts is not None]
                # AVI stores no presentation times; FFmpeg's guess is right only where every frame stands alone.
                trusted = "avi" not in container.format.name or len(keys) == len(times)
        except (av.FFmpegError, OSError) as error:
            raise SequenceError(
                f"expected a video in {self._path}, found: {error.strerror or error}; copy or encode the video again"
            ) from error
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

    def _decode(self, i: int) -> NDArray[np.uint8]:
        keys = self._keys[: bisect_right(self._keys, i)]
        if self._decoder is None or i < self._next or (keys and keys[-1] > self._next + _WORTH_SEEKING):
            self._start(keys.pop() if keys else 0)
        while True:
            picture = next(self._decoder)
            index = self._next if not self._times or picture.pts is None else bisect_left(self._times, picture.pts)
            self._next = index + 1
            if index == i and index >= self._usable_from:
                return np.asarray(picture.to_ndarray(format="rgb24"))
            if index >= i:
                # Seeking goes by decoding times and may land on a later key frame: try from an earlier one.
                if not self._usable_from:
                    raise StopIteration
                self._start(keys.pop() if keys else 0)

    def _start(self, key: int) -> None:
        """Decode from the key frame `key` on; frames shown before it lack what they refer to and are passed over."""
        import av

        self._close()
        self._container = av.open(str(self._path))
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
