"""Folders of mosaic images: order, pattern detection, RedNIR's zero band, and the sentence for each bad file."""

import logging

import numpy as np
import pytest

from spectrack.errors import ConfigError, SequenceError, SequenceNotFoundError
from spectrack.sensors import custom_sensor
from spectrack.sequences import open_sequence
from spectrack.sequences.mosaics import find_block
from tests.fixtures.refusals import refuses


@pytest.mark.parametrize(("bands", "block", "sensor"), [(16, 4, "vis16"), (25, 5, "nir25"), (15, 4, "rednir15")])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_the_sensor_tells_the_pattern(tmp_path, bands, block, sensor, suffix, make):
    cubes = make.cubes(bands=bands)
    sequence = open_sequence(make.mosaics(tmp_path / "car", cubes, block, suffix=suffix), sensor=sensor)
    assert (len(sequence), sequence.height, sequence.width, sequence.bands) == (3, 24, 32, bands)
    assert (sequence.sensor, sequence.wavelengths_nm, sequence.name, sequence.fps) == (sensor, None, "car", 25.0)
    for i, cube in enumerate(cubes):
        assert sequence[i].dtype == np.uint16
        np.testing.assert_array_equal(sequence[i], cube)
        np.testing.assert_array_equal(sequence.read(i, (3, 5, 20, 21)), cube[5:21, 3:20])


@pytest.mark.parametrize(("bands", "block", "sensor"), [(16, 4, None), (25, 5, None), (15, 4, "rednir15")])
def test_the_pixels_tell_the_pattern(tmp_path, bands, block, sensor, make):
    cubes = make.cubes(bands=bands, height=20, width=20)
    sequence = open_sequence(make.mosaics(tmp_path / "car", cubes, block))
    assert (sequence.bands, sequence.sensor) == (bands, sensor)
    np.testing.assert_array_equal(sequence[2], cubes[2])


@pytest.mark.parametrize(("folder", "block", "bands"), [("HSI-VIS", 4, 16), ("HSI-NIR", 5, 25), ("HSI-RedNIR", 4, 15)])
def test_the_data_sets_folder_names_tell_the_camera(tmp_path, folder, block, bands, make):
    flat = np.full((2, 20, 20, bands), 7, np.uint16)  # no pattern to see in the pixels
    sequence = open_sequence(make.mosaics(tmp_path / folder / "car", flat, block))
    assert sequence.bands == bands
    assert sequence.sensor == {"HSI-VIS": "vis16", "HSI-NIR": "nir25", "HSI-RedNIR": "rednir15"}[folder]


def test_the_false_colour_twin_tells_the_block(tmp_path, make):
    flat = np.full((2, 20, 20, 16), 7, np.uint16)
    make.mosaics(tmp_path / "car" / "HSI", flat, 4)
    make.pictures(tmp_path / "car" / "HSI-FalseColor", 2, 20, 20)
    assert open_sequence(tmp_path / "car").bands == 16


@pytest.mark.parametrize("image", ["flat", "noise", "grey"])
def test_an_undecided_pattern_is_refused_with_the_options(tmp_path, image, make):
    rng = np.random.default_rng(0)
    ramp = np.add.outer(np.arange(40), np.arange(40)).astype(np.uint16)
    mosaic = {
        "flat": np.full((40, 40), 9, np.uint16),
        "noise": rng.integers(0, 999, (40, 40)).astype(np.uint16),
        "grey": ramp,
    }[image]
    make.image(tmp_path / "car" / "0001.png", mosaic)
    with refuses(SequenceError, "4 x 4", "5 x 5", "car", "--sensor", "nir25, rednir15, vis16"):
        open_sequence(tmp_path / "car")


@pytest.mark.parametrize(("block", "bands"), [(4, 16), (5, 25)])
@pytest.mark.parametrize("seed", range(5))
def test_find_block_sees_the_pattern_through_texture_and_noise(make, block, bands, seed):
    cube = make.cubes(1, 40, 40, bands, seed)[0].astype(float)
    texture = np.kron(np.random.default_rng(seed).uniform(0.4, 1, (20, 20)), np.ones((2, 2)))
    mosaic = make.interleave(np.round(cube * texture[:, :, None]).astype(np.uint16), block)
    assert find_block(mosaic) == block
    assert find_block(mosaic[:39, :]) is None  # too small a sample to be sure
    assert find_block(np.dstack([mosaic] * 3)) is None


def test_find_block_is_not_taken_in():
    rng = np.random.default_rng(0)
    noise = rng.normal(500, 30, (200, 200))
    bayer = noise + np.tile([[100, 300], [300, 700]], (100, 100))
    enlarged = [np.kron(rng.uniform(0, 900, (50, 50)), np.ones((factor, factor))) for factor in (2, 4, 5)]
    stripes = noise + 200 * np.tile([0, 1, 0, 0], (200, 50))
    both = noise + np.tile(rng.uniform(0, 90, (4, 4)), (50, 50)) + np.tile(rng.uniform(0, 90, (5, 5)), (40, 40))
    for image in (noise, bayer, *enlarged, stripes, both, np.zeros((200, 200)), np.tile(np.arange(200), (200, 1))):
        assert find_block(image) is None


def test_a_sensor_described_by_the_user_brings_its_wavelengths(tmp_path, make):
    cubes = make.cubes(bands=9, height=9, width=9)
    camera = custom_sensor("mine", [500.0 + 10 * i for i in range(9)], 10.0, block=3)
    sequence = open_sequence(make.mosaics(tmp_path / "car", cubes, 3), sensor=camera)
    assert sequence.sensor == "mine"
    assert sequence.wavelengths_nm == camera.centres_nm
    np.testing.assert_array_equal(sequence[1], cubes[1])
    blockless = custom_sensor("line", [500.0, 510.0, 520.0], 10.0)
    with refuses(SequenceError, "'line'", "nir25, rednir15, vis16"):
        open_sequence(tmp_path / "car", sensor=blockless)


def test_frames_sort_by_number_and_other_files_are_passed_over(tmp_path, make):
    cubes = make.cubes(frames=12, height=8, width=8)
    folder = make.mosaics(tmp_path / "car", cubes, 4, name="{:d}")
    for name in ("Thumbs.db", "notes.txt", "._1.png", ".hidden.png", "README"):
        (folder / name).write_bytes(b"no frame")
    sequence = open_sequence(folder, sensor="vis16")
    assert len(sequence) == 12
    for i in range(12):
        np.testing.assert_array_equal(sequence[i], cubes[i])


def test_rednir_with_light_in_its_last_band_is_refused(tmp_path, make):
    folder = make.mosaics(tmp_path / "car", make.cubes(bands=16), 4)
    with refuses(SequenceError, "band 16", "0001.png", "rednir15", "15 bands", "--sensor"):
        open_sequence(folder, sensor="rednir15")


def test_light_in_the_last_band_of_a_later_frame_is_warned_of_once(tmp_path, caplog, make):
    cubes = make.cubes(bands=16)
    cubes[0, :, :, 15] = 0
    sequence = open_sequence(make.mosaics(tmp_path / "car", cubes, 4), sensor="rednir15")
    with caplog.at_level(logging.WARNING):
        assert sequence[1].shape == (24, 32, 15)
        assert sequence[2].shape == (24, 32, 15)
    assert [record.message for record in caplog.records if "band is dropped" in record.message] != []
    assert len(caplog.records) == 1


def test_eight_bit_and_colour_images_are_no_mosaics(tmp_path, make):
    make.image(tmp_path / "a" / "HSI" / "0001.png", np.zeros((16, 16), np.uint8))
    with refuses(SequenceError, "16-bit", "0001.png", "uint8"):
        open_sequence(tmp_path / "a")
    make.image(tmp_path / "b" / "HSI" / "0001.png", np.zeros((16, 16, 3), np.uint8))
    with refuses(SequenceError, "16-bit", "0001.png", "3 channels"):
        open_sequence(tmp_path / "b")
    with refuses(SequenceError, "0001.png", "3 channels"):
        open_sequence(tmp_path / "b" / "HSI", format="hotc")
    make.image(tmp_path / "c" / "0001.png", np.zeros((16, 16), np.uint8))
    with refuses(SequenceError, "16-bit", "8-bit", "--format images"):
        open_sequence(tmp_path / "c")
    with refuses(SequenceError, "16-bit", "0001.png", "uint8"):
        open_sequence(tmp_path / "c", sensor="vis16")
    make.image(tmp_path / "d" / "0001.png", np.zeros((16, 16, 3), np.uint16))
    with refuses(SequenceError, "8-bit", "0001.png", "uint16", "--format hotc"):
        open_sequence(tmp_path / "d")


def test_a_size_that_the_block_does_not_divide_is_refused(tmp_path, make):
    make.image(tmp_path / "car" / "0001.png", np.ones((22, 41), np.uint16))
    with refuses(SequenceError, "block 4", "41 x 22", "0001.png", "--sensor"):
        open_sequence(tmp_path / "car", sensor="vis16")


def test_mixed_frame_sizes_are_refused_at_the_frame(hsi, make):
    make.image(hsi / "0002.png", np.ones((24, 40), np.uint16))
    sequence = open_sequence(hsi)
    assert sequence[0].shape == (24, 32, 16)
    with refuses(SequenceError, "0001.png", "128 x 96", "40 x 24", "0002.png"):
        sequence[1]


@pytest.mark.parametrize("index", [0, 1])
@pytest.mark.parametrize("keep", [0.0, 0.3, 0.99])
def test_a_truncated_png_is_refused(hsi, index, keep):
    path = hsi / f"000{index + 1}.png"
    data = path.read_bytes()
    path.write_bytes(data[: int(keep * len(data))])
    with refuses(SequenceError, path.name, f"({path.stat().st_size} bytes)"):
        open_sequence(hsi)[index]


def test_a_png_with_flipped_bytes_is_refused(hsi):
    path = hsi / "0002.png"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)
    with refuses(SequenceError, "0002.png", f"({len(data)} bytes)"):
        open_sequence(hsi)[1]


def test_a_text_file_called_png_is_refused(hsi):
    (hsi / "0001.png").write_text("no picture")
    with refuses(SequenceError, "0001.png", "(10 bytes)"):
        open_sequence(hsi)


def test_a_frame_that_vanished_is_named(hsi):
    sequence = open_sequence(hsi)
    (hsi / "0003.png").unlink()
    with refuses(SequenceError, "0003.png"):
        sequence[2]


def test_nothing_there_and_empty_folders(tmp_path, hsi, make):
    with refuses(SequenceNotFoundError, "cart", "did you mean"):
        open_sequence(tmp_path / "cart")
    with refuses(SequenceNotFoundError, "no/where"):
        open_sequence(tmp_path / "no" / "where")
    (tmp_path / "empty").mkdir()
    with refuses(SequenceNotFoundError, "PNG", "empty"):
        open_sequence(tmp_path / "empty")
    make.text(tmp_path / "empty" / "groundtruth_rect.txt", "1,2,3,4")
    with refuses(SequenceNotFoundError, tmp_path / "empty"):
        open_sequence(tmp_path / "empty")


def test_unknown_options_offer_the_nearest(hsi):
    with refuses(ConfigError, "'hotcc'", "did you mean 'hotc'"):
        open_sequence(hsi, format="hotcc")
    with refuses(ConfigError, "'vis17'", "did you mean 'vis16'"):
        open_sequence(hsi, sensor="vis17")
    with refuses(SequenceNotFoundError, ".npy", "HSI"):
        open_sequence(hsi, format="npy")


def test_the_last_decoded_frame_is_kept(hsi):
    sequence = open_sequence(hsi)
    assert sequence.frame(1) is sequence.frame(1)


def test_a_single_image_is_no_sequence(hsi):
    with refuses(SequenceError, "0001.png", "HSI"):
        open_sequence(hsi / "0001.png")
