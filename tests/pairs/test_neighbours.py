"""Distractors, companions and occluders: where they land and what they may not touch."""

from types import SimpleNamespace

import numpy as np
import pytest

from spectrack.pairs.neighbours import choose_sprite, occlude, place_companion, scatter
from spectrack.pairs.warping import affine

BOX = np.array([100.0, 90.0, 150.0, 170.0])


def white_bank():
    """One opaque white sprite that fills its square."""
    return SimpleNamespace(sprites=np.full((1, 40, 40, 4), 255, np.uint8), cutout_start=1)


def dark():
    return np.zeros((255, 255, 3), np.uint8)


def kin_map():
    return affine(np.eye(2) * 64 / 40, (20.0, 20.0), (125.0, 130.0))


@pytest.mark.parametrize("seed", range(10))
def test_companion_is_about_as_large_as_the_target_and_at_its_side(seed):
    image = dark()
    place_companion(np.random.default_rng(seed), white_bank(), image, 0.0, BOX, -1, kin_map())
    shown = image[:, :, 0] > 127
    assert 0.2 < shown.sum() / (50 * 80) < 4 or shown[[0, -1]].any() or shown[:, [0, -1]].any()
    x0, y0, x1, y1 = BOX.astype(int)
    near = shown[max(0, y0 - 60) : y1 + 60, max(0, x0 - 60) : x1 + 60]
    assert near.any()
    # Beside, not upon: the target's middle stays visible.
    assert not shown[125:135, 120:130].any()


def test_kin_is_recoloured():
    """A copy of a white target would be a wrong label; kin of white is black."""
    seen = set()
    for seed in range(40):
        image = np.full((255, 255, 3), 128, np.uint8)
        place_companion(np.random.default_rng(seed), white_bank(), image, 0.0, BOX, 0, kin_map())
        seen |= {0, 255} & set(np.unique(image).tolist())
    assert seen == {0, 255}


@pytest.mark.parametrize("seed", range(6))
def test_scattered_things_keep_clear(seed):
    image = dark()
    scatter(np.random.default_rng(seed), white_bank(), image, 0.0, 4, -1, kin_map(), keep_clear=BOX)
    assert not (image[125:135, 120:130] > 0).any()


def test_scatter_pastes_at_most_so_many():
    image = dark()
    scatter(np.random.default_rng(0), white_bank(), image, 0.0, 0, -1, kin_map())
    assert (image == 0).all()


@pytest.mark.parametrize("seed", range(10))
def test_occluder_covers_a_part_of_the_box(seed):
    image = dark()
    occlude(np.random.default_rng(seed), white_bank(), image, 0.0, BOX)
    x0, y0, x1, y1 = BOX.astype(int)
    covered = (image[y0:y1, x0:x1, 0] > 127).mean()
    assert 0.0 < covered < 0.75


def numbered(sprites, cutouts):
    return SimpleNamespace(sprites=[None] * (sprites + cutouts), cutout_start=sprites)


def test_sprites_without_cut_outs_are_drawn_evenly_by_one_number():
    first, second = np.random.default_rng(3), np.random.default_rng(3)
    for _ in range(20):
        assert choose_sprite(first, numbered(7, 0), 0.4) == int(second.integers(7))


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_cut_outs_have_their_share(share):
    rng = np.random.default_rng(1)
    drawn = np.array([choose_sprite(rng, numbered(50, 3), share) for _ in range(3000)])
    assert (drawn >= 50).mean() == pytest.approx(share, abs=0.03)
    assert set(drawn[drawn < 50]) == (set() if share == 1 else set(range(50)))


@pytest.mark.parametrize(("sprites", "cutouts", "unlike"), [(2, 0, 1), (5, 2, 6), (5, 1, 5), (3, 4, 0)])
def test_another_sprite_is_never_the_same(sprites, cutouts, unlike):
    rng = np.random.default_rng(1)
    drawn = {choose_sprite(rng, numbered(sprites, cutouts), 0.5, unlike) for _ in range(300)}
    assert drawn == set(range(sprites + cutouts)) - {unlike}
