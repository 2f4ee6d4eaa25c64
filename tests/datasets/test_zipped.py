"""Zipped sequences: read as they are, corrections first, and nothing unsafe comes out of an archive."""

import gc
import io
import logging
import os
import shutil
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from spectrack.datasets import zipped
from spectrack.datasets.check.checking import check_data
from spectrack.datasets.converting import convert_dataset
from spectrack.datasets.opening import open_dataset
from spectrack.errors import SequenceError, SequenceNotFoundError
from tests.fixtures.refusals import refuses


@pytest.fixture(autouse=True)
def scratch(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("SPECTRACK_SCRATCH", str(tmp_path / "scratch"))
    return tmp_path / "scratch"


def pack(folder: Path, archive: Path, inside: str = "") -> Path:
    """Zip the files of a folder below `inside`."""
    archive.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(archive, "w") as opened:
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            opened.write(file, f"{inside}/{file.relative_to(folder).as_posix()}".lstrip("/"))
    return archive


@pytest.fixture
def root(tmp_path, make) -> Path:
    """Training archives of the 2026 challenge, one corrected, with redundant inner folders."""
    work, root = tmp_path / "work", tmp_path / "hotc2026" / "training"
    for name, start, inside in (("ant", 4, ""), ("bee", 2, "bee"), ("park", 3, "park/img/park")):
        make.mosaics(work / name, 5, seed=start)
        pack(work / name, root / "HSI-NIR" / f"{name}.zip", inside)
        make.pictures(work / f"{name}-pictures")
        make.text(work / f"{name}-pictures" / "groundtruth_rect.txt", "\ufeff" + make.boxes(start))
        pack(work / f"{name}-pictures", root / "HSI-NIR-FalseColor" / f"{name}.zip", inside.removesuffix("/img/park"))
    make.text(work / "bee-pictures" / "groundtruth_rect.txt", make.boxes(9))
    make.text(work / "bee-pictures" / "description.txt", "Fast Motion")
    pack(work / "bee-pictures", root / "update" / "HSI-NIR-FalseColor" / "bee.zip", "bee")
    return root


def test_archives_are_read_like_folders(root, make, scratch):
    dataset = open_dataset("hotc2026", root)
    assert [(entry.label, entry.key.split, entry.key.modality, entry.frames) for entry in dataset] == [
        (name, "train", "HSI-NIR", 3) for name in ("ant", "bee", "park")
    ]
    assert dataset["bee"].attributes == ("FM",)
    assert not scratch.exists()  # nothing is unpacked before it is opened
    sequences = [entry.open() for entry in dataset]
    assert [sequence.first_box[0] for sequence in sequences] == [4, 9, 3]
    assert [(sequence.name, sequence.sensor, len(sequence)) for sequence in sequences] == [
        (n, "nir25", 3) for n in ("ant", "bee", "park")
    ]
    np.testing.assert_array_equal(sequences[2][1], make.cube(1, 25, seed=3))
    assert sequences[0].false_colour(0).shape == (40, 40, 3)


def test_the_copy_goes_with_its_sequence(root, scratch):
    sequence = open_dataset("hotc2026", root)["ant"].open()
    assert len(list(scratch.iterdir())) == 1
    del sequence
    gc.collect()
    assert list(scratch.iterdir()) == []


def test_copies_of_dead_processes_go_and_those_of_living_ones_stay(root, scratch):
    own = zipped.make_scratch_folder()
    process = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True, check=True
    )
    dead = own.with_name(own.name.replace(str(os.getpid()), process.stdout.strip(), 1))
    shutil.copytree(own, dead)
    theirs = dead.with_name(f"{dead.name}-notes")
    theirs.mkdir()
    other = own.with_name("elsewhere-1-abc")
    other.mkdir()
    zipped.make_scratch_folder()
    assert own.exists()
    assert other.exists()
    assert theirs.exists()
    assert not dead.exists()


def test_an_archive_of_a_whole_sequence_or_of_several(tmp_path, make):
    for name, start in (("fox", 4), ("gnu", 5)):
        make.mosaics(tmp_path / "work" / name / "HSI", 4, seed=start)
        make.pictures(tmp_path / "work" / name / "HSI-FalseColor")
        make.text(tmp_path / "work" / name / "HSI" / "groundtruth_rect.txt", make.boxes(start))
    pack(tmp_path / "work" / "fox", tmp_path / "one" / "test" / "fox.zip")
    pack(tmp_path / "work", tmp_path / "many" / "test.zip")
    for folder, names in (("one", ["fox"]), ("many", ["fox", "gnu"])):
        dataset = open_dataset("hotc2020", tmp_path / folder)
        assert [(entry.key.split, entry.label) for entry in dataset] == [("test", name) for name in names]
        assert dataset["fox"].open().first_box[0] == 4
        assert open_dataset("hotc2020", tmp_path / folder, stream="HSI-FalseColor")["fox"].open().first_box[0] == 4


def member(name: str, *, link: bool = False) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as opened:
        info = zipfile.ZipInfo("x")
        info.filename = name  # the constructor would tidy it
        if link:
            info.external_attr = (stat.S_IFLNK | 0o777) << 16
        opened.writestr("car/0001.png", b"fine")
        opened.writestr(info, b"/etc/passwd")
    return data.getvalue()


UNSAFE = {
    "climbing": member("../outside.png"),
    "climbing inside": member("car/../../outside.png"),
    "absolute": member("/tmp/outside.png"),
    "drive": member("C:/outside.png"),
    "backslashes": member("..\\outside.png"),
    "link": member("car/link.png", link=True),
    "nameless": member(""),
}


@pytest.mark.parametrize("kind", UNSAFE)
def test_unsafe_archives_are_refused_and_named(tmp_path, kind, caplog, scratch):
    archive = tmp_path / "data" / "HSI-VIS" / "car.zip"
    archive.parent.mkdir(parents=True)
    archive.write_bytes(UNSAFE[kind])
    facts = ("car.zip", {"link": "link.png", "nameless": "no name"}.get(kind, "outside.png"))
    with refuses(SequenceError, facts):
        zipped.list_members(archive)
    (tmp_path / "target").mkdir()
    with refuses(SequenceError, facts):
        zipped.extract_folder(archive, "", tmp_path / "target")
    with refuses(SequenceNotFoundError, facts):
        open_dataset("folder", tmp_path / "data")
    assert list((tmp_path / "target").iterdir()) == []
    assert not scratch.exists()
    assert not list(tmp_path.rglob("outside.png"))
    (finding,) = check_data([tmp_path / "data"]).findings
    assert (finding.code, finding.severity) == ("archive", "error")
    assert str(archive) in finding.text


def test_a_refused_archive_among_others_is_a_logged_problem(root, caplog):
    (root / "HSI-NIR" / "cat.zip").write_bytes(UNSAFE["climbing"])
    with caplog.at_level(logging.WARNING):
        dataset = open_dataset("hotc2026", root)
    assert len(dataset) == 3
    assert len(dataset.problems) == 1
    assert "cat.zip" in caplog.text


def test_zipped_sequences_are_checked_and_converted(root, scratch, tmp_path):
    report = check_data([root])
    assert (report.findings, report.frames) == ((), 18)
    dataset = open_dataset("hotc2026", root)
    assert convert_dataset(dataset, tmp_path / "out").written == ("ant", "bee", "park")
    assert [entry.open().first_box[0] for entry in open_dataset("folder", tmp_path / "out")] == [4, 9, 3]
    gc.collect()
    assert list(scratch.iterdir()) == []


def test_damaged_archives_are_one_sentence(root, scratch):
    archive = root / "HSI-NIR" / "ant.zip"
    whole = archive.read_bytes()
    # A byte inside the first image: the directory is fine, the checksum is not.
    archive.write_bytes(whole[:2000] + bytes([whole[2000] ^ 255]) + whole[2001:])
    entry = open_dataset("hotc2026", root)["ant"]
    with refuses(SequenceError, "0001.png", "ant.zip"):
        entry.open()
    assert list(scratch.iterdir()) == []
    archive.write_bytes(whole[: len(whole) // 2])
    with refuses(SequenceError, "ant.zip"):
        zipped.list_members(archive)


@pytest.mark.parametrize("packing", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_every_packing_is_unpacked_and_a_lying_length_is_not(tmp_path, packing):
    archive, content = tmp_path / "x.zip", b"a frame" * 1000
    with zipfile.ZipFile(archive, "w", packing) as opened:
        opened.writestr("car/0001.png", content)
    (tmp_path / "out").mkdir()
    zipped.extract_folder(archive, "car", tmp_path / "out")
    assert [path.read_bytes() for path in (tmp_path / "out").rglob("*.png")] == [content]
    # The directory claims fewer bytes than the member unpacks to: a bomb's way past a bound on sizes.
    stated = len(content).to_bytes(4, "little")
    archive.write_bytes(archive.read_bytes().replace(stated, (7).to_bytes(4, "little")))
    (tmp_path / "again").mkdir()
    with refuses(SequenceError, "x.zip"):
        zipped.extract_folder(archive, "car", tmp_path / "again")


@pytest.mark.parametrize("packing", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_random_bytes_are_refused_without_a_traceback(tmp_path, packing):
    rng = np.random.default_rng(0)
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", packing) as opened:
        opened.writestr("car/0001.png", b"fine, and long enough to be packed" * 3)
        opened.writestr("car/0002.png", b"/etc/passwd")
    good = data.getvalue()
    archive = tmp_path / "x.zip"
    for number in range(100):
        data = bytearray(good)
        for position in rng.integers(0, len(data), 1 + number % 7):
            data[position] = rng.integers(0, 256)
        archive.write_bytes(bytes(data))
        target = tmp_path / str(number)
        target.mkdir()
        try:
            zipped.list_members(archive)
            zipped.extract_folder(archive, "", target)
        except SequenceError:
            pass
    assert {path.name for path in tmp_path.iterdir()} == {"x.zip", *map(str, range(100))}


def test_sizes_are_bounded(root, monkeypatch):
    entry = open_dataset("hotc2026", root)["ant"]
    monkeypatch.setattr(zipped, "LARGEST_SEQUENCE", 1000)
    with refuses(SequenceError, "ant.zip", "GiB"):
        entry.open()
    monkeypatch.undo()
    monkeypatch.setenv("SPECTRACK_SCRATCH", str(root / "scratch"))
    monkeypatch.setattr(zipped, "_SPARE", 2**60)
    with refuses(SequenceError, "ant.zip", "GB of free space", "SPECTRACK_SCRATCH"):
        entry.open()


def test_no_more_is_written_than_was_announced(tmp_path):
    archive = tmp_path / "bomb.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr("car/0001.png", bytes(10**6))
    data = bytearray(archive.read_bytes())
    size = (10**6).to_bytes(4, "little")
    for start in range(len(data)):
        if data[start : start + 4] == size:
            data[start : start + 4] = (1000).to_bytes(4, "little")
    archive.write_bytes(bytes(data))
    (tmp_path / "out").mkdir()
    with refuses(SequenceError, "car/0001.png", "bomb.zip"):
        zipped.extract_folder(archive, "", tmp_path / "out")
    assert sum(file.stat().st_size for file in (tmp_path / "out").rglob("*.png")) <= 1000


def test_a_place_that_cannot_be_written_to(root, tmp_path, monkeypatch):
    monkeypatch.setenv("SPECTRACK_SCRATCH", str(tmp_path / "file" / "below"))
    (tmp_path / "file").write_text("")
    with refuses(SequenceError, "file/below", "SPECTRACK_SCRATCH"):
        open_dataset("hotc2026", root)["ant"].open()


def test_texts_are_read_without_unpacking(root):
    archive = root / "update" / "HSI-NIR-FalseColor" / "bee.zip"
    assert zipped.read_text_member(archive, "bee/description.txt") == b"Fast Motion"
    with refuses(SequenceError, "none.txt", "bee.zip"):
        zipped.read_text_member(archive, "none.txt")
