"""Foreign files on the command line: results scored and written as something else, first boxes from other programs."""

import json

import numpy as np
import pytest

import spectrack
from spectrack.cli import main
from spectrack.files import MANIFEST
from spectrack.sequences import MemorySequence

BOXES = np.array([[10.0, 5, 10, 8], [11, 5, 10, 8], [12, 5, 10, 8]])
CVAT = """<annotations><meta><task><original_size><width>200</width><height>120</height></original_size></task></meta>
<track id="0" label="car"><box frame="0" outside="0" xtl="40" ytl="20" xbr="80" ybr="52"/></track>
<track id="1" label="bus"><box frame="0" outside="0" xtl="4" ytl="8" xbr="24" ybr="20"/></track></annotations>"""


@pytest.fixture
def run(capsys):
    def go(*words):
        assert main([str(word) for word in words]) == 0
        printed = capsys.readouterr()
        assert printed.err == ""
        return printed.out

    return go


@pytest.fixture
def places(tmp_path):
    """Truth of two sequences, and perfect results under other names that start half a pixel away."""
    for name, result in (("pedestrain", "vis-pedestrian"), ("ball&mirror9", "vis-ball_mirror9")):
        spectrack.write_boxes(tmp_path / "truth" / name / "HSI" / "groundtruth_rect.txt", BOXES)
        spectrack.write_boxes(
            tmp_path / "results" / f"{result}_001.txt", BOXES + np.array([[0.5, 0.5, 0, 0], [0] * 4, [0] * 4])
        )
    return tmp_path / "results", tmp_path / "truth"


def test_mapped_names_and_half_pixels_are_told(run, places):
    results, truth = places
    printed = " ".join(run("evaluate", "--results", results, "--truth", truth).split())
    assert "2 of 2 results go by another name than their sequence" in printed
    assert (
        "vis-ball_mirror9_001 ball&mirror9 (added _001 or _det, other punctuation or capitals, modality left out)"
        in printed
    )
    assert "vis-pedestrian_001 pedestrain (added _001 or _det, other spelling, modality left out)" in printed
    assert "note: 2 of 2 results start +0.5 px in x and y beside the truth" in printed
    written = json.loads((results / "scores-hot.json").read_text())
    assert written["results"]["dialect"] == "text"
    assert [item["sequence"] for item in written["results"]["mapped"]] == [
        "ball&mirror9",
        "pedestrain",
    ]
    assert len(written["results"]["notes"]) == 1
    assert spectrack.Scores.from_json(written).auc == written["sequence_mean"]["auc"] < 1


def test_equal_names_are_not_worth_a_word(run, command_refuses, places):
    _, truth = places
    words = ["evaluate", "--results", truth, "--truth", truth, "--out", truth.parent / "scores.json"]
    command_refuses(words, "truth")  # truth folders are no results
    spectrack.write_boxes(truth.parent / "same" / "pedestrain.txt", BOXES)
    spectrack.write_boxes(truth.parent / "same" / "ball&mirror9.txt", BOXES)
    printed = run("evaluate", "--results", truth.parent / "same", "--truth", truth)
    assert printed.startswith("hot: AUC")
    assert "note" not in printed


def test_results_are_written_under_the_names_of_the_truth(run, places, tmp_path):
    results, truth = places
    printed = run(
        "evaluate", "--results", results, "--truth", truth, "--write-as", "got10k", "--write-to", tmp_path / "got"
    )
    assert "2 results written to" in printed
    assert sorted(path.name for path in (tmp_path / "got").iterdir()) == [
        "ball&mirror9",
        "pedestrain",
        MANIFEST,
    ]
    printed = run("evaluate", "--results", tmp_path / "got", "--truth", truth, "--out", tmp_path / "s.json")
    assert "another name" not in printed


def test_a_submission_needs_no_truth(run, places, tmp_path):
    results, _ = places
    (tmp_path / "sample.csv").write_text("ID,x,y,width,height\nvis-pedestrian_2,0,0,0,0\nvis-ball&mirror9_1,0,0,0,0\n")
    words = ("--write-as", "hotc2026", "--write-to", tmp_path / "submission.csv", "--sample", tmp_path / "sample.csv")
    run("evaluate", "--results", results, *words)
    lines = (tmp_path / "submission.csv").read_text().splitlines()
    assert lines == ["ID,x,y,width,height", "vis-pedestrian_2,11,5,10,8", "vis-ball&mirror9_1,10.5,5.5,10,8"]
    assert not (results / "scores-hot.json").exists()


def test_boxes_that_count_from_one(run, places, tmp_path):
    _, truth = places
    for name in ("pedestrain", "ball&mirror9"):
        spectrack.write_boxes(tmp_path / "matlab" / f"{name}.txt", BOXES + np.array([1, 1, 0, 0]))
    printed = run("evaluate", "--results", tmp_path / "matlab", "--truth", truth)
    assert "start +1 px" in printed
    assert "--origin 1 undoes it" in printed
    printed = run(
        "evaluate", "--results", tmp_path / "matlab", "--truth", truth, "--origin", "1", "--out", tmp_path / "one.json"
    )
    assert "note" not in printed
    assert json.loads((tmp_path / "one.json").read_text())["sequence_mean"]["auc"] == 1.0


@pytest.mark.parametrize(
    ("words", "facts"),
    [
        ([], ("--truth", "--write-as")),
        (["--write-as", "otb"], ("--write-to", "--write-as")),
        (["--truth", "TRUTH", "--write-to", "OUT"], ("--write-as", "--write-to")),
        (["--write-as", "ott", "--write-to", "OUT"], ("'ott'", "did you mean 'otb'")),
        (["--write-as", "otb", "--write-to", "OUT", "--sample", "x"], ("--write-as hotc2026", "--sample", "otb")),
        (["--truth", "TRUTH", "--write-as", "coco", "--write-to", "TRUTH"], ("truth",)),
        (["--truth", "TRUTH", "--write-as", "otb", "--write-to", "TRUTH"], ("truth",)),
    ],
)
def test_options_that_lack_one_another(command_refuses, places, tmp_path, words, facts):
    results, truth = places
    words = [{"TRUTH": truth, "OUT": tmp_path / "out"}.get(word, word) for word in words]
    command_refuses(["evaluate", "--results", results, *words], facts)


@pytest.fixture
def clip(tmp_path):
    cubes = np.random.default_rng(0).integers(50, 900, (2, 30, 50, 16)).astype(np.uint16)
    folder = tmp_path / "clip"
    spectrack.write_sequence(MemorySequence(cubes, sensor="vis16"), folder, format="hotc")
    (tmp_path / "cvat.xml").write_text(CVAT)
    return folder


@pytest.mark.usefixtures("with_random_weights")
def test_a_box_drawn_on_the_mosaic(run, clip, tmp_path):
    run(
        "track",
        clip,
        "--box-from",
        tmp_path / "cvat.xml",
        "--box-track",
        "car",
        "--box-drawn-on",
        "mosaic",
        "--out",
        tmp_path / "out",
    )
    assert (tmp_path / "out" / "boxes.txt").read_text().startswith("10,5,10,8\n")
    settings = json.loads((tmp_path / "out" / "summary.json").read_text())["settings"]
    assert (settings["box_drawn_on"], settings["box_track"]) == ("mosaic", "car")


@pytest.mark.parametrize(
    ("words", "facts"),
    [
        (["--box-from", "CVAT"], ("frame 0", "cvat.xml", "(0 car, 1 bus)", "--box-track")),
        (["--box-from", "CVAT", "--box-track", "0"], ("50 x 30", "200 x 120", "cvat.xml", "--box-drawn-on")),
        (["--box-from", "CVAT", "--box-track", "0", "--box-drawn-on", "cubes"], ("cube", "mosaic", "rgb", "'cubes'")),
        (["--box", "1,2,3,4", "--box-track", "0"], ("--box-from", "--box-track", "--box-drawn-on")),
        (["--box-drawn-on", "mosaic"], "--box-from"),
        (["--box-from", "nowhere.json"], "nowhere.json"),
    ],
)
def test_first_boxes_that_are_refused(command_refuses, clip, tmp_path, words, facts):
    words = [tmp_path / "cvat.xml" if word == "CVAT" else word for word in words]
    command_refuses(["track", clip, *words, "--out", tmp_path / "out"], facts)


def test_a_mosaic_needs_a_camera(command_refuses, tmp_path):
    np.save(tmp_path / "cubes.npy", np.ones((2, 30, 50, 16), np.uint16))
    (tmp_path / "box.txt").write_text("40,20,40,32\n")
    words = (
        "--axes",
        "thwb",
        "--box-from",
        tmp_path / "box.txt",
        "--box-drawn-on",
        "mosaic",
        "--out",
        tmp_path / "out",
    )
    command_refuses(["track", tmp_path / "cubes.npy", *words], "block", "camera")
