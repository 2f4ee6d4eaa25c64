"""SSF-Net: an RGB branch on the false colour, a hyperspectral branch on the whole cube, one weighted prediction.

Source: Wang, Li, Xia, Du, Tian, "SSF-Net: Spatial-Spectral Fusion Network with Spectral Angle Awareness for
Hyperspectral Object Tracking", IEEE TIP 34, 2025, 3518 (arXiv 2403.05852), of which only abstract and published summary
could be read, and the authors' repository, which does not contain these modules. Stated there: S2FB, fusion of RGB into
HS features by spectral attention, a head with a spectral angle, predictions of both branches weighted. Restored from
the repository's comments: the RGB branch is SiamBAN-ACM, fusion is applied to template and search region alike and
feeds the HS head, the weights are a learned softmax on logits. This project's: everything inside the modules (see
them), equal grids of both branches, weights for the boxes as well, profile `compact`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, NamedTuple, Self, cast

import torch
from torch import Tensor, nn

from spectrack.errors import InputError
from spectrack.methods.ssfnet.plane_backbone import PlaneBackbone, PlaneBackboneConfig
from spectrack.methods.ssfnet.spatial_spectral import S2FB, S2FBConfig
from spectrack.methods.ssfnet.spectral_angle import (
    Region,
    RegionWeights,
    SpectralAngleHead,
    SpectralTemplate,
    region_angles,
)
from spectrack.methods.ssfnet.spectral_attention_fusion import Fusion, build_fusion
from spectrack.networks.correlation import fuse_levels
from spectrack.networks.correlation_head import TemplateKernels
from spectrack.networks.neck import Neck
from spectrack.networks.siamese import SiameseConfig, SiameseNetwork
from spectrack.scaling import InputRange
from spectrack.tables import Interval, from_table, require_choices, require_ranges, to_table

Prediction = Literal["learned", "mean", "rgb", "hs"]
Shares = Literal["constant", "per_frame"]
Backbone = Literal["s2fb", "planes"]

_FIXED_SHARES = {"mean": (0.5, 0.5), "rgb": (1.0, 0.0), "hs": (0.0, 1.0)}


def _shipped_base() -> SiameseConfig:
    """The shape of the shipped siamban-compact, from which the RGB branch starts."""
    return SiameseConfig(template_box=True, prediction_kernel=3)


@dataclass(frozen=True)
class SSFNetConfig:
    """The shape of an SSF-Net; stored with the weights.

    Attributes:
        base: the RGB branch; the HS head takes its width, `template_box` and `prediction_kernel` from here.
        backbone: of the HS branch: S2FB, or (``planes``) the plain residual network that it is compared with.
        s2fb: shape of the first.
        planes: shape of the second.
        fusion: what the HS branch takes from the RGB branch.
        fusion_heads: of SAFM's attention; a divisor of the width.
        saam: whether the spectral angle gates the HS branch's scores.
        region: how cells of a region come together in the angle.
        region_weights: all cells of the region count the same, or by their share of the target's box.
        gate_regression: gate the HS branch's boxes as well.
        prediction: both branches by learned weights, by the same, or one alone.
        shares: the learned weights are the same in every frame (``constant``), or move with how far the best place in
            the frame stands out, by either modality's likeness to its template (``per_frame``; ours, see
            `distinctness`).
    """

    base: SiameseConfig = field(default_factory=_shipped_base)
    backbone: Backbone = "s2fb"
    s2fb: S2FBConfig = field(default_factory=S2FBConfig)
    planes: PlaneBackboneConfig = field(default_factory=PlaneBackboneConfig)
    fusion: Fusion = "safm"
    fusion_heads: Annotated[int, Interval("[1, 1024]")] = 8
    saam: bool = True
    region: Region = "aligned"
    region_weights: RegionWeights = "uniform"
    gate_regression: bool = False
    prediction: Prediction = "learned"
    shares: Shares = "constant"

    def __post_init__(self) -> None:
        require_choices(self)
        require_ranges(self)

    @property
    def input_range(self) -> InputRange:
        """What the RGB branch's backbone was trained on."""
        return self.base.input_range

    @property
    def bands(self) -> int | None:
        """The one number of bands that the weights are for; None where any will do."""
        return (self.s2fb.bands or None) if self.backbone == "s2fb" else None

    @classmethod
    def from_older(cls, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """The same table as it is written now: the RGB branch's head once stood beside the branch."""
        if "head" not in values:
            return values
        base = values.get("base", to_table(_shipped_base()))
        rest = {key: value for key, value in values.items() if key != "head"}
        return rest | {"base": {**base, "head": values["head"]} if isinstance(base, Mapping) else base}

    def with_switches(self, switches: dict[str, Any]) -> Self:
        """The same weights used in another way: values for some of the method's switches.

        Raises:
            ConfigError: a value out of range.
        """
        return from_table(type(self), to_table(self) | switches, "the options of SSF-Net")


class SSFNetTemplate(NamedTuple):
    """Everything that depends on M templates alone, computed once a target.

    Attributes:
        rgb: the RGB head's side.
        hs: the HS head's side.
        maps: the RGB and the fused map (M, channels, 7, 7), where weights are found on every frame; else none.
    """

    rgb: TemplateKernels
    hs: SpectralTemplate
    maps: tuple[Tensor, ...] = ()


class SSFNetOutput(NamedTuple):
    """One pass over N pairs.

    Attributes:
        logits: (N, 2, 25, 25) of both branches together, background first; float32.
        distances: (N, 4, 25, 25) of both together, as SiamBAN's; float32.
        rgb_logits: (N, 2, 25, 25).
        rgb_distances: (N, 4, 25, 25).
        hs_logits: (N, 2, 25, 25).
        hs_distances: (N, 4, 25, 25).
        angle: (N, 25, 25) spectral angle to the template's region, radians, float32; None without SAAM.
        classification_shares: (2,) of RGB and HS in the logits, sum to 1; (N, 2) where they differ by frame.
        regression_shares: the same in the distances.
        levels: the maps (N, channels, 31, 31) of the search crops: the RGB branch's levels, and the fused one.
    """

    logits: Tensor
    distances: Tensor
    rgb_logits: Tensor
    rgb_distances: Tensor
    hs_logits: Tensor
    hs_distances: Tensor
    angle: Tensor | None
    classification_shares: Tensor
    regression_shares: Tensor
    levels: tuple[Tensor, ...] = ()


class LevelMix(nn.Module):
    """Several levels to one map by the softmax of one learned number each; a single level passes unchanged.

    Args:
        levels: number of them.
    """

    def __init__(self, levels: int) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.zeros(levels))

    def forward(self, levels: list[Tensor]) -> Tensor:
        """Per level (N, C, H, W) to (N, C, H, W)."""
        # One level too: where several processes train together, every parameter must take part.
        return fuse_levels(levels, self.weights)


class SSFNet(nn.Module):
    """Template and search crops, as cubes and in false colour, to one grid of scores and distances.

    Args:
        config: the network's shape.

    Example:
        >>> from spectrack.networks.backbones.compact import CompactConfig
        >>> base = SiameseConfig(CompactConfig(widths=(8, 8, 8), dilations=(1,)))
        >>> network = SSFNet(SSFNetConfig(base=base, s2fb=S2FBConfig(channels=8, widths=(4, 4)))).eval()
        >>> cubes = torch.rand(1, 16, 127, 127), torch.rand(1, 16, 255, 255)
        >>> output = network(*cubes, torch.rand(1, 3, 127, 127), torch.rand(1, 3, 255, 255))
        >>> tuple(output.logits.shape), tuple(output.distances.shape), tuple(output.angle.shape)
        ((1, 2, 25, 25), (1, 4, 25, 25), (1, 25, 25))
    """

    def __init__(self, config: SSFNetConfig | None = None) -> None:
        super().__init__()
        self.config = config or SSFNetConfig()
        config, base = self.config, self.config.base
        self.rgb = SiameseNetwork(base)
        channels, levels = self.rgb.neck.channels, len(self.rgb.neck.in_channels)
        # Under one name, so that weights files, starts and frozen parts need not tell them apart.
        self.s2fb: S2FB | PlaneBackbone = (
            S2FB(config.s2fb) if config.backbone == "s2fb" else PlaneBackbone(config.planes)
        )
        self.hs_neck = Neck([self.s2fb.config.channels], channels)
        self.level_mix = LevelMix(levels)
        self.fusion = build_fusion(config.fusion, channels, heads=config.fusion_heads)
        self.hs_head = SpectralAngleHead(
            channels,
            saam=config.saam,
            region=config.region,
            region_weights=config.region_weights,
            gate_regression=config.gate_regression,
            template_box=base.template_box,
            prediction_kernel=base.prediction_kernel,
        )
        self.classification_mix = nn.Parameter(torch.zeros(2))
        self.regression_mix = nn.Parameter(torch.zeros(2))
        if config.shares == "per_frame":
            # At 0 the weights are the same in every frame; training finds how much a frame may say.
            self.classification_trust, self.regression_trust = (nn.Parameter(torch.zeros(())) for _ in range(2))

    def forward(
        self,
        template_cube: Tensor,
        search_cube: Tensor,
        template_colour: Tensor,
        search_colour: Tensor,
        wavelengths_nm: Tensor | None = None,
        template_boxes: Tensor | None = None,
    ) -> SSFNetOutput:
        """One pass over pairs, as training needs it.

        Args:
            template_cube: (N, B, 127, 127) in about [0, 1].
            search_cube: (N, B, 255, 255) in about [0, 1].
            template_colour: (N, 3, 127, 127) in [0, 1], the false colour of the same crops.
            search_colour: (N, 3, 255, 255) in [0, 1].
            wavelengths_nm: (B,) band centres, the same for all pairs; None or NaN where nobody knows them.
            template_boxes: (N, 4), see `kernels`.

        Raises:
            InputError: cubes and colours that do not belong together, or what the parts do not accept.
        """
        template = self.kernels(template_cube, template_colour, template_boxes, wavelengths_nm)
        return self.match(template, search_cube, search_colour, wavelengths_nm)

    def kernels(
        self,
        template_cube: Tensor,
        template_colour: Tensor,
        template_boxes: Tensor | None = None,
        wavelengths_nm: Tensor | None = None,
    ) -> SSFNetTemplate:
        """Everything that depends on the template alone, computed once a target; feed it to `match`.

        Args:
            template_cube: (N, B, 127, 127) in about [0, 1].
            template_colour: (N, 3, 127, 127) in [0, 1].
            template_boxes: (N, 4) x0, y0, x1, y1 of the targets in these crops, px; needed where the base has
                `template_box` or the head acm, and with region_weights box.
            wavelengths_nm: see `forward`.
        """
        levels = self.rgb.template(template_colour)
        hyperspectral = self.hs_neck.crop_template(self._hyperspectral(template_cube, template_colour, wavelengths_nm))[
            0
        ]
        colours = self.level_mix(levels)
        fused = self.fusion(hyperspectral, colours)
        return SSFNetTemplate(
            self.rgb.head.template_kernels(levels, template_boxes),
            self.hs_head.template(fused, template_boxes),
            (colours, fused) if self.config.shares == "per_frame" else (),
        )

    def match(
        self, template: SSFNetTemplate, search_cube: Tensor, search_colour: Tensor, wavelengths_nm: Tensor | None = None
    ) -> SSFNetOutput:
        """Templates (as many as search crops, or one) against search crops; see `forward`."""
        levels = self.rgb.extract(search_colour)
        rgb_logits, rgb_distances = self.rgb.head(template.rgb, levels)
        colours = self.level_mix(levels)
        fused = self.fusion(self._hyperspectral(search_cube, search_colour, wavelengths_nm)[0], colours)
        hs_logits, hs_distances, angle = self.hs_head(template.hs, fused)
        classification, regression = self.shares(template.maps, (colours, fused))
        return SSFNetOutput(
            _weighted(rgb_logits, hs_logits, classification),
            _weighted(rgb_distances, hs_distances, regression),
            rgb_logits,
            rgb_distances,
            hs_logits,
            hs_distances,
            angle,
            classification,
            regression,
            (*levels, fused),
        )

    def shares(self, templates: tuple[Tensor, ...], searches: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        """Weights of RGB and HS in logits and distances, (2,) or (N, 2) each, float32, as the configuration says.

        Args:
            templates: of `SSFNetTemplate.maps`.
            searches: the RGB and the fused map (N, channels, 31, 31).
        """
        if self.config.prediction == "learned":
            classification, regression = self.classification_mix.float(), self.regression_mix.float()
            if self.config.shares == "per_frame":
                seen = torch.stack([distinctness(*pair) for pair in zip(templates, searches, strict=True)], dim=1)
                classification = classification + self.classification_trust.float() * seen
                regression = regression + self.regression_trust.float() * seen
            return torch.softmax(classification, dim=-1), torch.softmax(regression, dim=-1)
        fixed = torch.tensor(_FIXED_SHARES[self.config.prediction], device=self.classification_mix.device)
        return fixed, fixed

    def _hyperspectral(self, cube: Tensor, colour: Tensor, wavelengths_nm: Tensor | None) -> list[Tensor]:
        if cube.ndim == 4 and (cube.shape[0], *cube.shape[2:]) != (colour.shape[0], *colour.shape[2:]):
            raise InputError(
                "expected cubes and false colours of the same crops, found "
                f"{tuple(cube.shape)} and {tuple(colour.shape)}; cut both alike"
            )
        return cast(list[Tensor], self.hs_neck([self.s2fb(cube, wavelengths_nm)]))


def distinctness(template: Tensor, search: Tensor) -> Tensor:
    """How far the place that is most like the template stands out of the search region: (N,) in [0, 2], float32.

    The highest cosine of template and region, cell by cell, less the mean over all places. Ours; Source: that a peak
    over its map tells how far a response can be trusted is Bolme et al., CVPR 2010 (peak-to-sidelobe ratio).

    Args:
        template: (N or 1, channels, k, k).
        search: (N, channels, h, w).
    """
    cosines = torch.cos(region_angles(template, search)).flatten(1)
    return cosines.amax(dim=1) - cosines.mean(dim=1)


def _weighted(rgb: Tensor, hs: Tensor, shares: Tensor) -> Tensor:
    own, other = (share.view(-1, 1, 1, 1) for share in shares.unbind(-1))
    return own * rgb.float() + other * hs.float()
