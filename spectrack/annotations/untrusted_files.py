"""Files that other people's programs wrote: read within bounds of size and depth, so that none can exhaust the memory.

Text, JSON and XML from elsewhere pass through here. XML with a document type or an entity is refused, because entities
expand without bound and may name other files.
"""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from spectrack.errors import SequenceError

LARGEST_FILE = 64 * 2**20
_LARGEST_ARCHIVE = 2**31
_LARGEST_DIRECTORY = 16 * 2**20
_MOST_CONTAINERS, _MOST_VALUES = 1_500_000, 6_000_000
_MOST_ELEMENTS, _DEEPEST_ELEMENT = 400_000, 40
_ZIP_MAGIC = b"PK\x03\x04"
_ANNOTATIONS_IN_ARCHIVES = ("gt/gt.txt", "gt.txt", "annotations.xml", "result.json")


def read_file(path: str | os.PathLike[str], what: str) -> bytes:
    """The bytes of a file of at most 64 MiB; of a .zip, those of the annotation file in it.

    Args:
        path: the file.
        what: what it should hold, for messages, such as ``a file of boxes``.

    Raises:
        SequenceError: it cannot be read, is too large, or is an archive without annotations.
    """
    try:
        if Path(path).exists() and not (Path(path).is_file() or Path(path).is_dir()):
            raise ValueError("a pipe or device")  # reading one may never end
        with Path(path).open("rb") as file:
            if file.read(len(_ZIP_MAGIC)) == _ZIP_MAGIC:
                return _read_archive(Path(path), what)
            size = os.fstat(file.fileno()).st_size
            file.seek(0)
            data = file.read(LARGEST_FILE + 1) if size <= LARGEST_FILE else b""
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise SequenceError(f"expected a readable file of {what} at {path}, found: {reason}; check the path") from error
    if max(size, len(data)) > LARGEST_FILE:
        raise SequenceError(
            f"expected a file of {what} below 64 MiB, found {size} bytes in {path}; give the annotation file"
        )
    return data


def decode_text(data: bytes, where: str | os.PathLike[str], what: str) -> str:
    """UTF-8 text, with or without a byte-order mark.

    Raises:
        SequenceError: other bytes.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SequenceError(
            f"expected a text file of {what}, found undecodable bytes in {where}; give the annotation file"
        ) from error
    if "\0" in text:
        raise SequenceError(f"expected a text file of {what}, found binary data in {where}; give the annotation file")
    return text


def looks_like_xml(data: bytes) -> bool:
    """Whether a file's first characters are XML's, in UTF-8 or UTF-16."""
    return data.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"<" or data[:2] in (b"\xff\xfe", b"\xfe\xff")


def parse_json(data: bytes, where: str | os.PathLike[str]) -> Any:
    """The value of a JSON text.

    Raises:
        SequenceError: it is no JSON, nested too deeply, or of more values than a file of annotations has.
    """
    # A decoded value takes up to a hundred times its text, so the values are counted before they are made.
    if data.count(b"{") + data.count(b"[") > _MOST_CONTAINERS or data.count(b",") > _MOST_VALUES:
        raise SequenceError(
            f"expected at most {_MOST_VALUES} values in {where}, found more; split the file by sequence"
        )
    try:
        return json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise SequenceError(
            f"expected complete JSON in {where}, found: {str(error)[:120]}; export that file again"
        ) from error


def parse_xml(data: bytes, where: str | os.PathLike[str]) -> Element:
    """The root element of an XML text without document type and entities.

    Raises:
        SequenceError: it is no XML, declares a document type or an entity, or has more elements than annotations have.
    """
    builder, parser = TreeBuilder(), expat.ParserCreate()
    elements = depth = 0

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal elements, depth
        elements, depth = elements + 1, depth + 1
        if elements > _MOST_ELEMENTS or depth > _DEEPEST_ELEMENT:
            found = (
                f"more than {_MOST_ELEMENTS} elements"
                if elements > _MOST_ELEMENTS
                else f"nesting over {_DEEPEST_ELEMENT} deep"
            )
            raise SequenceError(
                f"expected the annotations of one video in {where}, found {found}; export fewer frames or objects"
            )
        builder.start(tag, attributes)

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(tag)

    def refuse(*_: object) -> None:
        raise SequenceError(
            f"expected XML without a document type or entities in {where}, found one; remove the DOCTYPE declaration"
        )

    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, builder.data
    # An entity can be declared in a document type only, so this covers internal and external ones.
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refuse
    try:
        parser.Parse(data, True)
        return builder.close()
    except (expat.ExpatError, LookupError, ValueError, AssertionError) as error:
        if isinstance(error, SequenceError):
            raise
        raise SequenceError(
            f"expected complete XML in {where}, found: {str(error)[:120]}; export that file again"
        ) from error


def _read_archive(path: Path, what: str) -> bytes:
    """The annotation file of an exported archive, read in memory: nothing is unpacked, so nothing leaves a folder."""
    too_large = SequenceError(
        f"expected {what} below 64 MiB in {path}, found more; unpack it and give the annotation file"
    )
    if path.stat().st_size > _LARGEST_ARCHIVE or _directory_size(path) > _LARGEST_DIRECTORY:
        raise too_large
    try:
        with zipfile.ZipFile(path) as archive:
            chosen = _annotation_member(archive.infolist(), path, what)
            if chosen.file_size > LARGEST_FILE:
                raise too_large
            with archive.open(chosen) as member:
                # The size that an archive states may be wrong: no more than this is ever decompressed.
                data = member.read(LARGEST_FILE + 1)
    except SequenceError:
        raise
    except Exception as error:  # damaged archives fail in many ways (zipfile, zlib, struct, NotImplementedError)
        raise SequenceError(
            f"expected a complete archive of {what} at {path}, found: {str(error)[:120]}; export it again"
        ) from error
    if len(data) > LARGEST_FILE:
        raise too_large
    return data


def _directory_size(path: Path) -> int:
    """Bytes of an archive's table of contents by its end record, 0 without one: it is read whole on opening."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 66_000))
        tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    return int.from_bytes(tail[at + 12 : at + 16], "little") if at >= 0 else 0


def _annotation_member(members: list[zipfile.ZipInfo], path: Path, what: str) -> zipfile.ZipInfo:
    by_name = {member.filename: member for member in members if not member.is_dir()}
    for name in _ANNOTATIONS_IN_ARCHIVES:
        if name in by_name:
            return by_name[name]
    wanted = [
        name for name in by_name if name.lower().endswith((".xml", ".json", ".txt")) and not name.endswith("labels.txt")
    ]
    if len(wanted) != 1:
        found = f"{len(wanted)} ({', '.join(wanted[:4])}{', ...' if len(wanted) > 4 else ''})" if wanted else "none"
        raise SequenceError(
            f"expected one file of {what} in the archive {path}, found {found}; unpack it and name the file"
        )
    return by_name[wanted[0]]
