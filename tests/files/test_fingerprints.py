"""Fingerprints: a touched file is the same, a replaced one never is, and what was read while it changed is unknown."""

import os

import numpy as np
import pytest

import spectrack
from spectrack.files.fingerprints import (
    Fingerprint,
    Ingredients,
    array_digest,
    file_digest,
    glance,
    take_fingerprint,
    values_digest,
)
from spectrack.provenance import source_digest


@pytest.fixture
def files(tmp_path):
    paths = []
    for name, text in (("a.bin", b"abc"), ("b.bin", b"defg")):
        (tmp_path / name).write_bytes(text)
        paths.append(tmp_path / name)
    return tuple(paths)


def replace_keeping_times(path, data):
    before = path.stat()
    path.write_bytes(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_a_touched_file_is_the_same_and_a_replaced_one_is_not(files):
    made_of = Ingredients(files, ["rule", 3])
    taken = take_fingerprint(made_of)
    assert taken.fits(made_of)
    os.utime(files[1], ns=(1, 1))
    assert glance(made_of) != taken.glance
    assert taken.fits(made_of)
    files[1].write_bytes(b"defX")
    assert not taken.fits(made_of)


def test_a_file_of_the_same_size_and_time_is_looked_into(files):
    taken = take_fingerprint(Ingredients(files))
    replace_keeping_times(files[0], b"xyz")
    assert not taken.fits(Ingredients(files))


def test_bytes_are_not_read_while_the_glance_is_the_same(files, monkeypatch):
    taken = take_fingerprint(Ingredients(files))
    monkeypatch.setattr("spectrack.files.fingerprints.file_digest", pytest.fail)
    assert taken.fits(Ingredients(files))


def test_order_values_and_number_of_files_count_but_not_names(files):
    taken = take_fingerprint(Ingredients(files, {"axes": "thwb"}))
    assert not taken.fits(Ingredients(files[::-1], {"axes": "thwb"}))
    assert not taken.fits(Ingredients(files[:1], {"axes": "thwb"}))
    assert not taken.fits(Ingredients(files, {"axes": "htwb"}))
    renamed = files[0].rename(files[0].with_name("c.bin"))
    assert taken.fits(Ingredients((renamed, files[1]), {"axes": "thwb"}))


def test_what_changed_while_it_was_used_is_never_the_same(files):
    seen = glance(Ingredients(files))
    files[0].write_bytes(b"changed meanwhile")
    taken = take_fingerprint(Ingredients(files), seen)
    assert taken.content == ""
    assert not taken.fits(Ingredients(files))


def test_a_missing_file_is_said_so(files):
    taken = take_fingerprint(Ingredients(files))
    files[0].unlink()
    with pytest.raises(FileNotFoundError):
        taken.fits(Ingredients(files))


def test_there_and_back_through_json(files):
    taken = take_fingerprint(Ingredients(files))
    assert Fingerprint.from_json(taken.to_json()) == taken
    for value in (None, 3, {}, {"glance": "x"}, {"glance": "x", "content": 4}):
        assert Fingerprint.from_json(value) is None


def test_digests(files):
    assert file_digest(files[0]) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert values_digest([1, "a"]) != values_digest([1, "b"])
    cube = np.arange(24, dtype=np.uint16).reshape(2, 3, 4)
    assert array_digest(cube) == array_digest(cube.astype(">u2")) == array_digest(np.asfortranarray(cube))
    assert array_digest(cube) == array_digest(np.repeat(cube, 2, axis=2)[:, :, ::2])
    assert array_digest(cube) != array_digest(cube.reshape(3, 2, 4))
    assert array_digest(cube) != array_digest(cube.astype(np.int16))
    assert len(array_digest(np.zeros((0, 4)))) == 64


def test_the_source_digest_names_code_by_part():
    assert len(source_digest()) == 12
    assert source_digest() == source_digest()
    assert source_digest("simulation") != source_digest("simulation", "sensors.py") != source_digest("sensors.py")
    assert spectrack.__version__
