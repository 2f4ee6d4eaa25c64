"""Spectral pairs: camouflage is invisible in false colour and visible in the spectrum, boxes are exact, kinds come in
their shares.
"""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spectrack.errors import ConfigError
from spectrack.pairs.augmentation import PhotometricConfig
from spectrack.pairs.spectral_cameras import SpectralCamera, known_camera, random_sensor
from spectrack.pairs.spectral_materials import MaterialConfig
from spectrack.pairs.spectral_pairs import HEADROOM, KINDS, SpectralConfig, render_spectral_pair
from spectrack.pairs.synthesis import Casting, SynthesisConfig, draw_scene
from spectrack.pairs.warping import LayeredPicture
from spectrack.spectra import spectral_angle
from tests.fixtures.refusals import refuses

VIS16 = known_camera("vis16", "thirds")
BARE = SynthesisConfig(
    distractors=0,
    occlusion_share=0.0,
    negative_share=0.0,
    companion_share=0.0,
    deformation_share=0.0,
    native_side_px=(260.0, 260.0),
)
STILL = MaterialConfig(
    gain=(1.0, 1.0), band_gain=0.0, slope=0.0, relight_share=0.0, band_drop_share=0.0, angle=(0.2, 0.4)
)
CLEAN = PhotometricConfig(
    gamma=(2.0, 2.0),
    mixing=0.0,
    grey_share=0.0,
    gain=0.0,
    channel_gain=0.0,
    blur_share=0.0,
    light_share=0.0,
    noise=1e-9,
)


def only(kind, **changes):
    """A configuration in which all pairs are of a kind and nothing differs between the crops but motion."""
    shares = dict.fromkeys(("camouflage_share", "twin_share", "plain_share"), 0.0)
    if kind != "ordinary":
        shares[{"camouflage": "camouflage_share", "twins": "twin_share", "plain": "plain_share"}[kind]] = 1.0
    return SpectralConfig(**shares, **{"photometric": CLEAN, "materials": STILL} | changes)


def clean_cube(crop, mixing):
    """(side, side, bands) without noise, by the formula in the module's words rather than by the expansion's code."""
    abundances = crop[:, :, :3].astype(np.float64)
    bends = (crop[:, :, 3:].astype(np.float64) - 128) / 127
    parts = mixing.astype(np.float64).reshape(3, 3, -1)
    return abundances @ parts[0] + (abundances * bends[:, :, :1]) @ parts[1] + (abundances * bends[:, :, 1:]) @ parts[2]


def without_bends(crop):
    return np.concatenate([crop[:, :, :3], np.full_like(crop[:, :, 3:], 128)], axis=2)


def target_mask(pair, ground_bend):
    """Pixels of the search crop whose bend is not the background's."""
    bends = pair.search[:, :, 3:].astype(int)
    return np.abs(bends - ground_bend).max(axis=2) > 30


@pytest.mark.parametrize("bands", [3, 15, 16, 25, 40])
def test_shapes_and_types(bank, bands):
    camera = SpectralCamera.of(random_sensor(np.random.default_rng(0), bands, bands), "thirds")
    for seed in range(4):
        pair = render_spectral_pair(np.random.default_rng(seed), bank, camera, SpectralConfig(), SynthesisConfig())
        for crop, size in ((pair.template, 127), (pair.search, 255)):
            assert crop.dtype == np.uint8
            assert crop.shape == (crop.shape[0], crop.shape[0], 5)
            assert 8 <= crop.shape[0] <= size
        assert (pair.mixing.shape, pair.mixing.dtype) == ((2, 9, bands), np.float32)
        assert pair.box.dtype == np.float32
        assert (pair.box[2:] > pair.box[:2]).all()


def test_same_generator_same_pair(bank):
    first, second = (
        render_spectral_pair(np.random.default_rng([2, 7]), bank, VIS16, SpectralConfig(), SynthesisConfig())
        for _ in range(2)
    )
    for found, expected in zip(first, second, strict=True):
        np.testing.assert_array_equal(found, expected)


@given(seed=st.integers(0, 100_000))
@settings(max_examples=12, deadline=None)
def test_false_colour_knows_nothing_of_bends(bank, seed):
    """Whatever the pair: with the bends taken out, the false colour of every pixel stays, within the rounding of
    float32.
    """
    camera = known_camera(("vis16", "nir25", "rednir15")[seed % 3], "thirds")
    pair = render_spectral_pair(
        np.random.default_rng(seed), bank, camera, SpectralConfig(materials=STILL), SynthesisConfig()
    )
    for crop, mixing in zip((pair.template, pair.search), pair.mixing, strict=True):
        bent, plain = clean_cube(crop, mixing), clean_cube(without_bends(crop), mixing)
        np.testing.assert_allclose(bent @ camera.colour, plain @ camera.colour, atol=2e-6 * max(plain.max(), 1.0))
        assert bent.min() >= -1e-6


@pytest.mark.parametrize("seed", range(6))
def test_camouflage_shows_in_the_spectrum_alone(bank, seed):
    """A target in the colours of its ground: painted in or left out, false colour is the same and the spectrum is
    not.
    """
    pair = render_spectral_pair(np.random.default_rng(seed), bank, VIS16, only("camouflage", ground_share=1.0), BARE)
    ground = np.median(pair.search[:, :, 3:].reshape(-1, 2), axis=0)
    mask = target_mask(pair, ground)
    assert mask.sum() > 300
    ghost = pair.search.copy()
    ghost[mask, 3:] = ground
    with_target, without = clean_cube(pair.search, pair.mixing[1]), clean_cube(ghost, pair.mixing[1])
    np.testing.assert_allclose(with_target @ VIS16.colour, without @ VIS16.colour, atol=2e-6 * without.max())
    lit = mask & (pair.search[:, :, :3].max(axis=2) > 20)
    angles = spectral_angle(with_target[lit], without[lit])
    assert np.median(angles) > 0.1


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize(
    "casting", [Casting(), Casting("ground"), Casting("texture")], ids=lambda casting: casting.disguise
)
def test_box_is_the_box_of_the_pixels_whose_bends_the_target_changes(bank, seed, casting):
    """The target's fourth channel, painted low or high, differs between two renderings exactly where it covers the
    ground.
    """
    crops = []
    for paint in (0, 255):
        bends = np.full((*bank.sprites.shape[:3], 2), paint, np.uint8)
        sprites = np.concatenate([bank.sprites[..., :3], bends, bank.sprites[..., 3:]], axis=3)
        pictures = [LayeredPicture(picture, picture, np.full((2, 256), 100, np.uint8)) for picture in bank.pictures]
        stub = SimpleNamespace(
            pictures=pictures,
            photograph_start=bank.photograph_start,
            cutout_start=bank.cutout_start,
            outlines=bank.outlines,
            sprites=sprites,
        )
        pair = draw_scene(np.random.default_rng(seed), stub, dataclasses.replace(BARE, sprite_share=1.0), casting)
        assert pair.search.shape == (255, 255, 5)
        crops.append(pair.search.astype(int))
    changed = (crops[1] - crops[0])[:, :, 3] > 127
    np.testing.assert_array_equal(crops[0][:, :, :3], crops[1][:, :, :3])
    rows, columns = np.flatnonzero(changed.any(1)), np.flatnonzero(changed.any(0))
    found = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], dtype=float)
    # Whole pixels are compared with fractional edges.
    np.testing.assert_allclose(found, np.clip(pair.box, 0, 255), atol=1.7)


def test_texture_camouflage_wears_a_piece_of_the_picture(bank):
    """Over many pairs, the target's mean colour is nearer to its surroundings' than an ordinary target's."""
    distances = {}
    for name, config in (("camouflage", only("camouflage", ground_share=0.0)), ("ordinary", only("ordinary"))):
        found = []
        for seed in range(12):
            pair = render_spectral_pair(
                np.random.default_rng(seed), bank, VIS16, config, dataclasses.replace(BARE, sprite_share=1.0)
            )
            x0, y0, x1, y1 = np.clip(pair.box, 0, 255).astype(int)
            inside = pair.search[y0 + 2 : y1 - 2, x0 + 2 : x1 - 2, :3].reshape(-1, 3)
            if len(inside) > 50:
                found.append(np.linalg.norm(inside.mean(axis=0) - pair.search[:, :, :3].mean(axis=(0, 1))))
        distances[name] = np.mean(found)
    assert distances["camouflage"] < 0.8 * distances["ordinary"]


def test_twins_are_pasted_and_are_bent_otherwise(bank):
    """Other blobs of the target's colours exist in the search crop, and their bends differ from the target's."""
    seen = 0
    for seed in range(6):
        pair = render_spectral_pair(np.random.default_rng(seed), bank, VIS16, only("twins", most_twins=1), BARE)
        ground = np.median(pair.search[:, :, 3:].reshape(-1, 2), axis=0)
        mask = target_mask(pair, ground)
        x0, y0, x1, y1 = np.clip(pair.box, 0, 255).astype(int)
        elsewhere = mask.copy()
        elsewhere[y0:y1, x0:x1] = False
        if elsewhere.sum() > 200:
            seen += 1
            inside = np.median(pair.search[y0:y1, x0:x1][mask[y0:y1, x0:x1]][:, 3:], axis=0)
            assert np.linalg.norm(np.median(pair.search[elsewhere][:, 3:], axis=0) - inside) > 40
    assert seen >= 3


def test_decoy_of_a_negative_twin_pair_has_the_targets_colours(bank):
    """The template's sprite appears in the search crop with another bend: only the spectrum says no."""
    config = dataclasses.replace(BARE, negative_share=1.0, search_scale=0.0)
    for seed in range(4):
        pair = render_spectral_pair(np.random.default_rng(seed), bank, VIS16, only("twins"), config)
        assert not pair.positive
        centre = ((pair.box[:2] + pair.box[2:]) / 2).round().astype(int)
        decoy = pair.search[centre[1], centre[0]].astype(int)
        if np.abs(pair.template[63, 63, 3:].astype(int) - 128).max() > 0:
            assert np.linalg.norm(pair.template[63, 63, 3:].astype(int) - decoy[3:]) > 30


def test_plain_pairs_have_no_metamers(bank):
    pair = render_spectral_pair(np.random.default_rng(0), bank, VIS16, only("plain"), SynthesisConfig())
    assert not pair.mixing[:, 3:].any()
    assert pair.mixing[:, :3].any()
    assert KINDS[pair.kind] == "plain"


def test_kinds_come_in_their_shares(bank):
    config = SpectralConfig(camouflage_share=0.4, twin_share=0.3, plain_share=0.1)
    kinds = [render_spectral_pair(np.random.default_rng(seed), bank, VIS16, config, BARE).kind for seed in range(120)]
    shares = np.bincount(kinds, minlength=len(KINDS)) / len(kinds)
    np.testing.assert_allclose(shares, (0.2, 0.4, 0.3, 0.1, 0.0), atol=0.12)


def test_brightness_is_that_of_a_scaled_frame(bank):
    """The brightest parts reach what the recipe says, where 1 is the 99.9th percentile of a frame."""
    levels = []
    for seed in range(9):
        pair = render_spectral_pair(
            np.random.default_rng(seed), bank, VIS16, only("plain", brightness=(0.8, 0.8)), BARE
        )
        levels.append(np.percentile(clean_cube(pair.search, pair.mixing[1]), 99.5))
    assert np.median(levels) == pytest.approx(0.8, rel=0.1)


def test_abundances_keep_headroom_for_strong_colours():
    assert 255 * HEADROOM < 255


@pytest.mark.parametrize(
    ("values", "facts"),
    [
        (
            {"camouflage_share": 0.7, "twin_share": 0.4},
            ("(0.7, 0.4, 0.1)", "data.spectral"),
        ),
        ({"most_twins": 0}, ("'most_twins'", "found 0")),
        ({"brightness": (0.0, 1.0)}, ("'brightness'", "(0.0, 1.0)")),
    ],
)
def test_mistakes_get_a_sentence(values, facts):
    with refuses(ConfigError, facts):
        SpectralConfig(**values)
