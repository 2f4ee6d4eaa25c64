"""BCR-Net as the training loop sees it: on pairs of cubes, reconstruction of both crops, then branches, then fusion."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, cast

import torch
from torch import Tensor

from spectrack.errors import WeightsError
from spectrack.methods.bcrnet.composers import AttentionComposer
from spectrack.methods.bcrnet.composites import Composites, normalised_entropy
from spectrack.methods.bcrnet.losses import bcrnet_loss, reconstruction_loss
from spectrack.methods.bcrnet.network import BCRNet, BCRNetOutput, fuse_branches
from spectrack.networks.backbones.resnet50 import ResNet50Config
from spectrack.networks.siamese import SiameseConfig, keep_levels
from spectrack.pairs.spectral_expansion import SpectralBatch
from spectrack.tables import from_table, require
from spectrack.training.labels import distance_targets
from spectrack.training.learner import Learner, best_overlaps
from spectrack.training.recipe import Recipe
from spectrack.weights.metadata import WeightsMetadata

_JUDGED_AT_ONCE = 4
"""Pairs of a validation in memory together; each has up to eight composites that all go through the backbone."""


class BCRNetLearner(Learner):
    """BCR-Net with its labels and losses; starts from SiamBAN's backbone, neck and head where the recipe says so.

    Args:
        recipe: the network's shape and the weights of the loss.
    """

    STARTS: ClassVar[Mapping[str, Mapping[str, str]]] = {
        "siamban": {"": "siamban."},
        "backbone": {"backbone.": "siamban.backbone."},
    }

    network: BCRNet

    def __init__(self, recipe: Recipe) -> None:
        fits = not (recipe.loss.branches and recipe.network.heads == "per_branch")
        require(fits, "loss.branches", "0 for heads per_branch", recipe.loss.branches)
        super().__init__(recipe)

    def load_start(self, state: Mapping[str, Tensor], metadata: WeightsMetadata, source: str) -> None:
        """As `Learner.load_start`; of SiamBAN's weights, heads of the branches all start as copies of its head.

        A network on fewer levels of ResNet-50 takes what belongs to them.
        """
        backbone = self.recipe.network.base.backbone
        if metadata.method == "siamban" and isinstance(backbone, ResNet50Config):
            had = from_table(SiameseConfig, metadata.config, source, error=WeightsError).backbone
            if isinstance(had, ResNet50Config):
                state = keep_levels(state, had.levels, backbone.levels)
        super().load_start(state, metadata, source)
        if metadata.method == "siamban":
            self.network.copy_head()

    def losses(self, batch: SpectralBatch, step: int) -> dict[str, Tensor]:
        """The terms of eq. (15), those of the fused maps, and how even importance and branch weights are.

        ``entropy`` is that of the weights of all branches, also where the loss draws some of them, and
        ``importance_entropy`` that of the bands' importance; both over their largest value, in [0, 1].
        """
        loss = self.loss
        if not loss.tracks:
            return self._reconstruct(batch)
        generator = self.draws(step)
        output, every = self._respond(batch, generator)
        labels = self.labels(batch, generator)
        terms = bcrnet_loss(output, batch.template, batch.search, labels, distance_targets(batch.box), loss)
        weights = self.network.branch_weights(every)
        told = {"entropy": weights, "importance_entropy": every.importance}
        return terms._asdict() | {name: normalised_entropy(shares.detach()) for name, shares in told.items()}

    @torch.no_grad()
    def overlaps(self, batch: SpectralBatch) -> Tensor:
        """IoU with the truth of the best-scored box of the fused maps, (number of positive pairs,)."""
        found = []
        for part in batch.parts(_JUDGED_AT_ONCE):
            output, _ = self._respond(part)
            scores, distances = fuse_branches(output.logits, output.distances, output.weights)
            found.append(best_overlaps(scores, distances, part))
        return torch.cat(found)

    def _respond(
        self, batch: SpectralBatch, generator: torch.Generator | None = None
    ) -> tuple[BCRNetOutput, Composites]:
        """The network's answer, with a generator for as many branches as the loss asks for, and all composites of the
        search crops.
        """
        network, wavelengths = self.network, _wavelengths(batch)
        template = network.compose(batch.template, wavelengths)
        search = network.compose(batch.search, wavelengths, template)
        every, count = search, search.images.shape[1]
        if generator is not None and 0 < self.loss.branches < count:
            drawn = (
                torch.randperm(count, generator=generator)[: self.loss.branches].sort().values.to(search.images.device)
            )
            template, search = keep_composites(template, drawn), keep_composites(search, drawn)
        return network.answer(template, search, batch.template_box), every

    def _reconstruct(self, batch: SpectralBatch) -> dict[str, Tensor]:
        network, wavelengths = self.network, _wavelengths(batch)
        errors = []
        for crop in (batch.template, batch.search):
            # Attention is a W of its own kind; whoever else composes, the warm-up is BIMM's.
            attends = isinstance(network.composer, AttentionComposer)
            matrix = (network.composer.rank if attends else network.bimm)(crop, wavelengths).matrix
            errors.append(reconstruction_loss(crop, cast(Tensor, matrix), norm=self.loss.norm))
        reconstruction = torch.stack(errors).sum()
        return {"total": self.loss.reconstruction * reconstruction, "reconstruction": reconstruction}


def keep_composites(composites: Composites, kept: Tensor) -> Composites:
    """Some of the composites, (kept,) their numbers; their weights sum to 1 again."""
    weights = composites.weights[:, kept]
    return composites._replace(
        images=composites.images[:, kept],
        bands=None if composites.bands is None else composites.bands[:, kept],
        weights=weights / weights.sum(dim=1, keepdim=True).clamp(min=1e-8),
    )


def _wavelengths(batch: SpectralBatch) -> Tensor | None:
    return batch.wavelengths_nm if bool(torch.isfinite(batch.wavelengths_nm).all()) else None
