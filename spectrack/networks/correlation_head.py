"""Correlation head: finds the template in the search region and says, per grid point, object or not and the box.

Source: Chen et al., Siamese Box Adaptive Network for Visual Tracking, CVPR 2020, box adaptive heads and their
multi-level fusion; the depth-wise cross-correlation is SiamRPN++'s (Li et al., CVPR 2019). BCR-Net eq. (12) is the
same fusion: P = sum_k softmax(a)_k P^k, regression made positive first, P_reg^k = exp(c_k * raw).
Stated by the papers: structure, widths, fusion. This project's choices: the exponent is clamped, the last biases start
at a plausible box, and the template's kernels are computed once per sequence instead of once per frame (same numbers).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn

from spectrack.errors import ConfigError, InputError
from spectrack.networks.convolutions import normalised
from spectrack.networks.correlation import box_coordinates, cross_correlate, fuse_levels, positive_distances

TYPICAL_DISTANCE_PX = 32.0
"""Half a target in the search region: the crop rule makes targets about 64 px large there."""

_COORDINATES = 2


class TemplateKernels(NamedTuple):
    """What the head keeps of a template; batch size M, one entry per level.

    Attributes:
        classification: per level (M, hidden, 5, 5).
        regression: per level (M, hidden, 5, 5).
    """

    classification: tuple[Tensor, ...]
    regression: tuple[Tensor, ...]


class SearchTowers(NamedTuple):
    """What the head makes of a search region before any template; batch size N, one entry per level.

    Attributes:
        classification: per level (N, hidden, 29, 29).
        regression: per level (N, hidden, 29, 29).
    """

    classification: tuple[Tensor, ...]
    regression: tuple[Tensor, ...]


class CorrelationBranch(nn.Module):
    """Towers, cross-correlation and prediction of one level for one task.

    Args:
        channels: channels of the neck's maps.
        hidden: channels of towers and correlation.
        outputs: 2 for classification, 4 for regression.
        tower_kernel: side of the towers' unpadded convolution.
        template_extra: channels that the template has beyond the search map's.
        prediction_kernel: side of the first convolution after the correlation, padded.
    """

    def __init__(
        self,
        channels: int,
        hidden: int,
        outputs: int,
        tower_kernel: int,
        template_extra: int = 0,
        prediction_kernel: int = 1,
    ) -> None:
        super().__init__()
        self.template_tower = normalised(channels + template_extra, hidden, tower_kernel, active=True)
        self.search_tower = normalised(channels, hidden, tower_kernel, active=True)
        self.prediction = nn.Sequential(
            *normalised(hidden, hidden, prediction_kernel, padding=prediction_kernel // 2, active=True),
            nn.Conv2d(hidden, outputs, kernel_size=1),
        )

    def template_kernel(self, template: Tensor) -> Tensor:
        """(M, channels + template_extra, 7, 7) template features to (M, hidden, 5, 5) kernels."""
        return cast(Tensor, self.template_tower(template))

    def search_map(self, search: Tensor) -> Tensor:
        """(N, channels, 31, 31) search features to (N, hidden, 29, 29)."""
        return cast(Tensor, self.search_tower(search))

    def correlate(self, kernel: Tensor, tower: Tensor) -> Tensor:
        """(M, hidden, 5, 5) kernels on the search tower's (N, hidden, 29, 29) to (max(N, M), outputs, 25, 25)."""
        return cast(Tensor, self.prediction(cross_correlate(tower, kernel)))

    def forward(self, kernel: Tensor, search: Tensor) -> Tensor:
        """Correlate (M, hidden, 5, 5) kernels with (N, channels, 31, 31) maps: (max(N, M), outputs, 25, 25)."""
        return self.correlate(kernel, self.search_map(search))


class LevelHead(nn.Module, ABC):
    """What heads over one or several levels share: both tasks level by level, fused by learned weights.

    A subclass makes the branches, whose `search_map` and `correlate` are called here, and says what a template becomes.

    Args:
        classification: one branch a level.
        regression: one branch a level.
    """

    def __init__(self, classification: nn.ModuleList, regression: nn.ModuleList) -> None:
        super().__init__()
        self.classification, self.regression = classification, regression
        levels = len(classification)
        self.classification_weights = nn.Parameter(torch.ones(levels))
        self.regression_weights = nn.Parameter(torch.ones(levels))
        self.regression_scales = nn.Parameter(torch.ones(levels))
        self._initialise()

    @abstractmethod
    def template_kernels(self, levels: Sequence[Tensor], boxes: Tensor | None = None) -> TemplateKernels:
        """The template's side of the head, computed once a target, of the neck's central cells (M, channels, 7, 7)."""

    def forward(self, kernels: TemplateKernels, levels: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Scores and boxes at every grid point.

        Args:
            kernels: of M templates; M = N, or 1 for all N searches, or any M for a single search.
            levels: per level (N, channels, 31, 31), the neck's search maps.

        Returns:
            classification (N, 2, 25, 25) logits, channel 0 background and 1 object; regression (N, 4, 25, 25) positive
            distances in search-region px from the grid point to the box's left, top, right and bottom edge.

        Raises:
            InputError: another number of levels than the head was built for, or maps that do not fit the kernels.

        Source: SiamBAN section 3.2 and 3.3; BCR-Net eq. (12).
        """
        return self.correlate(kernels, self.towers(levels))

    def towers(self, levels: Sequence[Tensor]) -> SearchTowers:
        """The search region's side of the head, computed once where several templates are looked for in it.

        Args:
            levels: per level (N, channels, 31, 31), the neck's search maps.

        Raises:
            InputError: another number of levels than the head was built for.
        """
        self._check_levels(levels)
        classification, regression = (
            tuple(branch.search_map(level) for branch, level in zip(branches_of(task), levels, strict=True))
            for task in (self.classification, self.regression)
        )
        return SearchTowers(classification, regression)

    def correlate(self, kernels: TemplateKernels, towers: SearchTowers) -> tuple[Tensor, Tensor]:
        """Scores and boxes from both sides of the head; returns as `forward`."""
        scores, raw = (
            [branch.correlate(*sides) for branch, *sides in zip(branches_of(task), own, seen, strict=True)]
            for task, own, seen in (
                (self.classification, kernels.classification, towers.classification),
                (self.regression, kernels.regression, towers.regression),
            )
        )
        distances = [positive_distances(value, scale) for value, scale in zip(raw, self.regression_scales, strict=True)]
        return fuse_levels(scores, self.classification_weights), fuse_levels(distances, self.regression_weights)

    def _check_levels(self, levels: Sequence[Tensor]) -> None:
        if len(levels) != len(self.classification):
            raise InputError(
                f"expected {len(self.classification)} neck levels, found {len(levels)}; let neck and head name the same"
            )

    def _initialise(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        for tasks, bias in ((self.classification, 0.0), (self.regression, math.log(TYPICAL_DISTANCE_PX))):
            for branch in branches_of(tasks):
                last = cast(nn.Conv2d, branch.prediction[-1])
                nn.init.normal_(last.weight, std=0.01)
                nn.init.constant_(cast(Tensor, last.bias), bias)


class CorrelationHead(LevelHead):
    """SiamBAN's box adaptive head over one or several levels.

    Args:
        channels: channels of the neck's maps (256 in `full`, 64 to 96 in `compact`).
        levels: number of backbone levels.
        hidden: channels of towers and correlation; `channels` when None, as in the paper.
        tower_kernel: side of the towers' unpadded convolution; 3 in the paper. The response is 25x25 for 1, 3, 5, 7.
        template_box: tell the template's towers where the box lies, see `box_coordinates`; not in the paper.
        prediction_kernel: side of the convolution after the correlation: 1 in the paper; 3 lets a point see how its
            neighbours respond, from which the extent of the target is easier to tell.

    Raises:
        ConfigError: a size out of range.

    Example:
        >>> head = CorrelationHead(8, levels=1)
        >>> kernels = head.template_kernels([torch.zeros(1, 8, 7, 7)])
        >>> classification, regression = head(kernels, [torch.zeros(5, 8, 31, 31)])
        >>> tuple(classification.shape), tuple(regression.shape)
        ((5, 2, 25, 25), (5, 4, 25, 25))
    """

    def __init__(
        self,
        channels: int,
        levels: int,
        *,
        hidden: int | None = None,
        tower_kernel: int = 3,
        template_box: bool = False,
        prediction_kernel: int = 1,
    ) -> None:
        width = channels if hidden is None else hidden
        if min(channels, levels, width) < 1 or tower_kernel not in (1, 3, 5, 7):
            raise ConfigError(
                "expected positive channels, levels and hidden and a tower_kernel of 1, 3, 5 or 7, "
                f"found {channels}, {levels}, {width} and {tower_kernel}; the paper has 256, 3, 256 and 3"
            )
        if prediction_kernel not in (1, 3, 5):
            raise ConfigError(f"expected a prediction_kernel of 1, 3 or 5, found {prediction_kernel}; the paper has 1")
        extra = _COORDINATES if template_box else 0
        super().__init__(
            *(
                nn.ModuleList(
                    CorrelationBranch(channels, width, outputs, tower_kernel, extra, prediction_kernel)
                    for _ in range(levels)
                )
                for outputs in (2, 4)
            )
        )
        self.channels, self.hidden, self.template_box = channels, width, template_box

    def template_kernels(self, levels: Sequence[Tensor], boxes: Tensor | None = None) -> TemplateKernels:
        """The template's side of the head, computed once per template.

        Args:
            levels: per level (M, channels, 7, 7), the neck's central cells.
            boxes: (M, 4) x0, y0, x1, y1 of the targets in the template crops, px; needed with `template_box` only.

        Returns:
            The kernels of both tasks.

        Raises:
            InputError: another number of levels than the head was built for, or no boxes where it needs them.
        """
        self._check_levels(levels)
        if self.template_box:
            if boxes is None:
                raise InputError(
                    "expected the target's box in the template crop, found none; this head was built with template_box"
                )
            levels = [torch.cat([level, box_coordinates(boxes, level.shape[-1]).to(level)], dim=1) for level in levels]
        classification, regression = (
            tuple(branch.template_kernel(level) for branch, level in zip(branches_of(task), levels, strict=True))
            for task in (self.classification, self.regression)
        )
        return TemplateKernels(classification, regression)


def branches_of(tasks: nn.ModuleList) -> list[Any]:
    """The branches of a task, which heads call beyond what a module is known to have."""
    return list(tasks)
