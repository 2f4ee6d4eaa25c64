"""Neck: brings every backbone level to one width and cuts the template to its central 7x7 cells.

Source: Chen et al., Siamese Box Adaptive Network for Visual Tracking, CVPR 2020, whose adjust layer comes from
SiamRPN++ (Li et al., CVPR 2019): per level a 1x1 convolution without bias and batch normalisation, no activation.
Nothing differs from the papers; the number of levels is free (three in `full`, one in `compact`).
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from spectrack.errors import ConfigError, InputError
from spectrack.grid import TEMPLATE_CELLS, TEMPLATE_SIZE_PX


class Neck(nn.Module):
    """One 1x1 convolution and batch normalisation per level.

    Args:
        in_channels: channels of each backbone level, shallow first; one entry or several.
        channels: channels of every level afterwards (256 in `full`).

    Raises:
        ConfigError: no level, or a channel count that is not positive.

    Example:
        >>> import torch
        >>> neck = Neck([8, 16], 4)
        >>> levels = neck([torch.zeros(1, 8, 15, 15), torch.zeros(1, 16, 15, 15)])
        >>> [tuple(level.shape) for level in neck.crop_template(levels)]
        [(1, 4, 7, 7), (1, 4, 7, 7)]
    """

    def __init__(self, in_channels: Sequence[int], channels: int) -> None:
        super().__init__()
        if not in_channels or min(*in_channels, channels) < 1:
            raise ConfigError(
                f"expected positive channels for the neck, found {list(in_channels)} -> {channels}; name each width"
            )
        self.in_channels = tuple(in_channels)
        self.channels = channels
        self.levels = nn.ModuleList(
            nn.Sequential(nn.Conv2d(width, channels, kernel_size=1, bias=False), nn.BatchNorm2d(channels))
            for width in in_channels
        )

    def forward(self, levels: Sequence[Tensor]) -> list[Tensor]:
        """Bring all levels to the same width.

        Args:
            levels: per level (N, in_channels[k], H, W); 15x15 for templates, 31x31 for search regions.

        Returns:
            Per level (N, channels, H, W).

        Raises:
            InputError: another number of levels than the neck was built for.
        """
        if len(levels) != len(self.levels):
            raise InputError(
                f"expected {len(self.levels)} backbone levels, found {len(levels)}; build neck and backbone alike"
            )
        return [adjust(level) for adjust, level in zip(self.levels, levels, strict=True)]

    def crop_template(self, levels: Sequence[Tensor]) -> list[Tensor]:
        """Keep the central cells of a template's maps: rows and columns 4..10 of 15.

        Args:
            levels: per level (N, channels, H, W), H and W odd and at least 7.

        Returns:
            Per level (N, channels, 7, 7), views.

        Raises:
            InputError: a map that is too small or has no central cell.
        """
        return [_central(level) for level in levels]


def _central(level: Tensor) -> Tensor:
    height, width = level.shape[-2:]
    if min(height, width) < TEMPLATE_CELLS or height % 2 == 0 or width % 2 == 0:
        raise InputError(
            f"expected template maps with odd sides of at least {TEMPLATE_CELLS} cells, found {height} x {width}; "
            f"give a template crop of {TEMPLATE_SIZE_PX} x {TEMPLATE_SIZE_PX}"
        )
    top, left = (height - TEMPLATE_CELLS) // 2, (width - TEMPLATE_CELLS) // 2
    return level[..., top : top + TEMPLATE_CELLS, left : left + TEMPLATE_CELLS]
