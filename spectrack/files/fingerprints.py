"""Fingerprints: whether files, arrays and values are still those that something was made from.

A fingerprint has two halves. The glance is a digest of names, sizes and times and costs nothing; while it is the same,
so is the content. Where it differs, or was never taken, the content decides: a digest of every byte. So a file that was
only touched or copied back still counts as the same, and one that was replaced never does.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Ingredients:
    """What something is made of.

    Attributes:
        files: in the order in which they are used; their names do not count, their bytes do.
        values: everything else that decides, as JSON values.
    """

    files: tuple[Path, ...] = ()
    values: Any = None


@dataclass(frozen=True)
class Fingerprint:
    """What ingredients were at some time.

    Attributes:
        glance: digest of names, sizes, times and values.
        content: digest of bytes and values; empty when it is not known, and then nothing is the same.
    """

    glance: str
    content: str

    def to_json(self) -> dict[str, str]:
        """Both halves, as `from_json` takes them."""
        return {"glance": self.glance, "content": self.content}

    @classmethod
    def from_json(cls, value: Any) -> Fingerprint | None:
        """The inverse of `to_json`; None for anything else."""
        found = value if isinstance(value, dict) else {}
        glance, content = found.get("glance"), found.get("content")
        return cls(glance, content) if isinstance(glance, str) and isinstance(content, str) else None

    def fits(self, made_of: Ingredients) -> bool:
        """Whether the ingredients still have this content; their bytes are read only where the glance differs.

        Raises:
            OSError: a file that cannot be read.
        """
        return bool(self.content) and (self.glance == glance(made_of) or self.content == content(made_of))


def take_fingerprint(made_of: Ingredients, seen: str | None = None) -> Fingerprint:
    """The fingerprint of ingredients as they are now.

    Args:
        made_of: the ingredients.
        seen: their glance before they were used; when they have changed since, nobody knows what was used, and the
            content stays unknown.

    Raises:
        OSError: a file that cannot be read.
    """
    now = glance(made_of)
    return Fingerprint(now, content(made_of) if seen in (None, now) else "")


def glance(made_of: Ingredients) -> str:
    """Digest of names, sizes, times and values; no file is read.

    Raises:
        OSError: a file that is not there.
    """
    return values_digest([made_of.values, [(path.name, *_status(path)) for path in made_of.files]])


def content(made_of: Ingredients) -> str:
    """Digest of values and of every byte of the files.

    Raises:
        OSError: a file that cannot be read.
    """
    return values_digest([made_of.values, [file_digest(path) for path in made_of.files]])


def file_digest(path: str | os.PathLike[str]) -> str:
    """SHA-256 of a file as 64 hexadecimal digits.

    Raises:
        OSError: it cannot be read.
    """
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def file_identity(path: str | os.PathLike[str]) -> dict[str, str]:
    """The ``file`` name and the ``hash`` (twelve digits of its SHA-256) by which results name a weights file.

    Raises:
        OSError: it cannot be read.
    """
    return {"file": Path(path).name, "hash": file_digest(path)[:12]}


def values_digest(values: Any) -> str:
    """SHA-256 of JSON values, whatever the order of their keys.

    Example:
        >>> values_digest({"a": 1, "b": (2, 3)}) == values_digest({"b": [2, 3], "a": 1})
        True
    """
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def array_digest(array: NDArray[Any]) -> str:
    """SHA-256 of an array's shape, type and values, whatever its strides and byte order."""
    import numpy as np  # the command line asks for folders long before it needs numbers

    plain = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    digest = hashlib.sha256(f"{plain.shape} {plain.dtype.str}".encode())
    digest.update(plain.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def _status(path: Path) -> tuple[int, int, int]:
    """Size, and the times at which bytes and state last changed: tools can set back the first, not the second."""
    found = path.stat()
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns
