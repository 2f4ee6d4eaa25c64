"""SiamBAN and the evidence head behind it: what is trained; trackers of any method take the head alone."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from spectrack.networks.evidence_head import EvidenceHead, EvidenceHeadConfig, SpectralView
from spectrack.networks.siamese import SiameseConfig, SiameseNetwork
from spectrack.scaling import InputRange


@dataclass(frozen=True)
class EvidenceChannelConfig:
    """The shape of both parts; stored with the weights.

    Attributes:
        base: the network whose answers the head learns to correct.
        head: the head.
    """

    base: SiameseConfig = field(default_factory=SiameseConfig)
    head: EvidenceHeadConfig = field(default_factory=EvidenceHeadConfig)

    @property
    def input_range(self) -> InputRange:
        """What the backbone was trained on."""
        return self.base.input_range


class EvidenceChannelNetwork(nn.Module):
    """A Siamese network whose answers a head corrects.

    Args:
        config: the shape of both.
    """

    def __init__(self, config: EvidenceChannelConfig | None = None) -> None:
        super().__init__()
        self.config = config or EvidenceChannelConfig()
        self.base = SiameseNetwork(self.config.base)
        self.head = EvidenceHead(self.config.head)

    def forward(
        self, template: Tensor, search: Tensor, template_boxes: Tensor, view: SpectralView
    ) -> tuple[Tensor, Tensor]:
        """Corrected log odds (N, 25, 25) and distances (N, 4, 25, 25).

        Args:
            template: (N, 3, 127, 127) in about [0, 1].
            search: (N, 3, 255, 255).
            template_boxes: (N, 4) x0, y0, x1, y1 of the targets in the template crops, px.
            view: what the spectra say of the search crops; where its trust is 0 nothing is corrected.
        """
        logits, distances = self.base(template, search, template_boxes)
        log_odds, distances = (logits[:, 1] - logits[:, 0]).float(), distances.float()
        # A mean over a box in half precision would be one over fewer cells.
        with torch.autocast(log_odds.device.type, enabled=False):
            corrected, moved = self.head(view, log_odds, distances)
        trusted = (view.facts[:, 0] > 0)[:, None, None]
        return corrected.where(trusted, log_odds), moved.where(trusted[:, None], distances)
