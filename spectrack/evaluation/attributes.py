"""Scores per attribute: the mean over the sequences that carry a label such as OCC (occlusion) or CAM (camouflage)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from spectrack.errors import InputError
from spectrack.evaluation.figures import Figures
from spectrack.evaluation.scores import Scores
from spectrack.evaluation.uncertainty import Interval, score_interval
from spectrack.signs import counted


@dataclass(frozen=True)
class AttributeScores:
    """Figures of the sequences with one attribute, averaged as the protocol does.

    Attributes:
        attribute: the label.
        sequences: how many sequences carry it; figures from a handful of sequences say little.
        figures: their mean, or pooled figures under a protocol that pools frames.
        interval: of the success score, by resampling these sequences.
    """

    attribute: str
    sequences: int
    figures: Figures
    interval: Interval


def per_attribute(
    scores: Scores, attributes: Mapping[str, Iterable[str]], *, level: float = 0.95
) -> dict[str, AttributeScores]:
    """Scores of each attribute, sorted by its name.

    Args:
        scores: scored sequences.
        attributes: sequence name to its labels; a scored sequence without an entry belongs to no attribute, and entries
            for sequences that were not scored are ignored.
        level: of the intervals.

    Returns:
        label to scores; labels that no scored sequence carries are absent.

    Raises:
        InputError: no scored sequence has any label.
    """
    members: dict[str, list[str]] = {}
    for item in scores.sequences:
        for label in dict.fromkeys(attributes.get(item.name, ())):
            members.setdefault(label, []).append(item.name)
    if not members:
        raise InputError(
            f"expected attributes for {counted(len(scores.sequences), 'sequence')}, "
            "found none; check the names, or leave them out"
        )
    found = {}
    for label in sorted(members):
        part = scores.select(members[label])
        found[label] = AttributeScores(label, len(part.sequences), part.figures, score_interval(part, level=level))
    return found
