"""A folder that grows: files in every stage of being written, in every order, until the end."""

import shutil
import threading
import time

import numpy as np
import pytest

import spectrack
from spectrack.errors import ConfigError, SequenceError, SequenceNotFoundError
from spectrack.sequences.memory import MemorySequence
from spectrack.sequences.opening import Options
from spectrack.sources.folders import FolderSource
from spectrack.sources.options import FolderOptions
from tests.fixtures.refusals import refuses

QUICK = FolderOptions(idle_s=0.5, settle_s=0.02)


@pytest.fixture(scope="module")
def clip():
    cubes = np.random.default_rng(4).integers(1, 1000, (12, 20, 24, 16), np.uint16)
    return MemorySequence(cubes, sensor="vis16")


@pytest.fixture(scope="module")
def mosaics(clip, tmp_path_factory):
    """Mosaic PNG files, a frame each."""
    folder = tmp_path_factory.mktemp("whole")
    spectrack.write_sequence(clip, folder / "clip")
    return sorted((folder / "clip" / "HSI").glob("*.png"))


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "camera"
    place.mkdir()
    return place


def writing(*steps):
    """Do one step after the other in a thread."""

    def run():
        for step in steps:
            step()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def copy(file, folder, name=None):
    return lambda: shutil.copy(file, folder / (name or file.name))


def pause(seconds):
    return lambda: time.sleep(seconds)


def cubes_of(source):
    return [captured.frame.whole() for captured in source.frames()]


def test_frames_that_come_one_by_one(clip, mosaics, folder):
    steps = [step for file in mosaics for step in (copy(file, folder), pause(0.01))]
    thread = writing(*steps, lambda: (folder / "end").touch())
    source = FolderSource(folder, QUICK, Options(sensor="vis16"))
    captured = list(source.frames())
    thread.join()
    assert [one.name for one in captured] == [file.name for file in mosaics]
    assert [one.index for one in captured] == list(range(12))
    assert abs(captured[-1].time - time.time()) < 60
    np.testing.assert_array_equal([one.frame.whole() for one in captured], list(clip))
    assert (source.sensor, source.block, source.name) == ("vis16", 4, "camera")


def test_half_written_files_wait(clip, mosaics, folder):
    data = mosaics[1].read_bytes()
    part = folder / mosaics[1].name
    copy(mosaics[0], folder)()
    copy(mosaics[2], folder)()
    part.write_bytes(data[:500])
    thread = writing(pause(0.2), lambda: part.write_bytes(data[:700]), pause(0.2), lambda: part.write_bytes(data))
    found = cubes_of(FolderSource(folder, QUICK, Options(sensor="vis16")))
    thread.join()
    np.testing.assert_array_equal(found, [clip[0], clip[1], clip[2]])


@pytest.mark.parametrize("form", ["npy", "envi"])
def test_arrays_that_are_written_slowly(clip, folder, form, tmp_path):
    if form == "npy":
        files = [tmp_path / f"f{index}.npy" for index in range(3)]
        for index, file in enumerate(files):
            np.save(file, clip[index])
        groups = [[file] for file in files]
    else:
        spectrack.write_sequence(clip, tmp_path / "envi", format="envi")
        headers = sorted((tmp_path / "envi").rglob("*.hdr"))[:3]
        groups = [
            [header, next(file for file in header.parent.glob(f"{header.stem}.*") if file != header)]
            for header in headers
        ]

    def slowly(file):
        data, place = file.read_bytes(), folder / file.name
        return [
            lambda: place.write_bytes(data[: len(data) // 2]),
            pause(0.06),
            lambda: place.write_bytes(data),
            pause(0.03),
        ]

    thread = writing(*[step for group in groups for file in group for step in slowly(file)])
    found = cubes_of(FolderSource(folder, QUICK, Options(axes="hwb" if form == "npy" else None)))
    thread.join()
    np.testing.assert_array_equal(found, [clip[0], clip[1], clip[2]])


def test_numbers_order_and_gaps_are_waited_for_a_moment(mosaics, folder):
    for number in (1, 2, 3, 5):
        copy(mosaics[0], folder, f"f{number}.png")()
    thread = writing(pause(0.2), copy(mosaics[0], folder, "f4.png"), pause(0.1), copy(mosaics[0], folder, "f10.png"))
    names = [one.name for one in FolderSource(folder, FolderOptions(idle_s=1.0), Options(sensor="vis16")).frames()]
    thread.join()
    assert names == ["f1.png", "f2.png", "f3.png", "f4.png", "f5.png", "f10.png"]


def test_names_that_are_times(mosaics, folder):
    names = [f"shot_{second}.png" for second in (100013, 100051, 100090, 100130, 100168)]
    thread = writing(*[step for name in names for step in (copy(mosaics[0], folder, name), pause(0.02))])
    source = FolderSource(folder, QUICK, Options(sensor="vis16"))
    started = time.monotonic()
    assert [one.name for one in source.frames()] == names
    assert time.monotonic() - started < 3
    thread.join()


def test_the_newest_is_taken_where_frames_are_dropped(mosaics, folder):
    for file in mosaics[:3]:
        copy(file, folder)()
    source = FolderSource(folder, QUICK, Options(sensor="vis16"))
    source.skips = True
    frames = source.frames()
    assert next(frames).index == 0
    assert next(frames).name == mosaics[2].name
    for file in mosaics[3:]:
        copy(file, folder)()
    last = next(frames)
    assert (last.name, last.index) == (mosaics[11].name, 11)


def test_unfinished_names_of_another_form_are_no_frames(mosaics, folder):
    copy(mosaics[0], folder, "f1.png")()
    source = FolderSource(folder, QUICK, Options(sensor="vis16"))
    copy(mosaics[1], folder, "f2.part.png")()
    copy(mosaics[1], folder, ".f2.png")()
    thread = writing(pause(0.05), lambda: (folder / "f2.part.png").rename(folder / "f2.png"))
    assert [one.name for one in source.frames()] == ["f1.png", "f2.png"]
    thread.join()


def test_a_damaged_frame_is_left_out_and_told(mosaics, folder, caplog, monkeypatch):
    monkeypatch.setattr("spectrack.sources.folders.GIVEN_UP_S", 0.1)
    copy(mosaics[0], folder)()
    (folder / mosaics[1].name).write_bytes(mosaics[1].read_bytes()[:600])
    copy(mosaics[2], folder)()
    captured = list(FolderSource(folder, QUICK, Options(sensor="vis16")).frames())
    assert [one.index for one in captured] == [0, 2]
    assert mosaics[1].name in caplog.text


def test_it_ends_with_a_half_written_file(mosaics, folder, caplog):
    copy(mosaics[0], folder)()
    (folder / mosaics[1].name).touch()
    (folder / "end").touch()
    assert len(list(FolderSource(folder, QUICK, Options(sensor="vis16")).frames())) == 1
    assert f"{mosaics[1].name} half-written" in caplog.text


def test_it_may_be_closed_while_it_waits(mosaics, folder):
    copy(mosaics[0], folder)()
    source = FolderSource(folder, FolderOptions(idle_s=0), Options(sensor="vis16"))
    frames = source.frames()
    next(frames)
    threading.Timer(0.05, source.close).start()
    assert next(frames, None) is None


def test_the_first_frame_is_waited_for_and_that_is_told_once(mosaics, folder):
    told = []
    thread = writing(pause(0.1), copy(mosaics[0], folder))
    FolderSource(folder, QUICK, Options(sensor="vis16"), on_waiting=lambda: told.append(1))
    thread.join()
    assert told == [1]


def test_refusals(mosaics, folder, tmp_path, monkeypatch):
    with refuses(SequenceNotFoundError, tmp_path / "none"):
        FolderSource(tmp_path / "none")
    with refuses(ConfigError, "--idle-s -1"):
        FolderSource(folder, FolderOptions(idle_s=-1))
    with refuses(ConfigError, "did you mean 'vis16'"):
        FolderSource(folder, reading=Options(sensor="vis17"))
    (folder / "end").touch()
    with refuses(SequenceNotFoundError, "found none"):
        FolderSource(folder)
    for name in ("left_1.png", "left_2.png", "right_1.png"):
        copy(mosaics[0], folder, name)()
    with refuses(SequenceError, "2 series"):
        FolderSource(folder, QUICK, Options(sensor="vis16"))
    monkeypatch.setattr("spectrack.sources.folders.GIVEN_UP_S", 0.1)
    with refuses(SequenceError, "block 5", "96 x 80"):
        FolderSource(folder, QUICK, Options(sensor="nir25", pattern="left*"))
