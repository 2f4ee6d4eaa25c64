"""The folder layouts of the field's data sets (families A to G), from any of the places a user may name."""

import logging

import numpy as np
import pytest

from spectrack.errors import SequenceError
from spectrack.files import number_key
from spectrack.sequences import open_sequence
from tests.fixtures.refusals import refuses

TRUTH = "1\t2\t10\t8\t\n2\t2\t10\t8\t\n3\t2\t10\t8\t\n"
RGB_TRUTH = "5\t6\t10\t8\t\n6\t6\t10\t8\t\n7\t6\t10\t8\t\n"


@pytest.fixture
def native(tmp_path, cubes, make):
    """Family A: three streams in a sequence, each with its own truth; the RGB camera is another one."""
    folder = tmp_path / "test" / "ball&mirror7"
    make.mosaics(folder / "HSI", cubes, 4)
    make.pictures(folder / "HSI-FalseColor", 3, 24, 32)
    make.pictures(folder / "RGB", 3, 23, 33)
    for stream, text in (("HSI", TRUTH), ("HSI-FalseColor", TRUTH), ("RGB", RGB_TRUTH)):
        make.text(folder / stream / "groundtruth_rect.txt", text)
    return folder


def test_family_a_opens_the_hyperspectral_stream(native, cubes):
    for place in (native, native / "HSI"):
        sequence = open_sequence(place)
        assert (sequence.name, sequence.bands, sequence.is_rgb) == ("ball&mirror7", 16, False)
        assert sequence.truth[:, 0].tolist() == [1, 2, 3]
        np.testing.assert_array_equal(sequence[1], cubes[1])
        # The data set's own picture, not a computed one: blue 200 everywhere.
        assert abs(int(sequence.false_colour(2)[5, 5, 2]) - 200) < 4
        assert sequence.false_colour(2, "thirds").shape == (24, 32, 3)


def test_family_a_other_streams_on_request(native):
    false_colour = open_sequence(native / "HSI-FalseColor")
    assert (false_colour.bands, false_colour.is_rgb, false_colour.truth[0, 0]) == (3, True, 1)
    rgb = open_sequence(native / "RGB")
    assert (rgb.width, rgb.name, rgb.truth[0, 0]) == (33, "ball&mirror7", 5)


def test_truth_one_level_up_belongs_to_the_cubes_and_not_to_the_other_camera(native):
    (native / "HSI" / "groundtruth_rect.txt").rename(native / "groundtruth_rect.txt")
    (native / "RGB" / "groundtruth_rect.txt").unlink()
    (native / "HSI-FalseColor" / "groundtruth_rect.txt").unlink()
    assert open_sequence(native).truth[0, 0] == 1
    assert open_sequence(native / "HSI").truth[0, 0] == 1
    assert open_sequence(native / "HSI-FalseColor").truth[0, 0] == 1
    assert open_sequence(native / "RGB").truth is None


def test_the_false_colour_twin_has_the_truth_when_nothing_nearer_has(native):
    (native / "HSI" / "groundtruth_rect.txt").unlink()
    assert open_sequence(native).truth[0, 0] == 1


@pytest.mark.parametrize("pictures", [(2, 24, 32), (3, 12, 16)])
def test_pictures_that_do_not_fit_are_not_shown(native, make, pictures):
    for file in (native / "HSI-FalseColor").glob("*.jpg"):
        file.unlink()
    make.pictures(native / "HSI-FalseColor", *pictures)
    sequence = open_sequence(native)
    np.testing.assert_array_equal(sequence.false_colour(0), sequence.false_colour(0, "thirds"))


@pytest.mark.parametrize("inner", ["img", "HSI", "frames", None])
def test_family_b_single_stream_beside_its_truth(tmp_path, cubes, make, inner):
    folder = tmp_path / "test_HSI" / "coke"
    make.mosaics(folder / inner if inner else folder, cubes, 4)
    make.text(folder / "groundtruth_rect.txt", TRUTH)
    for place in {folder, folder / (inner or ".")}:
        sequence = open_sequence(place)
        assert (sequence.name, len(sequence), sequence.truth.shape) == ("coke", 3, (3, 4))


@pytest.mark.parametrize("twin", ["HSI-NIR-FalseColor", "HSI-NIR-Falsecolor", "HSI-NIR-FalseColor_25"])
@pytest.mark.parametrize(
    "inside", [("car", "car"), ("park/img/park", "park/img"), ("park/img", "park/img/park"), ("auto/auto", "auto")]
)
def test_families_c_and_d_modality_first(tmp_path, make, twin, inside):
    cubes = make.cubes(bands=25)
    cube_folder, picture_folder = tmp_path / "val" / "HSI-NIR" / inside[0], tmp_path / "val" / twin / inside[1]
    make.mosaics(cube_folder, cubes, 5)
    make.pictures(picture_folder, 3, 24, 32)
    make.text(tmp_path / "val" / twin / inside[0].split("/")[0] / "groundtruth_rect.txt", "\ufeff" + TRUTH)
    make.text(tmp_path / "val" / twin / inside[0].split("/")[0] / "description.txt", "Occlusion\nScale Variation\n")
    make.pictures(tmp_path / "val" / "HSI-VIS-FalseColor" / inside[1], 3, 24, 32)
    sequence = open_sequence(tmp_path / "val" / "HSI-NIR" / inside[0].split("/")[0])
    assert (sequence.name, sequence.sensor, sequence.bands) == (inside[0].split("/")[0], "nir25", 25)
    assert sequence.truth[:, 0].tolist() == [1, 2, 3]
    assert sequence.attributes == ("OCC", "SV")
    assert abs(int(sequence.false_colour(2)[5, 5, 2]) - 200) < 4


def test_a_ranking_sequence_has_only_its_first_box(tmp_path, cubes, make):
    make.mosaics(tmp_path / "ranking" / "HSI-VIS" / "car", cubes, 4)
    make.pictures(tmp_path / "ranking" / "HSI-VIS-FalseColor" / "car", 3, 24, 32)
    make.text(tmp_path / "ranking" / "HSI-VIS-FalseColor" / "car" / "init_rect.txt", "4\t5\t6\t7\n")
    sequence = open_sequence(tmp_path / "ranking" / "HSI-VIS" / "car")
    assert sequence.truth is None
    assert sequence.first_box.tolist() == [4, 5, 6, 7]


@pytest.mark.parametrize("stream", ["imgs", "HSI"])
def test_family_e_mosaic_tiffs(tmp_path, make, stream):
    cubes = make.cubes(bands=25)
    make.mosaics(tmp_path / "plane" / stream, cubes, 5, suffix=".tif")
    make.text(tmp_path / "plane" / "groundtruth_rect.txt", "1.2,2.4,10.6,8.2\n" * 3)
    sequence = open_sequence(tmp_path / "plane")
    assert (sequence.bands, sequence.name) == (25, "plane")
    np.testing.assert_array_equal(sequence[1], cubes[1])
    assert sequence.truth[0].tolist() == [1.2, 2.4, 10.6, 8.2]


def test_family_e_without_a_visible_pattern_is_known_by_its_folder(tmp_path, make):
    make.mosaics(tmp_path / "plane" / "imgs", np.full((2, 20, 20, 25), 9, np.uint16), 5, suffix=".tif")
    assert open_sequence(tmp_path / "plane").sensor == "nir25"


@pytest.mark.parametrize("inside", [("HSIData/{}", "FalseColor/{}"), ("{}/HSIData", "{}/FalseColor")])
def test_family_f_eight_band_arrays(tmp_path, make, inside):
    cubes = make.cubes(bands=8)
    folder = tmp_path / "train" / inside[0].format("uav-car-1")
    folder.mkdir(parents=True)
    for i, cube in enumerate(cubes):
        np.save(folder / f"{i + 1}.npy", cube.astype(np.uint8))
    make.text(tmp_path / "train" / inside[1].format("uav-car-1") / "groundtruth.txt", "1,2,10,8\n2,2,10,8\n3,2,10,8\n")
    sequence = open_sequence(folder)
    assert (sequence.name, len(sequence), sequence.bands, sequence.truth.shape) == ("uav-car-1", 3, 8, (3, 4))
    np.testing.assert_array_equal(sequence[2], cubes[2].astype(np.uint8))


def test_family_g_cached_cubes(tmp_path, cubes, make):
    folder = tmp_path / "HSI-VIS-3D" / "car"
    folder.mkdir(parents=True)
    for i, cube in enumerate(cubes):
        np.save(folder / f"{i + 1:04d}.npy", cube)
    make.pictures(tmp_path / "HSI-VIS-FalseColor" / "car", 3, 24, 32)
    make.text(tmp_path / "HSI-VIS-FalseColor" / "car" / "groundtruth_rect.txt", TRUTH)
    sequence = open_sequence(folder)
    assert (sequence.name, sequence.bands, sequence.truth.shape) == ("car", 16, (3, 4))


def test_a_data_set_is_no_sequence(tmp_path, cubes, make):
    for name in ("ball", "car"):
        make.mosaics(tmp_path / "HSI-VIS" / name, cubes, 4)
    with refuses(SequenceError, "HSI-VIS", "(ball, car)"):
        open_sequence(tmp_path)
    for stream in ("HSI-VIS", "HSI-NIR"):
        make.mosaics(tmp_path / "two" / stream, cubes, 4)
    with refuses(SequenceError, "(HSI-NIR, HSI-VIS)"):
        open_sequence(tmp_path / "two")


def test_frames_of_two_kinds_ask_for_the_format(hsi):
    np.save(hsi / "0001.npy", np.zeros((24, 32, 16)))
    with refuses(SequenceError, "HSI", "3 image, 1 npy", "--format"):
        open_sequence(hsi)
    assert len(open_sequence(hsi, format="hotc")) == 3
    assert len(open_sequence(hsi, format="npy")) == 1


def test_longer_truth_is_cut_with_one_warning(hsi, make, caplog):
    make.text(hsi / "groundtruth_rect.txt", TRUTH + TRUTH)
    with caplog.at_level(logging.WARNING):
        sequence = open_sequence(hsi)
        assert sequence.truth.shape == (3, 4)
        assert sequence.truth.shape == (3, 4)
    assert [record.getMessage() for record in caplog.records] == [
        f"{hsi / 'groundtruth_rect.txt'} has 6 rows for 3 frames; the first 3 are used"
    ]


@pytest.mark.parametrize("rows", [1, 2])
def test_shorter_truth_gives_the_first_box_and_no_more(hsi, make, caplog, rows):
    make.text(hsi / "groundtruth_rect.txt", "1,2,10,8\n" * rows)
    with caplog.at_level(logging.WARNING):
        sequence = open_sequence(hsi)
    assert sequence.first_box.tolist() == [1, 2, 10, 8]
    assert sequence.truth is None
    with refuses(SequenceError, "3 frames", "'car'", f"{rows} rows", "groundtruth_rect.txt"):
        sequence.needed_truth()
    assert [f"has {rows} rows for 3 frames" in record.getMessage() for record in caplog.records] == [True] * (rows - 1)
    with refuses(SequenceError, "3 frames", "'car'", f"{rows} rows"):
        _ = open_sequence(hsi, truth=hsi / "groundtruth_rect.txt").truth  # named, so it is insisted on


@pytest.mark.parametrize(
    ("numbers", "rows", "expected"),
    [
        ([6, 7, 8], 8, [5, 6, 7]),
        ([6, 7, 8], 100, [5, 6, 7]),
        ([6, 7, 8], 9, [6, 7, 8]),  # rows from 0 to 8
        ([0, 2, 4], 5, [0, 2, 4]),
        ([1, 3, 5], 5, [0, 2, 4]),
        ([6, 7, 8], 3, [0, 1, 2]),
        ([6, 7, 8], 5, [0, 1, 2]),  # too few for the numbers
        ([1, 2, 3], 5, [0, 1, 2]),
        ([0, 1, 2], 5, [0, 1, 2]),
    ],
)
@pytest.mark.parametrize("kind", ["mosaics", "pictures", "arrays"])
def test_the_numbers_of_the_frames_say_which_rows_are_theirs(
    tmp_path, make, cubes, caplog, kind, numbers, rows, expected
):
    folder = tmp_path / "car" / ("img" if kind == "pictures" else "HSI")
    folder.mkdir(parents=True)
    for number, cube in zip(numbers, cubes, strict=True):
        if kind == "arrays":
            np.save(folder / f"{number:04d}.npy", cube)
        else:
            image = np.zeros((24, 32, 3), np.uint8) if kind == "pictures" else make.interleave(cube, 4)
            make.image(folder / f"img{number:04d}.png", image)
    make.text(folder.parent / "groundtruth_rect.txt", "".join(f"{row},2,10,8\n" for row in range(rows)))
    with caplog.at_level(logging.WARNING):
        sequence = open_sequence(folder)
    assert sequence.truth[:, 0].tolist() == expected
    assert sequence.first_box[0] == expected[0]
    told = f"rows {expected[0] + 1} to {expected[-1] + 1}" if expected != [0, 1, 2] else "the first 3 are used"
    assert (told in caplog.text) == (rows > 3)


def test_truth_and_name_given_by_the_caller(hsi, make):
    path = make.text(hsi.parent / "mine.txt", "9,9,9,9\n" * 3)
    sequence = open_sequence(hsi, truth=path, name="mine")
    assert (sequence.name, sequence.truth[0].tolist()) == ("mine", [9, 9, 9, 9])
    assert open_sequence(hsi, truth=[[1, 1, 5, 5]] * 3).truth.shape == (3, 4)
    with refuses(SequenceError, "(frames, 4)", "(3,)"):
        open_sequence(hsi, truth=[1, 2, 3])
    with refuses(SequenceError, "(frames, 4)", "list"):
        open_sequence(hsi, truth=["a", "b"])
    with refuses(SequenceError, "none.txt"):
        open_sequence(hsi, truth=hsi / "none.txt")


def test_a_bad_truth_line_is_a_warning_until_the_truth_is_needed(hsi, make, caplog):
    truth = make.text(hsi / "groundtruth_rect.txt", "1,2,10,8\n1,2,10\n")
    sequence = open_sequence(hsi)
    assert len(sequence) == 3
    assert sequence.truth is None
    assert f"on line 2 of {truth}" in caplog.text
    for need in (sequence.needed_truth, lambda: sequence.first_box):
        with refuses(SequenceError, "line 2", "groundtruth_rect.txt", "3 numbers"):
            need()
    with refuses(SequenceError, "line 2", "groundtruth_rect.txt", "3 numbers"):
        open_sequence(hsi, truth=truth)


def test_relative_paths_know_their_folders(hsi, monkeypatch):
    monkeypatch.chdir(hsi)
    assert open_sequence(".").name == "car"
    monkeypatch.chdir(hsi.parent)
    assert open_sequence("HSI").truth.shape == (3, 4)


def test_numbers_in_names_sort_as_numbers():
    names = ["10.png", "9.png", "0011.png", "a2b10.png", "a2b9.png", "b1.png", "1.png"]
    assert sorted(names, key=number_key) == ["1.png", "9.png", "10.png", "0011.png", "a2b9.png", "a2b10.png", "b1.png"]


def test_an_unknown_file_type_lists_the_formats(tmp_path, make):
    with refuses(SequenceError, "notes.xyz", "envi, hdf5, hotc"):
        open_sequence(make.text(tmp_path / "notes.xyz", "x"))
