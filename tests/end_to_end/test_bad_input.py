"""Bad input through the real command line: one readable sentence, exit status 2, no traceback, nothing half-written."""

import os
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
def refuses_track(command_refuses, tmp_path):
    """`command_refuses` for ``spectrack track SEQUENCE ... --out``; takes the words, and the facts by name."""
    return lambda *words, facts: command_refuses(["track", *words, "--out", tmp_path / "out"], facts)


def test_box_outside_the_frame(refuses_track, clip):
    refuses_track(clip, "--box", "500,20,10,10", facts=("96 x 64", "(500, 20, 10, 10)"))


@pytest.mark.parametrize("box", [(10, 10, 0, 5), (10, 10, 5, -3), (-4, -4, 2, 2)])
def test_box_without_area_in_the_frame(refuses_track, clip, box):
    refuses_track(clip, "--box", ",".join(map(str, box)), facts=str(box))


@pytest.mark.parametrize("box", ["10,10,5", "ten,10,5,5", "nan,1,2,3", ""])
def test_box_that_is_not_four_numbers(refuses_track, clip, box):
    refuses_track(clip, "--box", box, facts="box")


def test_two_boxes(refuses_track, clip, tmp_path):
    (tmp_path / "box.txt").write_text("1,2,3,4\n")
    refuses_track(clip, "--box", "1,2,3,4", "--box-from", tmp_path / "box.txt", facts=("--box", "--box-from"))


def test_no_box_at_all(refuses_track, tmp_path):
    np.save(tmp_path / "cubes.npy", cubes())
    refuses_track(tmp_path / "cubes.npy", "--axes", "thwb", facts="--box x,y,w,h")


def test_empty_folder(refuses_track, tmp_path):
    (tmp_path / "empty").mkdir()
    refuses_track(tmp_path / "empty", "--box", "1,2,3,4", facts=tmp_path / "empty")


def test_no_such_folder(refuses_track, tmp_path):
    refuses_track(tmp_path / "nowhere", "--box", "1,2,3,4", facts=tmp_path / "nowhere")


def test_mixed_frame_sizes(refuses_track, clip):
    small = np.zeros((64, 64), np.uint16)
    cv2.imwrite(str(clip / "HSI" / "0002.png"), small)
    refuses_track(clip, "--sensor", "vis16", facts=("0002.png", "64 x 64"))


def test_truncated_png(refuses_track, clip):
    file = clip / "HSI" / "0003.png"
    file.write_bytes(file.read_bytes()[:2000])
    refuses_track(clip, facts=("0003.png", "2000 bytes"))


def test_8_bit_file_where_a_mosaic_is_expected(refuses_track, clip):
    cv2.imwrite(str(clip / "HSI" / "0001.png"), np.zeros((256, 384), np.uint8))
    refuses_track(clip, facts=("16-bit", "0001.png"))


def test_colour_file_where_a_mosaic_is_expected(refuses_track, clip):
    cv2.imwrite(str(clip / "HSI" / "0001.png"), np.zeros((256, 384, 3), np.uint16))
    refuses_track(clip, facts=("0001.png", "3 channels"))


def test_size_not_divisible_by_the_mosaic_block(refuses_track, tmp_path):
    folder = tmp_path / "clip" / "HSI"
    folder.mkdir(parents=True)
    for name in ("0001.png", "0002.png"):
        cv2.imwrite(str(folder / name), np.full((62, 97), 300, np.uint16))
    refuses_track(folder, "--sensor", "vis16", "--box", "1,2,6,6", facts=("block 4", "97 x 62"))


def test_band_count_that_the_weights_refuse(refuses_track, random_weights, tmp_path):
    from spectrack.weights.files import read_weights, save_weights

    state, metadata = read_weights(random_weights / "siamban-compact.safetensors")
    save_weights(tmp_path / "for25.safetensors", state, metadata.to_mapping() | {"bands": 25})
    np.save(tmp_path / "cubes.npy", cubes())
    words = ("--axes", "thwb", "--box", "8,8,8,8", "--weights", tmp_path / "for25.safetensors")
    refuses_track(tmp_path / "cubes.npy", *words, facts=("25 bands", "16"))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("frame", [0, 2])
def test_nan_and_infinity_in_a_cube(refuses_track, tmp_path, bad, frame):
    values = cubes(kind=np.float32)
    values[frame, 10:14, 10:14, 3] = bad
    np.save(tmp_path / "cubes.npy", values)
    words = ("--axes", "thwb", "--box", "8,8,8,8")
    refuses_track(tmp_path / "cubes.npy", *words, facts=("16 NaN", f"frame {frame} of"))


def test_named_truth_shorter_than_the_video(refuses_track, clip, tmp_path):
    (tmp_path / "short.txt").write_text("10\t10\t8\t8\n11\t10\t8\t8\n")
    refuses_track(clip, "--truth", tmp_path / "short.txt", facts=("3 frames", "2 rows", "short.txt"))


def test_unknown_recipe_key(command_refuses, tmp_path):
    (tmp_path / "mine.toml").write_text("[optimiser]\nlearning_rat = 0.1\n")
    words = ["train", tmp_path / "mine.toml", "--out", tmp_path / "run"]
    command_refuses(words, "'optimiser.learning_rat'", "did you mean 'learning_rate'")


def test_unknown_setting_of_a_recipe(command_refuses, tmp_path):
    words = ["train", "siamban-compact", "--set", "pears=10", "--out", tmp_path / "run"]
    command_refuses(words, "'pears'", "did you mean 'pairs'")


def test_results_folder_that_is_taken(command_refuses, clip, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("years of work")
    for words in ([], ["--overwrite"]):
        command_refuses(["track", clip, "--out", tmp_path / "mine", *words], "'thesis.tex'", tmp_path / "mine")


@pytest.mark.parametrize(
    ("words", "facts"),
    [
        (("--tracker", "siambam"), ("'siambam'", "did you mean 'siamban'")),
        (("--profile", "huge"), ("'huge'", "compact", "full")),
        (("--precision", "fp16"), ("'fp16'", "fp32")),
        (("--device", "abacus"), ("'abacus'", "cpu")),
        (("--weights", "siamban-compat"), ("'siamban-compat'", "did you mean 'siamban-compact'")),
        (("--set", "size_rat=0.2"), ("'size_rat'", "did you mean 'size_rate'")),
        (("--set", "size_rate"), ("'size_rate'", "key=value")),
        (("--set", "device=cpu"), ("'device'", "--device")),
        (("--set", "size_rate=fast"), ("size_rate", "'fast'")),
        (("--protocol", "hott"), ("'hott'", "did you mean 'hot'")),
        (("--format", "hotcc"), ("'hotcc'", "did you mean 'hotc'")),
        (("--sensor", "vis17"), ("'vis17'", "did you mean 'vis16'")),
    ],
)
def test_wrong_words(refuses_track, clip, words, facts):
    refuses_track(clip, *words, facts=facts)


def test_interruption_while_tracking(clip, tmp_path, monkeypatch, capsys):
    from spectrack.methods.siamban.tracker import SiamBANTracker

    def interrupt(self, frame):
        raise KeyboardInterrupt

    monkeypatch.setattr(SiamBANTracker, "update", interrupt)
    assert main(["track", str(clip), "--out", str(tmp_path / "deep" / "out")]) == 130
    assert capsys.readouterr().err.startswith("spectrack: interrupted")
    assert not (tmp_path / "deep").exists()


@pytest.fixture
def full_disk(monkeypatch):
    """No overlay can be written any more."""

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("spectrack.reports.overlay.encode_video", full)


@pytest.mark.usefixtures("full_disk")
def test_disk_full_while_writing(refuses_track, clip):
    refuses_track(clip, "--overlay", facts="No space left on device")


def test_disk_full_while_overwriting_keeps_the_old_results(refuses_track, clip, tmp_path, request):
    assert main(["track", str(clip), "--out", str(tmp_path / "out")]) == 0
    request.getfixturevalue("full_disk")
    refuses_track(clip, "--overlay", "--overwrite", facts="No space left on device")


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)])
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
def test_unwritable_place(command_refuses, clip, tmp_path):
    (tmp_path / "locked").mkdir(mode=0o500)
    command_refuses(["track", clip, "--out", tmp_path / "locked" / "out"], "Permission denied", tmp_path / "locked")


def test_a_file_where_a_folder_must_be_made(command_refuses, clip, tmp_path):
    (tmp_path / "file").write_text("")
    command_refuses(["track", clip, "--out", tmp_path / "file" / "out"], tmp_path / "file")


@pytest.mark.parametrize("row", ["0.3 0.4 0.2 0.2", "0.3 0.4 0.5 0.4 0.5 0.6 0.3 0.6"])
def test_a_first_box_in_fractions_is_no_box_of_a_third_of_a_pixel(refuses_track, clip, tmp_path, row):
    (tmp_path / "box.txt").write_text(row + "\n")
    refuses_track(clip, "--box-from", tmp_path / "box.txt", facts=("(0.3, 0.4, 0.2, 0.2)", "96 x 64"))


@pytest.mark.skipif(os.name == "nt", reason="symbolic links")
@pytest.mark.parametrize(
    "words",
    [
        ["track", "LOOP", "--box", "1,2,3,4"],
        ["track", "CLIP", "--truth", "LOOP"],
        ["track", "CLIP", "--weights", "LOOP"],
        ["report", "LOOP"],
        ["evaluate", "--results", "LOOP", "--truth", "LOOP"],
        ["data", "check", "LOOP"],
        ["data", "convert", "CLIP", "--out", "LOOP"],
    ],
    ids=lambda words: "-".join(words[:2]),
)
def test_a_loop_of_links(command_refuses, clip, tmp_path, words):
    (tmp_path / "loop").symlink_to(tmp_path / "other")
    (tmp_path / "other").symlink_to(tmp_path / "loop")
    out = [] if "--out" in words or words[0] in ("evaluate", "data") else ["--out", tmp_path / "out"]
    for place in (tmp_path / "loop", tmp_path / "loop" / "x"):
        given = [word.replace("LOOP", str(place)).replace("CLIP", str(clip)) for word in words]
        command_refuses([*given, *out], f"{tmp_path}/loop")


@pytest.mark.parametrize("tracker", ["siamban", "cf"])
def test_a_box_of_another_scale(refuses_track, clip, tracker):
    for box in ("0,0,1e9,1e9", "10,10,1,1e5", "0,0,1e300,5"):
        refuses_track(clip, "--tracker", tracker, "--box", box, facts=("96 x 64", "cube pixels"))
