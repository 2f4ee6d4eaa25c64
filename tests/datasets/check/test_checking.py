"""The check finds each planted defect and reports none in a clean tree, which the simulator and the writers made."""

import json
import os
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from spectrack.datasets.check.checking import check_data
from spectrack.datasets.check.duplicates import SequenceFingerprint, find_duplicates
from spectrack.datasets.check.findings import CheckReport, Finding, ranges, sorted_findings
from spectrack.datasets.check.frame_checks import chosen_frames, png_fault
from spectrack.datasets.dataset import SequenceKey
from spectrack.errors import ConfigError, SequenceNotFoundError
from spectrack.sequences.memory import MemorySequence
from spectrack.sequences.writers import write_sequence
from tests.fixtures.refusals import check_sentence, refuses

SHARED = Path(os.environ.get("SPECTRACK_SHARED", Path(__file__).resolve().parents[2].parent / "shared"))
KANGAROO = SHARED / "data" / "hotc_kangaroo"
FRAMES = 5

ANT = "training/HSI-VIS/ant"
ANT_TRUTH = "training/HSI-VIS-FalseColor/ant/groundtruth_rect.txt"
DOE = "validation/HSI-RedNIR/doe"
FOX = "test/fox"


def rows(path, change):
    lines = path.read_text().splitlines()
    path.write_text("\n".join(change(lines)) + "\n")


def replace_row(number, row):
    return lambda lines: [*lines[:number], row, *lines[number + 1 :]]


def repaint(path, change):
    image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    cv2.imwrite(str(path), change(image))


def light(image):
    image[3::4, 3::4] = 9
    return image


def flip_byte(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 255
    path.write_bytes(bytes(data))


DEFECTS = {
    "a missing frame": (lambda t: (t / ANT / "0003.png").unlink(), "missing-frames", "ant", "1 missing: 3"),
    "a missing first frame": (lambda t: (t / ANT / "0001.png").unlink(), "truth-length", "ant", "each of the 4 frames"),
    "a missing stream": (lambda t: shutil.rmtree(t / ANT), "missing-frames", "ant", "expected the stream HSI of ant"),
    "annotations without frames": (
        lambda t: (shutil.rmtree(t / ANT), [file.unlink() for file in (t / ANT_TRUTH).parent.glob("*.jpg")]),
        "missing-frames",
        "ant",
        "expected the stream HSI of ant",
    ),
    "a stranger": (
        lambda t: shutil.copy(t / ANT / "0003.png", t / ANT / "copy.png"),
        "extra-frames",
        "ant",
        "such as 'copy.png'",
    ),
    "another kind of file": (
        lambda t: shutil.copy(t / ANT_TRUTH.replace("groundtruth_rect.txt", "0001.jpg"), t / ANT / "0006.jpg"),
        "extra-frames",
        "ant",
        "such as '0006.jpg'",
    ),
    "a doubled frame": (
        lambda t: shutil.copy(t / ANT / "0003.png", t / ANT / "3.png"),
        "extra-frames",
        "ant",
        "several of number 3",
    ),
    "truth too short": (lambda t: rows(t / ANT_TRUTH, lambda lines: lines[:-1]), "truth-length", "ant", "found 4 rows"),
    "truth too long": (
        lambda t: rows(t / ANT_TRUTH, lambda lines: [*lines, lines[-1]]),
        "truth-length",
        "ant",
        "found 6 rows",
    ),
    "a box outside": (
        lambda t: rows(t / ANT_TRUTH, replace_row(2, "400\t40\t10\t8")),
        "boxes-outside",
        "ant",
        "mostly outside in frames 3 ",
    ),
    "a box across the edge": (
        lambda t: rows(t / ANT_TRUTH, replace_row(1, "90 40 10 8")),
        "boxes-outside",
        "ant",
        "across the edge in frames 2 ",
    ),
    "boxes in mosaic pixels": (
        lambda t: rows(t / ANT_TRUTH, lambda lines: ["160 120 60 60"] * FRAMES),
        "boxes-outside",
        "ant",
        "boxes in mosaic pixels have to be divided",
    ),
    "a box without area": (
        lambda t: rows(t / ANT_TRUTH, replace_row(3, "4\t4\t0\t8")),
        "degenerate-boxes",
        "ant",
        "in frames 4;",
    ),
    "a row that is no box": (
        lambda t: rows(t / ANT_TRUTH, replace_row(3, "4\t4\tx\t8")),
        "unreadable-truth",
        "ant",
        "on line 4",
    ),
    "no truth": (lambda t: (t / ANT_TRUTH).unlink(), "no-truth", "ant", "found neither"),
    "another first box": (
        lambda t: (t / ANT_TRUTH).with_name("init_rect.txt").write_text("1 1 5 5\n"),
        "first-box",
        "ant",
        "found (1, 1, 5, 5)",
    ),
    "a file cut short": (
        lambda t: (t / ANT / "0004.png").write_bytes((t / ANT / "0004.png").read_bytes()[:-300]),
        "unreadable-frames",
        "ant",
        "frame 4: expected a complete image",
    ),
    "the first file cut short": (
        lambda t: (t / ANT / "0001.png").write_bytes(b"\x89PNG"),
        "unreadable-frames",
        "ant",
        "frame 1:",
    ),
    "an empty file": (lambda t: (t / ANT / "0002.png").write_bytes(b""), "unreadable-frames", "ant", "frame 2:"),
    "a flipped byte": (lambda t: flip_byte(t / ANT / "0002.png"), "unreadable-frames", "ant", "frame 2:"),
    "a side file that is no JSON": (
        lambda t: (t / FOX / "sequence.json").write_text("{"),
        "side-file",
        "fox",
        "expected JSON in",
    ),
    "a side file of another length": (
        lambda t: (t / FOX / "sequence.json").write_text('{"frames": 9, "frames_path": "HSI"}'),
        "side-file",
        "fox",
        "expected the 9 frames that",
    ),
    "a cut picture": (
        lambda t: (
            (t / ANT_TRUTH).with_name("0002.jpg").write_bytes((t / ANT_TRUTH).with_name("0002.jpg").read_bytes()[:-100])
        ),
        "unreadable-frames",
        "ant",
        "frame 2:",
    ),
    "8 bits": (
        lambda t: repaint(t / ANT / "0002.png", lambda i: (i >> 2).astype(np.uint8)),
        "bit-depth",
        "ant",
        "found uint8 with 1 channels",
    ),
    "8 bits everywhere": (
        lambda t: [repaint(t / ANT / f"000{n}.png", lambda i: (i >> 2).astype(np.uint8)) for n in range(1, 6)],
        "bit-depth",
        "ant",
        "5 frames (1-5)",
    ),
    "three channels": (
        lambda t: repaint(t / ANT / "0005.png", lambda i: np.dstack([i] * 3)),
        "bit-depth",
        "ant",
        "with 3 channels",
    ),
    "another size": (
        lambda t: repaint(t / ANT / "0005.png", lambda i: i[:-4]),
        "frame-size",
        "ant",
        "384 x 256 pixels in",
    ),
    "a part of a block": (
        lambda t: repaint(t / ANT / "0005.png", lambda i: i[:, :-1]),
        "frame-size",
        "ant",
        "383 x 256",
    ),
    "a blank frame": (
        lambda t: repaint(t / ANT / "0003.png", lambda i: i * 0),
        "blank-frames",
        "ant",
        "found 0 everywhere",
    ),
    "light in RedNIR's unused band": (
        lambda t: repaint(t / DOE / "0003.png", light),
        "unused-band",
        "doe",
        "frame 3: expected only zeros in band 16",
    ),
    "light there from the start": (
        lambda t: repaint(t / DOE / "0001.png", light),
        "unused-band",
        "doe",
        "frame 1: expected only zeros",
    ),
    "a longer RGB stream": (
        lambda t: (
            shutil.copy(t / FOX / "RGB/0005.jpg", t / FOX / "RGB/0006.jpg"),
            rows(t / FOX / "RGB/groundtruth_rect.txt", lambda x: [*x, x[-1]]),
        ),
        "stream-length",
        "fox",
        "expected the 5 frames of the cubes in",
    ),
    "fewer pictures": (lambda t: (t / ANT_TRUTH).with_name("0005.jpg").unlink(), "stream-length", "ant", "found 4"),
    "pictures with other boxes": (
        lambda t: rows(t / FOX / "HSI-FalseColor/groundtruth_rect.txt", replace_row(1, "5 5 9 9")),
        "truth-differs",
        "fox",
        "found others",
    ),
    "a copy in another split": (
        lambda t: [
            shutil.copytree(t / f"validation/{s}/cow", t / f"training/{s}/renamed")
            for s in ("HSI-VIS", "HSI-VIS-FalseColor")
        ],
        "duplicate",
        "cow",
        "the same first box and the same 5 frames",
    ),
    "a twin of the other camera in another split": (
        lambda t: [
            (t / f"training/{s}/ant").rename(t / f"training/{s}/doe") for s in ("HSI-VIS", "HSI-VIS-FalseColor")
        ],
        "twin",
        "HSI-RedNIR-doe",
        "the same scene seen by another camera",
    ),
    "the same first frame under another truth": (
        lambda t: (
            [
                shutil.copytree(t / f"validation/{s}/cow", t / f"training/{s}/renamed")
                for s in ("HSI-VIS", "HSI-VIS-FalseColor")
            ],
            rows(t / "training/HSI-VIS-FalseColor/renamed/groundtruth_rect.txt", replace_row(0, "7 7 9 9")),
        ),
        "duplicate",
        "cow",
        "the same first frame",
    ),
}


def test_a_clean_tree_has_no_findings(tree):
    seen = []
    report = check_data([tree], progress=lambda done, total, label: seen.append((done, total, label)))
    assert report.findings == ()
    assert report.is_clean
    assert (report.sequences, report.frames) == (5, FRAMES * 11)
    assert seen[-1][:2] == (55, 55)
    assert {label for _, _, label in seen} == {"ant", "bee", "cow", "doe", "fox"}


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_planted_defect_is_found(tree, defect):
    plant, code, sequence, words = DEFECTS[defect]
    plant(tree)
    report = check_data([tree])
    assert not report.is_clean
    found = [finding for finding in report.findings if finding.code == code and words in finding.text]
    assert [finding.sequence for finding in found] == [sequence], [
        (f.code, f.sequence, f.text) for f in report.findings
    ]
    assert found[0].severity in ("error", "warning")
    assert str(tree) in found[0].place
    assert {finding.sequence for finding in report.findings} == {sequence}  # and nobody else is blamed


def test_years_that_nest_are_found_between_roots(tree, tmp_path):
    old = tmp_path / "HOT2020" / "test"
    for name, stream in (("HSI", "HSI-VIS"), ("HSI-FalseColor", "HSI-VIS-FalseColor")):
        shutil.copytree(tree / "validation" / stream / "cow", old / "cattle" / name)
    report = check_data([tmp_path / "HOT2020", tree], frames="none")
    (finding,) = report.findings
    assert (finding.code, finding.severity, finding.sequence) == ("duplicate", "error", "cow")
    check_sentence(finding.text, "tree/validation", "HOT2020/test")
    assert report.roots == (tmp_path / "HOT2020", tree)


@pytest.mark.parametrize(("depth", "frames"), [("some", 55), ("none", 0)])
def test_fewer_frames_on_request(tree, depth, frames):
    assert check_data([tree], frames=depth).frames == frames
    assert chosen_frames(100, "some") == [0, 25, 50, 74, 99]
    assert chosen_frames(0, "all") == []


def test_frames_of_other_kinds_are_read_too(tmp_path, make):
    for kind in ("npy", "envi"):
        write_sequence([make.cube(i, 16) for i in range(3)], tmp_path / "data" / kind, format=kind)
        make.text(tmp_path / "data" / kind / "groundtruth_rect.txt", make.boxes(3 if kind == "npy" else 4))
    folder = tmp_path / "data" / "loose"
    folder.mkdir()
    for i in range(3):
        np.save(folder / f"{i + 1:04d}.npy", make.cube(i, 8).astype(np.float32))
    make.text(folder / "groundtruth_rect.txt", make.boxes(5))
    for i in range(3):
        for number in (1, 2, 3):
            make.image(
                tmp_path / "data" / "triplets" / f"{i:06d}_img{number}.jpg",
                make.interleave(make.cube(i, 16), 4).astype(np.uint8),
            )
    make.text(tmp_path / "data" / "triplets" / "groundtruth.txt", make.boxes(6))
    report = check_data([tmp_path / "data"])
    assert report.findings == ()
    assert report.frames == 12
    np.save(folder / "0002.npy", np.full((40, 40, 8), np.nan, np.float32))
    (folder / "0003.npy").write_bytes(b"\x93NUMPY")
    assert [finding.code for finding in check_data([tmp_path / "data"]).findings] == ["bad-values", "unreadable-frames"]


def test_boxes_of_hidden_objects_may_be_anywhere(tmp_path, make):
    for hidden in (True, False):
        video = MemorySequence(
            [make.cube(i, 16) for i in range(3)], truth=[(5, 5, 10, 10), (300, 300, 10, 10), (6, 5, 10, 10)]
        )
        video.visibility = np.array([1.0, 0.0 if hidden else 1.0, 1.0])
        write_sequence(video, tmp_path / str(hidden) / "clip")
        codes = [finding.code for finding in check_data([tmp_path / str(hidden)]).findings]
        assert codes == ([] if hidden else ["boxes-outside"])


def prints(*rows):
    made = []
    for split, modality, name, frames, box, digest in rows:
        key = SequenceKey("x", split, modality, name)
        made.append(SequenceFingerprint(name, key, split, f"/{split}/{name}", frames, box, digest))
    return made


def test_which_sequences_are_the_same():
    box, other = (1.0, 2.0, 3.0, 4.0), (5.0, 6.0, 7.0, 8.0)
    found = list(
        find_duplicates(
            prints(
                ("train", "HSI-VIS", "a", 10, box, "d1"),
                ("test", "HSI-VIS", "b", 12, box, "d2"),  # the same box, another length: a suspicion
                ("test", "HSI-NIR", "a", 10, box, "d3"),  # another camera and no twin of it
                ("train", "HSI-RedNIR", "c", 30, None, ""),
                ("train", "HSI-VIS", "c", 30, None, ""),  # twins in one split do no harm
                ("test", "HSI-VIS", "e", 7, other, "d4"),
                ("test", "HSI-VIS", "f", 7, other, "d5"),  # twice in one split
            )
        )
    )
    assert [(finding.code, finding.severity, finding.sequence) for finding in found] == [
        ("duplicate", "warning", "f"),
        ("duplicate", "warning", "b"),
    ]


def test_a_published_test_sequence_is_not_for_training():
    (finding,) = find_duplicates(
        prints(("2023/train", "HSI-VIS", "trucker", 221, None, ""), ("train", "HSI-VIS", "worker", 5, None, ""))
    )
    assert (finding.code, finding.severity, finding.sequence) == ("known-test", "error", "trucker")
    assert list(find_duplicates(prints(("test", "HSI-VIS", "trucker", 221, None, "")))) == []


def test_a_png_is_followed_chunk_by_chunk():
    done, data = cv2.imencode(".png", np.arange(64, dtype=np.uint16).reshape(8, 8))
    assert done
    whole = data.tobytes()
    assert png_fault(whole) is None
    assert png_fault(whole[:-12]) == "it ends before its last chunk"
    assert png_fault(whole[:-20]) == "it ends inside a chunk"
    assert png_fault(whole[:20] + b"\xff" + whole[21:]) == "the checksum of its chunk 'IHDR' is wrong"


def test_the_report_as_json_and_in_order():
    findings = [
        Finding("b", "note", "one", "/x", "n"),
        Finding("a", "warning", "one", "/x", "w"),
        Finding("c", "error", "two", "/x", "e"),
    ]
    report = CheckReport((Path("/x"),), 2, 3, sorted_findings(findings))
    assert [finding.severity for finding in report.findings] == ["error", "warning", "note"]
    assert not report.is_clean
    assert CheckReport((), 1, 0, (findings[0],)).is_clean
    assert json.loads(json.dumps(report.to_json()))["counts"] == {"error": 1, "warning": 1, "note": 1}
    assert ranges([3, 1, 2, 9, 11, 13, 15, 17, 19], most=3) == "1-3, 9, 11 and 4 more"


def test_wrong_wishes():
    with refuses(ConfigError, "data set", "none"):
        check_data([])
    with refuses(ConfigError, "'few'", "all, some, none"):
        check_data(["x"], frames="few")
    with pytest.raises(SequenceNotFoundError):
        check_data(["nowhere"])
    with refuses(ConfigError, "'simulated'", "hotc2020"):
        check_data(["x"], name="simulated")


def test_truth_that_is_longer_is_a_warning_and_shorter_an_error(tree):
    rows(tree / ANT_TRUTH, lambda lines: [*lines, lines[-1]])
    longer = {finding.code: finding.severity for finding in check_data([tree], frames="none").findings}
    rows(tree / ANT_TRUTH, lambda lines: lines[:-2])
    shorter = {finding.code: finding.severity for finding in check_data([tree], frames="none").findings}
    assert (longer["truth-length"], shorter["truth-length"]) == ("warning", "error")


def test_boxes_that_may_count_from_one_are_a_note(tree):
    rows(tree / ANT_TRUTH, lambda lines: [f"1 {number + 1} 10 8" for number in range(len(lines))])
    found = {finding.code: finding for finding in check_data([tree], frames="none").findings}
    assert found["origin"].severity == "note"
    assert "--origin 1" in found["origin"].text
    assert "origin" not in {finding.code for finding in check_data([tree], frames="none", origin=1).findings}


@pytest.mark.skipif(
    not KANGAROO.is_dir(), reason=f"no HOTC clip at {KANGAROO}; set SPECTRACK_SHARED to the folder that holds data/"
)
def test_a_real_clip_whose_truth_is_longer():
    report = check_data([KANGAROO])
    assert [finding.code for finding in report.findings] == ["truth-length"] * 3
    assert all("10 frames" in finding.text and "441 rows" in finding.text for finding in report.findings)
    assert report.frames == 30
