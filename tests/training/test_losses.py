"""Losses: values by hand, gradients against finite differences, and batches without one kind of point."""

import math

import pytest
import torch

from spectrack.training.losses import LossConfig, balanced_cross_entropy, iou_loss, point_losses


def grids(*labels):
    """One sample whose first points carry these labels; the rest is ignored."""
    grid = torch.full((1, 625), -1)
    grid[0, : len(labels)] = torch.tensor(labels)
    return grid.view(1, 25, 25)


def placed(rows, channels):
    """(1, channels, 25, 25) with these rows at the first points and ones elsewhere."""
    values = torch.ones(1, channels, 625)
    values[0, :, : len(rows)] = torch.tensor(rows).T
    return values.view(1, channels, 25, 25)


def test_cross_entropy_by_hand():
    logits = placed([(0.0, math.log(3.0)), (0.0, 0.0), (math.log(3.0), 0.0)], 2)
    # Positives: -log(3/4) and -log(1/2); negative: -log(3/4).
    expected = 0.5 * (math.log(4 / 3) + math.log(2)) / 2 + 0.5 * math.log(4 / 3)
    assert balanced_cross_entropy(logits, grids(1, 1, 0)).item() == pytest.approx(expected, rel=1e-6)


def test_hard_negatives_make_half_of_the_negative_half():
    # Losses of the three negatives: log 2, log 4 (probability 1/4 of background) and log 1.25.
    logits = placed([(0.0, 0.0), (0.0, math.log(3.0)), (math.log(4.0), 0.0)], 2)
    everyone = (math.log(2) + math.log(4) + math.log(1.25)) / 3
    for count, hardest in ((1, math.log(4)), (2, (math.log(4) + math.log(2)) / 2), (50, everyone)):
        found = balanced_cross_entropy(logits, grids(0, 0, 0), hard_negatives=count).item()
        assert found == pytest.approx(0.5 * (0.5 * everyone + 0.5 * hardest), rel=1e-6)


def test_hard_negatives_of_each_sample_are_its_own():
    logits = torch.cat([placed([(0.0, 3.0), (0.0, 2.0)], 2), placed([(5.0, 0.0), (4.0, 0.0)], 2)])
    labels = torch.cat([grids(0, 0), grids(0, 0)])
    losses = [math.log(1 + math.exp(x)) for x in (3.0, 2.0, -5.0, -4.0)]
    expected = 0.5 * (0.5 * sum(losses) / 4 + 0.5 * (losses[0] + losses[3]) / 2)
    assert balanced_cross_entropy(logits, labels, hard_negatives=1).item() == pytest.approx(expected, rel=1e-6)


def test_samples_without_negatives_leave_hard_negatives_out():
    assert balanced_cross_entropy(placed([(0.0, 0.0)], 2), grids(1), hard_negatives=8).item() == pytest.approx(
        0.5 * math.log(2)
    )


def test_halves_weigh_the_same_however_many_points():
    logits = torch.zeros(1, 2, 25, 25)
    labels = torch.zeros(1, 25, 25, dtype=torch.int64)
    labels[0, 0, 0] = 1
    assert balanced_cross_entropy(logits, labels).item() == pytest.approx(math.log(2), rel=1e-6)


def test_iou_loss_by_hand():
    # Predicted 10 x 10, wanted 20 x 10 around the same point: intersection 100, union 200, one added to both.
    distances, targets = placed([(5.0, 5.0, 5.0, 5.0)], 4), placed([(10.0, 5.0, 10.0, 5.0)], 4)
    assert iou_loss(distances, targets, grids(1)).item() == pytest.approx(1 - 101 / 201, rel=1e-6)


def test_iou_loss_is_nought_for_the_same_box_and_below_one_for_none():
    same = placed([(3.0, 4.0, 5.0, 6.0)], 4)
    assert iou_loss(same, same, grids(1)).item() == 0.0
    # A point outside the box has negative distances; nothing in common leaves 1 / (areas + 1).
    far = placed([(-30.0, 5.0, 50.0, 5.0)], 4)
    near = placed([(5.0, 5.0, 5.0, 5.0)], 4)
    assert iou_loss(near, far, grids(1)).item() == pytest.approx(1 - 1 / (100 + 200 + 1), rel=1e-6)


def test_only_positive_points_count_for_the_box():
    distances, targets = (
        placed([(5.0, 5.0, 5.0, 5.0), (1.0, 1.0, 1.0, 1.0)], 4),
        placed([(5.0, 5.0, 5.0, 5.0), (9.0, 9.0, 9.0, 9.0)], 4),
    )
    assert iou_loss(distances, targets, grids(1, 0)).item() == 0.0


def test_gradients_against_finite_differences():
    torch.manual_seed(0)
    labels = grids(1, 1, 0, 0, -1)
    logits = torch.randn(1, 2, 25, 25, dtype=torch.float32)
    distances, targets = torch.rand(1, 4, 25, 25) * 20 + 5, torch.rand(1, 4, 25, 25) * 20 + 5
    for loss, values in (
        (lambda values: balanced_cross_entropy(values, labels), logits),
        (lambda values: iou_loss(values, targets, labels), distances),
    ):
        variable = values.clone().requires_grad_(True)
        loss(variable).backward()
        for place in ((0, 0, 0, 0), (0, 1, 0, 1), (0, 1, 0, 2), (0, 0, 0, 3), (0, 1, 0, 4), (0, 0, 9, 9)):
            higher, lower = values.clone(), values.clone()
            higher[place] += 1e-2
            lower[place] -= 1e-2
            slope = (loss(higher).item() - loss(lower).item()) / 2e-2
            assert variable.grad[place].item() == pytest.approx(slope, abs=2e-4)


@pytest.mark.parametrize(
    "labels", [grids(0, 0), grids(1, 1), grids()], ids=["only negatives", "only positives", "all ignored"]
)
def test_a_missing_kind_gives_nought_and_no_nan(labels):
    logits, distances = torch.randn(1, 2, 25, 25, requires_grad=True), torch.rand(1, 4, 25, 25, requires_grad=True)
    classification, regression = point_losses(logits, distances, labels, torch.rand(1, 4, 25, 25), LossConfig())
    (classification + regression).backward()
    assert torch.isfinite(classification)
    assert torch.isfinite(regression)
    assert torch.isfinite(logits.grad).all()
    assert torch.isfinite(distances.grad).all()
    if not (labels == 1).any():
        assert regression.item() == 0
    if not (labels >= 0).any():
        assert classification.item() == 0


def test_huge_values_stay_finite():
    logits = torch.full((1, 2, 25, 25), 1e4)
    logits[:, 0] = -1e4
    distances, targets = torch.full((1, 4, 25, 25), 1097.0), torch.full((1, 4, 25, 25), 1e-3)
    assert all(torch.isfinite(term) for term in point_losses(logits, distances, grids(1, 0), targets, LossConfig()))


def test_bfloat16_is_summed_in_float32():
    torch.manual_seed(2)
    logits = torch.randn(4, 2, 25, 25)
    labels = torch.randint(-1, 2, (4, 25, 25))
    assert balanced_cross_entropy(logits.bfloat16(), labels).dtype == torch.float32
