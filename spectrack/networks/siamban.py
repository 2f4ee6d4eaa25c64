"""SiamBAN: backbone, neck and box-adaptive head, assembled; the base of both papers' trackers.

Source: Chen, Zhong, Li, Zhang, Ji, "Siamese Box Adaptive Network for Visual Tracking", CVPR 2020. Profile `full`
follows it (atrous ResNet-50, three levels, 256 channels); profile `compact` shares every class but the backbone and is
this project's own. Both give 15x15 and 31x31 maps at stride 8 and a 25x25 grid of scores and distances.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from spectrack.errors import ConfigError
from spectrack.grid import grid_points_px
from spectrack.networks.asymmetric_head import AsymmetricHead
from spectrack.networks.backbones.compact import CompactBackbone
from spectrack.networks.correlation_head import CorrelationHead
from spectrack.networks.neck import Neck

_INPUT_RANGES = {
    "unit": ((0.4, 0.4, 0.4), (0.25, 0.25, 0.25)),
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "0-255": ((0.0, 0.0, 0.0), (1 / 255, 1 / 255, 1 / 255)),
}


@dataclass(frozen=True)
class SiamBANConfig:
    """The shape of a SiamBAN network; stored with the weights.

    Attributes:
        profile: ``full`` (ResNet-50, as published) or ``compact``.
        shortcut: ResNet-50's layout, ``3x3`` (SiamBAN's own) or ``1x1_crop`` (fits ordinary ImageNet weights).
        levels: stages of ResNet-50 whose features are used, a rising selection of 3, 4 and 5; the compact backbone has
            but one.
        channels: width of neck and head; 0 takes the profile's (256, or the compact backbone's).
        compact_widths: channels of the compact backbone after each halving.
        compact_dilations: one residual block each, at stride 8.
        compact_middle_blocks: residual blocks at stride 4.
        template_box: tell the head where the target's box lies in the template (ours, see `box_coordinates`).
        prediction_kernel: side of the head's convolution after the correlation; 1 as published, 3 looks at the
            neighbours too.
        input_range: what the first convolution was trained on: ``unit`` (0.4 removed, divided by 0.25), ``imagenet``
            (ImageNet's mean and deviation per channel) or ``0-255`` (grey levels, as pysot and SiamBAN feed them).
    """

    profile: Literal["full", "compact"] = "compact"
    shortcut: Literal["3x3", "1x1_crop"] = "1x1_crop"
    levels: tuple[int, ...] = (3, 4, 5)
    channels: int = 0
    compact_widths: tuple[int, int, int] = (16, 32, 64)
    compact_dilations: tuple[int, ...] = (1, 1, 2, 2)
    compact_middle_blocks: int = 0
    template_box: bool = False
    prediction_kernel: int = 1
    input_range: Literal["unit", "imagenet", "0-255"] = "unit"

    def to_json(self) -> dict[str, Any]:
        """Plain values for the metadata of a weights file."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> SiamBANConfig:
        """The inverse of `to_json`."""
        arguments: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in values.items()
        }
        return cls(**arguments)


class SiamBAN(nn.Module):
    """Template and search crops to a grid of target scores and box distances.

    Args:
        config: the network's shape.
    """

    def __init__(self, config: SiamBANConfig | None = None) -> None:
        super().__init__()
        self.config = config or SiamBANConfig()
        self.backbone = _build_backbone(self.config)
        widths = self.backbone.out_channels
        channels = self.config.channels or (256 if self.config.profile == "full" else widths[-1])
        self.neck = Neck(widths, channels)
        self.head: CorrelationHead | AsymmetricHead = CorrelationHead(
            channels,
            len(widths),
            template_box=self.config.template_box,
            prediction_kernel=self.config.prediction_kernel,
        )
        mean, deviation = _INPUT_RANGES[self.config.input_range]
        self._grey_range = (mean[0], deviation[0]) if len(set(mean)) == len(set(deviation)) == 1 else None
        self.register_buffer("input_mean", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("input_deviation", torch.tensor(deviation).view(1, 3, 1, 1), persistent=False)

    def normalise(self, images: Tensor) -> Tensor:
        """Images in [0, 1] to the range the backbone was trained on; shape kept, in the number type of the weights.

        Give float32 images to a bfloat16 network too: subtracting first and rounding afterwards keeps dark images
        apart.
        """
        if self._grey_range is not None:
            # Plain numbers, the same values: broadcasting over three channels that lie innermost in memory is ten times
            # slower.
            mean, deviation = self._grey_range
            scaled = torch.sub(images, mean).div_(deviation)
        else:
            scaled = (images - self.get_buffer("input_mean")) / self.get_buffer("input_deviation")
        return scaled.to(self.head.classification_weights.dtype)

    def extract(self, images: Tensor) -> list[Tensor]:
        """Backbone and neck: (N, 3, 127 or 255, same) in [0, 1] to one (N, channels, 15 or 31, same) map a level."""
        levels: list[Tensor] = self.neck(self.backbone(self.normalise(images)))
        return levels

    def template(self, images: Tensor) -> list[Tensor]:
        """(N, 3, 127, 127) in [0, 1] to the central (N, channels, 7, 7) of each level."""
        return self.neck.crop_template(self.extract(images))

    def forward(
        self, template_images: Tensor, search_images: Tensor, template_boxes: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """One pass over pairs, as training needs it.

        Args:
            template_images: (N, 3, 127, 127) in [0, 1].
            search_images: (N, 3, 255, 255) in [0, 1].
            template_boxes: (N, 4), see `kernels`.

        Returns:
            Logits (N, 2, 25, 25), background first, and distances (N, 4, 25, 25) to the left, top, right and bottom
            edge of the box in search-crop pixels, positive.
        """
        return self.match(self.kernels(template_images, template_boxes), search_images)

    def kernels(self, template_images: Tensor, template_boxes: Tensor | None = None) -> Any:
        """The template's side of the head, computed once a target; feed it to `match`.

        Args:
            template_images: (N, 3, 127, 127) in [0, 1].
            template_boxes: (N, 4) x0, y0, x1, y1 of the targets in these crops, px; used where the configuration says
                `template_box`.
        """
        return self.head.template_kernels(self.template(template_images), template_boxes)

    def match(self, kernels: Any, search_images: Tensor) -> tuple[Tensor, Tensor]:
        """Kernels of N (or one) templates against (N, 3, 255, 255) search crops; returns as `forward`."""
        out: tuple[Tensor, Tensor] = self.head(kernels, self.extract(search_images))
        return out


def keep_levels(state: Mapping[str, Tensor], have: Sequence[int], wanted: Sequence[int]) -> dict[str, Tensor]:
    """The tensors of a SiamBAN on ResNet-50 that one with fewer levels has, under the names that they have there.

    Args:
        state: of the network with more levels.
        have: its levels, rising.
        wanted: some of them, rising.

    Raises:
        ConfigError: a level that the network does not have.
    """
    if not set(wanted) <= set(have):
        raise ConfigError(
            f"expected levels out of {list(have)}, which the weights have, found {list(wanted)}; name others"
        )
    places = [list(have).index(level) for level in wanted]
    unused = tuple(f"backbone.layer{level - 1}." for level in have if level > max(wanted))
    kept: dict[str, Tensor] = {}
    for name, tensor in state.items():
        group = next(
            (group for group in ("neck.levels.", "head.classification.", "head.regression.") if name.startswith(group)),
            None,
        )
        if group is not None:
            number, _, rest = name.removeprefix(group).partition(".")
            if int(number) in places:
                kept[f"{group}{places.index(int(number))}.{rest}"] = tensor
        elif name in ("head.classification_weights", "head.regression_weights", "head.regression_scales"):
            kept[name] = tensor[places]
        elif not name.startswith(unused):
            kept[name] = tensor
    return kept


def decode_boxes(distances: Tensor) -> Tensor:
    """Distances at every grid point to boxes.

    Args:
        distances: (N, 4, 25, 25), left, top, right, bottom in search-crop pixels (bcr-net paper, eq 14; SiamBAN eq 3).

    Returns:
        (N, 4, 25, 25) as x0, y0, x1, y1 in search-crop pixels.
    """
    points = torch.from_numpy(grid_points_px()).to(distances)
    x, y = points[None, None, :], points[None, :, None]
    left, top, right, bottom = distances.unbind(1)
    return torch.stack([x - left, y - top, x + right, y + bottom], dim=1)


def _build_backbone(config: SiamBANConfig) -> Any:
    if config.profile == "compact":
        return CompactBackbone(config.compact_widths, config.compact_dilations, config.compact_middle_blocks)
    if config.profile == "full":
        from spectrack.networks.backbones.resnet50 import AtrousResNet50

        return AtrousResNet50(shortcut=config.shortcut, levels=config.levels)
    raise ConfigError(f"expected profile 'full' or 'compact', found {config.profile!r}; choose one of the two")
