"""Crops: from a box to the window of the frame that is cut, to the fixed-size image, and back.

Source: SiamBAN's crop rule (KNOWN from the published code): with p = (w + h) / 2 the context side is
s_z = sqrt((w + p)(h + p)), which maps to 127 pixels; the search side is s_z * 255 / 127. Ours differs in one point: the
window is cut at integer pixels, and boxes are mapped back with the window really cut, so no rounding is lost.
Resizing aligns the outer edges of window and crop (OpenCV's resize does), which is what continuous edges ask for.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from spectrack.cube import Cube, check_cube, check_finite, pixels_with_data
from spectrack.errors import CubeError
from spectrack.false_colour import Encoding, encode, picture_light
from spectrack.scaling import Gain, Scaling
from spectrack.sequences.frames import Frame, no_data_of, remembered

_PIXELS_AT_ONCE = 4096
_LARGEST_SIDE_PX = 4096
"""Of a window that is held as a whole; of a larger one, most of which lies outside of most frames, what lies inside."""

_MOST_AVERAGED, _MOST_INTERPOLATED = 4, 128
"""OpenCV averages and interpolates no more channels at once; more take two matrix products, 15 times as long."""


@dataclass(frozen=True)
class CropWindow:
    """A square window of whole cube pixels; it may reach beyond the frame.

    Attributes:
        x0: left edge.
        y0: top edge.
        side: width and height, at least 1.
    """

    x0: int
    y0: int
    side: int

    @classmethod
    def around(cls, centre: ArrayLike, side: float) -> CropWindow:
        """The window of about `side` cube pixels whose centre is nearest to `centre` (x, y)."""
        whole = max(1, round(side))
        x, y = np.asarray(centre, dtype=np.float64)
        return cls(round(float(x) - whole / 2), round(float(y) - whole / 2), whole)

    def to_frame(self, boxes: ArrayLike, size: int) -> NDArray[np.float64]:
        """Boxes (..., 4) x, y, w, h in a crop of `size` pixels to cube pixels."""
        return np.asarray(
            np.asarray(boxes, dtype=np.float64) * (self.side / size) + np.array([self.x0, self.y0, 0.0, 0.0])
        )

    def to_crop(self, boxes: ArrayLike, size: int) -> NDArray[np.float64]:
        """Boxes (..., 4) x, y, w, h in cube pixels to a crop of `size` pixels."""
        return np.asarray(
            (np.asarray(boxes, dtype=np.float64) - np.array([self.x0, self.y0, 0.0, 0.0])) * (size / self.side)
        )


@dataclass(frozen=True)
class Colouring:
    """From raw counts to the tracker's image in one matrix product: scaling and false colour are both linear.

    Attributes:
        matrix: (bands, channels) float32, from counts to image values; three channels for the networks on false colour.
        offset: (channels,) float32, added afterwards; None for the scalings that only multiply.
        encoding: of the image.
    """

    matrix: NDArray[np.float32]
    offset: NDArray[np.float32] | None = None
    encoding: Encoding = "linear"

    @classmethod
    def of(cls, gain: Gain, matrix: NDArray[np.float32], encoding: Encoding = "linear") -> Colouring:
        """Counts scaled by `gain`, then mixed by a (bands, channels) matrix, then encoded."""
        together = np.ascontiguousarray(gain.gain[:, None] * matrix, dtype=np.float32)
        return cls(together, -(gain.offset @ together) if gain.offset.any() else None, encoding)

    def apply(self, raw: Cube, *, name: str = "the frame") -> NDArray[np.float32]:
        """Raw (h, w, bands) counts to (h, w, channels) float32.

        Raises:
            CubeError: not real numbers, NaN, infinite, or too large for float32; the message calls the cube `name`.
        """
        height, width, bands = raw.shape
        if raw.dtype.kind not in "uif":
            check_cube(raw, name=name)
        with np.errstate(invalid="ignore", over="ignore"):  # refused in a sentence below, not warned about here
            image = np.ascontiguousarray(raw, dtype=np.float32).reshape(-1, bands) @ self.matrix
            if self.offset is not None:
                image += self.offset
        # NaN and infinity survive the product, so the channels need looking at and not all bands.
        if raw.dtype.kind == "f" and not np.isfinite(image).all():
            check_finite(raw, name=name)
            raise CubeError(f"expected values of {name} in the range of float32, found larger ones; rescale the cube")
        return np.asarray(encode(image, self.encoding)).reshape(height, width, -1)


@dataclass(frozen=True)
class BandScaling:
    """From raw counts to all bands of the cube, scaled.

    Attributes:
        gain: per band, with its offset.
    """

    gain: Gain

    def apply(self, raw: Cube, *, name: str = "the frame") -> NDArray[np.float32]:
        """Raw (h, w, bands) counts to (h, w, bands) float32; raises as `Colouring.apply`."""
        if raw.dtype.kind not in "uif":
            check_cube(raw, name=name)
        with np.errstate(invalid="ignore", over="ignore"):  # refused in a sentence below, not warned about here
            factor = self.gain.gain
            if (factor == factor[0]).all() and not self.gain.offset.any():
                # One number for all bands multiplies several times faster than a vector as short as the spectrum.
                scaled: NDArray[np.float32] = np.multiply(raw, factor[0], dtype=np.float32)
            else:
                scaled = self.gain.apply(raw)
        if raw.dtype.kind == "f" and not np.isfinite(scaled).all():
            check_finite(raw, name=name)
            raise CubeError(f"expected values of {name} in the range of float32, found larger ones; rescale the cube")
        return scaled


@dataclass(frozen=True)
class PictureLight:
    """From a data set's own false-colour image, which is made for the eye, to the tracker's image.

    Attributes:
        factor: light of the picture's white, in the tracker's unit; a picture that stays encoded stays as it is.
        encoding: of the image.
    """

    factor: float = 1.0
    encoding: Encoding = "linear"

    def apply(self, raw: Cube, *, name: str = "the picture") -> NDArray[np.float32]:
        """(h, w, 3) uint8 to (h, w, 3) float32."""
        if self.encoding == "display":
            return np.asarray(raw, dtype=np.float32) / np.float32(255)
        return np.asarray(self.factor * picture_light(raw), dtype=np.float32)


Imaging = Colouring | BandScaling | PictureLight
"""From raw counts to the channels of a crop."""


def fitted(scaling: Scaling, frame: Frame, cube: Cube) -> Gain:
    """The gain that a scaling takes from a frame (and the same as an array), from its pixels that have data."""
    return remembered(
        frame, ("scaling", str(scaling)), lambda: scaling.fit(cube, pixels_with_data(cube, no_data_of(frame)))
    )


def context_side(box: ArrayLike, context: float = 0.5) -> float:
    """Side of the square that becomes the 127-pixel template, in cube pixels: the box plus `context` times (w + h)."""
    _, _, width, height = np.asarray(box, dtype=np.float64)
    margin = context * (width + height)
    return float(np.sqrt((width + margin) * (height + margin)))


def cut(
    frame: Frame, window: CropWindow, size: int, imaging: Imaging, fill: NDArray[np.float32]
) -> NDArray[np.float32]:
    """The crop of a frame: read, coloured or scaled, completed outside the frame and resized.

    Args:
        frame: the frame; only the window is read from it.
        window: where to cut; it may reach beyond the frame or miss it.
        size: side of the crop in pixels.
        imaging: from raw counts to the image's channels.
        fill: (channels,) values outside the frame, the mean of the first frame.

    Returns:
        (size, size, channels) float32.

    Raises:
        CubeError: NaN or infinity inside the window.
    """
    height, width, _ = frame.shape
    x0, x1 = (min(max(edge, 0), width) for edge in (window.x0, window.x0 + window.side))
    y0, y1 = (min(max(edge, 0), height) for edge in (window.y0, window.y0 + window.side))
    if window.side > _LARGEST_SIDE_PX:
        inside = np.empty((y1 - y0, x1 - x0, len(fill)), dtype=np.float32)
        _read(frame, (x0, y0, x1, y1), imaging, inside)
        rows = _resizing_weights(window.side, size, y0 - window.y0, y1 - window.y0)
        columns = _resizing_weights(window.side, size, x0 - window.x0, x1 - window.x0)
        return np.asarray(np.einsum("yi,xj,ijc->yxc", rows, columns, inside - fill, optimize=True) + fill)
    image = np.empty((window.side, window.side, len(fill)), dtype=np.float32)
    if x1 - x0 < window.side or y1 - y0 < window.side:
        image[:] = fill
    _read(
        frame,
        (x0, y0, x1, y1),
        imaging,
        image[y0 - window.y0 : y1 - window.y0, x0 - window.x0 : x1 - window.x0],
    )
    return resize(image, size)


def _read(frame: Frame, part: tuple[int, int, int, int], imaging: Imaging, image: NDArray[np.float32]) -> None:
    """Colour or scale a part (x0, y0, x1, y1) of a frame into an image of its size."""
    x0, y0, x1, y1 = part
    # A few rows at a time stay in the processor's cache from file to colours: twice as fast as all at once.
    step = max(1, _PIXELS_AT_ONCE // max(x1 - x0, 1))
    for top in range(y0, y1 if x1 > x0 else y0, step):
        bottom = min(top + step, y1)
        image[top - y0 : bottom - y0] = imaging.apply(frame.window(x0, top, x1, bottom))


def resize(image: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """(side, side, channels) to (size, size, channels) float32, outer edges aligned."""
    side, _, channels = image.shape
    if channels > (_MOST_AVERAGED if side > size else _MOST_INTERPOLATED):
        weights = _resizing_weights(side, size, 0, side)
        rows = (weights @ image.reshape(side, side * channels)).reshape(size, side, channels)
        return np.asarray(np.matmul(weights, rows))
    # Reducing by linear interpolation skips pixels; averaging areas does not.
    method = cv2.INTER_AREA if side > size else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (size, size), interpolation=method), dtype=np.float32).reshape(
        size, size, channels
    )


@functools.lru_cache(maxsize=64)
def _resizing_weights(side: int, size: int, first: int, last: int) -> NDArray[np.float32]:
    """Weights of the old pixels in each new one, as OpenCV's INTER_AREA and INTER_LINEAR have them.

    Args:
        side: how many old pixels there are.
        size: how many new ones.
        first: the first old pixel that is asked for.
        last: the one behind the last.

    Returns:
        (size, last - first) float32.
    """
    old = np.arange(first, last)
    if side > size:
        edges = np.arange(size + 1) * (side / size)
        shared = np.minimum(old + 1, edges[1:, None]) - np.maximum(old, edges[:-1, None])
        return np.asarray(np.clip(shared, 0.0, None) * (size / side), dtype=np.float32)
    places = np.clip((np.arange(size) + 0.5) * (side / size) - 0.5, 0, side - 1)
    return np.asarray(np.clip(1.0 - np.abs(places[:, None] - old), 0.0, None), dtype=np.float32)
