"""Folders of box files: layouts that people have, matching by name, and a sentence for each fault."""

import pytest

from spectrack.annotations.result_files import find_result_set
from spectrack.errors import InputError, SequenceError, SequenceNotFoundError
from spectrack.evaluation.results import TRUTH_FILES, evaluate_directories, find_truth_set
from tests.fixtures.refusals import refuses

TRUTH = "0\t0\t10\t10\t\r\n0\t0\t10\t10\t\r\n"
HALF = "0,0,10,10\n0,0,10,5\n"  # overlaps 1 and 0.5: AUC 0.75 under hot


@pytest.fixture
def results(tmp_path):
    root = tmp_path / "results"
    root.mkdir()
    (root / "ball.txt").write_text(HALF)
    (root / "ball&mirror7.txt").write_text(TRUTH)
    (root / "ball_time.txt").write_text("0.01\n0.02\n")
    (root / "README.txt").write_text("boxes of a tracker")
    return root


def truth_tree(root, inner):
    for name in ("ball", "ball&mirror7"):
        path = root / name / inner if inner else root / f"{name}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(TRUTH)
    return root


@pytest.mark.parametrize("inner", [None, *TRUTH_FILES])
def test_truth_layouts(results, tmp_path, inner):
    scores = evaluate_directories(results, truth_tree(tmp_path / "truth", inner))
    assert [item.name for item in scores.sequences] == ["ball", "ball&mirror7"]
    assert [item.figures.auc for item in scores.sequences] == [0.75, 1.0]


def test_the_hyperspectral_truth_is_preferred_and_rgb_never_taken(tmp_path):
    root = tmp_path / "truth"
    for name in (
        "ball/HSI/groundtruth_rect.txt",
        "ball/groundtruth_rect.txt",
        "ball/RGB/groundtruth_rect.txt",
        "coin/RGB/groundtruth_rect.txt",
    ):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(TRUTH)
    assert {name: path.parent.name for name, path in find_truth_set(root).sources.items()} == {"ball": "HSI"}


@pytest.mark.parametrize(
    "layout", ["{name}.txt", "{name}/boxes.txt", "{name}/{name}_001.txt", "{name}/{name}.txt", "boxes/{name}.txt"]
)
def test_result_layouts(tmp_path, layout):
    for name in ("ball", "coin"):
        path = tmp_path / "results" / layout.format(name=name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(HALF)
    assert list(find_result_set(tmp_path / "results").sources) == ["ball", "coin"]


@pytest.mark.parametrize("results_name", ["out", "out/boxes.txt", "out/other.txt"])
@pytest.mark.parametrize("truth_name", ["ball", "ball/HSI/groundtruth_rect.txt", "ball/HSI"])
def test_one_sequence_against_its_truth(tmp_path, results_name, truth_name):
    for name, text in {"out/boxes.txt": HALF, "out/other.txt": HALF, "ball/HSI/groundtruth_rect.txt": TRUTH}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    scores = evaluate_directories(tmp_path / results_name, tmp_path / truth_name)
    assert scores.auc == 0.75
    assert len(scores.sequences) == 1


def test_a_folder_named_like_its_only_sequence_is_a_set(tmp_path):
    path = tmp_path / "ball" / "ball.txt"
    path.parent.mkdir()
    path.write_text(HALF)
    assert evaluate_directories(path.parent, truth_tree(tmp_path / "truth", None), sequences=["ball"]).auc == 0.75


def test_a_choice_of_sequences(results, tmp_path):
    truth = truth_tree(tmp_path / "truth", None)
    assert evaluate_directories(results, truth, sequences=["ball"]).auc == 0.75
    with refuses(InputError, "'bal'", "did you mean 'ball'"):
        evaluate_directories(results, truth, sequences=["bal"])


def test_names_that_do_not_match(results, tmp_path):
    truth = truth_tree(tmp_path / "truth", None)
    (truth / "coin.txt").write_text(TRUTH)
    with refuses(InputError, "3 sequences", "'coin'", "--missing"):
        evaluate_directories(results, truth)
    assert evaluate_directories(results, truth, missing="miss").auc == pytest.approx(1.75 / 3)
    (truth / "coin.txt").unlink()
    (results / "card.txt").write_text(HALF)
    with refuses(InputError, "'card'", "2 sequences"):
        evaluate_directories(results, truth)


@pytest.mark.parametrize("row", ["nan,nan,nan,nan", "0,0,0,0"])
def test_rows_without_a_box_are_missing_predictions(results, tmp_path, row):
    truth = truth_tree(tmp_path / "truth", None)
    (results / "ball.txt").write_text(f"0,0,10,10\n{row}\n")
    with refuses(InputError, "'ball'", "1 of 2 frames", "frame 1", "--missing"):
        evaluate_directories(results, truth)
    assert evaluate_directories(results, truth, missing="miss").of("ball").missed == 1


def test_length_mismatch(results, tmp_path):
    truth = truth_tree(tmp_path / "truth", None)
    (results / "ball.txt").write_text("0,0,10,10\n")
    with refuses(InputError, "2", "'ball'", "found 1", "--missing"):
        evaluate_directories(results, truth)


def test_places_without_files(results, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    with refuses(SequenceNotFoundError, "empty", "groundtruth_rect.txt"):
        evaluate_directories(results, empty)
    with refuses(SequenceNotFoundError, "nowhere"):
        evaluate_directories(tmp_path / "nowhere", empty)


def test_a_file_that_is_no_box_file(results, tmp_path):
    truth = truth_tree(tmp_path / "truth", None)
    (results / "ball.txt").write_text("hello\n")
    with refuses(SequenceError, "line 1", "ball.txt", "'hello'"):
        evaluate_directories(results, truth)
