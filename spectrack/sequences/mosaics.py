"""Folders of snapshot mosaics, one 16-bit single-channel image a frame (HOTC's PNG, IMEC25's TIFF)."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spectrack.errors import SequenceError
from spectrack.files.fingerprints import Ingredients
from spectrack.sensors import SENSORS, Sensor
from spectrack.sequences.base import FileSequence
from spectrack.sequences.frame_files import check_tiff_upright, frame_mismatch, numbers_of, read_image
from spectrack.sequences.frames import MosaicFrame

_log = logging.getLogger(__name__)

_BLOCKS = (4, 5)
_SAMPLE_PX = 600
_SMALLEST_SAMPLE_PX = 40
_CLEARLY_A_LINE = 20.0
_CLEARLY_NO_LINE = 5.0
"""Line strengths, see `_line_strength`. Measured: a HOTC sequence 4,500 at its block and 1.6 at the other, simulated
mosaics mostly several hundred and below 3; ordinary and enlarged images, noise and Bayer patterns below 4 at both.
"""


@dataclass(frozen=True)
class MosaicPattern:
    """How a mosaic is laid out.

    Attributes:
        block: side of the pattern.
        bands: number of bands kept; the others of the block must be zero.
        sensor: name of the camera, or None when only the pattern is known.
        area: x, y, width and height of the pixels under filters, whole blocks; None for all.
    """

    block: int
    bands: int
    sensor: str | None = None
    area: tuple[int, int, int, int] | None = None

    @classmethod
    def of_sensor(cls, sensor: Sensor) -> MosaicPattern:
        """The pattern of a camera with a mosaic.

        Raises:
            SequenceError: the camera has none.
        """
        if sensor.block is None:
            raise SequenceError(
                f"expected a sensor with a mosaic, found {sensor.name!r} without; choose one of {_mosaic_sensors()}"
            )
        return cls(sensor.block, sensor.bands, sensor.name, sensor.area)

    def active(self, mosaic: NDArray[Any], where: object) -> NDArray[Any]:
        """The pixels under filters: cut out of a frame of the whole sensor, a frame of that area as it is.

        Raises:
            SequenceError: a frame of another size, in which nobody knows where the pattern begins.
        """
        if self.area is None or mosaic.ndim != 2:
            return mosaic
        x, y, width, height = self.area
        if mosaic.shape == (height, width):
            return mosaic
        if mosaic.shape[0] < y + height or mosaic.shape[1] < x + width:
            raise SequenceError(
                f"expected mosaics of the whole sensor or of its active area, {width} x {height} from {x},{y}, in "
                f"{where}, found {mosaic.shape[1]} x {mosaic.shape[0]}; record without cropping, or cut to that area"
            )
        return mosaic[y : y + height, x : x + width]

    @property
    def values(self) -> list[Any]:
        """What decides how a mosaic is read, as JSON values."""
        return [self.block, self.bands, *([] if self.area is None else [list(self.area)])]


def find_block(mosaic: NDArray[Any]) -> int | None:
    """The period of a mosaic, 4 or 5, when its pixels leave no doubt.

    Bands differ in mean brightness, so a mosaic of block B has Fourier lines at multiples of 1/B cycles per pixel, on
    both axes and crosswise. At least half of them must stand out clearly for one block and hardly for the other.

    Args:
        mosaic: (rows, columns), any number type.

    Returns:
        4, 5 or None.
    """
    if mosaic.ndim != 2 or min(mosaic.shape) < _SMALLEST_SAMPLE_PX:
        return None
    # A multiple of 20 puts the lines of both blocks exactly on frequencies of the transform.
    rows, columns = (min(_SAMPLE_PX, side) // 20 * 20 for side in mosaic.shape)
    top, left = (mosaic.shape[0] - rows) // 2, (mosaic.shape[1] - columns) // 2
    sample = mosaic[top : top + rows, left : left + columns].astype(np.float64)
    window = np.outer(np.hanning(rows), np.hanning(columns))
    power = np.abs(np.fft.fft2((sample - sample.mean()) * window)) ** 2
    strength = {block: _line_strength(power, block) for block in _BLOCKS}
    best, other = sorted(_BLOCKS, key=lambda block: -strength[block])
    return best if strength[best] >= _CLEARLY_A_LINE and strength[other] <= _CLEARLY_NO_LINE else None


def pattern_of_pixels(mosaic: NDArray[Any]) -> MosaicPattern | None:
    """The pattern that `find_block` sees, or None."""
    block = find_block(mosaic)
    return None if block is None else pattern_of_block(mosaic, block)


def pattern_of_block(mosaic: NDArray[Any], block: int) -> MosaicPattern:
    """The pattern of a known block; a lit 4 x 4 mosaic whose last band is zero is RedNIR's 15 bands."""
    rednir = SENSORS["rednir15"]
    if block == rednir.block and mosaic.any() and not mosaic[block - 1 :: block, block - 1 :: block].any():
        return MosaicPattern.of_sensor(rednir)
    return MosaicPattern(block, block * block)


def undecided_pattern(path: Path | str) -> SequenceError:
    """The refusal when nothing tells the mosaic pattern."""
    return SequenceError(
        f"expected to tell a 4 x 4 from a 5 x 5 mosaic in {path}, found no sign of either (size alone decides "
        f"nothing); name the camera with sensor=... (--sensor), one of {_mosaic_sensors()}"
    )


def check_mosaic(image: NDArray[Any], path: Path | str) -> None:
    """Refuse images that cannot be raw mosaics.

    Raises:
        SequenceError: more than one channel, or 8 bit.
    """
    if image.ndim != 2:
        raise SequenceError(
            f"expected a single-channel 16-bit mosaic in {path}, "
            f"found an image of {image.shape[2]} channels ({image.dtype}); "
            "open the folder of raw mosaics, or read it as footage with format='images' (--format images)"
        )
    if image.dtype != np.uint16:
        raise SequenceError(
            f"expected a 16-bit mosaic in {path}, found {image.dtype} pixels; export the raw 16-bit mosaics (tools "
            "that read with 8 bits drop the low byte), or read it as footage with format='images' (--format images)"
        )


def check_divisible(shape: tuple[int, ...], block: int, path: Path | str) -> None:
    """Refuse mosaics of (rows, columns) that are no whole blocks.

    Raises:
        SequenceError: a side is no multiple of `block`.
    """
    if shape[0] % block or shape[1] % block:
        raise SequenceError(
            f"expected mosaic sides divisible by the block {block}, found {shape[1]} x {shape[0]} in {path}; "
            "name the sensor that wrote it with sensor=... (--sensor), or crop the mosaics to whole blocks"
        )


class MosaicSequence(FileSequence):
    """One mosaic image a frame.

    Args:
        files: the frames in order.
        pattern: how they are laid out.
        name: name of the sequence.

    The last decoded frame is kept, so several windows of one frame cost one decoding.
    """

    def __init__(self, files: list[Path], pattern: MosaicPattern, *, name: str) -> None:
        self._files = files
        self._pattern = pattern
        self._kept: tuple[int, MosaicFrame] | None = None
        self._warned = False
        self.name = name
        self.sensor = pattern.sensor
        check_tiff_upright(files[0])
        first = self._decode(files[0])
        check_divisible(first.shape, pattern.block, files[0])
        self._mosaic_shape = first.shape
        self._check_unused_bands(first, files[0], refuse=True)
        self.height, self.width = first.shape[0] // pattern.block, first.shape[1] // pattern.block
        self.bands = pattern.bands

    @property
    def block(self) -> int:
        """Side of the mosaic pattern."""
        return self._pattern.block

    def __len__(self) -> int:
        return len(self._files)

    def frame(self, i: int) -> MosaicFrame:
        """Frame `i`, decoded; its windows are de-interleaved on demand."""
        i = self._index(i)
        kept = self._kept
        if kept is not None and kept[0] == i:
            return kept[1]
        self._kept = (i, self.frame_of(self._files[i]))
        return self._kept[1]

    def frame_of(self, file: Path) -> MosaicFrame:
        """See `FileSequence.frame_of`."""
        mosaic = self._decode(file)
        if mosaic.shape != self._mosaic_shape:
            raise frame_mismatch(file, mosaic.shape, self._mosaic_shape, self._files[0])
        self._check_unused_bands(mosaic, file, refuse=False)
        return MosaicFrame(mosaic, self._pattern.block, self._pattern.bands)

    @property
    def frame_numbers(self) -> list[int] | None:
        """See `Sequence.frame_numbers`."""
        return numbers_of(self._files)

    def _frames_made_of(self) -> Ingredients:
        return Ingredients(tuple(self._files), self._pattern.values)

    def _decode(self, path: Path) -> NDArray[Any]:
        image = read_image(path)
        check_mosaic(image, path)
        return self._pattern.active(image, path)

    def _check_unused_bands(self, mosaic: NDArray[Any], path: Path, *, refuse: bool) -> None:
        block, bands = self._pattern.block, self._pattern.bands
        for band in range(bands, block * block):
            if not mosaic[band // block :: block, band % block :: block].any():
                continue
            found = (
                f"expected only zeros in band {band + 1} of {path} (sensor {self._pattern.sensor} has {bands} bands), "
                "found light there; name the camera that wrote it with sensor=... (--sensor)"
            )
            if refuse:
                raise SequenceError(found)
            if not self._warned:
                self._warned = True
                _log.warning("%s; the band is dropped", found)


def _line_strength(power: NDArray[np.float64], block: int) -> float:
    """Median over the block's frequencies of the power there, in units of that around it (1 where there is no line)."""
    rows, columns = power.shape
    radius = max(4, min(8, min(rows, columns) // 16))
    steps = np.arange(-radius, radius + 1)
    ring = (
        np.maximum(np.abs(steps)[:, None], np.abs(steps)[None, :]) > 2
    )  # the window widens a line by one step to each side
    floor = 1e-12 * power.max() + 1e-300
    ratios = []
    for down in range(block):
        for right in range(block // 2 + 1):
            repeated = right == 0 and down > block // 2  # the same wave as another one in the list
            shared = (
                2 * down % block == 0 and 2 * right % block == 0
            )  # a mean or a 2 x 2 pattern, which is no sign of a block
            if repeated or shared:
                continue
            y, x = down * rows // block, right * columns // block
            around = power[np.ix_((y + steps) % rows, (x + steps) % columns)]
            ratios.append(power[y % rows, x % columns] / (np.median(around[ring]) + floor))
    return float(np.median(ratios))


def _mosaic_sensors() -> str:
    return ", ".join(name for name, sensor in sorted(SENSORS.items()) if sensor.block)
