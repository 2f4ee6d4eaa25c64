"""The Siamese network that all methods here share: backbone, neck and box-adaptive head; alone, it is SiamBAN.

Source: Chen, Zhong, Li, Zhang, Ji, "Siamese Box Adaptive Network for Visual Tracking", CVPR 2020. With the atrous
ResNet-50, three levels and 256 channels it is the paper's; other backbones are this project's. All give maps of 15x15
and 31x31 cells and a 25x25 grid of scores and distances.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

from spectrack.errors import ConfigError
from spectrack.false_colour import DISPLAY_GAMMA, Encoding
from spectrack.grid import FIRST_CELL_PX, STRIDE_PX, grid_points_px
from spectrack.networks.asymmetric_head import AsymmetricHead
from spectrack.networks.backbones import backbone_options
from spectrack.networks.backbones.base import BackboneConfig
from spectrack.networks.backbones.compact import CompactConfig
from spectrack.networks.correlation_head import CorrelationHead
from spectrack.networks.neck import Neck
from spectrack.scaling import INPUT_RANGES, InputRange
from spectrack.tables import Interval, require, require_choices, require_ranges

Head = Literal["ban", "acm"]
"""SiamBAN's depth-wise correlation, or the asymmetric convolution of SiamBAN-ACM."""

_OLDER_KEYS = {
    "compact": {"compact_widths": "widths", "compact_dilations": "dilations", "compact_middle_blocks": "middle_blocks"},
    "resnet50": {"shortcut": "shortcut", "levels": "levels"},
}
"""By backbone: what the network's table held itself before backbones had tables of their own."""


@dataclass(frozen=True)
class SiameseConfig:
    """The shape of the network; stored with the weights.

    Attributes:
        backbone: which one, and its shape.
        channels: width of neck and head; 0 takes what the backbone asks for.
        head: how template and search region are compared.
        template_box: tell the head `ban` where the target's box lies in the template (ours, see `box_coordinates`);
            `acm` always knows its two sides.
        prediction_kernel: side of the convolution after the correlation of the head `ban`; 1 as published, 3 sees
            neighbours.
    """

    backbone: BackboneConfig = field(default_factory=CompactConfig)
    channels: Annotated[int, Interval("[0, 4096]")] = 0
    head: Head = "ban"
    template_box: bool = False
    prediction_kernel: Annotated[int, Interval("[1, 15]")] = 1

    def __post_init__(self) -> None:
        require_choices(self)
        require_ranges(self)
        require(self.prediction_kernel % 2 == 1, "prediction_kernel", "an odd number", self.prediction_kernel)

    @property
    def input_range(self) -> InputRange:
        """What the backbone was trained on."""
        return self.backbone.input_range

    def build_head(self, channels: int, levels: int) -> CorrelationHead | AsymmetricHead:
        """The head over so many levels of so many channels."""
        if self.head == "acm":
            return AsymmetricHead(channels, levels)
        return CorrelationHead(
            channels, levels, template_box=self.template_box, prediction_kernel=self.prediction_kernel
        )

    @classmethod
    def field_types(cls, values: Mapping[str, Any]) -> Mapping[str, type[Any]]:
        """The backbone's own options, for a table with these values."""
        return {"backbone": backbone_options(values.get("backbone"))}

    @classmethod
    def from_older(cls, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """The same table as it is written now: a profile once was a backbone, whose options stood beside it."""
        older = {"profile", "input_range"}.union(*_OLDER_KEYS.values())
        given = values.get("backbone", {})
        if not older & values.keys() or not isinstance(given, Mapping):
            return values
        profile = str(values.get("profile", "compact"))
        backbone = {"name": {"full": "resnet50"}.get(profile, profile), **given}
        keys = _OLDER_KEYS.get(backbone["name"], {}) | {"input_range": "input_range"}
        backbone |= {new: values[old] for old, new in keys.items() if old in values}
        return {key: value for key, value in values.items() if key not in older} | {"backbone": backbone}


class SearchResponse(NamedTuple):
    """What a network says of N search crops.

    Attributes:
        logits: (N, 2, 25, 25), background first.
        distances: (N, 4, 25, 25), see `SiameseNetwork.forward`.
        levels: the maps (N, channels, 31, 31) that both were made of.
    """

    logits: Tensor
    distances: Tensor
    levels: tuple[Tensor, ...]


class SiameseNetwork(nn.Module):
    """Template and search crops to a grid of target scores and box distances.

    Args:
        config: the network's shape.
    """

    def __init__(self, config: SiameseConfig | None = None) -> None:
        super().__init__()
        self.config = config or SiameseConfig()
        self.backbone = self.config.backbone.build()
        first, stride = self.backbone.first_cell_px, self.backbone.stride_px
        if (stride, first) != (STRIDE_PX, FIRST_CELL_PX):
            raise ConfigError(
                f"expected a backbone with cells at {FIRST_CELL_PX:g} + {STRIDE_PX} j px, "
                f"found {first:g} + {stride} j in {self.config.backbone.name}; crop or pad its maps"
            )
        widths = self.backbone.out_channels
        channels = self.config.channels or self.backbone.neck_channels
        self.neck = Neck(widths, channels)
        self.head = self.config.build_head(channels, len(widths))
        mean, deviation = INPUT_RANGES[self.config.input_range]
        self._grey_range = (mean[0], deviation[0]) if len(set(mean)) == len(set(deviation)) == 1 else None
        self.register_buffer("input_mean", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("input_deviation", torch.tensor(deviation).view(1, 3, 1, 1), persistent=False)

    def normalise(self, images: Tensor) -> Tensor:
        """Images in [0, 1] to the range the backbone was trained on; shape kept, in the number type of the weights.

        Give float32 images to a bfloat16 network too: rounding after the subtraction keeps dark images apart.
        """
        if self._grey_range is not None:
            # The same values as plain numbers: broadcasting over three innermost channels is ten times slower.
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
            template_boxes: (N, 4) x0, y0, x1, y1 of the targets in these crops, px; used with `template_box` and
                by the head acm.
        """
        return self.head.template_kernels(self.template(template_images), template_boxes)

    def match(self, kernels: Any, search_images: Tensor) -> tuple[Tensor, Tensor]:
        """Kernels of N (or one) templates against (N, 3, 255, 255) search crops; returns as `forward`."""
        return self.respond(kernels, search_images)[:2]

    def respond(self, kernels: Any, search_images: Tensor) -> SearchResponse:
        """As `match`, with the maps that the answers were made of."""
        levels = self.extract(search_images)
        logits, distances = self.head(kernels, levels)
        return SearchResponse(logits, distances, tuple(levels))


def keep_levels(state: Mapping[str, Tensor], have: Sequence[int], wanted: Sequence[int]) -> dict[str, Tensor]:
    """The tensors of a network on ResNet-50 that one with fewer levels has, under the names that they have there.

    Args:
        state: of the network with more levels.
        have: its levels, rising.
        wanted: some of them, rising.

    Raises:
        ConfigError: a level that the network does not have.
    """
    if not set(wanted) <= set(have):
        raise ConfigError(f"expected some of the weights' levels {list(have)}, found {list(wanted)}; name others")
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


def encoded(images: Tensor, encoding: Encoding) -> Tensor:
    """Light as a network wants it, as `false_colour.encode`; any shape."""
    return images if encoding == "linear" else images.clamp(0.0, 1.0) ** (1 / DISPLAY_GAMMA)


def decode_boxes(distances: Tensor) -> Tensor:
    """Distances at every grid point to boxes.

    Args:
        distances: (N, 4, 25, 25), left, top, right, bottom in search-crop pixels (bcr-net paper, eq 14; SiamBAN eq 3);
            more points of a larger crop.

    Returns:
        (N, 4, 25, 25) as x0, y0, x1, y1 in search-crop pixels.
    """
    points = torch.from_numpy(grid_points_px(distances.shape[-1])).to(distances)
    x, y = points[None, None, :], points[None, :, None]
    left, top, right, bottom = distances.unbind(1)
    return torch.stack([x - left, y - top, x + right, y + bottom], dim=1)
