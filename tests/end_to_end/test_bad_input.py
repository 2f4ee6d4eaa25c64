"""Bad input through the real command line: one readable sentence, exit status 2, no traceback, nothing half-written."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

import spectrack
from spectrack.cli import main

ROOT = Path(__file__).resolve().parents[2]
HEIGHT, WIDTH = 24, 32

pytestmark = pytest.mark.usefixtures("with_random_weights")


def cubes(frames=3, bands=16, kind=np.uint16, seed=0):
    """(frames, 24, 32, bands): spatially smooth, spectrally rough, as cubes are."""
    rng = np.random.default_rng(seed)
    ramp = np.linspace(0, 1, WIDTH)[None, None, :, None] * np.linspace(0.3, 1, HEIGHT)[None, :, None, None]
    spectra = rng.uniform(50, 900, (2, bands))
    steps = np.arange(frames)[:, None, None, None]
    return np.round(ramp * spectra[0] + (1 - ramp) * spectra[1] + steps).astype(kind)


@pytest.fixture
def clip(tmp_path):
    """A good HOTC sequence of three frames with truth; tests spoil it."""
    sequence = spectrack.simulate("calm", frames=3, seed=1, height=64, width=96)
    return spectrack.write_sequence(sequence, tmp_path / "clip")


@pytest.fixture
def refused(tmp_path, capsys):
    """Run the command line, check what every refusal has in common, and give the message."""

    def run(*words, out=None):
        before = sorted(tmp_path.rglob("*"))
        status = main([str(word) for word in words])
        printed = capsys.readouterr()
        message = printed.err.strip()
        assert status == 2
        assert printed.out == ""
        assert "\n" not in message
        assert re.fullmatch(r"spectrack: .*expected .+, found.* .+[;:] .+", message), message
        assert "Traceback" not in message
        assert "Error" not in message
        assert sorted(tmp_path.rglob("*")) == before, "something was left behind"
        assert out is None or not Path(out).exists()
        return message

    return run


@pytest.fixture
def refused_track(refused, tmp_path):
    """`refused` for ``spectrack track SEQUENCE ... --out``."""
    out = tmp_path / "out"
    return lambda *words: refused("track", *words, "--out", out, out=out)


def test_box_outside_the_frame(refused_track, clip):
    message = refused_track(clip, "--box", "500,20,10,10")
    assert "overlaps the frame of 96 x 64 cube pixels" in message
    assert "(500, 20, 10, 10)" in message


@pytest.mark.parametrize("box", ["10,10,0,5", "10,10,5,-3", "-4,-4,2,2"])
def test_box_without_area_in_the_frame(refused_track, clip, box):
    assert "expected a box" in refused_track(clip, "--box", box)


@pytest.mark.parametrize("box", ["10,10,5", "ten,10,5,5", "nan,1,2,3", ""])
def test_box_that_is_not_four_numbers(refused_track, clip, box):
    message = refused_track(clip, "--box", box)
    assert "box" in message


def test_two_boxes(refused_track, clip, tmp_path):
    (tmp_path / "box.txt").write_text("1,2,3,4\n")
    assert "found both" in refused_track(clip, "--box", "1,2,3,4", "--box-from", tmp_path / "box.txt")


def test_no_box_at_all(refused_track, tmp_path):
    np.save(tmp_path / "cubes.npy", cubes())
    assert "--box x,y,w,h" in refused_track(tmp_path / "cubes.npy", "--axes", "thwb")


def test_empty_folder(refused_track, tmp_path):
    (tmp_path / "empty").mkdir()
    assert "found none" in refused_track(tmp_path / "empty", "--box", "1,2,3,4")


def test_no_such_folder(refused_track, tmp_path):
    assert "nowhere" in refused_track(tmp_path / "nowhere", "--box", "1,2,3,4")


def test_mixed_frame_sizes(refused_track, clip):
    small = np.zeros((64, 64), np.uint16)
    cv2.imwrite(str(clip / "HSI" / "0002.png"), small)
    assert "0002.png" in refused_track(clip, "--sensor", "vis16")


def test_truncated_png(refused_track, clip):
    file = clip / "HSI" / "0003.png"
    file.write_bytes(file.read_bytes()[:2000])
    assert "0003.png" in refused_track(clip)


def test_8_bit_file_where_a_mosaic_is_expected(refused_track, clip):
    cv2.imwrite(str(clip / "HSI" / "0001.png"), np.zeros((256, 384), np.uint8))
    message = refused_track(clip)
    assert "16-bit" in message
    assert "0001.png" in message


def test_colour_file_where_a_mosaic_is_expected(refused_track, clip):
    cv2.imwrite(str(clip / "HSI" / "0001.png"), np.zeros((256, 384, 3), np.uint16))
    message = refused_track(clip)
    assert "0001.png" in message
    assert "channel" in message


def test_size_not_divisible_by_the_mosaic_block(refused_track, tmp_path):
    folder = tmp_path / "clip" / "HSI"
    folder.mkdir(parents=True)
    for name in ("0001.png", "0002.png"):
        cv2.imwrite(str(folder / name), np.full((62, 97), 300, np.uint16))
    message = refused_track(folder, "--sensor", "vis16", "--box", "1,2,6,6")
    assert "4" in message
    assert "97" in message


def test_band_count_that_the_weights_refuse(refused_track, random_weights, tmp_path):
    from spectrack.weights.files import read_weights, save_weights

    state, metadata = read_weights(random_weights / "siamban-compact.safetensors")
    save_weights(tmp_path / "for25.safetensors", state, metadata.to_mapping() | {"bands": 25})
    np.save(tmp_path / "cubes.npy", cubes())
    message = refused_track(
        tmp_path / "cubes.npy", "--axes", "thwb", "--box", "8,8,8,8", "--weights", tmp_path / "for25.safetensors"
    )
    assert "25 bands" in message
    assert "found 16" in message


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("frame", [0, 2])
def test_nan_and_infinity_in_a_cube(refused_track, tmp_path, bad, frame):
    values = cubes(kind=np.float32)
    values[frame, 10:14, 10:14, 3] = bad
    np.save(tmp_path / "cubes.npy", values)
    message = refused_track(tmp_path / "cubes.npy", "--axes", "thwb", "--box", "8,8,8,8")
    assert "expected finite values" in message
    assert f"(frame {frame} of " in message


def test_truth_shorter_than_the_video(refused_track, clip):
    (clip / "HSI" / "groundtruth_rect.txt").write_text("10\t10\t8\t8\n11\t10\t8\t8\n")
    message = refused_track(clip)
    assert "each of the 3 frames" in message
    assert "found 2 rows" in message


def test_unknown_recipe_key(refused, tmp_path):
    (tmp_path / "mine.toml").write_text("[optimiser]\nlearning_rat = 0.1\n")
    message = refused("train", tmp_path / "mine.toml", "--out", tmp_path / "run", out=tmp_path / "run")
    assert "'optimiser.learning_rat'" in message
    assert "did you mean 'learning_rate'?" in message


def test_unknown_setting_of_a_recipe(refused, tmp_path):
    message = refused("train", "siamban-compact", "--set", "pears=10", "--out", tmp_path / "run", out=tmp_path / "run")
    assert "did you mean 'pairs'?" in message


def test_results_folder_that_is_taken(refused, clip, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("years of work")
    for words in ([], ["--overwrite"]):
        assert "thesis.tex" in refused("track", clip, "--out", tmp_path / "mine", *words)
    assert (tmp_path / "mine" / "thesis.tex").read_text() == "years of work"


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("--tracker", "siambam"), "did you mean 'siamban'?"),
        (("--profile", "huge"), "compact or full"),
        (("--precision", "fp16"), "fp32"),
        (("--device", "abacus"), "cpu"),
        (("--weights", "siamban-compat"), "did you mean 'siamban-compact'?"),
        (("--set", "size_rat=0.2"), "size_rate"),
        (("--set", "size_rate"), "key=value"),
        (("--set", "device=cpu"), "write --device instead"),
        (("--set", "size_rate=fast"), "size_rate"),
        (("--protocol", "hott"), "did you mean 'hot'?"),
        (("--format", "hotcc"), "did you mean 'hotc'?"),
        (("--sensor", "vis17"), "did you mean 'vis16'?"),
    ],
)
def test_wrong_words(refused_track, clip, words, hint):
    assert hint in refused_track(clip, *words)


def test_interruption_while_tracking(clip, tmp_path, monkeypatch, capsys):
    from spectrack.methods.siamban.tracker import SiamBANTracker

    def interrupt(self, frame):
        raise KeyboardInterrupt

    monkeypatch.setattr(SiamBANTracker, "update", interrupt)
    assert main(["track", str(clip), "--out", str(tmp_path / "deep" / "out")]) == 130
    assert capsys.readouterr().err.startswith("spectrack: interrupted")
    assert not (tmp_path / "deep").exists()


def test_disk_full_while_writing(clip, tmp_path, monkeypatch, capsys):
    def full(*_, **__):
        raise OSError(28, "No space left on device", str(tmp_path / "out" / "overlay.mp4"))

    monkeypatch.setattr("spectrack.reports.overlay._encode", full)
    assert main(["track", str(clip), "--out", str(tmp_path / "out"), "--overlay"]) == 2
    message = capsys.readouterr().err.strip()
    assert "No space left on device" in message
    assert "\n" not in message
    assert not (tmp_path / "out").exists()
    assert not [entry.name for entry in tmp_path.iterdir() if entry.name.startswith(".")]


def test_disk_full_while_overwriting_keeps_the_old_results(clip, tmp_path, monkeypatch, capsys):
    words = ["track", str(clip), "--out", str(tmp_path / "out")]
    assert main(words) == 0
    before = {file.name: file.read_bytes() for file in (tmp_path / "out").iterdir()}

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("spectrack.reports.overlay._encode", full)
    assert main([*words, "--overlay", "--overwrite"]) == 2
    assert {file.name: file.read_bytes() for file in (tmp_path / "out").iterdir()} == before
    capsys.readouterr()


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_killed_simulation_leaves_nothing(tmp_path, number):
    out = tmp_path / "clips" / "long"
    words = [sys.executable, "-m", "spectrack", "simulate", "--scenario", "calm", "--frames", "5000", "--out", str(out)]

    def listen() -> None:
        # Tests that a shell runs in the background inherit a deaf ear for Ctrl-C.
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    process = subprocess.Popen(words, cwd=ROOT, stderr=subprocess.PIPE, text=True, preexec_fn=listen)
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob("clips/long/.spectrack-*/HSI/*.png")):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(number)
    _, message = process.communicate(timeout=120)
    assert process.returncode == 130
    assert message.startswith("spectrack: interrupted")
    assert "Traceback" not in message
    assert not (tmp_path / "clips").exists()


@pytest.mark.skipif(
    os.name == "nt" or os.geteuid() == 0, reason="needs a place that cannot be written, which root has not"
)
def test_unwritable_place(clip, tmp_path, capsys):
    (tmp_path / "locked").mkdir(mode=0o500)
    assert main(["track", str(clip), "--out", str(tmp_path / "locked" / "out")]) == 2
    assert "Permission denied" in capsys.readouterr().err


def test_a_file_where_a_folder_must_be_made(clip, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["track", str(clip), "--out", str(tmp_path / "file" / "out")]) == 2
    message = capsys.readouterr().err.strip()
    assert message.startswith("spectrack: expected a folder for the results, found the file ")
    assert message.endswith("/file; name another folder")
