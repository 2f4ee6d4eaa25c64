"""Finding things by their spectrum from the command line: where tracks start, and every wrong input in a sentence."""

import json

import cv2
import numpy as np
import pytest

import spectrack
from spectrack.boxes import iou
from spectrack.cli import main
from spectrack.sequences import MemorySequence
from tests.evidence.test_finding import CENTRES, WIDE
from tests.evidence.test_search import BOX, frame, lamp


@pytest.fixture
def run(capsys):
    """Run the command line; gives what it printed."""

    def go(*words):
        status = main([str(word) for word in words])
        printed = capsys.readouterr()
        assert status == 0, printed.err
        return printed.out

    return go


@pytest.fixture
def clip(tmp_path):
    """The paint comes in frame 1 of three."""
    frames = [frame(0, box=None, light=lamp()), frame(1, light=lamp()), frame(2, light=lamp())]
    truth = [BOX, BOX, BOX]
    sequence = MemorySequence(frames, name="yard", wavelengths_nm=CENTRES, truth=truth)
    return spectrack.write_sequence(sequence, tmp_path / "yard", format="npy")


@pytest.fixture
def paint(tmp_path):
    path = tmp_path / "paint.csv"
    rows = zip(WIDE.wavelengths_nm / 1000, WIDE.values, strict=True)
    path.write_text("wavelength (um),reflectance\n" + "".join(f"{w:.5f},{value:.6f}\n" for w, value in rows))
    return path


def test_track_starts_on_a_material(run, clip, paint, tmp_path):
    printed = run("track", clip, "--spectrum", paint, "--tracker", "cf", "--out", tmp_path / "out", "--overlay")
    assert "in frame 1" in printed
    boxes = spectrack.read_boxes(tmp_path / "out" / "boxes.txt")
    assert not boxes[0].any()
    assert (iou(boxes[1:], np.array([BOX, BOX], float)) > 0.7).all()
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["first_frame"] == 1
    assert summary["settings"] | {"spectrum": str(paint), "light": "scene", "least": 0.5} == summary["settings"]


def test_track_starts_on_a_point(run, tmp_path):
    np.save(tmp_path / "cubes.npy", np.stack([frame(1), frame(2)]))  # no wavelengths are needed
    words = ("track", tmp_path / "cubes.npy", "--axes", "thwb", "--tracker", "cf")
    run(*words, "--point", f"{BOX[0] + 5},{BOX[1] + 4}", "--out", tmp_path / "out")
    boxes = spectrack.read_boxes(tmp_path / "out" / "boxes.txt")
    assert (iou(boxes, np.array([BOX, BOX], float)) > 0.7).all()


def test_track_refuses_what_it_cannot_start_on(command_refuses, clip, paint, tmp_path):
    words = ["track", clip, "--tracker", "cf", "--out", tmp_path / "out"]
    command_refuses([*words, "--spectrum", paint, "--least", "0.99"], "at least 0.99", "paint", "--least")
    command_refuses([*words, "--spectrum", paint, "--box", "1,2,9,9"], "both")
    command_refuses([*words, "--spectrum", paint, "--point", "1,2"], "both")
    command_refuses([*words, "--spectrum-column", "2"], "--spectrum")
    command_refuses([*words, "--spectrum", paint, "--spectrum-column", "3"], "'3'")
    command_refuses([*words, "--spectrum", tmp_path / "none.csv"], tmp_path / "none.csv")
    command_refuses([*words, "--spectrum", paint, "--light", "sun"], "'sun'")
    command_refuses([*words, "--point", "80,5"], "80 x 60", "80,5")
    command_refuses([*words, "--point", "10,50"], "10,50", "--least")
    for point in ("5", "a,b", "nan,1"):
        command_refuses([*words, "--point", point], repr(point))
    command_refuses([*words[:-1], tmp_path, "--spectrum", paint], "new or empty folder")


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("", ("empty file",)),
        ("40,1\n70,2\n", ("40 to 70", "nm or um")),
        ("nm,R\n450,1\n600,nan\n", ("no number in line 3",)),
        ("nm,R\n450,1\n600,-1\n", ("a negative value in line 3",)),
        ("nm,R\n1500,1\n2600,2\n", ("1500 to 2600 nm", "450 to 600 nm")),
    ],
)
def test_wrong_spectra(command_refuses, clip, tmp_path, text, facts):
    (tmp_path / "wrong.csv").write_text(text)
    command_refuses(["track", clip, "--spectrum", tmp_path / "wrong.csv", "--out", tmp_path / "out"], *facts)


def test_videos_that_no_spectrum_can_be_found_in(command_refuses, paint, tmp_path):
    np.save(tmp_path / "cubes.npy", np.stack([frame(0)] * 2))
    words = ["--spectrum", paint, "--out", tmp_path / "out"]
    command_refuses(["track", tmp_path / "cubes.npy", "--axes", "thwb", *words], "wavelengths_nm", "--point")
    (tmp_path / "img").mkdir()
    for name in ("1.png", "2.png"):
        cv2.imwrite(str(tmp_path / "img" / name), np.full((48, 64, 3), 90, np.uint8))
    command_refuses(["track", tmp_path / "img", *words], "at least 4 bands", "found 3")
