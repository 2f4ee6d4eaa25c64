"""From packed pairs to cubes: matrix product, shot and read noise, quantisation, enlargement to the crop's size.

This runs where the training runs, not where pairs are made: five 8-bit channels travel instead of a cube.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import NamedTuple

import cv2
import torch
from torch import Tensor
from torch.nn import functional

from spectrack.false_colour import DISPLAY_GAMMA, Encoding
from spectrack.grid import SEARCH_SIZE_PX, TEMPLATE_SIZE_PX
from spectrack.networks.siamese import encoded
from spectrack.pairs.spectral_surfaces import BEND_UNIT, NO_BEND
from spectrack.sensors import Sensor

_ELECTRONS_PER_COUNT = Sensor.full_well_e / ((1 << Sensor.bit_depth) - 1)
_READ_VARIANCE = (Sensor.read_noise_e / _ELECTRONS_PER_COUNT) ** 2
_LARGEST_COUNT = float((1 << Sensor.bit_depth) - 1)
_OF_A_CAMERA = ("wavelengths_nm", "sensor")
_NOISE_BANK = 1 << 22
_AT_ONCE = 1 << 18
"""Values that get their noise together: they stay in the processor's cache from the first step to the last."""


class PackedPairs(NamedTuple):
    """A batch on its way from the makers of pairs to the training, for one camera of B bands.

    Attributes:
        template: (n, 127, 127, 5) uint8; pair i fills its upper left corner, ``sides[i, 0]`` pixels wide and high.
        search: (n, 255, 255, 5) uint8; ``sides[i, 1]`` pixels of it.
        sides: (n, 2) int64.
        mixing: (n, 2, 9, B) float32, see `spectral_pairs.SpectralPair`.
        counts: (n,) float32.
        seeds: (n, 2) int64.
        places: (n,) int64, where these pairs stand in the batch.
        clip_template: (m, 127, 127, B) uint8 from video, square roots of values.
        clip_search: (m, 255, 255, B) uint8.
        clip_gains: (m, 2, B) float32, from the square of a stored number to a value.
        clip_places: (m,) int64.
        picture_template: (k, 127, 127, 3) uint8, data sets' own pictures of some of these crops, as they are shown.
        picture_search: (k, 255, 255, 3) uint8.
        picture_gains: (k, 2, 3) float32, from the light of a picture to values; 0 where there is none.
        picture_places: (k,) int64.
        box: (n + m, 4) float32.
        positive: (n + m,) bool.
        template_box: (n + m, 4) float32.
        kind: (n + m,) int64, indices into `spectral_pairs.KINDS`.
        wavelengths_nm: (B,) float32, NaN where nobody knows them.
        colour: (B, 3) float32, the false-colour rule.
        sensor: name of the camera.
        encoding: of the false colours that are made.
    """

    template: Tensor
    search: Tensor
    sides: Tensor
    mixing: Tensor
    counts: Tensor
    seeds: Tensor
    places: Tensor
    clip_template: Tensor
    clip_search: Tensor
    clip_gains: Tensor
    clip_places: Tensor
    picture_template: Tensor
    picture_search: Tensor
    picture_gains: Tensor
    picture_places: Tensor
    box: Tensor
    positive: Tensor
    template_box: Tensor
    kind: Tensor
    wavelengths_nm: Tensor
    colour: Tensor
    sensor: str
    encoding: Encoding = "linear"


class SpectralBatch(NamedTuple):
    """Spectral pairs as a network takes them; 1 is the brightest of the first frame (its 99.9th percentile).

    Attributes:
        template: (N, B, 127, 127) float32, contiguous.
        search: (N, B, 255, 255) float32.
        template_colour: (N, 3, 127, 127) float32, the false colour of the same crops, channels_last in memory.
        search_colour: (N, 3, 255, 255) float32.
        box: (N, 4) float32, x0, y0, x1, y1 in the search crop.
        positive: (N,) bool.
        template_box: (N, 4) float32, x0, y0, x1, y1 in the template crop.
        wavelengths_nm: (B,) float32, NaN where nobody knows them.
        kind: (N,) int64, indices into `spectral_pairs.KINDS`.
        sensor: name of the camera.
    """

    template: Tensor
    search: Tensor
    template_colour: Tensor
    search_colour: Tensor
    box: Tensor
    positive: Tensor
    template_box: Tensor
    wavelengths_nm: Tensor
    kind: Tensor
    sensor: str

    def parts(self, pairs: int) -> Iterator[SpectralBatch]:
        """The batch in pieces of so many pairs, the last one with what is left."""
        for start in range(0, len(self.box), pairs):
            taken = {
                name: part[start : start + pairs] for name, part in self._asdict().items() if name not in _OF_A_CAMERA
            }
            yield self._replace(**taken)


def expand(packed: PackedPairs) -> SpectralBatch:
    """Make cubes and false colours of a packed batch, on its device."""
    template = _cubes(packed, 0, TEMPLATE_SIZE_PX, packed.template, packed.clip_template)
    search = _cubes(packed, 1, SEARCH_SIZE_PX, packed.search, packed.clip_search)
    colours = (
        _colours(template, packed, 0, packed.picture_template),
        _colours(search, packed, 1, packed.picture_search),
    )
    labels = (packed.box, packed.positive, packed.template_box, packed.wavelengths_nm, packed.kind)
    return SpectralBatch(template, search, *colours, *labels, packed.sensor)


def _cubes(packed: PackedPairs, index: int, size: int, stored: Tensor, clips: Tensor) -> Tensor:
    """(N, B, size, size): all templates (index 0) or search crops (1) of a batch."""
    cubes = torch.empty(
        (len(packed.box), len(packed.wavelengths_nm), size, size), dtype=torch.float32, device=stored.device
    )
    sides, counts, seeds = packed.sides[:, index].tolist(), packed.counts.tolist(), packed.seeds[:, index].tolist()
    for pair, place in enumerate(packed.places.tolist()):
        side = sides[pair]
        _synthesise(cubes[place], stored[pair, :side, :side], packed.mixing[pair, index], counts[pair], seeds[pair])
    for pair, place in enumerate(packed.clip_places.tolist()):
        values = clips[pair].permute(2, 0, 1).float()
        torch.mul(values.square_(), packed.clip_gains[pair, index][:, None, None], out=cubes[place])
    return cubes


def _synthesise(out: Tensor, stored: Tensor, mixing: Tensor, counts: float, seed: int) -> None:
    """Fill `out` (B, size, size) from (side, side, 5) channels and a (9, B) matrix."""
    side, (bands, size, _) = stored.shape[0], out.shape
    channels = stored.reshape(side * side, -1).t().to(torch.float32, memory_format=torch.contiguous_format)
    colours = channels[:3]
    bends = channels[3:].sub_(NO_BEND).div_(BEND_UNIT)
    features = torch.cat([colours, colours * bends[0], colours * bends[1]])
    matrix = (mixing * counts).t()
    # Without enlargement, the product already stands where it belongs.
    cube = torch.mm(matrix, features, out=out.view(bands, -1)) if side == size else torch.mm(matrix, features)
    _expose(cube, counts, seed)
    if side < size:
        _enlarge(cube.view(bands, side, side), out)


def _expose(cube: Tensor, counts: float, seed: int) -> None:
    """Noise-free counts (B, pixels) to noisy whole counts, clipped as the converter does, over `counts`; in place.

    The photon-transfer model of `simulation.camera`: variance ``signal / g + (read / g)**2`` in counts, at gain g.
    """
    bands, pixels = cube.shape
    bank = _noise_bank(cube.device)
    step = max(1, _AT_ONCE // pixels)
    for number, first in enumerate(range(0, bands, step)):
        part = cube[first : first + step].view(-1)
        start = (seed + 1_000_003 * number) % (_NOISE_BANK - part.numel())
        spread = (
            part.mul(1.0 / _ELECTRONS_PER_COUNT).add_(_READ_VARIANCE).sqrt_().mul_(bank[start : start + part.numel()])
        )
        part.add_(spread).round_().clamp_(0.0, _LARGEST_COUNT).mul_(1.0 / counts)


def _enlarge(cube: Tensor, out: Tensor) -> None:
    """(B, side, side) to (B, size, size), linear, outer edges aligned."""
    size = out.shape[-1]
    if cube.device.type != "cpu":
        out.copy_(functional.interpolate(cube[None], size=(size, size), mode="bilinear", align_corners=False)[0])
        return
    # Band by band, OpenCV is five times as fast.
    for band, wide in zip(cube.numpy(), out.numpy(), strict=True):
        cv2.resize(band, (size, size), dst=wide, interpolation=cv2.INTER_LINEAR)


def _colours(cubes: Tensor, packed: PackedPairs, index: int, pictures: Tensor) -> Tensor:
    """(N, 3, size, size), encoded: by the rule, or data sets' own pictures where crops have some."""
    light = _false_colour(cubes, packed.colour)
    gains = packed.picture_gains[:, index]
    for picture, gain, place in zip(pictures, gains, packed.picture_places.tolist(), strict=True):
        if float(gain.sum()) > 0:
            shown = picture.permute(2, 0, 1).float() / 255.0
            if packed.encoding == "display":
                # A picture that is wanted as it is shown is left as it is, however bright.
                gain = gain / gain.mean()
            light[place] = shown**DISPLAY_GAMMA * gain[:, None, None]
    return encoded(light, packed.encoding).contiguous(memory_format=torch.channels_last)


def _false_colour(cubes: Tensor, colour: Tensor) -> Tensor:
    count, bands, size, _ = cubes.shape
    images = torch.matmul(colour.t(), cubes.view(count, bands, -1)).view(count, 3, size, size)
    return images.contiguous(memory_format=torch.channels_last)


@functools.cache
def _noise_bank(device: torch.device) -> Tensor:
    return torch.randn(_NOISE_BANK, generator=torch.Generator().manual_seed(0)).to(device)
