"""CFRM, the contextual feature refinement module: one context vector for all, spread where the channels call for it.

Source: BCR-Net (Remote Sensing 17(22), 2025, 3689) section 3.3, eq. (11). Stated by the paper: query and key compressed
into one correlation score, a 1x1 convolution that propagates context, channel semantics by average and maximum pooling,
their Hadamard product. Restored from SCAM (Zhang et al., FFCA-YOLO, IEEE TGRS 2024), whose formula has the same parts:
the residual, the softmaxes, batch normalisation. This project's: no activation after 1x1 convolutions, identity start.

    y_j = x_j + m(sum_n softmax_n(Wqk x)_n Wv x_n) * sigmoid(Ws [q_avg . Wv x_j; q_max . Wv x_j]),
    q = softmax_c(pool(x))
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn


class ContextualRefinement(nn.Module):
    """One level's CFRM.

    Args:
        channels: of the map.

    Example:
        >>> module = ContextualRefinement(8)
        >>> maps = torch.rand(2, 8, 7, 7)
        >>> bool((module(maps) == maps).all())
        True
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.key = nn.Sequential(nn.Conv2d(channels, 1, 1, bias=False), nn.BatchNorm2d(1))
        self.value = nn.Sequential(nn.Conv2d(channels, channels, 1, bias=False), nn.BatchNorm2d(channels))
        self.place = nn.Sequential(nn.Conv2d(2, 1, 1, bias=False), nn.BatchNorm2d(1))
        self.context = nn.Conv2d(channels, channels, 1, bias=False)
        # The identity at the start: weights of a trained head fit at once.
        nn.init.zeros_(self.context.weight)

    def forward(self, maps: Tensor) -> Tensor:
        """(N, channels, H, W) in and out; any size."""
        height, width = maps.shape[-2:]
        keys = self.key(maps).flatten(2).softmax(dim=2)
        values = self.value(maps)
        flat = values.flatten(2)
        context = self.context((flat @ keys.transpose(1, 2)).unsqueeze(3))
        queries = torch.stack([maps.mean(dim=(2, 3)), maps.amax(dim=(2, 3))], dim=1).softmax(dim=2)
        # Both channel cues at every pixel at once: (N, 2, channels) @ (N, channels, pixels).
        cues = (queries @ flat).reshape(-1, 2, height, width)
        # One pass in the layout of the maps: the product alone would lie plane by plane, and take five times as long.
        return torch.addcmul(maps, context, torch.sigmoid(self.place(cues)))


class ContextualRefinements(nn.Module):
    """A CFRM per level, shared by template, search region and all branches.

    Args:
        channels: of each level's map.
    """

    def __init__(self, channels: Sequence[int]) -> None:
        super().__init__()
        self.levels = nn.ModuleList(ContextualRefinement(width) for width in channels)

    def forward(self, levels: Sequence[Tensor]) -> list[Tensor]:
        """Refine every level."""
        return [cast(Tensor, module(level)) for module, level in zip(self.levels, levels, strict=True)]
