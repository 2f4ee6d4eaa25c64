"""Values that mean "no data": read as 0 where a file or the caller says so, refused or told where nobody does."""

import logging

import h5py
import numpy as np
import pytest
import tifffile

from spectrack.cli import main
from spectrack.datasets.check.checking import check_data
from spectrack.errors import ConfigError, SequenceError
from spectrack.sequences import open_sequence
from tests.fixtures.refusals import refuses


@pytest.fixture
def filled(cubes):
    """(3, 24, 32, 16) float32 with an edge of -9999."""
    values = cubes.astype(np.float32)
    values[:, :, :5] = -9999
    return values


@pytest.fixture
def clean(filled):
    return np.where(filled == -9999, 0, filled)


def write_envi(path, cubes, told):
    path.mkdir(parents=True)
    code = {"f4": 4, "i2": 2, "u2": 12}[cubes.dtype.str[1:]]
    for number, cube in enumerate(cubes):
        (path / f"{number}.img").write_bytes(cube.astype(cube.dtype.newbyteorder(">")).tobytes())
        (path / f"{number}.hdr").write_text(
            f"ENVI\nsamples = {cube.shape[1]}\nlines = {cube.shape[0]}\nbands = {cube.shape[2]}\ndata type = {code}\n"
            f"interleave = bip\nbyte order = 1\n" + (f"data ignore value = {told}\n" if told else "")
        )
    return path


def write(kind, folder, cubes, told="-9999"):
    path = folder / f"cubes.{kind}"
    if kind == "envi":
        return write_envi(path, cubes, told)
    if kind == "tif":
        tags = [(42113, "s", 0, told, True)] if told else []
        tifffile.imwrite(path, cubes, photometric="minisblack", extratags=tags)
    elif kind == "h5":
        with h5py.File(path, "w") as file:
            file["cubes"] = cubes
            if told:
                file["cubes"].attrs["_FillValue"] = np.array([float(told)], cubes.dtype)
    else:
        np.save(path, cubes)
    return path


@pytest.mark.parametrize("kind", ["envi", "tif", "h5"])
@pytest.mark.parametrize("dtype", [np.float32, np.int16])
def test_declared_values_are_read_as_dark(tmp_path, filled, clean, kind, dtype):
    sequence = open_sequence(write(kind, tmp_path, filled.astype(dtype)))
    assert sequence.no_data == -9999
    for i in range(3):
        np.testing.assert_array_equal(sequence[i], clean[i].astype(dtype))
        np.testing.assert_array_equal(sequence.read(i, (3, 2, 9, 8)), clean[i, 2:8, 3:9].astype(dtype))
        assert sequence[i].dtype == dtype


def test_nan_may_be_declared(tmp_path, filled, clean):
    values = np.where(filled == -9999, np.float32(np.nan), filled)
    np.testing.assert_array_equal(open_sequence(write("envi", tmp_path, values, "nan"))[1], clean[1])


def test_a_declared_zero_costs_nothing(tmp_path, clean):
    sequence = open_sequence(write("envi", tmp_path, clean.astype(np.uint16), "0"))
    np.testing.assert_array_equal(sequence[1], clean[1])


def test_a_header_with_another_word_is_refused(tmp_path, filled):
    with refuses(SequenceError, "'data ignore value'", "'none'"):
        open_sequence(write("envi", tmp_path, filled, "none"))


@pytest.mark.parametrize("kind", ["npy", "envi", "tif", "h5"])
def test_the_caller_and_the_side_file_may_say_it(tmp_path, make, filled, clean, kind):
    path = write(kind, tmp_path / "car" if kind == "envi" else tmp_path, filled, None)
    np.testing.assert_array_equal(open_sequence(path, no_data=-9999)[2], clean[2])
    np.testing.assert_array_equal(open_sequence(path)[2], filled[2])
    assert open_sequence(path, no_data=-9999).made_of().values != open_sequence(path).made_of().values
    make.text((path if path.is_dir() else tmp_path) / "sequence.json", '{"no_data": -9999}')
    np.testing.assert_array_equal(open_sequence(path)[2], clean[2])


def test_one_file_a_frame_and_mosaics(tmp_path, make, filled, clean):
    for i, cube in enumerate(filled):
        np.save(tmp_path / f"{i}.npy", cube)
    np.testing.assert_array_equal(open_sequence(tmp_path, no_data=-9999)[2], clean[2])
    (tmp_path / "stack").mkdir()
    np.save(tmp_path / "stack" / "m.npy", np.stack([make.interleave(cube, 4) for cube in filled]))
    sequence = open_sequence(tmp_path / "stack", sensor="vis16", no_data=-9999)
    np.testing.assert_array_equal(sequence[1], clean[1])


def test_mosaic_images_have_no_such_values(hsi):
    with refuses(ConfigError, hsi, "--no-data"):
        open_sequence(hsi, no_data=-9999)


def test_an_undeclared_value_is_refused_until_it_is_named(command_refuses, tmp_path, filled, capsys):
    path = write("npy", tmp_path, filled)
    words = ["track", path, "--box", "12,8,8,8", "--tracker", "cf", "--out", tmp_path / "out"]
    command_refuses(words, "-9999", "--no-data -9999", "frame 0 of")
    for number, value in enumerate(("-9999", "none")):
        out = ["--out", str(tmp_path / f"out{number}"), "--no-data", value]
        assert main([*map(str, words[:-2]), *out]) == 0


def test_a_wrong_word_for_it(command_refuses, hsi, tmp_path):
    command_refuses(["track", hsi, "--no-data", "nothing", "--out", tmp_path / "out"], "'nothing'", "-9999")


def test_negative_counts_are_told(tmp_path, cubes, capsys, caplog):
    values = cubes.astype(np.int16)
    values[:, 3, 4, 5] = -7
    np.save(tmp_path / "cubes.npy", values)
    words = ["track", tmp_path / "cubes.npy", "--box", "12,8,8,8", "--tracker", "cf", "--out", tmp_path / "out"]
    with caplog.at_level(logging.WARNING):
        assert main([str(word) for word in words]) == 0
    assert "negative counts, down to -7" in caplog.text


def test_data_check_names_both(tmp_path, make, cubes, filled):
    write("npy", tmp_path, filled)
    make.text(tmp_path / "groundtruth_rect.txt", "12,8,8,8\n" * 3)
    report = check_data([tmp_path])
    assert [finding.code for finding in report.findings] == ["bad-values"]
    assert "--no-data -9999" in report.findings[0].text
    values = cubes.astype(np.int16)
    values[1, 3, 4, 5] = -7
    write("npy", tmp_path, values)
    report = check_data([tmp_path])
    assert [(finding.code, finding.severity) for finding in report.findings] == [("negative-counts", "warning")]
    assert "-7" in report.findings[0].text
