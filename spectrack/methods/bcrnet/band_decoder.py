"""Decoder of the band importance module: up by two with a channel shuffle (SDUB), then gated by the encoder (SGRM).

Source: BCR-Net (Remote Sensing 17(22), 2025, 3689) section 3.2.2, eq. (5) to (8). Stated by the paper: bilinear
doubling, depth-wise separable convolution, rearranged channels, 1x1 convolution to the target width; grouped
convolutions with batch normalisation of encoder and decoder features, sum, ReLU, 1x1 convolution with batch
normalisation, Sigmoid, product; the nesting. Restored from EMCAD (Rahman et al., CVPR 2024: EUCB and LGAG): kernel
sizes, order, batch normalisation in SDUB. This project's: the gate on the decoder, one group per band, the tied form.

Each block exists twice. Tied: the same weights serve every band, a group is a band, and the shuffle is left out, as it
only renames the maps that a tied 1x1 convolution reads. Band-specific: the 1x1 convolution mixes all bands.
"""

from __future__ import annotations

from typing import Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from spectrack.methods.bcrnet.band_layout import BandLayout, TiedConvolution

Gate = Literal["decoder", "encoder", "add"]
"""What SGRM's attention multiplies: U (the text), E (LGAG), or E with U added (EMCAD)."""


def shuffle_channels(maps: Tensor, groups: int) -> Tensor:
    """Interleave groups of channels: (N, groups * K, H, W), channel g * K + k goes to k * groups + g.

    Example:
        >>> shuffle_channels(torch.arange(6.0).view(1, 6, 1, 1), 2).flatten().tolist()
        [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]

    Source: Zhang et al., ShuffleNet, CVPR 2018.
    """
    crops, channels, height, width = maps.shape
    return maps.view(crops, groups, channels // groups, height, width).transpose(1, 2).reshape(maps.shape)


class TiedUpsampling(nn.Module):
    """SDUB for any number of bands: Conv1x1(ReLU(BN(DWConv3x3(Up2(D))))), weights tied across bands.

    Args:
        maps_in: feature maps per band that come in.
        maps_out: target feature maps per band.
        plain: leave the block out and keep only doubling and 1x1 convolution (an ablation).
    """

    def __init__(self, maps_in: int, maps_out: int, plain: bool = False) -> None:
        super().__init__()
        self.depthwise = None if plain else TiedConvolution(maps_in, maps_in, 3, depthwise=True)
        self.pointwise = TiedConvolution(maps_in, maps_out, 1, normalised=False, bias=True)

    def forward(self, maps: Tensor, layout: BandLayout, size: tuple[int, int]) -> Tensor:
        """(N * blocks, block * maps_in, h, w) to (N * blocks, block * maps_out, H, W); H = 2 h or 2 h + 1 (encoder)."""
        doubled = _double(maps)
        if self.depthwise is not None:
            doubled = functional.relu(self.depthwise(doubled, layout), inplace=True)
        return _fit(self.pointwise(doubled, layout), size)


class TiedRefinement(nn.Module):
    """SGRM for any number of bands: alpha = sigmoid(BN(Conv1x1(mean over bands of ReLU(BN(GConv E) + BN(GConv U))))).

    Args:
        encoder_maps: maps per band of E.
        decoder_maps: maps per band of U; equal to E's for the gates ``encoder`` and ``add``.
        gate: what alpha multiplies.
    """

    def __init__(self, encoder_maps: int, decoder_maps: int, gate: Gate = "decoder") -> None:
        super().__init__()
        self.gate = gate
        self.encoder = TiedConvolution(encoder_maps, 1, 3, bias=True)
        self.decoder = TiedConvolution(decoder_maps, 1, 3, bias=True)
        self.attention = nn.Sequential(nn.Conv2d(1, 1, 1), nn.BatchNorm2d(1))

    def forward(self, encoded: Tensor, upsampled: Tensor, layout: BandLayout) -> Tensor:
        """Gate one level: E and U, (N * blocks, block * maps, H, W), to D in the shape of U."""
        inner = functional.relu(self.encoder(encoded, layout) + self.decoder(upsampled, layout), inplace=True)
        # All bands look at the same place: one attention map a crop.
        together = layout.per_crop(inner.mean(dim=1, keepdim=True)).mean(dim=1)
        alpha = torch.sigmoid(self.attention(together)).repeat_interleave(layout.blocks, dim=0)
        return _gated(self.gate, alpha, encoded, upsampled)


class ShuffledUpsampling(nn.Module):
    """SDUB as the paper writes it, eq. (5): Conv1x1(Shuffle(ReLU(BN(DWConv3x3(Up2(D)))))), for a fixed number of bands.

    Args:
        channels_in: bands * maps that come in.
        channels_out: target width.
        groups: of the shuffle, the number of bands.
        plain: leave the block out and keep only doubling and 1x1 convolution (an ablation).
    """

    def __init__(self, channels_in: int, channels_out: int, groups: int, plain: bool = False) -> None:
        super().__init__()
        self.groups = groups
        self.filter: nn.Sequential | None = None
        if not plain:
            depthwise = nn.Conv2d(channels_in, channels_in, 3, padding=1, groups=channels_in, bias=False)
            self.filter = nn.Sequential(depthwise, nn.BatchNorm2d(channels_in), nn.ReLU(inplace=True))
        self.pointwise = nn.Conv2d(channels_in, channels_out, 1)

    def forward(self, maps: Tensor, layout: BandLayout, size: tuple[int, int]) -> Tensor:
        """(N, channels_in, h, w) to (N, channels_out, H, W) of the encoder's size, 2 h or 2 h + 1."""
        doubled = _double(maps)
        if self.filter is not None:
            doubled = shuffle_channels(self.filter(doubled).contiguous(), self.groups)
        return _fit(self.pointwise(doubled), size)


class SemanticGuidedRefinement(nn.Module):
    """SGRM, the paper's eq. (6), (7): alpha = sigmoid(BN(Conv1x1(ReLU(BN(GConv E) + BN(GConv U))))), D = alpha * U.

    Args:
        encoder_channels: bands * maps of E.
        decoder_channels: bands * maps of U; equal to E's for the gates ``encoder`` and ``add``.
        groups: bands; each is a group with one inner map.
        gate: what alpha multiplies.
    """

    def __init__(self, encoder_channels: int, decoder_channels: int, groups: int, gate: Gate = "decoder") -> None:
        super().__init__()
        self.gate = gate
        self.encoder = _grouped(encoder_channels, groups)
        self.decoder = _grouped(decoder_channels, groups)
        self.attention = nn.Sequential(nn.Conv2d(groups, 1, 1), nn.BatchNorm2d(1))

    def forward(self, encoded: Tensor, upsampled: Tensor, layout: BandLayout) -> Tensor:
        """Gate one level: E and U, (N, channels, H, W), to D in the shape of U."""
        inner = functional.relu(self.encoder(encoded) + self.decoder(upsampled), inplace=True)
        return _gated(self.gate, torch.sigmoid(self.attention(inner)), encoded, upsampled)


def _gated(gate: Gate, alpha: Tensor, encoded: Tensor, upsampled: Tensor) -> Tensor:
    if gate == "decoder":
        return upsampled * alpha
    return encoded * alpha if gate == "encoder" else upsampled + encoded * alpha


def _double(maps: Tensor) -> Tensor:
    return functional.interpolate(maps, scale_factor=2, mode="bilinear", align_corners=False)


def _fit(maps: Tensor, size: tuple[int, int]) -> Tensor:
    if maps.shape[-2:] == size:
        return maps
    return functional.interpolate(maps, size=size, mode="bilinear", align_corners=False)


def _grouped(channels: int, groups: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(channels, groups, 3, padding=1, groups=groups), nn.BatchNorm2d(groups))


def last_layer(upsampling: nn.Module) -> nn.Conv2d:
    """The 1x1 convolution that ends an SDUB."""
    pointwise = cast(nn.Module, upsampling.pointwise)
    return cast(nn.Conv2d, pointwise.convolution if isinstance(pointwise, TiedConvolution) else pointwise)
