"""Fetching a weights file from an address: its checksum must be given, and is compared before the file appears."""

from __future__ import annotations

import http.client
import os
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from spectrack.errors import ConfigError, WeightsError
from spectrack.files import FileTerms, write_file
from spectrack.files.fingerprints import file_digest
from spectrack.weights.index import cache_folder

_CHUNK_BYTES = 1 << 20
_TIMEOUT_S = 30.0
_SCHEMES = ("https", "http", "file")


def fetch_weights(
    url: str,
    *,
    sha256: str,
    out: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
    on_progress: Callable[[int, int | None], None] | None = None,
) -> Path:
    """Download a file and keep it only when its SHA-256 is the one expected.

    Args:
        url: an https, http or file address.
        sha256: 64 hexadecimal digits, from a place that you trust.
        out: the file to write; by default the address's last part, in the cache folder, where weights are looked up.
        overwrite: replace a file of another content.
        on_progress: called with the bytes read so far and the bytes in all, None when the server does not say.

    Returns:
        The file; one that is there already with the right checksum is not fetched again.

    Raises:
        ConfigError: no checksum, or an address of another kind.
        WeightsError: the address cannot be read, download is incomplete, its checksum differs, or the file exists.
    """
    digest = sha256.strip().lower()
    if not re.fullmatch(r"[0-9a-f]{64}", digest):
        raise ConfigError(
            f"expected a SHA-256 of 64 hexadecimal digits for {url}, found {sha256!r}; "
            "copy the checksum, without which no weights are taken, from the page that offers the file"
        )
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in _SCHEMES:
        raise ConfigError(f"expected an address of https://, http:// or file://, found {url!r}; correct the address")
    name = Path(urllib.parse.unquote(parts.path)).name
    if out is None and not name:
        raise ConfigError(f"expected an address that ends in a file name, found {url!r}; name a file with --out")
    target = cache_folder() / name if out is None else Path(out)
    if target.is_file() and file_digest(target) == digest:
        return target
    with write_file(target, FileTerms("weights", overwrite=overwrite)) as temporary:
        _download(url, temporary, on_progress)
        found = file_digest(temporary)
        if found != digest:
            raise WeightsError(
                f"expected SHA-256 {digest}, found {found} at {url}, and kept nothing; check both and fetch again"
            )
    return target


def _download(url: str, path: Path, on_progress: Callable[[int, int | None], None] | None) -> None:
    """Write what is at the address to `path`."""
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as answer:
            total, done = _length(answer), 0
            with path.open("wb") as file:
                while chunk := answer.read(_CHUNK_BYTES):
                    file.write(chunk)
                    done += len(chunk)
                    if on_progress is not None:
                        on_progress(done, total)
    except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
        reason = getattr(error, "reason", None) or error
        raise WeightsError(f"expected a file at {url}, found: {reason}; check address and connection") from error
    if total is not None and done != total:
        raise WeightsError(f"expected {total} bytes from {url}, found {done}; the connection broke off, fetch again")


def _length(answer: Any) -> int | None:
    text = answer.headers.get("Content-Length")
    return int(text) if text and text.isdigit() else None
