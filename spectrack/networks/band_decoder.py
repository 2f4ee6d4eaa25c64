"""Decoder of the band importance module: up by two with a channel shuffle (SDUB), then gated by the encoder (SGRM).

Source: BCR-Net (Remote Sensing 17(22), 2025, 3689) section 3.2.2, eq. (5) to (8). Stated by the paper: bilinear doubling,
depth-wise separable convolution, rearranged channels, 1x1 convolution to the target width; grouped convolutions with batch normalisation of
encoder and decoder features, sum, ReLU, 1x1 convolution with batch normalisation, Sigmoid, product; the nesting.
Restored from EMCAD (Rahman et al., CVPR 2024: EUCB and LGAG): kernel sizes, order, batch normalisation in SDUB. This
project's: which tensor is gated (the decoder's), one group per band, and the tied form.

Tied form: bands lie in the batch, (N * bands, maps, H, W), so the same weights serve every band and a group is a band. The
shuffle then only renames the maps that the tied 1x1 convolution reads, and is left out. Band-specific form: maps are
(N, bands * maps, H, W), channel = band * maps + map, and the 1x1 convolution mixes all bands.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

Gate = Literal["decoder", "encoder", "add"]
"""What SGRM's attention multiplies: U (the text), E (LGAG), or E with U added (EMCAD)."""


def shuffle_channels(maps: Tensor, groups: int) -> Tensor:
    """Interleave groups of channels: (N, groups * K, H, W), channel g * K + k goes to k * groups + g.

    Example:
        >>> shuffle_channels(torch.arange(6.0).view(1, 6, 1, 1), 2).flatten().tolist()
        [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]

    Source: Zhang et al., ShuffleNet, CVPR 2018.
    """
    return maps.unflatten(1, (groups, -1)).transpose(1, 2).flatten(1, 2)


class ShuffledUpsampling(nn.Module):
    """SDUB, eq. (5): Conv1x1(Shuffle(ReLU(BN(DWConv3x3(Up2(D)))))).

    Args:
        channels_in: channels that come in.
        channels_out: target width.
        groups: of the shuffle; the number of bands in the band-specific form, 1 (no shuffle) in the tied one.
        plain: leave the block out and keep only doubling and 1x1 convolution (an ablation).
    """

    def __init__(self, channels_in: int, channels_out: int, groups: int, plain: bool = False) -> None:
        super().__init__()
        self.groups, self.plain = groups, plain
        if not plain:
            self.depthwise = nn.Conv2d(channels_in, channels_in, 3, padding=1, groups=channels_in, bias=False)
            self.normalisation = nn.BatchNorm2d(channels_in)
        self.pointwise = nn.Conv2d(channels_in, channels_out, 1)

    def forward(self, maps: Tensor, size: tuple[int, int]) -> Tensor:
        """(M, channels_in, h, w) to (M, channels_out, H, W) of the encoder's size, 2 h or 2 h + 1."""
        doubled = functional.interpolate(maps, scale_factor=2, mode="bilinear", align_corners=False)
        if not self.plain:
            doubled = functional.relu(self.normalisation(self.depthwise(doubled)), inplace=True)
            if self.groups > 1:
                doubled = shuffle_channels(doubled, self.groups)
        out: Tensor = self.pointwise(doubled)
        return out if out.shape[-2:] == size else functional.interpolate(out, size=size, mode="bilinear", align_corners=False)

    def fuse_pairs(self) -> list[tuple[str, str]]:
        """For `folding.fold_batch_norm`."""
        return [("depthwise", "normalisation")]


class SemanticGuidedRefinement(nn.Module):
    """SGRM, eq. (6) and (7): alpha = sigmoid(BN(Conv1x1(ReLU(BN(GConv E) + BN(GConv U))))), D = alpha * U.

    Args:
        encoder_channels: channels of E.
        decoder_channels: channels of U; equal to E's for the gates ``encoder`` and ``add``.
        groups: bands in the band-specific form, 1 in the tied one, where the batch holds them.
        gate: what alpha multiplies.
    """

    def __init__(self, encoder_channels: int, decoder_channels: int, groups: int, gate: Gate = "decoder") -> None:
        super().__init__()
        self.gate = gate
        # One inner map per band: `groups` where channels hold the bands, a single one where the batch does.
        self.encoder = _grouped(encoder_channels, groups)
        self.decoder = _grouped(decoder_channels, groups)
        self.attention = nn.Sequential(nn.Conv2d(groups, 1, 1), nn.BatchNorm2d(1))

    def forward(self, encoded: Tensor, upsampled: Tensor, bands: int) -> Tensor:
        """Gate one level.

        Args:
            encoded: E, (M, encoder_channels, H, W).
            upsampled: U, (M, decoder_channels, H, W).
            bands: bands that lie in the batch: M = N * bands in the tied form; 1 in the band-specific one.

        Returns:
            D, shape of U.
        """
        inner = functional.relu(self.encoder(encoded) + self.decoder(upsampled), inplace=True)
        # All bands look at the same place: one attention map a crop, the mean of the bands where their weights are tied.
        together = inner.unflatten(0, (-1, bands)).mean(dim=1)
        alpha = torch.sigmoid(self.attention(together)).unsqueeze(1)
        gated = upsampled if self.gate == "decoder" else encoded
        out = (gated.unflatten(0, (-1, bands)) * alpha).flatten(0, 1)
        return out + upsampled if self.gate == "add" else out


def _grouped(channels: int, groups: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(channels, groups, 3, padding=1, groups=groups), nn.BatchNorm2d(groups))
