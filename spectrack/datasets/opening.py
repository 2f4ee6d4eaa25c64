"""open_dataset: data sets by name, those that lie in folders and those that a function makes."""

from __future__ import annotations

import logging
import os
import pkgutil
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from spectrack.annotations.attributes import abbreviate, parse_attributes, read_attributes
from spectrack.boxes import from_zero
from spectrack.calibration.calibration import Calibration
from spectrack.calibration.files import read_calibration
from spectrack.datasets.dataset import Dataset, DatasetEntry, SequenceKey
from spectrack.datasets.facts import DATASETS, DatasetFacts, all_facts, dataset_facts
from spectrack.datasets.folder_names import STREAMS
from spectrack.datasets.options import DatasetPart
from spectrack.datasets.scanning import FoundSequence, scan
from spectrack.datasets.sources import FolderSource
from spectrack.datasets.zipped import read_text_member
from spectrack.errors import ConfigError, SequenceError, SequenceNotFoundError, nearest_name
from spectrack.sequences.layout import DESCRIPTION_NAMES
from spectrack.sequences.side_file import SIDE_FILE, read_side_file

_ENOUGH = 0.6

_log = logging.getLogger(__name__)


def open_dataset(
    name: str,
    root: Path | str | None = None,
    *,
    split: str | None = None,
    modality: str | None = None,
    stream: str = DatasetPart.stream,
    origin: int | None = None,
    calibration: Path | str | None = None,
) -> Dataset:
    """The sequences of a data set, none of them opened yet.

    Folders and archives are listed and small annotation files are looked at; no frame is decoded.

    Args:
        name: one of `DATASETS`, the entries of facts.toml and ``auto`` to find out which of them `root` holds.
        root: the data set's folder, a split or modality of it, or one sequence; None for one without, such as
            ``simulated``.
        split: only this split.
        modality: only this modality.
        stream: ``HSI``, ``HSI-FalseColor`` or ``RGB``; each has its own truth.
        origin: index of the first pixel in files of boxes, 0 or 1; None as the data set has it.
        calibration: file of ``spectrack calibrate`` for the camera of all cubes, or None for raw counts.

    Returns:
        The data set; its `problems` name archives that were refused, each logged once as a warning.

    Raises:
        SequenceNotFoundError: no folder, or no sequence with that stream in it.
        ConfigError: unknown name, stream, split or modality.
    """
    if name not in DATASETS:
        raise ConfigError(f"expected a data set, found {name!r}; {nearest_name(name, DATASETS)}")
    wanted = canonical_stream(stream)
    opens = "" if name == "auto" else dataset_facts(name).opens
    if opens and root is not None:
        raise ConfigError(f"expected no folder for {name}, found {root}; leave it out, or name the data set it holds")
    if opens and origin is not None:
        raise ConfigError(f"expected no --origin for {name}, whose boxes count from 0, found {origin}; leave it out")
    if not opens and root is None:
        raise ConfigError(f"expected the folder of {name}, found none; name it (--root)")
    if calibration is not None and (opens or wanted != "HSI"):
        found = name if opens else f"the stream {wanted}"
        raise ConfigError(f"expected raw cubes to calibrate, found {found}; leave the calibration out (--calibration)")
    calibrated = None if calibration is None else read_calibration(calibration)
    opened = pkgutil.resolve_name(opens)() if root is None else _open_folder(name, Path(root), wanted, origin)
    dataset = opened if calibrated is None else _calibrated(opened, calibrated)
    for problem in dataset.problems:
        _log.warning("%s", problem)
    return dataset if split is None and modality is None else dataset.select(split=split, modality=modality)


def _calibrated(dataset: Dataset, calibration: Calibration) -> Dataset:
    """The same sequences, read as reflectance."""
    entries = [
        replace(entry, source=replace(entry.source, calibration=calibration))
        for entry in dataset
        if isinstance(entry.source, FolderSource)
    ]
    return Dataset(dataset.name, dataset.root, entries, dataset.problems)


def open_everything(name: str, root: Path | str, *, origin: int | None = None) -> Dataset:
    """Every sequence below a folder with whatever stream it has, for looking at a data set as a whole.

    The stream is the cubes, else the false-colour pictures, else RGB; a sequence of annotations only cannot be opened.

    Raises:
        SequenceNotFoundError: no folder, or neither frames nor annotations in it.
        ConfigError: unknown name, or a data set that lies in no folder.
    """
    folders = ["auto", *(known for known, facts in all_facts().items() if not facts.opens)]
    if name not in folders:
        raise ConfigError(f"expected a data set that lies in a folder, found {name!r}; {nearest_name(name, folders)}")
    return _open_folder(name, Path(root), None, origin)


def canonical_stream(name: str) -> str:
    """The stream that a name means.

    Raises:
        ConfigError: no stream of that name.

    Example:
        >>> canonical_stream("hsi"), canonical_stream("false-colour")
        ('HSI', 'HSI-FalseColor')
    """
    plain = re.sub(r"[-_ ]", "", name.lower()).replace("colour", "color").removeprefix("hsi") or "hsi"
    known = {"hsi": "HSI", "falsecolor": "HSI-FalseColor", "rgb": "RGB"}
    if plain not in known:
        raise ConfigError(f"expected a stream, found {name!r}; streams: {', '.join(STREAMS)}")
    return known[plain]


def guess_dataset(root: Path, found: list[FoundSequence]) -> str:
    """The data set in a folder: by its name or those above it, else by the sequences' names, else ``folder``."""
    for part in reversed(Path(os.path.abspath(root)).parts[-3:]):
        for name, facts in all_facts().items():
            if facts.folder and re.match(facts.folder, part, re.IGNORECASE):
                return name
    paths = [str(place.path).lower() for item in found for place in item.streams.values()]
    for name, facts in all_facts().items():
        if any(mark in path for mark in facts.folder_marks for path in paths):
            return name
    several = any(item.modality for item in found)
    shares = {}
    for name, facts in all_facts().items():
        if facts.sequences and several == (len({known.modality for known in facts.sequences}) > 1):
            known = [item for item in found if facts.find(item.split, item.modality, item.name, _frames(item))]
            shares[name] = len(known) / max(1, len(found))
    best = max(shares, key=lambda name: shares[name])
    return best if shares[best] >= _ENOUGH and len(found) > 2 else "folder"


def _open_folder(name: str, root: Path, stream: str | None, origin: int | None) -> Dataset:
    found, problems = scan(root)
    chosen = guess_dataset(root, found) if name == "auto" else name
    facts = dataset_facts(chosen)
    facts = facts if origin is None else replace(facts, origin=origin)
    from_zero(np.zeros((0, 4)), facts.origin)  # another origin is refused before anything is opened
    listed = _attribute_lists(root, facts)
    wanted = [(item, stream or _main_stream(item)) for item in found if stream is None or stream in item.streams]
    if not wanted and not (stream is None and problems):
        there = Counter(key for item in found for key in item.streams)
        shown = ", ".join(f"{key} ({count})" for key, count in sorted(there.items())) or "none at all"
        trouble = f"; {problems[0]}" if problems else ""
        raise SequenceNotFoundError(
            f"expected sequences with the stream {stream or 'HSI'} below {root}, found streams: {shown}; "
            f"name the folder that holds the sequences, or another stream (--stream){trouble}"
        )
    return Dataset(chosen, root, [_entry(chosen, item, key, facts, listed) for item, key in wanted], problems)


def _main_stream(found: FoundSequence) -> str:
    return next((stream for stream in STREAMS if stream in found.streams), "")


def _entry(
    name: str, found: FoundSequence, stream: str, facts: DatasetFacts, listed: dict[str, list[str]]
) -> DatasetEntry:
    sensor = facts.sensor(found.modality) if stream == "HSI" else None
    wavelengths = facts.wavelengths_nm.get(found.modality) if stream == "HSI" else None
    source = FolderSource(found, stream, sensor, wavelengths, facts.origin)
    key = SequenceKey(name, found.split, found.modality, found.name)
    frames = found.streams[stream].frames if stream in found.streams else None
    return DatasetEntry(key, "", _attributes(found, facts, listed), frames, source)


def _attributes(found: FoundSequence, facts: DatasetFacts, listed: dict[str, list[str]]) -> tuple[str, ...]:
    """From the sequence's own description, else the published lists, else lists of sequences by attribute."""
    for _, file, path, member in found.texts:
        try:
            own: tuple[str, ...] = ()
            if file in DESCRIPTION_NAMES and member:
                own = parse_attributes(read_text_member(path, member), f"{path}/{member}")
            elif file in DESCRIPTION_NAMES:
                own = read_attributes(path)
            elif file == SIDE_FILE and not member:
                own = read_side_file(path).attributes
            if own:
                return own
        except SequenceError as error:
            _log.warning("%s", error)
    known = facts.find(found.split, found.modality, found.name, _frames(found))
    if known is not None and known.attributes:
        return known.attributes
    return tuple(listed.get(found.name, ()))


def _attribute_lists(root: Path, facts: DatasetFacts) -> dict[str, list[str]]:
    """Attributes by sequence, from files that are called as an attribute and list the sequences that have it."""
    wanted = {_plain(attribute): abbreviate(attribute) for attribute in facts.attribute_lists}
    result: dict[str, list[str]] = {}
    for folder in _list_folders(root) if wanted else ():
        for file in sorted(folder.glob("*.txt")):
            attribute = wanted.get(_plain(file.stem))
            if attribute is not None and file.stat().st_size < 2**20:
                for sequence in file.read_text(encoding="utf-8-sig", errors="replace").split():
                    result.setdefault(sequence, []).append(attribute)
    return result


def _list_folders(root: Path) -> Iterator[Path]:
    """The root and the folders one and two levels below it that hold a list of sequences."""
    yield root
    for level in ("*", "*/*"):
        yield from (file.parent for file in sorted(root.glob(f"{level}/list.txt")))


def _plain(text: str) -> str:
    # MUST spells one attribute with a zero for an o.
    return re.sub(r"[^a-z]", "", text.lower().replace("0", "o"))


def _frames(found: FoundSequence) -> int | None:
    return found.streams["HSI"].frames if "HSI" in found.streams else None
