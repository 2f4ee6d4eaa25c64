"""BIMM, the band importance modelling module: which bands rebuild the others, learned from the crop alone.

Source: BCR-Net (Remote Sensing 17(22), 2025, 3689) section 3.2, eq. (1) to (10): a U-Net of 3D convolutions with
attention (`band_encoder`, `band_decoder`), its output pooled to one number per band, their correlation W0, and one
learned step to the coefficients W of self-expression (`band_refinement`). W >= 0 and diag(W) = 0 exactly.

Default `shared` (this project's): every weight is tied across bands, so one file serves any number of bands.
`band_specific` is the literal reading, for one number of bands. Bands are sorted by wavelength first where it is known:
a convolution along the bands takes neighbours in the array for neighbours in the spectrum.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from spectrack.errors import ConfigError
from spectrack.methods.bcrnet.band_decoder import (
    Gate,
    SemanticGuidedRefinement,
    ShuffledUpsampling,
    TiedRefinement,
    TiedUpsampling,
    last_layer,
)
from spectrack.methods.bcrnet.band_encoder import BandEncoder, EncoderLevel
from spectrack.methods.bcrnet.band_layout import BandLayout, TiedConvolution
from spectrack.methods.bcrnet.band_refinement import (
    START_CORRELATION,
    START_POOLED,
    FlatRefinement,
    PairwiseRefinement,
    RowRefinement,
    clear_diagonal,
    pooled_correlation,
)
from spectrack.methods.bcrnet.self_expression import gram_matrix
from spectrack.networks.band_axis import check_crops, sorting_order
from spectrack.tables import Interval, require, require_choice, require_choices, require_ranges

Phi = Literal["auto", "pairwise", "flat", "row"]
"""Form of the refinement; ``auto`` is pairwise where weights are shared and flat where they are band-specific."""

_DARK = 1e-6
"""A band whose root mean square is not above this holds no light; scaled cubes reach about 1."""

PARTS = ("cem", "sem", "sdub", "sgrm", "refinement")
"""What an ablation can leave out."""


@dataclass(frozen=True)
class BIMMConfig:
    """The shape of a band importance module; stored with the weights.

    Attributes:
        bands: 0 ties all weights across bands (any number will do); else the module is band-specific, for this many.
        widths: feature maps per band on each level, fine first.
        reduction: r of the channel attention.
        pooled_maps: pooled values per band; 0 takes 4 where weights are shared (one number says too little about a band
            whose place the weights do not know) and 1, as in the paper, where they are band-specific.
        input_size: crops are area-averaged to at most this side first, in pixels; 0 leaves them as they are.
        phi: form of the refinement.
        steps: how many refinements follow each other, each with weights of its own: 1 in the paper, 3 in SEE-Net.
        activation: outer activation of eq. (10); relu gives exact zeros.
        normalise_bands: bring every band of a crop to unit mean square first, and W back afterwards, so that neither
            illumination nor the camera's sensitivity matter and a band is rebuilt in its own brightness from the start.
        likeness: phi also sees how alike each pair of bands is in this crop, their cosine, which is what the exact
            solution is made of; pairwise phi with normalised bands only. Not in the paper.
        normalise_max: divide W by its largest entry, as SEE-Net does; this breaks the scale of the reconstruction.
        gate: what SGRM's attention multiplies.
        without: parts left out, of `PARTS`.
    """

    bands: Annotated[int, Interval("[0, 1000]")] = 0
    widths: Annotated[tuple[int, ...], Interval("[1, 1024]")] = (4, 8, 16)
    reduction: Annotated[int, Interval("[1, 1024]")] = 4
    pooled_maps: Annotated[int, Interval("[0, 64]")] = 0
    input_size: Annotated[int, Interval("[0, 1024]")] = 0
    phi: Phi = "auto"
    steps: Annotated[int, Interval("[1, 16]")] = 1
    activation: Literal["relu", "softplus"] = "relu"
    normalise_bands: bool = True
    likeness: bool = False
    normalise_max: bool = False
    gate: Gate = "decoder"
    without: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        require_choices(self)
        require_ranges(self)
        require(bool(self.widths), "widths", "at least one width", self.widths)
        require(self.bands not in (1, 2), "bands", "0 or at least 3", self.bands)
        for part in self.without:
            require_choice("without", PARTS, part)
        if self.likeness and not (
            self.normalise_bands and self.phi in ("auto", "pairwise") and (self.shared or self.phi == "pairwise")
        ):
            raise ConfigError("expected pairwise phi and normalise_bands for likeness, found others; turn likeness off")
        if self.bands == 0 and self.phi in ("flat", "row"):
            raise ConfigError(f"expected bands above 0 for phi {self.phi!r}, found 0; take pairwise or set bands")

    @property
    def maps_pooled(self) -> int:
        """Pooled values per band, with the default filled in."""
        return self.pooled_maps or (4 if self.shared else 1)

    @property
    def shared(self) -> bool:
        """Whether one set of weights serves any number of bands."""
        return self.bands == 0


class BandRelations(NamedTuple):
    """What the module says about the bands of N crops.

    Attributes:
        pooled: g, (N, C, pooled_maps) float32.
        initial: W0, (N, C, C), symmetric with a zero diagonal.
        matrix: W, (N, C, C) >= 0 with a zero diagonal; row i rebuilds band i.
    """

    pooled: Tensor
    initial: Tensor
    matrix: Tensor


class BandImportanceModule(nn.Module):
    """BIMM: crops of all bands to the matrix W of self-expression coefficients.

    Args:
        config: its shape.

    Example:
        >>> module = BandImportanceModule().eval()
        >>> [tuple(module(torch.rand(1, bands, 32, 32)).matrix.shape) for bands in (3, 16)]
        [(1, 3, 3), (1, 16, 16)]
    """

    def __init__(self, config: BIMMConfig | None = None) -> None:
        super().__init__()
        self.config = config or BIMMConfig()
        bands, widths, without, pooled = (
            self.config.bands,
            self.config.widths,
            self.config.without,
            self.config.maps_pooled,
        )
        self.encoder = BandEncoder(widths, bands, self.config.reduction, without)
        # The other gates multiply encoder features: their top level is as wide as the encoder's, a last layer follows.
        wide_top = self.config.gate != "decoder" and "sgrm" not in without
        targets = (widths[0] if wide_top else pooled, *widths[1:-1])
        self.upsampling = nn.ModuleList(
            _upsampling(bands, *pair, "sdub" in without) for pair in zip(widths[1:], targets, strict=False)
        )
        levels = zip(widths[:-1], targets, strict=False) if "sgrm" not in without else ()
        self.refinement = nn.ModuleList(_refinement(bands, *pair, self.config.gate) for pair in levels)
        self.output = (
            TiedConvolution(widths[0], pooled, 1, normalised=False, bias=True) if wide_top or len(widths) == 1 else None
        )
        self.phi = _build_phi(self.config)
        later = range(1, self.config.steps if self.phi is not None else 1)
        self.further = nn.ModuleList(cast(nn.Module, _build_phi(self.config, first=False)) for _ in later)
        self._initialise()

    def forward(self, cube: Tensor, wavelengths_nm: Tensor | None = None) -> BandRelations:
        """Relations of the bands of each crop.

        Args:
            cube: (N, C, H, W), scaled to about [0, 1], H and W at least 2^levels.
            wavelengths_nm: (C,) band centres, the same for all crops, or None when unknown.

        Returns:
            Pooled features, W0 and W, in the order of the cube's bands.

        Raises:
            InputError: fewer than three bands, crops too small, another number of bands than band-specific weights are
                for, or wavelengths that are not one a band.
        """
        cube, order = self._sorted(cube, wavelengths_nm)
        if order is not None and wavelengths_nm is not None:
            wavelengths_nm = wavelengths_nm[order]
        length = _band_lengths(cube)
        lit = length > _DARK
        length = (
            torch.where(lit, length, torch.ones_like(length))
            if self.config.normalise_bands
            else torch.ones_like(length)
        )
        normalised = cube / length[..., None, None] if self.config.normalise_bands else cube
        pooled = self.pool(normalised)
        with torch.autocast(cube.device.type, enabled=False):
            initial = pooled_correlation(pooled)
            matrix = self._refine(
                initial, pooled, wavelengths_nm, gram_matrix(normalised) if self.config.likeness else None
            )
            # What rebuilds bands of unit length rebuilds the bands themselves after this change of units. A band
            # without light needs no other and serves none, as in the exact solution.
            seen = lit.unsqueeze(2) & lit.unsqueeze(1)
            matrix = matrix * torch.where(seen, length.unsqueeze(2) / length.unsqueeze(1), 0.0)
            if self.config.normalise_max:
                matrix = matrix / matrix.amax(dim=(1, 2), keepdim=True).clamp(min=1e-8)
        if order is not None:
            back = torch.argsort(order)
            return BandRelations(pooled[:, back], initial[:, back][:, :, back], matrix[:, back][:, :, back])
        return BandRelations(pooled, initial, matrix)

    def attention(self, cube: Tensor, wavelengths_nm: Tensor | None = None) -> Tensor:
        """The U-Net's map as attention, for the composer `attention`: a softmax over the bands at each pixel, its mean.

        Args:
            cube: as for `forward`.
            wavelengths_nm: likewise.

        Returns:
            (N, C) float32, sums to 1, in the order of the cube's bands.
        """
        cube, order = self._sorted(cube, wavelengths_nm)
        length = _band_lengths(cube).clamp(min=_DARK)
        maps = self._maps(cube / length[..., None, None] if self.config.normalise_bands else cube)
        votes = maps.reshape(cube.shape[0], cube.shape[1], -1, *maps.shape[2:]).float().mean(dim=2)
        found = votes.softmax(dim=1).mean(dim=(2, 3))
        return found if order is None else found[:, torch.argsort(order)]

    def pool(self, cube: Tensor) -> Tensor:
        """U-Net and global average pooling: reduced, normalised crops (N, C, H, W) to g (N, C, pooled_maps) float32."""
        # The mean over thousands of pixels is taken in float32 whatever the maps are in.
        return self._layout(cube.shape[1]).descriptors(self._maps(cube).mean(dim=(2, 3), dtype=torch.float32))

    def _maps(self, cube: Tensor) -> Tensor:
        """The U-Net alone, in the layout of the bands."""
        layout = self._layout(cube.shape[1])
        reduced = layout.split(cube.to(self._kind()))
        encoded = self.encoder(reduced.contiguous(memory_format=torch.channels_last), layout)
        maps = encoded[-1]
        for level in range(len(encoded) - 2, -1, -1):
            fine = encoded[level]
            maps = self.upsampling[level](maps, layout, (fine.shape[-2], fine.shape[-1]))
            if len(self.refinement):
                maps = self.refinement[level](fine, maps, layout)
        return maps if self.output is None else cast(Tensor, self.output(maps, layout))

    def _sorted(self, cube: Tensor, wavelengths_nm: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Crops with their bands by wavelength, reduced, and that order where wavelengths are known."""
        check_crops(cube, wavelengths_nm, bands=self.config.bands, smallest=2 ** len(self.config.widths))
        order = None if wavelengths_nm is None else sorting_order(wavelengths_nm)
        return self._reduce(cube if order is None else cube[:, order]), order

    def prepare(self, bands: int) -> None:
        """Build what depends on the number of bands once, for many frames in evaluation mode."""
        for module in self.modules():
            if isinstance(module, TiedConvolution):
                module.prepare(self._layout(bands))

    def _layout(self, bands: int) -> BandLayout:
        return BandLayout.of(bands) if self.config.shared else BandLayout(bands, bands)

    def _refine(self, initial: Tensor, pooled: Tensor, wavelengths_nm: Tensor | None, cosines: Tensor | None) -> Tensor:
        if self.phi is None:
            raw = initial / ((initial.shape[-1] - 1) * START_CORRELATION)
        else:
            raw = initial - self.phi(initial, pooled, wavelengths_nm, cosines)
        activation = functional.relu if self.config.activation == "relu" else functional.softplus
        matrix = clear_diagonal(activation(raw))
        for phi in self.further:
            matrix = clear_diagonal(activation(matrix - phi(matrix, pooled, wavelengths_nm, cosines)))
        return matrix

    def _reduce(self, cube: Tensor) -> Tensor:
        """Means over whole squares of pixels, so that the side is at most `input_size`; the last may be smaller."""
        side, size = int(max(cube.shape[-2:])), self.config.input_size  # tracing has sides as tensors
        if size == 0 or side <= size:
            return cube
        return functional.avg_pool2d(cube, -(-side // size), ceil_mode=True, count_include_pad=False)

    def _kind(self) -> torch.dtype:
        return cast(EncoderLevel, self.encoder.levels[0]).convolution.convolution.weight.dtype

    def _initialise(self) -> None:
        for module in (*self.encoder.modules(), *self.upsampling.modules(), *self.refinement.modules()):
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        for module in self.refinement:
            # Attention starts at one half everywhere, before its batch normalisation has seen any data too.
            nn.init.normal_(cast(nn.Conv2d, cast(nn.Sequential, module.attention)[0]).weight, std=0.01)
        last = self.output.convolution if self.output is not None else last_layer(self.upsampling[0])
        # Attention halves what it gates; the bias makes up for it, so that g starts near 0.5.
        halved = self.output is None and len(self.refinement) > 0
        nn.init.constant_(cast(Tensor, last.bias), START_POOLED * (2.0 if halved else 1.0))
        # Band-specific weights start at one W for all crops (`FlatRefinement`); large differences in g would cut it.
        nn.init.normal_(last.weight, std=0.1 if self.config.shared else 0.01)


def _upsampling(bands: int, maps_in: int, maps_out: int, plain: bool) -> nn.Module:
    return (
        TiedUpsampling(maps_in, maps_out, plain)
        if bands == 0
        else ShuffledUpsampling(bands * maps_in, bands * maps_out, bands, plain)
    )


def _refinement(bands: int, encoder_maps: int, decoder_maps: int, gate: Gate) -> nn.Module:
    if bands == 0:
        return TiedRefinement(encoder_maps, decoder_maps, gate)
    return SemanticGuidedRefinement(bands * encoder_maps, bands * decoder_maps, bands, gate)


def _build_phi(config: BIMMConfig, *, first: bool = True) -> nn.Module | None:
    if "refinement" in config.without:
        return None
    phi = config.phi if config.phi != "auto" else ("pairwise" if config.shared else "flat")
    if phi == "pairwise":
        return PairwiseRefinement(config.maps_pooled, likeness=config.likeness, first=first)
    kind = FlatRefinement if phi == "flat" else RowRefinement
    return kind(config.bands, first=first)


def _band_lengths(cube: Tensor) -> Tensor:
    """Root mean square of every band, (N, C) float32."""
    with torch.no_grad():
        return cube.float().square().mean(dim=(2, 3)).sqrt()
