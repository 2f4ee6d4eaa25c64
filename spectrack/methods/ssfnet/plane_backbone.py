"""A plain 2-D residual network on three or more planes of a cube: what S2FB is compared with.

Source: SSF-Net's ablation sets S2FB against residual networks on three bands and on all bands; how those were built is
not published, so the form is this project's. It has what S2FB has (the same input, grid, context blocks and, with the
widths of the ablation's rows, the same number of parameters) but for one thing: bands are channels of the first
convolution and no axis of their own, so that the first layer mixes them once and for good.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from spectrack.networks.band_axis import CubeInput, check_crops, in_order, network_input
from spectrack.networks.convolutions import ResidualBlock, normalised
from spectrack.tables import Interval, require_choices, require_ranges


@dataclass(frozen=True)
class PlaneBackboneConfig:
    """The shape of a plane backbone.

    Attributes:
        planes: neighbouring bands are averaged to this many; 3 is a false colour of its own, 16 all bands of 16.
        width: channels between the first convolution and the projection.
        channels: of the map that comes out.
        context_dilations: one residual block each behind the projection, with this dilation.
        input: what it sees of the cube, see `network_input`.
    """

    planes: Annotated[int, Interval("[1, 1000]")] = 16
    width: Annotated[int, Interval("[1, 4096]")] = 33
    channels: Annotated[int, Interval("[1, 4096]")] = 64
    context_dilations: Annotated[tuple[int, ...], Interval("[1, 64]")] = (1, 2)
    input: CubeInput = "shape"

    def __post_init__(self) -> None:
        require_choices(self)
        require_ranges(self)


class PlaneBackbone(nn.Module):
    """Cubes of any number of bands to one map at stride 8, by 2-D convolutions alone.

    Args:
        config: the backbone's shape.

    Example:
        >>> backbone = PlaneBackbone(PlaneBackboneConfig(planes=3, width=4, channels=8)).eval()
        >>> [tuple(backbone(torch.rand(1, bands, 127, 127)).shape) for bands in (16, 25)]
        [(1, 8, 15, 15), (1, 8, 15, 15)]
    """

    def __init__(self, config: PlaneBackboneConfig | None = None) -> None:
        super().__init__()
        self.config = config or PlaneBackboneConfig()
        config = self.config
        # Kernels and strides of S2FB's `patch` stem: 127 -> 31 -> 15 and 255 -> 63 -> 31, cell j at pixel 8 j + 7.
        self.patch = normalised(config.planes, config.width, 7, stride=4, active=True)
        self.reduce = normalised(config.width, config.width, 3, stride=2, active=True)
        self.block = ResidualBlock(config.width)
        self.projection = normalised(config.width, config.channels, 1, active=True)
        self.context = nn.Sequential(
            *[ResidualBlock(config.channels, dilation) for dilation in config.context_dilations]
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_in", nonlinearity="relu")

    def forward(self, cube: Tensor, wavelengths_nm: Tensor | None = None) -> Tensor:
        """All bands of crops to one map.

        Args:
            cube: (N, B, H, W) in about [0, 1], H = W = 127 or 255.
            wavelengths_nm: (B,) band centres; None or NaN where nobody knows them. Only their order counts.

        Returns:
            (N, channels, 15 or 31, same).

        Raises:
            InputError: fewer than three bands, or wavelengths that do not fit.
        """
        check_crops(cube, wavelengths_nm)
        cube, _ = in_order(cube, wavelengths_nm)
        planes = average_planes(network_input(cube, self.config.input), self.config.planes)
        maps = planes.to(cast(nn.Conv2d, self.patch[0]).weight.dtype).contiguous(memory_format=torch.channels_last)
        out: Tensor = self.context(self.projection(self.block(self.reduce(self.patch(maps)))))
        return out


def average_planes(cube: Tensor, planes: int) -> Tensor:
    """(N, B, H, W) to (N, planes, H, W): plane i, mean of bands floor(i B / planes) to ceil((i + 1) B / planes) - 1.

    Example:
        >>> average_planes(torch.arange(6.0).view(1, 6, 1, 1), 3).flatten().tolist()
        [0.5, 2.5, 4.5]
    """
    if planes == cube.shape[1]:
        return cube
    shares = functional.adaptive_avg_pool1d(torch.eye(cube.shape[1], device=cube.device), planes).t().to(cube.dtype)
    return torch.einsum("pb,nbhw->nphw", shares, cube)
