"""What a training starts from, by what a recipe or `spectrack weights import` calls it.

That is the name of a pretrained backbone whose package is installed, the name of weights, a file of weights or a
published checkpoint, or the address of a file with its checksum.
"""

from __future__ import annotations

import urllib.parse
from pathlib import Path

from torch import Tensor

from spectrack.weights.fetching import Report, fetch_pinned, is_address
from spectrack.weights.files import is_weights_file, read_weights
from spectrack.weights.imports import ImportedCheckpoint, Kind, import_checkpoint
from spectrack.weights.index import find_file
from spectrack.weights.metadata import WeightsMetadata
from spectrack.weights.pretrained import PRETRAINED, read_pretrained

Start = tuple[dict[str, Tensor], WeightsMetadata]
"""Tensors of what a training starts from, and what is known of them."""


def read_start(name: str, on_progress: Report | None = None) -> Start:
    """Tensors and metadata of what a recipe names as its start.

    Args:
        name: see above; an address is fetched once and kept in the user's cache folder.
        on_progress: told how far a download is.

    Raises:
        ConfigError: an address that may not be taken, or without a checksum.
        WeightsError: there is none of that name, or the file cannot be fetched or read.
        MissingExtraError: the package of a pretrained backbone is not installed.
    """
    if name in PRETRAINED:
        return read_pretrained(name)
    file = fetch_pinned(name, on_progress) if is_address(name) else find_file(name, PRETRAINED)
    if is_weights_file(file):
        return read_weights(file)
    imported = import_checkpoint(file)
    return imported.state, imported.metadata


def import_start(name: str, *, kind: Kind | None = None, on_progress: Report | None = None) -> ImportedCheckpoint:
    """What others published, in this project's names.

    Args:
        name: a pretrained backbone, a checkpoint file, or an address with its checksum.
        kind: what the checkpoint is; None finds out.
        on_progress: told how far a download is.

    Raises:
        ConfigError: as `read_start`.
        WeightsError: as `read_start`, or a file of another kind.
        MissingExtraError: as `read_start`.
    """
    if name in PRETRAINED:
        state, metadata = read_pretrained(name)
        return ImportedCheckpoint(state, metadata, ("backbone",))
    file = fetch_pinned(name, on_progress) if is_address(name) else Path(name)
    return import_checkpoint(file, kind=kind)


def start_name(start: str) -> str:
    """What the weights' metadata call a start: no folder of this machine, nothing secret of an address.

    Example:
        >>> start_name("runs/mine/siamban-mine.safetensors"), start_name("siamban-compact")
        ('siamban-mine.safetensors', 'siamban-compact')
        >>> start_name("https://me:word@example.org/a.pth?token=1#sha256=00")
        'https://example.org/a.pth#sha256=00'
    """
    if not is_address(start):
        return Path(start).name
    parts = urllib.parse.urlsplit(start)
    return urllib.parse.urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query=""))
