"""Searching whole frames: ACE about the origin by hand, what it must not depend on, and regions of a map."""

import numpy as np
import pytest

from spectrack import CubeError
from spectrack.evidence.background import Background
from spectrack.evidence.search import AnomalySearch, SpectralSearch, find_regions, region_at
from tests.fixtures.refusals import refuses

BANDS = 16
BOX = (40, 20, 12, 9)


def reflectances():
    """Two grounds and a paint, (bands,) each."""
    places = np.linspace(0, 3, BANDS)
    return 0.4 + 0.15 * np.sin(places), 0.5 + 0.15 * np.cos(2 * places), 0.4 * (1 + 0.5 * np.sin(5 * places + 1))


def frame(seed=0, *, light=None, box=BOX, shade=True, bands=slice(None)):
    """Counts of a paint on two grounds, under a light, uneven where asked for."""
    rng = np.random.default_rng(seed)
    ground, other, paint = reflectances()
    share = rng.uniform(0, 1, (60, 80, 1))
    spectra = share * ground + (1 - share) * other
    if box is not None:
        x, y, w, h = box
        spectra[y : y + h, x : x + w] = paint
    lit = 800 * spectra * (np.ones(BANDS) if light is None else light)
    lit = lit * (rng.uniform(0.4, 1.2, (60, 80, 1)) if shade else 1)
    return (lit * (1 + rng.normal(0, 0.02, lit.shape))).clip(0).astype(np.uint16)[:, :, bands]


def lamp():
    return np.exp(-(np.linspace(-1.2, 0.8, BANDS) ** 2))


def inside(scores):
    x, y, w, h = BOX
    return scores[y : y + h, x : x + w]


def test_scores_are_ace_about_the_origin():
    cube, paint = frame(), reflectances()[2]
    pixels = cube.reshape(-1, BANDS).astype(float)
    moment = Background.of(pixels, about=np.zeros(BANDS)).covariance  # 4800 pixels: all are in the sample
    inverse = np.linalg.inv(moment)
    target = paint * pixels.mean(axis=0)
    along = pixels @ inverse @ target
    expected = along * np.abs(along) / ((target @ inverse @ target) * np.einsum("nb,bc,nc->n", pixels, inverse, pixels))
    found = SpectralSearch(paint, lit=True).map(cube)
    looked = found.ravel() != 0
    assert 0.2 < looked.mean() <= 0.26
    np.testing.assert_allclose(found.ravel()[looked], expected[looked], atol=2e-3)
    assert expected[~looked].max() < np.median(inside(found))


@pytest.mark.parametrize("gain", [0.01, 1.0, 40.0])
def test_neither_scale_nor_shading_counts(gain):
    paint = reflectances()[2]
    found = SpectralSearch(gain * paint, lit=True).map(frame())
    np.testing.assert_allclose(found, SpectralSearch(paint, lit=True).map(frame()), atol=1e-4)
    (best,) = find_regions(found, most=1)
    np.testing.assert_allclose(best.box, BOX, atol=1)


def test_a_known_light_serves_a_reflectance_under_a_lamp():
    paint, cube = reflectances()[2], frame(light=lamp())
    for search in (SpectralSearch(paint * lamp(), lit=False), SpectralSearch(paint, lit=True)):
        (best,) = find_regions(search.map(cube), most=1, least=0.5)
        np.testing.assert_allclose(best.box, BOX, atol=1)
    unlit = SpectralSearch(paint, lit=False).map(cube)
    assert np.median(inside(unlit)) < 0.5 * np.median(inside(SpectralSearch(paint, lit=True).map(cube)))


def test_unknown_bands_are_not_looked_at():
    paint, cube = reflectances()[2], frame()
    part = np.where(np.arange(BANDS) < 10, paint, np.nan)
    found = SpectralSearch(part, lit=True).map(cube)
    np.testing.assert_array_equal(found, SpectralSearch(paint[:10], lit=True).map(cube[:, :, :10]))


def test_a_frame_without_the_thing_has_low_scores():
    for seed in range(3):
        assert not find_regions(
            SpectralSearch(reflectances()[2], lit=True).map(frame(seed, box=None)), most=3, least=0.5
        )


def test_two_hundred_bands_and_dead_ones():
    rng = np.random.default_rng(3)
    bands, paint = 200, 1 + 0.5 * np.sin(np.linspace(0, 9, 200))
    cube = (
        500 * rng.uniform(0.8, 1.2, (40, 40, 1)) * np.linspace(1, 2, bands) * (1 + rng.normal(0, 0.02, (40, 40, bands)))
    )
    cube[10:16, 20:28] = 500 * paint
    cube[:, :, 7] = 0
    (best,) = find_regions(SpectralSearch(paint, lit=False).map(cube.astype(np.uint16)), most=1, least=0.5)
    np.testing.assert_allclose(best.box, (20, 10, 8, 6), atol=1)


def test_black_and_flat_frames_hold_nothing():
    for value in (0, 7):
        scores = SpectralSearch(reflectances()[2], lit=True).map(np.full((20, 30, BANDS), value, np.uint16))
        assert np.isfinite(scores).all()
        assert not find_regions(scores, most=3, least=0.5)


def test_anomalies_are_one_in_the_mean_and_large_on_what_is_rare():
    cube = frame(box=(40, 20, 4, 4), shade=False)
    scores = AnomalySearch().map(cube)
    assert scores.mean() == pytest.approx(1, abs=0.05)
    (best,) = find_regions(scores, most=1)
    np.testing.assert_allclose(best.box, (40, 20, 4, 4), atol=1)
    assert best.score > 5


def test_not_finite_is_refused():
    cube = frame().astype(np.float32)
    cube[3, 4, 5] = np.nan
    for search in (AnomalySearch(), SpectralSearch(reflectances()[2], lit=True)):
        with refuses(CubeError, "1 NaN"):
            search.map(cube)


def test_regions_come_in_order_and_touch_nothing_twice():
    scores = np.zeros((40, 60), np.float32)
    scores[5:10, 5:10], scores[5:10, 30:38], scores[30:33, 50:53], scores[20, 20] = 0.6, 0.9, 0.8, 1.0
    found = find_regions(scores, most=10, least=0.3, least_area=5)
    assert [region.box.tolist() for region in found] == [[30, 5, 8, 5], [50, 30, 3, 3], [5, 5, 5, 5]]
    assert [region.score for region in found] == pytest.approx([0.9, 0.8, 0.6], abs=1e-6)
    assert len(find_regions(scores, most=2, least=0.3)) == 2
    assert find_regions(scores, most=5, least=0.95) == []
    assert find_regions(np.zeros((9, 9), np.float32), most=5) == []


def test_the_region_at_a_pixel():
    scores = np.zeros((40, 60), np.float32)
    scores[5:10, 5:10], scores[5:10, 30:38] = 0.6, 0.9
    scores[7:10, 5:7] = 0.45  # a poor corner of a thing belongs to it, and its box is the thing's
    for x, y in ((7, 7), (5, 8), (4, 7)):
        assert region_at(scores, x, y).box.tolist() == [5, 5, 5, 5]
        assert region_at(scores, x, y).score == pytest.approx(0.6, abs=1e-6)
    assert region_at(scores, 50, 30) is None
