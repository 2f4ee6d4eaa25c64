"""HDF5: compressions that are not installed, and data sets that lie in other files."""

import h5py
import numpy as np
import pytest

from spectrack.errors import MissingExtraError, SequenceError
from spectrack.sequences import open_sequence
from tests.fixtures.refusals import refuses


def write_filtered(path, code, shape=(2, 24, 32, 16)):
    """A data set whose chunks were compressed by filter `code`, whatever they hold."""
    with h5py.File(path, "w") as file:
        kind = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        kind.set_chunk((1, *shape[1:]))
        kind.set_filter(code, h5py.h5z.FLAG_OPTIONAL, (2, 2, 2, 24576, 5, 1, 0))
        data = h5py.h5d.create(file.id, b"cube", h5py.h5t.NATIVE_UINT16, h5py.h5s.create_simple(shape), kind)
        for i in range(shape[0]):
            data.write_direct_chunk((i, 0, 0, 0), b"\x02\x01\x13\x02" + bytes(4000), 0)
    return path


def test_a_compression_that_is_not_installed_is_named(tmp_path, monkeypatch):
    path = write_filtered(tmp_path / "cubes.h5", 300)  # a number that HDF5 leaves to experiments
    with refuses(MissingExtraError, path, "filter 300", "hdf5plugin", "spectrack[hdf5]"):
        open_sequence(path, axes="thwb")
    monkeypatch.setattr(h5py.h5z, "filter_avail", lambda code: False)
    with refuses(MissingExtraError, "Blosc (filter 32001)", "hdf5plugin"):
        open_sequence(write_filtered(tmp_path / "blosc.h5", 32001), axes="thwb")


@pytest.mark.parametrize("name", ["Blosc", "Blosc2", "Bitshuffle", "Zstd", "LZ4"])
def test_compressions_of_the_plug_in_are_read(tmp_path, cubes, name):
    plugin = pytest.importorskip("hdf5plugin")
    with h5py.File(tmp_path / "cubes.h5", "w") as file:
        file.create_dataset("cubes", data=cubes, chunks=(1, *cubes.shape[1:]), **getattr(plugin, name)())
    sequence = open_sequence(tmp_path / "cubes.h5")
    np.testing.assert_array_equal(sequence[2], cubes[2])


def test_links_to_other_files_are_refused(tmp_path, cubes):
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["cubes"] = cubes
    with h5py.File(tmp_path / "link.h5", "w") as file:
        file["cubes"] = h5py.ExternalLink("secret.h5", "/cubes")
    for options in ({}, {"variable": "cubes"}):
        with refuses(SequenceError, "link.h5", "(cubes)"):
            open_sequence(tmp_path / "link.h5", **options)
    with h5py.File(tmp_path / "link.h5", "a") as file:
        file["own"] = cubes
    np.testing.assert_array_equal(open_sequence(tmp_path / "link.h5")[1], cubes[1])


def test_values_in_other_files_are_refused(tmp_path, cubes):
    (tmp_path / "secret.bin").write_bytes(cubes.tobytes())
    with h5py.File(tmp_path / "external.h5", "w") as file:
        place = [(str(tmp_path / "secret.bin"), 0, cubes.nbytes)]
        file.create_dataset("cubes", shape=cubes.shape, dtype=cubes.dtype, external=place)
    with refuses(SequenceError, "external.h5", "secret.bin"):
        open_sequence(tmp_path / "external.h5")


def test_virtual_data_sets_stay_inside_their_file(tmp_path, cubes):
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["part"] = cubes
    for name, source, expected in (("inside", ".", None), ("outside", "other.h5", "other.h5")):
        path = tmp_path / f"{name}.h5"
        layout = h5py.VirtualLayout(shape=cubes.shape, dtype=cubes.dtype)
        layout[:] = h5py.VirtualSource(source, "part", shape=cubes.shape)
        with h5py.File(path, "w") as file:
            file["part"] = cubes
            file.create_virtual_dataset("cubes", layout)
        if expected is None:
            np.testing.assert_array_equal(open_sequence(path, variable="cubes")[1], cubes[1])
            continue
        with refuses(SequenceError, path, expected):
            open_sequence(path, variable="cubes")
