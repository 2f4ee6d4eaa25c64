"""Convolutions with what usually follows them: batch normalisation, activation, a shortcut."""

from __future__ import annotations

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
