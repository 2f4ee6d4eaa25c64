"""How much a file may grow when it is decoded: a few kilobytes can claim to be gigabytes of picture or array.

Measured cubes and pictures shrink to a half or a fiftieth. What would be `GROWTH` times its file and more than
`LEAST_BYTES` is refused before anything is decoded; the environment variable `GROWTH_VARIABLE` allows more.
"""

from __future__ import annotations

import os
import struct
from contextlib import suppress

from spectrack.errors import ConfigError, SequenceError

GROWTH = 100.0
GROWTH_VARIABLE = "SPECTRACK_LARGEST_GROWTH"
LEAST_BYTES = 2**28

_PNG_CHANNELS = {0: 1, 2: 3, 3: 3, 4: 4, 6: 4}
_NO_FRAME_OF_JPEG = {0xC4, 0xC8, 0xCC}


def check_growth(claimed: int, stored: int, where: object) -> None:
    """Refuse to decode what would take far more room than its file.

    Args:
        claimed: bytes when decoded.
        stored: bytes of the file.
        where: the file, for the message.

    Raises:
        SequenceError: it would grow too much.
        ConfigError: the environment variable is no number.
    """
    if claimed <= LEAST_BYTES:
        return
    growth = _allowed()
    if claimed > growth * stored:
        raise SequenceError(
            f"expected data that grow at most {growth:g} times when they are decoded, found {claimed / 2**30:.3g} GiB "
            f"in the {stored} bytes of {where}; set {GROWTH_VARIABLE}={claimed // max(stored, 1) + 1} where it is right"
        )


def image_bytes(data: bytes) -> int:
    """Bytes of a PNG, JPEG, BMP or TIFF when it is decoded, as its header claims; 0 where the header tells nothing."""
    with suppress(struct.error, IndexError, KeyError):
        if data.startswith(b"\x89PNG"):
            width, height, depth, colour = struct.unpack_from(">IIBB", data, 16)
            return int(width * height * _PNG_CHANNELS[colour] * (2 if depth == 16 else 1))
        if data.startswith(b"\xff\xd8"):
            return _jpeg_bytes(data)
        if data.startswith(b"BM"):
            width, height = struct.unpack_from("<ii", data, 18)
            return int(abs(width * height) * 4)
        if data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
            return _tiff_bytes(data)
    return 0


def _allowed() -> float:
    text = os.environ.get(GROWTH_VARIABLE, str(GROWTH))
    with suppress(ValueError):
        if float(text) > 0:
            return float(text)
    raise ConfigError(f"expected a positive number in {GROWTH_VARIABLE}, found {text!r}; correct or unset it")


def _jpeg_bytes(data: bytes) -> int:
    at = 2
    while data[at] == 0xFF:
        marker = data[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in _NO_FRAME_OF_JPEG:
            height, width, channels = struct.unpack_from(">HHB", data, at + 5)
            return int(height * width * channels)
        at += 1 if marker == 0xFF else 2 + int(struct.unpack_from(">H", data, at + 2)[0])
    return 0


def _tiff_bytes(data: bytes) -> int:
    import io

    import tifffile

    try:
        with tifffile.TiffFile(io.BytesIO(data)) as file:
            page = file.pages.first
            return int(page.nbytes)
    except Exception:  # tifffile fails in many ways on damaged files; the decoder says what is wrong
        return 0
