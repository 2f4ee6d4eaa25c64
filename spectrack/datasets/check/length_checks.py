"""Whether the streams of a sequence are as long as each other, and as long as published."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spectrack.datasets.check.frame_checks import Report
from spectrack.datasets.dataset import DatasetEntry
from spectrack.datasets.facts import DatasetFacts


@dataclass(frozen=True)
class CheckedStream:
    """What the check of one stream showed."""

    frames: int | None
    size: tuple[int, int] | None
    visibility: NDArray[np.float64] | None
    digest: str


def check_lengths(
    entry: DatasetEntry,
    facts: DatasetFacts,
    checked: dict[str, CheckedStream],
    places: dict[str, Path],
    report: Report,
) -> None:
    """Compare the lengths of a sequence's streams, and that of the cubes with the published lists.

    Args:
        entry: the sequence.
        facts: of its data set.
        checked: its streams by name.
        places: their folders.
        report: takes what is found.
    """
    cubes = checked.get("HSI")
    if cubes is None or cubes.frames is None:
        return
    pictures, colour = checked.get("HSI-FalseColor"), checked.get("RGB")
    if pictures is not None and pictures.frames not in (None, cubes.frames):
        report(
            "stream-length",
            "error",
            places["HSI-FalseColor"],
            f"expected a picture for each of the {cubes.frames} frames of the cubes in {places['HSI-FalseColor']}, "
            f"found {pictures.frames}; copy what is missing",
        )
    if colour is not None and colour.frames not in (None, cubes.frames):
        known = [defect.text for defect in facts.defects if entry.key.name in defect.sequences and "RGB" in defect.text]
        report(
            "stream-length",
            "warning",
            places["RGB"],
            f"expected the {cubes.frames} frames of the cubes in {places['RGB']}, found {colour.frames}; "
            + (
                f"known: {known[0]}"
                if known
                else "the streams are no frame-exact pairs, so do not use one's boxes for the other"
            ),
        )
    published = facts.find(entry.key.split, entry.key.modality, entry.key.name)
    if published is not None and published.frames not in (None, cubes.frames):
        report(
            "other-version",
            "note",
            places["HSI"],
            f"expected {published.frames} frames of {published.name} as in the published lists, found {cubes.frames}; "
            "results on another version cannot be compared",
        )
