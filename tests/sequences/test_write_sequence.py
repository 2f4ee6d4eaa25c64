"""Writing: what is written is read back identically, whole or not at all; and the side file on its own."""

import json
import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from spectrack.errors import ConfigError, CubeError, SequenceError
from spectrack.files import MANIFEST
from spectrack.sequences import MemorySequence, Sequence, open_sequence, write_sequence
from tests.fixtures.refusals import check_sentence, refuses


def full_sequence(bands=16, sensor="vis16", frames=3):
    rng = np.random.default_rng(bands)
    cubes = rng.integers(0, 1024, (frames, 10, 14, bands)).astype(np.uint16)
    sequence = MemorySequence(
        cubes, name="twin&car 1", sensor=sensor, fps=12.5, wavelengths_nm=np.linspace(460.1, 600.7, bands)
    )
    sequence.truth = rng.uniform(-3, 9, (frames, 4)) * [[1, 1, 0, 0]] + [0, 0, 4.25, 5]
    sequence.visibility = rng.uniform(0, 1, frames)
    sequence.attributes = ("SV", "CAM", "Similar 0bject")
    sequence.metadata = {"scenario": "camouflage", "seed": 7, "metamer": {"rule": "thirds", "shares": [0.1, 0.2]}}
    return sequence


def assert_same(read, written):
    assert len(read) == len(written)
    for i in range(len(written)):
        assert read[i].dtype == written[i].dtype
        np.testing.assert_array_equal(read[i], written[i])
    for truth_like in ("truth", "visibility"):
        np.testing.assert_array_equal(getattr(read, truth_like), getattr(written, truth_like))
    for name in (
        "name",
        "sensor",
        "fps",
        "wavelengths_nm",
        "attributes",
        "metadata",
        "bands",
        "height",
        "width",
        "is_rgb",
    ):
        assert getattr(read, name) == getattr(written, name), name


@pytest.mark.parametrize("format", ["hotc", "envi", "npy"])
@pytest.mark.parametrize(("bands", "sensor"), [(16, "vis16"), (25, "nir25"), (15, "rednir15"), (9, None)])
@pytest.mark.parametrize("false_colour", [False, True])
def test_every_format_is_read_back_identically(tmp_path, format, bands, sensor, false_colour):
    written = full_sequence(bands, sensor)
    folder = write_sequence(written, tmp_path / "deep" / "out", format=format, false_colour=false_colour)
    assert folder == tmp_path / "deep" / "out"
    sequence = open_sequence(folder)
    assert_same(sequence, written)
    assert_same(open_sequence(folder, format="simulated"), written)
    assert [entry.name for entry in folder.parent.iterdir()] == ["out"]  # nothing temporary is left
    if false_colour:
        assert len(list((folder / "HSI-FalseColor").glob("*.jpg"))) == 3
        difference = sequence.false_colour(1).astype(int) - written.false_colour(1)
        assert 0 < np.abs(difference).mean() < 40  # the JPEG, not the rule again
        assert open_sequence(folder / "HSI-FalseColor").is_rgb


def test_the_hotc_folder_looks_like_hotc(tmp_path):
    written = full_sequence()
    written.truth = np.array([[1, 2, 3, 4], [5, 6, 7, 8.5], [9, 10, 11, 12]])
    folder = write_sequence(written, tmp_path / "out", format="hotc", false_colour=True)
    names = sorted(str(entry.relative_to(folder)) for entry in folder.rglob("*") if entry.is_file())
    assert names == [
        *(f"HSI-FalseColor/000{i}.jpg" for i in (1, 2, 3)),
        *(f"HSI/000{i}.png" for i in (1, 2, 3)),
        "HSI/groundtruth_rect.txt",
        "sequence.json",
        MANIFEST,
    ]
    assert (folder / "HSI" / "groundtruth_rect.txt").read_bytes() == b"1\t2\t3\t4\n5\t6\t7\t8.5\n9\t10\t11\t12\n"
    # Without the side file it is a sequence like any other.
    (folder / "sequence.json").unlink()
    np.testing.assert_array_equal(open_sequence(folder, sensor="vis16")[1], written[1])
    umask = os.umask(0)
    os.umask(umask)
    assert folder.stat().st_mode & 0o777 == 0o777 & ~umask


def test_npy_is_one_memory_mappable_array(tmp_path):
    written = full_sequence()
    array = np.load(write_sequence(written, tmp_path / "out", format="npy") / "frames.npy", mmap_mode="r")
    assert (array.shape, array.dtype) == ((3, 10, 14, 16), np.uint16)
    assert open_sequence(tmp_path / "out" / "frames.npy").truth is not None


def test_envi_is_what_the_spectral_package_reads(tmp_path):
    from spectral.io import envi

    written = full_sequence()
    folder = write_sequence(written, tmp_path / "out", format="envi")
    image = envi.open(str(folder / "frames" / "0002.hdr"), str(folder / "frames" / "0002.raw"))
    np.testing.assert_array_equal(np.asarray(image.open_memmap(interleave="bip")), written[1])
    assert image.bands.centers == list(written.wavelengths_nm)


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from(
        [
            ("hotc", np.uint16),
            ("envi", np.uint16),
            ("envi", np.float32),
            ("envi", np.int16),
            ("npy", np.uint16),
            ("npy", np.float64),
        ]
    ),
    st.data(),
)
def test_writing_and_reading_is_the_identity(tmp_path_factory, kind, data):
    format, dtype = kind
    side = st.integers(1, 6)
    shape = (data.draw(st.integers(1, 3)), data.draw(side), data.draw(side), 16)
    values = {"allow_nan": False, "allow_infinity": False} if np.dtype(dtype).kind == "f" else {}
    cubes = data.draw(hnp.arrays(dtype, shape, elements=hnp.from_dtype(np.dtype(dtype), **values)))
    folder = write_sequence(cubes, tmp_path_factory.mktemp("out") / "sequence", format=format)
    sequence = open_sequence(folder)
    np.testing.assert_array_equal(np.stack(list(sequence)), cubes)
    assert sequence[0].dtype == dtype


def test_colour_footage_can_be_stored_as_an_array(tmp_path):
    written = MemorySequence(np.random.default_rng(0).integers(0, 256, (2, 8, 9, 3)).astype(np.uint8))
    written.is_rgb = True
    read = open_sequence(write_sequence(written, tmp_path / "out", format="npy"))
    assert read.is_rgb
    np.testing.assert_array_equal(read.false_colour(1), written[1])


def test_a_sequence_with_only_its_first_box(tmp_path, hsi):
    (hsi / "groundtruth_rect.txt").rename(hsi / "init_rect.txt")
    sequence = open_sequence(hsi)
    read = open_sequence(write_sequence(sequence, tmp_path / "out", format="npy"))
    assert read.truth is None
    assert read.first_box.tolist() == [1, 2, 10, 8]


def test_targets_that_are_not_free_are_refused(tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "precious.txt").write_text("keep me")
    with refuses(ConfigError, tmp_path / "full"):
        write_sequence(full_sequence(), tmp_path / "full")
    assert (tmp_path / "full" / "precious.txt").read_text() == "keep me"
    with refuses(ConfigError, "precious.txt"):
        write_sequence(full_sequence(), tmp_path / "full" / "precious.txt")
    with refuses(ConfigError, "precious.txt"):
        write_sequence(full_sequence(), tmp_path / "full" / "precious.txt" / "below")
    (tmp_path / "empty").mkdir()
    assert len(open_sequence(write_sequence(full_sequence(), tmp_path / "empty"))) == 3


class Interrupted(Sequence):
    """Fails in the middle, by an error or as Ctrl-C does."""

    height, width, bands = 4, 5, 16

    def __init__(self, error):
        self._error = error

    def __len__(self):
        return 5

    def frame(self, i):
        if i == 3:
            raise self._error
        return MemorySequence(np.zeros((1, 4, 5, 16), np.uint16)).frame(0)


@pytest.mark.parametrize("format", ["hotc", "envi", "npy"])
@pytest.mark.parametrize("error", [KeyboardInterrupt(), SequenceError("gone"), OSError(28, "No space left on device")])
def test_an_interrupted_write_leaves_nothing(tmp_path, format, error):
    with pytest.raises((KeyboardInterrupt, SequenceError)) as caught:
        write_sequence(Interrupted(error), tmp_path / "out", format=format)
    assert list(tmp_path.iterdir()) == []
    if isinstance(error, OSError):
        check_sentence(str(caught.value), tmp_path / "out", "No space left on device")


@pytest.mark.parametrize(
    ("cubes", "options", "error", "facts"),
    [
        (
            np.zeros((1, 4, 4, 16)),
            {"format": "hotc"},
            CubeError,
            ("0 to 65535", "float64"),
        ),
        (
            np.full((1, 4, 4, 16), 70000),
            {"format": "hotc"},
            CubeError,
            ("70000 to 70000", "frame 0001", "npy", "envi"),
        ),
        (np.full((1, 4, 4, 16), -1), {"format": "hotc"}, CubeError, ("-1 to -1", "frame 0001")),
        (
            np.zeros((1, 4, 4, 15), np.uint16),
            {"format": "hotc"},
            ConfigError,
            ("hotc", "15 bands"),
        ),
        (
            np.zeros((1, 4, 4, 16), np.uint16),
            {"format": "hotc", "block": 3},
            ConfigError,
            ("16 bands", "block 3"),
        ),
        (
            np.zeros((1, 4, 4, 16), np.int8),
            {"format": "envi"},
            CubeError,
            ("ENVI", "uint8", "int8"),
        ),
        (np.full((1, 4, 4, 16), np.nan), {"format": "npy"}, CubeError, ("frame 0", "256 NaN")),
        (
            np.zeros((1, 4, 4, 16)),
            {"format": "nyp"},
            ConfigError,
            ("'nyp'", "did you mean 'npy'"),
        ),
    ],
)
def test_cubes_that_a_format_cannot_hold(tmp_path, cubes, options, error, facts):
    with refuses(error, facts):
        write_sequence(cubes, tmp_path / "out", **options)
    assert list(tmp_path.iterdir()) == []


def test_truth_and_metadata_that_cannot_be_stored(tmp_path):
    sequence = full_sequence()
    sequence.metadata = {"array": np.zeros(3)}
    with refuses(SequenceError, "'twin&car 1'", "JSON", "ndarray"):
        write_sequence(sequence, tmp_path / "out")
    sequence = full_sequence()
    sequence.visibility = np.array([1, np.nan, 1])
    with refuses(SequenceError, "'twin&car 1'", "visibility", "NaN"):
        write_sequence(sequence, tmp_path / "out")
    sequence = full_sequence()
    sequence.truth = sequence.truth[:2]
    with refuses(SequenceError, "3 frames", "'twin&car 1'", "2 rows"):
        write_sequence(sequence, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_side_file_written_by_hand_is_enough(tmp_path, make):
    folder = make.mosaics(tmp_path / "clip", np.full((2, 20, 20, 25), 5, np.uint16), 5)
    make.text(folder / "sequence.json", '\ufeff{"sensor": "nir25", "fps": 8, "attributes": ["OCC"], "comment": "mine"}')
    sequence = open_sequence(folder)
    assert (sequence.bands, sequence.sensor, sequence.fps, sequence.attributes) == (25, "nir25", 8.0, ("OCC",))
    make.text(folder / "sequence.json", '{"block": 4, "bands": 16}')
    assert open_sequence(folder, sensor="nir25").bands == 25  # what the caller says wins
    assert open_sequence(folder).bands == 16


@pytest.mark.parametrize(
    ("change", "facts"),
    [
        ("not json", ("JSON", "sequence.json")),
        ("[1]", ("JSON", "sequence.json", "list")),
        ({"fps": 0}, ("fps", "sequence.json", "found 0.0")),
        ({"fps": "fast"}, ("fps", "sequence.json", "'fast'")),
        ({"frames": 2.5}, ("frames", "sequence.json", "found 2.5")),
        ({"frames": 4}, ("4 frames", "sequence.json", "found 3")),
        ({"bands": True}, ("bands", "sequence.json", "found True")),
        ({"name": 5}, ("name", "sequence.json", "found 5")),
        ({"attributes": "SV"}, ("attributes", "sequence.json", "'SV'")),
        ({"simulation": [1]}, ("simulation", "sequence.json", "found [1]")),
        ({"is_rgb": "no"}, ("is_rgb", "sequence.json", "'no'")),
        ({"wavelengths_nm": [1, "b"]}, ("wavelengths_nm", "sequence.json", "wavelengths_nm[1]", "'b'")),
        ({"wavelengths_nm": [500, 510]}, ("wavelength", "16 bands", "found 2")),
        ({"visibility": [1.0]}, ("visibility", "3 frames", "sequence.json", "found 1")),
        ({"frames_path": "../other"}, ("frames_path", "'../other'")),
        ({"frames_path": "/etc"}, ("frames_path", "'/etc'")),
        ({"frames_path": "gone"}, ("sequence.json", "out/gone", "frames_path")),
        ({"format": "hotcc"}, ("sequence.json", "'hotcc'", "did you mean 'hotc'")),
    ],
)
def test_bad_side_files_are_passed_over_with_a_sentence(tmp_path, change, facts, caplog):
    folder = write_sequence(full_sequence(), tmp_path / "out")
    path = folder / "sequence.json"
    text = change if isinstance(change, str) else json.dumps({**json.loads(path.read_text()), **change})
    path.write_text(text)
    sequence = open_sequence(folder, sensor="vis16")
    np.testing.assert_array_equal(sequence[2], full_sequence()[2])
    (sentence,) = sequence.faults
    check_sentence(sentence, facts)
    assert [record.getMessage().startswith(sentence) for record in caplog.records] == [True]


def test_a_side_file_that_frames_cannot_be_read_without(tmp_path, caplog):
    folder = write_sequence(np.full((2, 20, 20, 16), 5, np.uint16), tmp_path / "out")
    path = folder / "sequence.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "block": 3}))
    with refuses(SequenceError, "9 bands", "block 3", "found 16"):
        open_sequence(folder)
    path.write_text("{")
    with refuses(SequenceError, folder / "HSI", "--sensor"):
        open_sequence(folder)
    assert "sequence.json" in caplog.text


def test_missing_frames_are_noticed(tmp_path):
    folder = write_sequence(full_sequence(), tmp_path / "out")
    (folder / "HSI" / "0002.png").unlink()
    sequence = open_sequence(folder)
    assert len(sequence) == 2
    check_sentence(sequence.faults[0], "3 frames", "sequence.json", "found 2")
    np.testing.assert_array_equal(sequence.truth, full_sequence().truth[[0, 2]])


def test_simulated_needs_its_side_file(hsi):
    with refuses(SequenceError, "sequence.json", "HSI"):
        open_sequence(hsi, format="simulated")


def test_an_existing_empty_folder_is_filled_and_kept(tmp_path, monkeypatch):
    """It may be where the user stands, or where a disk is mounted."""
    monkeypatch.chdir(tmp_path)
    inode = tmp_path.stat().st_ino
    write_sequence(np.zeros((2, 4, 4, 16), np.uint16), ".", format="hotc")
    assert tmp_path.stat().st_ino == inode
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["HSI", "sequence.json", MANIFEST]
