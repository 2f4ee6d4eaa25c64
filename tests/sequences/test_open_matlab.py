"""Cubes inside the structs and cells of MATLAB, by the same names in version 5 and 7.3."""

import pickle

import h5py
import numpy as np
import pytest
from scipy.io import savemat

from spectrack.errors import SequenceError
from spectrack.sequences import open_sequence
from tests.fixtures.refusals import refuses


def cell(items):
    """A cell array of one row."""
    array = np.empty((1, len(items)), object)
    array[0, :] = items
    return array


class Mat73:
    """What MATLAB 7.3 writes: structs as groups, cells as data sets of references, axes reversed."""

    def __init__(self, path):
        self.path, self._file = path, h5py.File(path, "w", userblock_size=512)
        self._kept, self._count = self._file.create_group("#refs#"), 0

    def put(self, place, value):
        if isinstance(value, dict):
            group = place[0].create_group(place[1])
            for field, inner in value.items():
                self.put((group, field), inner)
        elif value.dtype == object:
            references = np.empty(value.shape[::-1], h5py.ref_dtype)
            for index, item in np.ndenumerate(value):
                self._count += 1
                self.put((self._kept, f"r{self._count}"), item)
                references[index[::-1]] = self._kept[f"r{self._count}"].ref
            place[0].create_dataset(place[1], data=references, dtype=h5py.ref_dtype)
        else:
            place[0].create_dataset(place[1], data=value.T)

    def close(self, variables):
        for name, value in variables.items():
            self.put((self._file, name), value)
        self._file.close()
        with self.path.open("r+b") as handle:
            handle.write(b"MATLAB 7.3 MAT-file".ljust(512, b" "))


@pytest.fixture(params=["5", "7.3"])
def write(request, tmp_path):
    """Writes variables into a file of one version."""

    def write(variables):
        path = tmp_path / "recording.mat"
        if request.param == "5":
            savemat(path, variables)
        else:
            Mat73(path).close(variables)
        return path

    return write


@pytest.mark.parametrize("content", ["cube", "struct"])
def test_complex_numbers_are_no_counts(tmp_path, cubes, content):
    path, values = tmp_path / "recording.mat", cubes * 1j
    savemat(path, {"cube": values if content == "cube" else {"inner": values}})
    with refuses(SequenceError, "complex128"):
        open_sequence(path, axes="thwb", variable="cube" if content == "cube" else "cube/inner")


def test_a_cube_in_a_struct(write, cubes):
    video = np.moveaxis(cubes, 0, 3)  # height, width, bands, frames
    path = write({"data": {"cube": video, "wavelength": np.arange(16.0)}, "note": np.zeros((2, 2))})
    for options in ({}, {"variable": "data/cube"}, {"variable": "data.cube"}):
        sequence = open_sequence(path, axes="hwbt", **options)
        assert len(sequence) == 3
        np.testing.assert_array_equal(sequence[2], cubes[2])
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(sequence))[1], cubes[1])
    with refuses(SequenceError, "'data/cub'", path, "did you mean 'data/cube'"):
        open_sequence(path, variable="data/cub")


def test_structs_in_structs_and_several_cubes(write, cubes):
    path = write({"a": {"b": {"left": cubes, "right": cubes + 1}}})
    with refuses(SequenceError, path, "(a/b/left, a/b/right)", "--variable"):
        open_sequence(path)
    np.testing.assert_array_equal(open_sequence(path, variable="a.b.right", axes="thwb")[0], cubes[0] + 1)


def test_a_cell_array_with_a_cube_a_frame(write, cubes):
    many = [cubes[i % 3] + np.uint16(i) for i in range(11)]
    path = write({"frames": cell(many)})
    sequence = open_sequence(path)
    assert (len(sequence), sequence.bands) == (11, 16)
    for i in (10, 0, 3):
        np.testing.assert_array_equal(sequence[i], many[i])
    assert len(open_sequence(path, variable="frames/2")) == 1


def test_cells_in_a_struct_and_boxes_beside_them(write, cubes):
    path = write({"shots": {"image": cell(list(cubes)), "boxes": np.zeros((3, 4))}})
    np.testing.assert_array_equal(open_sequence(path)[1], cubes[1])


def test_two_cell_arrays_are_no_video(write, cubes):
    path = write({"left": cell(list(cubes)), "right": cell(list(cubes))})
    with refuses(SequenceError, path, "--variable"):
        open_sequence(path)


def test_an_array_of_structs_of_version_5(tmp_path, cubes):
    shots = np.empty((1, 3), dtype=[("image", object), ("time", object)])
    for i, cube in enumerate(cubes):
        shots[0, i] = (cube, float(i))
    savemat(tmp_path / "a.mat", {"shots": shots})
    np.testing.assert_array_equal(open_sequence(tmp_path / "a.mat")[2], cubes[2])
    assert len(open_sequence(tmp_path / "a.mat", variable="shots/image/3")) == 1


def test_a_variable_beside_structs_needs_none_of_them(write, cubes):
    path = write({"cubes": cubes, "calibration": {"white": cubes[0]}})
    if path.read_bytes()[:10] == b"MATLAB 7.3":
        with refuses(SequenceError, path, "(calibration/white, cubes)"):
            open_sequence(path)
    np.testing.assert_array_equal(open_sequence(path, variable="cubes")[1], cubes[1])
    assert len(open_sequence(path, variable="calibration/white")) == 1


def test_numbered_members_of_two_series_are_no_video(tmp_path, cubes):
    names = {f"{side}{i}": cube for side in ("left", "right") for i, cube in enumerate(cubes)}
    np.savez(tmp_path / "a.npz", **names)
    with refuses(SequenceError, "a.npz", "--variable"):
        open_sequence(tmp_path / "a.npz")
