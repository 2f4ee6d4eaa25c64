"""Atrous ResNet-50: SiamBAN's backbone, three levels at stride 8 on one pixel grid.

Source: He et al., CVPR 2016 (bottleneck residual network); Li et al., SiamRPN++, CVPR 2019, and Chen et al., SiamBAN,
CVPR 2020 (no padding in the stem, stride 8 kept by dilation 2 and 4). Two layouts of the shortcuts that open stages 3
to 5: `3x3` is SiamBAN's own and fits its checkpoints; `1x1_crop` is this project's and fits ordinary ImageNet weights.
In `1x1_crop` the shortcut into conv3 drops one pixel on each side before its 1x1 convolution of stride 2, so that it
samples the centres of the main path's unpadded 3x3 windows. In both, cell j of every level looks at pixel 8 j + 7.

Submodules carry torchvision's names for a ResNet (`conv1`, `layer2.0.downsample.0`, ...), which every checkpoint has.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from torch import Tensor, nn

from spectrack.networks.backbones.base import Backbone, BackboneConfig
from spectrack.tables import Interval, require, require_choices, require_ranges

Shortcut = Literal["3x3", "1x1_crop"]
"""Layout of the shortcut convolutions that open conv3, conv4 and conv5."""

_EXPANSION = 4
_BLOCKS = {2: 3, 3: 4, 4: 6, 5: 3}
"""Bottlenecks per stage; the paper's conv2..conv5 are `layer1`..`layer4`."""


class Bottleneck(nn.Module):
    """1x1, 3x3, 1x1 convolutions with batch normalisation around a shortcut.

    Args:
        channels_in: channels of the input.
        channels: channels of the middle convolution; four times as many come out.
        stride: of the middle convolution, 1 or 2. Stride 2 is unpadded: the map first shrinks by one cell on each side.
        dilation: of the middle convolution, whose padding keeps the size at stride 1.
        shortcut: convolution and batch normalisation of the other path, None for the identity.
        crops_shortcut: drop one cell on each side before `shortcut`.
    """

    def __init__(
        self,
        channels_in: int,
        channels: int,
        *,
        stride: int = 1,
        dilation: int = 1,
        shortcut: nn.Sequential | None = None,
        crops_shortcut: bool = False,
    ) -> None:
        super().__init__()
        padding = dilation if stride == 1 else 0
        self.conv1 = nn.Conv2d(channels_in, channels, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, stride=stride, padding=padding, dilation=dilation, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.conv3 = nn.Conv2d(channels, channels * _EXPANSION, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(channels * _EXPANSION)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = shortcut
        self.crops_shortcut = crops_shortcut

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels_in, H, W) to (N, 4 * channels, H', W'), H' = H at stride 1 and (H - 3) // 2 + 1 at stride 2."""
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        identity = x[..., 1:-1, 1:-1] if self.crops_shortcut else x
        if self.downsample is not None:
            identity = self.downsample(identity)
        # In place: at the widest maps a fresh sum costs as much as it adds.
        result: Tensor = self.relu(out.add_(identity))
        return result

    def fuse_pairs(self) -> list[tuple[str, str]]:
        """Convolutions and the batch normalisations that follow them, for `folding.fold_batch_norm`."""
        return [("conv1", "bn1"), ("conv2", "bn2"), ("conv3", "bn3")]


@dataclass(frozen=True)
class ResNet50Config(BackboneConfig):
    """The shape of an atrous ResNet-50.

    Attributes:
        shortcut: ``3x3`` (SiamBAN, 45,528,128 parameters) or ``1x1_crop`` (ordinary weights, 23,508,032 parameters).
        levels: stages to return, a rising selection of 3, 4 and 5; stages above the last are not built.
        width: channels of the stem; 64 in the paper, less for tests.

    Raises:
        ConfigError: unknown shortcut layout, level or width.
    """

    name: Literal["resnet50"] = "resnet50"
    shortcut: Shortcut = "1x1_crop"
    levels: tuple[int, ...] = (3, 4, 5)
    width: Annotated[int, Interval("[1, 1024]")] = 64

    def __post_init__(self) -> None:
        require_choices(self)
        rising = tuple(sorted(set(self.levels) & {3, 4, 5}))
        require(self.levels == rising != (), "levels", "rising levels out of 3, 4, 5", self.levels)
        require_ranges(self)

    def build(self) -> AtrousResNet50:
        """A network of this shape."""
        return AtrousResNet50(self)


class AtrousResNet50(Backbone):
    """ResNet-50 with stride 8 from conv3 on.

    Args:
        config: the backbone's shape.

    Example:
        >>> import torch
        >>> backbone = AtrousResNet50(ResNet50Config(width=4)).eval()
        >>> [tuple(level.shape) for level in backbone(torch.zeros(1, 3, 127, 127))]
        [(1, 32, 15, 15), (1, 64, 15, 15), (1, 128, 15, 15)]
    """

    stride_px, first_cell_px = 8, 7.5
    neck_channels = 256

    def __init__(self, config: ResNet50Config | None = None) -> None:
        super().__init__()
        config = config or ResNet50Config()
        width, self.used_levels = config.width, config.levels
        self.out_channels = tuple(width * 2 ** (level - 2) * _EXPANSION for level in config.levels)
        self.conv1 = nn.Conv2d(3, width, 7, stride=2, padding=0, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        channels_in = width
        for stage in range(2, max(config.levels) + 1):
            setattr(self, f"layer{stage - 1}", _stage(stage, channels_in, width * 2 ** (stage - 2), config.shortcut))
            channels_in = width * 2 ** (stage - 2) * _EXPANSION
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, images: Tensor) -> list[Tensor]:
        """Three-channel crops to the chosen levels.

        Args:
            images: (N, 3, H, W) in the range the weights expect; H = W = 127 for templates, 255 for search regions.

        Returns:
            Per level (N, 512 | 1024 | 2048, 15 or 31, same); cell j lies at pixel 8 j + 7.
        """
        maps = self.maxpool(self.relu(self.bn1(self.conv1(images))))
        out = []
        for stage in range(2, max(self.used_levels) + 1):
            maps = getattr(self, f"layer{stage - 1}")(maps)
            if stage in self.used_levels:
                out.append(maps)
        return out

    def fuse_pairs(self) -> list[tuple[str, str]]:
        """The stem's convolution and batch normalisation, for `folding.fold_batch_norm`."""
        return [("conv1", "bn1")]


def _stage(stage: int, channels_in: int, channels: int, layout: Shortcut) -> nn.Sequential:
    # conv3 halves the map; conv4 and conv5 keep it and look 2 and 4 cells wide. Their first block still sees maps made
    # with the dilation of the stage before and so uses half of its own.
    stride = 2 if stage == 3 else 1
    dilation = {2: 1, 3: 1, 4: 2, 5: 4}[stage]
    first_dilation = max(1, dilation // 2)
    channels_out = channels * _EXPANSION
    if layout == "3x3" and stage > 2:
        padding = 0 if stride == 2 else first_dilation
        convolution = nn.Conv2d(
            channels_in, channels_out, 3, stride=stride, padding=padding, dilation=first_dilation, bias=False
        )
    else:
        convolution = nn.Conv2d(channels_in, channels_out, 1, stride=stride, bias=False)
    first = Bottleneck(
        channels_in,
        channels,
        stride=stride,
        dilation=first_dilation,
        shortcut=nn.Sequential(convolution, nn.BatchNorm2d(channels_out)),
        crops_shortcut=layout == "1x1_crop" and stride == 2,
    )
    rest = [Bottleneck(channels_out, channels, dilation=dilation) for _ in range(_BLOCKS[stage] - 1)]
    return nn.Sequential(first, *rest)
