"""EfficientNet-Lite: a small backbone that ordinary photographs have taught, on the pixel grid of the others.

Source: Tan and Le, EfficientNet, ICML 2019, in the Lite form of its authors (2020): inverted bottlenecks without
squeeze-and-excitation, ReLU6, widths and depths scaled for 0, 1 and 2. Ours is the grid. Convolutions of stride 2 are
padded by (kernel - 3) / 2 only, which samples what the published network samples inside a picture of even sides, so
that 127 -> 63 -> 31 -> 15 and 255 -> 127 -> 63 -> 31 and cell j looks at pixel 8 j + 7; further strides become
dilation, as in the atrous ResNet-50. Levels are stages of the published table, joined along the channels into one map.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from spectrack.networks.backbones.base import Backbone, BackboneConfig
from spectrack.scaling import InputRange
from spectrack.tables import require

Variant = Literal[0, 1, 2]

_BATCH_NORM_EPSILON = 1e-3
_STEM_CHANNELS, _HEAD_CHANNELS, _CLASSES = 32, 1280, 1000
_SCALES: dict[int, tuple[float, float]] = {0: (1.0, 1.0), 1: (1.0, 1.1), 2: (1.1, 1.2)}
"""By variant: factors on widths and on depths."""


class _Stage(NamedTuple):
    kernel: int
    stride: int
    expansion: int
    channels: int
    repeats: int


_TABLE = (
    _Stage(3, 1, 1, 16, 1),
    _Stage(3, 2, 6, 24, 2),
    _Stage(5, 2, 6, 40, 2),
    _Stage(3, 2, 6, 80, 3),
    _Stage(5, 1, 6, 112, 3),
    _Stage(5, 2, 6, 192, 4),
    _Stage(3, 1, 6, 320, 1),
)
"""EfficientNet-B0's stages (Tan and Le, table 1), counted from 1 in `EfficientNetLiteConfig.levels`."""


@dataclass(frozen=True)
class EfficientNetLiteConfig(BackboneConfig):
    """The shape of an EfficientNet-Lite.

    Attributes:
        variant: 0, 1 or 2: the published scale of widths and depths.
        levels: stages whose maps are used, rising, from 3 (the first at stride 8) to 7.
    """

    name: Literal["efficientnet_lite"] = "efficientnet_lite"
    input_range: InputRange = "imagenet"
    variant: Variant = 0
    levels: tuple[int, ...] = (3, 4, 5)

    def __post_init__(self) -> None:
        require(self.variant in _SCALES, "variant", "0, 1 or 2", self.variant)
        rising = tuple(sorted(set(self.levels) & {3, 4, 5, 6, 7}))
        require(self.levels == rising != (), "levels", "rising levels out of 3 to 7", self.levels)

    def build(self) -> EfficientNetLite:
        """A network of this shape."""
        return EfficientNetLite(self)


class InvertedBottleneck(nn.Module):
    """Expansion, depthwise convolution, projection; the input is added where the shape stays.

    Args:
        channels_in: width of the input.
        channels: width of the output.
        stage: kernel and expansion.
        stride: of the depthwise convolution.
        dilation: of the depthwise convolution.
    """

    def __init__(self, channels_in: int, channels: int, stage: _Stage, stride: int, dilation: int) -> None:
        super().__init__()
        inner = channels_in * stage.expansion
        expand = [*_convolution(channels_in, inner, 1), nn.ReLU6(inplace=True)] if stage.expansion > 1 else []
        depthwise = _convolution(inner, inner, stage.kernel, stride=stride, dilation=dilation, groups=inner)
        self.body = nn.Sequential(*expand, *depthwise, nn.ReLU6(inplace=True), *_convolution(inner, channels, 1))
        self.keeps_shape = stride == 1 and channels_in == channels

    def forward(self, maps: Tensor) -> Tensor:
        """(N, channels_in, H, W) to (N, channels, H, W), half the sides at stride 2."""
        out: Tensor = self.body(maps)
        return maps + out if self.keeps_shape else out


class EfficientNetLite(Backbone):
    """Three-channel crops to one map at stride 8.

    Args:
        config: the backbone's shape.

    Example:
        >>> backbone = EfficientNetLite(EfficientNetLiteConfig(levels=(3, 4))).eval()
        >>> [tuple(level.shape) for level in backbone(torch.zeros(1, 3, 127, 127))]
        [(1, 120, 15, 15)]
    """

    stride_px, first_cell_px = 8, 7.5
    neck_channels = 96

    def __init__(self, config: EfficientNetLiteConfig | None = None) -> None:
        super().__init__()
        config = config or EfficientNetLiteConfig()
        self.stem = _stem()
        self.stages = nn.ModuleList(_stages(config.variant, max(config.levels), largest_stride=self.stride_px))
        self.used_levels = config.levels
        self.out_channels = (sum(_channels(_TABLE[level - 1], config.variant) for level in config.levels),)

    def forward(self, images: Tensor) -> list[Tensor]:
        """(N, 3, 127 or 255, same) to a list of one (N, out_channels[0], 15 or 31, same) map."""
        maps, kept = self.stem(images), []
        for level, stage in enumerate(self.stages, start=1):
            maps = stage(maps)
            if level in self.used_levels:
                kept.append(maps)
        return [torch.cat(kept, dim=1)]


class EfficientNetLiteClassifier(nn.Module):
    """The published classifier, to check that weights were read rightly: a picture must get its right name.

    Args:
        variant: 0, 1 or 2.
    """

    def __init__(self, variant: Variant = 0) -> None:
        super().__init__()
        self.stem = _stem()
        self.stages = nn.ModuleList(_stages(variant, len(_TABLE), largest_stride=32))
        last = _channels(_TABLE[-1], variant)
        self.head = nn.Sequential(*_convolution(last, _HEAD_CHANNELS, 1), nn.ReLU6(inplace=True))
        self.classifier = nn.Linear(_HEAD_CHANNELS, _CLASSES)

    def forward(self, images: Tensor) -> Tensor:
        """(N, 3, 255, 255), less ImageNet's mean and divided by its deviation, to (N, 1000) logits."""
        maps = self.stem(images)
        for stage in self.stages:
            maps = stage(maps)
        logits: Tensor = self.classifier(self.head(maps).mean(dim=(2, 3)))
        return logits


def rename_published(name: str, variant: Variant = 0) -> str:
    """A name of the published PyTorch weights in this project's words; one that they do not have stays as it is.

    Example:
        >>> rename_published("_blocks.1._depthwise_conv.weight")
        'stages.1.0.body.3.weight'
        >>> rename_published("_bn1.bias"), rename_published("_fc.weight")
        ('head.1.bias', 'classifier.weight')
    """
    outer = {"_conv_stem": "stem.0", "_bn0": "stem.1", "_conv_head": "head.0", "_bn1": "head.1", "_fc": "classifier"}
    first, _, rest = name.partition(".")
    if first != "_blocks":
        return f"{outer.get(first, first)}.{rest}"
    places = {"_expand_conv": 0, "_bn0": 1, "_depthwise_conv": 3, "_bn1": 4, "_project_conv": 6, "_bn2": 7}
    known = dict(enumerate(_blocks(variant, len(_TABLE))))
    number, _, rest = rest.partition(".")
    part, _, field = rest.partition(".")
    if not number.isdecimal() or int(number) not in known or part not in places:
        return name
    stage, block = known[int(number)]
    skipped = 0 if _TABLE[stage].expansion > 1 else 3
    return f"stages.{stage}.{block}.body.{places[part] - skipped}.{field}"


def _stem() -> nn.Sequential:
    return nn.Sequential(*_convolution(3, _STEM_CHANNELS, 3, stride=2), nn.ReLU6(inplace=True))


def _stages(variant: int, count: int, *, largest_stride: int) -> Iterator[nn.Sequential]:
    """The first stages; where a stride would exceed the largest, it becomes dilation of all that follows."""
    channels_in, stride, dilation = _STEM_CHANNELS, 2, 1
    for stage in _TABLE[:count]:
        channels, blocks = _channels(stage, variant), []
        for number in range(_repeats(stage, variant)):
            wanted, seen = (stage.stride if number == 0 else 1), dilation
            if stride * wanted > largest_stride:
                # This convolution still sees neighbours as they were; the next ones see every second.
                wanted, dilation = 1, dilation * wanted
            stride *= wanted
            blocks.append(InvertedBottleneck(channels_in, channels, stage, wanted, seen))
            channels_in = channels
        yield nn.Sequential(*blocks)


def _blocks(variant: int, count: int) -> Iterator[tuple[int, int]]:
    """Stage and place in it of every block, in order."""
    for number, stage in enumerate(_TABLE[:count]):
        yield from ((number, place) for place in range(_repeats(stage, variant)))


def _channels(stage: _Stage, variant: int) -> int:
    """Width of a stage, a multiple of eight and at least nine tenths of the scaled one."""
    wanted = stage.channels * _SCALES[variant][0]
    rounded = max(8, int(wanted + 4) // 8 * 8)
    return rounded if rounded >= 0.9 * wanted else rounded + 8


def _repeats(stage: _Stage, variant: int) -> int:
    """Blocks of a stage; the Lite form scales neither the first nor the last."""
    return stage.repeats if stage in (_TABLE[0], _TABLE[-1]) else math.ceil(stage.repeats * _SCALES[variant][1])


def _convolution(
    channels_in: int, channels: int, kernel: int, *, stride: int = 1, dilation: int = 1, groups: int = 1
) -> tuple[nn.Conv2d, nn.BatchNorm2d]:
    padding = (kernel - 3) // 2 if stride == 2 else dilation * (kernel - 1) // 2
    convolution = nn.Conv2d(channels_in, channels, kernel, stride, padding, dilation, groups, bias=False)
    return convolution, nn.BatchNorm2d(channels, eps=_BATCH_NORM_EPSILON)
