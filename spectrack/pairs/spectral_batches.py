"""Batches of spectral pairs: one camera a batch, sources mixed by ratio, every pair decided by (seed, step, place)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from spectrack.false_colour import Encoding
from spectrack.grid import SEARCH_SIZE_PX, TEMPLATE_SIZE_PX
from spectrack.pairs.bank import PairMaterial, build_bank
from spectrack.pairs.clip_pairs import CutCrop, CutCrops, cut_crops
from spectrack.pairs.clip_sources import prepare_clips
from spectrack.pairs.configuration import DataConfig
from spectrack.pairs.spectral_cameras import SpectralCamera, draw_camera
from spectrack.pairs.spectral_expansion import PackedPairs, SpectralBatch, expand
from spectrack.pairs.spectral_materials import BENDS, FEATURES, draw_gains
from spectrack.pairs.spectral_pairs import KINDS, SpectralPair, render_spectral_pair
from spectrack.pairs.stored_clips import ALL_BANDS, STORED_WHITE, StoredClip, clips_key
from spectrack.pairs.unlabelled import Unlabelled, prepare_unlabelled
from spectrack.pairs.warping import Image

_CAMERA_STREAM = 2**32 - 1
"""Stands for a place in the batch that no pair has, so that the camera has randomness of its own."""

_CHANNELS = 3 + BENDS


@dataclass(frozen=True, eq=False)
class SpectralSource:
    """Where spectral pairs come from.

    Attributes:
        bank: pictures and sprites for any camera, or None.
        clips: sequences by the name of their camera.
        cameras: those cameras.
        key: changes with what the pairs are made of.
        collections: what `Bank.used` tells.
        unlabelled: what is told about video without boxes; None for other sources.
        left_out: by name, why a sequence of the source is not used.
    """

    bank: PairMaterial | None = None
    clips: dict[str, list[StoredClip]] = field(default_factory=dict)
    cameras: dict[str, SpectralCamera] = field(default_factory=dict)
    key: str = ""
    collections: list[dict[str, Any]] = field(default_factory=list)
    unlabelled: Unlabelled | None = None
    left_out: dict[str, str] = field(default_factory=dict)

    def serves(self, camera: SpectralCamera) -> bool:
        """Whether it has pairs for a camera."""
        return bool(camera.lamps) if self.bank is not None else camera.name in self.clips


def build_spectral_sources(data: DataConfig, cache: Path, *, jobs: int = 2) -> list[SpectralSource]:
    """The sources of ``data.names``, with everything they need rendered or converted into `cache`.

    Raises:
        ConfigError: a source that is neither known nor a path, or video without boxes in which nothing was kept.
    """
    sources = [_build_source(name, data, cache, jobs) for name in data.sources]
    if data.unlabelled.videos:
        options = {"scaling": data.scaling, "rule": ALL_BANDS, "colours": data.false_colour}
        found = prepare_unlabelled(cache, data.unlabelled, **options)
        sources.append(replace(_clip_source(found.clips, data), unlabelled=found))
    return sources


def _build_source(name: str, data: DataConfig, cache: Path, jobs: int) -> SpectralSource:
    if name == "pictures":
        bank = build_bank(cache, data.bank, photographs=data.photographs, cutouts=data.cutouts, jobs=jobs)
        used = bank.used(data.synthesis.photograph_share, data.synthesis.cutout_share)
        return SpectralSource(bank, key=bank.directory.name, collections=used)
    clips, left_out = prepare_clips(
        name,
        cache,
        data.clips,
        scaling=data.scaling,
        rule=ALL_BANDS,
        datasets=data.datasets,
        pictures=data.false_colour if data.colour == "dataset" else "",
        jobs=jobs,
    )
    return replace(_clip_source(clips, data), left_out=left_out)


def _clip_source(clips: list[StoredClip], data: DataConfig) -> SpectralSource:
    by_camera: dict[str, list[StoredClip]] = {}
    cameras: dict[str, SpectralCamera] = {}
    for clip in clips:
        camera = SpectralCamera.of_video(
            clip.images.shape[3], data.false_colour, sensor=clip.sensor, wavelengths_nm=clip.wavelengths_nm
        )
        by_camera.setdefault(camera.name, []).append(clip)
        cameras[camera.name] = camera
    return SpectralSource(None, by_camera, cameras, clips_key(clips))


class SpectralBatches(Dataset[PackedPairs]):
    """Batch number i of a training.

    Args:
        sources: see `build_spectral_sources`.
        data: the recipe's section.
        seed: of the training; validation uses another.
        batch: pairs of this process in a batch.
        offset: place of this process's first pair in the common batch.
    """

    def __init__(
        self, sources: list[SpectralSource], data: DataConfig, *, seed: int, batch: int, offset: int = 0
    ) -> None:
        self.sources, self.data, self.seed, self.batch, self.offset = sources, data, seed, batch, offset
        shares = np.asarray(data.shares, dtype=np.float64)
        self.shares = shares / shares.sum()

    def __getitem__(self, index: int) -> PackedPairs:
        """The batch of step `index`, packed."""
        camera = self.camera(index)
        pairs = [self.pair(index, self.offset + place, camera) for place in range(self.batch)]
        return pack(pairs, camera, self.data.encoding)

    def finish(self, packed: PackedPairs, move: Callable[[Tensor], Tensor]) -> SpectralBatch:
        """What the network gets, from what `__getitem__` gave; `move` brings a tensor to the training's device."""
        moved: dict[str, Any] = {
            name: move(part) for name, part in packed._asdict().items() if isinstance(part, Tensor)
        }
        return expand(packed._replace(**moved))

    def camera(self, index: int) -> SpectralCamera:
        """The camera of step `index`; the same in all processes."""
        rng = np.random.default_rng([self.seed, index, _CAMERA_STREAM])
        lead = self.sources[int(rng.choice(len(self.sources), p=self.shares))]
        if lead.bank is not None:
            return draw_camera(rng, self.data.spectral.cameras, self.data.false_colour)
        names = [name for name, clips in lead.clips.items() for _ in clips]
        return lead.cameras[names[int(rng.integers(len(names)))]]

    def pair(self, index: int, place: int, camera: SpectralCamera) -> SpectralPair | ClipPair:
        """One pair of step `index`, from the sources that have something for its camera."""
        rng = np.random.default_rng([self.seed, index, place])
        able = np.array([source.serves(camera) for source in self.sources]) * self.shares
        source = self.sources[int(rng.choice(len(self.sources), p=able / able.sum()))]
        if source.bank is not None:
            return render_spectral_pair(rng, source.bank, camera, self.data.spectral, self.data.synthesis)
        cut = cut_crops(rng, source.clips[camera.name], self.data.clips)
        materials = self.data.spectral.materials
        gains = draw_gains(rng, camera, materials, relit=rng.random() < materials.relight_share)
        return ClipPair(cut, gains)


@dataclass(frozen=True, eq=False)
class ClipPair:
    """A pair from video: crops with all bands as stored, and (2, bands) factors on their light."""

    cut: CutCrops
    gains: NDArray[np.float64]

    @property
    def crops(self) -> tuple[CutCrop, CutCrop]:
        """Template and search region."""
        return self.cut.template, self.cut.search

    def picture_gains(self, colour: NDArray[np.float64]) -> NDArray[np.float64]:
        """(2, 3) from the light of the crops' own pictures to values: what the gains are by the rule; 0 for none."""
        by_rule = (self.gains @ colour) / np.maximum(colour.sum(axis=0), 1e-6)
        whites = [0.0 if crop.picture is None else crop.clip.white for crop in self.crops]
        return np.asarray(np.clip(by_rule, 0.0, None) * np.array(whites)[:, None])


def pack(pairs: list[SpectralPair | ClipPair], camera: SpectralCamera, encoding: Encoding = "linear") -> PackedPairs:
    """Pairs of one camera as few large tensors, which is what travels fast between processes."""
    drawn = [(place, pair) for place, pair in enumerate(pairs) if isinstance(pair, SpectralPair)]
    clips = [(place, pair) for place, pair in enumerate(pairs) if isinstance(pair, ClipPair)]
    labelled = [
        pair.cut.pair(*(crop.pixels for crop in pair.crops)) if isinstance(pair, ClipPair) else pair for pair in pairs
    ]
    own = [pair for _, pair in clips if any(crop.picture is not None for crop in pair.crops)]
    kinds = [KINDS.index("clip") if isinstance(pair, ClipPair) else pair.kind for pair in pairs]
    return PackedPairs(
        template=_in_corners([pair.template for _, pair in drawn], TEMPLATE_SIZE_PX),
        search=_in_corners([pair.search for _, pair in drawn], SEARCH_SIZE_PX),
        sides=_whole([[len(pair.template), len(pair.search)] for _, pair in drawn], 2),
        mixing=_together([pair.mixing for _, pair in drawn], (2, FEATURES, camera.bands)),
        counts=torch.tensor([pair.counts for _, pair in drawn], dtype=torch.float32),
        seeds=_whole([pair.seeds.tolist() for _, pair in drawn], 2),
        places=torch.tensor([place for place, _ in drawn], dtype=torch.int64),
        clip_template=_together(
            [clip.cut.template.pixels for _, clip in clips],
            (TEMPLATE_SIZE_PX, TEMPLATE_SIZE_PX, camera.bands),
            torch.uint8,
        ),
        clip_search=_together(
            [clip.cut.search.pixels for _, clip in clips], (SEARCH_SIZE_PX, SEARCH_SIZE_PX, camera.bands), torch.uint8
        ),
        clip_gains=_together([clip.gains * (STORED_WHITE / 255.0**2) for _, clip in clips], (2, camera.bands)),
        clip_places=torch.tensor([place for place, _ in clips], dtype=torch.int64),
        picture_template=_pictures([clip.cut.template for clip in own], TEMPLATE_SIZE_PX),
        picture_search=_pictures([clip.cut.search for clip in own], SEARCH_SIZE_PX),
        picture_gains=_together([clip.picture_gains(camera.colour) for clip in own], (2, 3)),
        picture_places=torch.tensor([place for place, clip in clips if clip in own], dtype=torch.int64),
        box=torch.from_numpy(np.stack([pair.box for pair in labelled])),
        positive=torch.tensor([pair.positive for pair in labelled]),
        template_box=torch.from_numpy(np.stack([pair.template_box for pair in labelled])),
        kind=torch.tensor(kinds, dtype=torch.int64),
        wavelengths_nm=torch.from_numpy(camera.wavelengths_nm.astype(np.float32)),
        colour=torch.from_numpy(camera.colour.astype(np.float32)),
        sensor=camera.name,
        encoding=encoding,
    )


def _pictures(crops: list[CutCrop], size: int) -> Tensor:
    """(n, size, size, 3) pictures, black where a crop has none."""
    nothing = np.zeros((size, size, 3), dtype=np.uint8)
    shape = (size, size, 3)
    return _together([nothing if crop.picture is None else crop.picture for crop in crops], shape, torch.uint8)


def _in_corners(crops: list[Image], size: int) -> Tensor:
    """(n, size, size, channels): crops of up to that size, each in the upper left corner of its place."""
    packed = torch.zeros((len(crops), size, size, _CHANNELS), dtype=torch.uint8)
    for row, crop in zip(packed, crops, strict=True):
        row[: len(crop), : len(crop)] = torch.from_numpy(crop)
    return packed


def _together(arrays: list[NDArray[Any]], shape: tuple[int, ...], kind: torch.dtype = torch.float32) -> Tensor:
    """(n, *shape) of arrays of that shape, also of none."""
    packed = torch.empty((len(arrays), *shape), dtype=kind)
    for row, array in zip(packed, arrays, strict=True):
        row.copy_(torch.from_numpy(array))
    return packed


def _whole(rows: list[list[int]], columns: int) -> Tensor:
    return torch.tensor(rows, dtype=torch.int64).view(-1, columns)
