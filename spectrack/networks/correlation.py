"""What correlation heads compute besides layers: correlation, fusion of levels, distances, places of template cells."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from spectrack.errors import InputError
from spectrack.grid import TEMPLATE_SIZE_PX, centres_px

_MAXIMUM_EXPONENT = 7.0
"""exp(7) = 1097 px, four times the search region; a distance above it is wrong and bf16 losses would overflow."""


def box_coordinates(boxes: Tensor, cells: int) -> Tensor:
    """Where each template cell lies relative to the target's box: two maps for a tower that sees a square crop alone.

    The crop rule hides the box's shape (its area with context is always 127 x 127), so a network that is shown only the
    crop has to guess the aspect from what looks like a thing; with these maps it knows what the user pointed at. Our
    own; boxes reach the head of SiamBAN-ACM (Han et al., CVPR 2021) as two numbers for the same reason.

    Args:
        boxes: (M, 4) x0, y0, x1, y1 in template-crop pixels.
        cells: side of the template's kept map.

    Returns:
        (M, 2, cells, cells): distance from the box's centre in units of its half width and half height, less 1, at most
            1:
        negative inside, 0 on the border.

    Example:
        >>> box_coordinates(torch.tensor([[31.5, 47.5, 95.5, 79.5]]), 7)[0, :, 3, 5].tolist()
        [-0.5, -1.0]
    """
    places = torch.from_numpy(centres_px(cells, TEMPLATE_SIZE_PX)).to(boxes)
    centres, halves = (boxes[:, :2] + boxes[:, 2:]) / 2, ((boxes[:, 2:] - boxes[:, :2]) / 2).clamp(min=1.0)
    distances = ((places[None, None] - centres[:, :, None]).abs() / halves[:, :, None] - 1.0).clamp(max=1.0)
    across, down = distances[:, 0], distances[:, 1]
    return torch.stack([across[:, None, :].expand(-1, cells, -1), down[:, :, None].expand(-1, -1, cells)], dim=1)


def cross_correlate(search: Tensor, kernel: Tensor) -> Tensor:
    """Depth-wise cross-correlation: every channel of the search map with the same channel of the kernel.

    Args:
        search: (N, C, H, W).
        kernel: (M, C, h, w), M = N (pairwise), M = 1 (a template, many searches) or N = 1 (many templates, a search).

    Returns:
        (max(N, M), C, H - h + 1, W - w + 1); no padding, no normalisation.

    Raises:
        InputError: batch sizes or channels that do not fit, or a kernel larger than the search map.

    Example:
        >>> cross_correlate(torch.ones(2, 3, 4, 4), torch.ones(1, 3, 2, 2))[0, 0, 0, 0].item()
        4.0

    Source: Li et al., SiamRPN++, CVPR 2019, section 4.
    """
    searches, channels, height, width = search.shape
    kernels, kernel_channels, kernel_height, kernel_width = kernel.shape
    if (
        channels != kernel_channels
        or (searches != kernels and 1 not in (searches, kernels))
        or kernel_height > height
        or kernel_width > width
    ):
        raise InputError(
            "expected a search map and a kernel of equal channels and equal (or single) batch, "
            f"found {tuple(search.shape)} and {tuple(kernel.shape)}; use the same head and batch for both"
        )
    if kernels == 1:
        # A plain depth-wise convolution keeps channels_last and is then two to three times as fast as a grouped one.
        return functional.conv2d(search, kernel.transpose(0, 1), groups=channels)
    groups = kernels * channels
    stacked = search.expand(kernels, -1, -1, -1).reshape(1, groups, height, width)
    response = functional.conv2d(stacked, kernel.reshape(groups, 1, kernel_height, kernel_width), groups=groups)
    return response.view(kernels, channels, *response.shape[-2:])


def positive_distances(raw: Tensor, scale: Tensor) -> Tensor:
    """What the regression gives to distances in pixels: exp(scale * raw), clamped."""
    # At least float32: bfloat16 has eight significant bits, steps of half a pixel at a distance of 100 px.
    wide = torch.promote_types(raw.dtype, torch.float32)
    return torch.exp((raw.to(wide) * scale.to(wide)).clamp(max=_MAXIMUM_EXPONENT))


def fuse_levels(levels: Sequence[Tensor], weights: Tensor) -> Tensor:
    """The mean of maps of equal shape, weighted by the softmax of one learned number each."""
    # One level needs no case of its own: the softmax of a single weight is 1.
    shares = torch.softmax(weights, dim=0)
    fused = shares[0] * levels[0]
    for share, level in zip(shares[1:], levels[1:], strict=True):
        fused = fused + share * level
    return fused
