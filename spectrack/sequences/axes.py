"""Axis orders of stored arrays: letters t, h, w, b, given by the user or inferred where the sizes leave no doubt."""

from __future__ import annotations

from dataclasses import dataclass

from spectrack.cube import MINIMUM_BANDS
from spectrack.errors import ConfigError, SequenceError

_ORDERS = {3: ("hwb", "bhw"), 4: ("thwb", "tbhw", "hwbt")}
"""Orders that are looked for. Rarer ones (rows after columns, bands between rows and columns) must be given."""

_MOST_BANDS = 128


@dataclass(frozen=True)
class AxisEvidence:
    """What is known of the array besides its shape.

    Attributes:
        bands: number of bands, from the sensor, the wavelengths or the side file.
        frames: number of frames, from the side file or the truth.
        block: side of the mosaic pattern, when the sensor has one.
    """

    bands: int | None = None
    frames: int | None = None
    block: int | None = None


def check_axes(axes: str, dimensions: int, *, where: str) -> str:
    """Validate an axis order.

    Args:
        axes: letters t (time), h (rows), w (columns), b (bands), each at most once; without b the frames are mosaics.
        dimensions: number of axes of the array.
        where: the file, for the message.

    Raises:
        ConfigError: other letters, repeated ones, or not one for each axis.
    """
    letters = axes.lower()
    if set(letters) - set("thwb") or len(set(letters)) != len(letters) or not {"h", "w"} <= set(letters):
        raise ConfigError(
            f"expected axes of t, h, w and b, each once, h and w among them, found {axes!r}; write for example thwb"
        )
    if len(letters) != dimensions:
        raise ConfigError(
            f"expected one axis letter for each of {dimensions} axes in {where}, found {axes!r}; write one each"
        )
    return letters


def infer_axes(shape: tuple[int, ...], evidence: AxisEvidence, *, one_frame: bool, where: str) -> str:
    """The axis order of an array of this shape.

    The band axis must be smaller than rows and columns; of two readings the one that agrees with the evidence wins,
    then the one whose bands are at most half of either side. Anything else is refused.

    Args:
        shape: of the array, 3 or 4 axes.
        evidence: what else is known.
        one_frame: the file is one frame of a folder, so three axes can be no stack of mosaics.
        where: the file, for the message.

    Raises:
        SequenceError: another number of axes, or no or several readings.
    """
    if len(shape) not in _ORDERS:
        raise SequenceError(
            f"expected an array of frames with 3 or 4 axes in {where}, found shape {shape}; "
            "store (frames, height, width, bands), or one (height, width, bands) a file"
        )
    readings = [order for order in _ORDERS[len(shape)] if _plausible(shape, order)]
    known = [order for order in _ORDERS[len(shape)] if _agrees(shape, order, evidence)]
    stack = len(shape) == 3 and not one_frame
    mosaics = stack and evidence.block is not None and not any(side % evidence.block for side in shape[1:])
    # As many mosaics as the camera has bands look like one cube of it.
    if len(known) == 1 and not (known == ["bhw"] and mosaics and evidence.frames != 1):
        return known[0]
    if len(readings) > 1:
        clear = [order for order in readings if _clear(shape, order)]
        readings = clear if len(clear) == 1 else readings
    if mosaics and not known:
        return "thw"
    # A stack (n, rows, columns) may be one cube of n bands or n mosaics; only the band-last reading cannot be a stack.
    if stack and readings == ["bhw"]:
        readings = []
    if len(readings) == 1:
        return readings[0]
    example = "thw" if stack else _ORDERS[len(shape)][0]
    raise SequenceError(
        f"expected an axis order that the shape {shape} in {where} makes plain, "
        f"found {'several' if readings else 'no'} such order; "
        f"give it with axes=... (--axes), letters t, h, w, b such as {_ORDERS[len(shape)][0]}"
        + (f", or {example} for a stack of mosaics" if stack else "")
    )


def _sizes(shape: tuple[int, ...], order: str) -> dict[str, int]:
    return dict(zip(order, shape, strict=True))


def _plausible(shape: tuple[int, ...], order: str) -> bool:
    size = _sizes(shape, order)
    return MINIMUM_BANDS <= size["b"] <= _MOST_BANDS and size["b"] < min(size["h"], size["w"])


def _clear(shape: tuple[int, ...], order: str) -> bool:
    size = _sizes(shape, order)
    return 2 * size["b"] <= min(size["h"], size["w"])


def _agrees(shape: tuple[int, ...], order: str, evidence: AxisEvidence) -> bool:
    size = _sizes(shape, order)
    if evidence.bands is None and evidence.frames is None:
        return False
    return evidence.bands in (None, size["b"]) and (
        evidence.frames is None or "t" not in size or evidence.frames == size["t"]
    )
