"""``spectrack track --source``: what goes to standard output, to files and folders, how it ends, what is refused."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import numpy as np
import pytest

import spectrack
from spectrack.cli import main
from spectrack.sequences.memory import MemorySequence
from tests.fixtures.viewers import wait_for
from tests.live.trackers import Mover

BOX = "2,3,6,5"
CUBES = np.random.default_rng(0).integers(1, 1000, (6, 16, 24, 16), np.uint16)


@pytest.fixture(autouse=True)
def mover(monkeypatch):
    monkeypatch.setattr("spectrack.trackers.loading.load_tracker", lambda name, **options: Mover())


@pytest.fixture(scope="module")
def frames(tmp_path_factory):
    """Mosaic PNG files."""
    place = tmp_path_factory.mktemp("frames")
    spectrack.write_sequence(MemorySequence(CUBES, sensor="vis16"), place / "clip")
    return sorted((place / "clip" / "HSI").glob("*.png"))


@pytest.fixture
def raw(tmp_path, monkeypatch):
    """Cubes on standard input."""
    (tmp_path / "raw").write_bytes(CUBES.tobytes())
    stream = (tmp_path / "raw").open()
    monkeypatch.setattr(sys, "stdin", stream)
    yield ["--source", "-", "--raw-size", "24x16", "--raw-bands", "16"]
    stream.close()


def listen():
    """Hear Ctrl-C: tests that a shell runs in the background inherit a deaf ear for it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def lines_of(text):
    return [json.loads(line) for line in text.splitlines()]


def test_boxes_are_lines_of_json_and_the_rest_goes_beside(raw, capsys):
    assert main(["track", *raw, "--box", BOX]) == 0
    printed = capsys.readouterr()
    *boxes, last = lines_of(printed.out)
    assert [(one["frame"], one["box"]) for one in boxes[:2]] == [(0, [2, 3, 6, 5]), (1, [3, 3, 6, 5])]
    assert last["end"] == "the source ended"
    assert last["tracked"] == 6
    for words in ("6 tracked, 0 dropped", "p50", "24 x 16 pixels, 16 bands"):
        assert words in printed.err


def test_into_a_file_and_a_folder(raw, tmp_path, capsys):
    out, log = tmp_path / "run", tmp_path / "boxes.jsonl"
    assert main(["track", *raw, "--box", BOX, "--out", str(out), "--send", str(log), "--measure"]) == 0
    printed = capsys.readouterr().out
    assert "results" in printed
    assert "counts: 6 frames in the box" in printed
    assert len((out / "measurements.csv").read_text().splitlines()) == 7
    assert [one["box"] for one in lines_of(log.read_text())[:-1]] == spectrack.read_boxes(out / "boxes.txt").tolist()
    settings = json.loads((out / "summary.json").read_text())["settings"]
    assert (settings["source"], settings["box"], settings["raw_size"]) == ("-", BOX, "24x16")


def test_a_growing_folder_of_mosaics(frames, tmp_path, capsys):
    folder = tmp_path / "camera"
    folder.mkdir()

    def camera():
        for file in frames:
            shutil.copy(file, folder)
            time.sleep(0.01)
        (folder / "done").touch()

    thread = threading.Thread(target=camera)
    thread.start()
    words = ["--source", str(folder), "--sensor", "vis16", "--end-file", "done", "--policy", "all"]
    assert main(["track", *words, "--box", BOX, "--out", str(tmp_path / "run")]) == 0
    thread.join()
    assert [one.get("file") for one in lines_of(capsys.readouterr().out)][:-1] == [file.name for file in frames]
    assert len(spectrack.read_boxes(tmp_path / "run/boxes.txt")) == 6


def test_a_start_on_the_thing_at_a_pixel(raw, tmp_path, monkeypatch, capsys):
    cubes = np.full((3, 16, 24, 16), 100, np.uint16)
    cubes[:, 4:9, 6:12] = np.arange(16) * 40 + 10
    (tmp_path / "raw").write_bytes(cubes.tobytes())
    assert main(["track", *raw, "--point", "8,6"]) == 0
    x, y, w, h = lines_of(capsys.readouterr().out)[0]["box"]
    assert abs(x - 6) <= 1 and abs(y - 4) <= 1 and abs(w - 6) <= 2 and abs(h - 5) <= 2  # noqa: PT018


def test_the_first_box_is_drawn_on_a_page(raw, monkeypatch, capsys):
    """The page's part is played by requests."""
    phases = []

    @contextmanager
    def page(shown, on_ready):
        def draw():
            wait_for(lambda: shown.live.phase == "waiting")
            shown.start({"sequence": 0, "frame": 0, "box": [2, 3, 6, 5]})

        on_ready("http://127.0.0.1:1/secret/")
        thread = threading.Thread(target=draw)
        thread.start()
        yield
        thread.join()
        phases.append(shown.live.phase)

    monkeypatch.setattr("spectrack.cli.track_source.serving_beside", page)
    assert main(["track", *raw, "--view"]) == 0
    printed = capsys.readouterr()
    assert [one["box"] for one in lines_of(printed.out)[:2]] == [[2, 3, 6, 5], [3, 3, 6, 5]]
    assert "http://127.0.0.1:1/secret/" in printed.err
    assert phases == ["done"]


def test_an_address_keeps_its_password_to_itself(tmp_path, capsys):
    words = ["--source", "rtsp://me:secret@127.0.0.1:9/live", "--box", BOX]
    assert main(["track", *words]) == 2
    assert "secret" not in capsys.readouterr().err


def test_ctrl_c_ends_in_order(frames, tmp_path):
    folder, out = tmp_path / "camera", tmp_path / "run"
    folder.mkdir()
    for file in frames:
        shutil.copy(file, folder)
    command = [
        sys.executable,
        "-m",
        "spectrack",
        "track",
        "--source",
        str(folder),
        "--sensor",
        "vis16",
        "--idle-s",
        "0",
    ]
    words = [*command, "--tracker", "cf", "--box", BOX, "--out", str(out)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=listen)
    lines = [process.stdout.readline() for _ in range(6)]
    process.send_signal(signal.SIGINT)
    rest, said = process.communicate(timeout=30)
    assert process.returncode == 0, said
    assert "stopped" in said
    assert lines_of(rest)[-1]["end"] == "stopped"
    assert len(spectrack.read_boxes(out / "boxes.txt")) == len(lines) == 6
    assert not [name for name in os.listdir(out) if "staging" in name]


@pytest.mark.parametrize("looks_on", [False, True])
def test_ctrl_c_before_the_first_frame_ends_in_order_too(looks_on, tmp_path):
    """It is waited for without limit; the page is there before it."""
    folder, out = tmp_path / "camera", tmp_path / "run"
    folder.mkdir()
    words = ["--source", str(folder), "--tracker", "cf", "--out", str(out)]
    words += ["--view"] if looks_on else ["--box", BOX]
    command = [sys.executable, "-m", "spectrack", "track", *words]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=listen)
    said = ""
    while "waiting for frames" not in said:
        said += process.stderr.readline()
    assert ("http://127.0.0.1" in said) == looks_on
    process.send_signal(signal.SIGINT)
    rest, last = process.communicate(timeout=30)
    assert process.returncode == 0, said + last
    assert "stopped before" in last
    assert rest == ""
    assert not out.exists()


def test_stop_on_the_page_before_the_first_box_ends_in_order(raw, tmp_path, monkeypatch, capsys):
    @contextmanager
    def page(shown, on_ready):
        def stop():
            wait_for(lambda: shown.live.phase == "waiting")
            shown.live.stop()

        thread = threading.Thread(target=stop)
        thread.start()
        yield
        thread.join()

    monkeypatch.setattr("spectrack.cli.track_source.serving_beside", page)
    assert main(["track", *raw, "--view", "--out", str(tmp_path / "run")]) == 0
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "stopped before the first box" in printed.err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("words", "fact"),
    [
        (["--source", "-", "--raw-size", "8x8"], "--spectrum or --point"),
        (["SEQ", "--source", "-", "--box", BOX], "found both"),
        (["--source", "-", "--box", BOX, "--truth", "t.txt"], "--truth"),
        (["--source", "-", "--box", BOX, "--overlay"], "--overlay"),
        (["--source", "-", "--box", BOX, "--mask", "png"], "--out"),
        (["--source", "-", "--box", BOX, "--mask", "coco", "--out", "run"], "--mask coco"),
        (["--source", "-", "--box", BOX, "--policy", "newest"], "'newest'"),
        (["--source", "-", "--box", BOX, "--send", "http://host/x"], "http://host/x"),
        (["--source", "-", "--box", BOX, "--overwrite"], "--out"),
        (["--source", "-", "--box", BOX], "--raw-size"),
        (["--source", "nowhere", "--box", BOX], "found nothing at nowhere"),
        (["--source", "README.md", "--box", BOX], "README.md"),
        (["--source", "-", "--box", BOX, "--point", "1,1"], "found both"),
        (["SEQ", "--out", "run", "--policy", "all"], "--source"),
        (["SEQ"], "--out"),
        (["--out", "run"], "found neither"),
    ],
)
def test_refusals(command_refuses, words, fact):
    command_refuses(["track", *words], fact)


def test_a_sequences_summary_says_nothing_of_sources(frames, tmp_path):
    assert main(["track", str(frames[0].parent), "--box", BOX, "--out", str(tmp_path / "run")]) == 0
    settings = json.loads((tmp_path / "run/summary.json").read_text())["settings"]
    assert not {"source", "send", "raw_size", "idle_s"} & settings.keys()
