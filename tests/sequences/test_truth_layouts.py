"""Where other data sets keep truth and flags, and side files that must not decide whether frames can be read."""

import json
import logging

import numpy as np
import pytest

from spectrack.cli import main
from spectrack.errors import BoxError, SequenceError
from spectrack.sequences import open_sequence
from tests.fixtures.refusals import check_sentence, refuses

BOXES = "".join(f"{i},2,10,8\n" for i in (1, 2, 3))


@pytest.mark.parametrize(
    ("frames", "truth"),
    [
        ("TRAIN_0/frames/abc", "TRAIN_0/anno/abc.txt"),
        ("sequences/uav1_s", "annotations/uav1_s.txt"),
        ("data_seq/UAV123/bike1", "anno/UAV123/bike1.txt"),
        ("30/airboard", "30/airboard.txt"),
        ("airboard/img", "airboard.txt"),
        ("Car/img", "Car/groundtruth_rect.txt"),
    ],
)
def test_trees_of_truth(tmp_path, make, frames, truth):
    make.pictures(tmp_path / frames, 3, 24, 32)
    make.text(tmp_path / truth, BOXES)
    assert open_sequence(tmp_path / frames).truth[:, 0].tolist() == [1, 2, 3]


def test_truth_inside_a_sequence_comes_before_that_of_a_tree(tmp_path, make):
    make.pictures(tmp_path / "frames" / "abc", 3, 24, 32)
    make.text(tmp_path / "anno" / "abc.txt", "9,9,9,9\n" * 3)
    make.text(tmp_path / "frames" / "abc" / "groundtruth.txt", BOXES)
    assert open_sequence(tmp_path / "frames" / "abc").truth[0, 0] == 1


EDGE = "".join(f"1,{i},10,8\n" for i in (1, 2, 3))


def test_boxes_that_count_from_one(tmp_path, make, caplog):
    make.pictures(tmp_path / "clip" / "img", 3, 24, 32)
    make.text(tmp_path / "clip" / "groundtruth_rect.txt", EDGE)
    with caplog.at_level(logging.WARNING):
        assert open_sequence(tmp_path / "clip").truth[0].tolist() == [1, 1, 10, 8]
    assert "--origin 1" in caplog.text
    caplog.clear()
    truth = open_sequence(tmp_path / "clip", origin=1).truth
    assert truth.tolist() == [[0, 0, 10, 8], [0, 1, 10, 8], [0, 2, 10, 8]]
    assert not caplog.records
    with refuses(BoxError, "found 2"):
        open_sequence(tmp_path / "clip", origin=2)


def test_a_first_box_and_absences_that_count_from_one(tmp_path, make):
    make.pictures(tmp_path / "one", 3, 24, 32)
    make.text(tmp_path / "one" / "init_rect.txt", "5,6,10,8\n")
    assert open_sequence(tmp_path / "one", origin=1).first_box.tolist() == [4, 5, 10, 8]
    make.pictures(tmp_path / "two", 3, 24, 32)
    make.text(tmp_path / "two" / "groundtruth_rect.txt", "5,6,10,8\n0,0,0,0\n7,6,10,8\n")
    assert open_sequence(tmp_path / "two", origin=1).truth[1].tolist() == [0, 0, 0, 0]


def test_track_takes_the_origin(tmp_path, make):
    make.pictures(tmp_path / "clip" / "img", 3, 24, 32)
    make.text(tmp_path / "clip" / "groundtruth_rect.txt", EDGE)
    make.text(tmp_path / "box.txt", "3,3,10,8\n")
    words = ["track", str(tmp_path / "clip"), "--tracker", "cf", "--origin", "1"]
    assert main([*words, "--out", str(tmp_path / "a")]) == 0
    assert (tmp_path / "a" / "boxes.txt").read_text().startswith("0,0,10,8\n")
    assert main([*words, "--box-from", str(tmp_path / "box.txt"), "--out", str(tmp_path / "b")]) == 0
    assert (tmp_path / "b" / "boxes.txt").read_text().startswith("2,2,10,8\n")


def test_tlp_needs_no_box(tmp_path, make, capsys):
    make.pictures(tmp_path / "Car" / "img", 5, 64, 64)
    rows = [(1, 0), (2, 0), (4, 1), (5, 0)]
    make.text(tmp_path / "Car" / "groundtruth_rect.txt", "".join(f"{i},{i},2,20,20,{lost}\n" for i, lost in rows))
    words = ["track", str(tmp_path / "Car"), "--tracker", "cf", "--out", str(tmp_path / "out")]
    assert main(words) == 0
    assert "(2 frames without truth left out)" in capsys.readouterr().out


def test_anti_uav_beside_frames_and_beside_its_video(tmp_path, make):
    import av

    truth = json.dumps({"exist": [1, 0, 1], "gt_rect": [[1, 2, 10, 8], [], [3, 2, 10, 8]]})
    make.pictures(tmp_path / "one", 3, 24, 32)
    make.text(tmp_path / "one" / "IR_label.json", truth)
    (tmp_path / "two").mkdir()
    for kind, width in (("infrared", 64), ("visible", 96)):
        with av.open(str(tmp_path / "two" / f"{kind}.mp4"), "w") as container:
            stream = container.add_stream("libx264", rate=25)
            stream.width, stream.height, stream.pix_fmt = width, 48, "yuv420p"
            for shade in (10, 100, 200):
                picture = np.full((48, width, 3), shade, np.uint8)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            container.mux(stream.encode())
    make.text(tmp_path / "two" / "infrared.json", truth)
    for place in (tmp_path / "one", tmp_path / "two" / "infrared.mp4"):
        assert open_sequence(place).truth.tolist() == [[1, 2, 10, 8], [0, 0, 0, 0], [3, 2, 10, 8]]
    assert open_sequence(tmp_path / "two" / "visible.mp4").truth is None


def test_got10k_says_what_is_seen(tmp_path, make):
    make.pictures(tmp_path / "GOT-10k_Val_1", 3, 24, 32)
    make.text(tmp_path / "GOT-10k_Val_1" / "groundtruth.txt", BOXES)
    make.text(tmp_path / "GOT-10k_Val_1" / "absence.label", "0\n1\n0\n")
    make.text(tmp_path / "GOT-10k_Val_1" / "cover.label", "8\n4\n2\n")
    sequence = open_sequence(tmp_path / "GOT-10k_Val_1")
    assert sequence.visibility.tolist() == [1, 0, 0.25]
    assert sequence.truth.tolist() == [[1, 2, 10, 8], [0, 0, 0, 0], [3, 2, 10, 8]]


def test_lasot_says_what_is_not_there(tmp_path, make):
    make.pictures(tmp_path / "cat-1" / "img", 3, 24, 32)
    make.text(tmp_path / "cat-1" / "groundtruth.txt", BOXES)
    make.text(tmp_path / "cat-1" / "full_occlusion.txt", "0,1,0")
    make.text(tmp_path / "cat-1" / "out_of_view.txt", "0,0,1")
    sequence = open_sequence(tmp_path / "cat-1")
    assert sequence.visibility.tolist() == [1, 0, 0]
    assert sequence.truth[:, 2].tolist() == [10, 0, 0]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("groundtruth_rect.txt", "x y w h\n1 2 3 4\n"),
        ("groundtruth.txt", "1,2,3\n"),
        ("gt.txt", "\0\1\2"),
        ("init_rect.txt", "here\n"),
        ("init_rect.txt", "5,6,-1,8\n"),
        ("description.txt", "\0"),
        ("absence.label", "0\n"),
        ("cover.label", "all of it\n"),
        ("sequence.json", "{"),
        ("sequence.json", '{"format": "hotcc"}'),
        ("sequence.json", '{"frames": 4}'),
        ("IR_label.json", '{"no": "truth"}'),
    ],
)
def test_side_files_that_make_no_sense_are_a_warning(tmp_path, make, caplog, name, text):
    folder = make.pictures(tmp_path / "car", 3, 64, 64)
    make.text(folder / name, text)
    with caplog.at_level(logging.WARNING):
        sequence = open_sequence(folder)
    assert len(sequence) == 3
    (sentence,) = sequence.faults
    check_sentence(sentence, folder / name)
    assert caplog.text.count(str(folder / name)) == 1
    out = str(tmp_path / "out")
    assert main(["track", str(folder), "--box", "9,9,20,20", "--tracker", "cf", "--out", out]) == 0


def test_hidden_files_and_folders_of_other_systems_are_nothing(tmp_path, make):
    folder = make.pictures(tmp_path / "car", 3, 24, 32)
    for name in ("._0001.jpg", ".DS_Store", "Thumbs.db", "desktop.ini"):
        make.text(folder / name, "no picture")
    make.text(folder / "@eaDir" / "0001.jpg", "a thumbnail")
    assert len(open_sequence(folder)) == 3


def test_truth_that_is_needed_is_insisted_on(tmp_path, make, command_refuses):
    folder = make.pictures(tmp_path / "car", 3, 64, 64)
    truth = make.text(folder / "groundtruth_rect.txt", "1,2,3\n")
    command_refuses(["track", folder, "--out", tmp_path / "out"], "line 1", truth)
    command_refuses(
        ["track", folder, "--box", "9,9,20,20", "--truth", truth, "--out", tmp_path / "out"], "line 1", truth
    )
    with refuses(SequenceError, "line 1", truth):
        open_sequence(folder).needed_truth()


def test_data_check_insists(tmp_path, make):
    from spectrack.datasets.check.checking import check_data

    folder = make.pictures(tmp_path / "set" / "car", 3, 64, 64)
    make.text(folder / "groundtruth_rect.txt", "1,2,3\n")
    make.text(folder / "description.txt", "\0")
    codes = {finding.code for finding in check_data([tmp_path / "set"]).findings}
    assert codes == {"side-file", "unreadable-truth"}
