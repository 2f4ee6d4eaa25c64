"""Fetching a weights file from an address: its checksum must be given, and is compared before the file appears."""

from __future__ import annotations

import http.client
import re
import shutil
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from spectrack.errors import ConfigError, WeightsError
from spectrack.files import FileTerms, cache_to_write, check_file, write_file
from spectrack.files.fingerprints import file_digest
from spectrack.files.places import Place
from spectrack.files.writing import naming
from spectrack.weights.index import cache_folder

LARGEST_BYTES = 4 << 30
"""No weights file is larger: an address that gives more is not what it should be."""

_CHUNK_BYTES = 1 << 20
_TIMEOUT_S = 30.0
_THIS_MACHINE = ("localhost", "127.0.0.1", "::1")

Report = Callable[[int, int | None], None]
"""Told the bytes read so far and the bytes in all, None when the server does not say."""


def fetch_weights(
    url: str, *, sha256: str = "", out: Place | None = None, overwrite: bool = False, on_progress: Report | None = None
) -> Path:
    """Download a file and keep it only when its SHA-256 is the one expected.

    A download that broke off goes on where it ended when it is asked for again.

    Args:
        url: an https or file address, or http of this machine; with the checksum at its end as ``#sha256=...``, or not.
        sha256: 64 hexadecimal digits, from a place that you trust, where the address does not hold them.
        out: the file to write; by default the address's last part, in the cache folder, where weights are looked up.
        overwrite: replace a file of another content.
        on_progress: called with the bytes read so far and the bytes in all, None when the server does not say.

    Returns:
        The file; one that is there already with the right checksum is not fetched again.

    Raises:
        ConfigError: no checksum, or an address of another kind.
        WeightsError: the address cannot be read, is too large or breaks off, the checksum differs, or the file exists.
    """
    address, given = _split(url)
    digest = _digest(sha256 or given, address)
    name = Path(urllib.parse.unquote(urllib.parse.urlsplit(address).path)).name
    if out is None and not name:
        raise ConfigError(f"expected an address that ends in a file name, found {address!r}; name a file with --out")
    target, terms = _kept_as(name) if out is None else Path(out), FileTerms("weights", overwrite=overwrite)
    if _holds(target, digest):
        return target
    check_file(target, terms)
    with _growing_file(digest) as growing:
        if _holds(target, digest):  # another process fetched it while this one waited
            return target
        if not _holds(growing, digest):
            _download(address, growing, target, on_progress)
        found = file_digest(growing)
        if found != digest:
            growing.unlink()
            raise WeightsError(
                f"expected SHA-256 {digest}, found {found} at {address}, and kept nothing; check both and fetch again"
            )
        with write_file(target, terms) as temporary:
            shutil.copyfile(growing, temporary)
        growing.unlink()
    return target


def fetch_pinned(address: str, on_progress: Report | None = None) -> Path:
    """The file at an address that holds its checksum, ``https://HOST/FILE#sha256=DIGITS``; kept in the cache folder.

    Raises:
        ConfigError: as `fetch_weights`.
        WeightsError: as `fetch_weights`.
    """
    url, given = _split(address)
    digest = _digest(given, url)
    # Files of other addresses may have the same name.
    name = Path(urllib.parse.unquote(urllib.parse.urlsplit(url).path))
    target = _kept_as(f"{name.stem or 'weights'}-{digest[:12]}{name.suffix}")
    return fetch_weights(url, sha256=digest, out=target, on_progress=on_progress)


def _kept_as(name: str) -> Path:
    """A file in the cache folder.

    Raises:
        ConfigError: there is no home, and so no such folder.
    """
    folder = cache_folder()
    if folder is None:
        raise ConfigError(
            f"expected a home directory to keep {name} in, found none; download it to a file with "
            "spectrack weights fetch --out, or set HOME"
        )
    return folder / name


def is_address(text: str) -> bool:
    """Whether a text is an address rather than a path or a name."""
    return "://" in text


def _split(address: str) -> tuple[str, str]:
    """An address and the checksum at its end, empty where there is none."""
    url, _, fragment = address.partition("#")
    _refuse_unsafe(url)
    given = fragment.removeprefix("sha256=")
    if fragment and given == fragment:
        raise ConfigError(f"expected #sha256=DIGITS at the end of {url}, found {fragment!r}; correct the address")
    return url, given


def _digest(given: str, url: str) -> str:
    digest = given.strip().lower()
    if not re.fullmatch(r"[0-9a-f]{64}", digest):
        raise ConfigError(
            f"expected a SHA-256 of 64 hexadecimal digits for {url}, found {given!r}; "
            "copy the checksum, without which no weights are taken, from the page that offers the file"
        )
    return digest


def _refuse_unsafe(url: str) -> None:
    """Refuse an address that anybody between here and there could read or change.

    Raises:
        ConfigError: it is neither https nor a file, nor http of this machine.
    """
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ("https", "file") and not (parts.scheme == "http" and parts.hostname in _THIS_MACHINE):
        raise ConfigError(f"expected an address of https:// or file://, found {url!r}; correct the address")


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    """Follows a server to another address only where that one would have been taken as well."""

    def redirect_request(self, *request: Any) -> urllib.request.Request | None:
        url = str(request[-1])
        if urllib.parse.urlsplit(url).scheme not in ("https", "http"):
            raise ConfigError(f"expected to be sent on to an address of https://, found {url!r}; ask another server")
        _refuse_unsafe(url)
        return super().redirect_request(*request)


def _holds(path: Path, digest: str) -> bool:
    return path.is_file() and file_digest(path) == digest


@contextmanager
def _growing_file(digest: str) -> Iterator[Path]:
    """Where a download of this content grows, ours alone; without a cache folder it lives only as long as the block."""
    from filelock import FileLock  # loads asyncio, which help texts need not wait for

    folder = cache_to_write("weights")
    lock = FileLock(folder / f".{digest}.lock")  # it stays: removing a lock lets two in
    lock.acquire()
    try:
        yield folder / f".{digest}.part"
    finally:
        lock.release()


def _download(url: str, growing: Path, target: Path, on_progress: Report | None) -> None:
    """Write what is at the address to `growing`, from where it ends.

    Raises:
        WeightsError: it cannot be read, is too large, or breaks off.
    """
    done = growing.stat().st_size if growing.is_file() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={done}-"} if done else {})
    try:
        with urllib.request.build_opener(_SafeRedirects()).open(request, timeout=_TIMEOUT_S) as answer:
            goes_on = getattr(answer, "status", None) == http.client.PARTIAL_CONTENT
            done = done if goes_on else 0
            length = _length(answer)
            total = None if length is None else done + length
            with naming(target), growing.open("ab" if goes_on else "wb") as file:
                while (total or done) <= LARGEST_BYTES and (chunk := answer.read(_CHUNK_BYTES)):
                    file.write(chunk)
                    done += len(chunk)
                    if on_progress is not None:
                        on_progress(done, total)
    except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
        if getattr(error, "code", None) == http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
            growing.unlink()  # it is longer than the file is now: next time from the beginning
        reason = getattr(error, "reason", None) or error
        raise WeightsError(
            f"expected a file at {url}, found: {reason}; check address and connection, "
            f"or download it elsewhere and put it at {target}"
        ) from error
    if (total or done) > LARGEST_BYTES:
        growing.unlink()
        raise WeightsError(
            f"expected at most {LARGEST_BYTES} bytes from {url}, found {total or done}; give the address of weights"
        )
    if total is not None and done != total:
        raise WeightsError(f"expected {total} bytes from {url}, found {done}; the connection broke off, fetch again")


def _length(answer: Any) -> int | None:
    text = answer.headers.get("Content-Length")
    return int(text) if text and text.isdigit() else None
