"""Labels and targets of the grid: by hand, against a slow reference, and inverted."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from spectrack.networks.siamese import decode_boxes
from spectrack.training.labels import distance_targets, ellipse_labels, sample_labels

POINTS = 31.5 + 8 * np.arange(25)
corner, length = st.floats(-40, 250, width=32), st.floats(20, 250, width=32)


def reference(box, positive):
    """SiamBAN's ellipses point by point, with the nearest point where the inner one is empty."""
    x0, y0, x1, y1 = box
    cx, cy, w, h = (x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0
    labels = np.full((25, 25), -1)
    for row, py in enumerate(POINTS):
        for column, px in enumerate(POINTS):
            inner = (px - cx) ** 2 / (w / 4) ** 2 + (py - cy) ** 2 / (h / 4) ** 2
            outer = (px - cx) ** 2 / (w / 2) ** 2 + (py - cy) ** 2 / (h / 2) ** 2
            if outer > 1:
                labels[row, column] = 0
            if inner <= 1:
                labels[row, column] = 1
    if not (labels == 1).any():
        distance = (POINTS[None] - cx) ** 2 + (POINTS[:, None] - cy) ** 2
        labels[np.unravel_index(distance.argmin(), distance.shape)] = 1
    return labels if positive else np.where(labels == 1, 0, -1)


def test_labels_of_a_hand_made_box():
    # Centre on grid point (12, 12) = 127.5; width 64: inner half axis 16, outer 32; height 32: 8 and 16.
    labels = ellipse_labels(torch.tensor([[95.5, 111.5, 159.5, 143.5]]), torch.tensor([True]))[0]
    assert labels.shape == (25, 25)
    assert labels[12, 10:15].tolist() == [1, 1, 1, 1, 1]
    assert labels[12, 8:10].tolist() == [-1, -1]
    assert labels[12, 7] == 0
    assert labels[11, 12] == 1
    assert labels[10, 12] == -1
    assert labels[9, 12] == 0
    # (8, 8) from the centre: 64 / 256 + 64 / 64 = 1.25 > 1 and 64 / 1024 + 64 / 256 = 0.31 <= 1
    assert labels[11, 11] == -1


@given(corner, corner, length, length, st.booleans())
def test_labels_against_the_slow_reference(x, y, w, h, positive):
    box = np.array([x, y, x + w, y + h], dtype=np.float32)
    cx, cy = (float(box[0]) + float(box[2])) / 2, (float(box[1]) + float(box[3])) / 2
    for scale in (2, 4):
        # Points that lie on an ellipse to the last digit may fall to either side.
        edge = (POINTS[None] - cx) ** 2 / (w / scale) ** 2 + (POINTS[:, None] - cy) ** 2 / (h / scale) ** 2
        if (np.abs(edge - 1) < 1e-4).any():
            return
    found = ellipse_labels(torch.from_numpy(box)[None], torch.tensor([positive]))[0].numpy()
    np.testing.assert_array_equal(found, reference(box.astype(np.float64), positive))


def test_small_box_teaches_the_nearest_point():
    labels = ellipse_labels(torch.tensor([[97.0, 82.0, 100.0, 85.0]]), torch.tensor([True]))[0]
    assert (labels == 1).nonzero().tolist() == [[6, 8]]
    assert (labels == 0).sum() == 624


def test_negative_pair_has_nothing_positive():
    labels = ellipse_labels(torch.tensor([[95.5, 111.5, 159.5, 143.5]]), torch.tensor([False]))[0]
    assert (labels == 1).sum() == 0
    positive = ellipse_labels(torch.tensor([[95.5, 111.5, 159.5, 143.5]]), torch.tensor([True]))[0]
    assert torch.equal(labels == 0, positive == 1)


def test_samples_of_a_batch_do_not_mix():
    boxes = torch.tensor([[95.5, 111.5, 159.5, 143.5], [40.0, 40.0, 120.0, 90.0], [97.0, 82.0, 100.0, 85.0]])
    together = ellipse_labels(boxes, torch.tensor([True, False, True]))
    for index, positive in enumerate((True, False, True)):
        assert torch.equal(together[index], ellipse_labels(boxes[index : index + 1], torch.tensor([positive]))[0])


@given(corner, corner, length, length)
def test_targets_invert_to_the_box(x, y, w, h):
    boxes = torch.tensor([[x, y, x + w, y + h]])
    decoded = decode_boxes(distance_targets(boxes))
    np.testing.assert_allclose(
        decoded[0].numpy(), np.broadcast_to(boxes[0, :, None, None].numpy(), (4, 25, 25)), atol=1e-3
    )


def test_targets_by_hand():
    targets = distance_targets(torch.tensor([[100.0, 90.0, 160.0, 150.0]]))
    # Row 12 is y = 127.5, column 11 is x = 119.5.
    assert targets[0, :, 12, 11].tolist() == [19.5, 37.5, 40.5, 22.5]


@pytest.mark.parametrize(("positives", "negatives"), [(16, 48), (2, 3), (16, 0), (0, 0), (0, 700), (625, 5)])
def test_sampling_keeps_at_most_so_many(positives, negatives):
    boxes = torch.tensor([[60.0, 60.0, 200.0, 200.0], [97.0, 82.0, 100.0, 85.0]])
    labels = ellipse_labels(boxes, torch.tensor([True, True]))
    before = labels.clone()
    kept = sample_labels(labels, positives=positives, negatives=negatives, generator=torch.Generator().manual_seed(1))
    assert torch.equal(labels, before)
    for index in range(2):
        for value, most in ((1, positives), (0, negatives)):
            there = int((labels[index] == value).sum())
            assert int((kept[index] == value).sum()) == (min(most, there) if most else there)
    # What is kept keeps its label; the rest is ignored.
    assert ((kept == labels) | (kept == -1)).all()


def test_sampling_is_random_and_repeats():
    labels = ellipse_labels(torch.tensor([[60.0, 60.0, 200.0, 200.0]]), torch.tensor([True]))

    def draw(seed):
        return sample_labels(labels, positives=4, negatives=4, generator=torch.Generator().manual_seed(seed))

    assert torch.equal(draw(1), draw(1))
    assert not torch.equal(draw(1), draw(2))
