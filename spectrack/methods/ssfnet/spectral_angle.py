"""SAAM, the spectral angle awareness module: angles of the template's region and the search map's gate the scores.

Source: SSF-Net (IEEE TIP 34, 2025, 3518), of which only the published summary could be read. Stated there: a prediction
head with a branch that measures the region-level spectral similarity of template and search, by a spectral angle that
differs from the pixel-wise one. Everything below is this project's reconstruction:

    aligned (default)   c(u) = sum_p w_p <z_p, x_(u+p)> / (sqrt(sum_p w_p |z_p|^2) sqrt(sum_p w_p |x_(u+p)|^2))
    pooled              c(u) = <zbar, xbar(u)> / (|zbar| |xbar(u)|),  means over the region, weighted by w
    pixel               the mean over p, weighted by w, of the angles of single cells

theta = atan2(sqrt(1 - c^2), c) in [0, pi], S = 1 - theta / pi, and the features of the classification are multiplied by
1 + a (2 S - 1) + b. For a region of one cell all three are the spectral angle mapper's (Kruse et al., Remote Sensing of
Environment, 1993). A positive gain on either input changes nothing, which is what sets it apart from a correlation;
`aligned` is the arc cosine of a normalised cross-correlation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple, cast, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional

from spectrack.errors import ConfigError, InputError, nearest_name
from spectrack.grid import STRIDE_PX, TEMPLATE_SIZE_PX, centres_px
from spectrack.networks.correlation import cross_correlate, fuse_levels, positive_distances
from spectrack.networks.correlation_head import CorrelationBranch, CorrelationHead, TemplateKernels

Region = Literal["aligned", "pooled", "pixel"]
RegionWeights = Literal["uniform", "box"]

_LEAST_NORM = 1e-8
"""Squared norms count at least this much: an empty region's angle is pi / 2 and its gradient is finite."""

_LEAST_SINE = 1e-10
"""Added beneath the root of 1 - c^2, taken off behind it: the gradient at equal spectra stays finite, the angle 0."""


def region_angles(
    template: Tensor, search: Tensor, weights: Tensor | None = None, region: Region = "aligned"
) -> Tensor:
    """Spectral angles of one region to every region of its size.

    Args:
        template: (N, C, k, k), or (1, C, k, k) for all searches.
        search: (N, C, h, w); signed features, an angle of positive ones would crowd near 0.
        weights: (N or 1, k, k) of the template's cells, not negative, all the same when None; only proportions count.
        region: how the region's cells come together.

    Returns:
        (N, h - k + 1, w - k + 1) radians in [0, pi], float32 also under autocast; pi / 2 where either region is empty.

    Raises:
        InputError: shapes that do not fit.
        ConfigError: an unknown kind of region.

    Example:
        >>> spectrum = torch.tensor([1.0, 0.0]).view(1, 2, 1, 1)
        >>> search = torch.tensor([[2.0, 0.0, -1.0], [0.0, 3.0, 0.0]]).view(1, 2, 1, 3)
        >>> [round(angle, 4) for angle in region_angles(spectrum, search)[0, 0].tolist()]
        [0.0, 1.5708, 3.1416]
    """
    _check_shapes(template, search, weights)
    with torch.autocast(search.device.type, enabled=False):
        shares = None if weights is None else _shares(weights.float())
        if region == "aligned":
            return _aligned(template.float(), search.float(), shares)
        if region == "pooled":
            return _pooled(template.float(), search.float(), shares)
        if region == "pixel":
            return _pixel(template.float(), search.float(), shares)
    raise ConfigError(f"expected a known region, found {region!r}; {nearest_name(str(region), get_args(Region))}")


def box_shares(boxes: Tensor, cells: int) -> Tensor:
    """How much of every template cell lies in the target's box.

    Args:
        boxes: (M, 4) x0, y0, x1, y1 in template-crop pixels.
        cells: side of the template's kept map.

    Returns:
        (M, cells, cells) in [0, 1]; all 1 for a box that touches none.

    Example:
        >>> box_shares(torch.tensor([[59.5, 59.5, 71.5, 67.5]]), 3)[0].tolist()
        [[0.0, 0.0, 0.0], [0.0, 1.0, 0.5], [0.0, 0.0, 0.0]]
    """
    low = torch.from_numpy(centres_px(cells, TEMPLATE_SIZE_PX)).to(boxes) - STRIDE_PX / 2
    covered = torch.minimum(boxes[:, 2:, None], low + STRIDE_PX) - torch.maximum(boxes[:, :2, None], low)
    covered = covered.clamp(min=0) / STRIDE_PX
    shares = covered[:, 1, :, None] * covered[:, 0, None, :]
    nothing = shares.sum(dim=(1, 2), keepdim=True) <= 0
    return torch.where(nothing, torch.ones_like(shares), shares)


class SpectralTemplate(NamedTuple):
    """The template's side of `SpectralAngleHead`; batch size M.

    Attributes:
        kernels: of the carrier correlation.
        region: (M, channels, 5, 5) projected, None without SAAM.
        weights: (M, 5, 5) of the region's cells, None when all count the same.
    """

    kernels: TemplateKernels
    region: Tensor | None
    weights: Tensor | None


class SpectralAngleHead(nn.Module):
    """Box-adaptive head of one level whose classification is gated by the spectral angle.

    Args:
        channels: of the maps.
        saam: whether there is an angle; else it is a `CorrelationHead`.
        region: see `region_angles`.
        region_weights: all cells of the region count the same, or by their share of the target's box.
        gate_regression: gate the features of the regression as well.
        template_box: see `CorrelationHead`.
        prediction_kernel: see `CorrelationHead`.

    Example:
        >>> head = SpectralAngleHead(8)
        >>> logits, distances, angle = head(head.template(torch.rand(1, 8, 7, 7)), torch.rand(2, 8, 31, 31))
        >>> tuple(logits.shape), tuple(distances.shape), tuple(angle.shape)
        ((2, 2, 25, 25), (2, 4, 25, 25), (2, 25, 25))
    """

    def __init__(
        self,
        channels: int,
        *,
        saam: bool = True,
        region: Region = "aligned",
        region_weights: RegionWeights = "uniform",
        gate_regression: bool = False,
        template_box: bool = False,
        prediction_kernel: int = 1,
    ) -> None:
        super().__init__()
        self.region, self.region_weights, self.gate_regression = region, region_weights, gate_regression
        self.carrier = CorrelationHead(channels, 1, template_box=template_box, prediction_kernel=prediction_kernel)
        self.projection: nn.Module | None = None
        if saam:
            # Shared, for an angle means something in one space only; no ReLU: positive features have only small angles.
            self.projection = nn.Sequential(nn.Conv2d(channels, channels, 3, bias=False), nn.BatchNorm2d(channels))
            self.gate_slope, self.gate_offset = nn.Parameter(torch.ones(())), nn.Parameter(torch.zeros(()))

    def template(self, maps: Tensor, boxes: Tensor | None = None) -> SpectralTemplate:
        """The template's side, computed once a target.

        Args:
            maps: (M, channels, 7, 7) fused features.
            boxes: (M, 4) x0, y0, x1, y1 of the template's targets, px; for `template_box` or `region_weights` box.
        """
        kernels = self.carrier.template_kernels([maps], boxes)
        if self.projection is None:
            return SpectralTemplate(kernels, None, None)
        region: Tensor = self.projection(maps)
        if self.region_weights == "uniform":
            return SpectralTemplate(kernels, region, None)
        if boxes is None:
            raise InputError(
                "expected the target's box in the template crop, found none; this head weighs its region by the box"
            )
        return SpectralTemplate(kernels, region, box_shares(boxes.float(), region.shape[-1]))

    def forward(self, template: SpectralTemplate, maps: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """M = N (or one) templates on (N, channels, 31, 31) fused features.

        Returns:
            Logits (N, 2, 25, 25), distances (N, 4, 25, 25), and angles (N, 25, 25) in radians, None without SAAM.
        """
        towers = self.carrier.towers([maps])
        scores = cross_correlate(towers.classification[0], template.kernels.classification[0])
        extents = cross_correlate(towers.regression[0], template.kernels.regression[0])
        angle = None
        if self.projection is not None and template.region is not None:
            angle = region_angles(template.region, self.projection(maps), template.weights, self.region)
            gate = self.gate(angle)[:, None]
            scores = scores * gate.to(scores.dtype)
            extents = extents * gate.to(extents.dtype) if self.gate_regression else extents
        classification, regression = self._branch(self.carrier.classification), self._branch(self.carrier.regression)
        # Even one level goes through the fusion: where several processes train, every parameter must take part.
        distances = positive_distances(regression.prediction(extents), self.carrier.regression_scales[0])
        logits = fuse_levels([classification.prediction(scores)], self.carrier.classification_weights)
        return logits, fuse_levels([distances], self.carrier.regression_weights), angle

    def gate(self, angle: Tensor) -> Tensor:
        """1 + a (2 S - 1) + b, S = 1 - angle / pi; float32."""
        similarity = 1.0 - angle / torch.pi
        return 1.0 + self.gate_slope.float() * (2.0 * similarity - 1.0) + self.gate_offset.float()

    @staticmethod
    def _branch(task: nn.ModuleList) -> CorrelationBranch:
        return cast(CorrelationBranch, task[0])


def _aligned(template: Tensor, search: Tensor, shares: Tensor | None) -> Tensor:
    weighted = template if shares is None else template * shares[:, None]
    own = (weighted * template).sum(dim=(1, 2, 3))
    seen = _box_sum(search.square().sum(dim=1, keepdim=True), template.shape[-2:], shares)[:, 0]
    return _angle(_correlate(search, weighted), own[:, None, None], seen)


def _pooled(template: Tensor, search: Tensor, shares: Tensor | None) -> Tensor:
    weighted = template if shares is None else template * shares[:, None]
    mean = weighted.sum(dim=(2, 3))[:, :, None, None]
    means = _box_sum(search, template.shape[-2:], shares)
    return _angle((mean * means).sum(dim=1), mean.square().sum(dim=1), means.square().sum(dim=1))


def _pixel(template: Tensor, search: Tensor, shares: Tensor | None) -> Tensor:
    rows, columns = template.shape[-2:]
    cells = template.flatten(2).transpose(1, 2)
    products = torch.matmul(cells, search.flatten(2)).view(-1, rows * columns, *search.shape[-2:])
    angles = _angle(products, cells.square().sum(dim=2)[:, :, None, None], search.square().sum(dim=1, keepdim=True))
    factors = (
        torch.full((1, rows * columns), 1.0 / (rows * columns), device=search.device)
        if shares is None
        else shares.flatten(1)
    )
    return _sum_of_shifts(angles * factors[:, :, None, None], rows, columns)


def _angle(product: Tensor, own: Tensor, seen: Tensor) -> Tensor:
    """The angle of two vectors from their product and squared norms."""
    cosine = product * (own.clamp(min=_LEAST_NORM).rsqrt() * seen.clamp(min=_LEAST_NORM).rsqrt())
    sine = ((1.0 - cosine.square()).clamp(min=0.0) + _LEAST_SINE).sqrt() - _LEAST_SINE**0.5
    return torch.atan2(sine, cosine)


def _correlate(search: Tensor, kernel: Tensor) -> Tensor:
    """Cross-correlation summed over channels, (N, h - k + 1, w - k + 1): cells' products, then summed shifted maps."""
    rows, columns = kernel.shape[-2:]
    products = torch.matmul(kernel.flatten(2).transpose(1, 2), search.flatten(2))
    return _sum_of_shifts(products.view(-1, rows * columns, *search.shape[-2:]), rows, columns)


def _sum_of_shifts(maps: Tensor, rows: int, columns: int) -> Tensor:
    """(N, rows * columns, h, w) to (N, h - rows + 1, w - columns + 1): map p moved by p, summed."""
    height, width = maps.shape[2] - rows + 1, maps.shape[3] - columns + 1
    shifted = [
        maps[:, row * columns + column, row : row + height, column : column + width]
        for row in range(rows)
        for column in range(columns)
    ]
    return torch.stack(shifted).sum(dim=0)


def _box_sum(maps: Tensor, size: Sequence[int], shares: Tensor | None) -> Tensor:
    """Sums over every window of maps (N, C, h, w), weighted by `shares` (N or 1, rows, columns)."""
    rows, columns = size
    if shares is None:
        return functional.avg_pool2d(maps, (rows, columns), stride=1) * float(rows * columns)
    kernel = shares[:, None].expand(-1, maps.shape[1], -1, -1)
    return cross_correlate(maps, kernel)


def _shares(weights: Tensor) -> Tensor:
    return weights / weights.sum(dim=(1, 2), keepdim=True).clamp(min=1e-12)


def _check_shapes(template: Tensor, search: Tensor, weights: Tensor | None) -> None:
    fits = (
        template.ndim == search.ndim == 4
        and template.shape[1] == search.shape[1]
        and template.shape[0] in (1, search.shape[0])
        and template.shape[2] <= search.shape[2]
        and template.shape[3] <= search.shape[3]
    )
    if not fits:
        raise InputError(
            "expected a template and a search map of equal channels and a single or equal batch, "
            f"found {tuple(template.shape)} and {tuple(search.shape)}; use the same projection and batch for both"
        )
    if weights is not None and (
        weights.shape[1:] != template.shape[2:] or weights.shape[0] not in (1, len(template), len(search))
    ):
        raise InputError(
            f"expected weights for the template's cells, (N or 1, {template.shape[2]}, {template.shape[3]}), "
            f"found {tuple(weights.shape)}; give one a cell"
        )
