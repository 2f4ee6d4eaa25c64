"""What can be chosen about a source of frames; nothing heavy is imported here."""

from __future__ import annotations

from dataclasses import dataclass

WAITING = 8
"""Frames that wait for the tracker at most where none is dropped; then the source waits."""


@dataclass(frozen=True)
class FolderOptions:
    """When frames of a folder that grows are whole, and when no more will come.

    Attributes:
        idle_s: A growing folder ends so many seconds after its newest frame; 0 for never. The first is waited for.
        end_file: It ends when a file of this name lies in it, after the frames that are there.
        settle_s: A frame file is whole when it has not changed for so many seconds; PNG and JPEG tell by themselves. 0
            where the camera gives finished files their name.
    """

    idle_s: float = 10.0
    end_file: str = "end"
    settle_s: float = 0.1


@dataclass(frozen=True)
class RawOptions:
    """How bytes on a stream are cut into frames; the order of axes is that of reading: hwb, bhw or hbw.

    Attributes:
        raw_size: Columns and rows of each frame on standard input, such as 512x256; of mosaics in mosaic pixels.
        raw_type: Number type there: uint8, uint16, float32, or with a byte order as >u2.
        raw_bands: Bands there; left out for mosaics, whose camera --sensor names.
    """

    raw_size: str | None = None
    raw_type: str = "uint16"
    raw_bands: int | None = None
