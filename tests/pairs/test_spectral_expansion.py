"""From packed pairs to cubes: the formula, the noise model, enlargement, false colour, and every band count."""

import numpy as np
import pytest
import torch

from spectrack.pairs.clip_pairs import CutCrop, CutCrops
from spectrack.pairs.spectral_batches import ClipPair, pack
from spectrack.pairs.spectral_cameras import SpectralCamera, known_camera, random_sensor
from spectrack.pairs.spectral_expansion import expand
from spectrack.pairs.spectral_pairs import SpectralConfig, SpectralPair, render_spectral_pair
from spectrack.pairs.stored_clips import STORED_WHITE, StoredClip
from spectrack.pairs.synthesis import SynthesisConfig
from spectrack.sensors import SENSORS

BOX = np.array([100.0, 100.0, 150.0, 160.0], np.float32)
SHOWN = np.array([31.5, 31.5, 95.5, 95.5], np.float32)


def plain_pair(camera, *, template=127, search=255, counts=400.0, level=100, seed=(1, 2)):
    """A pair of even grey: the first material alone, in a matrix that makes it 0.5 in every band."""
    mixing = np.zeros((2, 9, camera.bands), np.float32)
    mixing[:, 0] = 0.5 / level
    crops = [np.full((side, side, 5), 128, np.uint8) for side in (template, search)]
    for crop in crops:
        crop[:, :, 0] = level
    return SpectralPair(crops[0], crops[1], mixing, counts, np.array(seed), BOX, True, SHOWN, 0)


@pytest.mark.parametrize("bands", [3, 15, 16, 25, 40])
def test_shapes_for_every_band_count(bank, bands):
    camera = SpectralCamera.of(random_sensor(np.random.default_rng(0), bands, bands), "thirds")
    pairs = [
        render_spectral_pair(np.random.default_rng(seed), bank, camera, SpectralConfig(), SynthesisConfig())
        for seed in range(2)
    ]
    batch = expand(pack(pairs, camera))
    assert [(tuple(part.shape), part.dtype) for part in batch[:9]] == [
        ((2, bands, 127, 127), torch.float32),
        ((2, bands, 255, 255), torch.float32),
        ((2, 3, 127, 127), torch.float32),
        ((2, 3, 255, 255), torch.float32),
        ((2, 4), torch.float32),
        ((2,), torch.bool),
        ((2, 4), torch.float32),
        ((bands,), torch.float32),
        ((2,), torch.int64),
    ]
    assert batch.sensor == camera.name
    assert batch.search.is_contiguous()
    assert batch.search_colour.is_contiguous(memory_format=torch.channels_last)
    for part in (batch.template, batch.search):
        assert torch.isfinite(part).all()
        assert part.min() >= 0


def test_parts_of_a_batch_are_its_pairs_in_order(bank):
    camera = SpectralCamera.of(random_sensor(np.random.default_rng(0), 5, 5), "thirds")
    batch = expand(pack([plain_pair(camera, level=level) for level in (60, 80, 100, 120, 140)], camera))
    parts = list(batch.parts(2))
    assert [len(part.box) for part in parts] == [2, 2, 1]
    for name in ("template", "search", "search_colour", "box", "positive", "kind"):
        assert torch.equal(torch.cat([getattr(part, name) for part in parts]), getattr(batch, name))
    assert all(len(part.wavelengths_nm) == 5 and part.sensor == batch.sensor for part in parts)


def clean_features(crop):
    """(pixels, 9) what a matrix of mixing acts on, by the formula rather than by the code."""
    a, (u, v) = crop[:, :, :3].astype(float), ((crop[:, :, 3:].astype(float) - 128) / 127).transpose(2, 0, 1)
    return np.concatenate([a, u[..., None] * a, v[..., None] * a], axis=2).reshape(-1, 9)


def positive_mixing(rng):
    """(2, 9, 16) whose cubes stay between black and the converter's white, whatever the bends."""
    return np.concatenate([rng.uniform(1e-3, 2e-3, (2, 3, 16)), rng.uniform(-4e-4, 4e-4, (2, 6, 16))], axis=1)


def test_cube_is_the_mixture_of_its_materials():
    """Least squares over all pixels, in which the noise averages out, finds the mixing again."""
    camera, rng = known_camera("vis16", "thirds"), np.random.default_rng(0)
    crops = [rng.integers(0, 256, (side, side, 5), dtype=np.uint8) for side in (127, 255)]
    mixing = positive_mixing(rng)
    pair = SpectralPair(*crops, mixing.astype(np.float32), 300.0, np.array([1, 2]), BOX, True, SHOWN, 0)
    batch = expand(pack([pair], camera))
    for cube, crop, matrix in zip((batch.template, batch.search), crops, mixing, strict=True):
        values = cube[0].flatten(1).numpy().T.astype(np.float64)
        found, *_ = np.linalg.lstsq(clean_features(crop), values, rcond=None)
        np.testing.assert_allclose(found, matrix, atol=1e-5)
    shown = np.einsum("bhw,bc->chw", batch.search[0].numpy(), camera.colour)
    np.testing.assert_allclose(batch.search_colour[0].numpy(), shown, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("counts", [150.0, 800.0])
def test_noise_has_the_variance_of_the_camera(counts):
    """Shot noise of half of `counts`, read noise, and the rounding to whole counts."""
    batch = expand(pack([plain_pair(known_camera("vis16", "thirds"), counts=counts)], known_camera("vis16", "thirds")))
    values = batch.search[0].double() * counts
    sensor = SENSORS["vis16"]
    electrons = sensor.full_well_e / sensor.full_scale
    variance = 0.5 * counts / electrons + (sensor.read_noise_e / electrons) ** 2 + 1 / 12
    assert float(values.mean()) == pytest.approx(0.5 * counts, rel=0.002)
    assert float(values.var()) == pytest.approx(variance, rel=0.02)
    np.testing.assert_allclose(values.numpy(), values.round().numpy(), atol=1e-3)


def test_counts_beyond_the_converter_are_clipped():
    bright = plain_pair(known_camera("vis16", "thirds"), counts=900.0)._replace(
        mixing=np.full((2, 9, 16), 0.03, np.float32)
    )
    batch = expand(pack([bright], known_camera("vis16", "thirds")))
    assert float(batch.search.max()) == pytest.approx(1023 / 900)


def test_noise_belongs_to_the_pair_and_not_to_its_place():
    camera = known_camera("rednir15", "thirds")
    first, second = plain_pair(camera, seed=(10, 11)), plain_pair(camera, seed=(500, 600))
    alone, together = expand(pack([second], camera)), expand(pack([first, second], camera))
    assert torch.equal(alone.search[0], together.search[1])
    assert not torch.equal(together.search[0], together.search[1])


def test_small_things_are_enlarged_with_their_noise():
    """A crop of 64 camera pixels fills 255: neighbours share their noise, and the edges of what it shows stay where
    they are.
    """
    camera = known_camera("vis16", "thirds")
    pair = plain_pair(camera, search=64)
    pair.search[:, 32:, 0] = 0
    batch = expand(pack([pair], camera))
    row = batch.search[0, 3].mean(dim=0).numpy()
    assert np.flatnonzero(row < 0.25)[0] == pytest.approx(127.5, abs=1.5)
    noise = (batch.search[0, 3, :, :100] - 0.5).numpy()
    assert np.corrcoef(noise[:, :-1].ravel(), noise[:, 1:].ravel())[0, 1] > 0.7


def test_enlargement_is_linear_with_aligned_outer_edges():
    """What is left beside torch's own interpolation of the clean crop is the noise alone."""
    camera, rng = known_camera("vis16", "thirds"), np.random.default_rng(0)
    pair = plain_pair(camera, search=64, counts=900.0)
    pair.search[:, :, 0] = rng.integers(20, 200, (64, 64))
    batch = expand(pack([pair], camera))
    clean = torch.from_numpy(pair.search[:, :, 0] * np.float32(0.5 / 100))
    expected = torch.nn.functional.interpolate(clean[None, None], size=(255, 255), mode="bilinear", align_corners=False)
    left = (batch.search[0] - expected[0]).square().mean().sqrt()
    assert float(left) < 0.02 < 0.15 < float(expected.std())


def test_clips_and_drawn_pairs_stand_where_they_belong():
    camera = known_camera("vis16", "thirds")
    crops = [np.full((size, size, 16), 100, np.uint8) for size in (127, 255)]
    stored = StoredClip("clip", crops[1][None], np.zeros((1, 4)), np.arange(1))
    cut = [CutCrop(stored, crop, None, box) for crop, box in zip(crops, (SHOWN, BOX + 1), strict=True)]
    clip = ClipPair(CutCrops(*cut, False), np.full((2, 16), 2e-5 * 255**2 / STORED_WHITE))
    batch = expand(pack([clip, plain_pair(camera), clip], camera))
    for place in (0, 2):
        np.testing.assert_allclose(batch.search[place].numpy(), 0.2, rtol=1e-5)
        np.testing.assert_allclose(batch.template_colour[place].numpy(), 0.2, rtol=1e-5)
    assert batch.search[1].mean().item() == pytest.approx(0.5, rel=0.01)
    assert batch.positive.tolist() == [False, True, False]
    assert batch.kind.tolist() == [4, 0, 4]
    np.testing.assert_array_equal(batch.box[:, 0].numpy(), (101, 100, 101))
