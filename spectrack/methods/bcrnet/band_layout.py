"""Tied convolutions over the bands of a cube, in the layout that makes them fast on a processor.

A 3x3x3 convolution over bands, rows and columns has few feature maps, and so fills neither vector registers nor caches.
Here a block of T bands lies in the channels, (N * C / T, T * K, H, W) with channel = band * K + map, and one ordinary
2-D convolution with a banded weight computes the block from its bands and one more on each side: exactly the result
of the 3-D convolution (a test compares them). T = 1 stacks a band's three taps, T = C needs no neighbours.

Why this form: processor time in ms of the encoder's convolutions (1-4-8-16 maps), 16 bands, a thread, best of 25 (or 6)

    form                                  64 px fp32   64 px bf16   255 px fp32   255 px bf16
    nn.Conv3d                                    5.6          1.2           225            17
    oneDNN's 3-D convolution, direct             1.8            -            59             -
    blocks of 1                                  2.7          1.6            34            19
    blocks of 2                                  1.9          1.2            26            14
    blocks of 4                                  2.0          1.2            29            15
    blocks of 16                                 3.7          1.9            54            27

Small blocks are at or near the front in both number types and sizes. The zeros in the banded weight cost (T + 2) / 3
times the products, which is why larger ones lose. The rest of the module (depth-wise, 1x1 and grouped convolutions,
resizing) gains from the wider channels as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

LARGEST_BLOCK = 5
"""Most bands in a block: 3 of 3 and 18 bands, 4 of 16, 5 of 15, 25 and 200; 1 where there is no small divisor."""


@dataclass(frozen=True)
class BandLayout:
    """How the bands of a cube lie in maps (N * blocks, block * K, H, W).

    Attributes:
        bands: C.
        block: T, a divisor of C.
    """

    bands: int
    block: int

    @classmethod
    def of(cls, bands: int, largest: int = LARGEST_BLOCK) -> BandLayout:
        """The layout with the largest block that divides the bands.

        Example:
            >>> [BandLayout.of(bands).block for bands in (3, 15, 16, 25, 31, 200)]
            [3, 5, 4, 5, 1, 5]
        """
        return cls(bands, max(block for block in range(1, min(bands, largest) + 1) if bands % block == 0))

    @property
    def blocks(self) -> int:
        """C / T."""
        return self.bands // self.block

    def split(self, cube: Tensor) -> Tensor:
        """(N, C, H, W) to (N * blocks, block, H, W): one map per band."""
        return cube.reshape(-1, self.block, *cube.shape[2:])

    def descriptors(self, pooled: Tensor) -> Tensor:
        """(N * blocks, block * K) pooled over pixels to (N, C, K)."""
        return pooled.reshape(self._crops(pooled), self.bands, -1)

    def per_crop(self, maps: Tensor) -> Tensor:
        """(N * blocks, ...) to (N, blocks, ...), a view."""
        return maps.view(self._crops(maps), self.blocks, *maps.shape[1:])

    def _crops(self, maps: Tensor) -> int:
        """N; a plain number while the network is traced too, because an exported model knows its shapes."""
        return int(maps.shape[0]) // self.blocks


class TiedConvolution(nn.Module):
    """A convolution whose weights are the same for every band.

    Args:
        maps_in: feature maps per band that come in.
        maps_out: feature maps per band that go out.
        side: spatial side of the kernel, odd.
        taps: bands that one band sees: 1 (itself) or 3 (and its neighbours, zeros beyond the first and the last band).
        depthwise: every map by itself; maps_in = maps_out and taps = 1.
        normalised: without bias, followed by batch normalisation over all bands.

    It is kept as an `nn.Conv2d` on [before, own, after], so that initialisation and folding are the usual ones.
    """

    def __init__(
        self,
        maps_in: int,
        maps_out: int,
        side: int,
        *,
        taps: int = 1,
        depthwise: bool = False,
        normalised: bool = True,
        bias: bool = False,
    ) -> None:
        super().__init__()
        self.maps_in, self.maps_out, self.taps, self.depthwise = maps_in, maps_out, taps, depthwise
        groups = maps_in if depthwise else 1
        self.convolution = nn.Conv2d(taps * maps_in, maps_out, side, padding=side // 2, groups=groups, bias=bias)
        self.normalisation: nn.Module = nn.BatchNorm2d(maps_out) if normalised else nn.Identity()
        self._prepared: tuple[BandLayout, Tensor, Tensor | None, Tensor | None] | None = None

    def forward(self, maps: Tensor, layout: BandLayout) -> Tensor:
        """(N * blocks, block * maps_in, H, W) to (N * blocks, block * maps_out, H, W)."""
        if self.taps == 3 and layout.blocks > 1:
            maps = self._with_neighbours(maps, layout)
        if self._prepared is not None and self._prepared[0] == layout:
            _, weight, bias, sums = self._prepared
        else:
            weight, bias, sums = self._banded(layout)
        if sums is not None:
            by_map = functional.conv2d(
                maps, weight, padding=self.convolution.padding, groups=layout.block * self.maps_in
            )
            out = functional.conv2d(by_map, sums, bias)
        else:
            groups = layout.block * self.maps_in if self.depthwise else 1
            out = functional.conv2d(maps, weight, bias, padding=self.convolution.padding, groups=groups)
        return out if isinstance(self.normalisation, nn.Identity) else self._normalise(out, layout)

    @property
    def _one_map(self) -> bool:
        """Whether a band's maps become one, which costs least map by map with a sum over each band's.

        A banded weight would compute as many values as there are maps in a vector register and keep one a band: 2.5
        times the time at 64 px, four maps and four bands a block.
        """
        return self.maps_out == 1 and self.maps_in > 1 and self.taps == 1 and self.convolution.kernel_size[0] > 1

    def prepare(self, layout: BandLayout) -> None:
        """Build the banded weight once for many frames; for inference, after the last change of the weights.

        Folding, another mode, device or number type forget it.
        """
        weight, bias, sums = self._banded(layout)
        self._prepared = layout, weight.detach(), None if bias is None else bias.detach(), sums

    def train(self, mode: bool = True) -> Self:
        """As `nn.Module.train`; what was prepared is forgotten."""
        self._prepared = None
        return super().train(mode)

    def _apply(self, fn: Any, recurse: bool = True) -> Self:
        # Another device or number type: what was prepared for the last one would be used silently.
        self._prepared = None
        applied: Self = super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        return applied

    def fuse_pairs(self) -> list[tuple[str, str]]:
        """For `folding.fold_batch_norm`."""
        return [("convolution", "normalisation")]

    def _with_neighbours(self, maps: Tensor, layout: BandLayout) -> Tensor:
        """One more band on each side of every block: (N * blocks, (block + 2) * maps_in, H, W)."""
        crops = layout.per_crop(maps)
        edge = torch.zeros_like(crops[:, :1, : self.maps_in])
        before = torch.cat([edge, crops[:, :-1, -self.maps_in :]], dim=1)
        after = torch.cat([crops[:, 1:, : self.maps_in], edge], dim=1)
        return torch.cat([before, crops, after], dim=2).flatten(0, 1).contiguous(memory_format=torch.channels_last)

    def _banded(self, layout: BandLayout) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """Weight (block * maps_out, (block [+ 2]) * maps_in, side, side), bias (block * maps_out,), and no sums.

        Where a band's maps become one: the weight of every map by itself, (block * maps_in, 1, side, side), the bias,
        and the 1x1 convolution that adds up every band's maps, (block, block * maps_in, 1, 1).
        """
        weight, bias, block = self.convolution.weight, self.convolution.bias, layout.block
        repeated = None if bias is None else bias.repeat(block)
        if self._one_map:
            return weight.transpose(0, 1).repeat(block, 1, 1, 1), repeated, _sums(layout, self.maps_in, weight)
        if self.depthwise or block == 1:
            if block == 1 and self.taps == 3 and layout.blocks == 1:
                weight = weight[:, self.maps_in : 2 * self.maps_in]
            return weight.repeat(block, 1, 1, 1), repeated, None
        # Taps first, a zero tap last: band t of a block meets band s through tap s - t, elsewhere through the zero tap.
        by_tap = weight.view(self.maps_out, self.taps, self.maps_in, *weight.shape[2:]).movedim(1, 0)
        by_tap = torch.cat([by_tap, torch.zeros_like(by_tap[:1])])
        halo = 1 if self.taps == 3 and layout.blocks > 1 else 0
        own, seen = torch.arange(block)[:, None], torch.arange(-halo, block + halo)[None, :]
        tap = seen - own + self.taps // 2
        tap = torch.where((tap >= 0) & (tap < self.taps), tap, self.taps).to(weight.device)
        # (block, seen, out, in, side, side) -> (block * out, seen * in, side, side)
        banded = by_tap[tap].permute(0, 2, 1, 3, 4, 5).flatten(2, 3).flatten(0, 1)
        return banded.contiguous(memory_format=torch.channels_last), repeated, None

    def _normalise(self, maps: Tensor, layout: BandLayout) -> Tensor:
        """Batch normalisation of every map over all bands: in channels_last a view, the block beside the columns."""
        rows = maps.permute(0, 2, 3, 1)
        tied = rows.reshape(*rows.shape[:2], -1, self.maps_out).permute(0, 3, 1, 2)
        normal = cast(Tensor, self.normalisation(tied)).permute(0, 2, 3, 1)
        return normal.reshape(rows.shape).permute(0, 3, 1, 2)


def _sums(layout: BandLayout, maps: int, like: Tensor) -> Tensor:
    """(block, block * maps, 1, 1): the 1x1 convolution that adds up every band's maps."""
    return torch.eye(layout.block, dtype=like.dtype, device=like.device).repeat_interleave(maps, dim=1)[..., None, None]
