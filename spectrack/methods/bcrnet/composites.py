"""Composites: three-band images made from a cube by ranking its bands, and how much each of them counts.

Source: BCR-Net (Remote Sensing 17(22), 2025, 3689) sections 3.1, 3.2 and 3.4: bands are ranked by the sums of W and
assembled to three-channel composites, which are weighted by the importance of their bands. Stated by the paper: that
much. From SEE-Net's published code, which it follows: floor(C / 3) composites in rank order, leftover bands dropped,
row sums, weight = share of the importance. This project's: the switches, the stable sort, the limit on composites. What
ranks the bands is in `composers`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Literal, NamedTuple

import torch
from torch import Tensor

from spectrack.errors import ConfigError
from spectrack.tables import Interval, Seed, require_choices, require_ranges

ComposerName = Literal[
    "importance", "attention", "self_expression", "joint_entropy", "sequential", "random", "pca", "fixed"
]
"""What ranks the bands: BIMM, its U-Net as attention, the solver of eq. (1), what three of them tell together, their
order, chance, principal components, or the user.
"""

LEARNED: tuple[ComposerName, ...] = ("importance", "attention")
"""Those that ask the band importance module, each with weights that were trained for it."""

_SMALLEST = 1e-8


@dataclass(frozen=True)
class ComposerConfig:
    """How composites are made; stored with the weights.

    Attributes:
        name: what ranks the bands.
        leftover: bands that fill no composite are dropped, or filled up with the top-ranked ones again (``wrap``).
        order_source: the search crop is ranked by its own matrix (the paper) or takes the template's order.
        channel_order: the three bands of a composite stand as ranked (the paper), or as a photograph has them, which is
            what a backbone pretrained on RGB knows (``spectral``): longest wavelength first, or by their number where
            nobody knows wavelengths, so that an RGB video stays R, G, B.
        importance_axis: sum of row i of W (how band i is rebuilt; the paper) or of column i (how it serves the others).
        importance_norm: what is made of that row or column: its sum (``l1``, the paper), or its length (``l2``, SENSE).
        importance_units: W as it rebuilds the crop's bands (``counts``, the paper), or as it rebuilds them brought to
            one length (``unit``, ours). Rows of the first are longer the brighter their band is, whatever makes it so,
            stray light too; its columns are longer the darker their band is.
        max_composites: at most so many, highest importance first; 0 for no limit.
        fixed_bands: for ``fixed``: band indices, three a composite; a band may come again.
        seed: for ``random``.
    """

    name: ComposerName = "importance"
    leftover: Literal["drop", "wrap"] = "drop"
    order_source: Literal["own", "template"] = "own"
    channel_order: Literal["rank", "spectral"] = "rank"
    importance_axis: Literal["row", "column"] = "row"
    importance_norm: Literal["l1", "l2"] = "l1"
    importance_units: Literal["counts", "unit"] = "counts"
    max_composites: Annotated[int, Interval("[0, 1000]")] = 8
    fixed_bands: Annotated[tuple[int, ...], Interval("[0, 1000]")] = ()
    seed: Seed = 0

    def __post_init__(self) -> None:
        require_choices(self)
        require_ranges(self)
        if (self.name == "fixed") != bool(self.fixed_bands) or len(self.fixed_bands) % 3:
            raise ConfigError(
                "expected three fixed_bands a composite for the composer fixed and none for others, "
                f"found {self.fixed_bands} for {self.name!r}; name bands from 0 on"
            )


class Composites(NamedTuple):
    """Composites of N crops.

    Attributes:
        images: (N, B, 3, H, W), raw bands picked by index (or principal components), most important composite first.
        importance: (N, C), sums to 1; carries gradient to W.
        order: (N, C) band indices, most important first.
        bands: (N, B, 3) band indices of every composite; None for principal components.
        weights: (N, B), sums to 1; carries gradient to W.
        matrix: W, (N, C, C), where the composer has one.
        basis: (N, C + 1, 3 B) principal components with their offsets in the last row, where the composer uses them.
    """

    images: Tensor
    importance: Tensor
    order: Tensor
    bands: Tensor | None
    weights: Tensor
    matrix: Tensor | None = None
    basis: Tensor | None = None


def count_composites(bands: int, leftover: str = "drop", limit: int = 0) -> int:
    """Composites of a cube: floor(bands / 3), or the ceiling where leftovers are wrapped; at most a positive `limit`.

    Example:
        >>> counts = [count_composites(bands) for bands in (3, 15, 16, 25)]
        >>> counts, count_composites(16, "wrap"), count_composites(200, limit=8)
        ([1, 5, 5, 8], 6, 8)
    """
    count = bands // 3 if leftover == "drop" else -(-bands // 3)
    return min(count, limit) if limit else count


def band_importance(matrix: Tensor, axis: str = "row", norm: str = "l1") -> Tensor:
    """Sums of W over its last axis (``row``) or over rows (``column``), scaled to sum 1; uniform where W is all zero.

    Args:
        matrix: (N, C, C), W >= 0.
        axis: row i says how band i is rebuilt from the others, column i how much it serves them.
        norm: ``l1``, or ``l2`` for the root of the sum of squares instead of the sum.

    Returns:
        (N, C).
    """
    dim = 2 if axis == "row" else 1
    # Plain sums where they are the same, bit for bit; a length has no slope at 0.
    sums = matrix.sum(dim=dim) if norm == "l1" else matrix.square().sum(dim=dim).clamp(min=_SMALLEST**2).sqrt()
    total = sums.sum(dim=1, keepdim=True)
    uniform = torch.full_like(sums, 1.0 / sums.shape[1])
    return torch.where(total > _SMALLEST, sums / total.clamp(min=_SMALLEST), uniform)


def rank_bands(importance: Tensor) -> Tensor:
    """(N, C) band indices, most important first; equal bands keep their order, so runs repeat exactly."""
    return torch.sort(importance.detach(), dim=1, descending=True, stable=True).indices


def group_bands(order: Tensor, leftover: str = "drop", limit: int = 0) -> Tensor:
    """Bands of every composite, (N, B, 3): ranks 3 n, 3 n + 1, 3 n + 2 in that order.

    Args:
        order: (N, C) of `rank_bands`.
        leftover: ``drop`` or ``wrap``.
        limit: at most so many composites, 0 for no limit.
    """
    count = count_composites(order.shape[1], leftover, limit)
    return torch.cat([order, order[:, :2]], dim=1)[:, : 3 * count].reshape(-1, count, 3)


def in_spectral_order(bands: Tensor, wavelengths_nm: Tensor | None) -> Tensor:
    """The same composites (N, B, 3), the bands within each by falling wavelength; by number where there are none."""
    if wavelengths_nm is None:
        return bands.sort(dim=2).values
    falling = wavelengths_nm.to(bands.device)[bands].sort(dim=2, descending=True, stable=True).indices
    return bands.gather(2, falling)


def composite_weights(importance: Tensor, bands: Tensor) -> Tensor:
    """Share of every composite in the importance of the bands that were grouped.

    Args:
        importance: (N, C), >= 0; gradient flows through the values, not through the ranking.
        bands: (N, B, 3).

    Returns:
        (N, B), sums to 1; falling where no band was wrapped and the order is the crop's own. Uniform where all are 0.
    """
    sums = importance.gather(1, bands.flatten(1)).view_as(bands).sum(dim=2)
    total = sums.sum(dim=1, keepdim=True)
    return torch.where(total > _SMALLEST, sums / total.clamp(min=_SMALLEST), torch.full_like(sums, 1.0 / sums.shape[1]))


def normalised_entropy(shares: Tensor) -> Tensor:
    """Mean entropy of shares (N, K) that sum to 1, over its largest value log K, in [0, 1]; 1 for a single share.

    Near 1 all count alike, near 0 one has taken all.

    Example:
        >>> normalised_entropy(torch.tensor([[0.25, 0.25, 0.25, 0.25], [1.0, 0.0, 0.0, 0.0]])).item()
        0.5
    """
    if shares.shape[1] == 1:
        return torch.ones((), device=shares.device)
    entropy = torch.special.entr(shares.float()).sum(dim=1)
    share: Tensor = entropy.mean() / math.log(shares.shape[1])
    return share


def sharpened(weights: Tensor, power: float) -> Tensor:
    """Weights (N, B) raised to a power, with sum 1 again; ours, for weights that are nearly alike.

    Args:
        weights: sum to 1; gradient flows through them.
        power: 1 leaves them as they are, 0 makes all alike, above 1 the heaviest count more.
    """
    if power == 1.0:
        return weights
    # Against the largest, so that no power runs out of digits; the floor keeps the slope at 0 finite.
    raised = (weights / weights.amax(dim=1, keepdim=True).clamp(min=_SMALLEST)).clamp(min=_SMALLEST) ** power
    return raised / raised.sum(dim=1, keepdim=True)


def pick_bands(cube: Tensor, bands: Tensor) -> Tensor:
    """The composites themselves: (N, C, H, W) and (N, B, 3) to (N, B, 3, H, W); values are not changed."""
    crops, count = bands.shape[:2]
    if crops > 1 or cube.device.type != "cpu":
        picked = cube[torch.arange(crops, device=cube.device).unsqueeze(1), bands.flatten(1)]
        return picked.view(crops, count, 3, *cube.shape[2:])
    # A tracker's crop lies pixel by pixel; plane after plane into images that lie so too is faster than any gather, and
    # what follows wants them like that.
    images = cube.new_empty((count, *cube.shape[2:], 3))
    for number, triple in enumerate(bands[0].tolist()):
        for channel, band in enumerate(triple):
            images[number, :, :, channel] = cube[0, band]
    return images.permute(0, 3, 1, 2).unsqueeze(0)
