"""Truth as single data sets write it: TLP, Anti-UAV, UAV123, NfS, VOT's polygons and masks, COCO with videos, CVAT."""

import json

import numpy as np
import pytest

from spectrack.annotations.truth_files import read_truth
from spectrack.errors import SequenceError
from tests.fixtures.refusals import refuses


def stored(tmp_path, text, name="truth"):
    path = tmp_path / name
    path.write_text(text if isinstance(text, str) else json.dumps(text), encoding="utf-8")
    return path


def boxes_of(tmp_path, text, frames=None, **options):
    rows = read_truth(stored(tmp_path, text), frames=frames, **options)
    return (rows.boxes if frames is None else rows.of_frames(frames)).tolist()


def test_tlp_numbers_its_frames_and_marks_lost_ones(tmp_path):
    text = "1,10,20,30,40,0\n2,11,20,30,40,0\n4,13,20,30,40,1\n5,14,20,30,40,0\n"
    expected = [[10, 20, 30, 40], [11, 20, 30, 40], [0, 0, 0, 0], [0, 0, 0, 0], [14, 20, 30, 40]]
    assert boxes_of(tmp_path, text) == expected
    assert boxes_of(tmp_path, text, frames=7) == [*expected, [0, 0, 0, 0], [0, 0, 0, 0]]
    assert boxes_of(tmp_path, "0,10,20,30,40,0\n1,11,20,30,40,0\n") == expected[:2]


def test_mot_rows_of_six_numbers_are_told_from_tlp(tmp_path):
    assert boxes_of(tmp_path, "1,7,10,20,30,40\n2,7,11,20,30,40\n") == [[10, 20, 30, 40], [11, 20, 30, 40]]
    with refuses(SequenceError, "(7, 8)"):
        boxes_of(tmp_path, "1,7,10,20,30,40\n1,8,11,20,30,40\n")


def test_frame_numbers_without_end_are_refused(tmp_path):
    with refuses(SequenceError, "found 900000", "2 rows"):
        boxes_of(tmp_path, "1,10,20,30,40,0\n900000,11,20,30,40,0\n")


@pytest.mark.parametrize("exist", [True, False])
def test_anti_uav(tmp_path, exist):
    value = {"gt_rect": [[10, 20, 30, 40], [], [0, 0, 0, 0], [12, 20, 30, 40]]}
    if exist:
        value |= {"exist": [1, 0, 0, 1]}
    assert boxes_of(tmp_path, value) == [[10, 20, 30, 40], [0] * 4, [0] * 4, [12, 20, 30, 40]]


def test_what_does_not_exist_has_no_box(tmp_path):
    assert boxes_of(tmp_path, {"exist": [0, 1], "gt_rect": [[1, 2, 3, 4], [1, 2, 3, 4]]})[0] == [0, 0, 0, 0]


@pytest.mark.parametrize("value", [{"gt_rect": [[1, 2, 3, 4]], "exist": [1, 1]}, {"gt_rect": 5}])
def test_damaged_anti_uav(tmp_path, value):
    with refuses(SequenceError, "'gt_rect'", "'exist'", tmp_path / "truth"):
        boxes_of(tmp_path, value)


def test_uav123(tmp_path):
    assert boxes_of(tmp_path, "1,2,3,4\nNaN,NaN,NaN,NaN\n3,2,3,4\n") == [[1, 2, 3, 4], [0] * 4, [3, 2, 3, 4]]


def vatic(frames, step=1, lost=()):
    row = '0 {x} 20 {right} 60 {frame} {lost} 0 1 "track" "a word"\n'
    return "".join(row.format(x=i, right=i + 30, frame=i * step, lost=int(i in lost)) for i in range(frames))


def test_nfs_at_both_rates(tmp_path):
    fast = boxes_of(tmp_path, vatic(24, lost=(9,)))
    assert fast[8] == [8, 20, 30, 40]
    assert fast[9] == [0, 0, 0, 0]
    assert boxes_of(tmp_path, vatic(24), frames=24) == boxes_of(tmp_path, vatic(24))
    # 240 labels a second beside video of 30 frames a second: every eighth.
    assert [box[0] for box in boxes_of(tmp_path, vatic(24), frames=3)] == [0, 8, 16]
    assert [box[0] for box in boxes_of(tmp_path, vatic(25), frames=4)] == [0, 8, 16, 24]
    # One label a frame, numbered by the fast camera.
    assert [box[0] for box in boxes_of(tmp_path, vatic(3, step=8), frames=3)] == [0, 1, 2]


def mask_row(mask, x, y):
    """A VOT mask by walking over its pixels."""
    runs, value, length = [], False, 0
    for pixel in mask.ravel():
        if pixel != value:
            runs.append(length)
            value, length = pixel, 0
        length += 1
    runs.append(length)
    return f"m{x},{y},{mask.shape[1]},{mask.shape[0]}," + ",".join(map(str, runs)) + "\n"


@pytest.mark.parametrize("share", [0.01, 0.3, 0.99])
def test_masks_of_vot(tmp_path, share):
    rng = np.random.default_rng(3)
    text, expected = "", []
    for _ in range(40):
        height, width = rng.integers(1, 9, 2)
        mask, x, y = rng.random((height, width)) < share, int(rng.integers(0, 50)), int(rng.integers(0, 50))
        rows, columns = np.nonzero(mask)
        box = [0, 0, 0, 0]
        if rows.size:
            box = [x + columns.min(), y + rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1]
        expected.append([float(value) for value in box])
        text += mask_row(mask, x, y)
    assert boxes_of(tmp_path, text) == expected


def test_masks_and_polygons_mixed(tmp_path):
    text = "m0,0,2,2,0,4\n10,20,40,20,40,60,10,60\n5,6,7,8\nm0,0,3,3,9\n"
    assert boxes_of(tmp_path, text) == [[0, 0, 2, 2], [10, 20, 30, 40], [5, 6, 7, 8], [0, 0, 0, 0]]


@pytest.mark.parametrize("row", ["m0,0,2,2,0,9", "m0,0", "m0,0,2,-2,1", "m1e3,0,2,2,1", "m0,0,999999999,1,0,5"])
def test_damaged_masks(tmp_path, row):
    with refuses(SequenceError, "line 2", tmp_path / "truth"):
        boxes_of(tmp_path, f"m0,0,2,2,0,4\n{row}\n")


def test_a_mask_with_a_long_row(tmp_path):
    mask = np.zeros((200, 200), bool)
    mask[10:190:2, 20:181:2] = True
    assert boxes_of(tmp_path, mask_row(mask, 5, 6)) == [[25, 16, 161, 179]]


COCO = {
    "videos": [{"id": 1, "name": "car"}, {"id": 2, "name": "bus"}],
    "images": [
        {"id": 10 * video + frame, "video_id": video, "frame_id": frame, "file_name": f"{frame}.jpg"}
        for video in (1, 2)
        for frame in range(3)
    ],
    "annotations": [
        {"id": 1, "image_id": 10, "category_id": 1, "bbox": [1, 2, 3, 4]},
        {"id": 2, "image_id": 12, "category_id": 1, "bbox": [3, 2, 3, 4]},
        {"id": 3, "image_id": 20, "category_id": 1, "bbox": [9, 9, 3, 4]},
    ],
    "categories": [{"id": 1, "name": "thing"}],
}


def test_coco_with_videos(tmp_path):
    expected = [[1, 2, 3, 4], [0] * 4, [3, 2, 3, 4]]
    assert boxes_of(tmp_path, COCO, frames=3, name="car") == expected
    assert boxes_of(tmp_path, COCO, frames=5, name="car") == [*expected, [0] * 4, [0] * 4]
    with refuses(SequenceError, tmp_path / "truth", "found 2"):
        boxes_of(tmp_path, COCO, name="train")


def test_cvat_between_its_key_frames(tmp_path):
    text = (
        '<annotations><track id="0" label="car">'
        '<box frame="0" outside="0" xtl="0" ytl="0" xbr="10" ybr="10"/>'
        '<box frame="4" outside="0" xtl="8" ytl="0" xbr="18" ybr="10"/>'
        '<box frame="6" outside="1" xtl="8" ytl="0" xbr="18" ybr="10"/></track></annotations>'
    )
    assert [box[0] for box in boxes_of(tmp_path, text, frames=8)] == [0, 2, 4, 6, 8, 8, 0, 0]
    assert boxes_of(tmp_path, text, frames=8)[6] == [0, 0, 0, 0]


def test_fractions_are_no_truth(tmp_path):
    steps = [{"frame": 1, "x": 1, "y": 2, "width": 3, "height": 4, "enabled": True}]
    studio = [{"annotations": [{"result": [{"value": {"sequence": steps, "labels": ["a"]}}]}]}]
    with refuses(SequenceError, tmp_path / "truth", "pixels"):
        boxes_of(tmp_path, studio)
