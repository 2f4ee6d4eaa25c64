"""3x3 convolutions of wide maps by Winograd's F(4x4, 3x3), a quarter of the products, dilated too, in plain PyTorch.

Source: Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016: a tile of 4x4 outputs takes 36
products for every pair of channels instead of 144, and the products of all tiles are 36 matrix products. This
project's: dilation (an image dilated by d is d * d ordinary ones, so only the strides of the tiles change) and the
order of the axes, which leaves every step to one batched matrix product.

oneDNN computes these convolutions directly and already near the processor's limit, so fewer products are the only way
to be faster in float32: twice on maps of 256 and more channels. With fewer channels, going through memory four times
costs more than is saved. Everything stays float32; rounding is about 3e-5 of the map's deviation, against 1e-5 of the
direct form (a test holds both to float64).
"""

from __future__ import annotations

import math
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional

AnyModule = TypeVar("AnyModule", bound=nn.Module)

LEAST_CHANNELS = 256
"""On both sides, from which it pays; measured on two cores with AVX-512."""

_TILE, _OUTPUTS = 6, 4

# Points 0, 1, -1, 2, -2 and infinity, as in the source, section 4.1 and table 2.
_DATA = (
    (4, 0, -5, 0, 1, 0),
    (0, -4, -4, 1, 1, 0),
    (0, 4, -4, -1, 1, 0),
    (0, -2, -1, 2, 1, 0),
    (0, 2, -1, -2, 1, 0),
    (0, 4, 0, -5, 0, 1),
)
_FILTER = (
    (1 / 4, 0, 0),
    (-1 / 6, -1 / 6, -1 / 6),
    (-1 / 6, 1 / 6, -1 / 6),
    (1 / 24, 1 / 12, 1 / 6),
    (1 / 24, -1 / 12, 1 / 6),
    (0, 0, 1),
)
_RESULT = ((1, 1, 1, 1, 1, 0), (0, 1, -1, 2, -2, 0), (0, 1, 1, 4, 4, 0), (0, 1, -1, 8, -8, 1))


class WinogradConv2d(nn.Module):
    """An `nn.Conv2d` of kernel 3x3 and stride 1 in another form, for inference.

    Args:
        convolution: float32, with any padding and dilation that are the same in both directions; it is not changed.

    Example:
        >>> convolution = nn.Conv2d(8, 4, 3, padding=2, dilation=2)
        >>> image = torch.rand(1, 8, 31, 31)
        >>> torch.allclose(WinogradConv2d(convolution)(image), convolution(image), atol=1e-4)
        True
    """

    filters: Tensor
    to_products: Tensor
    to_outputs: Tensor

    def __init__(self, convolution: nn.Conv2d) -> None:
        super().__init__()
        self.dilation, self.padding = int(convolution.dilation[0]), int(convolution.padding[0])
        data, filters, result = (torch.tensor(rows, dtype=torch.float64) for rows in (_DATA, _FILTER, _RESULT))
        weight = convolution.weight.detach().double()
        transformed = torch.einsum("ik,jl,ockl->ijco", filters, filters, weight).flatten(0, 1)
        self.register_buffer("filters", transformed.to(convolution.weight.dtype).contiguous())
        self.register_buffer("to_products", torch.kron(data, data).to(convolution.weight.dtype))
        self.register_buffer("to_outputs", torch.kron(result, result).to(convolution.weight.dtype))
        self.bias = (
            None if convolution.bias is None else nn.Parameter(convolution.bias.detach().clone(), requires_grad=False)
        )

    def forward(self, images: Tensor) -> Tensor:
        """(N, C, H, W) to (N, K, H + 2 * padding - 2 * dilation, W + ...) in channels_last."""
        count, _, height, width = images.shape
        edge = 2 * (self.padding - self.dilation)
        rows, columns = _tiles(height + edge, self.dilation), _tiles(width + edge, self.dilation)
        tiles = self._cut(images.permute(0, 2, 3, 1), rows, columns)
        # (tiles, 36, C) to (36, tiles, C), a view; then products over channels, (36, tiles, K).
        data = torch.bmm(self.to_products.expand(len(tiles), -1, -1), tiles).transpose(0, 1)
        products = torch.bmm(data, self.filters).transpose(0, 1)
        outputs = torch.bmm(self.to_outputs.expand(len(tiles), -1, -1), products)
        return self._join(outputs, count, rows, columns)[:, :, : height + edge, : width + edge]

    def _cut(self, images: Tensor, rows: int, columns: int) -> Tensor:
        """(N, H, W, C) to tiles (N * rows * d * columns * d, 36, C) that overlap by two cells."""
        count, height, width, channels = images.shape
        step, padding = self.dilation, self.padding
        below = step * (_OUTPUTS * rows + 2) - height - padding
        right = step * (_OUTPUTS * columns + 2) - width - padding
        padded = functional.pad(images, (0, 0, padding, right, padding, below)).contiguous()
        across, down, along = padded.stride()[:3]
        shape = (count, rows, step, columns, step, _TILE, _TILE, channels)
        strides = (across, _OUTPUTS * step * down, down, _OUTPUTS * step * along, along, step * down, step * along, 1)
        return padded.as_strided(shape, strides).reshape(-1, _TILE * _TILE, channels)

    def _join(self, outputs: Tensor, count: int, rows: int, columns: int) -> Tensor:
        """Tiles (N * rows * d * columns * d, 16, K) to (N, K, 4 * rows * d, 4 * columns * d) channels_last and bias."""
        step = self.dilation
        apart = outputs.view(count, rows, step, columns, step, _OUTPUTS, _OUTPUTS, -1).permute(0, 1, 5, 2, 3, 6, 4, 7)
        joined = apart.reshape(count, _OUTPUTS * rows * step, _OUTPUTS * columns * step, outputs.shape[2])
        return (joined if self.bias is None else joined.add_(self.bias)).permute(0, 3, 1, 2)


def with_winograd(network: AnyModule, *, least_channels: int = LEAST_CHANNELS) -> AnyModule:
    """Put every convolution of `network` that gains by it into Winograd's form, in place.

    Args:
        network: folded, in float32, on a CPU.
        least_channels: in and out, from which a convolution is replaced.
    """
    for parent in list(network.modules()):
        for name, child in parent.named_children():
            if (
                isinstance(child, nn.Conv2d)
                and _fits(child)
                and min(child.in_channels, child.out_channels) >= least_channels
            ):
                setattr(parent, name, WinogradConv2d(child))
    return network


def _fits(convolution: nn.Conv2d) -> bool:
    alike = (
        len(set(convolution.dilation)) == 1
        and not isinstance(convolution.padding, str)
        and len(set(convolution.padding)) == 1
    )
    plain = convolution.groups == 1 and convolution.padding_mode == "zeros" and tuple(convolution.stride) == (1, 1)
    return alike and plain and tuple(convolution.kernel_size) == (3, 3) and convolution.weight.dtype == torch.float32


def _tiles(side: int, dilation: int) -> int:
    """Tiles that `side` outputs need, in each of the `dilation` ordinary images."""
    return math.ceil(math.ceil(side / dilation) / _OUTPUTS)
