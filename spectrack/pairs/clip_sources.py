"""Sources of clips: simulated video, sequences by path, data sets by name; what cannot be read is counted and named.

A path is a sequence, or a folder with sequences anywhere below it. Nothing is left out silently: a source of which some
sequence cannot be read is refused, unless the recipe allows to train on the others.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple, TypeVar

from spectrack.datasets.opening import open_dataset, open_everything
from spectrack.datasets.sources import FolderSource
from spectrack.errors import ConfigError, SequenceError, SpectrackError, nearest_name
from spectrack.pairs.clip_options import ClipConfig, ClipDataset
from spectrack.pairs.stored_clips import StoredClip, convert_sequence, prepare_simulated, tell_reused
from spectrack.sequences import open_sequence
from spectrack.sequences.base import Sequence

Given = TypeVar("Given")
Read = TypeVar("Read")

_log = logging.getLogger(__name__)

_NAMED = 5
"""So many sequences are named in one sentence."""


class Clips(NamedTuple):
    """What a source gave.

    Attributes:
        clips: sequences with at least one frame that shows its target.
        left_out: by name, why a sequence is not among them.
    """

    clips: list[StoredClip]
    left_out: dict[str, str]


def prepare_clips(
    source: str,
    directory: Path,
    config: ClipConfig,
    *,
    scaling: str,
    rule: str,
    datasets: Mapping[str, ClipDataset],
    pictures: str = "",
    jobs: int = 2,
) -> Clips:
    """The clips of a source, rendered or converted where they are not there yet.

    Args:
        source: ``simulated``, a name of `datasets`, or a path.
        directory: the cache.
        config: how sequences are sampled.
        scaling: how counts become values.
        rule: false-colour rule, or `stored_clips.ALL_BANDS`.
        datasets: the recipe's data sets by the names that it gives them.
        pictures: see `stored_clips.convert_sequence`.
        jobs: processes that render.

    Raises:
        ConfigError: a source that is none of these, or as `prepare_sequences`.
        SequenceError: as `prepare_sequences`.
        SequenceNotFoundError: as `prepare_sequences`.
    """
    if source == "simulated":
        clips = prepare_simulated(directory, config, scaling=scaling, rule=rule, jobs=jobs)
        # In some the target is never seen well, as chance will have it: that is nobody's mistake.
        return Clips(_usable({str(number): clip for number, clip in enumerate(clips)}, source).clips, {})
    check_source(source, datasets)
    place = datasets.get(source, Path(source))
    clips, left_out = prepare_sequences(directory, place, config, scaling=scaling, rule=rule, pictures=pictures)
    for name, reason in left_out.items():
        _log.warning("left out of %s: %s, %s", source, name, reason)
    return Clips(clips, left_out)


def check_source(source: str, datasets: Mapping[str, ClipDataset]) -> None:
    """Refuse what is no source of pairs; nothing is read or made for that.

    Raises:
        ConfigError: neither known by this name, nor a path at which something lies.
    """
    known = ("pictures", "simulated", *datasets)
    if source not in known and not Path(source).exists():
        raise ConfigError(
            f"expected {', '.join(known)} or the path of sequences in data.sources, found {source!r}, where nothing "
            f"lies; {nearest_name(source, known)}"
        )


def prepare_sequences(
    directory: Path, place: Path | ClipDataset, config: ClipConfig, *, scaling: str, rule: str, pictures: str = ""
) -> Clips:
    """Convert the sequence, or every sequence, at a path or of a data set.

    Raises:
        SequenceError: one that cannot be read or has no truth, unless that is allowed; no frame that shows a target.
        SequenceNotFoundError: nothing readable there.
        ConfigError: an unknown data set, or a part that it does not have.
    """
    source = place.root or place.name if isinstance(place, ClipDataset) else str(place)
    listed, unread = _list_sequences(place)
    count = len(listed) + len(unread)
    # All are looked at before the first is converted, which may take an hour; archives would have to be unpacked.
    _read({name: found for name, found in listed.items() if not found.packed}, _open_with_truth, unread)
    _refuse_unread(unread, count, source, config)
    converted = _read(
        {name: found for name, found in listed.items() if name not in unread},
        lambda found: convert_sequence(directory, found.open(), config, scaling=scaling, rule=rule, pictures=pictures),
        unread,
    )
    tell_reused(sum(not made for _, made in converted.values()), len(converted), directory)
    _refuse_unread(unread, count, source, config)
    clips, unseen = _usable({name: clip for name, (clip, _) in converted.items()}, source)
    return Clips(clips, unread | unseen)


class _Found(NamedTuple):
    """A sequence that is not opened yet, and whether it must be unpacked for that."""

    open: Callable[[], Sequence]
    packed: bool = False


def sequences_at(path: Path, *, files: bool = False) -> list[Sequence]:
    """The sequence at a path, or those in its folders; with `files`, also those that are a file in it.

    Raises:
        SequenceError, SequenceNotFoundError: there is none.
    """
    try:
        return [open_sequence(path)]
    except (SequenceError, FileNotFoundError):
        found = []
        for child in sorted(entry for entry in path.iterdir() if files or entry.is_dir()) if path.is_dir() else []:
            try:
                found.append(open_sequence(child))
            except (SequenceError, FileNotFoundError):
                _log.info("no sequence in %s", child)
        if not found:
            raise
        return found


def _list_sequences(place: Path | ClipDataset) -> tuple[dict[str, _Found], dict[str, str]]:
    """Sequences by name, and what a data set says cannot be opened."""
    if isinstance(place, ClipDataset):
        dataset = open_dataset(
            place.name,
            place.root or None,
            split=place.split,
            modality=place.modality,
            stream=place.stream,
            calibration=place.calibration,
        )
        entries = list(dataset)
    else:
        try:
            sequence = open_sequence(place)
            return {sequence.name: _Found(lambda: sequence)}, {}
        except SpectrackError:
            if not place.is_dir():
                raise
        dataset = open_everything("auto", place)
        entries = sorted(dataset, key=lambda entry: _frames_of(entry.source))
    problems = {f"archive {number}": problem for number, problem in enumerate(dataset.problems, start=1)}
    return {entry.label: _Found(entry.open, entry.archived() is not None) for entry in entries}, problems


def _frames_of(source: object) -> Path:
    found = source.found.streams.get(source.stream) if isinstance(source, FolderSource) else None
    return Path() if found is None else found.path


def _open_with_truth(found: _Found) -> None:
    found.open().needed_truth()


def _read(items: Mapping[str, Given], read: Callable[[Given], Read], unread: dict[str, str]) -> dict[str, Read]:
    """What can be read of some items; for the others, the reason goes to `unread`."""
    found = {}
    for name, item in items.items():
        try:
            found[name] = read(item)
        except SpectrackError as error:
            unread[name] = str(error)
    return found


def _refuse_unread(unread: Mapping[str, str], count: int, source: str, config: ClipConfig) -> None:
    """Refuse a source that cannot be read as a whole, unless that is allowed and something is left.

    Raises:
        SequenceError: the sequences are counted and named, with what is wrong with the first.
    """
    if unread and count == 1:
        raise SequenceError(next(iter(unread.values())))
    if unread and (config.unreadable == "refuse" or len(unread) == count):
        names = ", ".join(list(unread)[:_NAMED]) + (", ..." if len(unread) > _NAMED else "")
        others = "" if len(unread) == count else ', or train on the others: data.clips.unreadable = "skip"'
        raise SequenceError(
            f"expected to read all {count} sequences of {source}, found {len(unread)} that cannot be read: {names} "
            f"({next(iter(unread.values()))}); mend them{others}"
        )


def _usable(clips: Mapping[str, StoredClip], source: str) -> Clips:
    """The clips with at least one frame that shows its target.

    Raises:
        SequenceError: there is none.
    """
    usable = [clip for clip in clips.values() if clip.usable.size]
    if not usable:
        raise SequenceError(
            f"expected frames that show their target in {source}, found none; lower data.clips.minimum_visibility"
        )
    unseen = "no frame shows enough of its target (data.clips.minimum_visibility)"
    return Clips(usable, {name: unseen for name, clip in clips.items() if not clip.usable.size})
