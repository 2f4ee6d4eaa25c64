"""Start boxes: what moves is found first, also under a moving camera; the rest has structure; all by the seed."""

import cv2
import numpy as np
import pytest

from spectrack.boxes import iou
from spectrack.pairs.backgrounds import structured_region
from spectrack.pairs.start_boxes import moving_boxes, start_boxes
from tests.fixtures.moving_things import ground, moving_things


def three(sequence, index=20, step=4):
    return [np.asarray(sequence[i]) for i in (index - step, index, index + step)]


@pytest.mark.parametrize("seed", range(4))
def test_moving_things_are_found_where_they_are(seed):
    sequence, truth = moving_things(seed=seed)
    found = moving_boxes(*three(sequence))
    assert len(found) == 2
    for boxes in truth:
        assert max(iou(box, boxes[20]) for box in found) > 0.7


def test_the_camera_s_own_motion_is_none():
    """The same ground seen turned, shifted and closer: nothing in it moves. With a thing that does: only that."""
    rng = np.random.default_rng(1)
    wide = cv2.resize(ground(rng), (660, 480))
    frames = []
    for index, with_thing in ((-1, True), (0, True), (1, True)):
        view = cv2.getRotationMatrix2D((330, 240), 1.5 * index, 1 + 0.01 * index)
        view[:, 2] += 6 * index, 4 * index
        frame = cv2.warpAffine(wide, view, (660, 480), borderMode=cv2.BORDER_REFLECT)[100:380, 100:560]
        still = frame.copy()
        if with_thing:
            frame[100:140, 200 + 40 * index : 240 + 40 * index] = 255
        frames.append((np.clip(still, 0, 255).astype(np.uint8), np.clip(frame, 0, 255).astype(np.uint8)))
    assert moving_boxes(*[still for still, _ in frames]) == []
    (found,) = moving_boxes(*[frame for _, frame in frames])
    assert iou(found, (200, 100, 40, 40)) > 0.7


def test_as_many_as_asked_no_two_alike_moving_first():
    sequence, truth = moving_things()
    boxes = start_boxes(np.random.default_rng(3), *three(sequence), 6)
    assert boxes.shape == (6, 4)
    assert all(max(iou(boxes[:2], thing[20])) > 0.7 for thing in truth)
    for first in range(6):
        assert all(iou(boxes[first], boxes[second]) < 0.3 for second in range(first))
    assert (boxes[:, :2] >= 0).all()
    assert (boxes[:, :2] + boxes[:, 2:] <= (220, 160)).all()
    np.testing.assert_array_equal(boxes, start_boxes(np.random.default_rng(3), *three(sequence), 6))


def test_what_differs_from_its_surroundings_comes_before_halves_of_it():
    """A still patterned thing on a plain wall: the first boxes lie on it and hold little of the wall."""
    rng = np.random.default_rng(2)
    picture = np.full((300, 400, 3), 120, np.uint8)
    picture[100:180, 150:250] = np.kron(rng.integers(0, 2, (8, 10)) * 200, np.ones((10, 10)))[:, :, None]

    def share(x, y, w, h):
        across, down = min(x + w, 250) - max(x, 150), min(y + h, 180) - max(y, 100)
        return max(across, 0) * max(down, 0) / (w * h)

    seeds = [np.random.default_rng(seed) for seed in range(8)]
    found = np.mean([share(*start_boxes(rng, picture, picture, picture, 4)[0]) for rng in seeds])
    drawn = [structured_region(rng, picture) for rng in seeds]
    assert found > 0.7
    assert found > np.mean([share(cx - w / 2, cy - h / 2, w, h) for cx, cy, w, h in drawn]) + 0.2


def test_thin_strips_are_edges_and_no_things():
    frames = [np.full((120, 200, 3), 80, np.uint8) for _ in range(3)]
    for index, frame in enumerate(frames):
        frame[40 + 14 * index : 52 + 14 * index, 20:180] = 220
    assert moving_boxes(*frames) == []


def test_a_blank_video_gives_boxes_and_no_error():
    blank = np.full((60, 80, 3), 90, np.uint8)
    assert moving_boxes(blank, blank, blank) == []
    assert len(start_boxes(np.random.default_rng(1), blank, blank, blank, 3)) <= 3
