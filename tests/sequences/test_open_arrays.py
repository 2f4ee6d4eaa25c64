"""Array files: one file with all frames or one a frame, in every container, with axis orders given or inferred."""

import pickle

import h5py
import numpy as np
import pytest
import tifffile
from scipy.io import savemat

from spectrack.errors import ConfigError, SequenceError
from spectrack.sequences import open_sequence
from spectrack.sequences.axes import AxisEvidence, infer_axes
from tests.fixtures.refusals import refuses


def write_mat73(path, name, array):
    """As MATLAB writes version 7.3: HDF5 behind a 512-byte text block, axes reversed."""
    with h5py.File(path, "w", userblock_size=512) as file:
        file.create_dataset(name, data=array.T)
        file.create_group("#refs#").create_dataset("a", data=np.zeros((2, 2, 2)))
    with path.open("r+b") as handle:
        handle.write(b"MATLAB 7.3 MAT-file".ljust(512, b" "))


def write_stack(path, array):
    """All frames, (frames, height, width, bands), in one file of the kind that the suffix names."""
    kind = path.suffix
    if kind == ".npy":
        np.save(path, array)
    elif kind == ".npz":
        np.savez_compressed(path, cubes=array, truth=np.zeros((len(array), 4)))
    elif kind == ".mat":
        savemat(path, {"cubes": array, "note": "text"})
    elif kind == ".h5":
        with h5py.File(path, "w") as file:
            file.create_dataset("video/cubes", data=array, compression="gzip")
            file.create_dataset("wavelengths", data=np.arange(array.shape[-1]))
    elif kind == ".tif":
        tifffile.imwrite(path, array, photometric="minisblack")
    return path


@pytest.mark.parametrize("kind", [".npy", ".npz", ".mat", ".h5", ".tif"])
def test_one_file_with_all_frames(tmp_path, cubes, kind):
    path = write_stack(tmp_path / f"car{kind}", cubes)
    for place in (path, tmp_path):
        sequence = open_sequence(place)
        assert (len(sequence), sequence.height, sequence.width, sequence.bands) == (3, 24, 32, 16)
        for i, cube in enumerate(cubes):
            assert sequence[i].dtype == np.uint16
            np.testing.assert_array_equal(sequence[i], cube)
        np.testing.assert_array_equal(sequence.read(2, (4, 3, 9, 23)), cubes[2][3:23, 4:9])
    assert open_sequence(path).name == "car"
    copy = pickle.loads(pickle.dumps(sequence))
    np.testing.assert_array_equal(copy[1], cubes[1])


def test_matlab_7_3_turns_its_axes_back(tmp_path, cubes):
    write_mat73(tmp_path / "cube.mat", "cube", cubes[0])
    sequence = open_sequence(tmp_path / "cube.mat")
    assert len(sequence) == 1
    np.testing.assert_array_equal(sequence[0], cubes[0])
    write_mat73(tmp_path / "video.mat", "video", np.moveaxis(cubes, 0, 3))  # height, width, bands, frames in MATLAB
    sequence = open_sequence(tmp_path / "video.mat", axes="hwbt")
    np.testing.assert_array_equal(sequence[2], cubes[2])


@pytest.mark.parametrize("kind", [".npy", ".npz", ".mat", ".h5", ".tif", "mat73"])
@pytest.mark.parametrize("axes", ["hwb", "bhw"])
def test_one_file_a_frame(tmp_path, cubes, kind, axes):
    for i, cube in enumerate(cubes):
        array = cube if axes == "hwb" else np.ascontiguousarray(cube.transpose(2, 0, 1))
        path = tmp_path / f"{i + 9}{'.mat' if kind == 'mat73' else kind}"
        if kind == "mat73":
            write_mat73(path, "cube", array)
        elif kind == ".npz":
            np.savez(path, array)
        elif kind == ".mat":
            savemat(path, {"cube": array})
        elif kind == ".h5":
            with h5py.File(path, "w") as file:
                file["cube"] = array
        else:
            write_stack(path, array)
    sequence = open_sequence(tmp_path)
    assert (len(sequence), sequence.bands) == (3, 16)
    for i, cube in enumerate(cubes):
        np.testing.assert_array_equal(sequence[i], cube)


def test_an_npz_with_one_member_a_frame(tmp_path, cubes):
    frames = {f"frame{i + 9}": cube for i, cube in enumerate(cubes)}
    np.savez(tmp_path / "car.npz", **frames)
    sequence = open_sequence(tmp_path / "car.npz")
    assert len(sequence) == 3
    for i, cube in enumerate(cubes):
        np.testing.assert_array_equal(sequence[i], cube)
    assert len(open_sequence(tmp_path / "car.npz", variable="frame10")) == 1


def test_npy_frames_are_views_of_the_map(tmp_path, cubes):
    np.save(tmp_path / "a.npy", cubes)
    sequence = open_sequence(tmp_path / "a.npy")
    assert np.shares_memory(sequence.frame(1).whole(), sequence.frame(1).whole())
    assert not sequence.frame(1).whole().flags.owndata
    assert not sequence.frame(1).whole().flags.writeable


@pytest.mark.parametrize("axes", ["thwb", "tbhw", "hwbt", "wbth", "bhwt"])
def test_a_given_axis_order_is_taken(tmp_path, cubes, axes):
    np.save(tmp_path / "a.npy", cubes.transpose(["thwb".index(letter) for letter in axes]))
    np.testing.assert_array_equal(open_sequence(tmp_path / "a.npy", axes=axes.upper())[1], cubes[1])


@pytest.mark.parametrize(
    ("shape", "evidence", "one_frame", "expected"),
    [
        ((80, 240, 320, 16), {}, False, "thwb"),
        ((5, 24, 32, 16), {}, False, "thwb"),
        ((80, 16, 240, 320), {}, False, "tbhw"),
        ((240, 320, 16, 80), {}, False, "hwbt"),
        ((100, 64, 32, 16), {"bands": 16}, False, "thwb"),
        ((100, 64, 32, 16), {"bands": 32, "frames": 16}, False, "hwbt"),
        ((500, 320, 240, 16), {}, False, "thwb"),
        ((16, 16, 16, 16), {}, False, None),
        ((10, 20, 20, 20), {}, False, None),
        ((100, 40, 32, 30), {}, False, None),
        ((206, 385, 16), {}, True, "hwb"),
        ((16, 206, 385), {}, True, "bhw"),
        ((16, 206, 385), {}, False, None),
        ((16, 206, 385), {"bands": 16}, False, "bhw"),
        ((30, 96, 128), {"bands": 16, "block": 4}, False, "thw"),
        ((16, 96, 128), {"bands": 16, "block": 4}, False, None),
        ((16, 96, 128), {"bands": 16, "block": 4, "frames": 1}, False, "bhw"),
        ((16, 206, 385), {"bands": 16, "block": 4}, False, "bhw"),
        ((16, 96, 128), {"bands": 16, "block": 4}, True, "bhw"),
        ((206, 385, 16), {}, False, "hwb"),
        ((16, 16, 16), {}, True, None),
        ((206, 16, 385), {}, True, None),
    ],
)
def test_axis_orders_are_inferred_only_where_the_sizes_leave_no_doubt(shape, evidence, one_frame, expected):
    if expected is not None:
        assert infer_axes(shape, AxisEvidence(**evidence), one_frame=one_frame, where="file") == expected
        return
    with refuses(SequenceError, "file", "--axes"):
        infer_axes(shape, AxisEvidence(**evidence), one_frame=one_frame, where="file")


@pytest.mark.parametrize("shape", [(4, 4), (2, 3, 4, 5, 6)])
def test_other_numbers_of_axes_are_refused(tmp_path, shape):
    np.save(tmp_path / "a.npy", np.zeros(shape))
    with refuses(SequenceError, "a.npy", str(shape)):
        open_sequence(tmp_path / "a.npy")


@pytest.mark.parametrize(
    ("axes", "facts"),
    [
        (
            "thwx",
            ("'thwx'", "thwb"),
        ),
        ("tthw", ("'tthw'", "thwb")),
        ("tbh", ("'tbh'", "thwb")),
        ("hwb", ("4 axes", "'hwb'")),
    ],
)
def test_wrong_axis_letters(tmp_path, cubes, axes, facts):
    np.save(tmp_path / "a.npy", cubes)
    with refuses(ConfigError, facts):
        open_sequence(tmp_path / "a.npy", axes=axes)


def test_stacks_of_mosaics(tmp_path, cubes, make):
    mosaics = np.stack([make.interleave(cube, 4) for cube in cubes])
    np.save(tmp_path / "a.npy", mosaics)
    for options in ({"sensor": "vis16"}, {"sensor": "vis16", "axes": "thw"}):
        sequence = open_sequence(tmp_path / "a.npy", **options)
        assert (len(sequence), sequence.bands, sequence.sensor) == (3, 16, "vis16")
        np.testing.assert_array_equal(sequence[1], cubes[1])
    with refuses(SequenceError, "--sensor"):
        open_sequence(tmp_path / "a.npy", axes="thw")
    tifffile.imwrite(tmp_path / "a.tif", mosaics, photometric="minisblack", compression="zlib")
    np.testing.assert_array_equal(open_sequence(tmp_path / "a.tif", sensor="vis16")[2], cubes[2])


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_tiff_in_all_its_ways(tmp_path, cubes, compression):
    tifffile.imwrite(
        tmp_path / "ome.ome.tif", cubes.transpose(0, 3, 1, 2), metadata={"axes": "TCYX"}, compression=compression
    )
    sequence = open_sequence(tmp_path / "ome.ome.tif")
    np.testing.assert_array_equal(sequence[1], cubes[1])
    tifffile.imwrite(
        tmp_path / "planes.tif", cubes.transpose(0, 3, 1, 2), photometric="minisblack", compression=compression
    )
    sequence = open_sequence(tmp_path / "planes.tif")
    np.testing.assert_array_equal(sequence[2], cubes[2])
    tifffile.imwrite(tmp_path / "last.tif", cubes, photometric="minisblack", compression=compression)
    sequence = open_sequence(tmp_path / "last.tif")
    np.testing.assert_array_equal(sequence[2], cubes[2])
    tifffile.imwrite(
        tmp_path / "cube.tif", cubes[0].transpose(2, 0, 1), photometric="minisblack", compression=compression
    )
    np.testing.assert_array_equal(open_sequence(tmp_path / "cube.tif", axes="bhw")[0], cubes[0])


@pytest.mark.parametrize("dialect", [{"imagej": True}, {"ome": True}])
@pytest.mark.parametrize("axes", ["ZYX", "CYX"])
def test_slices_and_channels_of_a_stack_are_bands_only_where_something_says_so(tmp_path, make, dialect, axes):
    cubes = make.cubes(frames=12)
    path = tmp_path / "stack.tif"
    tifffile.imwrite(path, np.stack([make.interleave(cube, 4) for cube in cubes]), metadata={"axes": axes}, **dialect)
    with refuses(SequenceError, path, "(12, 96, 128)", "--axes"):
        open_sequence(path)
    sequence = open_sequence(path, sensor="vis16")
    assert (len(sequence), sequence.bands) == (12, 16)
    np.testing.assert_array_equal(sequence[7], cubes[7])
    assert (len(open_sequence(path, axes="bhw")), open_sequence(path, axes="bhw").bands) == (1, 12)


def test_as_many_mosaics_as_bands_are_no_cube(tmp_path, make):
    cubes = make.cubes(frames=16)
    tifffile.imwrite(tmp_path / "a.tif", np.stack([make.interleave(cube, 4) for cube in cubes]), imagej=True)
    with refuses(SequenceError, "a.tif", "(16, 96, 128)", "--axes"):
        open_sequence(tmp_path / "a.tif", sensor="vis16")
    np.testing.assert_array_equal(open_sequence(tmp_path / "a.tif", sensor="vis16", axes="thw")[9], cubes[9])


def test_a_named_time_axis_of_imagej_is_believed(tmp_path, cubes, make):
    mosaics = np.stack([make.interleave(cube, 4) for cube in cubes])
    tifffile.imwrite(tmp_path / "mosaics.tif", mosaics, imagej=True, metadata={"axes": "TYX"})
    np.testing.assert_array_equal(open_sequence(tmp_path / "mosaics.tif", sensor="vis16")[2], cubes[2])
    tifffile.imwrite(tmp_path / "cubes.tif", cubes.transpose(0, 3, 1, 2), imagej=True, metadata={"axes": "TCYX"})
    np.testing.assert_array_equal(open_sequence(tmp_path / "cubes.tif")[2], cubes[2])


def test_a_folder_of_cube_tiffs(tmp_path, cubes):
    for i, cube in enumerate(cubes):
        tifffile.imwrite(tmp_path / f"{i}.tif", cube.transpose(2, 0, 1), photometric="minisblack")
    sequence = open_sequence(tmp_path)
    assert len(sequence) == 3
    np.testing.assert_array_equal(sequence[2], cubes[2])


@pytest.mark.parametrize("kind", [".npy", ".npz", ".mat", ".h5", ".tif"])
@pytest.mark.parametrize("keep", [0.0, 0.4, 0.9])
def test_truncated_files_are_refused(tmp_path, cubes, kind, keep):
    path = write_stack(tmp_path / f"car{kind}", cubes)
    data = path.read_bytes()
    path.write_bytes(data[: int(keep * len(data))])
    with refuses(SequenceError, path.name):
        list(open_sequence(path))


@pytest.mark.parametrize("kind", [".npy", ".npz", ".mat", ".h5", ".tif"])
def test_text_with_an_array_suffix_is_refused(tmp_path, kind):
    (tmp_path / f"car{kind}").write_text("certainly no array, only words that go on for a while\n" * 20)
    with refuses(SequenceError, f"car{kind}"):
        open_sequence(tmp_path)


def test_pickled_objects_are_not_unpacked(tmp_path):
    np.save(tmp_path / "a.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with refuses(SequenceError, ".npy", "a.npy"):
        open_sequence(tmp_path / "a.npy")


def test_other_types_and_empty_arrays_are_refused(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((2, 8, 8, 4), complex))
    with refuses(SequenceError, "a.npy", "complex128"):
        open_sequence(tmp_path / "a.npy")
    np.save(tmp_path / "b.npy", np.zeros((0, 8, 8, 4)))
    with refuses(SequenceError, "b.npy", "(0, 8, 8, 4)"):
        open_sequence(tmp_path / "b.npy", axes="thwb")


def test_choosing_a_variable(tmp_path, cubes):
    np.savez(tmp_path / "a.npz", left=cubes, right=cubes + 1)
    with refuses(SequenceError, "a.npz", "(left, right)", "--variable"):
        open_sequence(tmp_path / "a.npz")
    np.testing.assert_array_equal(open_sequence(tmp_path / "a.npz", variable="right")[0], cubes[0] + 1)
    with refuses(SequenceError, "'rigth'", "a.npz", "did you mean 'right'"):
        open_sequence(tmp_path / "a.npz", variable="rigth")
    np.savez(tmp_path / "b.npz", boxes=np.zeros((3, 4)))
    with refuses(SequenceError, "b.npz", "(frames, height, width, bands)"):
        open_sequence(tmp_path / "b.npz")


def test_mixed_shapes_in_a_folder_are_refused(tmp_path):
    np.save(tmp_path / "1.npy", np.zeros((20, 30, 16)))
    np.save(tmp_path / "2.npy", np.zeros((20, 31, 16)))
    sequence = open_sequence(tmp_path)
    with refuses(SequenceError, "1.npy", "30 x 20 x 16", "31 x 20 x 16", "2.npy"):
        sequence[1]


def test_the_sensor_must_fit_the_bands(tmp_path, cubes):
    np.save(tmp_path / "a.npy", cubes)
    assert open_sequence(tmp_path / "a.npy", sensor="vis16").sensor == "vis16"
    with refuses(SequenceError, "25 bands", "a.npy", "found 16"):
        open_sequence(tmp_path / "a.npy", sensor="nir25")
