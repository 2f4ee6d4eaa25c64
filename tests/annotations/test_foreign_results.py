"""Other people's results: every dialect of specs and toolkits gives the same boxes, and what was assumed is said."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from spectrack.annotations.foreign_results import read_foreign_results, start_offsets
from spectrack.errors import InputError, SequenceError, SequenceNotFoundError
from spectrack.evaluation.protocols import score
from spectrack.evaluation.results import evaluate_results, find_truth_set
from tests.fixtures.refusals import refuses

SHARED = Path(os.environ.get("SPECTRACK_SHARED", Path(__file__).resolve().parents[2].parent / "shared"))
GOLDEN = SHARED / "data" / "hot2020_golden.npz"

BOXES = np.array([[1.0, 2, 30, 40], [1.5, 2, 31, 40.25], [3, 4, 31, 40]])


def rows(separator=",", end="\n", form="{:g}"):
    return "".join(separator.join(form.format(value) for value in row) + end for row in BOXES)


@pytest.fixture
def put(tmp_path):
    def write(name, content):
        path = tmp_path / "results" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
        return tmp_path / "results"

    return write


@pytest.mark.parametrize(
    "text",
    [
        rows(),
        rows("\t", "\t\r\n"),
        rows("\t", "\t\n"),
        rows(" "),
        rows(",", "\r\n", "{:.2f}"),
        rows(" ", "\n", "{:.18e}"),
        "\ufeff" + rows(),
        "".join(f"{i + 1},1,{','.join(map(str, row))},1,-1,-1,-1\n" for i, row in enumerate(BOXES.tolist())),
        "".join(
            f"{i + 1},1,{','.join(map(str, row))},1,1,0.8\n" for i, row in reversed(list(enumerate(BOXES.tolist())))
        ),
    ],
    ids=["comma", "SEE-Net", "tab", "space", "SENSE", "savetxt", "bom", "mot-challenge", "mot-1.1 backwards"],
)
def test_rows_of_every_tool(put, text):
    results = read_foreign_results(put("ball.txt", text), ["ball"])
    np.testing.assert_array_equal(results.boxes["ball"], BOXES)
    assert (results.dialect, results.mapped, results.unmatched) == ("text", [], ())


@pytest.mark.parametrize(
    ("name", "dialect"),
    [
        ("{}.txt", "text"),
        ("{}/boxes.txt", "text"),
        ("{0}/{0}.txt", "text"),
        ("{0}/{0}_001.txt", "got10k"),
        ("{0}/gt/gt.txt", "mot"),
        ("boxes/{}.txt", "run"),
    ],
)
def test_folders_of_every_tool(put, name, dialect):
    for sequence in ("coin", "ball"):
        place = put(name.format(sequence), rows())
    put("README.txt", "hello")
    put("ball_time.txt", "0.1")
    results = read_foreign_results(place, ["coin", "ball"])
    assert (list(results.boxes), results.dialect, results.mapped) == (["coin", "ball"], dialect, [])
    np.testing.assert_array_equal(results.boxes["coin"], BOXES)


def test_got10k_keeps_times_and_repetitions(put):
    place = put("ball/ball_001.txt", rows())
    put("ball/ball_002.txt", rows())
    put("ball/ball_time.txt", "1.0e-02\n2.0e-02\n3.0e-02\n")
    results = read_foreign_results(place, ["ball"])
    assert results.seconds["ball"].tolist() == [0.01, 0.02, 0.03]
    assert results.notes == ("1 sequence with repetitions (_002, ...): only the first is used",)
    put("ball/ball_time.txt", "fast\n")
    with refuses(SequenceError, "ball_time.txt"):
        read_foreign_results(place, ["ball"])


def challenge(starts):
    lines = ["ID,x,y,width,height"]
    for name, start in starts.items():
        lines += [f"{name}_{start + i},{','.join(map(str, row))}" for i, row in enumerate(BOXES.tolist())]
    return "\r\n".join(lines) + "\r\n"


@pytest.mark.parametrize(
    ("starts", "notes"),
    [
        ({"vis-L_basketball_person": 1, "nir-ball": 1}, 0),
        ({"vis-L_basketball_person": 84193, "nir-ball": 84196}, 1),
        ({"nir-ball": 500}, 1),
    ],
    ids=["submission", "training labels", "cut from the training labels"],
)
@pytest.mark.parametrize("bom", ["", "\ufeff"])
def test_the_csv_of_2026(put, starts, notes, bom):
    place = put("sub.csv", bom + challenge(starts))
    for path in (place, place / "sub.csv"):
        results = read_foreign_results(path, starts)
        assert results.dialect == "hotc2026"
        assert len(results.notes) == notes
        for name in starts:
            np.testing.assert_array_equal(results.boxes[name], BOXES)


def test_frames_without_a_row_are_missing(put):
    place = put("sub.csv", "ID,x,y,width,height\nvis-ball_1,1,2,3,4\nvis-ball_4,5,6,7,8\nvis-ball_2,0,0,0,0\n")
    boxes = read_foreign_results(place, ["vis-ball"]).boxes["vis-ball"]
    assert np.isnan(boxes).all(axis=1).tolist() == [False, True, True, False]
    assert boxes[3].tolist() == [5, 6, 7, 8]
    place = put("mot/vis-ball.txt", "1,1,1,2,3,4,1,1,1\n3,1,5,6,7,8,1,1,1\n") / "mot"
    assert np.isnan(read_foreign_results(place, ["vis-ball"]).boxes["vis-ball"]).all(axis=1).tolist() == [
        False,
        True,
        False,
    ]


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        (
            "ID,x,y,width,height\na_1,1,2,3,4\na_1,1,2,3,4\n",
            ("sub.csv", "a_1"),
        ),
        (
            "ID,x,y,width,height\na_0,1,2,3,4\nb_0,1,2,3,4\n",
            ("sub.csv", "frame 0", "'a'"),
        ),
        (
            "ID,x,y,width,height\na_1,1,2,3,4\na_99999999,1,2,3,4\n",
            ("sub.csv", "found 99999999", "'a'"),
        ),
        ("ID,x,y,width,height\na_1,1,2,nan,4\n", ("sub.csv", "line 2", "'nan'")),
        ("ID,x,y,width,height\na_1,1,2,3\n", ("sub.csv", "line 2")),
        ("ID,x,y,width,height\na_²,1,2,3,4\n", ("sub.csv", "line 2")),
        ("ID,x,y,width,height\n", ("sub.csv", "none")),
    ],
)
def test_a_bad_csv_is_one_sentence(put, text, facts):
    with refuses(SequenceError, facts):
        read_foreign_results(put("sub.csv", text), ["a"])


def test_a_csv_of_one_sequence(put):
    assert read_foreign_results(put("ball.csv", rows()) / "ball.csv", ["ball"]).boxes["ball"].tolist() == BOXES.tolist()


def test_coco_by_video_or_by_folder(put):
    images = [
        {"id": 10 * video + i, "file_name": f"{name}/img/{i + 1:04d}.png"}
        for video, name in ((1, "ball"), (2, "coin"))
        for i in range(3)
    ]
    boxes = [
        {"id": i, "image_id": image["id"], "category_id": 1, "bbox": BOXES[i % 3].tolist()}
        for i, image in enumerate(images)
    ]
    place = put("r.json", json.dumps({"images": images, "annotations": boxes[:-1]}))
    results = read_foreign_results(place, ["ball", "coin"])
    assert results.dialect == "coco"
    np.testing.assert_array_equal(results.boxes["ball"], BOXES)
    np.testing.assert_array_equal(results.boxes["coin"], [*BOXES[:2], [np.nan] * 4])  # the last image has no annotation
    boxes[1]["image_id"] = images[0]["id"]
    put("r.json", json.dumps({"images": images, "annotations": boxes}))
    with refuses(SequenceError, "r.json", "ball", "found 2"):
        read_foreign_results(place, ["ball"])
    put("r.json", json.dumps({"images": [], "annotations": []}))
    with refuses(SequenceError, "r.json", "COCO"):
        read_foreign_results(place, ["ball"])


def test_names_are_mapped_and_reported(put):
    for name in ("vis-ball_mirror9", "vis-pedestrian", "vis-truck", "vis-coin"):
        place = put(f"{name}_001.txt", rows())
    results = read_foreign_results(place, ["ball&mirror9", "pedestrain", "trucker", "coin"])
    assert list(results.boxes) == ["ball&mirror9", "pedestrain", "trucker", "coin"]
    assert [(item.source, item.sequence) for item in results.mapped] == [
        ("vis-ball_mirror9_001.txt", "ball&mirror9"),
        ("vis-pedestrian_001.txt", "pedestrain"),
        ("vis-truck_001.txt", "trucker"),
        ("vis-coin_001.txt", "coin"),
    ]
    assert results.mapped[2].rules == ("added _001 or _det", "other spelling", "modality left out")


def test_what_belongs_to_nothing_is_named(put):
    put("ball.txt", rows())
    place = put("extra.txt", "no boxes at all, and nobody reads them\n")
    assert read_foreign_results(place, ["ball", "coin"]).unmatched == ("extra",)
    with refuses(SequenceNotFoundError, "results", "found 2", "'ball'", "kangaroo"):
        read_foreign_results(place, ["kangaroo"])


def test_modalities_in_one_folder_are_ambiguous_for_one_name(put):
    put("vis-ball.txt", rows())
    place = put("nir-ball.txt", rows())
    with refuses(InputError, "'ball'", "('nir-ball', 'vis-ball')", "'modality left out'"):
        read_foreign_results(place, ["ball"])
    assert list(read_foreign_results(place, ["HSI-VIS-ball", "HSI-NIR-ball"]).boxes) == ["HSI-VIS-ball", "HSI-NIR-ball"]


def test_a_file_and_a_folder_of_one_name_are_refused(put):
    put("ball/boxes.txt", rows())
    with refuses(SequenceError, "'ball'", "boxes.txt", "ball.txt"):
        read_foreign_results(put("ball.txt", rows()), ["ball"])


def test_a_hostile_frame_number_costs_no_memory(put):
    with refuses(SequenceError, "'1'", "999999 frames", "1 boxes"):
        read_foreign_results(put("ball.txt", "999999,1,1,2,3,4,1,1,1\n"), ["ball"])


def test_several_objects_are_refused(put):
    with refuses(SequenceError, "ball.txt", "found 2", "(1, 2)"):
        read_foreign_results(put("ball.txt", "1,1,1,2,3,4,1,1,1\n1,2,1,2,3,4,1,1,1\n"), ["ball"])


def test_matlab_boxes(put):
    place = put("ball.txt", rows() + "0,0,0,0\n")
    boxes = read_foreign_results(place, ["ball"], origin=1).boxes["ball"]
    np.testing.assert_array_equal(boxes[:3], BOXES - [1, 1, 0, 0])
    assert np.isnan(boxes[3]).all()


def test_pixels_count_from_0_or_1(put):
    with refuses(InputError, "0 or 1", "found 3", "--origin"):
        read_foreign_results(put("ball.txt", rows()), ["ball"], origin=3)


def test_starts_beside_the_truth_are_told():
    truth = {name: BOXES for name in "abcde"}
    predictions = {
        "a": BOXES + np.array([0.5, 0.5, 0, 0]),
        "b": BOXES + np.array([0.5, 0.5, 0, 0]),
        "c": BOXES + np.array([1, 1, 0, 0]),
        "d": BOXES,
        "e": BOXES + np.array([0.5, 0, 0, 0]),
    }
    half, whole = start_offsets(predictions, truth)
    assert (half.offset_px, half.sequences, half.compared) == (0.5, ("a", "b"), 5)
    assert str(half).startswith(
        "2 of 5 results start +0.5 px in x and y beside the truth (half a pixel: scripts that start from cx - (w - 1) "
        "/ 2"
    )
    assert (whole.offset_px, whole.sequences) == (1.0, ("c",))
    assert start_offsets({"a": BOXES}, truth) == []


def test_truth_of_the_trees_since_2023(put, tmp_path):
    for folder in ("HSI-VIS-FalseColor", "HSI-NIR-FalseColor", "HSI-RedNIR-FalseColor"):
        root = put(f"{folder}/ball/groundtruth_rect.txt", rows("\t", "\t\n"))
    put("HSI-VIS/ball/0001.png", b"")
    assert list(find_truth_set(root).sources) == ["nir-ball", "rednir-ball", "vis-ball"]
    results = tmp_path / "mine"
    results.mkdir()
    for name in ("HSI-VIS-FalseColor-ball", "nir-ball", "rednir-ball"):
        (results / f"{name}.txt").write_text(rows())
    evaluation = evaluate_results(results, root)
    assert evaluation.scores.auc == 1.0
    assert [(item.found, item.sequence) for item in evaluation.results.mapped] == [
        ("HSI-VIS-FalseColor-ball", "vis-ball")
    ]


def test_truth_as_training_labels(put, tmp_path):
    labels = put("train.csv", challenge({"vis-ball": 84193, "nir-ball": 84196})) / "train.csv"
    (tmp_path / "mine").mkdir()
    for name in ("vis-ball", "nir-ball"):
        (tmp_path / "mine" / f"{name}.txt").write_text(rows())
    assert evaluate_results(tmp_path / "mine", labels).scores.auc == 1.0


@pytest.fixture(scope="module")
def golden():
    if not GOLDEN.is_file():
        pytest.skip(f"golden boxes not found at {GOLDEN}; set SPECTRACK_SHARED to the folder that holds data/")
    with np.load(GOLDEN) as data:
        ends, names = np.cumsum(data["lengths"])[:-1], [str(name) for name in data["names"]]
        return {
            key: dict(zip(names, np.split(data[key].astype(np.float64), ends), strict=True))
            for key in ("truth", "SEE-Net")
        }


def test_published_boxes_under_foreign_names_give_the_published_score(golden, tmp_path):
    """SEE-Net's own dialect (tabs, a trailing tab, CRLF) and the names that its files and the challenge's page use."""
    from spectrack.evaluation.results import evaluate_results

    renamed = {"pedestrain": "pedestrian", "trucker": "truck"}
    for kind, folder, name_of in (
        ("SEE-Net", "results", lambda name: f"vis-{renamed.get(name, name)}"),
        ("truth", "truth", str),
    ):
        (tmp_path / folder).mkdir()
        for name, boxes in golden[kind].items():
            text = "".join("\t".join(repr(value) for value in row) + "\t\r\n" for row in boxes.tolist())
            (tmp_path / folder / f"{name_of(name)}.txt").write_bytes(text.encode())
    evaluation = evaluate_results(tmp_path / "results", tmp_path / "truth")
    assert (round(evaluation.scores.auc, 4), round(evaluation.scores.dp20, 4)) == (0.6657, 0.9327)
    assert len(evaluation.results.mapped) == 35
    assert evaluation.scores == score(dict(sorted(golden["SEE-Net"].items())), dict(sorted(golden["truth"].items())))
