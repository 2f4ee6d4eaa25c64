"""ENVI: every interleave, byte order, offset, type and unit, against the `spectral` package; bad headers get a
sentence.
"""

import numpy as np
import pytest

from spectrack.errors import SequenceError
from spectrack.sequences import open_sequence
from spectrack.sequences.envi import find_header, read_header
from tests.fixtures.refusals import refuses

ORDERS = {"bsq": (2, 0, 1), "bil": (0, 2, 1), "bip": (0, 1, 2)}


def write_envi(folder, stem, cube, *, interleave="bsq", big=False, offset=0, extra="", suffix=".raw", code=12):
    folder.mkdir(parents=True, exist_ok=True)
    data = cube.transpose(ORDERS[interleave]).astype(cube.dtype.newbyteorder(">" if big else "<"))
    (folder / (stem + suffix)).write_bytes(b"\x07" * offset + data.tobytes())
    lines, samples, bands = cube.shape
    text = (
        f"ENVI\ndescription = {{\n a cube}}\nsamples = {samples}\nlines   = {lines}\nbands = {bands}\nheader offset = "
        f"{offset}\n"
        f"file type = ENVI Standard\ndata type = {code}\ninterleave = {interleave}\nbyte order = {int(big)}\n{extra}"
    )
    header = folder / f"{stem}.hdr"
    header.write_text(text, encoding="utf-8")
    return header


@pytest.mark.parametrize("interleave", ["bsq", "bil", "bip"])
@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("offset", [0, 13])
def test_a_folder_of_cubes_in_any_layout(tmp_path, cubes, interleave, big, offset):
    for i, cube in enumerate(cubes):
        write_envi(tmp_path / "car", f"frame{i + 9}", cube, interleave=interleave, big=big, offset=offset)
    sequence = open_sequence(tmp_path / "car")
    assert (len(sequence), sequence.bands, sequence.wavelengths_nm) == (3, 16, None)
    for i, cube in enumerate(cubes):
        np.testing.assert_array_equal(sequence[i], cube)
        np.testing.assert_array_equal(sequence.read(i, (1, 2, 30, 9)), cube[2:9, 1:30])
        assert sequence[i].dtype.isnative


@pytest.mark.parametrize("interleave", ["bsq", "bil", "bip"])
@pytest.mark.parametrize(
    ("code", "dtype"),
    [(1, "u1"), (2, "i2"), (3, "i4"), (4, "f4"), (5, "f8"), (12, "u2"), (13, "u4"), (14, "i8"), (15, "u8")],
)
def test_the_spectral_package_reads_the_same_numbers(tmp_path, interleave, code, dtype, make):
    from spectral.io import envi

    cube = make.cubes(1)[0].clip(0, 200).astype(dtype)
    header = write_envi(tmp_path, "cube", cube, interleave=interleave, code=code, suffix=".img")
    reference = np.asarray(envi.open(str(header)).open_memmap(interleave="bip"))
    sequence = open_sequence(tmp_path / "cube.hdr")
    assert sequence[0].dtype == np.dtype(dtype)
    np.testing.assert_array_equal(sequence[0], reference)


def test_a_file_written_by_the_spectral_package(tmp_path, cubes):
    from spectral.io import envi

    metadata = {"wavelength": [500 + 5 * i for i in range(16)], "wavelength units": "nm"}
    envi.save_image(str(tmp_path / "cube.hdr"), cubes[0], interleave="bil", metadata=metadata)
    for name in ("cube.hdr", "cube.img"):
        sequence = open_sequence(tmp_path / name)
        np.testing.assert_array_equal(sequence[0], cubes[0])
        assert sequence.wavelengths_nm == tuple(500.0 + 5 * i for i in range(16))


@pytest.mark.parametrize(
    ("units", "factor"),
    [
        ("Nanometers", 1),
        ("nm", 1),
        ("Micrometers", 1000),
        ("um", 1000),
        ("µm", 1000),
        ("", 1),
        ("", 1000),
        ("Wavenumber", None),
    ],
)
def test_wavelength_units(tmp_path, cubes, units, factor):
    values = [round((500 + 10 * i) / (factor or 1), 6) for i in range(16)]
    line = f"wavelength units = {units}\n" if units else ""
    write_envi(tmp_path, "cube", cubes[0], extra=line + "Wavelength = {\n" + ",\n".join(map(str, values)) + "}\n")
    expected = None if factor is None else tuple(500.0 + 10 * i for i in range(16))
    assert open_sequence(tmp_path / "cube.hdr").wavelengths_nm == expected


def test_wavelengths_without_unit_in_no_known_range_are_left_out(tmp_path, cubes):
    write_envi(
        tmp_path, "cube", cubes[0], extra="wavelength = {" + ", ".join(str(i + 1) for i in range(15)) + ", 120}\n"
    )
    assert open_sequence(tmp_path / "cube.hdr").wavelengths_nm is None


def test_frames_stacked_along_lines_only_when_something_says_so(tmp_path, cubes, make):
    stacked = cubes.reshape(-1, *cubes.shape[2:])
    for interleave in ORDERS:
        write_envi(tmp_path / interleave, "cube", stacked, interleave=interleave, extra="frames = 3\n")
        sequence = open_sequence(tmp_path / interleave)
        assert (len(sequence), sequence.height) == (3, 24)
        np.testing.assert_array_equal(sequence[2], cubes[2])
    write_envi(tmp_path / "plain", "cube", stacked)
    assert len(open_sequence(tmp_path / "plain")) == 1
    make.text(tmp_path / "plain" / "sequence.json", '{"frames": 3}')
    sequence = open_sequence(tmp_path / "plain")
    np.testing.assert_array_equal(sequence[1], cubes[1])


def test_references_of_the_camera_are_no_frames(tmp_path, cubes):
    for stem in ("scan_1", "DARKREF_scan_1", "WHITEREF_scan_1"):
        write_envi(tmp_path, stem, cubes[0])
    assert len(open_sequence(tmp_path)) == 1


def test_nm_header_names_with_the_data_suffix_kept(tmp_path, cubes):
    write_envi(tmp_path, "cube", cubes[0])
    (tmp_path / "cube.hdr").rename(tmp_path / "cube.raw.hdr")
    np.testing.assert_array_equal(open_sequence(tmp_path / "cube.raw")[0], cubes[0])


@pytest.mark.parametrize(
    ("old", "new", "facts"),
    [
        ("ENVI\n", "HDR\n", ("cube.hdr", "ENVI")),
        ("samples = 32\n", "", ("'samples'", "cube.hdr", "'nothing'")),
        ("samples = 32", "samples = -32", ("'samples'", "cube.hdr", "'-32'")),
        ("samples = 32", "samples = 1e9", ("'samples'", "'1e9'")),
        ("samples = 32", "samples = 999999999999999999", ("'samples'", "cube.hdr")),
        (
            "samples = 32",
            "samples = 33",
            ("25344 bytes", "cube.raw", "33 samples x 24 lines", "16 bands of uint16", "found 24576"),
        ),
        ("data type = 12", "data type = 6", ("'data type'", "1, 2, 3, 4, 5, 12", "cube.hdr", "'6'")),
        ("interleave = bsq", "interleave = bib", ("'interleave'", "'bib'")),
        ("byte order = 0", "byte order = 2", ("'byte order'", "cube.hdr", "'2'")),
        ("header offset = 0", "header offset = x", ("'header offset'", "cube.hdr", "'x'")),
        ("a cube}", "a cube", ("cube.hdr", "brace")),
        (
            "byte order",
            "wavelength = {1, 2}\nbyte order",
            ("'wavelength'", "16", "cube.hdr"),
        ),
        ("byte order", "wavelength = {a, b}\nbyte order", ("'wavelength'", "16", "cube.hdr")),
        ("byte order", "frames = 5\nbyte order", ("'lines'", "5 frames", "cube.hdr")),
        (
            "byte order",
            "data file = ../cube.raw\nbyte order",
            ("'data file'", "cube.hdr", "'../cube.raw'"),
        ),
        ("byte order", "data file = /etc/passwd\nbyte order", ("'data file'", "cube.hdr")),
        ("byte order", "data file = ..\\cube.raw\nbyte order", ("'data file'", "cube.hdr")),
        ("byte order", "data file = other.raw\nbyte order", ("other.raw", "cube.hdr")),
    ],
)
def test_bad_headers_get_a_sentence(tmp_path, cubes, old, new, facts):
    header = write_envi(tmp_path, "cube", cubes[0])
    text = header.read_text()
    assert old in text
    header.write_text(text.replace(old, new, 1))
    with refuses(SequenceError, facts):
        open_sequence(header)


def test_missing_and_doubled_data_files(tmp_path, cubes):
    header = write_envi(tmp_path, "cube", cubes[0])
    (tmp_path / "cube.img").write_bytes(b"")
    with refuses(SequenceError, "cube.hdr", "(cube.img, cube.raw)"):
        open_sequence(header)
    (tmp_path / "cube.img").unlink()
    (tmp_path / "cube.raw").unlink()
    with refuses(SequenceError, "cube.hdr", "cube.raw"):
        open_sequence(header)
    (tmp_path / "lone.raw").write_bytes(b"")
    with refuses(SequenceError, "lone.hdr", "lone.raw"):
        open_sequence(tmp_path / "lone.raw")


def test_a_huge_header_is_not_read(tmp_path):
    with (tmp_path / "cube.hdr").open("wb") as handle:
        handle.truncate(5 * 2**20)
    with refuses(SequenceError, "cube.hdr", "5242880 bytes"):
        read_header(tmp_path / "cube.hdr")


def test_mixed_cube_sizes_are_refused(tmp_path, cubes):
    write_envi(tmp_path, "1", cubes[0])
    write_envi(tmp_path, "2", cubes[1][:, :30])
    sequence = open_sequence(tmp_path)
    with refuses(SequenceError, "1.hdr", "32 x 24 x 16", "30 x 24 x 16", "2.hdr"):
        sequence[1]


def test_headers_with_several_frames_cannot_share_a_folder(tmp_path, cubes):
    for stem in "12":
        write_envi(tmp_path, stem, cubes[0], extra="frames = 2\n")
    with refuses(SequenceError, "found 2", "1.hdr"):
        open_sequence(tmp_path)


def test_find_header_keeps_a_header(tmp_path):
    assert find_header(tmp_path / "x.HDR") == tmp_path / "x.HDR"


@pytest.mark.parametrize(
    ("data", "header"),
    [
        ("flight_img", "flight_img.hdr"),
        ("flight", "flight.hdr"),
        ("casi.pix", "casi.pix.hdr"),
        ("casi.pix", "casi.hdr"),
        ("casi.cube", "casi.HDR"),
        ("casi.v2.cube", "casi.v2.hdr"),
    ],
)
def test_data_files_of_any_name(tmp_path, cubes, data, header):
    made = write_envi(tmp_path, "made", np.concatenate(cubes), extra="frames = 3\n", interleave="bil")
    made.rename(tmp_path / header)
    (tmp_path / "made.raw").rename(tmp_path / data)
    for name in (data, header):
        sequence = open_sequence(tmp_path / name)
        assert len(sequence) == 3
        np.testing.assert_array_equal(sequence[2], cubes[2])


def test_the_data_file_that_was_named_is_read(tmp_path, cubes):
    for suffix, cube in ((".img", cubes[0]), (".dat", cubes[1])):
        header = write_envi(tmp_path, "cube", cube, suffix=suffix)
    np.testing.assert_array_equal(open_sequence(tmp_path / "cube.img")[0], cubes[0])
    np.testing.assert_array_equal(open_sequence(tmp_path / "cube.dat")[0], cubes[1])
    with refuses(SequenceError, header, "(cube.dat, cube.img)"):
        open_sequence(header)


def test_a_header_of_its_own_comes_before_one_of_the_same_stem(tmp_path, cubes):
    write_envi(tmp_path, "cube", cubes[0], suffix=".img")
    write_envi(
        tmp_path,
        "cube.img",
        cubes[0],
        suffix="",
        extra="wavelength units = nm\nwavelength = {" + ",".join(str(500 + i) for i in range(16)) + "}\n",
    )
    assert open_sequence(tmp_path / "cube.img").wavelengths_nm[0] == 500


def test_a_stranger_of_another_size_is_no_data_file(tmp_path, cubes):
    header = write_envi(tmp_path, "cube", cubes[0], suffix=".img")
    (tmp_path / "cube.img").unlink()
    (tmp_path / "cube.txt").write_text("notes")
    with refuses(SequenceError, header, "none"):
        open_sequence(header)


def test_one_cube_lies_in_two_files_and_a_folder_of_them_in_the_folder(tmp_path, cubes):
    header = write_envi(tmp_path, "cube", cubes[0])
    assert open_sequence(tmp_path / "cube.raw").places == (header, tmp_path / "cube.raw")
    write_envi(tmp_path, "cube2", cubes[1])
    assert open_sequence(tmp_path).places == (tmp_path,)
