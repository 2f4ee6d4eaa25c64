"""Training pairs: the box is exactly where the target is, the template shows the same place, negatives lack it."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest

from spectrack.pairs.bank import BankConfig, build_bank
from spectrack.pairs.synthesis import SynthesisConfig, draw_scene, render_pair
from spectrack.trackers.crop import context_side
from tests.fixtures.tiny_training import SMALL_BANK

BARE = SynthesisConfig(
    distractors=0, occlusion_share=0.0, negative_share=0.0, companion_share=0.0, deformation_share=0.0
)


def mask_box(mask):
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], dtype=float)


def test_pair_has_the_sizes_and_types_of_the_network(bank):
    for index in range(6):
        pair = render_pair(np.random.default_rng(index), bank, SynthesisConfig())
        assert (pair.template.shape, pair.template.dtype) == ((127, 127, 3), np.uint8)
        assert (pair.search.shape, pair.search.dtype) == ((255, 255, 3), np.uint8)
        assert (pair.box.shape, pair.box.dtype) == ((4,), np.float32)
        assert (pair.box[2:] > pair.box[:2]).all()


def test_same_generator_same_pair(bank):
    first, second = (render_pair(np.random.default_rng([3, 1, 4]), bank, SynthesisConfig()) for _ in range(2))
    for found, expected in zip(first, second, strict=True):
        np.testing.assert_array_equal(found, expected)


def painted_pairs(bank, seed, config):
    """One sprite pair with every sprite painted black, then white: where the crops differ, a sprite covers the
    ground.
    """
    for paint in (0, 255):
        sprites = bank.sprites.copy()
        sprites[..., :3] = paint
        stub = SimpleNamespace(
            pictures=bank.pictures,
            photograph_start=bank.photograph_start,
            cutout_start=bank.cutout_start,
            outlines=bank.outlines,
            sprites=sprites,
        )
        yield draw_scene(np.random.default_rng(seed), stub, dataclasses.replace(config, sprite_share=1.0))


def covered(first, second):
    """(size, size) difference between two painted crops, 255 where the sprite covers a pixel whole."""
    return (second.astype(int) - first.astype(int))[:, :, 0]


@pytest.mark.parametrize("seed", range(12))
def test_sprite_box_is_the_box_of_the_pixels_that_the_target_changes(bank, seed):
    """The target, painted white or black, differs between two renderings exactly where it covers the ground."""
    black, pair = painted_pairs(bank, seed, BARE)
    found, expected = mask_box(covered(black.search, pair.search) > 127), np.clip(pair.box, 0, 255)
    assert pair.positive
    # Whole pixels are compared with fractional edges, and OpenCV's smooth polygons reach 0.7 sprite pixels beyond their
    # outline.
    np.testing.assert_allclose(found, expected, atol=1.7)
    np.testing.assert_allclose((found[:2] + found[2:]) / 2, (expected[:2] + expected[2:]) / 2, atol=1.0)


def test_box_of_a_cut_out_also_where_it_is_mirrored(tmp_path, own_pictures):
    """An L, so that a mirrored one with the box of the other would be found out."""
    own = build_bank(tmp_path / "cache", BankConfig(**SMALL_BANK), cutouts=own_pictures["cutouts"], jobs=1)
    config = dataclasses.replace(BARE, cutout_share=1.0, large_rotation_share=1.0)
    for seed in range(12):
        black, pair = painted_pairs(own, seed, config)
        changed = covered(black.search, pair.search)
        np.testing.assert_allclose(mask_box(changed > 127), np.clip(pair.box, 0, 255), atol=1.7)


def test_box_follows_the_deformation_of_the_crop(bank):
    """As above, in crops that are all deformed strongly."""
    config = dataclasses.replace(BARE, deformation_share=1.0, deformation_px=12.0)
    moved = 0.0
    for seed in range(8):
        black, pair = painted_pairs(bank, seed, config)
        found, expected = mask_box(covered(black.search, pair.search) > 127), np.clip(pair.box, 0, 255)
        # Outline points are the corners of the hull; between two of them the deformed edge may bulge a little.
        np.testing.assert_allclose(found, expected, atol=3.0)
        _, straight = painted_pairs(bank, seed, dataclasses.replace(config, deformation_px=0.0))
        moved = max(moved, float(np.abs(straight.box - pair.box).max()))
    assert moved > 3.0


def draw_regions(pictures, seed):
    """A region pair that is neither turned nor shifted in its template, out of these pictures."""
    sprites = np.zeros((2, 8, 8, 4), np.uint8)
    stub = SimpleNamespace(pictures=pictures, photograph_start=len(pictures), sprites=sprites, cutout_start=2)
    still = {"template_shift_px": 0.0, "template_scale": 0.0, "large_rotation_share": 0.0, "rotation_deg": 0.0}
    config = dataclasses.replace(BARE, sprite_share=0.0, stretch=0.0, **still)
    return draw_scene(np.random.default_rng(seed), stub, config)


def test_regions_without_structure_are_passed_over():
    """Half of the picture is fine grain, half shows large squares: regions come from the squares."""
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (400, 400, 3), dtype=np.uint8)
    squares = np.kron(rng.integers(0, 2, (20, 10)) * 200, np.ones((20, 20))).astype(np.uint8)
    picture[:, 200:] = squares[:, :, None]
    # A step in blue too small to count as structure tells the halves apart.
    picture[:, :, 2] = np.where(np.arange(400) < 200, 100, 110)
    reached = []
    for seed in range(40):
        pair = draw_regions([picture], seed)
        x0, y0, x1, y1 = pair.template_box.round().astype(int)
        reached.append((pair.template[y0:y1, x0:x1, 2] > 105).mean() > 0.1)
    # Where every region passes, 0.38 of these reach the squares; the smallest find some structure in the grain.
    assert np.mean(reached) > 0.65


def test_sprite_fills_the_template_as_the_tracker_crops_it(bank):
    """Without jitter, the context side of the sprite's box is 127 px in the template: the tracker's own rule."""
    config = dataclasses.replace(BARE, template_shift_px=0.0, template_scale=0.0)
    for seed in range(4):
        black, pair = painted_pairs(bank, seed, config)
        x0, y0, x1, y1 = mask_box(covered(black.template, pair.template) > 64)
        assert context_side((0, 0, x1 - x0, y1 - y0)) == pytest.approx(127, abs=5)
        np.testing.assert_allclose(((x0 + x1) / 2, (y0 + y1) / 2), (63.5, 63.5), atol=1.5)


def test_template_box_is_where_the_template_shows_the_target(bank):
    for seed in range(8):
        black, pair = painted_pairs(bank, seed, BARE)
        found, expected = mask_box(covered(black.template, pair.template) > 127), np.clip(pair.template_box, 0, 127)
        np.testing.assert_allclose(found, expected, atol=1.7)


def ramps():
    """A picture that tells its own coordinates: red is half of x, green half of y, blue is rough enough to be
    chosen.
    """
    x, y = np.meshgrid(np.arange(510), np.arange(510))
    return np.stack([x // 2, y // 2, (x * 7 + y * 13) % 256], axis=2).astype(np.uint8)


def place_of(crop, point):
    """Where in the ramps a crop looks at a point: fitted over all pixels, so rounding to 8 bits averages out."""
    size = crop.shape[0]
    x, y = np.meshgrid(np.arange(size) + 0.5, np.arange(size) + 0.5)
    terms = np.stack([x.ravel(), y.ravel(), np.ones(size * size)], axis=1)
    # A value v covers the columns 2 v and 2 v + 1, whose middle is 2 v + 1.
    fit, *_ = np.linalg.lstsq(terms, crop[:, :, :2].reshape(-1, 2) * 2.0 + 1.0, rcond=None)
    return np.array([*point, 1.0]) @ fit, fit[:2].T


def test_region_pair_shows_the_same_region_in_both_crops():
    inside = 0
    for seed in range(120):
        pair = draw_regions([ramps()], seed)
        # Beyond the border of the picture it is mirrored, which would bend the fits.
        if any(crop[:, :, :2].min() < 3 or crop[:, :, :2].max() > 251 for crop in (pair.template, pair.search)):
            continue
        inside += 1
        x0, y0, x1, y1 = pair.template_box
        np.testing.assert_allclose(((x0 + x1) / 2, (y0 + y1) / 2), (63.5, 63.5), atol=1e-3)
        place, linear = place_of(pair.template, (63.5, 63.5))
        region = (x1 - x0) * linear[0, 0], (y1 - y0) * linear[1, 1]
        assert context_side((0, 0, *region)) == pytest.approx(127 * linear[0, 0], rel=0.02)
        x0, y0, x1, y1 = pair.box
        again, linear = place_of(pair.search, ((x0 + x1) / 2, (y0 + y1) / 2))
        np.testing.assert_allclose(again, place, atol=0.8)
        np.testing.assert_allclose(((x1 - x0) * linear[0, 0], (y1 - y0) * linear[1, 1]), region, rtol=0.02)
    assert inside >= 8


def test_negative_pairs_show_another_target(bank):
    config = dataclasses.replace(BARE, negative_share=1.0)
    for seed in range(6):
        pair = render_pair(np.random.default_rng(seed), bank, config)
        assert not pair.positive
        assert (pair.box[2:] > pair.box[:2]).all()


def test_shares_are_kept(bank):
    config = SynthesisConfig(negative_share=0.5)
    positive = [render_pair(np.random.default_rng(seed), bank, config).positive for seed in range(60)]
    assert 18 <= sum(positive) <= 42


def test_targets_stay_within_reach(bank):
    config = dataclasses.replace(BARE, search_scale=0.0, search_shift_px=40.0)
    for seed in range(10):
        box = render_pair(np.random.default_rng(seed), bank, config).box
        assert (np.abs((box[:2] + box[2:]) / 2 - 127.5) <= 40.01).all()
        assert context_side((0, 0, *(box[2:] - box[:2]))) == pytest.approx(127, rel=0.01)
