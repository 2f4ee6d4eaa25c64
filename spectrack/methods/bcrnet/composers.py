"""Composers: what ranks the bands of a cube and makes composites of them, behind one interface.

Source: BCR-Net (Remote Sensing 17(22), 2025, 3689) section 3.2 for `importance`; section 1 names what others do:
sequential grouping, and band attention (BAE-Net); section 2.2 selection by joint entropy. The other composers are this
project's, for ablations: the exact solution instead of the learned one, chance, principal components, and bands that
the user names (one selected triple, one band three times).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from spectrack.errors import ConfigError, InputError
from spectrack.methods.bcrnet.band_importance import BandImportanceModule, BandRelations
from spectrack.methods.bcrnet.band_refinement import clear_diagonal
from spectrack.methods.bcrnet.composites import (
    LEARNED,
    ComposerConfig,
    Composites,
    band_importance,
    composite_weights,
    count_composites,
    group_bands,
    in_spectral_order,
    pick_bands,
    rank_bands,
)
from spectrack.methods.bcrnet.joint_entropy import band_entropies, most_telling_bands
from spectrack.methods.bcrnet.self_expression import gram_matrix, solve_self_expression

_SMALLEST = 1e-8


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

    def __call__(
        self, cube: Tensor, wavelengths_nm: Tensor | None = None, template: Composites | None = None
    ) -> Composites:
        """Make the composites.

        Args:
            cube: (N, C, H, W) scaled to about [0, 1].
            wavelengths_nm: (C,) band centres, or None when unknown.
            template: composites of the template, when `cube` is its search crop.

        Raises:
            InputError: fewer than three bands, or a fixed band that the cube has not.
        """
        if cube.ndim != 4 or cube.shape[1] < 3:
            raise InputError(f"expected crops (N, 3 or more bands, H, W), found {tuple(cube.shape)}; give whole cubes")
        ranking = self.rank(cube, wavelengths_nm)
        if template is not None and self.config.order_source == "template":
            ranking = ranking._replace(order=template.order)
        return self._compose(cube, ranking, template, wavelengths_nm)

    def _compose(
        self, cube: Tensor, ranking: Ranking, template: Composites | None, wavelengths_nm: Tensor | None
    ) -> Composites:
        bands = group_bands(ranking.in_order(), self.config.leftover, self.config.max_composites)
        if self.config.channel_order == "spectral":
            bands = in_spectral_order(bands, wavelengths_nm)
        return _gather(cube, ranking, bands)

    def _importance(self, matrix: Tensor, cube: Tensor) -> Tensor:
        """What `matrix` says of each band of a crop, (N, C), as the configuration reads it."""
        if self.config.importance_units == "unit":
            length = cube.float().square().mean(dim=(2, 3)).sqrt().to(matrix.dtype)
            lit = length.clamp(min=_SMALLEST)
            # A band without light has no rows and columns in W, and none here.
            matrix = matrix * (length.unsqueeze(1) / lit.unsqueeze(2))
        return band_importance(matrix, self.config.importance_axis, self.config.importance_norm)


class ImportanceComposer(Composer):
    """The paper's: bands ranked by BIMM.

    Args:
        config: how composites are made.
        bimm: the band importance module, or what computes the same.
    """

    def __init__(self, config: ComposerConfig, bimm: Callable[..., BandRelations]) -> None:
        super().__init__(config)
        self.bimm = bimm

    def rank(self, cube: Tensor, wavelengths_nm: Tensor | None) -> Ranking:
        """Sums of BIMM's W."""
        matrix = self.bimm(cube, wavelengths_nm=wavelengths_nm).matrix
        return Ranking(self._importance(matrix, cube), matrix)


class AttentionComposer(Composer):
    """Bands ranked by attention, as BAE-Net does: a softmax over bands at each pixel, averaged over pixels.

    What it is trained by is ours: every band shall be rebuilt as the mean of the others, weighted by their attention.
    So the reconstruction loss knows it as a W, W_ij = a_j / (1 - a_i) in bands of one length.

    Args:
        config: how composites are made.
        bimm: whose U-Net makes the attention.

    Source: Li et al., "BAE-Net: A Band Attention Aware Ensemble Network for Hyperspectral Object Tracking", ICIP 2020.
    """

    def __init__(self, config: ComposerConfig, bimm: BandImportanceModule) -> None:
        super().__init__(config)
        self.bimm = bimm

    def rank(self, cube: Tensor, wavelengths_nm: Tensor | None) -> Ranking:
        """Attention, and the W that it stands for."""
        attention = self.bimm.attention(cube, wavelengths_nm)
        length = cube.detach().float().square().mean(dim=(2, 3)).sqrt()
        lit = length.clamp(min=_SMALLEST)
        matrix = attention.unsqueeze(1) / (1.0 - attention).clamp(min=_SMALLEST).unsqueeze(2)
        matrix = clear_diagonal(matrix * (length.unsqueeze(2) / lit.unsqueeze(1)))
        return Ranking(attention, matrix.masked_fill((length <= _SMALLEST).unsqueeze(1), 0.0))


class SelfExpressionComposer(Composer):
    """Bands ranked by the exact solution of eq. (1) on the crop; needs no training."""

    def rank(self, cube: Tensor, wavelengths_nm: Tensor | None) -> Ranking:
        """Sums of the W that `solve_self_expression` finds."""
        matrix = solve_self_expression(gram_matrix(cube.detach()))
        return Ranking(self._importance(matrix, cube), matrix)


class JointEntropyComposer(Composer):
    """One composite: the three bands of the template that tell most together, in any crop of its video.

    Source: Wang et al., whose BS-SiamRPN selects bands so, as the text of BCR-Net tells (section 2.2).
    """

    def __call__(
        self, cube: Tensor, wavelengths_nm: Tensor | None = None, template: Composites | None = None
    ) -> Composites:
        """As `Composer.__call__`; search crops show the template's bands, because others would look unlike it."""
        if template is None or template.bands is None:
            return super().__call__(cube, wavelengths_nm)
        return _gather(cube, Ranking(template.importance, order=template.order), template.bands)

    def rank(self, cube: Tensor, wavelengths_nm: Tensor | None) -> Ranking:
        """The chosen three first, as they stand in the cube; importance is each band's own entropy."""
        entropies = band_entropies(cube)
        chosen = torch.tensor([most_telling_bands(crop) for crop in cube], device=cube.device)
        rest = rank_bands(entropies.scatter(1, chosen, -1.0))[:, :-3]
        total = entropies.sum(dim=1, keepdim=True)
        importance = torch.where(total > _SMALLEST, entropies / total.clamp(min=_SMALLEST), _uniform(cube))
        return Ranking(importance, order=torch.cat([chosen, rest], dim=1))

    def _compose(
        self, cube: Tensor, ranking: Ranking, template: Composites | None, wavelengths_nm: Tensor | None
    ) -> Composites:
        bands = ranking.in_order()[:, None, :3]
        if self.config.channel_order == "spectral":
            bands = in_spectral_order(bands, wavelengths_nm)
        return _gather(cube, ranking, bands)


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

    def _compose(
        self, cube: Tensor, ranking: Ranking, template: Composites | None, wavelengths_nm: Tensor | None
    ) -> Composites:
        bands = torch.tensor(self.config.fixed_bands, device=cube.device).view(1, -1, 3).expand(cube.shape[0], -1, -1)
        return _gather(cube, ranking, bands)


class PrincipalComponentComposer(Composer):
    """Principal components of the template instead of bands, three a composite, weighted by their share of variance.

    The search crop is projected on the template's components: components of its own would differ in sign and order.
    Each is shifted and scaled by the template's mean and four deviations to lie mostly within [0, 1].
    """

    def rank(self, cube: Tensor, wavelengths_nm: Tensor | None) -> Ranking:
        """Uniform importance: components have no bands."""
        return Ranking(_uniform(cube))

    def _compose(
        self, cube: Tensor, ranking: Ranking, template: Composites | None, wavelengths_nm: Tensor | None
    ) -> Composites:
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
        ConfigError: ``importance`` or ``attention`` without a band importance module.
    """
    if config.name in LEARNED:
        if bimm is None:
            raise ConfigError(f"expected a band importance module for composer {config.name}, found none; build one in")
        return ImportanceComposer(config, bimm) if config.name == "importance" else AttentionComposer(config, bimm)
    kinds: dict[str, type[Composer]] = {
        "self_expression": SelfExpressionComposer,
        "joint_entropy": JointEntropyComposer,
        "sequential": SequentialComposer,
        "random": RandomComposer,
        "pca": PrincipalComponentComposer,
        "fixed": FixedComposer,
    }
    return kinds[config.name](config)


def _uniform(cube: Tensor) -> Tensor:
    return torch.full(cube.shape[:2], 1.0 / cube.shape[1], device=cube.device)


def _gather(cube: Tensor, ranking: Ranking, bands: Tensor) -> Composites:
    weights = composite_weights(ranking.importance, bands)
    return Composites(pick_bands(cube, bands), ranking.importance, ranking.in_order(), bands, weights, ranking.matrix)


def _principal_components(cube: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """(N, C + 1, count) projection, its offsets in the last row, and (N, count) the components' shares of variance."""
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
