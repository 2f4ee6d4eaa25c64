"""Truth that does not cover the video: it is tracked all the same, scored where that can be done, and said."""

import json

import numpy as np
import pytest

import spectrack
from spectrack.cli import main

FRAMES = 5


def write_clip(folder, rows):
    """A simulated clip without our side file, as other people's data come."""
    sequence = spectrack.simulate("calm", frames=FRAMES, seed=1, height=64, width=64)
    boxes = np.round(sequence.truth, 2)
    spectrack.write_sequence(sequence, folder)
    (folder / "sequence.json").unlink()
    text = "".join(",".join(map(str, box)) + "\n" for box in boxes[:rows].tolist())
    (folder / "HSI" / "groundtruth_rect.txt").write_text(text)
    return boxes


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("given", [True, False])
def test_track_with_few_rows(tmp_path, capsys, rows, given):
    box = write_clip(tmp_path / "car", rows)[0].tolist()
    words = ["--box", ",".join(map(str, box))] if given else []
    out = tmp_path / "out"
    assert (
        main(["track", str(tmp_path / "car"), *words, "--sensor", "vis16", "--tracker", "cf", "--out", str(out)]) == 0
    )
    assert "scores" not in capsys.readouterr().out
    boxes = spectrack.read_boxes(out / "boxes.txt")
    assert len(boxes) == FRAMES
    assert boxes[0].tolist() == box
    assert json.loads((out / "summary.json").read_text())["scores"] is None


def test_a_benchmark_goes_on(tmp_path, capsys):
    for name, rows in (("whole", FRAMES), ("few", 3), ("first", 1)):
        write_clip(tmp_path / "data" / name, rows)
        # The block is known from a camera's folder, as in the challenge.
        (tmp_path / "data" / name / "HSI").rename(tmp_path / "data" / name / "HSI-VIS")
    words = ["benchmark", "--dataset", "folder", "--root", str(tmp_path / "data"), "--trackers", "cf"]
    assert main([*words, "--out", str(tmp_path / "out")]) == 0
    scores = json.loads((tmp_path / "out" / "cf" / "scores.json").read_text())
    assert "whole" in json.dumps(scores)
    assert '"few"' not in json.dumps(scores)
    assert sorted(path.stem for path in (tmp_path / "out" / "cf" / "boxes").glob("*.txt")) == ["few", "first", "whole"]
