"""What a Siamese tracker is told of its weights, and where its network runs."""

from __future__ import annotations

from typing import Any, TypedDict

import torch

from spectrack.engines.engine import EngineName, Precision
from spectrack.false_colour import Encoding
from spectrack.networks.evidence_head import EvidenceHead


class TrainedSetting(TypedDict, total=False):
    """What weights were trained with, and where the network runs.

    Attributes:
        scaling: how raw counts become input; the default one where it is left out.
        rule: false-colour rule, for a method that has one; likewise.
        encoding: of false colour, for a method that has one; ``linear`` where it is left out.
        bands: band count that the weights were made for; None when any number from three on will do.
        precision: fp32 (repeats bit for bit, the default), bf16 or int8.
        engine: what computes the network's functions; torch by default.
        device: the CPU by default.
        identity: what the weights are, for run directories.
        evidence_head: the trained head for `evidence = channel`; none where that is not asked for.
    """

    scaling: str
    rule: str
    encoding: Encoding
    bands: int | None
    precision: Precision
    engine: EngineName
    device: torch.device
    identity: dict[str, Any]
    evidence_head: EvidenceHead | None
