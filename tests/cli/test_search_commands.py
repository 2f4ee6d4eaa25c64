"""Finding things by their spectrum from the command line: where tracks start, and every wrong input in a sentence."""

import json

import cv2
import numpy as np
import pytest

import spectrack
from spectrack.boxes import iou
from spectrack.cli import main
from spectrack.files import MANIFEST
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
    assert "in frame 1 at 4" in printed
    assert "before have no box" in printed
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


def rows_of(folder):
    header, *rows = (folder / "regions.csv").read_text().splitlines()
    assert header == "frame,rank,x,y,w,h,score,area"
    return [[float(cell) for cell in row.split(",")] for row in rows]


def test_detect_writes_ranked_regions_and_a_picture(run, clip, paint, tmp_path):
    printed = run("detect", clip, "--spectrum", paint, "--out", tmp_path / "out")
    assert "3 frames for paint" in printed
    assert "2 regions in 2 of 3 frames" in printed
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"regions.csv", "map.png", "summary.json", MANIFEST}
    rows = rows_of(tmp_path / "out")
    assert [row[:2] for row in rows] == [[1, 1], [2, 1]]
    assert (iou(np.array(rows)[:, 2:6], np.array([BOX, BOX], float)) > 0.7).all()
    assert all(0.5 <= row[6] <= 1 and 60 < row[7] < 200 for row in rows)
    picture = cv2.imread(str(tmp_path / "out" / "map.png"))
    assert picture.shape[1] > 2 * picture.shape[0]
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["shown_frame"] in (1, 2)
    assert summary["searched_for"] == "paint"
    assert summary["settings"] | {"spectrum": str(paint), "top": 10, "command": "detect"} == summary["settings"]


def test_detect_is_the_same_twice_and_replaces_only_its_own(run, command_refuses, clip, paint, tmp_path):
    words = ["detect", clip, "--spectrum", paint, "--out"]
    run(*words, tmp_path / "a")
    run(*words, tmp_path / "b")
    for name in ("regions.csv", "map.png"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    command_refuses([*words, tmp_path / "a"], "new or empty folder", "--overwrite")
    run(*words, tmp_path / "a", "--overwrite", "--frames", "1")
    assert len(rows_of(tmp_path / "a")) == 1
    (tmp_path / "a" / "regions.csv").write_text("mine")
    command_refuses([*words, tmp_path / "a", "--overwrite"], "changed since")
    command_refuses([*words, clip], clip)
    command_refuses([*words, tmp_path], "new or empty folder")


def test_detect_by_point_in_some_frames(run, clip, tmp_path):
    point = f"{BOX[0] + 5},{BOX[1] + 4}"
    sequence = MemorySequence([frame(seed) for seed in range(5)])
    np.save(tmp_path / "cubes.npy", np.stack(list(sequence)))
    words = ("detect", tmp_path / "cubes.npy", "--axes", "thwb", "--point", point)
    printed = run(*words, "--frames", "0:5:2", "--out", tmp_path / "out")
    assert f"3 frames for what is like {point}" in printed
    assert [row[0] for row in rows_of(tmp_path / "out") if row[1] == 1] == [0, 2, 4]


def test_detect_what_is_rare(run, clip, tmp_path):
    run("detect", clip, "--anomaly", "--top", 2, "--out", tmp_path / "out")
    rows = rows_of(tmp_path / "out")
    assert [row[:2] for row in rows] == [[0, 1], [0, 2], [1, 1], [1, 2], [2, 1], [2, 2]]
    assert rows[2][6] > rows[3][6]


def test_detect_finds_nothing_and_says_so(run, clip, paint, tmp_path):
    printed = run("detect", clip, "--spectrum", paint, "--frames", "0", "--out", tmp_path / "out")
    assert "0 regions in 0 of 1 frame\n" in printed
    assert "lower --least" in printed
    assert rows_of(tmp_path / "out") == []


def test_detect_refuses_what_makes_no_search(command_refuses, clip, paint, tmp_path):
    words = ["detect", clip, "--out", tmp_path / "out"]
    command_refuses(words, "--spectrum, --point, --anomaly", "none")
    command_refuses([*words, "--spectrum", paint, "--anomaly"], "--spectrum and --anomaly")
    for frames in ("3", "2:1", "a", "0:3:0", "-1", "0:1:1:1", ""):
        command_refuses([*words, "--anomaly", f"--frames={frames}"], "among the 3 of", repr(frames))
    command_refuses([*words, "--anomaly", "--top", "0"], "--top 0")
    command_refuses([*words, "--anomaly", "--least", "2"], "found 2")
    command_refuses([*words, "--point", "5,60"], "80 x 60")
