"""Maps between pictures and crops: boxes and pixels move alike, to a fraction of a pixel."""

import numpy as np
import pytest

from spectrack.pairs.warping import (
    LayeredPicture,
    affine,
    channels_of,
    colours_of,
    in_groups,
    is_near,
    moved_box,
    paste,
    pixel_map,
    stacked,
    turn,
    warp,
)


def blob(height, width, centre, sigma):
    """A soft white spot on black whose centre of mass is `centre`, continuous edges."""
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    spot = np.exp(-((x - centre[0]) ** 2 + (y - centre[1]) ** 2) / (2 * sigma**2))
    return np.repeat((spot * 255).round().astype(np.uint8)[:, :, None], 3, axis=2)


def centre_of_mass(channel):
    mass = channel.astype(np.float64)
    return (
        np.array([mass.sum(0) @ (np.arange(mass.shape[1]) + 0.5), mass.sum(1) @ (np.arange(mass.shape[0]) + 0.5)])
        / mass.sum()
    )


@pytest.mark.parametrize("degrees", [0, 30, -70])
@pytest.mark.parametrize("zoom", [0.13, 0.21, 0.35, 0.5, 0.9, 1.7])
def test_a_spot_lands_where_its_box_says(zoom, degrees):
    # 1021 and 1003 do not divide by the factors that strong reductions use, and the error would grow with the distance.
    centre, place = np.array((801.3, 581.7)), np.array((61.2, 70.9))
    picture = blob(1003, 1021, centre, 3 / min(zoom, 1.0))
    linear = turn(degrees) * zoom
    crop = warp(picture, affine(linear, (0.0, 0.0), tuple(place - linear @ centre)), 127)
    assert crop.shape == (127, 127, 3)
    # Only the surroundings: the mirrored border shows the spot again elsewhere.
    corner = np.array((44, 54))
    np.testing.assert_allclose(centre_of_mass(crop[54:88, 44:78, 0]) + corner, place, atol=0.06)


def test_identity_changes_nothing():
    picture = np.random.default_rng(0).integers(0, 256, (127, 127, 3), dtype=np.uint8)
    np.testing.assert_array_equal(warp(picture, affine(np.eye(2), (0, 0), (0, 0)), 127), picture)


def test_whole_pixels_shift_exactly():
    picture = np.random.default_rng(0).integers(0, 256, (140, 150, 3), dtype=np.uint8)
    np.testing.assert_array_equal(warp(picture, affine(np.eye(2), (10, 6), (0, 0)), 127), picture[6:133, 10:137])


def test_pixel_map_sends_centres_to_centres():
    mapping = affine(turn(20) * 0.7, (3.0, 4.0), (11.0, 5.0))
    source = np.array([7.0, 9.0])
    by_edges = mapping[:, :2] @ (source + 0.5) + mapping[:, 2] - 0.5
    by_centres = pixel_map(mapping) @ np.array([*source, 1.0])
    np.testing.assert_allclose(by_centres, by_edges)


def test_moved_box_of_a_turned_square():
    square = np.array([(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)])
    box = moved_box(square, affine(turn(45), (0, 0), (10, 20)))
    np.testing.assert_allclose(box, (10 - 2**0.5, 20 - 2**0.5, 10 + 2**0.5, 20 + 2**0.5))


@pytest.mark.parametrize("zoom", [0.2, 0.5, 1.0, 1.6])
def test_pasted_square_covers_its_box(zoom):
    sprite = np.zeros((96, 96, 4), np.uint8)
    sprite[16:80, 24:72] = 255
    image = np.zeros((255, 255, 3), np.uint8)
    mapping = affine(np.eye(2) * zoom, (48, 48), (120.3, 131.8))
    paste(image, sprite, mapping)
    x0, y0, x1, y1 = moved_box(np.array([(24, 16), (72, 80)], float), mapping)
    np.testing.assert_allclose(centre_of_mass(image[:, :, 0]), ((x0 + x1) / 2, (y0 + y1) / 2), atol=0.1)
    rows, columns = np.flatnonzero((image[:, :, 0] > 127).any(1)), np.flatnonzero((image[:, :, 0] > 127).any(0))
    np.testing.assert_allclose((columns[0], rows[0], columns[-1] + 1, rows[-1] + 1), (x0, y0, x1, y1), atol=1.01)


def test_paste_outside_changes_nothing():
    image = np.full((100, 100, 3), 7, np.uint8)
    paste(image, np.full((20, 20, 4), 255, np.uint8), affine(np.eye(2), (0, 0), (150, 150)))
    assert (image == 7).all()


def test_paste_keeps_the_ground_where_the_sprite_is_clear():
    image = np.random.default_rng(0).integers(0, 256, (100, 100, 3), dtype=np.uint8)
    before = image.copy()
    paste(image, np.zeros((20, 20, 4), np.uint8), affine(turn(30), (0, 0), (50, 50)))
    np.testing.assert_array_equal(image, before)


def test_is_near():
    box = np.array([10.0, 10.0, 20.0, 20.0])
    assert is_near(np.array([5.0, 15.0]), box, 6.0)
    assert not is_near(np.array([3.0, 15.0]), box, 6.0)


@pytest.mark.parametrize("channels", [1, 3, 4, 5, 6, 9, 13])
def test_groups_put_every_channel_back_in_its_place(channels):
    image = np.random.default_rng(0).integers(0, 256, (7, 9, channels), dtype=np.uint8)
    seen = []

    def remember(part):
        seen.append(part.shape[2])
        return 255 - part[:, :, 0] if part.shape[2] == 1 and channels > 4 else 255 - part

    np.testing.assert_array_equal(in_groups(remember, image), 255 - image)
    assert max(seen) <= 4


def test_channels_are_copied_and_stacked():
    image = np.random.default_rng(0).integers(0, 256, (5, 4, 6), dtype=np.uint8)
    np.testing.assert_array_equal(channels_of(image, 2, 5), image[:, :, 2:5])
    np.testing.assert_array_equal(stacked(channels_of(image, 0, 3), image[:, :, 3], channels_of(image, 4, 6)), image)


def test_wide_sprites_are_pasted_as_their_colours_are():
    """Channels beyond the colours land where the colours land, through reductions as well."""
    rng = np.random.default_rng(0)
    sprite = rng.integers(0, 256, (60, 60, 4), dtype=np.uint8)
    wide = np.concatenate([sprite[:, :, :3], sprite[:, :, [2, 0]], sprite[:, :, 3:]], axis=2)
    for zoom in (0.3, 0.9, 1.6):
        mapping = affine(turn(20) * zoom, (30.0, 30.0), (40.0, 33.0))
        narrow_crop, wide_crop = np.zeros((80, 80, 3), np.uint8), np.zeros((80, 80, 5), np.uint8)
        paste(narrow_crop, sprite, mapping)
        paste(wide_crop, wide, mapping)
        # OpenCV rounds two and four channels by different routes.
        np.testing.assert_allclose(wide_crop[:, :, :3].astype(int), narrow_crop, atol=6)
        np.testing.assert_allclose(wide_crop[:, :, 3:].astype(int), narrow_crop[:, :, [2, 0]], atol=6)


def test_layers_follow_the_colours():
    colours, cover = (np.random.default_rng(seed).integers(0, 256, (50, 60, 3), dtype=np.uint8) for seed in (0, 1))
    tables = np.stack([np.arange(256), 255 - np.arange(256)]).astype(np.uint8)
    picture = LayeredPicture(colours, cover, tables)
    mapping = affine(turn(10) * 0.8, (30.0, 25.0), (20.0, 20.0))
    crop = warp(picture, mapping, 40)
    assert picture.shape == (50, 60, 5)
    assert colours_of(picture) is colours
    np.testing.assert_array_equal(crop[:, :, :3], warp(colours, mapping, 40))
    np.testing.assert_array_equal(crop[:, :, 3], warp(cover, mapping, 40)[:, :, 0])
    np.testing.assert_array_equal(crop[:, :, 4], 255 - warp(cover, mapping, 40)[:, :, 1])
