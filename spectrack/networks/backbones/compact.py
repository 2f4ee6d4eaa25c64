"""The compact backbone: a small residual network on the same pixel grid as the atrous ResNet-50.

It stands in for ResNet-50 where five to eight branches must run in real time on a CPU. It is this project's design, not
a paper's. Three unpadded 3x3 convolutions of stride 2 take 127 -> 63 -> 31 -> 15 and 255 -> 127 -> 63 -> 31, so cell j
of its map looks at pixel 8 j + 7, exactly as SiamBAN's ResNet-50 does; the residual blocks keep the size.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn


def normalised(
    channels_in: int,
    channels_out: int,
    kernel: int | tuple[int, int],
    *,
    stride: int = 1,
    padding: int | tuple[int, int] = 0,
    active: bool = False,
) -> nn.Sequential:
    """A convolution without bias and batch normalisation, and ReLU where it is to be `active`."""
    convolution = nn.Conv2d(channels_in, channels_out, kernel, stride=stride, padding=padding, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(channels_out), *([nn.ReLU(inplace=True)] if active else []))


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions with batch normalisation and an identity shortcut (He et al., CVPR 2016).

    Args:
        channels: width in and out.
        dilation: of both convolutions; the size is kept.
    """

    def __init__(self, channels: int, dilation: int = 1) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=dilation, dilation=dilation, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, 3, padding=dilation, dilation=dilation, bias=False),
            nn.BatchNorm2d(channels),
        )
        self.activation = nn.ReLU(inplace=True)

    def forward(self, images: Tensor) -> Tensor:
        """(N, channels, H, W) in and out."""
        out: Tensor = self.activation(self.body(images).add_(images))
        return out


class CompactBackbone(nn.Module):
    """Three-channel crops to one map at stride 8.

    Args:
        widths: channels after the first, second and third reduction; multiples of 16 fill the processor's vector
            registers.
        dilations: one residual block each at stride 8; dilation 2 widens the view without losing cells.
        middle_blocks: residual blocks at stride 4, where edges and small parts are still apart.
    """

    def __init__(
        self, widths: Sequence[int] = (16, 32, 64), dilations: Sequence[int] = (1, 1, 2, 2), middle_blocks: int = 0
    ) -> None:
        super().__init__()
        first, second, third = widths
        # Strides are unpadded: the sampling grid stays 2 j + 1, and no zeros leak into the template's border.
        self.stem = nn.Sequential(
            normalised(3, first, 3, stride=2, active=True), normalised(first, second, 3, stride=2, active=True)
        )
        self.middle = nn.Sequential(*[ResidualBlock(second) for _ in range(middle_blocks)])
        self.reduce = normalised(second, third, 3, stride=2, active=True)
        self.blocks = nn.Sequential(*[ResidualBlock(third, dilation) for dilation in dilations])
        self.out_channels: tuple[int, ...] = (third,)

    def forward(self, images: Tensor) -> list[Tensor]:
        """(N, 3, 127, 127) or (N, 3, 255, 255) to a list of one (N, widths[2], 15 or 31, same) map."""
        return [self.blocks(self.reduce(self.middle(self.stem(images))))]
