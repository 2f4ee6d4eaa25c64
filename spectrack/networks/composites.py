"""Composites: three-band images made from a cube by ranking its bands, and how much each of them counts.

Source: BCR-Net (Remote Sensing 17(22), 2025, 3689) sections 3.1, 3.2 and 3.4: bands are ranked by the sums of W and assembled to
three-channel composites, which are weighted by the importance of their bands. Stated by the paper: that much. From SEE-Net's
published code, which it follows: floor(C / 3) composites in rank order, leftover bands dropped, row sums, weight = share of the importance.
This project's: the switches, the stable sort, the limit on composites, and the composers besides `importance` (for ablations).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, get_args

import torch
from torch import Tensor

from spectrack.errors import ConfigError, InputError, nearest_name
from spectrack.networks.band_importance import BandImportanceModule
from spectrack.networks.self_expression import gram_matrix, solve_self_expression

ComposerName = Literal["importance", "self_expression", "sequential", "random", "pca", "fixed"]
"""What ranks the bands: BIMM, the solver of eq. (1), their order, chance, principal components, or the user."""

_SMALLEST = 1e-8
_DARK_STRIDE = 4


@dataclass(frozen=True)
class ComposerConfig:
    """How composites are made; stored with the weights.

    Attributes:
        name: what ranks the bands.
        leftover: bands that do not fill a composite are dropped, or filled up with the top-ranked ones again (``wrap``).
        order_source: the search crop is ranked by its own matrix (the paper) or takes the template's order.
        importance_axis: band i counts by the sum of row i of W (how it is rebuilt; the paper) or of column i (how much it serves
            the others).
        max_composites: at most so many, highest importance first; 0 for no limit.
        fixed_bands: for ``fixed``: band indices, three a composite; a band may come again.
        seed: for ``random``.
    """

    name: ComposerName = "importance"
    leftover: Literal["drop", "wrap"] = "drop"
    order_source: Literal["own", "template"] = "own"
    importance_axis: Literal["row", "column"] = "row"
    max_composites: int = 8
    fixed_bands: tuple[int, ...] = ()
    seed: int = 0

    def __post_init__(self) -> None:
        for name, value, known in (
            ("composer", self.name, get_args(ComposerName)),
            ("leftover", self.leftover, ("drop", "wrap")),
            ("order_source", self.order_source, ("own", "template")),
            ("importance_axis", self.importance_axis, ("row", "column")),
        ):
            if value not in known:
                raise ConfigError(f"expected a known {name}, found {value!r}; {nearest_name(str(value), known)}")
        if self.max_composites < 0:
            raise ConfigError(f"expected max_composites of at least 0, found {self.max_composites}; 0 means no limit")
        if (self.name == "fixed") != bool(self.fixed_bands) or len(self.fixed_bands) % 3 or any(band < 0 for band in self.fixed_bands):
            raise ConfigError(
                f"expected three fixed_bands a composite for the composer fixed and none for others, found {self.fixed_bands} for "
                f"{self.name!r}; name bands from 0 on"
            )


class Composites(NamedTuple):
    """Composites of N crops.

    Attributes:
        images: (N, B, 3, H, W), raw bands picked by index (or principal components), the most important composite first.
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
    """Composites of a cube: floor(bands / 3), or the ceiling where leftover bands are wrapped; at most `limit` unless that is 0.

    Example:
        >>> [count_composites(bands) for bands in (3, 15, 16, 25)], count_composites(16, "wrap"), count_composites(200, limit=8)
        ([1, 5, 5, 8], 6, 8)
    """
    count = bands // 3 if leftover == "drop" else -(-bands // 3)
    return min(count, limit) if limit else count


def band_importance(matrix: Tensor, axis: str = "row") -> Tensor:
    """Sums of W over its last axis (``row``) or over rows (``column``), scaled to sum 1; uniform where W is all zero.

    Args:
        matrix: (N, C, C), W >= 0.
        axis: row i says how band i is rebuilt from the others, column i how much it serves them.

    Returns:
        (N, C).
    """
    sums = matrix.sum(dim=2 if axis == "row" else 1)
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


def pick_bands(cube: Tensor, bands: Tensor) -> Tensor:
    """The composites themselves: (N, C, H, W) and (N, B, 3) to (N, B, 3, H, W); values are not changed."""
    crops, count = bands.shape[:2]
    if crops > 1 or cube.device.type != "cpu":
        picked = cube[torch.arange(crops, device=cube.device).unsqueeze(1), bands.flatten(1)]
        return picked.view(crops, count, 3, *cube.shape[2:])
    # A tracker's crop lies pixel by pixel; plane after plane into images that lie so too is faster than any gather, and what follows
    # wants them like that.
    images = cube.new_empty((count, *cube.shape[2:], 3))
    for number, triple in enumerate(bands[0].tolist()):
        for channel, band in enumerate(triple):
            images[number, :, :, channel] = cube[0, band]
    return images.permute(0, 3, 1, 2).unsqueeze(0)


class Ranking(NamedTuple):
    """What a composer says about the bands of N crops.

    Attributes:
        importance: (N, C), sums to 1.
        matrix: W, (N, C, C), where the composer has one.
        order: (N, C) where it is not the order of the importance.
    """

    importance: Tensor
    matrix: Tensor | None = None
    order: Tensor | None = None

    def in_order(self) -> Tensor:
        """(N, C) band indices, first ones first."""
        return rank_bands(self.importance) if self.order is None else self.order


class Composer(ABC):
    """From cubes to composites. A subclass ranks the bands; calling it does the rest. It holds no weights of its own.

    Args:
        config: how composites are made.
    """

    def __init__(self, config: ComposerConfig) -> None:
        self.config = config

    @abstractmethod
    def rank(self, cube: Tensor, wavelengths_nm: Tensor | None) -> Ranking:
        """Rank the bands of crops (N, C, H, W)."""

    def __call__(self, cube: Tensor, wavelengths_nm: Tensor | None = None, template: Composites | None = None) -> Composites:
        """Make the composites.

        Args:
            cube: (N, C, H, W) scaled to about [0, 1].
            wavelengths_nm: (C,) band centres, or None when unknown.
            template: composites of the template, when `cube` is its search crop.

        Raises:
            InputError: fewer than three bands, or a fixed band that the cube has not.
        """
        if cube.ndim != 4 or cube.shape[1] < 3:
            raise InputError(f"expected crops (N, bands, H, W) with at least three bands, found {tuple(cube.shape)}; give the whole cube")
        ranking = self.rank(cube, wavelengths_nm)
        if template is not None and self.config.order_source == "template":
            ranking = ranking._replace(order=template.order)
        return self._compose(cube, ranking, template)

    def _compose(self, cube: Tensor, ranking: Ranking, template: Composites | None) -> Composites:
        return _gather(cube, ranking, group_bands(ranking.in_order(), self.config.leftover, self.config.max_composites))


class ImportanceComposer(Composer):
    """The paper's: bands ranked by BIMM.

    Args:
        config: how composites are made.
        bimm: the band importance module.
    """

    def __init__(self, config: ComposerConfig, bimm: BandImportanceModule) -> None:
        super().__init__(config)
        self.bimm = bimm

    def rank(self, cube: Tensor, wavelengths_nm: Tensor | None) -> Ranking:
        """Sums of BIMM's W; a band without light counts nothing."""
        matrix, axis = self.bimm(cube, wavelengths_nm).matrix, self.config.importance_axis
        return Ranking(band_importance(_without_dark(matrix, cube, axis), axis), matrix)


class SelfExpressionComposer(Composer):
    """Bands ranked by the exact solution of eq. (1) on the crop; needs no training."""

    def rank(self, cube: Tensor, wavelengths_nm: Tensor | None) -> Ranking:
        """Sums of the W that `solve_self_expression` finds."""
        matrix = solve_self_expression(gram_matrix(cube.detach()))
        return Ranking(band_importance(matrix, self.config.importance_axis), matrix)


class SequentialComposer(Composer):
    """Bands in their order, neighbours together; all composites count the same."""

    def rank(self, cube: Tensor, wavelengths_nm: Tensor | None) -> Ranking:
        """Uniform importance, whose stable order is the bands' own."""
        return Ranking(_uniform(cube))


class RandomComposer(Composer):
    """Bands in an order drawn once from the seed and the number of bands; all composites count the same."""

    def rank(self, cube: Tensor, wavelengths_nm: Tensor | None) -> Ranking:
        """Uniform importance and the drawn order."""
        drawn = torch.randperm(cube.shape[1], generator=torch.Generator().manual_seed(self.config.seed))
        return Ranking(_uniform(cube), order=drawn.to(cube.device).expand(cube.shape[0], -1))


class FixedComposer(Composer):
    """Composites that the user names, such as one selected triple or one band three times; all count the same."""

    def rank(self, cube: Tensor, wavelengths_nm: Tensor | None) -> Ranking:
        """Uniform importance; the named bands come first."""
        named = self.config.fixed_bands
        if max(named) >= cube.shape[1]:
            raise InputError(f"expected fixed_bands below {cube.shape[1]}, found {named}; bands count from 0")
        rest = [band for band in range(cube.shape[1]) if band not in named]
        order = torch.tensor([*dict.fromkeys(named), *rest], device=cube.device)
        return Ranking(_uniform(cube), order=order.expand(cube.shape[0], -1))

    def _compose(self, cube: Tensor, ranking: Ranking, template: Composites | None) -> Composites:
        bands = torch.tensor(self.config.fixed_bands, device=cube.device).view(1, -1, 3).expand(cube.shape[0], -1, -1)
        return _gather(cube, ranking, bands)


class PrincipalComponentComposer(Composer):
    """Principal components of the template instead of bands, three a composite, weighted by their share of the variance.

    The search crop is projected on the template's components: components of its own would differ in sign and order. Each is shifted and
    scaled by the template's mean and four deviations to lie mostly within [0, 1].
    """

    def rank(self, cube: Tensor, wavelengths_nm: Tensor | None) -> Ranking:
        """Uniform importance: components have no bands."""
        return Ranking(_uniform(cube))

    def _compose(self, cube: Tensor, ranking: Ranking, template: Composites | None) -> Composites:
        count = count_composites(cube.shape[1], "drop", self.config.max_composites)
        if template is not None and template.basis is not None:
            basis, weights = template.basis, template.weights
        else:
            basis, share = _principal_components(cube, 3 * count)
            weights = share.view(-1, count, 3).sum(dim=2)
        mixed = cube.flatten(2).transpose(1, 2) @ basis[:, :-1] + basis[:, -1:]
        images = mixed.transpose(1, 2).reshape(cube.shape[0], count, 3, *cube.shape[2:])
        return Composites(images, ranking.importance, ranking.in_order(), None, weights, basis=basis)


def build_composer(config: ComposerConfig, bimm: BandImportanceModule | None = None) -> Composer:
    """The composer that a configuration names.

    Raises:
        ConfigError: ``importance`` without a band importance module.
    """
    if config.name == "importance":
        if bimm is None:
            raise ConfigError("expected a band importance module for the composer importance, found none; build the network with one")
        return ImportanceComposer(config, bimm)
    kinds: dict[str, type[Composer]] = {
        "self_expression": SelfExpressionComposer,
        "sequential": SequentialComposer,
        "random": RandomComposer,
        "pca": PrincipalComponentComposer,
        "fixed": FixedComposer,
    }
    return kinds[config.name](config)


def composer_from_json(values: dict[str, Any]) -> ComposerConfig:
    """A configuration from the plain values of a weights file."""
    arguments: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
    return ComposerConfig(**arguments)


def _uniform(cube: Tensor) -> Tensor:
    return torch.full(cube.shape[:2], 1.0 / cube.shape[1], device=cube.device)


def _without_dark(matrix: Tensor, cube: Tensor, axis: str) -> Tensor:
    """W with zeros for the bands of a crop in which no sampled pixel has light, so that they rank last.

    Their images would be black; RedNIR cameras write such a band. Any band is as good where all are dark.
    """
    with torch.no_grad():
        lit = (cube[..., ::_DARK_STRIDE, ::_DARK_STRIDE] != 0).flatten(2).any(dim=2)
        keep = lit | ~lit.any(dim=1, keepdim=True)
        if bool(keep.all()):
            return matrix
    return matrix * keep.to(matrix).unsqueeze(2 if axis == "row" else 1)


def _gather(cube: Tensor, ranking: Ranking, bands: Tensor) -> Composites:
    weights = composite_weights(ranking.importance, bands)
    return Composites(pick_bands(cube, bands), ranking.importance, ranking.in_order(), bands, weights, ranking.matrix)


def _principal_components(cube: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """(N, C + 1, count) projection with its offsets in the last row, and each component's share of the variance, (N, count)."""
    pixels = cube.detach().double().flatten(2)
    mean = pixels.mean(dim=2, keepdim=True)
    values, vectors = torch.linalg.eigh((pixels - mean) @ (pixels - mean).transpose(1, 2) / pixels.shape[2])
    leading = vectors.flip(2)[:, :, :count]
    variance = values.flip(1)[:, :count].clamp(min=0)
    # A component's sign is arbitrary; the one with a positive sum is bright where the cube is.
    leading = leading * torch.where(leading.sum(dim=1, keepdim=True) < 0, -1.0, 1.0)
    # Components of pure noise are not blown up to full contrast.
    deviation = torch.maximum(variance.sqrt(), variance[:, :1].sqrt() * 1e-2).clamp(min=_SMALLEST)
    gain = (leading / (4.0 * deviation.unsqueeze(1))).float()
    offset = 0.5 - mean.transpose(1, 2).float() @ gain
    total = variance.sum(dim=1, keepdim=True)
    share = torch.where(total > 0, variance / total.clamp(min=1e-300), torch.full_like(variance, 1.0 / count))
    return torch.cat([gain, offset], dim=1), share.float()
