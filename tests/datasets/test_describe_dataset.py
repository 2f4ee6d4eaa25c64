"""Descriptions: what a folder holds, told without reading a frame, beside what is published."""

import json

import cv2
import pytest

from spectrack.datasets.description import describe_dataset
from spectrack.errors import ConfigError
from tests.fixtures.refusals import refuses


@pytest.fixture
def root(tmp_path, make):
    """Some of HOT2020's test set, with files that nobody can decode."""
    for name in ("face", "trucker", "bus", "unheard"):
        for stream in ("HSI", "RGB"):
            for i in range(4):
                make.text(tmp_path / "HOT2020" / "test" / name / stream / f"{i + 1:04d}.png", "no picture")
        make.text(tmp_path / "HOT2020" / "test" / name / "HSI" / "groundtruth_rect.txt", make.boxes(1))
    (tmp_path / "HOT2020" / "test" / "face" / "HSI" / "groundtruth_rect.txt").rename(
        tmp_path / "HOT2020" / "test" / "face" / "init_rect.txt"
    )
    make.text(tmp_path / "HOT2020" / "train" / "pedestrian" / "HSI" / "0001.png", "no picture")
    make.text(tmp_path / "HOT2020" / "train" / "broken.zip", "no archive")
    return tmp_path / "HOT2020"


def test_no_frame_is_read(root, monkeypatch):
    def refuse(*_):
        raise AssertionError("a frame was decoded")

    monkeypatch.setattr(cv2, "imdecode", refuse)
    description = describe_dataset(root)
    assert description.name == "hotc2020"
    test, train = description.groups
    assert (test.split, test.sequences, test.frames, test.streams, test.truth) == (
        "test",
        4,
        16,
        {"HSI": 4, "RGB": 4},
        {"truth": 3, "first box": 1},
    )
    assert (train.sequences, train.frames, train.truth, train.kinds, train.zipped) == (
        1,
        1,
        {"none": 1},
        {"image": 1},
        0,
    )
    assert len(description.problems) == 1
    assert "broken.zip" in description.problems[0]


def test_published_lists_and_defects_beside_it(root):
    description = describe_dataset(root)
    by_split = {item.split: item for item in description.lists}
    assert (by_split["test"].found, by_split["test"].listed, by_split["test"].unlisted) == (3, 35, ("unheard",))
    assert len(by_split["test"].missing) == 32
    assert by_split["train"].found == 1
    assert description.range_nm == {"HSI-VIS": (470, 620)}
    texts = [defect.text for defect in description.defects]
    assert any("RGB video has another length" in text for text in texts)  # bus is there
    assert not any("corrected" in text for text in texts)  # car3 is not
    values = json.loads(json.dumps(description.to_json()))
    assert values["sequences"][0]["label"] == "bus"
    assert values["sequences"][0]["attributes"] == ["FM", "BC", "LR"]


def test_an_alias_counts_as_the_published_name(root):
    (root / "test" / "trucker").rename(root / "test" / "truck")
    (item,) = (item for item in describe_dataset(root).lists if item.split == "test")
    assert (item.found, item.unlisted) == (3, ("unheard",))


def test_a_plain_folder_has_no_lists(tmp_path, make):
    make.mosaics(tmp_path / "clips" / "walk", 5)
    description = describe_dataset(tmp_path / "clips")
    assert (description.name, description.lists, description.defects, description.range_nm) == ("folder", (), (), {})
    with refuses(ConfigError, "'hotc202'"):
        describe_dataset(tmp_path, name="hotc202")
