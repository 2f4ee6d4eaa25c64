"""BCR-Net: ranked bands in composites, one shared Siamese path for all of them, outputs weighted by importance.

Source: "Band and Context Refinement Network", Remote Sensing 17(22), 2025, 3689, section 3 and its figure of the
framework. Stated by the paper: the chain BIMM, composites, frozen ResNet-50, CFRM, box-adaptive heads, weights of the
branches. Restored from SEE-Net's published code, which it follows: one head for all branches, weights from the search
crop. This project's: profile `compact` (its backbone, BIMM on a reduced crop), CFRM after the neck, and the switches.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, NamedTuple, Self, cast

import torch
from torch import Tensor, nn

from spectrack.errors import ConfigError, InputError
from spectrack.methods.bcrnet.band_importance import BandImportanceModule, BIMMConfig
from spectrack.methods.bcrnet.composers import build_composer
from spectrack.methods.bcrnet.composites import LEARNED, ComposerConfig, Composites, sharpened
from spectrack.methods.bcrnet.contextual_refinement import ContextualRefinements
from spectrack.networks.correlation_head import LevelHead, SearchTowers, TemplateKernels
from spectrack.networks.siamese import SiameseConfig, SiameseNetwork
from spectrack.scaling import InputRange
from spectrack.tables import Interval, from_table, require_choices, require_ranges, to_table

COMPACT_BIMM_SIZE_PX = 64
"""Side to which `compact` reduces crops before BIMM: its output is one number per band, not a map."""


@dataclass(frozen=True)
class BCRNetConfig:
    """The shape of a BCR-Net; stored with the weights.

    Attributes:
        base: backbone, neck and head.
        bimm: the band importance module.
        composer: how composites are made.
        branch_weights: branches count by the importance of their bands, or all the same.
        weight_power: w_n of importance is raised to it before the sum is 1 again (ours): importances lie so near to
            each other that 1, the paper's, hardly tells branches apart; 0 counts all the same.
        refine: whether there is a CFRM.
        cfrm_place: on the neck's output with the template's 7x7 cells (ours), on that output before they are cut out
            (``pre_crop``), or on the backbone's output, before the neck (``pre_neck``; the paper's words).
        heads: one head for all branches, or one for each of `composer.max_composites`.
        straight_through: multiply each band by s / s = 1, so that the tracking loss reaches importance s (an ablation).
    """

    base: SiameseConfig = field(default_factory=SiameseConfig)
    bimm: BIMMConfig = field(default_factory=lambda: BIMMConfig(input_size=COMPACT_BIMM_SIZE_PX))
    composer: ComposerConfig = field(default_factory=ComposerConfig)
    branch_weights: Literal["importance", "uniform"] = "importance"
    weight_power: Annotated[float, Interval("[0, 100]")] = 1.0
    refine: bool = True
    cfrm_place: Literal["post_neck", "pre_crop", "pre_neck"] = "post_neck"
    heads: Literal["shared", "per_branch"] = "shared"
    straight_through: bool = False

    def __post_init__(self) -> None:
        require_choices(self)
        require_ranges(self)
        if self.heads == "per_branch" and self.composer.max_composites == 0:
            raise ConfigError("expected a limit for heads per_branch, found max_composites 0; name how many to build")

    def with_switches(self, switches: dict[str, Any]) -> Self:
        """The same weights with other composites: values for some of the method's switches; ``composer`` is a name.

        Raises:
            ConfigError: a value out of range, or a composer whose ranking these weights were not trained for.
        """
        wanted, trained = switches.get("composer", self.composer.name), self.composer.name
        if wanted in LEARNED and trained in LEARNED and wanted != trained:
            raise ConfigError(
                f"expected weights trained with composer {wanted}, found {trained}; train some with "
                f"--set network.composer.name={wanted}, or take another composer"
            )
        own = {name: value for name, value in switches.items() if name in ("branch_weights", "weight_power")}
        changes = {"name" if name == "composer" else name: switches[name] for name in switches.keys() - own.keys()}
        if "fixed_bands" in changes:
            changes["fixed_bands"] = _band_list(changes["fixed_bands"])
            changes.setdefault("name", "fixed")
        values = to_table(self)
        values |= own | {"composer": values["composer"] | changes}
        return from_table(type(self), values, "the options of BCR-Net")

    @property
    def input_range(self) -> InputRange:
        """What the backbone was trained on."""
        return self.base.input_range


class BCRNetOutput(NamedTuple):
    """One pass over N pairs with B branches.

    Attributes:
        logits: (N, B, 2, 25, 25), background first.
        distances: (N, B, 4, 25, 25), as SiamBAN's.
        weights: w_n of the search crop, (N, B), sums to 1; carries gradient to BIMM.
        template: composites of the template with W, importance and order.
        search: composites of the search crop.
    """

    logits: Tensor
    distances: Tensor
    weights: Tensor
    template: Composites
    search: Composites


Kernels = tuple[TemplateKernels, ...]
"""The template's side: one entry with batch N * B for a shared head, else one with batch N for each branch."""

Towers = tuple[SearchTowers, ...]
"""The search region's side, likewise."""


class BCRNet(nn.Module):
    """Template and search cubes to one grid of scores and distances a branch.

    The paper's backbone is frozen; that is the training's business (``frozen`` in a recipe), not the network's.

    Args:
        config: the network's shape.

    Example:
        >>> from spectrack.networks.backbones.compact import CompactConfig
        >>> base = SiameseConfig(CompactConfig(widths=(8, 8, 8), dilations=(1,)))
        >>> network = BCRNet(BCRNetConfig(base=base)).eval()
        >>> output = network(torch.rand(1, 16, 127, 127), torch.rand(1, 16, 255, 255))
        >>> tuple(output.logits.shape), tuple(output.weights.shape)
        ((1, 5, 2, 25, 25), (1, 5))
    """

    def __init__(self, config: BCRNetConfig | None = None) -> None:
        super().__init__()
        self.config = config or BCRNetConfig()
        self.siamban = SiameseNetwork(self.config.base)
        self.bimm = BandImportanceModule(self.config.bimm)
        self.composer = build_composer(self.config.composer, self.bimm)
        neck = self.siamban.neck
        channels, levels = neck.channels, len(neck.in_channels)
        refined = neck.in_channels if self.config.cfrm_place == "pre_neck" else [channels] * levels
        self.cfrm = ContextualRefinements(refined) if self.config.refine else None
        count = self.config.composer.max_composites if self.config.heads == "per_branch" else 0
        self.heads = nn.ModuleList(self.config.base.build_head(channels, levels) for _ in range(count))

    def copy_head(self) -> None:
        """Let every branch's own head start as a copy of SiamBAN's."""
        for head in self.heads:
            head.load_state_dict(self.siamban.head.state_dict())

    def forward(
        self,
        template_cube: Tensor,
        search_cube: Tensor,
        wavelengths_nm: Tensor | None = None,
        template_boxes: Tensor | None = None,
    ) -> BCRNetOutput:
        """One pass over pairs, as training needs it.

        Args:
            template_cube: (N, C, 127, 127) in about [0, 1].
            search_cube: (N, C, 255, 255) in about [0, 1].
            wavelengths_nm: (C,) band centres, the same for all pairs, or None when unknown.
            template_boxes: (N, 4), see `kernels`.
        """
        template = self.compose(template_cube, wavelengths_nm)
        return self.answer(template, self.compose(search_cube, wavelengths_nm, template), template_boxes)

    def answer(self, template: Composites, search: Composites, template_boxes: Tensor | None = None) -> BCRNetOutput:
        """One pass over the composites of pairs.

        Args:
            template: of the template cubes.
            search: of the search cubes, as many.
            template_boxes: (N, 4), see `kernels`.
        """
        logits, distances = self.match(
            self.kernels(template.images, template_boxes), self.towers(search.images), search.images.shape[1]
        )
        return BCRNetOutput(logits, distances, self.branch_weights(search), template, search)

    def compose(
        self, cube: Tensor, wavelengths_nm: Tensor | None = None, template: Composites | None = None
    ) -> Composites:
        """Rank the bands of crops and make composites; for a search crop `template` are those of the template."""
        composites = self.composer(cube, wavelengths_nm, template)
        if self.config.heads == "per_branch" and composites.images.shape[1] > len(self.heads):
            limit, found = len(self.heads), composites.images.shape[1]
            raise InputError(f"expected at most {limit} composites, one a head, found {found}; lower max_composites")
        if not self.config.straight_through or composites.bands is None:
            return composites
        share = composites.importance
        gate = 1.0 + (share - share.detach()) / share.detach().clamp(min=1e-6)
        gates = gate.gather(1, composites.bands.flatten(1)).view_as(composites.bands)
        return composites._replace(images=composites.images * gates[..., None, None])

    def branch_weights(self, composites: Composites) -> Tensor:
        """w_n of N crops, (N, B), sums to 1."""
        weights = composites.weights
        if self.config.branch_weights == "uniform":
            return torch.full_like(weights, 1.0 / weights.shape[1])
        return sharpened(weights, self.config.weight_power)

    def kernels(self, images: Tensor, boxes: Tensor | None = None) -> Kernels:
        """The template's side of the head, computed once a template.

        Args:
            images: (N, B, 3, 127, 127) composites.
            boxes: (N, 4) x0, y0, x1, y1 of the targets in the template crops, px; used with the base's `template_box`
                and by its head acm.
        """
        levels = self._extract(images)
        if self.config.cfrm_place == "post_neck":
            levels = self._refined(self.siamban.neck.crop_template(levels))
        else:
            levels = self.siamban.neck.crop_template(self._refined(levels))
        branches = images.shape[1]
        if not len(self.heads):
            return (
                self.siamban.head.template_kernels(
                    levels, None if boxes is None else boxes.repeat_interleave(branches, dim=0)
                ),
            )
        return tuple(
            head.template_kernels([level[n::branches] for level in levels], boxes)
            for n, head in enumerate(self._heads(branches))
        )

    def towers(self, images: Tensor) -> Towers:
        """(N, B, 3, 255, 255) composites to the search region's side of the head, computed once for all templates."""
        return self.look(images)[0]

    def look(self, images: Tensor) -> tuple[Towers, tuple[Tensor, ...]]:
        """As `towers`, with the maps (N * B, channels, 31, 31) that they were made of."""
        levels, branches = self._refined(self._extract(images)), images.shape[1]
        if not len(self.heads):
            return (self.siamban.head.towers(levels),), tuple(levels)
        towers = tuple(
            head.towers([level[n::branches] for level in levels]) for n, head in enumerate(self._heads(branches))
        )
        return towers, tuple(levels)

    def match(self, kernels: Kernels, towers: Towers, branches: int) -> tuple[Tensor, Tensor]:
        """Kernels of N templates against N search crops, branch by branch.

        Returns:
            Logits (N, B, 2, 25, 25) and distances (N, B, 4, 25, 25).
        """
        if not len(self.heads):
            logits, distances = self.siamban.head.correlate(kernels[0], towers[0])
            return _by_branch(logits, branches), _by_branch(distances, branches)
        pairs = [
            head.correlate(own, seen) for head, own, seen in zip(self._heads(branches), kernels, towers, strict=True)
        ]
        return torch.stack([logits for logits, _ in pairs], dim=1), torch.stack(
            [distances for _, distances in pairs], dim=1
        )

    def _extract(self, images: Tensor) -> list[Tensor]:
        """Maps after the neck, of (N, B, 3, H, W) composites; refined already where CFRM stands before it."""
        flat = images.flatten(0, 1)
        if self.cfrm is None or self.config.cfrm_place != "pre_neck":
            return self.siamban.extract(flat)
        return cast(list[Tensor], self.siamban.neck(self.cfrm(self.siamban.backbone(self.siamban.normalise(flat)))))

    def _refined(self, levels: list[Tensor]) -> list[Tensor]:
        """Maps after the neck, refined unless they are already."""
        if self.cfrm is None or self.config.cfrm_place == "pre_neck":
            return levels
        return cast(list[Tensor], self.cfrm(levels))

    def _heads(self, branches: int) -> list[LevelHead]:
        return cast(list[LevelHead], list(self.heads))[:branches]


def _by_branch(maps: Tensor, branches: int) -> Tensor:
    return maps.reshape(-1, branches, *maps.shape[1:])


def fuse_branches(logits: Tensor, distances: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Branch fusion by maps: S = sum_n w_n softmax(P_n)_object, R = sum_n w_n R_n.

    Args:
        logits: (N, B, 2, 25, 25).
        distances: (N, B, 4, 25, 25).
        weights: (N, B), sums to 1.

    Returns:
        Scores (N, 25, 25) in [0, 1] and distances (N, 4, 25, 25), float32.
    """
    shares = weights.float()
    scores = logits.float().softmax(dim=2)[:, :, 1]
    return torch.einsum("nb,nbij->nij", shares, scores), torch.einsum("nb,nbkij->nkij", shares, distances.float())


def _band_list(value: Any) -> tuple[int, ...]:
    """Band indices from a list, or from text such as ``9,5,1``."""
    parts = value.split(",") if isinstance(value, str) else value
    try:
        return tuple(int(part) for part in parts)
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f"expected band indices such as 9,5,1, found {value!r}; name three bands a composite"
        ) from error
