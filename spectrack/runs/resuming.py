"""How a run is resumed: which of its finished sequences are still made of what they were tracked in.

Beside the result of every sequence lies what its frames and its truth were (`spectrack.files.fingerprints`). When a run
is taken up, finished or interrupted, a sequence of the same content is reused. One whose frames are others is tracked
again. Where only truth, visibility or attributes are others, the boxes stay and these are renewed, unless the first
box, from which the tracker started, is another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from spectrack.errors import SpectrackError
from spectrack.evaluation.protocols import Protocol, score
from spectrack.files.caches import reuse_log
from spectrack.runs.entries import Entry, OpenedEntry, SequenceContent
from spectrack.runs.run_directory import RunDirectory
from spectrack.runs.sequence_run import made_of


@dataclass(frozen=True)
class Resumption:
    """What becomes of the sequences that an earlier call finished.

    Attributes:
        reused: labels of those that are as they were.
        renewed: labels of those whose boxes stay and whose truth is renewed.
        again: label to the reason why it is tracked again.
    """

    reused: tuple[str, ...] = ()
    renewed: tuple[str, ...] = ()
    again: Mapping[str, str] = field(default_factory=dict)

    @property
    def kept(self) -> tuple[str, ...]:
        """Labels of the sequences that need not be tracked."""
        return self.reused + self.renewed


def resume(
    directory: RunDirectory, entries: Sequence[Entry], protocol: Protocol, retry_failed: bool = False
) -> Resumption:
    """Compare the finished sequences of a run with what they are made of now; nothing is changed.

    Args:
        directory: of the run, claimed for the same plan.
        entries: the sequences of the run.
        protocol: the rule that renewed truth must stand up to.
        retry_failed: track sequences again in which the tracker failed.

    Raises:
        InputError: a damaged marker, a result that was changed, or truth that the protocol refuses.
    """
    finished = directory.finished()
    reused, again = [], {}
    changed: dict[str, OpenedEntry] = {}
    for entry in entries:
        if entry.label not in finished:
            continue
        if not directory.is_whole(entry.label, finished[entry.label]):
            again[entry.label] = "a file of its result is gone"
            continue
        try:
            opened = OpenedEntry(entry)
            reason = _why_again(opened, finished[entry.label], directory)
        except (SpectrackError, OSError) as error:
            reason = " ".join(str(error).split())
        if retry_failed and finished[entry.label].get("failure") is not None:
            reason = "the tracker failed on it"
        if reason:
            again[entry.label] = reason
        elif _annotations(finished[entry.label]) == opened.annotations_digest():
            reused.append(entry.label)
        else:
            changed[entry.label] = opened
    truth = {label: opened.truth for label, opened in changed.items() if opened.truth is not None}
    if truth:
        score(truth, truth, protocol)
    return Resumption(tuple(reused), tuple(changed), again)


def renew(directory: RunDirectory, entries: Sequence[Entry], found: Resumption) -> None:
    """Begin with what `resume` found: truth is renewed where only it changed, and what changes is told."""
    if found.renewed or found.again:
        directory.reopen()
    for entry in entries:
        if entry.label in found.renewed:
            told = "%s: truth or attributes are others than they were; boxes stay, scores are renewed"
            reuse_log.warning(told, entry.label)
            directory.renew_annotations(OpenedEntry(entry), directory.finished()[entry.label])
    for label, reason in found.again.items():
        reuse_log.warning("%s is tracked again: %s", label, reason)
    if found.kept or found.again:
        reuse_log.info("%d of %d sequences reused from %s", len(found.reused), len(entries), directory.path)


def _why_again(opened: OpenedEntry, marker: Mapping[str, Any], directory: RunDirectory) -> str:
    """Why a finished sequence must be tracked again; empty where its boxes are still right."""
    content = SequenceContent.from_json(marker.get("content"))
    now = made_of(opened)
    if content is None:
        return "what its frames were is not known"
    if now is None:
        return "what its frames are now cannot be told"
    if not content.frames.fits(now):
        return "its frames are others than they were"
    if content.annotations == opened.annotations_digest():
        return ""
    same = np.array_equal(opened.box, directory.first_box(opened.label))
    return "" if same else "its first box is another than it was"


def _annotations(marker: Mapping[str, Any]) -> str:
    content = SequenceContent.from_json(marker.get("content"))
    return "" if content is None else content.annotations
