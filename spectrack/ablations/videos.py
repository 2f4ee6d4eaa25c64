"""The videos of an ablation: sequences by attribute, cut to their first frames, degraded, and kept once rendered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from spectrack.annotations.attributes import abbreviate
from spectrack.errors import ConfigError, nearest_name
from spectrack.files.caches import make_once
from spectrack.files.fingerprints import values_digest
from spectrack.provenance import source_digest
from spectrack.runs.entries import Entry, SequenceEntry
from spectrack.sequences.base import Sequence as Video
from spectrack.sequences.excerpt import Excerpt
from spectrack.sequences.opening import open_sequence
from spectrack.sequences.writers import fill_folder
from spectrack.signs import counted
from spectrack.simulation import RENDERING_SOURCE
from spectrack.simulation.degradation import Degradation, DegradedSequence
from spectrack.simulation.video import SimulatedSequence


def select_entries(entries: Iterable[Entry], only: Sequence[str]) -> tuple[list[Entry], dict[str, list[str]]]:
    """The sequences that carry any of some attributes.

    Args:
        entries: of a data set.
        only: attributes, abbreviated or in words; none keeps every sequence.

    Returns:
        The sequences, and by attribute (abbreviated) the labels of those that carry it.

    Raises:
        ConfigError: an attribute that no sequence carries; the nearest is offered.

    Example:
        >>> clips = [SequenceEntry("a", Video, ("CAM",)), SequenceEntry("b", Video, ("CAM", "SV"))]
        >>> clips.append(SequenceEntry("c", Video))
        >>> kept, labels = select_entries(clips, ["camouflage", "SV"])
        >>> [entry.label for entry in kept], labels
        (['a', 'b'], {'CAM': ['a', 'b'], 'SV': ['b']})
    """
    listed = list(entries)
    wanted = list(dict.fromkeys(abbreviate(word) for word in only))
    known = {name for entry in listed for name in entry.attributes}
    for name in wanted:
        if name not in known:
            hint = nearest_name(name, known) if known else "none of them has any, so leave --only out"
            raise ConfigError(
                f"expected an attribute of one of {counted(len(listed), 'sequence')}, found {name!r}; {hint}"
            )
    kept = [entry for entry in listed if not wanted or set(wanted) & set(entry.attributes)]
    return kept, {name: [entry.label for entry in kept if name in entry.attributes] for name in wanted}


@dataclass(frozen=True)
class VideoOpener:
    """Opens a sequence as an ablation shows it; picklable where the entry is.

    Attributes:
        entry: the sequence as it is.
        frames: only so many of its first frames; None for all.
        degradation: see `spectrack.simulation.degradation`; empty for none.
        keep: where simulated frames are kept once they were rendered; None renders them each time.
    """

    entry: Entry
    frames: int | None = None
    degradation: str = ""
    keep: Path | None = None

    def __call__(self) -> Video:
        """The sequence.

        Raises:
            ConfigError: a degradation of footage, whose scene cannot be filmed again.
            SequenceError: frames that cannot be read, or kept.
        """
        video = self.entry.open()
        rendered = isinstance(video, SimulatedSequence)
        if self.degradation:
            video = degraded(video, self.degradation)
        if self.frames is not None:
            video = Excerpt(video, self.frames)
        if rendered and self.keep is not None and not self.degradation:
            return _kept(video, self.keep, self.entry.label)
        return video


def make_entry(
    entry: Entry, *, frames: int | None = None, degradation: str = "", keep: Path | None = None
) -> SequenceEntry:
    """The entry whose sequence `VideoOpener` opens, under the same label and attributes."""
    return SequenceEntry(entry.label, VideoOpener(entry, frames, degradation, keep), tuple(entry.attributes))


def degraded(video: Video, name: str) -> DegradedSequence:
    """A simulated video filmed worse.

    Raises:
        ConfigError: an unknown degradation, or video that is not simulated.
    """
    degradation = Degradation.parse(name)
    if not isinstance(video, SimulatedSequence):
        raise ConfigError(f"expected simulated video for the degradation {name}, found {video.name!r}; leave it out")
    return DegradedSequence(video, degradation)


def _kept(video: Video, folder: Path, label: str) -> Video:
    """The same video read from where it was kept; rendered and written there the first time."""
    made_of = video.made_of()
    key = values_digest([made_of.values, source_digest(*RENDERING_SOURCE)])[:12]
    place = folder / f"{label}-{len(video)}-{key}"
    make_once(place, lambda empty: fill_folder(video, empty, format="npy"))
    stored = open_sequence(place, name=label)
    stored.copy_of = made_of
    return stored
