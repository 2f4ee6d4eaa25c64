"""Finding sequences below a root by the names of folders and files alone: no frame is decoded, no archive unpacked."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from spectrack.datasets.folder_names import FolderMeaning, is_meaningful, meaning_of
from spectrack.datasets.zipped import list_members
from spectrack.errors import SequenceError, SequenceNotFoundError
from spectrack.files import number_key
from spectrack.sequences.layout import DESCRIPTION_NAMES, FIRST_BOX_NAMES, KINDS, TRUTH_NAMES, is_calibration
from spectrack.sequences.side_file import SIDE_FILE, read_side_file
from spectrack.sequences.triplets import are_triplets

_KIND_OF = {suffix: kind for kind, suffixes in KINDS.items() for suffix in suffixes}
_TEXTS = (*TRUTH_NAMES, *FIRST_BOX_NAMES, *DESCRIPTION_NAMES, SIDE_FILE)
_ONE_FILE_EACH = ("npy", "npz", "mat", "hdf5", "envi")
_ANCESTORS = 3
_DEEPEST = 12


@dataclass(frozen=True)
class FrameFolder:
    """Where the frames of one stream of one sequence lie.

    Attributes:
        path: their folder, or the file with all of them; for zipped frames, where they would lie unzipped.
        kind: a key of `spectrack.sequences.layout.KINDS`.
        frames: how many, or None when only opening tells.
        archive: the .zip file that holds them, or None.
        member: their folder in the archive.
        update: they come from a folder of corrections.
    """

    path: Path
    kind: str
    frames: int | None
    archive: Path | None = None
    member: str = ""
    update: bool = False


@dataclass(eq=False)
class FoundSequence:
    """One sequence with its streams.

    Attributes:
        split, modality, name: as the folders tell, "" where they do not.
        streams: where the frames of each stream lie (keys as in `folder_names.STREAMS`).
        texts: annotation files: stream, file name in lower case, and the file (or the archive and the member in it).
    """

    split: str
    modality: str
    name: str
    streams: dict[str, FrameFolder] = field(default_factory=dict)
    texts: list[tuple[str, str, Path, str]] = field(default_factory=list)

    def has_text(self, names: Iterable[str], stream: str) -> bool:
        """Whether an annotation file of one of these names serves a stream: cubes and their pictures share theirs."""
        streams = {"RGB"} if stream == "RGB" else {"", "HSI", "HSI-FalseColor"}
        return any(name in names and owner in streams for owner, name, _, _ in self.texts)

    @property
    def truth(self) -> str:
        """What is known of the object: ``truth``, ``first box`` or ``none``."""
        stream = "RGB" if set(self.streams) == {"RGB"} else "HSI"
        return (
            "truth"
            if self.has_text(TRUTH_NAMES, stream)
            else "first box"
            if self.has_text(FIRST_BOX_NAMES, stream)
            else "none"
        )


@dataclass(frozen=True)
class _Listing:
    """One folder: its names from the root, its files, and where it is."""

    parts: tuple[str, ...]
    files: list[str]
    path: Path
    archive: Path | None = None
    member: str = ""


def scan(root: Path) -> tuple[list[FoundSequence], list[str]]:
    """Find the sequences below a folder.

    Args:
        root: a data set, one of its splits or modalities, or a single sequence.

    Returns:
        Sequences sorted by split, modality and name (numbers as numbers); a sentence for each refused or damaged
        archive.

    Raises:
        SequenceNotFoundError: no such folder.
    """
    if not root.is_dir():
        found = "a file" if root.exists() else "nothing"
        raise SequenceNotFoundError(f"expected a folder of sequences at {root}, found {found} there; check the path")
    root = Path(os.path.abspath(root))
    above: list[str] = []
    for folder in [root, *root.parents][:_ANCESTORS]:
        if not is_meaningful(folder.name):
            break
        above.insert(0, folder.name)
    problems: list[str] = []
    collection = _Collection(root, tuple(above))
    for listing in _walk(root, problems):
        collection.add(listing)
    return collection.sequences(), problems


class _Collection:
    """Listings sorted into sequences as they come."""

    def __init__(self, root: Path, above: tuple[str, ...]) -> None:
        self._root, self._above = root, above
        self._found: dict[tuple[tuple[str, ...], str, str, str], FoundSequence] = {}
        self._ranks: dict[tuple[int, str], tuple[bool, int]] = {}
        self._nameless: set[int] = set()

    def add(self, listing: _Listing) -> None:
        texts = [name for name in listing.files if name.lower() in _TEXTS]
        folders = list(_frame_folders(listing))
        if not folders and texts:
            meaning = meaning_of((*self._above, *listing.parts))
            self._add_texts(self._sequence(meaning), meaning.stream, listing, texts)
        for parts, folder in folders:
            meaning = meaning_of((*self._above, *parts))
            sequence = self._sequence(meaning)
            stream = meaning.stream or "HSI"
            # Corrections first, then the plainer of two spellings of one stream.
            rank = (not meaning.update, meaning.order)
            key = (id(sequence), stream)
            if key not in self._ranks or rank < self._ranks[key]:
                self._ranks[key] = rank
                sequence.streams[stream] = replace(folder, update=meaning.update)
            self._add_texts(sequence, meaning.stream, listing, texts)

    def sequences(self) -> list[FoundSequence]:
        # Annotations at the root itself belong to a sequence only when the root is one.
        used = {key: found for key, found in self._found.items() if found.streams or id(found) not in self._nameless}
        # A prefix that all share (the data set's own folder) says nothing.
        shared = _shared_length([prefix for prefix, *_ in used])
        for (prefix, *_), found in used.items():
            found.split = "/".join([*prefix[shared:], *([found.split] if found.split else [])])
        return sorted(used.values(), key=lambda found: (found.split, found.modality, number_key(found.name + ".")))

    def _sequence(self, meaning: FolderMeaning) -> FoundSequence:
        name = meaning.name or self._root.name or "sequence"
        key = (meaning.prefix, meaning.split, meaning.modality, name)
        found = self._found.setdefault(key, FoundSequence(meaning.split, meaning.modality, name))
        if not meaning.name:
            self._nameless.add(id(found))
        return found

    @staticmethod
    def _add_texts(sequence: FoundSequence, stream: str, listing: _Listing, texts: list[str]) -> None:
        for name in texts:
            member = f"{listing.member}/{name}".lstrip("/") if listing.archive else ""
            sequence.texts.append((stream, name.lower(), listing.archive or listing.path / name, member))


def _shared_length(prefixes: list[tuple[str, ...]]) -> int:
    """How many names at the start all tuples have in common."""
    return next(
        (i for i, names in enumerate(zip(*prefixes, strict=False)) if len(set(names)) > 1),
        min(map(len, prefixes), default=0),
    )


def _walk(root: Path, problems: list[str]) -> Iterator[_Listing]:
    """Every folder below the root with its files; archives are listed as if they were folders of their name."""
    pending: list[tuple[Path, tuple[str, ...], tuple[str, ...]]] = [(root, (), ())]
    while pending:
        folder, parts, above = pending.pop()
        real = os.path.realpath(folder)
        if real in above or len(parts) > _DEEPEST:
            continue  # a link that leads back
        files: list[str] = []
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.name.startswith(".") or entry.name == "__MACOSX":
                        continue
                    if os.path.isdir(entry):  # the entry's own method fails for a loop of links
                        pending.append((folder / entry.name, (*parts, entry.name), (*above, real)))
                    else:
                        files.append(entry.name)
        except OSError as error:
            problems.append(
                f"expected a readable folder at {folder}, found: {error.strerror or error}; check its permissions"
            )
            continue
        for name in sorted(file for file in files if file.lower().endswith(".zip")):
            yield from _walk_archive(folder / name, (*parts, name[:-4]), problems)
        yield _Listing(parts, files, folder)


def _walk_archive(archive: Path, parts: tuple[str, ...], problems: list[str]) -> Iterator[_Listing]:
    try:
        folders = list_members(archive)
    except SequenceError as error:
        problems.append(str(error))
        return
    for member, files in folders.items():
        inner = PurePosixPath(member).parts if member else ()
        if not any(part.startswith(".") or part == "__MACOSX" for part in inner):
            shown = [name for name in files if not name.startswith(".")]
            yield _Listing((*parts, *inner), shown, archive.with_suffix("").joinpath(*inner), archive, member)


def _frame_folders(listing: _Listing) -> Iterator[tuple[tuple[str, ...], FrameFolder]]:
    """The frames in a folder, with the names that say what they are: one sequence, or one a file."""
    kinds: dict[str, list[str]] = {}
    for name in listing.files:
        kind = _KIND_OF.get(os.path.splitext(name)[1].lower())
        if kind is not None and not (kind == "envi" and is_calibration(name)):
            kinds.setdefault(kind, []).append(name)
    for kind in KINDS:
        names = kinds.get(kind)
        if not names:
            continue
        alone = kind == "video" or (
            kind in _ONE_FILE_EACH and not all(name[: name.rfind(".")][-1:].isdigit() for name in names)
        )
        if alone and len(names) > 1 and not listing.archive:
            for name in sorted(names):
                yield (*listing.parts, name[: name.rfind(".")]), FrameFolder(listing.path / name, kind, None)
        else:
            frames = _count(kind, names, listing)
            yield listing.parts, FrameFolder(listing.path, kind, frames, listing.archive, listing.member)
        return


def _count(kind: str, names: list[str], listing: _Listing) -> int | None:
    if kind == "image":
        triplets = len(names) >= 3 and are_triplets([Path(name) for name in names[:3]])
        return len(names) // 3 if triplets else len(names)
    if len(names) > 1:
        return len(names)
    if SIDE_FILE in listing.files and listing.archive is None:
        try:
            return read_side_file(listing.path / SIDE_FILE).frames
        except SequenceError:
            return None
    return None
