"""Results written for other programs: exact text, round trips through the readers, and nothing half-written."""

import csv
import json
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spectrack.annotations.foreign_results import read_foreign_results
from spectrack.annotations.result_writers import RESULT_FORMATS, WriteOptions, write_results
from spectrack.errors import ConfigError, InputError
from spectrack.files import MANIFEST
from tests.fixtures.refusals import refuses

SHARED = Path(os.environ.get("SPECTRACK_SHARED", Path(__file__).resolve().parents[2].parent / "shared"))
GOLDEN = SHARED / "data" / "hot2020_golden.npz"

NONE = [np.nan] * 4
BOXES = {"vis-ball": [[1, 2, 30, 40], NONE, [1.25, 2, 30, 40]], "nir-coin&cup": [[5, 6, 7, 8]]}


def files(folder):
    found = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != MANIFEST)
    return {path.relative_to(folder).as_posix(): path.read_text() for path in found}


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("hot", {"nir-coin&cup.txt": "5\t6\t7\t8\n", "vis-ball.txt": "1\t2\t30\t40\n0\t0\t0\t0\n1.25\t2\t30\t40\n"}),
        ("otb", {"nir-coin&cup.txt": "5,6,7,8\n", "vis-ball.txt": "1,2,30,40\n0,0,0,0\n1.25,2,30,40\n"}),
        (
            "got10k",
            {
                "nir-coin&cup/nir-coin&cup_001.txt": "5,6,7,8\n",
                "vis-ball/vis-ball_001.txt": "1,2,30,40\n0,0,0,0\n1.25,2,30,40\n",
                "vis-ball/vis-ball_time.txt": "1.00000000e-02\n2.50000000e-01\n3.00000000e-02\n",
            },
        ),
        (
            "mot",
            {
                "nir-coin&cup/gt/gt.txt": "1,1,5,6,7,8,1,1,1\n",
                "nir-coin&cup/gt/labels.txt": "ball\n",
                "vis-ball/gt/gt.txt": "1,1,1,2,30,40,1,1,1\n3,1,1.25,2,30,40,1,1,1\n",
                "vis-ball/gt/labels.txt": "ball\n",
            },
        ),
    ],
)
def test_folders_to_the_letter(tmp_path, kind, expected):
    options = WriteOptions(label="ball", seconds={"vis-ball": [0.01, 0.25, 0.03]})
    assert files(write_results(BOXES, tmp_path / "out", format=kind, options=options)) == expected


def test_the_challenge_to_the_letter(tmp_path):
    path = write_results(
        {"validation-HSI-VIS-ball": BOXES["vis-ball"], "coin": [[5, 6, 7, 8]]}, tmp_path / "a.csv", format="hotc2026"
    )
    assert (
        path.read_text()
        == "ID,x,y,width,height\nvis-ball_1,1,2,30,40\nvis-ball_2,0,0,0,0\nvis-ball_3,1.25,2,30,40\ncoin_1,5,6,7,8\n"
    )


def test_the_sample_decides_rows_and_names(tmp_path):
    sample = tmp_path / "sample_submisson.csv"
    sample.write_bytes(
        b"\xef\xbb\xbfID,x,y,width,height\r\nvis-ball_2,0,0,0,0\r\nvis-ball_1,0,0,0,0\r\nvis-ball_9,0,0,0,0\r\n"
    )
    boxes = {"HSI-VIS-ball": BOXES["vis-ball"], "more": [[1, 2, 3, 4]]}
    path = write_results(boxes, tmp_path / "a.csv", format="hotc2026", options=WriteOptions(sample=sample))
    assert path.read_text() == "ID,x,y,width,height\nvis-ball_2,0,0,0,0\nvis-ball_1,1,2,30,40\nvis-ball_9,0,0,0,0\n"
    with refuses(InputError, "sample_submisson.csv", "vis-ball"):
        write_results(
            {"more": [[1, 2, 3, 4]]}, tmp_path / "b.csv", format="hotc2026", options=WriteOptions(sample=sample)
        )
    assert not (tmp_path / "b.csv").exists()


def test_coco_is_what_other_programs_read(tmp_path):
    value = json.loads(write_results(BOXES, tmp_path / "a.json", format="coco").read_text())
    assert [video["name"] for video in value["videos"]] == ["vis-ball", "nir-coin&cup"]
    pictures = ["vis-ball/0001.png", "vis-ball/0002.png", "vis-ball/0003.png", "nir-coin&cup/0001.png"]
    assert [image["file_name"] for image in value["images"]] == pictures
    by_image = {item["image_id"]: item for item in value["annotations"]}
    assert [by_image[image["id"]]["bbox"] if image["id"] in by_image else None for image in value["images"]] == [
        [1, 2, 30, 40],
        None,
        [1.25, 2, 30, 40],
        [5, 6, 7, 8],
    ]
    assert {item["category_id"] for item in value["annotations"]} <= {item["id"] for item in value["categories"]}
    assert by_image[1]["area"] == 1200


def target(folder, kind):
    return folder / {"coco": "a.json", "hotc2026": "a.csv"}.get(kind, "out")


coordinate = st.floats(-1e5, 1e5, allow_nan=False)
side = st.floats(0.01, 1e4)
box = st.tuples(coordinate, coordinate, side, side)
clip = st.lists(st.one_of(box, st.none()), min_size=1, max_size=4)


@pytest.mark.parametrize("kind", RESULT_FORMATS)
@settings(max_examples=25)
@given(clips=st.dictionaries(st.sampled_from(["vis-ball", "nir-a&b", "L_basketball_person"]), clip, min_size=1))
def test_what_is_written_is_read_back_exactly(tmp_path_factory, kind, clips):
    # The first and the last frame have a box: MOT does not tell how long a clip is.
    boxes = {
        name: np.array([[1.5, 2, 3, 4], *(NONE if row is None else row for row in clip), [9, 8, 7, 6.1]])
        for name, clip in clips.items()
    }
    place = write_results(boxes, target(tmp_path_factory.mktemp("written"), kind), format=kind)
    results = read_foreign_results(place, boxes)
    assert results.mapped == []
    assert results.dialect == {"hot": "text", "otb": "text"}.get(kind, kind)
    for name in boxes:
        np.testing.assert_array_equal(results.boxes[name], boxes[name])


@pytest.mark.parametrize("kind", RESULT_FORMATS)
def test_boxes_that_count_from_one(tmp_path, kind):
    place = write_results(
        {"ball": BOXES["vis-ball"]}, target(tmp_path, kind), format=kind, options=WriteOptions(origin=1)
    )
    boxes = read_foreign_results(place, ["ball"]).boxes["ball"]
    np.testing.assert_array_equal(boxes[0], [2, 3, 30, 40])
    assert np.isnan(boxes[1]).all()
    np.testing.assert_array_equal(read_foreign_results(place, ["ball"], origin=1).boxes["ball"], BOXES["vis-ball"])


def test_fewer_digits(tmp_path):
    boxes = {"ball": [[1 / 3, 2, 2 / 3, 4]]}
    for kind in RESULT_FORMATS:
        place = write_results(boxes, target(tmp_path / kind, kind), format=kind, options=WriteOptions(decimals=2))
        assert read_foreign_results(place, ["ball"]).boxes["ball"].tolist() == [[0.33, 2, 0.67, 4]]


def test_the_csv_is_a_csv(tmp_path):
    path = write_results(BOXES, tmp_path / "a.csv", format="hotc2026")
    with path.open(newline="") as file:
        read = list(csv.DictReader(file))
    assert [row["ID"] for row in read] == ["vis-ball_1", "vis-ball_2", "vis-ball_3", "nir-coin&cup_1"]
    assert float(read[2]["x"]) == 1.25


@pytest.mark.parametrize(
    ("boxes", "options", "facts"),
    [
        ({}, {}, ("boxes", "none")),
        ({"a": [[1, 2, 3]]}, {}, ("(frames, 4)", "'a'", "(1, 3)")),
        ({"a": np.empty((0, 4))}, {}, ("'a'", "(0, 4)")),
        ({"a": ["x"]}, {}, ("'a'", "'x'")),
        ({"../a": [[1, 2, 3, 4]]}, {}, "'../a'"),
        ({"..": [[1, 2, 3, 4]]}, {}, "'..'"),
        (
            {"a": [[1, 2, 3, 4]]},
            {"seconds": {"a": [1, 2]}},
            ("'a'", "1", "(2,)"),
        ),
    ],
)
def test_bad_boxes_leave_nothing(tmp_path, boxes, options, facts):
    with refuses(InputError, facts):
        write_results(boxes, tmp_path / "out", format="got10k", options=WriteOptions(**options))
    assert list(tmp_path.iterdir()) == []


def test_places_that_are_taken(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    for kind in RESULT_FORMATS:
        with refuses(ConfigError, tmp_path):
            write_results(BOXES, tmp_path, format=kind)
    with refuses(ConfigError, "'ott'", "did you mean 'otb'"):
        write_results(BOXES, tmp_path / "out", format="ott")
    assert [entry.name for entry in tmp_path.iterdir()] == ["notes.txt"]


@pytest.mark.skipif(
    not GOLDEN.is_file(),
    reason=f"golden boxes not found at {GOLDEN}; set SPECTRACK_SHARED to the folder that holds data/",
)
@pytest.mark.parametrize("kind", RESULT_FORMATS)
def test_published_boxes_come_back_whole(tmp_path, kind):
    with np.load(GOLDEN) as data:
        names = [str(name) for name in data["names"]][:10]
        boxes = dict(zip(names, np.split(data["SEE-Net"], np.cumsum(data["lengths"])[:-1]), strict=False))
    results = read_foreign_results(write_results(boxes, target(tmp_path, kind), format=kind), names)
    assert list(results.boxes) == names
    for name in names:
        np.testing.assert_array_equal(results.boxes[name], boxes[name])
