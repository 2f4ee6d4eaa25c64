"""Procedural pictures and textures: range, repeatability, variety, and the spectrum of natural scenes."""

from itertools import pairwise

import numpy as np
import pytest

from spectrack.simulation import textures
from spectrack.simulation.outlines import OUTLINE_KINDS, random_outline
from spectrack.simulation.pictures import PICTURE_KINDS, Palette, dead_leaves, render_picture


def slope(image):
    """Exponent of the amplitude spectrum: -1 for 1/f."""
    size = min(image.shape)
    window = np.outer(np.hanning(size), np.hanning(size))
    part = image[:size, :size].astype(np.float64)
    amplitude = np.abs(np.fft.fft2((part - part.mean()) * window))
    fy, fx = np.fft.fftfreq(size)[:, None], np.fft.fftfreq(size)[None, :]
    radius = np.hypot(fy, fx)
    # Between a few waves across the picture and what the lens leaves.
    edges = np.geomspace(4 / size, 0.2, 9)
    means = [amplitude[(radius >= low) & (radius < high)].mean() for low, high in pairwise(edges)]
    return np.polyfit(np.log(np.sqrt(edges[:-1] * edges[1:])), np.log(means), 1)[0]


@pytest.mark.parametrize("kind", [None, *PICTURE_KINDS])
@pytest.mark.parametrize("size", [(64, 96), (97, 71)])
def test_every_kind_fills_any_size_with_light_in_range(kind, size):
    picture = render_picture(np.random.default_rng(1), *size, kind)
    assert picture.shape == (*size, 3)
    assert picture.dtype == np.float32
    assert np.isfinite(picture).all()
    assert picture.min() >= 0
    assert picture.max() <= 1
    assert picture.std() > 0.005


@pytest.mark.parametrize("kind", PICTURE_KINDS)
def test_same_seed_same_picture_another_seed_another(kind):
    first, second, other = (render_picture(np.random.default_rng(seed), 64, 64, kind) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, second)
    assert np.abs(first - other).mean() > 0.01


def test_random_kinds_come_in_variety():
    pictures = [render_picture(np.random.default_rng(seed), 48, 48) for seed in range(8)]
    assert len({picture.tobytes() for picture in pictures}) == 8


def test_pictures_have_the_spectrum_of_natural_scenes():
    """Natural scenes have amplitude 1/f (Field 1987); most of them lie between exponents 0.8 and 1.5 (Tolhurst et al.
    1992).
    """
    slopes = [slope(render_picture(np.random.default_rng(seed), 128, 128, "leaves")[:, :, 1]) for seed in range(6)]
    assert -1.7 < np.median(slopes) < -0.8
    assert slope(np.random.default_rng(0).normal(size=(128, 128))) == pytest.approx(0, abs=0.1)


def test_dead_leaves_keep_to_their_palette():
    rng = np.random.default_rng(0)
    palette = Palette(np.array([[0.8, 0.1, 0.1]], np.float32), [np.zeros((192, 192), np.float32)])
    picture = dead_leaves(rng, 64, 64, palette)
    # One red and a texture that never mixes the second colour in: nothing else can appear.
    assert (picture[:, :, 0] > 3 * picture[:, :, 1]).mean() > 0.99


@pytest.mark.parametrize("kind", textures.TEXTURE_KINDS)
def test_textures_are_grey_levels_from_nought_to_one(kind):
    for seed in range(3):
        texture = kind(np.random.default_rng(seed), 96)
        assert texture.shape == (96, 96)
        assert texture.dtype == np.float32
        assert texture.min() >= 0
        assert texture.max() <= 1 + 1e-6
        np.testing.assert_array_equal(texture, kind(np.random.default_rng(seed), 96))


@pytest.mark.parametrize("exponent", [0.8, 1.2, 1.6])
def test_noise_has_the_exponent_asked_for(exponent):
    slopes = [slope(textures.power_law_noise(np.random.default_rng(seed), 192, exponent)) for seed in range(5)]
    assert np.mean(slopes) == pytest.approx(-exponent, abs=0.2)


@pytest.mark.parametrize("kind", [*OUTLINE_KINDS, random_outline])
def test_outlines_are_closed_polygons_around_the_origin(kind):
    for seed in range(10):
        outline = kind(np.random.default_rng(seed))
        assert outline.ndim == 2
        assert outline.shape[1] == 2
        assert len(outline) >= 3
        assert np.isfinite(outline).all()
        x, y = outline.T
        area = 0.5 * abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1)))
        assert area > 0.01


def test_random_outlines_fill_the_unit_square():
    for seed in range(20):
        assert np.abs(random_outline(np.random.default_rng(seed))).max() == pytest.approx(1.0)
