"""Conversion: copies equal their source, go on where they stopped, and the source stays as it is."""

import hashlib
import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from spectrack.datasets import converting
from spectrack.datasets.converting import convert_dataset
from spectrack.datasets.opening import open_dataset
from spectrack.errors import ConfigError, SequenceError
from spectrack.files import MANIFEST
from spectrack.sequences import open_sequence
from spectrack.simulation.suite import SIMULATED
from tests.fixtures.refusals import check_sentence, refuses

SHARED = Path(os.environ.get("SPECTRACK_SHARED", Path(__file__).resolve().parents[2].parent / "shared"))
KANGAROO = SHARED / "data" / "hotc_kangaroo"


def state(folder):
    """Names, contents and times of all files below a folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return [(str(path), hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns) for path in files]


@pytest.fixture
def source(tmp_path, make):
    """Three sequences of two cameras, one with its first box only."""
    root = tmp_path / "source"
    for number, (modality, name, block, bands) in enumerate(
        [("HSI-VIS", "ant", 4, None), ("HSI-RedNIR", "bee", 4, 15), ("HSI-VIS", "cow", 4, None)]
    ):
        make.mosaics(root / "validation" / modality / name, block, bands, seed=number)
        file = "init_rect.txt" if name == "cow" else "groundtruth_rect.txt"
        make.text(root / "validation" / modality / name / file, make.boxes(number + 1))
    return root


@pytest.mark.parametrize("kind", ["npy", "hotc", "envi"])
def test_a_copy_equals_its_source_and_opens_as_the_same_data_set(source, tmp_path, kind):
    before, steps = state(source), []
    dataset = open_dataset("hotc2023", source)
    done = convert_dataset(dataset, tmp_path / "out", format=kind, progress=lambda *values: steps.append(values))
    assert (done.written, done.kept, done.failed, done.frames) == (("bee", "ant", "cow"), (), (), 9)
    assert steps[-1] == (9, 9, "cow")
    copy = open_dataset("hotc2023", tmp_path / "out")
    assert [(entry.label, entry.key) for entry in copy] == [(entry.label, entry.key) for entry in dataset]
    for entry, original in zip(copy, dataset, strict=True):
        read, expected = entry.open(), original.open()
        assert (read.sensor, read.name, read.bands) == (expected.sensor, expected.name, expected.bands)
        assert read.first_box.tolist() == expected.first_box.tolist()
        for i in range(3):
            np.testing.assert_array_equal(read[i], expected[i])
        assert (read.truth is None) == (expected.truth is None)
    assert state(source) == before


def test_a_second_call_converts_nothing(source, tmp_path):
    dataset = open_dataset("hotc2023", source)
    convert_dataset(dataset, tmp_path / "out")
    before, steps = state(tmp_path / "out"), []
    done = convert_dataset(dataset, tmp_path / "out", progress=lambda *values: steps.append(values))
    assert (done.written, done.kept, done.frames) == ((), ("bee", "ant", "cow"), 0)
    assert steps == [(3, 9, "bee"), (6, 9, "ant"), (9, 9, "cow")]
    assert state(tmp_path / "out") == before


def test_an_interrupted_conversion_goes_on(source, tmp_path):
    dataset, out = open_dataset("hotc2023", source), tmp_path / "out"

    def interrupt(done, total, label):
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        convert_dataset(dataset, out, progress=interrupt)
    assert [path.parent.name for path in out.rglob("converted.json")] == ["bee"]
    assert not list(out.rglob(".*"))
    convert_dataset(dataset.select(names=["cow"]), out)
    (out / "validation" / "HSI-VIS" / "cow" / "converted.json").unlink()
    done = convert_dataset(dataset, out)
    assert (done.written, done.kept) == (("ant", "cow"), ("bee",))
    for entry, original in zip(open_dataset("hotc2023", out), dataset, strict=True):
        np.testing.assert_array_equal(entry.open()[2], original.open()[2])


def test_what_a_kill_left_half_in_its_place_is_converted_again_and_not_opened(source, tmp_path):
    dataset, out = open_dataset("hotc2023", source).select(names=["cow"]), tmp_path / "out"
    convert_dataset(dataset, out)
    folder = out / "validation" / "HSI-VIS" / "cow"
    whole = {path for path in out.rglob("*") if path.is_file()}
    lines = (folder / MANIFEST).read_text().splitlines(keepends=True)
    (folder / MANIFEST).write_text("".join(line for line in lines if "finished" not in line))
    (folder / "sequence.json").unlink()
    with refuses(SequenceError, folder, "interrupted"):
        open_sequence(folder)
    assert convert_dataset(dataset, out).written == ("cow",)
    assert {path for path in out.rglob("*") if path.is_file()} == whole


def test_a_changed_source_is_converted_again(source, tmp_path, make):
    dataset = open_dataset("hotc2023", source)
    convert_dataset(dataset, tmp_path / "out")
    make.text(source / "validation" / "HSI-VIS" / "ant" / "groundtruth_rect.txt", make.boxes(12))
    done = convert_dataset(dataset, tmp_path / "out")
    assert (done.written, done.kept) == (("ant",), ("bee", "cow"))
    assert open_sequence(tmp_path / "out" / "validation" / "HSI-VIS" / "ant").first_box[0] == 12
    assert convert_dataset(dataset, tmp_path / "out", format="hotc").written == ("bee", "ant", "cow")
    assert not (tmp_path / "out" / "validation" / "HSI-VIS" / "ant" / "frames.npy").exists()


def test_one_broken_sequence_does_not_stop_the_others(source, tmp_path):
    (source / "validation" / "HSI-VIS" / "ant" / "0002.png").write_bytes(b"")
    done = convert_dataset(open_dataset("hotc2023", source), tmp_path / "out")
    assert (done.written, done.frames) == (("bee", "cow"), 6)
    ((label, sentence),) = done.failed
    assert label == "ant"
    assert "0002.png" in sentence
    assert not (tmp_path / "out" / "validation" / "HSI-VIS" / "ant").exists() or not any(
        (tmp_path / "out" / "validation" / "HSI-VIS" / "ant").iterdir()
    )


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_a_file_in_place_of_the_folder_is_refused_before_anything_is_read(source, tmp_path, place):
    (tmp_path / "file").write_text("mine")
    with refuses(ConfigError, "expected a folder", str(tmp_path / "file")):
        convert_dataset(
            open_dataset("hotc2023", source), tmp_path / place, progress=lambda *_: pytest.fail("a frame was read")
        )
    assert (tmp_path / "file").read_text() == "mine"


def test_a_copy_that_differs_is_not_kept(source, tmp_path, monkeypatch):
    honest = converting.fill_folder

    def dishonest(sequence, folder, **options):
        honest(sequence, folder, **options)
        np.lib.format.open_memmap(folder / "frames.npy", mode="r+")[1, 3, 3, 3] += 1

    monkeypatch.setattr(converting, "fill_folder", dishonest)
    done = convert_dataset(open_dataset("hotc2023", source).select(names=["ant"]), tmp_path / "out")
    check_sentence(done.failed[0][1], "frame 1")
    assert not list((tmp_path / "out").rglob("*.npy"))
    assert not list((tmp_path / "out").rglob("converted.json"))


@pytest.mark.parametrize("place", [".", "fast", "..", "validation/HSI-VIS"])
def test_the_source_is_never_written_to(source, place):
    before = state(source)
    with refuses(ConfigError, source, source / place):
        convert_dataset(open_dataset("hotc2023", source), source / place)
    assert state(source) == before


def test_a_source_that_a_link_puts_into_the_target_is_safe(source, tmp_path):
    out = tmp_path / "out"
    convert_dataset(open_dataset("hotc2023", source), out)
    linked = tmp_path / "linked" / "validation" / "HSI-VIS"
    linked.mkdir(parents=True)
    (linked / "ant").symlink_to(out / "validation" / "HSI-VIS" / "ant")
    before = state(out)
    done = convert_dataset(open_dataset("folder", tmp_path / "linked"), out, format="hotc")
    check_sentence(done.failed[0][1], out / "validation" / "HSI-VIS" / "ant")
    assert state(out) == before


def test_a_folder_of_others_is_not_touched(source, tmp_path, make):
    mine = make.text(tmp_path / "out" / "validation" / "HSI-VIS" / "ant" / "thesis.tex", "years")
    done = convert_dataset(open_dataset("hotc2023", source), tmp_path / "out")
    check_sentence(done.failed[0][1], "'thesis.tex'")
    assert mine.read_text() == "years"


def test_no_space_stops_before_anything_is_written(source, tmp_path, monkeypatch):
    monkeypatch.setattr(converting, "_SPARE", 2**60)
    with refuses(SequenceError, tmp_path, "bee", "GB of free space"):
        convert_dataset(open_dataset("hotc2023", source), tmp_path / "out")
    assert not list((tmp_path / "out").rglob("*.npy"))


def test_wrong_wishes_and_formats_that_do_not_fit(source, tmp_path, make):
    with refuses(ConfigError, "'png'", "known: envi, hotc, npy"):
        convert_dataset(open_dataset("hotc2023", source), tmp_path / "out", format="png")
    folder = tmp_path / "eight" / "uav"
    folder.mkdir(parents=True)
    np.save(folder / "1.npy", make.cube(0, 8))
    np.save(folder / "2.npy", make.cube(1, 8))
    done = convert_dataset(open_dataset("folder", tmp_path / "eight"), tmp_path / "out", format="hotc")
    check_sentence(done.failed[0][1], "hotc", "8 bands")


def test_names_that_become_one_folder_name_stay_apart(tmp_path, make):
    for name, seed in (("a:b", 1), ("a_b", 2)):
        make.mosaics(tmp_path / "source" / name / "HSI", 4, seed=seed)
    dataset = open_dataset("hotc2020", tmp_path / "source")
    assert len({entry.label for entry in dataset}) == 2
    assert len(convert_dataset(dataset, tmp_path / "out").written) == 2
    first = {int(entry.open()[0][0, 0, 0]) for entry in open_dataset("folder", tmp_path / "out")}
    assert first == {int(make.cube(0, 16, seed=seed)[0, 0, 0]) for seed in (1, 2)}


def test_the_simulated_suite_can_be_converted(tmp_path, monkeypatch):
    monkeypatch.setattr("spectrack.simulation.suite.SIMULATED", replace(SIMULATED, frames=2))
    dataset = open_dataset("simulated").select(names=["open-grass-vis16"])
    done = convert_dataset(dataset, tmp_path / "out")
    assert done.written == ("open-grass-vis16",)
    copy = open_sequence(tmp_path / "out" / "HSI-VIS" / "open-grass-vis16")
    assert (len(copy), copy.visibility.shape) == (2, (2,))
    assert (
        json.loads((tmp_path / "out" / "HSI-VIS" / "open-grass-vis16" / "converted.json").read_text())["format"]
        == "npy"
    )


@pytest.mark.skipif(
    not KANGAROO.is_dir(), reason=f"no HOTC clip at {KANGAROO}; set SPECTRACK_SHARED to the folder that holds data/"
)
def test_a_real_clip(tmp_path):
    dataset = open_dataset("hotc2020", KANGAROO)
    assert convert_dataset(dataset, tmp_path / "out").written == ("hotc_kangaroo",)
    copy, source = open_dataset("folder", tmp_path / "out")[0].open(), dataset[0].open()
    np.testing.assert_array_equal(copy[7], source[7])
    np.testing.assert_array_equal(copy.read(7, (240, 120, 300, 190)), source[7][120:190, 240:300])
    assert copy.truth.shape == (10, 4)
