"""What each kind of sequence is made of: its key changes with its pixels, and with what decides how they are read."""

import os
import shutil
from dataclasses import replace

import numpy as np
import pytest

from spectrack.datasets.opening import open_dataset
from spectrack.files.fingerprints import content, take_fingerprint
from spectrack.sensors import SENSORS
from spectrack.sequences import open_sequence
from spectrack.sequences.excerpt import Excerpt
from spectrack.sequences.memory import MemorySequence
from spectrack.sequences.writers import write_sequence
from spectrack.simulation.degradation import Degradation, DegradedSequence
from spectrack.simulation.video import simulate

BOXES = np.tile((2.0, 2, 4, 4), (3, 1))


def cubes(level=100):
    return np.full((3, 12, 16, 16), level, np.uint16) + np.arange(16, dtype=np.uint16)


def key(sequence):
    return content(sequence.made_of())


def ours(format):
    def write(folder, level):
        write_sequence(MemorySequence(cubes(level), truth=BOXES, sensor="vis16"), folder, format=format)

    return write


def write_npz(folder, level):
    np.savez(folder / "all.npz", **{f"frame{number}": cube for number, cube in enumerate(cubes(level))})


def write_hdf5(folder, level):
    import h5py

    with h5py.File(folder / "all.h5", "w") as file:
        file["cubes"] = cubes(level)


def write_tiffs(folder, level):
    import tifffile

    for number, cube in enumerate(cubes(level)):
        tifffile.imwrite(folder / f"{number}.tif", cube, photometric="minisblack")


def write_triplets(folder, level):
    import cv2

    for number in range(6):
        image = np.full((12, 16, 3), level + 20 * number, np.uint8)
        cv2.imwrite(str(folder / f"{number // 3}_img{number % 3 + 1}.jpg"), image)


def write_images(folder, level):
    import cv2

    for number in range(3):
        cv2.imwrite(str(folder / f"{number}.jpg"), np.full((12, 16, 3), level + 30 * number, np.uint8))


def write_video(folder, level):
    import av

    with av.open(str(folder / "clip.avi"), "w") as container:
        stream = container.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuvj420p"
        for number in range(3):
            frame = av.VideoFrame.from_ndarray(np.full((32, 32, 3), level + 30 * number, np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


KINDS = {format: ours(format) for format in ("npy", "envi", "hotc")}
KINDS |= {write.__name__: write for write in (write_npz, write_hdf5, write_tiffs, write_triplets, write_images)}
KINDS["video"] = write_video


@pytest.mark.parametrize("kind", KINDS)
def test_files_that_are_touched_are_the_same_and_others_are_not(tmp_path, kind):
    options = {"axes": "hwb"} if kind in ("write_tiffs", "write_npz") else {}
    options |= {"axes": "thwb"} if kind == "write_hdf5" else {}
    (tmp_path / "a").mkdir()
    KINDS[kind](tmp_path / "a", 100)
    sequence = open_sequence(tmp_path / "a", **options)
    taken = take_fingerprint(sequence.made_of())
    files = sequence.made_of().files
    assert files
    for file in files:
        os.utime(file, ns=(5, 5))
    assert taken.fits(open_sequence(tmp_path / "a", **options).made_of())
    shutil.rmtree(tmp_path / "a")
    (tmp_path / "a").mkdir()
    KINDS[kind](tmp_path / "a", 110)
    assert not taken.fits(open_sequence(tmp_path / "a", **options).made_of())


def test_how_an_array_is_read_counts(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((4, 4, 4, 4), np.uint16))
    assert len({key(open_sequence(tmp_path / "a.npy", axes=axes)) for axes in ("thwb", "tbhw", "twhb")}) == 3


def test_the_data_sets_own_pictures_count(tmp_path):
    import cv2

    for stream in ("HSI", "HSI-FalseColor"):
        (tmp_path / "car" / stream).mkdir(parents=True)
    for number in range(3):
        cv2.imwrite(str(tmp_path / f"car/HSI/{number + 1:04d}.png"), np.full((48, 64), 100, np.uint16))
    before = key(open_sequence(tmp_path / "car" / "HSI", sensor="vis16"))
    for number in range(3):
        cv2.imwrite(str(tmp_path / f"car/HSI-FalseColor/{number + 1:04d}.jpg"), np.zeros((12, 16, 3), np.uint8))
    pictured = open_sequence(tmp_path / "car" / "HSI", sensor="vis16")
    assert pictured.false_colour(0).max() == 0
    assert key(pictured) != before


def test_arrays_in_memory_and_foreign_kinds_go_by_their_pixels(small):
    assert key(MemorySequence(cubes())) == key(MemorySequence(cubes(), name="other"))
    assert key(MemorySequence(cubes())) != key(MemorySequence(cubes(101)))
    assert key(MemorySequence(cubes())) != key(MemorySequence(cubes(), wavelengths_nm=range(16)))
    assert key(small.Walk("a")) == key(small.Walk("b")) != key(small.Walk("a", 5))


def test_simulated_video_goes_by_its_setting_and_renders_nothing(monkeypatch):
    monkeypatch.setattr("spectrack.simulation.video.stage", pytest.fail)
    made = {key(simulate("calm", frames=4, seed=seed, height=side, width=64)) for seed in (1, 2) for side in (64, 80)}
    assert len(made) == 4
    calm = simulate("calm", frames=4, seed=1, height=64, width=64)
    assert calm.made_of() == simulate("calm", frames=4, seed=1, height=64, width=64).made_of()
    assert calm.made_of().files == ()
    assert calm.truth_digest() == simulate("calm", frames=4, seed=1, height=64, width=64).truth_digest()
    assert calm.truth_digest() != simulate("calm", frames=4, seed=2, height=64, width=64).truth_digest()
    worse = {key(DegradedSequence(calm, Degradation("defocus", strength))) for strength in (1, 2)}
    assert len(worse | {key(calm)}) == 3


def test_an_excerpt_goes_by_its_source_and_length(tmp_path):
    write_sequence(MemorySequence(cubes(), truth=BOXES), tmp_path / "a", format="npy")
    source = open_sequence(tmp_path / "a")
    assert Excerpt(source, 2).made_of().files == source.made_of().files
    assert len({key(source), key(Excerpt(source, 2)), key(Excerpt(source, 1))}) == 3


def test_zipped_sequences_go_by_what_the_archive_says(tmp_path):
    def packed(level, moved=0.0):
        write_sequence(
            MemorySequence(cubes(level), truth=BOXES + moved, sensor="vis16"), tmp_path / "x/car/HSI", format="hotc"
        )
        (tmp_path / "zips").mkdir(exist_ok=True)
        shutil.make_archive(str(tmp_path / "zips" / "test"), "zip", tmp_path / "x")
        shutil.rmtree(tmp_path / "x")
        entry = open_dataset("folder", tmp_path / "zips").entries[0]
        opened = entry.open()
        assert opened.made_of() == entry.archived()[0]
        annotations.append(entry.archived()[1])
        return opened

    annotations = []
    first, again, other, corrected = packed(100), packed(100), packed(101), packed(100, moved=1.0)
    assert first.made_of().files == ()
    assert key(first) == key(again) == key(corrected) != key(other)
    assert annotations[0] == annotations[1] == annotations[2] != annotations[3]
    assert first.truth_digest() == other.truth_digest() != corrected.truth_digest()


def test_truth_has_a_key_of_its_own():
    plain = MemorySequence(cubes(), truth=BOXES)
    moved = MemorySequence(cubes(), truth=BOXES + 1)
    assert key(plain) == key(moved)
    assert plain.truth_digest() == MemorySequence(cubes(101), truth=BOXES).truth_digest() != moved.truth_digest()
    without = MemorySequence(cubes())
    assert without.truth_digest() != plain.truth_digest()
    plain.visibility = np.ones(3)
    seen = plain.truth_digest()
    plain.attributes = ("OCC",)
    assert len({seen, plain.truth_digest(), moved.truth_digest()}) == 3


def test_cameras_of_the_same_name_are_told_apart():
    cameras = [SENSORS["vis16"], replace(SENSORS["vis16"], read_noise_e=0.0)]
    assert len({key(simulate("calm", camera, frames=4, seed=1)) for camera in cameras}) == 2
