"""Batches of spectral pairs: one camera a batch, decided by seed, step and place; sources by ratio; clips with all
their bands.
"""

import numpy as np
import pytest
import torch

from spectrack.errors import ConfigError
from spectrack.pairs import clip_sources
from spectrack.pairs.bank import BankConfig
from spectrack.pairs.batches import iterate_batches
from spectrack.pairs.clip_options import ClipConfig
from spectrack.pairs.clip_pairs import cut_pair
from spectrack.pairs.configuration import DataConfig
from spectrack.pairs.spectral_batches import SpectralBatches, SpectralSource, build_spectral_sources
from spectrack.pairs.spectral_cameras import CameraConfig
from spectrack.pairs.spectral_expansion import PackedPairs
from spectrack.pairs.spectral_pairs import KINDS, SpectralConfig
from spectrack.pairs.stored_clips import ALL_BANDS, STORED_WHITE
from spectrack.pairs.synthesis import SynthesisConfig
from spectrack.sequences.memory import MemorySequence
from spectrack.sequences.writers import write_sequence
from tests.fixtures.refusals import refuses

SMALL_BANK = BankConfig(pictures=2, sprites=4, picture_size=160, sprite_size=96, photographs=False)


def data_of(**changes):
    """The section of a recipe whose bank is the one that the tests have drawn."""
    cameras = CameraConfig(random_share=0.3, random_bands=(6, 12))
    return DataConfig(
        **{"sources": ("pictures",), "spectral": SpectralConfig(cameras=cameras), "workers": 0, "bank": SMALL_BANK}
        | changes
    )


@pytest.fixture
def sources(bank):
    return [SpectralSource(bank)]


def same(first, second):
    return all(
        torch.equal(one, other) if isinstance(one, torch.Tensor) else one == other
        for one, other in zip(first, second, strict=True)
    )


def write_video(folder, *, bands=9, level=900, frames=4, name="video"):
    """A bright square on a dark ground, every band a little brighter than the one before it."""
    ramp = (1 + 0.02 * np.arange(bands))[None, None, None, :]
    cubes = np.full((frames, 64, 80, bands), 40.0)
    boxes = np.array([(30 + 2 * i, 24 + i, 14, 10) for i in range(frames)], float)
    for cube, (x, y, w, h) in zip(cubes, boxes.astype(int), strict=True):
        cube[y : y + h, x : x + w] = level
    write_sequence(MemorySequence((cubes * ramp).astype(np.uint16), name=name, truth=boxes), folder, format="npy")
    return folder


def test_one_camera_a_batch_and_all_cameras_in_turn(sources):
    batches = SpectralBatches(sources, data_of(), seed=1, batch=2)
    names = [batches.camera(step).name for step in range(60)]
    assert {"vis16", "nir25", "rednir15"} < set(names)
    assert sum(name.startswith("random") for name in names) > 8
    packed = batches[0]
    assert len(packed.wavelengths_nm) == packed.mixing.shape[3] == packed.colour.shape[0]
    assert packed.sensor == names[0]


def test_workers_do_not_change_the_pairs(sources):
    batches = SpectralBatches(sources, data_of(), seed=1, batch=2)
    alone, helped = (list(iterate_batches(batches, 0, 3, workers=workers)) for workers in (0, 2))
    assert all(same(one, other) for one, other in zip(alone, helped, strict=True))
    finished = [batches.finish(PackedPairs(*packed), lambda part: part) for packed in (alone[1], helped[1])]
    assert same(*finished)


def test_processes_share_the_batch_that_one_would_have(sources):
    whole = SpectralBatches(sources, data_of(), seed=1, batch=4)
    half = SpectralBatches(sources, data_of(), seed=1, batch=2, offset=2)
    together, second = whole.finish(whole[5], lambda part: part), half.finish(half[5], lambda part: part)
    assert torch.equal(together.search[2:], second.search)
    assert torch.equal(together.box[2:], second.box)
    assert together.sensor == second.sensor


def test_another_seed_gives_other_pairs(sources):
    first, second = (SpectralBatches(sources, data_of(), seed=seed, batch=2)[0] for seed in (1, 2))
    assert not torch.equal(first.box, second.box)


def prepare_sequences(*arguments, **options):
    return clip_sources.prepare_sequences(*arguments, **options).clips


def test_video_is_converted_with_all_its_bands(tmp_path):
    video = write_video(tmp_path / "video")
    (clip,) = prepare_sequences(tmp_path / "cache", video, ClipConfig(frames=2), scaling="fixed(1000)", rule=ALL_BANDS)
    assert clip.images.shape == (2, 64, 80, 9)
    expected = np.sqrt(np.floor(900 * (1 + 0.02 * np.arange(9))) / 1000 / STORED_WHITE) * 255
    np.testing.assert_allclose(clip.images.max(axis=(0, 1, 2)), expected, atol=1.0)
    pair = cut_pair(np.random.default_rng(0), [clip], ClipConfig())
    assert (pair.template.shape, pair.search.shape) == ((127, 127, 9), (255, 255, 9))
    mask = pair.search[:, :, 4] > 128
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    np.testing.assert_allclose(
        (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1), np.clip(pair.box, 0, 255), atol=2.5
    )


def test_colours_and_bands_of_one_video_are_kept_apart(tmp_path):
    video = write_video(tmp_path / "video")
    for rule in (ALL_BANDS, "thirds"):
        prepare_sequences(tmp_path / "cache", video, ClipConfig(frames=2), scaling="fixed(1000)", rule=rule)
    shapes = {np.load(file, mmap_mode="r").shape[3] for file in (tmp_path / "cache").glob("*/images.npy")}
    assert shapes == {3, 9}


def test_batches_from_video_of_an_unknown_camera(tmp_path, cache):
    write_video(tmp_path / "videos" / "one", level=500)
    write_video(tmp_path / "videos" / "two", level=900)
    data = data_of(sources=("pictures", str(tmp_path / "videos")), ratios=(0.0, 1.0), scaling="fixed(1000)")
    batches = SpectralBatches(build_spectral_sources(data, cache, jobs=1), data, seed=1, batch=3)
    packed = batches[0]
    assert packed.sensor == "camera-9"
    assert torch.isnan(packed.wavelengths_nm).all()
    assert len(packed.places) == 0
    batch = batches.finish(packed, lambda part: part)
    assert batch.search.shape == (3, 9, 255, 255)
    assert set(batch.kind.tolist()) == {KINDS.index("clip")}
    # Values are light again, not its root: the square is much brighter than the ground.
    assert 0.3 < float(batch.search.amax(dim=(1, 2, 3)).min()) < 1.6
    assert float(batch.search.median()) < 0.1


def test_clips_and_drawn_pairs_share_batches_of_a_known_camera(tmp_path, cache):
    clips = ClipConfig(count=3, frames=2, spacing=2, height=96, width=128, scenarios=("cam-grass",))
    data = data_of(
        sources=("pictures", "simulated"),
        ratios=(0.5, 0.5),
        clips=clips,
        spectral=SpectralConfig(cameras=CameraConfig(random_share=0.0)),
    )
    batches = SpectralBatches(build_spectral_sources(data, cache, jobs=1), data, seed=3, batch=8)
    packed = batches[0]
    assert len(packed.places) > 0
    assert len(packed.clip_places) > 0
    assert sorted([*packed.places.tolist(), *packed.clip_places.tolist()]) == list(range(8))
    batch = batches.finish(packed, lambda part: part)
    assert torch.isfinite(batch.search).all()
    # Both kinds are in the same unit.
    levels = batch.search.flatten(1).quantile(0.99, dim=1)
    assert 0.1 < float(levels.min()) < float(levels.max()) < 2.5


def test_own_pictures_are_lifted_to_spectra_as_the_others_are(tmp_path, own_pictures):
    """Where all pictures and things are one's own, a pair has their colours and bends of its own."""
    synthesis = SynthesisConfig(photograph_share=1.0, cutout_share=1.0)
    data = data_of(**own_pictures, synthesis=synthesis)
    sources = build_spectral_sources(data, tmp_path / "cache", jobs=1)
    assert [entry["share"] for entry in sources[0].collections] == [1.0, 1.0]
    batches = SpectralBatches(sources, data, seed=1, batch=3)
    batch = batches.finish(batches[0], lambda tensor: tensor)
    assert torch.isfinite(batch.search).all()
    assert float(batch.search.std()) > 0.01


def test_unknown_source_offers_the_nearest(tmp_path):
    with refuses(ConfigError, "'picture'", "did you mean 'pictures'"):
        build_spectral_sources(data_of(sources=("picture",)), tmp_path, jobs=1)
