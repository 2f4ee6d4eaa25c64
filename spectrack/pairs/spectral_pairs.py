"""One spectral pair: the synthetic pairs of `synthesis`, lifted to any camera's bands and noise.

A pair travels as five 8-bit channels a crop (see `spectral_materials`), at the camera's own resolution, and one small
matrix a crop; `spectral_expansion` makes cubes of it. What the kinds of pairs teach:

* ``ordinary``: things differ in colour and in spectrum;
* ``camouflage``: the target has the colours of what lies beneath it, or a piece of the background's texture;
* ``twins``: other things have the target's own colours and shape;
* ``plain``: no spectrum says more than its colour does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from spectrack.errors import ConfigError
from spectrack.grid import SEARCH_SIZE_PX, TEMPLATE_SIZE_PX
from spectrack.pairs.augmentation import Look, PhotometricConfig, develop, draw_look, native_side
from spectrack.pairs.bank import PairMaterial
from spectrack.pairs.spectral_cameras import CameraConfig, SpectralCamera
from spectrack.pairs.spectral_materials import (
    MaterialConfig,
    Materials,
    draw_dead_bands,
    draw_gains,
    draw_materials,
    separated,
)
from spectrack.pairs.spectral_surfaces import SpectralBank, draw_bends
from spectrack.pairs.synthesis import Casting, SynthesisConfig, draw_native_side, draw_scene
from spectrack.pairs.warping import Image, channels_of, in_groups, stacked
from spectrack.tables import Interval, Share, require_ranges

KINDS = ("ordinary", "camouflage", "twins", "plain", "clip")
"""What `SpectralBatch.kind` counts in; the last is for pairs from video."""

HEADROOM = 0.7
"""Abundances are stored times this, because strong colours need more than one of a material."""

SEEDS = 1 << 40


def _spectral_photometry() -> PhotometricConfig:
    # Gains, noise and the sensor act on cubes; the tone stays near the square that undoes the bank's square root.
    return PhotometricConfig(gamma=(1.5, 2.4), gain=0.0, channel_gain=0.0, noise=1e-9, compression_share=0.0)


@dataclass(frozen=True)
class SpectralConfig:
    """How spectral pairs vary; geometry and surroundings are those of `SynthesisConfig`.

    Attributes:
        camouflage_share: share of pairs whose target has its background's colours.
        twin_share: share of pairs with copies of the target that differ in spectrum only.
        plain_share: share of pairs without metamers; the rest are ordinary.
        ground_share: share of camouflaged targets in exactly the colours beneath them; others carry some background.
        most_twins: largest number of twins.
        brightness: least and largest value of the search crop's brightest part; 1 is the brightest of the first frame.
        photometric: tone, light and blur of the colours; its gains and noise are not used, cubes have their own.
        cameras: which cameras see the pairs.
        materials: spectra, differences between the crops, noise.
    """

    camouflage_share: Share = 0.25
    twin_share: Share = 0.2
    plain_share: Share = 0.1
    ground_share: Share = 0.5
    most_twins: Annotated[int, Interval("[1, 100]")] = 3
    brightness: Annotated[tuple[float, float], Interval("(0, 10]", rising=True)] = (0.45, 1.15)
    photometric: PhotometricConfig = field(default_factory=_spectral_photometry)
    cameras: CameraConfig = field(default_factory=CameraConfig)
    materials: MaterialConfig = field(default_factory=MaterialConfig)

    def __post_init__(self) -> None:
        require_ranges(self)
        shares = (self.camouflage_share, self.twin_share, self.plain_share)
        if sum(shares) > 1:
            raise ConfigError(
                f"expected shares of camouflage, twins and plain pairs that sum to at most 1, found {shares}; "
                "correct data.spectral"
            )


class SpectralPair(NamedTuple):
    """A pair before its cubes are made.

    Attributes:
        template: (side, side, 5) uint8, side up to 127; abundances of three materials, two bends; camera's scale.
        search: (side, side, 5) uint8, side up to 255.
        mixing: (2, 9, bands) float32, features to values of template and search; 1 is the brightest of the first frame.
        counts: what 1 is in counts.
        seeds: (2,) int64, where the noise of either crop begins.
        box: (4,) float32, x0, y0, x1, y1 in the search crop of 255 pixels; of the decoy when `positive` is False.
        positive: whether the search crop shows the template's target.
        template_box: (4,) float32, x0, y0, x1, y1 of the target in the template crop of 127 pixels.
        kind: index into `KINDS`.
    """

    template: Image
    search: Image
    mixing: NDArray[np.float32]
    counts: float
    seeds: NDArray[np.int64]
    box: NDArray[np.float32]
    positive: bool
    template_box: NDArray[np.float32]
    kind: int


def render_spectral_pair(
    rng: np.random.Generator,
    bank: PairMaterial,
    camera: SpectralCamera,
    config: SpectralConfig,
    synthesis: SynthesisConfig,
) -> SpectralPair:
    """Draw one pair for a camera; all randomness comes from `rng`."""
    kind = _draw_kind(rng, config)
    bends = draw_bends(rng, len(bank.pictures))
    bent_bank = SpectralBank(bank, bends)
    scene = draw_scene(rng, bent_bank, synthesis, _cast(rng, kind, config, bent_bank))
    materials = draw_materials(rng, camera, config.materials, dead=draw_dead_bands(rng, camera.bands, config.materials))
    if kind == "plain":
        materials = materials.with_weaker_bends(0.0)
    else:
        pair = np.stack([bends.things[0], bends.ground])
        materials = separated(materials, pair, float(rng.uniform(*config.materials.angle)))
    look = draw_look(rng, scene.search[:, :, :3], config.photometric)
    native = draw_native_side(rng, synthesis) / TEMPLATE_SIZE_PX
    template = _seen(rng, scene.template, look, materials, native_side(TEMPLATE_SIZE_PX, native), blur=False)
    search = _seen(
        rng, scene.search, look, materials, native_side(SEARCH_SIZE_PX, native * rng.uniform(0.85, 1.18)), blur=True
    )
    gains = draw_gains(rng, camera, config.materials, relit=rng.random() < config.materials.relight_share)
    gains *= _exposure(search, materials) * np.exp(rng.uniform(*np.log(config.brightness)))
    mixing = materials.matrix[None] * gains[:, None, :] / (255.0 * HEADROOM)
    counts = float(np.exp(rng.uniform(*np.log(config.materials.counts))))
    seeds = rng.integers(SEEDS, size=2)
    labels = (scene.box, scene.positive, scene.template_box, KINDS.index(kind))
    return SpectralPair(template, search, mixing.astype(np.float32), counts, seeds, *labels)


def _draw_kind(rng: np.random.Generator, config: SpectralConfig) -> str:
    shares = (config.camouflage_share, config.twin_share, config.plain_share)
    place = int(np.searchsorted(np.cumsum(shares), rng.random(), side="right"))
    return ("camouflage", "twins", "plain", "ordinary")[place]


def _cast(rng: np.random.Generator, kind: str, config: SpectralConfig, bank: SpectralBank) -> Casting:
    if kind == "camouflage":
        return Casting("ground" if rng.random() < config.ground_share else "texture")
    if kind == "twins":
        return Casting(twins=int(rng.integers(1, config.most_twins + 1)), twin=bank.twin)
    return Casting()


def _seen(rng: np.random.Generator, crop: Image, look: Look, materials: Materials, side: int, *, blur: bool) -> Image:
    """A crop through light and lens, at the camera's resolution, with abundances in place of colours."""
    image = develop(rng, crop, look, blur=blur)
    if side < image.shape[0]:
        image = in_groups(
            lambda part: np.asarray(cv2.resize(part, (side, side), interpolation=cv2.INTER_AREA), dtype=np.uint8), image
        )
    # OpenCV's matrix acts on columns, the unmixing on rows.
    abundances = cv2.transform(channels_of(image, 0, 3), HEADROOM * materials.unmixing.T)
    return stacked(np.asarray(abundances, dtype=np.uint8), channels_of(image, 3, image.shape[2]))


def _exposure(search: Image, materials: Materials) -> float:
    """The factor that brings the brightest bands of the brightest parts of a crop to 1."""
    step = max(1, search.shape[0] // 32)
    values = search[::step, ::step, :3].reshape(-1, 3) @ (materials.plain / (255.0 * HEADROOM))
    # The 99.5th percentile, by partition: a full sort would cost more than the product.
    place = int(0.995 * values.size)
    return 1.0 / max(float(np.partition(values, place, axis=None)[place]), 1e-6)
