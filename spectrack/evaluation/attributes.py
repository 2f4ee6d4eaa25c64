"""Scores per attribute: the mean over the sequences that carry a label such as OCC (occlusion) or CAM (camouflage)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from spectrack.errors import InputError
from spectrack.evaluation.scores import Figures, Scores


@dataclass(frozen=True)
class AttributeScores:
    """Figures of the sequences with one attribute, averaged as the protocol does.

    Attributes:
        attribute: the label.
        sequences: how many sequences carry it; figures from a handful of sequences say little.
        figures: their mean, or pooled figures under a protocol that pools frames.
    """

    attribute: str
    sequences: int
    figures: Figures


def per_attribute(scores: Scores, attributes: Mapping[str, Iterable[str]]) -> dict[str, AttributeScores]:
    """Scores of each attribute, sorted by its name.

    Args:
        scores: scored sequences.
        attributes: sequence name to its labels; a scored sequence without an entry belongs to no attribute, and entries
            for sequences that were not scored are ignored.

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
            f"expected attributes for the {len(scores.sequences)} scored sequences, found none for any of them; "
            "check that the names agree, or leave attributes out"
        )
    return {
        label: AttributeScores(label, len(members[label]), scores.select(members[label]).figures)
        for label in sorted(members)
    }
