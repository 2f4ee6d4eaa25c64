"""Crops: the map to the crop and back, the place of a drawn square, padding, and the colours."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectrack.cube import cube_to_mosaic
from spectrack.errors import CubeError
from spectrack.false_colour import apply_matrix, false_colour_matrix
from spectrack.scaling import Gain, Scaling
from spectrack.sequences.frames import ArrayFrame, MosaicFrame
from spectrack.trackers import crop as crop_module
from spectrack.trackers.crop import Colouring, CropWindow, context_side, cut, resize
from tests.fixtures.refusals import refuses

PLAIN = Colouring(np.eye(3, dtype=np.float32))
numbers = st.floats(-500, 500, allow_nan=False)
sides = st.floats(0.5, 300, allow_nan=False)


def drawn(height, width, box, ground=0.0, paint=1.0):
    """A three-band image of a box with fractional edges, each pixel covered by the area it shares with the box."""
    x, y, w, h = box
    across = np.clip(np.minimum(np.arange(width) + 1, x + w) - np.maximum(np.arange(width), x), 0, 1)
    down = np.clip(np.minimum(np.arange(height) + 1, y + h) - np.maximum(np.arange(height), y), 0, 1)
    cover = np.outer(down, across)
    return np.repeat((ground + (paint - ground) * cover)[:, :, None], 3, axis=2).astype(np.float32)


def measured(image):
    """Box of the bright mass in one channel: centre of mass, and sides from the mass along each axis."""
    mass = image[:, :, 0].astype(np.float64)
    xs, ys = np.arange(mass.shape[1]) + 0.5, np.arange(mass.shape[0]) + 0.5
    cx, cy = (mass.sum(0) @ xs) / mass.sum(), (mass.sum(1) @ ys) / mass.sum()
    w, h = mass.sum(1).max() / mass.max(), mass.sum(0).max() / mass.max()
    return np.array([cx - w / 2, cy - h / 2, w, h])


@given(
    st.integers(-300, 300),
    st.integers(-300, 300),
    st.integers(1, 900),
    st.sampled_from((127, 255)),
    numbers,
    numbers,
    sides,
    sides,
)
def test_to_crop_and_back_is_the_identity(x0, y0, side, size, x, y, w, h):
    window, box = CropWindow(x0, y0, side), np.array([x, y, w, h])
    np.testing.assert_allclose(window.to_frame(window.to_crop(box, size), size), box, atol=1e-9)
    np.testing.assert_allclose(window.to_crop(window.to_frame(box, size), size), box, atol=1e-9)


@given(numbers, numbers, st.floats(0.1, 800))
def test_window_is_whole_and_nearest(x, y, side):
    window = CropWindow.around((x, y), side)
    assert window.side == max(1, round(side))
    assert abs(window.x0 + window.side / 2 - x) <= 0.5 + 1e-9
    assert abs(window.y0 + window.side / 2 - y) <= 0.5 + 1e-9


def test_window_maps_its_own_corners_to_the_crop():
    window = CropWindow(10, -4, 50)
    np.testing.assert_allclose(window.to_crop((10, -4, 50, 50), 255), (0, 0, 255, 255), atol=1e-12)


def test_context_side_by_hand():
    # p = (30 + 50) / 2 = 40; sqrt(70 * 90) = 79.37
    assert context_side((0, 0, 30, 50)) == pytest.approx(79.37253933)
    assert context_side((7, 9, 20, 20)) == 40


@pytest.mark.parametrize("side", [60, 127, 254, 255, 256, 300, 511])
@pytest.mark.parametrize("box", [(201.0, 190.0, 23.0, 31.0), (210.3, 199.75, 20.4, 17.6)])
def test_square_is_found_at_its_place(side, box):
    image = drawn(420, 440, box)
    window = CropWindow.around(np.array(box[:2]) + np.array(box[2:]) / 2 + 3, side)
    crop = cut(ArrayFrame(image), window, 255, PLAIN, np.zeros(3, np.float32))
    assert crop.shape == (255, 255, 3)
    assert crop.dtype == np.float32
    found, wanted = measured(crop), window.to_crop(box, 255)
    np.testing.assert_allclose(found[:2] + found[2:] / 2, wanted[:2] + wanted[2:] / 2, atol=0.02)
    np.testing.assert_allclose(found[2:], wanted[2:], atol=0.1)


@pytest.mark.parametrize(
    ("window", "inside"),
    [
        (CropWindow(-10, -20, 50), (10, 20, 50, 50)),
        (CropWindow(70, 50, 40), (0, 0, 10, 10)),
        (CropWindow(-30, -40, 200), (30, 40, 110, 100)),
    ],
)
def test_padding_is_the_fill_of_each_band(window, inside):
    rng = np.random.default_rng(0)
    image = rng.uniform(size=(60, 80, 3)).astype(np.float32)
    fill = np.array([0.1, 0.2, 0.3], dtype=np.float32)
    crop = cut(ArrayFrame(image), window, window.side, PLAIN, fill)
    padded = np.empty((window.side, window.side, 3), dtype=np.float32)
    for row in range(window.side):
        for column in range(window.side):
            y, x = row + window.y0, column + window.x0
            padded[row, column] = image[y, x] if 0 <= y < 60 and 0 <= x < 80 else fill
    np.testing.assert_array_equal(crop, padded)
    left, top, right, bottom = inside
    outside = np.ones(crop.shape[:2], dtype=bool)
    outside[top:bottom, left:right] = False
    assert (crop[outside] == fill).all()


@pytest.mark.parametrize("window", [CropWindow(200, 10, 30), CropWindow(10, -90, 30), CropWindow(-31, -31, 30)])
def test_window_that_misses_the_frame_is_all_fill(window):
    fill = np.array([0.1, 0.2, 0.3], dtype=np.float32)
    crop = cut(ArrayFrame(np.ones((60, 80, 3), np.float32)), window, 127, PLAIN, fill)
    np.testing.assert_allclose(crop, np.broadcast_to(fill, crop.shape), rtol=1e-6)


@pytest.mark.parametrize(
    "scaling", ["none", "fixed(1023)", "first_frame_percentile", "frame_minmax", "band_minmax", "percentile(1,99)"]
)
def test_colouring_is_scaling_then_false_colour(scaling):
    cube = np.random.default_rng(1).integers(0, 1023, (40, 50, 16)).astype(np.uint16)
    gain, matrix = Scaling.parse(scaling).fit(cube), false_colour_matrix("thirds", 16)
    expected = apply_matrix(gain.apply(cube), matrix)
    found = Colouring.of(gain, matrix).apply(cube)
    np.testing.assert_allclose(found, expected, rtol=2e-5, atol=2e-5 * float(np.abs(expected).max()))


def test_mosaic_and_array_frames_give_the_same_crop():
    cube = np.random.default_rng(2).integers(0, 1023, (60, 80, 16)).astype(np.uint16)
    colouring = Colouring.of(Gain.uniform(1 / 1023, 16), false_colour_matrix("thirds", 16))
    window, fill = CropWindow(-5, 20, 70), np.zeros(3, np.float32)
    from_array = cut(ArrayFrame(cube), window, 127, colouring, fill)
    from_mosaic = cut(MosaicFrame(cube_to_mosaic(cube, 4), 4), window, 127, colouring, fill)
    np.testing.assert_array_equal(from_array, from_mosaic)


def test_rows_read_by_and_by_are_the_rows_read_at_once():
    # 200 x 200 pixels are read in ten strips.
    cube = np.random.default_rng(3).integers(0, 1023, (210, 220, 16)).astype(np.uint16)
    colouring = Colouring.of(Gain.uniform(1 / 1023, 16), false_colour_matrix("thirds", 16))
    crop = cut(ArrayFrame(cube), CropWindow(4, 5, 200), 200, colouring, np.zeros(3, np.float32))
    np.testing.assert_allclose(crop, colouring.apply(cube[5:205, 4:204]), rtol=1e-6)


def test_reducing_averages_every_pixel():
    image = np.random.default_rng(4).uniform(size=(510, 510, 3)).astype(np.float32)
    np.testing.assert_allclose(resize(image, 255), image.reshape(255, 2, 255, 2, 3).mean(axis=(1, 3)), atol=1e-6)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_refused(value):
    cube = np.ones((30, 30, 16), np.float32)
    cube[10, 10, 3] = value
    with refuses(CubeError, "frame", "1 NaN"):
        cut(
            ArrayFrame(cube),
            CropWindow(0, 0, 30),
            127,
            Colouring(np.ones((16, 3), np.float32)),
            np.zeros(3, np.float32),
        )
    # Outside the window nobody looks.
    cut(ArrayFrame(cube), CropWindow(15, 15, 15), 127, Colouring(np.ones((16, 3), np.float32)), np.zeros(3, np.float32))


def test_values_beyond_float32_are_refused():
    with refuses(CubeError, "frame", "float32"):
        Colouring(np.ones((3, 3), np.float32)).apply(np.full((2, 2, 3), 1e300))


def test_cubes_of_no_numbers_are_refused():
    with refuses(CubeError, "frame", "complex128"):
        Colouring(np.ones((3, 3), np.float32)).apply(np.zeros((2, 2, 3), complex))


@pytest.mark.parametrize("bands", [4, 5, 16, 25])
@pytest.mark.parametrize("side", [40, 90, 200])
def test_all_bands_are_cut_as_single_ones_are(bands, side):
    """Enlarged and reduced, inside the frame and beyond it: every band as if it were alone."""
    cube = np.random.default_rng(0).integers(0, 900, (120, 100, bands), dtype=np.uint16)
    window, fill = CropWindow(-10, 20, side), np.arange(bands, dtype=np.float32)
    whole = cut(ArrayFrame(cube), window, 127, Colouring(np.eye(bands, dtype=np.float32)), fill)
    assert whole.shape == (127, 127, bands)
    for band in (0, bands - 1):
        alone = cut(ArrayFrame(cube[:, :, [band] * 3]), window, 127, PLAIN, fill[[band] * 3])
        np.testing.assert_allclose(whole[:, :, band], alone[:, :, 0], rtol=1e-4, atol=0.05)


@pytest.mark.parametrize("side", [40, 64, 97, 200])
def test_many_channels_are_resized_as_a_few_are(side):
    image = np.random.default_rng(side).uniform(0, 9, (side, side, 7)).astype(np.float32)
    together = resize(image, 64)
    assert together.shape == (64, 64, 7)
    assert together.dtype == np.float32
    for channel in range(7):
        np.testing.assert_allclose(
            together[:, :, channel], resize(image[:, :, channel : channel + 1], 64)[:, :, 0], atol=2e-3
        )


def test_crop_of_many_channels_has_the_fill_of_each_outside():
    cube = np.random.default_rng(0).uniform(0, 9, (20, 30, 7)).astype(np.float32)
    fill = np.arange(7, dtype=np.float32)
    crop = cut(ArrayFrame(cube), CropWindow(-40, 0, 20), 10, Colouring(np.eye(7, dtype=np.float32)), fill)
    np.testing.assert_allclose(crop, np.broadcast_to(fill, crop.shape), rtol=1e-5)


@pytest.mark.parametrize("bands", [3, 16])
@pytest.mark.parametrize(
    "window", [CropWindow(-60, -50, 200), CropWindow(10, 5, 300), CropWindow(-390, 4, 400), CropWindow(500, 5, 300)]
)
def test_a_window_that_is_too_large_to_be_held_gives_the_same_crop(monkeypatch, bands, window):
    cube = np.random.default_rng(3).random((60, 80, bands), dtype=np.float32)
    colouring, fill = Colouring(np.eye(bands, dtype=np.float32)), np.linspace(0, 1, bands, dtype=np.float32)
    whole = cut(ArrayFrame(cube), window, 127, colouring, fill)
    monkeypatch.setattr(crop_module, "_LARGEST_SIDE_PX", 100)
    np.testing.assert_allclose(cut(ArrayFrame(cube), window, 127, colouring, fill), whole, atol=2e-6)


def test_a_window_of_any_size_takes_no_more_memory_than_its_frame():
    fill = np.array([0.25, 0.5, 0.75], np.float32)
    crop = cut(ArrayFrame(np.ones((60, 80, 3), np.float32)), CropWindow(-(10**8), -(10**8), 10**9), 127, PLAIN, fill)
    np.testing.assert_allclose(crop, np.broadcast_to(fill, crop.shape), atol=1e-6)
