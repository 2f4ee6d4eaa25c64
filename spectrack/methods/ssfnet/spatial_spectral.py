"""S2FB, the spatial-spectral feature backbone: a whole cube to one map on the RGB branch's pixel grid.

Source: SSF-Net (IEEE TIP 34, 2025, 3518), of which only the published summary could be read. Stated there: S2FB is
built of S2CBs, each with a spatial and a spectral extraction branch; residual connections; an ablation with either
branch alone. Everything below is this project's reconstruction, consistent with that: parallel 1x3x3 and 3x1x1
convolutions (together a factorised 3x3x3 kernel), joined by 1x1x1, with the band axis kept until the last layer;
unpadded strides 127 -> 63 -> 31 -> 15 and 255 -> 127 -> 63 -> 31, so cell j looks at pixel 8 j + 7 as in the RGB
branch; an output for any number of bands.

Any number of bands: one file of weights shall serve every camera, where the specified projection needs a weight per
band, so attention over the band axis makes a fixed number of virtual bands. Each is a mixture of the real ones. Its
query is a place in the camera's range and a width, which start evenly spread, so that at the start a cube is only
resampled; a small network of the band's code moves the attention from there. The weights depend on where bands lie, not
on what is in them: template and search crop of one video are mixed alike, so that their spectra stay comparable.

How it is computed: maps are (N * B, K, H, W) in channels_last, that is (N, B, H, W, K) in memory. Of that memory a
spatial convolution is an ordinary 2-D one over N * B images, and one along the bands is a 2-D one of kernel 3x1 over
images of B rows and H * W columns, both without a copy. In float32 that is ten times faster than `nn.Conv3d`, and
exactly the same (a test compares them).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from spectrack.networks.band_axis import CubeInput, check_crops, in_order, network_input
from spectrack.networks.convolutions import ResidualBlock, normalised
from spectrack.tables import Interval, require, require_choices, require_ranges

Branches = Literal["joint", "spatial", "spectral"]
Stem = Literal["block", "patch"]
_LEGACY_PADDING = 2
_OCTAVES = 4
_CODE = 4 * _OCTAVES + 1
_SHORTEST_NM, _LONGEST_NM = 400.0, 1000.0


@dataclass(frozen=True)
class S2FBConfig:
    """The shape of a spatial-spectral backbone; the defaults are the profile `compact`.

    Attributes:
        channels: of the map that comes out.
        widths: maps per band of each stage.
        stem: ``block``, three S2CBs of stride 2 first, as specified; ``patch``, one 7x7 convolution of stride 4 over
            each band and then one S2CB of stride 2, which leaves out the large maps and mixes bands only behind them.
            Stages beyond those have stride 1.
        branches: of every S2CB; the other one is left out.
        residual: whether S2CBs have a shortcut.
        bands: 0 for any number (`virtual_bands` are made of them by attention); else the last layer is for this many.
        virtual_bands: number of mixtures of bands that the last layer sees where `bands` is 0.
        context_dilations: one 2-D residual block each behind the last layer, with this dilation.
        input: what it sees of the cube, see `network_input`.
        legacy_padding: pad strides by 2, as 18 and 34 cells in the authors' comments suggest, and cut the maps back; 2
            px off the RGB grid.
    """

    channels: Annotated[int, Interval("[1, 4096]")] = 64
    widths: Annotated[tuple[int, ...], Interval("[1, 4096]")] = (16, 32, 32)
    stem: Stem = "patch"
    branches: Branches = "joint"
    residual: bool = True
    bands: Annotated[int, Interval("[0, 1000]")] = 0
    virtual_bands: Annotated[int, Interval("[1, 1000]")] = 16
    context_dilations: Annotated[tuple[int, ...], Interval("[1, 64]")] = (1, 2)
    input: CubeInput = "shape"
    legacy_padding: bool = False

    def __post_init__(self) -> None:
        require_choices(self)
        require_ranges(self)
        least = 3 if self.stem == "block" else 2
        require(len(self.widths) >= least, "widths", f"{least} or more for stem {self.stem}", list(self.widths))
        require(self.bands not in (1, 2), "bands", "0 (any number) or at least 3", self.bands)


class S2CB(nn.Module):
    """One spatial-spectral block: ``relu(join([spatial(x); spectral(pool(x))]) + shortcut(pool(x)))``.

    Args:
        maps_in: per band.
        maps_out: per band.
        stride: 1, or 2 in rows and columns without padding; never in bands.
        branches: which of the two there are.
        residual: whether there is a shortcut.
        padding: zeros around the map before a stride of 2; 0 but for `legacy_padding`.

    Example:
        >>> block = S2CB(1, 4, 2)
        >>> tuple(block(torch.rand(2 * 5, 1, 15, 15), 5).shape)
        (10, 4, 7, 7)
    """

    def __init__(
        self,
        maps_in: int,
        maps_out: int,
        stride: int = 1,
        *,
        branches: Branches = "joint",
        residual: bool = True,
        padding: int = 0,
    ) -> None:
        super().__init__()
        self.stride, self.padding = stride, padding if stride == 2 else 0
        self.pool = nn.AvgPool2d(3, stride=2) if stride == 2 else nn.Identity()
        self.spatial = (
            normalised(maps_in, maps_out, 3, stride=stride, padding=int(stride == 1), active=True)
            if branches != "spectral"
            else None
        )
        self.spectral = (
            normalised(maps_in, maps_out, (3, 1), padding=(1, 0), active=True) if branches != "spatial" else None
        )
        self.join = normalised(maps_out * (2 if branches == "joint" else 1), maps_out, 1)
        self.shortcut: nn.Module | None = None
        if residual:
            self.shortcut = nn.Identity() if stride == 1 and maps_in == maps_out else normalised(maps_in, maps_out, 1)

    def forward(self, maps: Tensor, bands: int) -> Tensor:
        """(N * bands, maps_in, H, W) to (N * bands, maps_out, H', W'); H' = (H - 1) // 2 with stride 2."""
        if self.padding:
            maps = functional.pad(maps, (self.padding,) * 4)
        # Unpadded pooling keeps both branches and the shortcut on the grid 2 j + 1 of the strided convolution.
        pooled = self.pool(maps)
        parts = [] if self.spatial is None else [cast(Tensor, self.spatial(maps))]
        if self.spectral is not None:
            parts.append(_across_space(self.spectral(_along_bands(pooled, bands)), pooled.shape[-2:]))
        joined: Tensor = self.join(parts[0] if len(parts) == 1 else torch.cat(parts, dim=1))
        if self.shortcut is not None:
            joined = joined + self.shortcut(pooled)
        return functional.relu(joined, inplace=True)


def band_places(bands: int, wavelengths_nm: Tensor | None) -> Tensor:
    """(bands,) places in the camera's range, 0 to 1, from the wavelengths or, where nobody knows them, from the index.

    Example:
        >>> band_places(3, torch.tensor([500.0, 510.0, 600.0])).tolist(), band_places(3, None).tolist()
        ([0.0, 0.10000000149011612, 1.0], [0.0, 0.5, 1.0])
    """
    if wavelengths_nm is None:
        # As numbers: exporters make doubles of `linspace`, whose cosine ONNX Runtime lacked for long.
        return torch.tensor(torch.linspace(0.0, 1.0, bands).tolist())
    values = wavelengths_nm.double()
    return ((values - values.min()) / (values.max() - values.min())).float()


def wavelength_code(bands: int, wavelengths_nm: Tensor | None) -> Tensor:
    """(bands, 17) float32: sines and cosines of place in the camera's range and of wavelength, and whether it is known.

    Of unknown wavelengths, the second half and the mark are 0.
    """
    places = band_places(bands, wavelengths_nm)
    relative = _waves(places)
    if wavelengths_nm is None:
        return torch.cat([relative, torch.zeros(bands, _CODE - relative.shape[1], device=places.device)], dim=1)
    absolute = _waves(((wavelengths_nm.double() - _SHORTEST_NM) / (_LONGEST_NM - _SHORTEST_NM)).float())
    return torch.cat([relative, absolute, torch.ones(bands, 1, device=places.device)], dim=1)


class WavelengthAttention(nn.Module):
    """Real bands to virtual ones.

    Args:
        virtual_bands: number of them.
        hidden: values between the two layers of the code's network.
    """

    def __init__(self, virtual_bands: int, hidden: int = 32) -> None:
        super().__init__()
        spacing = 1.0 / max(1, virtual_bands - 1)
        self.centres = nn.Parameter(torch.linspace(0.0, 1.0, virtual_bands))
        self.log_widths = nn.Parameter(torch.full((virtual_bands,), math.log(spacing / 2)))
        self.code = nn.Sequential(nn.Linear(_CODE, hidden), nn.ReLU(), nn.Linear(hidden, virtual_bands))
        # Close to plain resampling at the start, but not at zero, where the first layer would get no gradient.
        last = cast(nn.Linear, self.code[-1])
        nn.init.normal_(last.weight, std=0.01)
        nn.init.zeros_(last.bias)

    def shares(self, bands: int, wavelengths_nm: Tensor | None) -> Tensor:
        """(virtual_bands, bands) float32, rows sum to 1."""
        places = band_places(bands, wavelengths_nm).to(self.centres.device)
        code = wavelength_code(bands, wavelengths_nm).to(self.centres.device)
        distances = (places[None, :] - self.centres.float()[:, None]) / self.log_widths.float().exp()[:, None]
        learned = cast(Tensor, self.code(code.to(self.centres.dtype))).float().t()
        return torch.softmax(learned - 0.5 * distances.square(), dim=1)

    def forward(self, maps: Tensor, bands: int, wavelengths_nm: Tensor | None = None) -> Tensor:
        """(N * bands, K, H, W) in channels_last to (N, virtual_bands * K, H, W); channel = virtual band * K + map."""
        rows = maps.permute(0, 2, 3, 1)
        height, width, count = rows.shape[1:]
        mixed = torch.matmul(
            self.shares(bands, wavelengths_nm).to(maps.dtype), rows.reshape(-1, bands, height * width * count)
        )
        apart = mixed.view(mixed.shape[0], -1, height, width, count).permute(0, 2, 3, 1, 4)
        return apart.reshape(*apart.shape[:3], -1).permute(0, 3, 1, 2)


def _waves(places: Tensor) -> Tensor:
    """(B,) to (B, 2 * octaves)."""
    angles = places[:, None] * (math.pi * 2.0 ** torch.arange(_OCTAVES, device=places.device))
    return torch.cat([angles.sin(), angles.cos()], dim=1)


class S2FB(nn.Module):
    """Cubes of any number of bands to one map at stride 8.

    Args:
        config: the backbone's shape.

    Example:
        >>> backbone = S2FB(S2FBConfig(channels=8, widths=(4, 4), context_dilations=())).eval()
        >>> [tuple(backbone(torch.rand(1, bands, 127, 127)).shape) for bands in (16, 25)]
        [(1, 8, 15, 15), (1, 8, 15, 15)]
    """

    def __init__(self, config: S2FBConfig | None = None) -> None:
        super().__init__()
        self.config = config or S2FBConfig()
        config = self.config
        maps = 1
        widths = list(config.widths)
        self.patch: nn.Module | None = None
        if config.stem == "patch":
            self.patch = normalised(maps, widths[0], 7, stride=4, active=True)
            maps = widths.pop(0)
        strided = 3 if config.stem == "block" else 1
        self.blocks = nn.ModuleList()
        for number, width in enumerate(widths):
            padding = _LEGACY_PADDING if config.legacy_padding else 0
            stride = 2 if number < strided else 1
            self.blocks.append(
                S2CB(maps, width, stride, branches=config.branches, residual=config.residual, padding=padding)
            )
            maps = width
        self.attention = None if config.bands else WavelengthAttention(config.virtual_bands)
        self.projection = normalised((config.bands or config.virtual_bands) * maps, config.channels, 1, active=True)
        self.context = nn.Sequential(
            *[ResidualBlock(config.channels, dilation) for dilation in config.context_dilations]
        )
        self._initialise()

    def normalise(self, cube: Tensor) -> Tensor:
        """(N, B, H, W) in about [0, 1] to the same shape, in the weights' number type, as `S2FBConfig.input` says."""
        return network_input(cube, self.config.input).to(cast(nn.Conv2d, self.projection[0]).weight.dtype)

    def forward(self, cube: Tensor, wavelengths_nm: Tensor | None = None) -> Tensor:
        """All bands of crops to one map.

        Args:
            cube: (N, B, H, W) in about [0, 1], H = W = 127 or 255.
            wavelengths_nm: (B,) band centres, which order the bands; None or NaN where nobody knows them.

        Returns:
            (N, channels, 15 or 31, same).

        Raises:
            InputError: fewer than three bands, not as many as band-specific weights need, or unfitting wavelengths.
        """
        check_crops(cube, wavelengths_nm, bands=self.config.bands)
        cube, wavelengths_nm = in_order(cube, wavelengths_nm)
        bands = cube.shape[1]
        maps = self.normalise(cube).flatten(0, 1).unsqueeze(1)
        if self.patch is not None:
            maps = self.patch(functional.pad(maps, (_LEGACY_PADDING * 3,) * 4) if self.config.legacy_padding else maps)
        maps = maps.contiguous(memory_format=torch.channels_last)
        for block in self.blocks:
            maps = block(maps, bands)
        maps = (
            _bands_as_channels(maps, bands) if self.attention is None else self.attention(maps, bands, wavelengths_nm)
        )
        out: Tensor = self.context(self.projection(maps))
        # Cells 2..16 of 18 and 2..32 of 34: then the template's central seven are cells 6..12.
        return out[..., 2:-1, 2:-1] if self.config.legacy_padding else out

    def _initialise(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_in", nonlinearity="relu")


def _along_bands(maps: Tensor, bands: int) -> Tensor:
    """(N * B, K, H, W) to (N, K, B, H * W), a view in channels_last."""
    rows = maps.permute(0, 2, 3, 1)
    return rows.reshape(-1, bands, rows.shape[1] * rows.shape[2], rows.shape[3]).permute(0, 3, 1, 2)


def _across_space(maps: Tensor, size: Sequence[int]) -> Tensor:
    """The inverse of `_along_bands` for maps of `size` (H, W)."""
    rows = maps.permute(0, 2, 3, 1)
    return rows.reshape(-1, size[0], size[1], rows.shape[3]).permute(0, 3, 1, 2)


def _bands_as_channels(maps: Tensor, bands: int) -> Tensor:
    """(N * B, K, H, W) to (N, B * K, H, W) in channels_last; channel = band * K + map."""
    rows = maps.permute(0, 2, 3, 1)
    apart = rows.reshape(-1, bands, *rows.shape[1:]).permute(0, 2, 3, 1, 4)
    return apart.reshape(*apart.shape[:3], -1).permute(0, 3, 1, 2)
