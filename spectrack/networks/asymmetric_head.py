"""The asymmetric convolution head: template, search region and the template's box are summed instead of correlated.

Source: Han et al., "Learning to Fuse Asymmetric Feature Maps in Siamese Trackers" (SiamBAN-ACM), CVPR 2021, whose
published code is the authors' RGB branch in SSF-Net's repository. A convolution over the template, spread over the
search map, and the search map side by side is the sum of one over each; the first is computed once a target. Differs
from the code in the last bias's start (a plausible box, as in `correlation_head`), the clamped exponent, and
convolutions without bias before batch normalisation, which takes any bias out again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from torch import Tensor, nn

from spectrack.errors import ConfigError, InputError
from spectrack.networks.convolutions import normalised
from spectrack.networks.correlation_head import LevelHead, TemplateKernels, branches_of

_BOX_HIDDEN = 32


class AsymmetricBranch(nn.Module):
    """One level for one task.

    Args:
        channels: of the neck's maps.
        outputs: 2 for classification, 4 for regression.
    """

    def __init__(self, channels: int, outputs: int) -> None:
        super().__init__()
        self.template_tower, self.search_tower = (normalised(channels, channels, 3, active=True) for _ in range(2))
        self.template_sum = nn.Conv2d(channels, channels, 5)
        self.search_sum = nn.Conv2d(channels, channels, 5, bias=False)
        self.box = nn.Sequential(
            nn.Linear(2, _BOX_HIDDEN),
            nn.BatchNorm1d(_BOX_HIDDEN),
            nn.ReLU(inplace=True),
            nn.Linear(_BOX_HIDDEN, _BOX_HIDDEN),
            nn.BatchNorm1d(_BOX_HIDDEN),
            nn.ReLU(inplace=True),
            nn.Linear(_BOX_HIDDEN, channels, bias=False),
        )
        self.mixing = nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU(inplace=True), *_padded(channels))
        self.prediction = nn.Sequential(*_padded(channels), nn.Conv2d(channels, outputs, 3, padding=1))

    def template_kernel(self, template: Tensor, sides: Tensor) -> Tensor:
        """(M, channels, 7, 7) and the box's width and height (M, 2) in pixels to (M, channels, 1, 1)."""
        out: Tensor = (
            self.template_sum(self.template_tower(template)) + self.box(sides.to(template.dtype))[:, :, None, None]
        )
        return out

    def search_map(self, search: Tensor) -> Tensor:
        """(N, channels, 31, 31) to (N, channels, 25, 25)."""
        return cast(Tensor, self.search_sum(self.search_tower(search)))

    def correlate(self, kernel: Tensor, tower: Tensor) -> Tensor:
        """Both sides to (max(N, M), outputs, 25, 25)."""
        return cast(Tensor, self.prediction(self.mixing(kernel + tower)))


class AsymmetricHead(LevelHead):
    """SiamBAN-ACM's head over one or several levels; the same methods as `CorrelationHead`.

    Args:
        channels: of the neck's maps (256 in `full`).
        levels: number of backbone levels.

    Raises:
        ConfigError: a size out of range.

    Example:
        >>> import torch
        >>> head = AsymmetricHead(8, levels=1).eval()
        >>> kernels = head.template_kernels([torch.zeros(1, 8, 7, 7)], torch.tensor([[40.0, 50.0, 90.0, 80.0]]))
        >>> classification, regression = head(kernels, [torch.zeros(5, 8, 31, 31)])
        >>> tuple(classification.shape), tuple(regression.shape)
        ((5, 2, 25, 25), (5, 4, 25, 25))
    """

    def __init__(self, channels: int, levels: int) -> None:
        if min(channels, levels) < 1:
            raise ConfigError(
                f"expected positive channels and levels, found {channels} and {levels}; the published code: 256 and 3"
            )
        super().__init__(
            *(nn.ModuleList(AsymmetricBranch(channels, outputs) for _ in range(levels)) for outputs in (2, 4))
        )

    def template_kernels(self, levels: Sequence[Tensor], boxes: Tensor | None = None) -> TemplateKernels:
        """The template's side of the head, computed once a target.

        Args:
            levels: per level (M, channels, 7, 7), the neck's central cells.
            boxes: (M, 4) x0, y0, x1, y1 of the targets in the template crops, px.

        Returns:
            Per level (M, channels, 1, 1) of both tasks.

        Raises:
            InputError: another number of levels than the head was built for, or no boxes.
        """
        self._check_levels(levels)
        if boxes is None:
            raise InputError("expected the target's box in the template crop, found none; the head acm needs it")
        sides = boxes[:, 2:] - boxes[:, :2]
        classification, regression = (
            tuple(branch.template_kernel(level, sides) for branch, level in zip(branches_of(task), levels, strict=True))
            for task in (self.classification, self.regression)
        )
        return TemplateKernels(classification, regression)


def _padded(channels: int) -> nn.Sequential:
    return normalised(channels, channels, 3, padding=1, active=True)
