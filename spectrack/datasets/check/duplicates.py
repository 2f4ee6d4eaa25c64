"""Sequences that are in two places: copies between splits and years, and the two cameras' views of one scene.

A tracker that trained on one of them must not be scored on the other. Nothing but first boxes, lengths, names and the
first frame's file is compared, so whole data sets take seconds.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations

from spectrack.datasets.check.findings import Finding
from spectrack.datasets.dataset import SequenceKey
from spectrack.datasets.facts import dataset_facts

_MOST_IN_A_GROUP = 20


@dataclass(frozen=True)
class SequenceFingerprint:
    """What tells whether two sequences are the same.

    Attributes:
        label: of the sequence, for the finding.
        key: see `SequenceKey`.
        part: root and split it belongs to.
        place: its folder.
        frames: its length, or None.
        first_box: x, y, w, h, or None.
        digest: of its first frame's file, or "".
    """

    label: str
    key: SequenceKey
    part: str
    place: str
    frames: int | None
    first_box: tuple[float, ...] | None
    digest: str


def find_duplicates(prints: Iterable[SequenceFingerprint]) -> Iterator[Finding]:
    """One finding a pair of sequences that are the same, or the same scene, in different splits (or twice in one)."""
    listed = list(prints)
    reported: set[frozenset[int]] = set()
    rules: tuple[
        tuple[
            Callable[[SequenceFingerprint], Hashable],
            Callable[[SequenceFingerprint, SequenceFingerprint], Finding | None],
        ],
        ...,
    ] = (
        (lambda p: (p.first_box, p.frames) if p.first_box and p.frames else None, _same_start),
        (lambda p: p.digest or None, _same_frame),
        (lambda p: (p.key.name.lower(), p.frames) if p.frames else None, _twins),
        (lambda p: p.first_box, _same_box),
    )
    for group_by, judge in rules:
        groups: dict[Hashable, list[int]] = defaultdict(list)
        for i, item in enumerate(listed):
            if (value := group_by(item)) is not None:
                groups[value].append(i)
        for members in groups.values():
            for a, b in combinations(members[:_MOST_IN_A_GROUP], 2):
                pair = frozenset((a, b))
                if pair not in reported and (finding := judge(listed[a], listed[b])) is not None:
                    reported.add(pair)
                    yield finding
    yield from _known_tests(listed)


def _same_start(a: SequenceFingerprint, b: SequenceFingerprint) -> Finding | None:
    if not _one_camera(a, b):
        return None
    return _finding(a, b, "duplicate", f"the same first box and the same {a.frames} frames")


def _same_frame(a: SequenceFingerprint, b: SequenceFingerprint) -> Finding | None:
    return _finding(a, b, "duplicate", "the same first frame")


def _same_box(a: SequenceFingerprint, b: SequenceFingerprint) -> Finding | None:
    if a.part == b.part or not _one_camera(a, b):
        return None
    return _finding(a, b, "duplicate", "the same first box and another length", certain=False)


def _twins(a: SequenceFingerprint, b: SequenceFingerprint) -> Finding | None:
    """The same name and length from two cameras, one of them RedNIR: the same scene."""
    kinds = {a.key.modality, b.key.modality}
    if a.part == b.part or kinds != {"HSI-VIS", "HSI-RedNIR"}:
        return None
    return _finding(a, b, "twin", f"the same scene seen by another camera (same name, {a.frames} frames)")


def _one_camera(a: SequenceFingerprint, b: SequenceFingerprint) -> bool:
    return a.key.modality == b.key.modality or not a.key.modality or not b.key.modality


def _finding(a: SequenceFingerprint, b: SequenceFingerprint, code: str, what: str, *, certain: bool = True) -> Finding:
    if a.part == b.part:
        text = f"expected each sequence once, found {what} as {a.place}; remove one of them, else it counts twice"
        return Finding(code, "warning", b.label, b.place, text)
    text = (
        f"expected {b.part} and {a.part} to have no sequence in common, found {what} as {a.place}; "
        "do not train on one of them and score on the other"
    )
    return Finding(code, "error" if certain else "warning", b.label, b.place, text)


def _known_tests(prints: list[SequenceFingerprint]) -> Iterator[Finding]:
    """Training sequences that the published lists know as test sequences, by name and length."""
    facts = dataset_facts("hotc2020")
    for item in prints:
        if not item.key.split.rsplit("/", 1)[-1].startswith("train") or item.frames is None:
            continue
        known = facts.find("test", item.key.modality, item.key.name)
        if known is not None and known.frames == item.frames:
            text = (
                f"expected training sequences in {item.part}, found {known.name} with {known.frames} frames, "
                "which is a test sequence of HOT2020; leave it out of training, or do not score on that test set"
            )
            yield Finding("known-test", "error", item.label, item.place, text)
