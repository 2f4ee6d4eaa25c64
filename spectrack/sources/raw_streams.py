"""Frames as bytes on a stream, one behind the other, such as another program writes to standard output."""

from __future__ import annotations

import logging
import os
import re
import select
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np

from spectrack.errors import ConfigError, SequenceError
from spectrack.sensors import Sensor, get_sensor
from spectrack.sequences.arrays import as_frame, check_numbers
from spectrack.sequences.axes import check_axes
from spectrack.sequences.mosaics import MosaicPattern, check_divisible
from spectrack.sources.base import Captured, FrameSource
from spectrack.sources.options import RawOptions

_log = logging.getLogger(__name__)

_LOOK_S = 0.2
_LARGEST_FRAME = 2**30


class RawSource(FrameSource):
    """Frames on a stream of bytes.

    Args:
        stream: a binary file that has a descriptor, such as ``sys.stdin.buffer``.
        options: size, number type and bands.
        axes: order of the values: hwb (each pixel's bands together, the usual one), hbw or bhw; hw for mosaics.
        sensor: the camera, for mosaics, and for what is known of its bands.
        no_data: what stands where there is no data; frames have 0 there.
        name: how the source is called.

    Raises:
        ConfigError: no size, or words that mean nothing.
        SequenceError: mosaics that are no whole blocks.
    """

    def __init__(
        self,
        stream: BinaryIO,
        options: RawOptions,
        *,
        axes: str | None = None,
        sensor: str | Sensor | None = None,
        no_data: float | None = None,
        name: str = "standard input",
    ) -> None:
        super().__init__()
        self.name = self.where = name
        self._stream, self.no_data = stream, no_data
        self._type = _number_type(options.raw_type)
        self._axes, self._shape, camera = _layout(options, axes, sensor)
        self._bytes = int(np.prod(self._shape)) * self._type.itemsize
        if self._bytes > _LARGEST_FRAME:
            raise ConfigError(
                f"expected frames below 1 GiB from {name}, found {self._bytes / 2**30:.3g} GiB; correct --raw-size"
            )
        self._pattern = None
        if "b" not in self._axes and camera is not None:
            self._pattern = MosaicPattern.of_sensor(camera)
            check_divisible(self._pattern.active(np.empty(self._shape), name).shape, self._pattern.block, name)
            self.block = self._pattern.block
        self.sensor = None if camera is None else camera.name
        self.height, self.width, self.bands = self._frame(np.zeros(self._shape, self._type)).shape
        self.is_rgb = self._type == np.uint8 and self.bands == 3

    def frames(self) -> Iterator[Captured]:
        """See `FrameSource.frames`."""
        count = 0
        while (data := self._read(count)) is not None:
            array = np.frombuffer(data, self._type).reshape(self._shape)
            yield Captured(count, self._frame(array))
            count += 1

    def describe(self) -> dict[str, Any]:
        """See `FrameSource.describe`."""
        return super().describe() | {"shape": list(self._shape), "axes": self._axes, "type": self._type.str}

    def _frame(self, array: Any) -> Any:
        native = array.astype(self._type.newbyteorder("="), copy=False)
        return as_frame(native, self._axes, self._pattern, self.no_data)

    def _read(self, count: int) -> bytearray | None:
        """The bytes of the next frame; None at the end, or when nobody wants more.

        They are read past Python's buffer, whose lock a waiting thread would hold at the end of the process.
        """
        data, have = bytearray(self._bytes), 0
        view, descriptor = memoryview(data), self._stream.fileno()
        while have < self._bytes:
            if self.closing.is_set():
                return None
            if os.name == "posix" and not select.select([descriptor], [], [], _LOOK_S)[0]:
                continue
            got = os.readv(descriptor, [view[have:]]) if os.name == "posix" else _read_into(descriptor, view[have:])
            if not got:
                self._check_end(count, have)
                return None
            have += got
        return data

    def _check_end(self, count: int, have: int) -> None:
        """Bytes that are no whole frame: a fault where there was none before, else left out with a warning."""
        if not count:
            raise SequenceError(
                f"expected frames of {self._bytes} bytes from {self.name}, found {have} in all; correct --raw-size, "
                "--raw-type and --raw-bands, or see that the other program writes"
            )
        if have:
            _log.warning(
                "%s ended in the middle of a frame: the last %d bytes, of %d a frame, are left out",
                self.name,
                have,
                self._bytes,
            )


def _read_into(descriptor: int, view: memoryview) -> int:
    part = os.read(descriptor, len(view))
    view[: len(part)] = part
    return len(part)


def _number_type(word: str) -> np.dtype[Any]:
    try:
        kind = np.dtype(word)
    except TypeError as error:
        raise ConfigError(
            f"expected a number type for --raw-type, found {word!r}; give for example uint16, uint8 or >u2"
        ) from error
    check_numbers(kind, "standard input")
    return kind


def _layout(
    options: RawOptions, axes: str | None, sensor: str | Sensor | None
) -> tuple[str, tuple[int, ...], Sensor | None]:
    """Order and lengths of a frame's axes, and the camera."""
    match = re.fullmatch(r"([1-9]\d{0,5})[x,]([1-9]\d{0,5})", (options.raw_size or "").strip())
    if match is None:
        found = "none" if options.raw_size is None else repr(options.raw_size)
        raise ConfigError(
            f"expected columns and rows of each frame in --raw-size, found {found}; give for example --raw-size 512x256"
        )
    camera = get_sensor(sensor) if isinstance(sensor, str) else sensor
    size = {"w": int(match[1]), "h": int(match[2])}
    if options.raw_bands is not None:
        if options.raw_bands < 1:
            raise ConfigError(f"expected at least one band in --raw-bands, found {options.raw_bands}; correct it")
        size["b"] = options.raw_bands
    elif camera is None or camera.block is None:
        raise ConfigError(
            "expected --raw-bands, or --sensor for mosaics, found neither; say how many bands each frame has"
        )
    if camera is not None and options.raw_bands not in (None, camera.bands):
        raise ConfigError(
            f"expected the {camera.bands} bands of {camera.name}, found --raw-bands {options.raw_bands}; leave one out"
        )
    order = check_axes(axes or ("hwb" if "b" in size else "hw"), len(size), where="standard input")
    if set(order) != set(size):
        raise ConfigError(
            f"expected axes {'h, w and b' if 'b' in size else 'h and w'}, found {order!r}; correct --axes"
        )
    return order, tuple(size[letter] for letter in order), camera
