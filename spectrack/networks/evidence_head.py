"""A network's grid of answers, corrected by what the target's spectrum says of the same crop: a learned fusion.

Bands never reach it: it sees the likelihood of the target, cell by cell, as the mixtures of `evidence.likelihood` give
it for any camera. What comes in and goes out has the form of every method here, so one set of weights serves all.
This project's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, NamedTuple

import torch
from torch import Tensor, nn

from spectrack.grid import GRID_SIZE, SEARCH_SIZE_PX
from spectrack.networks.siamese import decode_boxes
from spectrack.tables import Interval, require, require_ranges

_FIRST, _LAST = 6, 58
"""Cells around which the first convolution puts its 25 steps: step i has the middle of grid point i."""

_LOG_RATIO_UNIT, _LOG_ODDS_UNIT, _USUAL_LOG_DISTANCE = 6.0, 8.0, 3.5
_MOST_LOG_ODDS, _MOST_STRETCH = 8.0, 1.0
_MOST_DILATION = 12
"""Farther than that the middle of the grid sees nothing."""


@dataclass(frozen=True)
class EvidenceHeadConfig:
    """The head's shape.

    Attributes:
        map_channels: what the maps become at the points of the grid.
        channels: width of the body.
        dilations: of its convolutions, one each.
    """

    map_channels: Annotated[int, Interval("[1, 4096]")] = 16
    channels: Annotated[int, Interval("[1, 4096]")] = 32
    dilations: tuple[int, ...] = (1, 2, 4)

    def __post_init__(self) -> None:
        require_ranges(self)
        possible = bool(self.dilations) and all(1 <= one <= _MOST_DILATION for one in self.dilations)
        require(possible, "dilations", f"one or more of 1 to {_MOST_DILATION}", list(self.dilations))


class SpectralView(NamedTuple):
    """What the spectra say of N search crops.

    Attributes:
        log_ratio: (N, 64, 64) log odds of the target, about -6 to 6.
        explained: (N, 64, 64) 1 where the surroundings are the best explanation, else 0.
        facts: (N, 3) of the first frame: trust in the spectra, contrast of the target's box, log of width over height.
    """

    log_ratio: Tensor
    explained: Tensor
    facts: Tensor


class EvidenceHead(nn.Module):
    """Log odds and distances of a grid to better ones; as made, before training, it changes nothing.

    Args:
        config: the head's shape.
    """

    def __init__(self, config: EvidenceHeadConfig | None = None) -> None:
        super().__init__()
        self.config = config or EvidenceHeadConfig()
        width, maps = self.config.channels, self.config.map_channels
        self.maps = nn.Conv2d(2, maps, 4, stride=2)
        widths = [maps + 1 + 4 + 2 + 3, *(width for _ in self.config.dilations)]
        self.body = nn.ModuleList(
            nn.Conv2d(before, after, 3, padding=dilation, dilation=dilation)
            for before, after, dilation in zip(widths[:-1], widths[1:], self.config.dilations, strict=True)
        )
        self.corrections = nn.Conv2d(widths[-1], 5, 1)
        nn.init.zeros_(self.corrections.weight)
        nn.init.zeros_(self.corrections.bias)  # type: ignore[arg-type]

    def forward(self, view: SpectralView, log_odds: Tensor, distances: Tensor) -> tuple[Tensor, Tensor]:
        """Corrected log odds (N, 25, 25) of the target and distances (N, 4, 25, 25), positive.

        Args:
            view: of the same crops.
            log_odds: (N, 25, 25) the network's: log of target over background.
            distances: (N, 4, 25, 25) the network's left, top, right and bottom, in search-crop pixels.
        """
        maps = torch.stack([view.log_ratio / _LOG_RATIO_UNIT, view.explained], dim=1)
        seen = torch.relu(self.maps(maps[:, :, _FIRST:_LAST, _FIRST:_LAST]))
        bounded = log_odds.clamp(-_MOST_LOG_ODDS, _MOST_LOG_ODDS)
        grid = bounded.shape[-2:]
        values = torch.cat(
            [
                seen,
                bounded[:, None] / _LOG_ODDS_UNIT,
                distances.clamp(min=1.0).log() - _USUAL_LOG_DISTANCE,
                means_in_boxes(view.log_ratio.sigmoid(), decode_boxes(distances)),
                view.facts[:, :, None, None].expand(-1, -1, *grid),
            ],
            dim=1,
        )
        for number, layer in enumerate(self.body):
            after = torch.relu(layer(values))
            values = after if number == 0 else values + after
        corrections = self.corrections(values)
        stretch = torch.tanh(corrections[:, 1:]) * _MOST_STRETCH
        return bounded + corrections[:, 0] * _LOG_ODDS_UNIT, distances * stretch.exp()


def means_in_boxes(chance: Tensor, corners: Tensor) -> Tensor:
    """Mean of a map in every box of a grid, and in a ring of about the same area around each.

    Args:
        chance: (N, 64, 64) over search crops.
        corners: (N, 4, 25, 25) x0, y0, x1, y1 in search-crop pixels.

    Returns:
        (N, 2, 25, 25).
    """
    cells = chance.shape[-1]
    corners = corners.flatten(2) * (cells / SEARCH_SIZE_PX)
    low, high = corners[:, :2], torch.maximum(corners[:, 2:], corners[:, :2] + 1.0)
    margin = (high - low) * (0.5 * (2.0**0.5 - 1.0))
    places = torch.arange(cells, device=chance.device, dtype=chance.dtype)

    def total(first: Tensor, last: Tensor) -> Tensor:
        covered = torch.minimum(places + 1, last[..., None]) - torch.maximum(places, first[..., None])
        columns, rows = covered.clamp(min=0.0).unbind(1)
        return ((rows @ chance) * columns).sum(dim=-1)

    inside, both = total(low, high), total(low - margin, high + margin)
    means = torch.stack([inside, both - inside], dim=1) / (high - low).prod(dim=1)[:, None]
    return means.view(len(chance), 2, GRID_SIZE, GRID_SIZE)
