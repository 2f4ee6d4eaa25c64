"""What a backbone is to the network around it: maps of so many channels on a grid of pixels, made by named options."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from torch import Tensor, nn

from spectrack.scaling import InputRange


class Backbone(nn.Module, ABC):
    """From three-channel crops to maps.

    Attributes:
        out_channels: of each level, shallow first.
        neck_channels: width of neck and head where nobody asks for another.
        stride_px: from one cell to the next.
        first_cell_px: centre of the first cell, in the crop's continuous edges.
    """

    out_channels: tuple[int, ...]
    neck_channels: int
    stride_px: int
    first_cell_px: float

    @abstractmethod
    def forward(self, images: Tensor) -> list[Tensor]:
        """(N, 3, H, W) in the range that the weights expect to one (N, out_channels[k], rows, columns) a level."""


@dataclass(frozen=True)
class BackboneConfig(ABC):
    """The shape of a backbone; stored with the weights.

    Attributes:
        name: which one.
        input_range: what its first convolution was trained on: ``unit`` (0.4 removed, divided by 0.25), ``imagenet``
            (ImageNet's mean and deviation per channel) or ``0-255`` (grey levels, as pysot and SiamBAN feed them).
    """

    name: str
    input_range: InputRange = "unit"

    @abstractmethod
    def build(self) -> Backbone:
        """A network of this shape."""
