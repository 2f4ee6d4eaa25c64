"""The compact backbone: a small residual network on the same pixel grid as the atrous ResNet-50.

It stands in for ResNet-50 where five to eight branches must run in real time on a CPU. It is this project's design, not
a paper's. Three unpadded 3x3 convolutions of stride 2 take 127 -> 63 -> 31 -> 15 and 255 -> 127 -> 63 -> 31, so cell j
of its map looks at pixel 8 j + 7, exactly as SiamBAN's ResNet-50 does; the residual blocks keep the size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from torch import Tensor, nn

from spectrack.networks.backbones.base import Backbone, BackboneConfig
from spectrack.networks.convolutions import ResidualBlock, normalised
from spectrack.tables import Interval, require_ranges


@dataclass(frozen=True)
class CompactConfig(BackboneConfig):
    """The shape of a compact backbone.

    Attributes:
        widths: channels after the first, second and third reduction; multiples of 16 fill a processor's registers.
        dilations: one residual block each at stride 8; dilation 2 widens the view without losing cells.
        middle_blocks: residual blocks at stride 4, where edges and small parts are still apart.
    """

    name: Literal["compact"] = "compact"
    widths: Annotated[tuple[int, int, int], Interval("[1, 4096]")] = (16, 32, 64)
    dilations: Annotated[tuple[int, ...], Interval("[1, 64]")] = (1, 1, 2, 2)
    middle_blocks: Annotated[int, Interval("[0, 64]")] = 0

    def __post_init__(self) -> None:
        require_ranges(self)

    def build(self) -> CompactBackbone:
        """A network of this shape."""
        return CompactBackbone(self)


class CompactBackbone(Backbone):
    """Three-channel crops to one map at stride 8.

    Args:
        config: the backbone's shape.
    """

    stride_px, first_cell_px = 8, 7.5

    def __init__(self, config: CompactConfig | None = None) -> None:
        super().__init__()
        config = config or CompactConfig()
        first, second, third = config.widths
        # Strides are unpadded: the sampling grid stays 2 j + 1, and no zeros leak into the template's border.
        self.stem = nn.Sequential(
            normalised(3, first, 3, stride=2, active=True), normalised(first, second, 3, stride=2, active=True)
        )
        self.middle = nn.Sequential(*[ResidualBlock(second) for _ in range(config.middle_blocks)])
        self.reduce = normalised(second, third, 3, stride=2, active=True)
        self.blocks = nn.Sequential(*[ResidualBlock(third, dilation) for dilation in config.dilations])
        self.out_channels, self.neck_channels = (third,), third

    def forward(self, images: Tensor) -> list[Tensor]:
        """(N, 3, 127, 127) or (N, 3, 255, 255) to a list of one (N, widths[2], 15 or 31, same) map."""
        return [self.blocks(self.reduce(self.middle(self.stem(images))))]
