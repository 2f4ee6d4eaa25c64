"""Sequence attributes (challenges) as the field abbreviates them, from the words of a description.txt."""

from __future__ import annotations

import re
from pathlib import Path

from spectrack.errors import SequenceError

ATTRIBUTE_NAMES = {
    "IV": "illumination variation",
    "SV": "scale variation",
    "OCC": "occlusion",
    "DEF": "deformation",
    "MB": "motion blur",
    "FM": "fast motion",
    "IPR": "in-plane rotation",
    "OPR": "out-of-plane rotation",
    "OV": "out of view",
    "BC": "background clutter",
    "LR": "low resolution",
    "CAM": "camouflage",
    "TWIN": "twin distractors",
    "EVEN": "bands of equal worth",
    "UNEVEN": "bands of unequal worth",
}
"""The eleven attributes of HOT2020 (as in OTB) and the four of the simulator."""

_LARGEST_FILE = 2**20


def read_attributes(path: Path) -> tuple[str, ...]:
    """Attributes of a description file; see `parse_attributes`.

    Raises:
        SequenceError: the file cannot be read or is no text.
    """
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise SequenceError(
                f"expected a few attributes as text in {path}, found {path.stat().st_size} bytes; correct or remove it"
            )
        data = path.read_bytes()
    except SequenceError:
        raise
    except OSError as error:
        raise SequenceError(
            f"expected attributes as text in {path}, found: {error.strerror or error}; correct or remove it"
        ) from error
    return parse_attributes(data, str(path))


def parse_attributes(data: bytes, where: str) -> tuple[str, ...]:
    """Attributes in the bytes of a text: one a line or separated by commas, in words or abbreviated, in any case.

    Words without a known abbreviation are kept as they are written.

    Args:
        data: UTF-8, with or without a byte-order mark.
        where: the file, for messages.

    Raises:
        SequenceError: no text.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SequenceError(
            f"expected attributes as text in {where}, found an unreadable file; correct or remove it"
        ) from error
    if len(data) > _LARGEST_FILE or "\0" in text:
        raise SequenceError(
            f"expected a few attributes as text in {where}, found {len(data)} bytes of other data; correct or remove it"
        )
    words = [word.strip() for word in re.split(r"[,;\t\r\n]+", text)]
    return tuple(dict.fromkeys(abbreviate(word) for word in words if word))


def abbreviate(word: str) -> str:
    """The abbreviation of an attribute, or the word itself when it has none.

    Example:
        >>> abbreviate("Out-of-view"), abbreviate("sv"), abbreviate("Similar object")
        ('OV', 'SV', 'Similar object')
    """
    if word.upper() in ATTRIBUTE_NAMES:
        return word.upper()
    plain = _plain(word)
    return next((short for short, name in ATTRIBUTE_NAMES.items() if _plain(name) == plain), word)


def _plain(text: str) -> str:
    return re.sub(r"[^a-z]", "", text.lower()).replace("backgroundclutters", "backgroundclutter")
